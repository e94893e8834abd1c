//! One shard's owner: folds the records of its partition, fires its timers, closes its days, one commit at a time.
//!
//! The order within a shard is the whole protocol (DESIGN.md 4): before a record is folded, the shard's time comes to the
//! record's stamp, and on the way everything due fires in the order (due, partner, subject) with now = due. Memory may run
//! ahead of the database by one commit; after any error it is thrown away and read anew.

pub mod batch;
pub mod day_close;
pub mod entry;
mod error;
pub mod facts;
pub(crate) mod feed;
pub mod foresight;
pub mod goals;
pub mod health;
pub mod interest;
mod printed;
pub mod react;
mod recent_ids;
mod release;
mod seen;
pub mod segments;
mod suspects;
pub mod timers;

use std::{
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::{Duration, Instant},
};

use jiff::{SignedDuration, Timestamp};
use rapport_event::{
    Event, Kind, PartnerKey, Payload, ProgramId, SourcePosition,
    engine::{EngineData, OutcomeData},
};
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, warn};

pub use self::error::ShardError;
use self::{
    batch::Batch,
    day_close::Cursor,
    entry::{Entry, Partners},
    feed::{Feed, LastRecord, print},
    interest::Interests,
    react::{Place, Quarantine, Reaction},
    recent_ids::RecentIds,
    seen::Seen,
    suspects::Suspects,
    timers::{Timers, WINDOW},
};
use crate::{
    backoff::{Backoff, Passing as _},
    ownership::EngineParts,
    ports::{
        log::{LogError, LogRecord, Progress},
        rows::{Rebuilt, ShardCommit, ShardRow, TimerRow},
        store::Committed,
    },
    records,
    restore::{self, RestoreError},
    rulebooks::{Applied, RulebookError},
    stillness::{Idle, Stillness},
};

/// How long a caught-up owner waits for records before it looks at the clock again; in a replay the present moves in steps and
/// everybody waits for everybody.
const TICK: Idle = Idle { live: Duration::from_millis(250), in_replay: Duration::from_millis(5) };

/// A note of a programme's beginning is not asked for again for so long, unless an older event comes.
const BEGINNINGS_HOLD: Duration = Duration::from_secs(2);

/// Partners looked at in one commit when journeys change versions.
const PARTNERS_AT_ONCE: usize = 2_000;

/// The least step of instants in the database.
const MOMENT: SignedDuration = SignedDuration::from_millis(1);

/// How long a timer is put off whose programme no file in force knows.
const LOOK_AGAIN: SignedDuration = SignedDuration::from_hours(1);

/// A record on its way to being folded.
struct Arrived {
    place: LogPlace,
    /// Its `now`, not ahead of the present.
    stamp: Timestamp,
    /// None when it cannot be read.
    event: Option<Event>,
}

/// Where a record stands in the log, and where it came from.
#[derive(Debug, Clone, Copy)]
struct LogPlace {
    offset: i64,
    position: Option<SourcePosition>,
    /// By which the record is known again.
    print: u64,
}

/// Why an owner stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// It was told to.
    Stopped,
    /// Somebody else owns the row now.
    Fenced,
    /// Something that waiting does not mend; for people.
    Failed(String),
}

/// The owner of one shard.
pub struct ShardOwner {
    parts: EngineParts,
    shard: u32,
    epoch: i64,
    commit_no: i64,
    next_offset: i64,
    /// How far time has come; never goes back.
    clock: Timestamp,
    seen: Seen,
    rulebook: Option<Arc<Applied>>,
    interests: Arc<Interests>,
    cursor: Cursor,
    /// The earliest close of a day that is ahead; none where it has to be worked out.
    closes_next: Option<Timestamp>,
    partners: Partners,
    ids: RecentIds,
    timers: Timers,
    feed: Feed,
    batch: Batch,
    batch_max: usize,
    /// Partners whose reaction failed since this owner began.
    suspects: Suspects,
    /// Timers fired and days closed since this owner began.
    fired: u64,
    /// First event of each programme, as far as known.
    began: BTreeMap<ProgramId, Timestamp>,
    /// Records that stand before this instant are folded again, since a restored database was accepted then.
    rebuild_until: Option<Timestamp>,
    /// When each programme's beginning was last asked for.
    learnt: BTreeMap<ProgramId, Instant>,
}

