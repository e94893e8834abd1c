//! What was recorded, and how it is told again.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use rapport_contact::normalise;
use rapport_engine::apply::{Approval, Request, apply};
use rapport_engine::backoff::Passing;
use rapport_engine::ingest::ReplaySource;
use rapport_engine::operate::apart_ms as apart_ms_under;
use rapport_engine::operate::told::ToldPause;
use rapport_engine::ports::log::{LogError, NewRecord, SourceRecord};
use rapport_engine::ports::operating::AuditRow;
use rapport_engine::ports::rows::{COORDINATOR, DefinitionRow, PersonRow, ShardRow};
use rapport_engine::ports::store::{Outstanding, StoreError, SuppressionChange};
use rapport_engine::records::applied_hash;
use rapport_engine::rulebooks::compile;
use rapport_engine::shard::beginning;
use rapport_event::engine::EngineData;
use rapport_event::id::ProgramId;
use rapport_event::kind::Origin;
use rapport_event::{Kind, PartnerKey, Payload, SourcePosition, decode_record};
use tokio_util::sync::CancellationToken;

use super::outcomes::{Ends, Outcomes, Stops, in_milliseconds};
use super::retold::Retold;
use crate::exit::{Doing, Failure};
use crate::files::Texts;
use crate::layout::{Ground, Layout};
use crate::printed::aside;

/// Records read at once.
const PAGE: usize = 2_000;
/// Partners asked for at once.
const KEYS: usize = 500;
/// Whether all is done is looked at whenever the store tells of something, and after so long anyway.
const LOOK_ANYWAY: Duration = Duration::from_millis(100);

/// One record that is told again.
pub struct Told {
    at: Timestamp,
    key: PartnerKey,
    kind: Kind,
    person: Option<i64>,
    contact: Option<(Option<String>, String)>,
    pause: Option<ToldPause>,
    record: NewRecord,
}

/// What a store and its log remember.
pub struct Recorded {
    /// What people and trackers did, in order.
    pub events: VecDeque<Told>,
    /// Rulebooks in the order they came into force.
    pub rulebooks: Vec<(Timestamp, DefinitionRow)>,
    /// What was known of persons, by partner and version.
    pub persons: BTreeMap<(PartnerKey, i64), PersonRow>,
    /// What became of mails and calls.
    pub outcomes: Outcomes,
    /// Instants up to which all was done before what came later.
    pub moments: BTreeSet<Timestamp>,
    /// When programmes began, as the store notes it.
    pub beginnings: Vec<(String, String)>,
    /// The newest stamp.
    pub last: Timestamp,
}

impl Recorded {
    /// Every partner of the record.
    pub fn keys(&self) -> Vec<PartnerKey> {
        let all: BTreeSet<&PartnerKey> = self.events.iter().map(|told| &told.key).collect();
        all.into_iter().cloned().collect()
    }

    /// Notes what was known of persons.
    pub(super) fn know(&mut self, persons: Vec<PersonRow>) {
        self.persons.extend(persons.into_iter().map(|row| ((row.key.clone(), row.version), row)));
    }

    /// Plays as though nobody, and rapport itself neither, had ever let mail wait.
    pub fn forget_pauses(&mut self) {
        self.events.iter_mut().for_each(|told| told.pause = None);
    }

    /// Whether no files were ever in force.
    pub fn is_without_files(&self) -> bool {
        self.rulebooks.is_empty()
    }
}

/// Reads the whole log and what belongs to it. The store is only read.
pub async fn read(layout: &Layout, progress: impl Fn(usize)) -> Result<Recorded, Failure> {
    let mut recorded = read_log(&layout.ground, progress).await?;
    for some in recorded.keys().chunks(KEYS) {
        recorded.know(layout.database.person_versions(some).await.doing("reading persons")?);
    }
    Ok(recorded)
}

