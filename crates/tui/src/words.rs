//! What stands where the composer would be, in plain words: requests, alarms, chats that are over.
//!
//! Spec: docs/guide/chat.md, "Alarms". Invariant: every text says what happened, what it means and what to do.

use subrosa_client::{AlarmKind, Chat, Standing};

use crate::keys::{Action, Context, key_of};
use crate::look::Role;
use crate::model::{Below, Model, namesake};
use crate::text;

/// The paragraphs below the messages of the open chat; none for the composer.
pub(crate) fn below(model: &Model) -> Vec<(String, Role)> {
    let Some(chat) = model.open_chat() else { return Vec::new() };
    match model.below() {
        Below::Composer => Vec::new(),
        Below::Request => request(chat, namesake(model.chats.as_deref().unwrap_or_default(), chat)),
        Below::Alarm(kind) => alarm(kind),
        Below::Closed => vec![(
            "This chat is closed: they ended it, or never answered. To write to them again, ask for a new invite.".into(),
            Role::Dim,
        )],
    }
}

/// The sentence beside a request under the name of a contact.
pub(crate) fn same_name(contact: &str) -> String {
    let name = text::one_line(contact);
    format!("You have a contact called {name} already: this is someone else, or {name} on another identity.")
}

fn request(chat: &Chat, namesake: Option<&Chat>) -> Vec<(String, Role)> {
    let name = text::one_line(&chat.name);
    let mut lines = Vec::new();
    if chat.standing == Standing::KnownAgain {
        lines.push((
            format!(
                "{name} came again with a new handshake. Either they set subrosa up anew, or someone pretends to be \
                 them: ask them another way before you accept."
            ),
            Role::Alarm,
        ));
    } else {
        lines.push((
            format!("{name} asks to write to you. The name is what they call themselves."),
            Role::Text,
        ));
    }
    if let Some(contact) = namesake {
        lines.push((same_name(&contact.name), Role::Alarm));
    }
    if let Some(greeting) = chat.greeting.as_deref().filter(|greeting| !greeting.is_empty()) {
        lines.push((format!("They say: {}", text::one_line(greeting)), Role::Accent));
    }
    lines.push((
        short_keys(Context::Request, &[(Action::Accept, "accept"), (Action::Reject, "reject")]),
        Role::Accent,
    ));
    lines
}

/// The words of an alarm that stops sending.
pub(crate) fn alarm(kind: AlarmKind) -> Vec<(String, Role)> {
    let (what, means, todo) = match kind {
        AlarmKind::Fork => (
            "ALARM: two devices speak with the keys of this chat.",
            "Someone may have copied their data or yours, and may read along. Or an old copy was put back by hand.",
            "Ask them another way (call, meet). Then recover the chat: that locks a copy out.",
        ),
        AlarmKind::OwnRollback => (
            "ALARM: this profile is older than what your contact has already seen of it.",
            "An old copy of your data was put back here, or another copy of it is in use. Sending would reuse old keys.",
            "Close every other copy, then recover the chat.",
        ),
        AlarmKind::Recovered => (
            "ALARM: this contact came back from a backup.",
            "You had verified them. Whoever holds their backup could do the same.",
            "Compare the safety number again. If it matches, go on.",
        ),
        _ => (
            "ALARM: messages of this chat could not be opened.",
            "Some of what they wrote may be lost.",
            "Ask them, or recover the chat.",
        ),
    };
    let mut actions = vec![(Action::Verify, "verify"), (Action::Recover, "recover")];
    if kind != AlarmKind::OwnRollback {
        actions.push((Action::SendAnyway, "send anyway"));
    }
    vec![
        (format!("{what} Sending is stopped."), Role::Alarm),
        (means.into(), Role::Text),
        (todo.into(), Role::Text),
        (short_keys(Context::Alarm, &actions), Role::Accent),
    ]
}

/// A line of keys with few words each.
pub(crate) fn short_keys(context: Context, pairs: &[(Action, &str)]) -> String {
    let named =
        pairs.iter().filter_map(|(action, does)| Some(format!("{} {does}", key_of(context, *action)?)));
    named.collect::<Vec<_>>().join(" · ")
}

/// A line of keys and what they do, from the key table.
pub(crate) fn keys(context: Context, actions: &[Action]) -> String {
    let table = crate::keys::help(context);
    let one = |action: &Action| {
        let key = key_of(context, *action)?;
        let does = table.iter().find(|(keys, _)| keys.split(", ").any(|name| name == key))?.1;
        Some(format!("{key} {does}"))
    };
    actions.iter().filter_map(one).collect::<Vec<_>>().join(" · ")
}
