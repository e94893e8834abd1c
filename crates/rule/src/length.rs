//! Lengths of time as people write them: `3 days`, `2 weekdays`, `90 minutes`. A unit is always required.

use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A length of time with its unit kept, because `1 day` over a clock change is not `24 hours`, and `3 weekdays` depends on
/// the calendar. Amounts are 0 or more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Length {
    /// Exact minutes.
    Minutes(i64),
    /// Exact hours.
    Hours(i64),
    /// The same clock time that many days on.
    Days(i64),
    /// Seven days each.
    Weeks(i64),
    /// The same day of the month, or its last.
    Months(i64),
    /// The same date; 29 February is kept on the 28th.
    Years(i64),
    /// The same clock time that many working days on.
    Weekdays(i64),
}

/// Why a text is no length.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum LengthError {
    /// A bare number: no unit is assumed.
    #[error("`{0}` needs a unit")]
    NoUnit(String),
    /// The word after the number is no unit.
    #[error("`{unit}` is no unit of time")]
    UnknownUnit {
        /// The word as written.
        unit: String,
        /// The unit it resembles.
        near: Option<&'static str>,
    },
    /// There is no whole number in front.
    #[error("a length is a whole number and a unit, like `3 days`")]
    NotANumber,
    /// More than about a hundred years.
    #[error("`{0}` is longer than a hundred years")]
    TooLong(String),
}

const UNITS: [(&str, &str, i64); 7] = [
    ("minute", "minutes", 60 * 24 * 36_525),
    ("hour", "hours", 24 * 36_525),
    ("day", "days", 36_525),
    ("week", "weeks", 5_218),
    ("month", "months", 1_200),
    ("year", "years", 100),
    ("weekday", "weekdays", 26_089),
];

impl Length {
    /// Reads `3 days`, `1 hour`, `2 weekdays`. Singular and plural are both understood, short forms are not.
    pub fn parse(text: &str) -> Result<Length, LengthError> {
        let text = text.trim();
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = text.split_at_checked(digits).ok_or(LengthError::NotANumber)?;
        if number.is_empty() {
            return Err(LengthError::NotANumber);
        }
        let unit = unit.trim();
        if unit.is_empty() {
            return Err(LengthError::NoUnit(text.to_owned()));
        }
        let Some(which) = UNITS.iter().position(|(one, many, _)| unit == *one || unit == *many) else {
            let short = match unit {
                "m" | "min" | "mins" => Some("minutes"),
                "h" | "hr" | "hrs" => Some("hours"),
                "d" => Some("days"),
                "w" | "wk" => Some("weeks"),
                "y" | "yr" => Some("years"),
                "workdays" | "workday" | "business days" | "working days" => Some("weekdays"),
                _ => None,
            };
            let near = short.or_else(|| crate::suggest::nearest(unit, UNITS.iter().map(|(_, many, _)| *many)));
            return Err(LengthError::UnknownUnit { unit: unit.to_owned(), near });
        };
        let most = UNITS.get(which).map_or(0, |(_, _, most)| *most);
        let amount: i64 = number.parse().map_err(|_| LengthError::TooLong(text.to_owned()))?;
        if amount > most {
            return Err(LengthError::TooLong(text.to_owned()));
        }
        Ok(match which {
            0 => Length::Minutes(amount),
            1 => Length::Hours(amount),
            2 => Length::Days(amount),
            3 => Length::Weeks(amount),
            4 => Length::Months(amount),
            5 => Length::Years(amount),
            _ => Length::Weekdays(amount),
        })
    }

    /// The number in front of the unit.
    pub const fn amount(self) -> i64 {
        match self {
            Length::Minutes(n)
            | Length::Hours(n)
            | Length::Days(n)
            | Length::Weeks(n)
            | Length::Months(n)
            | Length::Years(n)
            | Length::Weekdays(n) => n,
        }
    }

    /// Whether it is no time at all.
    pub const fn is_zero(self) -> bool {
        self.amount() == 0
    }

    /// The length in minutes if it is the same everywhere and always (minutes and hours).
    pub const fn exact_minutes(self) -> Option<i64> {
        match self {
            Length::Minutes(n) => Some(n),
            Length::Hours(n) => Some(n * 60),
            _ => None,
        }
    }

    /// About how many minutes, to order lengths and size things; a weekday counts as 7/5 of a day.
    pub const fn about_minutes(self) -> i64 {
        const DAY: i64 = 24 * 60;
        match self {
            Length::Minutes(n) => n,
            Length::Hours(n) => n * 60,
            Length::Days(n) => n * DAY,
            Length::Weeks(n) => n * 7 * DAY,
            Length::Months(n) => n * 30 * DAY,
            Length::Years(n) => n * 365 * DAY,
            Length::Weekdays(n) => n * 7 * DAY / 5,
        }
    }

    /// The calendar span to add in a zone or to a date; none for weekdays, which need a list of holidays.
    pub fn calendar_span(self) -> Option<jiff::Span> {
        let span = jiff::Span::new();
        match self {
            Length::Minutes(n) => span.try_minutes(n).ok(),
            Length::Hours(n) => span.try_hours(n).ok(),
            Length::Days(n) => span.try_days(n).ok(),
            Length::Weeks(n) => span.try_weeks(n).ok(),
            Length::Months(n) => span.try_months(n).ok(),
            Length::Years(n) => span.try_years(n).ok(),
            Length::Weekdays(_) => None,
        }
    }
}

impl fmt::Display for Length {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let which = match self {
            Length::Minutes(_) => 0,
            Length::Hours(_) => 1,
            Length::Days(_) => 2,
            Length::Weeks(_) => 3,
            Length::Months(_) => 4,
            Length::Years(_) => 5,
            Length::Weekdays(_) => 6,
        };
        let amount = self.amount();
        let (one, many, _) = UNITS[which];
        write!(f, "{amount} {}", if amount == 1 { one } else { many })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let shown = match Length::parse(text) {
            Ok(length) => length.to_string(),
            Err(LengthError::UnknownUnit { near, .. }) => format!("unknown unit, near {near:?}"),
            Err(error) => error.to_string(),
        };
        assert_eq!(shown, expected, "{text}");
    }

    #[test]
    fn a_length_is_a_number_and_a_unit() {
        check("3 days", "3 days");
        check("1 day", "1 day");
        check("1 days", "1 day");
        check(" 2   weekdays ", "2 weekdays");
        check("24hours", "24 hours");
        check("3", "`3` needs a unit");
        check("3 dyas", "unknown unit, near Some(\"days\")");
        check("3d", "unknown unit, near Some(\"days\")");
        check("3 monts", "unknown unit, near Some(\"months\")");
        check("3 moons", "unknown unit, near None");
        check("three days", "a length is a whole number and a unit, like `3 days`");
        check("1.5 days", "unknown unit, near None");
        check("-3 days", "a length is a whole number and a unit, like `3 days`");
        check("99999999999999999999 days", "`99999999999999999999 days` is longer than a hundred years");
        check("€ days", "a length is a whole number and a unit, like `3 days`");
    }

    #[test]
    fn lengths_that_depend_on_the_calendar_are_not_exact() {
        assert_eq!(Length::Hours(36).exact_minutes(), Some(2160));
        assert_eq!(Length::Days(1).exact_minutes(), None);
        assert!(Length::Weekdays(5).about_minutes() == Length::Weeks(1).about_minutes());
        assert!(Length::Weekdays(1).calendar_span().is_none());
    }
}
