//! A gateway on a loopback port, on the real embedded store, and a client that speaks plain TCP.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use rapport_engine::ports::{
    clock::Clock,
    log::{EventLog, LogError, LogIdentity, LogRecord, NewRecord, Progress, ShardFeed},
    rows::{MessageRow, PartnerRow, PersonRow, Rebuilt, ShardCommit},
    store::{Committed, Store, StoreError},
};
use rapport_engine::rulebooks::Applied;
use rapport_engine::shard::{
    facts::marks,
    goals::agreed::{self, Agreement},
};
use rapport_event::{Event, PartnerKey, decode_record};
use rapport_http::{Bearer, CurrentRules, EVENT_BYTES_MAX, Gateway, Providers, Rules, gateway, serve};
use rapport_message::link::{Claims, Keys};
use rapport_partner::PartnerState;
use rapport_store::{Journal, SqlStore};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

pub const PARTNER: &str = "p-17";
pub const ADDRESS: &str = "Ada@partner.example";
pub const MESSAGE: &str = "5f0e6a1c9b7d4e2f8a3b5c6d7e8f9a0b";
const SHARDS: u32 = 4;

pub struct World {
    pub store: Arc<SqlStore>,
    pub journal: Journal,
    pub log: Arc<Moody>,
    pub clock: Arc<Standing>,
    pub address: SocketAddr,
    stop: CancellationToken,
    serving: JoinHandle<std::io::Result<()>>,
    _folder: tempfile::TempDir,
}

pub fn now() -> Timestamp {
    "2026-11-21T10:00:00Z".parse().unwrap()
}

/// The present, which stands still until it is moved, and can be out of reach, as it is with the database.
#[derive(Default)]
pub struct Standing {
    away: AtomicBool,
    passed: AtomicI64,
}

impl Standing {
    pub fn go_away(&self, away: bool) {
        self.away.store(away, Ordering::SeqCst);
    }

    /// So many days later than before; the new present.
    pub fn pass(&self, days: u32) -> Timestamp {
        self.passed.fetch_add(i64::from(days) * 24, Ordering::SeqCst);
        self.present()
    }

    fn present(&self) -> Timestamp {
        now().checked_add(SignedDuration::from_hours(self.passed.load(Ordering::SeqCst))).unwrap()
    }
}

#[async_trait]
impl Clock for Standing {
    async fn now(&self) -> Result<Timestamp, StoreError> {
        if self.away.load(Ordering::SeqCst) {
            return Err(StoreError::Unavailable("no database".into()));
        }
        Ok(self.present())
    }
    fn replays(&self) -> bool {
        false
    }
    async fn pause(&self, _length: Duration) {}
    fn monotonic(&self) -> Instant {
        Instant::now()
    }
}

/// The files this repository ships, compiled.
struct Shipped(Option<CurrentRules>);

#[async_trait]
impl Rules for Shipped {
    async fn current(&self) -> Result<Option<CurrentRules>, StoreError> {
        self.0.clone().map(Some).ok_or_else(|| StoreError::Damaged("these files do not compile".into()))
    }
}

pub fn shipped() -> CurrentRules {
    let (rulebook, findings) = rapport_workflow::compile(&rapport_shipped::sources());
    let rulebook = rulebook.unwrap_or_else(|| panic!("{:?}", findings.iter().collect::<Vec<_>>()));
    Arc::new(Applied::new("r".into(), rulebook, BTreeMap::new()))
}

/// The journal, which can be out of reach, and takes no value longer than some length, like a broker.
pub struct Moody {
    inner: Journal,
    away: AtomicBool,
    longest: AtomicUsize,
}

impl Moody {
    pub fn go_away(&self, away: bool) {
        self.away.store(away, Ordering::SeqCst);
    }

    pub fn takes_up_to(&self, bytes: usize) {
        self.longest.store(bytes, Ordering::SeqCst);
    }
}

