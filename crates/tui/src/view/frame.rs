//! The frame around the panes, its titles, and the status line.
//!
//! Spec: docs/guide/chat.md, "The screen". Invariant: trust stands in the title of every conversation.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use subrosa_client::{Chat, Level, RelayState, Standing};

use super::span;
use crate::keys::{Action, Context};
use crate::layout::{Layout, Shape, inset, shape};
use crate::look::{Look, Role};
use crate::model::{Below, Focus, Model, is_request};
use crate::text;
use crate::words::short_keys;

/// A frame around `area` with a title at its left. Answers what is inside.
pub(super) fn plain(model: &Model, area: Rect, title: &str, buf: &mut Buffer) -> Rect {
    framed(model.look, area, title, buf)
}

/// The same without a model: the demo's middle pane has none.
pub(crate) fn framed(look: Look, area: Rect, title: &str, buf: &mut Buffer) -> Rect {
    let style = look.style(Role::Border);
    let [tl, tr, bl, br, h, v, ..] = look.signs().frame;
    let (right, bottom) = (area.right().saturating_sub(1), area.bottom().saturating_sub(1));
    for x in area.x..area.right() {
        buf.set_string(x, area.y, h, style);
        buf.set_string(x, bottom, h, style);
    }
    for y in area.y..area.bottom() {
        buf.set_string(area.x, y, v, style);
        buf.set_string(right, y, v, style);
    }
    for (x, y, corner) in
        [(area.x, area.y, tl), (right, area.y, tr), (area.x, bottom, bl), (right, bottom, br)]
    {
        buf.set_string(x, y, corner, style);
    }
    let room = usize::from(area.width.saturating_sub(4));
    if room > 0 && !title.is_empty() {
        let title = format!(" {} ", text::clip(title, room.saturating_sub(2), look.signs().ellipsis));
        buf.set_stringn(area.x + 1, area.y, title, room, look.style(Role::Accent));
    }
    inset(area)
}

/// The frame of the chats: titles above, a rule above the composer, a line between the panes.
pub(super) fn main(model: &Model, layout: &Layout, buf: &mut Buffer) {
    let style = model.look.style(Role::Border);
    let [.., h, v, down, up, right, left] = model.look.signs().frame;
    let title = if layout.list.is_some() { "Chats" } else { "" };
    plain(model, model.area, title, buf);
    let area = model.area;
    let rule = layout.head.map_or(layout.status.y, |head| head.y).saturating_sub(1);
    for x in area.x..area.right() {
        buf.set_string(x, rule, h, style);
    }
    buf.set_string(area.x, rule, right, style);
    buf.set_string(area.right() - 1, rule, left, style);
    if let Some(list) = layout.list.filter(|list| list.right() < layout.inner.right()) {
        for y in area.y..=rule {
            buf.set_string(list.right(), y, v, style);
        }
        buf.set_string(list.right(), area.y, down, style);
        buf.set_string(list.right(), rule, up, style);
    }
    titles(model, layout, buf);
}

/// The contact's name and trust, and at the right how the relay stands.
fn titles(model: &Model, layout: &Layout, buf: &mut Buffer) {
    let chat = model.open_chat().filter(|_| layout.messages.is_some());
    let relay = corner(model, chat);
    let wide = u16::try_from(relay.width()).unwrap_or(0);
    let at = model.area.right().saturating_sub(wide + 2);
    let from = layout.messages.map_or(at, |messages| messages.x);
    if let Some(chat) = chat {
        let room = usize::from(at.saturating_sub(from)).saturating_sub(1);
        let name = text::clip(&text::one_line(&chat.name), room / 2, model.look.signs().ellipsis);
        buf.set_line(from, model.area.y, &title(model, chat, name), u16::try_from(room).unwrap_or(0));
    }
    if wide + 10 < model.area.width {
        buf.set_line(at, model.area.y, &relay, wide);
    }
}

/// Name and trust.
fn title(model: &Model, chat: &Chat, name: String) -> Line<'static> {
    Line::from(vec![
        Span::raw(" "),
        span(model, name, Role::Accent),
        Span::raw("  "),
        trust(model, chat),
        Span::raw(" "),
    ])
}

/// How my relay stands; where the list is not on screen, also what waits in it, in as many words as there is room for.
fn corner(model: &Model, chat: Option<&Chat>) -> Line<'static> {
    let (words, role) = relay_words(model);
    let relay = || span(model, format!(" {words} "), role);
    let hint = |hint: &str| span(model, format!(" {hint} "), Role::Unread);
    let plain = Line::from(relay());
    let (Some(chat), Shape::Narrow) = (chat, shape(model.area)) else { return plain };
    let Some((long, short)) = elsewhere(model, chat) else { return plain };
    let dot = || span(model, model.look.signs().dot, Role::Dim);
    let mut tries =
        vec![Line::from(vec![hint(&long), dot(), relay()]), Line::from(vec![hint(&short), dot(), relay()])];
    // All is well with the relay: that may stay unsaid. Trust may not.
    if role == Role::Good {
        tries.push(Line::from(hint(&short)));
    }
    let title = title(model, chat, text::one_line(&chat.name)).width();
    let room = usize::from(model.area.width).saturating_sub(title + 4);
    tries.into_iter().find(|line| line.width() <= room).unwrap_or(plain)
}

