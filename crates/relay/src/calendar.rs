//! Dates as people write them, and the days that the relay counts.
//!
//! Spec: docs/guide/relay.md, "Access". Invariant: a date that is read is printed as the same text.

use subrosa_codec::Day;

/// Days of one 400-year cycle of the Gregorian calendar.
const CYCLE: i64 = 146_097;

/// `YYYY-MM-DD`.
pub(crate) fn date(Day(day): Day) -> String {
    // Days since 1 March 0: then the leap day is the last of its year. After Howard Hinnant's "chrono-compatible
    // low-level date algorithms".
    let z = i64::from(day) + 719_468;
    let (era, day) = (z / CYCLE, z % CYCLE);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let of_month = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{of_month:02}")
}

/// The day of `YYYY-MM-DD`, or, as `30d`, so many days after `today`.
pub(crate) fn day(text: &str, today: Day) -> Option<Day> {
    if let Some(days) = text.strip_suffix('d') {
        return Some(Day(today.0.checked_add(days.parse().ok()?)?));
    }
    let mut parts = text.splitn(3, '-');
    let mut part = || parts.next()?.parse::<i64>().ok();
    let (year, month, of_month) = (part()?, part()?, part()?);
    if !(1970..=9999).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&of_month) {
        return None;
    }
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year / 400, year % 400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + of_month - 1;
    let days = era * CYCLE + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468;
    let day = Day(u32::try_from(days).ok()?);
    // 30 February, or 1-2-3, is read as another date than was written.
    (date(day) == text).then_some(day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (days, text) in [
            (0, "1970-01-01"),
            (59, "1970-03-01"),
            (11_016, "2000-02-29"),
            (20_000, "2024-10-04"),
            (65_535, "2149-06-06"),
        ] {
            assert_eq!(date(Day(days)), text);
            assert_eq!(day(text, Day(1)), Some(Day(days)));
        }
        for days in (0..70_000).step_by(7) {
            assert_eq!(day(&date(Day(days)), Day(0)), Some(Day(days)));
        }
    }

    #[test]
    fn what_is_no_date_is_refused() {
        assert_eq!(day("30d", Day(5)), Some(Day(35)));
        for text in [
            "",
            "d",
            "-1d",
            "2026-02-30",
            "2026-2-3",
            "2026-13-01",
            "1969-12-31",
            "tomorrow",
            "2026-01-01-01",
        ] {
            assert_eq!(day(text, Day(5)), None, "{text}");
        }
    }
}
