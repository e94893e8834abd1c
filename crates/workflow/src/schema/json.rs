//! Shapes as JSON Schema, draft 2020-12.

use std::collections::BTreeMap;

use rapport_event::kind::CATALOGUE;
use serde_json::{Map, Value as Json, json};

use super::{BESIDE, Field, FileShape, Form, Named, Shape, VERBS, tests};

/// The JSON Schema of a kind of file.
pub fn json_schema(file: &FileShape) -> Json {
    let mut defs = Defs::default();
    let body = defs.of(file.shape);
    let mut schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": format!("rapport {}", file.name),
        "description": file.about,
    });
    if let (Json::Object(schema), Json::Object(body)) = (&mut schema, body) {
        schema.extend(body);
        if !defs.made.is_empty() {
            schema.insert("$defs".into(), Json::Object(defs.made.into_iter().collect()));
        }
    }
    schema
}

#[derive(Default)]
struct Defs {
    made: BTreeMap<String, Json>,
}

impl Defs {
    fn reference(&mut self, name: &str, make: impl FnOnce(&mut Self) -> Json) -> Json {
        if !self.made.contains_key(name) {
            // The place is taken first: a shape may refer to itself.
            self.made.insert(name.to_owned(), Json::Null);
            let made = make(self);
            self.made.insert(name.to_owned(), made);
        }
        json!({ "$ref": format!("#/$defs/{name}") })
    }

    fn of(&mut self, shape: &'static Shape) -> Json {
        match shape {
            Shape::Text => json!({ "type": "string", "minLength": 1 }),
            Shape::Word(Form::Day) => self.reference("day", |_| {
                let (_, pattern, about) = Form::Day.described();
                json!({ "anyOf": [{ "type": "string", "pattern": pattern }, { "type": "integer" }], "description": about })
            }),
            Shape::Word(form) => {
                let (name, pattern, about) = form.described();
                self.reference(name, |_| json!({ "type": "string", "pattern": pattern, "description": about }))
            }
            Shape::Bool => json!({ "type": "boolean" }),
            Shape::Int(low, high) => json!({ "type": "integer", "minimum": low, "maximum": high }),
            Shape::Number => json!({ "type": "number" }),
            Shape::Pair => json!({ "type": "array", "items": { "type": "number" }, "minItems": 2, "maxItems": 2 }),
            Shape::OneOf(words) => json!({ "enum": words }),
            Shape::Texts => self.reference("texts", |_| {
                let text = json!({ "type": "string", "minLength": 1 });
                json!({ "anyOf": [text, {
                    "type": "object", "minProperties": 1, "additionalProperties": text,
                    "propertyNames": { "pattern": "^[a-zA-Z]{2,3}(-[a-zA-Z0-9]+)*$" },
                }], "description": "A text for all, or one per language." })
            }),
            Shape::Kind => self.reference("kind", |_| {
                let names: Vec<&str> = CATALOGUE.iter().map(|entry| entry.name).collect();
                json!({ "anyOf": [
                    { "enum": names },
                    { "type": "string", "pattern": r"^[a-z][a-z0-9_]*(\.([a-z][a-z0-9_]*|\*))+$" },
                ], "description": "A kind of event; `*` is one segment of its name." })
            }),
            Shape::Map(fields, more) => self.map(fields.iter(), more),
            Shape::ByName(shape, least) => {
                let mut map = json!({ "type": "object", "additionalProperties": self.of(shape) });
                if *least > 0 {
                    map["minProperties"] = json!(least);
                }
                map
            }
            Shape::List(item, least) => {
                let mut list = json!({ "type": "array", "items": self.of(item) });
                if *least > 0 {
                    list["minItems"] = json!(least);
                }
                list
            }
            Shape::OneOrMany(item) => {
                let item = self.of(item);
                json!({ "anyOf": [item, { "type": "array", "items": item }] })
            }
            Shape::Either(shapes) => {
                let all: Vec<Json> = shapes.iter().map(|shape| self.of(shape)).collect();
                json!({ "anyOf": all })
            }
            Shape::Step => self.reference("step", |defs| {
                let verbs: Vec<Json> = VERBS.iter().map(|verb| defs.verb(verb)).collect();
                json!({ "anyOf": verbs })
            }),
            Shape::Happens => self.reference("happens", Self::happens),
            Shape::Named(Named { name, shape }) => self.reference(name, |defs| defs.of(shape)),
            Shape::Nothing => json!({ "type": "null" }),
            Shape::Anything => json!({}),
        }
    }

