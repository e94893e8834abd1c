//! `kafka:`, or `RAPPORT_KAFKA` with the brokers.

use std::collections::BTreeMap;

use rapport_rule::yaml::{Fields, Node};

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
    /// Replicas of topics rapport makes; the cluster's default when not given.
    pub replication: Option<u32>,
    /// Raised when an upstream topic was created anew under the same name.
    pub incarnation: u32,
}

pub(super) fn read(reader: &mut Reader<'_>, node: Option<&Node>) -> Option<KafkaSettings> {
    let path = reader.path;
    let named = reader.environment.get("RAPPORT_KAFKA").map(str::to_owned);
    let mut settings = KafkaSettings {
        brokers: named.clone().unwrap_or_default(),
        properties: BTreeMap::new(),
        upstream: ["conversions", "activity", "partners"].map(str::to_owned),
        events: "rapport.events".to_owned(),
        signals: "rapport.signals".to_owned(),
        replication: None,
        incarnation: 0,
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
        for (place, name) in ["conversions", "activity", "partners"].into_iter().enumerate() {
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
    if let Some(properties) = fields.take("properties") {
        for (key, value) in properties.map(path, reader.findings).unwrap_or_default() {
            if let Some(text) = reader.text(value) {
                settings.properties.insert(key.text.clone(), Secret::new(text));
            }
        }
    }
    let mut number = |key, low| {
        let node = fields.take(key)?;
        u32::try_from(node.int(low..=1000, path, reader.findings)?).ok()
    };
    settings.replication = number("replication", 1);
    settings.incarnation = number("incarnation", 0).unwrap_or(0);
    fields.finish(&["brokers", "topics", "properties", "replication", "incarnation"], reader.findings);
    (!settings.brokers.is_empty()).then_some(settings)
}
