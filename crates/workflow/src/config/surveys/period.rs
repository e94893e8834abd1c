//! How often an anonymous survey can be answered: once in a month, a quarter or a year.

use jiff::ToSpan;
use jiff::civil::Date;

/// For how long after a period's last day its links still work.
const DAYS_AFTER: i64 = 90;

/// The length of a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SurveyPeriod {
    /// `2026-11`.
    Month,
    /// `2026-Q4`.
    #[default]
    Quarter,
    /// `2026`.
    Year,
}

impl SurveyPeriod {
    /// Their words in the file, in the order of [`SurveyPeriod::ALL`].
    pub const CODES: [&'static str; 3] = ["month", "quarter", "year"];

    /// All of them.
    pub const ALL: [SurveyPeriod; 3] = [SurveyPeriod::Month, SurveyPeriod::Quarter, SurveyPeriod::Year];

    /// The period a day is in, by its name.
    pub fn name(self, day: Date) -> String {
        let year = day.year();
        match self {
            SurveyPeriod::Month => format!("{year:04}-{:02}", day.month()),
            SurveyPeriod::Quarter => format!("{year:04}-Q{}", (day.month() + 2) / 3),
            SurveyPeriod::Year => format!("{year:04}"),
        }
    }
}

/// The first and the last day of a period by its name, whatever its length.
pub fn period_days(name: &str) -> Option<(Date, Date)> {
    let (year, part) = name.split_once('-').map_or((name, None), |(year, part)| (year, Some(part)));
    let year: i16 = Some(year).filter(|year| year.len() == 4)?.parse().ok()?;
    let (first, last) = match part {
        None => (1, 12),
        Some(part) => match part.strip_prefix('Q') {
            Some(quarter) => {
                let quarter: i8 = quarter.parse().ok().filter(|quarter| (1..=4).contains(quarter))?;
                (3 * quarter - 2, 3 * quarter)
            }
            None => {
                let month: i8 = part.parse().ok()?;
                (month, month)
            }
        },
    };
    let last = Date::new(year, last, 1).ok()?.last_of_month();
    Some((Date::new(year, first, 1).ok()?, last))
}

/// The last day on which a period's links are answered.
pub fn answered_until(name: &str) -> Option<Date> {
    period_days(name)?.1.checked_add(DAYS_AFTER.days()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_is_known_by_its_name() {
        for (period, day, name, first, last) in [
            (SurveyPeriod::Month, "2026-02-14", "2026-02", "2026-02-01", "2026-02-28"),
            (SurveyPeriod::Month, "2028-02-29", "2028-02", "2028-02-01", "2028-02-29"),
            (SurveyPeriod::Quarter, "2026-01-01", "2026-Q1", "2026-01-01", "2026-03-31"),
            (SurveyPeriod::Quarter, "2026-06-30", "2026-Q2", "2026-04-01", "2026-06-30"),
            (SurveyPeriod::Quarter, "2026-12-31", "2026-Q4", "2026-10-01", "2026-12-31"),
            (SurveyPeriod::Year, "2026-07-01", "2026", "2026-01-01", "2026-12-31"),
        ] {
            let day: Date = day.parse().unwrap();
            assert_eq!(period.name(day), name);
            assert_eq!(period_days(name), Some((first.parse().unwrap(), last.parse().unwrap())), "{name}");
        }
        for none in ["", "26", "2026-", "2026-13", "2026-Q5", "2026-Q0", "2026-Q", "20266", "x", "2026-é"] {
            assert_eq!(period_days(none), None, "{none}");
        }
        assert_eq!(answered_until("2026"), Some("2027-03-31".parse().unwrap()));
    }
}
