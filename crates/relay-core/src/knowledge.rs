//! [`Knowledge`]: everything a relay keeps, as plain rows. What `disclose` prints, and what the demo shows.
//!
//! Spec: docs/spec/relay.md, "What a relay keeps". Invariant: a store that keeps a thing shows it here; there is
//! no second, private list.

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use subrosa_codec::{CELL_LEN, Day};
use subrosa_wire::{
    BlobId, CHUNK_LEN, ClaimHash, InviteId, InviteKind, InviteState, OwnerId, QueueId, ReadId, Seq,
};

/// All that a relay knows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Knowledge {
    /// The records.
    pub tables: Vec<Table>,
    /// Cells that lie in queues.
    pub cell_count: u64,
    /// Some of them, oldest first within a queue.
    pub cells: Vec<CellEntry>,
    /// Chunks that lie in blobs.
    pub chunk_count: u64,
}

/// One kind of record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// Its name.
    pub name: &'static str,
    /// What one row of it means, in a sentence.
    pub about: &'static str,
    /// Names of the values of each row, in order.
    pub fields: &'static [Field],
    /// Rows that there are.
    pub count: u64,
    /// Some of them.
    pub rows: Vec<Row>,
}

/// One column of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// What it is, in half a sentence.
    pub about: &'static str,
}

/// One record, whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// What it is found by.
    pub key: Vec<u8>,
    /// Its values, one for each field.
    pub values: Vec<Value>,
    /// Bytes that it and its bodies take.
    pub bytes: u64,
    /// Its last day, if it has one.
    pub expires: Option<Day>,
}

/// One value of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Bytes, mostly a hash.
    Bytes(Vec<u8>),
    /// A number.
    Number(u64),
    /// A day.
    Day(Day),
    /// One of a few words.
    Word(&'static str),
    /// A sentence or a path.
    Text(String),
    /// Nothing.
    None,
}

/// One cell in a queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CellEntry {
    /// Its queue.
    pub queue: QueueId,
    /// Its place.
    pub seq: Seq,
    /// Bytes of it: always 4,096.
    pub len: u32,
    /// Its first bytes.
    pub head: [u8; CellEntry::HEAD],
    /// Its last day.
    pub expires: Day,
}

impl CellEntry {
    /// How many of a cell's bytes an entry shows.
    pub const HEAD: usize = 32;

    /// The entry of `cell`.
    #[must_use]
    pub fn of(queue: QueueId, seq: Seq, cell: &subrosa_codec::Cell, expires: Day) -> Self {
        let head = cell.as_bytes().first_chunk().copied().unwrap_or_default();
        Self { queue, seq, len: CELL_LEN as u32, head, expires }
    }
}

const fn field(name: &'static str, about: &'static str) -> Field {
    Field { name, about }
}

const QUEUES: &[Field] = &[
    field("write id", "hash of the capability that appends"),
    field("read id", "hash of the capability that reads"),
    field("lease", "the 32-day period in which the queue ends unless it is opened again"),
    field("cells", "how many lie in it"),
];

const INVITES: &[Field] = &[
    field("invite id", "hash of the capability that takes it"),
    field("owner id", "hash of the capability that checks and revokes it"),
    field("kind", "one-time or address"),
    field("state", "unopened or opened"),
    field("claim", "shortened hash of what took it, so that the same may take it again"),
    field("expires", "last day"),
];

const BLOBS: &[Field] = &[
    field("blob id", "hash of the capability that reads it"),
    field("owner id", "hash of the capability that drops it"),
    field("chunks", "of 65,536 bytes"),
    field("expires", "last day"),
];

impl Table {
    /// The queues.
    #[must_use]
    pub const fn queues(count: u64, rows: Vec<Row>) -> Self {
        // REL-59.
        let about = "one direction of one conversation: who writes or reads is not recorded";
        Self { name: "queues", about, fields: QUEUES, count, rows }
    }

    /// The invites.
    #[must_use]
    pub const fn invites(count: u64, rows: Vec<Row>) -> Self {
        let about = "4,096 sealed bytes that whoever has the link can fetch and open";
        Self { name: "invites", about, fields: INVITES, count, rows }
    }

    /// The blobs.
    #[must_use]
    pub const fn blobs(count: u64, rows: Vec<Row>) -> Self {
        let about = "an attachment: sealed chunks of one size";
        Self { name: "blobs", about, fields: BLOBS, count, rows }
    }
}

impl Row {
    /// Of [`Table::queues`]. `period` is the lease's; `cells` how many lie in it.
    #[must_use]
    pub fn queue(queue: QueueId, read: ReadId, period: u16, cells: u64) -> Self {
        let values = vec![
            Value::Bytes(queue.as_bytes().to_vec()),
            Value::Bytes(read.as_bytes().to_vec()),
            Value::Number(period.into()),
            Value::Number(cells),
        ];
        let bytes = 32 + 32 + 2 + cells * CELL_LEN as u64;
        Self { key: queue.as_bytes().to_vec(), values, bytes, expires: None }
    }

    /// Of [`Table::invites`].
    #[must_use]
    pub fn invite(
        id: InviteId,
        owner: OwnerId,
        kind: InviteKind,
        taken: (InviteState, Option<ClaimHash>),
        expires: Day,
    ) -> Self {
        let (state, claim) = taken;
        let values = vec![
            Value::Bytes(id.as_bytes().to_vec()),
            Value::Bytes(owner.as_bytes().to_vec()),
            Value::Word(match kind {
                InviteKind::OneTime => "one-time",
                InviteKind::Address => "address",
            }),
            Value::Word(match state {
                InviteState::Unopened => "unopened",
                InviteState::Opened => "opened",
                InviteState::Gone => "gone",
            }),
            claim.map_or(Value::None, |claim| Value::Bytes(claim.as_bytes().to_vec())),
            Value::Day(expires),
        ];
        let bytes = 32 + 32 + 1 + 1 + 16 + 2 + CELL_LEN as u64;
        Self { key: id.as_bytes().to_vec(), values, bytes, expires: Some(expires) }
    }

    /// Of [`Table::blobs`]. `here` is how many of its chunks lie here.
    #[must_use]
    pub fn blob(blob: BlobId, owner: OwnerId, here: u64, expires: Day) -> Self {
        let values = vec![
            Value::Bytes(blob.as_bytes().to_vec()),
            Value::Bytes(owner.as_bytes().to_vec()),
            Value::Number(here),
            Value::Day(expires),
        ];
        let bytes = 32 + 32 + 4 + 2 + here * CHUNK_LEN as u64;
        Self { key: blob.as_bytes().to_vec(), values, bytes, expires: Some(expires) }
    }
}
