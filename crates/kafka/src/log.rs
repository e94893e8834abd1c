//! The event log on Kafka: `rapport.events`, one partition a shard.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::StreamExt;
use rapport_engine::ports::log::{EventLog, LogError, LogIdentity, LogRecord, NewRecord, Progress, ShardFeed};
use rdkafka::TopicPartitionList;
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::consumer::{Consumer, StreamConsumer};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::topic_partition_list::Offset;
use tokio::task::JoinHandle;
use tracing::{debug, info};

use crate::ask::{ask, refusal};
use crate::connection::{Connection, Link};
use crate::feed::{Feed, OpenShards, partition_of, read_one};
use crate::publisher::{Outgoing, Publisher};
use crate::record::log_headers;
use crate::report::Reports;
use crate::topic::{self, Topic};

/// Which topic, and how it is made where there is none.
#[derive(Debug, Clone)]
pub struct LogSettings {
    /// The topic; the next generation has another name.
    pub topic: String,
    /// Partitions it must have.
    pub shards: u32,
    /// The group whose offsets lag tools look at.
    pub group: String,
    /// How long records are kept; for ever when not given.
    pub retention: Option<Duration>,
    /// Replicas of each partition; the cluster's default when not given.
    pub replication: Option<u32>,
    /// The topic was there before: one that is gone is told, not made anew, for what was in it is lost.
    pub must_exist: bool,
    /// How long a broker may hold back an answer when there is nothing new: the delay after which `caught_up` is known.
    pub fetch_wait: Duration,
}

impl Default for LogSettings {
    fn default() -> Self {
        Self {
            topic: "rapport.events".to_owned(),
            shards: 64,
            group: "rapport-engine".to_owned(),
            retention: None,
            replication: None,
            must_exist: false,
            fetch_wait: Duration::from_millis(20),
        }
    }
}

/// The log. Cheap to share behind an `Arc`; dropping it ends its clients.
pub struct KafkaLog {
    connection: Connection,
    settings: LogSettings,
    consumer: Arc<StreamConsumer<Link>>,
    publisher: Publisher,
    open: OpenShards,
    reports: Arc<Reports>,
    background: Vec<JoinHandle<()>>,
}

impl KafkaLog {
    /// Connects, makes the topic where there is none, and checks one that is there.
    ///
    /// # Errors
    /// `Unreachable` after the connection's patience. `Refused` when the topic has another number of partitions, is
    /// compacted, or keeps the writers' time in place of its own.
    pub async fn connect(connection: &Connection, settings: LogSettings) -> Result<Self, LogError> {
        ensure_topic(connection, &settings).await?;
        let consumer: StreamConsumer<Link> =
            StreamConsumer::from_config_and_context(&consumer_config(connection, &settings), connection.link())
                .map_err(|error| refusal("making a consumer", &error))?;
        let consumer = Arc::new(consumer);
        let reports = Arc::new(Reports::new(connection.clone(), settings.topic.clone(), consumer.clone()));
        let background =
            vec![tokio::spawn(serve(consumer.clone())), tokio::spawn(Reports::keep_flushing(Arc::downgrade(&reports)))];
        let log = Self {
            publisher: Publisher::new(connection)?,
            connection: connection.clone(),
            settings,
            consumer,
            open: OpenShards::default(),
            reports,
            background,
        };
        let identity = log.describe().await?;
        if identity.shards != log.settings.shards {
            return Err(LogError::Refused(format!(
                "topic {} has {} partitions, but `shards` is {}; its partitions are fixed once events exist; set `shards` back",
                identity.topic, identity.shards, log.settings.shards
            )));
        }
        Ok(log)
    }

    /// Tells Kafka what was reported in the last second: for an orderly end.
    ///
    /// # Errors
    /// `Unreachable` after the connection's patience; nothing but lag tools is the poorer.
    pub async fn flush_reports(&self) -> Result<(), LogError> {
        self.reports.flush().await
    }

    /// The producer of this log, for other topics (`rapport.signals`): one producer a process.
    pub fn publisher(&self) -> &Publisher {
        &self.publisher
    }

    async fn edges(&self, shard: u32) -> Result<(i64, i64), LogError> {
        let (consumer, topic, partition) = (self.consumer.clone(), self.settings.topic.clone(), partition_of(shard)?);
        ask(&self.connection, "asking for a shard's first and last offset", move |longest| {
            consumer.fetch_watermarks(&topic, partition, longest)
        })
        .await
    }
}

