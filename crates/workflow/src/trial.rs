//! `tests.yaml`: what an author gives a workflow, and what should come of it. Read and checked here; run by `rapport-trial`.

mod expect;
mod happens;
mod payload;
mod programme;
pub mod series;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use rapport_rule::suggest::nearest;
use rapport_rule::yaml::{Fields, Key, Node, Value};
use rapport_rule::{Findings, Money, Source};
use serde_json::{Map, Value as Json};

pub use expect::{Clocks, Days, EmittedExpected, Expect, Listed, MailExpected, Pattern, TaskExpected};
pub use happens::Happens;
pub use programme::Programme;

use crate::calendar::instant;
use crate::environment::Declared;
use crate::model::{CALL_OUTCOMES, MAIL_OUTCOMES, WorkflowId};

/// One test of a workflow.
#[derive(Debug, Clone, PartialEq)]
pub struct Trial {
    /// What it says, one sentence.
    pub name: String,
    /// 1-based line in `tests.yaml`.
    pub line: usize,
    /// The first instant, and the zone in which days and clock times are meant.
    pub clock: DateTime,
    /// See `clock`.
    pub zone: TimeZone,
    /// Whether the workflow's holdout is drawn; without it everybody is written to.
    pub holdout: bool,
    /// The partner's id.
    pub partner: String,
    /// The partner's fields as events bring them, personal ones among them.
    pub fields: Map<String, Json>,
    /// The partner's status when the play begins: told before the first instant, so that nothing starts on it.
    pub status: String,
    /// Series per day: what happens how often.
    pub daily: Vec<Daily>,
    /// What happens besides.
    pub events: Vec<Happens>,
    /// The programme it plays in.
    pub programme: Programme,
    /// False alarms of dips accepted per partner and year.
    pub budget: f64,
    /// Workflows that run besides the tested one.
    pub workflows: Vec<WorkflowId>,
    /// What becomes of mails by name, where it is not `sent`.
    pub outcomes: BTreeMap<String, String>,
    /// Offers that are refused.
    pub refused_offers: BTreeSet<String>,
    /// Hooks that fail.
    pub failing_hooks: BTreeSet<String>,
    /// The last day played, where it is written.
    pub until: Option<i64>,
    /// What should come of it.
    pub expect: Expect,
}

/// A series per day.
#[derive(Debug, Clone, PartialEq)]
pub struct Daily {
    /// What happens.
    pub what: DailyKind,
    /// How often, day 1 first.
    pub counts: Vec<u32>,
    /// Order value of a conversion.
    pub amount: Money,
}

/// What a series counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DailyKind {
    /// Conversions, recorded and approved at once.
    Conversions,
    /// Conversions that stay pending.
    Pending,
    /// Clicks on links.
    Clicks,
    /// Logins.
    Logins,
}

impl Trial {
    /// The local date of a day; day 1 is that of the clock.
    pub fn date(&self, day: i64) -> Date {
        self.clock.date().checked_add((day - 1).clamp(-100_000, 100_000).days()).unwrap_or(self.clock.date())
    }

    /// The day of an instant.
    pub fn day_of(&self, at: Timestamp) -> i64 {
        i64::from((at.to_zoned(self.zone.clone()).date() - self.clock.date()).get_days()) + 1
    }

    /// The instant of a clock time on a day.
    pub fn at(&self, day: i64, time: jiff::civil::Time) -> Timestamp {
        instant(self.date(day).to_datetime(time), &self.zone)
    }

    /// The last day that is played: of series, events and expectations, or as written.
    pub fn last_day(&self) -> i64 {
        let series = self.daily.iter().map(|daily| daily.counts.len() as i64).max().unwrap_or(0);
        let events = self.events.iter().map(|event| event.day).max().unwrap_or(0);
        self.until.unwrap_or_else(|| series.max(events).max(self.expect.last_day()).max(1))
    }
}

/// Where a reader of tests is.
pub(crate) struct Place<'a> {
    pub(crate) path: &'a str,
    pub(crate) source: &'a Source,
    pub(crate) declared: &'a Declared,
    pub(crate) workflows: &'a [Arc<str>],
    /// Mails the workflow has, and those of the workflows running besides (none known: nothing is said).
    pub(crate) mails: BTreeSet<String>,
    /// Ids of the offers, and of the systems that workflows call.
    pub(crate) offers: Vec<&'a str>,
    pub(crate) hooks: Vec<&'a str>,
}

