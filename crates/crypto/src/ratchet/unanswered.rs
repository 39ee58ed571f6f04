//! [`Tally`]: what of the peer's no cell of ours has acknowledged yet; what heartbeats are decided by.
//!
//! Spec: docs/spec/ratchet.md, "Heartbeats". Invariant: a quiet cell is counted only when it ends a gap that the peer
//! was told of, which each number does once; so heartbeats can't answer each other (A36).

use subrosa_codec::{Malformed, Millis, Reader, Writer};

/// What asks for an acknowledgement that no cell of ours has brought yet: the peer's cells, and gaps that ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unanswered {
    /// How many.
    pub count: u32,
    /// When the count left zero; `None` while it is zero.
    pub since: Option<Millis>,
}

/// Counts them.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Tally {
    now: Unanswered,
    /// The ack_high of our last cell: below it, the peer knows what was missing.
    told: u32,
}

impl Tally {
    pub(super) const fn unanswered(&self) -> Unanswered {
        self.now
    }

    /// A cell was opened, and with it the lowest missing number rose from `before` to `low`, or stayed.
    pub(super) fn opened(&mut self, quiet: bool, (before, low): (u32, u32), now: Millis) {
        // RAT-91, RAT-94.
        if quiet { self.risen((before, low), now) } else { self.count(now) }
    }

    /// The lowest missing number rose from `before` to `low`: a peer that was told of the gap sends what is in it
    /// again until it hears that there is none.
    pub(super) fn risen(&mut self, (before, low): (u32, u32), now: Millis) {
        if before < self.told && before < low {
            self.count(now);
        }
    }

    /// A cell of ours was sealed: it says that everything below `high` was received, but for what it names as missing.
    pub(super) const fn answered(&mut self, high: u32) {
        // RAT-92.
        *self = Self { now: Unanswered { count: 0, since: None }, told: high };
    }

    fn count(&mut self, now: Millis) {
        self.now.count = self.now.count.saturating_add(1);
        self.now.since.get_or_insert(now);
    }

    pub(super) const WRITTEN_LEN: usize = 4 + 8 + 4;

    /// `count 4 | since 8 | told 4`
    pub(super) fn write(&self, w: &mut Writer) {
        let Self { now: Unanswered { count, since }, told } = self;
        w.u32(*count).u64(since.unwrap_or_default().0).u32(*told);
    }

    /// The mirror of [`write`](Self::write); nothing above `high` was acknowledged.
    pub(super) fn parse(r: &mut Reader<'_>, high: u32) -> Result<Self, Malformed> {
        let (count, since, told) = (r.u32()?, r.u64()?, r.u32()?);
        if (count == 0 && since != 0) || told > high {
            return Err(Malformed);
        }
        let since = if count > 0 { Some(Millis(since)) } else { None };
        Ok(Self { now: Unanswered { count, since }, told })
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
        // RAT-92.
        let mut tally = Tally::default();
        tally.opened(false, (0, 1), EARLY);
        tally.opened(false, (1, 2), LATE);
        assert_eq!(tally.unanswered(), Unanswered { count: 2, since: Some(EARLY) });
        tally.answered(2);
        assert_eq!(tally.unanswered(), Unanswered::default());
        tally.opened(false, (2, 3), LATE);
        assert_eq!(tally.unanswered(), Unanswered { count: 1, since: Some(LATE) });
    }

    #[test]
    fn the_end_of_a_gap_counts_when_the_peer_was_told_of_it() {
        // RAT-91.
        let mut tally = Tally::default();
        tally.opened(true, (0, 0), EARLY);
        tally.risen((0, 2), EARLY);
        assert_eq!(tally.unanswered().count, 0, "nobody was told");
        tally.answered(4);
        tally.opened(true, (2, 2), LATE);
        assert_eq!(tally.unanswered().count, 0, "a later gap: what the peer was told is still true");
        tally.opened(true, (2, 4), LATE);
        assert_eq!(tally.unanswered(), Unanswered { count: 1, since: Some(LATE) });
        tally.opened(true, (4, 5), LATE);
        assert_eq!(tally.unanswered().count, 1, "above what was told");
    }
}
