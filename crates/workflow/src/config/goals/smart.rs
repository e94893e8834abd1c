//! Whether a goal is one: a target with its unit, a deadline within what is remembered, and not out of all reach.
//!
//! What a partner's own history says of a target is looked at where the history is: by `rapport check` beside a store, and when a
//! goal is proposed.

use rapport_rule::yaml::Node;
use rapport_rule::{Currency, Findings};

use super::{GoalPeriod, GoalTarget, measure};

/// Days that are remembered; the period before has to fit in with a target that is a factor of it.
const DAYS_KEPT: i64 = 400;
/// A target of more than so many times the period before is told.
const FACTOR_MAX: f64 = 3.0;

/// Money has a currency, and one that some programme counts in; counts have none.
pub(super) fn unit(target: &GoalTarget, node: &Node, path: &str, currencies: &[Currency], findings: &mut Findings) {
    match target {
        GoalTarget::Reach(_) => {}
        GoalTarget::Growth { metric, base, .. } => {
            let money = |name: &str| measure(name).is_some_and(rapport_partner::Measure::is_money);
            if money(metric) != money(base) {
                findings
                    .error("R0560", path, node.span, format!("`{metric}` is not counted in what `{base}` is"))
                    .label("compare money with money, and counts with counts");
            } else if kind(metric) != kind(base) {
                findings
                    .error(
                        "R0560",
                        path,
                        node.span,
                        format!("`{metric}` is compared with `{base}`, which counts something else"),
                    )
                    .label(format!("write `{metric}_previous_period`"));
            }
        }
        GoalTarget::Fixed { metric, currency, .. } => {
            let money = measure(metric).is_some_and(rapport_partner::Measure::is_money);
            match currency {
                None if money => {
                    findings
                        .error("R0560", path, node.span, format!("`{metric}` is money"))
                        .label("write the target with its currency: `5000 EUR`");
                }
                Some(_) if !money => {
                    findings
                        .error("R0560", path, node.span, format!("`{metric}` is a count"))
                        .label("write the target without a currency: `50`");
                }
                Some(currency) if !currencies.is_empty() && !currencies.contains(currency) => {
                    let known = rapport_rule::suggest::listed(currencies.iter().map(Currency::code), 4);
                    findings
                        .error("R0560", path, node.span, format!("no programme counts in {}", currency.code()))
                        .label(format!("expected {known}"));
                }
                _ => {}
            }
        }
    }
}

/// What is counted, approved or not.
fn kind(metric: &str) -> &str {
    metric.strip_prefix("approved_").unwrap_or(metric)
}

/// The days a goal counts over are remembered, and so are those it is compared with.
pub(super) fn deadline(
    period: GoalPeriod,
    target: Option<&GoalTarget>,
    node: &Node,
    path: &str,
    findings: &mut Findings,
) {
    let compared = matches!(target, Some(GoalTarget::Growth { .. }));
    if let (true, GoalPeriod::SinceApproved(_)) = (compared, period) {
        findings
            .error("R0561", path, node.span, "before the approval there is nothing to compare with")
            .label("write `from:` and `to:`, or a target of its own");
    }
    let max = if compared { DAYS_KEPT / 2 } else { DAYS_KEPT };
    if !matches!(target, Some(GoalTarget::Reach(_))) && period.days() > max {
        findings.error("R0561", path, node.span, format!("the goal runs for {} days", period.days())).label(
            if compared {
                format!("at most {max}, because as many days before are compared")
            } else {
                format!("at most {max}: days are kept that long")
            },
        );
    }
}

/// A target far above the period before is hope, not a goal.
pub(super) fn growth(target: &GoalTarget, node: &Node, path: &str, findings: &mut Findings) {
    if let GoalTarget::Growth { factor, .. } = target
        && *factor > FACTOR_MAX
    {
        findings
            .warning("R0562", path, node.span, format!("{factor} times the period before"))
            .label("few partners grow that much; who cannot reach it is told to be behind all along");
    }
}
