//! Webhooks of mail providers. Each module cites the page its shape follows; unknown events are [`What::Nothing`](crate::What),
//! because providers add kinds without asking.

pub mod mailgun;
pub mod postmark;
pub mod sendgrid;
pub mod ses;

use serde_json::Value;

use crate::{Report, What, fields};

/// A text of an object.
fn text<'a>(value: &'a Value, path: &str) -> Option<&'a str> {
    value.pointer(path)?.as_str().filter(|text| !text.is_empty())
}

/// A number or a text, as a text: providers write ids as either.
fn id(value: &Value, path: &str) -> Option<String> {
    match value.pointer(path)? {
        Value::String(text) if !text.is_empty() => Some(text.chars().take(300).collect()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn report(what: What, value: &Value, address: &str, message_id: Option<&str>, event_id: Option<String>) -> Report {
    Report {
        what,
        message_id: message_id.and_then(fields::message_id),
        address: text(value, address).and_then(fields::address),
        event_id,
    }
}

fn nothing(name: &str) -> What {
    What::Nothing { name: name.chars().filter(|c| !c.is_control()).take(40).collect() }
}
