//! One run: a world played through every service, each as tasks of one runtime whose time is virtual.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use rapport_engine::{
    apply,
    ingest::{Incarnations, Ingest, ReplayMaster},
    mailer::{Hand, LinkKeys, Mailer},
    operate::{self, Subject},
    ownership::{Engine, EngineParts, EngineSettings},
    ports::{rows::DefinitionRow, store::Store},
    readiness::Readiness,
    records,
    relay::Relay,
    rulebooks::Rulebooks,
};
use rapport_event::id::shard_of;
use rapport_message::link::Keys;
use tokio_util::sync::CancellationToken;

use crate::{
    clock::SimClock,
    digest::Digest,
    faults::{Faults, Rates},
    goals,
    process::{Process, ProcessLog, ProcessStore},
    transport::{Accepted, MailServer, SimTransport},
    world::{self, World, WorldSource},
};
use rapport_memory::{
    log::MemoryLog,
    store::{MemoryStore, Tables},
};

/// Virtual time after which a run that moves no more is given up.
const STUCK_AFTER: Duration = Duration::from_secs(600);

/// What is played, and how.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Setting {
    /// Seed of the world.
    pub seed: u64,
    /// Partners in it.
    pub partners: usize,
    /// Virtual days.
    pub days: i64,
    /// Shards.
    pub shards: u32,
    /// Records in one commit of a shard, and in one batch of ingest.
    pub batch: usize,
    /// Seed of schedule and faults.
    pub schedule: u64,
    /// What goes wrong.
    pub rates: Rates,
    /// What the operator does on the way.
    pub operator: Operator,
    /// Whether every eighth partner belongs to a small programme beside, on the other side of the world.
    pub beside: bool,
    /// Whether every fourth partner has the address of another.
    pub shared: bool,
}

/// What the operator does in the middle of a run: on a day (of the run, from 1 on) on which everything else is done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Operator {
    /// Applies other files: `welcome` is gone, `follow-up` waits less and ends otherwise.
    pub changes_on: Option<i64>,
    /// With that, what was applied before is lost until this day, and every process starts anew.
    pub loses_the_old_until: Option<i64>,
    /// What those other files say of journeys inside `follow-up`; nothing is `finish`.
    pub in_flight: Option<&'static str>,
    /// From the one day on all mail waits, until the other.
    pub incident: Option<(i64, i64)>,
    /// Goals are put to every partner; on this day they answer, two days later the programme answers them.
    pub goals_answered_on: Option<i64>,
}

impl Operator {
    /// Does nothing.
    pub const NONE: Self =
        Self { changes_on: None, loses_the_old_until: None, in_flight: None, incident: None, goals_answered_on: None };
}

impl Setting {
    /// A world without faults.
    #[must_use]
    pub fn plain(seed: u64, days: i64) -> Self {
        let partners = 20 + (seed % 41) as usize;
        Self {
            seed,
            partners,
            days,
            shards: 2,
            batch: 10_000,
            schedule: seed,
            rates: Rates::NONE,
            operator: Operator::NONE,
            beside: false,
            shared: false,
        }
    }
}

/// What a run came to.
pub struct Outcome {
    /// The final tables.
    pub tables: Tables,
    /// What was accepted by the mail server.
    pub accepted: Vec<Accepted>,
    /// The final state in a form to be compared.
    pub digest: Digest,
    /// What went wrong on purpose.
    pub faults: Vec<String>,
    /// The world that was played.
    pub world: Arc<World>,
    /// Why it did not come to its end, if so.
    pub stuck: Option<String>,
    /// Records in the log.
    pub records: u64,
    /// The numbers of the store before the operator gave back what was lost.
    pub while_lost: Vec<(String, i64)>,
}

