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
    /// Recorded conversions of the last [`NOW_DAYS`] days and of those before.
    pub conversions: Course,
    /// Recorded revenue, one currency.
    pub revenue: Course,
    /// Clicks on links.
    pub clicks: Course,
    /// Days since the last conversion.
    pub days_since_conversion: Option<f64>,
    /// Usual days between conversion days (see [`crate::silence::usual_gap`]), and of how many gaps.
    pub usual_gap_days: Option<f64>,
    /// See above.
    pub gaps: Option<f64>,
    /// P(at least one conversion in the next 30 days), percent.
    pub conversion_chance: Option<f64>,
    /// Conversions of the last 180 days that were approved or paid, and that were reversed.
    pub approved_180d: Option<f64>,
    /// See above.
    pub reversed_180d: Option<f64>,
    /// The whole programme's approval rate of 90 days, percent.
    pub program_approval_rate: Option<f64>,
    /// Payouts due and unpaid.
    pub payouts_overdue: Option<f64>,
    /// Mails of the partner's in the last 90 days that were answered, and after how many hours on average.
    pub mails_answered_90d: Option<f64>,
    /// See above.
    pub answer_hours_90d: Option<f64>,
    /// Days since the last training completed.
    pub days_since_training: Option<f64>,
    /// Days since the partner last did anything: login, link, content, reply, answer.
    pub days_since_activity: Option<f64>,
    /// Mails of the last 90 days that asked something, and replies and answers to them.
    pub mails_90d: Option<f64>,
    /// See above.
    pub replies_90d: Option<f64>,
    /// Pace of the running goal, percent; 100 is just in time.
    pub goal_pace_percent: Option<f64>,
}

/// Days a trend calls "now".
pub const NOW_DAYS: u16 = 28;
/// Days before those that it compares with, as far as the partner was there.
pub const BASE_DAYS: u16 = 84;

/// A sum now, and before.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Course {
    /// Over the last [`NOW_DAYS`] days.
    pub now: Option<f64>,
    /// Over the [`BASE_DAYS`] days before those.
    pub base: Option<f64>,
    /// Of these, the days on which the partner was there.
    pub base_days: Option<f64>,
}

/// Fewest days before, to compare with.
const BASE_DAYS_MIN: f64 = 28.0;
/// Conversions, and clicks, that "nothing has changed" is worth: two sales after four are next to no news, twenty after forty are.
const CONVERSIONS_PRIOR: f64 = 6.0;
const CLICKS_PRIOR: f64 = 40.0;
/// Decisions that "this partner's sales are approved like everybody's" is worth, and that rate while nobody's is known.
const DECISIONS_PRIOR: f64 = 10.0;
const APPROVAL_RATE: f64 = 90.0;
/// Mails that "answers as anybody does" is worth, and how many of a hundred are answered then.
const MAILS_PRIOR: f64 = 5.0;
const REPLY_RATE: f64 = 20.0;
/// Answers that "we answer within a day" is worth.
const ANSWERS_PRIOR: f64 = 3.0;
const ANSWER_HOURS: f64 = 24.0;
/// Gaps before there is a rhythm, and the shortest rhythm: who sells every day may have a quiet weekend.
const GAPS_MIN: f64 = 4.0;
const GAP_MIN_DAYS: f64 = 4.0;

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
        "conversions of 28 days in percent of usual, by the 84 days before, with 6 conversions added to either; 100 is unchanged",
    ),
    kind("revenue_trend", "revenue", "revenue of 28 days in percent of usual, likewise; 100 is unchanged"),
    kind(
        "recency",
        "time since last conversion",
        "days since the last conversion, in usual gaps of 4 days at least; 1 is usual",
    ),
    kind("conversion_chance", "outlook", "chance of a conversion in the next 30 days, percent"),
    kind(
        "approval_rate",
        "approvals",
        "percent of decided conversions of 180 days that were approved, with 10 decisions as usual in the programme added",
    ),
    kind("payouts_overdue", "payouts", "payouts due and unpaid"),
    kind(
        "answer_time",
        "our answers",
        "hours a mail of the partner's waited for the next to them, on average of 90 days, with 3 answers after 24 hours added",
    ),
    kind("activity", "activity", "days since the partner last did anything"),
    kind(
        "clicks_trend",
        "clicks",
        "clicks of 28 days in percent of usual, with 40 clicks added to either; 100 is unchanged",
    ),
    kind(
        "replies",
        "replies",
        "replies and answers in percent of the mails of 90 days that asked, with 5 mails answered to 20 % added",
    ),
    kind("training", "training", "days since the last training completed; not known of who completed none"),
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
    /// The inputs these facts give. Shares and trends are drawn towards what is usual as far as they rest on little, so that one sale
    /// more or less of a small partner is no news.
    #[must_use]
    pub fn inputs(&self) -> Inputs {
        let gap = self.usual_gap_days.filter(|gap| *gap > 0.0 && self.gaps.is_some_and(|gaps| gaps >= GAPS_MIN));
        let mut inputs = Inputs::default();
        for (name, value) in [
            ("survey_score", self.survey_score),
            ("complaints", self.complaints_90d),
            ("conversions_trend", self.conversions.percent(CONVERSIONS_PRIOR)),
            ("revenue_trend", self.order_value().and_then(|each| self.revenue.percent(CONVERSIONS_PRIOR * each))),
            ("recency", self.days_since_conversion.zip(gap).map(|(days, gap)| days / gap.max(GAP_MIN_DAYS))),
            ("conversion_chance", self.conversion_chance),
            ("approval_rate", self.approval_rate()),
            ("payouts_overdue", self.payouts_overdue),
            ("answer_time", self.answer_time()),
            ("activity", self.days_since_activity),
            ("clicks_trend", self.clicks.percent(CLICKS_PRIOR)),
            ("replies", self.reply_rate()),
            ("training", self.days_since_training),
            ("goal_pace", self.goal_pace_percent),
        ] {
            inputs.set(name, value);
        }
        inputs
    }

    /// What one conversion brings this partner.
    fn order_value(&self) -> Option<f64> {
        let conversions = self.conversions.now? + self.conversions.base?;
        let revenue = self.revenue.now? + self.revenue.base?;
        (conversions > 0.0).then(|| revenue.max(0.0) / conversions)
    }

    fn approval_rate(&self) -> Option<f64> {
        let (approved, reversed) = (self.approved_180d?.max(0.0), self.reversed_180d?.max(0.0));
        let decided = approved + reversed;
        let usual = self.program_approval_rate.unwrap_or(APPROVAL_RATE);
        (decided > 0.0).then(|| (100.0 * approved + DECISIONS_PRIOR * usual) / (decided + DECISIONS_PRIOR))
    }

    fn answer_time(&self) -> Option<f64> {
        let (answered, hours) = (self.mails_answered_90d?, self.answer_hours_90d?.max(0.0));
        (answered > 0.0).then(|| (answered * hours + ANSWERS_PRIOR * ANSWER_HOURS) / (answered + ANSWERS_PRIOR))
    }

    fn reply_rate(&self) -> Option<f64> {
        let (replies, mails) = (self.replies_90d?.max(0.0), self.mails_90d?);
        (mails > 0.0).then(|| (100.0 * replies + MAILS_PRIOR * REPLY_RATE) / (mails + MAILS_PRIOR))
    }
}

