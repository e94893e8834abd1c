//! The checked-in contract is what the code does.
#![allow(clippy::disallowed_methods, reason = "compares files of the repository")]

use std::path::Path;

#[test]
fn the_checked_in_documents_are_the_generated_ones() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/contract");
    let documents = rapport_event::contract::documents();
    let mut wrong: Vec<String> = Vec::new();
    for (path, text) in &documents {
        if std::fs::read_to_string(folder.join(path)).ok().as_deref() != Some(text) {
            wrong.push(path.clone());
        }
    }
    for sub in ["", "schemas"] {
        for file in std::fs::read_dir(folder.join(sub)).expect("docs/contract is there").flatten() {
            let path = Path::new(sub).join(file.file_name());
            if file.path().is_file() && !documents.contains_key(path.to_str().unwrap_or_default()) {
                wrong.push(format!("{} (nothing generates it)", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "run `cargo xtask contract`; out of date: {wrong:#?}");
}

#[test]
fn every_personal_field_is_marked_in_its_schema() {
    let documents = rapport_event::contract::documents();
    for (kind, field) in [
        ("partner.updated", "name"),
        ("partner.updated", "email"),
        ("partner.updated", "phone"),
        ("partner.updated", "address"),
        ("survey.answered", "comment"),
        ("mail.received", "subject"),
        ("mail.received", "text"),
    ] {
        let schema: serde_json::Value = serde_json::from_str(&documents[&format!("schemas/{kind}.json")]).unwrap();
        let mark = &schema["properties"]["data"]["properties"][field]["x-personal"];
        assert_eq!(mark, &serde_json::Value::Bool(true), "{kind} {field}");
    }
}

fn schema_of(documents: &std::collections::BTreeMap<String, String>, kind: &str) -> jsonschema::Validator {
    let schema: serde_json::Value = serde_json::from_str(&documents[&format!("schemas/{kind}.json")]).unwrap();
    jsonschema::validator_for(&schema).unwrap()
}

#[test]
fn the_examples_hold_to_the_schemas_and_decode() {
    let documents = rapport_event::contract::documents();
    let mut seen = 0;
    for block in documents["README.md"].split("```json\n").skip(1) {
        let text = block.split("```").next().unwrap_or_default();
        let event: serde_json::Value = serde_json::from_str(text).unwrap();
        let kind = event["kind"].as_str().unwrap();
        let problems: Vec<String> =
            schema_of(&documents, kind).iter_errors(&event).map(|error| error.to_string()).collect();
        assert_eq!(problems, Vec::<String>::new(), "{text}");
        let now = "2026-03-02T00:00:00Z".parse().unwrap();
        let custom = rapport_event::CustomKinds::none();
        rapport_event::decode(text.as_bytes(), &rapport_event::Headers(&[]), &custom, now).unwrap();
        seen += 1;
    }
    assert!(seen >= 2, "README.md shows events");
    let nothing = serde_json::json!({ "id": "e", "kind": "conversion", "program": "p", "partner": "a",
        "occurred_at": "2026-03-01T09:31:00Z" });
    assert!(!schema_of(&documents, "conversion").is_valid(&nothing), "neither data nor its fields");
}

#[test]
fn every_message_from_upstream_is_described_in_both_modes() {
    let documents = rapport_event::contract::documents();
    let api: serde_json::Value = serde_json::from_str(&documents["asyncapi.json"]).unwrap();
    let messages = api["components"]["messages"].as_object().unwrap();
    for channel in ["conversions", "activity", "partners"] {
        let carried = api["channels"][channel]["messages"].as_object().unwrap();
        let plain: Vec<&String> = carried.keys().filter(|name| !name.ends_with(".binary")).collect();
        assert!(!plain.is_empty());
        for name in plain {
            let binary = &messages[&format!("{name}.binary")];
            assert_eq!(&binary["headers"]["properties"]["ce_type"]["const"], name);
            assert!(carried.contains_key(&format!("{name}.binary")));
        }
    }
}
