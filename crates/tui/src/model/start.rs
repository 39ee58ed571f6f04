//! [`Stage`]: what the profile needs before its chats can be shown.
//!
//! Spec: docs/guide/chat.md, "First run". Invariant: a passphrase lives in its field until it is handed over, once.

use crate::input::{Editor, SecretField};

/// What the screen is at.
#[derive(Clone, Debug)]
pub(crate) enum Stage {
    /// There is no profile: one is made.
    First(First),
    /// The profile asks for its passphrase.
    Locked(Locked),
    /// The profile is being opened.
    Opening,
    /// The profile is open.
    Open,
}

/// The first run.
#[derive(Clone, Debug)]
pub(crate) struct First {
    /// The question on screen.
    pub(crate) step: Step,
    /// My name.
    pub(crate) name: Editor,
    /// The passphrase.
    pub(crate) passphrase: SecretField,
    /// The passphrase again.
    pub(crate) again: SecretField,
    /// Whether the second field has the keys.
    pub(crate) on_again: bool,
    /// Whether this machine hosts.
    pub(crate) host: bool,
    /// A relay's address.
    pub(crate) address: Editor,
    /// From where this machine can be reached, in a sentence; `None` when this program can't host.
    pub(crate) reach: Option<String>,
    /// Why the last try did not work.
    pub(crate) error: Option<String>,
}

/// The questions of the first run, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// What friends call me.
    Name,
    /// A passphrase or none.
    Passphrase,
    /// Where friends reach me.
    Place,
    /// It is being made.
    Making,
}

impl First {
    /// The first question; `reach` says from where a relay on this machine could be reached.
    pub(crate) fn new(reach: Option<String>) -> Self {
        Self {
            step: Step::Name,
            name: Editor::line(),
            passphrase: SecretField::default(),
            again: SecretField::default(),
            on_again: false,
            host: reach.is_some(),
            address: Editor::line(),
            reach,
            error: None,
        }
    }
}

/// The passphrase screen.
#[derive(Clone, Debug, Default)]
pub(crate) struct Locked {
    /// What was typed.
    pub(crate) field: SecretField,
    /// Whether it is being tried.
    pub(crate) trying: bool,
    /// Why the last try did not work.
    pub(crate) error: Option<String>,
}
