//! One run: a world played through every service, each as tasks of one runtime whose time is virtual.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use rapport_engine::{
    apply,
    ingest::{Ingest, ReplayMaster},
    mailer::{Hand, LinkKeys, Mailer},
    ownership::{Engine, EngineParts, EngineSettings},
    ports::store::Store,
    readiness::Readiness,
    relay::Relay,
    rulebooks::Rulebooks,
};
use rapport_message::link::Keys;
use tokio_util::sync::CancellationToken;

use crate::{
    clock::SimClock,
    digest::Digest,
    faults::{Faults, Rates},
    log::MemoryLog,
    process::{Process, ProcessLog, ProcessStore},
    store::{MemoryStore, Tables},
    transport::{Accepted, MailServer, SimTransport},
    world::{self, World, WorldSource},
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
}

impl Setting {
    /// A world without faults.
    #[must_use]
    pub fn plain(seed: u64, days: i64) -> Self {
        let partners = 20 + (seed % 41) as usize;
        Self { seed, partners, days, shards: 2, batch: 10_000, schedule: seed, rates: Rates::NONE }
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
    tokio::task::LocalSet::new().block_on(&runtime, Run::new(setting).play())
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
}

/// The services that run, by the name of their process.
const PROCESSES: [&str; 6] = ["engine-a", "engine-b", "relay", "mailer-a", "mailer-b", "ingest"];

impl Run {
    fn new(setting: &Setting) -> Self {
        Self {
            setting: *setting,
            world: Arc::new(World::new(setting.seed, setting.partners, setting.days)),
            store: Arc::default(),
            log: MemoryLog::new(setting.shards),
            server: MailServer::default(),
            faults: Faults::new(setting.schedule, setting.rates),
            committed: Arc::default(),
            stop: CancellationToken::new(),
            over: CancellationToken::new(),
        }
    }

    async fn play(self) -> Outcome {
        let store: Arc<dyn Store> = self.store.clone();
        store.create_shards(self.setting.shards).await.expect("shards in memory");
        let request = apply::Request {
            texts: world::shipped_files(),
            by: "simulator".into(),
            since: Some(world::begins() - SignedDuration::from_hours(48)),
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

    /// Starts a process again whenever it dies.
    async fn supervise(&self, name: &'static str) {
        for incarnation in 0.. {
            let process = Process::new(name, incarnation, self.faults.clone());
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
        let rulebooks = Arc::new(Rulebooks::new(store.clone()));
        let readiness = Readiness::default();
        let (shards, stop) = (self.setting.shards, self.stop.clone());
        match name {
            "relay" => Relay { store, log, clock, readiness }.run(stop).await,
            "ingest" => {
                let noted = Arc::default();
                let ingest = Ingest { store, log, clock, rulebooks, shards, incarnation: 1, readiness, noted };
                let next = self.committed.load(Ordering::Relaxed);
                let batch = self.setting.batch;
                let mut source =
                    WorldSource { world: self.world.clone(), committed: self.committed.clone(), next, batch };
                let master = ReplayMaster::new(ingest, Some(self.world.until));
                match master.run(&mut source, stop, |_| {}).await {
                    Ok(_) => self.over.cancel(),
                    // The process ends with what it met; its supervisor starts another.
                    Err(error) => eprint_trace(name, &error),
                }
            }
            _ if name.starts_with("mailer") => {
                let transport = Arc::new(SimTransport { server: self.server.clone(), process });
                let keys = Keys::new([b"simulator's key, long enough to sign with".to_vec()]).expect("a key");
                let links = Arc::new(LinkKeys { keys });
                let name = name.to_owned();
                let mailer = Mailer {
                    name,
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
                let parts = EngineParts { store, log, clock, rulebooks, readiness };
                Engine::new(settings, parts).run(stop).await;
            }
        }
    }
}

fn eprint_trace(name: &str, error: &dyn std::error::Error) {
    if std::io::IsTerminal::is_terminal(&std::io::stderr()) {
        eprintln!("{name} ends: {error}");
    }
}
