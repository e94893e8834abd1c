//! Replay: every partition of every topic, merged by the time of the records. One process, no group membership.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::future::select_all;
use futures::{FutureExt, StreamExt};
use jiff::Timestamp;
use rapport_engine::ports::log::{LogError, Source, SourceRecord};
use rdkafka::TopicPartitionList;
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::consumer::stream_consumer::StreamPartitionQueue;
use rdkafka::consumer::{Consumer, StreamConsumer};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::message::BorrowedMessage;
use tokio::task::JoinHandle;
use tracing::debug;

use super::{SourceSettings, commit, config, lost, outside, starts};
use crate::ask::{ask, refusal};
use crate::connection::{Connection, Link};
use crate::feed::CHUNK;
use crate::record::source_record;

// Every partition's end is waited for before another one's record may pass: short, or a replay crawls.
const FETCH_WAIT: Duration = Duration::from_millis(5);

/// The time of a record that the merge goes by, e.g. the event's own time.
pub type RecordTime = Arc<dyn Fn(&SourceRecord) -> Timestamp + Send + Sync>;

/// All partitions as one sequence: always the earliest head; within a partition the order of its offsets.
pub struct ReplaySource {
    connection: Connection,
    consumer: Arc<StreamConsumer<Link>>,
    lanes: Vec<Lane>,
    time: RecordTime,
    events: JoinHandle<()>,
}

/// One partition.
struct Lane {
    topic: String,
    partition: i32,
    queue: StreamPartitionQueue<Link>,
    heads: VecDeque<(Timestamp, SourceRecord)>,
    at_end: bool,
    failed: Option<LogError>,
}

impl ReplaySource {
    /// Begins at the group's offsets, or at the beginning of partitions that have none.
    ///
    /// # Errors
    /// `Unreachable` after the connection's patience; `Refused` when a topic does not exist.
    pub async fn open(connection: &Connection, settings: &SourceSettings, time: RecordTime) -> Result<Self, LogError> {
        let alone = SourceSettings { instance: None, ..settings.clone() };
        let consumer: StreamConsumer<Link> =
            StreamConsumer::from_config_and_context(&config(connection, &alone, FETCH_WAIT), connection.link())
                .map_err(|error| refusal("making a consumer", &error))?;
        let consumer = Arc::new(consumer);
        let partitions = partitions(connection, &consumer, &settings.topics).await?;

        let mut lanes = Vec::new();
        for (topic, partition) in &partitions {
            let queue = consumer
                .split_partition_queue(topic, *partition)
                .ok_or_else(|| LogError::Refused(format!("no queue for topic {topic}, partition {partition}")))?;
            let (topic, heads) = (topic.clone(), VecDeque::new());
            lanes.push(Lane { topic, partition: *partition, queue, heads, at_end: false, failed: None });
        }
        let asked = consumer.clone();
        let known = settings.known.clone();
        let lost = ask(connection, "taking source partitions", move |longest| {
            let mut list = TopicPartitionList::with_capacity(partitions.len());
            for (topic, partition) in &partitions {
                list.add_partition(topic, *partition);
            }
            let starts = starts(asked.as_ref(), &list, longest)?;
            let lost = lost(&starts, &known);
            if lost.is_none() {
                asked.assign(&starts)?;
            }
            Ok(lost)
        })
        .await?;
        if let Some(lost) = lost {
            return Err(lost);
        }

        let served = consumer.clone();
        let events = tokio::spawn(async move {
            let mut events = served.stream();
            while let Some(event) = events.next().await {
                if let Err(error) = event {
                    debug!(%error, "kafka consumer");
                }
            }
        });
        Ok(Self { connection: connection.clone(), consumer, lanes, time, events })
    }

    /// Takes what lies ready, without waiting, from lanes that have no head.
    fn peek(&mut self) -> Result<(), LogError> {
        for lane in &mut self.lanes {
            while lane.heads.is_empty() {
                let Some(items) = lane.queue.stream().ready_chunks(CHUNK).next().now_or_never().flatten() else {
                    break;
                };
                let items = take(items);
                lane.put(items, &self.time);
            }
            if let Some(failed) = &lane.failed {
                return Err(failed.clone());
            }
        }
        Ok(())
    }

    /// The lane with the earliest head; none while a lane is empty that may still have an earlier one.
    fn earliest(&self) -> Option<usize> {
        if self.lanes.iter().any(|lane| lane.heads.is_empty() && !lane.at_end) {
            return None;
        }
        let heads = self.lanes.iter().enumerate().filter_map(|(place, lane)| Some((lane.heads.front()?.0, place)));
        heads.min().map(|(_, place)| place)
    }