/// Plays a setting.
///
/// # Panics
/// When the repository's files do not compile, or no runtime can be made.
#[must_use]
pub fn play(setting: &Setting) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime of one thread");
    // Made inside: what asks for an instant outside gets the machine's, and servers' clocks stand until the virtual one is there.
    tokio::task::LocalSet::new().block_on(&runtime, async { Run::new(setting).play().await })
}

#[derive(Clone)]
struct Run {
    setting: Setting,
    world: Arc<World>,
    store: Arc<MemoryStore>,
    log: MemoryLog,
    server: MailServer,
    faults: Faults,
    committed: Arc<AtomicUsize>,
    stop: CancellationToken,
    /// Told by the clock master when the world is over.
    over: CancellationToken,
    operation: Arc<Mutex<Operation>>,
}

/// How far the operator is.
#[derive(Default)]
struct Operation {
    acts: Vec<(Timestamp, Act)>,
    lost: Vec<DefinitionRow>,
    while_lost: Vec<(String, i64)>,
    /// The living, to be restarted.
    processes: BTreeMap<&'static str, Arc<Process>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Act {
    Change,
    GiveBack,
    Incident,
    AllClear,
    Answer,
    Settle,
}

/// What links of a run are signed with.
pub(crate) const LINK_KEY: &[u8] = b"simulator's key, long enough to sign with";

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The services that run, by the name of their process.
const PROCESSES: [&str; 7] = ["engine-a", "engine-b", "relay-a", "relay-b", "mailer-a", "mailer-b", "ingest"];

impl Run {
    fn new(setting: &Setting) -> Self {
        let mut world = World::new(setting.seed, setting.partners, setting.days);
        if setting.beside {
            world = world.with_programme_beside();
        }
        if setting.shared {
            world = world.with_shared_addresses();
        }
        Self {
            setting: *setting,
            world: Arc::new(world),
            store: Arc::default(),
            log: MemoryLog::new(setting.shards),
            server: MailServer::default(),
            faults: Faults::new(setting.schedule, setting.rates),
            committed: Arc::default(),
            stop: CancellationToken::new(),
            over: CancellationToken::new(),
            operation: Arc::new(Mutex::new(Operation { acts: acts(setting.operator), ..Operation::default() })),
        }
    }

    async fn play(self) -> Outcome {
        let store: Arc<dyn Store> = self.store.clone();
        store.create_shards(self.setting.shards).await.expect("shards in memory");
        let request = apply::Request {
            texts: match self.setting.operator.goals_answered_on {
                Some(_) => goals::files(),
                None if self.setting.beside => world::files_with_programme_beside(),
                None => world::shipped_files(),
            },
            by: "simulator".into(),
            since: Some(world::begins() - SignedDuration::from_hours(48)),
            approval: apply::Approval::NotNeeded,
            plan: None,
        };
        apply::apply(&store, request, self.setting.shards, world::begins() - SignedDuration::from_hours(48))
            .await
            .expect("the repository's files compile");
        for name in PROCESSES {
            let run = self.clone();
            tokio::task::spawn_local(async move { run.supervise(name).await });
        }
        let mut last = (Timestamp::MIN, 0_u64);
        let mut stuck = None;
        loop {
            tokio::select! {
                () = self.over.cancelled() => break,
                () = tokio::time::sleep(STUCK_AFTER) => {}
            }
            let now = (store.replay_present().await.ok().flatten().unwrap_or(Timestamp::MIN), self.log.length());
            if now == last {
                stuck = Some(self.tell_where_it_stands(now.0).await);
                break;
            }
            last = now;
        }
        let tables = self.store.tables().clone();
        Outcome {
            accepted: self.server.accepted(),
            digest: Digest::of(&tables),
            faults: self.faults.told(),
            world: self.world.clone(),
            stuck,
            records: self.log.length(),
            while_lost: lock(&self.operation).while_lost.clone(),
            tables,
        }
    }