impl Course {
    /// Now in percent of usual, `prior` added to either side. Nothing after nothing says nothing.
    fn percent(&self, prior: f64) -> Option<f64> {
        let (now, base) = (self.now?.max(0.0), self.base?.max(0.0));
        let days = self.base_days.filter(|days| *days >= BASE_DAYS_MIN)?;
        let usual = base * f64::from(NOW_DAYS) / days;
        (now + base > 0.0).then(|| 100.0 * (now + prior) / (usual + prior))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn course(now: f64, base: f64) -> Course {
        Course { now: Some(now), base: Some(base), base_days: Some(84.0) }
    }

    #[test]
    fn every_input_is_filled_by_facts() {
        let one = Some(1.0);
        let facts = Facts {
            survey_score: one,
            complaints_90d: one,
            conversions: course(1.0, 3.0),
            revenue: course(1.0, 3.0),
            clicks: course(1.0, 3.0),
            days_since_conversion: Some(8.0),
            usual_gap_days: one,
            gaps: Some(4.0),
            conversion_chance: one,
            approved_180d: one,
            reversed_180d: one,
            program_approval_rate: Some(94.0),
            payouts_overdue: one,
            mails_answered_90d: one,
            answer_hours_90d: Some(72.0),
            days_since_training: one,
            days_since_activity: one,
            mails_90d: one,
            replies_90d: one,
            goal_pace_percent: one,
        };
        let inputs = facts.inputs();
        assert!(INPUTS.iter().all(|kind| inputs.get(kind.name).is_some()));
        assert!(INPUTS.iter().all(|kind| Facts::default().inputs().get(kind.name).is_none()));
        assert_eq!(inputs.get("approval_rate"), Some((100.0 + 940.0) / 12.0));
        assert_eq!(inputs.get("answer_time"), Some((72.0 + 72.0) / 4.0));
        assert_eq!(inputs.get("recency"), Some(2.0), "a quiet week of a daily seller is two gaps");
        assert_eq!((inputs.get("conversions_trend"), inputs.get("revenue_trend")), (Some(100.0), Some(100.0)));
    }

    #[test]
    fn a_small_partners_luck_is_no_trend_and_a_large_ones_fall_is() {
        let trend =
            |now, base| Facts { conversions: course(now, base), ..Facts::default() }.inputs().get("conversions_trend");
        assert!(
            (75.0..130.0).contains(&trend(0.0, 6.0).unwrap()) && (100.0..130.0).contains(&trend(4.0, 6.0).unwrap())
        );
        assert!(trend(10.0, 300.0).unwrap() < 16.0);
        assert_eq!(trend(50.0, 150.0), Some(100.0));
    }

    #[test]
    fn nothing_after_nothing_is_missing_and_nan_too() {
        let of = |course: Course| Facts { conversions: course, ..Facts::default() }.inputs().get("conversions_trend");
        assert_eq!(of(course(0.0, 0.0)), None);
        assert_eq!(of(Course { base_days: Some(20.0), ..course(3.0, 4.0) }), None, "too short a past to compare with");
        assert_eq!(of(course(f64::NAN, f64::NAN)), None);
        let facts =
            Facts { survey_score: Some(f64::NAN), usual_gap_days: Some(0.0), gaps: Some(9.0), ..Facts::default() };
        assert_eq!(facts.inputs(), Inputs::default());
        assert!(!Inputs::default().set("helth", Some(1.0)));
    }
}
