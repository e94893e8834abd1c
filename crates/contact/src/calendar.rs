//! When a person is left alone: nights, weekends, holidays, in the person's own time.
//!
//! All arithmetic is civil time first, instant last. A wall-clock time that the clocks jump over begins at the first instant after
//! the gap; one that comes twice is quiet both times when the clock says so.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::{Date, Time, Weekday};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{Span, Timestamp};

/// No instant satisfies the rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Never;

/// From `from` (included) to `to` (excluded) by the clock on the wall; over midnight when `from` is later than `to`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuietHours {
    /// First quiet minute.
    pub from: Time,
    /// First minute that is not quiet.
    pub to: Time,
}

/// Which days of the week are weekends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Weekends {
    /// Where nothing else is said.
    pub usual: Vec<Weekday>,
    /// By country, ISO 3166 alpha-2 in upper case.
    pub by_country: BTreeMap<String, Vec<Weekday>>,
}

/// Saturday and Sunday everywhere.
impl Default for Weekends {
    fn default() -> Self {
        Self { usual: vec![Weekday::Saturday, Weekday::Sunday], by_country: BTreeMap::new() }
    }
}

impl Weekends {
    /// The weekend days of a country.
    #[must_use]
    pub fn of(&self, country: Option<&str>) -> &[Weekday] {
        country.and_then(|country| self.by_country.get(&country.to_ascii_uppercase())).unwrap_or(&self.usual)
    }
}

/// Days without mail.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Holidays {
    /// For everybody, also for those whose country nobody knows.
    pub everywhere: BTreeSet<Date>,
    /// By country, ISO 3166 alpha-2 in upper case.
    pub by_country: BTreeMap<String, BTreeSet<Date>>,
}

impl Holidays {
    /// Whether `day` is one in `country`.
    #[must_use]
    pub fn holds(&self, country: Option<&str>, day: Date) -> bool {
        let of_country = country.and_then(|country| self.by_country.get(&country.to_ascii_uppercase()));
        self.everywhere.contains(&day) || of_country.is_some_and(|days| days.contains(&day))
    }
}

impl QuietHours {
    /// Whether the wall clock shows a quiet time.
    #[must_use]
    pub fn cover(&self, clock: Time) -> bool {
        if self.from <= self.to { self.from <= clock && clock < self.to } else { clock >= self.from || clock < self.to }
    }

    /// `None` when `now` is not quiet, else the first instant after `now` that is not.
    pub(crate) fn end_at(&self, zone: &TimeZone, now: Timestamp) -> Result<Option<Timestamp>, Never> {
        let local = zone.to_datetime(now);
        if !self.cover(local.time()) {
            return Ok(None);
        }
        // Usually the next `to` on the wall. Two or three days are looked at because a zone may leave out a whole day.
        let is_over = |at: &Timestamp| !self.cover(zone.to_datetime(*at).time());
        let by_the_wall = (0..3)
            .filter_map(|ahead| local.date().checked_add(Span::new().days(ahead)).ok())
            .find_map(|day| first_after(day.to_datetime(self.to), zone, now).filter(is_over))
            .ok_or(Never)?;
        // The clocks may jump out of the night earlier (a gap that swallows `to`), or back into it; only instants at which the
        // clock really shows a time outside count.
        let by_a_jump = zone
            .following(now)
            .map(|transition| transition.timestamp())
            .take_while(|at| *at < by_the_wall)
            .find(is_over);
        Ok(Some(by_a_jump.unwrap_or(by_the_wall)))
    }
}

/// `Ok(None)` when today is no day of rest; else the first instant of the next day that is none.
pub(crate) fn rest_ends_at(
    is_rest: impl Fn(Date) -> bool,
    zone: &TimeZone,
    now: Timestamp,
) -> Result<Option<Timestamp>, Never> {
    let today = zone.to_datetime(now).date();
    if !is_rest(today) {
        return Ok(None);
    }
    // A year without a working day is a rule that never lets a mail out.
    let mut day = today;
    for _ in 0..366 {
        day = day.tomorrow().map_err(|_| Never)?;
        if !is_rest(day) {
            return start_of_day(day, zone, now).map(Some);
        }
    }
    Err(Never)
}

/// The first instant of a local day, which lies after `now`.
pub(crate) fn start_of_day(day: Date, zone: &TimeZone, now: Timestamp) -> Result<Timestamp, Never> {
    first_after(day.to_datetime(Time::midnight()), zone, now).ok_or(Never)
}

