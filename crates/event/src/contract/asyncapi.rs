//! The AsyncAPI 3 document: which topics there are, who writes them, and which messages travel there.

use serde_json::{Map, Value, json};

use crate::kind::{CATALOGUE, Entry, Family, Origin};

struct Channel {
    name: &'static str,
    about: &'static str,
    action: &'static str,
    carries: fn(&Entry) -> bool,
}

const CHANNELS: &[Channel] = &[
    Channel {
        name: "conversions",
        about: "Conversions and every change of their state. Any partitioning.",
        action: "receive",
        carries: |entry| entry.origin == Origin::Upstream && entry.family == Family::Conversion,
    },
    Channel {
        name: "activity",
        about: "What partners do, and kinds declared in config/events.yaml. Any partitioning.",
        action: "receive",
        carries: |entry| entry.origin == Origin::Upstream && entry.family == Family::Activity,
    },
    Channel {
        name: "partners",
        about: "Partners and their fields. Any partitioning.",
        action: "receive",
        carries: |entry| entry.origin == Origin::Upstream && entry.family == Family::Partner,
    },
    Channel {
        name: "rapport.events",
        about: "rapport's own log, keyed and partitioned by partner, without personal fields. Nobody else writes it.",
        action: "send",
        carries: |entry| entry.origin != Origin::Derived,
    },
    Channel {
        name: "rapport.signals",
        about: "What rapport concludes (signals and moments), what becomes of goals, and what workflows emit, for other systems: CloudEvents in \
            structured mode, keyed by `program/partner`. At least once, with the same id each time; in order for each partner. \
            Nothing is published of what a replay brings. Kinds that workflows emit come beside those listed.",
        action: "send",
        carries: |entry| {
            let concluded = entry.origin != Origin::Upstream && matches!(entry.family, Family::Signal | Family::Moment);
            concluded || entry.family == Family::Agreement
        },
    },
];

pub(super) fn document() -> Value {
    let (mut channels, mut operations, mut messages) = (Map::new(), Map::new(), Map::new());
    for channel in CHANNELS {
        let carried = || CATALOGUE.iter().filter(|entry| (channel.carries)(entry));
        let names = carried().flat_map(|entry| {
            // What others send comes in either mode of CloudEvents.
            let binary = (channel.action == "receive").then(|| binary_name(entry));
            std::iter::once(entry.name.to_owned()).chain(binary)
        });
        let refs: Map<String, Value> =
            names.map(|name| (name.clone(), reference(&format!("components/messages/{name}")))).collect();
        channels.insert(
            channel.name.to_owned(),
            json!({ "address": channel.name, "description": channel.about, "messages": refs }),
        );
        operations.insert(
            format!("{}.{}", channel.action, channel.name),
            json!({ "action": channel.action, "channel": reference(&format!("channels/{}", channel.name)) }),
        );
    }
    for entry in CATALOGUE {
        messages.insert(
            entry.name.to_owned(),
            json!({
                "name": entry.name,
                "title": entry.name,
                "summary": entry.about,
                "contentType": "application/cloudevents+json",
                "payload": { "$ref": format!("./{}", super::schema_path(entry.name)) },
            }),
        );
    }
    for entry in CATALOGUE.iter().filter(|entry| entry.origin == Origin::Upstream) {
        messages.insert(
            binary_name(entry),
            json!({
                "name": binary_name(entry),
                "title": format!("{}, in binary mode", entry.name),
                "summary": entry.about,
                "contentType": "application/json",
                "headers": binary_headers(entry.name),
                "payload": { "$ref": format!("./{}#/properties/data", super::schema_path(entry.name)) },
            }),
        );
    }
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "rapport event contract",
            "version": "1.0.0",
            "description": "Events a partner programme sends to rapport, and those rapport sends. CloudEvents 1.0 in binary and \
                structured mode, and plain JSON with the same fields; see README.md beside this file.",
            "license": { "name": "Apache-2.0" },
        },
        "defaultContentType": "application/cloudevents+json",
        "channels": channels,
        "operations": operations,
        "components": { "messages": messages },
    })
}

fn binary_name(entry: &Entry) -> String {
    format!("{}.binary", entry.name)
}

/// The attributes of CloudEvents as headers of a Kafka record; over HTTP their names begin with `ce-`.
fn binary_headers(kind: &str) -> Value {
    let text = |about: &str| json!({ "type": "string", "minLength": 1, "description": about });
    json!({
        "type": "object",
        "properties": {
            "ce_specversion": { "const": "1.0" },
            "ce_type": { "const": kind },
            "ce_id": text("The producer's id of this event; the same id twice is the same event."),
            "ce_time": { "type": "string", "format": "date-time", "description": "When it happened." },
            "ce_program": text("The partner programme."),
            "ce_partner": text("The partner within the programme."),
        },
        "required": ["ce_specversion", "ce_type", "ce_id", "ce_time", "ce_program", "ce_partner"],
    })
}

fn reference(path: &str) -> Value {
    // A `/` within a name would need escaping; names of channels and kinds have none.
    json!({ "$ref": format!("#/{path}") })
}
