//! The `Store` port on SQL: PostgreSQL for a cluster, one SQLite file for the embedded layout, and the embedded event log.
//!
//! Load-bearing contracts:
//! - **One meaning, two databases.** Both pass the suite `crates/conformance`. A statement has one text where both
//!   understand it; see the files under `queries/`, each of which names the index it relies on.
//! - **The shard row first.** A batch is one transaction whose first statement moves the shard's row under the epoch and commit
//!   number its owner knows. Whoever is fenced writes nothing.
//! - **Recipient before message.** Locks are taken in that order, so that mailers and owners never wait for each other in a circle.
//! - **SQLite has one writer.** Every write goes through one connection with `BEGIN IMMEDIATE`; readers beside it see commits only.
//!   That also makes the journal's offsets contiguous in commit order.
//!
//! It knows neither events nor states: what it stores is packed by the crates that own it. Start at [`SqlStore::connect`].

#![allow(clippy::disallowed_methods, reason = "an edge crate: clock, environment and I/O are its job")]

mod connect;
mod migrate;
mod port;
mod sql;

mod anonymous;
mod call;
mod click;
mod commit;
mod coordinator;
mod definition;
mod doctor;
mod erasure;
mod feedback;
mod figures;
mod journal;
mod load;
mod mail;
mod measure;
mod notices;
mod operate;
mod outbox;
mod packed_ids;
mod person;
mod shard;

use std::path::Path;
use std::sync::{Arc, OnceLock};

use jiff::Timestamp;
use rapport_engine::ports::{store::StoreError, written::Written};
use sqlx::PgPool;
use tokio::sync::watch;

pub use commit::LOG_SOURCE;
pub use connect::{ConnectOptions, POOL_SIZE_DEFAULT, check_address};
pub use erasure::{Erased, Remains, is_address, names_address};
pub use figures::FiguresRow;
pub use journal::{JOURNAL_TOPIC, Journal};
pub use measure::{ConversionsAfter, Drawn, MailFate, Period, Place};
pub use migrate::SCHEMA_VERSION;
pub use notices::{NoticeJourney, NoticeMail};

use connect::Embedded;
use rapport_engine::ports::bell::Bell;
use sql::{On, Session, refusal};

/// The store on one of the two databases. Clones share connections.
#[derive(Debug, Clone)]
pub struct SqlStore {
    database: Database,
}

/// PostgreSQL, written to by other processes too.
#[derive(Debug, Clone)]
struct Cluster {
    pool: PgPool,
    /// Rung by the server, once somebody here listens.
    bell: Arc<OnceLock<Bell>>,
}

impl Cluster {
    fn heard(&self, on: On) -> Session {
        match self.bell.get() {
            Some(bell) => Session::heard(on, bell),
            None => Session::new(on),
        }
    }
}

#[derive(Debug, Clone)]
enum Database {
    Postgres(Cluster),
    Sqlite(Embedded),
}

impl SqlStore {
    /// Opens `postgres://…` or `sqlite:PATH`. A SQLite file is created and migrated; PostgreSQL is left as it is.
    pub async fn connect(url: &str) -> Result<Self, StoreError> {
        Self::connect_with(url, &ConnectOptions::default()).await
    }

