//! Queues: a record each, and their cells in slots.
//!
//! Spec: docs/spec/relay.md, "Queues". Invariant: an append, and each cell of an acknowledgement, is one slot and no
//! record.

use subrosa_codec::{Cell, Day};
use subrosa_relay_core::{Outcome, StoreFault, lease_period};
use subrosa_wire::{Admit, QueueId, ReadId, Refusal, Seq};

use crate::slab::{Header, PutError};
use crate::store::index::Place;
use crate::store::rows::{NOBODY, Name, QueueRow, Row};
use crate::store::tokens::Making;
use crate::store::{CELL, SlabStore, day16, refused};

impl SlabStore {
    /// The record of `queue`, if it is there and its lease runs.
    pub(super) fn queue(&self, queue: QueueId) -> Option<QueueRow> {
        self.records.table().queue(queue).filter(|row| row.period >= lease_period(self.today))
    }

    /// The queue that `read` reads, if its lease runs.
    fn queue_read_by(&self, read: ReadId) -> Option<QueueId> {
        let queue = self.records.table().read_by(read)?;
        self.queue(queue).map(|_| queue)
    }

    /// Erases what is left of the queue that `read` reads if its lease has ended.
    fn bury_read_by(&mut self, read: ReadId) -> Result<(), StoreFault> {
        let lapsed = self.records.table().read_by(read);
        lapsed.map_or(Ok(()), |queue| self.bury_lapsed(queue))
    }

    pub(super) fn open_queue(
        &mut self,
        queue: QueueId,
        read: ReadId,
        (admit, renew): (Admit, Day),
    ) -> Result<Outcome, StoreFault> {
        let period = lease_period(renew);
        self.bury_lapsed(queue)?;
        self.bury_read_by(read)?;
        match self.queue(queue) {
            Some(row) if row.read == read => {
                if period > row.period && self.may_renew(admit) {
                    self.put_record(Row::Queue(queue, QueueRow { read, period }))?;
                }
            }
            // Repaired: as good as made anew, with what lay there.
            Some(row) if *row.read.as_bytes() == NOBODY && self.queue_read_by(read).is_none() => {
                self.put_record(Row::Queue(queue, QueueRow { read, period }))?;
            }
            Some(_) => return refused(Refusal::Missing),
            None => {
                if self.queue_read_by(read).is_some() {
                    return refused(Refusal::Missing);
                }
                let token = match self.admission(admit, Making::Queue) {
                    Ok(token) => token,
                    Err(refusal) => return refused(refusal),
                };
                if self.tight {
                    return refused(Refusal::Storage);
                }
                if self.records.table().counts().queues >= self.limits.queues {
                    return refused(Refusal::QuotaExceeded);
                }
                if !self.records.reserve()? {
                    return refused(Refusal::Storage);
                }
                self.put_record(Row::Queue(queue, QueueRow { read, period }))?;
                self.charge(token)?;
            }
        }
        let last = self.index().live(queue, 0).next_back().map(|place| Seq(place.seq));
        Ok(Outcome::Opened { last })
    }

    /// Erases what is left of `queue` if its lease has ended, so that its names are free.
    fn bury_lapsed(&mut self, queue: QueueId) -> Result<(), StoreFault> {
        let Some(row) = self.records.table().queue(queue) else { return Ok(()) };
        if row.period < lease_period(self.today) { self.erase_queue(queue) } else { Ok(()) }
    }

    pub(super) fn append(
        &mut self,
        queue: QueueId,
        cell: &Cell,
        expires: Day,
    ) -> Result<Outcome, StoreFault> {
        if self.queue(queue).is_none() {
            return refused(Refusal::Missing);
        }
        let (seq, len) = {
            let index = self.index();
            let line = index.queues.get(&queue);
            let last = line.map_or(0, |line| line.last);
            (last.max(self.boot << 32) + 1, line.map_or(0, |line| line.places.len()))
        };
        if len >= self.limits.queue_cells as usize {
            return refused(Refusal::Full);
        }
        if self.index().cells >= self.limits.cells {
            return refused(Refusal::QuotaExceeded);
        }
        if self.tight && self.cells.free() == 0 {
            return refused(Refusal::Storage);
        }
        let expires = day16(expires);
        let header = Header { kind: CELL, expires, seq, owner: *queue.as_bytes() };
        let slot = match self.cells.put(&header, cell.as_bytes()) {
            Ok(slot) => slot,
            Err(PutError::Full) => return refused(Refusal::Storage),
            Err(error) => return Err(error.into()),
        };
        self.index_mut().insert(queue, Place { seq, slot, expires });
        Ok(Outcome::Appended(Seq(seq)))
    }

    pub(super) fn ack(&mut self, queue: QueueId, upto: Seq) -> Result<Outcome, StoreFault> {
        if self.queue(queue).is_none() {
            return refused(Refusal::Missing);
        }
        self.erase_cells(queue, upto.0, u32::MAX)?;
        Ok(Outcome::Done)
    }

    /// Erases cells of `queue` from its front, up to the place `upto` and at most `budget`; how many.
    pub(super) fn erase_cells(&mut self, queue: QueueId, upto: u64, budget: u32) -> Result<u32, StoreFault> {
        let mut erased = 0;
        while erased < budget {
            let Some(place) = self.index_mut().pop(queue, upto) else { break };
            self.cells.erase(place.slot)?;
            erased += 1;
        }
        Ok(erased)
    }

    pub(super) fn rotate_read(&mut self, read: ReadId, to: ReadId) -> Result<Outcome, StoreFault> {
        // A queue whose lease ended may still have `to`; its erasing later must not take the new one along.
        self.bury_read_by(to)?;
        let after = self.queue_read_by(to);
        match self.queue_read_by(read) {
            None if after.is_some() => Ok(Outcome::Done),
            None => refused(Refusal::Missing),
            Some(queue) if after.is_some_and(|other| other != queue) => refused(Refusal::Missing),
            Some(queue) if read == to => Ok(Outcome::Rotated(queue)),
            Some(queue) => {
                let Some(row) = self.queue(queue) else { return refused(Refusal::Missing) };
                self.put_record(Row::Queue(queue, QueueRow { read: to, ..row }))?;
                Ok(Outcome::Rotated(queue))
            }
        }
    }

    pub(super) fn close_queue(&mut self, read: ReadId) -> Result<Outcome, StoreFault> {
        let Some(queue) = self.queue_read_by(read) else { return refused(Refusal::Missing) };
        self.erase_queue(queue)?;
        Ok(Outcome::Closed(queue))
    }

    /// Erases `queue`, its cells and its record.
    pub(super) fn erase_queue(&mut self, queue: QueueId) -> Result<(), StoreFault> {
        self.erase_cells(queue, u64::MAX, u32::MAX)?;
        self.index_mut().queues.remove(&queue);
        self.records.erase(Name::Queue(queue));
        Ok(())
    }
}

/// The header of the cell at `place`.
pub(super) const fn cell_header(queue: QueueId, place: Place) -> Header {
    Header { kind: CELL, expires: place.expires, seq: place.seq, owner: *queue.as_bytes() }
}
