//! `at:` of a trigger: five cron fields, or one instant. Worked out over local time, then taken into the zone.
//!
//! Asked for zoned times, cron skips a run in the hour that spring takes away and fires twice in the one that autumn gives
//! back. Over the local timeline every written time comes once: in the gap at the first instant after it, in the fold at the first.

use std::str::FromStr;

use chrono::{DateTime as Civil, Datelike, NaiveDate, Timelike, Utc};
use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;

use crate::calendar::{day_of_week, instant};

/// When something is due.
#[derive(Debug, Clone, PartialEq)]
pub enum Schedule {
    /// Again and again.
    Cron(Box<cron::Schedule>),
    /// Once.
    Once(DateTime),
}

/// Why a text is no schedule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScheduleError {
    /// Not five fields, or a field nobody understands.
    Unreadable(String),
    /// Day of month and day of week are both restricted: cron joins them by OR, which nobody expects.
    TwoDays,
    /// It never comes: 31 February.
    Never,
}

impl Schedule {
    /// Reads five cron fields (Sunday is 0 or 7, names allowed), or `2026-12-01T10:00`.
    ///
    /// # Errors
    /// [`ScheduleError`].
    pub fn parse(text: &str) -> Result<Self, ScheduleError> {
        if let Ok(once) = text.parse::<DateTime>() {
            return Ok(Self::Once(once));
        }
        let unreadable = |why: &str| ScheduleError::Unreadable(why.to_owned());
        let fields: Vec<&str> = text.split_whitespace().collect();
        let [minute, hour, day, month, weekday] = fields[..] else {
            return Err(unreadable("five fields are expected: minute hour day month weekday"));
        };
        if day != "*" && weekday != "*" {
            return Err(ScheduleError::TwoDays);
        }
        let weekday = weekdays(weekday).ok_or_else(|| unreadable("the weekday is not understood"))?;
        let text = format!("0 {minute} {hour} {day} {month} {weekday}");
        let schedule = cron::Schedule::from_str(&text).map_err(|_| unreadable("a field is not understood"))?;
        let from = NaiveDate::from_ymd_opt(2024, 1, 1).and_then(|day| day.and_hms_opt(0, 0, 0));
        if from.is_some_and(|from| schedule.after(&from.and_utc()).next().is_none()) {
            return Err(ScheduleError::Never);
        }
        Ok(Self::Cron(Box::new(schedule)))
    }

    /// The first instant after `after` at which it is due.
    pub fn next_after(&self, after: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        match self {
            Self::Once(once) => Some(instant(*once, zone)).filter(|at| *at > after),
            Self::Cron(schedule) => {
                // A time in a gap comes at the gap's end, which may be what just fired: then the next one counts.
                let local = fake_utc(after.to_zoned(zone.clone()).datetime())?;
                // From an hour earlier, so that a moved clock hides nothing; what has passed is left out.
                let from = local.checked_sub_signed(chrono::TimeDelta::hours(3))?;
                schedule
                    .after(&from)
                    .take(10_000)
                    .filter_map(|civil| Some(instant(civil_of(&civil)?, zone)))
                    .find(|at| *at > after)
            }
        }
    }
}

fn fake_utc(local: DateTime) -> Option<Civil<Utc>> {
    let date = NaiveDate::from_ymd_opt(local.year().into(), local.month() as u32, local.day() as u32)?;
    Some(date.and_hms_opt(local.hour() as u32, local.minute() as u32, local.second() as u32)?.and_utc())
}

fn civil_of(civil: &Civil<Utc>) -> Option<DateTime> {
    let date = Date::new(i16::try_from(civil.year()).ok()?, civil.month() as i8, civil.day() as i8).ok()?;
    Some(date.to_datetime(Time::new(civil.hour() as i8, civil.minute() as i8, 0, 0).ok()?))
}