    /// Opens with other options.
    pub async fn connect_with(url: &str, options: &ConnectOptions) -> Result<Self, StoreError> {
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            let pool = connect::postgres(url, options).await?;
            return Ok(Self { database: Database::Postgres(Cluster { pool, bell: Arc::default() }) });
        }
        let Some(path) = url.strip_prefix("sqlite://").or_else(|| url.strip_prefix("sqlite:")) else {
            return Err(StoreError::Refused("the store is `postgres://…` or `sqlite:PATH`".into()));
        };
        let store = Self { database: Database::Sqlite(connect::sqlite(path, options).await?) };
        store.migrate().await?;
        Ok(store)
    }

    /// Brings the schema to the version this binary knows, all or nothing. Refuses a newer one.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        match &self.database {
            Database::Postgres(Cluster { pool, .. }) => {
                migrate::postgres(&mut *pool.acquire().await.map_err(refusal)?).await
            }
            Database::Sqlite(embedded) => {
                migrate::sqlite(&mut *embedded.writer.acquire().await.map_err(refusal)?).await
            }
        }
    }

    /// The schema's version, `None` when there is none.
    pub async fn schema_version(&self) -> Result<Option<i64>, StoreError> {
        match &self.database {
            Database::Postgres(Cluster { pool, .. }) => {
                migrate::postgres_version(&mut *pool.acquire().await.map_err(refusal)?).await
            }
            Database::Sqlite(embedded) => {
                migrate::sqlite_version(&mut *embedded.writer.acquire().await.map_err(refusal)?).await
            }
        }
    }

    /// Whether this is the embedded layout's file.
    #[must_use]
    pub const fn is_embedded(&self) -> bool {
        matches!(self.database, Database::Sqlite(_))
    }

    /// The event log in the same file; `None` on PostgreSQL. Feeds are woken by appends of clones of this journal. How far shards
    /// are is told to a file beside it.
    #[must_use]
    pub fn journal(&self, shards: u32, progress: &Path) -> Option<Journal> {
        self.is_embedded().then(|| Journal::new(self.clone(), shards, progress))
    }

    /// Hears of what is written from now on; the first call on PostgreSQL begins to listen, which takes one of its connections.
    pub(crate) fn listen(&self) -> watch::Receiver<Written> {
        match &self.database {
            Database::Sqlite(embedded) => embedded.bell.listen(),
            Database::Postgres(Cluster { pool, bell }) => {
                let begin = || {
                    let bell = Bell::default();
                    tokio::spawn(sql::hear(pool.clone(), bell.clone()));
                    bell
                };
                bell.get_or_init(begin).listen()
            }
        }
    }

    /// The replay's present where this process is the only one that can move it.
    pub(crate) fn own_present(&self) -> Option<Timestamp> {
        match &self.database {
            Database::Sqlite(embedded) => embedded.bell.present(),
            Database::Postgres(_) => None,
        }
    }

    /// Closes all connections once they are idle. SQLite then folds its write-ahead log into the file.
    pub async fn close(&self) {
        match &self.database {
            Database::Postgres(Cluster { pool, .. }) => pool.close().await,
            Database::Sqlite(embedded) => {
                embedded.readers.close().await;
                embedded.writer.close().await;
            }
        }
    }

    /// A transaction that may write.
    pub(crate) async fn begin(&self) -> Result<Session, StoreError> {
        Ok(match &self.database {
            Database::Postgres(cluster) => {
                cluster.heard(On::PostgresTransaction(cluster.pool.begin().await.map_err(refusal)?))
            }
            Database::Sqlite(embedded) => {
                let transaction = embedded.writer.begin_with("BEGIN IMMEDIATE").await.map_err(refusal)?;
                Session::heard(On::SqliteTransaction(transaction), &embedded.bell)
            }
        })
    }

    /// A connection for single writing statements.
    pub(crate) async fn writer(&self) -> Result<Session, StoreError> {
        Ok(match &self.database {
            Database::Postgres(cluster) => {
                cluster.heard(On::PostgresConnection(cluster.pool.acquire().await.map_err(refusal)?))
            }
            Database::Sqlite(embedded) => {
                Session::heard(On::SqliteConnection(embedded.writer.acquire().await.map_err(refusal)?), &embedded.bell)
            }
        })
    }

    /// A connection for reading.
    pub(crate) async fn reader(&self) -> Result<Session, StoreError> {
        Ok(match &self.database {
            Database::Postgres(Cluster { pool, .. }) => {
                Session::new(On::PostgresConnection(pool.acquire().await.map_err(refusal)?))
            }
            Database::Sqlite(embedded) => {
                Session::new(On::SqliteConnection(embedded.readers.acquire().await.map_err(refusal)?))
            }
        })
    }

    /// A transaction in which several reads see one state.
    pub(crate) async fn snapshot(&self) -> Result<Session, StoreError> {
        Ok(match &self.database {
            Database::Postgres(Cluster { pool, .. }) => Session::new(On::PostgresTransaction(
                pool.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await.map_err(refusal)?,
            )),
            Database::Sqlite(embedded) => {
                Session::new(On::SqliteTransaction(embedded.readers.begin().await.map_err(refusal)?))
            }
        })
    }
}
