//! `config/feeds.yaml`: lists that mails show, from JSON files beside it.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use rapport_rule::suggest::nearest;
use rapport_rule::yaml::{Fields, Node, is_name};
use rapport_rule::{Currency, Findings, Sources};
use serde_json::{Map, Value as Json};

/// A list with typed fields.
#[derive(Debug, Clone, PartialEq)]
pub struct Feed {
    /// Its id.
    pub id: Arc<str>,
    /// Fields of an item.
    pub fields: BTreeMap<Arc<str>, FieldType>,
    /// Items in the order of the file: newest first.
    pub items: Vec<Json>,
}

/// What a field of an item holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "named as written in the file")]
pub enum FieldType {
    Text,
    Url,
    Money,
    Percent,
    Number,
    Date,
}

const TYPES: [(&str, FieldType); 6] = [
    ("text", FieldType::Text),
    ("url", FieldType::Url),
    ("money", FieldType::Money),
    ("percent", FieldType::Percent),
    ("number", FieldType::Number),
    ("date", FieldType::Date),
];

impl Feed {
    /// The first items that are still valid at `now`: one whose `until` day has passed in the programme's zone is left out.
    pub fn newest(&self, limit: usize, now: Timestamp, zone: &TimeZone) -> Json {
        let today = now.to_zoned(zone.clone()).date();
        let valid = |item: &&Json| match item.get("until").and_then(Json::as_str).map(str::parse::<Date>) {
            Some(Ok(until)) => until >= today,
            _ => true,
        };
        self.items.iter().filter(valid).take(limit).cloned().collect()
    }
}

pub(crate) fn read(node: &Node, path: &str, sources: &Sources, findings: &mut Findings) -> BTreeMap<Arc<str>, Feed> {
    let mut feeds = BTreeMap::new();
    let Some(fields) = Fields::of(node, path, findings) else { return feeds };
    let entries = fields.require("feeds", findings).and_then(|node| node.map(path, findings)).unwrap_or_default();
    fields.finish(&[], findings);
    for (key, value) in entries {
        if !is_name(&key.text) {
            findings.error("R0307", path, key.span, format!("`{}` is no name", key.text));
            continue;
        }
        if let Some(feed) = feed(&key.text, value, path, sources, findings) {
            feeds.insert(feed.id.clone(), feed);
        }
    }
    feeds
}

fn feed(id: &str, node: &Node, path: &str, sources: &Sources, findings: &mut Findings) -> Option<Feed> {
    let keys = Fields::of(node, path, findings)?;
    let file = keys.require("file", findings).and_then(|node| Some((node, node.text(path, findings)?)));
    let types = keys.require("fields", findings).and_then(|node| {
        let names: Vec<&str> = TYPES.iter().map(|(name, _)| *name).collect();
        let mut types = BTreeMap::new();
        for (key, value) in node.map(path, findings)? {
            let which = value.one_of(&names, path, findings)?;
            types.insert(Arc::<str>::from(key.text.as_str()), TYPES.get(which)?.1);
        }
        Some(types)
    });
    keys.finish(&[], findings);
    let ((file_node, file), types) = (file?, types?);
    let full = format!("config/{file}");
    let Some(source) = sources.get(&full) else {
        let known: Vec<&str> = sources
            .under("config/")
            .map(|s| s.path.trim_start_matches("config/"))
            .filter(|p| p.ends_with(".json") && !p.starts_with("schema/"))
            .collect();
        findings
            .error("R0518", path, file_node.span, format!("there is no file {full}"))
            .did_you_mean(nearest(file, known.iter().copied()));
        return None;
    };
    let items: Vec<Json> = match serde_json::from_str(&source.text) {
        Ok(Json::Array(items)) => items,
        Ok(_) => {
            findings.error("R0523", &full, None, "expected a list of items");
            return None;
        }
        Err(error) => {
            findings.error("R0523", &full, None, format!("no JSON: {error}"));
            return None;
        }
    };
    let before = findings.errors();
    for (at, item) in items.iter().enumerate() {
        check_item(at, item, &types, &full, findings);
    }
    (findings.errors() == before).then(|| Feed { id: id.into(), fields: types, items })
}

fn check_item(at: usize, item: &Json, types: &BTreeMap<Arc<str>, FieldType>, path: &str, findings: &mut Findings) {
    let nothing = Map::new();
    let Some(map) = item.as_object() else {
        findings.error("R0523", path, None, format!("item {} is not an object", at + 1));
        return;
    };
    let map = if map.is_empty() { &nothing } else { map };
    for (name, ty) in types {
        let value = map.get(&**name);
        // `until` says how long an item is shown; without it an item is always shown.
        if value.is_none() && &**name == "until" {
            continue;
        }
        if !value.is_some_and(|value| fits(value, *ty)) {
            findings
                .error("R0523", path, None, format!("item {}: `{name}` is not {}", at + 1, expected(*ty)))
                .hint("The fields of an item are declared in config/feeds.yaml.");
        }
    }
    for name in map.keys().filter(|name| !types.contains_key(name.as_str())) {
        findings
            .error("R0523", path, None, format!("item {}: unknown field `{name}`", at + 1))
            .did_you_mean(nearest(name, types.keys().map(|name| &**name)));
    }
}

fn fits(value: &Json, ty: FieldType) -> bool {
    let text = || value.as_str().filter(|text| !text.trim().is_empty());
    match ty {
        FieldType::Text => text().is_some(),
        FieldType::Url => text().is_some_and(|text| text.starts_with("https://")),
        FieldType::Percent => value.as_f64().is_some_and(|percent| (0.0..=100.0).contains(&percent)),
        FieldType::Number => value.is_number(),
        FieldType::Date => text().is_some_and(|text| text.parse::<Date>().is_ok()),
        FieldType::Money => {
            let currency = value.get("currency").and_then(Json::as_str).and_then(Currency::parse);
            value.get("minor").is_some_and(Json::is_i64) && currency.is_some()
        }
    }
}

fn expected(ty: FieldType) -> &'static str {
    match ty {
        FieldType::Text => "a text",
        FieldType::Url => "an https address",
        FieldType::Money => "an amount like { \"minor\": 4200, \"currency\": \"EUR\" }",
        FieldType::Percent => "a percentage from 0 to 100",
        FieldType::Number => "a number",
        FieldType::Date => "a date like \"2026-12-31\"",
    }
}
