//! The embedded event log: a table of the SQLite file.
//!
//! Offsets are contiguous from 0 in commit order. Every append goes through the one writer connection inside `BEGIN IMMEDIATE`, takes
//! its offsets from `journal_end` in the same transaction, and is seen by readers only after its commit; so a reader never sees an
//! offset before all lower ones of the shard, and a transaction rolled back leaves no gap. SQLite's own AUTOINCREMENT would number
//! the table, not each shard.

mod progress;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use rapport_engine::ports::log::{EventLog, LogError, LogIdentity, LogRecord, NewRecord, Progress, ShardFeed};
use rapport_engine::ports::store::StoreError;
use rapport_event::wire::SourcePosition;
use tokio::sync::Notify;

use self::progress::ProgressFile;
use crate::SqlStore;
use crate::sql::queries::journal as sql;
use crate::sql::{Rows, Session, cells};

/// The topic's name, which is also its generation.
pub const JOURNAL_TOPIC: &str = "journal";
/// How soon records appended by another process are noticed; those of this process wake the feeds at once.
const POLL: Duration = Duration::from_millis(250);

/// The embedded event log.
#[derive(Clone)]
pub struct Journal {
    store: SqlStore,
    shards: u32,
    shared: Arc<Shared>,
    progress: Arc<ProgressFile>,
}

/// What feeds and appends of one process tell each other.
#[derive(Default)]
struct Shared {
    ends: Mutex<BTreeMap<u32, i64>>,
    appended: Notify,
}

impl Shared {
    fn raise(&self, shard: u32, end: i64) {
        let mut ends = self.ends.lock().unwrap_or_else(PoisonError::into_inner);
        let known = ends.entry(shard).or_insert(0);
        *known = end.max(*known);
    }

    fn end(&self, shard: u32) -> i64 {
        self.ends.lock().unwrap_or_else(PoisonError::into_inner).get(&shard).copied().unwrap_or(0)
    }
}

impl Journal {
    pub(crate) fn new(store: SqlStore, shards: u32, progress: &Path) -> Self {
        Self { store, shards: shards.max(1), shared: Arc::default(), progress: Arc::new(ProgressFile::at(progress)) }
    }

    /// Given when the database was made.
    async fn id(&self) -> Result<String, LogError> {
        let id = self.store.read_meta("journal_id").await.map_err(log_error)?;
        id.ok_or_else(|| LogError::Refused("the journal has no id".into()))
    }
}

fn log_error(error: StoreError) -> LogError {
    match error {
        StoreError::Unavailable(text) | StoreError::CommitUnknown(text) => LogError::Unreachable(text),
        StoreError::Refused(text) | StoreError::Damaged(text) => LogError::Refused(text),
    }
}

async fn append(session: &mut Session, records: &[NewRecord]) -> Result<BTreeMap<u32, i64>, StoreError> {
    let mut counts: BTreeMap<u32, usize> = BTreeMap::new();
    for record in records {
        *counts.entry(record.shard).or_default() += 1;
    }
    let mut next: BTreeMap<u32, i64> = BTreeMap::new();
    let mut ends = BTreeMap::new();
    for (shard, count) in counts {
        let rows = session.fetch(&sql::TAKE_OFFSETS, &cells![shard, count]).await?;
        let end = rows.first().ok_or_else(|| StoreError::Refused("no offsets".into()))?.int(0)?;
        next.insert(shard, end - i64::try_from(count).unwrap_or(0));
        ends.insert(shard, end);
    }
    let arrived = Timestamp::now();
    let rows = Rows::of(records.iter().map(|record| {
        let offset = next.entry(record.shard).or_default();
        *offset += 1;
        let position = record.position.map(|position| position.to_bytes().to_vec());
        let stamp = record.stamp.unwrap_or(arrived);
        cells![record.shard, *offset - 1, stamp, position, &record.key, &record.value]
    }));
    session.execute_rows(&sql::APPEND, &[], &rows).await?;
    Ok(ends)
}

#[async_trait]
impl EventLog for Journal {
    async fn append(&self, records: Vec<NewRecord>) -> Result<(), LogError> {
        if records.is_empty() {
            return Ok(());
        }
        if let Some(record) = records.iter().find(|record| record.shard >= self.shards) {
            return Err(LogError::Refused(format!("shard {} of {}", record.shard, self.shards)));
        }
        let mut session = self.store.begin().await.map_err(log_error)?;
        let ends = append(&mut session, &records).await.map_err(log_error)?;
        session.commit().await.map_err(log_error)?;
        for (shard, end) in ends {
            self.shared.raise(shard, end);
        }
        self.shared.appended.notify_waiters();
        Ok(())
    }