const GIVEN: [&str; 16] = [
    "clock",
    "holdout",
    "partner",
    "daily",
    "events",
    "amount",
    "programme",
    "budget",
    "workflows",
    "outcomes",
    "offers",
    "hooks",
    "until",
    "expect",
    "name",
    "tests",
];

/// Reads a file of tests.
pub(crate) fn read(node: &Node, place: &Place<'_>, findings: &mut Findings) -> Vec<Trial> {
    let path = place.path;
    let Some(fields) = Fields::of(node, path, findings) else { return Vec::new() };
    let given = fields.take("given");
    let list = fields.require("tests", findings).and_then(|node| node.list(path, findings)).unwrap_or_default();
    fields.finish(&[], findings);
    let mut trials: Vec<Trial> = Vec::new();
    for item in list {
        let Some(trial) = trial(item, given, place, findings) else { continue };
        if let Some(other) = trials.iter().find(|other| other.name == trial.name) {
            findings
                .error(
                    "R0606",
                    path,
                    item.span,
                    format!("two tests `{}`, the other on line {}", trial.name, other.line),
                )
                .label("a test's name says what it shows, and reports know it by that");
        }
        trials.push(trial);
    }
    trials
}

/// A key of the test, or else of `given`.
fn of_both<'n>(fields: &Fields<'n>, given: Option<&'n Node>, key: &'static str) -> Option<&'n Node> {
    fields.take(key).or_else(|| given.and_then(|given| given.get(key)))
}

fn trial(item: &Node, given: Option<&Node>, place: &Place<'_>, findings: &mut Findings) -> Option<Trial> {
    let path = place.path;
    let before = findings.errors();
    let fields = Fields::of(item, path, findings)?;
    if let Some(given) = given {
        check_given(given, path, findings);
    }
    let name = fields.require("name", findings).and_then(|node| node.filled_text(path, findings));
    let clock = of_both(&fields, given, "clock").map_or_else(default_clock, |node| clock(node, path, findings));
    let (clock, zone) = clock.unwrap_or_else(|| (DateTime::constant(2026, 2, 2, 0, 0, 0, 0), TimeZone::UTC));
    let holdout = match of_both(&fields, given, "holdout") {
        Some(node) => node.one_of(&["none", "as_written"], path, findings) == Some(1),
        None => false,
    };
    let mut partner = Map::new();
    for node in [given.and_then(|given| given.get("partner")), fields.take("partner")].into_iter().flatten() {
        let entries = node.map(path, findings).unwrap_or_default();
        payload::check_partner(entries, place, findings);
        for (key, value) in entries {
            // These two are read here and by no event, so that nobody else would say that they cannot be read.
            if ["id", "status"].contains(&key.text.as_str()) {
                value.text(path, findings);
            }
            partner.insert(key.text.clone(), json(value));
        }
    }
    let text = |map: &mut Map<String, Json>, key: &str, default: &str| match map.remove(key) {
        Some(Json::String(text)) => text,
        _ => default.to_owned(),
    };
    let id = text(&mut partner, "id", "ada");
    let status = text(&mut partner, "status", "active");
    let amount = of_both(&fields, given, "amount").and_then(|node| node.money(path, findings));
    let amount = amount.or_else(|| Money::parse("40 EUR").ok())?;
    let daily = of_both(&fields, given, "daily").map(|node| daily(node, amount, path, findings)).unwrap_or_default();
    let until = of_both(&fields, given, "until").and_then(|node| played_day(node, None, path, findings));
    // What all tests share may go on for longer than one of them that ends sooner.
    let shared_until = until.filter(|_| fields.peek("until").is_none());
    let shared = given.and_then(|given| given.get("events"));
    let mut events = Vec::new();
    for (node, until) in [(shared, shared_until), (fields.take("events"), until)] {
        let Some(node) = node else { continue };
        events.extend(happens::read(node, until, place, findings));
    }
    let programme =
        of_both(&fields, given, "programme").map(|node| programme::read(node, path, findings)).unwrap_or_default();
    let budget = of_both(&fields, given, "budget").and_then(|node| node.number(path, findings)).unwrap_or(0.1);
    let mut workflows = Vec::new();
    for node in of_both(&fields, given, "workflows").map(Node::one_or_many).unwrap_or_default() {
        let Some(text) = node.text(path, findings) else { continue };
        match place.workflows.iter().find(|id| ***id == *text) {
            Some(id) => workflows.push(id.clone()),
            None => {
                findings
                    .error("R0508", path, node.text_span(), format!("there is no workflow `{text}`"))
                    .did_you_mean(nearest(text, place.workflows.iter().map(|id| &**id)));
            }
        }
    }
    let outcomes = of_both(&fields, given, "outcomes").map(|node| outcomes(node, place, findings)).unwrap_or_default();
    let mut refused_offers = BTreeSet::new();
    if let Some(node) = of_both(&fields, given, "offers") {
        for (key, value) in node.map(path, findings).unwrap_or_default() {
            declared("offer", "R0506", key, &place.offers, path, findings);
            if value.one_of(&["granted", "refused"], path, findings) == Some(1) {
                refused_offers.insert(key.text.clone());
            }
        }
    }
    let mut failing_hooks = BTreeSet::new();
    if let Some(node) = of_both(&fields, given, "hooks") {
        for (key, value) in node.map(path, findings).unwrap_or_default() {
            declared("hook", "R0567", key, &place.hooks, path, findings);
            if value.one_of(&CALL_OUTCOMES, path, findings) == Some(1) {
                failing_hooks.insert(key.text.clone());
            }
        }
    }
    let expected = fields.take("expect");
    let expect = expected.and_then(|node| expect::read(node, place, until, !workflows.is_empty(), findings));
    if expect.as_ref().is_none_or(Expect::is_empty) && findings.errors() == before {
        findings
            .error("R0605", path, item.span, "a test that expects nothing shows nothing")
            .label("write `expect: { mails: [] }` where nothing should be sent");
    }
    fields.finish(&[], findings);
    (findings.errors() == before).then_some(())?;
    let trial = Trial {
        name: name?.to_owned(),
        line: place.source.line_column(item.span.start).0,
        clock,
        zone,
        holdout,
        partner: id,
        fields: partner,
        status,
        daily,
        events,
        programme,
        budget,
        workflows,
        outcomes,
        refused_offers,
        failing_hooks,
        until,
        expect: expect?,
    };
    ends_before_silence(&trial, expected?, path, findings).then_some(trial)
}

