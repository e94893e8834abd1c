//! Every statement is planned as a service that was just installed plans it, and one that is some weeks old. PostgreSQL keeps such a
//! plan until the tables were analysed again, SQLite for as long as the file is open: it must be good on millions of rows, too.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::Value;
use sqlx::{AssertSqlSafe, PgConnection, Row as _};

use super::statement::{SQLITE_ROWS, Statement};
use crate::SqlStore;
use crate::connect::{ConnectOptions, postgres, sqlite};

#[path = "../../tests/databases/database/mod.rs"]
mod server;

/// Tables that stay short, whatever the number of partners and the years: rows are a shard's, a setting's, a person's doing, or gone
/// when they are done.
const SHORT: [&str; 16] = [
    "shard",
    "meta",
    "pause",
    "quarantine",
    "outbox",
    "request",
    "process",
    "relay",
    "definition",
    "parked",
    "burst",
    "journal_end",
    "seen",
    "day_part",
    "clock_mark",
    "click",
];

/// The files of one database, with their comments.
fn files(other: &str) -> Vec<(PathBuf, &'static str)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("queries");
    let mut files = Vec::new();
    for folder in std::fs::read_dir(root).unwrap() {
        for file in std::fs::read_dir(folder.unwrap().path()).unwrap() {
            let path = file.unwrap().path();
            let text = std::fs::read_to_string(&path).unwrap();
            // A setting has no plan.
            let is_setting = text.lines().any(|line| line.starts_with("SET "));
            if !path.to_string_lossy().ends_with(other) && !is_setting {
                files.push((path, &*Box::leak(text.into_boxed_str())));
            }
        }
    }
    files.sort();
    assert!(files.len() > 150, "{} statements", files.len());
    files
}

/// What a statement walks from end to end, and its comment does not say so (`Reads journey once`).
#[derive(Default)]
struct Walks(BTreeMap<String, BTreeSet<String>>);

/// What the comment of a statement says that takes the first few of all that waits, in the order of an index: however much waits, the
/// rest is not read.
fn sorts_nothing(text: &str) -> bool {
    text.lines().any(|line| line.starts_with("--") && line.contains("Sorts nothing"))
}

/// How a plan calls it when it has to read everything for the first row of it.
const READS_ALL: [&str; 4] = ["Sort", "Incremental Sort", "Aggregate", "Hash"];

/// Whether a node of a plan or one below it reads all there is before its first row. What a statement asks beside its own rows
/// (`InitPlan`, `SubPlan`) may.
fn reads_all(node: &Value) -> bool {
    let is_beside = node
        .get("Parent Relationship")
        .and_then(Value::as_str)
        .is_some_and(|place| place != "Outer" && place != "Inner");
    let kind = node.get("Node Type").and_then(Value::as_str).unwrap_or_default();
    let below = node.get("Plans").and_then(Value::as_array);
    !is_beside && (READS_ALL.contains(&kind) || below.into_iter().flatten().any(reads_all))
}

impl Walks {
    fn note(&mut self, path: &Path, what: String) {
        let place = path.strip_prefix(Path::new(env!("CARGO_MANIFEST_DIR"))).unwrap_or(path).display().to_string();
        self.0.entry(place).or_default().insert(what);
    }

    fn add(&mut self, path: &Path, text: &str, walked: &str) {
        let table = walked.split(',').next().unwrap_or_default();
        let comment: String = text.lines().filter_map(|line| line.strip_prefix("--")).collect();
        // "Reads journey once", "reads audit, reservation and hook_call once", "Reads whole tables: for people who ask".
        let says = |sentence: &str| {
            let read = sentence.split_once("eads ").map(|(_, read)| read);
            let names =
                |read: &str| read.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).any(|word| word == table);
            read.is_some_and(|read| names(read) || read.starts_with("whole") || read.starts_with("the whole"))
        };
        if !comment.split(['.', ';', ':']).any(says) && !SHORT.contains(&table) {
            self.note(path, walked.to_owned());
        }
    }
}

