//! Sweeping the model.
//!
//! Spec: docs/spec/relay.md, "Expiry". Invariant: sweeping erases only what no read shows any more.

use alloc::vec::Vec;

use subrosa_codec::Day;

use super::State;
use crate::Outcome;

impl State {
    pub(super) fn sweep(&mut self, today: Day, budget: u32) -> Outcome {
        // REL-49.
        self.today = self.today.max(today);
        let mut left = budget as usize;
        self.sweep_queues(&mut left);
        self.sweep_cells(&mut left);
        let invites: Vec<_> = self
            .invites
            .iter()
            .filter(|(_, invite)| self.is_past(invite.expires))
            .map(|(id, _)| *id)
            .collect();
        for id in invites.into_iter().take(left) {
            left = left.saturating_sub(1);
            self.erase_invite(id);
        }
        let blobs: Vec<_> =
            self.blobs.iter().filter(|(_, blob)| self.is_past(blob.expires)).map(|(id, _)| *id).collect();
        for id in blobs.into_iter().take(left) {
            left = left.saturating_sub(1);
            self.erase_blob(id);
        }
        Outcome::Swept { more: self.anything_past() }
    }

    fn sweep_queues(&mut self, left: &mut usize) {
        let lapsed: Vec<_> =
            self.queues.iter().filter(|(_, queue)| self.is_lapsed(queue.lease)).map(|(id, _)| *id).collect();
        for id in lapsed.into_iter().take(*left) {
            *left = left.saturating_sub(1);
            self.erase_queue(id);
        }
    }

    fn sweep_cells(&mut self, left: &mut usize) {
        let today = self.today;
        let mut erased = 0;
        for queue in self.queues.values_mut() {
            queue.cells.retain(|_, (_, expires)| {
                let goes = *expires < today && *left > 0;
                *left -= usize::from(goes);
                erased += u64::from(goes);
                !goes
            });
        }
        self.cells = self.cells.saturating_sub(erased);
    }

    fn anything_past(&self) -> bool {
        self.queues.values().any(|queue| {
            self.is_lapsed(queue.lease) || queue.cells.values().any(|(_, expires)| self.is_past(*expires))
        }) || self.invites.values().any(|invite| self.is_past(invite.expires))
            || self.blobs.values().any(|blob| self.is_past(blob.expires))
    }
}
