//! The commands of the palette.
//!
//! Spec: docs/guide/chat.md, "Commands". Invariant: what can't be taken back is asked first, with the name it concerns.

use subrosa_client::{Command, ContactId};

use super::{ask, chat, quit};
use crate::commands::Verb;
use crate::look::{Ground, Role};
use crate::model::overlay::{Add, AddStep, Choice, Invites, Overlay, Question, Then, Verify};
use crate::model::{Below, Model};
use crate::msg::{Cmd, Purpose, Slot};
use crate::text;

/// A backup shows words once, and asks for some of them: a matter of its own.
const BACKUP: &str =
    "Quit, then run: subrosa backup FILE (it shows 24 words once, and asks for three of them)";

pub(super) fn run(model: &mut Model, verb: Verb, rest: &str, out: &mut Vec<Cmd>) {
    match verb {
        Verb::Invite => new_invite(model, rest.starts_with('r'), out),
        Verb::Invites => invites(model, out),
        Verb::Add => add(model, rest, out),
        Verb::Accept => accept(model, out),
        Verb::Reject => reject(model),
        Verb::Verify => verify(model, out),
        Verb::Reply => chat::reply(model),
        Verb::Copy => chat::copy(model, out),
        Verb::Retry => chat::retry(model, out),
        Verb::Recover => recover(model),
        Verb::SendAnyway => send_anyway(model),
        Verb::Forget => forget(model),
        Verb::Goto => goto(model, rest, out),
        Verb::Read => read(model, out),
        // The page says which one it is, and how to choose another.
        Verb::Relay if rest.is_empty() => model.overlays.push(Overlay::Status),
        Verb::Status => model.overlays.push(Overlay::Status),
        Verb::Backup => model.remark(BACKUP),
        Verb::Log => model.overlays.push(Overlay::Log(0)),
        Verb::Help => model.overlays.push(Overlay::Help(0)),
        Verb::Quit => quit(model, out),
        Verb::Rename | Verb::Name | Verb::Relay | Verb::Receipts => set(model, verb, rest, out),
        Verb::Theme | Verb::Ascii => look(model, verb, rest),
    }
}

/// The open chat and its name, or a remark that there is none.
fn target(model: &mut Model) -> Option<(ContactId, String)> {
    let found = model.open_chat().map(|chat| (chat.id, text::one_line(&chat.name)));
    if found.is_none() {
        model.remark("Open a chat first.");
    }
    found
}

fn ask_first(model: &mut Model, text: String, yes: &'static str, command: Command, purpose: Purpose) {
    model.overlays.push(Overlay::Question(Question { text, yes, then: Then::Do(command, purpose) }));
}

/// The command that joins by a link.
pub(super) fn join(link: &str, greeting: &str, again: bool) -> Command {
    Command::Join { link: link.to_owned(), greeting: greeting.to_owned(), again }
}

pub(super) fn new_invite(model: &mut Model, reusable: bool, out: &mut Vec<Cmd>) {
    invites(model, out);
    if let Some(Overlay::Invites(screen)) = model.overlays.last_mut() {
        screen.making = true;
    }
    out.push(Cmd::Do(Command::Invite { reusable }, Purpose::Invite));
}

/// Shows the invite screen.
fn invites(model: &mut Model, out: &mut Vec<Cmd>) {
    ask(model, Slot::Invites, out);
    if !matches!(model.overlays.last(), Some(Overlay::Invites(_))) {
        model.overlays.push(Overlay::Invites(Invites::default()));
    }
}

/// Opens the screen to add someone; with a link it is taken at once.
pub(super) fn add(model: &mut Model, link: &str, out: &mut Vec<Cmd>) {
    let mut screen = Add::new(link);
    let link = screen.link.text().trim().to_owned();
    if !link.is_empty() {
        screen.step = AddStep::Asked;
        out.push(Cmd::Do(join(&link, "", false), Purpose::Join { link, greeting: String::new() }));
    }
    model.overlays.push(Overlay::Add(screen));
}

pub(super) fn accept(model: &mut Model, out: &mut Vec<Cmd>) {
    let Some((id, _)) = target(model) else { return };
    if model.below() == Below::Request {
        out.push(Cmd::Do(Command::Accept(id), Purpose::Accept(id)));
    } else {
        model.remark("This chat is no request.");
    }
}

