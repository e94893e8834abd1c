//! Relay, ingest and clock when neighbours fail in the middle, and when processes sleep through hours.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use rapport_engine::{
    clocks::{ServerClock, accept_server_time},
    ingest::{Breaker, Incarnations, Ingest, ReplayMaster, ReplaySource, accepted_fact, stopped_fact},
    ownership::{Engine, EngineParts, EngineSettings},
    ports::{
        clock::Clock,
        log::{
            Announcement, EventLog, LogError, LogIdentity, LogRecord, NewRecord, Progress, ShardFeed, SignalLog,
            Source, SourceRecord,
        },
        rows::{DeadLetterRow, OUTBOX_SOURCE, OutboxRow, Target},
        store::Store,
    },
    readiness::Readiness,
    records,
    relay::{Carried, Relay},
    restore,
    rulebooks::Rulebooks,
};
use rapport_event::{Event, Kind, PartnerKey, Payload};
use rapport_memory::{log::MemoryLog, store::MemoryStore};
use rapport_sim::{
    clock::SimClock,
    faults::{Faults, Rates},
    process::{Process, ProcessStore},
    world,
};
use serde_json::json;
use tokio_util::sync::CancellationToken;

fn key() -> PartnerKey {
    PartnerKey::new("default", "ada").expect("a key")
}

fn at(hours: i64) -> Timestamp {
    world::begins() + SignedDuration::from_hours(hours)
}

/// A login of the one partner, as it stands in the log.
fn login(id: &str) -> OutboxRow {
    let plain =
        json!({ "id": id, "kind": "login", "program": "default", "partner": "ada", "occurred_at": at(0).to_string() });
    let event: Event = rapport_event::decode_record(plain.to_string().as_bytes()).expect("an event");
    assert!(matches!((&event.kind, &event.payload), (Kind::Login, Payload::Activity(_))));
    records::outbox(0, event)
}

/// A log that takes no value longer than `max`, like a broker.
struct Narrow {
    inner: MemoryLog,
    max: usize,
}

#[async_trait]
impl EventLog for Narrow {
    async fn append(&self, records: Vec<NewRecord>) -> Result<(), LogError> {
        for record in records {
            if record.value.len() > self.max {
                return Err(LogError::TooLarge("appending".into()));
            }
            self.inner.append(vec![record]).await?;
        }
        Ok(())
    }
    async fn open(&self, shard: u32, offset: i64) -> Result<Box<dyn ShardFeed>, LogError> {
        self.inner.open(shard, offset).await
    }
    async fn read(&self, shard: u32, offset: i64) -> Result<LogRecord, LogError> {
        self.inner.read(shard, offset).await
    }
    async fn begin(&self, shard: u32) -> Result<i64, LogError> {
        self.inner.begin(shard).await
    }
    async fn ends(&self, shards: &[u32]) -> Result<Vec<i64>, LogError> {
        self.inner.ends(shards).await
    }
    async fn describe(&self) -> Result<LogIdentity, LogError> {
        self.inner.describe().await
    }
    async fn report(&self, shard: u32, progress: Progress) -> Result<(), LogError> {
        self.inner.report(shard, progress).await
    }
    async fn reported(&self, shards: &[u32]) -> Result<Vec<Option<Progress>>, LogError> {
        self.inner.reported(shards).await
    }
}

fn relay(store: &Arc<dyn Store>, log: Arc<dyn EventLog>) -> Relay {
    let clock = Arc::new(SimClock { store: store.clone() });
    let readiness = Readiness::default();
    Relay { name: "relay".into(), store: store.clone(), log, signals: None, clock, readiness }
}