#[async_trait]
impl EventLog for Moody {
    async fn append(&self, records: Vec<NewRecord>) -> Result<(), LogError> {
        if self.away.load(Ordering::SeqCst) {
            return Err(LogError::Unreachable("no broker".into()));
        }
        let longest = self.longest.load(Ordering::SeqCst);
        if records.iter().any(|record| record.value.len() > longest) {
            return Err(LogError::TooLarge("appending".into()));
        }
        self.inner.append(records).await
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

pub fn keys() -> Keys {
    Keys::new([b"the newest key".to_vec(), b"a retired key".to_vec()]).unwrap()
}

/// What Mailgun and Postmark prove themselves by.
fn providers() -> Providers {
    let mut providers = Providers::default();
    providers.mailgun("mailgun signs with this").unwrap();
    providers.postmark("postmark", "their password").unwrap();
    providers.sendgrid(&crate::feedback::sendgrid_public()).unwrap();
    providers.ses(crate::feedback::TOPIC, &crate::feedback::sns().1).unwrap();
    providers
}

pub fn unsubscribe(topic: &str) -> Claims {
    Claims::Unsubscribe {
        program: "default".into(),
        partner: PARTNER.into(),
        topic: topic.into(),
        message: MESSAGE.into(),
    }
}

pub fn answer(choice: &str) -> Claims {
    Claims::Answer {
        program: "default".into(),
        partner: PARTNER.into(),
        message: MESSAGE.into(),
        choice: choice.into(),
    }
}

/// As the mail of this partner has it, for a choice of the shipped anonymous survey.
pub fn anonymous(partner: &str, choice: &str) -> Claims {
    Claims::Anonymous {
        program: "default".into(),
        survey: "pulse".into(),
        period: "2026".into(),
        ticket: keys().ticket("default", "pulse", "2026", partner).unwrap(),
        choice: choice.into(),
        language: "de".into(),
    }
}

pub fn why() -> Claims {
    Claims::Why { program: "default".into(), partner: PARTNER.into(), message: MESSAGE.into() }
}

pub fn preferences() -> Claims {
    Claims::Preferences { program: "default".into(), partner: PARTNER.into() }
}

pub fn review(period: &str) -> Claims {
    Claims::Review { program: "default".into(), partner: PARTNER.into(), period: period.into() }
}

pub fn goal(proposal: &str) -> Claims {
    Claims::Goal { program: "default".into(), partner: PARTNER.into(), proposal: proposal.into() }
}

pub fn path(claims: &Claims) -> String {
    keys().url("", claims).unwrap()
}

impl World {
    /// A partner of this language who was sent one message with a survey.
    pub async fn new(language: &str) -> Self {
        Self::with(language, None, Some(shipped())).await
    }

    /// Trackers need this secret.
    pub async fn guarded(secret: &str) -> Self {
        Self::with("en", Bearer::new(secret), Some(shipped())).await
    }

    /// The applied files cannot be read.
    pub async fn without_files() -> Self {
        Self::with("en", None, None).await
    }

    async fn with(language: &str, bearer: Option<Bearer>, rules: Option<CurrentRules>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rapport.db");
        let store = Arc::new(SqlStore::connect(&format!("sqlite:{}", path.display())).await.unwrap());
        let journal = store.journal(SHARDS, &path.with_extension("progress")).unwrap();
        let (away, longest) = (AtomicBool::new(false), AtomicUsize::new(usize::MAX));
        let log = Arc::new(Moody { inner: journal.clone(), away, longest });
        let key = PartnerKey::new("default", PARTNER).unwrap();
        let fields = serde_json::json!({ "email": ADDRESS, "language": language, "name": "Ada" }).to_string();
        let person = PersonRow { key: key.clone(), version: 1, address: Some(ADDRESS.to_lowercase()), fields };
        store.store_persons(&[person]).await.unwrap();
        plan(&store, key).await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let clock = Arc::new(Standing::default());
        let router = gateway(Gateway {
            store: store.clone(),
            log: log.clone(),
            clock: clock.clone(),
            rules: Arc::new(Shipped(rules)),
            keys: keys(),
            shards: SHARDS,
            bearer,
            providers: Arc::new(providers()),
            beginnings: Arc::default(),
            guard: Arc::default(),
            event_bytes_max: EVENT_BYTES_MAX,
        });
        let stop = CancellationToken::new();
        let serving = tokio::spawn(serve(listener, router, stop.clone()));
        Self { store, journal, log, clock, address, stop, serving, _folder: folder }
    }

    /// Keeps what was proposed to and agreed on with the partner, as a shard does.
    pub async fn keep(&self, agreements: BTreeMap<String, Agreement>) {
        self.mark(marks::AGREEMENTS, agreed::to_mark(&agreements)).await;
    }

    /// Keeps a mark in the partner's state.
    pub async fn mark(&self, name: &str, bytes: Vec<u8>) {
        let mut state = PartnerState::default();
        state.set_mark(name, bytes);
        self.state(&state).await;
    }

    /// Keeps the partner's state.
    pub async fn state(&self, state: &PartnerState) {
        let key = PartnerKey::new("default", PARTNER).unwrap();
        let days = (!state.days.is_empty()).then(|| state.encode_days());
        let row = PartnerRow { key: key.clone(), hot: state.encode_hot(), days };
        let number = i32::try_from(rapport_event::shard_of(&key, SHARDS)).unwrap();
        let shard = self.store.shard_row(number).await.unwrap().unwrap();
        let commit = ShardCommit {
            shard: number,
            epoch: shard.epoch,
            commit_no: shard.commit_no,
            clock: Some(now()),
            partners: vec![row],
            ..ShardCommit::default()
        };
        assert!(matches!(self.store.commit_shard(&commit).await.unwrap(), Committed::Done));
    }

    /// Erases the partner, as a shard does that folds the record.
    pub async fn erase(&self) {
        let key = PartnerKey::new("default", PARTNER).unwrap();
        let number = i32::try_from(rapport_event::shard_of(&key, SHARDS)).unwrap();
        let shard = self.store.shard_row(number).await.unwrap().unwrap();
        let commit = ShardCommit {
            shard: number,
            epoch: shard.epoch,
            commit_no: shard.commit_no,
            clock: Some(now()),
            rebuilt: vec![Rebuilt::Erased { key, at: now() }],
            ..ShardCommit::default()
        };
        assert!(matches!(self.store.commit_shard(&commit).await.unwrap(), Committed::Done));
    }

    /// Plans one more message to the partner, with this survey.
    pub async fn survey(&self, id: &str, survey: &str) {
        self.survey_shown(id, survey, serde_json::json!({})).await;
    }

    /// The same, with the values the mail was rendered with.
    pub async fn survey_shown(&self, id: &str, survey: &str, values: serde_json::Value) {
        let key = PartnerKey::new("default", PARTNER).unwrap();
        let context =
            serde_json::json!({ "values": values, "from": { "sender": "ines" }, "survey": survey, "evidence": [] });
        let number = i32::try_from(rapport_event::shard_of(&key, SHARDS)).unwrap();
        let shard = self.store.shard_row(number).await.unwrap().unwrap();
        let first = self.store.message(MESSAGE).await.unwrap().unwrap();
        let message = MessageRow { id: id.into(), context: context.to_string(), ..first };
        let commit = ShardCommit {
            shard: number,
            epoch: shard.epoch,
            commit_no: shard.commit_no,
            clock: Some(now()),
            messages: vec![message],
            ..ShardCommit::default()
        };
        assert!(matches!(self.store.commit_shard(&commit).await.unwrap(), Committed::Done));
    }

    /// Calls the partner something else.
    pub async fn call(&self, name: &str) {
        let key = PartnerKey::new("default", PARTNER).unwrap();
        let fields = serde_json::json!({ "name": name }).to_string();
        self.store.store_persons(&[PersonRow { key, version: 2, address: None, fields }]).await.unwrap();
    }

    /// What is kept of the partner personally.
    pub async fn person(&self) -> serde_json::Value {
        let key = PartnerKey::new("default", PARTNER).unwrap();
        serde_json::from_str(&self.store.person(&key).await.unwrap().unwrap()).unwrap()
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, &[], b"").await
    }

    pub async fn form(&self, path: &str, body: &str) -> Answer {
        self.ask("POST", path, &[("content-type", "application/x-www-form-urlencoded")], body.as_bytes()).await
    }

    pub async fn json(&self, body: &str) -> Answer {
        self.ask("POST", "/v1/events", &[("content-type", "application/json")], body.as_bytes()).await
    }

    pub async fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let mut head = format!("{method} {path} HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\n");
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str(&format!("Content-Length: {}\r\n\r\n", body.len()));
        self.raw(&[head.as_bytes(), body].concat()).await
    }

