//! The store in memory, with the semantics of the SQL one: the conformance suite of the ports holds both to the same.

mod anonymous;
pub mod calls;
mod clicks;
mod commit;
mod doctor;
mod leave;
mod mail;
mod operate;
mod people;
mod port;
mod sent;
mod timers;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicI64, AtomicU32, AtomicU64, Ordering},
    },
    time::Duration,
};

use jiff::{Timestamp, civil::Date};
use rapport_contact::hashed;
use rapport_engine::ports::{
    bell::{Bell, Subjects},
    leave::{DayRow, PaceRow},
    operating::{AuditRow, PauseRow},
    rows::{
        ClickRow, ConversionRow, DayCloseRow, DeadLetterRow, DefinitionRow, Ids, JourneyRow, MessageRow, MessageState,
        NumberedOutboxRow, OutboxRow, PartnerRow, PersonRow, RefusalRow, RelayReply, RequestRow, ReservationRow,
        Response, ResponseRow, ShardRow, SignalRow, Target, TaskRow,
    },
    store::{FeedbackRow, StoreError, SuppressionChange},
};
use rapport_event::id::{PartnerKey, ProgramId};

pub use leave::Leaving;
pub use sent::SentMails;
pub use timers::TimerRows;

use crate::time::Passing;

/// A store in memory. Its time is tokio's, from a fixed instant on: with paused time it is virtual.
pub struct MemoryStore {
    time: Passing,
    jumped_ms: AtomicI64,
    time_under_way_ms: AtomicU64,
    refuses_settlements: AtomicBool,
    misses_settlements: AtomicBool,
    breaks_over_settlements: AtomicU32,
    bell: Option<Bell>,
    tables: Mutex<Tables>,
}

/// A message with what became of it.
#[derive(Debug, Clone)]
pub struct StoredMessage {
    /// As planned; `due` moves with deferrals.
    pub row: MessageRow,
    /// Where it goes, once known.
    pub address: Option<String>,
    /// Its state.
    pub state: MessageState,
    /// The last reason.
    pub reason: Option<String>,
    /// Its journey was stopped while a mailer had it in hand.
    pub cancel_code: Option<String>,
    /// Attempts so far.
    pub attempt: i64,
    /// Who has or had it in hand.
    pub mailer: Option<String>,
    /// Since when, by the server's time.
    pub attempting_at: Option<Timestamp>,
    /// When its state last changed.
    pub changed_at: Timestamp,
    /// What the relay said when it accepted it.
    pub reply: Option<RelayReply>,
    /// The message that it travels with in a digest, or travelled with.
    pub carrier: Option<String>,
}

/// What counts for caps.
#[derive(Debug, Clone)]
pub struct Counted {
    /// The recipient.
    pub address: String,
    /// `marketing` or `service`.
    pub kind: String,
    /// When.
    pub at: Timestamp,
}

