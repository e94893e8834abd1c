//! What became of recorded mails and calls. A play asks the policy anew about each mail, and takes from the record what no rule decides:
//! when a mailer came to the mail, what the server said, and when all that was told.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use rapport_engine::ingest::ends_a_step;
use rapport_engine::operate::told::ToldPause;
use rapport_engine::ports::caller::Recalled;
use rapport_engine::ports::log::LogRecord;
use rapport_engine::ports::rows::{MessageRow, MessageState};
use rapport_engine::records;
use rapport_engine::story::ToldMessage;
use rapport_event::engine::EngineData;
use rapport_event::{Event, EventId, Kind, ProgramId};

use super::compare::SOON;

/// A mail is tried no more often than this before its time is over.
const TRIES_MAX: i64 = 16;

/// The end of a mail as the log tells of it.
pub struct ToldEnd {
    id: EventId,
    kind: Kind,
    /// When it was judged for the last time.
    at: Timestamp,
    /// When the log was told.
    told: Timestamp,
}

/// What the log tells of mails and calls.
#[derive(Default)]
pub struct Ends {
    mails: BTreeMap<String, ToldEnd>,
    calls: BTreeMap<String, Recalled>,
    /// When every shard was told that a day of a programme is closed.
    days: BTreeMap<(ProgramId, Date), Timestamp>,
    /// Mails whose refusal ended all mail to their address.
    closing: BTreeSet<String>,
    /// Instants up to which all was done before what came later: a mailer took a mail, a day was closed, an offer answered.
    pub moments: BTreeSet<Timestamp>,
}

impl Ends {
    /// Notes a record of rapport's own.
    pub fn note(&mut self, record: &LogRecord, event: &Event) {
        let Some(data) = event.engine() else { return };
        // Of a replay all that a step brought was done at its end.
        let is_live = !ends_a_step(record.stamp);
        match (&event.kind, data) {
            (
                Kind::MessageSent
                | Kind::MessageSuppressed
                | Kind::MessageExpired
                | Kind::MessageFailed
                | Kind::MessageInDoubt,
                EngineData::Outcome(outcome),
            ) => {
                if is_live {
                    self.moments.insert(in_milliseconds(event.occurred_at));
                }
                // What is told later of the same mail changed what is known of it, not what followed.
                self.mails.entry(outcome.message.to_string()).or_insert_with(|| ToldEnd {
                    id: event.id.clone(),
                    kind: event.kind.clone(),
                    at: event.occurred_at,
                    told: record.stamp,
                });
            }
            (Kind::CallDelivered | Kind::CallFailed, EngineData::Call(call)) => {
                if is_live {
                    self.moments.insert(in_milliseconds(record.stamp));
                }
                let failed =
                    (event.kind == Kind::CallFailed).then(|| call.reason.as_deref().unwrap_or("failed").to_owned());
                self.calls.insert(call.call.to_string(), Recalled { at: event.occurred_at, failed });
            }
            (Kind::ContactSuppressed, EngineData::Contact(contact)) => {
                self.closing.extend(contact.message.as_deref().map(str::to_owned));
            }
            (Kind::ProgramDayClosed, EngineData::DayClosed(closed)) => {
                if is_live {
                    self.moments.insert(in_milliseconds(record.stamp));
                }
                let told = self.days.entry((event.key.program.clone(), closed.day)).or_insert(record.stamp);
                *told = record.stamp.max(*told);
            }
            (Kind::OfferGranted | Kind::OfferRefused, _) if is_live => {
                self.moments.insert(in_milliseconds(record.stamp));
            }
            _ => {}
        }
    }

    /// With what the store knows of the mails, and with the pauses.
    pub fn with(self, messages: Vec<ToldMessage>, stops: &Stops<'_>) -> Outcomes {
        let mut mails = BTreeMap::new();
        for told in messages {
            let end = match self.mails.get(&told.message.id) {
                Some(end) => MailEnd::new(&told, end, self.closing.contains(&told.message.id), stops),
                None if told.state == MessageState::Cancelled => MailEnd::taken_back(&told, stops),
                None if told.state == MessageState::Queued => MailEnd::yet_to_come(&told, stops),
                None => continue,
            };
            mails.insert(told.message.id, end);
        }
        Outcomes { mails, calls: self.calls, days: self.days }
    }
}

/// The pauses of a record.
pub struct Stops<'r> {
    begun: Vec<(Timestamp, &'r ToldPause, Option<Timestamp>)>,
    apart_ms: &'r BTreeSet<i64>,
}

