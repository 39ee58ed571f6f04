//! The one sanitiser: whatever another person wrote passes it before a screen, notification, title, export or log.
//!
//! Spec: docs/spec/content.md, "Shown text" (attack A24). Invariant: nothing that comes out can move a cursor, change
//! a terminal's state, reorder other text, or take no room where a reader compares; sanitising twice changes nothing.
//!
//! Two fates: what *acts* (controls) becomes U+FFFD, so that it is seen that something was there; what is *invisible*
//! is dropped. Joiners stay where scripts and emoji need them: between two characters that they join.

use alloc::string::{String, ToString};

use unicode_width::UnicodeWidthChar;

/// Longest name, in bytes.
pub const NAME_MAX: usize = 64;

/// Longest greeting, in bytes.
pub const GREETING_MAX: usize = 80;

/// Longest file name, in bytes.
pub const FILE_NAME_MAX: usize = 120;

/// What stands where a name is empty.
pub const NO_NAME: &str = "(no name)";

/// What a control character becomes.
const REPLACEMENT: char = char::REPLACEMENT_CHARACTER;

/// Marks that may stand on one character; more would run over the lines above and below.
const MARKS_MAX: u32 = 6;

/// Joins two characters, in emoji and in some scripts.
const ZWJ: char = '\u{200d}';

/// Keeps two characters of some scripts apart that would join.
const ZWNJ: char = '\u{200c}';

/// A text of several lines: line breaks become `\n`, tabs four spaces.
#[must_use]
pub fn text(raw: &str) -> String {
    let mut out = String::with_capacity(raw.len());
    clean(raw, |c| match c {
        '\t' => out.push_str("    "),
        c => out.push(c),
    });
    out
}

/// The same in one line: every run of white space is one space, none at the ends.
#[must_use]
pub fn line(raw: &str) -> String {
    // CON-43.
    let mut out = String::with_capacity(raw.len());
    let mut space = false;
    clean(raw, |c| match c {
        c if is_blank(c) => space = !out.is_empty(),
        c => {
            if core::mem::take(&mut space) {
                out.push(' ');
            }
            out.push(c);
        }
    });
    out
}

/// A name: one line of 1 to [`NAME_MAX`] bytes, [`NO_NAME`] when nothing is left.
///
/// The signs with which a screen says "verified" become U+FFFD: nobody can wear them as a part of their name.
#[must_use]
pub fn name(raw: &str) -> String {
    // CON-44, CON-45.
    let claim =
        |c| if matches!(c, '✓' | '✔' | '☑' | '✅' | '🗸' | '🗹') { REPLACEMENT } else { c };
    let name = shortened(&line(&raw.chars().map(claim).collect::<String>()), NAME_MAX);
    if name.is_empty() { NO_NAME.to_string() } else { name }
}

/// A greeting: one line of at most [`GREETING_MAX`] bytes, maybe empty.
#[must_use]
pub fn greeting(raw: &str) -> String {
    // CON-46.
    shortened(&line(raw), GREETING_MAX)
}

/// The first words in one line: at most `max` characters, the last of which is `…` when something was left out.
#[must_use]
pub fn preview(raw: &str, max: usize) -> String {
    // No more is read than can be shown: a screen asks for many of these.
    let head: usize = raw.chars().take(max.saturating_mul(8).saturating_add(64)).map(char::len_utf8).sum();
    let (head, tail) = raw.split_at_checked(head).unwrap_or((raw, ""));
    let whole = line(head);
    if whole.chars().count() <= max && tail.is_empty() {
        return whole;
    }
    if max == 0 {
        return String::new();
    }
    let end = whole.chars().take(max - 1).map(char::len_utf8).sum();
    let mut cut = shortened(&whole, end);
    cut.push('…');
    cut
}

/// A name under which a file may be saved in a folder of ours: no path, no device, nothing hidden, never empty.
#[must_use]
pub fn file_name(raw: &str) -> String {
    // CON-47.
    let last = raw.rsplit(['/', '\\']).next().unwrap_or_default();
    let safe: String = line(last)
        .chars()
        .map(|c| {
            if matches!(c, '<' | '>' | ':' | '"' | '|' | '?' | '*' | '~' | '$' | '%' | REPLACEMENT) {
                '_'
            } else {
                c
            }
        })
        .collect();
    // A leading dot hides, a leading dash is an option, trailing dots and spaces are dropped by one system. A mark that
    // stood on what goes would stand on whatever is written before the name.
    let leads = |c: char| matches!(c, '.' | '-' | ' ') || c.width() == Some(0);
    let safe = safe.trim_start_matches(leads).trim_end_matches(['.', ' ']);
    let (stem, extension) = match safe.rsplit_once('.') {
        Some((stem, extension)) if !stem.is_empty() && extension.len() <= 16 => (stem, extension),
        _ => (safe, ""),
    };
    let stem = shortened(stem, FILE_NAME_MAX - 18);
    let stem = stem.trim_end_matches(['.', ' ']);
    let mut name = String::from(if is_device(stem) || stem.is_empty() { "file_" } else { "" });
    name.push_str(stem);
    if !extension.is_empty() {
        name.push('.');
        name.push_str(extension);
    }
    name
}

/// Names that open a device on some system, whatever their extension.
fn is_device(stem: &str) -> bool {
    let base = stem.split('.').next().unwrap_or_default().trim_end();
    let base = base.to_ascii_lowercase();
    let numbered = |port: &str| {
        base.strip_prefix(port)
            .is_some_and(|n| n.chars().count() == 1 && n.chars().all(|c| "0123456789¹²³".contains(c)))
    };
    matches!(base.as_str(), "con" | "prn" | "aux" | "nul" | "conin$" | "conout$")
        || numbered("com")
        || numbered("lpt")
}

