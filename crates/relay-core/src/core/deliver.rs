//! Delivery: a fresh cell from memory to whoever has everything before it, the rest from the store.
//!
//! Spec: docs/spec/relay.md, "Subscriptions". Invariant: cells of a subscription go out in order, each once, and
//! never more than its credit and its connection's window are unacknowledged.

use alloc::vec::Vec;

use subrosa_codec::{CELL_LEN, Cell};
use subrosa_wire::{HEADER_LEN, QueueId, Response, Rid, Seq, WINDOW};

use super::Core;
use super::stream::{Fetching, Progress};
use crate::{ConnId, Output, Ticket};

/// Bytes of a frame that carries a cell.
const CELL_FRAME: usize = HEADER_LEN + 4 + 8 + CELL_LEN;

impl Core {
    /// A cell was appended and is durable.
    pub(super) fn fresh(&mut self, queue: QueueId, seq: Seq, cell: Cell, out: &mut Vec<Output>) {
        // REL-38.
        let Some(sub) = self.subs.get_mut(&queue) else { return };
        let (conn, free) = match &mut sub.progress {
            Progress::Reading { again, .. } => {
                *again = true;
                return;
            }
            Progress::Behind => return,
            Progress::Live => (sub.conn, sub.free()),
        };
        if free > 0 && self.room(conn) > 0 {
            self.deliver(queue, seq, cell, out);
        } else {
            self.woken(queue, out);
        }
    }

    /// There is something in the store that was not sent.
    pub(super) fn woken(&mut self, queue: QueueId, out: &mut Vec<Output>) {
        let Some(sub) = self.subs.get_mut(&queue) else { return };
        match &mut sub.progress {
            Progress::Reading { again, .. } => *again = true,
            Progress::Behind => {}
            Progress::Live => {
                sub.progress = Progress::Behind;
                self.pump(queue, out);
            }
        }
    }

    /// Reads on for a subscription that is behind, as far as there is room.
    pub(super) fn pump(&mut self, queue: QueueId, out: &mut Vec<Output>) {
        let Some(sub) = self.subs.get(&queue) else { return };
        let (conn, after, free) = (sub.conn, sub.sent, sub.free());
        // Without credit of its own it waits for an ack, not for room.
        if !matches!(sub.progress, Progress::Behind) || sub.waiting || free == 0 {
            return;
        }
        let max = self.room(conn).min(free);
        if max == 0 {
            return self.wait(conn, queue);
        }
        let ticket = self.ticket(Fetching::Cells(queue));
        if let Some(sub) = self.subs.get_mut(&queue) {
            sub.progress = Progress::Reading { ticket, max, again: false };
        }
        if let Some(conn) = self.conns.get_mut(&conn) {
            conn.reserved += max;
        }
        self.reserved += usize::from(max);
        out.push(Output::FetchCells { ticket, queue, after, max: max.into() });
    }

    /// What a read brought.
    pub(super) fn cells(&mut self, ticket: Ticket, cells: Vec<(Seq, Cell)>, out: &mut Vec<Output>) {
        let Some(Fetching::Cells(queue)) = self.fetches.remove(&ticket) else { return };
        let Some(sub) = self.subs.get_mut(&queue) else { return };
        let conn = sub.conn;
        let Progress::Reading { max, again, .. } = sub.progress else { return };
        let more = again || cells.len() >= usize::from(max);
        sub.progress = if more { Progress::Behind } else { Progress::Live };
        self.unreserve(conn, max);
        for (seq, cell) in cells.into_iter().take(max.into()) {
            if !self.deliver(queue, seq, cell, out) {
                return;
            }
        }
        self.pump(queue, out);
        self.pump_stream(conn, out);
        // A read that brought less than it might have gives room to others.
        self.unstall(out);
    }

    /// Sends one cell. Whether the subscription is still there.
    fn deliver(&mut self, queue: QueueId, seq: Seq, cell: Cell, out: &mut Vec<Output>) -> bool {
        // REL-35.
        let Some(sub) = self.subs.get_mut(&queue) else { return false };
        if seq <= sub.sent {
            // A read under way had brought it before the news of its commit came.
            return true;
        }
        sub.sent = seq;
        sub.unacked.push_back(seq);
        let (conn, handle) = (sub.conn, sub.handle);
        if let Some(conn) = self.conns.get_mut(&conn) {
            conn.inflight += 1;
        }
        self.send(conn, Rid::NONE, Response::Cell { handle, seq, cell }, out)
    }

