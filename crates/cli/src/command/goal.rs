//! `rapport goal`: goals of partners: proposed, agreed on, withdrawn, and how far they are.

mod propose;

use rapport_engine::ports::store::Store as _;
use rapport_engine::records;
use rapport_engine::shard::facts::PartnerFacts;
use rapport_engine::shard::goals::{
    self, Own,
    agreed::{self, Agreement, End, Terms},
};
use rapport_event::id::shard_of;
use rapport_event::{Event, Kind, PartnerKey, engine::GoalData};
use rapport_message::link::Claims;
use rapport_rule::{Currency, Money};
use rapport_workflow::config::goal_measure;
use serde_json::{Value, json};

use super::{explain::find, login_name};
use crate::command_line::GoalAction;
use crate::desk::{Desk, open_store};
use crate::exit::{self, Doing, Failure};
use crate::layout::link_keys;
use crate::picture::{Picture, decoded};
use crate::printed::{bold, count, harmless, line, moment};
use crate::settings::Settings;

/// Carries it out.
pub async fn run(settings: &Settings, action: GoalAction) -> Result<u8, Failure> {
    match action {
        GoalAction::List { waiting, json } => list(settings, waiting, json).await,
        GoalAction::Show { partner, json } => show(settings, &partner, json).await,
        GoalAction::Propose(arguments) => propose::run(settings, &arguments).await,
        GoalAction::Accept { partner, goal, who } => answer(settings, &partner, &goal, who, Kind::GoalAccepted).await,
        GoalAction::Withdraw { partner, goal, who } => {
            answer(settings, &partner, &goal, who, Kind::GoalWithdrawn).await
        }
    }
}

/// A goal as it is told.
fn data(facts: &PartnerFacts<'_>, own: &Own<'_>, agreement: Option<&Agreement>) -> Value {
    let progress = own.progress(facts);
    let open = agreement.and_then(|agreement| agreement.open.as_ref());
    let ended = agreement.and_then(|agreement| agreement.ended.as_ref());
    json!({
        "goal": own.goal.id,
        "counts": own.measure().map(rapport_partner::Measure::name),
        "target": own.measure().map(|_| own.goal.target),
        "from": own.goal.from.to_string(),
        "until": own.goal.to.to_string(),
        "owner": own.owner,
        "binding": own.binding,
        "agreed_at": own.agreed_at.map(|at| at.to_string()),
        "proposal": own.proposal,
        "value": own.value(facts),
        "percent": progress.map(|progress| progress.percent),
        "pace": progress.and_then(|progress| progress.pace_percent),
        "standing": progress.map(|progress| progress.standing()),
        "chance": own.chance(facts),
        "open": open.map(|open| json!({ "proposal": open.id, "at": open.at.to_string(), "terms": open.terms, "counter": open.counter })),
        "ended": ended.map(|(proposal, how, at)| json!({ "proposal": proposal, "how": how, "at": at.to_string() })),
    })
}

/// An amount of what a goal counts, for people.
fn amount(metric: &str, value: f64, currency: Currency) -> String {
    let name = metric.replace('_', " ");
    if goal_measure(metric).is_some_and(|measure| measure.is_money()) {
        format!("{} of {name}", Money::new(value.round() as i64, currency))
    } else {
        format!("{value:.0} {name}")
    }
}

fn standing(facts: &PartnerFacts<'_>, own: &Own<'_>) -> String {
    let Some(progress) = own.progress(facts) else { return "nothing can be said".to_owned() };
    let mut text = format!("{:.0} %, {}", progress.percent, progress.standing().word());
    if let Some(chance) = own.chance(facts).filter(|_| !progress.reached && !progress.missed) {
        text.push_str(&format!(", chance {chance:.0} %"));
    }
    text
}

