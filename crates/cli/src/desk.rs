//! The database of a project as people's commands work on it: without the event log, so that a broker that does not answer
//! keeps nobody from pausing mail.

use std::sync::Arc;

use jiff::Timestamp;
use rapport_engine::backoff::Passing as _;
use rapport_engine::clocks;
use rapport_engine::ports::store::{Store, StoreError};
use rapport_engine::rulebooks::{RulebookError, Rulebooks};
use rapport_store::{ConnectOptions, SqlStore};

use crate::exit::Failure;
use crate::settings::{LayoutSettings, Settings};

/// The database, and what is read from it.
#[derive(Clone)]
pub struct Desk {
    /// The database as itself.
    pub database: SqlStore,
    /// The database as the engine sees it.
    pub store: Arc<dyn Store>,
    /// Compiled rulebooks.
    pub rulebooks: Arc<Rulebooks>,
    /// Number of shards.
    pub shards: u32,
}

/// What to do where there is no file of the embedded layout yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// Say so: whoever only looks leaves nothing behind.
    Tell,
    /// Make it.
    Make,
}

impl Desk {
    /// Opens the database; one that is not there is told.
    pub async fn open(settings: &Settings) -> Result<Self, Failure> {
        Self::open_or(settings, Missing::Tell).await
    }

    /// Opens the database.
    pub async fn open_or(settings: &Settings, missing: Missing) -> Result<Self, Failure> {
        let database = open_store_or(settings, missing).await?;
        let store: Arc<dyn Store> = Arc::new(database.clone());
        let rulebooks = Arc::new(Rulebooks::new(store.clone()));
        let desk = Self { database, store, rulebooks, shards: settings.shards };
        desk.pin("shards", &settings.shards.to_string(), "`shards` is fixed once events exist; set it back").await?;
        desk.store.create_shards(desk.shards).await.map_err(asking("preparing the shards"))?;
        Ok(desk)
    }

    /// The store was made for this: a fact that stands once it was said.
    pub(crate) async fn pin(&self, name: &str, found: &str, remedy: &str) -> Result<(), Failure> {
        let stands = self.store.pin_meta(name, found).await.map_err(asking("reading the store's facts"))?;
        if stands == found {
            return Ok(());
        }
        Err(Failure::new(format!("the store was made for {name} = {stands}, and here it is {found}")).help(remedy))
    }

    /// What counts as now: see [`clocks::present`].
    pub async fn now(&self) -> Result<Timestamp, Failure> {
        clocks::present(self.store.as_ref()).await.map_err(asking("asking for the time"))
    }

    /// Closes what is open.
    pub async fn close(&self) {
        self.database.close().await;
    }
}

/// Turns the store's error into a failure that says what was being done; one that may be over soon is marked.
pub fn asking(what: &str) -> impl Fn(StoreError) -> Failure {
    move |error| {
        let failure = Failure::new(format!("{what}: {error}"));
        if error.passing().is_some() { failure.passing() } else { failure }
    }
}

/// The same for what reads a rulebook.
pub fn reading(what: &str) -> impl Fn(RulebookError) -> Failure {
    move |error| match error {
        RulebookError::Store(error) => asking(what)(error),
        error @ RulebookError::Broken { .. } => Failure::new(format!("{what}: {error}")),
    }
}

/// Opens the store, as far as it goes without the log. It must be there, and PostgreSQL migrated.
pub async fn open_store(settings: &Settings) -> Result<SqlStore, Failure> {
    open_store_or(settings, Missing::Tell).await
}

async fn open_store_or(settings: &Settings, missing: Missing) -> Result<SqlStore, Failure> {
    if let (LayoutSettings::Embedded { file, .. }, Missing::Tell) = (&settings.layout, missing)
        && !file.exists()
    {
        return Err(Failure::new(format!("nothing is applied yet: there is no {}", file.display()))
            .help("run `rapport apply`, which makes it, or `rapport run`"));
    }
    let database = connect_store(settings).await?;
    if !database.is_embedded() {
        database.check_schema().await.map_err(|error| match error.passing() {
            Some(_) => unreachable_store(&error),
            None => Failure::new(error.to_string()),
        })?;
    }
    Ok(database)
}

/// Connects without asking for the schema. A SQLite file is made where there is none.
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
            SqlStore::connect_with(&url, &options).await.map_err(asking(&format!("opening {}", file.display())))
        }
        LayoutSettings::Cluster { store, .. } => {
            let options = ConnectOptions { application: "rapport".to_owned(), ..ConnectOptions::default() };
            // The address is never part of the text: it holds a password.
            SqlStore::connect_with(store.reveal(), &options).await.map_err(|error| {
                let failure = unreachable_store(&error);
                if error.passing().is_some() { failure } else { failure.lasting() }
            })
        }
    }
}

fn unreachable_store(error: &StoreError) -> Failure {
    Failure::new(error.to_string())
        .help("is the database running, and does `store:` (or RAPPORT_STORE) name it?")
        .passing()
}
