//! Keys and pasted text: which table they are looked up in, and who gets them.
//!
//! Spec: docs/guide/chat.md, "Keys". Invariant: a paste is inserted where text can stand, and nothing else.

use crossterm::event::{KeyEvent, KeyEventKind};

use super::{chat, command, overlay, quit, start};
use crate::keys::{Action, Context, Key, lookup};
use crate::model::overlay::{Add, AddStep, Choice, Overlay, Question, Then};
use crate::model::start::Stage;
use crate::model::{Below, Focus, Model};
use crate::msg::Cmd;

/// Lines of a paste from which it is asked first.
const PASTE_LINES: usize = 5;

/// How long a sentence stays in spite of keys, in milliseconds.
const READ_MS: u64 = 4_000;

/// The tables that the keys are looked up in, most special first.
pub(crate) fn contexts(model: &Model) -> &'static [Context] {
    match &model.stage {
        Stage::Open => {}
        _ => return &[Context::Choice, Context::Edit, Context::Global],
    }
    match (model.overlays.last(), model.focus) {
        (Some(Overlay::Help(_) | Overlay::Log(_) | Overlay::Status), _) => &[Context::Pages, Context::Global],
        (Some(Overlay::Palette(_) | Overlay::Switcher(_) | Overlay::Add(_)), _) => {
            &[Context::Choice, Context::Edit, Context::Global]
        }
        (Some(Overlay::Invites(_)), _) => &[Context::Invites, Context::Global],
        (Some(Overlay::Verify(_)), _) => &[Context::Verify, Context::Global],
        (Some(Overlay::Question(_)), _) => &[Context::Question, Context::Global],
        (None, Focus::List) => &[Context::List, Context::Global],
        (None, Focus::Messages) => &[Context::Messages, Context::Global],
        (None, Focus::Chat) => match model.below() {
            Below::Composer => &[Context::Composer, Context::Edit, Context::Global],
            Below::Request => &[Context::Request, Context::Global],
            Below::Alarm(_) => &[Context::Alarm, Context::Global],
            Below::Closed => &[Context::Messages, Context::Global],
        },
    }
}

pub(super) fn key(model: &mut Model, event: &KeyEvent, out: &mut Vec<Cmd>) {
    if event.kind == KeyEventKind::Release {
        return;
    }
    // A sentence that was there to be read leaves with the next key.
    if model.status.as_ref().is_some_and(|status| status.at.0 + READ_MS <= model.now.0) {
        model.status = None;
    }
    let key = Key::of(event);
    let contexts = contexts(model);
    let action = lookup(contexts, key);
    if let Some(action) = action
        && lookup(&[Context::Global], key) == Some(action)
        && contexts.last() == Some(&Context::Global)
        && !contexts.iter().any(|context| *context != Context::Global && lookup(&[*context], key).is_some())
        && global(model, action, out)
    {
        return;
    }
    // A slash is a command only at the start of a text.
    let action = action.filter(|action| *action != Action::Slash || slash_opens(model));
    if !matches!(model.stage, Stage::Open) {
        return start::key(model, action, key, out);
    }
    if !model.overlays.is_empty() {
        return overlay::key(model, action, key, out);
    }
    match (action, model.focus) {
        (Some(Action::Slash), _) => model.overlays.push(Overlay::Palette(Choice::new())),
        (Some(Action::Invite), _) => command::new_invite(model, false, out),
        (Some(Action::Add), _) => model.overlays.push(Overlay::Add(Add::new(""))),
        (Some(action), Focus::List) => chat::list_key(model, action, out),
        (Some(action), Focus::Messages) => chat::message_key(model, action, out),
        (Some(action), Focus::Chat) => chat_key(model, action, out),
        (None, Focus::Chat) => chat::typed(model, key),
        (None, _) => {}
    }
}

/// A key of the open chat: composer, request or alarm.
fn chat_key(model: &mut Model, action: Action, out: &mut Vec<Cmd>) {
    match model.below() {
        Below::Composer => chat::composer_key(model, action, out),
        Below::Closed => chat::message_key(model, action, out),
        Below::Request | Below::Alarm(_) => match action {
            Action::Accept => command::accept(model, out),
            Action::Reject => command::reject(model),
            Action::Verify => command::verify(model, out),
            Action::SendAnyway => command::send_anyway(model),
            Action::Recover => command::recover(model),
            Action::PageUp | Action::PageDown => chat::page(model, action),
            Action::ToList | Action::Leave => chat::to_list(model),
            _ => {}
        },
    }
}