/// Every table, open for inspection.
#[derive(Debug, Clone, Default)]
#[allow(missing_docs, reason = "named as the tables of the SQL schema, which tells about each")]
pub struct Tables {
    pub meta: BTreeMap<String, String>,
    pub processes: BTreeMap<(String, String), Timestamp>,
    pub shards: BTreeMap<i32, ShardRow>,
    pub clock_marks: BTreeSet<(i32, i64, Timestamp)>,
    /// Highest positions folded, by shard and source.
    pub seen: BTreeMap<(i32, u64, u32, i32), (i64, u32)>,
    pub ids: BTreeMap<(i32, i64), (Timestamp, Ids)>,
    pub partners: BTreeMap<PartnerKey, (u32, PartnerRow)>,
    pub conversions: BTreeMap<(PartnerKey, String), ConversionRow>,
    pub signals: BTreeMap<String, SignalRow>,
    pub refusals: BTreeMap<(PartnerKey, String), RefusalRow>,
    pub responses: BTreeMap<(String, Response, PartnerKey), ResponseRow>,
    pub journeys: BTreeMap<(PartnerKey, String), JourneyRow>,
    pub timers: TimerRows,
    pub recipients: BTreeMap<String, Option<String>>,
    pub messages: BTreeMap<String, StoredMessage>,
    /// Ids of messages that are queued or attempting.
    pub open: BTreeSet<String>,
    /// Of these all that may travel with another one, and some that do no more.
    pub travelling: BTreeSet<String>,
    pub sent: SentMails,
    pub suppressions: BTreeMap<(String, String, String), Timestamp>,
    pub feedback: BTreeMap<String, FeedbackRow>,
    /// Answers to anonymous surveys that wait and that may be told, by programme, survey, period and answer.
    pub anonymous: BTreeMap<(ProgramId, String, String, String), (i64, i64)>,
    /// Tickets of anonymous surveys that were used, and until when that matters.
    pub tickets: BTreeMap<String, Timestamp>,
    /// By message, link and minute, with the judgement.
    pub clicks: BTreeMap<(String, u32, i64), (ClickRow, Option<String>)>,
    pub holds: BTreeMap<(PartnerKey, String, String), Option<Timestamp>>,
    pub persons: BTreeMap<(PartnerKey, i64), PersonRow>,
    /// What each person's versions come to.
    pub merged_persons: BTreeMap<PartnerKey, String>,
    pub tasks: BTreeMap<String, TaskRow>,
    pub calls: BTreeMap<String, calls::StoredCall>,
    pub requests: BTreeMap<String, RequestRow>,
    pub reservations: BTreeMap<String, ReservationRow>,
    pub outbox: BTreeMap<i64, OutboxRow>,
    /// Positions given, by number.
    pub outbox_positions: BTreeMap<i64, i64>,
    /// The last position given.
    pub outbox_position: i64,
    /// The relay's owner, epoch, and when it was heard of.
    pub relay: Option<(String, i64, Timestamp)>,
    pub outbox_ids: BTreeSet<String>,
    pub outbox_number: i64,
    pub day_parts: BTreeMap<(ProgramId, Date, u32), Vec<u8>>,
    pub day_closes: BTreeMap<(ProgramId, Date), DayCloseRow>,
    /// In the order of application; the last is in force.
    pub definitions: Vec<DefinitionRow>,
    pub dead_letters: BTreeMap<(String, i32, i64), DeadLetterRow>,
    pub parked: BTreeMap<(PartnerKey, i64), String>,
    pub quarantine: BTreeMap<PartnerKey, (String, Timestamp)>,
    pub pauses: BTreeMap<String, PauseRow>,
    /// Up to when partners are erased.
    pub erased: BTreeMap<PartnerKey, Timestamp>,
    /// Mails by workflow and minute.
    pub burst: BTreeMap<(String, i64), i64>,
    /// How far mail to providers has come.
    pub pace: BTreeMap<String, PaceRow>,
    /// Days of domains that are being warmed up.
    pub warm_up: BTreeMap<(String, i64), DayRow>,
    /// What mails on their way were counted for.
    pub leaving: BTreeMap<String, Leaving>,
    pub audits: Vec<AuditRow>,
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self {
            time: Passing::default(),
            jumped_ms: AtomicI64::new(0),
            time_under_way_ms: AtomicU64::new(0),
            refuses_settlements: AtomicBool::new(false),
            misses_settlements: AtomicBool::new(false),
            breaks_over_settlements: AtomicU32::new(0),
            bell: None,
            tables: Mutex::default(),
        }
    }
}

impl MemoryStore {
    /// One that tells those who wait for it what is written, as the databases do.
    #[must_use]
    pub fn telling() -> Self {
        Self { bell: Some(Bell::default()), ..Self::default() }
    }

    fn ring(&self, about: Subjects) {
        if let Some(bell) = &self.bell {
            bell.ring(about);
        }
    }

    /// The server's time.
    #[must_use]
    pub fn server_now(&self) -> Timestamp {
        let off = jiff::SignedDuration::from_millis(self.jumped_ms.load(Ordering::Relaxed));
        self.time.now().checked_add(off).unwrap_or(Timestamp::MAX)
    }

    /// Somebody sets the server's clock: this far from where it began.
    pub fn set_clock_off(&self, by: Duration) {
        self.jumped_ms.store(i64::try_from(by.as_millis()).unwrap_or(i64::MAX), Ordering::Relaxed);
    }

