//! Hints of the client: each leads to questions, and some to a sentence.
//!
//! Spec: docs/ARCHITECTURE.md, "The screen". Invariant: what the chats show comes from answers alone, so that hints may
//! come in any order, twice or not at all.

use subrosa_client::{ContactId, InviteId, JoinFailure, Notice, RelayState};

use super::{ask, ask_all, chat, command};
use crate::look::Role;
use crate::model::overlay::{AddStep, Overlay, Question, Then};
use crate::model::{Model, Remark};
use crate::msg::{Cmd, Purpose, Slot};
use crate::text;

pub(super) fn notice(model: &mut Model, notice: Notice, out: &mut Vec<Cmd>) {
    match notice {
        Notice::Chats => ask(model, Slot::Chats, out),
        Notice::Chat(id) => changed(model, id, out),
        Notice::Arrived(id) => {
            changed(model, id, out);
            if !model.focused {
                out.push(Cmd::Bell);
            }
        }
        Notice::Invites => ask(model, Slot::Invites, out),
        Notice::Request(_) => {
            ask(model, Slot::Chats, out);
            model.remark("Someone asks to write to you: see the requests in the chat list.");
        }
        Notice::Joined { invite, contact } => joined(model, invite, contact, out),
        Notice::JoinFailed { invite, why } => join_failed(model, invite, why, out),
        Notice::Alarm { contact, kind } => {
            changed(model, contact, out);
            let name =
                model.chat(contact).map_or_else(|| "a contact".into(), |chat| text::one_line(&chat.name));
            model.trouble(format!("Alarm in the chat with {name}: {kind}"), Role::Alarm);
        }
        Notice::SomeoneElseTried(_) => {
            ask(model, Slot::Invites, out);
            let words = "Someone else tried an invite that was used already: whoever saw the link may have been first. \
                         Verify the contact who came by it.";
            model.trouble(words, Role::Warn);
        }
        Notice::Relay { name, state } => relay(model, name, state),
        Notice::Trouble(words) => model.trouble(words, Role::Warn),
        Notice::Lagged => ask_all(model, out),
        // A kind of hint that this version does not know changes nothing that it shows.
        _ => {}
    }
}

/// Something in a chat changed: its line in the list, and its messages if they are loaded.
fn changed(model: &mut Model, id: ContactId, out: &mut Vec<Cmd>) {
    ask(model, Slot::Chats, out);
    if model.talks.contains_key(&id) {
        ask(model, Slot::Newest(id), out);
    }
    let verifying = |overlay: &Overlay| matches!(overlay, Overlay::Verify(verify) if verify.contact == id);
    if model.overlays.iter().any(verifying) {
        ask(model, Slot::Safety(id), out);
    }
}

fn joined(model: &mut Model, invite: InviteId, contact: ContactId, out: &mut Vec<Cmd>) {
    ask(model, Slot::Chats, out);
    ask(model, Slot::Invites, out);
    let taken = model.taken().find(|taken| taken.id == invite).map(|taken| taken.reusable);
    let ours = taken.is_some() || model.joining.iter().any(|joining| joining.invite == invite);
    model.joining.retain(|joining| joining.invite != invite);
    let waiting =
        |overlay: &Overlay| matches!(overlay, Overlay::Add(add) if add.step == AddStep::Taking(invite));
    if model.overlays.last().is_some_and(waiting) {
        model.overlays.pop();
        chat::open(model, contact, out);
    }
    model.remark(if taken == Some(true) {
        "Asked: they must accept your request; what you write goes out then."
    } else if ours {
        "Added: you can write at once; they will see it when they are online."
    } else {
        "Someone joined by your invite: compare the safety number (/verify) when you can."
    });
}

fn join_failed(model: &mut Model, invite: InviteId, why: JoinFailure, out: &mut Vec<Cmd>) {
    ask(model, Slot::Invites, out);
    let position = model.joining.iter().position(|joining| joining.invite == invite);
    let joining = position.map(|position| model.joining.remove(position));
    if why == JoinFailure::Known
        && let Some(joining) = joining
    {
        model.overlays.retain(|overlay| !matches!(overlay, Overlay::Add(_)));
        return ask_again(model, "this contact", joining.link, joining.greeting);
    }
    model.trouble(why.to_string(), Role::Warn);
    if let Some(Overlay::Add(add)) = model.overlays.last_mut()
        && add.step == AddStep::Taking(invite)
    {
        add.step = AddStep::Failed(why.to_string());
    }
}

/// The inviter is a contact already: is that meant?
pub(super) fn ask_again(model: &mut Model, name: &str, link: String, greeting: String) {
    let text = format!(
        "You already have {}. Join again only if they asked you to: a new handshake replaces nothing until you accept it.",
        text::one_line(name)
    );
    let command = command::join(&link, &greeting, true);
    let then = Then::Do(command, Purpose::Join { link, greeting });
    model.overlays.push(Overlay::Question(Question { text, yes: "join again", then }));
}

fn relay(model: &mut Model, name: String, state: RelayState) {
    let words = match &state {
        RelayState::Offline(why) => Some((format!("{name} can't be reached: {why}"), Role::Warn)),
        RelayState::WrongKey => Some((
            format!(
                "{name} is not the relay it should be (another key): nothing was sent to it. Ask for a new address."
            ),
            Role::Alarm,
        )),
        _ => None,
    };
    match words {
        Some((text, Role::Alarm)) => model.trouble(text, Role::Alarm),
        // Tried again by itself: the frame says "offline", the log says why.
        Some((text, role)) => model.note(Remark { at: model.now, text, role }),
        None => {}
    }
    model.relays.insert(name, state);
}