impl ShardOwner {
    /// The owner of a row just taken. Nothing is read before [`ShardOwner::run`].
    #[must_use]
    pub fn new(parts: EngineParts, row: ShardRow, batch_max: usize) -> Self {
        let shard = u32::try_from(row.shard).unwrap_or_default();
        Self {
            parts,
            shard,
            epoch: row.epoch,
            commit_no: row.commit_no,
            next_offset: row.next_offset,
            clock: row.clock.unwrap_or(Timestamp::MIN),
            seen: Seen::default(),
            rulebook: None,
            interests: Arc::default(),
            cursor: Cursor::default(),
            closes_next: None,
            partners: Partners::new(shard),
            ids: RecentIds::default(),
            timers: Timers::default(),
            feed: Feed::new(shard, row.next_offset),
            batch: Batch::default(),
            batch_max,
            suspects: Suspects::default(),
            fired: 0,
            began: BTreeMap::new(),
            rebuild_until: None,
            learnt: BTreeMap::new(),
        }
    }

    /// Runs until told to stop, fenced, or something that waiting does not mend.
    pub async fn run(mut self, stop: CancellationToken) -> Ended {
        let part = format!("shard {}", self.shard);
        let mut backoff = Backoff::default();
        loop {
            let error = match self.take_up_and_serve(&stop, &part).await {
                Ok(()) => return Ended::Stopped,
                Err(error) => error,
            };
            match error {
                ShardError::Fenced => return Ended::Fenced,
                // Memory is thrown away and read anew; the partner is tried once more, then quarantined.
                ShardError::Unfit(key, why) => {
                    error!(shard = self.shard, partner = %key, why, "reacting failed");
                    self.parts.readiness.bad(&part, format!("reacting for partner {key} failed: {why}"));
                }
                ShardError::Restored(restored) => {
                    error!(shard = self.shard, %restored, "the shard waits");
                    self.parts.readiness.bad(&part, restored.to_string());
                }
                error if error.passing().is_some() => self.parts.readiness.bad(&part, error.to_string()),
                error => {
                    error!(shard = self.shard, %error, "the shard stops");
                    if let ShardError::OtherLog { .. } = error
                        && let Err(unwritten) =
                            restore::note_other_log(self.parts.store.as_ref(), &error.to_string()).await
                    {
                        warn!(%unwritten, "whoever appends does not know yet; it is noted at the next try");
                    }
                    return Ended::Failed(error.to_string());
                }
            }
            let wait = backoff.after_failure();
            tokio::select! { () = self.parts.clock.pause(wait) => {}, () = stop.cancelled() => return Ended::Stopped }
        }
    }

    /// Reads everything anew from the row we own, then serves.
    async fn take_up_and_serve(&mut self, stop: &CancellationToken, part: &str) -> Result<(), ShardError> {
        let row = self.parts.store.shard_row(self.shard as i32).await?;
        let Some(row) = row.filter(|row| row.epoch == self.epoch) else { return Err(ShardError::Fenced) };
        if !self.parts.clock.replays() {
            // A replay tells the log nothing, so that it can be repeated.
            restore::examine_own(self.parts.log.as_ref(), &row).await?;
        }
        let rebuild_until = restore::accepted_at(self.parts.store.as_ref()).await?;
        let parts = self.parts.clone();
        let batch_max = self.batch_max;
        let cursor = Cursor::from_row(&row.cursor)?;
        // Memory is thrown away as a whole: nothing of a batch that failed can survive in it.
        let suspects = std::mem::take(&mut self.suspects);
        *self = Self { suspects, rebuild_until, cursor, ..Self::new(parts, row.clone(), batch_max) };
        self.rulebook = match &row.rulebook {
            Some(hash) => match self.parts.rulebooks.by_hash(hash).await {
                Err(broken @ RulebookError::Broken { .. }) => Some(self.parts.rulebooks.instead_of(broken).await?),
                found => found?,
            },
            None => None,
        };
        self.seen = Seen::load(&self.parts.store.seen(Some(self.shard)).await?);
        self.ids = RecentIds::read(self.parts.store.as_ref(), self.shard, self.clock).await?;
        self.load_timers().await?;
        self.feed.open(self.parts.log.as_ref(), self.cursor.last).await?;
        self.parts.readiness.good(part);
        self.serve(stop).await
    }