/// Reads all but what was known of persons.
pub(super) async fn read_log(ground: &Ground, progress: impl Fn(usize)) -> Result<Recorded, Failure> {
    let mut events = Vec::new();
    let mut ends_of_mails = Ends::default();
    // By when and what: every shard is told of each, and files can come into force again that were before.
    let mut applied: BTreeMap<(Timestamp, String), Timestamp> = BTreeMap::new();
    let mut last = Timestamp::MIN;
    let (mut carried, mut paused) = (BTreeSet::new(), BTreeSet::new());
    let shards: Vec<u32> = (0..ground.shards).collect();
    let ends = ground.log.ends(&shards).await.doing("looking at the event log")?;
    for (shard, end) in shards.into_iter().zip(ends) {
        let (mut reached, mut fired) = (Timestamp::MIN, Timestamp::MIN);
        let mut offset = ground.log.begin(shard).await.doing("looking at the event log")?;
        if offset > 0 {
            return Err(Failure::new(format!(
                "the event log has forgotten its first {offset} records of shard {shard}"
            ))
            .help(
                "a backtest plays all from the beginning: who was approved before what is left would be unknown to it",
            ));
        }
        let marks = ground.store.clock_marks(shard).await.doing("reading when timers fired")?;
        let mut marks = marks.into_iter().peekable();
        let mut feed = ground.log.open(shard, offset).await.doing("reading the event log")?;
        while offset < end {
            let records = feed.next(PAGE).await.doing("reading the event log")?;
            for record in records.into_iter().filter(|record| record.offset < end) {
                offset = record.offset + 1;
                // A record that came late carries an older time; it is told when it came, or its position would hide others.
                // Nor did it come before what time fired until then.
                while let Some((_, clock)) = marks.next_if(|(next, _)| *next <= record.offset) {
                    fired = fired.max(clock);
                }
                let stamp = record.stamp.max(fired);
                reached = reached.max(stamp);
                last = last.max(reached);
                let event = decode_record(&record.value).map_err(|rejection| {
                    Failure::new(format!("record {offset} of shard {shard}: {}", rejection.detail))
                })?;
                if event.kind.origin() == Origin::Internal {
                    ends_of_mails.note(&record, &event);
                    // Carried at the end of a step of its present: what follows belongs to the next one.
                    let after = record.stamp.checked_add(SignedDuration::from_millis(1)).unwrap_or(record.stamp);
                    reached = reached.max(after);
                }
                if event.kind == Kind::RulebookApplied {
                    if let Some(hash) = applied_hash(&event) {
                        let told = applied.entry((event.occurred_at, hash.to_string())).or_insert(record.stamp);
                        *told = record.stamp.min(*told);
                    }
                    continue;
                }
                if !is_told_again(&event.kind) {
                    continue;
                }
                // What a relay carried has the place it was carried from. The relay of the play counts its own places: under one of
                // these a record of its own would be taken for known. Carried twice it is told once all the same.
                let is_carried = event.kind.origin() != Origin::Upstream;
                if is_carried && !carried.insert(event.id.clone()) {
                    continue;
                }
                let contact = match &event.payload {
                    Payload::Engine(data) => match data.as_ref() {
                        EngineData::Contact(data) => Some((
                            data.topic.as_deref().map(str::to_owned),
                            data.reason.as_deref().unwrap_or("manual").to_owned(),
                        )),
                        _ => None,
                    },
                    _ => None,
                };
                events.push((
                    (reached, shard, record.offset),
                    Told {
                        at: reached,
                        pause: ToldPause::of(&event).filter(|pause| paused.insert(pause.id())),
                        record: NewRecord {
                            shard: 0,
                            key: event.key.to_string().into_bytes(),
                            value: record.value,
                            stamp: Some(stamp),
                            position: record
                                .position
                                .filter(|_| !is_carried)
                                .map(|at| of_shard(at, shard, ground.shards)),
                        },
                        key: event.key,
                        kind: event.kind,
                        person: event.person_version,
                        contact,
                    },
                ));
            }
            progress(events.len());
        }
    }
    events.sort_by_key(|(order, _)| *order);
    let events: VecDeque<Told> = events.into_iter().map(|(_, told)| told).collect();
    let mut recorded = Recorded {
        events,
        rulebooks: Vec::new(),
        persons: BTreeMap::new(),
        outcomes: Outcomes::default(),
        moments: std::mem::take(&mut ends_of_mails.moments),
        beginnings: Vec::new(),
        last,
    };
    let mut applied: Vec<_> = applied.into_iter().map(|((noted, hash), at)| (at, noted, hash)).collect();
    applied.sort();
    let mut apart_ms = BTreeSet::from([apart_ms_under(None)]);
    for (at, noted, hash) in applied {
        let Some(row) = ground.store.definition(&hash).await.doing("reading a rulebook")? else { continue };
        match compile(&row) {
            // The row knows the last time only.
            Ok(applied) => {
                apart_ms.insert(apart_ms_under(Some(&applied.rulebook)));
                recorded.rulebooks.push((at, DefinitionRow { applied_at: noted, ..row }));
            }
            // As live: what this release cannot read stands aside for what was in force before.
            Err(broken) => aside(format!("the files applied at {at} are left out of the play: {broken}")),
        }
    }
    let keys = recorded.keys();
    let mut messages = Vec::new();
    for key in &keys {
        let Some(story) = ground.store.story(key).await.doing("reading mails")? else { continue };
        messages.extend(story.messages);
    }
    let pauses = recorded.events.iter().filter_map(|told| Some((told.at, told.pause.as_ref()?)));
    let pauses: Vec<_> = pauses.collect();
    recorded.outcomes = ends_of_mails.with(messages, &Stops::of(&pauses, &apart_ms));
    let programs: BTreeSet<&ProgramId> = keys.iter().map(|key| &key.program).collect();
    for program in programs {
        let name = beginning(program);
        let noted = ground.store.meta(&name).await.doing("reading when a programme began")?;
        recorded.beginnings.extend(noted.map(|value| (name, value)));
    }
    Ok(recorded)
}

