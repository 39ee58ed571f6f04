//! [`Served`]: the store that a relay serves, on disk or in memory.
//!
//! Spec: docs/guide/relay.md. Invariant: a relay in memory touches no file.

use std::io;
use std::path::PathBuf;

use subrosa_codec::{Cell, Day};
use subrosa_relay_core::{Knowledge, MemStore, Op, Outcome, Store, StoreFault, StoreRead};
use subrosa_wire::{BlobId, Chunk, QueueId, Seq};

use crate::store::{Backup, OpenError, SlabStore, SlabStoreReader};

/// A store, how it ends in order, and how it is copied while it serves.
pub(crate) struct Kept<S> {
    pub(crate) store: S,
    pub(crate) close: fn(S) -> Result<(), StoreFault>,
    pub(crate) copy: Copying<S>,
}

/// One part of a copy; what is under way is held between two.
pub(crate) type Copying<S> = fn(&mut S, &mut Option<Backup>, CopyPart) -> Result<bool, OpenError>;

/// Which part.
#[derive(Debug)]
pub(crate) enum CopyPart {
    /// The first, of the store in one folder, into another.
    Begin { from: PathBuf, to: PathBuf },
    /// The next; whether there is more.
    Step,
    /// The last.
    Finish,
}

/// A store that lies in no file has none to copy.
pub(crate) fn no_copy<S>(_: &mut S, _: &mut Option<Backup>, _: CopyPart) -> Result<bool, OpenError> {
    Err(io::Error::from(io::ErrorKind::Unsupported).into())
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

    /// Copies a part of it.
    pub(crate) fn copy(&mut self, held: &mut Option<Backup>, part: CopyPart) -> Result<bool, OpenError> {
        let Self::Disk(store) = self else { return no_copy(self, held, part) };
        match (part, held.as_mut()) {
            (CopyPart::Begin { from, to }, _) => {
                *held = Some(Backup::begin(store, &from, &to)?);
                Ok(true)
            }
            (CopyPart::Step, Some(backup)) => backup.step(store),
            (CopyPart::Finish, Some(_)) => {
                held.take().map_or(Ok(()), |backup| backup.finish(store)).map(|()| false)
            }
            (_, None) => Err(io::Error::from(io::ErrorKind::NotFound).into()),
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
