//! The small rows: drafts, handshakes seen, parts, waiting contents, gaps, bad bodies, waiting receipts.
//!
//! Spec: docs/spec/content.md, docs/spec/ratchet.md. Invariant: each is erased by the event that settles it.

use alloc::string::String;
use alloc::vec::Vec;

use minicbor::bytes::ByteArray;
use minicbor::{Decode, Encode};

use super::{Hidden, Key, Table, row};
use crate::api::{ContactId, InviteId, Position};
use crate::id::SessionKey;

/// What stands in a composer. Key: `(Draft, 0, contact)`.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Draft {
    /// The text, as typed.
    #[n(0)]
    pub text: String,
}

impl Draft {
    /// The key of the draft of this chat.
    #[must_use]
    pub const fn key(chat: ContactId) -> Key {
        Key::new(Table::Draft, 0, chat.0)
    }
}

row!(Draft, Draft);

/// A handshake that an invite of mine already saw. Key: `(Handshake, invite, counted)`.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Handshake {
    /// Its `hs_id`.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub id: [u8; 32],
}

impl Handshake {
    /// The key of a handshake of this invite.
    #[must_use]
    pub const fn key(invite: InviteId, counted: i64) -> Key {
        Key::new(Table::Handshake, invite.0, counted)
    }
}

row!(Handshake, Handshake);

/// A part of a longer content. Key: `(Part, session, number)`.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Part {
    /// Which part, from 0.
    #[n(0)]
    pub index: u16,
    /// Of how many.
    #[n(1)]
    pub count: u16,
    /// Its bytes.
    #[n(2)]
    pub content: Hidden,
    /// When it came, in milliseconds.
    #[n(3)]
    pub at: u64,
}

impl Part {
    /// The key of the part in this cell.
    #[must_use]
    pub const fn key(session: SessionKey, seq: u32) -> Key {
        Key::new(Table::Part, session.0, seq as i64)
    }
}

row!(Part, Part);

/// A message of mine that waits to be sealed; its content is made from its own row then. Key:
/// `(Unsealed, contact, position)`, so that they are sealed in the order in which they stand in the chat.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Unsealed {
    /// Since when it waits, in milliseconds.
    #[n(0)]
    pub since: u64,
}

impl Unsealed {
    /// The key for the message at this position.
    #[must_use]
    pub const fn key(chat: ContactId, position: Position) -> Key {
        Key::new(Table::Unsealed, chat.0, position.0)
    }
}

row!(Unsealed, Unsealed);

/// Cells of theirs that are missing: from the id to `to`, both inclusive. Key: `(Gap, session, first number)`.
///
/// Every number has a slot of its own in the chat, so that whatever comes late finds its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Gap {
    /// The last missing number.
    #[n(0)]
    pub to: u32,
    /// The position of the first number's slot, where the gap is shown.
    #[n(1)]
    pub at: i64,
}

impl Gap {
    /// The key of the gap that begins with this number.
    #[must_use]
    pub const fn key(session: SessionKey, from: u32) -> Key {
        Key::new(Table::Gap, session.0, from as i64)
    }

    /// The slot of `seq` in a gap that begins with `from`.
    #[must_use]
    pub(crate) const fn slot(&self, from: u32, seq: u32) -> Position {
        let steps = seq.saturating_sub(from) as i64;
        Position(self.at.saturating_add(steps.saturating_mul(super::Contact::STEP)))
    }
}

row!(Gap, Gap);

/// Bodies under good headers that did not open. Key: `(Bad, session, number)`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Bad {
    /// Hashes of the different bodies, at most three.
    #[n(0)]
    pub bodies: Vec<ByteArray<32>>,
}

impl Bad {
    /// The key for this number.
    #[must_use]
    pub const fn key(session: SessionKey, seq: u32) -> Key {
        Key::new(Table::Bad, session.0, seq as i64)
    }
}

row!(Bad, Bad);

/// A receipt that waits to be sent. Key: `(Receipt, contact, position)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Receipt {
    /// The id of their message.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub id: [u8; 16],
    /// It was on the screen; else it is only on this disk.
    #[n(1)]
    pub read: bool,
}

impl Receipt {
    /// The key for the message at this position.
    #[must_use]
    pub const fn key(chat: ContactId, position: Position) -> Key {
        Key::new(Table::Receipt, chat.0, position.0)
    }
}

row!(Receipt, Receipt);
