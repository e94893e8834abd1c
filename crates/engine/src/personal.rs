//! Personal fields, filled into a text by whoever shows or sends it: no state, log or row of a task holds them.

use serde_json::{Map, Value};

/// What a text may name of a person, as `{{partner.NAME}}`.
const NAMES: [&str; 3] = ["name", "first_name", "email"];

/// The text with the person's fields. What is not known becomes `unknown`, or stays as it is written.
#[must_use]
pub fn filled(text: &str, person: &Map<String, Value>, unknown: Option<&str>) -> String {
    let mut text = text.to_owned();
    for name in NAMES {
        if let Some(value) = person.get(name).and_then(Value::as_str).or(unknown) {
            text = text.replace(&format!("{{{{partner.{name}}}}}"), value);
        }
    }
    text
}
