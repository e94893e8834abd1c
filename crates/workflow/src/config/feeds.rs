//! `config/feeds.yaml`: lists that mails show, from JSON files beside it: written by hand, or by `rapport feeds pull`.

mod origin;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use rapport_rule::suggest::nearest;
use rapport_rule::yaml::{Fields, Node, is_name};
use rapport_rule::{Currency, Findings, Length, Source, Sources};
use serde_json::{Map, Value as Json};

pub use origin::{Column, CurrencyIn, Format, Origin, Place};
pub(crate) use origin::{DECIMALS, FORMATS, SEPARATORS};

/// The fields that say until which day an item is shown; without them it always is.
const UNTIL: [&str; 2] = ["until", "valid_until"];

/// Whether a field may be missing from an item.
pub(crate) fn may_be_missing(field: &str) -> bool {
    UNTIL.contains(&field)
}

/// The file that holds the items of a feed that is pulled.
#[must_use]
pub fn pulled_file(id: &str) -> String {
    format!("config/feeds/{id}.json")
}

/// A list with typed fields.
#[derive(Debug, Clone, PartialEq)]
pub struct Feed {
    /// Its id.
    pub id: Arc<str>,
    /// Fields of an item.
    pub fields: BTreeMap<Arc<str>, FieldType>,
    /// Items in the order of the file: newest first.
    pub items: Vec<Json>,
    /// When they were pulled, if the file says so.
    pub pulled_at: Option<Timestamp>,
    /// How long after that they are shown.
    pub fresh_for: Option<Length>,
    /// Where they are pulled from.
    pub origin: Option<Origin>,
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
    /// The first items that are still valid at `now`: one whose `until` or `valid_until` day has passed in the programme's zone is
    /// left out. None at all when they are older than they may be.
    pub fn newest(&self, limit: usize, now: Timestamp, zone: &TimeZone) -> Json {
        if !self.is_fresh(now, zone) {
            return Json::Array(Vec::new());
        }
        let today = now.to_zoned(zone.clone()).date();
        self.items.iter().filter(|item| is_valid(item, today)).take(limit).cloned().collect()
    }

    /// Whether the items are young enough to be shown. Of what has to be fresh and does not say when it was pulled nobody knows it.
    pub fn is_fresh(&self, now: Timestamp, zone: &TimeZone) -> bool {
        self.fresh_for.is_none() || self.fresh_until(zone).is_some_and(|until| now <= until)
    }

    /// Until when they are, if that has an end and is known.
    pub fn fresh_until(&self, zone: &TimeZone) -> Option<Timestamp> {
        let span = self.fresh_for?.calendar_span()?;
        Some(self.pulled_at?.to_zoned(zone.clone()).checked_add(span).ok()?.timestamp())
    }

    /// The first day from `today` on after which an item is not shown any more.
    pub fn next_expiry(&self, today: Date) -> Option<Date> {
        self.items.iter().filter_map(last_day).filter(|day| *day >= today).min()
    }

    /// How many items are still valid on a day.
    pub fn valid_on(&self, today: Date) -> usize {
        self.items.iter().filter(|item| is_valid(item, today)).count()
    }
}

/// The last day on which an item is shown.
fn last_day(item: &Json) -> Option<Date> {
    UNTIL.iter().filter_map(|name| item.get(name)?.as_str()?.parse().ok()).min()
}

pub(crate) fn is_valid(item: &Json, today: Date) -> bool {
    last_day(item).is_none_or(|last| last >= today)
}

pub(crate) fn read(node: &Node, path: &str, sources: &Sources, findings: &mut Findings) -> BTreeMap<Arc<str>, Feed> {
    let mut feeds = BTreeMap::new();
    let Some(fields) = Fields::of(node, path, findings) else { return feeds };
    let entries = fields.require("feeds", findings).and_then(|node| node.map(path, findings)).unwrap_or_default();
    fields.finish(&[], findings);
    let pulls = entries.iter().filter(|(_, value)| value.get("from").is_some());
    let pulled: BTreeSet<String> = pulls.map(|(key, _)| pulled_file(&key.text)).collect();
    for (key, value) in entries {
        if !is_name(&key.text) {
            findings.error("R0307", path, key.span, format!("`{}` is no name", key.text));
            continue;
        }
        if let Some(feed) = feed(&key.text, value, path, sources, &pulled, findings) {
            feeds.insert(feed.id.clone(), feed);
        }
    }
    feeds
}

