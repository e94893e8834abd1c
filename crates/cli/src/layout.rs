//! Opens what a project's settings name: store, event log, clock; and makes sure that they belong together.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rapport_engine::clocks::{self, ReplayClock, ServerClock};
use rapport_engine::mailer::LinkKeys;
use rapport_engine::ports::clock::Clock;
use rapport_engine::ports::log::{EventLog, LogError, SignalLog};
use rapport_engine::ports::store::Store;
use rapport_engine::readiness::Readiness;
use rapport_engine::replayable::{self, NotReplayable};
use rapport_engine::rulebooks::Rulebooks;
use rapport_kafka::{Connection, KafkaLog, KafkaSignals, LogSettings};
use rapport_message::link::Keys;
use rapport_store::SqlStore;

use crate::command_line::ClockKind;
use crate::desk::{Desk, Missing, asking};
use crate::exit::{Doing, Failure};
use crate::settings::{KafkaSettings, LayoutSettings, Secret, Settings};

/// The file of a key nobody configured.
const OWN_KEY: &str = "rapport.key";

/// What services stand on.
#[derive(Clone)]
pub struct Ground {
    /// The database.
    pub store: Arc<dyn Store>,
    /// The event log.
    pub log: Arc<dyn EventLog>,
    /// Where other systems hear of signals; nowhere in the embedded layout, and not of what a replay brings.
    pub signals: Option<Arc<dyn SignalLog>>,
    /// The broker; none in the embedded layout.
    pub broker: Option<Broker>,
    /// The present.
    pub clock: Arc<dyn Clock>,
    /// Compiled rulebooks.
    pub rulebooks: Arc<Rulebooks>,
    /// What the loops say about themselves.
    pub readiness: Readiness,
    /// Number of shards.
    pub shards: u32,
}

/// A project's store and log, opened.
#[derive(Clone)]
pub struct Layout {
    /// The database as itself, for what only people's commands ask.
    pub database: SqlStore,
    /// What services stand on.
    pub ground: Ground,
}

/// The broker of a cluster.
#[derive(Clone)]
pub struct Broker {
    /// How it is reached.
    pub connection: Connection,
    /// Its topics.
    pub settings: KafkaSettings,
}

/// The fact in `meta` which topic the store is fed from.
const TOPIC: &str = "log.topic";

/// The connection to a cluster's broker.
pub fn connection(settings: &KafkaSettings) -> Connection {
    let mut connection = Connection::new(settings.brokers.clone());
    connection.properties =
        settings.properties.iter().map(|(name, value)| (name.clone(), value.reveal().to_owned())).collect();
    connection
}

/// Whether the store was opened with its log before: then that must be there, whoever has folded anything of it yet.
async fn is_pinned(store: &Arc<dyn Store>) -> Result<bool, Failure> {
    Ok(store.meta(TOPIC).await.map_err(asking("asking which event log is the store's"))?.is_some())
}

impl Layout {
    /// Opens store and log; a store that is not there is told.
    pub async fn open(settings: &Settings, clock: ClockKind) -> Result<Self, Failure> {
        Self::open_or(settings, clock, Missing::Tell).await
    }

    /// Opens store and log.
    pub async fn open_or(settings: &Settings, clock: ClockKind, missing: Missing) -> Result<Self, Failure> {
        let Desk { database, store, rulebooks, shards } = Desk::open_or(settings, missing).await?;
        let mut signals: Option<Arc<dyn SignalLog>> = None;
        let (log, broker): (Arc<dyn EventLog>, Option<Broker>) = match &settings.layout {
            LayoutSettings::Embedded { file, .. } => {
                let journal = database.journal(settings.shards, &file.with_extension("progress"));
                let journal = journal.ok_or_else(|| Failure::new("the store has no journal"))?;
                (Arc::new(journal), None)
            }
            LayoutSettings::Cluster { kafka, .. } => {
                let connection = connection(kafka);
                let days = u64::try_from(settings.history_days).unwrap_or(400);
                let log_settings = LogSettings {
                    topic: kafka.events.clone(),
                    shards: settings.shards,
                    retention: Some(Duration::from_secs(days * 24 * 60 * 60)),
                    replication: kafka.replication,
                    must_exist: is_pinned(&store).await?,
                    ..LogSettings::default()
                };
                let log = Arc::new(KafkaLog::connect(&connection, log_settings).await.map_err(unreachable_log)?);
                if clock == ClockKind::Live {
                    let (topic, shards) = (&kafka.signals, settings.shards);
                    let opened = KafkaSignals::open(&connection, log.clone(), topic, shards, kafka.replication).await;
                    signals = Some(Arc::new(opened.map_err(unreachable_log)?));
                }
                (log, Some(Broker { connection, settings: KafkaSettings::clone(kafka) }))
            }
        };
        let (clock, rulebooks): (Arc<dyn Clock>, _) = match clock {
            ClockKind::Live => (Arc::new(ServerClock::new(store.clone())), rulebooks),
            ClockKind::Replay => {
                (Arc::new(ReplayClock::new(store.clone())), Arc::new(Rulebooks::of_replay(store.clone())))
            }
        };
        let readiness = Readiness::default();
        let ground = Ground { store, log, signals, broker, clock, rulebooks, readiness, shards };
        let layout = Self { database, ground };
        layout.belong_together().await?;
        Ok(layout)
    }

