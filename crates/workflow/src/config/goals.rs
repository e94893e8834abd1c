//! `config/goals.yaml`: goals, milestones, anniversaries.

use std::sync::Arc;

use jiff::civil::Date;
use rapport_insight::milestone::{Measure, Milestone};
use rapport_rule::expr::{Condition, Environment};
use rapport_rule::suggest::nearest;
use rapport_rule::yaml::{Fields, Key, Node};
use rapport_rule::{Findings, Length};

/// The name of an anniversary, in `event.name`.
pub const ANNIVERSARY: &str = "anniversary";

/// Everything worth a congratulation.
#[derive(Debug, Clone, Default)]
pub struct Goals {
    /// In the order written.
    pub goals: Vec<DeclaredGoal>,
    /// Levels of approved figures.
    pub milestones: Vec<Milestone>,
    /// Whether the day of approval is kept every year.
    pub anniversaries: bool,
}

/// A goal as declared; a partner's own target and period follow from it.
#[derive(Debug, Clone)]
pub struct DeclaredGoal {
    /// Its id.
    pub id: Arc<str>,
    /// Whose it is.
    pub audience: Audience,
    /// What is to be reached.
    pub target: GoalTarget,
    /// Within when.
    pub period: GoalPeriod,
    /// Percents told on the way; 100 is `goal.reached` only.
    pub tell_at: Vec<u8>,
}

/// `for:`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Audience {
    /// All partners.
    Everyone,
    /// The members of a group.
    Group(Arc<str>),
    /// The members of a segment.
    Segment(Arc<str>),
}

/// What is to be reached.
#[derive(Debug, Clone)]
pub enum GoalTarget {
    /// `reach:`, a condition.
    Reach(Condition),
    /// `metric:` and `target: 1.2 * <metric's measure>_previous_period`: a factor of what the equally long period before brought.
    Growth {
        /// A measure without window: `approved_revenue`.
        metric: Arc<str>,
        /// The factor.
        factor: f64,
        /// The measure it is compared with, without `_previous_period`.
        base: Arc<str>,
    },
}

/// Within when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GoalPeriod {
    /// This long from the partner's approval.
    SinceApproved(Length),
    /// Between two days, both included.
    Days {
        /// First day.
        from: Date,
        /// Last day.
        to: Date,
    },
}

impl Goals {
    /// The goal of this id.
    pub fn goal(&self, id: &str) -> Option<&DeclaredGoal> {
        self.goals.iter().find(|goal| *goal.id == *id)
    }
}

/// The names alone, known before any condition is compiled.
#[derive(Debug, Clone, Default)]
pub(crate) struct Names {
    pub(crate) goals: Vec<Arc<str>>,
    pub(crate) milestones: Vec<Arc<str>>,
}

pub(crate) fn names(goals: &Goals, node: Option<&Node>) -> Names {
    let entries = node.and_then(|node| node.get("goals")).and_then(Node::as_map).unwrap_or_default();
    Names {
        goals: entries.iter().map(|(key, _)| Arc::from(key.text.as_str())).collect(),
        milestones: goals.milestones.iter().map(|milestone| milestone.name().into()).collect(),
    }
}

const METRICS: [&str; 6] =
    ["conversions", "revenue", "commission", "approved_conversions", "approved_revenue", "approved_commission"];

pub(crate) fn read(
    node: &Node,
    path: &str,
    groups: &[Arc<str>],
    segments: &[Arc<str>],
    env: &dyn Environment,
    findings: &mut Findings,
) -> Goals {
    let mut all = Goals::default();
    let Some(fields) = Fields::of(node, path, findings) else { return all };
    for (key, value) in fields.take("goals").and_then(|node| node.map(path, findings)).unwrap_or_default() {
        all.goals.extend(goal(key, value, path, groups, segments, env, findings));
    }
    if let Some(fields) = fields.take("milestones").and_then(|node| Fields::of(node, path, findings)) {
        milestones(&fields, path, &mut all.milestones, findings);
        fields.finish(&[], findings);
    }
    if let Some(fields) = fields.take("anniversaries").and_then(|node| Fields::of(node, path, findings)) {
        let of = fields.require("of", findings).and_then(|node| node.one_of(&["partner.approved"], path, findings));
        let every = fields.require("every", findings).and_then(|node| node.one_of(&["year"], path, findings));
        fields.finish(&[], findings);
        all.anniversaries = of.is_some() && every.is_some();
    }
    fields.finish(&[], findings);
    all
}

fn milestones(fields: &Fields<'_>, path: &str, all: &mut Vec<Milestone>, findings: &mut Findings) {
    for level in fields.take(Measure::ApprovedConversions.code()).map(Node::one_or_many).unwrap_or_default() {
        all.extend(level.int(1..=1_000_000_000, path, findings).map(Milestone::conversions));
    }
    for level in fields.take(Measure::ApprovedRevenue.code()).map(Node::one_or_many).unwrap_or_default() {
        let Some(money) = level.money(path, findings) else { continue };
        if money.minor <= 0 {
            findings.error("R0534", path, level.span, "a milestone lies above 0");
            continue;
        }
        let digits = u8::try_from(money.currency.exponent()).unwrap_or(2);
        all.push(Milestone::revenue(money.minor, digits));
    }
}