    async fn tell_where_it_stands(&self, present: Timestamp) -> String {
        let outstanding = self.store.outstanding(present).await;
        let ends: Vec<(u32, usize)> = self.log.records().iter().map(|(shard, all)| (*shard, all.len())).collect();
        let rows: Vec<String> = self
            .store
            .tables()
            .shards
            .values()
            .map(|row| {
                format!(
                    "{}: {:?} epoch {} next {} clock {:?}",
                    row.shard, row.owner, row.epoch, row.next_offset, row.clock
                )
            })
            .collect();
        format!("stuck at {present}: {outstanding:?}; ends {ends:?}; shards {rows:#?}")
    }

    async fn operate(&self, act: (Timestamp, Act)) {
        let store: Arc<dyn Store> = self.store.clone();
        let (now, what) = act;
        if lock(&self.operation).acts.first() != Some(&act) {
            return;
        }
        match what {
            Act::Change => {
                let request = apply::Request {
                    texts: world::changed_files(self.setting.operator.in_flight),
                    by: "simulator".into(),
                    since: Some(world::begins() - SignedDuration::from_hours(48)),
                    approval: apply::Approval::NotNeeded,
                    plan: None,
                };
                apply::apply(&store, request, self.setting.shards, now).await.expect("the changed files compile");
                if self.setting.operator.loses_the_old_until.is_some() {
                    let mut tables = self.store.tables();
                    let newest = tables.definitions.pop();
                    let lost = std::mem::replace(&mut tables.definitions, newest.into_iter().collect());
                    drop(tables);
                    lock(&self.operation).lost = lost;
                }
            }
            Act::Incident => {
                let said = ("simulator", "prices are wrong");
                operate::pause(store.as_ref(), self.setting.shards, &Subject::Incident, None, said, now)
                    .await
                    .expect("memory takes it");
            }
            Act::AllClear => {
                let (subject, shards) = (Subject::Incident, self.setting.shards);
                let ended = operate::resume(store.as_ref(), shards, &subject, None, "simulator", now, false).await;
                assert_eq!(ended.ok(), Some(true), "there is an incident");
            }
            Act::Answer | Act::Settle => {
                let acts = {
                    let tables = self.store.tables();
                    if what == Act::Answer { goals::answers(&tables, now) } else { goals::settlements(&tables, now) }
                };
                let shards = self.setting.shards;
                let rows: Vec<_> =
                    acts.into_iter().map(|act| records::outbox(shard_of(&act.key, shards), act)).collect();
                store.add_outbox(&rows).await.expect("memory takes it");
            }
            Act::GiveBack => {
                let mut operation = lock(&self.operation);
                operation.while_lost = self.store.tables().numbers();
                let lost = std::mem::take(&mut operation.lost);
                drop(operation);
                let mut tables = self.store.tables();
                let newest = std::mem::take(&mut tables.definitions);
                tables.definitions = lost.into_iter().chain(newest).collect();
            }
        }
        let mut operation = lock(&self.operation);
        operation.acts.remove(0);
        if self.setting.operator.loses_the_old_until.is_some() {
            // What they remember of the old files is gone with them; the clock master itself goes on.
            for (_, process) in operation.processes.iter().filter(|(name, _)| **name != "ingest") {
                process.kill();
            }
        }
    }

    /// Starts a process again whenever it dies.
    async fn supervise(&self, name: &'static str) {
        for incarnation in 0.. {
            let process = Process::new(name, incarnation, self.faults.clone());
            lock(&self.operation).processes.insert(name, process.clone());
            let task = {
                let (run, process) = (self.clone(), process.clone());
                tokio::task::spawn_local(async move { run.serve(name, process).await })
            };
            tokio::select! {
                () = process.died() => {}
                ended = task => {
                    if let Err(error) = ended {
                        panic!("{name} panicked: {error}");
                    }
                    if self.over.is_cancelled() || self.stop.is_cancelled() {
                        return;
                    }
                    process.kill();
                }
            }
            let wait = self.faults.draw(name, "restart", u64::from(incarnation)) % 300;
            tokio::time::sleep(Duration::from_millis(wait)).await;
        }
    }

