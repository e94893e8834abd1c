//! How far the shards are, told to Kafka's group offsets for lag tools, at most once a second.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rapport_engine::ports::log::{LogError, Progress};
use rdkafka::TopicPartitionList;
use rdkafka::consumer::{CommitMode, Consumer, StreamConsumer};
use rdkafka::error::KafkaResult;
use rdkafka::topic_partition_list::Offset;
use tokio::sync::Notify;
use tracing::debug;

use crate::ask::ask;
use crate::connection::{Connection, Link};
use crate::feed::partition_of;

const AT_MOST_EVERY: Duration = Duration::from_secs(1);

/// What has been reported and not been told to Kafka yet.
pub(crate) struct Reports {
    connection: Connection,
    topic: String,
    consumer: Arc<StreamConsumer<Link>>,
    waiting: Mutex<BTreeMap<i32, Progress>>,
    news: Notify,
}

impl Reports {
    pub fn new(connection: Connection, topic: String, consumer: Arc<StreamConsumer<Link>>) -> Self {
        Self { connection, topic, consumer, waiting: Mutex::default(), news: Notify::new() }
    }

    /// Notes a shard's progress; costs no round trip.
    pub fn note(&self, shard: u32, progress: Progress) -> Result<(), LogError> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).insert(partition_of(shard)?, progress);
        self.news.notify_one();
        Ok(())
    }

    /// Tells Kafka what has been noted, in one request.
    pub async fn flush(&self) -> Result<(), LogError> {
        let waiting = std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner));
        if waiting.is_empty() {
            return Ok(());
        }
        let (consumer, topic) = (self.consumer.clone(), self.topic.clone());
        ask(&self.connection, "reporting progress", move |_| {
            consumer.commit(&list(&topic, &waiting)?, CommitMode::Sync)
        })
        .await
    }

    /// What Kafka holds for these shards, in one request.
    pub async fn read(&self, shards: &[u32]) -> Result<Vec<Option<Progress>>, LogError> {
        self.flush().await?;
        let partitions: Vec<i32> = shards.iter().map(|shard| partition_of(*shard)).collect::<Result<_, _>>()?;
        let (consumer, topic) = (self.consumer.clone(), self.topic.clone());
        ask(&self.connection, "reading reported progress", move |longest| {
            let mut list = TopicPartitionList::with_capacity(partitions.len());
            for partition in &partitions {
                list.add_partition(&topic, *partition);
            }
            let found = consumer.committed_offsets(list, longest)?;
            let told = |partition: &i32| {
                let Some(element) = found.find_partition(&topic, *partition) else { return Ok(None) };
                element.error()?;
                Ok(match element.offset() {
                    Offset::Offset(next_offset) => parse(next_offset, element.metadata()),
                    _ => None,
                })
            };
            partitions.iter().map(told).collect()
        })
        .await
    }

    /// Flushes in the background for as long as anybody else holds the reports.
    pub async fn keep_flushing(this: std::sync::Weak<Self>) {
        loop {
            let Some(reports) = this.upgrade() else { return };
            // Bounded, so that the last strong reference is not this one for long.
            let _ = tokio::time::timeout(AT_MOST_EVERY, reports.news.notified()).await;
            if let Err(error) = reports.flush().await {
                debug!(%error, "progress was not reported; the next report carries it");
            }
            drop(reports);
            tokio::time::sleep(AT_MOST_EVERY).await;
        }
    }
}

fn list(topic: &str, waiting: &BTreeMap<i32, Progress>) -> KafkaResult<TopicPartitionList> {
    let mut list = TopicPartitionList::with_capacity(waiting.len());
    for (partition, Progress { next_offset, epoch, commit_no }) in waiting {
        let mut element = list.add_partition(topic, *partition);
        element.set_offset(Offset::Offset(*next_offset))?;
        element.set_metadata(format!("epoch={epoch} commit={commit_no}"));
    }
    Ok(list)
}

fn parse(next_offset: i64, metadata: &str) -> Option<Progress> {
    let (epoch, commit) = metadata.split_once(' ')?;
    Some(Progress {
        next_offset,
        epoch: epoch.strip_prefix("epoch=")?.parse().ok()?,
        commit_no: commit.strip_prefix("commit=")?.parse().ok()?,
    })
}
