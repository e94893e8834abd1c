//! How to reach a cluster, and what librdkafka tells about it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rdkafka::client::ClientContext;
use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use tracing::{debug, info, warn};

/// Where a cluster is and how to log in to it.
#[derive(Clone)]
pub struct Connection {
    /// `host:port`, comma-separated.
    pub brokers: String,
    /// librdkafka's own properties: `security.protocol`, `sasl.username`, … They win over this crate's. Never printed.
    pub properties: BTreeMap<String, String>,
    /// How long a question to an unreachable cluster is repeated before it fails.
    pub patience: Duration,
    reachable: Arc<AtomicBool>,
}

impl Connection {
    /// A connection without login, patient for 15 seconds.
    pub fn new(brokers: impl Into<String>) -> Self {
        Self {
            brokers: brokers.into(),
            properties: BTreeMap::new(),
            patience: Duration::from_secs(15),
            reachable: Arc::new(AtomicBool::new(true)),
        }
    }

    /// False from the moment all brokers are down until one answers again: for readiness.
    pub fn is_reachable(&self) -> bool {
        self.reachable.load(Ordering::Relaxed)
    }

    /// A client configuration: `own` first, then the user's properties.
    pub(crate) fn config(&self, own: &[(&str, &str)]) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.brokers).set("client.id", "rapport");
        config.set("reconnect.backoff.ms", "100").set("reconnect.backoff.max.ms", "3000");
        // Brokers close idle connections as a matter of course.
        config.set("log.connection.close", "false").set_log_level(RDKafkaLogLevel::Warning);
        for (name, value) in own {
            config.set(*name, *value);
        }
        for (name, value) in &self.properties {
            config.set(name, value);
        }
        config
    }

    pub(crate) fn link(&self) -> Link {
        Link { brokers: self.brokers.clone(), reachable: self.reachable.clone() }
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&String> = self.properties.keys().collect();
        f.debug_struct("Connection").field("brokers", &self.brokers).field("properties", &names).finish_non_exhaustive()
    }
}

/// Whether librdkafka knows a property and takes its value; nothing is connected.
///
/// # Errors
/// What is wrong with it, without the value, which may be a secret.
pub fn check_property(name: &str, value: &str) -> Result<(), String> {
    match ClientConfig::new().set(name, value).create_native_config() {
        Ok(_) => Ok(()),
        Err(KafkaError::ClientConfig(_, why, _, _)) if !value.is_empty() => Err(why.replace(value, "…")),
        Err(_) => Err("it is not known, or takes another value".to_owned()),
    }
}

/// Whether a property of librdkafka is rapport's own to set: order, acknowledgements, offsets and groups are what "counted
/// once, nothing lost" rests on (DESIGN.md 4.1 and 4.3).
#[must_use]
pub fn is_own(property: &str) -> bool {
    const OWN: [&str; 32] = [
        "acks",
        "allow.auto.create.topics",
        "auto.commit.enable",
        "auto.commit.interval.ms",
        "auto.offset.reset",
        "bootstrap.servers",
        "check.crcs",
        "consume.callback.max.messages",
        "delivery.report.only.error",
        "delivery.timeout.ms",
        "enable.auto.commit",
        "enable.auto.offset.store",
        "enable.gapless.guarantee",
        "enable.idempotence",
        "enable.partition.eof",
        "group.id",
        "group.instance.id",
        "group.protocol",
        "group.remote.assignor",
        "isolation.level",
        "max.in.flight",
        "max.in.flight.requests.per.connection",
        "max.poll.interval.ms",
        "message.send.max.retries",
        "message.timeout.ms",
        "metadata.broker.list",
        "partition.assignment.strategy",
        "partitioner",
        "request.required.acks",
        "retries",
        "transaction.timeout.ms",
        "transactional.id",
    ];
    OWN.contains(&property)
}

/// The context of every client: notes whether the cluster answers, and passes librdkafka's words on as log events.
#[derive(Clone)]
pub(crate) struct Link {
    brokers: String,
    reachable: Arc<AtomicBool>,
}

impl Link {
    /// Notes that the cluster has answered.
    pub fn answered(&self) {
        if !self.reachable.swap(true, Ordering::Relaxed) {
            info!(brokers = self.brokers, "kafka answers again");
        }
    }
}

impl ClientContext for Link {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        // What matters of these comes as an error or from the call that failed; librdkafka repeats itself at every retry.
        debug!(target: "librdkafka", level = level as i32, facility, "{message}");
    }

    fn error(&self, error: KafkaError, reason: &str) {
        if error.rdkafka_error_code() == Some(RDKafkaErrorCode::AllBrokersDown) {
            if self.reachable.swap(false, Ordering::Relaxed) {
                warn!(brokers = self.brokers, "kafka cannot be reached; trying again");
            }
        } else {
            debug!(target: "librdkafka", %error, "{reason}");
        }
    }
}

impl ConsumerContext for Link {}