/// Tables that a node of a plan, or one below it, reads without a condition on an index. An index of some rows only, such as of the
/// mail that waits, is as long as the work that is open, and no more.
fn walked(node: &Value, partial: &BTreeSet<String>, tables: &mut BTreeSet<String>) {
    let text = |name: &str| node.get(name).and_then(Value::as_str);
    let reads = text("Node Type").is_some_and(|kind| kind.contains("Scan"));
    let is_short = text("Index Name").is_some_and(|index| partial.contains(index));
    let condition = text("Index Cond").or(text("Recheck Cond"));
    if let (true, false, Some(table), None) = (reads, is_short, text("Relation Name"), condition) {
        tables.insert(table.to_owned());
    }
    let below = node.get("Plans").and_then(Value::as_array);
    below.into_iter().flatten().for_each(|below| walked(below, partial, tables));
}

/// What PostgreSQL would walk as its tables stand now.
async fn planned(connection: &mut PgConnection, when: &str, walks: &mut Walks) {
    sqlx::raw_sql("SET plan_cache_mode = force_generic_plan").execute(&mut *connection).await.unwrap();
    let indexes = "SELECT indexrelid::regclass::text FROM pg_index WHERE indpred IS NOT NULL";
    let indexes = sqlx::raw_sql(indexes).fetch_all(&mut *connection).await.unwrap();
    let partial: BTreeSet<String> = indexes.iter().map(|row| row.get(0)).collect();
    for (path, text) in files(".lite.sql") {
        // The journal is in SQLite alone: PostgreSQL's log is Kafka.
        if path.parent().is_some_and(|folder| folder.ends_with("journal")) {
            continue;
        }
        let failed = |error: sqlx::Error| -> ! { panic!("{}, {when}: {error}", path.display()) };
        let statement: &'static Statement = Box::leak(Box::new(Statement::one(text)));
        let (sql, places) = statement.postgres_text();
        let prepare = AssertSqlSafe(format!("PREPARE looked_at AS {sql}"));
        sqlx::raw_sql(prepare).execute(&mut *connection).await.unwrap_or_else(|error| failed(error));
        let arguments = if places == 0 { String::new() } else { format!("({})", vec!["NULL"; places].join(", ")) };
        let explain = AssertSqlSafe(format!("EXPLAIN (FORMAT JSON) EXECUTE looked_at{arguments}"));
        let row = sqlx::raw_sql(explain).fetch_one(&mut *connection).await.unwrap_or_else(|error| failed(error));
        let plan: Value = serde_json::from_str(&row.get_unchecked::<String, _>(0)).unwrap();
        let mut tables = BTreeSet::new();
        plan.as_array().into_iter().flatten().for_each(|plan| walked(&plan["Plan"], &partial, &mut tables));
        tables.iter().for_each(|table| walks.add(&path, text, &format!("{table}, {when}")));
        if sorts_nothing(text) && plan.as_array().into_iter().flatten().any(|plan| reads_all(&plan["Plan"])) {
            walks.note(&path, format!("all is read for its first row, {when}: {plan}"));
        }
        sqlx::raw_sql("DEALLOCATE looked_at").execute(&mut *connection).await.unwrap();
    }
}

/// Some thousand mails that are over, and a few that wait: what a young service looks like when it is analysed for the first time.
const YOUNG: &str = "
    INSERT INTO shard (shard, seen_at) SELECT n, 0 FROM generate_series(0, 7) n;
    INSERT INTO partner (program, partner, shard, hot) SELECT 'p', 'n' || n, n % 8, '' FROM generate_series(1, 800) n;
    INSERT INTO recipient (address) SELECT n || '@x.example' FROM generate_series(1, 800) n;
    INSERT INTO message (id, shard, program, partner, address, workflow, journey, step, mail, rulebook, kind, topic, priority, policy,
        planned_at, due, expires, state, reason, changed_at)
    SELECT md5(n::text), n % 8, 'p', 'n' || n % 800, n % 800 || '@x.example', 'w', md5(n::text), 's', 'm', 'r', 'marketing', 't', 0,
        'at_most_once', n, n, n + 9, CASE WHEN n % 300 = 0 THEN 'queued' ELSE 'suppressed' END, 'consent', n
    FROM generate_series(1, 3000) n;
    INSERT INTO message_context (message, context) SELECT id, repeat('x', 700) FROM message;
    INSERT INTO sent (message, address, kind, at) SELECT id, address, 'marketing', due FROM message;
    INSERT INTO journey (id, program, partner, workflow, version, started_at, held_out, body)
    SELECT journey, program, partner, workflow, 'v', planned_at, false, repeat('x', 1500) FROM message;
    INSERT INTO feedback (id, origin, what, at) SELECT md5(n::text), 'smtp', 'bounce.soft', n FROM generate_series(1, 300) n;
    ANALYZE shard, partner, recipient, message, message_context, sent, journey, feedback;";