/// R0605 for a silence that begins when the play ends: nothing could break it.
fn ends_before_silence(trial: &Trial, expect: &Node, path: &str, findings: &mut Findings) -> bool {
    let (Some(silent), Some(node)) = (trial.expect.nothing_after, expect.get("nothing_after")) else { return true };
    let last = trial.last_day();
    if silent < last {
        return true;
    }
    findings
        .error("R0605", path, node.span, format!("the test ends with day {last}, and nothing is played after it"))
        .label(format!("write `until: day {}` or a later day beside `expect`", silent + 1));
    false
}

/// A finding for what a test says of something that is not declared: nothing would come of it.
fn declared(what: &str, code: &'static str, key: &Key, known: &[&str], path: &str, findings: &mut Findings) {
    if !known.contains(&key.text.as_str()) {
        findings
            .error(code, path, key.span, format!("there is no {what} `{}`", key.text))
            .did_you_mean(nearest(&key.text, known.iter().copied()))
            .hint(format!("What there is stands in config/{what}s.yaml."));
    }
}

fn check_given(given: &Node, path: &str, findings: &mut Findings) {
    for (key, _) in given.as_map().unwrap_or_default() {
        if !GIVEN[..13].contains(&key.text.as_str()) {
            findings
                .error("R0101", path, key.span, format!("unknown key `{}`", key.text))
                .did_you_mean(nearest(&key.text, GIVEN));
        }
    }
}

fn default_clock() -> Option<(DateTime, TimeZone)> {
    Some((DateTime::constant(2026, 2, 2, 0, 0, 0, 0), TimeZone::get("Europe/Oslo").ok()?))
}

