//! The day's boundary: what expired is hidden at once and erased little by little.
//!
//! Spec: docs/spec/relay.md, "Expiry" (D10). Invariant: one sweep erases at most its budget of cells, chunks and
//! records, so that a day at which everything expires stalls nobody.

use subrosa_codec::Day;
use subrosa_relay_core::{Outcome, StoreFault, lease_period};
use subrosa_wire::{BlobId, InviteId, QueueId};

use crate::store::rows::{Expiring, Key, QueueRow, parse_expiry, parse_lease};
use crate::store::{SlabStore, day16, open};

impl SlabStore {
    pub(super) fn sweep(&mut self, today: Day, budget: u32) -> Result<Outcome, StoreFault> {
        if today > self.today {
            self.today = today;
            self.index_mut().today = today;
            self.records.put(Key::Meta(open::DAY), today.0.to_le_bytes().to_vec());
            self.records.end_operation();
        }
        let mut left = budget;
        let more =
            [self.sweep_cells(&mut left)?, self.sweep_leases(&mut left)?, self.sweep_expiries(&mut left)?];
        Ok(Outcome::Swept { more: more.contains(&true) })
    }

    /// Erases expired cells; whether there are more.
    fn sweep_cells(&mut self, left: &mut u32) -> Result<bool, StoreFault> {
        loop {
            let Some(slot) = self.index_mut().expired_slot() else { return Ok(false) };
            if *left == 0 {
                return Ok(true);
            }
            let header = self.cells.header(slot)?.ok_or(StoreFault::Damaged("a cell's header"))?;
            let place = self.index_mut().remove(QueueId::from_bytes(header.owner), header.seq);
            let place = place.filter(|place| place.slot == slot);
            self.cells.erase(place.ok_or(StoreFault::Damaged("a cell's header"))?.slot)?;
            *left -= 1;
        }
    }

    /// Erases queues whose lease ended; whether there are more.
    fn sweep_leases(&mut self, left: &mut u32) -> Result<bool, StoreFault> {
        for key in self.records.before(b'l', lease_period(self.today), *left as usize + 1)? {
            let (period, queue) = parse_lease(&key)?;
            *left -= self.erase_cells(queue, u64::MAX, *left)?;
            if *left == 0 {
                return Ok(true);
            }
            *left -= 1;
            match self.records.get(Key::Queue(queue))? {
                Some(row) => self.erase_queue(queue, &QueueRow::parse(&row)?)?,
                None => self.records.erase(Key::Lease(period, queue)),
            }
            self.records.end_operation();
        }
        Ok(false)
    }

    /// Erases expired invites and blobs; whether there are more.
    fn sweep_expiries(&mut self, left: &mut u32) -> Result<bool, StoreFault> {
        for key in self.records.before(b'x', day16(self.today), *left as usize + 1)? {
            let (day, kind, id) = parse_expiry(&key)?;
            let more = match kind {
                Expiring::Invite => self.sweep_invite(day, InviteId::from_bytes(id), left)?,
                Expiring::Blob => self.sweep_blob(day, BlobId::from_bytes(id), left)?,
            };
            if more {
                return Ok(true);
            }
            self.records.end_operation();
        }
        Ok(false)
    }

    /// Erases the invite that expired on `day`; whether it is still there.
    fn sweep_invite(&mut self, day: u16, id: InviteId, left: &mut u32) -> Result<bool, StoreFault> {
        let Some(row) = self.any_invite(id)?.filter(|row| row.expires == day) else { return Ok(false) };
        if *left == 0 {
            return Ok(true);
        }
        *left -= 1;
        self.erase_invite(id, &row)?;
        Ok(false)
    }

    /// Erases the blob that expired on `day`, or some of its chunks; whether it is still there.
    fn sweep_blob(&mut self, day: u16, id: BlobId, left: &mut u32) -> Result<bool, StoreFault> {
        let Some(row) = self.any_blob(id)?.filter(|row| row.expires == day) else { return Ok(false) };
        *left -= self.erase_chunks(id, *left)?;
        if *left == 0 {
            return Ok(true);
        }
        *left -= 1;
        self.erase_blob(id, &row)?;
        Ok(false)
    }
}
