//! A connection of either database, in a transaction or not.

use std::future::Future;
use std::time::Duration;

use rapport_engine::ports::bell::{Bell, Subjects};
use rapport_engine::ports::store::StoreError;
use rapport_event::id::PartnerKey;
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgArguments, PgConnection};
use sqlx::query::Query;
use sqlx::sqlite::{SqliteArguments, SqliteConnection};
use sqlx::{AssertSqlSafe, Postgres, Sqlite, Transaction};

use super::cell::{Cell, Rows};
use super::notices;
use super::row::Row;
use super::statement::{Kind, POSTGRES_ROWS_MAX, SQLITE_ROWS, Statement};

/// Longer than the server's own statement timeout: only a server that is not heard of any more runs into it.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(40);

/// Where statements run. Dropped without [`Session::commit`], a transaction rolls back.
pub(crate) struct Session {
    on: On,
    /// Rung when something is written for good.
    bell: Option<Bell>,
    about: Subjects,
}

/// What statements run on.
pub(crate) enum On {
    PostgresTransaction(Transaction<'static, Postgres>),
    PostgresConnection(PoolConnection<Postgres>),
    SqliteTransaction(Transaction<'static, Sqlite>),
    SqliteConnection(PoolConnection<Sqlite>),
}

enum Connection<'c> {
    Postgres(&'c mut PgConnection),
    Sqlite(&'c mut SqliteConnection),
}

impl Session {
    /// Statements on this connection or in this transaction.
    pub(crate) fn new(on: On) -> Self {
        Self { on, bell: None, about: Subjects::default() }
    }

    /// The same, heard when it writes.
    pub(crate) fn heard(on: On, bell: &Bell) -> Self {
        Self { bell: Some(bell.clone()), ..Self::new(on) }
    }

    /// What the transaction writes about, told when it is committed.
    pub(crate) fn about(&mut self) -> &mut Subjects {
        &mut self.about
    }

    fn connection(&mut self) -> Connection<'_> {
        match &mut self.on {
            On::PostgresTransaction(transaction) => Connection::Postgres(transaction),
            On::PostgresConnection(connection) => Connection::Postgres(connection),
            On::SqliteTransaction(transaction) => Connection::Sqlite(transaction),
            On::SqliteConnection(connection) => Connection::Sqlite(connection),
        }
    }

    /// Tells what is written about: this process on SQLite, all that listen on PostgreSQL, where it is a part of the transaction.
    async fn tell(&mut self) -> Result<(), StoreError> {
        let Some(bell) = self.bell.clone() else { return Ok(()) };
        let about = bell.worth_telling(self.about);
        if about.is_empty() {
            return Ok(());
        }
        match self.connection() {
            Connection::Postgres(connection) => answer(notices::say(connection, about)).await?,
            Connection::Sqlite(_) => bell.ring(about),
        }
        Ok(())
    }

    /// A single statement outside a transaction is written for good at once.
    async fn tell_if_alone(&mut self) -> Result<(), StoreError> {
        match self.on {
            On::SqliteConnection(_) | On::PostgresConnection(_) => self.tell().await,
            On::SqliteTransaction(_) | On::PostgresTransaction(_) => Ok(()),
        }
    }

    /// Runs a statement; the number of rows it touched.
    pub(crate) async fn execute(
        &mut self,
        statement: &'static Statement,
        scalars: &[Cell<'_>],
    ) -> Result<u64, StoreError> {
        let touched = match self.connection() {
            Connection::Postgres(connection) => {
                let query = postgres_scalars(sqlx::query(statement.postgres().0), scalars);
                answer(query.execute(connection)).await?.rows_affected()
            }
            Connection::Sqlite(connection) => {
                let query = sqlite_cells(sqlx::query(statement.sqlite(0)), scalars);
                query.execute(connection).await.map_err(refusal)?.rows_affected()
            }
        };
        self.tell_if_alone().await?;
        Ok(touched)
    }

    /// Runs a statement for its rows.
    pub(crate) async fn fetch(
        &mut self,
        statement: &'static Statement,
        scalars: &[Cell<'_>],
    ) -> Result<Vec<Row>, StoreError> {
        let found = match self.connection() {
            Connection::Postgres(connection) => {
                let query = postgres_scalars(sqlx::query(statement.postgres().0), scalars);
                answer(query.fetch_all(connection)).await?.into_iter().map(Row::Postgres).collect()
            }
            Connection::Sqlite(connection) => {
                let query = sqlite_cells(sqlx::query(statement.sqlite(0)), scalars);
                query.fetch_all(connection).await.map_err(refusal)?.into_iter().map(Row::Sqlite).collect()
            }
        };
        self.tell_if_alone().await?;
        Ok(found)
    }

    /// Runs a batch; nothing at all when it is empty. The number of rows touched.
    pub(crate) async fn execute_rows<const COLUMNS: usize>(
        &mut self,
        statement: &'static Statement,
        scalars: &[Cell<'_>],
        rows: &Rows<'_, COLUMNS>,
    ) -> Result<u64, StoreError> {
        let mut touched = 0;
        match self.connection() {
            Connection::Postgres(connection) => {
                for chunk in rows.as_slice().chunks(POSTGRES_ROWS_MAX) {
                    let query = postgres_batch(statement, scalars, chunk);
                    touched += answer(query.execute(&mut *connection)).await?.rows_affected();
                }
            }
            Connection::Sqlite(connection) => {
                for (size, chunk) in sqlite_chunks(rows.as_slice()) {
                    let query = sqlite_batch(statement, size, scalars, chunk);
                    touched += query.execute(&mut *connection).await.map_err(refusal)?.rows_affected();
                }
            }
        }
        self.tell_if_alone().await?;
        Ok(touched)
    }

    /// Runs a batch for its rows; nothing at all when it is empty.
    pub(crate) async fn fetch_rows<const COLUMNS: usize>(
        &mut self,
        statement: &'static Statement,
        scalars: &[Cell<'_>],
        rows: &Rows<'_, COLUMNS>,
    ) -> Result<Vec<Row>, StoreError> {
        let mut found = Vec::new();
        match self.connection() {
            Connection::Postgres(connection) => {
                for chunk in rows.as_slice().chunks(POSTGRES_ROWS_MAX) {
                    let query = postgres_batch(statement, scalars, chunk);
                    found.extend(answer(query.fetch_all(&mut *connection)).await?.into_iter().map(Row::Postgres));
                }
            }
            Connection::Sqlite(connection) => {
                for (size, chunk) in sqlite_chunks(rows.as_slice()) {
                    let query = sqlite_batch(statement, size, scalars, chunk);
                    let rows = query.fetch_all(&mut *connection).await.map_err(refusal)?;
                    found.extend(rows.into_iter().map(Row::Sqlite));
                }
            }
        }
        self.tell_if_alone().await?;
        Ok(found)
    }

    /// In how many rows of a column any of the values stands; see [`Session::containing`].
    pub(crate) async fn count_containing(
        &mut self,
        place: (&str, &str, bool),
        of: Option<&PartnerKey>,
        values: &[&str],
    ) -> Result<i64, StoreError> {
        let rows = self.rows_containing("COUNT(*)", place, of, values).await?;
        rows.first().map_or(Ok(0), |row| row.int(0))
    }

    /// The contents of a column (table, column, whether it holds bytes), of one partner's rows or of all, in which any of the values
    /// stands, in upper or lower case, also as a part of a longer word. The names are the database's own. A column is read whole, for
    /// as long as that takes.
    pub(crate) async fn containing(
        &mut self,
        place: (&str, &str, bool),
        of: Option<&PartnerKey>,
        values: &[&str],
    ) -> Result<Vec<String>, StoreError> {
        let (_, column, is_bytes) = place;
        let rows = self.rows_containing(&format!("\"{column}\""), place, of, values).await?;
        let content = |row: &Row| match is_bytes {
            true => row.bytes(0).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()),
            false => row.text(0),
        };
        rows.iter().map(content).collect()
    }

    async fn rows_containing(
        &mut self,
        wanted: &str,
        (table, column, is_bytes): (&str, &str, bool),
        of: Option<&PartnerKey>,
        values: &[&str],
    ) -> Result<Vec<Row>, StoreError> {
        let on_postgres = matches!(self.connection(), Connection::Postgres(_));
        let found = |number: usize| match (is_bytes, on_postgres) {
            // Bytes of PostgreSQL are no text until what is not ASCII is written as numbers.
            (true, true) => {
                let value = format!("encode(convert_to(${number}, 'UTF8'), 'escape')");
                format!(r#"strpos(lower(encode("{column}", 'escape')), lower({value})) > 0"#)
            }
            (true, false) => format!(r#"instr(lower(CAST("{column}" AS TEXT)), lower(${number})) > 0"#),
            (false, true) => format!(r#"strpos(lower("{column}"), lower(${number})) > 0"#),
            (false, false) => format!(r#"instr(lower("{column}"), lower(${number})) > 0"#),
        };
        let any = (1..=values.len()).map(found).collect::<Vec<_>>().join(" OR ");
        let mut cells: Vec<Cell<'_>> = values.iter().map(|value| Cell::from(*value)).collect();
        let mut own = String::new();
        if let Some(key) = of {
            own = format!(" AND program = ${} AND partner = ${}", values.len() + 1, values.len() + 2);
            cells.extend([Cell::from(key.program.as_str()), Cell::from(key.partner.as_str())]);
        }
        let sql = AssertSqlSafe(format!(r#"SELECT {wanted} FROM "{table}" WHERE ({any}){own}"#));
        Ok(match self.connection() {
            Connection::Postgres(connection) => {
                let query = postgres_scalars(sqlx::query(sql), &cells).persistent(false);
                query.fetch_all(connection).await.map_err(refusal)?.into_iter().map(Row::Postgres).collect()
            }
            Connection::Sqlite(connection) => {
                let query = sqlite_cells(sqlx::query(sql), &cells).persistent(false);
                query.fetch_all(connection).await.map_err(refusal)?.into_iter().map(Row::Sqlite).collect()
            }
        })
    }

    /// A SQLite file's content written anew, and its log emptied: pages that nothing stands on any more keep what was deleted. `false`:
    /// somebody reads, and the log keeps it until the next time.
    pub(crate) async fn rewrite_file(&mut self) -> Result<bool, StoreError> {
        let Connection::Sqlite(connection) = self.connection() else { return Ok(true) };
        // A copy of the whole file is made meanwhile: on the disk, not in memory.
        for step in ["PRAGMA temp_store = file", "VACUUM", "PRAGMA temp_store = memory"] {
            sqlx::query(step).persistent(false).execute(&mut *connection).await.map_err(refusal)?;
        }
        let emptied = sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").persistent(false);
        let row = Row::Sqlite(emptied.fetch_one(&mut *connection).await.map_err(refusal)?);
        Ok(row.int(0)? == 0)
    }

    /// Commits. When the connection is lost meanwhile, nobody here can say whether it was done.
    pub(crate) async fn commit(mut self) -> Result<(), StoreError> {
        if let On::PostgresTransaction(_) = self.on {
            self.tell().await?;
        }
        match self.on {
            On::PostgresTransaction(transaction) => {
                match tokio::time::timeout(ANSWER_TIMEOUT, transaction.commit()).await {
                    Ok(Ok(())) => Ok(()),
                    Ok(Err(error)) => Err(in_commit(error)),
                    Err(_) => Err(StoreError::CommitUnknown("no answer".into())),
                }
            }
            On::SqliteTransaction(transaction) => {
                transaction.commit().await.map_err(in_commit)?;
                if let Some(bell) = &self.bell {
                    bell.ring(self.about);
                }
                Ok(())
            }
            On::PostgresConnection(_) | On::SqliteConnection(_) => Ok(()),
        }
    }

    /// Takes everything back.
    pub(crate) async fn rollback(self) -> Result<(), StoreError> {
        match self.on {
            On::PostgresTransaction(transaction) => answer(transaction.rollback()).await,
            On::SqliteTransaction(transaction) => transaction.rollback().await.map_err(refusal),
            On::PostgresConnection(_) | On::SqliteConnection(_) => Ok(()),
        }
    }
}

async fn answer<T>(work: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, StoreError> {
    match tokio::time::timeout(ANSWER_TIMEOUT, work).await {
        Ok(result) => result.map_err(refusal),
        Err(_) => Err(StoreError::Unavailable(format!("no answer within {} s", ANSWER_TIMEOUT.as_secs()))),
    }
}

type PgQuery<'q> = Query<'q, Postgres, PgArguments>;
type LiteQuery<'q> = Query<'q, Sqlite, SqliteArguments>;

fn postgres_scalars<'q>(mut query: PgQuery<'q>, cells: &'q [Cell<'_>]) -> PgQuery<'q> {
    for cell in cells {
        query = match cell {
            Cell::Null(Kind::Text) => query.bind(None::<&str>),
            Cell::Null(Kind::Int) => query.bind(None::<i64>),
            Cell::Null(Kind::Bytes) => query.bind(None::<&[u8]>),
            Cell::Null(Kind::Bool) => query.bind(None::<bool>),
            Cell::Text(text) => query.bind(text.as_ref()),
            Cell::Int(number) => query.bind(*number),
            Cell::Bytes(bytes) => query.bind(bytes.as_ref()),
            Cell::Bool(flag) => query.bind(*flag),
        };
    }
    query
}

fn postgres_batch<'q, const COLUMNS: usize>(
    statement: &'static Statement,
    scalars: &'q [Cell<'_>],
    rows: &'q [[Cell<'_>; COLUMNS]],
) -> PgQuery<'q> {
    let (sql, kinds) = statement.postgres();
    let mut query = postgres_scalars(sqlx::query(sql), scalars);
    for (at, kind) in kinds.iter().enumerate() {
        query = match kind {
            Kind::Text => query.bind(rows.iter().map(|row| row[at].text()).collect::<Vec<_>>()),
            Kind::Int => query.bind(rows.iter().map(|row| row[at].int()).collect::<Vec<_>>()),
            Kind::Bytes => query.bind(rows.iter().map(|row| row[at].bytes()).collect::<Vec<_>>()),
            Kind::Bool => query.bind(rows.iter().map(|row| row[at].bool()).collect::<Vec<_>>()),
        };
    }
    query
}

fn sqlite_cells<'q>(mut query: LiteQuery<'q>, cells: &'q [Cell<'_>]) -> LiteQuery<'q> {
    for cell in cells {
        query = match cell {
            Cell::Null(_) => query.bind(None::<i64>),
            Cell::Text(text) => query.bind(text.as_ref()),
            Cell::Int(number) => query.bind(*number),
            Cell::Bytes(bytes) => query.bind(bytes.as_ref()),
            Cell::Bool(flag) => query.bind(*flag),
        };
    }
    query
}

fn sqlite_batch<'q, const COLUMNS: usize>(
    statement: &'static Statement,
    size: usize,
    scalars: &'q [Cell<'_>],
    rows: &'q [[Cell<'_>; COLUMNS]],
) -> LiteQuery<'q> {
    let mut query = sqlx::query(statement.sqlite(size));
    for row in rows {
        query = sqlite_cells(query, row);
    }
    sqlite_cells(query, scalars)
}

