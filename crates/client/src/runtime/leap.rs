//! [`Leap`]: whether the clock was set so far ahead that timers must wait for a second opinion.
//!
//! Spec: docs/ARCHITECTURE.md, "Time". Invariant: a clock that jumps ahead expires nothing by itself; a relay whose day agrees, or
//! the clock's return, lets timers ring again.

use std::time::Instant;

use subrosa_codec::Millis;

/// A jump below this is taken for a nap or for a time zone.
const TRUSTED: Millis = Millis::DAY;

/// A moment at which the clock was believed.
#[derive(Debug)]
pub(crate) struct Leap {
    since: Instant,
    at: Millis,
    told: bool,
}

impl Leap {
    /// Believes the clock at the start: it is all that there is.
    pub(crate) const fn new(since: Instant, at: Millis) -> Self {
        Self { since, at, told: false }
    }

    /// Whether the clock is more than a day ahead of where it should be `now`. A machine that slept looks the same;
    /// the first relay that is reached afterwards clears it.
    pub(crate) fn holds(&self, (now, at): (Instant, Millis)) -> bool {
        let passed = u64::try_from(now.saturating_duration_since(self.since).as_millis()).unwrap_or(u64::MAX);
        at > self.at.plus(Millis(passed)).plus(TRUSTED)
    }

    /// Whether the person has to be told of it: once.
    pub(crate) fn tells(&mut self) -> bool {
        !std::mem::replace(&mut self.told, true)
    }

    /// A relay's day agrees with the clock.
    pub(crate) fn agree(&mut self, (now, at): (Instant, Millis)) {
        *self = Self::new(now, at);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_leap_of_more_than_a_day_holds_until_a_relay_agrees() {
        let start = Instant::now();
        let at = Millis::DAY.times(20_000);
        let mut leap = Leap::new(start, at);
        let later = |hours: u64| start + Duration::from_secs(hours * 3600);
        assert!(!leap.holds((start, at)));
        assert!(!leap.holds((later(100), at.plus(Millis::HOUR.times(100)))), "time that passed is no leap");
        assert!(!leap.holds((start, at.plus(Millis::DAY))));
        let leapt = at.plus(Millis::DAY).plus(Millis::HOUR);
        assert!(leap.holds((start, leapt)));
        assert!(leap.tells() && !leap.tells());
        assert!(!leap.holds((start, at)), "the clock came back");
        leap.agree((start, leapt));
        assert!(!leap.holds((start, leapt)));
        assert!(leap.tells(), "the next leap is told again");
    }

    #[test]
    fn a_clock_that_goes_back_holds_nothing() {
        let leap = Leap::new(Instant::now(), Millis::DAY.times(20_000));
        assert!(!leap.holds((Instant::now(), Millis(0))));
    }
}
