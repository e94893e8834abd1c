//! Webhooks of mail providers. Each module cites the page its shape follows; unknown events are [`What::Nothing`](crate::What),
//! because providers add kinds without asking.

pub mod mailgun;
pub mod postmark;
pub mod sendgrid;
pub mod ses;

use jiff::Timestamp;
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

/// An instant: seconds since 1970, whole or not, or as RFC 3339 writes it. What is none is not told.
fn instant(value: &Value, path: &str) -> Option<Timestamp> {
    match value.pointer(path)? {
        Value::String(text) => text.parse().ok(),
        Value::Number(number) => {
            let seconds = number.as_i64().or_else(|| number.as_f64().map(|seconds| seconds.floor() as i64))?;
            Timestamp::from_second(seconds).ok()
        }
        _ => None,
    }
}

/// A report about the address at `address`, of the instant at `at`.
fn report(
    what: What,
    value: &Value,
    (address, at): (&str, &str),
    message_id: Option<&str>,
    event_id: Option<String>,
) -> Report {
    Report {
        what,
        message_id: message_id.and_then(fields::message_id),
        address: text(value, address).and_then(fields::address),
        event_id,
        at: instant(value, at),
    }
}

fn nothing(name: &str) -> What {
    What::Nothing { name: name.chars().filter(|c| !c.is_control()).take(40).collect() }
}
