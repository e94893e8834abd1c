//! The published contract: one JSON Schema per kind, an AsyncAPI document, the lists of kinds and rejections, shard vectors.
//!
//! All of it is made from the types that decode and from the catalogue, so that it cannot say anything else than the code does. The
//! texts are checked in under `docs/contract/`; a test compares them.

mod asyncapi;
mod lists;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use crate::kind::{CATALOGUE, Entry, Origin, Shape};
use crate::{activity, conversion, engine, partner};

/// Every document by its path below `docs/contract/`.
pub fn documents() -> BTreeMap<String, String> {
    let mut documents = BTreeMap::new();
    for entry in CATALOGUE {
        documents.insert(schema_path(entry.name), pretty(&schema(entry.name, entry)));
    }
    let dropped = Entry {
        kind: crate::Kind::HealthChanged,
        name: "dropped_to.*",
        family: crate::kind::Family::Signal,
        origin: Origin::Derived,
        payload: Shape::Signal,
        about: "A partner's health fell into the named band.",
    };
    documents.insert(schema_path("dropped_to"), pretty(&schema("dropped_to.*", &dropped)));
    documents.insert("asyncapi.json".into(), pretty(&asyncapi::document()));
    documents.insert("shards.json".into(), pretty(&lists::shard_vectors()));
    documents.insert("kinds.md".into(), lists::kinds());
    documents.insert("rejections.md".into(), lists::rejections());
    documents.insert("README.md".into(), lists::readme());
    documents
}

fn schema_path(name: &str) -> String {
    format!("schemas/{name}.json")
}

fn pretty(value: &Value) -> String {
    // Maps of texts and numbers always can be written.
    let mut text = serde_json::to_string_pretty(value).unwrap_or_default();
    text.push('\n');
    text
}

/// The schema of a whole event of a kind, in its structured form.
fn schema(name: &str, entry: &Entry) -> Value {
    let kind = match name.strip_suffix('*') {
        Some(prefix) => {
            json!({ "type": "string", "pattern": format!("^{}[a-z][a-z0-9_]*$", prefix.replace('.', "\\.")) })
        }
        None => json!({ "const": name }),
    };
    let id = |about: &str| json!({ "type": "string", "minLength": 1, "maxLength": 200, "description": about });
    let instant = |about: &str| json!({ "type": "string", "format": "date-time", "description": about });
    let needs_data = !matches!(entry.payload, Shape::Login | Shape::Erased);
    let mut rules = vec![
        json!({ "anyOf": [{ "required": ["kind"] }, { "required": ["type"] }] }),
        json!({ "anyOf": [{ "required": ["occurred_at"] }, { "required": ["time"] }] }),
    ];
    if needs_data {
        // Without `data` its fields stand in the object itself.
        rules.push(json!({ "anyOf": [{ "required": ["data"] }, { "$ref": "#/properties/data" }] }));
    }
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": format!("urn:rapport:contract:{}", name.trim_end_matches(".*")),
        "title": name,
        "description": entry.about,
        "x-origin": origin(entry.origin),
        "type": "object",
        "properties": {
            "specversion": { "const": "1.0", "description": "Given by CloudEvents, not needed in plain JSON." },
            "id": id("The producer's id of this event; the same id twice is the same event."),
            "kind": kind.clone(),
            "type": kind,
            "program": id("The partner programme."),
            "partner": id("The partner within the programme."),
            "occurred_at": instant("When it happened."),
            "time": instant("The same under the name CloudEvents gives it."),
            "data": data_schema(entry.payload),
        },
        "required": ["id", "program", "partner"],
        "allOf": rules,
    })
}

fn origin(origin: Origin) -> &'static str {
    match origin {
        Origin::Upstream => "upstream",
        Origin::Derived => "derived",
        Origin::Internal => "internal",
    }
}

/// The schema of a shape's data, with everything it refers to in place.
pub fn data_schema(shape: Shape) -> Value {
    match shape {
        Shape::Partner => of::<partner::PartnerMessage>(),
        Shape::Conversion => of::<conversion::ConversionData>(),
        Shape::Link => of::<activity::LinkData>(),
        Shape::Login => of::<activity::LoginData>(),
        Shape::Content => of::<activity::ContentData>(),
        Shape::Creative => of::<activity::CreativeData>(),
        Shape::Training => of::<activity::TrainingData>(),
        Shape::Survey => of::<activity::SurveyData>(),
        Shape::Resource => of::<activity::ResourceData>(),
        Shape::Audience => of::<activity::AudienceData>(),
        Shape::Payout => of::<activity::PayoutData>(),
        Shape::Mail => of::<activity::MailData>(),
        Shape::Outcome => of::<engine::OutcomeData>(),
        Shape::Task => of::<engine::TaskData>(),
        Shape::Call => of::<engine::CallData>(),
        Shape::Case => of::<engine::CaseData>(),
        Shape::Signal => of::<engine::SignalData>(),
        Shape::Moment => of::<engine::MomentData>(),
        Shape::Award => of::<engine::AwardData>(),
        Shape::Goal => of::<engine::GoalData>(),
        Shape::DayClosed => of::<engine::DayClosedData>(),
        Shape::RulebookApplied => of::<engine::RulebookAppliedData>(),
        Shape::Offer => of::<engine::OfferData>(),
        Shape::Contact => of::<engine::ContactData>(),
        Shape::Command => of::<engine::CommandData>(),
        Shape::Erased => of::<engine::ErasedData>(),
        Shape::Custom => json!({ "type": "object", "additionalProperties": true }),
    }
}

/// The names that the data of a shape may have by its schema, sorted; none for kinds a programme declares itself.
pub fn data_fields(shape: Shape) -> &'static [String] {
    static FIELDS: LazyLock<BTreeMap<Shape, Vec<String>>> = LazyLock::new(|| {
        let shapes: BTreeSet<Shape> = CATALOGUE.iter().map(|entry| entry.payload).collect();
        shapes.into_iter().map(|shape| (shape, properties(&data_schema(shape)))).collect()
    });
    FIELDS.get(&shape).map(Vec::as_slice).unwrap_or_default()
}

fn properties(schema: &Value) -> Vec<String> {
    let mut names: Vec<String> =
        schema["properties"].as_object().into_iter().flat_map(|fields| fields.keys().cloned()).collect();
    names.sort_unstable();
    names
}

fn of<T: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.inline_subschemas = true;
        settings.meta_schema = None;
    });
    let mut schema: Value = settings.into_generator().into_root_schema_for::<T>().into();
    unwrap_lines(&mut schema);
    schema
}

/// Doc comments are wrapped for the source file; in a schema a sentence stands on one line.
fn unwrap_lines(value: &mut Value) {
    match value {
        Value::Object(map) => {
            let map: &mut Map<String, Value> = map;
            for (name, value) in map.iter_mut() {
                match value {
                    Value::String(text) if name == "description" => *text = text.replace('\n', " "),
                    other => unwrap_lines(other),
                }
            }
        }
        Value::Array(list) => list.iter_mut().for_each(unwrap_lines),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fields_of_data_are_those_of_its_schema_and_of_what_is_flattened_into_it() {
        assert_eq!(data_fields(Shape::Link), ["count", "link", "product"]);
        assert_eq!(data_fields(Shape::Login), [""; 0]);
        assert_eq!(data_fields(Shape::Custom), [""; 0]);
        let partner = data_fields(Shape::Partner);
        for field in ["email", "contract_ends", "type", "objects_to_profiling"] {
            assert!(partner.iter().any(|known| known == field), "{field}: {partner:?}");
        }
    }
}
