//! Chats: opening and leaving one, writing in it, selecting its messages.
//!
//! Spec: docs/guide/chat.md, "The screen" and "Writing". Invariant: an action on a message takes the selected one, by
//! position, of the open chat.

use subrosa_client::{Body, Command, ContactId, SendState};

use super::{ask, did, save_draft};
use crate::keys::{Action, Key};
use crate::layout::{Shape, layout};
use crate::look::Role;
use crate::model::talk::{Anchor, Talk};
use crate::model::{Below, Focus, Model};
use crate::msg::{Cmd, Purpose, Slot};
use crate::transcript::Window;

/// Opens a chat; the draft of the one that was open is written.
pub(super) fn open(model: &mut Model, id: ContactId, out: &mut Vec<Cmd>) {
    leave(model, out);
    let (seen, unread) = model.chat(id).map_or((None, 0), |chat| (chat.seen, chat.unread));
    let talk = model.talks.entry(id).or_insert_with(|| Talk::new(seen));
    if unread > 0 {
        talk.marker = seen;
    }
    talk.watched = false;
    let unread_draft = talk.composer.saved.is_none();
    model.open = Some(id);
    model.cursor = Some(id);
    model.focus = Focus::Chat;
    ask(model, Slot::Newest(id), out);
    if unread_draft {
        ask(model, Slot::Draft(id), out);
    }
}

/// Leaves the open chat for none.
pub(super) fn close(model: &mut Model, out: &mut Vec<Cmd>) {
    leave(model, out);
    model.open = None;
    model.focus = Focus::List;
}

/// Before another chat opens: the draft is written, the selection ends; reply and draft stay with their chat.
fn leave(model: &mut Model, out: &mut Vec<Cmd>) {
    let Some(id) = model.open else { return };
    save_draft(model, id, out);
    if let Some(talk) = model.talks.get_mut(&id) {
        talk.leave();
        talk.marker = talk.messages().last().map(|message| message.position).max(talk.marker);
    }
}

/// Opens the chat so many lines further down the list.
pub(super) fn step(model: &mut Model, by: isize, out: &mut Vec<Cmd>) {
    let order = model.order();
    let at = model.open.or(model.cursor).and_then(|id| order.iter().position(|other| *other == id));
    let next = match at {
        Some(at) => at.saturating_add_signed(by).min(order.len().saturating_sub(1)),
        None => 0,
    };
    if let Some(id) = order.get(next) {
        open(model, *id, out);
    }
}

/// Opens the next chat with unread messages, from the open one on.
pub(super) fn next_unread(model: &mut Model, out: &mut Vec<Cmd>) {
    let order = model.order();
    let at = model.open.and_then(|id| order.iter().position(|other| *other == id)).map_or(0, |at| at + 1);
    let unread = |id: &&ContactId| model.chat(**id).is_some_and(|chat| chat.unread > 0);
    let found = order.iter().cycle().skip(at).take(order.len()).find(unread).copied();
    match found {
        Some(id) => open(model, id, out),
        None => model.remark("Nothing is unread."),
    }
}

/// A key in the chat list.
pub(super) fn list_key(model: &mut Model, action: Action, out: &mut Vec<Cmd>) {
    let order = model.order();
    let at = model.cursor.and_then(|id| order.iter().position(|other| *other == id)).unwrap_or(0);
    let last = order.len().saturating_sub(1);
    let to = match action {
        Action::Up => at.saturating_sub(1),
        Action::Down => (at + 1).min(last),
        Action::First => 0,
        Action::Last => last,
        Action::Confirm => {
            if let Some(id) = order.get(at) {
                open(model, *id, out);
            }
            return;
        }
        Action::ToComposer => {
            if model.open.is_some() {
                model.focus = Focus::Chat;
            }
            return;
        }
        _ => return,
    };
    model.cursor = order.get(to).copied();
}

/// A key of the composer's own table.
pub(super) fn composer_key(model: &mut Model, action: Action, out: &mut Vec<Cmd>) {
    let Some(id) = model.open else { return };
    let now = model.now;
    let empty = model.open_talk().is_none_or(|talk| talk.composer.editor.is_empty());
    match action {
        Action::Send => did::send(model, id, out),
        Action::PageUp | Action::PageDown => page(model, action),
        Action::ToList => to_list(model),
        Action::Leave => leave_composer(model, out),
        Action::Up if empty => select(model, 0),
        action => {
            let Some(talk) = model.open_talk_mut() else { return };
            if action == Action::NewLine {
                talk.composer.editor.new_line();
            } else {
                talk.composer.editor.edit(action);
            }
            talk.composer.changed = Some(now);
        }
    }
}

/// Esc while writing: the reply is dropped first; then, where only one pane fits, the list shows.
fn leave_composer(model: &mut Model, out: &mut Vec<Cmd>) {
    let wide = layout(model).shape == Shape::Wide;
    match model.open_talk_mut().map(|talk| &mut talk.composer.reply) {
        Some(reply) if reply.is_some() => *reply = None,
        // Where both panes show, the list is reached by Tab alone: Esc too often is no wish to leave the text.
        _ if wide => {}
        _ => {
            if let Some(id) = model.open {
                save_draft(model, id, out);
            }
            to_list(model);
        }
    }
}

