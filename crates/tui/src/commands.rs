//! The command table: what can be typed after `/`, read by the palette, the help screen and the update.
//!
//! Spec: docs/guide/chat.md, "Commands". Invariant: only the palette runs a command; a text that begins with a slash
//! and was pasted is a text.

use crate::keys::{Action, Context, key_of};

/// What a command does; the table below says it in words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    Invite,
    Invites,
    Add,
    Accept,
    Reject,
    Verify,
    Rename,
    Reply,
    Copy,
    Retry,
    Recover,
    SendAnyway,
    Forget,
    Goto,
    Read,
    Name,
    Relay,
    Receipts,
    Backup,
    Theme,
    Ascii,
    Status,
    Log,
    Help,
    Quit,
}

/// One command.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spec {
    /// Its word.
    pub(crate) name: &'static str,
    /// What follows the word, as help shows it.
    pub(crate) takes: &'static str,
    /// What it does, in words.
    pub(crate) does: &'static str,
    /// Its key, where it has one.
    pub(crate) key: Option<(Context, Action)>,
    /// What it does.
    pub(crate) verb: Verb,
}

impl Spec {
    /// The name of its key.
    pub(crate) fn key_name(&self) -> Option<String> {
        self.key.and_then(|(context, action)| key_of(context, action))
    }
}

const fn row(name: &'static str, takes: &'static str, does: &'static str, verb: Verb) -> Spec {
    Spec { name, takes, does, key: None, verb }
}

const fn keyed(spec: Spec, context: Context, action: Action) -> Spec {
    Spec { key: Some((context, action)), ..spec }
}

/// Every command.
pub(crate) const COMMANDS: &[Spec] = &[
    keyed(
        row("invite", "[reusable]", "make an invite and show its link and QR code", Verb::Invite),
        Context::List,
        Action::Invite,
    ),
    row("invites", "", "show my invites", Verb::Invites),
    keyed(row("add", "[LINK]", "add someone by their link", Verb::Add), Context::List, Action::Add),
    keyed(row("accept", "", "accept this request", Verb::Accept), Context::Request, Action::Accept),
    keyed(row("reject", "", "reject this request", Verb::Reject), Context::Request, Action::Reject),
    row("verify", "", "compare the safety number of this chat", Verb::Verify),
    row("rename", "NAME", "my own name for this contact", Verb::Rename),
    keyed(row("reply", "", "reply to the selected message", Verb::Reply), Context::Messages, Action::Reply),
    keyed(row("copy", "", "copy the selected message", Verb::Copy), Context::Messages, Action::Copy),
    keyed(row("retry", "", "try a failed message again", Verb::Retry), Context::Messages, Action::Retry),
    row("recover", "", "recover this chat after an alarm or lost cells", Verb::Recover),
    row("send-anyway", "", "go on sending after an alarm", Verb::SendAnyway),
    row("forget", "", "erase this contact and every message", Verb::Forget),
    keyed(row("goto", "[NAME]", "go to a chat", Verb::Goto), Context::Global, Action::Switcher),
    row("read", "", "mark this chat as read", Verb::Read),
    row("name", "NAME", "my name, as my invites will carry it", Verb::Name),
    row("relay", "[ADDRESS]", "where my friends reach me: show or change it", Verb::Relay),
    row("receipts", "on|off", "whether others learn that I received and read", Verb::Receipts),
    row("backup", "", "how to keep an encrypted copy of this profile", Verb::Backup),
    row("theme", "dark|light", "colours for a dark or light background", Verb::Theme),
    row("ascii", "", "draw with ASCII signs only, or not", Verb::Ascii),
    row("status", "", "who I am, my relays and how they stand", Verb::Status),
    row("log", "", "what went wrong lately", Verb::Log),
    keyed(row("help", "", "keys and commands", Verb::Help), Context::Global, Action::Help),
    keyed(row("quit", "", "quit", Verb::Quit), Context::Global, Action::Quit),
];

/// The commands that `typed` (without the slash) may mean, best first: by the start of the word, then by a part of the
/// word or its explanation.
pub(crate) fn matching(typed: &str) -> Vec<&'static Spec> {
    let word = typed.split_whitespace().next().unwrap_or_default().to_lowercase();
    let has_rest = typed.trim_start().contains(char::is_whitespace);
    if has_rest && let Some(exact) = COMMANDS.iter().find(|spec| spec.name == word) {
        return vec![exact];
    }
    let mut found: Vec<&Spec> = COMMANDS.iter().filter(|spec| spec.name.starts_with(&word)).collect();
    if !word.is_empty() {
        let part = |spec: &&Spec| {
            !spec.name.starts_with(&word) && (spec.name.contains(&word) || spec.does.contains(&word))
        };
        found.extend(COMMANDS.iter().filter(part));
    }
    found
}

/// What follows the command's word.
pub(crate) fn argument(typed: &str) -> &str {
    typed.trim_start().split_once(char::is_whitespace).map_or("", |(_, rest)| rest.trim())
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn command_names_are_unique_and_their_keys_exist() {
        let mut names = HashSet::new();
        for spec in COMMANDS {
            assert!(names.insert(spec.name), "/{} twice", spec.name);
            assert!(!spec.does.is_empty());
            assert_eq!(spec.key.is_some(), spec.key_name().is_some(), "/{}", spec.name);
        }
    }

    #[test]
    fn the_start_of_a_word_comes_before_its_middle() {
        let names = |typed: &str| matching(typed).iter().map(|spec| spec.name).collect::<Vec<_>>();
        assert_eq!(names("inv")[..2], ["invite", "invites"]);
        assert_eq!(names("rename Bob the second"), ["rename"]);
        assert_eq!(names("safety"), ["verify"]);
        assert!(names("nothing like it").is_empty());
        assert_eq!(names("").len(), COMMANDS.len());
        assert_eq!(argument("rename  Bob the second "), "Bob the second");
        assert_eq!(argument("invite"), "");
    }
}
