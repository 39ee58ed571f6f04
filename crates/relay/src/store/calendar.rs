//! [`Calendar`]: which slots hold what has expired.
//!
//! Spec: docs/spec/relay.md, "Expiry" (D10). Invariant: a search goes on where the last one ended, so that a day at
//! which a million things expire costs a millisecond over all calls, and no list of days is kept.

use std::collections::BTreeMap;

use subrosa_codec::Day;

/// Stands for a free slot: the last day of all, which never passes.
const NEVER: u16 = u16::MAX;

/// By slot, the last day of what lies in it.
#[derive(Debug, Default)]
pub(crate) struct Calendar {
    days: Vec<u16>,
    /// By last day, how many there are.
    counts: BTreeMap<u16, u64>,
    /// Where the next search starts.
    cursor: usize,
}

impl Calendar {
    /// Notes the last day of what lies in `slot` from now on.
    pub(crate) fn note(&mut self, slot: u32, last: u16) {
        self.forget(slot);
        let slot = slot as usize;
        if self.days.len() <= slot {
            self.days.resize(slot + 1, NEVER);
        }
        self.days[slot] = last;
        if last != NEVER {
            *self.counts.entry(last).or_default() += 1;
        }
    }

    /// Nothing lies in `slot` any more.
    pub(crate) fn forget(&mut self, slot: u32) {
        let Some(day) = self.days.get_mut(slot as usize) else { return };
        let last = std::mem::replace(day, NEVER);
        if let Some(count) = self.counts.get_mut(&last) {
            *count -= 1;
            if *count == 0 {
                self.counts.remove(&last);
            }
        }
    }

    /// Some slot whose last day is before `today`, if there is one.
    pub(crate) fn expired(&mut self, today: Day) -> Option<u32> {
        let expired = |day: u16| day != NEVER && u32::from(day) < today.0;
        if !self.counts.keys().next().is_some_and(|day| expired(*day)) {
            return None;
        }
        let (before, after) = self.days.split_at(self.cursor.min(self.days.len()));
        let found = match after.iter().position(|day| expired(*day)) {
            Some(at) => before.len() + at,
            None => before.iter().position(|day| expired(*day))?,
        };
        self.cursor = found + 1;
        u32::try_from(found).ok()
    }
}
