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