/// The place as the one shard of a play keeps it. Live, each shard knows which places of a source it has seen, and a source's order holds
/// within a shard alone: of two shards' records that came at one instant, the play may tell the later place first.
fn of_shard(place: SourcePosition, shard: u32, shards: u32) -> SourcePosition {
    let partition = place.partition.wrapping_mul(shards.cast_signed()).wrapping_add(shard.cast_signed());
    SourcePosition { partition, ..place }
}

/// What people and trackers did is told again; what rapport made of it is made anew. What a workflow does of these kinds (a case opened, an
/// award) is part of its commit and no record.
fn is_told_again(kind: &Kind) -> bool {
    kind.origin() == Origin::Upstream
        || matches!(
            kind,
            Kind::MessageBounced
                | Kind::MessageComplained
                | Kind::MessageClicked
                | Kind::TaskDone
                | Kind::CaseOpened
                | Kind::CaseResolved
                | Kind::GoalProposed
                | Kind::GoalAccepted
                | Kind::GoalCountered
                | Kind::GoalDeclined
                | Kind::GoalWithdrawn
                | Kind::PartnerAwarded
                | Kind::ContactOptedOut
                | Kind::ContactOptedIn
                | Kind::ContactSuppressed
                | Kind::OperatorCommand
                | Kind::PartnerErased
        )
}

/// Tells the record to a store and log of its own, step by step.
pub struct Source {
    recorded: Recorded,
    ground: Ground,
    log: Arc<Retold>,
    edited: Option<Texts>,
    from: Timestamp,
    next_rulebook: usize,
    /// The newest address of each partner as far as told.
    addresses: BTreeMap<PartnerKey, String>,
    /// What comes before a pause, its end, or other files, is done before it: the instants up to which, in order.
    halts: Vec<Timestamp>,
    /// The play is over, or one of its services is.
    stop: CancellationToken,
}

impl Source {
    /// Tells `recorded`; edited files come into force at their instant. A play that has an `end` goes up to it and no further.
    pub fn new(
        recorded: Recorded,
        ground: Ground,
        log: Arc<Retold>,
        edited: Option<(Texts, Timestamp)>,
        end: Option<Timestamp>,
        stop: CancellationToken,
    ) -> Self {
        let (edited, from) = edited.map_or((None, Timestamp::MAX), |(texts, from)| (Some(texts), from));
        let before = |told: &Told| told.at.checked_sub(SignedDuration::from_millis(1)).ok();
        let pauses = recorded.events.iter().filter(|told| told.pause.is_some()).filter_map(before);
        let applied = recorded.rulebooks.iter().map(|(at, _)| *at).filter(|at| *at < from);
        let moments = recorded.moments.iter().copied().chain(end.map(in_milliseconds));
        let halts: BTreeSet<Timestamp> = pauses.chain(applied).chain([from]).chain(moments).collect();
        let halts = halts.into_iter().collect();
        Self { recorded, ground, log, edited, from, next_rulebook: 0, addresses: BTreeMap::new(), halts, stop }
    }

