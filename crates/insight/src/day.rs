//! Days as numbers: days since 1970-01-01 on the programme's calendar.
//!
//! Detectors count days and compare weekdays; a number does both without a calendar.

use jiff::civil::{Date, date};

const EPOCH: Date = date(1970, 1, 1);

/// The number of a date: days since 1970-01-01, negative before it.
#[must_use]
pub fn number(on: Date) -> i32 {
    EPOCH.until(on).map_or(0, |span| span.get_days())
}

/// The date of a day number; numbers outside the calendar (years -9999 to 9999) give its nearest end.
#[must_use]
pub fn date_of(number: i32) -> Date {
    plus(EPOCH, i64::from(number))
}

/// `days` after (or, negative, before) a date, held within the calendar.
#[must_use]
pub fn plus(on: Date, days: i64) -> Date {
    let end = if days < 0 { Date::MIN } else { Date::MAX };
    match jiff::Span::new().try_days(days) {
        Ok(span) => on.checked_add(span).unwrap_or(end),
        Err(_) => end,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_dates_agree_in_both_directions() {
        assert_eq!(number(date(1970, 1, 5)), 4, "a Monday");
        for day in [-719_000, -1, 0, 1, 9_999, 20_000, 2_900_000] {
            assert_eq!(number(date_of(day)), day);
        }
    }

    #[test]
    fn the_end_of_the_calendar_holds() {
        assert_eq!(date_of(i32::MAX), Date::MAX);
        assert_eq!(plus(Date::MIN, -1), Date::MIN);
        assert_eq!(plus(EPOCH, i64::MAX), Date::MAX);
    }
}
