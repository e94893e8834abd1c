//! A programme's days: when one begins, and when it may be closed.

use jiff::{SignedDuration, Timestamp, ToSpan, civil::Date, tz::TimeZone};
use rapport_event::id::ProgramId;
use rapport_workflow::Rulebook;

/// The calendar of one programme.
#[derive(Debug, Clone)]
pub struct ProgramDays {
    zone: TimeZone,
    lateness: SignedDuration,
}

impl ProgramDays {
    /// The calendar of a programme of the rulebook.
    #[must_use]
    pub fn of(rulebook: &Rulebook, program: &ProgramId) -> Option<Self> {
        let settings = rulebook.config.program(program.as_str())?;
        Some(Self {
            zone: settings.zone.clone(),
            lateness: SignedDuration::from_mins(rulebook.config.lateness.about_minutes()),
        })
    }

    /// The programme's local day of an instant.
    #[must_use]
    pub fn day_of(&self, at: Timestamp) -> Date {
        self.zone.to_datetime(at).date()
    }

    /// The day's first instant.
    #[must_use]
    pub fn begins_at(&self, on: Date) -> Timestamp {
        on.to_zoned(self.zone.clone()).map_or(Timestamp::MAX, |zoned| zoned.timestamp())
    }

    /// The instant from which on the day may be closed: the next midnight plus the lateness.
    #[must_use]
    pub fn closes_at(&self, on: Date) -> Timestamp {
        let next = on.checked_add(1.day()).unwrap_or(Date::MAX);
        self.begins_at(next).checked_add(self.lateness).unwrap_or(Timestamp::MAX)
    }

    /// The last day that may be closed at the instant.
    #[must_use]
    pub fn last_closed_by(&self, at: Timestamp) -> Date {
        let mut on = self.day_of(at);
        while self.closes_at(on) > at {
            match on.yesterday() {
                Ok(before) => on = before,
                Err(_) => break,
            }
        }
        on
    }
}

/// A day that should be closed and is not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldOpen {
    /// The day.
    pub day: Date,
    /// Since when it could be closed.
    pub since: Timestamp,
    /// The shards whose clocks have not passed that; none: it waits for the coordinator.
    pub shards: Vec<i32>,
}

/// What a day may take to be closed after its time before anybody asks why.
const PATIENCE: SignedDuration = SignedDuration::from_mins(10);

/// The first day after `last`, the newest closed one, that is still open at `present` though its time is over, and who holds it
/// open; `clocks` are those of the shards, the coordinator's left out.
#[must_use]
pub fn held_open(
    days: &ProgramDays,
    last: Date,
    clocks: &[(i32, Option<Timestamp>)],
    present: Timestamp,
) -> Option<HeldOpen> {
    let day = last.tomorrow().ok()?;
    let since = days.closes_at(day);
    if since.checked_add(PATIENCE).ok()? > present {
        return None;
    }
    let behind = clocks.iter().filter(|(_, clock)| clock.is_none_or(|clock| clock < since));
    Some(HeldOpen { day, since, shards: behind.map(|(shard, _)| *shard).collect() })
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn a_day_that_is_not_closed_in_time_is_named_with_who_holds_it_open() {
        let days = ProgramDays { zone: TimeZone::UTC, lateness: SignedDuration::from_hours(2) };
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let last = date(2026, 3, 1);
        let clocks = [(0, Some(at("2026-03-03T02:00:00Z"))), (1, Some(at("2026-03-02T23:00:00Z"))), (2, None)];
        assert_eq!(held_open(&days, last, &clocks, at("2026-03-03T02:05:00Z")), None, "it may take a moment");
        let held = held_open(&days, last, &clocks, at("2026-03-03T02:30:00Z")).unwrap();
        assert_eq!((held.day, held.since), (date(2026, 3, 2), at("2026-03-03T02:00:00Z")));
        assert_eq!(held.shards, [1, 2]);
        let waits = held_open(&days, last, &clocks[..1], at("2026-03-05T00:00:00Z")).unwrap();
        assert!(waits.shards.is_empty(), "only the coordinator is missing");
        assert_eq!(held_open(&days, Date::MAX, &clocks, Timestamp::MAX), None);
    }
}
