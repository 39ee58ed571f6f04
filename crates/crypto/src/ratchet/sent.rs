//! [`Sent`]: this side's numbering, and what the peer has acknowledged of it.
//!
//! Spec: docs/spec/ratchet.md, "Acknowledgements". Invariant: `low <= next`, there is one hash for each number in
//! `low..next`, and `low` never falls.

use alloc::sync::Arc;
use alloc::vec::Vec;

use subrosa_codec::{Malformed, Reader, Writer};

use super::hash::CellHash;
use super::header::Acks;
use super::{SessionId, WINDOW};

/// What was sealed here. The sealed cells themselves lie in the caller's outbox.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Sent {
    /// The number of the next cell.
    next: u32,
    /// The highest ack_low of the peer: the outbox's low-water mark.
    low: u32,
    /// The highest ack_high of the peer.
    high: u32,
    /// Hash of the cell `next - 1`, or the session's id.
    last: CellHash,
    /// Hashes of the cells `low..next`.
    hashes: Arc<Vec<CellHash>>,
}

/// What the peer's acknowledgement says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Acknowledged {
    /// Nothing is wrong.
    Fine,
    /// The peer has received another cell than the one sealed here.
    Another,
    /// The peer has received more than was ever sealed here: this state is an old copy.
    Unknown,
}

impl Sent {
    pub(super) const fn next(&self) -> u32 {
        self.next
    }

    pub(super) const fn low(&self) -> u32 {
        self.low
    }

    pub(super) const fn high(&self) -> u32 {
        self.high
    }

    pub(super) const fn last(&self) -> CellHash {
        self.last
    }

    /// How many cells are not acknowledged.
    pub(super) const fn open(&self) -> u32 {
        self.next.saturating_sub(self.low)
    }

    pub(super) fn start(id: SessionId) -> Self {
        Self { next: 0, low: 0, high: 0, last: CellHash(id.0), hashes: Arc::default() }
    }

    /// Numbers a sealed cell.
    pub(super) fn push(&mut self, hash: CellHash) {
        let mut hashes = Vec::with_capacity(self.hashes.len() + 1);
        hashes.extend_from_slice(&self.hashes);
        hashes.push(hash);
        *self = Self { next: self.next.saturating_add(1), last: hash, hashes: Arc::new(hashes), ..*self };
    }

    /// Takes in what the peer acknowledges. `acks.low <= acks.high` was checked.
    pub(super) fn acknowledge(&mut self, acks: &Acks) -> Acknowledged {
        if acks.high > self.next {
            // RAT-53.
            // An old copy must not drop cells by the acknowledgements of a newer one.
            return Acknowledged::Unknown;
        }
        // RAT-54.
        let verdict = match acks.high.checked_sub(1).and_then(|seq| self.hash_of(seq)) {
            Some(hash) if hash != acks.hash => Acknowledged::Another,
            _ => Acknowledged::Fine,
        };
        // RAT-55.
        self.high = self.high.max(acks.high);
        if let Some(below) = acks.low.checked_sub(self.low).filter(|below| *below > 0) {
            self.low = acks.low;
            self.hashes = Arc::new(self.hashes.iter().skip(below as usize).copied().collect());
        }
        verdict
    }

    /// The hash of one of our cells, while it is remembered.
    fn hash_of(&self, seq: u32) -> Option<CellHash> {
        if seq.checked_add(1) == Some(self.next) {
            return Some(self.last);
        }
        let at = seq.checked_sub(self.low)?;
        self.hashes.get(at as usize).copied()
    }

    pub(super) fn written_len(&self) -> usize {
        12 + 32 * (1 + self.hashes.len())
    }

    /// `next 4 | low 4 | high 4 | last 32 | hash 32 for each of low..next`
    pub(super) fn write(&self, w: &mut Writer) {
        let Self { next, low, high, last, hashes } = self;
        w.u32(*next).u32(*low).u32(*high).put(&last.0);
        hashes.iter().for_each(|hash| {
            w.put(&hash.0);
        });
    }

    /// The mirror of [`write`](Self::write).
    pub(super) fn parse(r: &mut Reader<'_>, id: SessionId) -> Result<Self, Malformed> {
        let (next, low, high, last) = (r.u32()?, r.u32()?, r.u32()?, CellHash(r.array()?));
        let open = next.checked_sub(low).filter(|open| *open <= WINDOW).ok_or(Malformed)?;
        let hashes = (0..open).map(|_| r.array().map(CellHash)).collect::<Result<Vec<_>, _>>()?;
        let agree = match hashes.last() {
            Some(hash) => *hash == last,
            None => next > 0 || last == CellHash(id.0),
        };
        if !agree || high > next || low > high {
            return Err(Malformed);
        }
        Ok(Self { next, low, high, last, hashes: Arc::new(hashes) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(count: u32) -> Sent {
        let mut sent = Sent::start(SessionId([9; 32]));
        (0..count).for_each(|seq| sent.push(CellHash([seq as u8; 32])));
        sent
    }

    fn acks(high: u32, low: u32, hash: u8) -> Acks {
        Acks { high, low, hash: CellHash([hash; 32]) }
    }

    #[test]
    fn the_low_water_mark_rises_and_never_falls() {
        // RAT-55.
        let mut sent = sent(5);
        assert_eq!(sent.acknowledge(&acks(4, 3, 3)), Acknowledged::Fine);
        assert_eq!((sent.low(), sent.high(), sent.open(), sent.hashes.len()), (3, 4, 2, 2));
        assert_eq!(sent.acknowledge(&acks(2, 1, 1)), Acknowledged::Fine, "an older acknowledgement, late");
        assert_eq!((sent.low(), sent.high(), sent.hashes.len()), (3, 4, 2));
    }

    #[test]
    fn another_hash_is_seen_before_it_is_dropped() {
        // RAT-54.
        let mut sent = sent(5);
        assert_eq!(sent.acknowledge(&acks(4, 4, 7)), Acknowledged::Another);
        assert_eq!(sent.low(), 4);
        assert_eq!(sent.acknowledge(&acks(5, 5, 4)), Acknowledged::Fine);
        assert_eq!(sent.acknowledge(&acks(5, 5, 3)), Acknowledged::Another, "the last hash stays");
        assert_eq!(sent.acknowledge(&acks(4, 4, 7)), Acknowledged::Fine, "forgotten hashes are not compared");
    }

    #[test]
    fn acknowledging_what_was_never_sealed_drops_nothing() {
        // RAT-53.
        let mut sent = sent(5);
        assert_eq!(sent.acknowledge(&acks(6, 6, 7)), Acknowledged::Unknown);
        assert_eq!((sent.low(), sent.high()), (0, 0));
    }
}
