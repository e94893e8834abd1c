//! How many mails an address may get.
//!
//! A cap counts the mails accepted for an address over the last 7 (or 1) local days, today included: the week of a Tuesday begins
//! at the local midnight of the Wednesday before. Service mails count in caps "of any kind" and are never held by one.

use std::fmt;
use std::str::FromStr;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};
use serde::{Deserialize, Serialize};

use crate::calendar;
use crate::decision::{Accepted, Kind};

/// `2 marketing per week`: at most `limit` mails of the counted kinds in the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Cap {
    /// At most this many; at least 1.
    pub limit: u32,
    /// Which mails count.
    pub counted: Counted,
    /// Over how long.
    pub window: Window,
}

/// Which mails a cap counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Counted {
    /// Marketing only.
    Marketing,
    /// Marketing and service.
    Any,
}

/// How far back a cap counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Window {
    /// The local day.
    Day,
    /// Seven local days, today included.
    Week,
}

impl Window {
    /// Length in local days.
    #[must_use]
    pub const fn days(self) -> i32 {
        match self {
            Self::Day => 1,
            Self::Week => 7,
        }
    }
}

impl Counted {
    const fn counts(self, kind: Kind) -> bool {
        matches!((self, kind), (Self::Any, _) | (Self::Marketing, Kind::Marketing))
    }
}

impl Cap {
    /// Mails that count at `now`, for people who look (`caps 1 of 2 this week`).
    pub(crate) fn used(&self, accepted: &[Accepted], zone: &TimeZone, now: Timestamp) -> usize {
        self.counting(accepted, zone, zone.to_datetime(now).date()).len()
    }

    /// The local days, oldest first, of the accepted mails that count today.
    fn counting(&self, accepted: &[Accepted], zone: &TimeZone, today: Date) -> Vec<Date> {
        counting(self.counted, self.window.days(), accepted, zone, today)
    }

    /// `Ok(None)` when there is a place at `now`; else the first local midnight with one. `Err` when there never is.
    pub(crate) fn frees_at(
        &self,
        accepted: &[Accepted],
        zone: &TimeZone,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, calendar::Never> {
        let counting = self.counting(accepted, zone, zone.to_datetime(now).date());
        frees_at(&counting, self.limit, self.window.days(), zone, now)
    }
}

/// How often a partner wants marketing mail at most: their own cap, beside those of the guardrails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OwnPace {
    /// One in seven local days.
    Weekly,
    /// One in thirty local days.
    Monthly,
}

impl OwnPace {
    /// Every pace, the quickest first.
    pub const ALL: [Self; 2] = [Self::Weekly, Self::Monthly];

    /// The stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Weekly => "weekly",
            Self::Monthly => "monthly",
        }
    }

    /// The pace with this code.
    #[must_use]
    pub fn parse(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|pace| pace.code() == code)
    }

    /// How many local days, today included, have one mail.
    #[must_use]
    pub const fn days(self) -> i32 {
        match self {
            Self::Weekly => 7,
            Self::Monthly => 30,
        }
    }

    /// Like [`Cap::frees_at`].
    pub(crate) fn frees_at(
        self,
        accepted: &[Accepted],
        zone: &TimeZone,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, calendar::Never> {
        let today = zone.to_datetime(now).date();
        frees_at(&counting(Counted::Marketing, self.days(), accepted, zone, today), 1, self.days(), zone, now)
    }
}

/// The local days, oldest first, of the accepted mails of the last so many days, today included.
///
/// A mail stamped ahead of `now` (another node's clock) counts as well: an error of a clock must not raise a cap.
fn counting(counted: Counted, days: i32, accepted: &[Accepted], zone: &TimeZone, today: Date) -> Vec<Date> {
    // At the lower end of the calendar everything counts.
    let first = today.checked_sub(Span::new().days(days - 1)).unwrap_or(Date::MIN);
    let mut found: Vec<Date> = accepted
        .iter()
        .filter(|mail| counted.counts(mail.kind))
        .map(|mail| zone.to_datetime(mail.at).date())
        .filter(|day| *day >= first)
        .collect();
    found.sort_unstable();
    found
}

/// When there is a place again beside what counts over so many days.
fn frees_at(
    counting: &[Date],
    limit: u32,
    days: i32,
    zone: &TimeZone,
    now: Timestamp,
) -> Result<Option<Timestamp>, calendar::Never> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    if counting.len() < limit {
        return Ok(None);
    }
    // So many of the oldest have to leave the window that limit − 1 stay; a limit of 0 finds none and never frees.
    let last_to_leave = counting.get(counting.len() - limit).ok_or(calendar::Never)?;
    let free_on = last_to_leave.checked_add(Span::new().days(days)).map_err(|_| calendar::Never)?;
    calendar::start_of_day(free_on, zone, now).map(Some)
}

