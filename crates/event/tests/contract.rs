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
