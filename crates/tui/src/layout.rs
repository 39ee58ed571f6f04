//! [`layout`]: where everything stands, computed from the model alone.
//!
//! Spec: docs/guide/chat.md, "The screen". Invariant: update, view and mouse read the same rectangles and rows, so that a
//! click hits what was drawn.

use ratatui::layout::Rect;
use subrosa_client::ContactId;

use crate::model::{Below, Focus, Model, is_request};
use crate::{text, words};

/// Columns from which list and conversation stand side by side.
pub(crate) const WIDE: u16 = 70;
/// The smallest screen that shows anything but a remark.
pub(crate) const SMALLEST: (u16, u16) = (30, 8);

/// Rows inside the frame from which the status line may take two of them.
const TWO_ROWS: u16 = 10;

/// How much fits beside each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// List and conversation.
    Wide,
    /// One of them.
    Narrow,
    /// Nothing: the terminal is too small.
    Tiny,
}

/// Where everything stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    /// How much fits.
    pub(crate) shape: Shape,
    /// Inside the frame.
    pub(crate) inner: Rect,
    /// The chat list, when it is on screen.
    pub(crate) list: Option<Rect>,
    /// The rows of the list that are on screen.
    pub(crate) rows: Vec<ListRow>,
    /// The messages, when they are on screen.
    pub(crate) messages: Option<Rect>,
    /// The line above the composer: reply and recipient.
    pub(crate) head: Option<Rect>,
    /// The composer, the request or the alarm.
    pub(crate) below: Option<Rect>,
    /// The status line.
    pub(crate) status: Rect,
}

/// One row of the chat list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ListRow {
    /// A chat.
    Chat(ContactId),
    /// The heading of this many requests.
    Requests(usize),
}

/// Where everything stands for `model`.
pub(crate) fn layout(model: &Model) -> Layout {
    let area = model.area;
    let shape = shape(area);
    let inner = inset(area);
    let high = status_rows(model, inner).min(inner.height);
    let status = Rect { y: inner.bottom().saturating_sub(high), height: high, ..inner };
    let nothing = Layout {
        shape,
        inner,
        list: None,
        rows: Vec::new(),
        messages: None,
        head: None,
        below: None,
        status,
    };
    if shape == Shape::Tiny {
        return nothing;
    }
    let (list, chat) = panes(model, shape, inner);
    let low = chat.map_or(0, |pane| below_height(model, pane));
    // Rule, head and composer stand above the status line; without a chat only the rule does.
    let taken = high + if chat.is_some() { low + 2 } else { 1 };
    let top = |pane: Rect| Rect { height: pane.height.saturating_sub(taken), ..pane };
    let list = list.map(top);
    let full = |y: u16, height: u16| Rect { y, height, ..inner };
    let head_y = status.y.saturating_sub(low + 1);
    Layout {
        list,
        rows: list.map(|pane| list_rows(model, usize::from(pane.height))).unwrap_or_default(),
        messages: chat.map(top),
        head: chat.map(|_| full(head_y, 1)),
        below: chat.map(|_| full(head_y + 1, low)),
        ..nothing
    }
}

/// How much fits into `area`.
pub(crate) const fn shape(area: Rect) -> Shape {
    if area.width < SMALLEST.0 || area.height < SMALLEST.1 {
        Shape::Tiny
    } else if area.width < WIDE {
        Shape::Narrow
    } else {
        Shape::Wide
    }
}

/// `area` without a frame around it.
pub(crate) const fn inset(area: Rect) -> Rect {
    Rect {
        x: area.x + if area.width >= 2 { 1 } else { 0 },
        y: area.y + if area.height >= 2 { 1 } else { 0 },
        width: area.width.saturating_sub(2),
        height: area.height.saturating_sub(2),
    }
}

/// Rows of the status line in `inner`: a second one for a long sentence, where there is room.
pub(crate) fn status_rows(model: &Model, inner: Rect) -> u16 {
    let room = inner.width.saturating_sub(2);
    let long = |words: &str| text::width(&text::one_line(words)) > usize::from(room);
    let two = inner.height >= TWO_ROWS && model.status.as_ref().is_some_and(|status| long(&status.text));
    if two { 2 } else { 1 }
}

/// The columns of list and conversation.
fn panes(model: &Model, shape: Shape, inner: Rect) -> (Option<Rect>, Option<Rect>) {
    match shape {
        Shape::Wide => {
            let width = (inner.width / 4).clamp(20, 32);
            let list = Rect { width, ..inner };
            let chat = Rect { x: inner.x + width + 1, width: inner.width - width - 1, ..inner };
            (Some(list), model.open.map(|_| chat))
        }
        _ if model.open.is_some() && model.focus != Focus::List => (None, Some(inner)),
        _ => (Some(inner), None),
    }
}

/// Rows of what stands below the messages.
fn below_height(model: &Model, pane: Rect) -> u16 {
    let most = (pane.height / 3).max(1);
    let wanted = match model.below() {
        Below::Composer => model.open_talk().map_or(1, |talk| {
            u16::try_from(talk.composer.editor.rows(model.area.width.saturating_sub(4))).unwrap_or(u16::MAX)
        }),
        _ => {
            // The line above belongs to the words, too.
            let columns = usize::from(model.area.width.saturating_sub(4));
            let rows: usize =
                words::below(model).iter().map(|(words, _)| text::wrap(words, columns).len()).sum();
            u16::try_from(rows.saturating_sub(1)).unwrap_or(u16::MAX)
        }
    };
    let most = if model.below() == Below::Composer { most.min(6) } else { pane.height.saturating_sub(4) };
    wanted.clamp(1, most.max(1))
}

/// The rows of the list, scrolled so that the highlighted one is on screen.
fn list_rows(model: &Model, height: usize) -> Vec<ListRow> {
    let chats = model.chats.as_deref().unwrap_or_default();
    let requests = chats.iter().filter(|chat| is_request(chat)).count();
    let order = model.order();
    let mut rows: Vec<ListRow> = Vec::with_capacity(order.len() + 1);
    for (index, id) in order.iter().enumerate() {
        if requests > 0 && index == order.len() - requests {
            rows.push(ListRow::Requests(requests));
        }
        rows.push(ListRow::Chat(*id));
    }
    let cursor = model.cursor.map(ListRow::Chat);
    let at = rows.iter().position(|row| Some(*row) == cursor).unwrap_or(0);
    let first = (at + 1).saturating_sub(height);
    rows.into_iter().skip(first).take(height).collect()
}

/// A box of at most this size in the middle of `area`.
pub(crate) fn middle(area: Rect, width: u16, height: u16) -> Rect {
    let (width, height) = (width.min(area.width), height.min(area.height));
    Rect { x: area.x + (area.width - width) / 2, y: area.y + (area.height - height) / 2, width, height }
}
