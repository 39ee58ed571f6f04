//! [`Spread`]: a fast hash of ids for tables in memory.
//!
//! Spec: docs/adr/0011-records-in-a-slab.md. Invariant: it is keyed by chance at each start, so that nobody can choose ids that
//! meet in one place: for that their first eight bytes, of a SHA-256, would have to be equal.

use std::hash::{BuildHasher, Hasher, RandomState};

/// Two random words.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spread {
    add: u64,
    times: u64,
}

impl Default for Spread {
    fn default() -> Self {
        let random = RandomState::new();
        Self { add: random.hash_one(1), times: random.hash_one(2) | 1 }
    }
}

impl BuildHasher for Spread {
    type Hasher = SpreadHasher;

    fn build_hasher(&self) -> SpreadHasher {
        SpreadHasher { state: self.add, times: self.times }
    }
}

/// One hash under way.
#[derive(Debug)]
pub(crate) struct SpreadHasher {
    state: u64,
    times: u64,
}

impl SpreadHasher {
    /// Multiplies to 128 bits and folds: each bit of the word moves each bit of the state.
    fn mix(&mut self, word: u64) {
        let product = u128::from(self.state ^ word) * u128::from(self.times);
        self.state = (product as u64) ^ ((product >> 64) as u64);
    }
}

impl Hasher for SpreadHasher {
    fn write(&mut self, bytes: &[u8]) {
        // An id is a hash already: eight of its bytes are as good as all.
        let mut word = [0; 8];
        let len = bytes.len().min(8);
        word[..len].copy_from_slice(&bytes[..len]);
        self.mix(u64::from_le_bytes(word));
    }

    fn write_u64(&mut self, word: u64) {
        self.mix(word);
    }

    fn write_usize(&mut self, word: usize) {
        self.state = self.state.wrapping_add(word as u64);
    }

    fn write_isize(&mut self, word: isize) {
        self.state = self.state.wrapping_add(word as u64);
    }

    fn finish(&self) -> u64 {
        self.state
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_that_differ_in_few_bits_spread_over_the_table() {
        let spread = Spread::default();
        let mut places = std::collections::HashSet::new();
        for n in 0..4_096_u64 {
            let mut id = [0; 32];
            id[..8].copy_from_slice(&(n << 40).to_le_bytes());
            places.insert(spread.hash_one(id) % 65_536);
        }
        assert!(places.len() > 3_500, "{}", places.len());
    }
}
