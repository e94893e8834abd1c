//! Takes what trackers wrote, refuses with a reason what cannot be an event, and re-keys the rest by partner.
//!
//! The hop (DESIGN.md 4.3): personal fields and dead letters are stored first, then the records are appended with the
//! position they came from, then the source is told. A crash in between repeats the batch; the shards drop what they know
//! by its position. The first failed append ends the run: going on could put a later record before an earlier one. What a
//! source or the database cannot answer now is asked again until it does; nothing is lost meanwhile, the source just waits.

mod beginnings;
mod breaker;
mod incarnations;
mod intake;
mod replay;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use jiff::Timestamp;
use rapport_contact::normalise;
use rapport_event::{
    Decoded, Event, Headers, PersonalData, ProgramId, RejectCode, Rejection, SourcePosition, encode, moved, shard_of,
};
use serde_json::{Map, Value};
use tokio_util::sync::CancellationToken;
use tracing::warn;

pub use beginnings::Beginnings;
use breaker::Noted;
pub use breaker::{Breaker, Tripped, accepted_fact, stopped_fact};
pub use incarnations::{FILE, Incarnations};
pub use intake::Intake;
pub(crate) use replay::grid_after;
pub use replay::{ReplayMaster, ReplaySource, ends_a_step};

use crate::{
    backoff::{Backoff, Passing},
    ports::{
        clock::Clock,
        log::{EventLog, LogError, NewRecord, Source, SourceRecord, append_all_that_fit},
        rows::{DeadLetterRow, PersonRow},
        store::{Store, StoreError},
    },
    readiness::Readiness,
    restore::{Guard, RestoreError},
    rulebooks::{RulebookError, Rulebooks},
};

/// Records taken from the source at once.
const BATCH: usize = 1000;
/// How often a source that could not be reached is asked whether it can be.
const LOOK_FOR_SOURCE: Duration = Duration::from_secs(3);
/// How often a stopped partition is looked after.
const LOOK_FOR_ACCEPTANCE: Duration = Duration::from_secs(2);
/// The header that says on which line of its file a record stands, where its place in the source is another.
pub const LINE: &str = "rapport-line";
/// Of a dead letter's bytes this many are kept.
const RAW_MAX: usize = 1 << 20;

