//! The event log in memory.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use rapport_engine::ports::log::{EventLog, LogError, LogIdentity, LogRecord, NewRecord, Progress, ShardFeed};
use tokio::sync::Notify;

use crate::time::Passing;

/// An event log in memory; clones share it.
#[derive(Clone)]
pub struct MemoryLog {
    shards: u32,
    /// Stamps what is appended without a stamp.
    time: Passing,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    records: Mutex<BTreeMap<u32, Vec<LogRecord>>>,
    reported: Mutex<BTreeMap<u32, Progress>>,
    appended: Notify,
}

impl MemoryLog {
    /// An empty log.
    #[must_use]
    pub fn new(shards: u32) -> Self {
        Self { shards, time: Passing::default(), shared: Arc::default() }
    }

    /// All records by shard, locked.
    pub fn records(&self) -> MutexGuard<'_, BTreeMap<u32, Vec<LogRecord>>> {
        self.shared.records.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records in all shards together.
    #[must_use]
    pub fn length(&self) -> u64 {
        self.records().values().map(|records| records.len() as u64).sum()
    }

    fn end(&self, shard: u32) -> i64 {
        self.records().get(&shard).map_or(0, |records| records.len() as i64)
    }
}

#[async_trait]
impl EventLog for MemoryLog {
    async fn append(&self, records: Vec<NewRecord>) -> Result<(), LogError> {
        if let Some(record) = records.iter().find(|record| record.shard >= self.shards) {
            return Err(LogError::Refused(format!("shard {} of {}", record.shard, self.shards)));
        }
        let mut log = self.records();
        for record in records {
            let shard = log.entry(record.shard).or_default();
            shard.push(LogRecord {
                offset: shard.len() as i64,
                stamp: record.stamp.unwrap_or_else(|| self.time.now()),
                position: record.position,
                value: record.value,
            });
        }
        drop(log);
        self.shared.appended.notify_waiters();
        Ok(())
    }

    async fn begin(&self, _: u32) -> Result<i64, LogError> {
        Ok(0)
    }

    async fn open(&self, shard: u32, offset: i64) -> Result<Box<dyn ShardFeed>, LogError> {
        if shard >= self.shards || !(0..=self.end(shard)).contains(&offset) {
            return Err(LogError::OutOfRange { shard, offset });
        }
        Ok(Box::new(MemoryFeed { log: self.clone(), shard, offset }))
    }

    async fn ends(&self, shards: &[u32]) -> Result<Vec<i64>, LogError> {
        Ok(shards.iter().map(|shard| self.end(*shard)).collect())
    }

    async fn describe(&self) -> Result<LogIdentity, LogError> {
        Ok(LogIdentity { cluster: "memory".into(), topic: "rapport.events".into(), shards: self.shards })
    }

    async fn read(&self, shard: u32, offset: i64) -> Result<LogRecord, LogError> {
        let at = usize::try_from(offset).unwrap_or(usize::MAX);
        let found = self.records().get(&shard).and_then(|records| records.get(at)).cloned();
        found.ok_or(LogError::OutOfRange { shard, offset })
    }

    async fn report(&self, shard: u32, progress: Progress) -> Result<(), LogError> {
        let mut reported = self.shared.reported.lock().unwrap_or_else(PoisonError::into_inner);
        reported.insert(shard, progress);
        Ok(())
    }

    async fn reported(&self, shards: &[u32]) -> Result<Vec<Option<Progress>>, LogError> {
        let reported = self.shared.reported.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(shards.iter().map(|shard| reported.get(shard).copied()).collect())
    }
}

struct MemoryFeed {
    log: MemoryLog,
    shard: u32,
    offset: i64,
}

#[async_trait]
impl ShardFeed for MemoryFeed {
    async fn next(&mut self, max: usize) -> Result<Vec<LogRecord>, LogError> {
        let shared = self.log.shared.clone();
        loop {
            // Listens before it looks: an append in between must not be slept through.
            let appended = shared.appended.notified();
            tokio::pin!(appended);
            appended.as_mut().enable();
            let found: Vec<LogRecord> = {
                let log = self.log.records();
                let from = usize::try_from(self.offset).unwrap_or(usize::MAX);
                log.get(&self.shard)
                    .into_iter()
                    .flat_map(|all| all.iter().skip(from).take(max.max(1)))
                    .cloned()
                    .collect()
            };
            if !found.is_empty() {
                self.offset += found.len() as i64;
                return Ok(found);
            }
            appended.await;
        }
    }

    fn caught_up(&self) -> bool {
        self.offset >= self.log.end(self.shard)
    }
}
