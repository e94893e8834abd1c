//! Opening a database.

use std::str::FromStr;
use std::time::Duration;

use rapport_engine::ports::store::StoreError;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Connection as _, PgPool, SqlitePool};

use crate::sql::refusal;
use rapport_engine::ports::bell::Bell;

/// Connections PostgreSQL is opened with when nobody says otherwise.
pub const POOL_SIZE_DEFAULT: u32 = 8;
const READERS: u32 = 4;
/// Every statement text has its own place in the cache, in SQLite one per batch size.
const STATEMENTS: usize = 1024;
/// How long a server that cannot be reached is tried before the caller is told; its own backoff goes on from there.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a writer waits for its turn on the one connection to a SQLite file.
const TURN_TIMEOUT: Duration = Duration::from_secs(60);
/// A connection that lay still for longer is asked whether it is alive before it is used.
const TRUSTED_IDLE: Duration = Duration::from_secs(5);

/// How to open a database.
#[derive(Debug, Clone)]
pub struct ConnectOptions {
    /// The most connections to PostgreSQL; SQLite has one writer and a few readers whatever stands here.
    pub pool_size: u32,
    /// What the database's own lists call us.
    pub application: String,
    /// The SQLite file is begun anew whenever it is needed: its commits need not outlive a failure of the machine. They outlive
    /// the process all the same.
    pub disposable: bool,
}

impl Default for ConnectOptions {
    fn default() -> Self {
        Self { pool_size: POOL_SIZE_DEFAULT, application: "rapport".into(), disposable: false }
    }
}

/// One SQLite file: every write goes through the one connection of `writer`, readers beside it see the last commit.
#[derive(Debug, Clone)]
pub(crate) struct Embedded {
    pub(crate) writer: SqlitePool,
    pub(crate) readers: SqlitePool,
    pub(crate) bell: Bell,
}

/// What may follow the `?` of a PostgreSQL address: what the driver reads. It logs others with their values, which may be secrets.
const PARAMETERS: [&str; 18] = [
    "sslmode",
    "ssl-mode",
    "sslrootcert",
    "ssl-root-cert",
    "ssl-ca",
    "sslcert",
    "ssl-cert",
    "sslkey",
    "ssl-key",
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "password",
    "application_name",
    "options",
    "statement-cache-capacity",
];

/// Whether a PostgreSQL address can be used at all, before anything is connected.
///
/// # Errors
/// What is wrong with it, for people, without any part of the address that may be secret.
pub fn check_address(url: &str) -> Result<(), String> {
    let parameters = url.split_once('?').map(|(_, parameters)| parameters).unwrap_or_default();
    for parameter in parameters.split('&').filter(|parameter| !parameter.is_empty()) {
        let name = parameter.split('=').next().unwrap_or_default();
        let one_option = name.starts_with("options[") && name.ends_with(']');
        if !one_option && !PARAMETERS.contains(&name) {
            // Not by its name: after a `?` that a password should have written as %3F it is the password's rest.
            return Err(format!(
                "a parameter behind the `?` is not known; there are {}. A ? in a user or password is written as %3F",
                PARAMETERS.join(", ")
            ));
        }
    }
    match PgConnectOptions::from_str(url) {
        Ok(_) => Ok(()),
        Err(error) => {
            let why = error.to_string();
            let why = why.strip_prefix("error with configuration: ").unwrap_or(&why);
            Err(format!("{why}; signs like / # ? @ % in a user or password are written as %2F %23 %3F %40 %25"))
        }
    }
}