fn state(own: &Own<'_>, agreement: Option<&Agreement>) -> &'static str {
    let open = agreement.and_then(|agreement| agreement.open.as_ref());
    match (own.agreed_at, open) {
        (_, Some(open)) if open.counter.is_some() => "countered",
        (None, Some(_)) => "proposed",
        (Some(_), _) => "agreed",
        (None, None) if own.binding => "declared",
        (None, None) => "not proposed yet",
    }
}

async fn list(settings: &Settings, waiting: bool, as_data: bool) -> Result<u8, Failure> {
    let store = open_store(settings).await?;
    let picture = Picture::of(&store).await?;
    let mut rows: Vec<(String, Value, String)> = Vec::new();
    let mut looked = 0_i64;
    Picture::each(&store, |key, partner| {
        looked += 1;
        picture.look(key, partner, |facts| {
            let agreements = goals::agreements(facts);
            for own in goals::all(facts) {
                let agreement = agreements.get(&own.goal.id);
                let state = state(&own, agreement);
                if waiting && state != "countered" {
                    continue;
                }
                let owner = own.owner.as_deref().unwrap_or("–");
                let text = format!("{:<12} {:<28} {}", state, standing(facts, &own), harmless(owner));
                let name = format!("{key}  {}", own.goal.id);
                rows.push((name, data(facts, &own, agreement), text));
            }
        });
        Ok(())
    })
    .await?;
    store.close().await;
    if as_data {
        let rows: Vec<Value> = rows
            .into_iter()
            .map(|(name, mut data, _)| {
                data["partner"] = json!(name.split("  ").next());
                data
            })
            .collect();
        line(json!(rows).to_string());
        return Ok(exit::OK);
    }
    let width = rows.iter().map(|(name, ..)| name.chars().count()).max().unwrap_or(0);
    for (name, _, text) in &rows {
        line(format!("{:<width$}  {text}", harmless(name)).trim_end());
    }
    let (rows, of) = (rows.len() as i64, count(looked, "partner"));
    match waiting {
        true => line(format!("{} to wait for, of {of}", count(rows, "answer"))),
        false => line(format!("{} of {of}", count(rows, "goal"))),
    }
    Ok(exit::OK)
}

async fn show(settings: &Settings, partner: &str, as_data: bool) -> Result<u8, Failure> {
    let store = open_store(settings).await?;
    let picture = Picture::of(&store).await?;
    let key = find(&store, partner).await?;
    let story = store.story(&key).await.doing("reading the partner")?;
    store.close().await;
    let Some(story) = story else { return Err(Failure::new(format!("nothing is known of {key}"))) };
    let partner = decoded(&story.partner)?;
    picture.look(&key, &partner, |facts| {
        let agreements = goals::agreements(facts);
        let all = goals::all(facts);
        if as_data {
            let rows: Vec<Value> = all.iter().map(|own| data(facts, own, agreements.get(&own.goal.id))).collect();
            line(json!({ "partner": key.to_string(), "goals": rows }).to_string());
            return;
        }
        if all.is_empty() {
            line(format!("{key} has no goals"));
        }
        for own in &all {
            told(settings, &picture, facts, &key, own, agreements.get(&own.goal.id));
        }
    });
    Ok(exit::OK)
}

fn told(
    settings: &Settings,
    picture: &Picture,
    facts: &PartnerFacts<'_>,
    key: &PartnerKey,
    own: &Own<'_>,
    agreement: Option<&Agreement>,
) {
    let zone = &facts.program.zone;
    let currency = facts.program.currency;
    line(format!("{}  {}", bold(&own.goal.id), state(own, agreement)));
    let period = format!("{} to {}", own.goal.from, own.goal.to);
    match own.measure() {
        Some(measure) => {
            let value =
                own.value(facts).map_or_else(|| "?".to_owned(), |value| amount(measure.name(), value, currency));
            let target = amount(measure.name(), own.goal.target, currency);
            line(format!("  {target}, {period}; so far {value}"));
        }
        None => line(format!("  a condition, {period}")),
    }
    let pace = own.progress(facts).and_then(|progress| progress.pace_percent);
    let pace = pace.map(|pace| format!(", {pace:.0} % of an even pace")).unwrap_or_default();
    line(format!("  {}{pace}", standing(facts, own)));
    if let Some(owner) = &own.owner {
        line(format!("  owner {}", harmless(owner)));
    }
    if let Some(at) = own.agreed_at {
        line(format!("  agreed {}", moment(at, zone)));
    }
    let Some(agreement) = agreement else { return };
    if let Some(open) = &agreement.open {
        line(format!("  proposed {}: {}", moment(open.at, zone), agreed::summary(&open.terms, currency)));
        if let Some(counter) = open.counter {
            let terms = Terms { target: counter.target, to: counter.to, ..open.terms.clone() };
            line(format!("  answered {}: {}", moment(counter.at, zone), agreed::summary(&terms, currency)));
            line(format!("  rapport goal accept {key} {0}, or rapport goal withdraw {key} {0}", own.goal.id));
        }
        if let Some(link) = link(settings, picture, key, &open.id) {
            line(format!("  {link}"));
        }
    }
    if let Some((_, how, at)) = &agreement.ended {
        let how = if *how == End::Declined { "declined" } else { "withdrawn" };
        line(format!("  last proposal {how} {}", moment(*at, zone)));
    }
}

/// The page on which the partner answers, for whoever talks to them; none without `links:`.
fn link(settings: &Settings, picture: &Picture, key: &PartnerKey, proposal: &str) -> Option<String> {
    let base = &picture.applied.rulebook.config.links.as_ref()?.base;
    let claims = Claims::Goal {
        program: key.program.as_str().to_owned(),
        partner: key.partner.as_str().to_owned(),
        proposal: proposal.to_owned(),
    };
    link_keys(settings, false).ok()?.keys.url(base, &claims).ok()
}

/// The programme's answer: to what the partner countered with, or that it takes the goal back.
async fn answer(
    settings: &Settings,
    partner: &str,
    goal: &str,
    who: Option<String>,
    kind: Kind,
) -> Result<u8, Failure> {
    let desk = Desk::open(settings).await?;
    let result = answered(&desk, partner, goal, who.unwrap_or_else(login_name), kind).await;
    desk.close().await;
    result
}

async fn answered(desk: &Desk, partner: &str, goal: &str, who: String, kind: Kind) -> Result<u8, Failure> {
    let key = find(&desk.database, partner).await?;
    let story = desk.store.story(&key).await.doing("reading the partner")?;
    let known = story.map(|story| decoded(&story.partner)).transpose()?.map(|state| agreed::of(&state));
    let agreement = known.and_then(|mut known| known.remove(goal));
    let Some(agreement) = agreement else {
        return Err(Failure::input(format!("no goal `{}` was proposed to {key}", harmless(goal)))
            .help("`rapport goal show PARTNER` lists them"));
    };
    let mut data = GoalData { goal: goal.into(), by: Some(who.as_str().into()), ..GoalData::default() };
    match (&agreement.open, &agreement.agreed) {
        (Some(open), _) if kind == Kind::GoalAccepted => {
            let Some(counter) = open.counter else {
                return Err(Failure::input(format!("{key} has not answered yet"))
                    .help("accept is for other terms a partner proposed; the proposal itself is theirs to accept"));
            };
            (data.target, data.until) = (Some(counter.target), Some(counter.to));
            data.proposal = open.id.as_str().into();
        }
        (Some(open), _) => data.proposal = open.id.as_str().into(),
        (None, Some(agreed)) if kind == Kind::GoalWithdrawn => data.proposal = agreed.proposal.as_str().into(),
        _ => return Err(Failure::input(format!("nothing waits for an answer in `{}` of {key}", harmless(goal)))),
    }
    let now = desk.now().await?;
    append(desk, records::goal(key.clone(), kind.clone(), data, now)).await?;
    let done = if kind == Kind::GoalAccepted { "agreed on what they proposed" } else { "withdrawn" };
    line(format!("{key} {}: {done}, as soon as its shard reads this", harmless(goal)));
    Ok(exit::OK)
}

async fn append(desk: &Desk, event: Event) -> Result<(), Failure> {
    let row = records::outbox(shard_of(&event.key, desk.shards), event);
    desk.store.add_outbox(&[row]).await.doing("handing the record to the relay")
}
