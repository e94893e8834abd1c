//! Limits on mail that go over many people: how much leaves at a time to one provider's mailboxes, and how much a day from one
//! domain. The policy names them when it takes a mail; every store counts by the sums here, in the transaction of the claim.

use std::cmp::Reverse;

use jiff::{SignedDuration, Timestamp};
use rapport_contact::DeferReason;

use super::{rows::MessageRow, store::DueMessage};

/// The limits under which one mail leaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leave {
    /// Whose mailboxes it goes to: a provider's code or name, else the hash of the address's domain.
    pub provider: String,
    /// How fast.
    pub pace: PaceLimit,
    /// How much of its sender's domain a day, while that is being warmed up.
    pub warm_up: Option<DayLimit>,
}

/// How fast mail leaves to one provider's mailboxes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PaceLimit {
    /// One mail in so many microseconds.
    pub every_us: i64,
    /// After a silence so many leave at once.
    pub at_once: u32,
    /// No more are on their way at the same time.
    pub connections: u32,
}

/// How many mails leave from a domain on one day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DayLimit {
    /// The sender's domain.
    pub domain: String,
    /// The day, counted from 1970.
    pub day: i64,
    /// So many.
    pub mails: u32,
    /// How lately the mail's partner did something, at most [`HIGHEST`]: they come first.
    pub engaged: u8,
    /// When one that is over may leave at the earliest.
    pub again_at: Timestamp,
}

/// One that finds all connections taken is looked at again after this, shared among the connections.
const BUSY_US: i64 = 200_000;
/// Mail that waits for the next day comes back in bands by priority, each in parts by how lately its partner did something, and within
/// a part in the order in which it began to wait.
const BAND_MS: i64 = 600_000;
/// The highest rank of a partner who lately did something; the lowest is 0.
pub const HIGHEST: u8 = 3;
/// There is a part for each of the four ranks.
const PART_MS: i64 = BAND_MS / 4;
/// A queue whose end is further away was not made by mail: the server's clock was set back since. Mail begins a new one.
const QUEUE_US: i64 = 86_400_000_000;

/// What is counted of mail to a provider.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PaceRow {
    /// When, in microseconds, the last mail that left has had its time. Believed no further ahead than a pace can be.
    pub free_us: i64,
    /// The last instant given to a mail that waits. Believed for a day.
    pub slot_us: i64,
}

/// What is counted of a domain's day.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DayRow {
    /// Mails that left.
    pub mails: i64,
    /// Mails that were put off.
    pub waits: i64,
}

/// One mail that asks to leave.
#[derive(Debug, Clone, Copy)]
pub struct Asking {
    /// Its priority, 1 before 0 before -1.
    pub priority: i16,
    /// Whether it waits for the pace already: then it has its place, and nobody is before it.
    pub waited: bool,
    /// Mails to the same provider that are on their way.
    pub in_hand: i64,
    /// The present.
    pub now: Timestamp,
}

impl PaceRow {
    /// Whether mail waits for its instant, so that one that comes now is behind it.
    #[must_use]
    pub fn has_queue(&self, now: Timestamp) -> bool {
        let ahead = self.slot_us.saturating_sub(now.as_microsecond());
        (1..=QUEUE_US).contains(&ahead)
    }

    /// Forgets what no mail can have come to. Instants are the server's, and its clock may have been ahead: mail would wait until the
    /// present has come there again. So would it for a pace that was far slower than the one in force.
    fn heal(&mut self, limit: &PaceLimit, now: i64) {
        let furthest = limit.every_us.saturating_mul(i64::from(limit.at_once.max(1)));
        self.free_us = self.free_us.min(now.saturating_add(furthest));
        if self.slot_us.saturating_sub(now) > QUEUE_US {
            self.slot_us = now;
        }
    }

    /// Takes the place of one mail, or says when it is looked at again.
    fn take(&mut self, limit: &PaceLimit, asking: &Asking) -> Result<(), Timestamp> {
        let now = asking.now.as_microsecond();
        self.heal(limit, now);
        let connections = i64::from(limit.connections.max(1));
        let free = self.free_us.max(now);
        let ahead = limit.every_us.saturating_mul(i64::from(limit.at_once.max(1)) - 1);
        let is_early = free - now > ahead;
        // Who matters more passes those who wait; the limits themselves hold for everybody.
        let passes = asking.waited || asking.priority > 0;
        if !is_early && asking.in_hand < connections && (passes || !self.has_queue(asking.now)) {
            self.free_us = free.saturating_add(limit.every_us);
            return Ok(());
        }
        let step = limit.every_us.max(BUSY_US / connections);
        let earliest = if is_early { free - ahead } else { now.saturating_add(step) };
        if passes {
            return Err(instant(earliest));
        }
        self.slot_us = self.slot_us.saturating_add(step).max(earliest);
        Err(instant(self.slot_us))
    }

    /// A mail that took its place does not leave after all.
    pub fn give_back(&mut self, limit: &PaceLimit) {
        self.free_us = self.free_us.saturating_sub(limit.every_us);
    }
}

