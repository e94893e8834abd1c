//! Services on the server's time, which is virtual, and a play of what they did.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use rapport_engine::apply::{Approval, Request, apply};
use rapport_engine::ingest::Breaker;
use rapport_engine::mailer::LinkKeys;
use rapport_engine::ports::log::SourceRecord;
use rapport_engine::ports::rows::OutboxRow;
use rapport_engine::ports::store::{Store, SuppressionChange};
use rapport_engine::ports::transport::{
    Connection, Deadline, Delivery, Envelope, Letter, RefusalClass, Transport, TransportError,
};
use rapport_engine::readiness::Readiness;
use rapport_engine::records;
use rapport_engine::rulebooks::Rulebooks;
use rapport_event::engine::{AwardData, ContactData, EngineData};
use rapport_event::{Event, EventId, Kind, PartnerKey, Payload, shard_of};
use rapport_memory::log::MemoryLog;
use rapport_memory::store::MemoryStore;
use rapport_message::link::Keys;
use rapport_sim::clock::LiveClock;
use rapport_sim::faults::{Faults, Rates};
use rapport_sim::process::{Process, ProcessLog, ProcessStore};
use rapport_sim::world;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::backtest::recorded::read_log;
use crate::backtest::{Compared, Seen, compare, play_through, seen};
use crate::files::Texts;
use crate::layout::Ground;
use crate::services::{Services, ingest};

pub const SHARDS: u32 = 4;
const PROCESSES: [&str; 6] = ["engine-a", "engine-b", "relay-a", "relay-b", "mailer-a", "mailer-b"];
/// Longer than any of these worlds.
const WINDOW: SignedDuration = SignedDuration::from_hours(24 * 30);

/// The shipped configuration with these workflows instead of the shipped ones: name, file, mails.
pub fn files(workflows: &[(&str, &str, &[&str])]) -> Texts {
    let mut files = world::shipped_files();
    files.retain(|path, _| !path.starts_with("workflows/"));
    for (workflow, text, mails) in workflows {
        files.insert(format!("workflows/{workflow}/workflow.yaml"), (*text).to_owned());
        for mail in *mails {
            let text = format!("---\nsubject: 'About {mail}'\npreheader: 'A word.'\n---\nHi,\n\nthis is {mail}.\n");
            files.insert(format!("workflows/{workflow}/{mail}.mail.md"), text);
        }
    }
    files
}

/// The files with one edit.
#[track_caller]
pub fn replaced(texts: &Texts, file: &str, was: &str, is: &str) -> Texts {
    let mut texts = texts.clone();
    let text = texts.get_mut(file).unwrap();
    assert!(text.contains(was), "{file} has no `{was}`");
    *text = text.replace(was, is);
    texts
}

/// A mail server with moods.
#[derive(Default)]
struct Post {
    /// Who was written to before.
    known: Mutex<BTreeSet<String>>,
    /// Which process has a mail under way that is never answered.
    under_way: Mutex<Option<String>>,
}

struct Way {
    post: Arc<Post>,
    process: Arc<Process>,
}

#[async_trait]
impl Transport for Way {
    async fn ready(&self) -> Result<Box<dyn Connection>, TransportError> {
        Ok(Box::new(Way { post: self.post.clone(), process: self.process.clone() }))
    }

    fn compose(&self, letter: &Letter) -> Result<Vec<u8>, String> {
        Ok(letter.message_id.clone().into_bytes())
    }

    fn connections_max(&self) -> usize {
        2
    }

    fn delivers(&self) -> bool {
        false
    }
}

