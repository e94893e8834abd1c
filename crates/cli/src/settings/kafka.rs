//! `kafka:`, or `RAPPORT_KAFKA` with the brokers.

use std::collections::BTreeMap;

use rapport_engine::ingest::Incarnations;
use rapport_kafka::{check_property, is_own};
use rapport_rule::yaml::{Fields, Node, Value};

use super::{Reader, Secret};

/// The broker and its topics.
#[derive(Debug, Clone)]
pub struct KafkaSettings {
    /// `host:port`, comma-separated.
    pub brokers: String,
    /// librdkafka's properties, among them logins.
    pub properties: BTreeMap<String, Secret>,
    /// Upstream topics: conversions, activity, partners.
    pub upstream: [String; 3],
    /// rapport's own log.
    pub events: String,
    /// Where other systems hear of signals.
    pub signals: String,
    /// The consumer group of the upstream topics: another one for each installation on a cluster.
    pub group: String,
    /// Replicas of topics rapport makes; the cluster's default when not given.
    pub replication: Option<u32>,
    /// Raised when the upstream topic at this place was created anew under the same name.
    pub incarnation: [u32; 3],
}

impl KafkaSettings {
    /// By the topics' names.
    pub fn incarnations(&self) -> Incarnations {
        self.upstream.iter().cloned().zip(self.incarnation).collect()
    }
}

/// The group where none is named.
const GROUP: &str = "rapport-ingest";
/// The upstream topics as the settings call them.
const UPSTREAM: [&str; 3] = ["conversions", "activity", "partners"];

pub(super) fn read(reader: &mut Reader<'_>, node: Option<&Node>) -> Option<KafkaSettings> {
    let path = reader.path;
    let named = reader.environment.get("RAPPORT_KAFKA").map(str::to_owned);
    let mut settings = KafkaSettings {
        brokers: named.clone().unwrap_or_default(),
        properties: BTreeMap::new(),
        upstream: UPSTREAM.map(str::to_owned),
        events: "rapport.events".to_owned(),
        signals: "rapport.signals".to_owned(),
        group: GROUP.to_owned(),
        replication: None,
        incarnation: [0; 3],
    };
    let Some(node) = node else { return named.map(|_| settings) };
    let fields = Fields::of(node, path, reader.findings)?;
    match (named, fields.take("brokers")) {
        (Some(_), _) => {}
        (None, Some(brokers)) => settings.brokers = reader.text(brokers)?,
        (None, None) => {
            fields.require("brokers", reader.findings);
        }
    }
    if let Some(topics) = fields.take("topics").and_then(|node| Fields::of(node, path, reader.findings)) {
        for (place, name) in UPSTREAM.into_iter().enumerate() {
            if let Some(topic) = topics.take(name).and_then(|node| reader.text(node)) {
                settings.upstream[place] = topic;
            }
        }
        if let Some(topic) = topics.take("events").and_then(|node| reader.text(node)) {
            settings.events = topic;
        }
        if let Some(topic) = topics.take("signals").and_then(|node| reader.text(node)) {
            settings.signals = topic;
        }
        topics.finish(&[], reader.findings);
    }
    if let Some(group) = fields.take("group").and_then(|node| reader.text(node)) {
        settings.group = group;
    }
    if let Some(properties) = fields.take("properties") {
        for (key, value) in properties.map(path, reader.findings).unwrap_or_default() {
            if is_own(&key.text) {
                reader
                    .findings
                    .error("R0570", path, key.span, format!("`{}` is not to be chosen", key.text))
                    .hint("What rapport promises rests on it; take the line out.");
            } else if let Some(text) = reader.text(value) {
                if let Err(why) = check_property(&key.text, &text) {
                    reader
                        .findings
                        .error("R0572", path, value.span, format!("the broker's client refuses `{}`: {why}", key.text))
                        .hint("Its properties are those of librdkafka, written as there.");
                    continue;
                }
                settings.properties.insert(key.text.clone(), Secret::new(text));
            }
        }
    }
    let mut number =
        |node: &Node, low| u32::try_from(node.int(low..=1000, path, reader.findings).unwrap_or_default()).ok();
    settings.replication = fields.take("replication").and_then(|node| number(node, 1));
    match fields.take("incarnation") {
        Some(node) if matches!(node.value, Value::Map(_)) => {
            let by_topic = Fields::of(node, path, reader.findings)?;
            for (incarnation, name) in settings.incarnation.iter_mut().zip(UPSTREAM) {
                if let Some(told) = by_topic.take(name).and_then(|node| node.int(0..=1000, path, reader.findings)) {
                    *incarnation = u32::try_from(told).unwrap_or(0);
                }
            }
            by_topic.finish(&[], reader.findings);
        }
        Some(node) => settings.incarnation = [number(node, 0).unwrap_or(0); 3],
        None => {}
    }
    fields.finish(&["brokers", "topics", "group", "properties", "replication", "incarnation"], reader.findings);
    (!settings.brokers.is_empty()).then_some(settings)
}
