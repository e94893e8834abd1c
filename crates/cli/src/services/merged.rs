//! The upstream topics as the clock master wants them: records by their own time, in steps.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use rapport_engine::ingest::ReplaySource;
use rapport_engine::ports::log::{LogError, Source, SourceRecord};
use rapport_kafka::{Connection, RecordTime, SourceSettings};

use crate::source_file::{event_time, is_plausible};

/// A look at whether the sources are at their end, when nothing comes.
const LOOK: Duration = Duration::from_millis(50);
const CHUNK: usize = 1000;

/// All partitions as one sequence, taken step by step.
pub struct Merged<S = rapport_kafka::ReplaySource> {
    inner: S,
    waiting: VecDeque<SourceRecord>,
    taken: BTreeMap<(String, i32), i64>,
}

impl Merged {
    /// Begins where the group's offsets stand.
    pub async fn open(connection: &Connection, settings: &SourceSettings) -> Result<Self, LogError> {
        let time: RecordTime = Arc::new(time_of);
        Ok(Self::of(rapport_kafka::ReplaySource::open(connection, settings, time).await?))
    }
}

impl<S: Source> Merged<S> {
    fn of(inner: S) -> Self {
        Self { inner, waiting: VecDeque::new(), taken: BTreeMap::new() }
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
    let header = header.and_then(|(_, value)| std::str::from_utf8(value).ok()?.parse().ok().filter(is_plausible));
    header
        .or_else(|| record.value.as_deref().and_then(event_time))
        .or(record.timestamp)
        .unwrap_or(Timestamp::UNIX_EPOCH)
}

#[async_trait]
impl<S: Source> ReplaySource for Merged<S> {
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
            let timestamp = Some(time_of(&record));
            records.push(SourceRecord { timestamp, ..record });
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers one after the other; what was committed last.
    struct Scripted {
        answers: VecDeque<Result<Vec<SourceRecord>, LogError>>,
        committed: Arc<std::sync::Mutex<Vec<i64>>>,
        refuses_commits: u32,
    }

    #[async_trait]
    impl Source for Scripted {
        async fn next(&mut self, _max: usize) -> Result<Vec<SourceRecord>, LogError> {
            self.answers.pop_front().unwrap_or(Ok(Vec::new()))
        }

        async fn commit(&mut self, _topic: &str, _partition: i32, next_offset: i64) -> Result<bool, LogError> {
            if self.refuses_commits > 0 {
                self.refuses_commits -= 1;
                return Err(LogError::Unreachable("for now".into()));
            }
            self.committed.lock().unwrap().push(next_offset);
            Ok(true)
        }

        fn ended(&self) -> bool {
            self.answers.is_empty()
        }
    }

    fn record(offset: i64, hour: i64) -> SourceRecord {
        SourceRecord {
            topic: "sales".into(),
            partition: 0,
            offset,
            timestamp: Timestamp::from_second(hour * 3600).ok(),
            headers: Vec::new(),
            key: None,
            value: None,
        }
    }

    fn offsets(records: &[SourceRecord]) -> Vec<i64> {
        records.iter().map(|record| record.offset).collect()
    }

    #[tokio::test]
    async fn what_was_taken_before_an_error_is_handed_over_and_committed_once_it_can_be() {
        let unreachable = || Err(LogError::Unreachable("broker".into()));
        let answers =
            VecDeque::from([Ok(vec![record(0, 1), record(1, 2)]), unreachable(), Ok(vec![record(2, 3), record(3, 9)])]);
        let committed = Arc::default();
        let mut merged = Merged::of(Scripted { answers, committed: Arc::clone(&committed), refuses_commits: 1 });
        let until = Timestamp::from_second(5 * 3600).unwrap();
        assert_eq!(offsets(&merged.take_until(until).await.unwrap()), [0, 1]);
        assert!(merged.commit().await.is_err());
        assert_eq!(offsets(&merged.take_until(until).await.unwrap()), [2]);
        assert_eq!(merged.next_time().await.unwrap(), Timestamp::from_second(9 * 3600).ok());
        merged.commit().await.unwrap();
        merged.commit().await.unwrap();
        assert_eq!(*committed.lock().unwrap(), [3], "told once, up to the last that was taken");
    }
}
