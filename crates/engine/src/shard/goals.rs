//! Goals of one partner: which there are, how far they are, and what is to be told of them.
//!
//! A goal is declared in `config/goals.yaml` for many, or agreed on with one partner (`agreed`). What was agreed comes before what
//! is declared; what is only proposed binds nobody: no moment is told of it, and nobody is behind with it.

pub mod agreed;

use std::{collections::BTreeMap, sync::Arc};

use jiff::{Timestamp, civil::Date};
use rapport_insight::{
    agreement::{Agreed, Agreement, Terms},
    goal::{Goal, Moment, Progress, Told},
};
use rapport_partner::{Measure, day};
use rapport_rule::expr::Condition;
use rapport_workflow::config::{Audience, DeclaredGoal, GoalPeriod, GoalTarget, MANAGER, goal_measure, length_days};

use super::facts::{Asked, Bare, PartnerFacts, marks};
use crate::ports::rows::SignalRow;

/// What a goal counts.
#[derive(Debug, Clone, Copy)]
enum Counts<'a> {
    Measure(Measure),
    Condition(&'a Condition),
}

/// A goal with this partner's own target and period.
#[derive(Debug, Clone)]
pub struct Own<'a> {
    /// Target and period.
    pub goal: Goal,
    counts: Counts<'a>,
    /// The proposal in force, or else the one that is open.
    pub proposal: Option<String>,
    /// When both sides agreed.
    pub agreed_at: Option<Timestamp>,
    /// Who answers for it at the programme.
    pub owner: Option<String>,
    /// Whether it counts: agreed on, or declared as one that needs no agreement.
    pub binding: bool,
}

/// A moment of a goal, with its progress.
pub struct Telling {
    /// The goal's id.
    pub goal: String,
    /// What makes this goal of these terms another than the next of the same id.
    pub key: String,
    /// What is to be told.
    pub moment: Moment,
    /// How far it is.
    pub percent: f64,
}

/// A goal the partner is behind with.
pub struct Behind {
    /// The goal's id.
    pub goal: String,
    /// The id of the signal.
    pub signal: String,
    /// How far it is.
    pub progress: Progress,
}

impl Own<'_> {
    /// What makes a goal of these terms another than the next of the same id: what is told, is told once for each.
    fn key(&self) -> String {
        let agreed = self.agreed_at.and(self.proposal.clone());
        agreed.unwrap_or_else(|| self.goal.id.clone())
    }

    /// What is counted; none for a condition.
    #[must_use]
    pub fn measure(&self) -> Option<Measure> {
        match self.counts {
            Counts::Measure(measure) => Some(measure),
            Counts::Condition(_) => None,
        }
    }

    /// What was counted so far. Missing while a sale in it has no rate.
    #[must_use]
    pub fn value(&self, facts: &PartnerFacts<'_>) -> Option<f64> {
        match self.counts {
            Counts::Measure(measure) => sum(facts, measure, self.goal.from, self.goal.to),
            Counts::Condition(condition) => Some(f64::from(u8::from(condition.judge(&Bare(facts)).is_true()))),
        }
    }

    /// What was counted by the end of a day, as far as it is known today; none for a condition, which is asked about now only.
    #[must_use]
    pub fn value_by(&self, facts: &PartnerFacts<'_>, on: Date) -> Option<f64> {
        sum(facts, self.measure()?, self.goal.from, self.goal.to.min(on.max(self.goal.from)))
    }

    /// How far it is today. A condition is met or not: nobody is behind with one.
    #[must_use]
    pub fn progress(&self, facts: &PartnerFacts<'_>) -> Option<Progress> {
        self.progress_with(self.value(facts), today(facts))
    }

    /// How far it is on a day with what was counted by then.
    #[must_use]
    pub fn progress_with(&self, value: Option<f64>, on: Date) -> Option<Progress> {
        let progress = self.goal.progress(value, on)?;
        Some(Progress { behind: progress.behind && self.measure().is_some(), ..progress })
    }

    /// The chance of reaching it in time at the partner's own rate of the last eight weeks, percent.
    #[must_use]
    pub fn chance(&self, facts: &PartnerFacts<'_>) -> Option<f64> {
        let Counts::Measure(measure) = self.counts else { return None };
        let value = self.value(facts)?;
        let progress = self.progress(facts)?;
        if progress.reached || progress.missed {
            return Some(if progress.reached { 100.0 } else { 0.0 });
        }
        let from = today(facts).max(self.goal.from);
        let left = day::number(self.goal.to) - day::number(from) + i32::from(from > today(facts));
        let missing = self.goal.target - value;
        rapport_insight::goal::chance(missing, left, &daily(facts, measure)).map(|chance| 100.0 * chance)
    }
}

