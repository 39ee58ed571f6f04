//! [`Rows`]: the vault as an ordered map of sealed rows, and the [`Change`]s to it.
//!
//! Spec: docs/ARCHITECTURE.md, "The client's rows"; docs/spec/at-rest.md. Invariant: a [`Key`] holds counted integers
//! only; it is all of a row that stands in clear on disk.

use alloc::vec::Vec;

use zeroize::Zeroizing;

use crate::api::{ContactId, MessageId, Position};

/// A row's plaintext, erased when dropped.
pub type Bytes = Zeroizing<Vec<u8>>;

/// What kind of row. The numbers are part of the vault's format: never reuse one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Table {
    /// One of a kind: me (id 1), the id counter (id 2).
    Meta = 1,
    /// A contact or request, by its id.
    Contact = 2,
    /// Facts of a session, by its key.
    Session = 3,
    /// Ratchet state of a session, by its key.
    Ratchet = 4,
    /// A queue of mine, by its id.
    Inbound = 5,
    /// Facts of a sealed cell: parent session, id number in the session.
    Outbox = 6,
    /// The bytes of a sealed cell: same key as its facts.
    Cell = 7,
    /// A row of a conversation: parent contact, id position.
    Message = 8,
    /// An invite of mine or a link being taken, by its id.
    Invite = 9,
    /// A handshake that an invite of mine already saw: parent invite, id counted.
    Handshake = 10,
    /// A timer: parent its kind, id its subject.
    Timer = 11,
    /// A part of a longer content: parent session, id number in the session.
    Part = 12,
    /// A content that waits to be sealed: parent contact, id counted.
    Unsealed = 13,
    /// What stands in a composer, by contact.
    Draft = 14,
    /// Cells of theirs that are missing: parent session, id the first number.
    Gap = 15,
    /// Bodies that did not open: parent session, id number in the session.
    Bad = 16,
    /// Receipts that wait to be sent: parent contact, id position of the message.
    Receipt = 17,
}

impl Table {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 17] = [
        Self::Meta,
        Self::Contact,
        Self::Session,
        Self::Ratchet,
        Self::Inbound,
        Self::Outbox,
        Self::Cell,
        Self::Message,
        Self::Invite,
        Self::Handshake,
        Self::Timer,
        Self::Part,
        Self::Unsealed,
        Self::Draft,
        Self::Gap,
        Self::Bad,
        Self::Receipt,
    ];

    /// Its number on disk.
    #[must_use]
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// The table of that number.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|table| table.number() == number)
    }
}

/// Where a row lies: opaque integers, ordered by table, then parent, then id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// The kind of row.
    pub table: Table,
    /// What it belongs to; 0 where nothing.
    pub parent: i64,
    /// Which one.
    pub id: i64,
}

impl Key {
    /// The key `(table, parent, id)`.
    #[must_use]
    pub const fn new(table: Table, parent: i64, id: i64) -> Self {
        Self { table, parent, id }
    }
}

/// A range of one table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The kind of row.
    pub table: Table,
    /// Only rows of this parent; `None` for those of every parent, ordered by parent, then id.
    pub parent: Option<i64>,
    /// First id, inclusive.
    pub from: i64,
    /// Last id, inclusive.
    pub to: i64,
    /// From the greatest key down.
    pub newest_first: bool,
    /// At most this many rows.
    pub limit: u32,
}

impl Span {
    /// Every row of `table`.
    #[must_use]
    pub const fn table(table: Table) -> Self {
        Self { table, parent: None, from: i64::MIN, to: i64::MAX, newest_first: false, limit: u32::MAX }
    }

    /// Every row of `table` under `parent`.
    #[must_use]
    pub const fn under(table: Table, parent: i64) -> Self {
        Self {
            table,
            parent: Some(parent),
            from: i64::MIN,
            to: i64::MAX,
            newest_first: false,
            limit: u32::MAX,
        }
    }

    /// Only ids from `from` on.
    #[must_use]
    pub const fn from(self, from: i64) -> Self {
        Self { from, ..self }
    }

    /// Only ids up to and including `to`.
    #[must_use]
    pub const fn to(self, to: i64) -> Self {
        Self { to, ..self }
    }

    /// From the greatest key down.
    #[must_use]
    pub const fn newest_first(self) -> Self {
        Self { newest_first: true, ..self }
    }

    /// At most `limit` rows.
    #[must_use]
    pub const fn limit(self, limit: u32) -> Self {
        Self { limit, ..self }
    }

    /// Whether `key` lies in it.
    #[must_use]
    pub fn holds(&self, key: Key) -> bool {
        key.table == self.table
            && self.parent.is_none_or(|parent| parent == key.parent)
            && (self.from..=self.to).contains(&key.id)
    }
}

/// A row of the vault that is not what it should be: damaged, or of a newer version. Names the table, never content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the vault is damaged (a row of {table:?} can't be read): restore a backup, or see `subrosa doctor`")]
pub struct Corrupt {
    /// Where.
    pub table: Table,
}

/// Reads inside the open transaction: they see what earlier events of it changed.
pub trait Rows {
    /// The row at `key`.
    ///
    /// # Errors
    /// [`Corrupt`] when it is there and can't be opened.
    fn get(&self, key: Key) -> Result<Option<Bytes>, Corrupt>;

    /// The rows of `span`, in its order.
    ///
    /// # Errors
    /// [`Corrupt`] when one of them can't be opened.
    fn span(&self, span: Span) -> Result<Vec<(Key, Bytes)>, Corrupt>;

    /// Where the message of this author and id stands: from an index in memory, as ids are nowhere in clear on disk.
    ///
    /// # Errors
    /// [`Corrupt`] when a message row can't be opened.
    fn position(&self, chat: ContactId, mine: bool, id: MessageId) -> Result<Option<Position>, Corrupt>;
}

/// One change of the vault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Write this row, in place of one that may be there.
    Put(Key, Bytes),
    /// Erase this row if it is there.
    Erase(Key),
    /// Erase every row of `table` under `parent`.
    EraseAll {
        /// The kind of row.
        table: Table,
        /// Whose.
        parent: i64,
    },
}
