//! The JSON a mail is planned with: what stands in it, and how each type is written.
//!
//! | type | as JSON | printed by |
//! |---|---|---|
//! | text | string | itself |
//! | count, number, percent (0–100) | number | itself or `number` |
//! | money | `{"minor": 4200, "currency": "EUR"}` | `money` |
//! | date | `"2026-11-03"` | `date` |
//! | moment | `"2026-11-03T09:00:00+01:00[Europe/Oslo]"`, in the zone whose day is meant | `date` |
//! | duration | seconds as number | `number` |
//! | yes or no | `true`, `false` | `if` |
//! | list | array | `each` |
//! | missing | `null` or absent | `fallback`, `if` |

use jiff::tz::TimeZone;
use rapport_rule::expr::Value;
use serde_json::{Map, Value as Json};

use crate::escape::{is_blank, may_be_marked};
use crate::made;

/// A value as it stands in a context; moments in `zone`.
pub fn json(value: &Value, zone: &TimeZone) -> Json {
    match value {
        Value::Missing => Json::Null,
        Value::Bool(value) => Json::Bool(*value),
        Value::Text(text) => Json::String(text.to_string()),
        Value::Count(count) => Json::from(*count),
        Value::Number(number) | Value::Percent(number) => Json::from(*number),
        Value::Money(money) => serde_json::to_value(money).unwrap_or(Json::Null),
        Value::Duration(duration) => Json::from(duration.as_secs()),
        Value::Instant(instant) => Json::String(instant.to_zoned(zone.clone()).to_string()),
        Value::Date(date) => Json::String(date.to_string()),
        Value::List(texts) => Json::Array(texts.iter().map(|text| Json::String(text.to_string())).collect()),
    }
}

/// Puts a value at a dotted path (`partner.answers.motivation`) of a context, making the objects on the way. A value
/// that already stands in the way is replaced.
pub fn set(context: &mut Map<String, Json>, path: &str, value: Json) {
    let Some((first, rest)) = path.split_once('.') else {
        context.insert(path.to_owned(), value);
        return;
    };
    let slot = context.entry(first).or_insert_with(|| Json::Object(Map::new()));
    if !slot.is_object() {
        *slot = Json::Object(Map::new());
    }
    if let Json::Object(inner) = slot {
        set(inner, rest, value);
    }
}

/// The context as templates see it: what is missing or empty is absent, so that printing it is an error and `if` is false.
pub(crate) fn present(mut value: Json) -> Option<Json> {
    keep_present(&mut value).then_some(value)
}

/// Whether a value is there at all; if so, what is missing in it goes.
fn keep_present(value: &mut Json) -> bool {
    match value {
        Json::Null => return false,
        Json::String(text) if is_blank(text.as_str()) => return false,
        // What helpers make is marked with these; a value that came from outside is never one.
        Json::String(text) if may_be_marked(text.as_str()) => *text = text.replace([made::OPENS, made::CLOSES], ""),
        Json::Object(map) => map.retain(|_, value| keep_present(value)),
        Json::Array(items) => items.retain_mut(keep_present),
        Json::String(_) | Json::Bool(_) | Json::Number(_) => {}
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn paths_make_objects_on_the_way() {
        let mut context = Map::new();
        set(&mut context, "partner.answers.motivation", json!("income"));
        set(&mut context, "partner.top_product", json!("x"));
        set(&mut context, "conversions_total", json!(3));
        assert_eq!(
            Json::Object(context),
            json!({"partner": {"answers": {"motivation": "income"}, "top_product": "x"}, "conversions_total": 3})
        );
    }

    #[test]
    fn what_is_missing_or_blank_is_absent() {
        let seen = present(json!({"a": null, "b": " \u{202e}\r\n", "c": {"d": null}, "e": [1, null], "f": 0}));
        assert_eq!(seen, Some(json!({"c": {}, "e": [1], "f": 0})));
    }

    #[test]
    fn a_moment_is_written_in_the_zone_whose_day_is_meant() {
        let zone = TimeZone::get("Europe/Oslo").unwrap();
        let instant = Value::Instant("2026-11-02T23:30:00Z".parse().unwrap());
        assert_eq!(json(&instant, &zone), json!("2026-11-03T00:30:00+01:00[Europe/Oslo]"));
    }
}
