//! Live: a member of a consumer group, any number of them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use futures::StreamExt;
use rapport_engine::ports::log::{LogError, Source, SourceRecord};
use rdkafka::client::ClientContext;
use rdkafka::config::{FromClientConfigAndContext, RDKafkaLogLevel};
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext, StreamConsumer};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::message::BorrowedMessage;
use rdkafka::types::RDKafkaRespErr;
use rdkafka::{Message, Offset, TopicPartitionList};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tracing::{debug, info};

use super::{SourceSettings, commit, config, lost, outside, starts};
use crate::ask::{ask, refusal};
use crate::connection::{Connection, Link};
use crate::feed::CHUNK;
use crate::record::source_record;

const FETCH_WAIT: Duration = Duration::from_millis(100);
const IN_REBALANCE: Duration = Duration::from_secs(5);

/// The partitions the group gives this member, in the order they come.
pub struct GroupSource {
    connection: Connection,
    settings: SourceSettings,
    consumer: Arc<StreamConsumer<Member>>,
    end_met: Arc<Notify>,
    ends: JoinHandle<()>,
}

impl GroupSource {
    /// Joins the group; the first records come when it has assigned partitions.
    ///
    /// # Errors
    /// `Refused` when a property or a topic's name is bad. A topic that does not exist yet is waited for.
    pub fn subscribe(connection: &Connection, settings: &SourceSettings) -> Result<Self, LogError> {
        let member = Member {
            link: connection.link(),
            failure: Notify::new(),
            assigned: Arc::new(Mutex::new(Assigned { known: settings.known.clone(), ..Assigned::default() })),
        };
        let consumer: StreamConsumer<Member> =
            StreamConsumer::from_config_and_context(&config(connection, settings, FETCH_WAIT), member)
                .map_err(|error| refusal("making a consumer", &error))?;
        let topics: Vec<&str> = settings.topics.iter().map(String::as_str).collect();
        consumer.subscribe(&topics).map_err(|error| refusal("subscribing", &error))?;
        let consumer = Arc::new(consumer);
        let end_met = Arc::new(Notify::new());
        let ends = tokio::spawn(keep_ends(connection.clone(), consumer.clone(), end_met.clone()));
        Ok(Self { connection: connection.clone(), settings: settings.clone(), consumer, end_met, ends })
    }

    fn lock(&self) -> MutexGuard<'_, Assigned> {
        lock(&self.consumer.context().assigned)
    }

    fn has(&self, topic: &str, partition: i32) -> bool {
        self.lock().places.contains_key(&(topic.to_owned(), partition))
    }

    /// What keeps the member from reading. What may pass is over for the next call: another member takes its place in the group, and
    /// asks again where to read.
    fn failed(&mut self) -> Result<(), LogError> {
        let failed = self.lock().failed.clone();
        let Some(failed) = failed else { return Ok(()) };
        if matches!(failed, LogError::Unreachable(_)) {
            let (connection, known) = (self.connection.clone(), self.lock().known.clone());
            *self = Self::subscribe(&connection, &SourceSettings { known, ..self.settings.clone() })?;
        }
        Err(failed)
    }

    /// Sorts a chunk into records; true when a partition's end was met.
    fn take(&self, items: Vec<KafkaResult<BorrowedMessage<'_>>>, records: &mut Vec<SourceRecord>) -> bool {
        let mut end = false;
        let mut assigned = self.lock();
        for item in items {
            match item {
                Ok(message) => {
                    if let Some(place) = assigned.places.get_mut(&(message.topic().to_owned(), message.partition())) {
                        place.next = Some(message.offset() + 1);
                    }
                    records.push(source_record(&message));
                }
                Err(KafkaError::PartitionEOF(_)) => end = true,
                Err(KafkaError::MessageConsumptionFatal(code)) => {
                    assigned.failed = Some(LogError::Refused(format!("reading the sources: {code}")));
                }
                Err(error) if error.rdkafka_error_code() == Some(RDKafkaErrorCode::AutoOffsetReset) => {
                    // Which partition it is, librdkafka does not say here.
                    let topics: BTreeSet<&str> = assigned.places.keys().map(|(topic, _)| topic.as_str()).collect();
                    let topics: Vec<&str> = topics.into_iter().collect();
                    assigned.failed = Some(outside(&format!("a committed offset of topic {}", topics.join(" or "))));
                }
                Err(error) => debug!(%error, "reading the sources"),
            }
        }
        if !records.is_empty() {
            self.consumer.context().link.answered();
        }
        end
    }
}

#[async_trait]
impl Source for GroupSource {
    async fn next(&mut self, max: usize) -> Result<Vec<SourceRecord>, LogError> {
        let mut records = Vec::new();
        loop {
            self.failed()?;
            let chunk = max.clamp(1, CHUNK);
            let items = tokio::select! {
                items = async { self.consumer.stream().ready_chunks(chunk).next().await } => items,
                () = self.consumer.context().failure.notified() => continue,
            };
            let Some(items) = items else { return Err(LogError::Closed) };
            if self.take(items, &mut records) {
                self.end_met.notify_one();
            }
            if !records.is_empty() {
                return Ok(records);
            }
        }
    }

    async fn reachable(&mut self) -> Result<(), LogError> {
        let consumer = self.consumer.clone();
        // Of all topics: asked for by its name, a broker may make it.
        ask(&self.connection, "asking whether the broker answers", move |longest| {
            consumer.fetch_metadata(None, longest).map(|_| ())
        })
        .await
    }

