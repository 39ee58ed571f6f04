//! [`Millis`] and [`Day`]: time as an argument, never a clock.
//!
//! Spec: docs/spec/README.md, "Notation". Invariant: arithmetic saturates; a wild clock can't panic.

/// Milliseconds since the Unix epoch, UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Millis(pub u64);

/// Days since the Unix epoch, UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(pub u32);

impl Millis {
    /// One second.
    pub const SECOND: Self = Self(1_000);
    /// One minute.
    pub const MINUTE: Self = Self(60 * Self::SECOND.0);
    /// One hour.
    pub const HOUR: Self = Self(60 * Self::MINUTE.0);
    /// One day.
    pub const DAY: Self = Self(24 * Self::HOUR.0);

    /// The day that this moment lies in.
    #[must_use]
    pub const fn day(self) -> Day {
        let days = self.0 / Self::DAY.0;
        // Saturates in the year 11,761,191.
        Day(if days > u32::MAX as u64 { u32::MAX } else { days as u32 })
    }

    /// `self + span`, at most the end of time.
    #[must_use]
    pub const fn plus(self, span: Self) -> Self {
        Self(self.0.saturating_add(span.0))
    }

    /// How long after `earlier` this is; zero when it is not after.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Self {
        Self(self.0.saturating_sub(earlier.0))
    }

    /// `self` taken `n` times.
    #[must_use]
    pub const fn times(self, n: u64) -> Self {
        Self(self.0.saturating_mul(n))
    }
}

impl Day {
    /// `self + days`, at most the end of time.
    #[must_use]
    pub const fn plus(self, days: u32) -> Self {
        Self(self.0.saturating_add(days))
    }

    /// How many days after `earlier` this is; zero when it is not after.
    #[must_use]
    pub const fn since(self, earlier: Self) -> u32 {
        self.0.saturating_sub(earlier.0)
    }

    /// The first moment of this day.
    #[must_use]
    pub const fn start(self) -> Millis {
        Millis(self.0 as u64 * Millis::DAY.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_lies_in_its_day() {
        assert_eq!(Millis(0).day(), Day(0));
        assert_eq!(Millis(86_400_000 - 1).day(), Day(0));
        assert_eq!(Millis(86_400_000).day(), Day(1));
        assert_eq!(Day(1).start(), Millis::DAY);
    }

    #[test]
    fn the_end_of_time_is_not_an_overflow() {
        assert_eq!(Millis(u64::MAX).plus(Millis::DAY), Millis(u64::MAX));
        assert_eq!(Millis(u64::MAX).day(), Day(u32::MAX));
        assert_eq!(Day(3).since(Day(5)), 0);
    }
}
