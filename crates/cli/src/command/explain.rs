//! `rapport explain`: everything sent and not sent to a partner, clause by clause.

mod then;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use rapport_contact::{normalise, provider_of};
use rapport_engine::clocks;
use rapport_engine::personal::filled;
use rapport_engine::ports::operating::PauseRow;
use rapport_engine::ports::rows::{
    MessageState, RefusalRow, RelayReply, Response, ResponseRow, SignalRow, TaskKind, TaskRow,
};
use rapport_engine::ports::store::{FeedbackRow, Store as _};
use rapport_engine::rulebooks::{Applied, Rulebooks};
use rapport_engine::shard::health::REVIEWED;
use rapport_engine::story::{Story, ToldMessage};
use rapport_event::PartnerKey;
use rapport_journey::{Journey, explain};
use rapport_rule::expr::Clause;
use rapport_store::SqlStore;
use serde_json::{Map, Value, json};

use super::health::standing_now;
use super::{no_workflow, pause};
use crate::ahead::Ahead;
use crate::desk::open_store;
use crate::exit::{self, Doing, Failure};
use crate::printed::{bold, count, faint, harmless, line, moment};
use crate::settings::Settings;

/// What is told of a partner: how things stand, or stood at an instant.
struct Told {
    key: PartnerKey,
    as_of: Timestamp,
    story: Story,
    /// When they last converted, how often they do, and the chance that they will, in a line.
    standing: Option<String>,
    pauses: Vec<PauseRow>,
    back: Back,
    /// What became, or becomes, of workflows that did not begin.
    begins: BTreeMap<String, Begins>,
}

/// Tells a partner's story, as it stands or as it stood at an instant.
pub async fn run(
    settings: &Settings,
    partner: &str,
    workflow: Option<&str>,
    at: Option<&str>,
    as_data: bool,
) -> Result<u8, Failure> {
    let at = at.map(super::instant).transpose()?;
    let store = open_store(settings).await?;
    let key = find(&store, partner).await?;
    let applied = Rulebooks::new(Arc::new(store.clone())).current().await.doing("reading the applied files")?;
    let told = match at {
        Some(at) => then::told(settings, &store, &key, at).await?,
        None => Told::now(&store, &key, applied.as_deref()).await?,
    };
    store.close().await;
    let Some(mut told) = told else {
        let when = at.map(|at| format!(" at {at}")).unwrap_or_default();
        return Err(Failure::new(format!("nothing is known of {key}{when}")));
    };
    if let Some(workflow) = workflow {
        known_workflow(workflow, applied.as_deref(), &told.story)?;
        told.keep_only(workflow);
    }
    if as_data {
        line(data(&told).to_string());
    } else {
        let home = applied.as_ref().and_then(|applied| applied.rulebook.config.program(key.program.as_str()));
        tell(&told, home.map_or(TimeZone::UTC, |program| program.zone.clone()));
    }
    Ok(exit::OK)
}

impl Told {
    async fn now(store: &SqlStore, key: &PartnerKey, applied: Option<&Applied>) -> Result<Option<Self>, Failure> {
        let Some(story) = store.story(key).await.doing("reading the partner's story")? else { return Ok(None) };
        let back = Back::of(store, key, &story).await?;
        let mut pauses = store.pauses().await.doing("reading what is paused")?;
        pauses.retain(|pause| {
            pause.scope.key.as_ref().is_none_or(|of| of == key)
                && pause.scope.provider.as_ref().is_none_or(|of| Some(of.as_str()) == back.provider)
                && pause.scope.journey.as_deref().is_none_or(|id| story.has_journey(id))
        });
        Ok(Some(Self {
            key: key.clone(),
            as_of: clocks::present(store).await.doing("asking for the time")?,
            standing: standing_now(store, key, Some(&story)).await,
            pauses,
            back,
            begins: match applied {
                Some(applied) => foreseen(store, applied, &story).await?,
                None => BTreeMap::new(),
            },
            story,
        }))
    }

    /// Leaves away what is about other workflows.
    fn keep_only(&mut self, workflow: &str) {
        let story = &mut self.story;
        story.journeys.retain(|journey| journey.workflow == workflow);
        story.messages.retain(|message| message.message.workflow == workflow);
        story.refusals.retain(|refusal| refusal.workflow == workflow);
        story.tasks.retain(|task| task.workflow == workflow);
        self.back.responses.retain(|did| story.messages.iter().any(|told| told.message.id == did.message));
        self.pauses.retain(|pause| {
            pause.scope.workflow.as_deref().is_none_or(|paused| paused == workflow)
                && pause.scope.journey.as_deref().is_none_or(|id| story.has_journey(id))
        });
    }
}

