//! The verification screen: the safety number to compare.
//!
//! Spec: docs/guide/chat.md, "Verifying". Invariant: the number is shown whole or not at all.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;

use super::qr::Qr;
use super::{frame, line, paragraph, span};
use crate::look::Role;
use crate::model::Model;
use crate::model::overlay::Verify;
use crate::text;

/// Columns of a row of four groups.
const GROUPS: u16 = 26;

pub(super) fn view(model: &Model, verify: &Verify, buf: &mut Buffer) {
    let name = model.chat(verify.contact).map_or_else(|| "?".into(), |chat| text::one_line(&chat.name));
    let style = |role| model.look.style(role);
    let area = model.area;
    let code = verify.safety.as_ref().and_then(|safety| Qr::of(&safety.qr));
    let (width, height) = code.as_ref().map_or((0, 0), Qr::size);
    let mut words = area;
    if let Some(code) = &code
        && area.width >= width + GROUPS + 6
        && area.height >= height
        && code.draw(model.look, area, buf)
    {
        words = Rect { x: area.x + width, width: area.width - width, ..area };
    }
    let inner = frame::plain(model, words, &format!("Safety number with {name}"), buf);
    let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
    let Some(safety) = &verify.safety else {
        paragraph(buf, inner, 1, "loading…", style(Role::Dim));
        return;
    };
    let mut row = 1;
    for groups in safety.groups.chunks(4) {
        let groups: Vec<String> = groups.iter().map(|group| format!("{group:05}")).collect();
        row =
            line(buf, inner, row, &Line::from(span(model, format!("  {}", groups.join(" ")), Role::Accent)));
    }
    let (mark, role) = if safety.verified {
        (format!("{} verified", model.look.signs().verified), Role::Good)
    } else {
        (format!("{} not verified", model.look.signs().unverified), Role::Warn)
    };
    row = paragraph(buf, inner, row, &mark, style(role));
    let key = if safety.verified { "m take the mark back · Esc close" } else { "m they match · Esc close" };
    row = paragraph(buf, inner, row, key, style(Role::Accent)) + 1;
    let explain = format!(
        "Compare these 60 digits with {name}, by voice or face to face: both of you see the same ones. If they match, \
         nobody stands between you. If not, stop, and tell them another way."
    );
    paragraph(buf, inner, row, &explain, style(Role::Text));
}
