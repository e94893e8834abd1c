//! Local time for waits and due dates: clock times, working days, and the two days a year when a clock is moved.
//!
//! A wait is kept as its intention (`until 09:30 on a weekday`), never only as an instant, so that it can be worked out
//! again when the partner's zone changes. A clock time that does not exist (spring) means the first instant after the
//! gap; one that exists twice (autumn) means the first.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::{Date, DateTime, Time, Weekday};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{Span, Timestamp, ToSpan};
use rapport_rule::length::Length;
use serde::{Deserialize, Serialize};

/// Which days people work: weekends and holidays, by country.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Calendar {
    /// Weekend days by ISO 3166 country; Saturday and Sunday where a country is not named.
    pub weekends: BTreeMap<String, BTreeSet<u8>>,
    /// Holidays by ISO 3166 country; the key `all` holds for everybody.
    pub holidays: BTreeMap<String, BTreeSet<Date>>,
}

/// The key in `holidays:` that holds for every country.
pub const EVERYWHERE: &str = "all";

impl Calendar {
    /// Whether people work on `date` in `country` (ISO 3166, `None` when unknown).
    pub fn is_working_day(&self, country: Option<&str>, date: Date) -> bool {
        let day = date.weekday().to_monday_one_offset() as u8;
        let weekend = match country.and_then(|country| self.weekends.get(country)) {
            Some(days) => days.contains(&day),
            None => day >= 6,
        };
        let holiday = |key: &str| self.holidays.get(key).is_some_and(|days| days.contains(&date));
        !weekend && !holiday(EVERYWHERE) && !country.is_some_and(holiday)
    }
}

/// Where and by whose calendar a wait is worked out.
#[derive(Debug, Clone, Copy)]
pub struct Locale<'a> {
    /// The partner's zone, or what stands in for it.
    pub zone: &'a TimeZone,
    /// The partner's country, for weekends and holidays.
    pub country: Option<&'a str>,
    /// The programme's working days.
    pub calendar: &'a Calendar,
}

/// The days a wait may end on.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum OnDays {
    /// Working days: no weekend, no holiday.
    Weekdays,
    /// These days of the week, Monday = 1.
    Days(BTreeSet<u8>),
}

/// A wait as written. The parts apply in this order: `for`, `until`/`then_at`, `on_days`, `at_most`.
#[derive(Debug, Clone, PartialEq)]
pub struct Wait {
    /// How long at least.
    pub length: Option<Length>,
    /// Then on to the next such clock time, not before.
    pub at: Option<Time>,
    /// Then on to the next such day, at the same clock time.
    pub on_days: Option<OnDays>,
    /// Goes on at that moment at the latest, counted from where the wait began.
    pub at_most: Option<Length>,
}

impl Wait {
    /// The instant at which a wait that began at `base` ends.
    pub fn end(&self, base: Timestamp, locale: Locale<'_>) -> Timestamp {
        let mut end = self.length.as_ref().map_or(base, |length| add(base, length, locale));
        if let Some(time) = self.at {
            end = next_clock_time(end, time, locale.zone);
        }
        if let Some(days) = &self.on_days {
            end = next_allowed_day(end, self.at, days, locale);
        }
        match &self.at_most {
            Some(limit) => end.min(add(base, limit, locale)),
            None => end,
        }
    }
}

/// `base` moved on by `length`. Minutes and hours are exact; days and longer keep the local clock time; `weekdays`
/// counts working days. An overflow of the calendar stays at the last representable instant.
pub fn add(base: Timestamp, length: &Length, locale: Locale<'_>) -> Timestamp {
    let exact = |span: Span| base.checked_add(span).unwrap_or(Timestamp::MAX);
    let civil = |span: Span| {
        let local = base.to_zoned(locale.zone.clone()).datetime();
        local.checked_add(span).map_or(Timestamp::MAX, |moved| instant(moved, locale.zone))
    };
    // `Span` panics beyond its own limits (about 20,000 years); a length that long never ends.
    let within = |n: i64, limit: i64| (0..=limit).contains(&n);
    match *length {
        Length::Minutes(n) if within(n, 10_000_000) => exact(n.minutes()),
        Length::Hours(n) if within(n, 1_000_000) => exact(n.hours()),
        Length::Days(n) if within(n, 100_000) => civil(n.days()),
        Length::Weeks(n) if within(n, 100_000) => civil(n.weeks()),
        Length::Months(n) if within(n, 10_000) => civil(n.months()),
        Length::Years(n) if within(n, 1_000) => civil(n.years()),
        Length::Weekdays(n) if within(n, 10_000) => working_days_on(base, n, locale),
        _ => Timestamp::MAX,
    }
}

