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
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct Seen(Arc<Vec<(u32, Mark)>>);

/// Bytes of one entry.
const ENTRY_LEN: usize = 4 + 16;

impl Seen {
    pub(super) fn get(&self, seq: u32) -> Option<Mark> {
        let at = self.0.binary_search_by_key(&seq, |entry| entry.0).ok()?;
        self.0.get(at).map(|entry| entry.1)
    }

    /// Remembers `seq`, forgets what lies below `floor`, and the lowest beyond [`MAX_SEEN`].
    pub(super) fn insert(&mut self, seq: u32, mark: Mark, floor: u32) {
        // Built anew: the state before still holds the old one, and 20 bytes an entry are copied quickly.
        let mut next = Vec::with_capacity(self.0.len() + 1);
        let below = self.0.partition_point(|entry| entry.0 < seq);
        let (before, after) = self.0.split_at(below);
        next.extend_from_slice(before);
        next.push((seq, mark));
        next.extend(after.iter().filter(|entry| entry.0 != seq));
        let stale = next.partition_point(|entry| entry.0 < floor).max(next.len().saturating_sub(MAX_SEEN));
        next.drain(..stale);
        self.0 = Arc::new(next);
    }

    pub(super) fn written_len(&self) -> usize {
        2 + self.0.len() * ENTRY_LEN
    }

    /// `count u16 | (seq 4 | mark 16)..`
    pub(super) fn write(&self, w: &mut Writer) {
        w.u16(self.0.len() as u16);
        for (seq, mark) in self.0.iter() {
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
        Ok(Self(Arc::new(entries)))
    }
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
        assert_eq!(seen.0.len(), MAX_SEEN);
    }

    #[test]
    fn entries_stay_in_order_whatever_order_they_come_in() {
        let mut seen = Seen::default();
        for seq in [5, 1, 9, 0, 7] {
            seen.insert(seq, mark(seq), 0);
        }
        assert_eq!(seen.0.iter().map(|e| e.0).collect::<Vec<_>>(), [0, 1, 5, 7, 9]);
        seen.insert(8, mark(8), 5);
        assert_eq!(seen.0.iter().map(|e| e.0).collect::<Vec<_>>(), [5, 7, 8, 9]);
        assert_eq!(seen.get(6), None);
    }
}