    async fn open(&self, shard: u32, offset: i64) -> Result<Box<dyn ShardFeed>, LogError> {
        // The beginning first: it only rises, and never beyond an end that is asked for later.
        let first = self.begin(shard).await?;
        let end = self.ends(&[shard]).await?.first().copied().unwrap_or(0);
        if shard >= self.shards || offset > end || offset < first {
            return Err(LogError::OutOfRange { shard, offset });
        }
        self.shared.raise(shard, end);
        Ok(Box::new(JournalFeed { journal: self.clone(), shard, offset }))
    }

    async fn begin(&self, shard: u32) -> Result<i64, LogError> {
        let end = self.ends(&[shard]).await?.first().copied().unwrap_or(0);
        let mut session = self.store.reader().await.map_err(log_error)?;
        let first = session.fetch(&sql::FIRST, &cells![shard]).await.map_err(log_error)?;
        Ok(first.first().map_or(Ok(None), |row| row.opt_int(0)).map_err(log_error)?.unwrap_or(end))
    }

    async fn ends(&self, shards: &[u32]) -> Result<Vec<i64>, LogError> {
        let rows = async { self.store.reader().await?.fetch(&sql::ENDS, &[]).await }.await.map_err(log_error)?;
        let ends: BTreeMap<u32, i64> = rows
            .iter()
            .map(|row| Ok((row.number(0)?, row.int(1)?)))
            .collect::<Result<_, StoreError>>()
            .map_err(log_error)?;
        Ok(shards.iter().map(|shard| ends.get(shard).copied().unwrap_or(0)).collect())
    }

    async fn describe(&self) -> Result<LogIdentity, LogError> {
        Ok(LogIdentity { cluster: self.id().await?, topic: JOURNAL_TOPIC.into(), shards: self.shards })
    }

    async fn read(&self, shard: u32, offset: i64) -> Result<LogRecord, LogError> {
        let feed = JournalFeed { journal: self.clone(), shard, offset };
        let found = feed.read(1).await.map_err(log_error)?.into_iter().next();
        found.filter(|record| record.offset == offset).ok_or(LogError::OutOfRange { shard, offset })
    }

    async fn report(&self, shard: u32, progress: Progress) -> Result<(), LogError> {
        self.progress.report(&self.id().await?, shard, progress)
    }

    async fn reported(&self, shards: &[u32]) -> Result<Vec<Option<Progress>>, LogError> {
        let known = self.progress.reported(&self.id().await?)?;
        Ok(shards.iter().map(|shard| known.get(shard).copied()).collect())
    }
}

/// One shard's records, read from where the last read ended.
struct JournalFeed {
    journal: Journal,
    shard: u32,
    offset: i64,
}

impl JournalFeed {
    async fn read(&self, max: usize) -> Result<Vec<LogRecord>, StoreError> {
        let cells = cells![self.shard, self.offset, max];
        let rows = self.journal.store.reader().await?.fetch(&sql::READ, &cells).await?;
        rows.iter()
            .map(|row| {
                let position = row.opt_bytes(2)?.map(|bytes| {
                    SourcePosition::from_bytes(&bytes).ok_or_else(|| StoreError::Damaged("a record's position".into()))
                });
                Ok(LogRecord {
                    offset: row.int(0)?,
                    stamp: row.instant(1)?,
                    position: position.transpose()?,
                    value: row.bytes(3)?,
                })
            })
            .collect()
    }
}

#[async_trait]
impl ShardFeed for JournalFeed {
    async fn next(&mut self, max: usize) -> Result<Vec<LogRecord>, LogError> {
        let max = max.max(1);
        let shared = Arc::clone(&self.journal.shared);
        loop {
            // Listens before it looks: an append in between must not be slept through.
            let appended = shared.appended.notified();
            tokio::pin!(appended);
            appended.as_mut().enable();
            // One more than asked for tells whether there is more.
            let mut records = self.read(max.saturating_add(1)).await.map_err(log_error)?;
            if let Some(last) = records.last() {
                shared.raise(self.shard, last.offset + 1);
                records.truncate(max);
                self.offset = records.last().map_or(self.offset, |last| last.offset + 1);
                return Ok(records);
            }
            tokio::select! {
                () = appended => {}
                () = tokio::time::sleep(POLL) => {}
            }
        }
    }

    fn caught_up(&self) -> bool {
        self.offset >= self.journal.shared.end(self.shard)
    }
}
