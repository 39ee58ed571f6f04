//! The day's boundary: what expired is hidden at once and erased little by little.
//!
//! Spec: docs/spec/relay.md, "Expiry" (D10). Invariant: one sweep erases at most its budget of cells, chunks and
//! records, so that a day at which everything expires stalls nobody.

use subrosa_codec::Day;
use subrosa_relay_core::{Outcome, StoreFault};
use subrosa_wire::QueueId;

use crate::store::SlabStore;
use crate::store::rows::{Name, Row};

impl SlabStore {
    pub(super) fn sweep(&mut self, today: Day, budget: u32) -> Result<Outcome, StoreFault> {
        if today > self.today {
            self.today = today;
            self.index_mut().today = today;
            self.records.set_store(|store| store.day = today);
        }
        let mut left = budget;
        let more = [self.sweep_cells(&mut left)?, self.sweep_records(&mut left)?];
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

    /// Erases queues whose lease ended, and expired invites, blobs and tokens; whether there are more.
    fn sweep_records(&mut self, left: &mut u32) -> Result<bool, StoreFault> {
        while let Some(row) = self.records.expired(self.today) {
            *left -= match row {
                Row::Queue(id, _) => self.erase_cells(id, u64::MAX, *left)?,
                Row::Blob(id, _) => self.erase_chunks(id, *left)?,
                Row::Invite(..) | Row::Token(..) => 0,
            };
            if *left == 0 {
                return Ok(true);
            }
            *left -= 1;
            match row {
                Row::Queue(id, _) => self.erase_queue(id)?,
                Row::Blob(id, _) => self.erase_blob(id)?,
                Row::Invite(id, row) => self.erase_invite(id, &row)?,
                Row::Token(id, _) => self.records.erase(Name::Token(id)),
            }
        }
        Ok(false)
    }
}