#[async_trait]
impl Connection for Way {
    async fn send(&mut self, envelope: &Envelope, _: &[u8], _: &Deadline) -> Delivery {
        tokio::time::sleep(Duration::from_millis(20)).await;
        let is_first = self.post.known.lock().unwrap().insert(envelope.to.clone());
        let refused =
            |code, text: &str, class| Delivery::Refused { code, enhanced: None, text: text.to_owned(), class };
        match envelope.to.split('@').next().unwrap_or_default() {
            "dora" => refused(550, "5.1.1 no such user", RefusalClass::Permanent),
            "ella" if is_first => refused(552, "5.2.2 mailbox full", RefusalClass::Soft),
            "emil" if is_first => refused(451, "4.7.1 try again later", RefusalClass::Transient),
            "finn" if is_first => Delivery::InDoubt { reason: "connection lost after the dot".to_owned() },
            "gus" if is_first => {
                *self.post.under_way.lock().unwrap() = Some(self.process.name().to_owned());
                std::future::pending().await
            }
            _ => Delivery::Accepted { reply: "250 2.0.0 ok".to_owned(), relay: "relay.example".to_owned() },
        }
    }
}

struct Running {
    process: Arc<Process>,
    stop: CancellationToken,
    services: Services,
}

/// A programme as it runs live.
pub struct World {
    pub store: Arc<MemoryStore>,
    log: MemoryLog,
    post: Arc<Post>,
    running: BTreeMap<&'static str, Running>,
    incarnation: u32,
    told: Vec<Value>,
    /// When it was looked at: plays take time, too.
    looked_at: Option<Timestamp>,
}

impl World {
    /// The files are applied, and nobody runs.
    pub async fn new(texts: &Texts) -> Self {
        let memory = Arc::new(MemoryStore::default());
        let store: Arc<dyn Store> = memory.clone();
        store.create_shards(SHARDS).await.unwrap();
        let request = Request {
            texts: texts.clone(),
            by: "test".to_owned(),
            since: None,
            approval: Approval::NotNeeded,
            plan: None,
        };
        apply(&store, request, SHARDS, memory.server_now()).await.unwrap();
        Self {
            store: memory,
            log: MemoryLog::new(SHARDS),
            post: Arc::default(),
            running: BTreeMap::new(),
            incarnation: 0,
            told: Vec::new(),
            looked_at: None,
        }
    }

    /// What a process stands on.
    fn ground(&self, process: &Arc<Process>) -> Ground {
        let store: Arc<dyn Store> = Arc::new(ProcessStore { inner: self.store.clone(), process: process.clone() });
        Ground {
            log: Arc::new(ProcessLog { inner: self.log.clone(), process: process.clone() }),
            signals: None,
            broker: None,
            clock: Arc::new(LiveClock { store: self.store.clone() }),
            rulebooks: Arc::new(Rulebooks::new(store.clone())),
            readiness: Readiness::default(),
            shards: SHARDS,
            store,
        }
    }

    fn process(name: &str, incarnation: u32) -> Arc<Process> {
        Process::new(name, incarnation, Faults::new(1, Rates::NONE))
    }

    pub fn start(&mut self, name: &'static str) {
        self.incarnation += 1;
        let process = Self::process(name, self.incarnation);
        let ground = self.ground(&process);
        let stop = CancellationToken::new();
        let mut services = Services::new(stop.clone());
        match name.split('-').next() {
            Some("engine") => services.engine(&ground, name, None),
            Some("relay") => services.relay(&ground, name),
            _ => {
                let keys = Keys::new([b"a key for tests, long enough to sign with".to_vec()]).unwrap();
                let way = Way { post: self.post.clone(), process: process.clone() };
                services.mailer(&ground, name, Arc::new(way), Arc::new(LinkKeys { keys }));
            }
        }
        assert!(self.running.insert(name, Running { process, stop, services }).is_none(), "{name} runs");
    }

    /// Starts everybody, and lets them share the work.
    pub async fn start_all(&mut self) {
        for name in PROCESSES {
            self.start(name);
        }
        self.pass(3).await;
    }

    /// Asks one to stop, and waits until it has.
    pub async fn stop(&mut self, name: &str) {
        let Running { stop, services, .. } = self.running.remove(name).unwrap();
        stop.cancel();
        let ended = services.wait().await;
        assert!(ended.is_ok(), "{name}: {:?}", ended.err());
    }

