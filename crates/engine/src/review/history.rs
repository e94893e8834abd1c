//! What happened in a period and what the programme did, from the rows kept of the partner.

use std::{collections::BTreeMap, iter};

use jiff::{Timestamp, civil::Date};
use rapport_event::Kind;
use rapport_insight::{health::Health, period::Period};
use rapport_journey::{EventSnapshot, Facts as _};
use rapport_partner::{day, state::DAYS_KEPT};
use rapport_rule::Money;
use serde::Serialize;
use serde_json::Value;

use super::{Amount, Known, figures};
use crate::{
    ports::rows::{MessageState, SignalRow, TaskKind, TaskRow},
    shard::{
        facts::{self, PartnerFacts},
        goals,
        health::{self, MadeBy, REVIEWED},
    },
    story::Story,
};

/// Health, or why there is none.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum HealthPart {
    /// The partner objects to being judged by figures.
    Objected,
    /// It was not reviewed by the end of the period.
    NotReviewed,
    /// As it was.
    Reviewed(HealthThen),
}

/// Health at the end of a period.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HealthThen {
    /// The closed day it speaks of.
    pub on: Date,
    /// With what it is made of.
    pub health: Health,
    /// The score when the period began, if there was one and the model that made it is still the same.
    pub before: Option<f64>,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Happening {
    /// The day it was seen.
    pub on: Date,
    /// The day it was over, of what lasts.
    pub ended_on: Option<Date>,
    /// What, with its evidence.
    #[serde(flatten)]
    pub what: What,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum What {
    /// Fewer sales than is normal for the partner.
    Dip {
        /// The first day it speaks of.
        since: Option<Date>,
        /// Sales expected since then.
        expected: f64,
        /// Sales seen since then.
        observed: f64,
    },
    /// Sales bring less each than is normal for the partner.
    RevenueDip {
        /// The first day it speaks of.
        since: Option<Date>,
        /// By how many percent less.
        drop_percent: f64,
    },
    /// Nothing for longer than usual for the partner.
    Silence {
        /// The first day it speaks of.
        since: Option<Date>,
    },
    /// The best month in a year, by approved revenue.
    PersonalBest {
        /// What it brought.
        revenue: Money,
    },
    /// Approved sales in so many weeks in a row.
    Streak {
        /// How many.
        weeks: i64,
    },
    /// Among the best by approved revenue.
    Rank {
        /// Of how many percent.
        top_percent: i64,
    },
    /// A threshold was passed.
    Milestone {
        /// The measure.
        metric: String,
        /// What was passed.
        threshold: Amount,
    },
    /// A goal was reached.
    GoalReached,
    /// Another year.
    Anniversary {
        /// Which.
        years: i64,
    },
}

/// What the programme did.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Done {
    /// Mails sent, by topic.
    pub mails: Vec<MailLine>,
    /// Cases.
    pub cases: Cases,
    /// Tasks about the partner that a person finished.
    pub tasks: usize,
    /// Offers reserved for the partner.
    pub offers: Known,
    /// Awards given.
    pub awards: Vec<AwardLine>,
}

/// Mails of a topic.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MailLine {
    /// The topic's id.
    pub topic: String,
    /// What people call it; its id when the files no longer have it.
    pub title: String,
    /// How many.
    pub count: usize,
}

/// Cases of a period.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Cases {
    /// Opened in it.
    pub opened: usize,
    /// Solved in it.
    pub solved: usize,
    /// Ended in it without that.
    pub unsolved: usize,
}

/// An award.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AwardLine {
    /// The award's id.
    pub award: String,
    /// What people call it; its id when the files no longer have it.
    pub title: String,
    /// When it was given.
    pub on: Date,
}

/// What is still to be done, as of now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Open {
    /// Tasks about the partner.
    pub tasks: usize,
    /// Cases.
    pub cases: usize,
    /// The day the first of them is due.
    pub due: Option<Date>,
}

fn local(facts: &PartnerFacts<'_>, at: Timestamp) -> Date {
    facts.program.zone.to_datetime(at).date()
}

fn within(facts: &PartnerFacts<'_>, period: Period, at: Timestamp) -> bool {
    (period.first()..=period.last()).contains(&local(facts, at))
}

