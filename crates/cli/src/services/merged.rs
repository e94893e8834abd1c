//! The upstream topics as the clock master wants them: records by their own time, in steps.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use rapport_engine::ingest::ReplaySource;
use rapport_engine::ports::log::{LogError, Source, SourceRecord};
use rapport_kafka::{Connection, RecordTime, SourceSettings};

use crate::source_file::event_time;

/// A look at whether the sources are at their end, when nothing comes.
const LOOK: Duration = Duration::from_millis(50);
const CHUNK: usize = 1000;

/// All partitions as one sequence, taken step by step.
pub struct Merged {
    inner: rapport_kafka::ReplaySource,
    waiting: VecDeque<SourceRecord>,
    taken: BTreeMap<(String, i32), i64>,
}

impl Merged {
    /// Begins where the group's offsets stand.
    pub async fn open(connection: &Connection, settings: &SourceSettings) -> Result<Self, LogError> {
        let time: RecordTime = Arc::new(time_of);
        let inner = rapport_kafka::ReplaySource::open(connection, settings, time).await?;
        Ok(Self { inner, waiting: VecDeque::new(), taken: BTreeMap::new() })
    }

    async fn fill(&mut self) -> Result<(), LogError> {
        while self.waiting.is_empty() && !self.inner.ended() {
            // Nothing may come any more; `next` is cancel-safe.
            if let Ok(records) = tokio::time::timeout(LOOK, self.inner.next(CHUNK)).await {
                self.waiting.extend(records?);
            }
        }
        Ok(())
    }
}

/// The event's own time; what cannot be read goes by the broker's, and becomes a dead letter.
fn time_of(record: &SourceRecord) -> Timestamp {
    let header = record.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("ce_time"));
    let header = header.and_then(|(_, value)| std::str::from_utf8(value).ok()?.parse().ok());
    header
        .or_else(|| record.value.as_deref().and_then(event_time))
        .or(record.timestamp)
        .unwrap_or(Timestamp::UNIX_EPOCH)
}

#[async_trait]
impl ReplaySource for Merged {
    async fn take_until(&mut self, until: Timestamp) -> Result<Vec<SourceRecord>, LogError> {
        let mut records = Vec::new();
        while records.len() < CHUNK {
            match self.fill().await {
                Ok(()) => {}
                // What was taken already is handed over; the next call meets the error.
                Err(_) if !records.is_empty() => break,
                Err(error) => return Err(error),
            }
            let Some(record) = self.waiting.pop_front_if(|record| time_of(record) <= until) else { break };
            self.taken.insert((record.topic.clone(), record.partition), record.offset + 1);
            records.push(record);
        }
        Ok(records)
    }

    async fn next_time(&mut self) -> Result<Option<Timestamp>, LogError> {
        self.fill().await?;
        Ok(self.waiting.front().map(time_of))
    }

    async fn commit(&mut self) -> Result<(), LogError> {
        while let Some(((topic, partition), next)) = self.taken.first_key_value() {
            self.inner.commit(topic, *partition, *next).await?;
            // Forgotten only now: after an error it is told again.
            self.taken.pop_first();
        }
        Ok(())
    }
}