    /// From now on the server's time is heard so long after it was told.
    pub fn tell_time_late(&self, by: Duration) {
        self.time_under_way_ms.store(u64::try_from(by.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// From now on what mailers say of their attempts is refused, or is not.
    pub fn refuse_settlements(&self, refused: bool) {
        self.refuses_settlements.store(refused, Ordering::Relaxed);
    }

    /// From now on whoever says something of attempts does not reach it, or does again.
    pub fn miss_settlements(&self, missed: bool) {
        self.misses_settlements.store(missed, Ordering::Relaxed);
    }

    /// So many times from now on, what is said of attempts meets a bug.
    pub fn break_over_settlements(&self, times: u32) {
        self.breaks_over_settlements.store(times, Ordering::Relaxed);
    }

    /// Whether it takes what mailers say of their attempts.
    fn takes_settlements(&self) -> Result<(), StoreError> {
        if self.refuses_settlements.load(Ordering::Relaxed) {
            return Err(refused("as a test wants it"));
        }
        if self.misses_settlements.load(Ordering::Relaxed) {
            return Err(StoreError::Unavailable("as a test wants it".to_owned()));
        }
        let left =
            self.breaks_over_settlements.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        assert!(left.is_err(), "a bug, as a test wants it");
        Ok(())
    }

    /// The tables, locked.
    pub fn tables(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tables {
    /// The checks of `doctor`: name and rows that break it.
    #[must_use]
    pub fn check(&self) -> Vec<(String, i64)> {
        self.invariants()
    }

    /// The numbers of summaries.
    #[must_use]
    pub fn numbers(&self) -> Vec<(String, i64)> {
        self.counts()
    }

    /// A partner's merged personal fields as JSON.
    #[must_use]
    pub fn person_fields(&self, key: &PartnerKey) -> Option<String> {
        self.person(key).ok().flatten()
    }

    /// Adds and lifts suppressions.
    pub(crate) fn change_suppressions(&mut self, changes: &[SuppressionChange]) {
        for change in changes {
            let hash = hashed(&change.address);
            let everything = (hash.clone(), String::new(), "erased".to_owned());
            let erased = self.suppressions.contains_key(&everything);
            let address = if erased { hash } else { change.address.clone() };
            let id = (address, change.topic.clone().unwrap_or_default(), change.reason.clone());
            match change.since {
                Some(at) => {
                    let since = self.suppressions.entry(id).or_insert(at);
                    *since = at.max(*since);
                }
                None => {
                    self.suppressions.remove(&id);
                }
            }
        }
    }

    /// Adds records in order; one that waits already is not doubled.
    pub(crate) fn add_outbox(&mut self, rows: &[OutboxRow]) {
        for row in rows {
            if self.outbox_ids.insert(row.event_id.clone()) {
                self.outbox_number += 1;
                self.outbox.insert(self.outbox_number, row.clone());
            }
        }
    }

    /// Positions for the first rows that have none.
    pub(crate) fn place_outbox(&mut self, limit: usize) {
        let fresh = self.outbox.keys().filter(|number| !self.outbox_positions.contains_key(number));
        for number in fresh.take(limit).copied().collect::<Vec<_>>() {
            self.outbox_position += 1;
            self.outbox_positions.insert(number, self.outbox_position);
        }
    }

    /// A row as the port tells it.
    pub(crate) fn numbered(&self, number: i64, row: &OutboxRow) -> NumberedOutboxRow {
        NumberedOutboxRow { number, position: self.outbox_positions.get(&number).copied(), row: row.clone() }
    }

    /// The first rows of a target by position.
    pub(crate) fn carried(&self, target: Target, limit: usize) -> Vec<NumberedOutboxRow> {
        let of_target = self.outbox.iter().filter(|(_, row)| row.target == target);
        let mut rows: Vec<_> = of_target.map(|(number, row)| self.numbered(*number, row)).collect();
        rows.retain(|row| row.position.is_some());
        rows.sort_by_key(|row| row.position);
        rows.truncate(limit);
        rows
    }

    pub(crate) fn remove_outbox(&mut self, number: i64) {
        self.outbox_positions.remove(&number);
        if let Some(row) = self.outbox.remove(&number) {
            self.outbox_ids.remove(&row.event_id);
        }
    }

    /// The journeys of a partner, oldest first.
    pub(crate) fn journeys_of(&self, key: &PartnerKey) -> Vec<JourneyRow> {
        let from = (key.clone(), String::new());
        let mut journeys: Vec<JourneyRow> =
            self.journeys.range(from..).take_while(|((of, _), _)| of == key).map(|(_, row)| row.clone()).collect();
        journeys.sort_by(|one, other| (one.started_at, &one.id).cmp(&(other.started_at, &other.id)));
        journeys
    }

    /// The clock of a shard, before its first moment the beginning of time.
    pub(crate) fn clock(&self, shard: u32) -> Option<Timestamp> {
        self.shards.get(&(shard as i32)).and_then(|row| row.clock)
    }

    /// Whether a process was heard of after the instant, whatever its kind.
    pub(crate) fn heard_of(&self, process: &str, after: Timestamp) -> bool {
        self.processes.iter().any(|((_, name), at)| name == process && *at > after)
    }
}

/// The instant so long before another.
pub(crate) fn before(now: Timestamp, length: Duration) -> Timestamp {
    now.checked_sub(length).unwrap_or(Timestamp::MIN)
}

/// A row the schema's checks would not take.
pub(crate) fn refused(what: &str) -> StoreError {
    StoreError::Refused(format!("CHECK constraint failed: {what}"))
}
