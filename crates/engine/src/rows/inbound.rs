//! [`Inbound`]: a queue of mine that somebody appends to and I read.
//!
//! Spec: docs/spec/relay.md, "Queues". Invariant: its read capability leaves the vault towards its own relay only.

use alloc::string::String;
use alloc::vec::Vec;

use minicbor::bytes::ByteArray;
use minicbor::{Decode, Encode};

use super::{Hidden, Key, Table, row};
use crate::id::InboundId;

/// How a queue of mine stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum InboundState {
    /// In use.
    #[n(0)]
    Open,
    /// To be deleted at its relay.
    #[n(1)]
    Closing,
}

/// A queue of mine. Key: `(Inbound, 0, id)`.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Inbound {
    /// The relay, as [`subrosa_wire::RelayAddress`] prints it.
    #[n(0)]
    pub relay: String,
    /// The right to append, 32 bytes: given away, kept to name the queue.
    #[n(1)]
    pub write: Hidden,
    /// The right to read, 32 bytes.
    #[n(2)]
    pub read: Hidden,
    /// The right to read that shall replace it: stored before the relay is asked.
    #[n(3)]
    pub next_read: Option<Hidden>,
    /// The contact whose cells come here.
    #[n(4)]
    pub contact: Option<i64>,
    /// The invite whose handshakes come here.
    #[n(5)]
    pub invite: Option<i64>,
    /// How it stands.
    #[n(6)]
    pub state: InboundState,
    /// The first 24 bytes (the nonces) of cells that nobody could open, at most three.
    #[n(7)]
    pub strange: Vec<ByteArray<24>>,
}

impl Inbound {
    /// The key of the queue of this id.
    #[must_use]
    pub const fn key(id: InboundId) -> Key {
        Key::new(Table::Inbound, 0, id.0)
    }
}

row!(Inbound, Inbound);