/// The instant of a local date and time: the first instant after a gap, the first of a fold.
pub fn instant(local: DateTime, zone: &TimeZone) -> Timestamp {
    let ambiguous = zone.to_ambiguous_timestamp(local);
    match ambiguous.offset() {
        AmbiguousOffset::Unambiguous { .. } | AmbiguousOffset::Fold { .. } => {
            ambiguous.earlier().unwrap_or(Timestamp::MAX)
        }
        AmbiguousOffset::Gap { after, .. } => {
            // Read with the offset that comes later, a time in the gap lies before the change itself.
            let Ok(before_change) = after.to_timestamp(local) else { return Timestamp::MAX };
            zone.following(before_change).next().map_or(before_change, |change| change.timestamp())
        }
    }
}

fn next_clock_time(from: Timestamp, time: Time, zone: &TimeZone) -> Timestamp {
    let mut date = from.to_zoned(zone.clone()).date();
    // Two tries suffice; a third covers zones that skipped a whole day (Samoa 2011).
    for _ in 0..3 {
        let candidate = instant(date.to_datetime(time), zone);
        if candidate >= from {
            return candidate;
        }
        let Ok(next) = date.tomorrow() else { return Timestamp::MAX };
        date = next;
    }
    from
}

fn next_allowed_day(from: Timestamp, at: Option<Time>, days: &OnDays, locale: Locale<'_>) -> Timestamp {
    let local = from.to_zoned(locale.zone.clone()).datetime();
    let time = at.unwrap_or(local.time());
    let allowed = |date: Date| match days {
        OnDays::Weekdays => locale.calendar.is_working_day(locale.country, date),
        OnDays::Days(set) => set.contains(&(date.weekday().to_monday_one_offset() as u8)),
    };
    let mut date = local.date();
    if allowed(date) {
        return from;
    }
    // A year without one allowed day is a calendar nobody meant; then the wait does not hang.
    for _ in 0..366 {
        let Ok(next) = date.tomorrow() else { return Timestamp::MAX };
        date = next;
        if allowed(date) {
            return instant(date.to_datetime(time), locale.zone);
        }
    }
    from
}

fn working_days_on(base: Timestamp, count: i64, locale: Locale<'_>) -> Timestamp {
    let local = base.to_zoned(locale.zone.clone()).datetime();
    let (mut date, mut left) = (local.date(), count);
    let mut looked_at: i64 = 0;
    while left > 0 {
        let Ok(next) = date.tomorrow() else { return Timestamp::MAX };
        date = next;
        looked_at += 1;
        if locale.calendar.is_working_day(locale.country, date) {
            left -= 1;
        }
        if looked_at > 366 + count * 8 {
            return Timestamp::MAX;
        }
    }
    instant(date.to_datetime(local.time()), locale.zone)
}