/// Days the chance of a goal is judged by.
const CHANCE_DAYS: i32 = 56;

/// The last eight weeks of a measure, day by day, as far as the partner is known.
fn daily(facts: &PartnerFacts<'_>, measure: Measure) -> Vec<f64> {
    let yesterday = day::number(today(facts)) - 1;
    let began =
        facts.state.first_event_at.map_or(yesterday, |at| day::number(facts.program.zone.to_datetime(at).date()));
    let from = (yesterday - CHANCE_DAYS + 1).max(began);
    (from..=yesterday).map(|on| facts.state.sum(measure, on, on) as f64).collect()
}

fn today(facts: &PartnerFacts<'_>) -> Date {
    facts.program.zone.to_datetime(facts.now).date()
}

fn sum(facts: &PartnerFacts<'_>, measure: Measure, from: Date, to: Date) -> Option<f64> {
    let (from, to) = (day::number(from), day::number(to));
    // A sum of money is missing rather than too small.
    let unpriced = measure.is_money() && facts.state.sum(Measure::Unpriced, from, to) > 0;
    (!unpriced).then(|| facts.state.sum(measure, from, to) as f64)
}

/// What was proposed to and agreed on with the partner, by goal.
#[must_use]
pub fn agreements(facts: &PartnerFacts<'_>) -> BTreeMap<String, Agreement> {
    agreed::of(facts.state)
}

/// The goal of this id as it is for this partner; none when it is neither declared nor proposed, or says nothing.
#[must_use]
pub fn own<'a>(facts: &PartnerFacts<'a>, id: &str) -> Option<Own<'a>> {
    own_among(facts, id, &agreed::known(facts.state))
}

fn own_among<'a>(facts: &PartnerFacts<'a>, id: &str, agreements: &BTreeMap<String, Agreement>) -> Option<Own<'a>> {
    let agreement = agreements.get(id);
    let declared = facts.rulebook.rulebook.goals.goal(id);
    if let Some(agreed) = agreement.and_then(|agreement| agreement.agreed.as_ref()) {
        return by_agreement(id, agreed);
    }
    let open = agreement.and_then(|agreement| agreement.open.as_ref());
    if let Some(open) = open.filter(|_| declared.is_none_or(|declared| declared.agree)) {
        return by_terms(id, &open.terms, None, &open.id, open.owner.clone());
    }
    declared.and_then(|declared| by_declaration(facts, declared))
}

fn by_agreement<'a>(id: &str, agreed: &Agreed) -> Option<Own<'a>> {
    let own = by_terms(id, &agreed.terms, Some(agreed.at), &agreed.proposal, agreed.owner.clone())?;
    Some(Own { binding: true, ..own })
}

fn by_terms<'a>(
    id: &str,
    terms: &Terms,
    agreed_at: Option<Timestamp>,
    proposal: &str,
    owner: Option<String>,
) -> Option<Own<'a>> {
    let goal = Goal {
        id: id.to_owned(),
        target: terms.target as f64,
        from: terms.from,
        to: terms.to,
        tell_at: terms.tell_at.clone(),
    };
    let counts = Counts::Measure(goal_measure(&terms.metric)?);
    Some(Own { goal, counts, proposal: Some(proposal.to_owned()), agreed_at, owner, binding: false })
}

fn by_declaration<'a>(facts: &PartnerFacts<'a>, declared: &'a DeclaredGoal) -> Option<Own<'a>> {
    let (from, to) = period(facts, declared.period)?;
    let (target, counts) = match &declared.target {
        GoalTarget::Reach(condition) => (1.0, Counts::Condition(condition)),
        GoalTarget::Growth { metric, factor, base } => {
            let length = i64::from(day::number(to) - day::number(from) + 1);
            let before = rapport_insight::day::plus(from, -length);
            // A target made of a part of it would be too small, and reached by less than usual.
            if facts.state.is_unheard(day::number(before), facts.began, &facts.program.zone) {
                return None;
            }
            let base = sum(facts, goal_measure(base)?, before, rapport_insight::day::plus(from, -1))?;
            (factor * base, Counts::Measure(goal_measure(metric)?))
        }
        GoalTarget::Fixed { metric, target, currency } => {
            if currency.is_some_and(|currency| currency != facts.program.currency) {
                return None;
            }
            (*target as f64, Counts::Measure(goal_measure(metric)?))
        }
    };
    let goal = Goal { id: declared.id.to_string(), target, from, to, tell_at: declared.tell_at.clone() };
    let owner = owner(facts, declared.owner.as_deref());
    Some(Own { goal, counts, proposal: None, agreed_at: None, owner, binding: !declared.agree })
}

