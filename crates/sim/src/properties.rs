//! What must hold after every run, and between runs of the same world.

use std::collections::{BTreeMap, BTreeSet};

use rapport_contact::{Accepted, Consent, Decision, Kind, Recipient, Request, decide, normalise, resolve_zone};
use rapport_engine::ports::{
    copies::{SentCopy, round_of},
    rows::MessageState,
};
use serde_json::Value;

use crate::{
    faults::Rates,
    goals,
    run::{Operator, Outcome, Setting, play},
    world,
};

/// What is broken, for people; empty is good.
pub type Broken = Vec<String>;

/// What must hold after one run.
#[must_use]
pub fn of_one(outcome: &Outcome) -> Broken {
    let mut broken = Broken::new();
    if let Some(stuck) = &outcome.stuck {
        broken.push(stuck.clone());
        return broken;
    }
    let tables = &outcome.tables;
    for (name, rows) in tables.check() {
        if rows != 0 {
            broken.push(format!("doctor: {name}: {rows}"));
        }
    }
    for ((key, offset), reason) in &tables.parked {
        broken.push(format!("{key} is quarantined at {offset}: {reason}"));
    }
    for letter in tables.dead_letters.values() {
        broken.push(format!("refused: {} {}", letter.code, letter.detail));
    }
    broken.extend(failed_mails(outcome));
    broken.extend(mails_sent_once(outcome));
    broken.extend(journeys_wait_once(outcome));
    broken.extend(offers_given_back(outcome));
    broken.extend(conversions_count_once(outcome));
    broken.extend(rules_of_contact(outcome));
    broken.extend(goals::broken(outcome));
    broken
}

/// A mail the engine itself could not make is a bug of the engine or of the shipped files.
fn failed_mails(outcome: &Outcome) -> Broken {
    let failed = outcome.tables.messages.values().filter(|message| message.state == MessageState::Failed);
    failed.map(|message| format!("mail {} failed: {:?}", message.row.mail, message.reason)).collect()
}

/// Accepted Message-IDs are unique, unless the workflow asked for `delivery: at_least_once`; and each is a message that says
/// `sent` or, when the answer was lost, in doubt.
fn mails_sent_once(outcome: &Outcome) -> Broken {
    let mut broken = Broken::new();
    let mut seen = BTreeSet::new();
    let mut repeated = 0;
    for mail in &outcome.accepted {
        let id = mail.message_id.split('@').next().unwrap_or_default();
        let message = outcome.tables.messages.get(id);
        if !seen.insert(&mail.message_id) {
            repeated += 1;
            if !message.is_some_and(|message| message.row.is_sent_again()) {
                broken.push(format!("{} was accepted twice", mail.message_id));
            }
        }
        let judged = message.and_then(|message| message.address.clone());
        if normalise(&mail.to).map(|to| to.folded()) != judged {
            broken.push(format!("{} went to {}, judged was {judged:?}", mail.message_id, mail.to));
        }
    }
    let messages = outcome.tables.messages.values();
    let sent = messages.clone().filter(|message| message.state == MessageState::Sent).count();
    let doubt = messages.clone().filter(|message| message.state == MessageState::InDoubt).count();
    if !(sent..=sent + doubt).contains(&seen.len()) {
        broken.push(format!("{} accepted, but {sent} sent and {doubt} in doubt", seen.len()));
    }
    // Each fault of a mailer or a connection leaves at most what was in hand: two mails at each of two connections.
    let mailer_faults = outcome.faults.iter().filter(|fault| fault.starts_with("mailer") || fault.starts_with("smtp"));
    if doubt + repeated > mailer_faults.count() * 4 {
        broken.push(format!("{doubt} mails in doubt, {repeated} sent again"));
    }
    if messages.clone().any(|message| message.state == MessageState::Attempting) {
        broken.push("a mail is still in hand".into());
    }
    broken
}

/// An active journey has exactly one wake, or waits for an outcome or an answer; an ended one has none.
fn journeys_wait_once(outcome: &Outcome) -> Broken {
    let tables = &outcome.tables;
    let mut broken = Broken::new();
    let mut wakes: BTreeMap<&str, usize> = BTreeMap::new();
    for (_, subject) in tables.timers.keys() {
        if let Some(id) = subject.strip_prefix("journey:") {
            *wakes.entry(id).or_default() += 1;
        }
    }
    for journey in tables.journeys.values() {
        let timers = wakes.remove(journey.id.as_str()).unwrap_or_default();
        let queued = tables
            .messages
            .values()
            .filter(|message| message.row.journey == journey.id && message.state == MessageState::Queued)
            .count();
        let asked = tables.requests.values().filter(|request| request.journey == journey.id).count();
        let waits = timers + queued + asked;
        let wanted = match (&journey.exited, journey.held_out) {
            (Some(_), _) | (None, true) => 0..=1,
            (None, false) => 1..=2,
        };
        let over_with_timer = journey.exited.is_some() && timers > 0;
        if !wanted.contains(&waits) || timers > 1 || over_with_timer {
            broken.push(format!(
                "journey {} of {} ({:?}): {timers} wakes, {queued} queued mails, {asked} requests: {}",
                journey.workflow, journey.key, journey.exited, journey.body
            ));
        }
    }
    broken
}