/// Opens PostgreSQL and asks whether it is there.
pub(crate) async fn postgres(url: &str, options: &ConnectOptions) -> Result<PgPool, StoreError> {
    let connect = PgConnectOptions::from_str(url)
        .map_err(|error| StoreError::Refused(format!("not a PostgreSQL address: {error}")))?
        .application_name(&options.application)
        .statement_cache_capacity(STATEMENTS)
        // A stopped owner inside its transaction must not block its successor; a vanished client must be noticed.
        .options([
            ("idle_in_transaction_session_timeout", "5s"),
            ("statement_timeout", "30s"),
            ("tcp_keepalives_idle", "5"),
            ("tcp_keepalives_interval", "2"),
            ("tcp_keepalives_count", "3"),
            ("tcp_user_timeout", "15000"),
            // Prepared plans outlive the size a table had when they were made: a plan of an empty table that reads it whole would
            // stay until the next analyze, a hundred thousand rows later. Every query here has its index; these leave no other way.
            ("enable_seqscan", "off"),
            ("enable_hashjoin", "off"),
            ("enable_mergejoin", "off"),
            ("jit", "off"),
            // The same plan for every value, made once a connection: to plan a statement anew, which costs more than to run it, is
            // what the server does otherwise whenever that looks cheaper by costs that the lines above have put out of proportion.
            ("plan_cache_mode", "force_generic_plan"),
        ]);
    PgPoolOptions::new()
        .max_connections(options.pool_size.max(1))
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .test_before_acquire(false)
        .before_acquire(|connection, meta| {
            Box::pin(async move {
                if meta.idle_for > TRUSTED_IDLE {
                    connection.ping().await?;
                }
                Ok(true)
            })
        })
        .connect_with(connect)
        .await
        .map_err(refusal)
}

/// Opens a SQLite file, creating it if it is not there.
pub(crate) async fn sqlite(path: &str, options: &ConnectOptions) -> Result<Embedded, StoreError> {
    let synchronous = if options.disposable { SqliteSynchronous::Off } else { SqliteSynchronous::Full };
    let connect = SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(synchronous)
        .busy_timeout(Duration::from_secs(10))
        .foreign_keys(false)
        .statement_cache_capacity(STATEMENTS)
        // 16 MiB of pages (the system keeps the rest of the file at hand); a log that is folded into the file every 32 MiB, not at every batch, and cut back after a burst.
        .pragma("cache_size", "-16384")
        .pragma("wal_autocheckpoint", "8192")
        .pragma("journal_size_limit", "67108864")
        .pragma("temp_store", "memory");
    let writer = SqlitePoolOptions::new()
        .max_connections(1)
        .min_connections(1)
        .acquire_timeout(TURN_TIMEOUT)
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
        .connect_with(connect.clone().create_if_missing(true))
        .await
        .map_err(refusal)?;
    // A play stays on one processor: readers beside the writer would only lose their pages at each commit, and read them anew.
    if options.disposable {
        return Ok(Embedded { readers: writer.clone(), writer, bell: Bell::default() });
    }
    let readers = SqlitePoolOptions::new()
        .max_connections(READERS)
        .acquire_timeout(TURN_TIMEOUT)
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
        .connect_lazy_with(connect.pragma("query_only", "ON").pragma("cache_size", "-8192"));
    Ok(Embedded { writer, readers, bell: Bell::default() })
}

#[cfg(test)]
mod tests {
    use super::check_address;

    #[test]
    fn an_address_is_judged_without_being_told() {
        for good in [
            "postgres://rapport@db.example/rapport",
            "postgres://rapport:geheim%3F@db.example:5433/rapport?sslmode=verify-full&sslrootcert=/etc/ca.pem",
            "postgres://db.example/rapport?options=-c%20search_path%3Down&statement-cache-capacity=50",
            "postgres://db.example/rapport?options[search_path]=own",
        ] {
            assert_eq!(check_address(good), Ok(()), "{good}");
        }
        for (bad, said) in [
            ("postgres://rapport:geheim?geheim@db.example/rapport", "%3F"),
            ("postgres://rapport:geheim/x@db.example/rapport", "%2F"),
            ("postgres://db.example:70000/rapport", "port"),
            ("postgres://db.example/rapport?geheim=1", "sslmode"),
        ] {
            let why = check_address(bad).unwrap_err();
            assert!(why.contains(said) && !why.contains("geheim"), "{bad}: {why}");
        }
    }
}
