//! Queues of the model.
//!
//! Spec: docs/spec/relay.md, "Queues". Invariant: a queue and its read right point at each other.

use alloc::vec::Vec;

use subrosa_codec::{Cell, Day};
use subrosa_wire::{QueueId, ReadId, Refusal, Seq};

use super::{Queue, State};
use crate::{Access, Limits, Outcome, lease_period};

impl State {
    pub(super) fn open(
        &mut self,
        (queue, read): (QueueId, ReadId),
        renew: Day,
        limits: &Limits,
    ) -> Result<Outcome, Refusal> {
        // REL-25.
        // A queue whose lease has lapsed is not there, and neither is its read right.
        self.erase_lapsed(queue);
        if let Some(other) = self.readers.get(&read).copied() {
            self.erase_lapsed(other);
        }
        let lease = lease_period(renew);
        match (self.queues.get_mut(&queue), self.readers.get(&read)) {
            // REL-26.
            (Some(found), Some(reads)) if *reads == queue => {
                if limits.access == Access::Open {
                    found.lease = found.lease.max(lease);
                }
            }
            // It has no tokens.
            (None, None) if limits.access == Access::Token => return Err(Refusal::NotAdmitted),
            (None, None) => {
                if self.queues.len() as u64 >= limits.queues {
                    return Err(Refusal::QuotaExceeded);
                }
                let last = Seq(u64::from(self.boot) << 32);
                self.queues.insert(queue, Queue { read, lease, last, cells: Default::default() });
                self.readers.insert(read, queue);
            }
            _ => return Err(Refusal::Missing),
        }
        let today = self.today;
        let found = self.queues.get(&queue).ok_or(Refusal::Missing)?;
        let last = found.cells.iter().rev().find(|(_, (_, expires))| *expires >= today);
        Ok(Outcome::Opened { last: last.map(|(seq, _)| *seq) })
    }

    pub(super) fn append(
        &mut self,
        queue: QueueId,
        cell: &Cell,
        expires: Day,
        limits: &Limits,
    ) -> Result<Outcome, Refusal> {
        let boot = Seq(u64::from(self.boot) << 32);
        let no_room = self.cells >= limits.cells;
        let queue = self.alive_mut(queue)?;
        if queue.cells.len() as u64 >= u64::from(limits.queue_cells) {
            // REL-29.
            return Err(Refusal::Full);
        }
        if no_room {
            return Err(Refusal::QuotaExceeded);
        }
        // REL-30.
        let seq = queue.last.max(boot).next();
        queue.last = seq;
        queue.cells.insert(seq, (cell.clone(), expires));
        self.cells += 1;
        Ok(Outcome::Appended(seq))
    }

    pub(super) fn ack(&mut self, queue: QueueId, upto: Seq) -> Result<Outcome, Refusal> {
        let queue = self.alive_mut(queue)?;
        let kept = queue.cells.split_off(&upto.next());
        let erased = queue.cells.len() as u64;
        queue.cells = kept;
        self.cells = self.cells.saturating_sub(erased);
        Ok(Outcome::Done)
    }

    pub(super) fn rotate(&mut self, read: ReadId, to: ReadId) -> Result<Outcome, Refusal> {
        // REL-33.
        if let Some(queue) = self.readers.get(&to).copied() {
            self.erase_lapsed(queue);
        }
        let at = self.reads(read);
        match (at, self.reads(to)) {
            // A right that is replaced by itself, or was replaced before.
            (Some(queue), Some(other)) if queue == other => return Ok(Outcome::Rotated(queue)),
            (None, Some(_)) => return Ok(Outcome::Done),
            (Some(_), Some(_)) | (None, None) => return Err(Refusal::Missing),
            (Some(_), None) => {}
        }
        let queue = at.ok_or(Refusal::Missing)?;
        self.alive_mut(queue)?.read = to;
        self.readers.remove(&read);
        self.readers.insert(to, queue);
        Ok(Outcome::Rotated(queue))
    }

    pub(super) fn close(&mut self, read: ReadId) -> Result<Outcome, Refusal> {
        // REL-32.
        let queue = self.reads(read).ok_or(Refusal::Missing)?;
        self.erase_queue(queue);
        Ok(Outcome::Closed(queue))
    }

    pub(super) fn cells_after(&self, queue: QueueId, after: Seq, max: u32) -> Vec<(Seq, Cell)> {
        // REL-40.
        let Some(queue) = self.queues.get(&queue).filter(|queue| !self.is_lapsed(queue.lease)) else {
            return Vec::new();
        };
        let rest = queue.cells.range(after.next()..).filter(|(_, (_, expires))| !self.is_past(*expires));
        rest.take(max as usize).map(|(seq, (cell, _))| (*seq, cell.clone())).collect()
    }

    /// Erases a queue; how many cells lay in it.
    pub(super) fn erase_queue(&mut self, queue: QueueId) {
        if let Some(queue) = self.queues.remove(&queue) {
            self.readers.remove(&queue.read);
            self.cells = self.cells.saturating_sub(queue.cells.len() as u64);
        }
    }

    fn erase_lapsed(&mut self, queue: QueueId) {
        if self.queues.get(&queue).is_some_and(|found| self.is_lapsed(found.lease)) {
            self.erase_queue(queue);
        }
    }

    fn alive_mut(&mut self, queue: QueueId) -> Result<&mut Queue, Refusal> {
        // REL-14.
        let today = lease_period(self.today);
        self.queues.get_mut(&queue).filter(|queue| queue.lease >= today).ok_or(Refusal::Missing)
    }

    /// The living queue that this right reads.
    fn reads(&self, read: ReadId) -> Option<QueueId> {
        let queue = *self.readers.get(&read)?;
        self.queues.get(&queue).filter(|found| !self.is_lapsed(found.lease)).map(|_| queue)
    }
}