/// What a journey that ended had reserved for a mail that never went out is free again.
fn offers_given_back(outcome: &Outcome) -> Broken {
    let tables = &outcome.tables;
    let kept = |message: &str| {
        let unsent = tables.messages.get(message).filter(|stored| {
            use MessageState::{Attempting, InDoubt, Queued, Sent};
            !matches!(stored.state, Attempting | InDoubt | Queued | Sent)
        });
        let over = unsent
            .and_then(|stored| tables.journeys.get(&(stored.row.key.clone(), stored.row.journey.clone())))
            .map(|row| row.exited.is_some());
        let release = format!("offer_release:{message}");
        over == Some(true) && !tables.reservations.contains_key(&release) && !tables.requests.contains_key(&release)
    };
    let reserved = tables.reservations.keys().filter_map(|id| id.strip_prefix("offer:"));
    reserved.filter(|message| kept(message)).map(|message| format!("the offer of {message} was kept")).collect()
}

/// Every conversion of the world is one row, with the status last told.
fn conversions_count_once(outcome: &Outcome) -> Broken {
    let mut told: BTreeMap<String, (i64, String)> = BTreeMap::new();
    for (_, record) in &outcome.world.records {
        let record: Value = serde_json::from_slice(record).unwrap_or_default();
        if record["kind"] == "conversion" {
            let data = &record["data"];
            let (id, revision) = (data["conversion_id"].as_str().unwrap_or_default(), data["revision"].as_i64());
            let entry = told.entry(id.to_owned()).or_default();
            if revision.unwrap_or_default() > entry.0
                && record["occurred_at"].as_str().is_some_and(|at| within(at, outcome))
            {
                *entry = (revision.unwrap_or_default(), data["status"].as_str().unwrap_or_default().to_owned());
            }
        }
    }
    told.retain(|_, (revision, _)| *revision > 0);
    let rows = &outcome.tables.conversions;
    let stored: BTreeMap<String, String> =
        rows.values().map(|row| (row.conversion_id.clone(), row.status.clone())).collect();
    let mut broken = Broken::new();
    for (id, (_, status)) in &told {
        if stored.get(id) != Some(status) {
            broken.push(format!("conversion {id} was last told {status}, and stands as {:?}", stored.get(id)));
        }
    }
    if stored.len() != told.len() {
        broken.push(format!("{} conversions told, {} stored", told.len(), stored.len()));
    }
    broken
}

/// What lies behind the end of a run was never told to the engine.
fn within(at: &str, outcome: &Outcome) -> bool {
    at.parse::<jiff::Timestamp>().is_ok_and(|at| at <= outcome.world.until)
}

