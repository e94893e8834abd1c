//! Goals of one partner: how far they are, and what is to be told of them.

use std::collections::BTreeMap;

use jiff::civil::Date;
use rapport_insight::goal::{Goal, Moment, Progress, Told};
use rapport_partner::{Figure, Measure, day};
use rapport_rule::length::Length;
use rapport_workflow::config::{Audience, DeclaredGoal, GoalPeriod, GoalTarget};

use super::facts::{Bare, PartnerFacts, marks};

/// A moment of a goal, with its progress.
pub struct Telling {
    /// The goal's id.
    pub goal: String,
    /// What is to be told.
    pub moment: Moment,
    /// How far it is.
    pub percent: f64,
}

/// The goal with this partner's own target and period; `None` while it does not apply.
fn own(facts: &PartnerFacts<'_>, goal: &DeclaredGoal) -> Option<Goal> {
    let (from, to) = period(facts, goal.period)?;
    let target = match &goal.target {
        GoalTarget::Reach(_) => 1.0,
        GoalTarget::Growth { factor, base, .. } => {
            let length = day::number(to) - day::number(from) + 1;
            let measure = measure(base)?;
            let before = facts.state.sum(measure, day::number(from) - length, day::number(from) - 1);
            factor * before as f64
        }
    };
    Some(Goal { id: goal.id.to_string(), target, from, to, tell_at: goal.tell_at.clone() })
}

fn measure(name: &str) -> Option<Measure> {
    match Figure::parse(&format!("{name}_total")) {
        Ok(Figure::Sum(measure, _)) => Some(measure),
        _ => None,
    }
}

fn period(facts: &PartnerFacts<'_>, period: GoalPeriod) -> Option<(Date, Date)> {
    match period {
        GoalPeriod::Days { from, to } => Some((from, to)),
        GoalPeriod::SinceApproved(length) => {
            let approved = *facts.state.profile.approved_at.get()?;
            let from = facts.program.zone.to_datetime(approved).date();
            let days = match length {
                Length::Days(days) => days,
                Length::Weeks(weeks) => weeks.saturating_mul(7),
                Length::Months(months) => months.saturating_mul(30),
                Length::Years(years) => years.saturating_mul(365),
                _ => 1,
            };
            Some((from, rapport_insight::day::plus(from, days)))
        }
    }
}

fn concerns(facts: &PartnerFacts<'_>, audience: &Audience) -> bool {
    match audience {
        Audience::Everyone => true,
        Audience::Group(name) => facts.group().is_some_and(|group| group.name == *name),
        Audience::Segment(name) => {
            facts.rulebook.segments.segment(name).is_some_and(|segment| segment.condition.judge(&Bare(facts)).is_true())
        }
    }
}

/// How far a goal is; `None` while it does not apply or nothing can be said.
#[must_use]
pub fn progress(facts: &PartnerFacts<'_>, goal: &DeclaredGoal) -> Option<Progress> {
    let own = own(facts, goal)?;
    let today = facts.program.zone.to_datetime(facts.now).date();
    let value = match &goal.target {
        GoalTarget::Reach(condition) => f64::from(u8::from(condition.judge(&Bare(facts)).is_true())),
        GoalTarget::Growth { metric, .. } => {
            facts.state.sum(measure(metric)?, day::number(own.from), day::number(own.to)) as f64
        }
    };
    own.progress(Some(value), today)
}

/// Goals the partner is behind with, and how far they are.
#[must_use]
pub fn behind(facts: &PartnerFacts<'_>) -> Vec<(String, Progress)> {
    let running = facts.rulebook.goals.goals.iter().filter(|goal| concerns(facts, &goal.audience));
    running
        .filter_map(|goal| Some((goal.id.to_string(), progress(facts, goal).filter(|progress| progress.behind)?)))
        .collect()
}

/// The pace of the partner's slowest running goal of a metric, percent; 100 is just in time. A goal that is a condition has no
/// pace: it is met or not.
#[must_use]
pub fn pace(facts: &PartnerFacts<'_>) -> Option<f64> {
    let running = facts.rulebook.goals.goals.iter();
    let running =
        running.filter(|goal| matches!(goal.target, GoalTarget::Growth { .. }) && concerns(facts, &goal.audience));
    let today = facts.program.zone.to_datetime(facts.now).date();
    running
        .filter(|goal| period(facts, goal.period).is_some_and(|(from, to)| (from..=to).contains(&today)))
        .filter_map(|goal| progress(facts, goal)?.pace_percent)
        .min_by(f64::total_cmp)
}

/// Days the chance of a goal is judged by.
const CHANCE_DAYS: i32 = 56;

/// The chance of reaching a goal in time at the partner's own rate of the last eight weeks, percent.
#[must_use]
pub fn chance(facts: &PartnerFacts<'_>, goal: &DeclaredGoal) -> Option<f64> {
    let GoalTarget::Growth { metric, .. } = &goal.target else { return None };
    let own = own(facts, goal)?;
    let now = progress(facts, goal)?;
    let today = facts.program.zone.to_datetime(facts.now).date();
    let measure = measure(metric)?;
    let value = facts.state.sum(measure, day::number(own.from), day::number(own.to)) as f64;
    let left = day::number(own.to) - day::number(today);
    if now.reached || left < 0 {
        return Some(if now.reached { 100.0 } else { 0.0 });
    }
    let yesterday = day::number(today) - 1;
    let began =
        facts.state.first_event_at.map_or(yesterday, |at| day::number(facts.program.zone.to_datetime(at).date()));
    let from = (yesterday - CHANCE_DAYS + 1).max(began);
    let daily: Vec<f64> = (from..=yesterday).map(|on| facts.state.sum(measure, on, on) as f64).collect();
    rapport_insight::goal::chance(own.target - value, left, &daily).map(|chance| 100.0 * chance)
}

/// What is to be told now, and the marks to keep. Nothing when nothing changed.
pub fn tell(facts: &PartnerFacts<'_>) -> Option<(Vec<Telling>, Vec<u8>)> {
    let mut told: BTreeMap<String, Told> =
        facts.state.mark(marks::GOALS).and_then(|json| serde_json::from_slice(json).ok()).unwrap_or_default();
    let mut moments = Vec::new();
    let mut changed = false;
    for goal in &facts.rulebook.goals.goals {
        let before = told.get(&*goal.id).copied().unwrap_or_default();
        if !before.reached && !concerns(facts, &goal.audience) {
            continue;
        }
        let Some((own, now)) = own(facts, goal).zip(progress(facts, goal)) else { continue };
        // What is reached after its time is not reached; what was reached in time stays so until it is taken back.
        if !before.reached && !(own.from..=own.to).contains(&facts.program.zone.to_datetime(facts.now).date()) {
            continue;
        }
        let (moment, after) = own.tell(&now, before);
        if after != before {
            told.insert(goal.id.to_string(), after);
            changed = true;
        }
        if let Some(moment) = moment {
            moments.push(Telling { goal: goal.id.to_string(), moment, percent: now.percent });
        }
    }
    changed.then(|| (moments, serde_json::to_vec(&told).unwrap_or_default()))
}
