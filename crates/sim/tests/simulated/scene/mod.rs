//! A partner as a test of a workflow left them, on the whole engine in memory: shards, relay and mailer start when a test says.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use rapport_contact::normalise;
use rapport_engine::{
    apply,
    ingest::{Breaker, Incarnations, Ingest},
    mailer::{Hand, LinkKeys, Mailer},
    ownership::{Engine, EngineParts, EngineSettings},
    ports::{
        clock::Clock,
        log::SourceRecord,
        rows::{OutboxRow, PersonRow, ShardCommit},
        store::{Committed, Store, StoreError, SuppressionChange},
        transport::{Deadline, Delivery, Envelope},
    },
    readiness::Readiness,
    records,
    relay::Relay,
    rulebooks::{Applied, Rulebooks},
    shard::beginning,
};
use rapport_event::decode_record;
use rapport_memory::{
    log::MemoryLog,
    store::{MemoryStore, StoredMessage, Tables},
};
use rapport_message::link::Keys;
use rapport_sim::{
    faults::{Faults, Rates},
    process::Process,
    transport::{MailServer, SimTransport},
    world,
};
use rapport_trial::Staged;
use serde_json::{Value, json};
use tokio::{sync::Notify, task::JoinSet};
use tokio_util::sync::CancellationToken;

use crate::stand::{
    next_incarnation,
    script::{Script, Scripted},
};

/// Longer than anything the engine does on its own.
const LEASE: Duration = Duration::from_secs(10);

/// The shipped files in force, compiled once for all scenes.
pub struct Files {
    pub rulebooks: Arc<Rulebooks>,
    pub applied: Arc<Applied>,
}

impl Files {
    pub async fn shipped() -> Self {
        let memory = Arc::new(MemoryStore::default());
        // Applied after all that a test tells: of what comes then, nothing else begins.
        let now = memory.server_now();
        let store: Arc<dyn Store> = memory;
        store.create_shards(1).await.unwrap();
        let request = apply::Request {
            texts: world::shipped_files(),
            by: "test".into(),
            since: None,
            approval: apply::Approval::NotNeeded,
            plan: None,
        };
        apply::apply(&store, request, 1, now).await.unwrap();
        let rulebooks = Arc::new(Rulebooks::new(store));
        let applied = rulebooks.current().await.unwrap().unwrap();
        Self { rulebooks, applied }
    }
}

/// A present that begins where the test was cut, and passes as tokio's time does.
struct FromThen {
    then: Timestamp,
    since: tokio::time::Instant,
}

#[async_trait]
impl Clock for FromThen {
    async fn now(&self) -> Result<Timestamp, StoreError> {
        let passed = SignedDuration::try_from(self.since.elapsed()).unwrap_or(SignedDuration::MAX);
        Ok(self.then.checked_add(passed).unwrap_or(Timestamp::MAX))
    }

    fn replays(&self) -> bool {
        false
    }

    async fn pause(&self, length: Duration) {
        tokio::time::sleep(length).await;
    }

    fn monotonic(&self) -> Instant {
        tokio::time::Instant::now().into_std()
    }
}

/// Keeps every mail before its dot until a test says how it goes on.
#[derive(Default)]
pub struct BeforeTheDot {
    said: Notify,
    /// What was said; inside, an answer in the server's stead.
    answer: Mutex<Option<Option<Delivery>>>,
}

impl BeforeTheDot {
    /// Mails go on from here: to the server, or with this answer in its stead.
    pub fn go_on(&self, answer: Option<Delivery>) {
        *self.answer.lock().unwrap_or_else(PoisonError::into_inner) = Some(answer);
        self.said.notify_one();
    }

