//! The three lives of a chain: [`SendingChain`], [`ReceivingChain`], [`ClosedChain`]; and [`Waiting`] keys.
//!
//! Spec: docs/spec/ratchet.md, "State". Invariant: a waiting key's number lies below its chain's next number (or its
//! count, once closed), and whoever takes a key removes it.

use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;

use subrosa_codec::Day;

use super::hash::{Mark, PubId};
use super::keys::{ChainKey, EpochKeys, HeaderKey, MessageKey, Published};
use crate::kem::Ciphertext;

/// The epoch that this side speaks in.
#[derive(Clone)]
pub(super) struct SendingChain {
    pub(super) epoch: u32,
    pub(super) chain: ChainKey,
    pub(super) header: HeaderKey,
    /// The next cell's number in this epoch.
    pub(super) n: u32,
    /// How many cells this side's previous epoch had.
    pub(super) pn: u32,
    pub(super) own: Arc<EpochKeys>,
    pub(super) public: Arc<Published>,
    pub(super) ct: Arc<Ciphertext>,
}

/// An epoch of this side that the peer has answered: nothing can be sealed in it any more.
#[derive(Clone)]
pub(super) struct EndedChain {
    pub(super) epoch: u32,
    /// How many cells it had.
    pub(super) n: u32,
}

/// The newest epoch of the peer.
#[derive(Clone)]
pub(super) struct ReceivingChain {
    pub(super) epoch: u32,
    pub(super) chain: ChainKey,
    pub(super) header: HeaderKey,
    /// One above the highest number opened in this epoch.
    pub(super) n: u32,
    pub(super) id: PubId,
    /// The number (`seq`) of this epoch's first cell.
    pub(super) base: u32,
    pub(super) waiting: Waiting,
}

/// An epoch of the peer that a newer one has ended.
#[derive(Clone)]
pub(super) struct ClosedChain {
    pub(super) epoch: u32,
    pub(super) header: HeaderKey,
    pub(super) id: PubId,
    pub(super) base: u32,
    /// How many cells it had, as the next epoch says.
    pub(super) count: u32,
    pub(super) waiting: Waiting,
}

/// Keys of cells that have not come yet, by their number in the chain. `None` for none: most chains have none, and there
/// are up to 65 of them to be looked through.
#[derive(Clone, Default)]
pub(super) struct Waiting(Option<Arc<BTreeMap<u32, WaitingKey>>>);

/// The key of a cell that has not come yet.
#[derive(Clone)]
pub(super) struct WaitingKey {
    pub(super) key: MessageKey,
    /// When it was stored.
    pub(super) since: Day,
    /// What the cell after it said of it.
    pub(super) expect: Option<Mark>,
}

impl SendingChain {
    pub(super) const fn end(&self) -> EndedChain {
        EndedChain { epoch: self.epoch, n: self.n }
    }
}

impl ReceivingChain {
    /// Derives and keeps the keys up to, not including, `n`. The caller has checked the limit.
    pub(super) fn skip_to(&mut self, n: u32, today: Day) {
        let mut skipped = Vec::new();
        while self.n < n {
            let (chain, key) = self.chain.advance();
            skipped.push((self.n, WaitingKey { key, since: today, expect: None }));
            self.chain = chain;
            self.n += 1;
        }
        self.waiting.extend(skipped);
    }

    /// Derives the next key.
    pub(super) fn advance(&mut self) -> MessageKey {
        let (chain, key) = self.chain.advance();
        self.chain = chain;
        self.n = self.n.saturating_add(1);
        key
    }

    /// Ends the chain at `count` cells: the keys still missing are kept, the chain key is not.
    pub(super) fn close(mut self, count: u32, today: Day) -> ClosedChain {
        self.skip_to(count, today);
        let Self { epoch, chain: _, header, n: _, id, base, waiting } = self;
        ClosedChain { epoch, header, id, base, count, waiting }
    }
}

impl Waiting {
    pub(super) fn len(&self) -> usize {
        self.0.as_ref().map_or(0, |keys| keys.len())
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    pub(super) fn first(&self) -> Option<u32> {
        self.0.as_ref()?.first_key_value().map(|(n, _)| *n)
    }

    pub(super) fn contains(&self, n: u32) -> bool {
        self.0.as_ref().is_some_and(|keys| keys.contains_key(&n))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, &WaitingKey)> {
        self.0.iter().flat_map(|keys| keys.iter()).map(|(n, key)| (*n, key))
    }

    /// Changes the keys, if there are any.
    fn change<T>(&mut self, change: impl FnOnce(&mut BTreeMap<u32, WaitingKey>) -> T) -> Option<T> {
        let keys = Arc::make_mut(self.0.as_mut()?);
        let result = change(keys);
        if keys.is_empty() {
            self.0 = None;
        }
        Some(result)
    }

    pub(super) fn take(&mut self, n: u32) -> Option<WaitingKey> {
        if self.contains(n) { self.change(|keys| keys.remove(&n)).flatten() } else { None }
    }

    /// Gives up the lowest number.
    pub(super) fn pop_first(&mut self) -> Option<u32> {
        self.change(BTreeMap::pop_first).flatten().map(|(n, _)| n)
    }

    /// Gives up everything.
    pub(super) fn clear(&mut self) -> Vec<u32> {
        let all = self.iter().map(|(n, _)| n).collect();
        *self = Self::default();
        all
    }

    /// Gives up what was stored `days` days before `today`, or earlier.
    pub(super) fn expire(&mut self, today: Day, days: u32) -> Vec<u32> {
        let old = |key: &WaitingKey| today.since(key.since) >= days;
        let expired: Vec<u32> = self.iter().filter(|(_, key)| old(key)).map(|(n, _)| n).collect();
        if !expired.is_empty() {
            self.change(|keys| keys.retain(|_, key| !old(key)));
        }
        expired
    }

    /// Notes what cell `n + 1` says of cell `n`, if that one is waited for.
    pub(super) fn expect(&mut self, n: u32, mark: Mark) {
        if self.contains(n) {
            self.change(|keys| keys.get_mut(&n).map(|waiting| waiting.expect = Some(mark)));
        }
    }

    pub(super) fn extend(&mut self, keys: Vec<(u32, WaitingKey)>) {
        if !keys.is_empty() {
            Arc::make_mut(self.0.get_or_insert_default()).extend(keys);
        }
    }
}