pub(super) fn reject(model: &mut Model) {
    let Some((id, name)) = target(model) else { return };
    if model.below() == Below::Request {
        let words = format!("Reject the request of {name}? They are not told.");
        ask_first(model, words, "reject", Command::Reject(id), Purpose::Gone(id));
    } else {
        model.remark("This chat is no request.");
    }
}

pub(super) fn verify(model: &mut Model, out: &mut Vec<Cmd>) {
    let Some((contact, _)) = target(model) else { return };
    model.overlays.push(Overlay::Verify(Verify { contact, safety: None }));
    ask(model, Slot::Safety(contact), out);
}

pub(super) fn send_anyway(model: &mut Model) {
    let Some((id, name)) = target(model) else { return };
    let Some(kind) = model.open_chat().and_then(|chat| chat.alarm) else {
        return model.remark("There is no alarm here.");
    };
    if kind == subrosa_client::AlarmKind::OwnRollback {
        return model.remark("Not possible here: recover the chat instead (c).");
    }
    let words = format!(
        "Go on sending to {name}? The alarm was: {kind}. If it is real, someone else may read what you write."
    );
    ask_first(model, words, "go on sending", Command::Unlatch(id), Purpose::Say("Sending goes on.".into()));
}

pub(super) fn recover(model: &mut Model) {
    let Some((id, name)) = target(model) else { return };
    let words =
        format!("Recover the chat with {name}? Both of you get a new session, and both of you are told.");
    ask_first(
        model,
        words,
        "recover",
        Command::Recover(id),
        Purpose::Say("The recovery is on its way.".into()),
    );
}

fn forget(model: &mut Model) {
    let Some((id, name)) = target(model) else { return };
    let words = format!(
        "Erase {name} and every message of this chat? They are told that the chat is closed. This can't be taken back."
    );
    ask_first(model, words, "erase", Command::Forget(id), Purpose::Gone(id));
}

fn goto(model: &mut Model, rest: &str, out: &mut Vec<Cmd>) {
    let found = super::overlay::switcher_rows(model, rest);
    match found.first() {
        Some(id) if !rest.is_empty() => chat::open(model, *id, out),
        _ => model.overlays.push(Overlay::Switcher(Choice::new())),
    }
}

fn read(model: &mut Model, out: &mut Vec<Cmd>) {
    let Some((chat, _)) = target(model) else { return };
    let Some(talk) = model.open_talk_mut() else { return };
    let last = talk.messages().last().map(|message| message.position);
    talk.marker = last.max(talk.marker);
    if let Some(upto) = last {
        out.push(Cmd::Do(Command::Seen { chat, upto }, Purpose::Quiet));
    }
}

/// Commands that set something to what was typed.
fn set(model: &mut Model, verb: Verb, rest: &str, out: &mut Vec<Cmd>) {
    let rest = rest.to_owned();
    let (command, words) = match verb {
        Verb::Rename => {
            let Some((contact, name)) = target(model) else { return };
            let words = format!("{name} is {} from now on.", text::one_line(&rest));
            (Command::Rename { contact, name: rest }, words)
        }
        Verb::Name => (Command::SetName(rest), "New invites carry this name.".into()),
        Verb::Relay => (Command::UseRelay(rest), "New invites live at this relay.".into()),
        _ => match rest.as_str() {
            "on" => (Command::Receipts(true), "Others learn that you received and read.".into()),
            "off" => (Command::Receipts(false), "Nobody learns that you received or read.".into()),
            _ => return model.trouble("Say /receipts on or /receipts off.", Role::Text),
        },
    };
    out.push(Cmd::Do(command, Purpose::Say(words)));
}

fn look(model: &mut Model, verb: Verb, rest: &str) {
    match (verb, rest) {
        (Verb::Ascii, _) => model.look.ascii = !model.look.ascii,
        (_, "dark") => model.look.ground = Ground::Dark,
        (_, "light") => model.look.ground = Ground::Light,
        _ => model.remark("Say /theme dark or /theme light."),
    }
}
