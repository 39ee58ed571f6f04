//! The chat list.
//!
//! Spec: docs/guide/chat.md, "The screen". Invariant: it draws the rows of [`crate::layout`], one to a line.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use subrosa_client::{Chat, Standing};

use super::{line, paragraph, span};
use crate::layout::{Layout, ListRow};
use crate::look::Role;
use crate::model::{Focus, Model};
use crate::text;

pub(super) fn list(model: &Model, layout: &Layout, buf: &mut Buffer) {
    let Some(area) = layout.list else { return };
    let dim = model.look.style(Role::Dim);
    match model.chats.as_deref() {
        None => drop(paragraph(buf, area, 0, " loading…", dim)),
        Some([]) => drop(empty(model, area, buf)),
        Some(_) => {
            for (index, row) in (0..).zip(&layout.rows) {
                line(buf, area, index, &row_line(model, *row, area));
            }
        }
    }
    if layout.messages.is_none() && layout.list.is_some_and(|list| list.right() < layout.inner.right()) {
        nothing_open(model, layout, area, buf);
    }
}

fn empty(model: &Model, area: Rect, buf: &mut Buffer) -> u16 {
    let area = Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area };
    let row = paragraph(buf, area, 0, "No chats yet.", model.look.style(Role::Text));
    let row = paragraph(buf, area, row + 1, "i  invite a friend", model.look.style(Role::Accent));
    let row = paragraph(buf, area, row, "a  add a friend by their link", model.look.style(Role::Accent));
    paragraph(buf, area, row, "F1 help", model.look.style(Role::Dim))
}

/// The right pane while no chat is open.
fn nothing_open(model: &Model, layout: &Layout, list: Rect, buf: &mut Buffer) {
    let x = list.right() + 3;
    let area = Rect { x, width: layout.inner.right().saturating_sub(x + 1), ..list };
    let me = model.me.as_ref().map_or_else(String::new, |me| text::one_line(&me.name));
    let row = paragraph(buf, area, 1, &me, model.look.style(Role::Accent));
    let words = if model.chats.as_ref().is_some_and(Vec::is_empty) {
        "Invite a friend (i), or add one whose link you have (a). Nobody can find you without a link from you."
    } else {
        "Choose a chat: arrows and Enter, or Ctrl-K and a name."
    };
    let row = paragraph(buf, area, row + 1, words, model.look.style(Role::Dim));
    if let Some(hosting) = &model.hosting {
        paragraph(buf, area, row + 1, hosting, model.look.style(Role::Dim));
    }
}

fn row_line(model: &Model, row: ListRow, area: Rect) -> Line<'static> {
    let columns = usize::from(area.width);
    match row {
        ListRow::Requests(count) => {
            let sign = model.look.signs().rule;
            let words = format!("{sign}{sign} requests ({count}) {}", sign.repeat(columns));
            Line::styled(text::clip(&words, columns, ""), model.look.style(Role::Warn))
        }
        ListRow::Chat(id) => model.chat(id).map(|chat| chat_line(model, chat, columns)).unwrap_or_default(),
    }
}

fn chat_line(model: &Model, chat: &Chat, columns: usize) -> Line<'static> {
    let look = model.look;
    let open = model.open == Some(chat.id);
    let highlighted = model.cursor == Some(chat.id) && model.focus == Focus::List;
    let pointer = if open || highlighted { look.signs().pointer } else { " " };
    let draft = model.talks.get(&chat.id).map_or(chat.draft, |talk| {
        talk.composer.saved.as_ref().map_or(chat.draft, |_| !talk.composer.editor.is_empty())
    });
    let (tail, tail_role) = if chat.unread > 0 {
        (chat.unread.to_string(), Role::Unread)
    } else if draft {
        ("draft".into(), Role::Dim)
    } else {
        (String::new(), Role::Dim)
    };
    let (mark, mark_role) = mark(model, chat);
    let room = columns.saturating_sub(5 + text::width(&tail) + usize::from(!tail.is_empty()) + 1);
    let name = text::fit(&text::one_line(&chat.name), room, look.signs().ellipsis);
    let name_role = match (highlighted, chat.unread > 0) {
        (true, _) => Role::Selected,
        (_, true) => Role::Accent,
        _ => Role::Text,
    };
    Line::from(vec![
        Span::raw(" "),
        span(model, pointer, Role::Accent),
        Span::raw(" "),
        span(model, mark, mark_role),
        Span::raw(" "),
        span(model, name, name_role),
        Span::raw(if tail.is_empty() { "" } else { " " }),
        span(model, tail, tail_role),
    ])
}

/// One sign of trust.
fn mark(model: &Model, chat: &Chat) -> (&'static str, Role) {
    let signs = model.look.signs();
    match (chat.standing, chat.alarm) {
        (_, Some(_)) => (signs.alarm, Role::Alarm),
        (Standing::Request | Standing::KnownAgain, _) => ("?", Role::Warn),
        (Standing::Closed, _) => ("x", Role::Dim),
        // The mark comes back with their answer.
        (Standing::Restored, _) => (signs.unverified, Role::Warn),
        _ if chat.verified => (signs.verified, Role::Good),
        _ => (signs.unverified, Role::Dim),
    }
}
