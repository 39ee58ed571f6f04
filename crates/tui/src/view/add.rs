//! The screen to add someone by their link.
//!
//! Spec: docs/guide/chat.md, "Inviting and adding". Invariant: a link that failed stays in its field.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{frame, paragraph, rest};
use crate::input::Editor;
use crate::keys::{Action, Context};
use crate::look::Role;
use crate::model::Model;
use crate::model::overlay::{Add, AddStep};
use crate::words;

pub(super) fn view(model: &Model, add: &Add, buf: &mut Buffer) {
    let style = |role| model.look.style(role);
    let inner = frame::plain(model, model.area, "Add someone", buf);
    let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
    let editing = !matches!(add.step, AddStep::Asked | AddStep::Taking(_)) && model.overlays.len() == 1;
    let words = "Paste the link that your friend gave you (subrosa://…):";
    let row = paragraph(buf, inner, 1, words, style(Role::Text));
    field(model, &add.link, rest(inner, row), editing && !add.on_greeting, buf);
    let words = "A greeting, for the owner of a reusable address (may stay empty):";
    let gap = if inner.height < 14 { 1 } else { 2 };
    let row = paragraph(buf, inner, row + gap, words, style(Role::Dim));
    field(model, &add.greeting, rest(inner, row), editing && add.on_greeting, buf);
    let (words, role) = match &add.step {
        AddStep::Editing => (String::new(), Role::Text),
        AddStep::Asked => ("Reading the link…".into(), Role::Warn),
        AddStep::Taking(_) => {
            ("Fetching the invite from its relay… (it goes on if you close this)".into(), Role::Warn)
        }
        AddStep::Failed(why) => (why.clone(), Role::Alarm),
    };
    let row = paragraph(buf, inner, row + gap, &words, style(role));
    let pairs = [(Action::Confirm, "add"), (Action::OtherField, "other field"), (Action::Leave, "close")];
    paragraph(buf, inner, row + gap - 1, &words::short_keys(Context::Choice, &pairs), style(Role::Dim));
}

/// One line to type in, with a prompt before it.
pub(super) fn field(model: &Model, editor: &Editor, area: Rect, active: bool, buf: &mut Buffer) {
    if area.height == 0 || area.width < 4 {
        return;
    }
    buf.set_string(area.x, area.y, ">", model.look.style(if active { Role::Accent } else { Role::Dim }));
    let area = Rect { x: area.x + 2, width: area.width - 2, height: 1, ..area };
    editor.draw(area, buf, model.look.style(Role::Text), active);
}
