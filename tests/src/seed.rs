//! [`Seed`]: randomness that is printed and can be repeated.

/// A small generator (SplitMix64): for choosing when to kill, never for keys.
#[derive(Clone, Debug)]
pub struct Seed(u64);

impl Seed {
    /// The seed of `SUBROSA_SEED`, else one from the clock; printed, so that a failure can be repeated.
    #[must_use]
    pub fn of_run() -> Self {
        let given = std::env::var("SUBROSA_SEED").ok().and_then(|text| text.parse().ok());
        let clock = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .map_or(1, |d| d.as_nanos() as u64);
        let seed = given.unwrap_or(clock);
        eprintln!("SUBROSA_SEED={seed}");
        Self(seed)
    }

    /// The next number below `bound`.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound.max(1)
    }
}