    /// Takes what `upto` acknowledges off the subscription; the place to erase to, if there is anything.
    pub(super) fn release(&mut self, queue: QueueId, upto: Seq) -> Option<Seq> {
        let sub = self.subs.get_mut(&queue)?;
        let mut erase = None;
        let mut count = 0_u16;
        while let Some(seq) = sub.unacked.front().copied().filter(|seq| *seq <= upto) {
            sub.unacked.pop_front();
            erase = Some(seq);
            count += 1;
        }
        if let Some(conn) = self.conns.get_mut(&sub.conn) {
            conn.inflight = conn.inflight.saturating_sub(count);
        }
        erase
    }

    /// Gives back the room that a read had taken.
    pub(super) fn unreserve(&mut self, conn: ConnId, max: u16) {
        self.reserved = self.reserved.saturating_sub(max.into());
        if let Some(conn) = self.conns.get_mut(&conn) {
            conn.reserved = conn.reserved.saturating_sub(max);
        }
    }

    /// Bytes have left a stream's output channel.
    pub(super) fn writable(&mut self, conn: ConnId, bytes: usize, out: &mut Vec<Output>) {
        let Some(to) = self.conns.get_mut(&conn) else { return };
        let bytes = bytes.min(to.queued);
        to.queued -= bytes;
        self.queued = self.queued.saturating_sub(bytes);
        self.pump_stream(conn, out);
        self.unstall(out);
    }

    /// How many more cells may go to a stream now, beside those that reads under way may bring: by its window, by
    /// what waits for its socket, and by what waits for all sockets.
    fn room(&self, conn: ConnId) -> u16 {
        // REL-36.
        let Some(conn) = self.conns.get(&conn) else { return 0 };
        let here = (self.limits.output / 2).saturating_sub(conn.queued) / CELL_FRAME;
        let here =
            usize::from(WINDOW.saturating_sub(conn.inflight)).min(here).saturating_sub(conn.reserved.into());
        u16::try_from(here.min(self.room_over_all())).unwrap_or(u16::MAX)
    }

    /// The same for all streams together.
    fn room_over_all(&self) -> usize {
        let cells = self.limits.output_total.saturating_sub(self.queued) / CELL_FRAME;
        cells.saturating_sub(self.reserved)
    }

    /// Puts a subscription into its stream's line.
    fn wait(&mut self, conn: ConnId, queue: QueueId) {
        if let (Some(sub), Some(to)) = (self.subs.get_mut(&queue), self.conns.get_mut(&conn)) {
            sub.waiting = true;
            to.waiting.push_back(queue);
        }
        self.stall(conn);
    }

    /// Serves a stream's line while there is room.
    pub(super) fn pump_stream(&mut self, conn: ConnId, out: &mut Vec<Output>) {
        while self.room(conn) > 0 {
            let Some(queue) = self.conns.get_mut(&conn).and_then(|to| to.waiting.pop_front()) else { return };
            if let Some(sub) = self.subs.get_mut(&queue) {
                sub.waiting = false;
            }
            self.pump(queue, out);
        }
        self.stall(conn);
    }

    /// Notes that a stream waits for room over all, if that is what it waits for.
    fn stall(&mut self, conn: ConnId) {
        let full = self.room_over_all() == 0;
        if let Some(to) = self.conns.get_mut(&conn).filter(|to| full && !to.stalled && !to.waiting.is_empty())
        {
            to.stalled = true;
            self.stalled.push_back(conn);
        }
    }

    /// There may be room over all again.
    pub(super) fn unstall(&mut self, out: &mut Vec<Output>) {
        while self.room_over_all() > 0 {
            let Some(conn) = self.stalled.pop_front() else { return };
            if let Some(to) = self.conns.get_mut(&conn) {
                to.stalled = false;
            }
            self.pump_stream(conn, out);
        }
    }
}
