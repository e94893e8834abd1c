//! What a health model may ask about a partner: a closed list, each with its unit, computed from plain figures.

use serde::{Deserialize, Serialize};

/// Figures health is computed from. What is not known is `None`, and then hands its weight on.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Facts {
    /// Newest survey score, 0–10.
    pub survey_score: Option<f64>,
    /// Complaints about mail in the last 90 days.
    pub complaints_90d: Option<f64>,
    /// Recorded conversions, last 28 days and the 28 before.
    pub conversions_28d: Option<f64>,
    /// See above.
    pub conversions_28d_before: Option<f64>,
    /// Recorded revenue, last 28 days and the 28 before, one currency.
    pub revenue_28d: Option<f64>,
    /// See above.
    pub revenue_28d_before: Option<f64>,
    /// Days since the last conversion.
    pub days_since_conversion: Option<f64>,
    /// Usual days between conversion days (see [`crate::silence::usual_gap`]).
    pub usual_gap_days: Option<f64>,
    /// Conversions of the last 180 days that were approved or paid, and that were reversed.
    pub approved_180d: Option<f64>,
    /// See above.
    pub reversed_180d: Option<f64>,
    /// Payouts due and unpaid.
    pub payouts_overdue: Option<f64>,
    /// Days since the partner last did anything: login, link, content, reply, answer.
    pub days_since_activity: Option<f64>,
    /// Clicks on links, last 28 days and the 28 before.
    pub clicks_28d: Option<f64>,
    /// See above.
    pub clicks_28d_before: Option<f64>,
    /// Mails of the last 90 days that asked something, and replies and answers to them.
    pub mails_90d: Option<f64>,
    /// See above.
    pub replies_90d: Option<f64>,
    /// Pace of the running goal, percent; 100 is just in time.
    pub goal_pace_percent: Option<f64>,
}

/// An input of a health model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InputKind {
    /// Its name in `config/health.yaml`.
    pub name: &'static str,
    /// What its value is, with unit.
    pub about: &'static str,
    /// How it is called in a reason: "conversions −9".
    pub shown: &'static str,
}

const fn kind(name: &'static str, shown: &'static str, about: &'static str) -> InputKind {
    InputKind { name, about, shown }
}

/// Every input a model may name.
pub const INPUTS: &[InputKind] = &[
    kind("survey_score", "survey", "newest survey score, 0 to 10"),
    kind("complaints", "complaints", "complaints about mail in 90 days"),
    kind(
        "conversions_trend",
        "conversions",
        "conversions of 28 days in percent of the 28 days before; 100 is unchanged",
    ),
    kind("revenue_trend", "revenue", "revenue of 28 days in percent of the 28 days before; 100 is unchanged"),
    kind("recency", "time since last conversion", "days since the last conversion, in usual gaps; 1 is usual"),
    kind("approval_rate", "approvals", "percent of decided conversions of 180 days that were approved"),
    kind("payouts_overdue", "payouts", "payouts due and unpaid"),
    kind("activity", "activity", "days since the partner last did anything"),
    kind("clicks_trend", "clicks", "clicks of 28 days in percent of the 28 days before; 100 is unchanged"),
    kind("replies", "replies", "replies and answers in percent of the mails of 90 days that asked"),
    kind("goal_pace", "goal", "pace of the running goal in percent; 100 is just in time"),
];

/// Values of inputs by name: in the order of [`INPUTS`].
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Inputs([Option<f64>; INPUTS.len()]);

impl Inputs {
    /// The value of an input; `None` when it is missing or there is no such input.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<f64> {
        let index = INPUTS.iter().position(|kind| kind.name == name)?;
        self.0.get(index).copied().flatten()
    }

    /// Sets an input. False if there is none of that name. NaN counts as missing.
    pub fn set(&mut self, name: &str, value: Option<f64>) -> bool {
        let index = INPUTS.iter().position(|kind| kind.name == name);
        let Some(slot) = index.and_then(|index| self.0.get_mut(index)) else { return false };
        *slot = value.filter(|value| !value.is_nan());
        true
    }
}

impl Facts {
    /// The inputs these facts give.
    #[must_use]
    pub fn inputs(&self) -> Inputs {
        let share = |part: Option<f64>, of: Option<f64>| match (part, of) {
            (Some(part), Some(of)) if of > 0.0 => Some(100.0 * part / of),
            _ => None,
        };
        let decided = self.approved_180d.zip(self.reversed_180d).map(|(approved, reversed)| approved + reversed);
        let gap = self.usual_gap_days.filter(|gap| *gap > 0.0);
        let mut inputs = Inputs::default();
        for (name, value) in [
            ("survey_score", self.survey_score),
            ("complaints", self.complaints_90d),
            ("conversions_trend", trend(self.conversions_28d, self.conversions_28d_before)),
            ("revenue_trend", trend(self.revenue_28d, self.revenue_28d_before)),
            ("recency", self.days_since_conversion.zip(gap).map(|(days, gap)| days / gap)),
            ("approval_rate", share(self.approved_180d, decided)),
            ("payouts_overdue", self.payouts_overdue),
            ("activity", self.days_since_activity),
            ("clicks_trend", trend(self.clicks_28d, self.clicks_28d_before)),
            ("replies", share(self.replies_90d, self.mails_90d)),
            ("goal_pace", self.goal_pace_percent),
        ] {
            inputs.set(name, value);
        }
        inputs
    }
}

/// Now in percent of before. Out of nothing something: 200. Nothing after nothing says nothing.
fn trend(now: Option<f64>, before: Option<f64>) -> Option<f64> {
    match (now?, before?) {
        (now, before) if before > 0.0 => Some(100.0 * now.max(0.0) / before),
        (now, _) if now > 0.0 => Some(200.0),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_input_is_filled_by_facts() {
        let one = Some(1.0);
        let facts = Facts {
            survey_score: one,
            complaints_90d: one,
            conversions_28d: one,
            conversions_28d_before: one,
            revenue_28d: one,
            revenue_28d_before: one,
            days_since_conversion: one,
            usual_gap_days: one,
            approved_180d: one,
            reversed_180d: one,
            payouts_overdue: one,
            days_since_activity: one,
            clicks_28d: one,
            clicks_28d_before: one,
            mails_90d: one,
            replies_90d: one,
            goal_pace_percent: one,
        };
        let inputs = facts.inputs();
        assert!(INPUTS.iter().all(|kind| inputs.get(kind.name).is_some()));
        assert!(INPUTS.iter().all(|kind| Facts::default().inputs().get(kind.name).is_none()));
        assert_eq!(inputs.get("approval_rate"), Some(50.0));
    }

    #[test]
    fn nothing_after_nothing_is_missing_and_nan_too() {
        assert_eq!(trend(Some(0.0), Some(0.0)), None);
        assert_eq!(trend(Some(3.0), Some(0.0)), Some(200.0));
        assert_eq!(trend(Some(0.0), Some(4.0)), Some(0.0));
        let facts = Facts { survey_score: Some(f64::NAN), usual_gap_days: Some(0.0), ..Facts::default() };
        assert_eq!(facts.inputs(), Inputs::default());
        assert!(!Inputs::default().set("helth", Some(1.0)));
    }
}
