//! [`Session`]: facts of a session, and [`RatchetRow`]: its state.
//!
//! Spec: docs/spec/ratchet.md, "Several sessions with one identity". Invariant: a contact has at most one
//! [`Role::Current`] session; every other one only receives.

use minicbor::{Decode, Encode};

use super::{Bytes, Corrupt, Hidden, Key, Row, Table, row};
use crate::id::SessionKey;

/// What a session is to its contact.
///
/// ```text
/// Request --accept--> Current <--they answered-- Trial        Void --retention--> erased
///                        |
///                     replaced --> Draining --retention--> erased        Leaving --accepted or retention--> erased
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Role {
    /// Texts are sealed in it.
    #[n(0)]
    Current,
    /// Replaced: it receives until its time is over, and its outbox is still sent.
    #[n(1)]
    Draining,
    /// I joined a contact again: it becomes current when they answer in it.
    #[n(2)]
    Trial,
    /// A request: nothing is sealed before the person accepted.
    #[n(3)]
    Request,
    /// The contact is forgotten; only its `close` is still on the way.
    #[n(4)]
    Leaving,
    /// Lost against another session before anyone spoke in it: what comes in it is acknowledged and not shown, as
    /// the other side seals it again in the winner.
    #[n(5)]
    Void,
}

/// Since when the peer misses a cell although it has later ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Stuck {
    /// The number of the first missing cell.
    #[n(0)]
    pub low: u32,
    /// Since when, or when it was appended again last, in milliseconds.
    #[n(1)]
    pub since: u64,
    /// How long after that it is appended again, in milliseconds; `None` before the first time.
    #[n(2)]
    pub wait: Option<u64>,
}

/// Facts of a session. Key: `(Session, 0, key)`.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Session {
    /// Whose.
    #[n(0)]
    pub contact: i64,
    /// What it is to them.
    #[n(1)]
    pub role: Role,
    /// Where I append: their `QueueDescriptor`, 340 bytes.
    #[n(2)]
    pub queue: Hidden,
    /// Which entry of it is in use, 0 or 1.
    #[n(3)]
    pub entry: u8,
    /// My queue that they append to; 0 while there is none (a handshake at an address).
    #[n(4)]
    pub inbound: i64,
    /// When a draining session ends, in milliseconds.
    #[n(5)]
    pub until: Option<u64>,
    /// Began with a recovery cell: no text before it is mutually authenticated.
    #[n(6)]
    pub recovery: bool,
    /// A body of theirs was opened.
    #[n(7)]
    pub heard: bool,
    /// My `confirm` was sealed, or is not mine to send.
    #[n(8)]
    pub confirmed: bool,
    /// The relay refused: nothing is appended before this moment, in milliseconds.
    #[n(9)]
    pub hold: Option<u64>,
    /// Refusals in a row.
    #[n(10)]
    pub refusals: u32,
    /// Since when the relay says that the queue is missing, in milliseconds.
    #[n(11)]
    pub missing_since: Option<u64>,
    /// Since when the peer misses a cell of mine although it has later ones.
    #[n(12)]
    pub stuck: Option<Stuck>,
    /// When a heartbeat is due, drawn once when their cells begin to wait for an answer, in milliseconds.
    #[n(13)]
    pub beat_at: Option<u64>,
    /// When it began, in milliseconds.
    #[n(14)]
    pub since: u64,
    /// When I last sealed in it, in milliseconds.
    #[n(15)]
    pub spoke: Option<u64>,
    /// Since when repeats say that my last cell, with its acknowledgement, never arrived, in milliseconds.
    #[n(16)]
    pub owed: Option<u64>,
    /// `queue` is an address, which takes my handshake and nothing else; until their `hello` names a private queue.
    #[n(17)]
    pub at_address: bool,
}

impl Session {
    /// Whether texts are sealed in it.
    #[must_use]
    pub const fn is_current(&self) -> bool {
        matches!(self.role, Role::Current)
    }

    /// The key of the facts of this session.
    #[must_use]
    pub const fn key(key: SessionKey) -> Key {
        Key::new(Table::Session, 0, key.0)
    }
}

row!(Session, Session);

/// State of a ratchet, in the encoding of the crypto crate. Key: `(Ratchet, 0, key)`.
#[derive(Debug)]
pub struct RatchetRow(pub Bytes);

impl RatchetRow {
    /// The key of the state of this session.
    #[must_use]
    pub const fn key(key: SessionKey) -> Key {
        Key::new(Table::Ratchet, 0, key.0)
    }
}

impl Row for RatchetRow {
    const TABLE: Table = Table::Ratchet;

    fn parse(bytes: &[u8]) -> Result<Self, Corrupt> {
        Ok(Self(Bytes::new(bytes.to_vec())))
    }

    fn write(&self) -> Bytes {
        self.0.clone()
    }
}
