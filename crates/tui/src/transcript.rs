//! The rows of a conversation: messages with their date lines, the line above new ones, gaps and states.
//!
//! Spec: docs/guide/chat.md, "The screen". Invariant: only rows of a message carry its position; date lines and
//! markers carry none and so can't be selected or hit.

use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use subrosa_client::{Body, FailReason, Message, Position, SendState};

use crate::layout::layout;
use crate::look::Role;
use crate::model::Model;
use crate::model::talk::{Anchor, Talk};
use crate::text;

/// Columns of the name beside a message.
const NAME_MAX: usize = 12;
/// Columns kept free at the right for a state.
const STATE: usize = 3;

/// One row of a conversation.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    /// The message that it belongs to; `None` for date lines and markers.
    pub(crate) of: Option<Position>,
    /// What it shows.
    pub(crate) line: Line<'static>,
}

/// The rows of message `index`: what stands above it, then the message.
pub(crate) fn block(model: &Model, talk: &Talk, index: usize, columns: usize) -> Vec<Row> {
    let messages = talk.messages();
    let Some(message) = messages.get(index) else { return Vec::new() };
    let before = index.checked_sub(1).and_then(|index| messages.get(index));
    let mut rows = Vec::new();
    let mut plain = |line: Line<'static>| rows.push(Row { of: None, line });
    if before.is_none_or(|before| !model.zone.same_day(before.at, message.at)) {
        plain(rule(model, &model.zone.day(message.at, model.now), columns, Role::Dim));
    }
    if talk.is_fresh(message) && !messages.iter().take(index).any(|message| talk.is_fresh(message)) {
        plain(rule(model, &format!("{} new", talk.fresh()), columns, Role::Unread));
    }
    rows.extend(message_rows(model, talk, message, columns));
    rows
}

/// A rule across the conversation with words in its middle.
fn rule(model: &Model, words: &str, columns: usize, role: Role) -> Line<'static> {
    let sign = model.look.signs().rule;
    let free = columns.saturating_sub(text::width(words) + 2);
    let (left, right) = (free / 2, free - free / 2);
    let line = format!("{} {words} {}", sign.repeat(left), sign.repeat(right));
    Line::styled(text::clip(&line, columns, ""), model.look.style(role))
}

/// What one message is drawn with.
#[derive(Clone, Copy)]
struct Pen<'a> {
    model: &'a Model,
    columns: usize,
    selected: bool,
}

fn message_rows(model: &Model, talk: &Talk, message: &Message, columns: usize) -> Vec<Row> {
    let pen = Pen { model, columns, selected: talk.selected == Some(message.position) };
    let of = Some(message.position);
    let lines = match &message.body {
        Body::Text(text) => said(pen, message, text, Role::Text),
        Body::Newer => said(pen, message, "(this message needs a newer version of subrosa)", Role::Dim),
        Body::Gap { cells } => happened(pen, &gap(*cells), Role::Warn),
        Body::Lost { cells } => happened(pen, &lost(*cells), Role::Alarm),
        Body::Event(words) => happened(pen, words, Role::Dim),
        _ => happened(pen, "(something that this version does not know)", Role::Dim),
    };
    lines.into_iter().map(|line| Row { of, line }).collect()
}

fn gap(cells: u32) -> String {
    let what = if cells == 1 { "1 cell is".into() } else { format!("{cells} cells are") };
    format!("{what} missing here: not received yet")
}

fn lost(cells: u32) -> String {
    let what = if cells == 1 { "1 cell".into() } else { format!("{cells} cells") };
    format!("{what} of theirs will never come: ask them to say it again")
}