/// `text` up to `max` bytes, cut between characters, and not inside what is drawn as one.
fn shortened(text: &str, max: usize) -> String {
    if text.len() <= max {
        return text.to_string();
    }
    let fits = text.floor_char_boundary(max);
    let whole = (1..=fits)
        .rev()
        .filter_map(|end| text.split_at_checked(end))
        .find(|(head, rest)| !head.ends_with(ZWJ) && !rest.chars().next().is_some_and(is_attached));
    // One endless chain of emoji: it is torn then.
    let (head, _) = whole.or_else(|| text.split_at_checked(fits)).unwrap_or_default();
    head.trim_end_matches(|c| c == ZWJ || c == ZWNJ || is_blank(c)).to_string()
}

/// Hands every character that may be shown to `emit`, in order. Line breaks arrive as `\n`, tabs as `\t`.
fn clean(raw: &str, mut emit: impl FnMut(char)) {
    // CON-36.
    let mut rest = raw.chars().peekable();
    // The character before in this line, as it was emitted; how many marks stand on it.
    let (mut before, mut marks) = (None::<char>, 0);
    while let Some(c) = rest.next() {
        let next = rest.peek().copied();
        let shown = match c {
            // CON-37.
            '\r' if next == Some('\n') => continue,
            '\r' | '\n' | '\u{85}' | '\u{2028}' | '\u{2029}' => '\n',
            '\t' => '\t',
            // A run of them is one sign.
            c if acts(c) && before == Some(REPLACEMENT) => continue,
            c if acts(c) => REPLACEMENT,
            ZWJ | ZWNJ if joins(c, before, next) => c,
            '\u{fe0e}' | '\u{fe0f}' if before.is_some_and(has_styles) => c,
            c if is_invisible(c) => continue,
            // CON-42.
            c if c.width() == Some(0) && (before.is_none_or(is_blank) || marks >= MARKS_MAX) => continue,
            c => c,
        };
        marks = if shown.width() == Some(0) && shown != ZWJ { marks + 1 } else { 0 };
        before = (!matches!(shown, '\n' | '\t')).then_some(shown);
        emit(shown);
    }
}

/// Controls (C0, DEL, C1; ESC and CSI begin every sequence that a terminal obeys) and what is no character at all.
fn acts(c: char) -> bool {
    // CON-38.
    c.is_control() || matches!(u32::from(c), 0xfdd0..=0xfdef) || u32::from(c) & 0xfffe == 0xfffe
}

/// What takes no room, or only reorders others: bidi marks, embeddings, overrides and isolates, zero-width spaces,
/// fillers, tags, variation selectors (the two emoji ones and the joiners have had their chance), format controls.
fn is_invisible(c: char) -> bool {
    // CON-39, CON-40.
    matches!(u32::from(c),
        0x00ad | 0x034f | 0x061c | 0x115f..=0x1160 | 0x17b4..=0x17b5 | 0x180b..=0x180f
        | 0x200b..=0x200f | 0x202a..=0x202e | 0x2060..=0x206f | 0x3164 | 0xfe00..=0xfe0f | 0xfeff | 0xffa0
        | 0xfff0..=0xfffc | 0x13430..=0x1345f | 0x1bca0..=0x1bca3 | 0x1d173..=0x1d17a | 0xe0000..=0xe0fff)
}

/// White space, and the one visible-by-name-only character that is as blank.
fn is_blank(c: char) -> bool {
    c.is_whitespace() || c == '\u{2800}'
}

/// Whether a joiner does its work between these two.
fn joins(joiner: char, before: Option<char>, next: Option<char>) -> bool {
    // CON-41.
    let (Some(before), Some(next)) = (before, next.filter(|next| !is_invisible(*next))) else { return false };
    let emoji = joiner == ZWJ && (is_pictograph(before) || before == '\u{fe0f}') && is_pictograph(next);
    emoji || (has_joiners(before) && has_joiners(next))
}

/// Scripts whose spelling uses joiners: Arabic and its neighbours, Indic, Tibetan, Myanmar, Khmer, Mongolian.
fn has_joiners(c: char) -> bool {
    matches!(u32::from(c),
        0x0620..=0x0e7f | 0x0f00..=0x109f | 0x1780..=0x18af | 0x1900..=0x1aaf | 0x1b00..=0x1c7f | 0xa800..=0xabff
        | 0xfb50..=0xfdcf | 0xfdf0..=0xfdff | 0xfe70..=0xfefc | 0x11000..=0x11fff)
}

/// Emoji and the signs that emoji sequences are made of.
fn is_pictograph(c: char) -> bool {
    matches!(u32::from(c), 0x2190..=0x2bff | 0x3030 | 0x303d | 0x3297 | 0x3299 | 0x1f000..=0x1faff)
}

/// What has a text and an emoji form.
fn has_styles(c: char) -> bool {
    is_pictograph(c) || matches!(c, '0'..='9' | '#' | '*' | '©' | '®' | '‼' | '⁉' | '™' | 'ℹ')
}

/// What is drawn with the character before it.
fn is_attached(c: char) -> bool {
    c.width() == Some(0) || matches!(u32::from(c), 0x1f3fb..=0x1f3ff)
}

#[cfg(test)]
mod tests;