/// Cuts a batch into the sizes there are statements for, the largest first.
fn sqlite_chunks<T>(mut rows: &[T]) -> impl Iterator<Item = (usize, &[T])> {
    std::iter::from_fn(move || {
        let size = SQLITE_ROWS.iter().position(|size| *size <= rows.len())?;
        let (chunk, rest) = rows.split_at(SQLITE_ROWS[size]);
        rows = rest;
        Some((size, chunk))
    })
}

/// What a caller can do about an error of the driver.
pub(crate) fn refusal(error: sqlx::Error) -> StoreError {
    let text = error.to_string();
    match &error {
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed
        | sqlx::Error::BeginFailed
        | sqlx::Error::Protocol(_) => StoreError::Unavailable(text),
        sqlx::Error::Database(database) if passes(&database.code().unwrap_or_default()) => {
            StoreError::Unavailable(text)
        }
        sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => StoreError::Damaged(text),
        _ => StoreError::Refused(text),
    }
}

/// Whether an error with this code may be gone at the next try: PostgreSQL's SQLSTATE or SQLite's extended result code.
fn passes(code: &str) -> bool {
    if let (5, Some(class)) = (code.len(), code.get(..2)) {
        // Connection, resources, operator intervention, rollback for serialization or deadlock; lock and idle timeouts; a standby
        // that is, or becomes, the primary again.
        return matches!(class, "08" | "53" | "57" | "40" | "58") || matches!(code, "55P03" | "25P03" | "25006");
    }
    // BUSY, LOCKED, IOERR and FULL with their extensions.
    code.parse::<u32>().is_ok_and(|code| matches!(code & 0xff, 5 | 6 | 10 | 13))
}

fn in_commit(error: sqlx::Error) -> StoreError {
    let lost = match &error {
        sqlx::Error::Database(database) => {
            database.code().is_some_and(|code| code.starts_with("08") || code.starts_with("57"))
        }
        sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::Protocol(_) | sqlx::Error::WorkerCrashed => true,
        _ => false,
    };
    if lost { StoreError::CommitUnknown(error.to_string()) } else { refusal(error) }
}
