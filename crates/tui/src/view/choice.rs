//! Boxes above the chats: palette, switcher, question.
//!
//! Spec: docs/guide/chat.md, "Commands". Invariant: the rows are those that Enter chooses from.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Clear, Widget};

use super::{add, frame, line, paragraph, rest, span};
use crate::commands::{Spec, matching};
use crate::layout::middle;
use crate::look::Role;
use crate::model::Model;
use crate::model::overlay::{Choice, Question};
use crate::text;
use crate::update::switcher_rows;

/// A box in the middle, cleared and framed. Answers what is inside.
fn window(model: &Model, title: &str, width: u16, height: u16, buf: &mut Buffer) -> Rect {
    let area = middle(model.area, width, height);
    Clear.render(area, buf);
    let inner = frame::plain(model, area, title, buf);
    Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner }
}

/// The rows of a choice below its field, scrolled so that the highlighted one is on screen.
fn rows(model: &Model, area: Rect, chosen: usize, rows: &[Vec<Span<'static>>], buf: &mut Buffer) {
    let area = rest(area, 1);
    let first = (chosen + 1).saturating_sub(usize::from(area.height));
    for (at, (index, spans)) in (0..area.height).zip(rows.iter().enumerate().skip(first)) {
        let pointer = if index == chosen { model.look.signs().pointer } else { " " };
        let mut all = vec![span(model, format!("{pointer} "), Role::Accent)];
        all.extend(spans.iter().cloned());
        line(buf, area, at, &Line::from(all));
    }
}

pub(super) fn palette(model: &Model, choice: &Choice, buf: &mut Buffer) {
    let inner = window(model, "Commands", 76, 18, buf);
    add::field(model, &choice.filter, inner, true, buf);
    let found = matching(&choice.filter.text());
    let lines: Vec<_> = found.iter().map(|spec| command_spans(model, spec, inner.width)).collect();
    rows(model, inner, choice.row, &lines, buf);
    if found.is_empty() {
        paragraph(buf, inner, 2, "No such command.", model.look.style(Role::Dim));
    }
}

fn command_spans(model: &Model, spec: &Spec, width: u16) -> Vec<Span<'static>> {
    let name = format!("/{} {}", spec.name, spec.takes);
    let mut spans = vec![span(model, text::fit(&name, 20, " "), Role::Accent)];
    let key = spec.key_name().map(|key| format!("  {key}")).unwrap_or_default();
    let room = usize::from(width).saturating_sub(22 + text::width(&key));
    spans.push(span(model, text::clip(spec.does, room, model.look.signs().ellipsis), Role::Text));
    spans.push(span(model, key, Role::Dim));
    spans
}

pub(super) fn switcher(model: &Model, choice: &Choice, buf: &mut Buffer) {
    let inner = window(model, "Go to", 44, 14, buf);
    add::field(model, &choice.filter, inner, true, buf);
    let found = switcher_rows(model, &choice.filter.text());
    let chats = found.iter().filter_map(|id| model.chat(*id));
    let lines: Vec<_> = chats
        .map(|chat| {
            let name = text::clip(&text::one_line(&chat.name), 24, model.look.signs().ellipsis);
            let unread = if chat.unread > 0 { format!("  {} unread", chat.unread) } else { String::new() };
            vec![
                span(model, name, Role::Text),
                Span::raw("  "),
                frame::trust(model, chat),
                span(model, unread, Role::Unread),
            ]
        })
        .collect();
    rows(model, inner, choice.row, &lines, buf);
    if found.is_empty() {
        paragraph(buf, inner, 2, "No such chat.", model.look.style(Role::Dim));
    }
}

pub(super) fn question(model: &Model, question: &Question, buf: &mut Buffer) {
    let width = model.area.width.min(64);
    let words = text::wrap(&question.text, usize::from(width.saturating_sub(4)));
    let height = u16::try_from(words.len()).unwrap_or(u16::MAX).saturating_add(4);
    let inner = window(model, "Question", width, height, buf);
    let row = paragraph(buf, inner, 0, &question.text, model.look.style(Role::Text));
    let keys = Line::from(vec![
        span(model, format!("y {}", question.yes), Role::Accent),
        span(model, format!(" {} n no", model.look.signs().dot), Role::Dim),
    ]);
    line(buf, inner, row + 1, &keys);
}
