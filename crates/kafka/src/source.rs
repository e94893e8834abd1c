//! The upstream topics as sources: by a consumer group (live), or all partitions merged by time (replay).

mod group;
mod replay;

use std::collections::BTreeSet;
use std::time::Duration;

use rapport_engine::ports::log::LogError;
use rdkafka::TopicPartitionList;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{CommitMode, Consumer};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::topic_partition_list::Offset;

use crate::connection::Connection;

pub use group::GroupSource;
pub use replay::{RecordTime, ReplaySource};

/// Which topics, for which group.
#[derive(Debug, Clone)]
pub struct SourceSettings {
    /// The topics, in the order that decides between records of the same time (replay).
    pub topics: Vec<String>,
    /// The group that keeps the offsets.
    pub group: String,
    /// This member's name if it keeps one over restarts: it gets its partitions back at once, without the group waiting
    /// for the dead member to be missed. Each process needs another one.
    pub instance: Option<String>,
    /// Partitions of which records were taken before. They must have a committed offset: where there is none, the topic was made
    /// anew or the group's offsets ran out, and to begin again would look like reading what is known.
    pub known: BTreeSet<(String, i32)>,
}

fn config(connection: &Connection, settings: &SourceSettings, fetch_wait: Duration) -> ClientConfig {
    let wait = fetch_wait.as_millis().to_string();
    let mut config = connection.config(&[
        ("group.id", &settings.group),
        ("enable.auto.commit", "false"),
        ("enable.auto.offset.store", "false"),
        // Where to begin is decided here, per partition: at the committed offset, or at the beginning if there is none.
        ("auto.offset.reset", "error"),
        ("enable.partition.eof", "true"),
        ("partition.assignment.strategy", "range"),
        ("session.timeout.ms", "10000"),
        ("fetch.queue.backoff.ms", "20"),
        ("queued.max.messages.kbytes", "16384"),
        ("fetch.wait.max.ms", &wait),
        ("fetch.error.backoff.ms", "100"),
        ("topic.metadata.refresh.interval.ms", "30000"),
        ("allow.auto.create.topics", "false"),
    ]);
    if let Some(instance) = &settings.instance
        && !connection.properties.contains_key("group.instance.id")
    {
        config.set("group.instance.id", instance);
    }
    config
}

/// The same list, each partition at its committed offset, or at its beginning where nothing was committed.
fn starts<C: Consumer<X>, X: rdkafka::consumer::ConsumerContext>(
    consumer: &C,
    partitions: &TopicPartitionList,
    longest: Duration,
) -> KafkaResult<TopicPartitionList> {
    let committed = consumer.committed_offsets(partitions.clone(), longest)?;
    let mut starts = TopicPartitionList::with_capacity(partitions.count());
    for element in committed.elements() {
        element.error()?;
        let start = match element.offset() {
            Offset::Offset(next) => Offset::Offset(next),
            _ => Offset::Beginning,
        };
        starts.add_partition_offset(element.topic(), element.partition(), start)?;
    }
    Ok(starts)
}

/// A partition that would begin at its beginning although records of it were taken before.
fn lost(starts: &TopicPartitionList, known: &BTreeSet<(String, i32)>) -> Option<LogError> {
    let anew = |element: &rdkafka::topic_partition_list::TopicPartitionListElem<'_>| {
        element.offset() == Offset::Beginning && known.contains(&(element.topic().to_owned(), element.partition()))
    };
    let elements = starts.elements();
    let element = elements.iter().find(|element| anew(element))?;
    Some(LogError::Refused(format!(
        "records of topic {}, partition {} were taken before, but the group has no offset of it: the topic was made anew, or \
         the offsets ran out. Raise `incarnation` in the configuration for a new topic; else set the group's offset by hand \
         (kafka-consumer-groups --reset-offsets): what is read again is recognised",
        element.topic(),
        element.partition()
    )))
}

/// Commits one partition's offset. A member that has just lost its place commits nothing (`false`), and need not: whoever has the
/// partition now reads from the older offset, and what comes twice is dropped by its position.
fn commit<C: Consumer<X>, X: rdkafka::consumer::ConsumerContext>(
    consumer: &C,
    topic: &str,
    partition: i32,
    next: i64,
) -> KafkaResult<bool> {
    use RDKafkaErrorCode as Code;
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(topic, partition, Offset::Offset(next))?;
    match consumer.commit(&list, CommitMode::Sync) {
        Err(KafkaError::ConsumerCommit(
            Code::IllegalGeneration | Code::UnknownMemberId | Code::RebalanceInProgress | Code::AssignmentLost,
        )) => {
            tracing::debug!(topic, partition, next, "offset not committed: the group is assigning anew");
            Ok(false)
        }
        done => done.map(|()| true),
    }
}

fn outside(place: &str) -> LogError {
    LogError::Refused(format!(
        "{place} is not in the topic: retention has passed it by, or the topic was made anew; set the group's offset by \
         hand, or raise the source's `incarnation` in the configuration"
    ))
}