/// Something that happened to the chat: a dim line that is no one's words.
fn happened(pen: Pen<'_>, words: &str, role: Role) -> Vec<Line<'static>> {
    let pointer = pointer(pen);
    let style = pen.model.look.style(role);
    let lines = text::wrap(words, pen.columns.saturating_sub(10));
    lines
        .into_iter()
        .enumerate()
        .map(|(index, line)| {
            let (start, dash) = if index == 0 { (pointer.clone(), "--") } else { (Span::raw(" "), "  ") };
            Line::from(vec![start, Span::styled(format!("   {dash} {line}"), style)])
        })
        .collect()
}

fn pointer(pen: Pen<'_>) -> Span<'static> {
    let look = pen.model.look;
    Span::styled(if pen.selected { look.signs().pointer } else { " " }, look.style(Role::Accent))
}

/// Someone's words: time, name, text, and for mine the state.
fn said(pen: Pen<'_>, message: &Message, words: &str, role: Role) -> Vec<Line<'static>> {
    let look = pen.model.look;
    let gutter = Gutter::of(pen.model, message);
    let room = pen.columns.saturating_sub(gutter.width + STATE).max(4);
    let body_style = if pen.selected { look.style(Role::Selected) } else { look.style(role) };
    let mut rows: Vec<(String, Style)> = Vec::new();
    if let Some((_, quoted)) = &message.reply {
        let quote = format!("{} {}", look.signs().reply, text::one_line(quoted));
        rows.push((text::clip(&quote, room, look.signs().ellipsis), look.style(Role::Dim)));
    }
    let state_row = rows.len();
    rows.extend(text::wrap(words, room).into_iter().map(|line| (line, body_style)));
    if let Some((hint, role)) = message.state.and_then(hint) {
        rows.extend(text::wrap(&hint, room).into_iter().map(|line| (line, look.style(role))));
    }
    let lines = rows.into_iter().enumerate().map(|(index, (line, style))| {
        let mut spans = if index == 0 { gutter.first(pen) } else { gutter.other() };
        let missing = room.saturating_sub(text::width(&line));
        spans.push(Span::styled(line, style));
        if let Some(state) = message.state.filter(|_| index == state_row) {
            let (sign, style) = look.state(state);
            spans.push(Span::raw(" ".repeat(missing + STATE - text::width(sign))));
            spans.push(Span::styled(sign, style));
        }
        Line::from(spans)
    });
    lines.collect()
}

/// What a state has to say beside its sign.
fn hint(state: SendState) -> Option<(String, Role)> {
    match state {
        SendState::Unseen => Some(("not seen for 24 h".into(), Role::Warn)),
        SendState::Failed(reason) => Some((failed(reason), Role::Alarm)),
        _ => None,
    }
}

fn failed(reason: FailReason) -> String {
    format!("not sent: {reason} (select it, R tries again)")
}

/// The columns left of a message's words.
struct Gutter {
    time: String,
    name: String,
    style: Style,
    width: usize,
}

impl Gutter {
    fn of(model: &Model, message: &Message) -> Self {
        let look = model.look;
        let theirs = || model.open_chat().map_or("?", |chat| chat.name.as_str()).to_owned();
        let name = if message.mine { "me".to_owned() } else { text::one_line(&theirs()) };
        let most = if model.area.width < 60 { NAME_MAX / 2 } else { NAME_MAX };
        let columns = text::width(&text::one_line(&theirs())).clamp(2, most);
        let name = text::fit(&name, columns, look.signs().ellipsis);
        let role = if message.mine { Role::Mine } else { Role::Accent };
        Self { time: model.zone.time(message.at), name, style: look.style(role), width: 9 + columns }
    }

    fn first(&self, pen: Pen<'_>) -> Vec<Span<'static>> {
        let dim = pen.model.look.style(Role::Dim);
        vec![
            pointer(pen),
            Span::styled(format!("{} ", self.time), dim),
            Span::styled(self.name.clone(), self.style),
            Span::raw("  "),
        ]
    }

    fn other(&self) -> Vec<Span<'static>> {
        vec![Span::raw(" ".repeat(self.width))]
    }
}

/// A place in a conversation: a message by its index, and a row of its block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Spot {
    index: usize,
    row: usize,
}

/// A conversation in an area.
#[derive(Clone, Copy)]
pub(crate) struct Window<'a> {
    model: &'a Model,
    talk: &'a Talk,
    columns: usize,
    height: usize,
}

impl<'a> Window<'a> {
    /// The conversation on screen, if there is one.
    pub(crate) fn of(model: &'a Model) -> Option<Self> {
        let area = layout(model).messages?;
        Some(Self::new(model, model.open_talk()?, area))
    }

    /// `talk` in `area`.
    pub(crate) fn new(model: &'a Model, talk: &'a Talk, area: Rect) -> Self {
        Self { model, talk, columns: usize::from(area.width), height: usize::from(area.height) }
    }

    fn block(&self, index: usize) -> Vec<Row> {
        block(self.model, self.talk, index, self.columns)
    }

    fn newest(&self) -> Option<usize> {
        self.talk.messages().len().checked_sub(1)
    }

    /// The last row on screen.
    fn bottom(&self) -> Option<Spot> {
        let (index, wanted) = match self.talk.anchor {
            Anchor::Newest => (self.newest()?, usize::MAX),
            Anchor::At { position, row } => (self.talk.index(position)?, row),
        };
        let rows = self.block(index).len();
        Some(Spot { index, row: wanted.min(rows.saturating_sub(1)) })
    }

    /// The rows on screen, the last one at the bottom, and whether the oldest loaded row is among them.
    pub(crate) fn rows(&self) -> (Vec<Row>, bool) {
        self.bottom().map_or_else(|| (Vec::new(), true), |spot| self.rows_to(spot))
    }

    /// The rows of a screen that ends with `spot`.
    fn rows_to(&self, spot: Spot) -> (Vec<Row>, bool) {
        let mut index = spot.index;
        let mut rows = self.block(index);
        rows.truncate(spot.row + 1);
        while rows.len() < self.height && index > 0 {
            index -= 1;
            let mut above = self.block(index);
            above.append(&mut rows);
            rows = above;
        }
        let whole = index == 0 && rows.len() <= self.height;
        let skip = rows.len().saturating_sub(self.height);
        (rows.split_off(skip), whole)
    }

    /// The anchor after scrolling back in time by `rows`, no further than the oldest loaded row.
    pub(crate) fn back(&self, rows: usize) -> Anchor {
        let Some(mut spot) = self.bottom() else { return self.talk.anchor };
        for _ in 0..rows {
            let Some(next) = self.before(spot) else { break };
            if self.rows_to(next).0.len() < self.height {
                break;
            }
            spot = next;
        }
        self.anchor(spot)
    }

    /// The anchor after scrolling forward by `rows`, no further than the newest row.
    pub(crate) fn forward(&self, rows: usize) -> Anchor {
        let Some(spot) = self.bottom() else { return self.talk.anchor };
        self.anchor(self.forward_from(spot, rows))
    }

    /// The anchor that brings the selected message onto the screen, moving as little as possible.
    pub(crate) fn reveal(&self) -> Anchor {
        let Some(selected) = self.talk.selected else { return self.talk.anchor };
        let (Some(index), Some(bottom)) = (self.talk.index(selected), self.bottom()) else {
            return self.talk.anchor;
        };
        let rows = self.block(index).len();
        let last = Spot { index, row: rows.saturating_sub(1) };
        if index > bottom.index || (index == bottom.index && last.row > bottom.row) {
            return self.anchor(last);
        }
        let (shown, _) = self.rows_to(bottom);
        let on_screen = shown.iter().filter(|row| row.of == Some(selected)).count();
        let own = self.block(index).iter().filter(|row| row.of.is_some()).count();
        if on_screen >= own.min(self.height) {
            return self.talk.anchor;
        }
        // Its first row comes to the top of the screen; a taller one shows its end.
        let below = self.forward_from(last, self.height.saturating_sub(rows));
        self.anchor(below)
    }

    fn forward_from(&self, mut spot: Spot, rows: usize) -> Spot {
        for _ in 0..rows {
            let Some(next) = self.after(spot) else { break };
            spot = next;
        }
        spot
    }

    fn before(&self, spot: Spot) -> Option<Spot> {
        if spot.row > 0 {
            return Some(Spot { row: spot.row - 1, ..spot });
        }
        let index = spot.index.checked_sub(1)?;
        Some(Spot { index, row: self.block(index).len().saturating_sub(1) })
    }

    fn after(&self, spot: Spot) -> Option<Spot> {
        if spot.row + 1 < self.block(spot.index).len() {
            return Some(Spot { row: spot.row + 1, ..spot });
        }
        let index = spot.index + 1;
        (index <= self.newest()?).then_some(Spot { index, row: 0 })
    }

    fn anchor(&self, spot: Spot) -> Anchor {
        if self.after(spot).is_none() {
            return Anchor::Newest;
        }
        let message = self.talk.messages().get(spot.index);
        message.map_or(Anchor::Newest, |message| Anchor::At { position: message.position, row: spot.row })
    }

    /// The newest message of which the last row is on screen: what was seen, when the terminal was in the foreground.
    pub(crate) fn last_seen(&self) -> Option<Position> {
        let spot = self.bottom()?;
        let whole = spot.row + 1 >= self.block(spot.index).len();
        let index = if whole { spot.index } else { spot.index.checked_sub(1)? };
        self.talk.messages().get(index).map(|message| message.position)
    }
}
