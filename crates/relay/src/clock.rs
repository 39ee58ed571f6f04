//! [`DayClock`]: the relay's day, which a wrong clock cannot make jump.
//!
//! Spec: docs/adr/0002-slabs-and-sled.md, "Clock" (D10). Invariant: while the relay runs, its day advances by at most
//! one in 20 hours, and never goes back: a clock that jumps must not expire everything.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use subrosa_codec::{Day, Millis};

/// The least uptime between two days.
const DAY_AT_LEAST: Duration = Duration::from_hours(20);
/// How far the clock may have moved while the relay was stopped, in days, unless the operator accepts it.
const LEAP: u32 = 2;

/// The clock differs from the store's last day by more than two days.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "this machine's clock is {} days {} the last day that this relay served. If the clock is right (the relay was \
     stopped for so long), start once with --accept-clock; what has expired by that date is then erased. If it is \
     wrong, correct it first: nothing was changed",
    stored.0.abs_diff(clock.0), if clock > stored { "after" } else { "before" }
)]
pub struct ClockJumped {
    /// The last day that the store was told.
    pub stored: Day,
    /// What the machine's clock says.
    pub clock: Day,
}

/// The relay's day.
#[derive(Debug)]
pub(crate) struct DayClock {
    day: Day,
    since: Instant,
}

impl DayClock {
    /// Starts on the day of the machine's clock. `stored` is the last day that the store was told, 0 for a fresh one.
    pub(crate) fn start(stored: Day, accept: bool) -> Result<Self, ClockJumped> {
        let day = first_day(stored, wall(), accept)?;
        Ok(Self { day, since: Instant::now() })
    }

    /// The day now.
    pub(crate) fn today(&mut self) -> Day {
        self.advance(wall(), Instant::now())
    }

    fn advance(&mut self, clock: Day, now: Instant) -> Day {
        // REL-50.
        if clock > self.day && now.saturating_duration_since(self.since) >= DAY_AT_LEAST {
            self.day = self.day.plus(1);
            self.since = now;
        }
        self.day
    }
}

/// The day to start on.
fn first_day(stored: Day, clock: Day, accept: bool) -> Result<Day, ClockJumped> {
    match stored {
        Day(0) => Ok(clock),
        _ if accept => Ok(clock.max(stored)),
        _ if stored.0.abs_diff(clock.0) > LEAP => Err(ClockJumped { stored, clock }),
        _ => Ok(clock.max(stored)),
    }
}

/// What the machine's clock says; before 1970 it says 1970.
pub(crate) fn wall() -> Day {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX)).day()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_jump_of_more_than_two_days_needs_to_be_accepted() {
        assert_eq!(first_day(Day(0), Day(20_000), false), Ok(Day(20_000)));
        assert_eq!(first_day(Day(20_000), Day(20_002), false), Ok(Day(20_002)));
        assert_eq!(first_day(Day(20_000), Day(19_999), false), Ok(Day(20_000)), "it never goes back");
        let jumped = first_day(Day(20_000), Day(20_400), false).expect_err("is too far");
        assert!(
            jumped.to_string().contains("400 days after") && jumped.to_string().contains("--accept-clock")
        );
        assert_eq!(first_day(Day(20_000), Day(20_400), true), Ok(Day(20_400)));
        assert!(first_day(Day(20_000), Day(19_000), false).is_err());
    }

    #[test]
    fn a_clock_that_leaps_moves_the_day_by_one_in_twenty_hours() {
        // REL-50.
        let start = Instant::now();
        let mut clock = DayClock { day: Day(100), since: start };
        assert_eq!(clock.advance(Day(5_000), start + Duration::from_hours(19)), Day(100));
        assert_eq!(clock.advance(Day(5_000), start + Duration::from_hours(20)), Day(101));
        assert_eq!(clock.advance(Day(5_000), start + Duration::from_hours(21)), Day(101));
        assert_eq!(clock.advance(Day(101), start + Duration::from_hours(99)), Day(101));
        assert_eq!(clock.advance(Day(0), start + Duration::from_hours(999)), Day(101));
    }
}