    /// Puts the first rulebook into force before anything runs: without one nothing is folded, and nothing ever looks quiet.
    pub async fn prepare(&mut self) -> Result<(), StoreError> {
        let store = &self.ground.store;
        let first = self.recorded.events.front().map_or(self.from, |told| told.at);
        if let Some((_, row)) = self.recorded.rulebooks.first() {
            let event = rapport_engine::records::rulebook_applied(0, &row.hash, None, &row.applied_by, row.applied_at);
            let audit = AuditRow::done("apply", &row.hash, &row.applied_by, row.applied_at);
            store.apply_definition(row, None, &audit, &[rapport_engine::records::outbox(0, event)]).await?;
            self.next_rulebook = 1;
        }
        if self.recorded.rulebooks.is_empty() || first >= self.from {
            self.edit(self.from.min(first)).await?;
        }
        Ok(())
    }

    /// The edited files come into force.
    async fn edit(&mut self, now: Timestamp) -> Result<bool, StoreError> {
        let Some(texts) = self.edited.take() else { return Ok(false) };
        let request =
            Request { texts, by: "backtest".to_owned(), since: None, approval: Approval::NotNeeded, plan: None };
        let applied = apply(&self.ground.store, request, 1, now).await;
        applied.map_err(|error| StoreError::Refused(error.to_string()))?;
        Ok(true)
    }

    /// Rulebooks that came into force before an instant: the recorded ones before the window, then the edited files. A step ends where
    /// one did, so what happened before is under the files before it.
    async fn rulebooks(&mut self, until: Timestamp) -> Result<(), LogError> {
        let mut changed = false;
        while let Some((at, row)) = self.recorded.rulebooks.get(self.next_rulebook) {
            if *at >= until || *at >= self.from {
                break;
            }
            let event = rapport_engine::records::rulebook_applied(0, &row.hash, None, &row.applied_by, row.applied_at);
            let store = &self.ground.store;
            let audit = AuditRow::done("apply", &row.hash, &row.applied_by, row.applied_at);
            let before = store.current_definition_hash().await.map_err(unreachable)?;
            let told = [rapport_engine::records::outbox(0, event)];
            store.apply_definition(row, before.as_deref(), &audit, &told).await.map_err(unreachable)?;
            self.next_rulebook += 1;
            changed = true;
        }
        if until > self.from {
            changed |= self.edit(self.from).await.map_err(unreachable)?;
        }
        if changed { self.rest().await } else { Ok(()) }
    }

    /// What let mail wait, and what let it go on, as it was then. What goes on at once does so before anything that came later.
    async fn pauses(&self, told: &[Told]) -> Result<(), LogError> {
        let mut changed = false;
        for pause in told.iter().filter_map(|told| told.pause.as_ref()) {
            let applied = self.ground.rulebooks.current().await.map_err(unreachable)?;
            let rulebook = applied.as_deref().map(|applied| &applied.rulebook);
            // Files that allow more, or know no limit, would not have stopped it there.
            let limit = rulebook.and_then(|rulebook| rulebook.config.burst.stop_above);
            if pause.burst().is_some_and(|reached| limit.is_none_or(|limit| limit > reached)) {
                continue;
            }
            pause.carry_out(self.ground.store.as_ref(), rulebook).await.map_err(unreachable)?;
            changed = true;
        }
        if changed { self.rest().await } else { Ok(()) }
    }

    /// All that follows at the present is done before anything later is told.
    async fn rest(&self) -> Result<(), LogError> {
        let mut written = self.ground.store.written();
        loop {
            // Before the look: what is written during it is looked at.
            if let Some(written) = &mut written {
                written.mark_unchanged();
            }
            if self.stop.is_cancelled() || self.is_at_rest().await? {
                return Ok(());
            }
            let told = async {
                match &mut written {
                    // The store outlives those who wait for it.
                    Some(written) => written.changed().await.is_ok(),
                    None => std::future::pending().await,
                }
            };
            tokio::select! { _ = told => {}, () = tokio::time::sleep(LOOK_ANYWAY) => {}, () = self.stop.cancelled() => {} }
        }
    }