#[async_trait]
impl EventLog for KafkaLog {
    async fn append(&self, records: Vec<NewRecord>) -> Result<(), LogError> {
        let outgoing = |record: NewRecord| {
            Ok(Outgoing {
                topic: self.settings.topic.clone(),
                partition: Some(partition_of(record.shard)?),
                headers: log_headers(record.position, record.stamp),
                timestamp: None,
                key: Some(record.key),
                value: Some(record.value),
            })
        };
        let records: Vec<Outgoing> = records.into_iter().map(outgoing).collect::<Result<_, LogError>>()?;
        self.publisher.publish(&records).await
    }

    async fn open(&self, shard: u32, offset: i64) -> Result<Box<dyn ShardFeed>, LogError> {
        let (first, end) = self.edges(shard).await?;
        if offset < first || offset > end {
            return Err(LogError::OutOfRange { shard, offset });
        }
        let feed = Feed::start(&self.consumer, &self.settings.topic, shard, offset, &self.open)?;
        debug!(shard, offset, end, "shard opened");
        Ok(Box::new(feed))
    }

    async fn begin(&self, shard: u32) -> Result<i64, LogError> {
        Ok(self.edges(shard).await?.0)
    }

    async fn ends(&self, shards: &[u32]) -> Result<Vec<i64>, LogError> {
        let partitions: Vec<i32> = shards.iter().map(|shard| partition_of(*shard)).collect::<Result<_, _>>()?;
        let (consumer, topic) = (self.consumer.clone(), self.settings.topic.clone());
        ask(&self.connection, "asking for the log's ends", move |longest| {
            ends(consumer.as_ref(), &topic, &partitions, longest)
        })
        .await
    }

    async fn describe(&self) -> Result<LogIdentity, LogError> {
        let (consumer, topic) = (self.consumer.clone(), self.settings.topic.clone());
        let found = ask(&self.connection, "asking for the cluster's identity", move |longest| {
            let metadata = consumer.fetch_metadata(Some(&topic), longest)?;
            let found = metadata.topics().iter().find(|found| found.name() == topic);
            let partitions = found.map_or(0, |found| found.partitions().len());
            if partitions == 0 {
                // A moment after it was made not every broker knows it: asked again.
                return Err(KafkaError::MetadataFetch(RDKafkaErrorCode::UnknownTopicOrPartition));
            }
            // None until the first answer has come, and it has.
            Ok((consumer.client().fetch_cluster_id(longest), partitions))
        })
        .await?;
        let (cluster, partitions) = found;
        Ok(LogIdentity {
            cluster: cluster.ok_or_else(|| LogError::Unreachable("the cluster has not told its id".to_owned()))?,
            topic: self.settings.topic.clone(),
            shards: u32::try_from(partitions).unwrap_or(u32::MAX),
        })
    }

    async fn read(&self, shard: u32, offset: i64) -> Result<LogRecord, LogError> {
        let (first, end) = self.edges(shard).await?;
        if offset < first || offset >= end {
            return Err(LogError::OutOfRange { shard, offset });
        }
        read_one(
            &self.connection,
            &consumer_config(&self.connection, &self.settings),
            &self.settings.topic,
            shard,
            offset,
        )
        .await
    }

    async fn report(&self, shard: u32, progress: Progress) -> Result<(), LogError> {
        self.reports.note(shard, progress)
    }

    async fn reported(&self, shards: &[u32]) -> Result<Vec<Option<Progress>>, LogError> {
        self.reports.read(shards).await
    }
}

impl Drop for KafkaLog {
    fn drop(&mut self) {
        for task in &self.background {
            task.abort();
        }
    }
}