/// A review as it was kept.
struct Kept {
    /// The day it tells of: the one before it was kept.
    on: Date,
    by: MadeBy,
    health: Health,
}

fn reviewed(facts: &PartnerFacts<'_>, row: &SignalRow) -> Option<Kept> {
    let payload: Value = serde_json::from_str(&row.payload).ok()?;
    let on = rapport_insight::day::plus(local(facts, row.occurred_at), -1);
    Some(Kept { on, by: MadeBy::of(&payload), health: health::kept(&payload)? })
}

/// Health at the period's end. A review under a changed model begins anew: nothing before it is compared with.
pub(super) fn health(facts: &PartnerFacts<'_>, story: &Story, period: Period) -> HealthPart {
    if facts.state.profile.objects_to_profiling() {
        return HealthPart::Objected;
    }
    let rows = story.signals.iter().filter(|row| row.kind == REVIEWED);
    let mut reviews: Vec<Kept> =
        rows.filter_map(|row| reviewed(facts, row)).filter(|kept| kept.on <= period.last()).collect();
    let Some(then) = reviews.pop() else { return HealthPart::NotReviewed };
    // What was kept last before the period is what held when it began: the newest itself, when nothing was kept since.
    let mut comparable =
        iter::once(&then).chain(reviews.iter().rev()).take_while(|kept| kept.by.is_comparable(&then.by));
    let before = comparable.find(|kept| kept.on < period.first()).map(|kept| kept.health.score);
    HealthPart::Reviewed(HealthThen { on: then.on, health: then.health, before })
}

/// What happened in the period, in order.
pub(super) fn happenings(facts: &PartnerFacts<'_>, story: &Story, period: Period) -> Vec<Happening> {
    let objects = facts.state.profile.objects_to_profiling();
    let mut all: Vec<Happening> = story
        .signals
        .iter()
        .filter_map(|row| {
            let what = what(facts, row)?;
            let lasts = matches!(what, What::Dip { .. } | What::RevenueDip { .. } | What::Silence { .. });
            let on = local(facts, row.occurred_at);
            let ended_on = row.ended_at.filter(|_| lasts).map(|at| local(facts, at));
            let over_on = if lasts { ended_on.unwrap_or(Date::MAX) } else { on };
            let is_theirs = on <= period.last() && over_on >= period.first();
            // What is judged of a partner is not told to who objects to that; what they reached is.
            let judged = lasts || matches!(what, What::PersonalBest { .. } | What::Streak { .. } | What::Rank { .. });
            let is_told = is_theirs && !(judged && objects) && !is_taken_back(facts, row, on);
            is_told.then_some(Happening { on, ended_on, what })
        })
        .collect();
    all.sort_by_key(|happening| happening.on);
    all
}

/// The month a best one is told of begins at most so many days before: it is one of the newest four that are over.
const BEST_MONTH_DAYS: i32 = 155;

/// Whether a sale taken back since took with it what was reached, as far as that can still be told: congratulated is nobody for it.
fn is_taken_back(facts: &PartnerFacts<'_>, row: &SignalRow, on: Date) -> bool {
    let Ok(payload) = serde_json::from_str::<Value>(&row.payload) else { return false };
    let is_known = match row.kind.as_str() {
        "milestone.reached" => true,
        "win.personal_best" => day::number(on) - BEST_MONTH_DAYS >= figures::today(facts) - (DAYS_KEPT - 1),
        // The goal of this name may be that of a later period by now.
        "goal.reached" => {
            let own = payload.get("name").and_then(Value::as_str).and_then(|name| goals::own(facts, name));
            own.is_some_and(|own| own.measure().is_some() && own.goal.from <= on)
        }
        _ => false,
    };
    // Rows are kept by the partner and the id that journeys see.
    let id = row.id.strip_prefix(&format!("{}:", row.key)).unwrap_or(&row.id).to_owned();
    is_known && facts.is_revoked(&EventSnapshot { id, kind: row.kind.clone(), occurred_at: row.occurred_at, payload })
}

