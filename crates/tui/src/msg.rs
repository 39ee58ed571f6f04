//! [`Msg`], what the screen hears, and [`Cmd`], what it asks the runtime to do.
//!
//! Spec: docs/ARCHITECTURE.md, "The screen". Invariant: both are data; only the runtime acts.

use crossterm::event::{KeyEvent, MouseEvent};
use subrosa_client::{Answer, Command, ContactId, Done, InviteId, MessageId, Notice, Query, RelayState};
use zeroize::Zeroizing;

/// Something that happened.
#[derive(Clone, Debug)]
pub(crate) enum Msg {
    /// The clock, in milliseconds since the Unix epoch: before every other message and at each deadline.
    Tick(u64),
    /// The terminal came into or left the foreground.
    Focus(bool),
    /// A key was pressed.
    Key(KeyEvent),
    /// Text was pasted.
    Paste(String),
    /// A click or a wheel.
    Mouse(MouseEvent),
    /// A question was answered.
    Answer(Slot, Result<Answer, String>),
    /// A command was done or refused.
    Did(Purpose, Result<Done, Failure>),
    /// The client tells something.
    Notice(Notice),
    /// Every relay in use and how it stands.
    Relays(Vec<(String, RelayState)>),
    /// The profile is open.
    Opened(Opened),
    /// The profile was not made or opened: the sentence says why.
    NotOpened(String),
    /// A chat is to be shown: how the demo begins.
    #[cfg(feature = "host")]
    Show(ContactId),
    /// The program ends, whether the person likes it or not.
    End,
}

/// What comes with an open profile.
#[derive(Clone, Debug, Default)]
pub(crate) struct Opened {
    /// The relays in use.
    pub(crate) relays: Vec<(String, RelayState)>,
    /// Whether the profile was made just now.
    pub(crate) fresh: bool,
    /// What the person should know about hosting.
    pub(crate) hosting: Option<String>,
}

/// Something to do.
#[derive(Clone, Debug)]
pub(crate) enum Cmd {
    /// Ask the client; the answer comes under the slot.
    Ask(Slot, Query),
    /// Do a command; the outcome comes under the purpose.
    Do(Command, Purpose),
    /// Make the profile and open it.
    Start(Start),
    /// Open the profile.
    Unlock(Zeroizing<String>),
    /// Put text on the clipboard of the terminal.
    Copy(String),
    /// Ring the terminal's bell.
    Bell,
    /// Clear the terminal and draw everything again.
    Redraw,
    /// Hand the terminal back and stop until the shell brings us forward.
    Suspend,
    /// End, after the commands before this one were done.
    Quit,
}

/// What the first run chose.
#[derive(Clone)]
pub(crate) struct Start {
    /// My name.
    pub(crate) name: String,
    /// The passphrase; `None` for none.
    pub(crate) passphrase: Option<Zeroizing<String>>,
    /// Where friends reach me.
    pub(crate) home: Home,
}

impl std::fmt::Debug for Start {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { name: _, passphrase: _, home } = self;
        f.debug_struct("Start").field("home", home).finish_non_exhaustive()
    }
}

/// Where friends reach me.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Home {
    /// This machine hosts a relay.
    Here,
    /// At a relay whose address someone gave.
    At(String),
}

/// Which part of the model an answer fills. One question per slot is on the way at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Slot {
    /// Who I am.
    Me,
    /// The chat list.
    Chats,
    /// The invites.
    Invites,
    /// The newest messages of a chat.
    Newest(ContactId),
    /// Messages before those that are loaded.
    Older(ContactId),
    /// A safety number.
    Safety(ContactId),
    /// A chat's draft.
    Draft(ContactId),
}

/// Why a command was given: what to do with its outcome.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Nothing on success.
    Quiet,
    /// A sentence on success.
    Say(String),
    /// A text of a chat: it goes back into that chat's composer when it was refused.
    Send {
        /// The chat.
        chat: ContactId,
        /// The text.
        text: String,
        /// The message that it answers.
        reply: Option<(MessageId, String)>,
    },
    /// An invite, to be shown.
    Invite,
    /// A link that was taken.
    Join {
        /// The link.
        link: String,
        /// The greeting.
        greeting: String,
    },
    /// A request that was let in: its chat opens.
    Accept(ContactId),
    /// A contact or request that goes away.
    Gone(ContactId),
    /// A safety number that was marked.
    Verify(ContactId),
}

/// A link that is being taken, in case the person has to be asked.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Joining {
    /// Its id.
    pub(crate) invite: InviteId,
    /// The link.
    pub(crate) link: String,
    /// The greeting.
    pub(crate) greeting: String,
}

impl std::fmt::Debug for Joining {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { invite, link: _, greeting: _ } = self;
        f.debug_struct("Joining").field("invite", invite).finish_non_exhaustive()
    }
}

/// Why a command was not done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The inviter is a contact already: the person is asked.
    Known(String),
    /// Anything else, in a sentence.
    Said(String),
}

impl Failure {
    /// Its sentence.
    pub(crate) fn sentence(&self) -> String {
        match self {
            Self::Known(name) => format!("you already have this contact as {name}"),
            Self::Said(sentence) => sentence.clone(),
        }
    }
}
