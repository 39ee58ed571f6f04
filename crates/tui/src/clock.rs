//! [`Zone`]: moments as a person's wall clock shows them.
//!
//! Spec: docs/guide/chat.md, "The screen". Invariant: no clock is read here; a moment outside the calendar shows as dashes.

use jiff::tz::TimeZone;
use jiff::{Timestamp, ZonedDateTime};
use subrosa_client::Millis;

/// The time zone that moments are shown in.
#[derive(Clone, Debug)]
pub(crate) struct Zone(TimeZone);

impl Zone {
    /// The zone of this machine.
    pub(crate) fn system() -> Self {
        Self(TimeZone::system())
    }

    /// Coordinated universal time: what tests and the README's picture use.
    pub(crate) const fn utc() -> Self {
        Self(TimeZone::UTC)
    }

    /// Hours and minutes, `09:12`.
    pub(crate) fn time(&self, at: Millis) -> String {
        self.zoned(at).map_or_else(|| "--:--".into(), |zoned| zoned.strftime("%H:%M").to_string())
    }

    /// The day as a date line says it, `Tue 4 Nov`; the year is added when it is not the year of `now`.
    pub(crate) fn day(&self, at: Millis, now: Millis) -> String {
        let Some(zoned) = self.zoned(at) else { return "--".into() };
        let this_year = self.zoned(now).is_some_and(|now| now.year() == zoned.year());
        zoned.strftime(if this_year { "%a %-d %b" } else { "%a %-d %b %Y" }).to_string()
    }

    /// Day and time, `Tue 4 Nov 09:12`.
    pub(crate) fn moment(&self, at: Millis, now: Millis) -> String {
        format!("{} {}", self.day(at, now), self.time(at))
    }

    /// The date in numbers, as files are named by it: `2026-11-04`.
    pub(crate) fn date(&self, at: Millis) -> String {
        self.zoned(at).map_or_else(|| "undated".into(), |zoned| zoned.strftime("%Y-%m-%d").to_string())
    }

    /// Whether both moments lie in one day of this zone.
    pub(crate) fn same_day(&self, a: Millis, b: Millis) -> bool {
        match (self.zoned(a), self.zoned(b)) {
            (Some(a), Some(b)) => a.date() == b.date(),
            _ => true,
        }
    }

    fn zoned(&self, at: Millis) -> Option<ZonedDateTime> {
        let at = i64::try_from(at.0).ok()?;
        Some(Timestamp::from_millisecond(at).ok()?.to_zoned_datetime(self.0.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_shows_as_time_and_day_with_the_year_when_it_is_another() {
        let zone = Zone::utc();
        let at = Millis(1_762_247_520_000);
        assert_eq!(zone.time(at), "09:12");
        assert_eq!(zone.day(at, at), "Tue 4 Nov");
        assert_eq!(zone.day(at, Millis(1_862_247_520_000)), "Tue 4 Nov 2025");
        assert_eq!(zone.time(Millis(u64::MAX)), "--:--");
        assert!(!zone.same_day(at, Millis(at.0 + 86_400_000)));
    }
}
