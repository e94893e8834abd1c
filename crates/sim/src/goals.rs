//! Goals in a run: files that put them to every partner, what partners and programme answer, and what must hold of it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{Timestamp, ToSpan};
use rapport_engine::{
    records,
    shard::goals::agreed::{self, PARTNER, Proposal},
};
use rapport_event::{Event, Kind, engine::GoalData, id::PartnerKey};
use rapport_message::link::{Claims, Keys};
use serde_json::Value;
use xxhash_rust::xxh3::xxh3_64;

use crate::{
    properties::Broken,
    run::{LINK_KEY, Outcome},
    world::{self, begins},
};
use rapport_memory::store::Tables;

/// The days goals run on, of the world's beginning.
const FIRST_DAY: i64 = 4;
const LAST_DAY: i64 = 34;

/// The shipped files with goals that every partner is asked to agree on, within a world of some weeks.
///
/// # Panics
/// When `config/goals.yaml` is written otherwise.
#[must_use]
pub fn files() -> BTreeMap<String, String> {
    let mut files = world::shipped_files();
    let goals = files.get_mut("config/goals.yaml").expect("the shipped goals");
    assert!(goals.contains("\ngoals:\n"), "the goals are written otherwise");
    let on =
        |day: i64| (begins() + jiff::SignedDuration::from_hours(24 * day)).to_zoned(jiff::tz::TimeZone::UTC).date();
    let (from, to) = (on(FIRST_DAY), on(LAST_DAY));
    let more = format!(
        "\ngoals:\n  more: {{ for: everyone, metric: approved_conversions, target: 6, from: {from}, to: {to}, tell_at: [20%, 50%, 90%], agree: \
         partner, owner: ines }}\n  seen: {{ for: everyone, metric: clicks, target: 40, from: {from}, to: {to}, tell_at: [50%], agree: \
         partner, owner: manager }}\n"
    );
    *goals = goals.replace("\ngoals:\n", &more);
    files
}

/// Open proposals, in the order of partners and goals.
fn open(tables: &Tables) -> Vec<(PartnerKey, String, Proposal)> {
    let mut all = Vec::new();
    for (key, (_, row)) in &tables.partners {
        for (goal, agreement) in agreed::of_row(row).unwrap_or_default() {
            all.extend(agreement.open.map(|open| (key.clone(), goal, open)));
        }
    }
    all
}

fn chance(key: &PartnerKey, proposal: &str) -> u64 {
    xxh3_64(format!("{key}/{proposal}").as_bytes())
}

fn act(
    key: &PartnerKey,
    goal: &str,
    proposal: &str,
    kind: Kind,
    by: &str,
    terms: Option<(i64, jiff::civil::Date)>,
    at: Timestamp,
) -> Event {
    let data = GoalData {
        goal: goal.into(),
        proposal: proposal.into(),
        by: Some(by.into()),
        target: terms.map(|(target, _)| target),
        until: terms.map(|(_, until)| until),
        ..GoalData::default()
    };
    records::goal(key.clone(), kind, data, at)
}

/// What partners answer on the page behind the link, as the gateway writes it down: half of them agree, and click twice and then
/// think of other terms, too late; a quarter proposes other terms, a quarter declines.
pub(crate) fn answers(tables: &Tables, at: Timestamp) -> Vec<Event> {
    let mut acts = Vec::new();
    for (key, goal, open) in open(tables).into_iter().filter(|(.., open)| open.counter.is_none()) {
        let say = |kind, terms| act(&key, &goal, &open.id, kind, PARTNER, terms, at);
        let less = Some(((open.terms.target / 2).max(1), open.terms.to.saturating_sub(2.days())));
        match chance(&key, &open.id) % 4 {
            0 | 1 => acts.extend([
                say(Kind::GoalAccepted, None),
                say(Kind::GoalAccepted, None),
                say(Kind::GoalCountered, less),
            ]),
            2 => acts.push(say(Kind::GoalCountered, less)),
            _ => acts.extend([say(Kind::GoalDeclined, None), say(Kind::GoalAccepted, None)]),
        }
    }
    acts
}

/// What the programme answers to other terms: it takes three of four, and takes the proposal back otherwise.
pub(crate) fn settlements(tables: &Tables, at: Timestamp) -> Vec<Event> {
    let mut acts = Vec::new();
    for (key, goal, open) in open(tables) {
        let Some(said) = &open.counter else { continue };
        let (kind, terms) = match chance(&key, &open.id) / 4 % 4 {
            0 => (Kind::GoalWithdrawn, None),
            _ => (Kind::GoalAccepted, Some((said.target, said.to))),
        };
        acts.push(act(&key, &goal, &open.id, kind, "ines", terms, at));
    }
    acts
}

/// How often each kind of what becomes of goals was told.
#[must_use]
pub fn told(tables: &Tables) -> BTreeMap<&str, usize> {
    let mut all = BTreeMap::new();
    for row in tables.signals.values().filter(|row| row.kind.starts_with("goal.")) {
        *all.entry(row.kind.as_str()).or_default() += 1;
    }
    all
}

