//! [`update`]: the only function that changes the model.
//!
//! Spec: docs/ARCHITECTURE.md, "The screen". Invariant: it is pure but for the model: what has to be done is answered as
//! [`Cmd`]s, and hints of the client only lead to questions, so that their order does not matter.

mod chat;
mod command;
mod did;
mod keys;
mod mouse;
mod notice;
mod overlay;
mod start;

pub(crate) use overlay::{listed, shown, switcher_rows};
use subrosa_client::{Answer, Command, ContactId, Message, Query, Standing};

use crate::look::Role;
use crate::model::overlay::Overlay;
use crate::model::start::Stage;
use crate::model::talk::{Anchor, PAGE, Talk};
use crate::model::{Focus, Model};
use crate::msg::{Cmd, Msg, Opened, Purpose, Slot};
use crate::transcript::Window;

/// Takes one message in; what follows from it has to be done in order.
pub(crate) fn update(model: &mut Model, msg: Msg) -> Vec<Cmd> {
    let mut out = Vec::new();
    if let Msg::Tick(now) = msg {
        tick(model, now, &mut out);
        return out;
    }
    model.dirty = true;
    match msg {
        Msg::Tick(_) => {}
        Msg::Focus(focused) => model.focused = focused,
        Msg::Key(event) => keys::key(model, &event, &mut out),
        Msg::Paste(text) => keys::paste(model, &text, &mut out),
        Msg::Mouse(event) => mouse::mouse(model, event, &mut out),
        Msg::Answer(slot, answer) => answered(model, slot, answer, &mut out),
        Msg::Did(purpose, outcome) => did::did(model, purpose, outcome, &mut out),
        Msg::Notice(notice) => notice::notice(model, notice, &mut out),
        // One that nobody needs any more is not among them.
        Msg::Relays(relays) => model.relays = relays.into_iter().collect(),
        Msg::Opened(opened) => opened_profile(model, opened, &mut out),
        Msg::NotOpened(why) => start::not_opened(model, why),
        #[cfg(feature = "host")]
        Msg::Show(id) => chat::open(model, id, &mut out),
        Msg::End => {
            // What is being sent keeps its draft in the vault until it has its outcome.
            model.quitting = true;
            quit(model, &mut out);
        }
    }
    settle(model, &mut out);
    out
}

/// The clock moved: drafts are written and remarks pass.
fn tick(model: &mut Model, now: u64, out: &mut Vec<Cmd>) {
    model.now.0 = now;
    if model.remark_ends().is_some_and(|ends| ends <= now) {
        model.status = None;
        model.dirty = true;
    }
    let due = |id: &ContactId| {
        model.talks.get(id).and_then(|talk| talk.composer.save_at()).is_some_and(|at| at <= now)
    };
    let ids: Vec<ContactId> = model.talks.keys().copied().filter(due).collect();
    for id in ids {
        save_draft(model, id, out);
    }
}

/// Writes what stands in the composer of a chat, if it is not what the vault holds.
fn save_draft(model: &mut Model, id: ContactId, out: &mut Vec<Cmd>) {
    let text = model.talks.get_mut(&id).and_then(|talk| talk.composer.take_unsaved());
    if let Some(text) = text {
        out.push(Cmd::Do(Command::Draft { chat: id, text }, Purpose::Quiet));
    }
}

/// Quits once every text that was given to the client has its outcome.
fn quit(model: &mut Model, out: &mut Vec<Cmd>) {
    let waiting = model.talks.values().any(|talk| talk.composer.sending > 0);
    if waiting && !model.quitting {
        model.quitting = true;
        return;
    }
    let ids: Vec<ContactId> = model.talks.keys().copied().collect();
    for id in ids {
        save_draft(model, id, out);
    }
    out.push(Cmd::Quit);
}

/// Asks for what belongs into a slot; while a question is on the way, it is asked again after its answer.
fn ask(model: &mut Model, slot: Slot, out: &mut Vec<Cmd>) {
    if let Some(again) = model.asked.get_mut(&slot) {
        *again = true;
        return;
    }
    let query = match slot {
        Slot::Me => Query::Me,
        Slot::Chats => Query::Chats,
        Slot::Invites => Query::Invites,
        Slot::Safety(id) => Query::Safety(id),
        Slot::Draft(id) => Query::Draft(id),
        Slot::Newest(id) => {
            let Some(talk) = model.talks.get_mut(&id) else { return };
            Query::Messages { chat: id, before: None, limit: talk.reach() }
        }
        Slot::Older(id) => {
            let Some(first) = model.talks.get(&id).and_then(|talk| talk.messages().first()) else { return };
            Query::Messages { chat: id, before: Some(first.position), limit: PAGE }
        }
    };
    model.asked.insert(slot, false);
    out.push(Cmd::Ask(slot, query));
}

