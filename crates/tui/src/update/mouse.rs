//! The mouse: rows of the list, messages, the wheel.
//!
//! Spec: docs/guide/chat.md, "Mouse". Invariant: a click is looked up in the same rows that were drawn.

use crossterm::event::{MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::Position as Point;

use super::chat;
use crate::layout::{ListRow, layout};
use crate::model::overlay::Overlay;
use crate::model::start::Stage;
use crate::model::{Focus, Model};
use crate::msg::Cmd;
use crate::transcript::Window;

/// Rows of one notch of the wheel.
const NOTCH: usize = 3;

pub(super) fn mouse(model: &mut Model, event: MouseEvent, out: &mut Vec<Cmd>) {
    if !matches!(model.stage, Stage::Open) {
        return;
    }
    let back = match event.kind {
        MouseEventKind::ScrollUp => true,
        MouseEventKind::ScrollDown => false,
        MouseEventKind::Down(MouseButton::Left) => {
            return click(model, Point::new(event.column, event.row), out);
        }
        _ => {
            model.dirty = false;
            return;
        }
    };
    match model.overlays.last_mut() {
        Some(Overlay::Help(row) | Overlay::Log(row)) => {
            *row = if back { row.saturating_sub(NOTCH) } else { *row + NOTCH };
        }
        Some(_) => {}
        None => chat::scroll(model, if back { -(NOTCH as isize) } else { NOTCH as isize }),
    }
}

fn click(model: &mut Model, at: Point, out: &mut Vec<Cmd>) {
    if !model.overlays.is_empty() {
        return;
    }
    let layout = layout(model);
    let row_in = |area: ratatui::layout::Rect| area.contains(at).then(|| usize::from(at.y - area.y));
    if let Some(ListRow::Chat(id)) =
        layout.list.and_then(row_in).and_then(|row| layout.rows.get(row)).copied()
    {
        return chat::open(model, id, out);
    }
    if let Some(area) = layout.messages
        && let Some(row) = row_in(area)
    {
        return select_row(model, row, usize::from(area.height));
    }
    if layout.below.is_some_and(|area| area.contains(at)) {
        model.focus = Focus::Chat;
        if let Some(talk) = model.open_talk_mut() {
            talk.selected = None;
        }
    }
}

/// Selects the message of a row of the conversation; rows of no message select nothing.
fn select_row(model: &mut Model, row: usize, height: usize) {
    let Some(window) = Window::of(model) else { return };
    let (rows, _) = window.rows();
    // Few messages stand at the bottom.
    let index = (row + rows.len()).checked_sub(height);
    let hit = index.and_then(|index| rows.get(index)).and_then(|row| row.of);
    if let (Some(position), Some(talk)) = (hit, model.open_talk_mut()) {
        talk.selected = Some(position);
        model.focus = Focus::Messages;
    }
}