fn what(facts: &PartnerFacts<'_>, row: &SignalRow) -> Option<What> {
    let payload: Value = serde_json::from_str(&row.payload).ok()?;
    let number = |name: &str| payload.get(name).and_then(Value::as_f64);
    let whole = |name: &str| number(name).map(|number| number.round() as i64);
    let money = |minor: i64| Money::new(minor, facts.program.currency);
    let since = payload.get("since").and_then(Value::as_str).and_then(|since| since.parse::<Date>().ok());
    let is = |kind: Kind| kind.name() == row.kind.as_str();
    Some(if is(Kind::DipConversions) {
        What::Dip { since, expected: number("expected")?, observed: number("observed")? }
    } else if is(Kind::DipRevenue) {
        What::RevenueDip { since, drop_percent: number("drop_percent")? }
    } else if is(Kind::SilenceConversions) {
        What::Silence { since }
    } else if is(Kind::WinPersonalBest) {
        What::PersonalBest { revenue: money(whole("value")?) }
    } else if is(Kind::WinStreak) {
        What::Streak { weeks: whole("value")? }
    } else if is(Kind::WinRankClimb) {
        What::Rank { top_percent: whole("value")? }
    } else if is(Kind::MilestoneReached) {
        let metric = payload.get("metric")?.as_str()?.to_owned();
        let passed = whole("threshold")?;
        let threshold = if metric.ends_with("revenue") { Amount::Money(money(passed)) } else { Amount::Count(passed) };
        What::Milestone { metric, threshold }
    } else if is(Kind::GoalReached) {
        What::GoalReached
    } else if is(Kind::PartnerAnniversary) {
        What::Anniversary { years: whole("years")? }
    } else {
        return None;
    })
}

/// What the programme did in the period.
pub(super) fn done(facts: &PartnerFacts<'_>, story: &Story, period: Period, languages: &[String]) -> Done {
    let config = &facts.rulebook.rulebook.config;
    let mut topics: BTreeMap<&str, usize> = BTreeMap::new();
    for told in &story.messages {
        // What is in doubt counts as sent, as everywhere.
        let left = matches!(told.state, MessageState::Sent | MessageState::InDoubt);
        if left && within(facts, period, told.changed_at) {
            *topics.entry(told.message.topic.as_str()).or_default() += 1;
        }
    }
    let mails = topics.into_iter().map(|(topic, count)| {
        let title = config.topics.get(topic).map_or(topic, |declared| declared.name.in_language(languages));
        MailLine { topic: topic.to_owned(), title: title.to_owned(), count }
    });
    let awards = facts::awards(facts.state).into_iter().filter(|given| within(facts, period, given.at)).map(|given| {
        let declared = facts.rulebook.rulebook.awards.get(&given.award);
        let title = declared.map_or(&*given.award, |award| award.name.in_language(languages)).to_owned();
        AwardLine { award: given.award.to_string(), title, on: local(facts, given.at) }
    });
    let ended = |row: &&TaskRow| row.ended.as_ref().is_some_and(|end| within(facts, period, end.at));
    let cases = || story.tasks.iter().filter(|row| row.kind == TaskKind::Case);
    let outcome = |row: &TaskRow| row.ended.as_ref().map(|end| end.outcome.clone()).unwrap_or_default();
    let by_person = |row: &TaskRow| row.ended.as_ref().is_some_and(|end| end.by != "rapport");
    Done {
        mails: mails.collect(),
        cases: Cases {
            opened: cases().filter(|row| within(facts, period, row.opened_at)).count(),
            solved: cases().filter(ended).filter(|row| outcome(row) == "solved").count(),
            unsolved: cases().filter(ended).filter(|row| outcome(row) == "unsolved").count(),
        },
        tasks: story.tasks.iter().filter(ended).filter(|row| row.kind == TaskKind::Task && by_person(row)).count(),
        offers: figures::count(facts, "offers", period),
        awards: awards.collect(),
    }
}

/// What is still to be done.
pub(super) fn open(facts: &PartnerFacts<'_>, story: &Story) -> Open {
    let open = || story.tasks.iter().filter(|row| row.ended.is_none());
    Open {
        tasks: open().filter(|row| row.kind == TaskKind::Task).count(),
        cases: open().filter(|row| row.kind == TaskKind::Case).count(),
        due: open().filter_map(|row| row.due).min().map(|due| local(facts, due)),
    }
}
