//! The limit: reading the topic in chunks and parsing every record, and nothing else.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use futures::StreamExt as _;
use rapport_event::decode_record;
use rdkafka::consumer::{Consumer as _, StreamConsumer};
use rdkafka::topic_partition_list::Offset;
use rdkafka::{ClientConfig, Message as _, TopicPartitionList};

/// What the engine's own consumer takes at a time.
const CHUNK: usize = 1000;
/// With nothing new for this long, records are missing.
const STUCK: Duration = Duration::from_secs(60);

/// Reads `records` records of all partitions; returns the time it took.
pub async fn run(kafka: &str, topic: &str, partitions: u32, records: u64) -> Result<Duration> {
    let consumer: StreamConsumer = ClientConfig::new()
        .set("bootstrap.servers", kafka)
        .set("group.id", "bench-consume-and-parse")
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("auto.offset.reset", "error")
        .set("fetch.queue.backoff.ms", "20")
        .set("queued.max.messages.kbytes", "65536")
        .create()?;
    let mut list = TopicPartitionList::new();
    for partition in 0..partitions {
        list.add_partition_offset(topic, i32::try_from(partition)?, Offset::Beginning)?;
    }
    let started = Instant::now();
    consumer.assign(&list)?;
    let mut stream = consumer.stream().ready_chunks(CHUNK);
    let mut read = 0;
    while read < records {
        let Ok(Some(messages)) = tokio::time::timeout(STUCK, stream.next()).await else {
            bail!("{read} of {records} records, and no more come");
        };
        for message in messages {
            let message = message?;
            if let Err(rejection) = decode_record(message.payload().unwrap_or_default()) {
                bail!("a record of the bench cannot be read: {rejection}");
            }
            read += 1;
        }
    }
    Ok(started.elapsed())
}
