//! The event log of a play. What became of a mail is made anew, and where the same came of it as in the record it is told when it was
//! then: what came in between came before it. So are closed days.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use jiff::Timestamp;
use rapport_engine::ports::log::{EventLog, LogError, LogIdentity, LogRecord, NewRecord, Progress, ShardFeed};
use rapport_event::decode_record;
use rapport_event::engine::EngineData;

use super::outcomes::Outcomes;

/// A log, and what waits to be told.
pub struct Retold {
    log: Arc<dyn EventLog>,
    outcomes: Arc<Outcomes>,
    waiting: Mutex<Vec<(Timestamp, NewRecord)>>,
}

impl Retold {
    /// Nothing waits yet.
    pub fn new(log: Arc<dyn EventLog>, outcomes: Arc<Outcomes>) -> Self {
        Self { log, outcomes, waiting: Mutex::default() }
    }

    /// What is to be told up to an instant, and when each.
    pub fn due(&self, until: Timestamp) -> Vec<(Timestamp, NewRecord)> {
        let mut waiting = self.waiting();
        let (mut due, later): (Vec<_>, Vec<_>) = waiting.drain(..).partition(|(at, _)| *at <= until);
        *waiting = later;
        due.sort_by_key(|(at, _)| *at);
        due
    }

    /// Tells records of the record itself.
    pub async fn tell(&self, records: Vec<NewRecord>) -> Result<(), LogError> {
        self.log.append(records).await
    }

    fn waiting(&self) -> MutexGuard<'_, Vec<(Timestamp, NewRecord)>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// When the record tells of the same end of the same mail, or of the same day, if that is yet to come.
    fn told_at(&self, record: &NewRecord) -> Option<Timestamp> {
        let present = record.stamp?;
        let event = decode_record(&record.value).ok()?;
        let told = match event.engine()? {
            EngineData::Outcome(outcome) => {
                self.outcomes.mail(&outcome.message).filter(|end| end.at == event.occurred_at).map(|end| end.told)
            }
            EngineData::DayClosed(closed) => self.outcomes.day(&event.key.program, closed.day),
            _ => None,
        };
        told.filter(|told| *told > present)
    }
}

#[async_trait]
impl EventLog for Retold {
    async fn append(&self, records: Vec<NewRecord>) -> Result<(), LogError> {
        let mut now = Vec::with_capacity(records.len());
        for record in records {
            match self.told_at(&record) {
                // Without its place: those behind it are told before.
                Some(at) => self.waiting().push((at, NewRecord { stamp: Some(at), position: None, ..record })),
                None => now.push(record),
            }
        }
        if now.is_empty() { Ok(()) } else { self.log.append(now).await }
    }

    async fn open(&self, shard: u32, offset: i64) -> Result<Box<dyn ShardFeed>, LogError> {
        self.log.open(shard, offset).await
    }

    async fn read(&self, shard: u32, offset: i64) -> Result<LogRecord, LogError> {
        self.log.read(shard, offset).await
    }

    async fn begin(&self, shard: u32) -> Result<i64, LogError> {
        self.log.begin(shard).await
    }

    async fn ends(&self, shards: &[u32]) -> Result<Vec<i64>, LogError> {
        self.log.ends(shards).await
    }

    async fn describe(&self) -> Result<LogIdentity, LogError> {
        self.log.describe().await
    }

    async fn report(&self, shard: u32, progress: Progress) -> Result<(), LogError> {
        self.log.report(shard, progress).await
    }

    async fn reported(&self, shards: &[u32]) -> Result<Vec<Option<Progress>>, LogError> {
        self.log.reported(shards).await
    }
}
