//! The services of one process: started together, stopped together.

mod merged;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rapport_engine::backoff::Backoff;
use rapport_engine::clicks::Clicks;
use rapport_engine::courier::Courier;
use rapport_engine::ingest::{Ingest, IngestError, ReplayMaster, committed_fact, source_id};
use rapport_engine::mailer::{LinkKeys, Mailer};
use rapport_engine::neighbours::Neighbours;
use rapport_engine::ownership::{Engine, EngineParts, EngineSettings};
use rapport_engine::ports::caller::{Caller, Captured};
use rapport_engine::ports::store::StoreError;
use rapport_engine::ports::transport::Transport;
use rapport_engine::readiness::Readiness;
use rapport_engine::relay::Relay;
use rapport_engine::restore::{self, RestoreError};
use rapport_kafka::{GroupSource, SourceSettings, topic};
use rapport_smtp::{CaptureTransport, Relays};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::command_line::Service;
use crate::desk::asking;
use crate::exit::{Doing, Failure};
use crate::layout::{Broker, Ground};
use crate::settings::{MailSettings, MailWay};

/// All in-hand work is finished within this time of a stop.
pub const STOP_WITHIN: Duration = Duration::from_secs(5);
/// Mails captured at a time: writing a file is quicker than agreeing with another worker.
const CAPTURES: usize = 1;
/// How often it is looked whether the event log is back.
const LOOK_FOR_THE_LOG: Duration = Duration::from_secs(2);

/// The way out for mail. Returns whether mail really leaves the machine, too.
pub fn transport(mail: &MailSettings) -> Result<Arc<dyn Transport>, Failure> {
    let signer = mail.signer.clone();
    Ok(match &mail.way {
        MailWay::Capture { folder } => {
            let capture = CaptureTransport::new(folder, CAPTURES);
            Arc::new(capture.doing(&format!("making the mail folder {}", folder.display()))?.signing(signer))
        }
        MailWay::Smtp(settings) => {
            let relays = Relays::new(settings.clone()).doing("preparing the mail transport")?;
            Arc::new(relays.signing(signer))
        }
    })
}

/// Running services.
pub struct Services {
    tasks: JoinSet<(&'static str, Result<(), Failure>)>,
    stop: CancellationToken,
}

impl Services {
    /// None yet; all stop with the token.
    pub fn new(stop: CancellationToken) -> Self {
        Self { tasks: JoinSet::new(), stop }
    }

    /// Starts the engine: shards and coordinator.
    pub fn engine(&mut self, ground: &Ground, name: &str, heartbeat: Option<Duration>) {
        let mut settings = EngineSettings::new(name, ground.shards);
        if let Some(heartbeat) = heartbeat {
            settings.heartbeat = heartbeat;
        }
        let engine = Engine::new(settings, parts(ground));
        let stop = self.stop.clone();
        self.tasks.spawn(async move {
            engine.run(stop).await;
            ("engine", Ok(()))
        });
    }

    /// Starts the relay; calls of other systems are captured.
    pub fn relay(&mut self, ground: &Ground, name: &str) {
        self.relay_by(ground, name, Arc::new(Captured));
    }

    /// Starts the relay, with this way to other systems.
    pub fn relay_by(&mut self, ground: &Ground, name: &str, caller: Arc<dyn Caller>) {
        let courier = Courier {
            store: ground.store.clone(),
            caller,
            log: ground.log.clone(),
            clock: ground.clock.clone(),
            shards: ground.shards,
            readiness: ground.readiness.clone(),
            guard: Arc::default(),
        };
        let stop = self.stop.clone();
        self.tasks.spawn(async move {
            courier.run(stop).await;
            ("courier", Ok(()))
        });
        let relay = Relay {
            name: name.to_owned(),
            signals: ground.signals.clone(),
            store: ground.store.clone(),
            log: ground.log.clone(),
            clock: ground.clock.clone(),
            readiness: ground.readiness.clone(),
        };
        let stop = self.stop.clone();
        self.tasks.spawn(async move {
            relay.run(stop).await;
            ("relay", Ok(()))
        });
    }

