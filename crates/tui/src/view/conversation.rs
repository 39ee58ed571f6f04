//! The conversation: messages, the line that names the recipient, composer, request or alarm.
//!
//! Spec: docs/guide/chat.md, "The screen". Invariant: the composer always names whom it writes to.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;

use super::{line, paragraph, span};
use crate::layout::Layout;
use crate::look::Role;
use crate::model::{Below, Focus, Model};
use crate::text;
use crate::transcript::Window;
use crate::words;

pub(super) fn messages(model: &Model, layout: &Layout, buf: &mut Buffer) {
    let (Some(area), Some(talk)) = (layout.messages, model.open_talk()) else { return };
    let dim = model.look.style(Role::Dim);
    match talk.window.as_deref() {
        None => drop(paragraph(buf, area, 1, "   loading…", dim)),
        Some([]) if model.below() != Below::Composer => {}
        Some([]) => {
            let area = Rect { x: area.x + 3, width: area.width.saturating_sub(4), ..area };
            paragraph(buf, area, 1, "No messages yet. What you write is encrypted on this machine.", dim);
        }
        Some(_) => {
            let (rows, _) = Window::new(model, talk, area).rows();
            // Few messages stand at the bottom, next to the composer.
            let first = area.height.saturating_sub(u16::try_from(rows.len()).unwrap_or(area.height));
            for (index, row) in (first..).zip(&rows) {
                line(buf, area, index, &row.line);
            }
        }
    }
}

pub(super) fn below(model: &Model, layout: &Layout, buf: &mut Buffer) {
    let (Some(head), Some(area)) = (layout.head, layout.below) else { return };
    let padded = Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area };
    if model.below() == Below::Composer {
        head_line(model, head, buf);
        composer(model, padded, buf);
        return;
    }
    // Request and alarm also take the line above.
    let whole = Rect { y: head.y, height: area.height + 1, ..padded };
    let mut row = 0;
    for (words, role) in words::below(model) {
        row = paragraph(buf, whole, row, &words, model.look.style(role));
    }
}

/// The line above the composer: what is answered, and whom the text goes to.
fn head_line(model: &Model, area: Rect, buf: &mut Buffer) {
    let Some(chat) = model.open_chat() else { return };
    let signs = model.look.signs();
    let columns = usize::from(area.width.saturating_sub(2));
    let name = text::clip(&text::one_line(&chat.name), columns / 3, signs.ellipsis);
    let to = format!("to: {name}");
    let reply = model.open_talk().and_then(|talk| talk.composer.reply.as_ref());
    let spans = match reply {
        Some((_, quoted)) => {
            let cancel = "Esc cancels";
            let room = columns.saturating_sub(text::width(&to) + text::width(cancel) + 8);
            let quote =
                format!("{} {}", signs.reply, text::clip(&text::one_line(quoted), room, signs.ellipsis));
            vec![
                span(model, " ", Role::Text),
                span(model, quote, Role::Mine),
                span(model, format!(" {} ", signs.dot), Role::Dim),
                span(model, to, Role::Accent),
                span(model, format!(" {} {cancel}", signs.dot), Role::Dim),
            ]
        }
        None => vec![span(model, " ", Role::Text), span(model, to, Role::Accent)],
    };
    buf.set_line(area.x, area.y, &Line::from(spans), area.width);
}

fn composer(model: &Model, area: Rect, buf: &mut Buffer) {
    let Some(talk) = model.open_talk() else { return };
    buf.set_string(area.x, area.y, ">", model.look.style(Role::Accent));
    let field = Rect { x: area.x + 2, width: area.width.saturating_sub(2), ..area };
    let active = model.keyed && model.focus == Focus::Chat && model.overlays.is_empty();
    talk.composer.editor.draw(field, buf, model.look.style(Role::Text), active);
}
