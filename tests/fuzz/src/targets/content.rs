//! What messages say, and what of it reaches a screen.
//!
//! Spec: docs/spec/content.md. Invariant: what parses writes back as the same bytes; what is sanitised is stable, and
//! holds no control character.

use subrosa_engine::content::{CONTENT_MAX, Content};
use subrosa_engine::sanitize;

use super::Target;

pub(super) const TARGETS: &[Target] = &[
    Target { name: "content", longest: 2_048, run: content, seeds: content_seeds },
    Target { name: "sanitize", longest: 512, run: sanitize, seeds: sanitize_seeds },
];

fn content(input: &[u8]) {
    if let Ok(content) = Content::parse(input) {
        assert!(input.len() <= CONTENT_MAX);
        let written = content.write().expect("what was read can be written");
        assert_eq!(*written, input, "not written back the same: {content:?}");
        let _ = content.is_quiet();
    }
}

/// The contents that the second implementation made.
fn content_seeds() -> Vec<Vec<u8>> {
    let file = include_str!("../../../second/vectors/contents.json");
    let bytes = |line: &str| {
        let field = line.split('"').filter(|field| field.len() > 2).find(|field| {
            field.bytes().all(|byte| byte.is_ascii_hexdigit()) && field.len().is_multiple_of(2)
        })?;
        let pairs = field.as_bytes().chunks_exact(2);
        pairs.map(|two| u8::from_str_radix(core::str::from_utf8(two).ok()?, 16).ok()).collect()
    };
    file.lines().filter_map(bytes).filter(|content: &Vec<u8>| content.len() < 600).collect()
}

type Form = fn(&str) -> String;

fn sanitize(input: &[u8]) {
    let raw = String::from_utf8_lossy(input);
    let forms: [(Form, bool); 4] = [
        (sanitize::text, true),
        (sanitize::line, false),
        (sanitize::name, false),
        (sanitize::greeting, false),
    ];
    for (form, lines) in forms {
        let clean = form(&raw);
        assert_eq!(form(&clean), clean, "cleaning twice is cleaning once");
        let control = |sign: char| sign.is_control() && !(lines && matches!(sign, '\n' | '\t'));
        assert!(!clean.chars().any(control), "{clean:?}");
    }
    let file = sanitize::file_name(&raw);
    assert!(!file.is_empty() && file.len() < 256, "{file:?}");
    assert!(!file.contains(|sign: char| sign.is_control() || matches!(sign, '/' | '\\')), "{file:?}");
    let leads = |sign: char| matches!(sign, '.' | '-' | ' ' | '\u{300}'..='\u{36f}');
    assert!(!file.starts_with(leads), "{file:?}");
    let short = sanitize::preview(&raw, 20);
    assert!(!short.chars().any(char::is_control));
}

fn sanitize_seeds() -> Vec<Vec<u8>> {
    let texts = [
        "plain",
        "two\nlines\t.",
        "\u{1b}[31mred\u{7}",
        "a\u{202e}b\u{2066}c",
        "e\u{301}\u{301}\u{301}",
        "/etc/../x",
    ];
    texts.map(|text| text.as_bytes().to_vec()).into()
}
