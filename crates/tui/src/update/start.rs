//! The first run, and the passphrase of a profile that has one.
//!
//! Spec: docs/guide/chat.md, "First run". Invariant: nothing is made before the last question; going back loses nothing
//! but passphrases.

use crate::keys::{Action, Key};
use crate::model::Model;
use crate::model::start::{First, Locked, Stage, Step};
use crate::msg::{Cmd, Home, Start};

/// Longest name, in bytes; the engine says the same.
const NAME_MAX: usize = 64;

pub(super) fn key(model: &mut Model, action: Option<Action>, key: Key, out: &mut Vec<Cmd>) {
    match &mut model.stage {
        Stage::First(first) => first_key(first, action, key, out),
        Stage::Locked(locked) => locked_key(locked, action, key, out),
        Stage::Opening | Stage::Open => {}
    }
}

pub(super) fn paste(model: &mut Model, text: &str) {
    match &mut model.stage {
        Stage::First(first) => match first.step {
            Step::Name => first.name.insert(text),
            Step::Passphrase if first.on_again => first.again.insert(text),
            Step::Passphrase => first.passphrase.insert(text),
            Step::Place => {
                first.host = false;
                first.address.insert(text);
            }
            Step::Making => {}
        },
        Stage::Locked(locked) => locked.field.insert(text),
        Stage::Opening | Stage::Open => {}
    }
}

/// It did not work: back to the question whose answer may be at fault.
pub(super) fn not_opened(model: &mut Model, why: String) {
    match &mut model.stage {
        Stage::First(first) => {
            first.step = Step::Place;
            first.error = Some(why);
        }
        stage => *stage = Stage::Locked(Locked { error: Some(why), ..Locked::default() }),
    }
}

fn locked_key(locked: &mut Locked, action: Option<Action>, key: Key, out: &mut Vec<Cmd>) {
    if locked.trying {
        return;
    }
    match action {
        Some(Action::Confirm) if !locked.field.is_empty() => {
            locked.trying = true;
            locked.error = None;
            out.push(Cmd::Unlock(locked.field.take()));
        }
        Some(action) => drop(locked.field.edit(action)),
        None => key.typed().into_iter().for_each(|c| locked.field.type_char(c)),
    }
}

fn first_key(first: &mut First, action: Option<Action>, key: Key, out: &mut Vec<Cmd>) {
    match (first.step, action) {
        (Step::Making, _) => {}
        (_, Some(Action::Leave)) => back(first),
        (_, Some(Action::Confirm)) => next(first, out),
        (Step::Passphrase, Some(Action::Up | Action::Down | Action::OtherField)) => {
            first.on_again = !first.on_again
        }
        (Step::Place, Some(Action::Up | Action::Down | Action::OtherField)) => {
            first.host = !first.host && first.reach.is_some();
        }
        (_, action) => edit(first, action, key),
    }
}

fn edit(first: &mut First, action: Option<Action>, key: Key) {
    first.error = None;
    let typed = key.typed().filter(|_| action.is_none());
    match first.step {
        Step::Name => edit_line(&mut first.name, action, typed),
        Step::Passphrase => {
            let field = if first.on_again { &mut first.again } else { &mut first.passphrase };
            match (action, typed) {
                (Some(action), _) => drop(field.edit(action)),
                (None, Some(c)) => field.type_char(c),
                _ => {}
            }
        }
        Step::Place if !first.host => edit_line(&mut first.address, action, typed),
        Step::Place | Step::Making => {}
    }
}

fn edit_line(field: &mut crate::input::Editor, action: Option<Action>, typed: Option<char>) {
    match (action, typed) {
        (Some(action), _) => drop(field.edit(action)),
        (None, Some(c)) => field.type_char(c),
        _ => {}
    }
}

fn back(first: &mut First) {
    first.error = None;
    first.step = match first.step {
        Step::Place => Step::Passphrase,
        _ => Step::Name,
    };
}

/// The answer on screen is taken, or refused with a sentence.
fn next(first: &mut First, out: &mut Vec<Cmd>) {
    first.error = None;
    match first.step {
        Step::Name => {
            let name = first.name.text();
            let name = name.trim();
            if name.is_empty() {
                first.error =
                    Some("Type a name first: what your friends call you. It can be changed later.".into());
            } else if name.len() > NAME_MAX {
                first.error =
                    Some(format!("That is too long: {} bytes, at most {NAME_MAX} are possible.", name.len()));
            } else {
                first.step = Step::Passphrase;
                first.on_again = false;
            }
        }
        Step::Passphrase if !first.on_again && !first.passphrase.is_empty() && first.again.is_empty() => {
            first.on_again = true;
        }
        Step::Passphrase if first.passphrase.same(&first.again) => first.step = Step::Place,
        Step::Passphrase => {
            first.again.take();
            first.on_again = true;
            first.error = Some("The two are not the same: type it again.".into());
        }
        Step::Place => make(first, out),
        Step::Making => {}
    }
}

fn make(first: &mut First, out: &mut Vec<Cmd>) {
    let address = first.address.text().trim().to_owned();
    if !first.host && !address.starts_with("subrosa://") {
        first.error = Some(
            "Paste the relay's address: it begins with subrosa:// and comes from whoever runs it.".into(),
        );
        return;
    }
    // The fields keep their passphrase until the profile is made, in case of another try.
    let passphrase = if first.passphrase.is_empty() { None } else { Some(first.passphrase.clone().take()) };
    let home = if first.host { Home::Here } else { Home::At(address) };
    first.step = Step::Making;
    out.push(Cmd::Start(Start { name: first.name.text().trim().to_owned(), passphrase, home }));
}