/// `pulled`: the files that pulls of any feed write.
fn feed(
    id: &str,
    node: &Node,
    path: &str,
    sources: &Sources,
    pulled: &BTreeSet<String>,
    findings: &mut Findings,
) -> Option<Feed> {
    let keys = Fields::of(node, path, findings)?;
    let before = findings.errors();
    let pulls = keys.peek("from").is_some();
    let own = match pulls {
        true => keys.take("fields"),
        false => keys.require("fields", findings),
    };
    let own = own.and_then(|node| types(node, path, findings));
    let file = match pulls {
        true => keys.take("file").map(|_| ()),
        false => keys.require("file", findings).map(|_| ()),
    };
    let fresh_for = keys.take("fresh_for").and_then(|node| fresh_for(node, path, findings));
    let origin = origin::read(&keys, own.clone().unwrap_or_default(), findings);
    let named = keys.peek("file");
    let from = keys.key_span("from");
    keys.finish(&[], findings);
    (findings.errors() == before).then_some(())?;
    let (fields, origin, full) = match origin {
        Some((origin, fields)) => (fields, Some(origin), pulled_file(id)),
        None => (own?, None, format!("config/{}", file.and(named)?.text(path, findings)?)),
    };
    if origin.is_none() && pulled.contains(&full) {
        findings
            .error("R0473", path, named?.text_span(), "a feed that is pulled writes this file")
            .label("name another file: what is written there by hand would be gone with the next pull");
        return None;
    }
    let mut feed = Feed { id: id.into(), fields, items: Vec::new(), pulled_at: None, fresh_for, origin };
    let Some(source) = sources.get(&full) else {
        if feed.origin.is_some() {
            findings
                .warning("R0472", path, from, "nothing was pulled yet: mails show no item")
                .label(format!("run `rapport feeds pull {id}`"));
            return Some(feed);
        }
        let node = named?;
        let file = full.trim_start_matches("config/");
        let known: Vec<&str> = sources
            .under("config/")
            .map(|s| s.path.trim_start_matches("config/"))
            .filter(|p| p.ends_with(".json") && !p.starts_with("schema/"))
            .collect();
        findings
            .error("R0518", path, node.span, format!("there is no file {full}"))
            .did_you_mean(nearest(file, known.iter().copied()));
        return None;
    };
    (feed.pulled_at, feed.items) = held(source, findings)?;
    if feed.fresh_for.is_some() && feed.pulled_at.is_none() {
        findings
            .warning("R0472", &full, None, "nobody can say whether these items are fresh: mails show none")
            .hint(format!("`rapport feeds pull {id}` writes `pulled_at` beside `items`; without `fresh_for` they are always shown."));
    }
    for (at, item) in feed.items.iter().enumerate() {
        check_item(at, item, &feed.fields, &full, findings);
    }
    twice(&feed, &full, findings);
    (findings.errors() == before).then_some(feed)
}

fn types(node: &Node, path: &str, findings: &mut Findings) -> Option<BTreeMap<Arc<str>, FieldType>> {
    let names: Vec<&str> = TYPES.iter().map(|(name, _)| *name).collect();
    let mut types = BTreeMap::new();
    for (key, value) in node.map(path, findings)? {
        let which = value.one_of(&names, path, findings)?;
        types.insert(Arc::<str>::from(key.text.as_str()), TYPES.get(which)?.1);
    }
    Some(types)
}

fn fresh_for(node: &Node, path: &str, findings: &mut Findings) -> Option<Length> {
    let length = node.length(path, findings)?;
    if length.is_zero() || length.calendar_span().is_none() {
        findings
            .error("R0473", path, node.span, "nothing is fresh for that long")
            .label("write hours, days, weeks or months, like `2 days`");
        return None;
    }
    Some(length)
}

/// What a file holds: a list, or what `rapport feeds pull` writes.
fn held(source: &Source, findings: &mut Findings) -> Option<(Option<Timestamp>, Vec<Json>)> {
    let path = source.path.as_str();
    let mut map = match serde_json::from_str(&source.text) {
        Ok(Json::Array(items)) => return Some((None, items)),
        Ok(Json::Object(map)) => map,
        Ok(_) => {
            findings.error("R0523", path, None, "expected a list of items");
            return None;
        }
        Err(error) => {
            findings.error("R0523", path, None, format!("no JSON: {error}"));
            return None;
        }
    };
    let (pulled_at, items) = (map.remove("pulled_at"), map.remove("items"));
    let Some(Json::Array(items)) = items else {
        findings.error("R0523", path, None, "expected a list of items");
        return None;
    };
    let at = pulled_at.as_ref().map(|at| at.as_str().and_then(|at| at.parse::<Timestamp>().ok()));
    if at == Some(None) {
        findings.error("R0523", path, None, "`pulled_at` is not an instant like \"2026-12-31T06:00:00Z\"");
        return None;
    }
    if let Some(other) = map.keys().next() {
        findings
            .error("R0523", path, None, format!("unknown key `{other}` beside `items`"))
            .did_you_mean(nearest(other, ["pulled_at", "items"]));
        return None;
    }
    Some((at.flatten(), items))
}

/// Items of one id are one thing shown twice.
fn twice(feed: &Feed, path: &str, findings: &mut Findings) {
    let mut first: BTreeMap<&str, usize> = BTreeMap::new();
    for (at, item) in feed.items.iter().enumerate() {
        let Some(id) = item.get("id").and_then(Json::as_str) else { continue };
        match first.get(id) {
            Some(before) => {
                let what = format!("item {}: its `id` is that of item {}, `{id}`", at + 1, before + 1);
                findings.warning("R0474", path, None, what).hint("Mails may show the same thing twice.");
            }
            None => {
                first.insert(id, at);
            }
        }
    }
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
        // Without a last day an item is always shown.
        if value.is_none() && may_be_missing(name) {
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