/// The offset one past the last record of each partition, in one request: Kafka's "latest" is the time -1.
pub(crate) fn ends<C: Consumer<Link>>(
    consumer: &C,
    topic: &str,
    partitions: &[i32],
    longest: Duration,
) -> KafkaResult<Vec<i64>> {
    if partitions.is_empty() {
        return Ok(Vec::new());
    }
    let mut asked = TopicPartitionList::with_capacity(partitions.len());
    for partition in partitions {
        asked.add_partition_offset(topic, *partition, Offset::End)?;
    }
    let found = consumer.offsets_for_times(asked, longest)?;
    let mut ends = Vec::with_capacity(partitions.len());
    for partition in partitions {
        let known = match found.find_partition(topic, *partition) {
            Some(element) => {
                element.error()?;
                element.offset()
            }
            None => Offset::Invalid,
        };
        ends.push(match known {
            Offset::Offset(end) => end,
            _ => consumer.fetch_watermarks(topic, *partition, longest)?.1,
        });
    }
    Ok(ends)
}

fn consumer_config(connection: &Connection, settings: &LogSettings) -> rdkafka::ClientConfig {
    // 64 MiB in all, shared among the partitions: each has its own queue.
    let kbytes = (65_536 / settings.shards.max(1)).max(1024).to_string();
    let wait = settings.fetch_wait.as_millis().to_string();
    connection.config(&[
        ("group.id", &settings.group),
        ("enable.auto.commit", "false"),
        ("enable.auto.offset.store", "false"),
        ("auto.offset.reset", "error"),
        ("enable.partition.eof", "true"),
        // A full queue is looked at again after this; the default of 1000 costs a multiple in throughput.
        ("fetch.queue.backoff.ms", "20"),
        ("queued.max.messages.kbytes", &kbytes),
        ("fetch.wait.max.ms", &wait),
        ("fetch.error.backoff.ms", "100"),
        // Partitions are assigned by hand: no group decides whether this process is alive.
        ("max.poll.interval.ms", "86400000"),
        ("allow.auto.create.topics", "false"),
    ])
}

/// Serves the consumer's common queue: errors of the whole client arrive there.
async fn serve(consumer: Arc<StreamConsumer<Link>>) {
    let mut events = consumer.stream();
    while let Some(event) = events.next().await {
        match event {
            Ok(_) => debug!("a record outside the shards that are open"),
            Err(error) => debug!(%error, "kafka consumer"),
        }
    }
}

async fn ensure_topic(connection: &Connection, settings: &LogSettings) -> Result<(), LogError> {
    let retention = settings.retention.map_or_else(|| "-1".to_owned(), |kept| kept.as_millis().to_string());
    let wanted = [
        // The arrival stamp is the broker's; a writer's clock decides nothing.
        ("message.timestamp.type", "LogAppendTime"),
        ("cleanup.policy", "delete"),
        ("compression.type", "zstd"),
        ("retention.ms", &retention),
    ];
    let topic = Topic {
        name: settings.topic.clone(),
        partitions: settings.shards,
        replication: settings.replication,
        settings: wanted.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
    };
    if settings.must_exist {
        topic::find(connection, &topic.name).await?;
    } else if topic::create(connection, &topic).await? {
        info!(topic = topic.name, partitions = topic.partitions, "topic made");
        return Ok(());
    }
    let found = topic::settings(connection, &topic.name).await?;
    check_settings(&topic.name, &wanted[..2], &found)?;
    check_retention(&topic.name, settings.retention, &found)
}

/// A topic that forgets sooner than `history` would leave nothing to rebuild from; one that keeps longer does no harm. Where no
/// retention is wanted, what the topic has is somebody else's choice.
fn check_retention(topic: &str, wanted: Option<Duration>, found: &BTreeMap<String, String>) -> Result<(), LogError> {
    let kept: i64 = found.get("retention.ms").and_then(|value| value.parse().ok()).unwrap_or(-1);
    let Some(wanted) = wanted.filter(|wanted| kept >= 0 && i128::from(kept) < wanted.as_millis() as i128) else {
        return Ok(());
    };
    let needed = wanted.as_millis();
    Err(LogError::Refused(format!(
        "topic {topic} keeps records for {kept} ms, but `history` needs {needed}: set its retention.ms \
         (kafka-configs --alter --topic {topic} --add-config retention.ms={needed})"
    )))
}

fn check_settings(topic: &str, wanted: &[(&str, &str)], found: &BTreeMap<String, String>) -> Result<(), LogError> {
    for (name, value) in wanted {
        if let Some(other) = found.get(*name).filter(|other| other.as_str() != *value) {
            return Err(LogError::Refused(format!("topic {topic} has {name}={other}, but needs {name}={value}")));
        }
    }
    Ok(())
}
