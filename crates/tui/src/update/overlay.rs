//! Keys of what lies above the chats.
//!
//! Spec: docs/guide/chat.md, "The screen". Invariant: a key acts on the topmost overlay only.

use subrosa_client::{Chat, Command, ContactId, Invite};

use super::{chat, command};
use crate::commands::{Spec, argument, matching};
use crate::keys::{Action, Key};
use crate::model::Model;
use crate::model::overlay::{Add, AddStep, Choice, Overlay, Question, Then};
use crate::msg::{Cmd, Purpose};

/// Rows of a page in help and log.
const PAGE: usize = 10;

pub(super) fn key(model: &mut Model, action: Option<Action>, key: Key, out: &mut Vec<Cmd>) {
    let Some(mut top) = model.overlays.pop() else { return };
    let keep = match (&mut top, action) {
        (Overlay::Question(question), Some(Action::Yes)) => {
            let question = question.clone();
            return yes(model, question, out);
        }
        (Overlay::Question(_), Some(Action::No)) => false,
        (_, Some(Action::Leave)) => false,
        (Overlay::Help(row) | Overlay::Log(row), Some(action)) => {
            *row = paged(*row, action);
            true
        }
        (Overlay::Palette(choice), _) => return palette(model, choice.clone(), action, key, out),
        (Overlay::Switcher(choice), _) => return switcher(model, choice.clone(), action, key, out),
        (Overlay::Add(add), _) => {
            add_key(add, action, key, out);
            true
        }
        (Overlay::Invites(_), Some(action)) => {
            model.overlays.push(top);
            return invites_key(model, action, out);
        }
        (Overlay::Verify(verify), Some(Action::Mark)) => {
            if let Some(safety) = &verify.safety {
                let command = Command::Verify { contact: verify.contact, verified: !safety.verified };
                out.push(Cmd::Do(command, Purpose::Verify(verify.contact)));
            }
            true
        }
        _ => true,
    };
    if keep {
        model.overlays.push(top);
    }
}

const fn paged(row: usize, action: Action) -> usize {
    match action {
        Action::Up => row.saturating_sub(1),
        Action::Down => row + 1,
        Action::PageUp => row.saturating_sub(PAGE),
        Action::PageDown => row + PAGE,
        _ => row,
    }
}

fn yes(model: &mut Model, question: Question, out: &mut Vec<Cmd>) {
    match question.then {
        Then::Do(command, purpose) => out.push(Cmd::Do(command, purpose)),
        Then::Paste(id, text) => {
            let now = model.now;
            if let Some(talk) = model.talks.get_mut(&id) {
                talk.composer.editor.insert(&text);
                talk.composer.changed = Some(now);
            }
        }
    }
}

/// Moves the highlighted row, or types into the filter. Answers whether the key was for the list.
fn choose(choice: &mut Choice, action: Option<Action>, key: Key, rows: usize) {
    match action {
        Some(Action::Up) => choice.row = choice.row.saturating_sub(1),
        Some(Action::Down) => choice.row = (choice.row + 1).min(rows.saturating_sub(1)),
        Some(action) => {
            if choice.filter.edit(action) {
                choice.row = 0;
            }
        }
        None => {
            if let Some(c) = key.typed() {
                choice.filter.type_char(c);
                choice.row = 0;
            }
        }
    }
}

fn palette(model: &mut Model, mut choice: Choice, action: Option<Action>, key: Key, out: &mut Vec<Cmd>) {
    let typed = choice.filter.text();
    // A second slash at once is a slash of the text.
    if action.is_none() && key.typed() == Some('/') && typed.is_empty() {
        return chat::typed(model, key);
    }
    let found = matching(&typed);
    let chosen: Option<&Spec> = found.get(choice.row).copied();
    match (action, chosen) {
        (Some(Action::Confirm), Some(spec)) => {
            let exact = typed.split_whitespace().next() == Some(spec.name);
            let rest = if exact { argument(&typed) } else { "" };
            // What needs words is completed first.
            let wants = !spec.takes.is_empty() && !spec.takes.starts_with('[') && rest.is_empty();
            if wants {
                choice.filter.replace(&format!("{} ", spec.name));
                choice.row = 0;
                return model.overlays.push(Overlay::Palette(choice));
            }
            command::run(model, spec.verb, rest, out);
        }
        (Some(Action::OtherField), Some(spec)) => {
            choice.filter.replace(&format!("{} ", spec.name));
            choice.row = 0;
            model.overlays.push(Overlay::Palette(choice));
        }
        _ => {
            choose(&mut choice, action, key, found.len());
            model.overlays.push(Overlay::Palette(choice));
        }
    }
}