/// A workflow that neither is in force nor ever touched the partner is a slip.
fn known_workflow(workflow: &str, applied: Option<&Applied>, story: &Story) -> Result<(), Failure> {
    let in_force = applied.into_iter().flat_map(|applied| &applied.rulebook.workflows).map(|workflow| &*workflow.id);
    let met = story.journeys.iter().map(|journey| journey.workflow.as_str());
    let met = met.chain(story.messages.iter().map(|told| told.message.workflow.as_str()));
    let known: BTreeSet<&str> =
        in_force.chain(met).chain(story.refusals.iter().map(|row| row.workflow.as_str())).collect();
    if known.contains(workflow) {
        return Ok(());
    }
    Err(no_workflow::named(workflow, known))
}

/// The one partner of this id, or of PROGRAM/PARTNER.
pub(super) async fn find(store: &SqlStore, partner: &str) -> Result<PartnerKey, Failure> {
    if let Some((program, id)) = partner.split_once('/')
        && let Ok(key) = PartnerKey::new(program, id)
        && store.story(&key).await.doing("looking for the partner")?.is_some()
    {
        return Ok(key);
    }
    let mut keys = store.find_partners(partner).await.doing("looking for the partner")?;
    match (keys.pop(), keys.len()) {
        (Some(key), 0) => Ok(key),
        (None, _) => Err(Failure::new(format!("there is no partner `{}`", harmless(partner)))
            .help("ids are those of the events, in upper and lower case as written there")),
        (Some(last), _) => {
            let all: Vec<String> = keys.iter().chain([&last]).map(ToString::to_string).collect();
            Err(Failure::input(format!("several programmes have a partner `{}`", harmless(partner)))
                .help(format!("name one: {}", all.join(", "))))
        }
    }
}

fn text_of<'a>(person: &'a Value, field: &str) -> Option<&'a str> {
    person.get(field).and_then(Value::as_str)
}

/// What came back: the address's suppressions, and what was said of the mails.
#[derive(Default)]
struct Back {
    /// Topic, none for everything, and the reason's code.
    closed: Vec<(Option<String>, String)>,
    /// Whose mailbox it is.
    provider: Option<&'static str>,
    reports: Vec<FeedbackRow>,
    /// What the partner did about the mails: clicked, answered, wrote back, opted out.
    responses: Vec<ResponseRow>,
}

impl Back {
    async fn of(store: &SqlStore, key: &PartnerKey, story: &Story) -> Result<Self, Failure> {
        let person: Value =
            story.person.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
        let address = text_of(&person, "email").and_then(normalise);
        let closed = match &address {
            Some(address) => store.suppressions(&address.folded()).await.doing("reading suppressions")?,
            None => Vec::new(),
        };
        let provider = address.as_ref().map(|address| provider_of(address.domain()));
        let address = address.map(|address| address.key());
        let reports = store.reports_about(key, address.as_deref()).await.doing("reading what came back")?;
        let responses = store.responses_of(key).await.doing("reading what the partner did about mails")?;
        Ok(Self { closed, provider, reports, responses })
    }
}

/// When what did not begin will, if nothing more happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Begins {
    /// Then.
    At(Timestamp),
    /// Not before this instant; what new events bring, nobody knows.
    NotBefore(Timestamp),
    /// Seen from an instant in the past: then it did.
    Began(Timestamp),
    /// Seen from then: it has not yet.
    NotSince,
}

impl Begins {
    /// The sentence under a refusal.
    fn told(self, zone: &TimeZone) -> String {
        match self {
            Self::At(at) => format!("would begin {}, if nothing more happens", moment(at, zone)),
            Self::NotBefore(at) => format!(
                "does not begin by itself before {}; what events and the judgements of each day bring cannot be foreseen",
                moment(at, zone)
            ),
            Self::Began(at) => format!("began {}", moment(at, zone)),
            Self::NotSince => "has not begun since".to_owned(),
        }
    }
}

