//! The real Kafka the tests talk to, and topics of their own on it.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use rapport_engine::ports::log::{LogRecord, NewRecord, ShardFeed, Source, SourceRecord};
use rapport_kafka::topic::{self, Topic};
use rapport_kafka::{Connection, KafkaLog, LogSettings, Outgoing};
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;

/// The broker, or a panic that says how to get one.
pub fn connection() -> Connection {
    let brokers = std::env::var("RAPPORT_TEST_KAFKA")
        .expect("RAPPORT_TEST_KAFKA is not set: this test needs a real Kafka; run `cargo xtask test`");
    Connection::new(brokers)
}

/// A name nobody else uses, also not in an earlier run on the same broker.
pub fn fresh(name: &str) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let now = Timestamp::now().as_microsecond();
    format!("{name}-{}-{now}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

pub fn settings(shards: u32) -> LogSettings {
    let topic = fresh("log");
    LogSettings { group: format!("{topic}-engine"), topic, shards, replication: Some(1), ..LogSettings::default() }
}

pub async fn log(shards: u32) -> KafkaLog {
    KafkaLog::connect(&connection(), settings(shards)).await.unwrap()
}

pub async fn upstream(name: &str, partitions: u32) -> String {
    let name = fresh(name);
    again(&name, partitions).await;
    name
}

/// Makes a topic of this name; the broker may still be about to remove an older one.
pub async fn again(name: &str, partitions: u32) {
    // Records carry times of long ago, which the broker's default retention would delete at once.
    let settings = BTreeMap::from([("retention.ms".to_owned(), "-1".to_owned())]);
    let topic = Topic { name: name.to_owned(), partitions, replication: Some(1), settings };
    soon(async { while !topic::create(&connection(), &topic).await.unwrap() {} }).await;
}

pub async fn remove(name: &str) {
    let admin: AdminClient<DefaultClientContext> =
        ClientConfig::new().set("bootstrap.servers", connection().brokers).create().unwrap();
    let removed = soon(admin.delete_topics(&[name], &AdminOptions::new())).await.unwrap();
    assert!(removed.iter().all(Result::is_ok), "{removed:?}");
}

pub fn record(shard: u32, text: &str) -> NewRecord {
    NewRecord { shard, key: b"key".to_vec(), value: text.as_bytes().to_vec(), stamp: None, position: None }
}

pub fn outgoing(topic: &str, partition: i32, second: i64, text: &str) -> Outgoing {
    Outgoing {
        topic: topic.to_owned(),
        partition: Some(partition),
        headers: vec![("ce_id".to_owned(), text.as_bytes().to_vec())],
        timestamp: Some(Timestamp::from_second(second).unwrap()),
        key: Some(b"k".to_vec()),
        value: Some(text.as_bytes().to_vec()),
    }
}

pub fn text(record: &LogRecord) -> String {
    String::from_utf8(record.value.clone()).unwrap()
}

/// Nothing here takes this long; without it a lost wake-up would hang the run.
pub async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(60), future).await.expect("it should have come within a minute")
}

/// Exactly this many records of a feed.
pub async fn read(feed: &mut dyn ShardFeed, count: usize) -> Vec<LogRecord> {
    let mut all = Vec::new();
    while all.len() < count {
        all.extend(soon(feed.next(count - all.len())).await.unwrap());
    }
    all
}

/// Exactly this many records of a source.
pub async fn read_source(source: &mut dyn Source, count: usize) -> Vec<SourceRecord> {
    let mut all = Vec::new();
    while all.len() < count {
        all.extend(soon(source.next(count - all.len())).await.unwrap());
    }
    all
}

/// Polls a condition that another thread makes true.
pub async fn until(mut holds: impl FnMut() -> bool) {
    soon(async {
        while !holds() {
            tokio::task::yield_now().await;
        }
    })
    .await;
}