/// What must hold of goals after a run.
#[must_use]
pub fn broken(outcome: &Outcome) -> Broken {
    let mut broken = Broken::new();
    let mut told: BTreeMap<(PartnerKey, String, String), Vec<Timestamp>> = BTreeMap::new();
    for row in outcome.tables.signals.values().filter(|row| row.kind.starts_with("goal.")) {
        let payload: Value = serde_json::from_str(&row.payload).unwrap_or_default();
        let Some(proposal) = payload["proposal"].as_str() else { continue };
        let percent = payload["percent"].as_f64().filter(|_| row.kind == "goal.progress");
        let what = format!("{}{}", row.kind, percent.map(|_| format!(" {}", row.id)).unwrap_or_default());
        told.entry((row.key.clone(), proposal.to_owned(), what)).or_default().push(row.occurred_at);
    }
    for ((key, proposal, kind), times) in &told {
        if times.len() > 1 && kind != "goal.behind" {
            broken.push(format!("{key}: {kind} of {proposal} was told {} times", times.len()));
        }
        let of =
            |kind: &str| told.get(&(key.clone(), proposal.clone(), kind.to_owned())).and_then(|times| times.first());
        let needs = match kind.split(' ').next() {
            Some("goal.progress" | "goal.reached" | "goal.behind") => "goal.accepted",
            Some("goal.proposed") => continue,
            _ => "goal.proposed",
        };
        if !of(needs).is_some_and(|before| times.iter().all(|at| at >= before)) {
            broken.push(format!("{key}: {kind} of {proposal} without {needs} before it"));
        }
        if kind == "goal.accepted" && of("goal.declined").is_some() {
            broken.push(format!("{key}: {proposal} was declined and accepted"));
        }
    }
    broken.extend(reached(outcome, &told));
    broken.extend(links(outcome));
    broken
}

/// What was agreed on and is met by the world's own records was told as reached.
fn reached(outcome: &Outcome, told: &BTreeMap<(PartnerKey, String, String), Vec<Timestamp>>) -> Broken {
    let zone = jiff::tz::TimeZone::get("Europe/Oslo").unwrap_or(jiff::tz::TimeZone::UTC);
    let mut sales: BTreeMap<String, (i64, String, String, Option<Timestamp>)> = BTreeMap::new();
    for (at, record) in &outcome.world.records {
        let record: Value = serde_json::from_slice(record).unwrap_or_default();
        if record["kind"] != "conversion" || *at > outcome.world.until {
            continue;
        }
        let data = &record["data"];
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let revision = data["revision"].as_i64().unwrap_or_default();
        let entry = sales.entry(text(&data["conversion_id"])).or_default();
        if revision >= entry.0 {
            *entry =
                (revision, text(&data["status"]), text(&record["partner"]), text(&data["occurred_at"]).parse().ok());
        }
    }
    let mut broken = Broken::new();
    for (key, (_, row)) in &outcome.tables.partners {
        for agreed in agreed::of_row(row).unwrap_or_default().into_values().filter_map(|agreement| agreement.agreed) {
            if agreed.terms.metric != "approved_conversions" {
                continue;
            }
            let within =
                |at: Timestamp| (agreed.terms.from..=agreed.terms.to).contains(&at.to_zoned(zone.clone()).date());
            let count = sales
                .values()
                .filter(|(_, status, partner, at)| {
                    status == "approved" && partner == key.partner.as_str() && at.is_some_and(within)
                })
                .count() as i64;
            let was_told = told.contains_key(&(key.clone(), agreed.proposal.clone(), "goal.reached".to_owned()));
            if count >= agreed.terms.target && !was_told {
                broken.push(format!("{key}: {count} of {} were approved, and nobody was told", agreed.terms.target));
            }
        }
    }
    broken
}

/// Every mail about a proposal has one link, signed, to a proposal that was put to that partner.
fn links(outcome: &Outcome) -> Broken {
    let Ok(keys) = Keys::new([LINK_KEY.to_vec()]) else { return vec!["no key".into()] };
    let proposed: BTreeSet<(String, String)> = outcome
        .tables
        .signals
        .values()
        .filter(|row| row.kind == "goal.proposed")
        .filter_map(|row| {
            let payload: Value = serde_json::from_str(&row.payload).ok()?;
            Some((row.key.partner.to_string(), payload["proposal"].as_str()?.to_owned()))
        })
        .collect();
    let mut broken = Broken::new();
    for mail in &outcome.accepted {
        for (at, _) in mail.text.match_indices("/g/") {
            let rest = mail.text.get(at + 3..).unwrap_or_default();
            let token: String =
                rest.chars().take_while(|letter| letter.is_ascii_alphanumeric() || "-_".contains(*letter)).collect();
            match keys.verify(&token) {
                Some(Claims::Goal { partner, proposal, .. })
                    if proposed.contains(&(partner.clone(), proposal.clone())) => {}
                other => broken.push(format!("a link in {} says {other:?}", mail.message_id)),
            }
        }
    }
    broken
}

/// Mails with a link to a proposal.
#[must_use]
pub fn mails(outcome: &Outcome) -> usize {
    outcome.accepted.iter().filter(|mail| mail.text.contains("/g/")).count()
}