/// Asks for everything that is on screen: at the start, and when hints were missed.
fn ask_all(model: &mut Model, out: &mut Vec<Cmd>) {
    for slot in [Slot::Me, Slot::Chats, Slot::Invites] {
        ask(model, slot, out);
    }
    let ids: Vec<ContactId> = model.talks.keys().copied().collect();
    for id in ids {
        ask(model, Slot::Newest(id), out);
    }
    if let Some(Overlay::Verify(verify)) = model.overlays.last() {
        let contact = verify.contact;
        ask(model, Slot::Safety(contact), out);
    }
}

fn answered(model: &mut Model, slot: Slot, answer: Result<Answer, String>, out: &mut Vec<Cmd>) {
    let again = model.asked.remove(&slot).unwrap_or(false);
    match answer {
        Ok(answer) => fill(model, slot, answer, out),
        Err(why) => model.trouble(why, Role::Alarm),
    }
    if again {
        ask(model, slot, out);
    }
}

fn fill(model: &mut Model, slot: Slot, answer: Answer, out: &mut Vec<Cmd>) {
    match (slot, answer) {
        (Slot::Me, Answer::Me(me)) => model.me = Some(me),
        (Slot::Chats, Answer::Chats(chats)) => {
            model.chats = Some(chats);
            chats_changed(model);
        }
        (Slot::Invites, Answer::Invites(invites)) => model.invites = Some(invites),
        (Slot::Newest(id), Answer::Messages(messages)) => {
            let looked = model.open == Some(id) && model.focused && model.overlays.is_empty();
            let reached = model.talks.get_mut(&id).is_none_or(|talk| newest(talk, messages, looked));
            if !reached {
                ask(model, slot, out);
            }
        }
        (Slot::Older(id), Answer::Messages(messages)) => {
            if let Some(talk) = model.talks.get_mut(&id) {
                talk.older(messages, PAGE);
            }
        }
        (Slot::Safety(id), Answer::Safety(safety)) => {
            for overlay in &mut model.overlays {
                if let Overlay::Verify(verify) = overlay
                    && verify.contact == id
                {
                    verify.safety = Some(safety.clone());
                }
            }
        }
        (Slot::Draft(id), Answer::Draft(draft)) => {
            if let Some(talk) = model.talks.get_mut(&id) {
                talk.composer.loaded(draft);
            }
        }
        // The chat went away between question and answer: the list says so.
        _ => {}
    }
}

/// The newest messages came. What arrives in front of a watching person is not "new".
fn newest(talk: &mut Talk, messages: Vec<Message>, looked: bool) -> bool {
    let watched = looked && talk.watched && talk.anchor == Anchor::Newest && talk.fresh() == 0;
    let reached = talk.newest(messages);
    if reached {
        talk.watched = true;
    }
    if reached && watched {
        talk.marker = talk.messages().last().map(|message| message.position).max(talk.marker);
    }
    reached
}

/// The list came: what it no longer holds leaves the screen.
fn chats_changed(model: &mut Model) {
    let order = model.order();
    if model.open.is_some_and(|open| !order.contains(&open)) {
        model.open = None;
        model.focus = Focus::List;
    }
    model.talks.retain(|id, _| order.contains(id));
    if model.cursor.is_none_or(|cursor| !order.contains(&cursor)) {
        model.cursor = model.open.or_else(|| order.first().copied());
    }
}

fn opened_profile(model: &mut Model, opened: Opened, out: &mut Vec<Cmd>) {
    model.stage = Stage::Open;
    model.hosting = opened.hosting;
    model.relays.extend(opened.relays);
    ask_all(model, out);
    if opened.fresh {
        command::new_invite(model, false, out);
        if let Some(Overlay::Invites(screen)) = model.overlays.last_mut() {
            screen.welcome = true;
        }
    }
}

/// What follows from what is on screen now: older messages are fetched when their beginning shows, and what a person
/// in front of the terminal has seen is reported.
fn settle(model: &mut Model, out: &mut Vec<Cmd>) {
    if !matches!(model.stage, Stage::Open) {
        return;
    }
    let Some(id) = model.open else { return };
    let Some(window) = Window::of(model) else { return };
    let (_, whole) = window.rows();
    let last = window.last_seen();
    let Some(talk) = model.talks.get_mut(&id) else { return };
    let wants_older = whole && talk.window.is_some() && !talk.complete;
    let looked = model.focused && model.overlays.is_empty();
    let seen = last.filter(|last| looked && talk.seen < Some(*last));
    if let Some(upto) = seen {
        let theirs = talk.messages().iter().any(|message| {
            !message.mine && message.position <= upto && talk.seen.is_none_or(|seen| message.position > seen)
        });
        talk.seen = Some(upto);
        // A request is not told that it was read.
        let standing = model.chat(id).map(|chat| chat.standing);
        if theirs && !matches!(standing, Some(Standing::Request | Standing::KnownAgain)) {
            out.push(Cmd::Do(Command::Seen { chat: id, upto }, Purpose::Quiet));
        }
    }
    if wants_older {
        ask(model, Slot::Older(id), out);
    }
}

#[cfg(test)]
mod tests;
