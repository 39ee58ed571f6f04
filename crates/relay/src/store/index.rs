//! [`Index`]: where each body lies, in memory, rebuilt from the slab headers at open.
//!
//! Spec: docs/adr/0002-slabs-and-sled.md, "Index". Invariant: a place is in the index only after its slot is written,
//! and leaves it before the slot is erased; so a reader finds a whole body or none.

use std::collections::{BTreeMap, HashMap, VecDeque};

use subrosa_codec::Day;
use subrosa_wire::{BlobId, QueueId};

use crate::slab::Slot;
use crate::store::calendar::Calendar;
use crate::store::spread::Spread;

/// Where one cell lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) seq: u64,
    pub(crate) slot: Slot,
    /// Its last day.
    pub(crate) expires: u16,
}

/// The cells of one queue.
#[derive(Debug, Default)]
pub(crate) struct Line {
    /// The highest place ever given in this boot; 0 when none was.
    pub(crate) last: u64,
    /// In order.
    pub(crate) places: VecDeque<Place>,
}

/// Where everything lies.
#[derive(Debug, Default)]
pub(crate) struct Index {
    pub(crate) today: Day,
    pub(crate) queues: HashMap<QueueId, Line, Spread>,
    pub(crate) blobs: HashMap<BlobId, BTreeMap<u32, Slot>>,
    /// Cells in queues.
    pub(crate) cells: u64,
    /// Chunks in blobs.
    pub(crate) chunks: u64,
    /// The last day of each cell.
    calendar: Calendar,
}

impl Index {
    /// An empty one on this day.
    pub(crate) fn at(today: Day) -> Self {
        Self { today, ..Self::default() }
    }

    /// Notes a cell at the end of its queue, or, while the index is rebuilt, anywhere in it.
    pub(crate) fn insert(&mut self, queue: QueueId, place: Place) {
        let line = self.queues.entry(queue).or_default();
        let at = line.places.partition_point(|other| other.seq < place.seq);
        line.places.insert(at, place);
        line.last = line.last.max(place.seq);
        self.cells += 1;
        self.calendar.note(place.slot.0, place.expires);
    }

    /// Takes out the first cell of `queue` if its place is not after `upto`.
    pub(crate) fn pop(&mut self, queue: QueueId, upto: u64) -> Option<Place> {
        let places = &mut self.queues.get_mut(&queue)?.places;
        let place = places.pop_front_if(|place| place.seq <= upto)?;
        self.forget(place);
        Some(place)
    }

    /// Takes out the cell of `queue` at `seq`.
    pub(crate) fn remove(&mut self, queue: QueueId, seq: u64) -> Option<Place> {
        let places = &mut self.queues.get_mut(&queue)?.places;
        let at = places.binary_search_by_key(&seq, |place| place.seq).ok()?;
        let place = places.remove(at)?;
        self.forget(place);
        Some(place)
    }

    fn forget(&mut self, place: Place) {
        self.cells -= 1;
        self.calendar.forget(place.slot.0);
    }

    /// The slot of some cell that expired, if there is one.
    pub(crate) fn expired_slot(&mut self) -> Option<Slot> {
        self.calendar.expired(self.today).map(Slot)
    }

    /// The cells of `queue` after the place `after`, expired ones included.
    pub(crate) fn all(&self, queue: QueueId, after: u64) -> impl DoubleEndedIterator<Item = Place> + '_ {
        let places = self.queues.get(&queue).map(|line| &line.places);
        let start = places.map_or(0, |places| places.partition_point(|place| place.seq <= after));
        places.into_iter().flat_map(move |places| places.range(start..)).copied()
    }

    /// The cells of `queue` that have not expired, after the place `after`.
    pub(crate) fn live(&self, queue: QueueId, after: u64) -> impl DoubleEndedIterator<Item = Place> + '_ {
        let today = self.today.0;
        self.all(queue, after).filter(move |place| u32::from(place.expires) >= today)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(seq: u64, expires: u16) -> Place {
        Place { seq, slot: Slot(u32::try_from(seq).expect("small")), expires }
    }

    #[test]
    fn expired_cells_are_hidden_at_once_and_found_for_erasing() {
        let queue = QueueId::from_bytes([1; 32]);
        let mut index = Index::default();
        for (seq, day) in [(1, 10), (2, 12), (3, 11)] {
            index.insert(queue, place(seq, day));
        }
        index.today = Day(10);
        assert_eq!(index.expired_slot(), None);
        index.today = Day(12);
        assert_eq!(index.live(queue, 0).map(|place| place.seq).collect::<Vec<_>>(), [2]);
        let mut expired = Vec::new();
        while let Some(slot) = index.expired_slot() {
            index.remove(queue, u64::from(slot.0)).expect("is there");
            expired.push(slot.0);
        }
        expired.sort_unstable();
        assert_eq!(expired, [1, 3]);
        assert_eq!(index.cells, 1);
        assert_eq!(index.queues[&queue].last, 3);
    }
}