/// So far ahead it is looked when a workflow that did not begin will.
const LOOKS_AHEAD: SignedDuration = SignedDuration::from_hours(24 * 90);

/// For each workflow that was refused last: when it begins, played forward from what is stored, with nothing happening but time.
async fn foreseen(store: &SqlStore, applied: &Applied, story: &Story) -> Result<BTreeMap<String, Begins>, Failure> {
    let refused: BTreeSet<&str> = story.refusals.iter().map(|row| row.workflow.as_str()).collect();
    let refused: Vec<&str> = refused.into_iter().filter(|id| applied.rulebook.workflow(id).is_some()).collect();
    if refused.is_empty() {
        return Ok(BTreeMap::new());
    }
    let key = &story.partner.key;
    let ahead = Ahead::of_one(store, key).await?;
    let now = ahead.picture.now;
    let until = now.checked_add(LOOKS_AHEAD).unwrap_or(now);
    let played = ahead.forecast(ahead.story(key).await?, until).await?;
    let began = |id: &str| {
        let of_it = played.performance.journeys.iter().filter(|journey| *journey.workflow == *id);
        of_it.map(|journey| journey.started_at).filter(|at| *at >= now).min()
    };
    Ok(refused.into_iter().map(|id| (id.to_owned(), began(id).map_or(Begins::NotBefore(until), Begins::At))).collect())
}

/// `home` is the programme's zone, for partners who named none.
fn tell(told: &Told, home: TimeZone) {
    let Told { key, as_of: _, story, standing, pauses, back, begins } = told;
    let person: Value = story.person.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    let zone = text_of(&person, "zone").and_then(|name| TimeZone::get(name).ok()).unwrap_or(home);
    let name = text_of(&person, "name").map_or_else(|| "name not known".to_owned(), harmless);
    let facts: Vec<&str> =
        ["type", "country", "language", "zone"].iter().filter_map(|field| text_of(&person, field)).collect();
    line(format!("{}  {name}  {}", bold(key.partner.as_str()), faint(&harmless(&facts.join(" · ")))));
    let agreed = match person.pointer("/consent/given").and_then(Value::as_bool) {
        Some(true) => "agreed to marketing mail",
        Some(false) => "did not agree to marketing mail",
        None => "was never asked about marketing mail",
    };
    line(format!(
        "  {agreed}; {}, {}",
        count(story.journeys.len() as i64, "journey"),
        count(sent(story), "mail") + " sent"
    ));
    standing.iter().for_each(|standing| line(format!("  {standing}")));
    for row in pauses {
        line(format!("  {}  {}", bold("PAUSED"), pause::told(row)));
    }
    for (topic, reason) in &back.closed {
        let what = topic.as_deref().unwrap_or("any topic");
        line(format!("  {}  {} · {reason}{}", bold("NO MAIL"), harmless(what), about(reason)));
    }
    for report in back.reports.iter().filter(|report| report.message.is_none()) {
        line(format!("  {}", told_report(report, &zone)));
    }
    for (offset, why) in &story.parked {
        line(format!("  PARKED  record {offset} waits: {}", harmless(why)));
    }
    if !story.signals.is_empty() {
        line(format!("\n{}", bold("Signals")));
        // Reviews of health are many; `rapport health` tells them.
        let signals = story.signals.iter().filter(|signal| signal.kind != REVIEWED);
        signals.for_each(|signal| line(format!("  {}", told_signal(signal, &zone))));
    }
    // Those of no journey: opened by a person.
    for task in story.tasks.iter().filter(|task| task.journey.is_empty()) {
        let due = task.due.map(|due| format!(", due {}", moment(due, &zone))).unwrap_or_default();
        told_task(task, &person, &due, &zone);
    }
    for row in &story.journeys {
        line("");
        match serde_json::from_str::<Journey>(&row.body) {
            Ok(journey) => line(harmless_lines(explain::journey(&journey, &zone).trim_end())),
            Err(error) => line(format!("JOURNEY  {} · cannot be read: {error}", row.workflow)),
        }
        for message in story.messages.iter().filter(|message| message.message.journey == row.id) {
            told_message(message, &story.messages, pauses, &zone);
            let of_it = |report: &&FeedbackRow| report.message.as_deref() == Some(message.message.id.as_str());
            for report in back.reports.iter().filter(of_it) {
                line(format!("    – {}", told_report(report, &zone)));
            }
            for response in back.responses.iter().filter(|response| response.message == message.message.id) {
                line(format!("    – {}", told_response(response, &zone)));
            }
        }
        for task in story.tasks.iter().filter(|task| task.journey == row.id) {
            let due = task.due.map(|due| format!(", due {}", moment(due, &zone))).unwrap_or_default();
            told_task(task, &person, &due, &zone);
        }
    }
    for row in &story.refusals {
        line("");
        told_refusal(row, key, &zone);
        if let Some(begins) = begins.get(&row.workflow) {
            line(format!("  – {}", begins.told(&zone)));
        }
    }
}