#[tokio::test]
async fn no_statement_walks_a_table_that_grows_on_postgres() {
    let url = server::database("plans").await;
    let store = SqlStore::connect(&url).await.unwrap();
    store.migrate().await.unwrap();
    let pool = postgres(&url, &ConnectOptions::default()).await.unwrap();
    let mut connection = pool.acquire().await.unwrap();
    let mut walks = Walks::default();
    planned(&mut connection, "new", &mut walks).await;
    sqlx::raw_sql(YOUNG).execute(&mut *connection).await.unwrap();
    planned(&mut connection, "young", &mut walks).await;
    drop(connection);
    pool.close().await;
    store.close().await;
    server::drop_database(&url).await;
    assert!(walks.0.is_empty(), "walked from end to end: {:#?}", walks.0);
}

#[tokio::test]
async fn no_statement_walks_a_table_that_grows_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rapport.db");
    SqlStore::connect(&format!("sqlite:{}", path.display())).await.unwrap().close().await;
    let opened = sqlite(path.to_str().unwrap(), &ConnectOptions::default()).await.unwrap();
    let mut connection = opened.writer.acquire().await.unwrap();
    let tables =
        sqlx::raw_sql("SELECT name FROM sqlite_master WHERE type = 'table'").fetch_all(&mut *connection).await.unwrap();
    let tables: BTreeSet<String> = tables.iter().map(|row| row.get(0)).collect();
    let unknown: Vec<&&str> = SHORT.iter().filter(|table| !tables.contains(**table)).collect();
    assert!(unknown.is_empty(), "no tables: {unknown:?}");
    let indexes = "SELECT name FROM sqlite_master WHERE type = 'index' AND sql LIKE '% WHERE %'";
    let indexes = sqlx::raw_sql(indexes).fetch_all(&mut *connection).await.unwrap();
    let partial: BTreeSet<String> = indexes.iter().map(|row| row.get(0)).collect();
    let mut walks = Walks::default();
    for (path, text) in files(".pg.sql") {
        let statement: &'static Statement = Box::leak(Box::new(Statement::one(text)));
        let explain = AssertSqlSafe(format!("EXPLAIN QUERY PLAN {}", statement.sqlite(SQLITE_ROWS.len() - 1)));
        let rows = sqlx::raw_sql(explain)
            .fetch_all(&mut *connection)
            .await
            .unwrap_or_else(|error| panic!("{path:?}: {error}"));
        let details = rows.iter().map(|row| row.get::<String, _>(3));
        if sorts_nothing(text) && details.into_iter().any(|detail| detail.contains("TEMP B-TREE")) {
            walks.note(&path, "all is read for its first row".to_owned());
        }
        for row in rows {
            // "SCAN m USING INDEX …", by the name the statement gives the table.
            let detail: String = row.get(3);
            let Some(name) = detail.strip_prefix("SCAN ").and_then(|rest| rest.split(' ').next()) else { continue };
            if partial.iter().any(|index| detail.ends_with(index)) {
                continue;
            }
            let table = table_of(text, name);
            // Rows of a batch and parts of the statement itself are as long as they are.
            if tables.contains(&table) {
                walks.add(&path, text, &table);
            }
        }
    }
    assert!(walks.0.is_empty(), "walked from end to end: {:#?}", walks.0);
}

/// The table behind a name that a statement gave it: `FROM message m`.
fn table_of(text: &str, name: &str) -> String {
    let words: Vec<&str> =
        text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).filter(|word| !word.is_empty()).collect();
    let named = words.windows(3).find(|at| ["FROM", "JOIN", "UPDATE", "INTO"].contains(&at[0]) && at[2] == name);
    named.map_or(name, |at| at[1]).to_owned()
}