/// The chats whose names match what was typed, in the order of the list.
pub(crate) fn switcher_rows(model: &Model, typed: &str) -> Vec<ContactId> {
    let wanted = typed.trim().to_lowercase();
    let rank = |chat: &Chat| {
        let name = chat.name.to_lowercase();
        if name.starts_with(&wanted) {
            Some(0)
        } else if name.contains(&wanted) {
            Some(1)
        } else {
            subsequence(&wanted, &name).then_some(2)
        }
    };
    let mut found: Vec<(u8, ContactId)> =
        model.order().into_iter().filter_map(|id| Some((rank(model.chat(id)?)?, id))).collect();
    found.sort_by_key(|(rank, _)| *rank);
    found.into_iter().map(|(_, id)| id).collect()
}

/// Whether the letters of `wanted` stand in `name` in their order.
fn subsequence(wanted: &str, name: &str) -> bool {
    let mut letters = name.chars();
    wanted.chars().all(|c| letters.any(|letter| letter == c))
}

fn switcher(model: &mut Model, mut choice: Choice, action: Option<Action>, key: Key, out: &mut Vec<Cmd>) {
    let found = switcher_rows(model, &choice.filter.text());
    if action == Some(Action::Confirm) {
        if let Some(id) = found.get(choice.row) {
            model.overlays.clear();
            chat::open(model, *id, out);
        }
        return;
    }
    choose(&mut choice, action, key, found.len());
    model.overlays.push(Overlay::Switcher(choice));
}

fn add_key(add: &mut Add, action: Option<Action>, key: Key, out: &mut Vec<Cmd>) {
    if matches!(add.step, AddStep::Asked | AddStep::Taking(_)) {
        return;
    }
    match action {
        Some(Action::Confirm) => {
            let (link, greeting) = (add.link.text().trim().to_owned(), add.greeting.text().trim().to_owned());
            if link.is_empty() {
                add.step = AddStep::Failed("Paste the link that your friend gave you.".into());
                return;
            }
            add.step = AddStep::Asked;
            out.push(Cmd::Do(command::join(&link, &greeting, false), Purpose::Join { link, greeting }));
        }
        Some(Action::Up | Action::Down | Action::OtherField) => add.on_greeting = !add.on_greeting,
        action => {
            let field = if add.on_greeting { &mut add.greeting } else { &mut add.link };
            match (action, key.typed()) {
                (Some(action), _) => drop(field.edit(action)),
                (None, Some(c)) => field.type_char(c),
                _ => {}
            }
            add.step = AddStep::Editing;
        }
    }
}

/// My invites, newest first, then the links of others that are being taken or did not work.
pub(crate) fn listed(model: &Model) -> Vec<&Invite> {
    let mut listed: Vec<&Invite> = model.invites.iter().flatten().collect();
    listed.sort_by_key(|invite| std::cmp::Reverse((invite.mine, invite.id)));
    listed
}

/// The invite that the screen shows.
pub(crate) fn shown(model: &Model) -> Option<&Invite> {
    let wanted = match model.overlays.iter().rev().find(|overlay| matches!(overlay, Overlay::Invites(_))) {
        Some(Overlay::Invites(screen)) => screen.shown,
        _ => None,
    };
    let listed = listed(model);
    match wanted {
        Some(id) => listed.into_iter().find(|invite| invite.id == id),
        None => listed.first().copied(),
    }
}

fn invites_key(model: &mut Model, action: Action, out: &mut Vec<Cmd>) {
    match action {
        Action::NewOnce => command::new_invite(model, false, out),
        Action::NewReusable => command::new_invite(model, true, out),
        Action::Up | Action::Down => {
            let ids: Vec<_> = listed(model).into_iter().map(|invite| invite.id).collect();
            let at = shown(model).and_then(|invite| ids.iter().position(|id| *id == invite.id)).unwrap_or(0);
            let to = if action == Action::Up { at.saturating_sub(1) } else { at + 1 };
            if let (Some(id), Some(Overlay::Invites(screen))) = (ids.get(to), model.overlays.last_mut()) {
                screen.shown = Some(*id);
            }
        }
        Action::Copy => match shown(model).and_then(|invite| invite.link.clone()) {
            Some(link) => {
                out.push(Cmd::Copy(link));
                model.remark("The link is on the clipboard (if your terminal allows OSC 52).");
            }
            None => model.remark("There is no link to copy."),
        },
        Action::Revoke => {
            let Some((id, mine)) = shown(model).map(|invite| (invite.id, invite.mine)) else { return };
            let (text, yes, done) = if mine {
                let text = "Take this invite back? Whoever has the link can no longer use it.";
                (text, "take it back", "The invite was taken back.")
            } else {
                (
                    "Give this link up? Its relay is not asked for it any more.",
                    "give it up",
                    "The link was given up.",
                )
            };
            let then = Then::Do(Command::Revoke(id), Purpose::Say(done.into()));
            model.overlays.push(Overlay::Question(Question { text: text.into(), yes, then }));
        }
        _ => {}
    }
}
