//! A24: what another person wrote, and what may come out of it.
//!
//! Spec: docs/spec/content.md, "Shown text".

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use proptest::prelude::*;

use super::*;

/// Every character that must never come out of any function here, whatever stands around it.
fn banned() -> Vec<char> {
    let controls = (0x00..=0x1f).chain(0x7f..=0x9f).filter(|c| *c != 0x0a);
    let bidi = [0x061c].into_iter().chain(0x200e..=0x200f).chain(0x202a..=0x202e).chain(0x2066..=0x2069);
    let hidden = [0x00ad, 0x034f, 0x115f, 0x1160, 0x180e, 0x200b, 0x2028, 0x2029, 0x3164, 0xfeff, 0xffa0];
    let formats = (0x2060..=0x2065).chain(0x206a..=0x206f).chain(0xfff9..=0xfffc);
    let tags = (0xe0000..=0xe007f).chain(0xe0100..=0xe01ef);
    let none = [0xfffe, 0xffff, 0x1fffe, 0x10ffff, 0xfdd0, 0xfdef];
    let all = controls.chain(bidi).chain(hidden).chain(formats).chain(tags).chain(none);
    all.map(|c| char::from_u32(c).unwrap()).collect()
}

#[test]
fn no_dangerous_character_comes_out_of_any_function() {
    // CON-38.
    for c in banned() {
        for raw in [
            format!("{c}"),
            format!("a{c}b"),
            format!("{c}{c}👩{c}👩"),
            format!("م{c}ن"),
            format!("a\u{fe0f}{c}"),
        ] {
            let outs =
                [text(&raw), line(&raw), name(&raw), greeting(&raw), preview(&raw, 9), file_name(&raw)];
            for out in outs {
                assert!(!out.contains(c), "U+{:04X} in {out:?}", u32::from(c));
            }
        }
    }
}

#[test]
fn a_terminal_sequence_is_seen_and_does_nothing() {
    // CON-38.
    assert_eq!(text("\x1b[31mred\x1b[0m"), "\u{fffd}[31mred\u{fffd}[0m");
    assert_eq!(text("\x1b]0;title\x07x"), "\u{fffd}]0;title\u{fffd}x");
    assert_eq!(text("\x1b]52;c;aGk=\x1b\\"), "\u{fffd}]52;c;aGk=\u{fffd}\\");
    assert_eq!(text("\u{9b}2J"), "\u{fffd}2J");
    assert_eq!(text("a\x08\x08\x08b"), "a\u{fffd}b", "a run is one sign");
    assert_eq!(name("\x1bPq\x1b\\Ana"), "\u{fffd}Pq\u{fffd}\\Ana");
}

#[test]
fn line_breaks_stay_in_texts_and_become_spaces_in_lines() {
    // CON-37, CON-43.
    assert_eq!(text("a\r\nb\rc\nd\u{85}e\u{2028}f\u{2029}g"), "a\nb\nc\nd\ne\nf\ng");
    assert_eq!(text("a\tb"), "a    b");
    assert_eq!(line("  a \r\n\t b\u{a0}\u{3000}c  "), "a b c");
    assert_eq!(text("  indented\n\n  code"), "  indented\n\n  code", "a text keeps its shape");
}

#[test]
fn a_reversed_extension_is_not_reversed() {
    // CON-39.
    assert_eq!(line("invoice\u{202e}fdp.exe"), "invoicefdp.exe");
    assert_eq!(line("\u{2067}abc\u{2069}\u{200f}"), "abc");
}

#[test]
fn two_names_that_look_alike_are_alike() {
    // CON-40.
    for raw in [
        "An\u{200b}a",
        "\u{feff}Ana",
        "Ana\u{e0041}\u{e007f}",
        "A\u{ad}na",
        "An\u{200d}a",
        "An\u{200c}a",
        "Ana\u{fe0f}",
    ] {
        assert_eq!(name(raw), "Ana", "{raw:?}");
    }
}

#[test]
fn joiners_stay_where_scripts_and_emoji_need_them() {
    // CON-41.
    for kept in [
        "👩\u{200d}👩\u{200d}👧",
        "❤\u{fe0f}\u{200d}🔥",
        "👩🏽\u{200d}💻",
        "1\u{fe0f}\u{20e3}",
        "☺\u{fe0e}",
        "می\u{200c}خواهم",
        "क्\u{200d}ष",
        "e\u{301}",
        "กำ",
        "שָׁלוֹם",
    ] {
        assert_eq!(text(kept), kept, "{kept:?}");
        assert_eq!(name(kept), kept, "{kept:?}");
    }
    assert_eq!(text("👩\u{200d}\u{202e}👩"), "👩👩", "no joiner before what is dropped");
    assert_eq!(text("👩\u{200d}"), "👩");
    assert_eq!(text("\u{200d}👩"), "👩");
}

#[test]
fn a_tower_of_marks_is_cut_down() {
    // CON-42.
    let tower = format!("a{}b", "\u{300}".repeat(50));
    assert_eq!(text(&tower), format!("a{}b", "\u{300}".repeat(6)));
    assert_eq!(text("\u{300}a\n\u{300}b \u{300}c"), "a\nb c", "a mark never stands on what is not its own");
    let thai = format!("ก{}", "\u{e49}".repeat(20));
    assert_eq!(text(&thai), format!("ก{}", "\u{e49}".repeat(6)));
}