    /// Sends bytes as they are and reads until the other side closes.
    pub async fn raw(&self, bytes: &[u8]) -> Answer {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        // The other side may answer and close before it has read everything; what it said is what counts.
        let _ = stream.write_all(bytes).await;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        Answer::read(&String::from_utf8_lossy(&answer))
    }

    /// The records waiting in the outbox.
    pub async fn outbox(&self) -> Vec<Event> {
        let rows = self.store.outbox(1000).await.unwrap();
        rows.iter().map(|row| decode_record(&row.row.value).unwrap()).collect()
    }

    pub async fn suppressions(&self) -> Vec<(Option<String>, String)> {
        self.store.suppressions(&ADDRESS.to_lowercase()).await.unwrap()
    }

    /// Everything the gateway could have written.
    pub async fn written(&self) -> (usize, Vec<(Option<String>, String)>, Vec<i64>) {
        (self.outbox().await.len(), self.suppressions().await, self.ends().await)
    }

    pub async fn ends(&self) -> Vec<i64> {
        let shards: Vec<u32> = (0..SHARDS).collect();
        self.journal.ends(&shards).await.unwrap()
    }

    /// Stops the server and sees it end in peace.
    pub async fn stop(self) {
        self.stop.cancel();
        self.serving.await.unwrap().unwrap();
    }
}