/// Why ingest stopped.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    /// The database, after it refused for good.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The log.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The declared kinds could not be read.
    #[error(transparent)]
    Rulebook(#[from] RulebookError),
    /// Too much of a partition is rejected: something upstream is broken, and a flood of dead letters helps nobody.
    #[error(transparent)]
    Breaker(#[from] Tripped),
    /// The log is not the one that is folded. What was taken and not appended is to be read again from the source.
    #[error(transparent)]
    Restore(#[from] RestoreError),
}

/// What ingest runs on.
#[derive(Clone)]
pub struct Ingest {
    /// Persons and dead letters.
    pub store: Arc<dyn Store>,
    /// Where events go.
    pub log: Arc<dyn EventLog>,
    /// The present, against which ages are judged.
    pub clock: Arc<dyn Clock>,
    /// Declared kinds.
    pub rulebooks: Arc<Rulebooks>,
    /// Number of shards.
    pub shards: u32,
    /// Topics that were created anew under the same name.
    pub incarnations: Incarnations,
    /// Told when neighbours fail.
    pub readiness: Readiness,
    /// When programmes began, as far as this process has noted it.
    pub beginnings: Arc<Beginnings>,
    /// Asked whether the log is the one that is folded.
    pub guard: Arc<Guard>,
}

/// What a batch held.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Taken {
    /// Events appended.
    pub events: usize,
    /// Records refused.
    pub rejected: usize,
}

impl std::ops::AddAssign for Taken {
    fn add_assign(&mut self, other: Self) {
        self.events += other.events;
        self.rejected += other.rejected;
    }
}

impl Ingest {
    /// Reads a source until it ends or `stop` is called; with `follow` an end is only a pause.
    pub async fn run(
        &self,
        source: &mut dyn Source,
        follow: bool,
        stop: CancellationToken,
    ) -> Result<Taken, IngestError> {
        let mut breaker = Breaker::default();
        let taken = self.read_on(source, follow, stop, &mut breaker).await;
        // Who reads them next says it himself.
        for (topic, partition) in breaker.forget(|_| false) {
            self.readiness.good(&part(&topic, partition));
        }
        taken
    }

    async fn read_on(
        &self,
        source: &mut dyn Source,
        follow: bool,
        stop: CancellationToken,
        breaker: &mut Breaker,
    ) -> Result<Taken, IngestError> {
        let mut all = Taken::default();
        let mut backoff = Backoff::default();
        let mut known = BTreeSet::new();
        let mut looked = self.clock.monotonic();
        loop {
            let since = self.clock.monotonic().saturating_duration_since(looked);
            let anything_accepted = async {
                match breaker.stopped().is_empty() {
                    true => std::future::pending().await,
                    false => self.clock.pause(LOOK_FOR_ACCEPTANCE.saturating_sub(since)).await,
                }
            };
            let is_failing = backoff.failures() > 0;
            let looks_for_source = async {
                match is_failing {
                    true => self.clock.pause(LOOK_FOR_SOURCE).await,
                    false => std::future::pending().await,
                }
            };
            let records = tokio::select! {
                records = source.next(BATCH) => records,
                () = looks_for_source => {
                    // It may answer and have nothing new for hours.
                    if source.reachable().await.is_ok() {
                        backoff.succeeded();
                        self.readiness.good("ingest");
                    }
                    continue;
                }
                () = anything_accepted => {
                    self.let_through(source, breaker).await?;
                    looked = self.clock.monotonic();
                    continue;
                }
                () = stop.cancelled() => return Ok(all),
            };
            let records = match records {
                Ok(records) => {
                    backoff.succeeded();
                    self.readiness.good("ingest");
                    records
                }
                Err(LogError::Unreachable(why)) => {
                    if self.unreachable(why, &mut backoff, &stop).await {
                        continue;
                    }
                    return Ok(all);
                }
                Err(error) => return Err(error.into()),
            };
            if records.is_empty() && !follow {
                return Ok(all);
            }
            all += self.take(&records, breaker).await?;
            for (topic, partition, next) in ends(&records, breaker) {
                match self.commit(source, &topic, partition, next, &stop).await? {
                    None => return Ok(all),
                    Some(true) if !known.contains(&(topic.clone(), partition)) => {
                        let fact = committed_fact(self.incarnations.of(&topic), &topic, partition);
                        self.retry(async || self.store.pin_meta(&fact, "1").await).await?;
                        known.insert((topic, partition));
                    }
                    Some(_) => {}
                }
            }
            if let Some(tripped) = breaker.tripped().filter(|_| !follow) {
                return Err(tripped.into());
            }
            self.hold(source, &records, breaker).await;
            self.forget(source, breaker);
            if !follow && source.ended() {
                return Ok(all);
            }
        }
    }

    /// Tells the source what is safe, until it has heard, and says whether it has noted that; none when told to stop meanwhile. It
    /// may be told again after a restart: the shards know the records by their positions.
    async fn commit(
        &self,
        source: &mut dyn Source,
        topic: &str,
        partition: i32,
        next: i64,
        stop: &CancellationToken,
    ) -> Result<Option<bool>, IngestError> {
        let mut backoff = Backoff::default();
        loop {
            match source.commit(topic, partition, next).await {
                Ok(noted) => {
                    if backoff.failures() > 0 {
                        self.readiness.good("ingest");
                    }
                    return Ok(Some(noted));
                }
                Err(LogError::Unreachable(why)) => {
                    if !self.unreachable(why, &mut backoff, stop).await {
                        return Ok(None);
                    }
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Partitions that are stopped are not read on; the others are.
    async fn hold(&self, source: &mut dyn Source, records: &[SourceRecord], breaker: &Breaker) {
        for ((topic, partition), stopped) in breaker.stopped() {
            // Also one that was given away and has come back: it is read again then.
            let comes = |record: &SourceRecord| (&record.topic, record.partition) == (topic, *partition);
            if records.iter().any(comes) {
                self.readiness.bad(&part(topic, *partition), stopped.why.to_string());
                // Where it cannot be paused, because the group is just giving it away, what comes of it is passed over.
                if let Err(error) = source.pause(topic, *partition).await {
                    warn!(topic, partition, %error, "a stopped partition is not paused");
                }
            }
        }
        metrics::gauge!("rapport_stopped_partitions").set(breaker.stopped().len() as f64);
    }

    /// Forgets what was counted of partitions that are read elsewhere now.
    fn forget(&self, source: &dyn Source, breaker: &mut Breaker) {
        for (topic, partition) in breaker.forget(|(topic, partition)| source.reads(topic, *partition)) {
            self.readiness.good(&part(&topic, partition));
        }
    }

    /// Goes on with the stopped partitions that a person has accepted meanwhile.
    async fn let_through(&self, source: &mut dyn Source, breaker: &mut Breaker) -> Result<(), StoreError> {
        self.forget(source, breaker);
        let stopped: Vec<_> = breaker.stopped().iter().map(|(place, stopped)| (place.clone(), stopped.next)).collect();
        for (place, next) in stopped {
            if self.is_accepted(breaker, &place, next - 1).await? {
                if let Err(error) = source.resume(&place.0, place.1, next).await {
                    warn!(topic = place.0, partition = place.1, %error, "a partition that was let through does not go on yet");
                    continue;
                }
                let fact = stopped_fact(&self.incarnations.name(&place.0), place.1);
                self.retry(async || self.store.set_meta(&fact, "").await).await?;
                breaker.accept(&place, next - 1);
                self.readiness.good(&part(&place.0, place.1));
            }
        }
        metrics::gauge!("rapport_stopped_partitions").set(breaker.stopped().len() as f64);
        Ok(())
    }

    /// Whether a person has accepted the stop at this record.
    async fn is_accepted(&self, breaker: &Breaker, place: &(String, i32), stopped: i64) -> Result<bool, StoreError> {
        let fact = accepted_fact(&self.incarnations.name(&place.0), place.1);
        let accepted = self.retry(async || self.store.meta(&fact).await).await?;
        let accepted = accepted.and_then(|told| told.split(' ').next()?.parse().ok());
        Ok(accepted.is_some_and(|accepted| breaker.is_same_stop(place, accepted, stopped)))
    }

    /// A source does not answer: red, and after a while it may be asked again. False when told to stop.
    async fn unreachable(&self, why: String, backoff: &mut Backoff, stop: &CancellationToken) -> bool {
        self.readiness.bad("ingest", why);
        let wait = backoff.after_failure();
        tokio::select! { () = self.clock.pause(wait) => true, () = stop.cancelled() => false }
    }

    /// Stores and appends one batch. When it returns, every record of it is safe but those that the breaker keeps back.
    pub async fn take(&self, records: &[SourceRecord], breaker: &mut Breaker) -> Result<Taken, IngestError> {
        self.take_placed(records, breaker, true).await
    }

    /// The same for a record whose place in its source its shard is past already: it goes without one, and is recognised by
    /// what it says, an activity by its id.
    pub async fn take_again(&self, record: SourceRecord) -> Result<Taken, IngestError> {
        self.take_placed(&[record], &mut Breaker::default(), false).await
    }

    async fn take_placed(
        &self,
        records: &[SourceRecord],
        breaker: &mut Breaker,
        placed: bool,
    ) -> Result<Taken, IngestError> {
        let rules = self.retry(async || self.rulebooks.current().await).await?;
        let now = self.retry(async || self.clock.now().await).await?;
        let replays = self.clock.replays();
        let intake = Intake::of(rules.as_ref().map(|rules| &rules.rulebook), replays);
        let mut batch = Sorted { replays, ..Sorted::default() };
        let refused_before = if placed { self.refused_before(records, breaker).await? } else { BTreeMap::new() };
        let mut taken_up = Vec::new();
        for record in records {
            if breaker.keeps_back(record) {
                continue;
            }
            match read(record, &intake, now) {
                Ok(decoded) => {
                    breaker.good(record);
                    match refused_before.get(&place_of(record)) {
                        None => batch.accept(record, decoded, self, placed),
                        // Its shard may be past its place; its dead letter is not to be replayed any more.
                        Some(false) => {
                            let first = batch.events.len();
                            batch.accept(record, decoded, self, false);
                            taken_up.push((place_of(record), first..batch.events.len()));
                        }
                        Some(true) => {}
                    }
                }
                Err(rejection) => {
                    metrics::counter!("rapport_rejected_total", "code" => rejection.code.as_str()).increment(1);
                    batch.dead.push(dead_letter(record, &rejection, now, &self.incarnations));
                    if let Err(tripped) = breaker.bad(record) {
                        let place = (record.topic.clone(), record.partition);
                        let name = self.incarnations.name(&place.0);
                        let fact = stopped_fact(&name, place.1);
                        if self.is_accepted(breaker, &place, record.offset).await? {
                            self.retry(async || self.store.set_meta(&fact, "").await).await?;
                            breaker.accept(&place, record.offset);
                        } else {
                            let tripped = Tripped { source_name: name, ..tripped };
                            let why = format!("{} {tripped}", record.offset);
                            self.retry(async || self.store.set_meta(&fact, &why).await).await?;
                            breaker.stop(record, tripped);
                        }
                    }
                }
            }
        }
        let mut taken = Taken { events: batch.events.len(), rejected: batch.dead.len() };
        if !batch.persons.is_empty() {
            self.retry(async || self.store.store_persons(&batch.persons).await).await?;
        }
        if !batch.dead.is_empty() {
            self.retry(async || self.store.dead_letters(&batch.dead).await).await?;
        }
        self.retry(async || self.beginnings.note(self.store.as_ref(), &batch.began).await).await?;
        if !batch.events.is_empty() {
            self.prove_the_log().await?;
            let too_large = append_all_that_fit(self.log.as_ref(), &batch.events).await?;
            taken.events -= too_large.len();
            taken.rejected += too_large.len();
            self.keep_too_large(records, &batch.events, &too_large, now).await?;
            taken_up.retain(|(_, events)| !too_large.iter().any(|place| events.contains(place)));
        }
        for ((topic, partition, offset), _) in taken_up {
            let source = self.incarnations.name(&topic);
            self.retry(async || self.store.dead_letter_replayed(&source, partition, offset, now).await).await?;
        }
        for (topic, partition) in breaker.found_sound() {
            let fact = stopped_fact(&self.incarnations.name(&topic), partition);
            self.retry(async || self.store.set_meta(&fact, "").await).await?;
        }
        metrics::counter!("rapport_ingested_total").increment(taken.events as u64);
        Ok(taken)
    }

    /// The records that were refused when they were read before, and whether their dead letters were replayed since: of a file
    /// read in again, of a topic whose offsets were set back.
    async fn refused_before(
        &self,
        records: &[SourceRecord],
        breaker: &mut Breaker,
    ) -> Result<BTreeMap<Place, bool>, StoreError> {
        for first in breaker.begun(records) {
            let source = self.incarnations.name(&first.topic);
            let fact = stopped_fact(&source, first.partition);
            let stopped = self.retry(async || self.store.meta(&fact).await).await?;
            let (partition, from) = (first.partition, first.offset);
            let refused =
                self.retry(async || self.store.dead_letters_between(&source, partition, from, i64::MAX).await).await?;
            let stopped = stopped.is_some_and(|why| !why.is_empty());
            let refused_to = refused.iter().map(|(offset, _)| *offset).max();
            breaker.begin(first, Noted { stopped, refused_to });
        }
        let mut spans: BTreeMap<(String, i32), (i64, i64)> = BTreeMap::new();
        let mut last: Option<(&SourceRecord, bool)> = None;
        for record in records {
            let same = last.filter(|(last, _)| (&last.topic, last.partition) == (&record.topic, record.partition));
            let may_be = match same {
                Some((_, may_be)) => may_be,
                None => breaker.may_be_refused_before(&(record.topic.clone(), record.partition), record.offset),
            };
            last = Some((record, may_be));
            if may_be {
                let place = (record.topic.clone(), record.partition);
                let span = spans.entry(place).or_insert((record.offset, record.offset));
                *span = (span.0.min(record.offset), span.1.max(record.offset));
            }
        }
        let mut refused = BTreeMap::new();
        for ((topic, partition), (from, to)) in spans {
            let source = self.incarnations.name(&topic);
            let found =
                self.retry(async || self.store.dead_letters_between(&source, partition, from, to).await).await?;
            refused.extend(found.into_iter().map(|(offset, replayed)| ((topic.clone(), partition, offset), replayed)));
        }
        Ok(refused)
    }

    /// Events larger than the log takes, although their source took them, are dead letters like all that cannot be read.
    async fn keep_too_large(
        &self,
        records: &[SourceRecord],
        events: &[NewRecord],
        places: &[usize],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut dead = Vec::new();
        for event in places.iter().filter_map(|place| events.get(*place)) {
            let Some(position) = event.position else { continue };
            let from = records.iter().find(|record| {
                (record.partition, record.offset) == (position.partition, position.offset)
                    && xxhash_rust::xxh3::xxh3_64(record.topic.as_bytes()) == position.source
            });
            let Some(from) = from else { continue };
            let detail = format!("{} bytes as an event, more than the event log takes", event.value.len());
            let rejection = Rejection::new(RejectCode::RecordTooLarge, detail);
            metrics::counter!("rapport_rejected_total", "code" => rejection.code.as_str()).increment(1);
            dead.push(dead_letter(from, &rejection, now, &self.incarnations));
        }
        if dead.is_empty() { Ok(()) } else { self.retry(async || self.store.dead_letters(&dead).await).await }
    }

    /// What is appended to another log than the shards fold would be lost with it.
    async fn prove_the_log(&self) -> Result<(), RestoreError> {
        self.retry(async || self.guard.prove_log(self.log.as_ref(), self.store.as_ref(), self.clock.as_ref()).await)
            .await
    }

    /// Asks what cannot be reached now until it answers; nothing is lost meanwhile, the source just waits.
    async fn retry<T, E: Passing>(&self, ask: impl AsyncFn() -> Result<T, E>) -> Result<T, E> {
        let mut backoff = Backoff::default();
        loop {
            let answer = ask().await;
            match answer.as_ref().err().and_then(Passing::passing) {
                Some(why) => self.readiness.bad("ingest", why),
                None => {
                    if backoff.failures() > 0 && answer.is_ok() {
                        self.readiness.good("ingest");
                    }
                    return answer;
                }
            }
            self.clock.pause(backoff.after_failure()).await;
        }
    }
}

#[derive(Default)]
struct Sorted {
    /// Records carry the events' own time.
    replays: bool,
    persons: Vec<PersonRow>,
    dead: Vec<DeadLetterRow>,
    events: Vec<NewRecord>,
    began: BTreeMap<ProgramId, Timestamp>,
}

impl Sorted {
    /// `placed` records carry their place in the source.
    fn accept(&mut self, record: &SourceRecord, decoded: Decoded, ingest: &Ingest, placed: bool) {
        let Decoded { mut event, personal } = decoded;
        if personal.is_some() || event.partner().is_some() {
            let person = person_row(&event, personal.as_ref());
            event.person_version = Some(person.version);
            self.persons.push(person);
        }
        let began = self.began.entry(event.key.program.clone()).or_insert(event.occurred_at);
        *began = (*began).min(event.occurred_at);
        let (reversal, event) = moved(event);
        for (index, event) in reversal.into_iter().chain([event]).enumerate() {
            self.events.push(NewRecord {
                shard: shard_of(&event.key, ingest.shards),
                key: event.key.to_string().into_bytes(),
                value: encode(&event),
                // The time by which its source was taken up to here: never one ahead of the present that is being filled.
                stamp: self.replays.then(|| record.timestamp.unwrap_or(event.occurred_at)),
                position: placed.then(|| SourcePosition {
                    source: source_id(&record.topic),
                    incarnation: ingest.incarnations.of(&record.topic),
                    partition: record.partition,
                    offset: record.offset,
                    index: index as u32,
                }),
            });
        }
    }
}

/// The fact in `meta` that a source has noted an offset of this partition: from then on one must be there.
#[must_use]
pub fn committed_fact(incarnation: u32, topic: &str, partition: i32) -> String {
    format!("source.committed:{incarnation}:{topic}:{partition}")
}

/// How a topic, or a file by its content hash, is named in positions.
#[must_use]
pub fn source_id(name: &str) -> u64 {
    xxhash_rust::xxh3::xxh3_64(name.as_bytes())
}

fn read(record: &SourceRecord, intake: &Intake<'_>, now: Timestamp) -> Result<Decoded, Rejection> {
    let Some(value) = &record.value else { return Err(Rejection::tombstone()) };
    let headers: Vec<(&str, &[u8])> =
        record.headers.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect();
    intake.read(value, &Headers(&headers), now)
}

/// What the mailer and the renderer need to know of a person, as one version of it.
#[must_use]
pub fn person_row(event: &Event, personal: Option<&PersonalData>) -> PersonRow {
    let mut fields = Map::new();
    if let Some(data) = event.partner()
        && let Ok(Value::Object(known)) = serde_json::to_value(data)
    {
        fields.extend(known);
    }
    if let Some(personal) = personal
        && let Ok(Value::Object(known)) = serde_json::to_value(personal)
    {
        fields.extend(known);
    }
    let address =
        personal.and_then(|personal| personal.email.as_deref()).and_then(normalise).map(|address| address.folded());
    PersonRow {
        key: event.key.clone(),
        version: event.occurred_at.as_millisecond(),
        address,
        fields: Value::Object(fields).to_string(),
    }
}

fn dead_letter(
    record: &SourceRecord,
    rejection: &Rejection,
    now: Timestamp,
    incarnations: &Incarnations,
) -> DeadLetterRow {
    let headers: Map<String, Value> = record
        .headers
        .iter()
        .map(|(name, value)| (name.clone(), Value::from(String::from_utf8_lossy(value).into_owned())))
        .collect();
    let line = record.headers.iter().find(|(name, _)| name == LINE).map(|(_, line)| String::from_utf8_lossy(line));
    let detail = match line {
        Some(line) => format!("{} (line {line} of the file)", rejection.detail),
        None => rejection.detail.to_string(),
    };
    let mut raw = record.value.clone().unwrap_or_default();
    raw.truncate(RAW_MAX);
    warn!(
        source = record.topic,
        partition = record.partition,
        offset = record.offset,
        code = rejection.code.as_str(),
        "a record is refused and kept as a dead letter"
    );
    DeadLetterRow {
        source: incarnations.name(&record.topic),
        partition: record.partition,
        offset: record.offset,
        code: rejection.code.as_str().to_owned(),
        detail,
        raw,
        headers: Value::Object(headers).to_string(),
        at: now,
        replayed_at: None,
    }
}

/// Source, partition and offset.
type Place = (String, i32, i64);

fn place_of(record: &SourceRecord) -> Place {
    (record.topic.clone(), record.partition, record.offset)
}

/// What readiness calls a partition.
fn part(topic: &str, partition: i32) -> String {
    format!("ingest {topic}/{partition}")
}

/// One past the last record of each partition that was taken.
fn ends(records: &[SourceRecord], breaker: &Breaker) -> Vec<(String, i32, i64)> {
    let mut ends: BTreeMap<(&str, i32), i64> = BTreeMap::new();
    for record in records.iter().filter(|record| !breaker.keeps_back(record)) {
        let end = ends.entry((&record.topic, record.partition)).or_insert(0);
        *end = (*end).max(record.offset + 1);
    }
    ends.into_iter().map(|((topic, partition), next)| (topic.to_owned(), partition, next)).collect()
}