/// What the shard keeps of the partner after its logins came `again` hours later once more, as a relay appends them that
/// was down between appending and removing. `known`: whether they carry the position their row was given.
async fn folded(again: Option<i64>, known: bool) -> Vec<u8> {
    let memory = Arc::new(MemoryStore::default());
    let store: Arc<dyn Store> = memory.clone();
    store.create_shards(1).await.unwrap();
    let texts = world::shipped_files();
    let request = rapport_engine::apply::Request {
        texts,
        by: "test".into(),
        since: Some(at(-48)),
        approval: rapport_engine::apply::Approval::NotNeeded,
        plan: None,
    };
    rapport_engine::apply::apply(&store, request, 1, at(-48)).await.unwrap();
    store.outbox_done(&store.outbox(9).await.unwrap().iter().map(|row| row.number).collect::<Vec<_>>()).await.unwrap();
    store.set_replay_present(at(0)).await.unwrap();
    let log = MemoryLog::new(1);
    let stop = CancellationToken::new();
    let parts = EngineParts {
        store: store.clone(),
        log: Arc::new(log.clone()),
        clock: Arc::new(SimClock { store: store.clone() }),
        rulebooks: Arc::new(Rulebooks::new(store.clone())),
        readiness: Readiness::default(),
        tells_signals: false,
    };
    let engine = Engine::new(EngineSettings::new("engine", 1), parts);
    let token = stop.clone();
    let running = tokio::spawn(async move { engine.run(token).await });

    store.add_outbox(&[login("one"), login("two")]).await.unwrap();
    // A relay that appends and is stopped before it removes: its rows stay.
    let before: Vec<_> = store.outbox(9).await.unwrap();
    let relay = relay(&store, Arc::new(log.clone()));
    let epoch = store.take_relay("relay", Duration::ZERO).await.unwrap().unwrap();
    assert_eq!(relay.carry_once(Target::Events, epoch).await.unwrap(), Carried::Rows(2));
    settled(&store, &log, at(0)).await;
    if let Some(hours) = again {
        store.set_replay_present(at(hours)).await.unwrap();
        settled(&store, &log, at(hours)).await;
        let first = log.records().get(&0).cloned().unwrap_or_default();
        let records = first.iter().zip(&before).map(|(record, row)| NewRecord {
            shard: 0,
            key: row.row.key.clone(),
            value: record.value.clone(),
            stamp: Some(at(hours)),
            position: record.position.filter(|_| known),
        });
        log.append(records.collect()).await.unwrap();
    }
    store.set_replay_present(at(30)).await.unwrap();
    settled(&store, &log, at(30)).await;
    stop.cancel();
    running.await.unwrap();
    let hot = memory.tables().partners.get(&key()).map(|(_, row)| row.hot.clone());
    hot.expect("the partner is known")
}

