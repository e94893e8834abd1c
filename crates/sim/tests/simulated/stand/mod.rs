//! Every service of one programme on the live clock and virtual time, in memory.
#![allow(dead_code, unreachable_pub, reason = "each test needs another part")]

pub mod script;

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use rapport_contact::normalise;
use rapport_engine::{
    apply,
    ingest::{Breaker, Incarnations, Ingest, IngestError, Taken},
    mailer::{Hand, LinkKeys, Mailer},
    ownership::{Engine, EngineParts, EngineSettings},
    ports::{
        clock::Clock,
        log::{EventLog, SourceRecord},
        store::Store,
        transport::Transport,
    },
    readiness::Readiness,
    relay::Relay,
    rulebooks::Rulebooks,
};
use rapport_memory::{
    log::MemoryLog,
    store::{MemoryStore, Tables},
};
use rapport_message::link::Keys;
use rapport_sim::{
    clock::LiveClock,
    faults::{Faults, Rates},
    process::Process,
    transport::{MailServer, SimTransport},
    world,
};
use script::{Script, Scripted};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

/// What no mailer of this test program had before.
pub fn next_incarnation() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed).to_string()
}

/// A programme on one shard.
pub struct Stand {
    pub store: Arc<MemoryStore>,
    pub log: MemoryLog,
    pub server: MailServer,
    pub readiness: Readiness,
    /// What goes wrong on the mailer's way.
    pub rates: Rates,
    /// What a test makes of mails on their way.
    pub script: Option<Arc<dyn Script>>,
    pub sent: i64,
    pub running: Option<(CancellationToken, tokio::task::JoinSet<()>)>,
}

impl Stand {
    pub async fn new(files: BTreeMap<String, String>) -> Self {
        let stand = Self {
            store: Arc::default(),
            log: MemoryLog::new(1),
            server: MailServer::default(),
            readiness: Readiness::default(),
            rates: Rates::NONE,
            script: None,
            sent: 0,
            running: None,
        };
        stand.store.create_shards(1).await.unwrap();
        stand.apply(files).await;
        stand
    }

    pub async fn apply(&self, files: BTreeMap<String, String>) {
        let store: Arc<dyn Store> = self.store.clone();
        let now = self.store.server_now();
        let request = apply::Request {
            texts: files,
            by: "test".into(),
            since: None,
            approval: apply::Approval::NotNeeded,
            plan: None,
        };
        apply::apply(&store, request, 1, now).await.unwrap();
    }

    /// Starts every service; they run until [`Stand::stop`].
    pub fn start(&mut self) {
        let store: Arc<dyn Store> = self.store.clone();
        let log: Arc<dyn EventLog> = Arc::new(self.log.clone());
        let clock: Arc<dyn Clock> = Arc::new(LiveClock { store: self.store.clone() });
        // Each service has its own, as if it were a process: what one has met another need not know.
        let rulebooks = || Arc::new(Rulebooks::new(store.clone()));
        let readiness = self.readiness.clone();
        let stop = CancellationToken::new();
        let mut tasks = tokio::task::JoinSet::new();
        let parts = EngineParts {
            store: store.clone(),
            log: log.clone(),
            clock: clock.clone(),
            rulebooks: rulebooks(),
            readiness: readiness.clone(),
            tells_signals: false,
        };
        let relay = Relay {
            name: "relay".into(),
            store: store.clone(),
            log: log.clone(),
            signals: None,
            clock: clock.clone(),
            readiness: readiness.clone(),
        };
        let mailer = self.mailer("mailer", store.clone(), clock);
        let token = stop.clone();
        tasks.spawn(async move { Engine::new(EngineSettings::new("engine", 1), parts).run(token).await });
        let token = stop.clone();
        tasks.spawn(async move { relay.run(token).await });
        let token = stop.clone();
        tasks.spawn(async move { mailer.run(token).await });
        self.running = Some((stop, tasks));
    }

