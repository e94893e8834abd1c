//! Appends with an idempotent producer, and waits for the acknowledgement of all replicas.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use rapport_engine::ports::log::LogError;
use rdkafka::client::ClientContext;
use rdkafka::config::{FromClientConfigAndContext, RDKafkaLogLevel};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseRecord, DeliveryResult, Producer, ProducerContext, PurgeConfig, ThreadedProducer};
use tokio::sync::Notify;
use tracing::info;

use crate::ask::refusal;
use crate::connection::{Connection, Link};

const SETTINGS: [(&str, &str); 9] = [
    ("enable.idempotence", "true"),
    ("acks", "all"),
    // A failed record ends the series: nothing behind it may be written, or a shard's position would hide the gap.
    ("enable.gapless.guarantee", "true"),
    // Never given up by time: an unreachable broker is waited for.
    ("message.timeout.ms", "0"),
    // The topic's own codec, so that the broker stores batches as they come.
    ("compression.type", "zstd"),
    ("linger.ms", "2"),
    ("batch.num.messages", "10000"),
    ("queue.buffering.max.messages", "200000"),
    ("queue.buffering.max.kbytes", "65536"),
];

/// A record for any topic.
#[derive(Debug, Clone)]
pub struct Outgoing {
    /// The topic.
    pub topic: String,
    /// The partition; by the key's hash when not given.
    pub partition: Option<i32>,
    /// Headers in order.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The creation time, where the topic keeps it; the present when not given.
    pub timestamp: Option<Timestamp>,
    /// The key.
    pub key: Option<Vec<u8>>,
    /// The payload; `None` is a tombstone.
    pub value: Option<Vec<u8>>,
}

/// Appends to any topic. Underneath is an idempotent producer that one failed delivery ends for good: nothing behind a lost
/// record is written by it. The call that met the failure fails, and the next call gets a new producer; the caller begins
/// again with the first record that was not acknowledged.
pub struct Publisher {
    connection: Connection,
    live: Mutex<Arc<Live>>,
}

/// One producer, until its first failure.
struct Live {
    producer: ThreadedProducer<Deliveries>,
    shared: Arc<Shared>,
}

impl Publisher {
    /// Makes the client; does not wait for the cluster.
    ///
    /// # Errors
    /// `Refused` when a property of the connection is unknown.
    pub fn new(connection: &Connection) -> Result<Self, LogError> {
        Ok(Self { live: Mutex::new(Arc::new(Live::new(connection)?)), connection: connection.clone() })
    }

    /// The producer of a whole call: a series is never continued by another producer than the one that began it.
    fn live(&self) -> Result<Arc<Live>, LogError> {
        let mut live = self.live.lock().unwrap_or_else(PoisonError::into_inner);
        if live.shared.broken.load(Ordering::Acquire) {
            info!("a delivery had failed: going on with a new producer");
            *live = Arc::new(Live::new(&self.connection)?);
        }
        Ok(live.clone())
    }

    /// Appends in order (per partition) and returns when all replicas have acknowledged every record.
    ///
    /// # Errors
    /// `TooLarge`: a record is larger than its topic takes. `Refused`: a record was not accepted. `Closed`: another call's
    /// delivery failed meanwhile. Each time some of the records may be in their topics, and the next call starts afresh.
    /// Dropping the future gives up waiting, not the records.
    pub async fn publish(&self, records: &[Outgoing]) -> Result<(), LogError> {
        if records.is_empty() {
            return Ok(());
        }
        self.live()?.publish(records).await
    }
}

impl Live {
    fn new(connection: &Connection) -> Result<Self, LogError> {
        let shared = Arc::new(Shared { broken: AtomicBool::new(false), progress: Notify::new() });
        let context = Deliveries { link: connection.link(), shared: shared.clone() };
        let producer = ThreadedProducer::from_config_and_context(&connection.config(&SETTINGS), context)
            .map_err(|error| refusal("making a producer", &error))?;
        Ok(Self { producer, shared })
    }

    async fn publish(&self, records: &[Outgoing]) -> Result<(), LogError> {
        let batch = Arc::new(Batch::new(records.len()));
        for record in records {
            self.enqueue(record, &batch).await?;
        }
        batch.done.notified().await;
        let failed = batch.failed.lock().unwrap_or_else(PoisonError::into_inner).take();
        match failed {
            Some(error) => Err(refusal("appending", &error)),
            None => Ok(()),
        }
    }

    async fn enqueue(&self, record: &Outgoing, batch: &Arc<Batch>) -> Result<(), LogError> {
        loop {
            if self.shared.broken.load(Ordering::Acquire) {
                return Err(LogError::Closed);
            }
            // Listening starts before the attempt, so that room made in between is not missed.
            let progress = self.shared.progress.notified();
            tokio::pin!(progress);
            progress.as_mut().enable();
            match self.producer.send(native(record, batch.clone())) {
                Ok(()) => return Ok(()),
                Err((error, _)) if error.rdkafka_error_code() == Some(RDKafkaErrorCode::QueueFull) => progress.await,
                Err((error, _)) => {
                    // A record too large is refused before it is anywhere; whatever else this producer refuses is its end.
                    if error.rdkafka_error_code() != Some(RDKafkaErrorCode::MessageSizeTooLarge) {
                        self.shared.broken.store(true, Ordering::Release);
                    }
                    return Err(refusal("appending", &error));
                }
            }
        }
    }
}

fn native(record: &Outgoing, batch: Arc<Batch>) -> BaseRecord<'_, [u8], [u8], Arc<Batch>> {
    let headers =
        record.headers.iter().fold(OwnedHeaders::new_with_capacity(record.headers.len()), |headers, (key, value)| {
            headers.insert(Header { key, value: Some(value) })
        });
    BaseRecord {
        topic: &record.topic,
        partition: record.partition,
        payload: record.value.as_deref(),
        key: record.key.as_deref(),
        timestamp: record.timestamp.map(Timestamp::as_millisecond),
        headers: (!record.headers.is_empty()).then_some(headers),
        delivery_opaque: batch,
    }
}

/// Records of one call that are not acknowledged yet.
pub(crate) struct Batch {
    left: AtomicUsize,
    failed: Mutex<Option<KafkaError>>,
    done: Notify,
}

impl Batch {
    fn new(records: usize) -> Self {
        Self { left: AtomicUsize::new(records), failed: Mutex::new(None), done: Notify::new() }
    }
}

struct Shared {
    broken: AtomicBool,
    progress: Notify,
}

pub(crate) struct Deliveries {
    link: Link,
    shared: Arc<Shared>,
}

impl ClientContext for Deliveries {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.link.log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.link.error(error, reason);
    }
}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = Arc<Batch>;

    fn delivery(&self, result: &DeliveryResult<'_>, batch: Arc<Batch>) {
        match result {
            Ok(_) => self.link.answered(),
            Err((error, _)) => {
                self.shared.broken.store(true, Ordering::Release);
                let mut failed = batch.failed.lock().unwrap_or_else(PoisonError::into_inner);
                // The cause comes first; what is given up behind it only says so.
                failed.get_or_insert_with(|| error.clone());
            }
        }
        if batch.left.fetch_sub(1, Ordering::AcqRel) == 1 {
            batch.done.notify_one();
        }
        self.shared.progress.notify_waiters();
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        // What nobody waits for any more must not hold up the end of the process.
        self.producer.purge(PurgeConfig::default().queue().inflight());
    }
}
