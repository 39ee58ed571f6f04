//! [`Event`], [`Effect`], [`Job`], [`Transition`]: what crosses between the engine and its runtime.
//!
//! Spec: docs/ARCHITECTURE.md, "One message". Invariant: an effect is a hint; what must happen has a row, and is
//! listed again by [`crate::resume`] until an event says that it is done.

use alloc::vec::Vec;

use subrosa_codec::{Cell, Day, Millis};
use subrosa_wire::{
    ClaimToken, FetchCap, InviteId as InviteHash, InviteKind, OwnerCap, OwnerId, QueueId, ReadCap, ReadId,
    Refusal, RelayAddress, WriteCap,
};

use crate::api::{Command, CommandError, Done, InviteId, Notice};
use crate::id::{InboundId, OutboxId};
use crate::rows::Change;

/// Something that happened; one transaction each (a runtime may commit several at once).
#[derive(Debug)]
#[non_exhaustive]
pub enum Event {
    /// A person wants something. [`Transition::done`] has the answer.
    Command(Command),
    /// A relay delivered a cell of one of my queues. The same cell may come any number of times.
    Cell {
        /// The queue.
        queue: InboundId,
        /// The relay's number for it: only for the acknowledgement.
        seq: u64,
        /// The cell.
        cell: Cell,
    },
    /// The relay answered an effect. Not sent when the connection broke: [`crate::resume`] lists the effect again.
    Finished {
        /// What was asked.
        effect: Effect,
        /// What it said.
        answer: RelayAnswer,
    },
    /// The relay serves this queue to me now (a successful [`Effect::Open`]).
    Opened {
        /// The queue.
        queue: InboundId,
        /// The relay's own day.
        relay_day: Day,
    },
    /// Somebody else opened this queue: the relay serves it to them now.
    Moved(InboundId),
    /// The moment of an [`Effect::Wake`] has come. Ringing too early, or twice, is harmless.
    Due,
    /// The network came up again.
    Online,
}

/// What a relay said to an [`Effect`].
#[derive(Debug)]
#[non_exhaustive]
pub enum RelayAnswer {
    /// Done, with the value of its REPLY.
    Ok(u64),
    /// Refused.
    Refused(Refusal),
    /// The bundle behind an invite.
    Bundle(Cell),
}

/// Something for the runtime to do after the commit. Idempotent: doing it twice is harmless.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Effect {
    /// Open (create or attach) this queue of mine and have its cells delivered.
    Open(InboundId),
    /// Append this cell; the effects of one queue in the order of their ids, pipelined.
    Send(OutboxId),
    /// Acknowledge this queue up to and including this number.
    Ack(InboundId, u64),
    /// Store the bundle of an invite of mine.
    PutInvite(InviteId),
    /// Fetch the bundle of a link of someone else's.
    TakeInvite(InviteId),
    /// Delete the bundle of an invite of mine.
    RevokeInvite(InviteId),
    /// Delete this queue of mine.
    CloseQueue(InboundId),
    /// Replace the capability that reads this queue.
    RotateRead(InboundId),
    /// Raise [`Event::Due`] at this moment. The runtime keeps the earliest one that it was told and has not rung.
    Wake(Millis),
    /// Tell the screen.
    Tell(Notice),
}

/// All that the network needs for an effect, read from the rows at the moment it is done.
#[derive(Debug)]
#[non_exhaustive]
pub enum Job {
    /// OPEN: create or attach.
    Open {
        /// Where.
        relay: RelayAddress,
        /// The queue.
        write: QueueId,
        /// The right to read it.
        read: ReadCap,
        /// How many cells may come unacknowledged.
        credit: u16,
    },
    /// APPEND.
    Append {
        /// Where.
        relay: RelayAddress,
        /// The right to write there.
        write: WriteCap,
        /// The sealed cell.
        cell: Cell,
    },
    /// ACK.
    Ack {
        /// Where.
        relay: RelayAddress,
        /// The queue: find its handle by it.
        write: QueueId,
        /// Up to and including.
        upto: u64,
    },
    /// INVITE_PUT.
    PutInvite {
        /// Where.
        relay: RelayAddress,
        /// What it will be taken by.
        id: InviteHash,
        /// Who may revoke it.
        owner: OwnerId,
        /// One-time or address.
        kind: InviteKind,
        /// How long the relay keeps it, in days.
        days: u8,
        /// The sealed bundle.
        bundle: Cell,
    },
    /// INVITE_TAKE.
    TakeInvite {
        /// Where.
        relay: RelayAddress,
        /// The right to take it.
        fetch: FetchCap,
        /// Makes taking it repeatable for me.
        claim: ClaimToken,
    },
    /// INVITE_REVOKE.
    RevokeInvite {
        /// Where.
        relay: RelayAddress,
        /// The right to revoke it.
        owner: OwnerCap,
    },
    /// CLOSE.
    CloseQueue {
        /// Where.
        relay: RelayAddress,
        /// The right to close it.
        read: ReadCap,
    },
    /// ROTATE_READ.
    RotateRead {
        /// Where.
        relay: RelayAddress,
        /// The right until now.
        read: ReadCap,
        /// What the relay shall know of the next one.
        to: ReadId,
    },
}

impl Job {
    /// The relay it is for.
    #[must_use]
    pub const fn relay(&self) -> &RelayAddress {
        match self {
            Self::Open { relay, .. }
            | Self::Append { relay, .. }
            | Self::Ack { relay, .. }
            | Self::PutInvite { relay, .. }
            | Self::TakeInvite { relay, .. }
            | Self::RevokeInvite { relay, .. }
            | Self::CloseQueue { relay, .. }
            | Self::RotateRead { relay, .. } => relay,
        }
    }
}

/// What an event leads to: first `changes` in one commit, then `effects` in order.
#[derive(Debug, Default)]
#[must_use]
pub struct Transition {
    /// The rows to write and erase, in order.
    pub changes: Vec<Change>,
    /// What to do once they are on disk.
    pub effects: Vec<Effect>,
    /// The answer to a command; `None` for every other event.
    pub done: Option<Result<Done, CommandError>>,
}