/// Whether a slash opens the palette here.
fn slash_opens(model: &Model) -> bool {
    match model.focus {
        Focus::List => true,
        _ => model.open_talk().is_none_or(|talk| talk.composer.editor.is_empty()),
    }
}

/// A key that means the same everywhere. Answers whether it was taken.
fn global(model: &mut Model, action: Action, out: &mut Vec<Cmd>) -> bool {
    match action {
        Action::Redraw => out.push(Cmd::Redraw),
        Action::Suspend => out.push(Cmd::Suspend),
        Action::Quit => quit(model, out),
        Action::Cancel => cancel(model, out),
        _ if !matches!(model.stage, Stage::Open) => return true,
        // A question is answered first.
        _ if matches!(model.overlays.last(), Some(Overlay::Question(_))) => return true,
        Action::Help => toggle(model, Overlay::Help(0)),
        Action::Palette => toggle(model, Overlay::Palette(Choice::new())),
        Action::Switcher => toggle(model, Overlay::Switcher(Choice::new())),
        Action::NextUnread => go(model, out, chat::next_unread),
        Action::NextChat => go(model, out, |model, out| chat::step(model, 1, out)),
        Action::PreviousChat => go(model, out, |model, out| chat::step(model, -1, out)),
        Action::Chat(number) => {
            let id = model.order().get(usize::from(number.saturating_sub(1))).copied();
            go(model, out, |model, out| {
                if let Some(id) = id {
                    chat::open(model, id, out);
                }
            });
        }
        _ => return false,
    }
    true
}

/// Goes somewhere: whatever lies above the chats closes.
fn go(model: &mut Model, out: &mut Vec<Cmd>, to: impl FnOnce(&mut Model, &mut Vec<Cmd>)) {
    model.overlays.clear();
    to(model, out);
}

/// Opens an overlay, or closes it when it is the topmost already.
fn toggle(model: &mut Model, overlay: Overlay) {
    let same = |top: &Overlay| std::mem::discriminant(top) == std::mem::discriminant(&overlay);
    if model.overlays.last().is_some_and(same) {
        model.overlays.pop();
    } else {
        model.overlays.push(overlay);
    }
}

/// Ctrl-C: closes the topmost overlay, else clears what is being written.
fn cancel(model: &mut Model, out: &mut Vec<Cmd>) {
    if !matches!(model.stage, Stage::Open) {
        return out.push(Cmd::Quit);
    }
    if model.overlays.pop().is_some() {
        return;
    }
    model.status = None;
    let now = model.now;
    match model.open_talk_mut() {
        Some(talk) if !talk.composer.editor.is_empty() => {
            talk.composer.editor.replace("");
            talk.composer.changed = Some(now);
        }
        Some(talk) if talk.composer.reply.is_some() => talk.composer.reply = None,
        _ => model.remark("Ctrl-Q quits."),
    }
}

pub(super) fn paste(model: &mut Model, text: &str, out: &mut Vec<Cmd>) {
    // Most terminals end the lines of a paste with a carriage return.
    let text = &*text.replace("\r\n", "\n").replace('\r', "\n");
    if !matches!(model.stage, Stage::Open) {
        return start::paste(model, text);
    }
    if let Some(top) = model.overlays.last_mut() {
        match top {
            Overlay::Palette(choice) | Overlay::Switcher(choice) => {
                choice.filter.insert(text);
                choice.row = 0;
            }
            Overlay::Add(add) => {
                let field = if add.on_greeting { &mut add.greeting } else { &mut add.link };
                field.insert(text);
                add.step = AddStep::Editing;
            }
            _ => {}
        }
        return;
    }
    let writes = model.open.filter(|_| model.below() == Below::Composer && model.focus != Focus::List);
    match writes {
        Some(id) if text.lines().count() > PASTE_LINES => {
            let name = model.chat(id).map(|chat| crate::text::one_line(&chat.name)).unwrap_or_default();
            let lines = text.lines().count();
            let question = Question {
                text: format!(
                    "Paste {lines} lines into the message to {name}? Nothing is sent until you press Enter."
                ),
                yes: "paste",
                then: Then::Paste(id, text.to_owned()),
            };
            model.overlays.push(Overlay::Question(question));
        }
        Some(_) => {
            model.focus = Focus::Chat;
            let now = model.now;
            if let Some(talk) = model.open_talk_mut() {
                talk.selected = None;
                talk.composer.editor.insert(text);
                talk.composer.changed = Some(now);
            }
        }
        None if model.focus == Focus::List && text.trim().starts_with("subrosa://") => {
            command::add(model, text.trim(), out);
        }
        None => model.remark("There is nothing to paste into here."),
    }
}