/// `2026-02-02T00:00 Europe/Oslo`.
fn clock(node: &Node, path: &str, findings: &mut Findings) -> Option<(DateTime, TimeZone)> {
    let text = node.text(path, findings)?;
    let read = || {
        let (at, zone) = text.trim().split_once(' ')?;
        let at: DateTime = at.parse().ok()?;
        Some((at, TimeZone::get(zone.trim()).ok()?))
    };
    let found = read();
    if found.is_none() {
        findings
            .error("R0602", path, node.text_span(), format!("`{text}` is no clock"))
            .label("write a date, a time and a zone: `2026-02-02T00:00 Europe/Oslo`");
    }
    found
}

fn daily(node: &Node, amount: Money, path: &str, findings: &mut Findings) -> Vec<Daily> {
    let mut all = Vec::new();
    let Some(fields) = Fields::of(node, path, findings) else { return all };
    let amount = fields.take("amount").and_then(|node| node.money(path, findings)).unwrap_or(amount);
    let kinds = [
        ("conversions", DailyKind::Conversions),
        ("pending", DailyKind::Pending),
        ("clicks", DailyKind::Clicks),
        ("logins", DailyKind::Logins),
    ];
    for (key, what) in kinds {
        let Some(node) = fields.take(key) else { continue };
        let number = if let Value::Int(number) = node.value { number.to_string() } else { String::new() };
        let text = if number.is_empty() { node.text(path, findings).unwrap_or_default() } else { &number };
        match series::parse(text) {
            Ok(counts) => all.push(Daily { what, counts, amount }),
            Err(why) => {
                findings
                    .error("R0601", path, node.text_span(), format!("`{text}` is no series: {why}"))
                    .label("write how often, `x`, how many days: `5x70 1x5 (5x5 0x2)x4`");
            }
        }
    }
    fields.finish(&[], findings);
    all
}

fn outcomes(node: &Node, place: &Place<'_>, findings: &mut Findings) -> BTreeMap<String, String> {
    let mut outcomes = BTreeMap::new();
    for (key, value) in node.map(place.path, findings).unwrap_or_default() {
        expect::known_mail(&key.text, key.span, place, findings);
        if let Some(which) = value.one_of(&MAIL_OUTCOMES[..4], place.path, findings) {
            outcomes.insert(key.text.clone(), MAIL_OUTCOMES.get(which).copied().unwrap_or("sent").to_owned());
        }
    }
    outcomes
}

/// A day that is played: none before day 1, and none after `until` where that is written.
pub(crate) fn played_day(node: &Node, until: Option<i64>, path: &str, findings: &mut Findings) -> Option<i64> {
    let found = day(node, path, findings)?;
    if found < 1 {
        findings
            .error("R0607", path, node.span, format!("day {found} lies before the play"))
            .label("write `day 1` or later; day 1 is the day of the clock");
        return None;
    }
    if let Some(until) = until.filter(|until| found > *until) {
        findings
            .error("R0607", path, node.span, format!("day {found} is not played: the test ends with day {until}"))
            .label(format!("write a day up to {until}, or `until: day {found}`"));
        return None;
    }
    Some(found)
}

/// `day 57`, or the number alone.
pub(crate) fn day(node: &Node, path: &str, findings: &mut Findings) -> Option<i64> {
    let found = match &node.value {
        Value::Int(number) => Some(*number),
        Value::String(text) => parse_day(text),
        _ => None,
    };
    let found = found.filter(|day| (-3_000..=3_000).contains(day));
    if found.is_none() {
        findings
            .error("R0607", path, node.span, "this is no day of the play")
            .label("write `day 57`; day 1 is the day of the clock");
    }
    found
}

fn parse_day(text: &str) -> Option<i64> {
    text.trim().strip_prefix("day ")?.trim().parse().ok()
}

/// A value as it would stand in an event.
pub(crate) fn json(node: &Node) -> Json {
    match &node.value {
        Value::Null => Json::Null,
        Value::Bool(value) => Json::Bool(*value),
        Value::Int(value) => Json::from(*value),
        Value::Float(value) => Json::from(*value),
        Value::String(text) => Json::String(text.clone()),
        Value::Seq(items) => items.iter().map(json).collect(),
        Value::Map(entries) => {
            Json::Object(entries.iter().map(|(key, value)| (key.text.clone(), json(value))).collect())
        }
    }
}
