//! [`Tally`]: which of the peer's cells no cell of ours has acknowledged yet; what heartbeats are decided by.
//!
//! Spec: docs/spec/ratchet.md, "Heartbeats". Invariant: quiet cells are never counted, so that heartbeats can't
//! answer each other (A36).

use alloc::collections::BTreeMap;
use alloc::sync::Arc;

use subrosa_codec::{Malformed, Millis, Reader, Writer};

use super::WINDOW;

/// The peer's cells that ask for an acknowledgement which no cell of ours has brought yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unanswered {
    /// How many.
    pub count: u32,
    /// When the count left zero; `None` while it is zero.
    pub since: Option<Millis>,
}

/// Counts them.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct Tally {
    now: Unanswered,
    /// Cells above the lowest missing number: our acknowledgement does not cover them until the gap is filled.
    /// `true`: counted in `now` already.
    above: Arc<BTreeMap<u32, bool>>,
}

impl Tally {
    pub(super) const fn unanswered(&self) -> Unanswered {
        self.now
    }

    /// A cell that is not quiet was opened. `low` is the lowest missing number after it.
    pub(super) fn opened(&mut self, seq: u32, low: u32, now: Millis) {
        self.count(now);
        // An honest peer stays within the window; another one only loses heartbeats.
        if seq.checked_sub(low).is_some_and(|above| above < WINDOW) {
            Arc::make_mut(&mut self.above).insert(seq, true);
        }
    }

    /// The lowest missing number is `low` now: what lies below it can be acknowledged, for the first time.
    pub(super) fn risen(&mut self, low: u32, now: Millis) {
        if self.above.first_key_value().is_none_or(|(seq, _)| *seq >= low) {
            return;
        }
        let above = Arc::make_mut(&mut self.above);
        let still = above.split_off(&low);
        let covered = core::mem::replace(above, still);
        covered.values().filter(|counted| !**counted).for_each(|_| self.count(now));
    }

    /// A cell of ours was sealed: it acknowledges whatever lies below the lowest missing number.
    pub(super) fn answered(&mut self) {
        self.now = Unanswered::default();
        if self.above.values().any(|counted| *counted) {
            Arc::make_mut(&mut self.above).values_mut().for_each(|counted| *counted = false);
        }
    }

    fn count(&mut self, now: Millis) {
        self.now.count = self.now.count.saturating_add(1);
        self.now.since.get_or_insert(now);
    }

    pub(super) fn written_len(&self) -> usize {
        4 + 8 + 2 + self.above.len() * 5
    }

    /// `count 4 | since 8 | entries u16 | (seq 4 | counted 1)..`
    pub(super) fn write(&self, w: &mut Writer) {
        let Self { now: Unanswered { count, since }, above } = self;
        w.u32(*count).u64(since.unwrap_or_default().0).u16(above.len() as u16);
        for (seq, counted) in above.iter() {
            w.u32(*seq).u8(u8::from(*counted));
        }
    }

    /// The mirror of [`write`](Self::write); `low..high` is where cells above a gap can lie.
    pub(super) fn parse(r: &mut Reader<'_>, low: u32, high: u32) -> Result<Self, Malformed> {
        let (count, since, entries) = (r.u32()?, r.u64()?, r.u16()?);
        if count == 0 && since != 0 {
            return Err(Malformed);
        }
        let since = if count > 0 { Some(Millis(since)) } else { None };
        let mut above = BTreeMap::new();
        let (mut from, mut fresh) = (low, 0);
        for _ in 0..entries {
            let (seq, counted) = (r.u32()?, flag(r)?);
            if seq < from || seq >= high || seq - low >= WINDOW {
                return Err(Malformed);
            }
            fresh += u32::from(counted);
            from = seq + 1;
            above.insert(seq, counted);
        }
        if fresh > count {
            return Err(Malformed);
        }
        Ok(Self { now: Unanswered { count, since }, above: Arc::new(above) })
    }
}

/// A byte that is 0 or 1.
pub(super) fn flag(r: &mut Reader<'_>) -> Result<bool, Malformed> {
    match r.u8()? {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(Malformed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EARLY: Millis = Millis(10);
    const LATE: Millis = Millis(20);

    #[test]
    fn any_cell_of_ours_sets_the_count_to_zero() {
        let mut tally = Tally::default();
        tally.opened(0, 1, EARLY);
        tally.opened(1, 2, LATE);
        assert_eq!(tally.unanswered(), Unanswered { count: 2, since: Some(EARLY) });
        tally.answered();
        assert_eq!(tally.unanswered(), Unanswered::default());
        tally.opened(2, 3, LATE);
        assert_eq!(tally.unanswered(), Unanswered { count: 1, since: Some(LATE) });
    }

    #[test]
    fn cells_above_a_gap_count_again_when_it_is_filled() {
        let mut tally = Tally::default();
        tally.opened(1, 0, EARLY);
        tally.opened(2, 0, EARLY);
        tally.answered();
        tally.opened(3, 0, LATE);
        assert_eq!(tally.unanswered().count, 1);
        tally.risen(2, LATE);
        assert_eq!(tally.unanswered().count, 2, "1 counts again, 2 lies above the next gap");
        tally.risen(4, LATE);
        assert_eq!(tally.unanswered().count, 3, "2 counts again, 3 was counted already");
        assert!(tally.above.is_empty());
    }

    #[test]
    fn a_peer_beyond_its_window_does_not_grow_the_state() {
        let mut tally = Tally::default();
        (1..5_000).for_each(|seq| tally.opened(seq, 0, EARLY));
        assert_eq!(tally.above.len(), WINDOW as usize - 1);
    }
}