    pub async fn stop_all(&mut self) {
        let names: Vec<&str> = self.running.keys().copied().collect();
        for name in names {
            self.stop(name).await;
        }
    }

    /// As `kill -9` does: none of its calls returns any more.
    pub fn kill(&mut self, name: &str) {
        self.running.remove(name).unwrap().process.kill();
    }

    /// The mailer that has a mail under way which is never answered.
    pub fn who_holds_a_mail(&self) -> &'static str {
        let holder = self.post.under_way.lock().unwrap().take().expect("a mail is under way");
        PROCESSES.into_iter().find(|name| holder.starts_with(*name)).unwrap()
    }

    pub async fn pass(&self, seconds: u64) {
        tokio::time::sleep(Duration::from_secs(seconds)).await;
    }

    /// Nobody runs until then.
    pub async fn night_until(&self, at: &str) {
        assert!(self.running.is_empty(), "somebody runs");
        let left = at.parse::<Timestamp>().unwrap().duration_since(self.store.server_now());
        tokio::time::sleep(left.try_into().expect("that is over")).await;
    }

    async fn take(&mut self, event: Value) {
        self.told.push(event.clone());
        let record = SourceRecord {
            topic: "tracker".into(),
            partition: 0,
            offset: self.told.len() as i64,
            timestamp: None,
            headers: Vec::new(),
            key: None,
            value: Some(event.to_string().into_bytes()),
        };
        let ground = self.ground(&Self::process("ingest", 0));
        let taken = ingest(&ground).take(&[record], &mut Breaker::default()).await.unwrap();
        assert_eq!((taken.events, taken.rejected), (1, 0), "{event}");
    }

    /// A tracker tells something that happens now.
    pub async fn happens(&mut self, kind: &str, partner: &str, data: Value) {
        let (id, at) = (format!("event-{}", self.told.len()), self.store.server_now().to_string());
        self.take(json!({ "id": id, "kind": kind, "program": world::PROGRAM, "partner": partner, "occurred_at": at,
            "data": data }))
            .await;
    }

    pub async fn approved(&mut self, partner: &str) {
        let data = json!({ "name": partner, "email": format!("{partner}@partners.example"), "language": "en",
            "zone": "UTC", "consent": { "given": true, "source": "form", "time": "2026-01-01T00:00:00Z" } });
        self.happens("partner.approved", partner, data).await;
    }

    pub async fn sale(&mut self, partner: &str, id: &str) {
        let data =
            json!({ "conversion_id": id, "status": "pending", "revision": 1, "amount": 5000, "currency": "EUR" });
        self.happens("conversion", partner, data).await;
    }

    pub async fn reversed(&mut self, partner: &str, id: &str) {
        let data =
            json!({ "conversion_id": id, "status": "reversed", "revision": 2, "amount": 5000, "currency": "EUR" });
        self.happens("conversion", partner, data).await;
    }

    /// A tracker tells its last three events once more.
    pub async fn repeats_itself(&mut self) {
        let last = self.told.split_at(self.told.len() - 3).1.to_vec();
        for event in last {
            self.take(event).await;
        }
    }

    /// As the gateway notes it: at once for mailers, and for the partner's shard.
    pub async fn unsubscribes(&self, partner: &str, topic: &str) {
        let now = self.store.server_now();
        let key = PartnerKey::new(world::PROGRAM, partner).unwrap();
        let data =
            ContactData { topic: Some(topic.into()), reason: Some("unsubscribe".into()), ..ContactData::default() };
        let (id, data) = (format!("unsubscribe-{partner}-{topic}"), EngineData::Contact(data));
        let told = Self::own(&id, &key, Kind::ContactOptedOut, now, data);
        let address = format!("{partner}@partners.example");
        let change = SuppressionChange::add(&address, Some(topic), "unsubscribe", now);
        self.store.change_suppressions(&[change], &[told]).await.unwrap();
    }

    /// A person gives an award.
    pub async fn awarded(&self, partner: &str, award: &str) {
        let now = self.store.server_now();
        let key = PartnerKey::new(world::PROGRAM, partner).unwrap();
        let data =
            AwardData { name: award.into(), title: award.into(), by: Some("ines".into()), ..AwardData::default() };
        let told = Self::own(&format!("{award}-{partner}"), &key, Kind::PartnerAwarded, now, EngineData::Award(data));
        self.store.add_outbox(&[told]).await.unwrap();
    }

    /// A record that the relay has to carry.
    fn own(id: &str, key: &PartnerKey, kind: Kind, at: Timestamp, data: EngineData) -> OutboxRow {
        let event = Event {
            id: EventId::new(id).unwrap(),
            key: key.clone(),
            kind,
            occurred_at: at,
            payload: Payload::Engine(Box::new(data)),
            person_version: None,
        };
        records::outbox(shard_of(key, SHARDS), event)
    }

    /// The last days, as `rapport backtest` sees them.
    fn window(&self) -> (Timestamp, Timestamp) {
        let now = self.looked_at.unwrap_or_else(|| self.store.server_now());
        (now - WINDOW, now)
    }

    fn keys(&self) -> Vec<PartnerKey> {
        self.store.tables().partners.keys().cloned().collect()
    }

    pub async fn came_live(&mut self) -> Seen {
        self.looked_at = Some(self.store.server_now());
        let store: Arc<dyn Store> = self.store.clone();
        let checks = self.store.tables().check();
        assert!(checks.iter().all(|(_, rows)| *rows == 0), "{checks:?}");
        let (from, now) = self.window();
        seen(&store, &self.keys(), from, now).await.unwrap()
    }

    /// What the record comes to under these files.
    async fn played(&self, texts: &Texts) -> Seen {
        let (from, now) = self.window();
        let ground = self.ground(&Self::process("reader", 0));
        let mut recorded = read_log(&ground, |_| {}).await.unwrap();
        recorded.know(self.store.tables().persons.values().cloned().collect());
        let stop = CancellationToken::new();
        let store = play_through(recorded, Some((texts.clone(), from)), now, &stop, |_| {}).await.unwrap();
        seen(&store, &self.keys(), from, now).await.unwrap()
    }

    pub async fn comes_out_the_same(&self, live: &Seen, texts: &Texts) {
        let played = self.played(texts).await;
        let compared = compare(live, &played, None);
        assert!(compared.is_same(), "{}", told(&compared, live, &played));
    }

    pub async fn comes_out_otherwise(&self, live: &Seen, texts: &Texts, rule: &str) {
        let played = self.played(texts).await;
        assert!(!compare(live, &played, None).is_same(), "{rule} is another, and nothing is different");
    }
}

/// A difference, in full.
fn told(compared: &Compared, live: &Seen, played: &Seen) -> String {
    let mut text = String::from("not the same\n");
    for mail in &compared.new {
        let _ = writeln!(text, "only played: {mail:?}");
    }
    for mail in &compared.gone {
        let _ = writeln!(text, "only live:   {mail:?}");
    }
    for (was, is) in &compared.changed {
        let _ = writeln!(text, "live:        {was:?}\n  played:    {is:?}");
    }
    let _ = writeln!(text, "signals only live {:?}", live.signals.difference(&played.signals).collect::<Vec<_>>());
    let _ = writeln!(text, "signals only played {:?}", played.signals.difference(&live.signals).collect::<Vec<_>>());
    let _ = writeln!(text, "journeys only live {:?}", live.journeys.difference(&played.journeys).collect::<Vec<_>>());
    let _ = writeln!(text, "journeys only played {:?}", played.journeys.difference(&live.journeys).collect::<Vec<_>>());
    text
}
