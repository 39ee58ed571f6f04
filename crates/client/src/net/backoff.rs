//! [`Backoff`]: how long to wait before the next attempt to reach a relay.
//!
//! Invariant: waits are drawn over the whole span ("full jitter"), so that a relay that comes back is not met by all
//! its clients in one moment; no span is longer than a minute.

use std::time::Duration;

use rand_core::CryptoRng;

/// The first span.
const FIRST: Duration = Duration::from_millis(500);
/// The longest span.
const CAP: Duration = Duration::from_secs(60);

/// Failed attempts since the last success.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// The next wait: anything from zero to the span, which doubles with each failure.
    pub(crate) fn next(&mut self, rng: &mut impl CryptoRng) -> Duration {
        let span = FIRST.saturating_mul(1 << self.failures.min(16)).min(CAP);
        self.failures = self.failures.saturating_add(1);
        within(span, rng)
    }

    /// It was reached.
    pub(crate) fn reset(&mut self) {
        self.failures = 0;
    }
}

/// A random part of `span`.
pub(crate) fn within(span: Duration, rng: &mut impl CryptoRng) -> Duration {
    let millis = u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
    // The bias of the remainder is below 2^-40 for spans of minutes.
    Duration::from_millis(rng.next_u64() % millis.saturating_add(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_chacha::ChaCha12Rng;
    use rand_chacha::rand_core::SeedableRng;

    #[test]
    fn waits_grow_to_a_minute_and_never_beyond() {
        let mut rng = ChaCha12Rng::seed_from_u64(1);
        let mut backoff = Backoff::default();
        let waits: Vec<Duration> = (0..100).map(|_| backoff.next(&mut rng)).collect();
        assert!(waits.iter().all(|wait| *wait <= CAP));
        assert!(waits.first().is_some_and(|wait| *wait <= FIRST));
        assert!(waits.iter().skip(10).any(|wait| *wait > CAP / 2), "the span never grew");
        backoff.reset();
        assert!(backoff.next(&mut rng) <= FIRST);
    }
}