/// A task as those who do it read it: personal fields filled in.
fn told_task(task: &TaskRow, person: &Value, due: &str, zone: &TimeZone) {
    let nobody = Map::new();
    let text = filled(&task.text, person.as_object().unwrap_or(&nobody), Some(task.key.partner.as_str()));
    let what = if task.kind == TaskKind::Case { "CASE" } else { "TASK" };
    let ended =
        task.ended.as_ref().map(|end| format!(" · {} {} by {}", end.outcome, moment(end.at, zone), harmless(&end.by)));
    let ended = ended.unwrap_or_default();
    line(format!("  {what}  for {}: {}{due}{ended}", harmless(&task.assignee), harmless(&text)));
}

fn told_report(report: &FeedbackRow, zone: &TimeZone) -> String {
    format!("{}, told by {} on {}", report.what, report.origin, moment(report.at, zone))
}

fn told_response(response: &ResponseRow, zone: &TimeZone) -> String {
    let did = match response.what {
        Response::Click => "a counted link of it was followed",
        Response::Answer => "its survey was answered",
        Response::Reply => "a reply came",
        Response::Unsubscribe => "it was the way out of its topic, or of all mail",
    };
    format!("{did}, first on {}", moment(response.at, zone))
}

fn sent(story: &Story) -> i64 {
    let went = |message: &&ToldMessage| matches!(message.state, MessageState::Sent | MessageState::InDoubt);
    story.messages.iter().filter(went).count() as i64
}

fn told_signal(signal: &SignalRow, zone: &TimeZone) -> String {
    let payload: Value = serde_json::from_str(&signal.payload).unwrap_or_default();
    let summary = payload.get("summary").and_then(Value::as_str).filter(|text| !text.is_empty());
    let summary = summary.map(|text| format!(": {}", harmless(text))).unwrap_or_default();
    let over = signal.ended_at.map(|at| format!(" (until {})", moment(at, zone))).unwrap_or_default();
    format!("{}  {}{summary}{over}", moment(signal.occurred_at, zone), signal.kind)
}

fn told_message(told: &ToldMessage, all: &[ToldMessage], pauses: &[PauseRow], zone: &TimeZone) {
    let message = &told.message;
    let title = match told.state {
        MessageState::Sent => "SENT",
        MessageState::InDoubt => "MAYBE SENT",
        MessageState::Queued | MessageState::Attempting => "WAITS",
        _ => "NOT SENT",
    };
    let name = format!("{}/{}", message.workflow, message.mail);
    line(format!("  {}  {name} · {}", bold(title), moment(told.changed_at, zone)));
    if told.state == MessageState::Queued {
        for row in pauses.iter().filter(|row| row.scope.covers(message)) {
            line(format!("    – {} by {}: {}", row.id, harmless(&row.by), harmless(&row.because)));
        }
    }
    let reason = told.reason.as_deref().filter(|reason| !reason.is_empty());
    if let Some(reply) = &told.reply {
        line(format!("    – {}", accepted(reply, zone)));
    }
    match (told.state, reason) {
        (MessageState::Sent, _) | (_, None) => {}
        (state, Some(reason)) => {
            line(format!("    – {}: {}{}", state.code(), harmless(reason), about(reason)));
        }
    }
    let carrier = told.carrier.as_ref().filter(|_| told.state == MessageState::Suppressed);
    if let Some(carrier) = carrier.and_then(|id| all.iter().find(|other| other.message.id == *id)) {
        let (message, at) = (&carrier.message, moment(carrier.changed_at, zone));
        line(format!("    – in the digest of {}/{} · {at}", message.workflow, message.mail));
    }
}

