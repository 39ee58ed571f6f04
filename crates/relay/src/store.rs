//! [`SlabStore`]: what a relay keeps, bodies and records in slabs.
//!
//! Spec: docs/adr/0002-slabs-and-sled.md, docs/adr/0011-records-in-a-slab.md. Invariant: a commit has one sync sequence,
//! bodies first, then records, then what these replaced; nothing of it is answered before that has ended.

mod backup;
mod blobs;
mod calendar;
mod check;
mod index;
mod invites;
mod knowledge;
mod manifest;
mod open;
mod queues;
mod reader;
mod records;
mod repair;
mod room;
mod rows;
mod settings;
mod spread;
mod sweep;
#[cfg(test)]
mod tests;
mod tokens;

use std::fs::File;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use subrosa_codec::{CELL_LEN, Day};
use subrosa_relay_core::{Amounts, Knowledge, Limits, Op, Outcome, Store, StoreFault};
use subrosa_wire::{CHUNK_LEN, Refusal};

use crate::slab::{DiskError, PutError, Slab, Slot};
use index::Index;
use records::{Counts, Records};
use room::Room;
use rows::Row;

pub use backup::{Backup, copy, restore};
pub use check::{Fault, Report, check};
pub use manifest::FORMAT;
pub(crate) use manifest::hex;
#[cfg(test)]
pub(crate) use open::Disks;
pub use open::{OpenError, format, inspect};
pub use reader::SlabStoreReader;
pub use repair::{Repaired, repair};
pub use settings::StoreSettings;
pub use tokens::{NewToken, Token};

/// The kind of a slot that holds a cell of a queue.
const CELL: u8 = 1;
/// The kind of a slot that holds an invite's bundle.
const BUNDLE: u8 = 2;
/// The kind of a slot that holds a chunk of a blob.
const CHUNK: u8 = 3;

/// The store of a relay on disk. One process at a time, one writer in it.
pub struct SlabStore {
    records: Records,
    cells: Slab<CELL_LEN>,
    chunks: Slab<CHUNK_LEN>,
    index: Arc<RwLock<Index>>,
    limits: Limits,
    /// `None` while a store is only looked at.
    room: Option<Room>,
    /// Whether this commit must not take more room.
    tight: bool,
    today: Day,
    /// How many times the store was opened: the upper half of every place given.
    boot: u64,
    /// Slots of the cell slab whose record names another since this commit: erased once that is durable.
    retired: Vec<Slot>,
    /// Held while the store is open.
    lock: Option<File>,
}

/// How much there is of each kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Queues.
    pub queues: u64,
    /// Invites.
    pub invites: u64,
    /// Attachments.
    pub blobs: u64,
    /// Tokens.
    pub tokens: u64,
    /// Cells in queues.
    pub cells: u64,
    /// Chunks that lie there.
    pub chunks: u64,
    /// Chunks of all attachments, those not yet put included: what the limit counts.
    pub promised: u64,
}

impl SlabStore {
    /// The last day that the store was told; the first day of all for a fresh one.
    #[must_use]
    pub const fn day(&self) -> Day {
        self.today
    }

    /// Whether it holds nothing of anyone.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.records.table().counts() == Counts::default()
    }

    /// How much there is of each kind.
    #[must_use]
    pub fn totals(&self) -> Totals {
        let Counts { queues, invites, blobs, tokens, promised } = self.records.table().counts();
        let (cells, chunks) = (self.index().cells, self.index().chunks);
        Totals { queues, invites, blobs, tokens, cells, chunks, promised }
    }

    /// Marks the store as closed in order, so that the next open reads no bodies.
    ///
    /// # Errors
    /// [`StoreFault`].
    pub fn close(mut self) -> Result<(), StoreFault> {
        self.sync()?;
        self.records.set_store(|store| store.clean = true);
        self.records.sync()?;
        // The next process may have the store when ours is closed, not earlier.
        let lock = self.lock.take();
        drop(self);
        drop(lock);
        Ok(())
    }

    /// Makes everything durable, in the order in which it must be.
    fn sync(&mut self) -> Result<(), StoreFault> {
        // Bodies before records: a record never names a body that a power cut can take away.
        self.cells.sync()?;
        self.chunks.sync()?;
        let (cells, chunks) = (self.cells.groups(), self.chunks.groups());
        self.records.set_store(|store| (store.cell_groups, store.chunk_groups) = (cells, chunks));
        self.records.sync()?;
        // And records before the bodies that they named until now.
        for slot in std::mem::take(&mut self.retired) {
            self.cells.erase(slot)?;
        }
        Ok(self.cells.sync()?)
    }

    /// Writes a record; room for it was made, or it is there already.
    fn put_record(&mut self, row: Row) -> Result<(), StoreFault> {
        if self.records.clashes(&row) {
            self.sync()?;
        }
        Ok(self.records.put(row)?)
    }

    fn index(&self) -> RwLockReadGuard<'_, Index> {
        self.index.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn index_mut(&self) -> RwLockWriteGuard<'_, Index> {
        self.index.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn apply(&mut self, op: &Op) -> Result<Outcome, StoreFault> {
        match op {
            Op::Open { queue, read, admit, renew } => self.open_queue(*queue, *read, (*admit, *renew)),
            Op::Append { queue, cell, expires } => self.append(*queue, cell, *expires),
            Op::Ack { queue, upto } => self.ack(*queue, *upto),
            Op::RotateRead { read, to } => self.rotate_read(*read, *to),
            Op::Close { read } => self.close_queue(*read),
            Op::Invite(op) => self.invite_op(op),
            Op::Blob(op) => self.blob_op(op),
            Op::Sweep { today, budget } => self.sweep(*today, *budget),
            _ => refused(Refusal::Unsupported),
        }
    }
}

impl Store for SlabStore {
    type Reader = SlabStoreReader;

    fn commit(&mut self, ops: &[Op]) -> Result<Vec<Outcome>, StoreFault> {
        self.tight = self.room.as_ref().is_some_and(Room::is_tight);
        if ops.is_empty() {
            self.records.rewrite_store();
        }
        let mut outcomes = Vec::with_capacity(ops.len());
        for op in ops {
            outcomes.push(self.apply(op)?);
        }
        self.sync()?;
        Ok(outcomes)
    }

    fn reader(&self) -> Self::Reader {
        SlabStoreReader::of(self)
    }

    fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    fn amounts(&self) -> Amounts {
        let Totals { queues, invites, cells, chunks, .. } = self.totals();
        Amounts { queues, invites, cells, chunks }
    }

    fn knowledge(&self, rows: usize) -> Knowledge {
        self.known(rows)
    }
}

impl std::fmt::Debug for SlabStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SlabStore").field("counts", &self.records.table().counts()).finish_non_exhaustive()
    }
}

fn refused(refusal: Refusal) -> Result<Outcome, StoreFault> {
    Ok(Outcome::Refused(refusal))
}

/// A day as records and headers keep it; saturates in the year 2149.
fn day16(day: Day) -> u16 {
    u16::try_from(day.0).unwrap_or(u16::MAX)
}

/// Says once, for the operator, what a [`StoreFault`] has no room for.
fn fault(error: &dyn std::error::Error) -> StoreFault {
    tracing::error!(%error, "the store failed");
    StoreFault::Io
}

impl From<DiskError> for StoreFault {
    fn from(error: DiskError) -> Self {
        fault(&error)
    }
}

impl From<PutError> for StoreFault {
    fn from(error: PutError) -> Self {
        fault(&error)
    }
}
