//! Bringing a schema to the version this binary knows.
//!
//! One number in `schema_version`. PostgreSQL is migrated by the command `rapport migrate` only, because other processes of another
//! version may be running; a SQLite file belongs to one process and is migrated when it is opened.

use rapport_engine::ports::store::StoreError;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, SqliteConnection};

use crate::sql::refusal;

struct Migration {
    version: i64,
    postgres: &'static str,
    sqlite: &'static str,
}

macro_rules! migration {
    ($version:literal, $file:literal) => {
        Migration {
            version: $version,
            postgres: include_str!(concat!("../migrations/postgres/", $file)),
            sqlite: include_str!(concat!("../migrations/sqlite/", $file)),
        }
    };
}

const MIGRATIONS: &[Migration] = &[
    migration!(1, "0001_base.sql"),
    migration!(2, "0002_quarantine.sql"),
    migration!(3, "0003_relay.sql"),
    migration!(4, "0004_person_address.sql"),
    migration!(5, "0005_fit.sql"),
    migration!(6, "0006_in_doubt.sql"),
    migration!(7, "0007_operating.sql"),
    migration!(8, "0008_reviews.sql"),
    migration!(9, "0009_figures.sql"),
    migration!(10, "0010_cases.sql"),
    migration!(11, "0011_calls.sql"),
    migration!(12, "0012_feedback.sql"),
    migration!(13, "0013_seen.sql"),
    migration!(14, "0014_limits.sql"),
    migration!(15, "0015_erased.sql"),
    migration!(16, "0016_sent_at.sql"),
    migration!(17, "0017_measured.sql"),
    migration!(18, "0018_compression.sql"),
    migration!(19, "0019_surveys.sql"),
    migration!(20, "0020_pace.sql"),
    migration!(21, "0021_clicks.sql"),
    migration!(22, "0022_copies.sql"),
    migration!(24, "0024_reply.sql"),
    migration!(26, "0026_digest.sql"),
    migration!(28, "0028_retention.sql"),
    migration!(29, "0029_mail_order.sql"),
];

/// The schema this binary reads and writes.
pub const SCHEMA_VERSION: i64 = MIGRATIONS[MIGRATIONS.len() - 1].version;

/// Any number that nobody else locks: it keeps two migrations of one database apart.
const LOCK: i64 = 0x7261_7070_6f72_7400;

const CREATE: &str =
    "CREATE TABLE IF NOT EXISTS schema_version (version BIGINT PRIMARY KEY, binary_version TEXT NOT NULL)";
const HIGHEST: &str = "SELECT MAX(version) FROM schema_version";
const NOTE: &str = "INSERT INTO schema_version (version, binary_version) VALUES ($1, $2)";

/// Says what is wrong with a schema of this version, if anything is.
pub(crate) fn judge(version: Option<i64>) -> Result<(), StoreError> {
    let text = match version {
        Some(SCHEMA_VERSION) => return Ok(()),
        None => "the database has no schema of ours: run `rapport migrate`".to_owned(),
        Some(version) if version < SCHEMA_VERSION => {
            format!("the schema is version {version}, this binary needs {SCHEMA_VERSION}: run `rapport migrate`")
        }
        Some(version) => {
            format!("the schema is version {version}, this binary knows only {SCHEMA_VERSION}: use a newer binary")
        }
    };
    Err(StoreError::Refused(text))
}

fn missing(version: Option<i64>) -> Result<impl Iterator<Item = &'static Migration>, StoreError> {
    let version = version.unwrap_or(0);
    if version > SCHEMA_VERSION {
        judge(Some(version))?;
    }
    Ok(MIGRATIONS.iter().filter(move |migration| migration.version > version))
}

/// The version PostgreSQL is at.
pub(crate) async fn postgres_version(connection: &mut PgConnection) -> Result<Option<i64>, StoreError> {
    let there: bool = sqlx::query_scalar("SELECT to_regclass('schema_version') IS NOT NULL")
        .fetch_one(&mut *connection)
        .await
        .map_err(refusal)?;
    if !there {
        return Ok(None);
    }
    sqlx::query_scalar(HIGHEST).fetch_one(connection).await.map_err(refusal)
}

/// Migrates PostgreSQL, all or nothing.
pub(crate) async fn postgres(connection: &mut PgConnection) -> Result<(), StoreError> {
    let mut transaction = connection.begin().await.map_err(refusal)?;
    sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(LOCK).execute(&mut *transaction).await.map_err(refusal)?;
    // Rebuilding a large table takes as long as it takes.
    sqlx::query("SET LOCAL statement_timeout = 0").execute(&mut *transaction).await.map_err(refusal)?;
    let version = postgres_version(&mut transaction).await?;
    sqlx::query(CREATE).execute(&mut *transaction).await.map_err(refusal)?;
    for migration in missing(version)? {
        sqlx::raw_sql(migration.postgres).execute(&mut *transaction).await.map_err(refusal)?;
        note_postgres(&mut transaction, migration.version).await?;
    }
    transaction.commit().await.map_err(refusal)
}

async fn note_postgres(connection: &mut PgConnection, version: i64) -> Result<(), StoreError> {
    let binary = env!("CARGO_PKG_VERSION");
    sqlx::query(NOTE).bind(version).bind(binary).execute(connection).await.map_err(refusal)?;
    Ok(())
}

/// The version a SQLite file is at.
pub(crate) async fn sqlite_version(connection: &mut SqliteConnection) -> Result<Option<i64>, StoreError> {
    let there: i64 =
        sqlx::query_scalar("SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name = 'schema_version'")
            .fetch_one(&mut *connection)
            .await
            .map_err(refusal)?;
    if there == 0 {
        return Ok(None);
    }
    sqlx::query_scalar(HIGHEST).fetch_one(connection).await.map_err(refusal)
}

/// Migrates a SQLite file, all or nothing.
pub(crate) async fn sqlite(connection: &mut SqliteConnection) -> Result<(), StoreError> {
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await.map_err(refusal)?;
    let version = sqlite_version(&mut transaction).await?;
    sqlx::query(CREATE).execute(&mut *transaction).await.map_err(refusal)?;
    for migration in missing(version)? {
        sqlx::raw_sql(AssertSqlSafe(migration.sqlite)).execute(&mut *transaction).await.map_err(refusal)?;
        let binary = env!("CARGO_PKG_VERSION");
        sqlx::query(NOTE).bind(migration.version).bind(binary).execute(&mut *transaction).await.map_err(refusal)?;
    }
    transaction.commit().await.map_err(refusal)
}