pub(super) fn to_list(model: &mut Model) {
    if let Some(talk) = model.open_talk_mut() {
        talk.selected = None;
    }
    model.cursor = model.open.or(model.cursor);
    model.focus = Focus::List;
}

/// A character that is not bound: it is typed.
pub(super) fn typed(model: &mut Model, key: Key) {
    let now = model.now;
    let Some(c) = key.typed() else { return };
    if model.below() == Below::Composer
        && let Some(talk) = model.open_talk_mut()
    {
        talk.composer.editor.type_char(c);
        talk.composer.changed = Some(now);
    }
}

/// A page of the conversation back or forward.
pub(super) fn page(model: &mut Model, action: Action) {
    let rows = layout(model).messages.map_or(1, |area| usize::from(area.height.saturating_sub(2)).max(1));
    scroll(model, if action == Action::PageUp { -1 } else { 1 } * isize::try_from(rows).unwrap_or(1));
}

/// Scrolls by so many rows, negative back in time.
pub(super) fn scroll(model: &mut Model, rows: isize) {
    let anchor = Window::of(model).map(|window| {
        let count = rows.unsigned_abs();
        if rows < 0 { window.back(count) } else { window.forward(count) }
    });
    if let (Some(anchor), Some(talk)) = (anchor, model.open_talk_mut()) {
        talk.anchor = anchor;
    }
}

/// Moves the selection by so many messages; from none, the newest is selected.
fn select(model: &mut Model, by: isize) {
    let Some(talk) = model.open_talk_mut() else { return };
    let last = talk.messages().len().saturating_sub(1);
    let to = match talk.selected.and_then(|position| talk.index(position)) {
        Some(at) if by > 0 && at == last => {
            talk.selected = None;
            talk.anchor = Anchor::Newest;
            model.focus = Focus::Chat;
            return;
        }
        Some(at) => at.saturating_add_signed(by).min(last),
        None => last,
    };
    let Some(message) = talk.messages().get(to) else { return };
    talk.selected = Some(message.position);
    model.focus = Focus::Messages;
    reveal(model);
}

fn select_newest(model: &mut Model) {
    if let Some(talk) = model.open_talk_mut() {
        talk.selected = None;
    }
    select(model, 0);
}

fn reveal(model: &mut Model) {
    let anchor = Window::of(model).map(|window| window.reveal());
    if let (Some(anchor), Some(talk)) = (anchor, model.open_talk_mut()) {
        talk.anchor = anchor;
    }
}

/// A key while messages are selected.
pub(super) fn message_key(model: &mut Model, action: Action, out: &mut Vec<Cmd>) {
    match action {
        Action::Up => select(model, -1),
        Action::Down => select(model, 1),
        Action::PageUp => select(model, -10),
        Action::PageDown => select(model, 10),
        Action::First => select(model, isize::MIN),
        Action::Last => select_newest(model),
        Action::Reply => reply(model),
        Action::Copy => copy(model, out),
        Action::Retry => retry(model, out),
        Action::ToList => to_list(model),
        Action::Leave => {
            if let Some(talk) = model.open_talk_mut() {
                talk.selected = None;
                talk.anchor = Anchor::Newest;
            }
            model.focus = Focus::Chat;
        }
        _ => {}
    }
}

/// The selected message becomes what the next text of this chat answers.
pub(super) fn reply(model: &mut Model) {
    if model.below() != Below::Composer {
        return model.remark("You can't write in this chat now.");
    }
    let Some(talk) = model.open_talk_mut() else { return };
    let target = talk.selection().and_then(|message| match &message.body {
        Body::Text(text) => Some((message.id, crate::text::one_line(text))),
        _ => None,
    });
    if target.is_none() {
        return model.remark("Select a message first: arrow up in an empty box.");
    }
    talk.composer.reply = target;
    talk.selected = None;
    talk.anchor = Anchor::Newest;
    model.focus = Focus::Chat;
}

/// The text of the selected message goes to the clipboard.
pub(super) fn copy(model: &mut Model, out: &mut Vec<Cmd>) {
    let text = model.open_talk().and_then(Talk::selection).and_then(|message| match &message.body {
        Body::Text(text) => Some(crate::text::visible(text)),
        _ => None,
    });
    match text {
        Some(text) => {
            out.push(Cmd::Copy(text));
            model.remark("Copied.");
        }
        None => model.remark("Select a message first: arrow up in an empty box."),
    }
}

/// The selected message, if it failed, is tried again.
pub(super) fn retry(model: &mut Model, out: &mut Vec<Cmd>) {
    let Some(chat) = model.open else { return };
    let failed = model.open_talk().and_then(Talk::selection).and_then(|message| match message.state {
        Some(SendState::Failed(_)) => Some(message.id),
        _ => None,
    });
    match failed {
        Some(message) => {
            let words = Purpose::Say("Trying again.".into());
            out.push(Cmd::Do(Command::Retry { chat, message }, words));
        }
        None => {
            model.trouble("Only a message that failed can be tried again: select one marked !", Role::Text)
        }
    }
}
