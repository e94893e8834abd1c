//! `config/goals.yaml`: goals, milestones, anniversaries.

mod smart;

use std::sync::Arc;

use jiff::civil::Date;
use rapport_insight::milestone::{Measure, Milestone};
use rapport_rule::expr::{Condition, Environment};
use rapport_rule::suggest::nearest;
use rapport_rule::yaml::{Fields, Key, Node, Value};
use rapport_rule::{Currency, Findings, Length, Money};

use super::audience::{self, Audience, Sets};

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
    /// Whether it counts only once the partner has accepted it.
    pub agree: bool,
    /// Who answers for it: a sender, or `manager` for the partner's own.
    pub owner: Option<Arc<str>>,
}

impl DeclaredGoal {
    /// What is counted; none for a condition.
    #[must_use]
    pub fn metric(&self) -> Option<&str> {
        match &self.target {
            GoalTarget::Reach(_) => None,
            GoalTarget::Growth { metric, .. } | GoalTarget::Fixed { metric, .. } => Some(metric),
        }
    }
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
    /// `metric:` and `target: 5000 EUR` or `target: 50`: the same for everybody.
    Fixed {
        /// A measure without window.
        metric: Arc<str>,
        /// A count, or minor units.
        target: i64,
        /// The currency of a target that is money. In a programme of another one the goal says nothing.
        currency: Option<Currency>,
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

impl GoalPeriod {
    /// Its length in days, both ends included. A month is 30 days, a year 365: the period is counted from the approval.
    #[must_use]
    pub fn days(self) -> i64 {
        match self {
            GoalPeriod::Days { from, to } => i64::from(from.until(to).map_or(0, |span| span.get_days())) + 1,
            GoalPeriod::SinceApproved(length) => length_days(length) + 1,
        }
    }
}

/// A length in whole days.
#[must_use]
pub fn length_days(length: Length) -> i64 {
    match length {
        Length::Days(days) => days,
        Length::Weeks(weeks) => weeks.saturating_mul(7),
        Length::Months(months) => months.saturating_mul(30),
        Length::Years(years) => years.saturating_mul(365),
        _ => 1,
    }
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
    let declared = entries.iter().map(|(key, _)| Arc::from(key.text.as_str()));
    Names {
        goals: declared.chain(METRICS.iter().map(|metric| own_goal(metric).into())).collect(),
        milestones: goals.milestones.iter().map(|milestone| milestone.name().into()).collect(),
    }
}

/// What a goal may count: sums over days, of which more is better.
pub const METRICS: [&str; 12] = [
    "approved_conversions",
    "approved_revenue",
    "approved_commission",
    "conversions",
    "revenue",
    "commission",
    "new_customers",
    "clicks",
    "links_created",
    "content",
    "creatives",
    "trainings",
];

/// The measure a goal counts, by its name.
#[must_use]
pub fn measure(metric: &str) -> Option<rapport_partner::Measure> {
    let measure = rapport_partner::Measure::ALL.iter().find(|measure| measure.name() == metric)?;
    METRICS.contains(&metric).then_some(*measure)
}

/// The id of a goal that one partner has alone: there is one for each metric.
#[must_use]
pub fn own_goal(metric: &str) -> String {
    format!("own_{metric}")
}

/// What a goal may refer to.
pub(crate) struct Known<'a> {
    pub(crate) sets: Sets<'a>,
    /// None when the file that declares them has errors of its own.
    pub(crate) senders: Option<Vec<Arc<str>>>,
    /// Those of the programmes; none when they are not known.
    pub(crate) currencies: Vec<Currency>,
    pub(crate) env: &'a dyn Environment,
    /// Whether it is also asked if a goal is a good one.
    pub(crate) checks: bool,
}

pub(crate) fn read(node: &Node, path: &str, known: &Known<'_>, findings: &mut Findings) -> Goals {
    let mut all = Goals::default();
    let Some(fields) = Fields::of(node, path, findings) else { return all };
    for (key, value) in fields.take("goals").and_then(|node| node.map(path, findings)).unwrap_or_default() {
        all.goals.extend(goal(key, value, path, known, findings));
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

fn goal(key: &Key, node: &Node, path: &str, known: &Known<'_>, findings: &mut Findings) -> Option<DeclaredGoal> {
    if key.text.starts_with("own_") {
        findings
            .error("R0534", path, key.span, "names that begin with `own_` are those of goals one partner has alone")
            .label("choose another name");
    }
    let fields = Fields::of(node, path, findings)?;
    let audience = fields.require("for", findings).and_then(|node| audience::read(node, path, known.sets, findings));
    let (reach, metric, target_node) = (fields.take("reach"), fields.take("metric"), fields.take("target"));
    let target = match (reach, metric, target_node) {
        (Some(reach), None, None) => Condition::from_node(reach, path, known.env, findings).map(GoalTarget::Reach),
        (None, Some(metric), Some(target)) => counted(metric, target, path, findings),
        _ => {
            findings
                .error("R0534", path, key.span, format!("goal `{}` needs one thing to reach", key.text))
                .label("`reach: <condition>`, or `metric:` and `target:`");
            None
        }
    };
    let (within, from, to) = (fields.take("within"), fields.take("from"), fields.take("to"));
    let period_node = within.or(to);
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
    if let (true, Some(target), Some(node)) = (known.checks, &target, target_node) {
        smart::unit(target, node, path, &known.currencies, findings);
        smart::growth(target, node, path, findings);
    }
    if let (true, Some(period), Some(node)) = (known.checks, period, period_node) {
        smart::deadline(period, target.as_ref(), node, path, findings);
    }
    let tell_at: Vec<u8> = fields
        .take("tell_at")
        .map(Node::one_or_many)
        .unwrap_or_default()
        .iter()
        .filter_map(|node| node.percent(path, findings))
        .map(|percent| percent.round().clamp(0.0, 100.0) as u8)
        .collect();
    let agree = fields.take("agree").and_then(|node| node.one_of(&["partner"], path, findings)).is_some();
    if let (true, Some(GoalTarget::Reach(_))) = (agree, &target) {
        findings
            .error(
                "R0534",
                path,
                key.span,
                format!("goal `{}` is a condition, which has no terms to agree on", key.text),
            )
            .label("write `metric:` and `target:`, or leave `agree` away");
    }
    let owner = fields.take("owner").and_then(|node| owner(node, path, known, findings));
    fields.finish(&[], findings);
    Some(DeclaredGoal {
        id: key.text.as_str().into(),
        audience: audience?,
        target: target?,
        period: period?,
        tell_at,
        agree,
        owner,
    })
}

/// A sender, or the partner's own manager.
fn owner(node: &Node, path: &str, known: &Known<'_>, findings: &mut Findings) -> Option<Arc<str>> {
    let text = node.text(path, findings)?;
    let senders = known.senders.as_deref()?;
    if text == MANAGER || senders.iter().any(|sender| **sender == *text) {
        return Some(text.into());
    }
    findings
        .error("R0501", path, node.span, format!("there is no sender `{text}`"))
        .did_you_mean(nearest(text, senders.iter().map(|id| &**id).chain([MANAGER])))
        .hint("Senders are declared in config/rapport.yaml; `manager` is the partner's own.");
    None
}

/// The word for the partner's own manager, as a goal's owner.
pub const MANAGER: &str = "manager";

/// `1.2 * revenue_previous_period`, `5000 EUR` or `50`.
fn counted(metric: &Node, target: &Node, path: &str, findings: &mut Findings) -> Option<GoalTarget> {
    let metric: Arc<str> = (*METRICS.get(metric.one_of(&METRICS, path, findings)?)?).into();
    if let Value::Int(_) = target.value {
        let target = target.int(1..=1_000_000_000_000, path, findings)?;
        return Some(GoalTarget::Fixed { metric, target, currency: None });
    }
    let text = target.text(path, findings)?;
    if let Some((factor, base)) = text.split_once('*') {
        let factor = factor.trim().parse().ok().filter(|factor: &f64| factor.is_finite() && *factor > 0.0);
        let base = base.trim().strip_suffix("_previous_period").filter(|base| METRICS.contains(base));
        if let Some((factor, base)) = factor.zip(base) {
            return Some(GoalTarget::Growth { metric, factor, base: base.into() });
        }
    } else if let Ok(money) = Money::parse(text)
        && money.minor > 0
    {
        return Some(GoalTarget::Fixed { metric, target: money.minor, currency: Some(money.currency) });
    }
    findings
        .error("R0534", path, target.span, format!("`{text}` is no target"))
        .label("write an amount (`5000 EUR`), a count (`50`), or a factor: `1.2 * revenue_previous_period`");
    None
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

#[cfg(test)]
mod tests {
    use rapport_partner::Figure;

    use super::*;

    #[test]
    fn a_goal_counts_what_the_figure_of_its_name_sums_up() {
        let by_figure = |metric: &str| match Figure::parse(&format!("{metric}_total")) {
            Ok(Figure::Sum(measure, _)) if METRICS.contains(&metric) => Some(measure),
            _ => None,
        };
        for metric in Figure::measure_names().chain(["", "unpriced", "nothing"]) {
            assert_eq!(measure(metric), by_figure(metric), "{metric}");
        }
        assert!(METRICS.iter().all(|metric| measure(metric).is_some()));
    }
}