/// Plans the message as an engine would: in a commit of the shard.
async fn plan(store: &SqlStore, key: PartnerKey) {
    let shard = rapport_event::shard_of(&key, SHARDS);
    store.create_shards(SHARDS).await.unwrap();
    let number = i32::try_from(shard).unwrap();
    let row = store.take_shard(number, "test", Duration::from_secs(10)).await.unwrap().unwrap();
    // As the mail showed it then, in German; the choices left out here are found in the files.
    let choices = serde_json::json!([{ "id": "holiday", "label": "Ich mache Urlaub oder Pause" }]);
    let context = serde_json::json!({
        "values": {
            "event": { "summary": "42 sales expected, 17 seen since 3 November <b>" },
            "survey": { "id": "what-happened", "question": "Was ist passiert?", "choices": choices },
        },
        "from": { "sender": "ines" },
        "languages": ["de", "en"],
        "survey": "what-happened",
        "evidence": [],
    });
    let message = MessageRow {
        id: MESSAGE.into(),
        shard,
        key,
        workflow: "re-engagement".into(),
        journey: "j".into(),
        step: "noticed".into(),
        mail: "noticed".into(),
        rulebook: "r".into(),
        kind: "marketing".into(),
        topic: "performance".into(),
        priority: 0,
        policy: "at_most_once".into(),
        planned_at: now(),
        due: now(),
        expires: now(),
        context: context.to_string(),
    };
    let commit = ShardCommit {
        shard: number,
        epoch: row.epoch,
        commit_no: row.commit_no,
        clock: Some(now()),
        messages: vec![message],
        ..ShardCommit::default()
    };
    assert!(matches!(store.commit_shard(&commit).await.unwrap(), Committed::Done));
}

#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Answer {
    fn read(text: &str) -> Self {
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((text, ""));
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
        Self { status, head: head.to_ascii_lowercase(), body: body.to_owned() }
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}