/// Asks the contact policy again about every mail accepted, at its own time, against what was accepted before.
fn rules_of_contact(outcome: &Outcome) -> Broken {
    let Some(rules) = world::shipped_rules() else {
        return vec!["the repository's files do not compile".into()];
    };
    let tables = &outcome.tables;
    let mut by_address: BTreeMap<&String, Vec<&rapport_memory::store::StoredMessage>> = BTreeMap::new();
    for message in tables.messages.values() {
        if let (Some(address), MessageState::Sent | MessageState::InDoubt) = (&message.address, message.state) {
            by_address.entry(address).or_default().push(message);
        }
    }
    let mut broken = Broken::new();
    for (address, mut messages) in by_address {
        messages.sort_by_key(|message| message.changed_at);
        let mut accepted = Vec::new();
        let mut had: Vec<SentCopy> = Vec::new();
        for message in messages {
            let (row, at) = (&message.row, message.changed_at);
            let kind = if row.kind == "service" { Kind::Service } else { Kind::Marketing };
            let person: Value =
                tables.person_fields(&row.key).and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
            let text = |name: &str| person.get(name).and_then(Value::as_str);
            let zone = rules.rulebook.config.program(row.key.program.as_str()).map(|program| program.zone.clone());
            let consent = match outcome.world.without_consent.get(row.key.partner.as_str()) {
                Some(None) => Consent::Unknown,
                Some(Some(since)) if *since <= at => Consent::Withdrawn,
                _ => Consent::Granted,
            };
            let request = Request {
                kind,
                topic: row.topic.clone(),
                urgent: rules.rulebook.config.topics.get(row.topic.as_str()).is_some_and(|topic| topic.urgent),
                test: false,
                zone: resolve_zone(text("zone"), text("country"), &zone.unwrap_or(jiff::tz::TimeZone::UTC)),
                country: text("country").map(str::to_owned),
                expires: row.expires,
            };
            let recipient = Recipient {
                address: normalise(address),
                suppressions: Vec::new(),
                consent,
                accepted: accepted.clone(),
                paused_until: None,
                own_pace: None,
                stopped_until: None,
                held_by: None,
                copies: had.iter().filter(|sent| sent.is_of(row)).map(|sent| sent.at).collect(),
            };
            let decision = decide(&request, &recipient, &rules.rulebook.config.guardrails, at);
            if !matches!(decision, Decision::Send) {
                broken.push(format!("{} to {address} at {at} should not have gone: {decision:?}", row.mail));
            }
            accepted.push(Accepted { at, kind });
            had.push(SentCopy {
                at,
                key: row.key.clone(),
                workflow: row.workflow.clone(),
                mail: row.mail.clone(),
                round: round_of(&row.context),
            });
        }
    }
    broken
}

/// Plays a seed in every way that must come to the same, and tells what does not.
#[must_use]
pub fn of_seed(seed: u64, days: i64) -> Broken {
    let plain = Setting::plain(seed, days);
    let reference = play(&plain);
    let mut broken = of_one(&reference);
    let ways = match seed % 4 {
        0 => ("1 shard instead of 2", Setting { shards: 1, schedule: seed + 1, ..plain }),
        1 => ("4 shards instead of 2", Setting { shards: 4, ..plain }),
        2 => ("batches of 1", Setting { batch: 1, ..plain }),
        _ => ("again", plain),
    };
    for (name, setting) in [ways, ("with faults", Setting { rates: Rates::MANY, ..plain })] {
        broken.extend(compared(name, &reference, &setting));
    }
    broken
}

/// Plays a seed whose operator applies other files in the middle, undisturbed and with faults.
#[must_use]
pub fn of_changed_seed(seed: u64, days: i64) -> Broken {
    let operator = Operator { changes_on: Some(days / 2), ..Operator::NONE };
    let plain = Setting { operator, ..Setting::plain(seed, days) };
    let reference = play(&plain);
    let mut broken = of_one(&reference);
    broken.extend(compared("changed, with faults", &reference, &Setting { rates: Rates::MANY, ..plain }));
    broken
}

/// Plays a seed in which goals are put to every partner and answered, undisturbed, with other shards, and with faults.
#[must_use]
pub fn of_goal_seed(seed: u64, days: i64) -> Broken {
    let operator = Operator { goals_answered_on: Some(days / 4), ..Operator::NONE };
    let plain = Setting { operator, ..Setting::plain(seed, days) };
    let reference = play(&plain);
    let mut broken = of_one(&reference);
    let faults = Setting { rates: Rates::MANY, shards: 3, ..plain };
    broken.extend(compared("goals, 3 shards and faults", &reference, &faults));
    broken
}

/// Plays a seed in which partners share addresses, undisturbed, with other shards, and with faults: who gets the one copy of a mail is
/// the same each time.
#[must_use]
pub fn of_shared_seed(seed: u64, days: i64) -> Broken {
    let plain = Setting { shared: true, ..Setting::plain(seed, days) };
    let reference = play(&plain);
    let mut broken = of_one(&reference);
    broken.extend(compared("shared, 1 shard", &reference, &Setting { shards: 1, schedule: seed + 1, ..plain }));
    let faults = Setting { rates: Rates::MANY, shards: 5, ..plain };
    broken.extend(compared("shared, 5 shards and faults", &reference, &faults));
    broken
}

fn compared(name: &str, reference: &Outcome, setting: &Setting) -> Broken {
    let mut broken = Broken::new();
    {
        let outcome = play(setting);
        broken.extend(of_one(&outcome).into_iter().map(|what| format!("{name}: {what}")));
        if outcome.stuck.is_none()
            && reference.stuck.is_none()
            && let Some(difference) = reference.digest.difference(&outcome.digest)
        {
            broken.push(format!("{name}: {difference}"));
        }
    }
    broken
}