    /// Waits until a lane without a head has something. Cancelled, it loses nothing.
    async fn wait(&mut self) -> Result<(), LogError> {
        let (place, items) = {
            let empty = self.lanes.iter().enumerate().filter(|(_, lane)| lane.heads.is_empty());
            let waits: Vec<_> = empty
                .map(|(place, lane)| {
                    async move { (place, lane.queue.stream().ready_chunks(CHUNK).next().await.map(take)) }.boxed()
                })
                .collect();
            if waits.is_empty() {
                return Ok(());
            }
            select_all(waits).await.0
        };
        let items = items.ok_or(LogError::Closed)?;
        if let Some(lane) = self.lanes.get_mut(place) {
            lane.put(items, &self.time);
        }
        Ok(())
    }
}

impl Lane {
    fn put(&mut self, items: Vec<Item>, time: &RecordTime) {
        for item in items {
            match item {
                Item::Record(record) => {
                    self.at_end = false;
                    self.heads.push_back((time(&record), record));
                }
                Item::End => self.at_end = true,
                Item::OutOfRange => {
                    let place = format!("the committed offset of topic {}, partition {}", self.topic, self.partition);
                    self.failed = Some(outside(&place));
                }
                Item::Fatal(why) => self.failed = Some(LogError::Refused(format!("reading the sources: {why}"))),
                Item::Passing(why) => debug!(topic = self.topic, partition = self.partition, why, "reading a source"),
            }
        }
    }
}

/// What came from a queue, without a borrow of it.
enum Item {
    Record(SourceRecord),
    End,
    OutOfRange,
    Fatal(String),
    Passing(String),
}

fn take(items: Vec<KafkaResult<BorrowedMessage<'_>>>) -> Vec<Item> {
    let item = |item: KafkaResult<BorrowedMessage<'_>>| match item {
        Ok(message) => Item::Record(source_record(&message)),
        Err(KafkaError::PartitionEOF(_)) => Item::End,
        Err(error) if error.rdkafka_error_code() == Some(RDKafkaErrorCode::AutoOffsetReset) => Item::OutOfRange,
        Err(KafkaError::MessageConsumptionFatal(code)) => Item::Fatal(code.to_string()),
        Err(error) => Item::Passing(error.to_string()),
    };
    items.into_iter().map(item).collect()
}

async fn partitions(
    connection: &Connection,
    consumer: &Arc<StreamConsumer<Link>>,
    topics: &[String],
) -> Result<Vec<(String, i32)>, LogError> {
    let mut all = Vec::new();
    for topic in topics {
        let (consumer, name) = (consumer.clone(), topic.clone());
        let count = ask(connection, "looking for the source topics", move |longest| {
            let metadata = consumer.fetch_metadata(Some(&name), longest)?;
            Ok(metadata.topics().iter().find(|found| found.name() == name).map_or(0, |found| found.partitions().len()))
        })
        .await?;
        if count == 0 {
            return Err(LogError::Refused(format!("there is no topic {topic} to replay; make it, or leave it out")));
        }
        all.extend((0..i32::try_from(count).unwrap_or(i32::MAX)).map(|partition| (topic.clone(), partition)));
    }
    Ok(all)
}

#[async_trait]
impl Source for ReplaySource {
    async fn next(&mut self, max: usize) -> Result<Vec<SourceRecord>, LogError> {
        let mut records = Vec::new();
        loop {
            self.peek()?;
            while records.len() < max.max(1)
                && let Some(place) = self.earliest()
                && let Some((_, record)) = self.lanes.get_mut(place).and_then(|lane| lane.heads.pop_front())
            {
                records.push(record);
            }
            if !records.is_empty() {
                return Ok(records);
            }
            self.wait().await?;
        }
    }

    async fn commit(&mut self, topic: &str, partition: i32, next_offset: i64) -> Result<bool, LogError> {
        let (consumer, topic) = (self.consumer.clone(), topic.to_owned());
        ask(&self.connection, "committing a source offset", move |_| {
            commit(consumer.as_ref(), &topic, partition, next_offset)
        })
        .await
    }

    fn ended(&self) -> bool {
        self.lanes.iter().all(|lane| lane.heads.is_empty() && lane.at_end)
    }
}

impl Drop for ReplaySource {
    fn drop(&mut self) {
        self.events.abort();
    }
}
