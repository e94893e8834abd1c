//! Personal fields, filled into a text by whoever shows or sends it: no state, log or row of a task holds them.

use serde_json::{Map, Value};

/// What a text may name of a person, as `{{partner.NAME}}`.
const NAMES: [&str; 3] = ["name", "first_name", "email"];

/// What partners wrote to surveys is a field of theirs of this name, and that of the survey's answers.
pub const SAID: &str = "said.";

/// Stands where a partner wrote nothing.
const NOTHING_SAID: &str = "–";

/// The text with the person's fields. What is not known becomes `unknown`, or stays as it is written; of words never written a dash
/// is left.
#[must_use]
pub fn filled(text: &str, person: &Map<String, Value>, unknown: Option<&str>) -> String {
    let mut text = text.to_owned();
    for name in NAMES {
        if let Some(value) = person.get(name).and_then(Value::as_str).or(unknown) {
            text = text.replace(&format!("{{{{partner.{name}}}}}"), value);
        }
    }
    // Last, and in one go: what is asked for within somebody's words is only their words.
    with_words(&text, person)
}

fn with_words(text: &str, person: &Map<String, Value>) -> String {
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{partner.said.") {
        filled.push_str(before);
        let Some((name, behind)) = after.split_once("}}") else {
            filled.push_str("{{partner.said.");
            rest = after;
            continue;
        };
        let said = person.get(&format!("{SAID}{name}")).and_then(Value::as_str);
        filled.push_str(said.filter(|said| !said.is_empty()).unwrap_or(NOTHING_SAID));
        rest = behind;
    }
    filled.push_str(rest);
    filled
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn words_are_put_in_once_and_nothing_within_them_is() {
        let person = json!({ "name": "Ada", "said.mood": "fine {{partner.email}} {{partner.said.mood}}", "email": "a@x.example" });
        let person = person.as_object().unwrap();
        for (text, expected) in [
            ("{{partner.name}}: {{partner.said.mood}}!", "Ada: fine {{partner.email}} {{partner.said.mood}}!"),
            ("{{partner.said.other}}", "–"),
            ("{{partner.said.", "{{partner.said."),
            (
                "{{partner.said.mood}}{{partner.said.x}} {{partner.said.y",
                "fine {{partner.email}} {{partner.said.mood}}– {{partner.said.y",
            ),
        ] {
            assert_eq!(filled(text, person, None), expected, "{text}");
        }
        assert_eq!(filled("{{partner.name}}", &Map::new(), Some("p1")), "p1");
    }
}
