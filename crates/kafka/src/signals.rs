//! The topic on which other systems hear of signals.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use rapport_engine::ports::log::{Announcement, LogError, SignalLog};
use tracing::info;

use crate::connection::Connection;
use crate::log::KafkaLog;
use crate::publisher::Outgoing;
use crate::topic::{self, Topic};

/// `rapport.signals`: CloudEvents in structured mode, keyed by partner. Uses the producer of the log.
pub struct KafkaSignals {
    log: Arc<KafkaLog>,
    topic: String,
}

impl KafkaSignals {
    /// Makes the topic where there is none, with the partitions and replicas given; one that is there stays as it is.
    ///
    /// # Errors
    /// `Unreachable` after the connection's patience; `Refused` when this login may not make it.
    pub async fn open(
        connection: &Connection,
        log: Arc<KafkaLog>,
        topic: &str,
        partitions: u32,
        replication: Option<u32>,
    ) -> Result<Self, LogError> {
        let wanted = Topic { name: topic.to_owned(), partitions, replication, settings: BTreeMap::new() };
        if topic::create(connection, &wanted).await? {
            info!(topic, partitions, "topic made");
        }
        Ok(Self { log, topic: topic.to_owned() })
    }
}

#[async_trait]
impl SignalLog for KafkaSignals {
    async fn publish(&self, announcements: Vec<Announcement>) -> Result<(), LogError> {
        let content_type = b"application/cloudevents+json; charset=utf-8";
        let outgoing = |announcement: Announcement| Outgoing {
            topic: self.topic.clone(),
            // By the key's hash: one partner's signals stay in order.
            partition: None,
            headers: vec![("content-type".to_owned(), content_type.to_vec())],
            timestamp: None,
            key: Some(announcement.key),
            value: Some(announcement.value),
        };
        let records: Vec<Outgoing> = announcements.into_iter().map(outgoing).collect();
        self.log.publisher().publish(&records).await
    }
}