    fn property(&mut self, field: &'static Field) -> (String, Json) {
        let mut shape = self.of(&field.shape);
        if let Json::Object(shape) = &mut shape {
            shape.insert("description".into(), json!(field.about));
        }
        (field.key.to_owned(), shape)
    }

    fn map(&mut self, fields: impl Iterator<Item = &'static Field>, more: &str) -> Json {
        let mut properties = Map::new();
        let mut required = Vec::new();
        for field in fields {
            let (key, shape) = self.property(field);
            properties.insert(key, shape);
            if field.required {
                required.push(field.key);
            }
        }
        let mut map = json!({ "type": "object", "properties": properties, "additionalProperties": false });
        if !required.is_empty() {
            map["required"] = json!(required);
        }
        // What stands there is written in this crate; a test reads all of it.
        if let (Json::Object(map), Ok(Json::Object(more))) = (&mut map, serde_json::from_str(more)) {
            map.extend(more);
        }
        map
    }

    fn verb(&mut self, verb: &'static super::VerbShape) -> Json {
        let beside = BESIDE.iter().filter(|field| field.key != verb.verb);
        let mut map = self.map(beside.chain(verb.beside), "");
        let mut shape = self.of(&verb.shape);
        shape["description"] = json!(verb.about);
        map["properties"][verb.verb] = shape;
        let required: Vec<&str> = std::iter::once(verb.verb).chain(verb.needs.iter().copied()).collect();
        map["required"] = json!(required);
        map
    }

    fn happens(&mut self) -> Json {
        let mut map = self.map(tests::HAPPENS.iter(), "");
        map["patternProperties"] = json!({ r"^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*$": {
            "description": "A kind of event with its fields.",
        } });
        map["minProperties"] = json!(2);
        map["maxProperties"] = json!(5);
        map
    }
}

impl Form {
    /// Its name under `$defs`, its pattern, and an example.
    pub fn described(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Form::Length => (
                "length",
                r"^\s*[0-9]+\s*(minute|hour|day|week|month|year|weekday)s?\s*$",
                "A number and a unit: `3 days`, `2 hours`, `3 weekdays`.",
            ),
            Form::Percent => {
                ("percent", r"^\s*[0-9]+(\.[0-9]+)?\s*%\s*$", "A number from 0 to 100 with its sign: `40%`.")
            }
            Form::Money => ("money", r"^\s*-?[0-9]+(\.[0-9]+)?\s*[A-Z]{3}\s*$", "An amount and a currency: `100 EUR`."),
            Form::Clock => ("clock", r"^([01][0-9]|2[0-3]):[0-5][0-9]$", "A clock time in quotes: \"09:30\"."),
            Form::Clocks => (
                "clocks",
                r"^\s*([01][0-9]|2[0-3]):[0-5][0-9]\s*(\.\.\s*([01][0-9]|2[0-3]):[0-5][0-9]\s*)?$",
                "A clock time or two: \"08:00..20:00\".",
            ),
            Form::Date => ("date", r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$", "A date: 2026-10-01."),
            Form::Name => {
                ("name", r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$", "Lower case letters, digits and single `-` between.")
            }
            Form::Once => (
                "once",
                r"^(every\s+[0-9]+\s*(minute|hour|day|week|month|year)s?|per .+)$",
                "`per partner`, `per event`, `every 90 days`, `per <expression>`.",
            ),
            Form::Schedule => (
                "schedule",
                r"^\s*(\S+\s+\S+\s+\S+\s+\S+\s+\S+|[0-9]{4}-[0-9]{2}-[0-9]{2}T\S+)\s*$",
                "Five cron fields, `\"0 10 * * TUE\"`, or one instant, `2026-12-01T10:00`.",
            ),
            Form::DateShift => (
                "date_shift",
                r"^\s*partner\.(contract_ends|approved_at|joined_at)(\s+[-+]\s*[0-9]+\s*(day|week|month|year)s?)?\s*$",
                "`partner.contract_ends - 30 days`.",
            ),
            Form::Series => ("series", r"^[0-9x×() ]+$", "How often, `x`, how many days: `5x70 1x5 (5x5 0x2)x4`."),
            Form::Day => ("day", r"^\s*day\s+-?[0-9]+\s*$", "`day 57`; day 1 is the clock's."),
            Form::TestClock => ("test_clock", r"^\S+\s+\S+$", "`2026-02-02T00:00 Europe/Oslo`."),
            Form::Https => ("https", r"^https://\S+$", "An https address."),
            Form::PerHour => ("per_hour", r"^[1-9][0-9]* per hour$", "`50 per hour`."),
            Form::Pace => ("pace", r"^[1-9][0-9]* per (second|minute|hour)$", "`600 per minute`, `10 per second`."),
        }
    }
}
