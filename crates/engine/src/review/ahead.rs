//! Goals as they stood at the end of a period, and what could come next.

use jiff::{Timestamp, civil::Date};
use rapport_event::Kind;
use rapport_partner::{Measure, day};
use rapport_rule::Money;
use rapport_workflow::config::goal_measure;
use serde::Serialize;
use serde_json::Value;

use super::{Amount, Happening, HealthPart, Period, Standing, What};
use crate::{
    ports::rows::SignalRow,
    shard::{
        facts::PartnerFacts,
        goals::{self, Own},
    },
    story::Story,
};

/// A goal.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GoalLine {
    /// Its id.
    pub goal: String,
    /// What is counted; none of a goal that is a condition.
    pub metric: Option<&'static str>,
    /// What it is to come to; none likewise.
    pub target: Option<Amount>,
    /// The day at whose end it stood so: the period's last, or the day of looking while that has not come.
    pub on: Date,
    /// What it had come to; none likewise, or while a sale in it has no rate.
    pub value: Option<Amount>,
    /// First day.
    pub from: Date,
    /// Last day.
    pub to: Date,
    /// How much of it is reached.
    pub percent: Option<f64>,
    /// In percent of an even pace; none before it begins, of conditions, and of who objects to being judged.
    pub pace_percent: Option<f64>,
    /// Where it stands; none where nothing can be said.
    pub standing: Option<Standing>,
    /// Whether it counts: agreed on, or declared as one that needs no agreement.
    pub binding: bool,
    /// When both sides agreed.
    pub agreed_at: Option<Timestamp>,
}

/// What could come next. A thing to talk about, decided by nobody yet.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum Proposal {
    /// A goal waits for the partner's answer.
    AnswerGoal {
        /// What is counted.
        metric: String,
        /// What it is to come to.
        target: Amount,
        /// The last day.
        to: Date,
    },
    /// A goal is behind.
    CatchUp {
        /// What is counted.
        metric: &'static str,
        /// What is missing.
        missing: Amount,
        /// The last day.
        to: Date,
        /// Days left, today included.
        days: i32,
    },
    /// There is no goal yet.
    AgreeOnGoal,
    /// A dip or silence lasts: find out why.
    FindOut,
    /// What weighs most on health.
    Improve {
        /// The input of the health model.
        input: String,
    },
}

fn amount(facts: &PartnerFacts<'_>, measure: Measure, value: f64) -> Amount {
    let whole = value.round() as i64;
    if measure.is_money() { Amount::Money(Money::new(whole, facts.program.currency)) } else { Amount::Count(whole) }
}

/// Goals that ran in the period, as they stood at its end by what is known now: a sale taken back since is not in it, and one approved
/// since is.
pub(super) fn goals(facts: &PartnerFacts<'_>, story: &Story, period: Period) -> Vec<GoalLine> {
    let today = facts.program.zone.to_datetime(facts.now).date();
    let on = period.last().min(today);
    let ran = |own: &Own<'_>| own.goal.from <= period.last() && own.goal.to >= period.first();
    goals::all_by(facts, &story.signals, on).into_iter().filter(ran).map(|own| line(facts, story, &own, on)).collect()
}

/// What was counted by then. A condition cannot be asked about a day that is over: it was met if it was told that it is reached, and
/// if it is not met to this day it was not.
fn value_by(facts: &PartnerFacts<'_>, story: &Story, own: &Own<'_>, on: Date) -> Option<f64> {
    let zone = &facts.program.zone;
    if own.measure().is_some() {
        return own.value_by(facts, on);
    }
    let now = own.value(facts);
    if on == zone.to_datetime(facts.now).date() {
        return now;
    }
    let told = story.signals.iter().filter(|row| Kind::GoalReached.name() == row.kind.as_str());
    let mut days = told.filter(|row| is_of(row, &own.goal.id)).map(|row| zone.to_datetime(row.occurred_at).date());
    if days.any(|day| (own.goal.from..=on).contains(&day)) { Some(1.0) } else { now.filter(|now| *now < 1.0) }
}

