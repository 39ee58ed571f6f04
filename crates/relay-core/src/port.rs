//! [`Input`] and [`Output`]: everything that passes between [`Core`](crate::Core) and the world.
//!
//! Spec: docs/spec/relay.md. Invariant: the core learns of the world by these values only.

use alloc::vec::Vec;

use subrosa_codec::{Cell, Day};
use subrosa_wire::{BlobId, Chunk, Frame, QueueId, Refusal, Request, Response, Seq};

use crate::{Op, Outcome, StoreFault};

/// One stream of a connection, named by whoever holds its socket; never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnId(pub u64);

/// What a stream is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// A connection's first: every request, `HELLO` first.
    Command,
    /// A further one of the connection with this command stream: chunks only, without `HELLO`.
    Chunks(ConnId),
}

/// Names one read of the store until its result comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u64);

/// What happened.
#[derive(Debug)]
#[non_exhaustive]
pub enum Input {
    /// A stream is there.
    Joined(ConnId, Stream),
    /// It said this.
    Frame(ConnId, Frame<Request>),
    /// It said what is no frame.
    Garbled(ConnId),
    /// So many bytes of the frames sent to it ([`Frame::encoded_len`]) have left its output channel. To be
    /// said **before** they go to the socket, so that no answer to them can overtake it.
    Writable(ConnId, usize),
    /// It is gone.
    Left(ConnId),
    /// These operations, the oldest that were given out and in that order, are durable with these outcomes.
    Committed(Vec<Op>, Vec<Outcome>),
    /// What [`Output::FetchCells`] asked for.
    Cells(Ticket, Vec<(Seq, Cell)>),
    /// What [`Output::FetchChunk`] asked for.
    Chunk(Ticket, Option<Chunk>),
    /// The store failed: everyone is hung up, and nothing happens any more.
    Fault(StoreFault),
    /// Another process appended to this queue.
    Woken(QueueId),
    /// Today is this day. To be said once a second, the same day again or not: each time, if there is
    /// anything to erase, one sweep of [`Limits::sweep`](crate::Limits::sweep) things is given out.
    Day(Day),
    /// Stop: what is under way is answered, nothing new is taken, then everyone is hung up.
    Drain,
}

/// What to do.
#[derive(Debug)]
#[non_exhaustive]
pub enum Output {
    /// Put this into the stream's output channel. There is always room: over
    /// [`Limits::output`](crate::Limits::output) bytes (and one `GOAWAY`) the core hangs up instead.
    Send(ConnId, Frame<Response>),
    /// Commit this. Gather as many as are at hand, keep their order, and give them back with
    /// [`Input::Committed`], in batches as you like.
    Commit(Op),
    /// Read up to `max` cells of `queue` after `after`, now or later, and answer with [`Input::Cells`].
    FetchCells {
        /// To be repeated in the answer.
        ticket: Ticket,
        /// The queue.
        queue: QueueId,
        /// The place before the first cell.
        after: Seq,
        /// How many at most.
        max: u32,
    },
    /// Read a chunk, now or later, and answer with [`Input::Chunk`].
    FetchChunk {
        /// To be repeated in the answer.
        ticket: Ticket,
        /// The blob.
        blob: BlobId,
        /// Which chunk.
        index: u32,
    },
    /// Close the whole connection with this code, once what was sent is written (but don't wait long). The
    /// core has forgotten the stream.
    Hang(ConnId, Refusal),
}
