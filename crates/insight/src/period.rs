//! Months and quarters of a programme's calendar: what a review looks back on, and what it compares with.

use std::fmt;

use jiff::civil::Date;
use serde::{Serialize, Serializer};

/// How long a period is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Length {
    /// A calendar month.
    Month,
    /// Three of them, from January, April, July or October on.
    Quarter,
}

impl Length {
    /// All, shortest first.
    pub const ALL: [Length; 2] = [Length::Month, Length::Quarter];

    /// The word in mails and commands.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Length::Month => "month",
            Length::Quarter => "quarter",
        }
    }

    /// The length of this word.
    #[must_use]
    pub fn parse(code: &str) -> Option<Length> {
        Length::ALL.into_iter().find(|length| length.code() == code)
    }

    const fn months(self) -> i8 {
        match self {
            Length::Month => 1,
            Length::Quarter => 3,
        }
    }
}

/// A calendar month or quarter: `2026-09`, `2026-Q3`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Period {
    year: i16,
    /// The first month, 1 to 12.
    month: i8,
    length: Length,
}

/// No partner was written to before, and none will be after: what lies beyond is a slip.
const YEARS: std::ops::RangeInclusive<i16> = 1970..=9998;

impl Period {
    /// Reads `2026-09` or `2026-Q3`.
    #[must_use]
    pub fn parse(name: &str) -> Option<Period> {
        let (year, rest) = name.split_once('-')?;
        let digits = |text: &str, count: usize| text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit());
        let year: i16 = if digits(year, 4) { year.parse().ok()? } else { return None };
        let (month, length) = match rest.strip_prefix('Q') {
            Some(quarter) if digits(quarter, 1) => (quarter.parse::<i8>().ok()? * 3 - 2, Length::Quarter),
            None if digits(rest, 2) => (rest.parse().ok()?, Length::Month),
            _ => return None,
        };
        ((1..=12).contains(&month) && YEARS.contains(&year)).then_some(Period { year, month, length })
    }

    /// The one a day is in.
    #[must_use]
    pub fn around(on: Date, length: Length) -> Period {
        let months = length.months();
        Period { year: on.year(), month: (on.month() - 1) / months * months + 1, length }
    }

    /// The last one that was over on a day.
    #[must_use]
    pub fn last_over(on: Date, length: Length) -> Period {
        Period::around(on, length).before()
    }

    /// The equally long one before.
    #[must_use]
    pub fn before(self) -> Period {
        let months = self.length.months();
        let (year, month) = if self.month > months {
            (self.year, self.month - months)
        } else {
            (self.year.saturating_sub(1), self.month + 12 - months)
        };
        Period { year, month, ..self }
    }

    /// Its length.
    #[must_use]
    pub const fn length(self) -> Length {
        self.length
    }

    /// Its first day.
    #[must_use]
    pub fn first(self) -> Date {
        Date::new(self.year, self.month, 1).unwrap_or(Date::MIN)
    }

    /// Its last day.
    #[must_use]
    pub fn last(self) -> Date {
        let last = Date::new(self.year, self.month + self.length.months() - 1, 1);
        last.map_or(Date::MAX, Date::last_of_month)
    }

    /// So many months, the last of them its own last one, oldest first.
    #[must_use]
    pub fn months_up_to(self, count: usize) -> Vec<Period> {
        let last = Period::around(self.last(), Length::Month);
        let mut months: Vec<Period> =
            std::iter::successors(Some(last), |month| Some(month.before())).take(count).collect();
        months.reverse();
        months
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.length {
            Length::Month => write!(f, "{:04}-{:02}", self.year, self.month),
            Length::Quarter => write!(f, "{:04}-Q{}", self.year, (self.month + 2) / 3),
        }
    }
}

impl Serialize for Period {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn every_day_of_some_years_is_in_one_month_and_one_quarter_and_the_one_before_ends_the_day_before() {
        let mut on = date(2023, 12, 1);
        while on < date(2026, 2, 1) {
            for length in Length::ALL {
                let period = Period::around(on, length);
                assert!((period.first()..=period.last()).contains(&on), "{period} {on}");
                assert_eq!(period.before().last().tomorrow().unwrap(), period.first(), "{period}");
                assert_eq!(Period::last_over(on, length), period.before());
                assert_eq!(Period::parse(&period.to_string()), Some(period));
            }
            on = on.tomorrow().unwrap();
        }
    }

    #[test]
    fn names_are_those_of_the_calendar_and_nothing_else_is_one() {
        let quarter = Period::parse("2026-Q1").unwrap();
        assert_eq!((quarter.first(), quarter.last()), (date(2026, 1, 1), date(2026, 3, 31)));
        assert_eq!(quarter.before().to_string(), "2025-Q4");
        assert_eq!(Period::parse("2024-02").unwrap().last(), date(2024, 2, 29));
        assert_eq!(Period::parse("2026-01").unwrap().before().to_string(), "2025-12");
        for odd in
            ["", "2026", "2026-", "2026-Q0", "2026-Q5", "2026-13", "2026-00", "2026-9", "26-09", "2026-q3", "9999-Q4"]
        {
            assert_eq!(Period::parse(odd), None, "{odd}");
        }
    }

    #[test]
    fn the_months_up_to_a_quarter_end_with_its_last() {
        let months: Vec<String> =
            Period::parse("2026-Q1").unwrap().months_up_to(4).iter().map(Period::to_string).collect();
        assert_eq!(months, ["2025-12", "2026-01", "2026-02", "2026-03"]);
    }
}
