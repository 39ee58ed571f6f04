//! [`Served`]: the store that a relay serves, on disk or in memory.
//!
//! Spec: docs/guide/relay.md. Invariant: a relay in memory touches no file.

use subrosa_codec::{Cell, Day};
use subrosa_relay_core::{Amounts, Knowledge, Limits, MemStore, Op, Outcome, Store, StoreFault, StoreRead};
use subrosa_wire::{BlobId, Chunk, QueueId, Seq};

use crate::manage::Manager;
use crate::store::{SlabStore, SlabStoreReader};

/// A store, how it ends in order, and what an operator may ask of it.
pub(crate) struct Kept<S> {
    pub(crate) store: S,
    pub(crate) close: fn(S) -> Result<(), StoreFault>,
    pub(crate) manage: Manager<S>,
}

/// Either store.
#[derive(Debug)]
pub(crate) enum Served {
    Disk(Box<SlabStore>),
    Memory(MemStore),
}

impl Served {
    /// The last day that the store was told.
    pub(crate) fn day(&self) -> Day {
        match self {
            Self::Disk(store) => store.day(),
            Self::Memory(_) => Day(0),
        }
    }

    /// Ends it in order.
    pub(crate) fn close(self) -> Result<(), StoreFault> {
        match self {
            Self::Disk(store) => store.close(),
            Self::Memory(_) => Ok(()),
        }
    }
}

impl Store for Served {
    type Reader = ServedReader;

    fn commit(&mut self, ops: &[Op]) -> Result<Vec<Outcome>, StoreFault> {
        match self {
            Self::Disk(store) => store.commit(ops),
            Self::Memory(store) => store.commit(ops),
        }
    }

    fn reader(&self) -> ServedReader {
        match self {
            Self::Disk(store) => ServedReader::Disk(store.reader()),
            Self::Memory(store) => ServedReader::Memory(store.reader()),
        }
    }

    fn set_limits(&mut self, limits: Limits) {
        match self {
            Self::Disk(store) => store.set_limits(limits),
            Self::Memory(store) => store.set_limits(limits),
        }
    }

    fn amounts(&self) -> Amounts {
        match self {
            Self::Disk(store) => store.amounts(),
            Self::Memory(store) => store.amounts(),
        }
    }

    fn knowledge(&self, rows: usize) -> Knowledge {
        match self {
            Self::Disk(store) => store.whole_knowledge(rows),
            Self::Memory(store) => store.knowledge(rows),
        }
    }
}

/// The reading side of either.
pub(crate) enum ServedReader {
    Disk(SlabStoreReader),
    Memory(<MemStore as Store>::Reader),
}

impl StoreRead for ServedReader {
    fn cells(&self, queue: QueueId, after: Seq, max: u32) -> Result<Vec<(Seq, Cell)>, StoreFault> {
        match self {
            Self::Disk(reader) => reader.cells(queue, after, max),
            Self::Memory(reader) => reader.cells(queue, after, max),
        }
    }

    fn chunk(&self, blob: BlobId, index: u32) -> Result<Option<Chunk>, StoreFault> {
        match self {
            Self::Disk(reader) => reader.chunk(blob, index),
            Self::Memory(reader) => reader.chunk(blob, index),
        }
    }
}