    async fn serve(&mut self, stop: &CancellationToken) -> Result<(), ShardError> {
        let replays = self.parts.clock.replays();
        let clock = self.parts.clock.clone();
        let mut stillness = Stillness::new(self.parts.store.as_ref(), clock.as_ref(), TICK, |written| written.present);
        while !stop.is_cancelled() {
            let tick = stillness.idle();
            tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(()),
                filled = self.feed.fill(self.batch_max, tick) => filled?,
                () = stillness.told() => {}
            }
            stillness.mark();
            let present = self.parts.clock.now().await?;
            if self.rulebook.is_none() {
                // A shard that never ran begins with what is applied now; later changes come as records.
                self.rulebook = self.parts.rulebooks.current().await?;
            }
            let records = self.feed.take_until(present, replays);
            let folded = records.len();
            self.fold_records(records, present).await?;
            // Live the next records are fetched first; in a replay everybody waits for this shard to come to the present.
            if (folded == 0 || replays)
                && (self.clock < present || (replays && self.timers.next_due().is_some_and(|due| due <= present)))
                && self.feed.is_drained(self.parts.log.as_ref(), replays).await?
            {
                self.come_to(present).await?;
            }
        }
        Ok(())
    }

    /// Folds records in offset order and commits.
    async fn fold_records(&mut self, records: Vec<LogRecord>, present: Timestamp) -> Result<(), ShardError> {
        if records.is_empty() {
            return Ok(());
        }
        let mut events: Vec<Arrived> = Vec::with_capacity(records.len());
        for record in records {
            if record.offset != self.next_offset + events.len() as i64 {
                let expected = self.next_offset + events.len() as i64;
                return Err(LogError::Refused(format!(
                    "shard {}: expected offset {expected}, found {}",
                    self.shard, record.offset
                ))
                .into());
            }
            let place = LogPlace { offset: record.offset, position: record.position, print: print(&record.value) };
            let event = match records::read(&record.value) {
                Ok(event) => Some(event),
                Err(why) => {
                    warn!(shard = self.shard, offset = record.offset, why, "a record cannot be read");
                    self.batch.unreadable.push((record.offset, "unreadable_record".to_owned(), why, record.value));
                    None
                }
            };
            events.push(Arrived { place, stamp: record.stamp.min(present), event });
        }
        self.load_for(&events).await?;
        for Arrived { place, stamp, event } in events {
            self.come_before(stamp).await?;
            let news = place.position.is_none_or(|position| self.seen.is_new(position));
            match event.filter(|_| news) {
                Some(event) => self.fold(event, place).await?,
                None => self.pass(place),
            }
        }
        self.commit().await?;
        self.batch = Batch::default();
        self.partners.trim();
        Ok(())
    }

    /// Brings the partners and conversions that the events name into memory, in two round trips.
    async fn load_for(&mut self, events: &[Arrived]) -> Result<(), ShardError> {
        let events = events.iter().filter_map(|arrived| arrived.event.as_ref()).filter(|event| event.key.is_partner());
        let mut keys = Vec::new();
        let (mut conversions, mut ended) = (Vec::new(), Vec::new());
        let mut earliest: BTreeMap<ProgramId, Timestamp> = BTreeMap::new();
        for event in events {
            if !self.partners.has(&event.key) {
                keys.push(event.key.clone());
            }
            let first = earliest.entry(event.key.program.clone()).or_insert(event.occurred_at);
            *first = (*first).min(event.occurred_at);
            match &event.payload {
                Payload::Conversion(conversion) => {
                    conversions.push((event.key.clone(), conversion.conversion_id.as_str().to_owned()));
                }
                Payload::Engine(data) => {
                    // What became of a mail is told to its journey though that is over, be it of a version long gone.
                    if let EngineData::Outcome(OutcomeData { journey: Some(journey), .. }) = &**data {
                        ended.push((event.key.clone(), journey.clone()));
                    }
                }
                _ => {}
            }
        }
        self.learn_beginnings(&earliest).await?;
        self.partners.load(&self.parts, keys).await?;
        for (key, journey) in ended {
            self.partners.ensure_versions(&self.parts, &key, Some(&journey)).await?;
        }
        self.batch.load_conversions(self.parts.store.as_ref(), conversions).await
    }

    /// Since when programmes are known. What is noted can only move back, by an event that is older than it: in another shard's
    /// records it shows within [`BEGINNINGS_HOLD`]. A restored database may have lost the note, and gets it from the log.
    async fn learn_beginnings(&mut self, earliest: &BTreeMap<ProgramId, Timestamp>) -> Result<(), ShardError> {
        let (now, replays) = (self.parts.clock.monotonic(), self.parts.clock.replays());
        for (program, first) in earliest {
            if self.rebuild_until.is_some() {
                self.parts.store.lower_meta(&beginning(program), first.as_millisecond()).await?;
            }
            let learnt = self.learnt.get(program);
            let holds = replays || learnt.is_some_and(|at| now.saturating_duration_since(*at) < BEGINNINGS_HOLD);
            if holds && self.began.get(program).is_some_and(|began| began <= first) {
                continue;
            }
            self.learnt.insert(program.clone(), now);
            self.read_beginning(program).await?;
        }
        Ok(())
    }

    async fn read_beginning(&mut self, program: &ProgramId) -> Result<(), ShardError> {
        let noted = self.parts.store.meta(&beginning(program)).await?;
        if let Some(at) = noted.and_then(|millis| Timestamp::from_millisecond(millis.parse().ok()?).ok()) {
            self.began.insert(program.clone(), at);
        }
        Ok(())
    }

    /// What time alone brings is judged by it, too, be it before an owner has folded any event of the programme.
    async fn know_beginning(&mut self, program: &ProgramId) -> Result<(), ShardError> {
        if self.began.contains_key(program) { Ok(()) } else { self.read_beginning(program).await }
    }

    /// From here on the record is folded: the next commit says so, be it in the middle of a batch. A commit before this
    /// claims neither offset nor position.
    fn pass(&mut self, place: LogPlace) {
        if let Some(position) = place.position {
            self.seen.admit(position);
        }
        self.next_offset = place.offset + 1;
        self.cursor.last = Some(LastRecord { offset: place.offset, print: place.print });
    }

    /// One record with now = the shard's clock.
    async fn fold(&mut self, event: Event, place: LogPlace) -> Result<(), ShardError> {
        match (&event.kind, &event.payload) {
            (Kind::ProgramDayClosed, Payload::Engine(_)) => self.second_pass(&event, place).await?,
            (Kind::OperatorCommand, _) if records::is_release(&event) => self.release(&event, place).await?,
            (Kind::RulebookApplied, _) => {
                // A relay that was stopped may append it again, long after others were applied. It counts as folded when
                // every journey it concerns has been moved: an owner that takes over in between begins it again.
                if !self.ids.knows(records::id_hash(&event), self.clock) {
                    self.switch_rulebook(&event).await?;
                    self.ids.admit(records::id_hash(&event), self.clock);
                }
                self.pass(place);
            }
            _ if event.key.is_partner() => {
                self.pass(place);
                self.fold_partner(&event, place.offset)?;
            }
            _ => {
                self.pass(place);
                debug!(kind = %event.kind.name(), "a record about nobody in particular");
            }
        }
        if self.batch.is_large() {
            self.commit().await?;
        }
        Ok(())
    }

    fn fold_partner(&mut self, event: &Event, offset: i64) -> Result<(), ShardError> {
        // Partners' fields and conversions are recognised by what they say; everything else by its id, be it a tracker's
        // repetition or an outbox row that was appended twice.
        let by_id = event.activity().is_some() || event.engine().is_some();
        if by_id && !self.ids.admit(records::id_hash(event), self.clock) {
            metrics::counter!("rapport_duplicates_total").increment(1);
            return Ok(());
        }
        // Rows that are made from the record alone are made whether its partner can be folded or not.
        if self.rebuild_until.is_some_and(|until| self.clock < until) {
            let rulebook = self.rulebook.as_deref().map(|applied| &applied.rulebook);
            self.batch.rebuilt.extend(restore::rebuilt(event, rulebook));
        }
        if event.kind == Kind::PartnerErased {
            self.batch.rebuilt.push(Rebuilt::Erased { key: event.key.clone(), at: event.occurred_at });
        }
        if let Some(why) = self.partners.look(&event.key).and_then(Entry::quarantined) {
            self.batch.parked.push((event.key.clone(), offset, why));
            return Ok(());
        }
        if let Some(why) = self.suspects.given_up(&event.key) {
            self.batch.parked.push((event.key.clone(), offset, why.clone()));
            self.quarantine(&event.key, &why);
            return Ok(());
        }
        if self.react(&event.key, |reaction| reaction.fold(event))?.is_none() {
            self.unknown_program(event, offset);
            // Nobody has counted it: when the dead letter is replayed it is no repetition.
            if by_id {
                self.ids.retract(records::id_hash(event));
            }
        }
        Ok(())
    }

    /// Nobody can say in which zone and currency the event counts.
    fn unknown_program(&mut self, event: &Event, offset: i64) {
        let detail = format!("programme `{}` is not in config/rapport.yaml", event.key.program);
        self.batch.unreadable.push((offset, "unknown_program".to_owned(), detail, rapport_event::encode(event)));
    }

    /// Whether the day's close has a trigger to look at that is no event.
    fn stirs(&mut self, key: &PartnerKey) -> Result<bool, ShardError> {
        let (Some(rulebook), Some(entry)) = (&self.rulebook, self.partners.look(key)) else { return Ok(false) };
        let place = Place {
            rulebook,
            rulebooks: &self.parts.rulebooks,
            interests: &self.interests,
            shard: self.shard,
            now: self.clock,
            began: self.began.get(&key.program).copied(),
            figures: self.cursor.figures.get(key.program.as_str()),
            expectations: self.cursor.fits.get(key.program.as_str()),
        };
        guarded(&mut self.suspects, key, || Ok(react::stirs(&place, entry)))
    }

    /// Lets a partner react; `None` when there is no rulebook that knows the programme.
    fn react(
        &mut self,
        key: &PartnerKey,
        with: impl FnOnce(Reaction<'_>) -> Result<(), Quarantine>,
    ) -> Result<Option<()>, ShardError> {
        let Some(rulebook) = self.rulebook.clone() else { return Ok(None) };
        let place = Place {
            rulebook: &rulebook,
            rulebooks: &self.parts.rulebooks,
            interests: &self.interests,
            shard: self.shard,
            now: self.clock,
            began: self.began.get(&key.program).copied(),
            figures: self.cursor.figures.get(key.program.as_str()),
            expectations: self.cursor.fits.get(key.program.as_str()),
        };
        let (partners, timers, batch) = (&mut self.partners, &mut self.timers, &mut self.batch);
        guarded(&mut self.suspects, key, || {
            Reaction::new(&place, partners.entry(key), timers, batch).map(with).transpose()
        })
    }

    /// From here on the partner's records wait until a person releases it; the others go on.
    fn quarantine(&mut self, key: &PartnerKey, why: &str) {
        error!(partner = %key, why, "the partner is quarantined: its records, timers and mail wait");
        metrics::counter!("rapport_quarantined_total").increment(1);
        self.batch.quarantined.push((key.clone(), why.to_owned()));
        self.partners.entry(key).state.set_mark(facts::marks::QUARANTINED, why.as_bytes().to_vec());
    }

    /// Takes another rulebook from here on.
    async fn switch_rulebook(&mut self, event: &Event) -> Result<(), ShardError> {
        let Some(hash) = records::applied_hash(event) else { return Ok(()) };
        // Stored in the transaction that sent the record, so it can only be missing from a database that was restored.
        let applied = match self.parts.rulebooks.by_hash(&hash).await {
            Err(broken @ RulebookError::Broken { .. }) => {
                // What is in force now was applied after these: its record comes, and until then nothing changes.
                self.parts.rulebooks.instead_of(broken).await?;
                return Ok(());
            }
            found => found?.ok_or(ShardError::FilesGone(hash))?,
        };
        let moves = react::in_flight::moves_journeys(&applied);
        self.rulebook = Some(applied.clone());
        self.interests = Arc::default();
        self.closes_next = None;
        if moves { self.change_versions(&applied).await } else { Ok(()) }
    }

    /// Moves or ends the journeys that the new rulebook takes over, page by page.
    async fn change_versions(&mut self, applied: &Applied) -> Result<(), ShardError> {
        // Who is new in this batch stands in no page yet.
        self.commit().await?;
        let mut after: Option<PartnerKey> = None;
        loop {
            let page = self.partners.page(&self.parts, after.as_ref(), PARTNERS_AT_ONCE).await?;
            let Some(last) = page.last().cloned() else { return Ok(()) };
            for key in &page {
                let present = self.partners.look(key).filter(|entry| entry.quarantined().is_none());
                if present.is_some_and(|entry| react::in_flight::concerns(applied, entry)) {
                    self.react(key, |reaction| reaction.change_versions())?;
                }
            }
            if self.batch.is_large() || page.len() == PARTNERS_AT_ONCE {
                self.commit().await?;
            }
            after = Some(last);
        }
    }

    /// Fires what is due up to `stamp` and closes days on the way; the clock ends at `stamp` unless it is ahead already.
    async fn come_before(&mut self, stamp: Timestamp) -> Result<(), ShardError> {
        if self.closes_next.is_none_or(|closes| closes <= stamp) {
            while let Some(instant) = self.next_close(stamp) {
                // The clock must not stand at the close before this shard's part is written: whoever reads the row may
                // take it at its word.
                self.fire_until(instant.checked_sub(MOMENT).unwrap_or(Timestamp::MIN)).await?;
                self.first_pass(instant).await?;
            }
            // Days move on here alone, and records are many to a day.
            self.closes_next = self.next_close(Timestamp::MAX);
        }
        self.fire_until(stamp).await?;
        self.clock = self.clock.max(stamp);
        Ok(())
    }

    /// Time passes without a record.
    async fn come_to(&mut self, present: Timestamp) -> Result<(), ShardError> {
        let before = self.fired;
        self.come_before(present).await?;
        self.batch.clock_mark = self.fired != before;
        self.commit().await?;
        self.partners.trim();
        Ok(())
    }

    async fn fire_until(&mut self, upto: Timestamp) -> Result<(), ShardError> {
        loop {
            if self.timers.must_load(upto).is_some() {
                self.load_timers().await?;
                continue;
            }
            let Some(timer) = self.timers.first_due(upto).cloned() else { return Ok(()) };
            self.know_beginning(&timer.key.program).await?;
            if !self.partners.has(&timer.key) {
                let due = self.timers.due_partners(upto, 2_000);
                self.partners.load(&self.parts, due).await?;
            }
            self.clock = self.clock.max(timer.due);
            self.timers.clear(&timer.key, &timer.subject);
            if let Some(why) = self.suspects.given_up(&timer.key) {
                self.quarantine(&timer.key, &why);
            }
            self.fired += 1;
            if self.partners.look(&timer.key).is_some_and(|entry| entry.quarantined().is_some()) {
                self.put_aside(timer);
                continue;
            }
            if let Some(journey) = timer.subject.strip_prefix(react::held::SUBJECT) {
                self.partners.ensure_versions(&self.parts, &timer.key, Some(journey)).await?;
            }
            if self.react(&timer.key, |reaction| reaction.fire(&timer))?.is_none() {
                // No files that know the programme are in force: it waits for them.
                let due = timer.due.checked_add(LOOK_AGAIN).unwrap_or(Timestamp::MAX);
                self.timers.set(TimerRow { due, ..timer });
            }
            if self.batch.is_large() {
                self.commit().await?;
            }
        }
    }

    async fn load_timers(&mut self) -> Result<(), ShardError> {
        let after = self.timers.beyond().cloned();
        let rows = self.parts.store.next_timers(self.shard, after.as_ref(), WINDOW).await?;
        self.timers.loaded(rows, WINDOW);
        Ok(())
    }

    /// Writes everything since the last commit. After an error memory must not be used again.
    async fn commit(&mut self) -> Result<(), ShardError> {
        let mut batch = self.batch.take();
        if self.parts.tells_signals {
            batch.outbox.extend(batch.told.iter().map(|told| told.outbox(self.shard)));
        }
        let clock = (self.clock > Timestamp::MIN).then_some(self.clock);
        let mut commit = ShardCommit {
            shard: self.shard as i32,
            epoch: self.epoch,
            commit_no: self.commit_no,
            next_offset: self.next_offset,
            clock,
            seen: self.seen.take_moved(),
            rulebook: self.rulebook.as_ref().map(|rulebook| rulebook.hash.clone()),
            cursor: self.cursor.to_row(),
            ids: self.ids.take_fresh(self.clock),
            timers: self.timers.take_changes(),
            ..batch.into_commit()
        };
        self.partners.take_touched(&mut commit);
        let started = self.parts.clock.monotonic();
        match self.parts.store.commit_shard(&commit).await {
            Ok(Committed::Done) => {}
            Ok(Committed::Fenced) => return Err(ShardError::Fenced),
            Err(error) => return Err(error.into()),
        }
        self.commit_no += 1;
        let progress = Progress { next_offset: commit.next_offset, epoch: self.epoch, commit_no: self.commit_no };
        metrics::histogram!("rapport_commit_seconds").record(started.elapsed().as_secs_f64());
        if !self.parts.clock.replays()
            && let Err(error) = self.parts.log.report(self.shard, progress).await
        {
            debug!(%error, "the log was not told how far the shard is");
        }
        Ok(())
    }
}

/// Runs what concerns one partner. A panic is a bug of ours, and a reaction that leads too far is somebody's; neither must
/// stop the other partners. What was left in memory is not used: the owner starts again from the database, and leaves a
/// partner out whose turn fails again.
fn guarded<T>(
    suspects: &mut Suspects,
    key: &PartnerKey,
    work: impl FnOnce() -> Result<T, Quarantine>,
) -> Result<T, ShardError> {
    let why = match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(done)) => return Ok(done),
        Ok(Err(Quarantine(why))) => {
            suspects.give_up(key, &why);
            why
        }
        Err(_) => suspects.panicked(key),
    };
    Err(ShardError::Unfit(key.clone(), why))
}

impl From<RestoreError> for ShardError {
    fn from(error: RestoreError) -> Self {
        match error {
            RestoreError::Log(error) => Self::Log(error),
            RestoreError::Store(error) => Self::Store(error),
            RestoreError::Restored(restored) => Self::Restored(restored),
            RestoreError::OtherLog(why) => Self::Log(LogError::Refused(why)),
        }
    }
}

/// The name under which the first event of a programme is noted.
#[must_use]
pub fn beginning(program: &ProgramId) -> String {
    format!("began/{program}")
}