    /// Starts a mailer.
    pub fn mailer(&mut self, ground: &Ground, name: &str, transport: Arc<dyn Transport>, links: Arc<LinkKeys>) {
        let mailer = Arc::new(Mailer {
            name: name.to_owned(),
            incarnation: uuid::Uuid::now_v7().simple().to_string(),
            store: ground.store.clone(),
            log: ground.log.clone(),
            transport,
            clock: ground.clock.clone(),
            rulebooks: ground.rulebooks.clone(),
            links,
            shards: ground.shards,
            readiness: ground.readiness.clone(),
            hand: Default::default(),
        });
        let stop = self.stop.clone();
        self.tasks.spawn(async move {
            mailer.run(stop).await;
            ("mailer", Ok(()))
        });
    }

    /// Starts to take events from the upstream topics, as a member of a group.
    pub fn ingest(&mut self, ground: &Ground, broker: &Broker, name: &str) {
        let ingest = ingest(ground);
        let (ground, broker, name) = (ground.clone(), broker.clone(), name.to_owned());
        let (connection, stop) = (broker.connection.clone(), self.stop.clone());
        let run = move || async move {
            loop {
                let settings = source_settings(&ground, &broker, Some(name.clone()), &stop).await?;
                let Some(settings) = settings else { return Ok(()) };
                for topic in topic::missing(&connection, &settings.topics).await.unwrap_or_default() {
                    warn!(
                        topic,
                        "there is no such topic: nothing is read of it until there is; is it spelt as in config/rapport.yaml?"
                    );
                }
                let mut source = GroupSource::subscribe(&connection, &settings).doing("reading the upstream topics")?;
                match ingest.run(&mut source, true, stop.clone()).await {
                    Err(IngestError::Restore(RestoreError::OtherLog(why))) => {
                        // The group is left: while this waits its offsets can be set back.
                        drop(source);
                        ground.readiness.bad("ingest", why);
                        if !until_the_log_is_back(&ground, &stop).await {
                            return Ok(());
                        }
                    }
                    ran => return ran.map(|_| ()).doing("ingest stopped"),
                }
            }
        };
        self.apart("ingest", run);
    }

    /// Starts the clock master of a replay: the upstream topics, merged by the events' own time. Its end is the end of all.
    pub fn replay(&mut self, ground: &Ground, broker: &Broker, until: Option<Timestamp>) {
        let master = ReplayMaster::new(ingest(ground), until);
        let (ground, broker) = (ground.clone(), broker.clone());
        let (connection, stop) = (broker.connection.clone(), self.stop.clone());
        let run = move || async move {
            let Some(settings) = source_settings(&ground, &broker, None, &stop).await? else { return Ok(()) };
            let mut source = merged::Merged::open(&connection, &settings).await.doing("reading the upstream topics")?;
            let mut last = String::new();
            let progress = |present: Timestamp| {
                let month = present.strftime("%Y-%m").to_string();
                if month != last {
                    info!(%present, "replaying");
                    last = month;
                }
            };
            let taken = master.run(&mut source, stop.clone(), progress).await.doing("ingest stopped")?;
            info!(events = taken.events, rejected = taken.rejected, "replayed");
            stop.cancel();
            Ok(())
        };
        self.apart("ingest", run);
    }