/// Days of the week by name: the crate counts Sunday as 1, people write 0 or 7.
fn weekdays(field: &str) -> Option<String> {
    const NAMES: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];
    if field == "*" {
        return Some("*".to_owned());
    }
    let day = |text: &str| -> Option<usize> {
        match text.parse::<usize>() {
            Ok(number @ 0..=7) => Some(number % 7),
            Ok(_) => None,
            Err(_) => Some(usize::from(day_of_week(text)?) % 7),
        }
    };
    let mut days: Vec<usize> = Vec::new();
    for part in field.split(',') {
        match part.split_once('-') {
            Some((first, last)) => {
                let (first, last) = (day(first)?, day(last)?);
                // FRI-MON goes over the week's end.
                let length = (last + 7 - first) % 7;
                days.extend((0..=length).map(|step| (first + step) % 7));
            }
            None => days.push(day(part)?),
        }
    }
    days.sort_unstable();
    days.dedup();
    Some(days.into_iter().filter_map(|day| NAMES.get(day).copied()).collect::<Vec<_>>().join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn due(text: &str, from: &str, count: usize) -> Vec<String> {
        let zone = TimeZone::get("Europe/Oslo").unwrap();
        let schedule = Schedule::parse(text).unwrap();
        let mut at = instant(from.parse().unwrap(), &zone);
        let mut all = Vec::new();
        for _ in 0..count {
            let Some(next) = schedule.next_after(at, &zone) else { break };
            all.push(next.to_zoned(zone.clone()).strftime("%a %F %H:%M").to_string());
            at = next;
        }
        all
    }

    #[test]
    fn every_tuesday_at_ten_across_both_changes_of_the_clock() {
        assert_eq!(
            due("0 10 * * TUE", "2026-03-23T00:00", 3),
            ["Tue 2026-03-24 10:00", "Tue 2026-03-31 10:00", "Tue 2026-04-07 10:00"]
        );
        // In 2026 the clock goes from 02:00 to 03:00 on 29 March, and back from 03:00 on 25 October.
        assert_eq!(
            due("30 2 * * *", "2026-03-28T00:00", 3),
            ["Sat 2026-03-28 02:30", "Sun 2026-03-29 03:00", "Mon 2026-03-30 02:30"]
        );
        assert_eq!(
            due("30 2 * * *", "2026-10-24T12:00", 3),
            ["Sun 2026-10-25 02:30", "Mon 2026-10-26 02:30", "Tue 2026-10-27 02:30"]
        );
    }

    #[test]
    fn days_by_number_name_and_over_the_weeks_end() {
        assert_eq!(due("0 9 * * 0", "2026-02-02T00:00", 1), ["Sun 2026-02-08 09:00"]);
        assert_eq!(due("0 9 * * 7", "2026-02-02T00:00", 1), ["Sun 2026-02-08 09:00"]);
        assert_eq!(
            due("0 9 * * FRI-MON", "2026-02-05T00:00", 4),
            ["Fri 2026-02-06 09:00", "Sat 2026-02-07 09:00", "Sun 2026-02-08 09:00", "Mon 2026-02-09 09:00"]
        );
        assert_eq!(due("0 9 1 * *", "2026-02-02T00:00", 1), ["Sun 2026-03-01 09:00"]);
        assert_eq!(due("2026-12-01T10:00", "2026-02-02T00:00", 2), ["Tue 2026-12-01 10:00"]);
    }

    #[test]
    fn what_is_no_schedule_says_why() {
        for text in ["", "0 10 * *", "61 10 * * *", "0 10 * * FOO", "0 0 10 * * *", "every day", "0 10 * * 8"] {
            assert!(matches!(Schedule::parse(text), Err(ScheduleError::Unreadable(_))), "{text}");
        }
        assert_eq!(Schedule::parse("0 10 1 * MON"), Err(ScheduleError::TwoDays));
        assert_eq!(Schedule::parse("0 10 31 2 *"), Err(ScheduleError::Never));
    }
}