/// Who answers for a goal: a sender's id, or the partner's own manager.
fn owner(facts: &PartnerFacts<'_>, declared: Option<&str>) -> Option<String> {
    match declared? {
        MANAGER => facts.state.profile.manager.get().map(ToString::to_string),
        sender => Some(sender.to_owned()),
    }
}

fn period(facts: &PartnerFacts<'_>, period: GoalPeriod) -> Option<(Date, Date)> {
    match period {
        GoalPeriod::Days { from, to } => Some((from, to)),
        GoalPeriod::SinceApproved(length) => {
            let approved = *facts.state.profile.approved_at.get()?;
            let from = facts.program.zone.to_datetime(approved).date();
            Some((from, rapport_insight::day::plus(from, length_days(length))))
        }
    }
}

fn concerns(asked: &Asked<'_, '_>, audience: &Audience) -> bool {
    match audience {
        Audience::Everyone => true,
        Audience::Group(name) => asked.group().is_some_and(|group| group.name == *name),
        Audience::Segment(name) => asked.member(name).is_true(),
    }
}

/// Under which name it is kept that a partner was in the group or segment a goal is for, in the period that began on this day: the
/// goal is theirs until it is over, or whoever sells more would be rid of it by that.
fn member(goal: &str, from: Date) -> String {
    format!("{goal}@{from}")
}

/// What was told, by goal, and whose goals are whose: see [`member`].
fn told(facts: &PartnerFacts<'_>) -> Arc<BTreeMap<String, Told>> {
    facts.state.mark_as(marks::GOALS).unwrap_or_default()
}

/// Every goal of the partner: declared ones that concern them, and what was proposed to or agreed on with them.
#[must_use]
pub fn all<'a>(facts: &PartnerFacts<'a>) -> Vec<Own<'a>> {
    all_among(facts, &agreed::known(facts.state))
}

/// Every goal of the partner by what was proposed and agreed on until the end of a day, also those that later ones of the same id
/// followed by then. `kept` are the rows kept of the partner, oldest first.
#[must_use]
pub fn all_by<'a>(facts: &PartnerFacts<'a>, kept: &[SignalRow], on: Date) -> Vec<Own<'a>> {
    let then = agreed::by(facts, kept, on);
    let replaced = then.replaced.iter().filter_map(|(id, agreed)| by_agreement(id, agreed));
    replaced.chain(all_among(facts, &then.agreements)).collect()
}

fn all_among<'a>(facts: &PartnerFacts<'a>, agreements: &BTreeMap<String, Agreement>) -> Vec<Own<'a>> {
    let goals: &'a [DeclaredGoal] = &facts.rulebook.rulebook.goals.goals;
    if goals.is_empty() && agreements.is_empty() {
        return Vec::new();
    }
    let (told, asked) = (told(facts), Asked::of(facts));
    let declared = goals
        .iter()
        .filter(|goal| {
            let known = agreements.get(&*goal.id);
            known.is_some_and(|known| known.agreed.is_some() || (goal.agree && known.open.is_some()))
                || concerns(&asked, &goal.audience)
                || period(facts, goal.period).is_some_and(|(from, _)| told.contains_key(&member(&goal.id, from)))
        })
        .map(|goal| &*goal.id);
    let others = agreements.keys().filter(|id| facts.rulebook.rulebook.goals.goal(id).is_none());
    declared.chain(others.map(String::as_str)).filter_map(|id| own_among(facts, id, agreements)).collect()
}

/// Goals the partner is behind with.
#[must_use]
pub fn behind(facts: &PartnerFacts<'_>) -> Vec<Behind> {
    // Nobody is told about those who object to being judged, so nothing is to be looked for.
    if facts.state.profile.objects_to_profiling() {
        return Vec::new();
    }
    let (all, today) = (all(facts), today(facts));
    let binding = all.into_iter().filter(|own| own.binding);
    binding
        .filter_map(|own| {
            let progress = own.progress_with(own.value(facts), today).filter(|progress| progress.behind)?;
            Some(Behind { signal: format!("goal-behind:{}", own.key()), goal: own.goal.id, progress })
        })
        .collect()
}