    fn answer(&self) -> Option<Option<Delivery>> {
        self.answer.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[async_trait]
impl Script for BeforeTheDot {
    async fn send(&self, _envelope: &Envelope, _deadline: &Deadline) -> Option<Delivery> {
        loop {
            if let Some(answer) = self.answer() {
                return answer;
            }
            self.said.notified().await;
        }
    }
}

/// The one partner of a test, and the services around.
pub struct Scene {
    pub store: Arc<MemoryStore>,
    pub server: MailServer,
    pub staged: Staged,
    pub address: String,
    log: MemoryLog,
    clock: Arc<dyn Clock>,
    rulebooks: Arc<Rulebooks>,
    told: AtomicU64,
    stop: CancellationToken,
    services: JoinSet<()>,
}

impl Scene {
    /// Everything stored, nothing running.
    pub async fn set(staged: &Staged, files: &Files) -> Self {
        let store = Arc::new(MemoryStore::default());
        store.create_shards(1).await.unwrap();
        let email = staged.person["email"].as_str().unwrap();
        let address = normalise(email).unwrap().folded();
        let person = PersonRow {
            key: staged.key.clone(),
            version: staged.began.as_millisecond(),
            address: Some(address.clone()),
            fields: Value::Object(staged.person.clone()).to_string(),
        };
        store.store_persons(&[person]).await.unwrap();
        store.lower_meta(&beginning(&staged.key.program), staged.began.as_millisecond()).await.unwrap();
        let row = store.take_shard(0, "stage", LEASE).await.unwrap().unwrap();
        let commit = ShardCommit {
            shard: 0,
            epoch: row.epoch,
            commit_no: row.commit_no,
            next_offset: 0,
            clock: Some(staged.now),
            rulebook: Some(files.applied.hash.clone()),
            ..staged.rows.clone()
        };
        assert_eq!(store.commit_shard(&commit).await.unwrap(), Committed::Done);
        store.release_shard(0, row.epoch).await.unwrap();
        Self {
            store,
            server: MailServer::default(),
            staged: staged.clone(),
            address,
            log: MemoryLog::new(1),
            clock: Arc::new(FromThen { then: staged.now, since: tokio::time::Instant::now() }),
            rulebooks: files.rulebooks.clone(),
            told: AtomicU64::new(0),
            stop: CancellationToken::new(),
            services: JoinSet::new(),
        }
    }

    pub async fn now(&self) -> Timestamp {
        self.clock.now().await.unwrap()
    }

    /// Shards and relay: what is told is folded from here on.
    pub fn start_engine(&mut self) {
        let store: Arc<dyn Store> = self.store.clone();
        let parts = EngineParts {
            store: store.clone(),
            log: Arc::new(self.log.clone()),
            clock: self.clock.clone(),
            rulebooks: self.rulebooks.clone(),
            readiness: Readiness::default(),
            tells_signals: false,
        };
        let relay = Relay {
            name: "relay".into(),
            store,
            log: Arc::new(self.log.clone()),
            signals: None,
            clock: self.clock.clone(),
            readiness: Readiness::default(),
        };
        let stop = self.stop.clone();
        self.services.spawn(async move { Engine::new(EngineSettings::new("engine", 1), parts).run(stop).await });
        let stop = self.stop.clone();
        self.services.spawn(async move { relay.run(stop).await });
    }

    /// The mailer; `script` sees each mail before the server does.
    pub fn start_mailer(&mut self, script: Option<Arc<dyn Script>>) {
        let process = Process::new("mailer", 0, Faults::new(1, Rates::NONE));
        let usual = Arc::new(SimTransport { server: self.server.clone(), process });
        let mailer = Arc::new(Mailer {
            name: "mailer".into(),
            incarnation: next_incarnation(),
            store: self.store.clone(),
            log: Arc::new(self.log.clone()),
            transport: match script {
                Some(script) => Arc::new(Scripted { usual, script }),
                None => usual,
            },
            clock: self.clock.clone(),
            rulebooks: self.rulebooks.clone(),
            links: Arc::new(LinkKeys {
                keys: Keys::new([b"a key for tests, long enough to sign with".to_vec()]).unwrap(),
            }),
            shards: 1,
            readiness: Readiness::default(),
            hand: Hand::default(),
        });
        let stop = self.stop.clone();
        self.services.spawn(async move { mailer.run(stop).await });
    }

    /// A tracker's event, taken in as from its topic.
    pub async fn tracker_tells(&self, kind: &str, data: Value) {
        let number = self.told.fetch_add(1, Ordering::Relaxed) + 1;
        let event = json!({ "id": format!("told-{number}"), "kind": kind, "program": self.staged.key.program.as_str(),
            "partner": self.staged.key.partner.as_str(), "occurred_at": self.now().await.to_string(), "data": data });
        let ingest = Ingest {
            store: self.store.clone(),
            log: Arc::new(self.log.clone()),
            clock: self.clock.clone(),
            rulebooks: self.rulebooks.clone(),
            shards: 1,
            incarnations: Incarnations::default(),
            readiness: Readiness::default(),
            beginnings: Arc::default(),
            guard: Arc::default(),
        };
        let record = SourceRecord {
            topic: "tracker".into(),
            partition: 0,
            offset: i64::try_from(number).unwrap(),
            timestamp: None,
            headers: Vec::new(),
            key: None,
            value: Some(event.to_string().into_bytes()),
        };
        ingest.take(&[record], &mut Breaker::default()).await.unwrap();
        let refused: Vec<_> = self.store.tables().dead_letters.values().cloned().collect();
        assert_eq!(refused, [], "{event}");
    }

    /// A record of rapport's own, with a change of the suppression list in the same transaction where there is one.
    pub async fn rapport_tells(&self, kind: &str, data: Value, change: Option<SuppressionChange>) {
        let number = self.told.fetch_add(1, Ordering::Relaxed) + 1;
        let record = json!({ "specversion": "1.0", "source": "test", "id": format!("told-{number}"), "type": kind,
            "program": self.staged.key.program.as_str(), "partner": self.staged.key.partner.as_str(),
            "time": self.now().await.to_string(), "data": data });
        let event = decode_record(record.to_string().as_bytes()).unwrap();
        let told: [OutboxRow; 1] = [records::outbox(0, event)];
        let changes: Vec<SuppressionChange> = change.into_iter().collect();
        self.store.change_suppressions(&changes, &told).await.unwrap();
    }

    /// Waits, in virtual time, until something holds.
    pub async fn until(&self, what: &str, holds: impl Fn(&Tables) -> bool) {
        for _ in 0..2_000 {
            if holds(&self.store.tables()) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("it never came to this: {what}; {:?}", self.message());
    }

    /// Waits until all that was told is folded.
    pub async fn until_folded(&self) {
        let log = self.log.clone();
        self.until("all is folded", |tables| {
            tables.outbox.is_empty() && u64::try_from(tables.shards[&0].next_offset).unwrap() == log.length()
        })
        .await;
    }

    /// So long that the mailer has looked many times.
    pub async fn a_while(&self) {
        tokio::time::sleep(Duration::from_secs(3)).await;
    }

    /// The journey as stored: why it ended, if it did, and what is written of it.
    pub fn journey(&self) -> (Option<String>, Value) {
        let tables = self.store.tables();
        let row = &tables.journeys[&(self.staged.key.clone(), self.staged.journey.id.to_string())];
        (row.exited.clone().map(|(_, reason)| reason), serde_json::from_str(&row.body).unwrap())
    }

    /// The first mail of the journey, if one is planned.
    pub fn message(&self) -> Option<StoredMessage> {
        self.message_in(&self.store.tables())
    }

    /// The same, of tables that are locked already.
    pub fn message_in(&self, tables: &Tables) -> Option<StoredMessage> {
        let own = |message: &&StoredMessage| message.row.journey == self.staged.journey.id.as_str();
        tables.messages.values().filter(own).min_by_key(|message| message.row.planned_at).cloned()
    }

    /// What may still come of the journey by itself: mails that wait or are in hand, and wakes.
    pub fn open(&self) -> Vec<String> {
        let tables = self.store.tables();
        let id = self.staged.journey.id.as_str();
        let mails = tables.open.iter().filter(|mail| tables.messages[*mail].row.journey == id).cloned();
        let wakes = tables.timers.keys().map(|(_, subject)| subject).filter(|subject| subject.ends_with(id)).cloned();
        mails.chain(wakes).collect()
    }

    /// How many of the journey's mails the server took.
    pub fn accepted(&self) -> usize {
        let tables = self.store.tables();
        let id = self.staged.journey.id.as_str();
        let own = |message: &str| tables.messages.get(message).is_some_and(|message| message.row.journey == id);
        self.server.accepted().iter().filter(|mail| own(mail.message_id.split('@').next().unwrap_or_default())).count()
    }

    pub async fn end(mut self) {
        self.stop.cancel();
        while let Some(ended) = self.services.join_next().await {
            ended.unwrap();
        }
        let broken: Vec<_> = self.store.tables().check().into_iter().filter(|(_, rows)| *rows > 0).collect();
        assert_eq!(broken, []);
    }
}