impl<'r> Stops<'r> {
    /// Of the pauses that began and ended, in the order in which they were told. What waited leaves one by one, as far apart as one of the
    /// record's rulebooks says.
    pub fn of(told: &[(Timestamp, &'r ToldPause)], apart_ms: &'r BTreeSet<i64>) -> Self {
        let begun = told.iter().enumerate().filter(|(_, (_, pause))| pause.is_begun()).map(|(place, (at, pause))| {
            let end = told[place..].iter().find(|(_, other)| pause.is_ended_by(other));
            (*at, *pause, end.map(|(_, end)| end.at()))
        });
        Self { begun: begun.collect(), apart_ms }
    }

    fn covering(&self, message: &MessageRow) -> impl Iterator<Item = &(Timestamp, &'r ToldPause, Option<Timestamp>)> {
        self.begun.iter().filter(move |(at, pause, _)| pause.covers(message) && message.planned_at < *at)
    }

    /// When the pauses began that kept the mail, though it had been due before: the mailer had not come to it.
    fn kept(&self, message: &MessageRow) -> Vec<Timestamp> {
        let kept = |end: &Option<Timestamp>, at: &Timestamp| match end {
            Some(end) => {
                let after = message.due.duration_since(*end).as_millis();
                self.apart_ms.iter().any(|apart| is_let_go(after, *apart))
            }
            None => message.due < *at,
        };
        self.covering(message).filter(|(at, _, end)| kept(end, at)).map(|(at, ..)| *at).collect()
    }
}

/// Whether a mail that was due so long after a pause's end waited for it, where what waited left so far apart. With a limit that is so
/// high that nothing is apart, all left at the end itself.
fn is_let_go(after_ms: i128, apart_ms: i64) -> bool {
    after_ms >= 0 && after_ms.checked_rem(i128::from(apart_ms)).map_or(after_ms == 0, |rest| rest == 0)
}

/// What a play asks of the record.
#[derive(Default)]
pub struct Outcomes {
    mails: BTreeMap<String, MailEnd>,
    calls: BTreeMap<String, Recalled>,
    days: BTreeMap<(ProgramId, Date), Timestamp>,
}

impl Outcomes {
    /// What is known of a mail.
    pub fn mail(&self, message: &str) -> Option<&MailEnd> {
        self.mails.get(message)
    }

    /// What is known of a call.
    pub fn call(&self, call: &str) -> Option<&Recalled> {
        self.calls.get(call)
    }

    /// When it was told that a day is closed: late where nobody was there in the night.
    pub fn day(&self, program: &ProgramId, day: Date) -> Option<Timestamp> {
        self.days.get(&(program.clone(), day)).copied()
    }
}

/// A mail's end.
pub struct MailEnd {
    /// When it was judged for the last time.
    pub at: Timestamp,
    /// When the log was told; before everything where it was not.
    pub told: Timestamp,
    /// What the server said.
    pub answer: Answer,
    waits: Vec<Wait>,
}

/// What a server said of a mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// It took it, or was not asked.
    Accepted,
    /// It did not.
    Refused {
        /// The reply's code.
        code: u16,
        /// Its words.
        text: String,
        /// Whether that ended all mail to the address.
        is_closing: bool,
    },
    /// Nobody knows.
    Lost(String),
}

/// Mail that is due from one instant to another waited until a third.
struct Wait {
    from: Timestamp,
    to: Timestamp,
    until: Timestamp,
    /// It is due after that in the order in which it was due: so it goes on when a pause is over.
    in_order: bool,
}

impl Wait {
    /// Until when mail waited that was due at an instant.
    fn until(&self, due: Timestamp) -> Timestamp {
        let place = if self.in_order { due.duration_since(self.from).as_millis() } else { 0 };
        let place = SignedDuration::from_micros(i64::try_from(place).unwrap_or_default());
        self.until.checked_add(place).unwrap_or(self.until)
    }
}

impl Wait {
    /// Mail that was due shortly before a pause began.
    fn until_paused(at: Timestamp) -> Self {
        Self { from: back(at, SOON), to: back(at, SignedDuration::from_millis(1)), until: at, in_order: true }
    }
}

fn back(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.checked_sub(by).unwrap_or(Timestamp::MIN)
}

impl MailEnd {
    fn new(told: &ToldMessage, end: &ToldEnd, is_closing: bool, stops: &Stops<'_>) -> Self {
        let message = &told.message;
        // Due when it was due then, give or take what is no difference: what a rule moves further is looked at where the rule moves it.
        let first_due = back(message.due, tried_for(message, end));
        let to = message.due.checked_add(SOON).unwrap_or(Timestamp::MAX);
        let mut waits = vec![Wait { from: back(first_due, SOON), to, until: end.at, in_order: false }];
        // It came to it when that was over.
        waits.extend(stops.kept(message).into_iter().filter(|at| end.at > *at).map(Wait::until_paused));
        let reason = told.reason.clone().unwrap_or_default();
        let answer = match told.state {
            // It comes to the same again by itself, if it does.
            MessageState::Failed if reason.starts_with("render: ") => Answer::Accepted,
            MessageState::Failed => {
                let (code, text) = refused(&reason);
                Answer::Refused { code, text, is_closing }
            }
            MessageState::InDoubt => Answer::Lost(reason),
            _ => Answer::Accepted,
        };
        Self { at: end.at, told: end.told, answer, waits }
    }