/// The pace of the partner's slowest running goal of a metric, percent; 100 is just in time. A goal that is a condition has no
/// pace: it is met or not.
#[must_use]
pub fn pace(facts: &PartnerFacts<'_>) -> Option<f64> {
    let today = today(facts);
    all(facts)
        .into_iter()
        .filter(|own| own.binding && own.measure().is_some() && (own.goal.from..=own.goal.to).contains(&today))
        .filter_map(|own| own.progress(facts)?.pace_percent)
        .min_by(f64::total_cmp)
}

/// Whether a goal that was reached is not any more, by a reversal. One that was reached on other terms stays reached.
#[must_use]
pub fn is_revoked(facts: &PartnerFacts<'_>, id: &str, proposal: Option<&str>) -> bool {
    let Some(own) = own(facts, id) else { return false };
    if own.agreed_at.and(own.proposal.as_deref()) != proposal {
        return false;
    }
    match own.counts {
        Counts::Condition(condition) => condition.judge(&Bare(facts)).is_false(),
        Counts::Measure(_) => own.progress(facts).is_some_and(|progress| !progress.reached),
    }
}

/// What a target comes to at the partner's own pace: the sum to be expected over the period, and the chance, in percent, of
/// reaching the target. For somebody who is about to propose.
#[must_use]
pub fn outlook(facts: &PartnerFacts<'_>, terms: &Terms) -> Option<(f64, Option<f64>)> {
    let own = by_terms("", terms, None, "", None)?;
    let daily = daily(facts, own.measure()?);
    let mean = daily.iter().sum::<f64>() / (daily.len().max(1) as f64);
    let from = today(facts).max(terms.from);
    let left = f64::from((day::number(terms.to) - day::number(from) + 1).max(0));
    Some((own.value(facts)? + mean * left, own.chance(facts)))
}

/// What is to be told now, and the marks to keep. Nothing when nothing changed.
pub fn tell(facts: &PartnerFacts<'_>) -> Option<(Vec<Telling>, Vec<u8>)> {
    let declared = &facts.rulebook.rulebook.goals.goals;
    let agreements = agreed::known(facts.state);
    if declared.is_empty() && agreements.is_empty() {
        return None;
    }
    let (mut told, asked, today) = (told(facts), Asked::of(facts), today(facts));
    let mut moments = Vec::new();
    let mut changed = false;
    // Declared goals are looked at whomever they concern by now: what was reached is taken back from those who moved on, too.
    let others = agreements.keys().filter(|id| facts.rulebook.rulebook.goals.goal(id).is_none());
    let ids = declared.iter().map(|goal| &*goal.id).chain(others.map(String::as_str));
    for id in ids {
        let Some(own) = own_among(facts, id, &agreements).filter(|own| own.binding) else { continue };
        let Some(now) = own.progress_with(own.value(facts), today) else { continue };
        let key = own.key();
        let before = told.get(&key).copied().unwrap_or_default();
        let agreed = own.agreed_at.is_some();
        let runs = (own.goal.from..=own.goal.to).contains(&today);
        let declared = facts.rulebook.rulebook.goals.goal(id);
        let is_concerned = || declared.is_some_and(|goal| concerns(&asked, &goal.audience));
        // Nobody is kept as one of those for whom it is where it is for everybody.
        let for_some = declared.filter(|goal| !matches!(goal.audience, Audience::Everyone));
        let member = for_some.map(|_| member(id, own.goal.from));
        if let Some(member) = member.as_ref().filter(|member| runs && !told.contains_key(*member) && is_concerned()) {
            let earlier = format!("{id}@");
            let told = Arc::make_mut(&mut told);
            told.retain(|name, _| !name.starts_with(&earlier));
            told.insert(member.clone(), Told::default());
            changed = true;
        }
        let concerned = agreed || member.as_ref().is_some_and(|member| told.contains_key(member)) || is_concerned();
        // A condition met after its time is not reached. What counts on its day and is told or approved later is; only nobody hears of
        // a goal that was declared when its time was over.
        let known = agreed || told.contains_key(&key);
        let late = known && own.measure().is_some() && today > own.goal.to && now.reached;
        // What was reached in time stays so until it is taken back.
        if !before.reached && (!concerned || !(runs || late)) {
            continue;
        }
        let (moment, after) = own.goal.tell(&now, before);
        if after != before {
            Arc::make_mut(&mut told).insert(key.clone(), after);
            changed = true;
        }
        if let Some(moment) = moment {
            moments.push(Telling { goal: id.to_owned(), key, moment, percent: now.percent });
        }
    }
    changed.then(|| (moments, serde_json::to_vec(&*told).unwrap_or_default()))
}
