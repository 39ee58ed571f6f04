//! [`Heard`]: everything of the peer's that was received, and what is still awaited.
//!
//! Spec: docs/spec/ratchet.md, "State", "Giving up". Invariant: chains follow each other without a hole in the numbers,
//! and the highest number opened so far is always in the newest chain.

use alloc::sync::Arc;
use alloc::vec::Vec;

use subrosa_codec::{Day, Millis};

use super::chain::{ClosedChain, ReceivingChain, Waiting};
use super::hash::CellHash;
use super::header::Acks;
use super::seen::Seen;
use super::unanswered::Tally;
use super::{KEY_DAYS, MAX_CLOSED, MAX_CLOSED_WITH_KEYS, MAX_SKIPPED, SessionId};

/// The peer's chains and cells.
#[derive(Clone)]
pub(super) struct Heard {
    pub(super) chain: ReceivingChain,
    /// Ended chains, oldest first.
    pub(super) closed: Arc<Vec<ClosedChain>>,
    pub(super) seen: Seen,
    /// Hash of the highest cell; the session's id before the first.
    pub(super) last: CellHash,
    pub(super) tally: Tally,
}

impl Heard {
    /// The peer's first chain, before any cell of it.
    pub(super) fn start(chain: ReceivingChain, id: SessionId) -> Self {
        let last = CellHash(id.0);
        Self { chain, closed: Arc::default(), seen: Seen::default(), last, tally: Tally::default() }
    }

    /// One above the highest number opened.
    pub(super) const fn high(&self) -> u32 {
        // `base + n` was checked against the highest number when the cell was opened.
        self.chain.base.saturating_add(self.chain.n)
    }

    /// The lowest number neither opened nor given up.
    pub(super) fn low(&self) -> u32 {
        let of = |base: u32, waiting: &Waiting| waiting.first().map(|n| base.saturating_add(n));
        let closed = self.closed.iter().find_map(|chain| of(chain.base, &chain.waiting));
        closed.or_else(|| of(self.chain.base, &self.chain.waiting)).unwrap_or(self.high())
    }

    pub(super) fn acks(&self) -> Acks {
        Acks { high: self.high(), low: self.low(), hash: self.last }
    }

    /// How many keys wait in all chains.
    pub(super) fn waiting(&self) -> usize {
        self.closed.iter().map(|chain| chain.waiting.len()).sum::<usize>() + self.chain.waiting.len()
    }

    /// The peer has begun a new epoch: `count` cells were in the last one.
    pub(super) fn turned(&self, chain: ReceivingChain, count: u32, today: Day) -> Self {
        let mut closed = Vec::with_capacity(self.closed.len() + 1);
        closed.extend(self.closed.iter().cloned());
        closed.push(self.chain.clone().close(count, today));
        Self { chain, closed: Arc::new(closed), ..self.clone() }
    }

    /// The chain of `seq`, its first number, and the keys that wait there.
    pub(super) fn waiting_at(&mut self, seq: u32) -> Option<(u32, &mut Waiting)> {
        if let Some(n) = seq.checked_sub(self.chain.base) {
            return Some((n, &mut self.chain.waiting));
        }
        let at = self.closed.partition_point(|chain| chain.base <= seq).checked_sub(1)?;
        // An empty chain shares its base with the next one, which `partition_point` prefers: it holds the number.
        let n = seq.checked_sub(self.closed.get(at)?.base)?;
        self.closed.get(at).filter(|chain| !chain.waiting.is_empty())?;
        Arc::make_mut(&mut self.closed).get_mut(at).map(|chain| (n, &mut chain.waiting))
    }

    /// Brings the state back within its limits; returns the numbers given up, ascending.
    pub(super) fn trim(&mut self) -> Vec<u32> {
        let mut lost = Vec::new();
        // RAT-63.
        while self.closed.len() > MAX_CLOSED {
            let oldest = Arc::make_mut(&mut self.closed).remove(0);
            lost.extend(oldest.waiting.iter().map(|(n, _)| oldest.base.saturating_add(n)));
        }
        let with_keys = self.closed.iter().filter(|chain| !chain.waiting.is_empty()).count();
        // RAT-62.
        for _ in MAX_CLOSED_WITH_KEYS..with_keys {
            let closed = Arc::make_mut(&mut self.closed);
            if let Some(chain) = closed.iter_mut().find(|chain| !chain.waiting.is_empty()) {
                let base = chain.base;
                lost.extend(chain.waiting.clear().into_iter().map(|n| base.saturating_add(n)));
            }
        }
        // RAT-61.
        let excess = self.waiting().saturating_sub(MAX_SKIPPED);
        lost.extend((0..excess).filter_map(|_| self.pop_lowest()));
        lost
    }

    fn pop_lowest(&mut self) -> Option<u32> {
        let low = self.low();
        let (_, waiting) = self.waiting_at(low)?;
        waiting.pop_first().map(|_| low)
    }

    /// Gives up keys stored [`KEY_DAYS`] days ago or earlier; returns their numbers, ascending.
    pub(super) fn expire(&mut self, today: Day) -> Vec<u32> {
        // RAT-64.
        let mut lost = Vec::new();
        let old = |waiting: &Waiting| waiting.iter().any(|(_, key)| today.since(key.since) >= KEY_DAYS);
        if self.closed.iter().any(|chain| old(&chain.waiting)) {
            for chain in Arc::make_mut(&mut self.closed) {
                let base = chain.base;
                lost.extend(
                    chain.waiting.expire(today, KEY_DAYS).into_iter().map(|n| base.saturating_add(n)),
                );
            }
        }
        let base = self.chain.base;
        lost.extend(self.chain.waiting.expire(today, KEY_DAYS).into_iter().map(|n| base.saturating_add(n)));
        lost
    }

    /// Numbers were given up; `before` was the lowest missing one.
    pub(super) fn risen(&mut self, before: u32, now: Millis) {
        let low = self.low();
        self.tally.risen((before, low), now);
    }

    /// Remembers an opened cell, and what it says of the one before it.
    pub(super) fn note(&mut self, seq: u32, prev: CellHash, hash: CellHash) {
        // RAT-52.
        if let Some((n, waiting)) = seq.checked_sub(1).and_then(|before| self.waiting_at(before)) {
            waiting.expect(n, prev.mark());
        }
        let floor = self.seen_floor();
        self.seen.insert(seq, hash.mark(), floor);
    }

    /// Below this, a remembered hash can no longer be asked for: one before the oldest chain still known.
    pub(super) fn seen_floor(&self) -> u32 {
        self.closed.first().map_or(self.chain.base, |chain| chain.base).saturating_sub(1)
    }
}