/// Reads a day's name as people write it (`monday`, `mon`), Monday = 1.
pub fn day_of_week(name: &str) -> Option<u8> {
    const DAYS: [(&str, Weekday); 7] = [
        ("monday", Weekday::Monday),
        ("tuesday", Weekday::Tuesday),
        ("wednesday", Weekday::Wednesday),
        ("thursday", Weekday::Thursday),
        ("friday", Weekday::Friday),
        ("saturday", Weekday::Saturday),
        ("sunday", Weekday::Sunday),
    ];
    let name = name.to_ascii_lowercase();
    DAYS.iter()
        .find(|(long, _)| name == *long || (name.len() == 3 && long.starts_with(&name)))
        .map(|(_, day)| day.to_monday_one_offset() as u8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn zone(name: &str) -> TimeZone {
        TimeZone::get(name).unwrap()
    }

    fn at(text: &str, zone: &TimeZone) -> Timestamp {
        instant(text.parse().unwrap(), zone)
    }

    fn wait(length: Option<Length>, at: Option<&str>, on_days: Option<OnDays>, at_most: Option<Length>) -> Wait {
        Wait { length, at: at.map(|text| text.parse().unwrap()), on_days, at_most }
    }

    #[track_caller]
    fn check(wait: Wait, zone_name: &str, from: &str, expected: &str) {
        let zone = zone(zone_name);
        let calendar = Calendar {
            holidays: [("NO".into(), ["2026-05-14".parse().unwrap()].into())].into(),
            ..Calendar::default()
        };
        let locale = Locale { zone: &zone, country: Some("NO"), calendar: &calendar };
        let end = wait.end(at(from, &zone), locale).to_zoned(zone.clone()).datetime();
        assert_eq!(end.to_string(), format!("{expected}:00"));
    }

    #[test]
    fn three_days_keep_the_clock_time_over_a_change_of_the_clock() {
        check(wait(Some(Length::Days(3)), None, None, None), "Europe/Oslo", "2026-03-27T09:00", "2026-03-30T09:00");
    }

    #[test]
    fn hours_are_exact() {
        check(wait(Some(Length::Hours(24)), None, None, None), "Europe/Oslo", "2026-03-28T09:00", "2026-03-29T10:00");
    }

    #[test]
    fn three_weeks_then_ten_oclock_on_a_weekday() {
        // 3 weeks after Friday the 8th is Friday the 29th, 15:00; the next 10:00 is a Saturday, so Monday.
        let spec = wait(Some(Length::Weeks(3)), Some("10:00"), Some(OnDays::Weekdays), None);
        check(spec, "Europe/Oslo", "2026-05-08T15:00", "2026-06-01T10:00");
    }

    #[test]
    fn half_past_nine_is_now_when_it_is_half_past_nine() {
        check(wait(None, Some("09:30"), None, None), "Europe/Oslo", "2026-05-05T09:30", "2026-05-05T09:30");
    }

    #[test]
    fn a_holiday_is_no_weekday() {
        let spec = wait(None, Some("09:30"), Some(OnDays::Weekdays), None);
        check(spec, "Europe/Oslo", "2026-05-13T10:00", "2026-05-15T09:30");
        check(wait(Some(Length::Weekdays(3)), None, None, None), "Europe/Oslo", "2026-05-13T10:00", "2026-05-19T10:00");
    }

    #[test]
    fn at_most_goes_on_at_that_moment() {
        let spec = wait(None, Some("09:30"), Some(OnDays::Weekdays), Some(Length::Days(1)));
        check(spec, "Europe/Oslo", "2026-05-15T12:00", "2026-05-16T12:00");
    }

    #[test]
    fn a_time_in_the_gap_is_the_first_instant_after_and_in_the_fold_the_first() {
        check(wait(None, Some("02:30"), None, None), "Europe/Oslo", "2026-03-29T01:00", "2026-03-29T03:00");
        let oslo = zone("Europe/Oslo");
        assert_eq!(at("2026-10-25T02:30", &oslo), "2026-10-25T00:30:00Z".parse().unwrap());
    }

    #[test]
    fn a_day_that_a_zone_skipped_does_not_hang() {
        check(wait(None, Some("09:00"), None, None), "Pacific/Apia", "2011-12-29T10:00", "2011-12-31T00:00");
    }

    proptest! {
        #[test]
        fn a_wait_never_ends_before_it_began(
            start in 0i64..4_000_000_000, days in 0i64..1000, hour in 0i8..24, zone_index in 0usize..5, weekdays: bool,
        ) {
            let zone = zone(["UTC", "Europe/Oslo", "America/St_Johns", "Australia/Lord_Howe", "Pacific/Apia"][zone_index]);
            let calendar = Calendar::default();
            let locale = Locale { zone: &zone, country: None, calendar: &calendar };
            let base = Timestamp::from_second(start).unwrap();
            let spec = Wait {
                length: Some(if weekdays { Length::Weekdays(days) } else { Length::Days(days) }),
                at: Time::new(hour, 30, 0, 0).ok(),
                on_days: weekdays.then_some(OnDays::Weekdays),
                at_most: None,
            };
            let end = spec.end(base, locale);
            prop_assert!(end >= base || days == 0);
            // Working the intention out again from the same base gives the same answer: a wake may be repeated.
            prop_assert_eq!(end, spec.end(base, locale));
        }
    }
}
