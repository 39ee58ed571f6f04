//! [`MemStore`]: the model of a store, in memory, and the relay of the simulator.
//!
//! Spec: docs/spec/relay.md. Invariant: what it does is what every store must do; where prose and this
//! file differ, one of them is a defect.

use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;

use subrosa_codec::{Cell, Day};
use subrosa_wire::{BlobId, Chunk, ClaimHash, InviteId, InviteKind, OwnerId, QueueId, ReadId, Seq};

use crate::{Knowledge, Limits, Op, Outcome, Store, StoreFault, StoreRead, lease_period};

mod blobs;
mod invites;
mod knowledge;
mod queues;
mod sweep;

/// A store whose disk is memory. Readers share its state; a commit beside a reader that is kept copies it.
#[derive(Clone, Debug)]
pub struct MemStore {
    limits: Limits,
    state: Arc<State>,
}

/// Everything it keeps.
#[derive(Clone, Debug, Default)]
struct State {
    today: Day,
    /// How often it was opened: the upper half of every place it gives.
    boot: u32,
    queues: BTreeMap<QueueId, Queue>,
    readers: BTreeMap<ReadId, QueueId>,
    invites: BTreeMap<InviteId, Invite>,
    blobs: BTreeMap<BlobId, Blob>,
    owners: BTreeMap<OwnerId, Owned>,
    /// Cells in queues, and chunks that blobs have or will have.
    cells: u64,
    chunks: u64,
}

#[derive(Clone, Debug)]
struct Queue {
    read: ReadId,
    /// The lease period it ends in.
    lease: u16,
    /// The last place given: not that of the last cell, which may be erased.
    last: Seq,
    cells: BTreeMap<Seq, (Cell, Day)>,
}

#[derive(Clone, Debug)]
struct Invite {
    owner: OwnerId,
    kind: InviteKind,
    opened: bool,
    claim: Option<ClaimHash>,
    expires: Day,
    bundle: Cell,
}

#[derive(Clone, Debug)]
struct Blob {
    owner: OwnerId,
    of: u32,
    expires: Day,
    chunks: BTreeMap<u32, Chunk>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Owned {
    Invite(InviteId),
    Blob(BlobId),
}

impl MemStore {
    /// An empty one.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self { limits, state: Arc::new(State { boot: 1, ..State::default() }) }
    }

    /// As after a restart: everything is there, and places go on above all that were given.
    #[must_use]
    pub fn reopen(mut self) -> Self {
        let state = Arc::make_mut(&mut self.state);
        state.boot = state.boot.saturating_add(1);
        self
    }
}

impl Store for MemStore {
    type Reader = MemReader;

    fn commit(&mut self, ops: &[Op]) -> Result<Vec<Outcome>, StoreFault> {
        let state = Arc::make_mut(&mut self.state);
        Ok(ops.iter().map(|op| state.apply(op, &self.limits)).collect())
    }

    fn reader(&self) -> MemReader {
        MemReader(Arc::clone(&self.state))
    }

    fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    fn knowledge(&self, rows: usize) -> Knowledge {
        self.state.knowledge(rows)
    }
}

/// The state of a [`MemStore`] at one moment.
#[derive(Clone, Debug)]
pub struct MemReader(Arc<State>);

impl StoreRead for MemReader {
    fn cells(&self, queue: QueueId, after: Seq, max: u32) -> Result<Vec<(Seq, Cell)>, StoreFault> {
        Ok(self.0.cells_after(queue, after, max))
    }

    fn chunk(&self, blob: BlobId, index: u32) -> Result<Option<Chunk>, StoreFault> {
        Ok(self.0.chunk_of(blob, index))
    }
}

impl State {
    fn apply(&mut self, op: &Op, limits: &Limits) -> Outcome {
        let done = match op {
            Op::Open { queue, read, admit: _, renew } => self.open((*queue, *read), *renew, limits),
            Op::Append { queue, cell, expires } => self.append(*queue, cell, *expires, limits),
            Op::Ack { queue, upto } => self.ack(*queue, *upto),
            Op::RotateRead { read, to } => self.rotate(*read, *to),
            Op::Close { read } => self.close(*read),
            Op::Invite(op) => self.invite(op, limits),
            Op::Blob(op) => self.blob(op, limits),
            Op::Sweep { today, budget } => Ok(self.sweep(*today, *budget)),
        };
        done.unwrap_or_else(Outcome::Refused)
    }

    fn is_past(&self, expires: Day) -> bool {
        expires < self.today
    }

    fn is_lapsed(&self, lease: u16) -> bool {
        lease < lease_period(self.today)
    }

    /// Whether the owner's right is bound to something else that is still there.
    fn owns_other(&self, owner: OwnerId, this: Owned) -> bool {
        match self.owners.get(&owner) {
            Some(owned) if *owned == this => false,
            Some(Owned::Invite(id)) => {
                self.invites.get(id).is_some_and(|invite| !self.is_past(invite.expires))
            }
            Some(Owned::Blob(id)) => self.blobs.get(id).is_some_and(|blob| !self.is_past(blob.expires)),
            None => false,
        }
    }

    /// Erases what the owner's right was bound to.
    fn erase_owned(&mut self, owner: OwnerId) {
        match self.owners.get(&owner).copied() {
            Some(Owned::Invite(id)) => self.erase_invite(id),
            Some(Owned::Blob(id)) => self.erase_blob(id),
            None => {}
        }
    }
}

#[cfg(test)]
mod tests;
