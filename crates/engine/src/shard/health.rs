//! A partner's health as of now: the inputs, the model that serves the partner, and what of it is news.

use jiff::Timestamp;
use rapport_insight::{
    base::Standing,
    day,
    health::{BASE_DAYS, Course, Facts, Fall, Health, HealthModel, Kept, NOW_DAYS, Pending, Sample, Trail},
};
use rapport_partner::Foreseen;
use rapport_rule::expr::{Scope, Value};
use serde::Deserialize as _;

use super::{
    facts::{Bare, PartnerFacts, marks},
    goals,
};

/// The kind of the rows a partner's health is kept in.
pub const REVIEWED: &str = "health.reviewed";

/// The health that such a row keeps; `None` of what is none.
#[must_use]
pub fn kept(payload: &serde_json::Value) -> Option<Health> {
    let missing = payload.get("missing").and_then(|missing| Vec::<String>::deserialize(missing).ok());
    Some(Health {
        score: payload.get("score")?.as_f64()?,
        band: payload.get("band")?.as_str()?.to_owned(),
        contributions: Kept::deserialize(payload.get("contributions")?).ok()?.contributions(),
        missing: missing.unwrap_or_default(),
    })
}

/// By which model a review was made, as far as the row it is kept in says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MadeBy {
    /// The model's name.
    pub model: String,
    /// Of the model's inputs, anchors and weights; rows of before do not have it.
    stamp: Option<u64>,
}

impl MadeBy {
    /// Of a row's payload.
    #[must_use]
    pub fn of(payload: &serde_json::Value) -> Self {
        Self {
            model: payload.get("model").and_then(serde_json::Value::as_str).unwrap_or_default().to_owned(),
            stamp: payload.get("model_stamp").and_then(serde_json::Value::as_u64),
        }
    }

    /// Whether points of both mean the same, as far as was noted: what another model made of the same partner is no move of theirs.
    #[must_use]
    pub fn is_comparable(&self, other: &Self) -> bool {
        let is_same = self.stamp.zip(other.stamp).is_none_or(|(one, other)| one == other);
        self.model == other.model && is_same
    }
}

/// A look at a partner's health.
#[derive(Debug, Clone, PartialEq)]
pub struct Review {
    /// The health.
    pub health: Health,
    /// The model's name.
    pub model: String,
    /// By which points of another model are told apart.
    pub stamp: u32,
    /// What is kept of it.
    pub sample: Sample,
    /// The trail so far.
    pub trail: Trail,
    /// A change of band that is not settled yet.
    pub pending: Option<Pending>,
    /// The health when this week began, as far as sentences need it.
    pub week_began: Option<Health>,
    /// A fall, if there is one.
    pub fall: Option<Fall>,
}

/// The facts a health model is asked about.
#[must_use]
pub fn inputs(facts: &PartnerFacts<'_>) -> Facts {
    let scope = Bare(facts);
    let number = |path: &str| match scope.value(path) {
        Value::Count(count) => Some(count as f64),
        Value::Number(number) | Value::Percent(number) => Some(number),
        Value::Money(money) => Some(money.minor as f64),
        _ => None,
    };
    let state = facts.state;
    let complained = state.mark(marks::SUPPRESSED).is_some_and(|why| why == b"complaint");
    let gap = state.usual_gap();
    let course = |measure: &str| {
        let whole = number(&format!("{measure}_{}d", NOW_DAYS + BASE_DAYS));
        let now = number(&format!("{measure}_{NOW_DAYS}d"));
        Course { now, base: whole.zip(now).map(|(whole, now)| whole - now), base_days: base_days(facts) }
    };
    Facts {
        survey_score: state.satisfaction(),
        // An address that complained stays suppressed, so one complaint is all there ever is.
        complaints_90d: Some(f64::from(u8::from(complained))),
        conversions: course("conversions"),
        revenue: course("revenue"),
        clicks: course("clicks"),
        days_since_conversion: number("days_since_conversion"),
        usual_gap_days: gap.map(|(gap, _)| gap),
        gaps: gap.map(|(_, gaps)| gaps as f64),
        conversion_chance: number(Foreseen::Chance.name()),
        approved_180d: number("approved_conversions_180d"),
        reversed_180d: number("reversed_conversions_180d"),
        program_approval_rate: number("program.approval_rate_90d"),
        payouts_overdue: number("payouts_overdue"),
        mails_answered_90d: number("mails_answered_90d"),
        answer_hours_90d: number("answer_hours_90d"),
        days_since_training: number("days_since_training"),
        days_since_activity: number("days_since_activity")
            .or_else(|| never_active_for(facts, number("program.engaged_share_90d"))),
        mails_90d: number("mails_90d"),
        replies_90d: number("replies_90d").zip(number("answers_90d")).map(|(replies, answers)| replies + answers),
        goal_pace_percent: goals::pace(facts),
    }
}

