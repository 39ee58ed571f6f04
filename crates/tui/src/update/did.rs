//! Outcomes of commands.
//!
//! Spec: docs/guide/chat.md, "Writing". Invariant: a text that was refused stands in its chat's composer again.

use subrosa_client::{Command, ContactId, Done, MessageId};

use super::{ask, chat, notice, quit, save_draft};
use crate::look::Role;
use crate::model::Model;
use crate::model::overlay::{AddStep, Overlay};
use crate::msg::{Cmd, Failure, Joining, Purpose, Slot};

pub(super) fn did(model: &mut Model, purpose: Purpose, outcome: Result<Done, Failure>, out: &mut Vec<Cmd>) {
    match purpose {
        Purpose::Send { chat, text, reply } => {
            sent(model, chat, outcome.err().map(|why| (why, text, reply)), out)
        }
        Purpose::Join { link, greeting } => joining(model, outcome, link, greeting),
        Purpose::Invite => invited(model, outcome, out),
        purpose => match outcome {
            Ok(_) => succeeded(model, purpose, out),
            Err(why) => model.trouble(why.sentence(), Role::Warn),
        },
    }
}

fn succeeded(model: &mut Model, purpose: Purpose, out: &mut Vec<Cmd>) {
    match purpose {
        Purpose::Say(words) => model.remark(words),
        Purpose::Accept(id) => {
            ask(model, Slot::Chats, out);
            chat::open(model, id, out);
            model.remark("Accepted: you can write to each other.");
        }
        Purpose::Gone(id) => {
            if model.open == Some(id) {
                chat::close(model, out);
            }
            model.talks.remove(&id);
            let rejected = model.chat(id).is_some_and(crate::model::is_request);
            ask(model, Slot::Chats, out);
            model.remark(if rejected { "Rejected: they are not told." } else { "Erased." });
        }
        Purpose::Verify(id) => {
            ask(model, Slot::Chats, out);
            ask(model, Slot::Safety(id), out);
        }
        _ => return,
    }
    ask(model, Slot::Me, out);
}

type Refused = (Failure, String, Option<(MessageId, String)>);

/// A text has its outcome: on disk in the outbox, or refused.
fn sent(model: &mut Model, chat: ContactId, refused: Option<Refused>, out: &mut Vec<Cmd>) {
    let Some(talk) = model.talks.get_mut(&chat) else { return };
    let composer = &mut talk.composer;
    composer.sending = composer.sending.saturating_sub(1);
    if let Some((why, text, reply)) = refused {
        let later = composer.editor.text();
        let both = if later.is_empty() { text } else { format!("{text}\n{later}") };
        composer.editor.replace(&both);
        composer.reply = composer.reply.take().or(reply);
        composer.changed = Some(model.now);
        model.quitting = false;
        model.trouble(format!("Not sent: {}", why.sentence()), Role::Alarm);
    } else {
        save_draft(model, chat, out);
        ask(model, Slot::Newest(chat), out);
    }
    if model.quitting && model.talks.values().all(|talk| talk.composer.sending == 0) {
        quit(model, out);
    }
}

fn joining(model: &mut Model, outcome: Result<Done, Failure>, link: String, greeting: String) {
    let add = model.overlays.iter_mut().rev().find_map(|overlay| match overlay {
        Overlay::Add(add) => Some(add),
        _ => None,
    });
    match outcome {
        Ok(Done::Joining(invite)) => {
            match add {
                Some(add) => add.step = AddStep::Taking(invite),
                None => model.remark("Taking the invite at its relay."),
            }
            model.joining.push(Joining { invite, link, greeting });
        }
        Ok(_) => {}
        Err(Failure::Known(name)) => {
            model.overlays.retain(|overlay| !matches!(overlay, Overlay::Add(_)));
            notice::ask_again(model, &name, link, greeting);
        }
        Err(Failure::Said(why)) => {
            if let Some(add) = add {
                add.step = AddStep::Failed(why.clone());
            }
            model.trouble(why, Role::Warn);
        }
    }
}

fn invited(model: &mut Model, outcome: Result<Done, Failure>, out: &mut Vec<Cmd>) {
    let screen = model.overlays.iter_mut().rev().find_map(|overlay| match overlay {
        Overlay::Invites(screen) => Some(screen),
        _ => None,
    });
    if let Some(screen) = screen {
        screen.making = false;
        if let Ok(Done::Invite(id)) = outcome {
            screen.shown = Some(id);
        }
    }
    match outcome {
        Ok(_) => ask(model, Slot::Invites, out),
        Err(why) => model.trouble(why.sentence(), Role::Warn),
    }
}

/// A text is given to the client.
pub(super) fn send(model: &mut Model, chat: ContactId, out: &mut Vec<Cmd>) {
    let Some(talk) = model.talks.get_mut(&chat) else { return };
    let text = talk.composer.editor.text();
    if text.trim().is_empty() {
        return;
    }
    let reply = talk.composer.reply.take();
    talk.composer.editor.replace("");
    talk.composer.changed = None;
    talk.composer.sending += 1;
    // What was new has been answered.
    talk.marker = talk.messages().last().map(|message| message.position);
    talk.anchor = crate::model::talk::Anchor::Newest;
    let answers = reply.as_ref().map(|(id, _)| *id);
    let command = Command::Send { to: chat, text: text.clone(), reply: answers };
    out.push(Cmd::Do(command, Purpose::Send { chat, text, reply }));
}