impl DayRow {
    fn put_off(&mut self, limit: &DayLimit, priority: i16) -> Timestamp {
        let band = i64::from(1 - priority.clamp(-1, 1)) * BAND_MS;
        let part = i64::from(HIGHEST - limit.engaged.min(HIGHEST)) * PART_MS;
        let place = self.waits.clamp(0, PART_MS - 1);
        self.waits = self.waits.saturating_add(1);
        limit.again_at.checked_add(SignedDuration::from_millis(band + part + place)).unwrap_or(Timestamp::MAX)
    }
}

/// In which order the mails of a claim ask to leave: by priority, where a warm-up counts them by how lately their partners did something,
/// and then as they are due.
#[must_use]
pub fn turn<'m>(message: &'m MessageRow, leave: Option<&Leave>) -> (Reverse<i16>, Reverse<u8>, Timestamp, &'m str) {
    let engaged = leave.and_then(|leave| leave.warm_up.as_ref()).map_or(0, |limit| limit.engaged);
    (Reverse(message.priority), Reverse(engaged), message.due, message.id.as_str())
}

/// Counts one mail that leaves, or says until when it waits and for what. `day` is the row of its warm-up.
///
/// # Errors
/// It waits: nothing was counted but that it does.
pub fn admit(
    leave: &Leave,
    pace: &mut PaceRow,
    day: &mut DayRow,
    asking: &Asking,
) -> Result<(), (Timestamp, DeferReason)> {
    if let Some(limit) = leave.warm_up.as_ref().filter(|limit| day.mails >= i64::from(limit.mails)) {
        return Err((day.put_off(limit, asking.priority), DeferReason::WarmUp));
    }
    pace.take(&leave.pace, asking).map_err(|until| (until, DeferReason::Pace))?;
    if leave.warm_up.is_some() {
        day.mails += 1;
    }
    Ok(())
}

/// What of the mails that would travel along waits with the one that has to wait. A place is the provider's: mail to the same mailbox
/// that asked by itself would take one more each, and all would leave, or find no place under a cap, one after the other. A day is
/// the sender's domain's, and what travels may be another's.
pub fn waits_with(reason: DeferReason, along: &[DueMessage]) -> impl Iterator<Item = &MessageRow> {
    let along = if reason == DeferReason::Pace { along } else { &[] };
    along.iter().map(|due| &due.message)
}