/// Days since the approval of a partner who has done nothing since: that is no better than to have done something once. Not known of
/// who was approved before anything was heard of them, and where nobody's doings are told.
fn never_active_for(facts: &PartnerFacts<'_>, engaged_share: Option<f64>) -> Option<f64> {
    let approved = facts.state.profile.approved_at.value?;
    // Of the partner's own: what is known of the programme's beginning grows while its first events come in.
    let is_heard = facts.state.first_event_at.is_some_and(|first| first <= approved);
    let is_told = is_heard && engaged_share.is_some_and(|share| share > 0.0);
    let day_of = |at: Timestamp| rapport_partner::day::of(at, &facts.program.zone);
    is_told.then(|| f64::from((day_of(facts.now) - day_of(approved)).max(0)))
}

/// Of the days that a trend compares with, those on which the partner was there and rapport listened.
fn base_days(facts: &PartnerFacts<'_>) -> Option<f64> {
    let day_of = |at: Timestamp| rapport_partner::day::of(at, &facts.program.zone);
    let state = facts.state;
    let there = [state.first_event_at, facts.began, state.profile.approved_at.value];
    let since = there.into_iter().flatten().map(day_of).max()?;
    let base_ends = day_of(facts.now) - i32::from(NOW_DAYS);
    Some(f64::from((base_ends - since + 1).clamp(0, i32::from(BASE_DAYS))))
}

/// The health under some models, or nothing when no input is known, or the partner objects to being judged.
#[must_use]
pub fn review(facts: &PartnerFacts<'_>, models: &[HealthModel]) -> Option<Review> {
    if facts.state.profile.objects_to_profiling() {
        return None;
    }
    let facts = &as_the_day_ended(facts);
    let model = HealthModel::select(models, facts.state.profile.partner_type.get().map(|kind| &**kind))?;
    let mut health = model.score(&inputs(facts).inputs(), facts.state.band.as_deref())?;
    let on = day::number(facts.program.zone.to_datetime(facts.now).date());
    let trail: Trail =
        facts.state.mark(marks::HEALTH).and_then(|json| serde_json::from_slice(json).ok()).unwrap_or_default();
    let trail = trail.under(model);
    let (band, pending) = trail.settle(model, health.score, facts.state.band.as_deref(), on);
    health.band = band;
    let sample = Sample::of(model.spec(), &health, on);
    let fall = trail.falling(model.spec(), &sample);
    let week_began = trail.when_the_week_began(model.spec(), on);
    let (stamp, model) = (model.stamp(), model.spec().name.clone());
    Some(Review { health, model, stamp, sample, trail, pending, fall, week_began })
}

/// The health as a model sees it now, the band by the score alone: to compare models with.
#[must_use]
pub fn at_once(facts: &PartnerFacts<'_>, models: &[HealthModel]) -> Option<Health> {
    if facts.state.profile.objects_to_profiling() {
        return None;
    }
    let facts = &as_the_day_ended(facts);
    let model = HealthModel::select(models, facts.state.profile.partner_type.get().map(|kind| &**kind))?;
    model.score(&inputs(facts).inputs(), facts.state.band.as_deref())
}

/// When the partner last converted, as of now; how often that usually happens, and how likely it is to happen again, as of the day
/// that a review as of now looks at.
#[must_use]
pub fn standing(facts: &PartnerFacts<'_>) -> Standing {
    let now = Bare(facts).value("days_since_conversion");
    let facts = &as_the_day_ended(facts);
    let scope = Bare(facts);
    Standing {
        days_since: match now {
            Value::Count(days) => Some(days),
            _ => None,
        },
        usual_gap: facts.state.usual_gap().map(|(gap, _)| gap),
        chance: match scope.value(Foreseen::Chance.name()) {
            Value::Percent(chance) => Some(chance),
            _ => None,
        },
        was: None,
        basis: facts.expectations.map(|known| known.0.basis).unwrap_or_default(),
    }
}

/// A day is closed some hours after its end. What came since belongs to the next one: whether a mail of this night is known
/// yet must not decide what is said of yesterday.
fn as_the_day_ended<'a>(facts: &PartnerFacts<'a>) -> PartnerFacts<'a> {
    let zone = &facts.program.zone;
    let today = zone.to_datetime(facts.now).date();
    let began = today.to_zoned(zone.clone()).map_or(facts.now, |midnight| midnight.timestamp());
    let ended = began.checked_sub(jiff::SignedDuration::from_millis(1)).unwrap_or(began);
    PartnerFacts { now: ended, ..*facts }
}

impl Review {
    /// Whether something must be kept, be it only since when a change of band is waited for.
    #[must_use]
    pub fn is_to_be_kept(&self, facts: &PartnerFacts<'_>) -> bool {
        self.is_news(facts) || self.trail.is_pending_news(self.pending.as_ref())
    }

    /// Whether it says something of the partner that is not kept yet.
    #[must_use]
    pub fn is_news(&self, facts: &PartnerFacts<'_>) -> bool {
        let falling = facts.state.lasting("health.falling").is_some();
        self.trail.is_news(&self.sample)
            || facts.state.band.as_deref() != Some(self.health.band.as_str())
            || falling != self.fall.is_some()
    }
}