/// Until the shard has folded everything and come to the present. Time is virtual.
async fn settled(store: &Arc<dyn Store>, log: &MemoryLog, present: Timestamp) {
    loop {
        let row = store.shard_row(0).await.unwrap().unwrap();
        if log.ends(&[0]).await.unwrap() == [row.next_offset] && row.clock.is_some_and(|clock| clock >= present) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_outbox_record_appended_again_after_hours_is_not_folded_again() {
    let once = folded(None, true).await;
    assert_eq!(folded(Some(5), true).await, once);
    assert_ne!(folded(Some(5), false).await, once, "without positions it would count twice");
}

#[tokio::test(start_paused = true)]
async fn a_relay_that_slept_does_no_harm_to_its_successor() {
    let memory = Arc::new(MemoryStore::default());
    let store: Arc<dyn Store> = memory.clone();
    store.create_shards(1).await.unwrap();
    store.set_replay_present(at(0)).await.unwrap();
    let log = MemoryLog::new(1);
    let relay = relay(&store, Arc::new(log.clone()));
    let first = store.take_relay("first", Duration::ZERO).await.unwrap().unwrap();
    store.add_outbox(&[login("one"), login("two")]).await.unwrap();
    let in_hand = store.carry_outbox(first, Target::Events, 9).await.unwrap().unwrap();
    let second = store.take_relay("second", Duration::ZERO).await.unwrap().unwrap();
    store.add_outbox(&[login("three")]).await.unwrap();
    assert_eq!(relay.carry_once(Target::Events, second).await.unwrap(), Carried::Rows(3));
    store.add_outbox(&[login("four")]).await.unwrap();
    // It wakes up: what it had in hand it appends and removes; more it is not given.
    for row in &in_hand {
        let position = log.records()[&0].iter().find(|record| record.value == row.row.value).unwrap().position;
        assert_eq!(position.map(|position| position.offset), row.position);
    }
    store.outbox_done(&in_hand.iter().map(|row| row.number).collect::<Vec<_>>()).await.unwrap();
    assert_eq!(relay.carry_once(Target::Events, first).await.unwrap(), Carried::Fenced);
    assert_eq!(store.outbox(9).await.unwrap()[0].row, login("four"));
}

#[tokio::test(start_paused = true)]
async fn a_row_larger_than_the_log_takes_stands_aside_and_those_behind_it_go_on() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    store.set_replay_present(at(0)).await.unwrap();
    let log = MemoryLog::new(1);
    let relay = relay(&store, Arc::new(Narrow { inner: log.clone(), max: 1000 }));
    let huge = OutboxRow { value: vec![b'x'; 2_000], ..login("huge") };
    let rows: Vec<_> =
        ["1", "2"].map(login).into_iter().chain([huge.clone()]).chain(["3", "4", "5"].map(login)).collect();
    store.add_outbox(&rows).await.unwrap();
    let epoch = store.take_relay("relay", Duration::ZERO).await.unwrap().unwrap();
    assert_eq!(relay.carry_once(Target::Events, epoch).await.unwrap(), Carried::Rows(6));
    assert_eq!(store.outbox(9).await.unwrap(), []);
    let letters = store.list_dead_letters(Some("record_too_large"), 9).await.unwrap();
    assert_eq!(letters.len(), 1);
    assert_eq!((letters[0].source.as_str(), letters[0].offset, &letters[0].raw), (OUTBOX_SOURCE, 3, &huge.value));
    // In order, each at least once: what is not higher than a position before it was there before.
    let mut highest = 0;
    for record in &log.records()[&0] {
        let offset = record.position.unwrap().offset;
        assert!(offset <= highest || offset == highest + 1 || (highest, offset) == (2, 4), "{highest} then {offset}");
        highest = highest.max(offset);
    }
    assert_eq!(highest, 6);
}

/// Takes signals, or fails as told.
#[derive(Default)]
struct Heard {
    fails: Mutex<VecDeque<LogError>>,
    heard: Mutex<Vec<Announcement>>,
}

#[async_trait]
impl SignalLog for Heard {
    async fn publish(&self, announcements: Vec<Announcement>) -> Result<(), LogError> {
        if let Some(error) = self.fails.lock().unwrap().pop_front() {
            return Err(error);
        }
        self.heard.lock().unwrap().extend(announcements);
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn signals_that_nobody_takes_hold_no_event_up_and_are_told_later() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    store.set_replay_present(at(0)).await.unwrap();
    let log = MemoryLog::new(1);
    let heard = Arc::new(Heard::default());
    heard.fails.lock().unwrap().extend((0..5).map(|_| LogError::Refused("no such topic".into())));
    let signal = OutboxRow { target: Target::Signals, ..login("signal") };
    store.add_outbox(&[signal.clone(), login("event")]).await.unwrap();
    let relay = Relay { signals: Some(heard.clone()), ..relay(&store, Arc::new(log.clone())) };
    let (stop, readiness) = (CancellationToken::new(), relay.readiness.clone());
    let token = stop.clone();
    let running = tokio::spawn(async move { relay.run(token).await });
    let mut was_red = false;
    while store.outbox_waits(Target::Signals).await.unwrap() {
        was_red |= readiness.troubles().iter().any(|(part, _)| part == "signals");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(was_red);
    assert_eq!(log.length(), 1);
    assert_eq!(*heard.heard.lock().unwrap(), [Announcement { key: signal.key, value: signal.value }]);
    stop.cancel();
    running.await.unwrap();
}

/// Fails at every call for the first few times, then does what it should.
struct Flaky {
    records: VecDeque<SourceRecord>,
    left: usize,
    failures: usize,
    committed: i64,
}

impl Flaky {
    fn new(failures: usize) -> Self {
        let record = |offset: i64| SourceRecord {
            topic: "activity".into(),
            partition: 0,
            offset,
            timestamp: Some(at(offset)),
            headers: Vec::new(),
            key: None,
            value: Some(login(&format!("login-{offset}")).value),
        };
        Self { records: (0..6).map(record).collect(), left: failures, failures, committed: 0 }
    }

    fn fail(&mut self) -> Result<(), LogError> {
        if self.left == 0 {
            self.left = self.failures;
            return Ok(());
        }
        self.left -= 1;
        Err(LogError::Unreachable("injected".into()))
    }
}

#[async_trait]
impl Source for Flaky {
    async fn next(&mut self, _: usize) -> Result<Vec<SourceRecord>, LogError> {
        self.fail()?;
        Ok(self.records.pop_front().into_iter().collect())
    }
    async fn commit(&mut self, _: &str, _: i32, next_offset: i64) -> Result<bool, LogError> {
        self.fail()?;
        self.committed = next_offset;
        Ok(true)
    }
    fn ended(&self) -> bool {
        self.records.is_empty()
    }
}

#[async_trait]
impl ReplaySource for Flaky {
    async fn take_until(&mut self, until: Timestamp) -> Result<Vec<SourceRecord>, LogError> {
        self.fail()?;
        Ok(self.records.pop_front_if(|record| record.timestamp.is_some_and(|at| at <= until)).into_iter().collect())
    }
    async fn next_time(&mut self) -> Result<Option<Timestamp>, LogError> {
        self.fail()?;
        Ok(self.records.front().and_then(|record| record.timestamp))
    }
    async fn commit(&mut self) -> Result<(), LogError> {
        self.fail()?;
        self.committed = 6 - self.records.len() as i64;
        Ok(())
    }
}

fn ingest(store: &Arc<dyn Store>, log: &MemoryLog, shards: u32) -> Ingest {
    Ingest {
        store: store.clone(),
        log: Arc::new(log.clone()),
        clock: Arc::new(SimClock { store: store.clone() }),
        rulebooks: Arc::new(Rulebooks::new(store.clone())),
        shards,
        incarnations: Incarnations::default(),
        readiness: Readiness::default(),
        beginnings: Arc::default(),
        guard: Arc::default(),
    }
}

/// Two partitions that grow without end: nothing but rubbish in the second.
#[derive(Default)]
struct Rubbish {
    next: [i64; 2],
    paused: bool,
    committed: [i64; 2],
}

#[async_trait::async_trait]
impl Source for Rubbish {
    async fn next(&mut self, _: usize) -> Result<Vec<SourceRecord>, LogError> {
        tokio::time::sleep(Duration::from_millis(10)).await;
        let mut records = Vec::new();
        for partition in 0..2 {
            for _ in 0..if partition == 1 && self.paused { 0 } else { 40 } {
                let offset = self.next[partition];
                self.next[partition] += 1;
                let id = format!("event-{offset}");
                let good = json!({ "id": id, "kind": "login", "program": world::PROGRAM, "partner": "ada",
                    "occurred_at": "2026-01-01T00:00:00Z", "data": {} });
                let value = if partition == 0 { good.to_string() } else { "rubbish".to_owned() };
                records.push(SourceRecord {
                    topic: "activity".into(),
                    partition: partition as i32,
                    offset,
                    timestamp: None,
                    headers: Vec::new(),
                    key: None,
                    value: Some(value.into_bytes()),
                });
            }
        }
        Ok(records)
    }

    async fn commit(&mut self, _: &str, partition: i32, next: i64) -> Result<bool, LogError> {
        self.committed[partition as usize] = next;
        Ok(true)
    }

    fn ended(&self) -> bool {
        false
    }

    async fn pause(&mut self, _: &str, partition: i32) -> Result<(), LogError> {
        assert_eq!(partition, 1);
        self.paused = true;
        Ok(())
    }

    async fn resume(&mut self, _: &str, partition: i32, offset: i64) -> Result<(), LogError> {
        assert_eq!((partition, offset), (1, self.committed[1]), "it goes on where it was stopped");
        (self.paused, self.next[1]) = (false, offset);
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn a_partition_of_rubbish_is_stopped_the_others_go_on_and_a_person_lets_it_through() {
    let memory = Arc::new(MemoryStore::default());
    let store: Arc<dyn Store> = memory.clone();
    store.set_replay_present(at(0)).await.unwrap();
    let log = MemoryLog::new(1);
    let ingest = ingest(&store, &log, 1);
    let (readiness, stop) = (ingest.readiness.clone(), CancellationToken::new());
    let token = stop.clone();
    let refused = || memory.tables().dead_letters.len();
    let mut source = Rubbish::default();
    let looking_on = async {
        tokio::time::sleep(Duration::from_secs(30)).await;
        assert_eq!(refused(), 500, "no more became dead letters");
        let arrived = log.length();
        assert!(arrived > 50_000, "{arrived} records of the other partition");
        let troubles = format!("{:?}", readiness.troubles());
        assert!(
            troubles.contains("ingest activity/1") && troubles.contains("dead-letters accept activity/1"),
            "{troubles}"
        );
        let stopped = store.meta(&stopped_fact("activity", 1)).await.unwrap().unwrap_or_default();
        assert!(stopped.starts_with("499 500 of the last"), "{stopped}");
        // What was accepted of another stop is not this one's.
        store.set_meta(&accepted_fact("activity", 1), "500 kari").await.unwrap();
        tokio::time::sleep(Duration::from_secs(30)).await;
        assert_eq!(refused(), 500);
        store.set_meta(&accepted_fact("activity", 1), "499 kari").await.unwrap();
        tokio::time::sleep(Duration::from_secs(30)).await;
        assert!(refused() > 50_000 && log.length() > arrived);
        assert_eq!(readiness.troubles(), []);
        stop.cancel();
    };
    let (ran, ()) = tokio::join!(ingest.run(&mut source, true, token), looking_on);
    ran.unwrap();
    assert_eq!(source.committed[1], refused() as i64, "each once");
}

#[tokio::test(start_paused = true)]
async fn what_is_read_again_is_known_by_what_became_of_its_dead_letter() {
    // A file is read in again; a topic's offsets were set back.
    for source in ["file:0f", "activity"] {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
        store.set_replay_present(at(0)).await.unwrap();
        let letter = |offset, replayed| DeadLetterRow {
            source: source.into(),
            partition: 0,
            offset,
            code: "unknown_kind".into(),
            detail: String::new(),
            raw: b"{}".to_vec(),
            headers: "{}".into(),
            at: at(0),
            replayed_at: replayed,
        };
        store.dead_letters(&[letter(2, None), letter(3, Some(at(1)))]).await.unwrap();
        let (log, mut breaker) = (MemoryLog::new(1), Breaker::default());
        let ingest = ingest(&store, &log, 1);
        for record in Flaky::new(0).records {
            let record = SourceRecord { topic: source.into(), ..record };
            ingest.take(&[record], &mut breaker).await.unwrap();
        }
        let appended: Vec<Option<i64>> =
            log.records()[&0].iter().map(|record| record.position.map(|position| position.offset)).collect();
        assert_eq!(appended, [Some(0), Some(1), None, Some(4), Some(5)], "{source}");
        assert!(store.open_dead_letters(None, None, 9).await.unwrap().is_empty(), "it is not to be replayed any more");
    }
}

#[tokio::test(start_paused = true)]
async fn a_source_that_fails_for_a_while_ends_nothing_and_loses_nothing() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    store.set_replay_present(at(0)).await.unwrap();
    let log = MemoryLog::new(1);
    let ingest = ingest(&store, &log, 1);
    let mut source = Flaky::new(3);
    let taken = ingest.run(&mut source, false, CancellationToken::new()).await.unwrap();
    assert_eq!((taken.events, log.length(), source.committed), (6, 6, 6));
    assert_eq!(ingest.readiness.troubles(), []);
}

#[tokio::test(start_paused = true)]
async fn a_database_that_fails_at_any_call_ends_nothing_and_loses_nothing() {
    let rates = Rates { fails: 300_000, fails_late: 100_000, at_most: 60, ..Rates::NONE };
    let mut failures = 0;
    for seed in 0..40 {
        let (memory, faults) = (Arc::new(MemoryStore::default()), Faults::new(seed, rates));
        memory.set_replay_present(at(0)).await.unwrap();
        let process = Process::new("ingest", 0, faults.clone());
        let store: Arc<dyn Store> = Arc::new(ProcessStore { inner: memory, process });
        let log = MemoryLog::new(1);
        let ingest = ingest(&store, &log, 1);
        let mut source = Flaky::new(0);
        // One that cannot be an event, so that dead letters are asked for and written, too.
        source.records[3].value = Some(b"no event".to_vec());
        let taken = ingest.run(&mut source, false, CancellationToken::new()).await;
        let taken = taken.unwrap_or_else(|error| panic!("seed {seed}: {error}, after {:?}", faults.told()));
        assert_eq!((taken.events, taken.rejected, log.length(), source.committed), (5, 1, 5, 6), "seed {seed}");
        assert_eq!(ingest.readiness.troubles(), [], "seed {seed}");
        failures += faults.told().len();
    }
    assert!(failures > 300, "only {failures} calls failed");
}

/// Cannot be reached once, and then has nothing to say.
struct Silent {
    failed: bool,
}

#[async_trait]
impl Source for Silent {
    async fn next(&mut self, _: usize) -> Result<Vec<SourceRecord>, LogError> {
        if std::mem::replace(&mut self.failed, true) {
            std::future::pending::<()>().await;
        }
        Err(LogError::Unreachable("injected".into()))
    }
    async fn commit(&mut self, _: &str, _: i32, _: i64) -> Result<bool, LogError> {
        Ok(true)
    }
    fn ended(&self) -> bool {
        false
    }
}

#[tokio::test(start_paused = true)]
async fn a_source_that_answers_again_and_is_silent_is_no_trouble() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    let ingest = ingest(&store, &MemoryLog::new(1), 1);
    let (mut source, stop) = (Silent { failed: false }, CancellationToken::new());
    let looking_on = async {
        tokio::time::sleep(Duration::from_millis(10)).await;
        assert_eq!(ingest.readiness.troubles().len(), 1);
        tokio::time::sleep(Duration::from_secs(10)).await;
        assert_eq!(ingest.readiness.troubles(), []);
        stop.cancel();
    };
    let (ran, ()) = tokio::join!(ingest.run(&mut source, true, stop.clone()), looking_on);
    ran.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_replay_goes_on_after_its_source_failed_for_a_while() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    // No shards: everything is always quiet but for the rows, which are there and idle.
    store.create_shards(0).await.unwrap();
    let log = MemoryLog::new(1);
    let master = ReplayMaster::new(ingest(&store, &log, 0), None);
    let mut source = Flaky::new(2);
    let token = CancellationToken::new();
    let idle = async {
        // The coordinator's part in being quiet: its clock follows the present.
        let mut row = store.take_shard(-1, "coordinator", Duration::ZERO).await.unwrap().unwrap();
        loop {
            let clock = store.replay_present().await.unwrap();
            if clock.is_some() && clock != row.clock {
                let commit = rapport_engine::ports::rows::CoordinatorCommit {
                    epoch: row.epoch,
                    commit_no: row.commit_no,
                    clock,
                    ..Default::default()
                };
                let _ = store.commit_coordinator(&commit).await.unwrap();
                row = store.shard_row(-1).await.unwrap().unwrap();
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    let taken = tokio::select! {
        taken = master.run(&mut source, token, |_| {}) => taken.unwrap(),
        () = idle => unreachable!("it never ends"),
    };
    assert_eq!((taken.events, log.length(), source.committed), (6, 6, 6));
}

async fn look(clock: &ServerClock) -> Result<Timestamp, String> {
    tokio::time::sleep(Duration::from_millis(2_100)).await;
    clock.now().await.map_err(|error| error.to_string())
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_jumped_is_not_believed_until_it_agrees_again() {
    let memory = Arc::new(MemoryStore::default());
    let clock = ServerClock::new(memory.clone());
    let begun = clock.now().await.unwrap();
    memory.set_clock_off(Duration::from_secs(9));
    assert!(look(&clock).await.is_ok(), "small steps are followed");
    memory.set_clock_off(Duration::from_secs(3_600));
    for _ in 0..20 {
        let held = look(&clock).await.unwrap_err();
        assert!(held.contains("the database's clock jumped by") && held.contains("--accept-clock"), "{held}");
    }
    // It comes back: three looks in a row, then it is believed, and no time is lost or gained.
    memory.set_clock_off(Duration::from_secs(9));
    assert!(look(&clock).await.is_err());
    memory.set_clock_off(Duration::from_secs(600));
    assert!(look(&clock).await.is_err());
    memory.set_clock_off(Duration::from_secs(9));
    assert!(look(&clock).await.is_err());
    assert!(look(&clock).await.is_err());
    let now = look(&clock).await.unwrap();
    assert_eq!(now, memory.server_now());
    assert!(now > begun);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_long_under_way_is_no_jump_and_moves_no_time() {
    let memory = Arc::new(MemoryStore::default());
    memory.tell_time_late(Duration::from_secs(300));
    let clock = ServerClock::new(memory.clone());
    let why = clock.now().await.unwrap_err().to_string();
    assert!(why.contains("took 300.0s to tell the time"), "nothing is known to hold it against: {why}");
    memory.tell_time_late(Duration::ZERO);
    clock.now().await.unwrap();
    for late in [300, 0, 0, 12, 0, 3_600, 3_600, 0] {
        memory.tell_time_late(Duration::from_secs(late));
        assert_eq!(look(&clock).await.unwrap(), memory.server_now(), "{late} s under way");
    }
}

#[tokio::test(start_paused = true)]
async fn an_operator_accepts_a_clock_that_jumped_and_the_next_jump_holds_again() {
    let memory = Arc::new(MemoryStore::default());
    let clock = ServerClock::new(memory.clone());
    clock.now().await.unwrap();
    for hours in [2, 5, 1] {
        memory.set_clock_off(Duration::from_secs(hours * 3_600));
        assert!(look(&clock).await.is_err());
        assert!(look(&clock).await.is_err());
        accept_server_time(memory.as_ref()).await.unwrap();
        assert_eq!(look(&clock).await.unwrap(), memory.server_now());
        assert!(look(&clock).await.is_ok());
    }
    // Whoever starts anew believes what it finds.
    memory.set_clock_off(Duration::from_secs(9 * 3_600));
    assert!(ServerClock::new(memory.clone()).now().await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_relay_carries_nothing_from_a_restored_database_until_it_is_accepted() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    store.create_shards(1).await.unwrap();
    store.set_replay_present(at(0)).await.unwrap();
    let log = MemoryLog::new(1);
    // Before the backup was put back, the log was told of five commits.
    log.report(0, Progress { next_offset: 0, epoch: 1, commit_no: 5 }).await.unwrap();
    store.add_outbox(&[login("one")]).await.unwrap();
    let relay = relay(&store, Arc::new(log.clone()));
    let (readiness, stop) = (relay.readiness.clone(), CancellationToken::new());
    let token = stop.clone();
    let running = tokio::spawn(async move { relay.run(token).await });
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_eq!((log.length(), store.outbox(9).await.unwrap().len()), (0, 1));
    let troubles = format!("{:?}", readiness.troubles());
    assert!(troubles.contains("rapport restore"), "{troubles}");
    restore::accept(&log, store.as_ref()).await.unwrap();
    while log.length() == 0 {
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    stop.cancel();
    running.await.unwrap();
    assert_eq!((log.length(), store.outbox(9).await.unwrap().len()), (1, 0));
}
