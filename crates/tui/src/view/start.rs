//! The first run and the passphrase screen.
//!
//! Spec: docs/guide/chat.md, "First run". Invariant: what no passphrase means, and who can reach this machine, is said
//! where it is chosen.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;

use super::add::field;
use super::{frame, line, paragraph, rest, span};
use crate::input::SecretField;
use crate::look::Role;
use crate::model::Model;
use crate::model::start::{First, Locked, Step};

/// Rows of the sheet that a question is drawn on.
const TALL: u16 = 40;

fn page(model: &Model, title: &str, buf: &mut Buffer) -> Rect {
    let inner = frame::plain(model, model.area, title, buf);
    Rect { x: inner.x + 2, width: inner.width.saturating_sub(4), ..inner }
}

/// A passphrase as stars.
fn secret(
    model: &Model,
    (field, active): (&SecretField, bool),
    area: Rect,
    row: u16,
    buf: &mut Buffer,
) -> u16 {
    let cursor = if active { "_" } else { "" };
    let role = if active { Role::Accent } else { Role::Dim };
    let stars = format!("{}{cursor}", "*".repeat(field.len()));
    line(buf, area, row, &Line::from(vec![span(model, "> ", role), span(model, stars, Role::Text)]))
}

fn error(model: &Model, error: Option<&str>, area: Rect, row: u16, buf: &mut Buffer) -> u16 {
    match error {
        Some(words) => paragraph(buf, area, row, words, model.look.style(Role::Alarm)) + 1,
        None => row,
    }
}

pub(super) fn opening(model: &Model, buf: &mut Buffer) {
    let area = page(model, "subrosa", buf);
    paragraph(buf, area, 1, "Opening your profile…", model.look.style(Role::Text));
}

pub(super) fn locked(model: &Model, locked: &Locked, buf: &mut Buffer) {
    let area = page(model, "subrosa", buf);
    let row = paragraph(buf, area, 1, "Passphrase:", model.look.style(Role::Text));
    let row = secret(model, (&locked.field, !locked.trying), area, row, buf) + 1;
    let row = error(model, locked.error.as_deref(), area, row, buf);
    let words = if locked.trying { "Opening your profile…" } else { "Enter opens · Ctrl-Q quits" };
    paragraph(buf, area, row, words, model.look.style(Role::Dim));
}

pub(super) fn first(model: &Model, first: &First, buf: &mut Buffer) {
    let step = match first.step {
        Step::Name => "1 of 3",
        Step::Passphrase => "2 of 3",
        Step::Place | Step::Making => "3 of 3",
    };
    let area = page(model, &format!("Welcome to subrosa ({step})"), buf);
    // On a short screen the question scrolls away, not the field and what went wrong.
    let tall = Rect::new(0, 0, area.width, TALL);
    let mut sheet = Buffer::empty(tall);
    let rows = questions(model, first, tall, &mut sheet).min(TALL);
    let skip = rows.saturating_sub(area.height);
    for row in 0..rows.min(area.height) {
        for column in 0..area.width {
            buf[(area.x + column, area.y + row)] = sheet[(column, row + skip)].clone();
        }
    }
}

/// Draws the question on screen. Answers its rows.
fn questions(model: &Model, first: &First, area: Rect, buf: &mut Buffer) -> u16 {
    let row = match first.step {
        Step::Name => name(model, first, area, buf),
        Step::Passphrase => passphrase(model, first, area, buf),
        Step::Place => place(model, first, area, buf),
        Step::Making => paragraph(buf, area, 1, "Making your profile…", model.look.style(Role::Text)),
    };
    let row = match &first.error {
        Some(words) => paragraph(buf, area, row, words, model.look.style(Role::Alarm)),
        None => row,
    };
    let keys = match first.step {
        Step::Name => "Enter goes on · Ctrl-Q quits",
        Step::Passphrase => "Enter goes on · Esc goes back",
        Step::Place if first.reach.is_some() => "Enter goes on · arrows choose · Esc goes back",
        Step::Place => "Enter goes on · Esc goes back",
        Step::Making => "",
    };
    paragraph(buf, area, row, keys, model.look.style(Role::Dim))
}

fn name(model: &Model, first: &First, area: Rect, buf: &mut Buffer) -> u16 {
    let style = |role| model.look.style(role);
    let row = paragraph(buf, area, 1, "What do your friends call you?", style(Role::Accent));
    let words = "Only people you invite see it. There is no account and no phone number.";
    let row = paragraph(buf, area, row, words, style(Role::Dim)) + 1;
    field(model, &first.name, rest(area, row), true, buf);
    row + 2
}

fn passphrase(model: &Model, first: &First, area: Rect, buf: &mut Buffer) -> u16 {
    let style = |role| model.look.style(role);
    let row = paragraph(buf, area, 1, "A passphrase for this profile, or none", style(Role::Accent));
    let words =
        "With one, your messages on this machine's disk are of no use without it. Nobody can reset it.";
    let row = paragraph(buf, area, row, words, style(Role::Text));
    let words = "Without one (just press Enter), whoever gets at your files can read everything: a thief, a backup, \
                 another program of yours.";
    let row = paragraph(buf, area, row, words, style(Role::Warn)) + 1;
    let row = secret(model, (&first.passphrase, !first.on_again), area, row, buf);
    if first.passphrase.is_empty() && !first.on_again {
        return row + 1;
    }
    let row = paragraph(buf, area, row, "Once more:", style(Role::Text));
    secret(model, (&first.again, first.on_again), area, row, buf) + 1
}

fn place(model: &Model, first: &First, area: Rect, buf: &mut Buffer) -> u16 {
    let style = |role| model.look.style(role);
    let row = paragraph(buf, area, 1, "Where do your friends reach you?", style(Role::Accent));
    let choice = |chosen: bool, words: &str| {
        let (mark, role) = if chosen { ("(x)", Role::Accent) } else { ("( )", Role::Text) };
        Line::from(span(model, format!("{mark} {words}"), role))
    };
    let deep = Rect { x: area.x + 4, width: area.width.saturating_sub(4), ..area };
    let short = model.area.height < 18;
    let mut row = row;
    if let Some(reach) = &first.reach {
        row = line(buf, area, row, &choice(first.host, "This machine hosts a relay"));
        if first.host || !short {
            let words =
                format!("{reach} It must stay on for messages to reach you (subrosa host keeps it running).");
            row = paragraph(buf, deep, row, &words, style(Role::Dim)) + u16::from(!short);
        }
    }
    row = line(buf, area, row, &choice(!first.host, "An address that someone gave me:"));
    if !first.host || !short {
        let words = "A relay stores only ciphertext, for you and for others.";
        row = paragraph(buf, deep, row, words, style(Role::Dim));
        field(model, &first.address, rest(deep, row), !first.host, buf);
        row += 1;
    }
    row + u16::from(!short)
}