#[test]
fn a_name_is_one_trimmed_line_of_1_to_64_bytes() {
    // CON-44.
    assert_eq!(name("  Ana\nMaria "), "Ana Maria");
    for empty in ["", "   ", "\u{200b}\u{202e}", "\u{2800}\u{2800}", "\n\t", "\u{3164}", "\u{300}"] {
        assert_eq!(name(empty), NO_NAME, "{empty:?}");
    }
    assert_eq!(name(&"x".repeat(100)).len(), 64);
    assert_eq!(name(&"é".repeat(100)).len(), 64);
    assert_eq!(name(&"€".repeat(100)).len(), 63, "at a character's end");
    assert_eq!(name(&format!("{}👩\u{200d}👩", "x".repeat(57))), "x".repeat(57), "an emoji is not torn");
    assert_eq!(name(&"👩\u{200d}".repeat(50)).chars().next(), Some('👩'), "an endless chain is");
    assert!(name(&"👩\u{200d}".repeat(50)).len() <= 64);
    assert_eq!(name(&format!("{}e\u{301}", "x".repeat(63))), "x".repeat(63), "nor a letter from its accent");
}

#[test]
fn nobody_can_name_themselves_verified() {
    // CON-45.
    assert_eq!(name("Ana ✓ verified"), "Ana \u{fffd} verified");
    assert!(!name("Ana ✔✅☑🗸").contains(['✔', '✅', '☑', '🗸']));
}

#[test]
fn a_preview_is_one_line_of_at_most_n_characters() {
    assert_eq!(preview("one\ntwo", 10), "one two");
    assert_eq!(preview("one two three", 8), "one two…");
    assert_eq!(preview("one two three", 7), "one tw…");
    assert_eq!(preview("abc", 3), "abc");
    assert_eq!(preview("abcd", 1), "…");
    assert_eq!(preview("abcd", 0), "");
    assert_eq!(preview("", 5), "");
    assert_eq!(preview(&"\u{200b}".repeat(10_000), 5), "…", "it does not read on for ever");
}

#[test]
fn a_file_name_is_no_path_no_device_and_not_hidden() {
    // CON-47.
    for (raw, safe) in [
        ("notes.txt", "notes.txt"),
        ("../../etc/passwd", "passwd"),
        ("/etc/passwd", "passwd"),
        ("..\\..\\boot.ini", "boot.ini"),
        ("C:\\a\\b.txt", "b.txt"),
        ("C:evil.txt", "C_evil.txt"),
        ("..", "file_"),
        (".", "file_"),
        ("", "file_"),
        ("dir/", "file_"),
        (".bashrc", "bashrc"),
        ("-rf", "rf"),
        ("-\u{301}\u{301}. x.txt", "x.txt"),
        ("e\u{301}.txt", "e\u{301}.txt"),
        ("a. . .", "a"),
        ("con", "file_con"),
        ("NUL.txt", "file_NUL.txt"),
        ("nul.tar.gz", "file_nul.tar.gz"),
        ("LPT9", "file_LPT9"),
        ("com¹.txt", "file_com¹.txt"),
        ("common.txt", "common.txt"),
        ("a\x1b]0;x\x07.txt", "a_]0;x_.txt"),
        ("a\u{202e}gnp.exe", "agnp.exe"),
        ("$HOME~%PATH%", "_HOME__PATH_"),
        ("what?.md", "what_.md"),
    ] {
        assert_eq!(file_name(raw), safe, "{raw:?}");
    }
    let long = file_name(&format!("{}.tar", "n".repeat(300)));
    assert!(long.len() <= FILE_NAME_MAX && long.ends_with(".tar"), "{long}");
}

fn wild() -> impl Strategy<Value = String> {
    let sharp = prop::sample::select(banned());
    let kept = prop::sample::select(
        "a 👩🏽❤\u{fe0f}\u{200d}\u{200c}\u{301}\u{e49}مक🇩1✓\u{20e3}\n\r\t.-/".chars().collect::<Vec<_>>(),
    );
    let any = prop_oneof![3 => kept, 1 => sharp, 1 => any::<char>()];
    proptest::collection::vec(any, 0..40).prop_map(|chars| chars.into_iter().collect())
}

proptest! {
    #[test]
    fn sanitising_twice_changes_nothing(raw in wild()) {
        // CON-36.
        prop_assert_eq!(text(&text(&raw)), text(&raw));
        prop_assert_eq!(line(&line(&raw)), line(&raw));
        prop_assert_eq!(name(&name(&raw)), name(&raw));
        prop_assert_eq!(greeting(&greeting(&raw)), greeting(&raw));
    }

    #[test]
    fn limits_hold_whatever_comes(raw in wild(), max in 0..30usize) {
        // CON-46.
        prop_assert!((1..=NAME_MAX).contains(&name(&raw).len()));
        prop_assert!(greeting(&raw).len() <= GREETING_MAX);
        prop_assert!(preview(&raw, max).chars().count() <= max);
        prop_assert!((1..=FILE_NAME_MAX).contains(&file_name(&raw).len()));
        prop_assert!(!line(&raw).contains('\n'));
        let file = file_name(&raw);
        prop_assert!(!file.contains(['/', '\\', ':']) && !file.starts_with(['.', '-']), "{}", file);
    }
}
