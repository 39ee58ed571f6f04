//! [`Op`] and [`Outcome`]: what a store is asked to do, and what came of it.
//!
//! Spec: docs/spec/relay.md. Invariant: an operation whose answer was lost may be done again and
//! leaves the same state; a wrong capability and a missing thing have the same outcome.

use subrosa_codec::{Cell, Day};
use subrosa_wire::{
    Admit, BlobId, Chunk, ClaimHash, InviteId, InviteKind, InviteState, OwnerId, QueueId, ReadId, Refusal,
    Seq,
};

/// Days in a lease period: a store notes which of these a lease ends in, and no finer time.
pub const LEASE_PERIOD: u32 = 32;

/// The period that `day` lies in: what a store keeps of a queue's lease. A queue is alive while the period of
/// its lease is not before today's.
#[must_use]
pub const fn lease_period(day: Day) -> u16 {
    let period = day.0 / LEASE_PERIOD;
    if period > u16::MAX as u32 { u16::MAX } else { period as u16 }
}

/// One operation on a store. `expires` is always the last day on which the thing is there.
#[derive(Debug)]
#[non_exhaustive]
pub enum Op {
    /// Creates the queue, or attaches to the one whose read right this is, and renews its lease.
    ///
    /// [`Outcome::Opened`]; [`Refusal::Missing`] when the queue has another read right or the read right
    /// another queue; [`Refusal::QuotaExceeded`] over [`Limits::queues`](crate::Limits::queues), or over the token's;
    /// [`Refusal::NotAdmitted`] when it is not there, under [`Access::Token`](crate::Access::Token) without a valid one.
    Open {
        /// The queue.
        queue: QueueId,
        /// The hash of the right to read it.
        read: ReadId,
        /// Leave to create, and to renew the lease; stores of open relays do not look at it.
        admit: Admit,
        /// The day that the lease runs to; a store keeps its [`lease_period`] and never a lesser one.
        renew: Day,
    },
    /// Appends a cell.
    ///
    /// [`Outcome::Appended`]; [`Refusal::Missing`], [`Refusal::Full`] at
    /// [`Limits::queue_cells`](crate::Limits::queue_cells) cells that lie there (expired ones count until they
    /// are swept), [`Refusal::QuotaExceeded`] over [`Limits::cells`](crate::Limits::cells).
    Append {
        /// The queue.
        queue: QueueId,
        /// What to append.
        cell: Cell,
        /// Its last day.
        expires: Day,
    },
    /// Erases every cell of the queue up to and including `upto`.
    ///
    /// [`Outcome::Done`], also when nothing lay there; [`Refusal::Missing`].
    Ack {
        /// The queue.
        queue: QueueId,
        /// The last cell to erase.
        upto: Seq,
    },
    /// Replaces the right to read a queue.
    ///
    /// [`Outcome::Rotated`]; [`Outcome::Done`] when `read` is gone and `to` is there (it was done before);
    /// [`Refusal::Missing`] when `read` is unknown, or `to` reads another queue.
    RotateRead {
        /// The right that ends.
        read: ReadId,
        /// The right that begins.
        to: ReadId,
    },
    /// Erases the queue with this read right and all in it.
    ///
    /// [`Outcome::Closed`]; [`Refusal::Missing`].
    Close {
        /// The right to read it.
        read: ReadId,
    },
    /// On invites.
    Invite(InviteOp),
    /// On blobs.
    Blob(BlobOp),
    /// Today is `today`, if that is not before the store's day: from here on, in this commit and in every later
    /// read, what expired is not there. Of that, at most `budget` cells, chunks and records are erased.
    ///
    /// [`Outcome::Swept`].
    Sweep {
        /// The day.
        today: Day,
        /// How much to erase at most.
        budget: u32,
    },
}

/// On invites.
#[derive(Debug)]
#[non_exhaustive]
pub enum InviteOp {
    /// Puts an invite, or replaces bundle and expiry of the one with the same id, owner and kind.
    ///
    /// [`Outcome::Done`]; [`Refusal::Used`] when it is a one-time invite that was taken;
    /// [`Refusal::Missing`] when the id has another owner or kind, or the owner another thing;
    /// [`Refusal::QuotaExceeded`] over [`Limits::invites`](crate::Limits::invites).
    Put {
        /// Its name.
        id: InviteId,
        /// The hash of the owner's right.
        owner: OwnerId,
        /// How often it may be taken.
        kind: InviteKind,
        /// Its last day.
        expires: Day,
        /// The sealed bundle.
        bundle: Cell,
        /// Leave to put a new one, as for [`Op::Open`].
        admit: Admit,
    },
    /// Takes it. An address is given to everyone; a one-time invite to the first claim, as often as that asks.
    /// The claim is durable before the bundle is given.
    ///
    /// [`Outcome::Bundle`]; [`Refusal::Used`]; [`Refusal::Missing`].
    Take {
        /// Its name.
        id: InviteId,
        /// Who takes it.
        claim: ClaimHash,
    },
    /// Was it taken? [`Outcome::Invite`], always: [`InviteState::Gone`] when there is none.
    Check {
        /// The owner's right.
        owner: OwnerId,
    },
    /// Erases it. [`Outcome::Done`]; [`Refusal::Missing`].
    Revoke {
        /// The owner's right.
        owner: OwnerId,
    },
}

/// On blobs. A store that keeps none answers each with [`Refusal::Unsupported`].
#[derive(Debug)]
#[non_exhaustive]
pub enum BlobOp {
    /// Puts one chunk; the first makes the blob and sets its expiry. A chunk that lies there stays as it is.
    ///
    /// [`Outcome::Done`]; [`Refusal::Missing`] when the blob has another owner or another `of`, or the owner
    /// another thing; [`Refusal::QuotaExceeded`] when `of` more would exceed
    /// [`Limits::chunks`](crate::Limits::chunks).
    Put {
        /// Its name.
        blob: BlobId,
        /// The hash of the owner's right.
        owner: OwnerId,
        /// Which chunk, below `of`.
        index: u32,
        /// Chunks of the whole blob.
        of: u32,
        /// Its last day.
        expires: Day,
        /// The chunk.
        chunk: Chunk,
        /// Leave to make the blob, as for [`Op::Open`].
        admit: Admit,
    },
    /// Erases it. [`Outcome::Done`]; [`Refusal::Missing`].
    Drop {
        /// The owner's right.
        owner: OwnerId,
    },
}

/// What came of one operation.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// The queue is there, and the last cell that lies in it.
    Opened {
        /// `None` for an empty queue.
        last: Option<Seq>,
    },
    /// The cell lies at this place, above every earlier one of the queue, also of those erased since.
    Appended(Seq),
    /// This queue has its new read right.
    Rotated(QueueId),
    /// This queue is gone.
    Closed(QueueId),
    /// Done, with nothing to say.
    Done,
    /// The invite's bundle.
    Bundle(Cell),
    /// The invite's state.
    Invite(InviteState),
    /// Not done, and nothing has changed. A full disk is [`Refusal::Storage`].
    Refused(Refusal),
    /// Swept; whether there is more to erase.
    Swept {
        /// Sweep again.
        more: bool,
    },
}
