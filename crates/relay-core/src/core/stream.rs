//! What the core remembers of a stream, a subscription and an unanswered request.
//!
//! Spec: docs/spec/relay.md, "Subscriptions". Invariant: an idle stream takes a few hundred bytes.

use alloc::collections::{BTreeMap, VecDeque};

use subrosa_wire::{Admit, Handle, QueueId, ReadId, Rid, Seq};

use crate::{ConnId, Op, Stream, Ticket};

#[derive(Debug)]
pub(super) struct Conn {
    pub(super) stream: Stream,
    pub(super) greeted: bool,
    /// Requests under way, and those of them that move a chunk.
    pub(super) unanswered: u16,
    pub(super) chunks: u16,
    /// `OPEN`s under way: they count as handles.
    pub(super) opening: u16,
    /// Invites put since it joined.
    pub(super) puts: u32,
    /// That of its last `OPEN`.
    pub(super) admit: Admit,
    pub(super) handles: BTreeMap<Handle, QueueId>,
    pub(super) next_handle: u32,
    /// Bytes that wait for the socket.
    pub(super) queued: usize,
    /// Cells sent and not acknowledged, and cells that reads under way may bring.
    pub(super) inflight: u16,
    pub(super) reserved: u16,
    /// Subscriptions that wait for room on this stream, in turn.
    pub(super) waiting: VecDeque<QueueId>,
    /// Whether it stands in the core's list of those who wait for room over all.
    pub(super) stalled: bool,
}

impl Conn {
    pub(super) const fn new(stream: Stream) -> Self {
        Self {
            stream,
            greeted: false,
            unanswered: 0,
            chunks: 0,
            opening: 0,
            puts: 0,
            admit: Admit::OPEN,
            handles: BTreeMap::new(),
            next_handle: 1,
            queued: 0,
            inflight: 0,
            reserved: 0,
            waiting: VecDeque::new(),
            stalled: false,
        }
    }
}

/// How a subscription stands to its queue.
///
/// ```text
/// Live ──a fresh cell, no room──▶ Behind ──room──▶ Reading ──short read, nothing since──▶ Live
///                                    ◀──full read, or something since──╯
/// ```
#[derive(Debug)]
pub(super) enum Progress {
    /// Everything was sent: a fresh cell goes out from memory.
    Live,
    /// There is more in the store, and no read under way.
    Behind,
    /// A read of `max` cells is under way; `again`: something was appended since it was given out.
    Reading { ticket: Ticket, max: u16, again: bool },
}

#[derive(Debug)]
pub(super) struct Sub {
    pub(super) conn: ConnId,
    pub(super) handle: Handle,
    /// The right it reads by, and the period its lease was renewed to.
    pub(super) read: ReadId,
    pub(super) lease: u16,
    /// Cells it may have unacknowledged.
    pub(super) credit: u16,
    /// The last cell sent.
    pub(super) sent: Seq,
    /// Cells sent and not acknowledged.
    pub(super) unacked: VecDeque<Seq>,
    pub(super) progress: Progress,
    /// Whether it stands in its stream's `waiting`.
    pub(super) waiting: bool,
}

impl Sub {
    /// The read under way, and how many cells it may bring.
    pub(super) fn reading(&self) -> Option<(Ticket, u16)> {
        match self.progress {
            Progress::Reading { ticket, max, .. } => Some((ticket, max)),
            Progress::Live | Progress::Behind => None,
        }
    }

    /// How many more cells its own credit lets it have.
    pub(super) fn free(&self) -> u16 {
        let out = u16::try_from(self.unacked.len()).unwrap_or(u16::MAX);
        self.credit.saturating_sub(out)
    }
}

/// Who waits for an answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asker {
    pub(super) conn: ConnId,
    pub(super) rid: Rid,
    /// The request moves a chunk.
    pub(super) chunk: bool,
}

/// An operation given out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pending {
    /// `None`: the relay itself.
    pub(super) asker: Option<Asker>,
    pub(super) turn: Turn,
}

/// What the core must know of an operation before its outcome.
#[derive(Clone, Copy, Debug)]
pub(super) enum Turn {
    Plain,
    /// With the credit that was asked for.
    Open(u16),
    /// The queue that this right reads ends.
    Close(ReadId),
    /// The first right becomes the second.
    Rotate(ReadId, ReadId),
}

impl Turn {
    pub(super) fn of(op: &Op) -> Self {
        match op {
            Op::Close { read } => Self::Close(*read),
            Op::RotateRead { read, to } => Self::Rotate(*read, *to),
            _ => Self::Plain,
        }
    }
}

/// A read given out.
#[derive(Clone, Copy, Debug)]
pub(super) enum Fetching {
    Cells(QueueId),
    Chunk(Asker),
}