    async fn commit(&mut self, topic: &str, partition: i32, next_offset: i64) -> Result<bool, LogError> {
        if !self.has(topic, partition) {
            debug!(topic, partition, "offset not committed: the partition was given up");
            return Ok(false);
        }
        let (consumer, asked) = (self.consumer.clone(), topic.to_owned());
        let noted = ask(&self.connection, "committing a source offset", move |_| {
            commit(consumer.as_ref(), &asked, partition, next_offset)
        })
        .await?;
        if noted {
            // From here on an offset must be there, also for this very process.
            self.lock().known.insert((topic.to_owned(), partition));
        }
        Ok(noted)
    }

    async fn pause(&mut self, topic: &str, partition: i32) -> Result<(), LogError> {
        if !self.has(topic, partition) {
            return Ok(());
        }
        self.consumer.pause(&one(topic, partition)).map_err(|error| refusal("pausing a partition", &error))
    }

    async fn resume(&mut self, topic: &str, partition: i32, offset: i64) -> Result<(), LogError> {
        if !self.has(topic, partition) {
            return Ok(());
        }
        let (consumer, topic) = (self.consumer.clone(), topic.to_owned());
        ask(&self.connection, "going on with a partition", move |longest| {
            consumer.seek(&topic, partition, Offset::Offset(offset), longest)?;
            consumer.resume(&one(&topic, partition))
        })
        .await
    }

    fn reads(&self, topic: &str, partition: i32) -> bool {
        self.has(topic, partition)
    }

    /// As of the last time a partition's end was met. Where upstream writes in transactions it may stay false, because
    /// a transaction's marker is an offset without a record.
    fn ended(&self) -> bool {
        let assigned = self.lock();
        !assigned.places.is_empty() && assigned.places.values().all(Place::at_end)
    }
}

impl Drop for GroupSource {
    fn drop(&mut self) {
        self.ends.abort();
    }
}

fn one(topic: &str, partition: i32) -> TopicPartitionList {
    let mut list = TopicPartitionList::with_capacity(1);
    list.add_partition(topic, partition);
    list
}

/// Asks for the present ends whenever an end is met: librdkafka's end marks do not say which topic they are of. Beside
/// the reading, so that neither waits for the other.
async fn keep_ends(connection: Connection, consumer: Arc<StreamConsumer<Member>>, end_met: Arc<Notify>) {
    loop {
        end_met.notified().await;
        let partitions: Vec<(String, i32)> = lock(&consumer.context().assigned).places.keys().cloned().collect();
        let asked = consumer.clone();
        let ends = ask(&connection, "asking for the sources' ends", move |longest| {
            let edges = |name: &(String, i32)| Ok((name.clone(), asked.fetch_watermarks(&name.0, name.1, longest)?));
            partitions.iter().map(edges).collect::<KafkaResult<Vec<_>>>()
        })
        .await;
        match ends {
            Ok(ends) => {
                let mut assigned = lock(&consumer.context().assigned);
                for (name, edges) in ends {
                    if let Some(place) = assigned.places.get_mut(&name) {
                        place.edges = Some(edges);
                    }
                }
            }
            Err(LogError::Closed) => return,
            // Asked again: an end that is not known keeps `ended` false.
            Err(error) => {
                debug!(%error, "the sources' ends are not known");
                end_met.notify_one();
            }
        }
    }
}

/// The context of a member: begins each partition where it must, and keeps what is assigned.
struct Member {
    link: Link,
    /// Told when reading failed: nothing will come that would wake the reader.
    failure: Notify,
    assigned: Arc<Mutex<Assigned>>,
}

#[derive(Default)]
struct Assigned {
    places: BTreeMap<(String, i32), Place>,
    /// Partitions that must have a committed offset.
    known: BTreeSet<(String, i32)>,
    failed: Option<LogError>,
}

#[derive(Default)]
struct Place {
    /// Where reading began or has come to; none while that is the beginning of the partition.
    next: Option<i64>,
    edges: Option<(i64, i64)>,
}

impl Place {
    fn at_end(&self) -> bool {
        self.edges.is_some_and(|(first, end)| self.next.unwrap_or(first) >= end)
    }
}

fn lock(assigned: &Mutex<Assigned>) -> MutexGuard<'_, Assigned> {
    assigned.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Member {
    fn fail(&self, error: LogError) {
        lock(&self.assigned).failed = Some(error);
        self.failure.notify_one();
    }

    fn assign(&self, consumer: &BaseConsumer<Self>, list: &TopicPartitionList) -> KafkaResult<()> {
        let starts = starts(consumer, list, IN_REBALANCE)?;
        let lost = lost(&starts, &lock(&self.assigned).known);
        if let Some(lost) = lost {
            self.fail(lost);
            return consumer.unassign();
        }
        consumer.assign(&starts)?;
        // librdkafka remembers that a partition was paused here before it was given away.
        consumer.resume(&starts)?;
        let mut assigned = lock(&self.assigned);
        assigned.places = starts
            .elements()
            .iter()
            .map(|element| {
                let next = element.offset().to_raw().filter(|offset| *offset >= 0);
                ((element.topic().to_owned(), element.partition()), Place { next, edges: None })
            })
            .collect();
        info!(partitions = assigned.places.len(), "source partitions assigned");
        Ok(())
    }
}

impl ClientContext for Member {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.link.log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.link.error(error, reason);
    }
}

impl ConsumerContext for Member {
    fn rebalance(&self, consumer: &BaseConsumer<Self>, event: RDKafkaRespErr, list: &mut TopicPartitionList) {
        let done = if event == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS {
            self.assign(consumer, list)
        } else {
            lock(&self.assigned).places.clear();
            consumer.unassign()
        };
        if let Err(error) = done {
            // Without its starting points the member must not read; the reader makes another one if that may help.
            let _ = consumer.unassign();
            self.fail(refusal("taking source partitions", &error));
        }
    }
}