    /// Runs a service on a thread of its own: its future is made there and never moves, so it need not be `Send`.
    fn apart<F, R>(&mut self, name: &'static str, make: F)
    where
        F: FnOnce() -> R + Send + 'static,
        R: Future<Output = Result<(), Failure>>,
    {
        let runtime = tokio::runtime::Handle::current();
        let running = tokio::task::spawn_blocking(move || runtime.block_on(make()));
        self.tasks.spawn(async move {
            let ended = running.await.unwrap_or_else(|error| Err(Failure::new(format!("broke down: {error}"))));
            (name, ended)
        });
    }

    /// Serves a router. The address is taken before anything runs, so that a taken one is told at once.
    async fn serve(&mut self, name: &'static str, router: axum::Router, address: SocketAddr) -> Result<(), Failure> {
        let listener = tokio::net::TcpListener::bind(address).await.map_err(|error| {
            Failure::new(format!("{name} cannot listen on {address}: {error}")).help("name another address")
        })?;
        let address = listener.local_addr().unwrap_or(address);
        info!(%address, "{name} listens");
        let stop = self.stop.clone();
        self.tasks.spawn(async move { (name, rapport_http::serve(listener, router, stop).await.doing(name)) });
        Ok(())
    }

    /// Serves the links in mails and the intake of tracker events, and judges the clicks that it notes.
    pub async fn gateway(
        &mut self,
        ground: &Ground,
        links: &LinkKeys,
        bearer: Option<&str>,
        providers: &Arc<rapport_http::Providers>,
        address: SocketAddr,
    ) -> Result<(), Failure> {
        let gateway = rapport_http::Gateway {
            store: ground.store.clone(),
            log: ground.log.clone(),
            clock: ground.clock.clone(),
            rules: ground.rulebooks.clone(),
            keys: links.keys.clone(),
            shards: ground.shards,
            bearer: bearer.and_then(rapport_http::Bearer::new),
            providers: providers.clone(),
            beginnings: Arc::default(),
            guard: Arc::default(),
            event_bytes_max: rapport_http::EVENT_BYTES_MAX,
        };
        self.serve("gateway", rapport_http::gateway(gateway), address).await?;
        let clicks = Clicks { store: ground.store.clone(), clock: ground.clock.clone(), shards: ground.shards };
        let stop = self.stop.clone();
        self.tasks.spawn(async move {
            clicks.run(stop).await;
            ("clicks", Ok(()))
        });
        Ok(())
    }

    /// Looks after database and event log, so that readiness tells of them also while there is nothing to do.
    pub fn watch(&mut self, ground: &Ground) {
        let (ground, stop) = (ground.clone(), self.stop.clone());
        self.tasks.spawn(async move {
            let (store, log) = (ground.store.as_ref(), ground.log.as_ref());
            let neighbours = Neighbours { store, log, replays: ground.clock.replays() };
            neighbours.watch(&ground.readiness, &stop).await;
            ("neighbours", Ok(()))
        });
    }

    /// Serves health, readiness and metrics, for operators' tools.
    pub async fn health(&mut self, readiness: &Readiness, address: SocketAddr) -> Result<(), Failure> {
        // A recorder is there already in tests that start several.
        let metrics = rapport_http::install_recorder().ok();
        self.serve("health", rapport_http::ops(readiness.clone(), metrics), address).await
    }

    /// Waits until all have ended. The first that ends on its own stops the others.
    pub async fn wait(mut self) -> Result<(), Failure> {
        let mut first = Ok(());
        let mut deadline: Option<tokio::time::Instant> = None;
        loop {
            let next = match deadline {
                None => tokio::select! {
                    next = self.tasks.join_next() => next,
                    () = self.stop.cancelled() => {
                        deadline = Some(tokio::time::Instant::now() + STOP_WITHIN);
                        continue;
                    }
                },
                Some(deadline) => match tokio::time::timeout_at(deadline, self.tasks.join_next()).await {
                    Ok(next) => next,
                    Err(_) => {
                        error!("some work did not end in time and is left; what was committed stands");
                        self.tasks.abort_all();
                        break;
                    }
                },
            };
            let Some(ended) = next else { break };
            let result = match ended {
                Ok((name, Ok(()))) => {
                    info!(service = name, "stopped");
                    Ok(())
                }
                Ok((name, Err(failure))) => {
                    error!(service = name, "{}", failure.message);
                    Err(failure)
                }
                Err(panic) => Err(Failure::new(format!("a service broke down: {panic}"))),
            };
            if first.is_ok() {
                first = result;
            }
            self.stop.cancel();
        }
        first
    }
}

/// What an engine runs on.
fn parts(ground: &Ground) -> EngineParts {
    EngineParts {
        store: ground.store.clone(),
        log: ground.log.clone(),
        clock: ground.clock.clone(),
        rulebooks: ground.rulebooks.clone(),
        readiness: ground.readiness.clone(),
        tells_signals: ground.signals.is_some(),
    }
}

/// What takes events in.
pub fn ingest(ground: &Ground) -> Ingest {
    Ingest {
        store: ground.store.clone(),
        log: ground.log.clone(),
        clock: ground.clock.clone(),
        rulebooks: ground.rulebooks.clone(),
        shards: ground.shards,
        incarnations: ground.broker.as_ref().map(|broker| broker.settings.incarnations()).unwrap_or_default(),
        readiness: ground.readiness.clone(),
        beginnings: Arc::default(),
        guard: Arc::default(),
    }
}

/// Waits until the event log is the one that is folded, and a person has looked; false when told to stop.
async fn until_the_log_is_back(ground: &Ground, stop: &CancellationToken) -> bool {
    loop {
        match restore::examine_log(ground.log.as_ref(), ground.store.as_ref()).await {
            Ok(()) => return true,
            Err(why) => ground.readiness.bad("ingest", why.to_string()),
        }
        tokio::select! { () = tokio::time::sleep(LOOK_FOR_THE_LOG) => {}, () = stop.cancelled() => return false }
    }
}

/// How the upstream topics are read, asked of a database until it answers; none when told to stop meanwhile.
async fn source_settings(
    ground: &Ground,
    broker: &Broker,
    instance: Option<String>,
    stop: &CancellationToken,
) -> Result<Option<SourceSettings>, Failure> {
    let mut backoff = Backoff::default();
    loop {
        let wait = match taken_before(ground, broker).await.map_err(asking("reading what was taken")) {
            Ok(known) => {
                let topics = broker.settings.upstream.to_vec();
                let group = broker.settings.group.clone();
                ground.readiness.good("ingest");
                return Ok(Some(SourceSettings { topics, group, instance, known }));
            }
            Err(failure) if failure.passing => {
                ground.readiness.bad("ingest", failure.message);
                backoff.after_failure()
            }
            Err(failure) => return Err(failure),
        };
        tokio::select! { () = tokio::time::sleep(wait) => {}, () = stop.cancelled() => return Ok(None) }
    }
}

/// The partitions of which something was taken, and the broker told.
async fn taken_before(ground: &Ground, broker: &Broker) -> Result<BTreeSet<(String, i32)>, StoreError> {
    let topics = &broker.settings.upstream;
    let seen = ground.store.seen(None).await?;
    let incarnations = broker.settings.incarnations();
    let mut known = BTreeSet::new();
    for position in seen {
        let Some(topic) = topics.iter().find(|topic| source_id(topic) == position.source) else { continue };
        let incarnation = incarnations.of(topic);
        if position.incarnation != incarnation {
            continue;
        }
        let place = (topic.clone(), position.partition);
        let fact = committed_fact(incarnation, topic, position.partition);
        if !known.contains(&place) && ground.store.meta(&fact).await?.is_some() {
            known.insert(place);
        }
    }
    Ok(known)
}

/// The services a command line names; all when it names none.
pub fn wanted(named: &[Service], is_cluster: bool) -> Vec<Service> {
    let mut wanted = if named.is_empty() {
        vec![Service::Ingest, Service::Engine, Service::Relay, Service::Mailer, Service::Gateway]
    } else {
        named.to_vec()
    };
    wanted.sort();
    wanted.dedup();
    if !is_cluster {
        // Events come by HTTP and files.
        wanted.retain(|service| *service != Service::Ingest);
    }
    wanted
}
