//! [`Message`]: a row of a conversation.
//!
//! Spec: docs/spec/content.md; docs/guide/chat.md, "The screen". Invariant: the state of a message of mine only moves
//! forward, but for a retry.

use alloc::string::String;
use alloc::vec::Vec;

use minicbor::{Decode, Encode};
use subrosa_codec::Millis;

use super::{Key, Table, row};
use crate::api::{ContactId, FailReason, Position, SendState};

/// Something that happened to a chat.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Occurrence {
    /// They restored from a backup or started over.
    #[n(0)]
    TheyRecovered,
    /// I started a recovery.
    #[n(1)]
    IRecovered,
    /// Somebody else recovered this chat in my name.
    #[n(2)]
    Replaced,
    /// They closed the chat.
    #[n(3)]
    Closed,
    /// A known identity came with another handshake and was let in.
    #[n(4)]
    CameAgain,
    /// They never answered.
    #[n(5)]
    NoAnswer,
    /// The chat came out of a backup and is being re-established.
    #[n(6)]
    Restored,
    /// The chat came out of a backup that has nothing to come back with.
    #[n(7)]
    NotRestored,
    /// My recovery is without an answer for days.
    #[n(8)]
    NoRecovery,
}

impl Occurrence {
    /// All of them.
    const ALL: [Self; 9] = [
        Self::TheyRecovered,
        Self::IRecovered,
        Self::Replaced,
        Self::Closed,
        Self::CameAgain,
        Self::NoAnswer,
        Self::Restored,
        Self::NotRestored,
        Self::NoRecovery,
    ];

    /// Its number on disk and in a backup.
    #[must_use]
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// The one of that number.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|occurrence| occurrence.number() == number)
    }

    /// The sentence to show.
    #[must_use]
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::TheyRecovered => "Your contact recovered this chat. Compare the safety number again.",
            Self::IRecovered => "You recovered this chat.",
            Self::Replaced => {
                "Your contact's side says that this chat was recovered in your name. If it was not you, someone has a copy of your backup."
            }
            Self::Closed => "Your contact closed this chat.",
            Self::CameAgain => "Your contact came again by another invite. Compare the safety number again.",
            Self::NoAnswer => "There was no answer. Ask for a new invite.",
            Self::Restored => {
                "Restored from a backup: your contact is being told. Nothing here is confirmed, and nothing is sent, until they answer."
            }
            Self::NotRestored => {
                "Restored from a backup that can't bring this chat back. Ask your contact for a new invite."
            }
            Self::NoRecovery => {
                "No answer yet. They may be away; or your backup was too old, or they lost their device, too: then ask them for a new invite."
            }
        }
    }
}

/// What a row says.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum MessageBody {
    /// A text: mine as written, theirs as received (sanitised when shown).
    #[n(0)]
    Text(#[n(0)] String),
    /// A content of a kind that this version does not show, raw.
    #[n(1)]
    Newer(#[cbor(n(0), with = "minicbor::bytes")] Vec<u8>),
    /// Cells of theirs that are missing.
    #[n(2)]
    Gap(#[n(0)] u32),
    /// Cells of theirs that will never come.
    #[n(3)]
    Lost(#[n(0)] u32),
    /// Something that happened.
    #[n(4)]
    Event(#[n(0)] Occurrence),
}

/// How far a message of mine has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Progress {
    /// How many of its cells were sealed; 0 while it waits for that.
    #[n(0)]
    pub cells: u32,
    /// How many of them no relay has stored yet.
    #[n(1)]
    pub unsent: u32,
    /// How many of them the peer's ratchet has not acknowledged.
    #[n(2)]
    pub unacked: u32,
    /// When all of them were stored for the first time, in milliseconds; kept when it is sealed again.
    #[n(3)]
    pub sent: Option<u64>,
    /// Their receipt says that it is on their disk.
    #[n(4)]
    pub delivered: bool,
    /// Their receipt says that it was on their screen.
    #[n(5)]
    pub read: bool,
    /// 0: not failed; 1: [`FailReason::QueueGone`]; 2: [`FailReason::Closed`].
    #[n(6)]
    pub failed: u8,
}

impl Progress {
    /// How long a message may lie at the relay before it is [`SendState::Unseen`].
    pub const UNSEEN: Millis = Millis::DAY;

    /// The state to show at `now`.
    #[must_use]
    pub fn state(&self, now: Millis) -> SendState {
        let Self { cells, unsent: _, unacked, sent, delivered, read, failed } = *self;
        match (failed, sent) {
            _ if read => SendState::Read,
            _ if delivered => SendState::Delivered,
            (1, _) => SendState::Failed(FailReason::QueueGone),
            (2, _) => SendState::Failed(FailReason::Closed),
            (_, Some(at)) => {
                let waits = unacked > 0 || cells == 0;
                // RAT-60.
                let long = now.since(Millis(at)) >= Self::UNSEEN;
                if waits && long { SendState::Unseen } else { SendState::Sent }
            }
            (_, None) => SendState::Queued,
        }
    }

    /// Marks it as failed.
    pub(crate) fn fail(&mut self, reason: FailReason) {
        self.failed = match reason {
            FailReason::QueueGone => 1,
            FailReason::Closed => 2,
        };
    }
}

/// A row of a conversation. Key: `(Message, contact, position)`.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Message {
    /// Its id; zeros for rows that are no message.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub id: [u8; 16],
    /// Whether I wrote it.
    #[n(1)]
    pub mine: bool,
    /// When it was written or received, in milliseconds.
    #[n(2)]
    pub at: u64,
    /// What it says.
    #[n(3)]
    pub body: MessageBody,
    /// The id of the message that it answers.
    #[cbor(n(4), with = "minicbor::bytes")]
    pub reply: Option<[u8; 16]>,
    /// Whether I wrote the message that it answers.
    #[n(5)]
    pub reply_mine: bool,
    /// How far it has come; `None` for theirs.
    #[n(6)]
    pub progress: Option<Progress>,
    /// Theirs, and not yet on the screen.
    #[n(7)]
    pub unread: bool,
}

impl Message {
    /// The key of the message at this position of this chat.
    #[must_use]
    pub const fn key(chat: ContactId, position: Position) -> Key {
        Key::new(Table::Message, chat.0, position.0)
    }

    /// A row that is no message: a gap, a loss, an event.
    #[must_use]
    pub const fn note(body: MessageBody, at: Millis) -> Self {
        Self {
            id: [0; 16],
            mine: false,
            at: at.0,
            body,
            reply: None,
            reply_mine: false,
            progress: None,
            unread: false,
        }
    }

    /// Whether it is a message of a person, with an id of its own (what the position index holds).
    #[must_use]
    pub const fn is_message(&self) -> bool {
        matches!(self.body, MessageBody::Text(_) | MessageBody::Newer(_))
    }
}

row!(Message, Message);
