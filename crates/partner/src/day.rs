//! Local days as numbers.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

/// A day, counted from 1970-01-01 = 0.
pub type Day = i32;

/// The number of a date.
pub fn number(date: Date) -> Day {
    // Days from civil, Howard Hinnant: proleptic Gregorian, exact for every date jiff knows.
    let (year, month, day) = (i32::from(date.year()), i32::from(date.month()), i32::from(date.day()));
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let month_from_march = (month + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// The date of a number; beyond the calendar the nearest end of it.
pub fn date(day: Day) -> Date {
    let epoch = jiff::civil::date(1970, 1, 1);
    let span = jiff::Span::new().try_days(day);
    let end = if day < 0 { Date::MIN } else { Date::MAX };
    span.ok().and_then(|span| epoch.checked_add(span).ok()).unwrap_or(end)
}

/// The day an instant falls on in a zone.
pub fn of(at: Timestamp, zone: &TimeZone) -> Day {
    let seconds = at.as_second() + i64::from(zone.to_offset(at).seconds());
    // Timestamps span years −9999 to 9999: the quotient fits.
    seconds.div_euclid(86_400) as Day
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_dates_are_each_other() {
        assert_eq!(number(jiff::civil::date(1970, 1, 1)), 0);
        assert_eq!(number(jiff::civil::date(2026, 3, 1)), 20_513);
        for day in (-800_000..2_900_000).step_by(997) {
            assert_eq!(number(date(day)), day);
        }
    }

    #[test]
    fn the_zone_decides_the_day() {
        let at: Timestamp = "2026-03-01T23:30:00Z".parse().unwrap();
        let oslo = TimeZone::get("Europe/Oslo").unwrap();
        assert_eq!(date(of(at, &oslo)), jiff::civil::date(2026, 3, 2));
        assert_eq!(date(of(at, &TimeZone::UTC)), jiff::civil::date(2026, 3, 1));
        let before_epoch: Timestamp = "1969-12-31T23:59:59Z".parse().unwrap();
        assert_eq!(of(before_epoch, &TimeZone::UTC), -1);
    }
}
