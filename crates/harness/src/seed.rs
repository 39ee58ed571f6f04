//! [`Seed`]: one number from which all chance of a run is drawn, by name.
//!
//! Spec: docs/ARCHITECTURE.md, "The harness". Invariant: what is drawn under one name does not depend on how much was
//! drawn under another, so that an act can be taken out of a list without changing the rest.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use sha2::{Digest, Sha256};

/// Where chance comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Seed(pub u64);

impl Seed {
    /// The seed of the `n`th thing called `label` below this one.
    #[must_use]
    pub fn sub(self, label: &str, n: u64) -> Self {
        let mut hash = Sha256::new();
        hash.update(self.0.to_be_bytes());
        hash.update((label.len() as u64).to_be_bytes());
        hash.update(label.as_bytes());
        hash.update(n.to_be_bytes());
        let digest: [u8; 32] = hash.finalize().into();
        let mut first = [0; 8];
        first.copy_from_slice(&digest[..8]);
        Self(u64::from_be_bytes(first))
    }

    /// A stream of random bytes.
    #[must_use]
    pub fn rng(self) -> ChaCha8Rng {
        ChaCha8Rng::seed_from_u64(self.0)
    }

    /// Numbers drawn one after the other.
    #[must_use]
    pub const fn dice(self) -> Dice {
        Dice(self.0)
    }
}

/// SplitMix64: quick, and the same everywhere.
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    /// Any number.
    pub const fn any(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `n`; 0 when `n` is 0.
    pub const fn below(&mut self, n: u64) -> u64 {
        // The bias of a remainder is far below what a simulation can see.
        if n == 0 { 0 } else { self.any() % n }
    }

    /// Whether one of `n` equal chances came up.
    pub const fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    /// One of `of`.
    ///
    /// # Panics
    /// When there is none.
    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        let at = self.below(of.len() as u64);
        &of[usize::try_from(at).expect("an index")]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_drawn_apart() {
        let seed = Seed(1);
        assert_eq!(seed.sub("a", 0), Seed(1).sub("a", 0));
        assert_ne!(seed.sub("a", 0), seed.sub("a", 1));
        assert_ne!(seed.sub("a", 0), seed.sub("b", 0));
        assert_ne!(seed.sub("a", 0), Seed(2).sub("a", 0));
    }
}
