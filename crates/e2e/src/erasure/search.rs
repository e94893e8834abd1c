//! Looks for words everywhere: in every row of every table as the database writes it out, and in every record of topics.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use jiff::Timestamp;
use rapport_engine::ports::log::{Source as _, SourceRecord};
use rapport_kafka::{ReplaySource, SourceSettings};
use sqlx::{AssertSqlSafe, PgPool};

use crate::project::Project;
use crate::services::unique;

/// A topic has nothing more at once; whether it is at its end is asked then.
const QUIET: Duration = Duration::from_millis(500);

/// What was found.
#[derive(Debug, Default)]
pub struct Found {
    /// Where: `table.column`, or `topic/partition@offset`.
    pub places: BTreeSet<String>,
    /// Tables or records that were looked through.
    pub searched: usize,
}

/// The first number a query gives.
pub async fn count(pool: &PgPool, query: &str) -> Result<i64> {
    let (count,): (i64,) = sqlx::query_as(AssertSqlSafe(query.to_owned())).fetch_one(pool).await?;
    Ok(count)
}

/// Every column of every table, whatever its type. Words are of small letters and digits.
pub async fn tables(pool: &PgPool, words: &[&str]) -> Result<Found> {
    let columns: Vec<(String, String, bool)> = sqlx::query_as(
        "SELECT c.table_name::text, c.column_name::text, c.data_type = 'bytea' FROM information_schema.columns c \
         JOIN information_schema.tables t USING (table_schema, table_name) \
         WHERE c.table_schema = current_schema() AND t.table_type = 'BASE TABLE'",
    )
    .fetch_all(pool)
    .await?;
    let mut by_table: BTreeMap<String, Vec<(String, bool)>> = BTreeMap::new();
    for (table, column, is_bytes) in columns {
        by_table.entry(table).or_default().push((column, is_bytes));
    }
    let patterns = words.iter().map(|word| format!("'%{word}%'")).collect::<Vec<_>>().join(", ");
    let mut found = Found { searched: by_table.len(), ..Found::default() };
    for (table, columns) in by_table {
        for (column, is_bytes) in columns {
            // Bytes without regard to case: those of letters are the same as text of one byte each.
            let text = if is_bytes { format!("encode(\"{column}\", 'escape')") } else { format!("\"{column}\"::text") };
            let query = format!("SELECT count(*) FROM \"{table}\" WHERE lower({text}) LIKE ANY (ARRAY[{patterns}])");
            if count(pool, &query).await? > 0 {
                found.places.insert(format!("{table}.{column}"));
            }
        }
    }
    Ok(found)
}

/// Every record of the topics: key, headers and value.
pub async fn records(project: &Project, topics: Vec<String>, words: &[&str]) -> Result<Found> {
    let settings = SourceSettings { topics, group: unique("searched"), instance: None, known: BTreeSet::new() };
    let time = Arc::new(|_: &SourceRecord| Timestamp::UNIX_EPOCH);
    let mut source = ReplaySource::open(&project.connection(), &settings, time).await?;
    let mut found = Found::default();
    loop {
        let Ok(records) = tokio::time::timeout(QUIET, source.next(1_000)).await else {
            if source.ended() {
                return Ok(found);
            }
            continue;
        };
        for record in records? {
            found.searched += 1;
            let headers = record.headers.iter().flat_map(|(name, value)| [name.as_bytes(), value.as_slice()]);
            let mut parts = [record.key.as_deref(), record.value.as_deref()].into_iter().flatten().chain(headers);
            if parts.any(|part| names_one(part, words)) {
                found.places.insert(format!("{}/{}@{}", record.topic, record.partition, record.offset));
            }
        }
    }
}

/// Whether one of the words stands in the bytes, in capitals or not.
pub fn names_one(bytes: &[u8], words: &[&str]) -> bool {
    let text = String::from_utf8_lossy(bytes).to_lowercase();
    words.iter().any(|word| text.contains(word))
}

#[cfg(test)]
mod tests {
    use super::names_one;

    #[test]
    fn words_are_found_within_bytes_and_in_capitals() {
        assert!(names_one(b"\xff\x00 an ADA wrote", &["eve", "ada"]));
        assert!(!names_one(b"a d a", &["ada"]));
    }
}
