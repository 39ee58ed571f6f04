//! [`Overlay`]: what lies above the chats, each with its own state.
//!
//! Spec: docs/guide/chat.md, "The screen".
//! Invariant: an overlay that acts on a chat names that chat, whatever is open below.

use subrosa_client::{Command, ContactId, InviteId, Safety};

use crate::input::Editor;
use crate::msg::Purpose;

/// What lies above the chats.
#[derive(Clone, Debug)]
pub(crate) enum Overlay {
    /// Keys and commands, scrolled by so many rows.
    Help(usize),
    /// What was said, scrolled back by so many rows.
    Log(usize),
    /// Who I am and how the relays stand.
    Status,
    /// Every command, to choose from.
    Palette(Choice),
    /// Every chat, to choose from.
    Switcher(Choice),
    /// My invites.
    Invites(Invites),
    /// A link to add.
    Add(Add),
    /// A safety number to compare.
    Verify(Verify),
    /// A question before something that can't be taken back.
    Question(Question),
}

/// Something chosen by typing.
#[derive(Clone, Debug)]
pub(crate) struct Choice {
    /// What was typed.
    pub(crate) filter: Editor,
    /// The highlighted row.
    pub(crate) row: usize,
}

impl Choice {
    /// Nothing typed, the first row.
    pub(crate) fn new() -> Self {
        Self { filter: Editor::line(), row: 0 }
    }
}

/// The invite screen.
#[derive(Clone, Debug, Default)]
pub(crate) struct Invites {
    /// The invite that is shown; `None` for the newest.
    pub(crate) shown: Option<InviteId>,
    /// An invite is being made.
    pub(crate) making: bool,
    /// Words above it on the first run.
    pub(crate) welcome: bool,
}

/// The screen to add someone.
#[derive(Clone, Debug)]
pub(crate) struct Add {
    /// The link.
    pub(crate) link: Editor,
    /// The greeting, for the owner of a reusable address.
    pub(crate) greeting: Editor,
    /// Whether the greeting has the keys.
    pub(crate) on_greeting: bool,
    /// How far it is.
    pub(crate) step: AddStep,
}

/// How far adding is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum AddStep {
    /// The link is being typed or pasted.
    Editing,
    /// The command was given.
    Asked,
    /// The link is being taken at its relay.
    Taking(InviteId),
    /// It did not work: the sentence says why.
    Failed(String),
}

impl Add {
    /// With a link that was given already, or an empty one.
    pub(crate) fn new(link: &str) -> Self {
        let mut field = Editor::line();
        field.insert(link);
        Self { link: field, greeting: Editor::line(), on_greeting: false, step: AddStep::Editing }
    }
}

/// The verification screen.
#[derive(Clone, Debug)]
pub(crate) struct Verify {
    /// Whose safety number.
    pub(crate) contact: ContactId,
    /// The number; `None` while loading.
    pub(crate) safety: Option<Safety>,
}

/// A question that yes or no answers.
#[derive(Clone, Debug)]
pub(crate) struct Question {
    /// What is asked, in plain words.
    pub(crate) text: String,
    /// What `y` does, in words.
    pub(crate) yes: &'static str,
    /// What happens on yes.
    pub(crate) then: Then,
}

/// What a yes does.
#[derive(Clone, Debug)]
pub(crate) enum Then {
    /// A command.
    Do(Command, Purpose),
    /// Pasted text goes into the composer of this chat.
    Paste(ContactId, String),
}
