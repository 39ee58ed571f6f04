//! Fields to type in: [`Editor`] (text, one line or many) and [`SecretField`] (a passphrase).
//!
//! Spec: docs/guide/chat.md, "Writing". Invariant: pasted text is inserted, never acted upon; a secret keeps no history
//! and is erased when dropped.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use ratatui::widgets::Widget;
use ratatui_textarea::{CursorMove, TextArea, WrapMode};
use zeroize::Zeroizing;

use crate::keys::Action;
use crate::text;

/// Text that is being written.
#[derive(Clone, Debug)]
pub(crate) struct Editor {
    area: TextArea<'static>,
    many_lines: bool,
}

impl Editor {
    /// An empty field of one line.
    pub(crate) fn line() -> Self {
        let mut area = TextArea::default();
        area.set_cursor_line_style(Style::new());
        Self { area, many_lines: false }
    }

    /// An empty field of many lines, wrapped at its width.
    pub(crate) fn paragraph() -> Self {
        let mut editor = Self::line();
        editor.many_lines = true;
        editor.area.set_wrap_mode(WrapMode::WordOrGlyph);
        editor
    }

    /// What stands in it.
    pub(crate) fn text(&self) -> String {
        self.area.lines().join("\n")
    }

    /// Whether nothing stands in it.
    pub(crate) fn is_empty(&self) -> bool {
        self.area.is_empty()
    }

    /// Replaces everything by `text`, the cursor at its end.
    pub(crate) fn replace(&mut self, text: &str) {
        let fresh = if self.many_lines { Self::paragraph() } else { Self::line() };
        *self = fresh;
        self.insert(text);
    }

    /// Inserts `text` at the cursor. A field of one line takes it without its line breaks.
    pub(crate) fn insert(&mut self, text: &str) {
        let clean = text::visible(&text.replace("\r\n", "\n").replace('\r', "\n"));
        let clean = if self.many_lines { clean } else { clean.replace('\n', "") };
        self.area.insert_str(clean);
    }

    /// Types one character.
    pub(crate) fn type_char(&mut self, c: char) {
        if !c.is_control() {
            self.area.insert_char(c);
        }
    }

    /// Breaks the line, where there may be several.
    pub(crate) fn new_line(&mut self) {
        if self.many_lines {
            self.area.insert_newline();
        }
    }

    /// Does an editing key. Answers whether the action was one.
    pub(crate) fn edit(&mut self, action: Action) -> bool {
        match action {
            Action::Left => self.area.move_cursor(CursorMove::Back),
            Action::Right => self.area.move_cursor(CursorMove::Forward),
            Action::Up => self.area.move_cursor(CursorMove::Up),
            Action::Down => self.area.move_cursor(CursorMove::Down),
            Action::WordLeft => self.area.move_cursor(CursorMove::WordBack),
            Action::WordRight => self.area.move_cursor(CursorMove::WordForward),
            Action::LineStart => self.area.move_cursor(CursorMove::Head),
            Action::LineEnd => self.area.move_cursor(CursorMove::End),
            Action::DeleteBack => drop(self.area.delete_char()),
            Action::DeleteForward => drop(self.area.delete_next_char()),
            Action::DeleteWord => drop(self.area.delete_word()),
            Action::DeleteToStart => drop(self.area.delete_line_by_head()),
            Action::Yank => drop(self.area.paste()),
            Action::Undo => drop(self.area.undo()),
            _ => return false,
        }
        true
    }

    /// Rows that the text takes in `columns` columns, the cursor's own column included.
    pub(crate) fn rows(&self, columns: u16) -> usize {
        let columns = usize::from(columns.max(2)) - 1;
        self.area.lines().iter().map(|line| text::wrap(line, columns).len()).sum()
    }

    /// Draws the text, and the cursor when the field has the keys.
    pub(crate) fn draw(&self, area: Rect, buf: &mut Buffer, style: Style, active: bool) {
        // The widget keeps its wrapping inside itself: a copy keeps drawing free of effects on the model.
        let mut copy = self.area.clone();
        copy.set_style(style);
        let cursor = if active { style.add_modifier(Modifier::REVERSED) } else { style };
        copy.set_cursor_style(cursor);
        copy.render(area, buf);
    }
}

/// A passphrase that is being typed: append and delete only.
#[derive(Clone, Default)]
pub(crate) struct SecretField(Zeroizing<String>);

impl SecretField {
    /// Room that is set aside at once, so that typing does not leave copies behind in memory.
    pub(crate) const ROOM: usize = 256;

    /// What was typed, for the one who needs it.
    pub(crate) fn take(&mut self) -> Zeroizing<String> {
        std::mem::take(&mut self.0)
    }

    /// Whether nothing was typed.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether both fields hold the same.
    pub(crate) fn same(&self, other: &Self) -> bool {
        self.0 == other.0
    }

    /// Characters typed.
    pub(crate) fn len(&self) -> usize {
        self.0.chars().count()
    }

    /// Types one character.
    pub(crate) fn type_char(&mut self, c: char) {
        if !c.is_control() && self.0.len() + c.len_utf8() <= Self::ROOM {
            if self.0.capacity() == 0 {
                self.0.reserve(Self::ROOM);
            }
            self.0.push(c);
        }
    }

    /// Inserts pasted text, its first line.
    pub(crate) fn insert(&mut self, text: &str) {
        text.lines().next().unwrap_or_default().chars().for_each(|c| self.type_char(c));
    }

    /// Does an editing key.
    pub(crate) fn edit(&mut self, action: Action) -> bool {
        match action {
            Action::DeleteBack => drop(self.0.pop()),
            Action::DeleteToStart | Action::DeleteWord => self.0 = Zeroizing::default(),
            _ => return false,
        }
        true
    }
}

impl std::fmt::Debug for SecretField {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SecretField(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_swallows_the_breaks_of_a_paste_and_a_paragraph_keeps_them() {
        let mut line = Editor::line();
        line.insert("subrosa:\r\n//x\u{1b}[0m\n");
        assert_eq!(line.text(), "subrosa://x[0m");
        let mut paragraph = Editor::paragraph();
        paragraph.insert("a\r\nb\rc");
        assert_eq!(paragraph.text(), "a\nb\nc");
        assert_eq!(paragraph.rows(10), 3);
    }

    #[test]
    fn a_secret_is_not_printed() {
        let mut secret = SecretField::default();
        secret.insert("rosebud\nmore");
        assert_eq!(secret.len(), 7);
        assert_eq!(format!("{secret:?}"), "SecretField(..)");
    }
}
