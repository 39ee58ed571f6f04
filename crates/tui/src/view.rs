//! [`view`]: the model as cells.
//!
//! Spec: docs/guide/chat.md, "The screen". Invariant: drawing reads the model and changes nothing.

mod add;
mod chats;
mod choice;
mod conversation;
mod frame;
mod help;
mod invites;
mod pages;
pub(crate) mod qr;
mod start;
mod verify;

#[cfg(feature = "host")]
pub(crate) use frame::framed;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Clear, Widget};

use crate::layout::{Shape, layout};
use crate::look::Role;
use crate::model::Model;
use crate::model::overlay::Overlay;
use crate::model::start::Stage;
use crate::text;

/// Draws the model into its area.
pub(crate) fn view(model: &Model, buf: &mut Buffer) {
    let area = model.area.intersection(buf.area);
    draw(model, area, buf);
    if model.look.ascii {
        ascii(area, buf);
    }
}

/// Signs of our own sentences that ASCII has no letter for.
fn ascii(area: Rect, buf: &mut Buffer) {
    for at in area.positions() {
        let sign = match buf[at].symbol() {
            "·" => "|",
            "…" => "~",
            _ => continue,
        };
        buf[at].set_symbol(sign);
    }
}

fn draw(model: &Model, area: Rect, buf: &mut Buffer) {
    Clear.render(area, buf);
    let layout = layout(model);
    if layout.shape == Shape::Tiny {
        return too_small(model, area, buf);
    }
    match &model.stage {
        Stage::First(first) => return start::first(model, first, buf),
        Stage::Locked(locked) => return start::locked(model, locked, buf),
        Stage::Opening => return start::opening(model, buf),
        Stage::Open => {}
    }
    // What covers everything replaces the chats; what does not lies above them.
    let top = model.overlays.last();
    let covers = |overlay: &&Overlay| {
        !matches!(overlay, Overlay::Palette(_) | Overlay::Switcher(_) | Overlay::Question(_))
    };
    match model.overlays.iter().rev().find(covers) {
        Some(Overlay::Invites(screen)) => invites::view(model, screen, buf),
        Some(Overlay::Verify(verify)) => verify::view(model, verify, buf),
        Some(Overlay::Add(add)) => add::view(model, add, buf),
        Some(Overlay::Help(row)) => help::view(model, *row, buf),
        Some(Overlay::Log(row)) => pages::log(model, *row, buf),
        Some(Overlay::Status) => pages::status(model, buf),
        _ => chats(model, &layout, buf),
    }
    match top {
        Some(Overlay::Palette(choice)) => choice::palette(model, choice, buf),
        Some(Overlay::Switcher(choice)) => choice::switcher(model, choice, buf),
        Some(Overlay::Question(question)) => choice::question(model, question, buf),
        _ => {}
    }
}

fn chats(model: &Model, layout: &crate::layout::Layout, buf: &mut Buffer) {
    frame::main(model, layout, buf);
    chats::list(model, layout, buf);
    conversation::messages(model, layout, buf);
    conversation::below(model, layout, buf);
    frame::status(model, layout.status, buf);
}

fn too_small(model: &Model, area: Rect, buf: &mut Buffer) {
    let words = "This terminal is too small for subrosa: at least 30 columns and 8 rows are needed.";
    paragraph(buf, area, 0, words, model.look.style(Role::Warn));
}

/// Draws a line of text, clipped to `area`, `row` rows below its top. Answers the next row.
fn line(buf: &mut Buffer, area: Rect, row: u16, line: &Line<'_>) -> u16 {
    if row < area.height {
        buf.set_line(area.x, area.y + row, line, area.width);
    }
    row.saturating_add(1)
}

/// Draws wrapped text, `row` rows below the top of `area`. Answers the row after it.
fn paragraph(buf: &mut Buffer, area: Rect, row: u16, words: &str, style: Style) -> u16 {
    let mut row = row;
    for words in text::wrap(words, usize::from(area.width)) {
        row = line(buf, area, row, &Line::styled(words, style));
    }
    row
}

/// What of `area` lies below its first `row` rows.
fn rest(area: Rect, row: u16) -> Rect {
    let row = row.min(area.height);
    Rect { y: area.y + row, height: area.height - row, ..area }
}

/// A span of a role's style.
fn span(model: &Model, words: impl Into<String>, role: Role) -> Span<'static> {
    Span::styled(words.into(), model.look.style(role))
}

#[cfg(test)]
mod tests;
