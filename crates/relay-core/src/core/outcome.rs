//! Outcomes: the answers, and what a durable operation changes in the subscriptions.
//!
//! Spec: docs/spec/relay.md. Invariant: outcomes meet their requests in order; a subscription begins,
//! ends and moves only by what the store has done.

use alloc::vec::Vec;

use subrosa_wire::{Handle, QueueId, ReadId, Refusal, Response, Rid, Seq};

use super::stream::{Asker, Fetching, Pending, Progress, Sub, Turn};
use super::{Core, Sweep};
use crate::{ConnId, Op, Outcome, Output, Ticket, lease_period};

/// A queue as its `OPEN` left it.
pub(super) struct Opened {
    pub(super) queue: QueueId,
    pub(super) read: ReadId,
    /// The period that its lease was renewed to.
    pub(super) lease: u16,
    /// Cells that the subscriber may have unacknowledged.
    pub(super) credit: u16,
    /// The last cell in it.
    pub(super) last: Option<Seq>,
}

impl Core {
    pub(super) fn committed(&mut self, ops: Vec<Op>, outcomes: Vec<Outcome>, out: &mut Vec<Output>) {
        // A runtime that mixes batches up must not have one client's answer sent to another.
        if ops.len() != outcomes.len() || ops.len() > self.pending.len() {
            return self.stop(Refusal::Storage, out);
        }
        // REL-19.
        for (op, outcome) in ops.into_iter().zip(outcomes) {
            if let Some(pending) = self.pending.pop_front() {
                self.settle(pending, op, outcome, out);
            }
        }
    }

    fn settle(&mut self, pending: Pending, op: Op, outcome: Outcome, out: &mut Vec<Output>) {
        if let Outcome::Swept { more } = outcome {
            self.sweep = if more { Sweep::Due } else { Sweep::Done };
        }
        let Some(asker) = pending.asker else { return };
        self.closing -= usize::from(matches!(pending.turn, Turn::Close(_)));
        if let Op::Open { .. } = op
            && let Some(conn) = self.conns.get_mut(&asker.conn)
        {
            conn.opening = conn.opening.saturating_sub(1);
        }
        match (op, outcome) {
            (Op::Open { queue, read, renew, .. }, Outcome::Opened { last }) => {
                let Turn::Open(credit) = pending.turn else { return };
                let opened = Opened { queue, read, lease: lease_period(renew), credit, last };
                self.subscribe(asker, &opened, out);
            }
            // REL-28.
            (Op::Append { queue, cell, .. }, Outcome::Appended(seq)) => {
                // The writer first: its answer must not wait behind the reader's cells.
                self.answer(asker, Response::DONE, out);
                self.fresh(queue, seq, cell, out);
            }
            (Op::RotateRead { to, .. }, Outcome::Rotated(queue)) => {
                match self.subs.get_mut(&queue) {
                    Some(sub) if sub.conn == asker.conn => sub.read = to,
                    // Whoever reads by the old right reads no longer.
                    Some(_) => self.end(queue, true, out),
                    None => {}
                }
                self.answer(asker, Response::DONE, out);
            }
            (_, Outcome::Closed(queue)) => {
                let elsewhere = self.subs.get(&queue).is_some_and(|sub| sub.conn != asker.conn);
                self.end(queue, elsewhere, out);
                self.answer(asker, Response::DONE, out);
            }
            (_, Outcome::Bundle(bundle)) => self.answer(asker, Response::Bundle(bundle), out),
            (_, Outcome::Invite(state)) => self.answer(asker, Response::Reply(Ok(state as u64)), out),
            // REL-55.
            (_, Outcome::Refused(refusal)) => self.answer(asker, Response::Reply(Err(refusal)), out),
            _ => self.answer(asker, Response::DONE, out),
        }
    }

    /// A new subscription; the one before it is told.
    pub(super) fn subscribe(&mut self, asker: Asker, opened: &Opened, out: &mut Vec<Output>) {
        // REL-34.
        let Opened { queue, read, lease, credit, last } = *opened;
        // Whoever asked may be gone: then the queue is there, and nobody is moved.
        let Some(handle) = self.new_handle(asker.conn, queue) else { return };
        let elsewhere = self.subs.get(&queue).is_some_and(|sub| sub.conn != asker.conn);
        self.end(queue, elsewhere, out);
        let progress = if last.is_some() { Progress::Behind } else { Progress::Live };
        let sub = Sub {
            conn: asker.conn,
            handle,
            read,
            lease,
            credit,
            sent: Seq(0),
            unacked: alloc::collections::VecDeque::new(),
            progress,
            waiting: false,
        };
        self.subs.insert(queue, sub);
        // REL-37.
        // The handle before its cells.
        self.answer(asker, Response::Reply(Ok(handle.0.into())), out);
        self.pump(queue, out);
    }

    fn new_handle(&mut self, conn: ConnId, queue: QueueId) -> Option<Handle> {
        // REL-27.
        let conn = self.conns.get_mut(&conn)?;
        let handle = Handle(conn.next_handle);
        conn.next_handle = conn.next_handle.wrapping_add(1);
        conn.handles.insert(handle, queue);
        Some(handle)
    }

    /// Ends the subscription of `queue`, if there is one.
    fn end(&mut self, queue: QueueId, tell: bool, out: &mut Vec<Output>) {
        let Some(old) = self.subs.remove(&queue) else { return };
        if let Some((ticket, max)) = old.reading() {
            self.fetches.remove(&ticket);
            self.unreserve(old.conn, max);
        }
        if let Some(conn) = self.conns.get_mut(&old.conn) {
            conn.handles.remove(&old.handle);
            let held = u16::try_from(old.unacked.len()).unwrap_or(u16::MAX);
            conn.inflight = conn.inflight.saturating_sub(held);
            conn.waiting.retain(|waiting| *waiting != queue);
        }
        if tell {
            self.send(old.conn, Rid::NONE, Response::Moved { handle: old.handle }, out);
        }
        self.pump_stream(old.conn, out);
    }

    pub(super) fn chunk(
        &mut self,
        ticket: Ticket,
        chunk: Option<subrosa_wire::Chunk>,
        out: &mut Vec<Output>,
    ) {
        if let Some(Fetching::Chunk(asker)) = self.fetches.remove(&ticket) {
            let answer = chunk.map_or(Response::Reply(Err(Refusal::Missing)), Response::Chunk);
            self.answer(asker, answer, out);
        }
    }
}
