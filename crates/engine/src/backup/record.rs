//! The records of a backup: `kind u8 | length u32 | CBOR`.
//!
//! Spec: docs/spec/backup.md, "Records". Invariant: fields and kinds that this version does not know are ignored; what it
//! knows and can't read is refused.

use alloc::string::String;
use alloc::vec::Vec;

use minicbor::{Decode, Encode};

use crate::rows::{Corrupt, Hidden, Table, decode, encode};

/// The version of the encoding.
pub(super) const VERSION: u32 = 1;
/// The longest record, in bytes: a message of the greatest length with room to spare.
pub const RECORD_MAX: usize = 256 * 1024;
/// Bytes in front of a record.
pub(super) const FRAME: usize = 5;

/// Record 1, the first: who I am.
#[derive(Encode, Decode)]
#[cbor(map)]
pub(super) struct Head {
    /// The version of the encoding, [`VERSION`].
    #[n(0)]
    pub(super) version: u32,
    /// When it was made, in milliseconds.
    #[n(1)]
    pub(super) made: u64,
    /// The seed of my identity, 32 bytes.
    #[n(2)]
    pub(super) seed: Hidden,
    /// My name.
    #[n(3)]
    pub(super) name: String,
    /// My relay's address.
    #[n(4)]
    pub(super) relay: Option<String>,
    /// Whether the profile hosted that relay itself.
    #[n(5)]
    pub(super) hosted: bool,
    /// Whether receipts are sent.
    #[n(6)]
    pub(super) receipts: bool,
}

/// How a contact stood.
#[derive(Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub(super) enum Stood {
    /// A contact.
    #[n(0)]
    Contact,
    /// I had joined, and they had not answered.
    #[n(1)]
    Pending,
    /// The chat was over.
    #[n(2)]
    Closed,
}

/// Record 2: a contact; their messages follow.
#[derive(Encode, Decode)]
#[cbor(map)]
pub(super) struct Person {
    /// Their `IdentityPublic`, 1,249 bytes.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub(super) identity: Vec<u8>,
    /// Their own claim of a name.
    #[n(1)]
    pub(super) claim: String,
    /// My name for them.
    #[n(2)]
    pub(super) name: Option<String>,
    /// How they stood.
    #[n(3)]
    pub(super) stood: Stood,
    /// Whether the safety number was compared.
    #[n(4)]
    pub(super) verified: bool,
    /// Their queue: a `QueueDescriptor`, 340 bytes.
    #[n(5)]
    pub(super) queue: Option<Hidden>,
    /// The recovery key that they gave me, 36 bytes.
    #[n(6)]
    pub(super) received: Option<Hidden>,
    /// Those that I gave them, newest last, 36 bytes each.
    #[n(7)]
    pub(super) given: Vec<Hidden>,
    /// Since when, in milliseconds.
    #[n(8)]
    pub(super) since: u64,
    /// What stood in the composer.
    #[n(9)]
    pub(super) draft: Option<String>,
}

/// How far a message of mine had come.
#[derive(Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub(super) enum Came {
    /// Not known to have reached their device.
    #[n(0)]
    Waiting,
    /// Their ratchet acknowledged it.
    #[n(1)]
    Arrived,
    /// By a receipt.
    #[n(2)]
    Delivered,
    /// By a receipt.
    #[n(3)]
    Read,
    /// It had failed.
    #[n(4)]
    Failed,
}

/// What a row of a conversation said.
#[derive(Encode, Decode)]
pub(super) enum Said {
    /// A text.
    #[n(0)]
    Text(#[n(0)] String),
    /// A content that the version then did not show, raw.
    #[n(1)]
    Newer(#[cbor(n(0), with = "minicbor::bytes")] Vec<u8>),
    /// So many cells were missing.
    #[n(2)]
    Missing(#[n(0)] u32),
    /// Something that happened, by its number.
    #[n(3)]
    Event(#[n(0)] u8),
}

/// Record 3: a row of the conversation with the contact before it.
#[derive(Encode, Decode)]
#[cbor(map)]
pub(super) struct Entry {
    /// Its id; zeros for a row that is no message.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub(super) id: [u8; 16],
    /// Whether I wrote it.
    #[n(1)]
    pub(super) mine: bool,
    /// When, in milliseconds.
    #[n(2)]
    pub(super) at: u64,
    /// What it says.
    #[n(3)]
    pub(super) said: Said,
    /// The id of the message that it answers.
    #[cbor(n(4), with = "minicbor::bytes")]
    pub(super) reply: Option<[u8; 16]>,
    /// Whether I wrote that one.
    #[n(5)]
    pub(super) reply_mine: bool,
    /// Mine: how far it had come.
    #[n(6)]
    pub(super) came: Option<Came>,
    /// Mine: when the relay had it, in milliseconds.
    #[n(7)]
    pub(super) sent: Option<u64>,
    /// Theirs, and not yet seen.
    #[n(8)]
    pub(super) unread: bool,
    /// It stood before the marker, or was it.
    #[n(9)]
    pub(super) seen: bool,
}

/// Record 255, the last.
#[derive(Encode, Decode)]
#[cbor(map)]
pub(super) struct End {
    /// How many contacts there were.
    #[n(0)]
    pub(super) contacts: u64,
    /// How many rows of conversations.
    #[n(1)]
    pub(super) messages: u64,
}

/// A kind of record.
pub(super) trait Record: Sized + Encode<()> + for<'b> Decode<'b, ()> {
    /// Its number.
    const KIND: u8;

    /// Its framed bytes.
    fn frame(&self) -> crate::rows::Bytes {
        // BAK-01.
        let text = encode(self);
        let mut framed = crate::rows::Bytes::new(Vec::with_capacity(FRAME + text.len()));
        framed.push(Self::KIND);
        framed.extend_from_slice(&u32::try_from(text.len()).unwrap_or(u32::MAX).to_le_bytes());
        framed.extend_from_slice(&text);
        framed
    }

    /// Reads its text.
    fn read(text: &[u8]) -> Result<Self, Corrupt> {
        decode(Table::Meta, text)
    }
}

impl Record for Head {
    const KIND: u8 = 1;
}

impl Record for Person {
    const KIND: u8 = 2;
}

impl Record for Entry {
    const KIND: u8 = 3;
}

impl Record for End {
    const KIND: u8 = 255;
}
