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