/// The millisecond in which it has come: stores keep no finer ones.
fn instant(us: i64) -> Timestamp {
    let ms = us.div_euclid(1_000).saturating_add(i64::from(us.rem_euclid(1_000) > 0));
    Timestamp::from_millisecond(ms).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millisecond(ms).unwrap()
    }

    fn leave(limit: PaceLimit) -> Leave {
        Leave { provider: "google".into(), pace: limit, warm_up: None }
    }

    fn asking(ms: i64) -> Asking {
        Asking { priority: 0, waited: false, in_hand: 0, now: at(ms) }
    }

    const TEN_A_SECOND: PaceLimit = PaceLimit { every_us: 100_000, at_once: 2, connections: 5 };

    #[test]
    fn some_leave_at_once_and_the_rest_one_after_the_other() {
        let (mut pace, leave) = (PaceRow::default(), leave(TEN_A_SECOND));
        let mut ask = |asking: Asking| admit(&leave, &mut pace, &mut DayRow::default(), &asking);
        assert_eq!(ask(asking(0)), Ok(()));
        assert_eq!(ask(asking(0)), Ok(()));
        let waits: Vec<_> = (0..3).map(|_| ask(asking(0)).unwrap_err()).collect();
        assert_eq!(waits, [100, 200, 300].map(|ms| (at(ms), DeferReason::Pace)));
        let waited = |ms| Asking { waited: true, ..asking(ms) };
        assert_eq!(ask(waited(100)), Ok(()));
        assert_eq!(ask(asking(250)), Err((at(400), DeferReason::Pace)), "others wait, so it is behind them");
        assert_eq!(ask(Asking { priority: 1, ..asking(250) }), Ok(()), "who matters more passes");
        assert_eq!(ask(waited(250)), Err((at(300), DeferReason::Pace)), "and keeps to the pace");
        assert_eq!(ask(waited(300)), Ok(()));
    }

    #[test]
    fn a_clock_that_was_ahead_holds_nothing_up() {
        const DAY_MS: i64 = 86_400_000;
        let leave = leave(TEN_A_SECOND);
        for ahead in [2 * DAY_MS, 400 * DAY_MS, i64::MAX / 1_000_000] {
            let mut pace = PaceRow::default();
            let mut ask = |asking: Asking| admit(&leave, &mut pace, &mut DayRow::default(), &asking);
            assert_eq!([ask(asking(ahead)), ask(asking(ahead))], [Ok(()), Ok(())]);
            assert!(ask(asking(ahead)).is_err(), "and one waits");
            assert_eq!(ask(asking(0)), Err((at(100), DeferReason::Pace)), "as if both had left just now");
            let waited = |ms| Asking { waited: true, ..asking(ms) };
            assert_eq!([ask(waited(100)), ask(waited(200))], [Ok(()), Ok(())]);
            assert_eq!(ask(asking(1_000)), Ok(()), "nobody is before it");
        }
    }

    #[test]
    fn a_pace_that_was_slower_is_not_waited_for() {
        let slow = PaceLimit { every_us: 3_600_000_000, at_once: 1, connections: 5 };
        let mut pace = PaceRow::default();
        let mut ask =
            |limit: PaceLimit, asking: Asking| admit(&leave(limit), &mut pace, &mut DayRow::default(), &asking);
        assert_eq!(ask(slow, asking(0)), Ok(()));
        assert_eq!(ask(TEN_A_SECOND, asking(0)), Err((at(100), DeferReason::Pace)));
        assert_eq!(ask(TEN_A_SECOND, asking(101)), Ok(()));
    }

    #[test]
    fn no_more_are_on_their_way_than_there_are_connections() {
        let (mut pace, leave) = (PaceRow::default(), leave(TEN_A_SECOND));
        let mut ask = |in_hand| admit(&leave, &mut pace, &mut DayRow::default(), &Asking { in_hand, ..asking(0) });
        assert_eq!(ask(5), Err((at(100), DeferReason::Pace)));
        assert_eq!(ask(4), Err((at(200), DeferReason::Pace)), "one waits already");
    }

    #[test]
    fn what_is_over_comes_back_by_priority_and_in_order() {
        let again_at = at(1_000_000);
        let warm_up = DayLimit { domain: "mail.acme.example".into(), day: 1, mails: 2, engaged: HIGHEST, again_at };
        let leave = Leave { warm_up: Some(warm_up), ..leave(TEN_A_SECOND) };
        let (mut pace, mut day) = (PaceRow::default(), DayRow::default());
        let mut ask = |priority| admit(&leave, &mut pace, &mut day, &Asking { priority, ..asking(0) });
        assert_eq!([ask(0), ask(0)], [Ok(()), Ok(())]);
        let mut until = |priority| ask(priority).unwrap_err().0.as_millisecond() - 1_000_000;
        assert_eq!([until(0), until(-1), until(1), until(0)], [600_000, 1_200_001, 2, 600_003]);
        assert_eq!(day, DayRow { mails: 2, waits: 4 });
    }

    #[test]
    fn within_a_priority_who_lately_did_something_comes_back_first() {
        let (mut pace, mut day) = (PaceRow::default(), DayRow::default());
        let mut until = |priority, engaged| {
            let warm_up = DayLimit { domain: "mail.acme.example".into(), day: 1, mails: 0, engaged, again_at: at(0) };
            let leave = Leave { warm_up: Some(warm_up), ..leave(TEN_A_SECOND) };
            admit(&leave, &mut pace, &mut day, &Asking { priority, ..asking(0) }).unwrap_err().0.as_millisecond()
        };
        let asked = [until(0, 0), until(0, 1), until(0, 2), until(0, 3), until(0, u8::MAX), until(1, 0)];
        assert_eq!(asked, [1_050_000, 900_001, 750_002, 600_003, 600_004, 450_005]);
    }

    #[test]
    fn a_claims_mails_ask_by_priority_then_by_who_lately_did_something() {
        let row = |id: &str, priority| MessageRow { priority, ..crate::mailer::sample::message(id) };
        let rows = [row("a", 0), row("b", 0), row("c", 0), row("d", 1)];
        let leaves = [Some(0), Some(3), None, Some(0)].map(|engaged: Option<u8>| {
            let limit = |engaged| DayLimit { domain: "d".into(), day: 1, mails: 9, engaged, again_at: at(0) };
            Leave { warm_up: engaged.map(limit), ..leave(TEN_A_SECOND) }
        });
        let mut all: Vec<_> = rows.iter().zip(&leaves).collect();
        all.sort_by(|one, other| turn(one.0, Some(one.1)).cmp(&turn(other.0, Some(other.1))));
        assert_eq!(all.iter().map(|(row, _)| row.id.as_str()).collect::<Vec<_>>(), ["d", "b", "a", "c"]);
    }

    proptest! {
        /// Whoever asks when: within any second no more leave than the pace and what may leave at once.
        #[test]
        fn the_pace_holds_whoever_asks_when(
            steps in prop::collection::vec((0_i64..400, any::<bool>(), -1_i16..=1), 1..200),
            every_ms in 1_i64..200,
            at_once in 1_u32..5,
        ) {
            let limit = PaceLimit { every_us: every_ms * 1_000, at_once, connections: 1 };
            let (mut pace, leave) = (PaceRow::default(), leave(limit));
            let (mut now, mut left) = (0, Vec::new());
            for (step, waited, priority) in steps {
                now += step;
                let asking = Asking { waited, priority, ..asking(now) };
                match admit(&leave, &mut pace, &mut DayRow::default(), &asking) {
                    Ok(()) => left.push(now),
                    Err((until, _)) => prop_assert!(until > at(now)),
                }
            }
            for (place, from) in left.iter().enumerate() {
                let within = left.iter().skip(place).take_while(|at| **at - from < 1_000).count() as i64;
                prop_assert!(within <= 1_000 / every_ms + 1 + i64::from(at_once), "{left:?}");
            }
        }
    }
}