/// The first instant after `now` at which the wall shows `civil`, or at which it jumps over it.
fn first_after(civil: jiff::civil::DateTime, zone: &TimeZone, now: Timestamp) -> Option<Timestamp> {
    let ambiguous = zone.to_ambiguous_timestamp(civil);
    match ambiguous.offset() {
        AmbiguousOffset::Unambiguous { .. } => ambiguous.compatible().ok().filter(|at| *at > now),
        AmbiguousOffset::Fold { .. } => {
            let first = ambiguous.earlier().ok().filter(|at| *at > now);
            first.or_else(|| ambiguous.later().ok().filter(|at| *at > now))
        }
        AmbiguousOffset::Gap { .. } => {
            // Read with the offset after the jump, the time lies before it; the jump is the next transition.
            let before = ambiguous.earlier().ok()?;
            zone.following(before).next().map(|transition| transition.timestamp()).filter(|at| *at > now)
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn hours(from: &str, to: &str) -> QuietHours {
        QuietHours { from: from.parse().unwrap(), to: to.parse().unwrap() }
    }

    #[track_caller]
    fn check(from: &str, to: &str, zone: &str, now: &str, expected: Option<&str>) {
        let zone = TimeZone::get(zone).unwrap();
        let end = hours(from, to).end_at(&zone, now.parse().unwrap()).unwrap();
        assert_eq!(end, expected.map(|at| at.parse().unwrap()));
    }

    #[test]
    fn nights_over_both_changes_of_the_clock() {
        let berlin = "Europe/Berlin";
        check("20:00", "08:00", berlin, "2026-03-10T12:00:00Z", None);
        check("20:00", "08:00", berlin, "2026-03-10T18:59:59Z", None);
        check("20:00", "08:00", berlin, "2026-03-10T19:00:00Z", Some("2026-03-11T07:00:00Z"));
        check("20:00", "08:00", berlin, "2026-03-11T07:00:00Z", None);
        check("20:00", "08:00", berlin, "2026-03-28T22:00:00Z", Some("2026-03-29T06:00:00Z"));
        check("20:00", "08:00", berlin, "2026-10-24T22:00:00Z", Some("2026-10-25T07:00:00Z"));
        check("12:00", "14:00", berlin, "2026-03-10T11:30:00Z", Some("2026-03-10T13:00:00Z"));
    }

    #[test]
    fn an_end_inside_a_gap_is_the_jump_itself() {
        // 02:00 to 03:00 does not exist on 29 March; at 03:00 the night is over.
        check("20:00", "02:30", "Europe/Berlin", "2026-03-29T00:30:00Z", Some("2026-03-29T01:00:00Z"));
    }

    #[test]
    fn an_end_inside_a_fold_is_quiet_again_the_second_time() {
        // 02:00–03:00 comes twice on 25 October: first at 00:00Z, again at 01:00Z.
        check("20:00", "02:30", "Europe/Berlin", "2026-10-25T00:10:00Z", Some("2026-10-25T00:30:00Z"));
        check("20:00", "02:30", "Europe/Berlin", "2026-10-25T00:40:00Z", None);
        check("20:00", "02:30", "Europe/Berlin", "2026-10-25T01:10:00Z", Some("2026-10-25T01:30:00Z"));
    }

    #[test]
    fn a_day_that_a_country_left_out_ends_too() {
        // Samoa had no 30 December 2011.
        check("20:00", "08:00", "Pacific/Apia", "2011-12-30T09:00:00Z", Some("2011-12-30T18:00:00Z"));
        let zone = TimeZone::get("Pacific/Apia").unwrap();
        let thursday: Timestamp = "2011-12-30T00:00:00Z".parse().unwrap();
        let end = rest_ends_at(|day| day.weekday() == Weekday::Thursday, &zone, thursday).unwrap();
        assert_eq!(end, Some("2011-12-30T10:00:00Z".parse().unwrap()));
    }

    #[test]
    fn rest_without_end_is_never() {
        let now: Timestamp = "2026-03-10T12:00:00Z".parse().unwrap();
        assert_eq!(rest_ends_at(|_| true, &TimeZone::UTC, now), Err(Never));
    }

    const ZONES: [&str; 10] = [
        "Europe/Berlin",
        "America/New_York",
        "Australia/Lord_Howe",
        "Asia/Kathmandu",
        "Africa/Casablanca",
        "America/Santiago",
        "Asia/Beirut",
        "Pacific/Apia",
        "Antarctica/Troll",
        "America/Havana",
    ];

    proptest! {
        /// Checked against the slow and obvious way: minute by minute.
        #[test]
        fn the_end_is_the_first_minute_that_is_not_quiet(
            zone in proptest::sample::select(&ZONES[..]),
            second in 1_262_304_000_i64..2_145_916_800,
            from in 0_i16..1440,
            to in 0_i16..1440,
        ) {
            prop_assume!(from != to);
            let clock = |minute: i16| Time::new((minute / 60) as i8, (minute % 60) as i8, 0, 0).unwrap();
            let quiet = QuietHours { from: clock(from), to: clock(to) };
            let zone = TimeZone::get(zone).unwrap();
            let now = Timestamp::from_second(second / 60 * 60).unwrap();
            let slow = (0..=4 * 1440)
                .map(|minute| now + Span::new().minutes(minute))
                .find(|at| !quiet.cover(zone.to_datetime(*at).time()))
                .filter(|at| *at != now);
            prop_assert_eq!(quiet.end_at(&zone, now), Ok(slow));
        }
    }
}
