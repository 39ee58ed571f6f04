//! The help screen, drawn from the key table and the command table.
//!
//! Spec: docs/guide/chat.md, "Keys". Invariant: it lists every key and every command there is.

use ratatui::buffer::Buffer;
use ratatui::text::Line;

use super::{frame, line, span};
use crate::commands::COMMANDS;
use crate::keys::{Context, help};
use crate::look::Role;
use crate::model::Model;
use crate::text;

/// Columns of the keys.
const KEYS: usize = 24;

pub(super) fn view(model: &Model, row: usize, buf: &mut Buffer) {
    let inner = frame::plain(model, model.area, "Help (Esc closes, arrows scroll)", buf);
    let lines = lines(model);
    let height = usize::from(inner.height);
    let first = row.min(lines.len().saturating_sub(height));
    for (at, shown) in (0..inner.height).zip(lines.iter().skip(first)) {
        line(buf, inner, at, shown);
    }
}

fn lines(model: &Model) -> Vec<Line<'static>> {
    let heading = |words: &str| Line::from(span(model, format!(" {words}"), Role::Accent));
    let pair = |left: &str, right: &str| {
        let left = text::fit(left, KEYS, model.look.signs().ellipsis);
        Line::from(vec![span(model, format!("   {left} "), Role::Mine), span(model, right, Role::Text)])
    };
    let mut lines = Vec::new();
    for context in Context::ALL {
        lines.push(heading(context.title()));
        lines.extend(help(context).iter().map(|(keys, does)| pair(keys, does)));
    }
    lines.push(heading("commands"));
    lines.extend(COMMANDS.iter().map(|spec| pair(&format!("/{} {}", spec.name, spec.takes), spec.does)));
    lines.push(heading("states of a message"));
    let states: [(&str, &str, &str); 5] = [
        ("◌", "q", "queued: on this machine"),
        ("○", "s", "sent: on the relay's disk"),
        ("✓", "d", "delivered: on their disk"),
        ("✓✓", "r", "read: on their screen"),
        ("!", "!", "failed: select it, R tries again"),
    ];
    lines.extend(states.map(|(sign, letter, does)| pair(if model.look.ascii { letter } else { sign }, does)));
    lines
}
