//! [`Seen`]: which of the peer's cells were opened.
//!
//! Spec: docs/spec/ratchet.md, "State". Invariant: at most [`MAX_SEEN`] entries, ascending by number; the lowest go
//! first.

use alloc::sync::Arc;
use alloc::vec::Vec;

use subrosa_codec::{Malformed, Reader, Writer};

use super::MAX_SEEN;
use super::hash::Mark;

/// Marks of opened cells by number; shared with the state before until it changes.
///
/// In two runs, so that the next state after one more cell copies the short one only: 80 kB are not copied for 20 bytes.
#[derive(Clone, Default)]
pub(super) struct Seen {
    /// The lower numbers; those before `from` are forgotten.
    settled: Arc<Vec<Entry>>,
    from: usize,
    /// The higher numbers, [`FRESH`] at most.
    fresh: Arc<Vec<Entry>>,
}

type Entry = (u32, Mark);

/// Bytes of one entry.
const ENTRY_LEN: usize = 4 + 16;
/// Entries that are copied with every cell, before they settle.
const FRESH: usize = 128;

impl Seen {
    pub(super) fn get(&self, seq: u32) -> Option<Mark> {
        [self.settled(), &self.fresh].into_iter().find_map(|run| {
            let at = run.binary_search_by_key(&seq, |entry| entry.0).ok()?;
            run.get(at).map(|entry| entry.1)
        })
    }

    /// Remembers `seq`, forgets what lies below `floor`, and the lowest beyond [`MAX_SEEN`].
    pub(super) fn insert(&mut self, seq: u32, mark: Mark, floor: u32) {
        if self.fresh.len() == FRESH {
            *self = Self::from_sorted(self.iter().copied().collect());
        }
        if self.settled().last().is_some_and(|last| last.0 >= seq) {
            *self = Self::from_sorted(with(self.iter(), (seq, mark)));
        } else {
            self.fresh = Arc::new(with(self.fresh.iter(), (seq, mark)));
        }
        let stale = self.iter().take_while(|entry| entry.0 < floor).count();
        self.forget(stale.max(self.len().saturating_sub(MAX_SEEN)));
    }

    fn forget(&mut self, lowest: usize) {
        let settled = lowest.min(self.settled().len());
        self.from += settled;
        if lowest > settled {
            self.fresh = Arc::new(self.fresh.iter().skip(lowest - settled).copied().collect());
        }
    }

    fn from_sorted(entries: Vec<Entry>) -> Self {
        Self { settled: Arc::new(entries), from: 0, fresh: Arc::default() }
    }

    fn settled(&self) -> &[Entry] {
        self.settled.get(self.from..).unwrap_or_default()
    }

    fn iter(&self) -> impl Iterator<Item = &Entry> + Clone {
        self.settled().iter().chain(self.fresh.iter())
    }

    fn len(&self) -> usize {
        self.settled().len() + self.fresh.len()
    }

    pub(super) fn written_len(&self) -> usize {
        2 + self.len() * ENTRY_LEN
    }

    /// `count u16 | (seq 4 | mark 16)..`
    pub(super) fn write(&self, w: &mut Writer) {
        w.u16(self.len() as u16);
        for (seq, mark) in self.iter() {
            w.u32(*seq).put(&mark.0);
        }
    }

    /// The mirror of [`write`](Self::write).
    pub(super) fn parse(r: &mut Reader<'_>, high: u32) -> Result<Self, Malformed> {
        let count = usize::from(r.u16()?);
        if count > MAX_SEEN || count * ENTRY_LEN > r.remaining() {
            return Err(Malformed);
        }
        let mut entries = Vec::with_capacity(count);
        let mut from = 0;
        for _ in 0..count {
            let (seq, mark) = (r.u32()?, Mark(r.array()?));
            if seq < from || seq >= high {
                return Err(Malformed);
            }
            from = seq + 1;
            entries.push((seq, mark));
        }
        Ok(Self::from_sorted(entries))
    }
}

/// The ascending `entries` with `entry` among them, in the place of one with its number.
fn with<'a>(entries: impl Iterator<Item = &'a Entry> + Clone, entry: Entry) -> Vec<Entry> {
    let below = entries.clone().take_while(|other| other.0 < entry.0);
    let above = entries.filter(|other| other.0 > entry.0);
    below.copied().chain([entry]).chain(above.copied()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(seq: u32) -> Mark {
        Mark([seq as u8; 16])
    }

    #[test]
    fn the_lowest_number_is_forgotten_first() {
        let mut seen = Seen::default();
        let most = MAX_SEEN as u32;
        (0..most).for_each(|seq| seen.insert(seq, mark(seq), 0));
        assert_eq!(seen.get(0), Some(mark(0)));
        seen.insert(most, mark(9), 0);
        assert_eq!((seen.get(0), seen.get(1), seen.get(most)), (None, Some(mark(1)), Some(mark(9))));
        assert_eq!(seen.len(), MAX_SEEN);
    }

    #[test]
    fn entries_stay_in_order_whatever_order_they_come_in() {
        let mut seen = Seen::default();
        for seq in [5, 1, 9, 0, 7] {
            seen.insert(seq, mark(seq), 0);
        }
        assert_eq!(seen.iter().map(|e| e.0).collect::<Vec<_>>(), [0, 1, 5, 7, 9]);
        seen.insert(8, mark(8), 5);
        assert_eq!(seen.iter().map(|e| e.0).collect::<Vec<_>>(), [5, 7, 8, 9]);
        assert_eq!(seen.get(6), None);
    }

    #[test]
    fn two_runs_remember_what_one_sorted_list_would() {
        let (mut seen, mut list) = (Seen::default(), Vec::new());
        let most = (MAX_SEEN + 5 * FRESH) as u32;
        for at in 0..most {
            // Mostly ascending, with cells that come early and late, repeats, and a floor that rises.
            let seq = match at % 7 {
                3 => at + 20,
                5 => at.saturating_sub(3 * FRESH as u32),
                _ => at,
            };
            let (mark, floor) = (mark(at), at.saturating_sub(3_000) * u32::from(at % 900 == 0));
            seen.insert(seq, mark, floor);
            list.retain(|entry: &Entry| entry.0 != seq);
            list.insert(list.partition_point(|entry| entry.0 < seq), (seq, mark));
            list.drain(
                ..list.partition_point(|entry| entry.0 < floor).max(list.len().saturating_sub(MAX_SEEN)),
            );
            assert_eq!(seen.len(), list.len(), "{at}");
            assert_eq!((seen.get(seq), seen.get(seq + 9)), (find(&list, seq), find(&list, seq + 9)), "{at}");
        }
        assert!(seen.iter().eq(&list));
    }

    fn find(list: &[Entry], seq: u32) -> Option<Mark> {
        list.iter().find(|entry| entry.0 == seq).map(|entry| entry.1)
    }
}