/// Why a cap's text was not understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CapParseError {
    /// The text has another shape.
    #[error("expected `2 marketing per week` or `1 of any kind per day`, found `{0}`")]
    Shape(String),
    /// A cap of nobody: switch the workflow off instead.
    #[error("a cap needs a limit of at least 1")]
    Zero,
}

/// Reads `2 marketing per week`, `1 of any kind per day`.
impl FromStr for Cap {
    type Err = CapParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let shape = || CapParseError::Shape(text.to_owned());
        let (limit, counted, window) = match words.as_slice() {
            [limit, "marketing", "per", window] => (limit, Counted::Marketing, window),
            [limit, "of", "any", "kind", "per", window] => (limit, Counted::Any, window),
            _ => return Err(shape()),
        };
        let window = match *window {
            "day" => Window::Day,
            "week" => Window::Week,
            _ => return Err(shape()),
        };
        match limit.parse::<u32>().map_err(|_| shape())? {
            0 => Err(CapParseError::Zero),
            limit => Ok(Self { limit, counted, window }),
        }
    }
}

impl fmt::Display for Cap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counted = match self.counted {
            Counted::Marketing => "marketing",
            Counted::Any => "of any kind",
        };
        let window = match self.window {
            Window::Day => "day",
            Window::Week => "week",
        };
        write!(f, "{} {counted} per {window}", self.limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn caps_are_read_as_written() {
        for text in ["2 marketing per week", "1 of any kind per day"] {
            assert_eq!(text.parse::<Cap>().unwrap().to_string(), text);
        }
        assert_eq!("0 marketing per week".parse::<Cap>(), Err(CapParseError::Zero));
        for bad in ["", "two marketing per week", "2 marketing", "2 marketing per month", "-1 marketing per day", "2"] {
            assert!(matches!(bad.parse::<Cap>(), Err(CapParseError::Shape(_))), "{bad:?}");
        }
    }

    #[track_caller]
    fn check(cap: &str, zone: &str, accepted: &[(&str, Kind)], now: &str, expected: Option<&str>) {
        let cap: Cap = cap.parse().unwrap();
        let zone = TimeZone::get(zone).unwrap();
        let accepted: Vec<Accepted> =
            accepted.iter().map(|(at, kind)| Accepted { at: at.parse().unwrap(), kind: *kind }).collect();
        let frees = cap.frees_at(&accepted, &zone, now.parse().unwrap()).unwrap();
        assert_eq!(frees, expected.map(|at| at.parse().unwrap()));
    }

    #[test]
    fn a_week_is_seven_local_days_with_today() {
        use Kind::{Marketing, Service};
        let tuesday = [("2026-03-03T12:00:00Z", Marketing)];
        check("1 marketing per week", "Europe/Berlin", &tuesday, "2026-03-09T22:59:59Z", Some("2026-03-09T23:00:00Z"));
        check("1 marketing per week", "Europe/Berlin", &tuesday, "2026-03-09T23:00:00Z", None);
        // Service does not count as marketing, but does as any.
        let service = [("2026-03-03T12:00:00Z", Service)];
        check("1 marketing per week", "Europe/Berlin", &service, "2026-03-03T13:00:00Z", None);
        check("1 of any kind per day", "Europe/Berlin", &service, "2026-03-03T13:00:00Z", Some("2026-03-03T23:00:00Z"));
    }

    #[test]
    fn the_oldest_surplus_decides_when_a_place_is_free() {
        use Kind::Marketing;
        let accepted = [
            ("2026-03-06T12:00:00Z", Marketing),
            ("2026-03-03T12:00:00Z", Marketing),
            ("2026-03-04T12:00:00Z", Marketing),
        ];
        check("2 marketing per week", "UTC", &accepted, "2026-03-06T13:00:00Z", Some("2026-03-11T00:00:00Z"));
        check("3 marketing per week", "UTC", &accepted, "2026-03-06T13:00:00Z", Some("2026-03-10T00:00:00Z"));
        check("4 marketing per week", "UTC", &accepted, "2026-03-06T13:00:00Z", None);
    }

    #[test]
    fn midnight_in_a_gap_is_the_first_instant_after_it() {
        use Kind::Marketing;
        // Beirut goes from 00:00 to 01:00 on 29 March 2026: the day begins at 01:00 +03:00.
        let accepted = [("2026-03-28T12:00:00Z", Marketing)];
        check("1 of any kind per day", "Asia/Beirut", &accepted, "2026-03-28T13:00:00Z", Some("2026-03-28T22:00:00Z"));
    }
}
