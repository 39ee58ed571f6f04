//! [`Core`]: connections, subscriptions, admission, and the order of things.
//!
//! Spec: docs/spec/relay.md. Invariant: operations are answered in the order in which they were given
//! out, each after it is durable; no connection holds more than its share of the relay's memory.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;

use subrosa_codec::Day;
use subrosa_wire::{Frame, GoAway, Handle, QueueId, Refusal, Response, Rid};

use crate::{ConnId, Input, Limits, Op, Output, Stream, Ticket};

mod deliver;
mod outcome;
mod request;
mod stream;

use stream::{Asker, Conn, Fetching, Pending, Sub, Turn};

/// A relay's decisions. Sans-IO: [`handle`](Self::handle) takes what happened and says what to do; it never
/// blocks, reads a clock or touches a socket.
#[derive(Debug)]
pub struct Core {
    limits: Limits,
    today: Day,
    conns: BTreeMap<ConnId, Conn>,
    /// One subscription for each queue: a second takes its place.
    subs: BTreeMap<QueueId, Sub>,
    /// Operations given out, oldest first.
    pending: VecDeque<Pending>,
    /// How many of them close a queue.
    closing: usize,
    /// Reads given out.
    fetches: BTreeMap<Ticket, Fetching>,
    next_ticket: u64,
    /// Bytes of frames that wait for sockets, over all streams.
    queued: usize,
    /// Cells that reads under way may bring, over all streams.
    reserved: usize,
    /// Streams with subscriptions that wait for `queued` to fall.
    stalled: VecDeque<ConnId>,
    sweep: Sweep,
    phase: Phase,
}

/// Whether a day has left anything to erase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sweep {
    Done,
    Due,
    UnderWay,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Serving,
    /// What is under way is answered, nothing new is taken.
    Draining,
    /// Everyone was hung up.
    Stopped,
}

impl Core {
    /// With nobody there yet. The store is swept on the first [`Input::Day`].
    #[must_use]
    pub const fn new(limits: Limits, today: Day) -> Self {
        Self {
            limits,
            today,
            conns: BTreeMap::new(),
            subs: BTreeMap::new(),
            pending: VecDeque::new(),
            closing: 0,
            fetches: BTreeMap::new(),
            next_ticket: 0,
            queued: 0,
            reserved: 0,
            stalled: VecDeque::new(),
            sweep: Sweep::Due,
            phase: Phase::Serving,
        }
    }

    /// Takes one input and appends what follows from it to `out`, in order.
    pub fn handle(&mut self, input: Input, out: &mut Vec<Output>) {
        if self.phase == Phase::Stopped {
            return self.turn_away(&input, out);
        }
        match input {
            Input::Joined(conn, stream) => self.joined(conn, stream, out),
            Input::Frame(conn, frame) => self.frame(conn, frame, out),
            Input::Garbled(conn) => self.hang(conn, Refusal::Malformed, out),
            Input::Writable(conn, bytes) => self.writable(conn, bytes, out),
            Input::Left(conn) => self.forget(conn, out),
            Input::Committed(ops, outcomes) => self.committed(ops, outcomes, out),
            Input::Cells(ticket, cells) => self.cells(ticket, cells, out),
            Input::Chunk(ticket, chunk) => self.chunk(ticket, chunk, out),
            // REL-57.
            Input::Fault(_) => self.stop(Refusal::Storage, out),
            Input::Woken(queue) => self.woken(queue, out),
            Input::Day(today) => self.day(today, out),
            Input::Drain => self.drain(out),
        }
        if self.phase == Phase::Draining && self.is_idle() {
            self.stop(Refusal::Draining, out);
        }
    }