    /// A mailer that sends as the script says.
    pub fn mailer(&self, name: &str, store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> Arc<Mailer> {
        let process = Process::new(name, 0, Faults::new(1, self.rates));
        let usual: Arc<dyn Transport> = Arc::new(SimTransport { server: self.server.clone(), process });
        let keys = Keys::new([b"a key for tests, long enough to sign with".to_vec()]).unwrap();
        Arc::new(Mailer {
            name: name.into(),
            incarnation: next_incarnation(),
            rulebooks: Arc::new(Rulebooks::new(store.clone())),
            store,
            log: Arc::new(self.log.clone()),
            transport: match &self.script {
                Some(script) => Arc::new(Scripted { usual, script: script.clone() }),
                None => usual,
            },
            clock,
            links: Arc::new(LinkKeys { keys }),
            shards: 1,
            readiness: self.readiness.clone(),
            hand: Hand::default(),
        })
    }

    pub async fn stop(&mut self) {
        if let Some((stop, tasks)) = self.running.take() {
            stop.cancel();
            tasks.join_all().await;
        }
        self.mail_went_where_it_was_judged();
    }

    /// What the server took went to the address for which the policy was asked.
    fn mail_went_where_it_was_judged(&self) {
        let tables = self.store.tables();
        for mail in self.server.accepted() {
            let id = mail.message_id.split('@').next().unwrap_or_default();
            // A database put back from a backup may not know of it.
            let Some(message) = tables.messages.get(id) else { continue };
            assert_eq!(normalise(&mail.to).map(|to| to.folded()), message.address, "{mail:?}");
        }
    }

    /// Takes events in as a tracker's topic would bring them.
    pub async fn take(&mut self, events: &[Value]) {
        self.try_take(events).await.unwrap();
        let refused: Vec<_> = self.store.tables().dead_letters.values().cloned().collect();
        assert_eq!(refused, []);
    }

    /// The same, where it may be refused.
    pub async fn try_take(&mut self, events: &[Value]) -> Result<Taken, IngestError> {
        let store: Arc<dyn Store> = self.store.clone();
        let ingest = Ingest {
            rulebooks: Arc::new(Rulebooks::new(store.clone())),
            store,
            log: Arc::new(self.log.clone()),
            clock: Arc::new(LiveClock { store: self.store.clone() }),
            shards: 1,
            incarnations: Incarnations::default(),
            readiness: Readiness::default(),
            beginnings: Arc::default(),
            guard: Arc::default(),
        };
        let records: Vec<SourceRecord> = events
            .iter()
            .map(|event| {
                self.sent += 1;
                SourceRecord {
                    topic: "tracker".into(),
                    partition: 0,
                    offset: self.sent,
                    timestamp: None,
                    headers: Vec::new(),
                    key: None,
                    value: Some(event.to_string().into_bytes()),
                }
            })
            .collect();
        ingest.take(&records, &mut Breaker::default()).await
    }

    pub fn event(&self, kind: &str, partner: &str, id: &str, data: Value) -> Value {
        let at = self.store.server_now().to_string();
        json!({ "id": id, "kind": kind, "program": world::PROGRAM, "partner": partner, "occurred_at": at, "data": data })
    }

    pub fn approved(&self, partner: &str) -> Value {
        let data = json!({ "name": partner, "email": format!("{partner}@partners.example"), "language": "en",
            "zone": "UTC", "consent": { "given": true, "source": "form", "time": "2026-01-01T00:00:00Z" } });
        self.event("partner.approved", partner, &format!("{partner}-approved"), data)
    }

    pub fn sale(&self, partner: &str, id: &str) -> Value {
        let data = json!({ "conversion_id": id, "status": "pending", "amount": 5000, "currency": "EUR" });
        self.event("conversion", partner, &format!("event-{id}"), data)
    }

    /// Waits, in virtual time, until something holds.
    pub async fn until(&self, what: &str, holds: impl Fn(&Tables) -> bool) {
        for _ in 0..20_000 {
            if holds(&self.store.tables()) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("it never came to this: {what}; {:?}", self.readiness);
    }

    pub fn folded(&self) -> impl Fn(&Tables) -> bool + use<> {
        let log = self.log.clone();
        move |tables| tables.outbox.is_empty() && tables.shards[&0].next_offset as u64 == log.length()
    }
}
