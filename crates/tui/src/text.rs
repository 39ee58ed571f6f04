//! Text on a grid: what may be shown, how wide it is, where it breaks.
//!
//! Spec: docs/guide/chat.md, "The screen". Invariant: every string from outside passes [`visible`] on its way to a
//! cell, so that no control or direction character reaches the terminal even if one came through the engine's sanitiser.

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

/// Columns of a tab in a message.
const TAB: &str = "    ";

/// Columns that `text` takes.
pub(crate) fn width(text: &str) -> usize {
    text.graphemes(true).map(UnicodeWidthStr::width).sum()
}

/// `text` without characters that steer a terminal or turn the direction of writing. Line breaks stay, tabs become blanks.
pub(crate) fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => out.push(c),
            '\t' => out.push_str(TAB),
            c if c.is_control() || steers(c) => {}
            c => out.push(c),
        }
    }
    out
}

/// Direction overrides and isolates, line and paragraph separators, the byte order mark, tag characters.
const fn steers(c: char) -> bool {
    matches!(c, '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}

/// The first line of `text`, visible.
pub(crate) fn one_line(text: &str) -> String {
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    visible(lines.next().unwrap_or_default())
}

/// `text` in at most `columns` columns: cut between graphemes, `ellipsis` in place of what is missing.
pub(crate) fn clip(text: &str, columns: usize, ellipsis: &str) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let room = columns.saturating_sub(width(ellipsis));
    let mut out = String::new();
    let mut used = 0;
    for grapheme in text.graphemes(true) {
        used += grapheme.width();
        if used > room {
            break;
        }
        out.push_str(grapheme);
    }
    if columns >= width(ellipsis) {
        out.push_str(ellipsis);
    }
    out
}

/// `text` clipped and filled with blanks to exactly `columns` columns.
pub(crate) fn fit(text: &str, columns: usize, ellipsis: &str) -> String {
    let mut out = clip(text, columns, ellipsis);
    let missing = columns.saturating_sub(width(&out));
    out.extend(std::iter::repeat_n(' ', missing));
    out
}

/// `text` broken into lines of at most `columns` columns: at its line breaks, between words, and inside a word that is
/// wider than a line. Never empty.
pub(crate) fn wrap(text: &str, columns: usize) -> Vec<String> {
    let columns = columns.max(1);
    visible(text).split('\n').flat_map(|line| wrap_line(line, columns)).collect()
}

fn wrap_line(line: &str, columns: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut current = String::new();
    let mut used = 0;
    for word in words(line) {
        let wide = width(word);
        if used + wide <= columns {
            current.push_str(word);
            used += wide;
        } else if word.starts_with(char::is_whitespace) {
            // A blank that does not fit is the break itself.
            lines.push(std::mem::take(&mut current));
            used = 0;
        } else if used > 0 && wide <= columns {
            lines.push(current.trim_end().to_owned());
            word.clone_into(&mut current);
            used = wide;
        } else {
            used = break_word(word, columns, used, (&mut current, &mut lines));
        }
    }
    lines.push(current);
    lines
}

/// A word that is wider than a line goes on wherever the line ends. Answers the columns used of the last one.
fn break_word(
    word: &str,
    columns: usize,
    mut used: usize,
    (current, lines): (&mut String, &mut Vec<String>),
) -> usize {
    for grapheme in word.graphemes(true) {
        let wide = grapheme.width();
        if used + wide > columns && used > 0 {
            lines.push(std::mem::take(current));
            used = 0;
        }
        current.push_str(grapheme);
        used += wide;
    }
    used
}

/// The words of a line and the blanks between them, in order.
fn words(line: &str) -> impl Iterator<Item = &str> {
    let mut rest = line;
    std::iter::from_fn(move || {
        let blank = rest.chars().next()?.is_whitespace();
        let end = rest.find(|c: char| c.is_whitespace() != blank).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        rest = after;
        Some(word)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_steers_a_terminal_is_never_visible() {
        assert_eq!(visible("a\u{1b}[31mb\u{7}\u{202e}c\u{9b}d\r\te\nf"), "a[31mbcd    e\nf");
        assert_eq!(one_line("\n  first \u{1b}words\nsecond"), "first words");
    }

    #[test]
    fn lines_never_exceed_their_columns_and_lose_no_letter() {
        for text in ["one two three", "日本語のテキスト", "a\n\nb", "superlongwordwithoutblanks", "👩‍👩‍👧 family"]
        {
            for columns in 2..12 {
                let lines = wrap(text, columns);
                assert!(lines.iter().all(|line| width(line) <= columns), "{text} at {columns}: {lines:?}");
                let letters = |s: &str| s.chars().filter(|c| !c.is_whitespace()).collect::<String>();
                assert_eq!(letters(&lines.concat()), letters(text));
            }
        }
    }

    #[test]
    fn a_break_falls_between_words() {
        assert_eq!(wrap("can you restart the relay?", 12), ["can you", "restart the", "relay?"]);
        assert_eq!(wrap("the whole introduction.", 22), ["the whole", "introduction."]);
        assert_eq!(wrap("", 5), [""]);
    }

    #[test]
    fn clipped_text_ends_with_the_ellipsis_and_fits() {
        assert_eq!(clip("mallory", 5, "…"), "mall…");
        assert_eq!(clip("日本語", 4, "…"), "日…");
        assert_eq!(fit("ab", 4, "…"), "ab  ");
        assert_eq!(clip("abc", 0, "…"), "");
    }
}
