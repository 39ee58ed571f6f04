//! [`Outbox`]: a sealed cell until the peer's acknowledgement passes it; [`OutCell`]: its bytes.
//!
//! Spec: docs/spec/ratchet.md, "Acknowledgements". Invariant: a number is sealed once; what is sent again is these bytes.

use minicbor::{Decode, Encode};
use subrosa_codec::Cell;

use super::{Bytes, Corrupt, Key, Row, Table, row};
use crate::id::{OutboxId, SessionKey};

/// Facts of a sealed cell. Key: `(Outbox, session, number)`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Outbox {
    /// When the relay stored it, in milliseconds; `None` while it has to be appended.
    #[n(0)]
    pub accepted: Option<u64>,
    /// Flagged quiet: not appended again when the relay's retention has passed.
    #[n(1)]
    pub quiet: bool,
    /// The position of the message that it carries a part of.
    #[n(2)]
    pub message: Option<i64>,
    /// Stored by a relay at least once: its message counts it no more.
    #[n(3)]
    pub counted: bool,
}

impl Outbox {
    /// The key of the facts of this cell.
    #[must_use]
    pub const fn key(id: OutboxId) -> Key {
        Key::new(Table::Outbox, id.session.0, id.seq)
    }

    /// The id in a key of this table.
    #[must_use]
    pub const fn id(key: Key) -> OutboxId {
        OutboxId { session: SessionKey(key.parent), seq: key.id }
    }
}

row!(Outbox, Outbox);

/// The bytes of a sealed cell. Key: `(Cell, session, number)`.
#[derive(Clone, Debug)]
pub struct OutCell(pub Cell);

impl OutCell {
    /// The key of the bytes of this cell.
    #[must_use]
    pub const fn key(id: OutboxId) -> Key {
        Key::new(Table::Cell, id.session.0, id.seq)
    }
}

impl Row for OutCell {
    const TABLE: Table = Table::Cell;

    fn parse(bytes: &[u8]) -> Result<Self, Corrupt> {
        Cell::parse(bytes).map(Self).map_err(|_| Corrupt { table: Self::TABLE })
    }

    fn write(&self) -> Bytes {
        Bytes::new(self.0.as_bytes().to_vec())
    }
}