    /// The end of a mail that its journey took back before a mailer had come to it; the log does not tell of it. Where a pause may have
    /// kept it, that is told by itself.
    fn taken_back(told: &ToldMessage, stops: &Stops<'_>) -> Self {
        let (message, taken_at) = (&told.message, told.changed_at);
        let until = taken_at.checked_add(SignedDuration::from_millis(1)).unwrap_or(taken_at);
        let to = message.due.checked_add(SOON).unwrap_or(Timestamp::MAX);
        let wait = Wait { from: back(message.due, SOON), to, until, in_order: false };
        let was_paused = stops.covering(message).any(|(at, ..)| *at < taken_at);
        Self::untold(if was_paused { Vec::new() } else { vec![wait] })
    }

    /// A mail that waits still, and may do so for a pause.
    fn yet_to_come(told: &ToldMessage, stops: &Stops<'_>) -> Self {
        Self::untold(stops.kept(&told.message).into_iter().map(Wait::until_paused).collect())
    }

    fn untold(waits: Vec<Wait>) -> Self {
        Self { at: Timestamp::MAX, told: Timestamp::MIN, answer: Answer::Accepted, waits }
    }

    /// Until when the mail waited that was due at an instant.
    pub fn waited(&self, due: Timestamp) -> Option<Timestamp> {
        let waits = self.waits.iter().filter(|wait| wait.from <= due && due <= wait.to && due < wait.until);
        waits.map(|wait| wait.until(due)).min()
    }
}

/// The code and the words of a refusal, as the mailer wrote them together.
fn refused(reason: &str) -> (u16, String) {
    let both = reason.split_once(' ').and_then(|(code, text)| Some((code.parse().ok()?, text.to_owned())));
    both.unwrap_or_else(|| (550, reason.to_owned()))
}

/// So long at most a mail waited that was refused for now, or whose connection was lost: each try doubles the wait. How often that was
/// stands in the id of its end.
fn tried_for(message: &MessageRow, end: &ToldEnd) -> SignedDuration {
    let is_its = |attempt: &i64| records::outcome(message, end.kind.clone(), *attempt, "", end.at).id == end.id;
    let tries = (0..=TRIES_MAX).find(is_its).unwrap_or(1);
    let minutes: i64 = (0..tries - 1).map(|earlier| 1_i64 << earlier.min(8)).sum();
    // With a quarter on top, by which tries are spread.
    SignedDuration::from_secs(minutes * 75)
}

/// The instant in whole milliseconds, not before it: finer, a store keeps no present.
pub fn in_milliseconds(at: Timestamp) -> Timestamp {
    let whole = Timestamp::from_millisecond(at.as_millisecond()).unwrap_or(at);
    if whole < at { whole.checked_add(SignedDuration::from_millis(1)).unwrap_or(at) } else { whole }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_read_as_the_mailer_wrote_it() {
        assert_eq!(refused("552 5.2.2 mailbox full"), (552, "5.2.2 mailbox full".to_owned()));
        assert_eq!(refused("no such thing"), (550, "no such thing".to_owned()));
    }

    #[test]
    fn a_mail_waits_only_when_it_is_due_as_it_was() {
        let at = |minutes: i64| Timestamp::UNIX_EPOCH + SignedDuration::from_mins(minutes);
        let wait = |from, to, until| Wait { from: at(from), to: at(to), until: at(until), in_order: false };
        let waits = vec![wait(50, 70, 100), wait(55, 64, 65)];
        let end = MailEnd { at: at(100), told: at(101), answer: Answer::Accepted, waits };
        for (due, until) in [(49, None), (50, Some(100)), (60, Some(65)), (65, Some(100)), (71, None), (100, None)] {
            assert_eq!(end.waited(at(due)), until.map(at), "due at {due}");
        }
    }

    #[test]
    fn what_waited_left_as_far_apart_as_the_limit_says() {
        for (after, apart, is) in
            [(0, 72, true), (144, 72, true), (145, 72, false), (-72, 72, false), (0, 0, true), (1, 0, false)]
        {
            assert_eq!(is_let_go(after, apart), is, "{after} ms after the end, {apart} ms apart");
        }
    }

    #[test]
    fn what_a_pause_kept_stays_in_order() {
        let at = |minutes: i64| Timestamp::UNIX_EPOCH + SignedDuration::from_mins(minutes);
        let wait = Wait::until_paused(at(60));
        assert!(wait.from == at(50) && wait.to < at(60));
        let (first, second) = (wait.until(at(55)), wait.until(at(56)));
        assert!(at(60) < first && first < second && second < at(60) + SignedDuration::from_secs(1));
    }

    #[test]
    fn the_present_is_never_before_what_is_to_be_done_at_it() {
        let at: Timestamp = "2026-03-02T08:00:00.0001Z".parse().unwrap();
        assert_eq!(in_milliseconds(at), "2026-03-02T08:00:00.001Z".parse().unwrap());
        assert_eq!(in_milliseconds(in_milliseconds(at)), in_milliseconds(at));
    }
}