    async fn serve(&self, name: &'static str, process: Arc<Process>) {
        let store: Arc<dyn Store> = Arc::new(ProcessStore { inner: self.store.clone(), process: process.clone() });
        let log = Arc::new(ProcessLog { inner: self.log.clone(), process: process.clone() });
        let clock = Arc::new(SimClock { store: store.clone() });
        let rulebooks = Arc::new(Rulebooks::sharing(store.clone(), world::compiled()));
        let readiness = Readiness::default();
        let (shards, stop) = (self.setting.shards, self.stop.clone());
        match name {
            _ if name.starts_with("relay") => {
                let name = name.to_owned();
                Relay { name, store, log, signals: None, clock, readiness }.run(stop).await;
            }
            "ingest" => {
                let ingest = Ingest {
                    store,
                    log,
                    clock,
                    rulebooks,
                    shards,
                    incarnations: Incarnations::default(),
                    readiness,
                    beginnings: Arc::default(),
                    guard: Arc::default(),
                };
                let next = self.committed.load(Ordering::Relaxed);
                let batch = self.setting.batch;
                let mut source =
                    WorldSource { world: self.world.clone(), committed: self.committed.clone(), next, batch };
                loop {
                    let act = lock(&self.operation).acts.first().copied();
                    let until = act.map_or(self.world.until, |(on, _)| on);
                    let master = ReplayMaster::new(ingest.clone(), Some(until));
                    match (master.run(&mut source, stop.clone(), |_| {}).await, act) {
                        (Ok(_), None) => break self.over.cancel(),
                        // Everything of that day is done; what the operator does comes between two steps.
                        (Ok(_), Some(act)) => self.operate(act).await,
                        // The process ends with what it met; its supervisor starts another.
                        (Err(error), _) => break eprint_trace(name, &error),
                    }
                }
            }
            _ if name.starts_with("mailer") => {
                let incarnation = process.name().to_owned();
                let transport = Arc::new(SimTransport { server: self.server.clone(), process });
                let keys = Keys::new([LINK_KEY.to_vec()]).expect("a key");
                let links = Arc::new(LinkKeys { keys });
                let name = name.to_owned();
                let mailer = Mailer {
                    name,
                    incarnation,
                    store,
                    log,
                    transport,
                    clock,
                    rulebooks,
                    links,
                    shards,
                    readiness,
                    hand: Hand::default(),
                };
                Arc::new(mailer).run(stop).await;
            }
            _ => {
                let mut settings = EngineSettings::new(name, shards);
                settings.heartbeat = Duration::from_millis(200);
                settings.lease = Duration::from_secs(2);
                settings.batch_max = self.setting.batch;
                let parts = EngineParts { store, log, clock, rulebooks, readiness, tells_signals: false };
                Engine::new(settings, parts).run(stop).await;
            }
        }
    }
}

fn acts(operator: Operator) -> Vec<(Timestamp, Act)> {
    let on = |day: i64| world::begins() + SignedDuration::from_hours(24 * day);
    let mut acts: Vec<(Timestamp, Act)> = operator.changes_on.map(|day| (on(day), Act::Change)).into_iter().collect();
    if let Some((from, to)) = operator.incident {
        acts.extend([(on(from), Act::Incident), (on(to), Act::AllClear)]);
    }
    if let Some(day) = operator.goals_answered_on {
        acts.extend([(on(day), Act::Answer), (on(day + 2), Act::Settle)]);
    }
    acts.extend(operator.loses_the_old_until.map(|day| (on(day), Act::GiveBack)));
    acts.sort_by_key(|(at, _)| *at);
    acts
}

fn eprint_trace(name: &str, error: &dyn std::error::Error) {
    if std::io::IsTerminal::is_terminal(&std::io::stderr()) {
        eprintln!("{name} ends: {error}");
    }
}