    /// Whether nothing is left to do at the present; the clock master looks in the same way.
    async fn is_at_rest(&self) -> Result<bool, LogError> {
        let store = &self.ground.store;
        let Some(present) = store.replay_present().await.map_err(unreachable)? else { return Ok(true) };
        let before = store.shard_rows().await.map_err(unreachable)?;
        if store.outstanding(present).await.map_err(unreachable)? != Outstanding::default() {
            return Ok(false);
        }
        let shards: Vec<u32> = (0..self.ground.shards).collect();
        let ends = self.ground.log.ends(&shards).await?;
        let next = |row: &ShardRow| usize::try_from(row.shard).ok().and_then(|shard| ends.get(shard)).copied();
        let have_read =
            before.iter().filter(|row| row.shard != COORDINATOR).all(|row| next(row) == Some(row.next_offset));
        let after = store.shard_rows().await.map_err(unreachable)?;
        let state = |rows: &[ShardRow]| rows.iter().map(|row| (row.shard, row.commit_no)).collect::<Vec<_>>();
        Ok(have_read && state(&before) == state(&after))
    }

    /// What the mailer reads of tables, as it was told at that time.
    async fn tables(&mut self, told: &[Told]) -> Result<(), StoreError> {
        let mut persons = Vec::new();
        let mut changes = Vec::new();
        for told in told {
            if let Some(row) = told.person.and_then(|version| self.recorded.persons.get(&(told.key.clone(), version))) {
                if let Some(address) = &row.address {
                    self.addresses.insert(told.key.clone(), address.clone());
                }
                persons.push(row.clone());
            }
            let Some((topic, reason)) = &told.contact else { continue };
            if let Some(address) = self.addresses.get(&told.key).and_then(|address| normalise(address)) {
                changes.push(match told.kind {
                    Kind::ContactOptedIn => SuppressionChange::lift(address.as_str(), topic.as_deref(), reason),
                    _ => SuppressionChange::add(address.as_str(), topic.as_deref(), reason, told.at),
                });
            }
        }
        self.ground.store.store_persons(&persons).await?;
        self.ground.store.change_suppressions(&changes, &[]).await
    }
}

fn unreachable(error: impl Passing + Display) -> LogError {
    match error.passing() {
        Some(why) => LogError::Unreachable(why.to_owned()),
        None => LogError::Refused(error.to_string()),
    }
}

#[async_trait]
impl ReplaySource for Source {
    /// The records go to the log as they were, so there is nothing left to be taken in.
    async fn take_until(&mut self, until: Timestamp) -> Result<Vec<SourceRecord>, LogError> {
        let mut told = Vec::new();
        while let Some(next) = self.recorded.events.pop_front_if(|next| next.at <= until) {
            told.push(next);
        }
        self.pauses(&told).await?;
        self.rulebooks(until).await?;
        if !told.is_empty() {
            self.tables(&told).await.map_err(unreachable)?;
        }
        // At one instant what came from outside was there before what came of it.
        let ends = self.log.due(until).into_iter().map(|(at, record)| (at, true, record));
        let mut records: Vec<_> = told.into_iter().map(|told| (told.at, false, told.record)).chain(ends).collect();
        if !records.is_empty() {
            records.sort_by_key(|(at, is_end, _)| (*at, *is_end));
            self.log.tell(records.into_iter().map(|(.., record)| record).collect()).await?;
        }
        Ok(Vec::new())
    }

    async fn next_time(&mut self) -> Result<Option<Timestamp>, LogError> {
        Ok(Some(self.recorded.events.front().map_or(self.recorded.last, |told| told.at)))
    }

    async fn commit(&mut self) -> Result<(), LogError> {
        Ok(())
    }

    fn halt_after(&self, present: Timestamp) -> Option<Timestamp> {
        self.halts.get(self.halts.partition_point(|halt| *halt <= present)).copied()
    }
}

#[cfg(test)]
mod tests {
    use rapport_event::kind::CATALOGUE;

    use super::*;

    /// A kind that nobody has thought of here would be lost to every play.
    #[test]
    fn of_every_kind_it_is_known_whether_it_is_told_again_or_made_anew() {
        let anew = |kind: &Kind| kind.origin() == Origin::Internal && !is_told_again(kind);
        let anew: Vec<&str> = CATALOGUE.iter().filter(|entry| anew(&entry.kind)).map(|entry| entry.name).collect();
        assert_eq!(
            anew,
            [
                "message.sent",
                "message.suppressed",
                "message.expired",
                "message.failed",
                "message.in_doubt",
                "message.deferred",
                "call.delivered",
                "call.failed",
                "program.day_closed",
                "rulebook.applied",
                "offer.granted",
                "offer.refused",
            ]
        );
        let derived = CATALOGUE.iter().filter(|entry| entry.origin == Origin::Derived);
        assert!(derived.map(|entry| &entry.kind).all(|kind| !is_told_again(kind)), "folding makes them again");
    }
}