fn is_of(row: &SignalRow, goal: &str) -> bool {
    let payload: Option<Value> = serde_json::from_str(&row.payload).ok();
    payload.is_some_and(|payload| payload.get("name").and_then(Value::as_str) == Some(goal))
}

fn line(facts: &PartnerFacts<'_>, story: &Story, own: &Own<'_>, on: Date) -> GoalLine {
    let measure = own.measure();
    let value = value_by(facts, story, own, on);
    // The days of a goal that ended by then are all over on the next one.
    let over = own.goal.to <= on && on < facts.program.zone.to_datetime(facts.now).date();
    let progress = own.progress_with(value, if over { rapport_insight::day::plus(on, 1) } else { on });
    // Nobody who objects is told how they do; what was reached is theirs to hear.
    let judged = progress.filter(|_| !facts.state.profile.objects_to_profiling());
    GoalLine {
        goal: own.goal.id.clone(),
        metric: measure.map(Measure::name),
        target: measure.map(|measure| amount(facts, measure, own.goal.target)),
        on,
        value: measure.zip(value).map(|(measure, value)| amount(facts, measure, value)),
        from: own.goal.from,
        to: own.goal.to,
        percent: progress.map(|progress| progress.percent),
        pace_percent: measure.and(judged).and_then(|progress| progress.pace_percent),
        standing: judged.map(|progress| progress.standing()),
        binding: own.binding,
        agreed_at: own.agreed_at,
    }
}

/// An input with fewer points is worth a word.
const WEAK_POINTS: f64 = 50.0;

/// What could come next, most pressing first.
pub(super) fn proposals(facts: &PartnerFacts<'_>, health: &HealthPart, happenings: &[Happening]) -> Vec<Proposal> {
    let mut proposals = Vec::new();
    let today = facts.program.zone.to_datetime(facts.now).date();
    for agreement in goals::agreements(facts).into_values() {
        let Some(open) = agreement.open.filter(|open| open.counter.is_none() && open.terms.to >= today) else {
            continue;
        };
        let Some(measure) = goal_measure(&open.terms.metric) else { continue };
        let target = amount(facts, measure, open.terms.target as f64);
        proposals.push(Proposal::AnswerGoal { metric: open.terms.metric, target, to: open.terms.to });
    }
    let running: Vec<Own<'_>> = goals::all(facts).into_iter().filter(|own| own.goal.to >= today).collect();
    let judged = !facts.state.profile.objects_to_profiling();
    for own in running.iter().filter(|own| own.binding && judged) {
        let behind = own.progress(facts).is_some_and(|progress| progress.behind);
        let (Some(measure), Some(value), true) = (own.measure(), own.value(facts), behind) else { continue };
        proposals.push(Proposal::CatchUp {
            metric: measure.name(),
            missing: amount(facts, measure, own.goal.target - value),
            to: own.goal.to,
            days: day::number(own.goal.to) - day::number(today) + 1,
        });
    }
    if running.is_empty() && proposals.is_empty() {
        proposals.push(Proposal::AgreeOnGoal);
    }
    let lasts = |happening: &&Happening| {
        happening.ended_on.is_none()
            && matches!(happening.what, What::Dip { .. } | What::RevenueDip { .. } | What::Silence { .. })
    };
    if happenings.iter().any(|happening| lasts(&happening)) {
        proposals.push(Proposal::FindOut);
    }
    if let HealthPart::Reviewed(then) = health {
        // What takes most from the score.
        let lost = |part: &&rapport_insight::health::Contribution| (100.0 - part.points) * part.weight;
        let weak = then.health.contributions.iter().filter(|part| part.points < WEAK_POINTS);
        let most = weak.max_by(|a, b| lost(a).total_cmp(&lost(b)));
        proposals.extend(most.map(|part| Proposal::Improve { input: part.input.clone() }));
    }
    proposals
}