    /// Store and log were made for each other: cluster and topic stand in the store (DESIGN.md 3), as shards do.
    async fn belong_together(&self) -> Result<(), Failure> {
        let identity = self.ground.log.describe().await.map_err(unreachable_log)?;
        let desk = self.desk();
        let cluster = "this store belongs to another cluster; name that one, or another store";
        desk.pin("log.cluster", &identity.cluster, cluster).await?;
        let topic = "this store belongs to another topic; name that one, or another store";
        desk.pin(TOPIC, &identity.topic, topic).await
    }

    /// The database alone.
    pub fn desk(&self) -> Desk {
        Desk {
            database: self.database.clone(),
            store: self.ground.store.clone(),
            rulebooks: self.ground.rulebooks.clone(),
            shards: self.ground.shards,
        }
    }

    /// Services take the store over: from now on the present is what their clock says.
    pub async fn take_over(&self) -> Result<(), Failure> {
        let Ground { store, log, clock, shards, .. } = &self.ground;
        if clock.replays() {
            replayable::examine(store, log, *shards).await.map_err(|error| match error {
                NotReplayable::Store(error) => asking("looking how far the store is")(error),
                NotReplayable::Log(error) => unreachable_log(error),
                error @ NotReplayable::RanLive { .. } => Failure::input(error.to_string())
                    .help("play it in a folder and on a store of its own; to load history into this one, leave out `--clock replay`"),
            })?;
        }
        clocks::take_over(store.as_ref(), clock.replays()).await.map_err(asking("noting which clock runs"))
    }

    /// Closes what is open.
    pub async fn close(&self) {
        self.database.close().await;
    }
}

fn unreachable_log(error: LogError) -> Failure {
    let failure =
        Failure::new(error.to_string()).help("is Kafka running, and does `kafka:` (or RAPPORT_KAFKA) name it?");
    match error {
        LogError::Unreachable(_) | LogError::Closed => failure.passing(),
        LogError::Refused(_) | LogError::OutOfRange { .. } | LogError::TooLarge(_) => failure,
    }
}

/// The keys that sign links: those of the settings, else one kept beside the embedded store. Mail that leaves the machine
/// needs configured ones, or links would die with a lost file.
pub fn link_keys(settings: &Settings, delivers: bool) -> Result<Arc<LinkKeys>, Failure> {
    let secrets = match (&settings.link_keys, delivers) {
        (keys, _) if !keys.is_empty() => keys.iter().map(|key| key.reveal().as_bytes().to_vec()).collect(),
        (_, true) => {
            return Err(Failure::input("mail leaves the machine, but no key signs its links").help(
                "set RAPPORT_LINK_KEY, or `links.keys` in config/rapport.yaml; make a key with `openssl rand -hex 32`",
            ));
        }
        _ => vec![own_key(&settings.folder)?.reveal().as_bytes().to_vec()],
    };
    Ok(Arc::new(LinkKeys { keys: Keys::new(secrets).doing("reading the keys of links")? }))
}

/// A key for captured mail, made once and kept in `rapport.key`.
fn own_key(folder: &Path) -> Result<Secret, Failure> {
    use std::io::Read as _;
    let path = folder.join(OWN_KEY);
    if let Ok(key) = std::fs::read_to_string(&path)
        && key.trim().len() >= 32
    {
        return Ok(Secret::new(key.trim().to_owned()));
    }
    let mut bytes = [0_u8; 32];
    let random = std::fs::File::open("/dev/urandom").and_then(|mut random| random.read_exact(&mut bytes));
    random.map_err(|error| Failure::new(format!("{}: {error}", path.display())))?;
    let key: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    keep_key(folder, &key)?;
    Ok(Secret::new(key))
}

/// Keeps a key in `rapport.key`, for its owner's eyes.
pub fn keep_key(folder: &Path, key: &str) -> Result<(), Failure> {
    use std::io::Write as _;
    use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
    let path = folder.join(OWN_KEY);
    let refused = |error: std::io::Error| Failure::new(format!("{}: {error}", path.display()));
    let mut file =
        std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&path).map_err(refused)?;
    // A file that was there keeps its mode when it is opened.
    file.set_permissions(std::fs::Permissions::from_mode(0o600)).map_err(refused)?;
    writeln!(file, "{key}").map_err(refused)
}
