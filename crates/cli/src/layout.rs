//! Opens what a project's settings name: store, event log, clock; and makes sure that they belong together.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rapport_engine::clocks::{ReplayClock, ServerClock};
use rapport_engine::mailer::LinkKeys;
use rapport_engine::ports::clock::Clock;
use rapport_engine::ports::log::{EventLog, SignalLog};
use rapport_engine::ports::store::{Store, StoreError};
use rapport_engine::readiness::Readiness;
use rapport_engine::rulebooks::Rulebooks;
use rapport_kafka::{Connection, KafkaLog, KafkaSignals, LogSettings};
use rapport_message::link::Keys;
use rapport_store::{ConnectOptions, SqlStore};

use crate::command_line::ClockKind;
use crate::exit::{Doing, Failure};
use crate::settings::{KafkaSettings, LayoutSettings, Secret, Settings};

/// Everything services run on.
#[derive(Clone)]
pub struct Layout {
    /// The database as itself.
    pub database: SqlStore,
    /// The database as the engine sees it.
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

/// The broker of a cluster.
#[derive(Clone)]
pub struct Broker {
    /// How it is reached.
    pub connection: Connection,
    /// Its topics.
    pub settings: KafkaSettings,
}

/// Opens the store, as far as it goes without the log. A SQLite file is made where there is none; PostgreSQL must be migrated.
pub async fn open_store(settings: &Settings) -> Result<SqlStore, Failure> {
    let database = connect_store(settings).await?;
    if !database.is_embedded() {
        database.check_schema().await.map_err(|error| match error {
            StoreError::Unavailable(_) => unreachable_store(&error),
            error => Failure::new(format!("the database: {error}")).help("run `rapport migrate`"),
        })?;
    }
    Ok(database)
}

/// Connects without asking for the schema.
pub async fn connect_store(settings: &Settings) -> Result<SqlStore, Failure> {
    match &settings.layout {
        LayoutSettings::Embedded { file, disposable } => {
            if let Some(parent) = file.parent().filter(|parent| !parent.as_os_str().is_empty())
                && !parent.is_dir()
            {
                return Err(Failure::input(format!("there is no folder {} for the store", parent.display())));
            }
            let url = format!("sqlite:{}", file.display());
            let options = ConnectOptions { disposable: *disposable, ..ConnectOptions::default() };
            SqlStore::connect_with(&url, &options).await.doing(&format!("opening {}", file.display()))
        }
        LayoutSettings::Cluster { store, .. } => {
            let options = ConnectOptions { application: "rapport".to_owned(), ..ConnectOptions::default() };
            // The address is never part of the text: it holds a password.
            SqlStore::connect_with(store.reveal(), &options).await.map_err(|error| unreachable_store(&error))
        }
    }
}

fn unreachable_store(error: &StoreError) -> Failure {
    Failure::new(error.to_string()).help("is the database running, and does `store:` (or RAPPORT_STORE) name it?")
}

/// The connection to a cluster's broker.
pub fn connection(settings: &KafkaSettings) -> Connection {
    let mut connection = Connection::new(settings.brokers.clone());
    connection.properties =
        settings.properties.iter().map(|(name, value)| (name.clone(), value.reveal().to_owned())).collect();
    connection
}

impl Layout {
    /// Opens store and log.
    pub async fn open(settings: &Settings, clock: ClockKind) -> Result<Self, Failure> {
        let database = open_store(settings).await?;
        let store: Arc<dyn Store> = Arc::new(database.clone());
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
                    ..LogSettings::default()
                };
                let log = KafkaLog::connect(&connection, log_settings).await;
                let log = log.map_err(|error| {
                    Failure::new(error.to_string())
                        .help("is Kafka running, and does `kafka:` (or RAPPORT_KAFKA) name it?")
                })?;
                let log = Arc::new(log);
                if clock == ClockKind::Live {
                    let (topic, shards) = (&kafka.signals, settings.shards);
                    let opened = KafkaSignals::open(&connection, log.clone(), topic, shards, kafka.replication).await;
                    signals = Some(Arc::new(opened.map_err(|error| Failure::new(error.to_string()))?));
                }
                (log, Some(Broker { connection, settings: kafka.clone() }))
            }
        };
        let clock: Arc<dyn Clock> = match clock {
            ClockKind::Live => Arc::new(ServerClock::new(store.clone())),
            ClockKind::Replay => Arc::new(ReplayClock::new(store.clone())),
        };
        let rulebooks = Arc::new(Rulebooks::new(store.clone()));
        let readiness = Readiness::default();
        let layout =
            Self { database, store, log, signals, broker, clock, rulebooks, readiness, shards: settings.shards };
        layout.belong_together().await?;
        Ok(layout)
    }

    /// Store and log were made for each other: shards, cluster and topic stand in the store (DESIGN.md 3).
    async fn belong_together(&self) -> Result<(), Failure> {
        let identity = self.log.describe().await.doing("looking at the event log")?;
        let facts = [
            ("shards", self.shards.to_string(), "`shards` is fixed once events exist; set it back"),
            ("log.cluster", identity.cluster, "this store belongs to another cluster; name that one, or another store"),
            ("log.topic", identity.topic, "this store belongs to another topic; name that one, or another store"),
        ];
        for (name, found, remedy) in facts {
            let stands = self.store.pin_meta(name, &found).await.doing("reading the store's facts")?;
            if stands != found {
                return Err(Failure::new(format!("the store was made for {name} = {stands}, and here it is {found}"))
                    .help(remedy));
            }
        }
        self.store.create_shards(self.shards).await.doing("preparing the shards")
    }

    /// Closes what is open.
    pub async fn close(&self) {
        self.database.close().await;
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
    use std::io::{Read as _, Write as _};
    use std::os::unix::fs::OpenOptionsExt as _;
    let path = folder.join("rapport.key");
    let refused = |error: std::io::Error| Failure::new(format!("{}: {error}", path.display()));
    if let Ok(key) = std::fs::read_to_string(&path)
        && key.trim().len() >= 32
    {
        return Ok(Secret::new(key.trim().to_owned()));
    }
    let mut bytes = [0_u8; 32];
    std::fs::File::open("/dev/urandom").and_then(|mut random| random.read_exact(&mut bytes)).map_err(refused)?;
    let key: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let mut file =
        std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&path).map_err(refused)?;
    writeln!(file, "{key}").map_err(refused)?;
    Ok(Secret::new(key))
}
