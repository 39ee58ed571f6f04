//! [`Store`]: what keeps queues, invites and blobs.
//!
//! Spec: docs/spec/relay.md. Invariant: when [`Store::commit`] returns, every outcome is on disk.

use alloc::vec::Vec;

use subrosa_codec::Cell;
use subrosa_wire::{BlobId, Chunk, QueueId, Seq};

use crate::{Knowledge, Limits, Op, Outcome};

/// The store failed. Nothing of the batch may be answered, and the relay must stop: after a failed sync the
/// disk's state is unknown, and a second try would hide that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StoreFault {
    /// The disk refused a read, a write or a sync.
    #[error("the relay's disk failed; the relay stops, and everything acknowledged before is on disk")]
    Io,
    /// What was read is not what was written.
    #[error("the relay's files are damaged: {0}")]
    Damaged(&'static str),
    /// The store or its thread broke off.
    #[error("the relay's store broke off: {0}")]
    Broken(&'static str),
}

/// How much a store keeps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Amounts {
    /// Queues.
    pub queues: u64,
    /// Invites.
    pub invites: u64,
    /// Cells that wait in queues.
    pub cells: u64,
    /// Chunks of blobs.
    pub chunks: u64,
}

/// Keeps everything a relay keeps: blocking, on its own thread, one commit after the other.
///
/// Conditions (missing, full, used) are decided inside `commit`, where the data is. [`crate::conformance`] holds
/// what every implementation must do, and [`crate::MemStore`] is the shortest one.
pub trait Store: Send {
    /// Its reading side.
    type Reader: StoreRead;

    /// Applies `ops` in order as one durable unit; one outcome for each, in order. Without any, a store on a disk writes
    /// something of its own all the same and makes it durable: whoever asks wants to know whether it can. When it returns `Ok`, every
    /// outcome is on disk; a crash before that leaves any prefix of `ops` applied.
    ///
    /// # Errors
    /// [`StoreFault`]: nothing may be answered, and the store must not be used again.
    fn commit(&mut self, ops: &[Op]) -> Result<Vec<Outcome>, StoreFault>;

    /// A reader that sees at least every commit so far. It may or may not see later ones: take a new one for
    /// each read, that is cheap.
    fn reader(&self) -> Self::Reader;

    /// Queues to which another process appended since the last call.
    fn woken(&mut self) -> Vec<QueueId> {
        Vec::new()
    }

    /// Other limits from the next commit on; what lies there stays. A store that has none of its own ignores them.
    fn set_limits(&mut self, _limits: Limits) {}

    /// How much there is, kept in memory and never looked up; zeros of a store that does not say.
    fn amounts(&self) -> Amounts {
        Amounts::default()
    }

    /// Everything the store keeps: exact counts, and at most `rows` rows of each table.
    fn knowledge(&self, rows: usize) -> Knowledge;
}

/// Reads a store from any thread. What expired, by the day of the last [`Op::Sweep`], is not there.
pub trait StoreRead: Send + Sync {
    /// Up to `max` cells of `queue` after the place `after`, in order; none when there is no such queue. Of
    /// each queue it sees a prefix of what was appended, never a cell without those before it.
    ///
    /// # Errors
    /// [`StoreFault`]: the store must not be used again.
    fn cells(&self, queue: QueueId, after: Seq, max: u32) -> Result<Vec<(Seq, Cell)>, StoreFault>;

    /// One chunk of a blob, if it is there.
    ///
    /// # Errors
    /// [`StoreFault`]: the store must not be used again.
    fn chunk(&self, blob: BlobId, index: u32) -> Result<Option<Chunk>, StoreFault>;
}
