//! Queues: a record each, and their cells in slots.
//!
//! Spec: docs/spec/relay.md, "Queues". Invariant: an append, and each cell of an acknowledgement, is one slot and no
//! record.

use subrosa_codec::{Cell, Day};
use subrosa_relay_core::{Outcome, StoreFault, lease_period};
use subrosa_wire::{QueueId, ReadId, Refusal, Seq};

use crate::slab::{Header, PutError};
use crate::store::index::Place;
use crate::store::rows::{Key, QueueRow};
use crate::store::{CELL, SlabStore, day16, refused};

impl SlabStore {
    /// The record of `queue`, if it is there and its lease runs.
    pub(super) fn queue(&self, queue: QueueId) -> Result<Option<QueueRow>, StoreFault> {
        let Some(row) = self.records.get(Key::Queue(queue))? else { return Ok(None) };
        let row = QueueRow::parse(&row)?;
        Ok((row.period >= lease_period(self.today)).then_some(row))
    }

    /// The queue that `read` reads, if its lease runs.
    fn queue_read_by(&self, read: ReadId) -> Result<Option<QueueId>, StoreFault> {
        let Some(queue) = self.any_queue_read_by(read)? else { return Ok(None) };
        Ok(self.queue(queue)?.map(|_| queue))
    }

    fn any_queue_read_by(&self, read: ReadId) -> Result<Option<QueueId>, StoreFault> {
        let Some(id) = self.records.get(Key::Read(read))? else { return Ok(None) };
        let id = <[u8; 32]>::try_from(&*id).map_err(|_| StoreFault::Damaged("a read record"))?;
        Ok(Some(QueueId::from_bytes(id)))
    }

    pub(super) fn open_queue(
        &mut self,
        queue: QueueId,
        read: ReadId,
        renew: Day,
    ) -> Result<Outcome, StoreFault> {
        let period = lease_period(renew);
        self.bury_lapsed(queue)?;
        if let Some(other) = self.any_queue_read_by(read)? {
            self.bury_lapsed(other)?;
        }
        match self.queue(queue)? {
            Some(row) if row.read == read => {
                if period > row.period {
                    self.records.erase(Key::Lease(row.period, queue));
                    self.put_queue(queue, QueueRow { read, period });
                }
            }
            Some(_) => return refused(Refusal::Missing),
            None => {
                if self.queue_read_by(read)?.is_some() {
                    return refused(Refusal::Missing);
                }
                if self.tight {
                    return refused(Refusal::Storage);
                }
                if self.totals.queues >= self.limits.queues {
                    return refused(Refusal::QuotaExceeded);
                }
                self.totals.queues += 1;
                self.records.put(Key::Read(read), queue.as_bytes().to_vec());
                self.put_queue(queue, QueueRow { read, period });
            }
        }
        let last = self.index().live(queue, 0).next_back().map(|place| Seq(place.seq));
        Ok(Outcome::Opened { last })
    }

    fn put_queue(&mut self, queue: QueueId, row: QueueRow) {
        self.records.put(Key::Lease(row.period, queue), Vec::new());
        self.records.put(Key::Queue(queue), row.write());
    }

    /// Erases what is left of `queue` if its lease has ended, so that its names are free.
    fn bury_lapsed(&mut self, queue: QueueId) -> Result<(), StoreFault> {
        let Some(row) = self.records.get(Key::Queue(queue))? else { return Ok(()) };
        let row = QueueRow::parse(&row)?;
        if row.period < lease_period(self.today) { self.erase_queue(queue, &row) } else { Ok(()) }
    }

    pub(super) fn append(
        &mut self,
        queue: QueueId,
        cell: &Cell,
        expires: Day,
    ) -> Result<Outcome, StoreFault> {
        if self.queue(queue)?.is_none() {
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
        if self.queue(queue)?.is_none() {
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
        if let Some(lapsed) = self.any_queue_read_by(to)? {
            self.bury_lapsed(lapsed)?;
        }
        let after = self.queue_read_by(to)?;
        match self.queue_read_by(read)? {
            None if after.is_some() => Ok(Outcome::Done),
            None => refused(Refusal::Missing),
            Some(queue) if after.is_some_and(|other| other != queue) => refused(Refusal::Missing),
            Some(queue) if read == to => Ok(Outcome::Rotated(queue)),
            Some(queue) => {
                let Some(row) = self.queue(queue)? else { return refused(Refusal::Missing) };
                self.records.erase(Key::Read(read));
                self.records.put(Key::Read(to), queue.as_bytes().to_vec());
                self.records.put(Key::Queue(queue), QueueRow { read: to, ..row }.write());
                Ok(Outcome::Rotated(queue))
            }
        }
    }

    pub(super) fn close_queue(&mut self, read: ReadId) -> Result<Outcome, StoreFault> {
        let Some(queue) = self.queue_read_by(read)? else { return refused(Refusal::Missing) };
        let Some(row) = self.queue(queue)? else { return refused(Refusal::Missing) };
        self.erase_queue(queue, &row)?;
        Ok(Outcome::Closed(queue))
    }

    /// Erases `queue`, its cells and its records.
    pub(super) fn erase_queue(&mut self, queue: QueueId, row: &QueueRow) -> Result<(), StoreFault> {
        self.erase_cells(queue, u64::MAX, u32::MAX)?;
        self.index_mut().queues.remove(&queue);
        self.records.erase(Key::Queue(queue));
        self.records.erase(Key::Lease(row.period, queue));
        self.records.erase(Key::Read(row.read));
        self.totals.queues -= 1;
        Ok(())
    }
}

/// The header of the cell at `place`.
pub(super) const fn cell_header(queue: QueueId, place: Place) -> Header {
    Header { kind: CELL, expires: place.expires, seq: place.seq, owner: *queue.as_bytes() }
}
