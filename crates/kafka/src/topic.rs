//! Makes topics, and checks that one is as the log needs it.

use std::collections::BTreeMap;
use std::time::Duration;

use rapport_engine::ports::log::LogError;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use crate::ask::{ask, refusal};
use crate::connection::{Connection, Link};

/// A topic to be made.
#[derive(Debug, Clone)]
pub struct Topic {
    /// Its name.
    pub name: String,
    /// How many partitions.
    pub partitions: u32,
    /// How many replicas of each; the cluster's default when not given.
    pub replication: Option<u32>,
    /// Kafka's topic settings, e.g. `retention.ms`.
    pub settings: BTreeMap<String, String>,
}

/// Makes the topic unless there is one of that name; true when it was made.
///
/// # Errors
/// `Unreachable` after the connection's patience; `Refused` by the cluster's policy or rights.
pub async fn create(connection: &Connection, topic: &Topic) -> Result<bool, LogError> {
    let admin = admin(connection)?;
    // Waits for the cluster first: an admin request to an unreachable one only times out.
    let metadata = {
        let admin = AdminHandle(std::sync::Arc::new(admin));
        let asked = admin.clone();
        ask(connection, "looking for the cluster", move |longest| {
            asked.0.inner().fetch_metadata(None, longest).map(|metadata| metadata.topics().len())
        })
        .await?;
        admin
    };
    let replication = topic.replication.map_or(-1, |replication| i32::try_from(replication).unwrap_or(i32::MAX));
    let partitions = i32::try_from(topic.partitions).unwrap_or(i32::MAX);
    let mut new = NewTopic::new(&topic.name, partitions, TopicReplication::Fixed(replication));
    for (name, value) in &topic.settings {
        new = new.set(name, value);
    }
    let what = format!("making topic {}", topic.name);
    let options = AdminOptions::new()
        .request_timeout(Some(Duration::from_secs(10)))
        .operation_timeout(Some(Duration::from_secs(10)));
    let results = metadata.0.create_topics([&new], &options).await.map_err(|error| refusal(&what, &error))?;
    for result in results {
        match result {
            Ok(_) => {}
            Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => return Ok(false),
            Err((_, code)) => return Err(refusal(&what, &KafkaError::AdminOp(code))),
        }
    }
    Ok(true)
}

/// Looks for a topic.
///
/// # Errors
/// `Unreachable` after the connection's patience; `Refused` when there is none of that name.
pub async fn find(connection: &Connection, name: &str) -> Result<(), LogError> {
    if missing(connection, &[name.to_owned()]).await?.is_empty() {
        return Ok(());
    }
    Err(LogError::Refused(format!(
        "topic {name} is gone, and records of it were folded before: put it back, or see docs/operating.md"
    )))
}

/// Those of these names of which there is no topic.
///
/// # Errors
/// `Unreachable` after the connection's patience.
pub async fn missing(connection: &Connection, names: &[String]) -> Result<Vec<String>, LogError> {
    let asked = AdminHandle(std::sync::Arc::new(admin(connection)?));
    let wanted = names.to_vec();
    ask(connection, "looking for topics", move |longest| {
        // Of all topics: asked for by its name, a broker may make it.
        let metadata = asked.0.inner().fetch_metadata(None, longest)?;
        let is_there =
            |name: &String| metadata.topics().iter().any(|topic| topic.name() == *name && topic.error().is_none());
        Ok(wanted.iter().filter(|name| !is_there(name)).cloned().collect())
    })
    .await
}

/// A topic's settings as the cluster holds them.
///
/// # Errors
/// `Refused` when this login may not read them, or there is no such topic.
pub async fn settings(connection: &Connection, name: &str) -> Result<BTreeMap<String, String>, LogError> {
    let admin = admin(connection)?;
    let what = format!("reading the settings of topic {name}");
    let options = AdminOptions::new().request_timeout(Some(Duration::from_secs(10)));
    let asked = [ResourceSpecifier::Topic(name)];
    let mut answers = admin.describe_configs(&asked, &options).await.map_err(|error| refusal(&what, &error))?;
    match answers.pop() {
        Some(Ok(found)) => Ok(found.entries.into_iter().filter_map(|entry| Some((entry.name, entry.value?))).collect()),
        Some(Err(code)) => Err(refusal(&what, &KafkaError::AdminOp(code))),
        None => Err(LogError::Refused(format!("{what}: no answer"))),
    }
}

#[derive(Clone)]
struct AdminHandle(std::sync::Arc<AdminClient<Link>>);

fn admin(connection: &Connection) -> Result<AdminClient<Link>, LogError> {
    AdminClient::from_config_and_context(&connection.config(&[]), connection.link())
        .map_err(|error| refusal("making an admin client", &error))
}
