//! One shard's records, from its own queue on the shared consumer.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use futures::{FutureExt, StreamExt};
use rapport_engine::ports::log::{LogError, LogRecord, ShardFeed};
use rdkafka::TopicPartitionList;
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::consumer::stream_consumer::{StreamConsumer, StreamPartitionQueue};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::message::BorrowedMessage;
use rdkafka::topic_partition_list::Offset;
use tracing::debug;

use crate::ask::{ask, refusal};
use crate::connection::{Connection, Link};
use crate::record::log_record;

/// How many messages are taken from librdkafka at a time: one by one costs a multiple.
pub(crate) const CHUNK: usize = 1000;

/// The shards a process has open.
pub(crate) type OpenShards = Arc<Mutex<BTreeSet<u32>>>;

pub(crate) struct Feed {
    shard: u32,
    topic: String,
    queue: StreamPartitionQueue<Link>,
    consumer: Arc<StreamConsumer<Link>>,
    // Never held across an await; a mutex because `caught_up` looks into the queue as well.
    state: Mutex<State>,
    // Last: the shard is free again only when its queue is gone.
    _claim: Claim,
}

struct State {
    next: i64,
    ready: VecDeque<LogRecord>,
    at_end: bool,
    failed: Option<LogError>,
}

impl Feed {
    /// Starts reading a shard's partition at `offset`, which must be inside the log.
    pub fn start(
        consumer: &Arc<StreamConsumer<Link>>,
        topic: &str,
        shard: u32,
        offset: i64,
        open: &OpenShards,
    ) -> Result<Self, LogError> {
        let partition = partition_of(shard)?;
        let claim = Claim::new(open, shard)?;
        // Split before assigning: then no record of this partition ever reaches the common queue.
        let queue = consumer
            .split_partition_queue(topic, partition)
            .ok_or_else(|| LogError::Refused(format!("no queue for shard {shard}")))?;
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(topic, partition, Offset::Offset(offset))
            .and_then(|()| consumer.incremental_assign(&list))
            .map_err(|error| refusal("opening a shard", &error))?;
        let state = State { next: offset, ready: VecDeque::new(), at_end: false, failed: None };
        let consumer = consumer.clone();
        Ok(Self { shard, topic: topic.to_owned(), queue, consumer, state: Mutex::new(state), _claim: claim })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, state: &mut State, items: Vec<KafkaResult<BorrowedMessage<'_>>>) {
        for item in items {
            match item {
                Ok(message) => {
                    let record = log_record(&message);
                    // Left over from before the partition was given up and taken again.
                    if record.offset < state.next {
                        continue;
                    }
                    state.next = record.offset + 1;
                    state.at_end = false;
                    state.ready.push_back(record);
                }
                Err(KafkaError::PartitionEOF(_)) => state.at_end = true,
                Err(error) if error.rdkafka_error_code() == Some(RDKafkaErrorCode::AutoOffsetReset) => {
                    state.failed = Some(LogError::OutOfRange { shard: self.shard, offset: state.next });
                }
                Err(KafkaError::MessageConsumptionFatal(code)) => {
                    state.failed = Some(LogError::Refused(format!("reading shard {}: {code}", self.shard)));
                }
                // librdkafka goes on by itself; the consumer's context has noted an unreachable cluster.
                Err(error) => debug!(shard = self.shard, %error, "reading a shard"),
            }
        }
        if !state.ready.is_empty() {
            self.consumer.context().answered();
        }
    }

    /// Takes what has arrived, without waiting; false when there was nothing.
    fn peek(&self, state: &mut State) -> bool {
        match self.queue.stream().ready_chunks(CHUNK).next().now_or_never().flatten() {
            Some(items) => {
                self.take(state, items);
                true
            }
            None => false,
        }
    }
}

#[async_trait]
impl ShardFeed for Feed {
    async fn next(&mut self, max: usize) -> Result<Vec<LogRecord>, LogError> {
        loop {
            {
                let mut state = self.lock();
                while state.ready.len() < max && state.failed.is_none() && self.peek(&mut state) {}
                if !state.ready.is_empty() {
                    let count = max.max(1).min(state.ready.len());
                    return Ok(state.ready.drain(..count).collect());
                }
                if let Some(error) = &state.failed {
                    return Err(error.clone());
                }
            }
            // Cancelled here, nothing is lost: a chunk holds no message while it waits.
            let Some(items) = self.queue.stream().ready_chunks(CHUNK).next().await else {
                return Err(LogError::Closed);
            };
            self.take(&mut self.lock(), items);
        }
    }

    fn caught_up(&self) -> bool {
        let mut state = self.lock();
        if state.ready.is_empty() && state.failed.is_none() {
            self.peek(&mut state);
        }
        state.ready.is_empty() && state.at_end
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        let mut list = TopicPartitionList::new();
        if let Ok(partition) = partition_of(self.shard) {
            list.add_partition(&self.topic, partition);
        }
        if let Err(error) = self.consumer.incremental_unassign(&list) {
            debug!(shard = self.shard, %error, "giving up a shard's partition");
        }
    }
}

/// One record, by a consumer of its own: the shard's feed goes on undisturbed.
pub(crate) async fn read_one(
    connection: &Connection,
    config: &rdkafka::ClientConfig,
    topic: &str,
    shard: u32,
    offset: i64,
) -> Result<LogRecord, LogError> {
    let partition = partition_of(shard)?;
    let (link, config, topic) = (connection.link(), config.clone(), topic.to_owned());
    ask(connection, "reading one record again", move |longest| {
        let consumer: BaseConsumer<Link> = BaseConsumer::from_config_and_context(&config, link.clone())?;
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(&topic, partition, Offset::Offset(offset))?;
        consumer.assign(&list)?;
        let message =
            consumer.poll(longest).ok_or(KafkaError::MessageConsumption(RDKafkaErrorCode::OperationTimedOut))??;
        Ok(log_record(&message))
    })
    .await
    .and_then(|record| {
        let right = record.offset == offset;
        right.then_some(record).ok_or(LogError::OutOfRange { shard, offset })
    })
}

pub(crate) fn partition_of(shard: u32) -> Result<i32, LogError> {
    i32::try_from(shard).map_err(|_| LogError::Refused(format!("there is no shard {shard}")))
}

/// Keeps a second feed of a shard from being opened.
struct Claim {
    open: OpenShards,
    shard: u32,
}

impl Claim {
    fn new(open: &OpenShards, shard: u32) -> Result<Self, LogError> {
        if !open.lock().unwrap_or_else(PoisonError::into_inner).insert(shard) {
            return Err(LogError::Refused(format!("shard {shard} is already open in this process")));
        }
        Ok(Self { open: open.clone(), shard })
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.shard);
    }
}