    /// Whether no operation and no read is under way.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.pending.is_empty() && self.fetches.is_empty()
    }

    /// Other limits from now on. What is there and what is under way stays.
    pub const fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    /// The relay's day.
    #[must_use]
    pub const fn today(&self) -> Day {
        self.today
    }

    /// How many streams there are.
    #[must_use]
    pub fn streams(&self) -> usize {
        self.conns.len()
    }

    /// How many subscriptions there are.
    #[must_use]
    pub fn subscriptions(&self) -> usize {
        self.subs.len()
    }

    fn joined(&mut self, conn: ConnId, stream: Stream, out: &mut Vec<Output>) {
        if self.phase == Phase::Draining {
            return refuse_stream(conn, Refusal::Draining, out);
        }
        if self.conns.len() >= self.limits.connections as usize {
            return refuse_stream(conn, Refusal::Busy, out);
        }
        self.conns.insert(conn, Conn::new(stream));
    }

    fn day(&mut self, today: Day, out: &mut Vec<Output>) {
        if today > self.today {
            self.today = today;
            if self.sweep == Sweep::Done {
                self.sweep = Sweep::Due;
            }
        }
        if self.sweep == Sweep::Due {
            self.sweep = Sweep::UnderWay;
            self.pending.push_back(Pending { asker: None, turn: Turn::Plain });
            out.push(Output::Commit(Op::Sweep { today: self.today, budget: self.limits.sweep }));
        }
    }

    fn drain(&mut self, out: &mut Vec<Output>) {
        // REL-53.
        self.phase = Phase::Draining;
        let conns: Vec<_> = self.conns.keys().copied().collect();
        for conn in conns {
            self.send(conn, Rid::NONE, Response::GoAway(go_away(Refusal::Draining)), out);
        }
    }

    /// Hangs everyone up, for good.
    fn stop(&mut self, reason: Refusal, out: &mut Vec<Output>) {
        let told = self.phase == Phase::Draining;
        self.phase = Phase::Stopped;
        self.pending.clear();
        self.closing = 0;
        self.fetches.clear();
        self.subs.clear();
        self.stalled.clear();
        self.queued = 0;
        self.reserved = 0;
        for conn in ::core::mem::take(&mut self.conns).into_keys() {
            if told && reason == Refusal::Draining {
                out.push(Output::Hang(conn, reason));
            } else {
                refuse_stream(conn, reason, out);
            }
        }
    }

    /// Whoever comes after the end.
    fn turn_away(&self, input: &Input, out: &mut Vec<Output>) {
        if let Input::Joined(conn, _) = input {
            refuse_stream(*conn, Refusal::Draining, out);
        }
    }

    /// Tells a stream why, and closes it.
    fn hang(&mut self, conn: ConnId, reason: Refusal, out: &mut Vec<Output>) {
        if self.conns.contains_key(&conn) {
            self.forget(conn, out);
            refuse_stream(conn, reason, out);
        }
    }

    /// Drops everything that a stream held.
    fn forget(&mut self, conn: ConnId, out: &mut Vec<Output>) {
        let Some(gone) = self.conns.remove(&conn) else { return };
        self.queued = self.queued.saturating_sub(gone.queued);
        for queue in gone.handles.into_values() {
            if let Some((ticket, max)) = self.subs.remove(&queue).and_then(|sub| sub.reading()) {
                self.fetches.remove(&ticket);
                self.unreserve(conn, max);
            }
        }
        self.unstall(out);
    }

    /// Sends a frame, or hangs up a stream that does not read. Whether the stream is still there.
    fn send(&mut self, conn: ConnId, rid: Rid, message: Response, out: &mut Vec<Output>) -> bool {
        let Some(to) = self.conns.get_mut(&conn) else { return false };
        let frame = Frame::new(rid, message);
        let len = frame.encoded_len();
        if to.queued + len > self.limits.output {
            // REL-39.
            self.hang(conn, Refusal::Idle, out);
            return false;
        }
        to.queued += len;
        self.queued += len;
        out.push(Output::Send(conn, frame));
        true
    }

    /// Answers a request that was counted as unanswered.
    fn answer(&mut self, asker: Asker, message: Response, out: &mut Vec<Output>) {
        if let Some(conn) = self.conns.get_mut(&asker.conn) {
            conn.unanswered = conn.unanswered.saturating_sub(1);
            if asker.chunk {
                conn.chunks = conn.chunks.saturating_sub(1);
            }
            self.send(asker.conn, asker.rid, message, out);
        }
    }

    fn ticket(&mut self, what: Fetching) -> Ticket {
        let ticket = Ticket(self.next_ticket);
        self.next_ticket += 1;
        self.fetches.insert(ticket, what);
        ticket
    }

    fn queue_of(&self, conn: ConnId, handle: Handle) -> Option<QueueId> {
        self.conns.get(&conn)?.handles.get(&handle).copied()
    }
}

/// A last frame and the end, for a stream that the core does not keep.
fn refuse_stream(conn: ConnId, reason: Refusal, out: &mut Vec<Output>) {
    // REL-51.
    out.push(Output::Send(conn, Frame::new(Rid::NONE, Response::GoAway(go_away(reason)))));
    out.push(Output::Hang(conn, reason));
}

/// When to come back. Spread, so that a restart is not followed by everyone in one second.
const fn go_away(reason: Refusal) -> GoAway {
    let (retry, jitter) = match reason {
        Refusal::Draining => (1, 10),
        Refusal::Busy => (10, 50),
        Refusal::Storage => (30, 90),
        Refusal::Idle => (1, 5),
        _ => (60, 60),
    };
    GoAway { reason, retry, jitter }
}

#[cfg(test)]
mod tests;