#[allow(clippy::too_many_arguments, reason = "one per kind of thing a goal may name")]
fn goal(
    key: &Key,
    node: &Node,
    path: &str,
    groups: &[Arc<str>],
    segments: &[Arc<str>],
    env: &dyn Environment,
    findings: &mut Findings,
) -> Option<DeclaredGoal> {
    let fields = Fields::of(node, path, findings)?;
    let audience = fields.require("for", findings).and_then(|node| audience(node, path, groups, segments, findings));
    let (reach, metric, target) = (fields.take("reach"), fields.take("metric"), fields.take("target"));
    let target = match (reach, metric, target) {
        (Some(reach), None, None) => Condition::from_node(reach, path, env, findings).map(GoalTarget::Reach),
        (None, Some(metric), Some(target)) => growth(metric, target, path, findings),
        _ => {
            findings
                .error("R0534", path, key.span, format!("goal `{}` needs one thing to reach", key.text))
                .label("`reach: <condition>`, or `metric:` and `target:`");
            None
        }
    };
    let (within, from, to) = (fields.take("within"), fields.take("from"), fields.take("to"));
    let period = match (within, from, to) {
        (Some(within), None, None) => since_approved(within, path, findings),
        (None, Some(from), Some(to)) => {
            let (from, to_node) = (from.date(path, findings), to);
            let to = to.date(path, findings);
            let days = from.zip(to);
            if days.is_some_and(|(from, to)| to < from) {
                findings.error("R0534", path, to_node.span, "the goal ends before it begins");
                None
            } else {
                days.map(|(from, to)| GoalPeriod::Days { from, to })
            }
        }
        _ => {
            findings
                .error("R0534", path, key.span, format!("goal `{}` needs a period", key.text))
                .label("`within: 30 days of partner.approved`, or `from:` and `to:`");
            None
        }
    };
    let tell_at: Vec<u8> = fields
        .take("tell_at")
        .map(Node::one_or_many)
        .unwrap_or_default()
        .iter()
        .filter_map(|node| node.percent(path, findings))
        .map(|percent| percent.round().clamp(0.0, 100.0) as u8)
        .collect();
    fields.finish(&[], findings);
    Some(DeclaredGoal { id: key.text.as_str().into(), audience: audience?, target: target?, period: period?, tell_at })
}

fn audience(
    node: &Node,
    path: &str,
    groups: &[Arc<str>],
    segments: &[Arc<str>],
    findings: &mut Findings,
) -> Option<Audience> {
    let text = node.text(path, findings)?;
    let (what, name) = text.split_once(' ').unwrap_or((text, ""));
    let name = name.trim();
    let known = match what {
        "everyone" if name.is_empty() => return Some(Audience::Everyone),
        "group" => groups,
        "segment" => segments,
        _ => {
            findings
                .error("R0516", path, node.span, format!("`{text}` is nobody"))
                .label("write `everyone`, `group core` or `segment never_sold`");
            return None;
        }
    };
    match known.iter().find(|known| ***known == *name) {
        Some(name) if what == "group" => Some(Audience::Group(name.clone())),
        Some(name) => Some(Audience::Segment(name.clone())),
        None => {
            findings
                .error("R0516", path, node.span, format!("there is no {what} `{name}`"))
                .did_you_mean(nearest(name, known.iter().map(|known| &**known)));
            None
        }
    }
}

/// `1.2 * revenue_previous_period`.
fn growth(metric: &Node, target: &Node, path: &str, findings: &mut Findings) -> Option<GoalTarget> {
    let which = metric.one_of(&METRICS, path, findings)?;
    let text = target.text(path, findings)?;
    let parsed = text.split_once('*').and_then(|(factor, base)| {
        let factor: f64 = factor.trim().parse().ok()?;
        let base = base.trim().strip_suffix("_previous_period")?;
        (METRICS.contains(&base) && factor.is_finite() && factor > 0.0).then_some((factor, base))
    });
    let Some((factor, base)) = parsed else {
        findings
            .error("R0534", path, target.span, format!("`{text}` is no target"))
            .label("write a factor of the period before: `1.2 * revenue_previous_period`");
        return None;
    };
    Some(GoalTarget::Growth { metric: (*METRICS.get(which)?).into(), factor, base: base.into() })
}

/// `30 days of partner.approved`.
fn since_approved(node: &Node, path: &str, findings: &mut Findings) -> Option<GoalPeriod> {
    let text = node.text(path, findings)?;
    let length = text.strip_suffix(" of partner.approved").map(Length::parse);
    match length {
        Some(Ok(length)) => Some(GoalPeriod::SinceApproved(length)),
        _ => {
            findings
                .error("R0534", path, node.span, format!("`{text}` is no period"))
                .label("write `30 days of partner.approved`");
            None
        }
    }
}