/// What waits in other chats, in words and as a number.
fn elsewhere(model: &Model, open: &Chat) -> Option<(String, String)> {
    let others = || model.chats.iter().flatten().filter(|chat| chat.id != open.id);
    let unread: u32 = others().filter(|chat| !is_request(chat)).map(|chat| chat.unread).sum();
    let requests = u32::try_from(others().filter(|chat| is_request(chat)).count()).unwrap_or(u32::MAX);
    let words = match (unread, requests) {
        (0, 0) => return None,
        (0, 1) => "a request".into(),
        (0, _) => format!("{requests} requests"),
        _ => format!("{unread} unread elsewhere"),
    };
    Some((words, format!("+{}", unread.saturating_add(requests))))
}

/// What is known about who speaks.
pub(super) fn trust(model: &Model, chat: &Chat) -> Span<'static> {
    let signs = model.look.signs();
    let pair = |sign: &str, words: &str, role| span(model, format!("{sign} {words}"), role);
    match (chat.standing, chat.alarm) {
        (_, Some(_)) => pair(signs.alarm, "alarm", Role::Alarm),
        (Standing::Request, _) => pair("?", "request", Role::Warn),
        (Standing::KnownAgain, _) => pair("?", "came again", Role::Warn),
        (Standing::Closed, _) => pair("x", "closed", Role::Dim),
        (Standing::Restored, _) => pair(signs.unverified, "restored, not yet confirmed", Role::Warn),
        // HS-42.
        (Standing::Pending, _) => pair(signs.unverified, "not yet confirmed", Role::Warn),
        _ if chat.verified => pair(signs.verified, "verified", Role::Good),
        _ if chat.level < Level::Mutual => pair(signs.unverified, "not yet confirmed", Role::Warn),
        _ => pair(signs.unverified, "not verified", Role::Warn),
    }
}

/// How my relay stands, in a word or two; and whether another one has trouble.
fn relay_words(model: &Model) -> (String, Role) {
    let Some(me) = &model.me else { return ("loading…".into(), Role::Dim) };
    let mine = model.my_relay();
    let (words, role) = match mine.and_then(|mine| model.relays.get(mine)) {
        None if me.relay.is_none() => ("no relay", Role::Dim),
        // One that nothing is waiting for yet is not reached.
        None => ("relay idle", Role::Dim),
        Some(RelayState::WrongKey) => ("wrong relay key", Role::Alarm),
        Some(RelayState::Offline(_)) => ("offline", Role::Warn),
        Some(RelayState::Online) => ("online", Role::Good),
        Some(_) => ("connecting", Role::Dim),
    };
    let troubled = |(name, state): (&String, &RelayState)| {
        Some(name.as_str()) != mine && matches!(state, RelayState::Offline(_) | RelayState::WrongKey)
    };
    if shape(model.area) == Shape::Wide && model.relays.iter().any(troubled) {
        let dot = model.look.signs().dot;
        return (format!("{words} {dot} trouble with another relay: /status"), role);
    }
    (words.into(), role)
}

/// The last sentence, or what the keys do here. What is cut off of a sentence stands in the log.
pub(super) fn status(model: &Model, area: Rect, buf: &mut Buffer) {
    let ellipsis = model.look.signs().ellipsis;
    let room = usize::from(area.width.saturating_sub(2));
    let Some(remark) = &model.status else {
        let words = text::clip(&hints(model), room, ellipsis);
        buf.set_string(area.x + 1, area.y, words, model.look.style(Role::Dim));
        return;
    };
    let mut lines = text::wrap(&text::one_line(&remark.text), room);
    let rows = usize::from(area.height.max(1));
    if lines.len() > rows {
        let rest = lines.split_off(rows - 1).join(" ");
        let more = if remark.role == Role::Text { "" } else { " /log" };
        lines.push(text::clip(&rest, room.saturating_sub(more.len()), ellipsis) + more);
    }
    for (y, words) in (area.y..).zip(lines) {
        buf.set_string(area.x + 1, y, words, model.look.style(remark.role));
    }
}

/// What the keys do here, in few words.
fn hints(model: &Model) -> String {
    let (context, pairs): (Context, &[(Action, &str)]) = match (model.focus, model.below()) {
        (Focus::List, _) => (
            Context::List,
            &[
                (Action::Confirm, "open"),
                (Action::Invite, "invite"),
                (Action::Add, "add"),
                (Action::Slash, "commands"),
            ],
        ),
        (Focus::Messages, _) | (_, Below::Closed) => {
            (Context::Messages, &[(Action::Reply, "reply"), (Action::Copy, "copy"), (Action::Leave, "back")])
        }
        (_, Below::Alarm(_)) => (Context::Alarm, &[(Action::Verify, "verify"), (Action::Recover, "recover")]),
        (_, Below::Request) => (Context::Request, &[(Action::Leave, "list")]),
        (Focus::Chat, Below::Composer) => (
            Context::Composer,
            &[
                (Action::Send, "send"),
                (Action::NewLine, "line"),
                (Action::Up, "select"),
                (Action::Slash, "commands"),
            ],
        ),
    };
    let global = short_keys(Context::Global, &[(Action::Switcher, "go"), (Action::Help, "help")]);
    format!("{} · {global}", short_keys(context, pairs))
}