/// The relay's word that it has the mail.
fn accepted(reply: &RelayReply, zone: &TimeZone) -> String {
    let RelayReply { relay, at, .. } = reply;
    format!("accepted by {} {}: {}", harmless(relay), moment(*at, zone), harmless(&reply.words()))
}

/// What a reason's code means.
fn about(code: &str) -> String {
    let defer = rapport_contact::DeferReason::parse(code).map(rapport_contact::DeferReason::about);
    let text =
        defer.or_else(|| rapport_contact::SuppressReason::parse(code).map(rapport_contact::SuppressReason::about));
    text.map(|text| format!(" ({text})")).unwrap_or_default()
}

fn told_refusal(row: &RefusalRow, key: &PartnerKey, zone: &TimeZone) {
    line(format!("{}  {} · {} · {}", bold("NOT SENT"), row.workflow, key.partner, moment(row.at, zone)));
    let clauses: Vec<Clause> = serde_json::from_str(&row.clauses).unwrap_or_default();
    let told = explain::in_zone(&explain::clauses(&clauses), zone);
    if !told.is_empty() {
        line(harmless_lines(told.trim_end()));
    }
    line(format!("  – refused: {}", row.code));
}

/// Line by line, so that breaks stay.
fn harmless_lines(text: &str) -> String {
    text.lines().map(harmless).collect::<Vec<_>>().join("\n")
}

fn data(told: &Told) -> Value {
    let Told { key, as_of, story, standing, pauses, back, begins } = told;
    let parsed = |text: &str| serde_json::from_str::<Value>(text).unwrap_or_else(|_| json!(text));
    json!({
        "partner": key.to_string(),
        "as_of": as_of.to_string(),
        "standing": standing,
        "pauses": pauses.iter().map(|row| json!({
            "id": row.id, "since": row.since.to_string(), "until": row.until.map(|at| at.to_string()), "by": row.by,
            "because": row.because,
        })).collect::<Vec<_>>(),
        "suppressions": back.closed.iter().map(|(topic, reason)| json!({ "topic": topic, "reason": reason })).collect::<Vec<_>>(),
        "reports": back.reports.iter().map(|report| json!({
            "what": report.what, "origin": report.origin, "message": report.message, "at": report.at.to_string(),
        })).collect::<Vec<_>>(),
        "responses": back.responses.iter().map(|response| json!({
            "message": response.message, "what": response.what.code(), "at": response.at.to_string(),
        })).collect::<Vec<_>>(),
        "person": story.person.as_deref().map(parsed),
        "journeys": story.journeys.iter().map(|row| parsed(&row.body)).collect::<Vec<_>>(),
        "messages": story.messages.iter().map(|told| json!({
            "id": told.message.id, "workflow": told.message.workflow, "mail": told.message.mail, "step": told.message.step,
            "journey": told.message.journey, "state": told.state.code(), "reason": told.reason,
            "planned_at": told.message.planned_at.to_string(), "changed_at": told.changed_at.to_string(),
            "reply": told.reply, "carrier": told.carrier,
        })).collect::<Vec<_>>(),
        "refusals": story.refusals.iter().map(|row| json!({
            "workflow": row.workflow, "at": row.at.to_string(), "code": row.code, "clauses": parsed(&row.clauses),
            "would_begin_at": match begins.get(&row.workflow) {
                Some(Begins::At(at)) => json!(at.to_string()),
                _ => Value::Null,
            },
            "began_at": match begins.get(&row.workflow) {
                Some(Begins::Began(at)) => json!(at.to_string()),
                _ => Value::Null,
            },
        })).collect::<Vec<_>>(),
        "signals": story.signals.iter().map(|row| json!({
            "id": row.id, "kind": row.kind, "occurred_at": row.occurred_at.to_string(),
            "ended_at": row.ended_at.map(|at| at.to_string()), "payload": parsed(&row.payload),
        })).collect::<Vec<_>>(),
        "tasks": story.tasks.iter().map(|task| json!({
            "id": task.id, "workflow": task.workflow, "for": task.assignee, "text": task.text,
            "kind": task.kind.code(), "opened_by": task.opened_by,
            "ended": task.ended.as_ref().map(|end| json!({ "at": end.at.to_string(), "by": end.by, "outcome": end.outcome })),
            "opened_at": task.opened_at.to_string(), "due": task.due.map(|at| at.to_string()),
        })).collect::<Vec<_>>(),
    })
}
