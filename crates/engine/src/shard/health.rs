//! A partner's health as of now: the inputs, the model that serves the partner, and what of it is news.

use std::sync::Arc;

use jiff::Timestamp;
use rapport_insight::{
    base::Standing,
    day,
    health::{BASE_DAYS, Course, Facts, Fall, Health, HealthModel, Kept, NOW_DAYS, Pending, Sample, Trail},
};
use rapport_partner::{Figure, FigureValue, Measure};
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
    pub trail: Arc<Trail>,
    /// A change of band that is not settled yet.
    pub pending: Option<Pending>,
    /// A fall, if there is one.
    pub fall: Option<Fall>,
    /// How often the partner usually sells, and how likely a sale is, as of the day looked at.
    rhythm: (Option<f64>, Option<f64>),
}

/// Figures of the partner's that health is made of, by what they count.
mod of {
    use rapport_insight::health::{BASE_DAYS, NOW_DAYS};
    use rapport_partner::{Figure, Foreseen, Measure, Moment, Ratio, Window};

    /// The days now and before together, and those now.
    pub const fn course(measure: Measure) -> [Figure; 2] {
        [Figure::Sum(measure, Window::Days(NOW_DAYS + BASE_DAYS)), Figure::Sum(measure, Window::Days(NOW_DAYS))]
    }

    pub const SINCE_CONVERSION: Figure = Figure::DaysSince(Moment::Conversion);
    pub const SINCE_TRAINING: Figure = Figure::DaysSince(Moment::Training);
    pub const SINCE_ACTIVITY: Figure = Figure::DaysSince(Moment::Activity);
    pub const CHANCE: Figure = Figure::Foreseen(Foreseen::Chance);
    pub const APPROVED: Figure = Figure::Sum(Measure::ApprovedConversions, Window::Days(180));
    pub const REVERSED: Figure = Figure::Sum(Measure::ReversedConversions, Window::Days(180));
    pub const OVERDUE: Figure = Figure::PayoutsOverdue;
    pub const MAILS_ANSWERED: Figure = Figure::Sum(Measure::MailsAnswered, Window::Days(90));
    pub const ANSWER_HOURS: Figure = Figure::Ratio(Ratio::AnswerHours, Window::Days(90));
    pub const MAILS: Figure = Figure::Sum(Measure::Mails, Window::Days(90));
    pub const REPLIES: Figure = Figure::Sum(Measure::Replies, Window::Days(90));
    pub const ANSWERS: Figure = Figure::Sum(Measure::Answers, Window::Days(90));
}

/// The facts a health model is asked about.
#[must_use]
pub fn inputs(facts: &PartnerFacts<'_>) -> Facts {
    let (state, context) = (facts.state, facts.context(None));
    let figure = |figure: Figure| match state.figure(&figure, &context)? {
        FigureValue::Count(count) => Some(count as f64),
        FigureValue::Number(number) | FigureValue::Percent(number) => Some(number),
        FigureValue::Money(money) => Some(money.minor as f64),
    };
    let of_program = |path: &str| match Bare(facts).value(path) {
        Value::Count(count) => Some(count as f64),
        Value::Number(number) | Value::Percent(number) => Some(number),
        Value::Money(money) => Some(money.minor as f64),
        _ => None,
    };
    let complained = state.mark(marks::SUPPRESSED).is_some_and(|why| why == b"complaint");
    let gap = state.usual_gap();
    let base_days = base_days(facts);
    let course = |measure: Measure| {
        let [whole, now] = of::course(measure).map(figure);
        Course { now, base: whole.zip(now).map(|(whole, now)| whole - now), base_days }
    };
    Facts {
        survey_score: state.satisfaction(),
        // An address that complained stays suppressed, so one complaint is all there ever is.
        complaints_90d: Some(f64::from(u8::from(complained))),
        conversions: course(Measure::Conversions),
        revenue: course(Measure::Revenue),
        clicks: course(Measure::Clicks),
        days_since_conversion: figure(of::SINCE_CONVERSION),
        usual_gap_days: gap.map(|(gap, _)| gap),
        gaps: gap.map(|(_, gaps)| gaps as f64),
        conversion_chance: figure(of::CHANCE),
        approved_180d: figure(of::APPROVED),
        reversed_180d: figure(of::REVERSED),
        program_approval_rate: of_program("program.approval_rate_90d"),
        payouts_overdue: figure(of::OVERDUE),
        mails_answered_90d: figure(of::MAILS_ANSWERED),
        answer_hours_90d: figure(of::ANSWER_HOURS),
        days_since_training: figure(of::SINCE_TRAINING),
        days_since_activity: figure(of::SINCE_ACTIVITY)
            .or_else(|| never_active_for(facts, of_program("program.engaged_share_90d"))),
        mails_90d: figure(of::MAILS),
        replies_90d: figure(of::REPLIES).zip(figure(of::ANSWERS)).map(|(replies, answers)| replies + answers),
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
    let known = inputs(facts);
    let mut health = model.score(&known.inputs(), facts.state.band.as_deref())?;
    let on = day::number(facts.program.zone.to_datetime(facts.now).date());
    let trail: Arc<Trail> = facts.state.mark_as(marks::HEALTH).unwrap_or_default();
    let trail = if trail.is_of(model) { trail } else { Arc::new(Trail::clone(&trail).under(model)) };
    let (band, pending) = trail.settle(model, health.score, facts.state.band.as_deref(), on);
    health.band = band;
    let sample = Sample::of(model.spec(), &health, on);
    let fall = trail.falling(model.spec(), &sample);
    let rhythm = (known.usual_gap_days, known.conversion_chance);
    let (stamp, model) = (model.stamp(), model.spec().name.clone());
    Some(Review { health, model, stamp, sample, trail, pending, fall, rhythm })
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
    let ended = as_the_day_ended(facts);
    let chance = match ended.state.figure(&of::CHANCE, &ended.context(None)) {
        Some(FigureValue::Percent(chance)) => Some(chance),
        _ => None,
    };
    stands(facts, (ended.state.usual_gap().map(|(gap, _)| gap), chance))
}

/// The same of a partner whose rhythm is known: how often they usually sell, and how likely a sale is.
fn stands(facts: &PartnerFacts<'_>, (usual_gap, chance): (Option<f64>, Option<f64>)) -> Standing {
    Standing {
        days_since: match facts.state.figure(&of::SINCE_CONVERSION, &facts.context(None)) {
            Some(FigureValue::Count(days)) => Some(days),
            _ => None,
        },
        usual_gap,
        chance,
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
    /// When the partner last converted, as of now; how often that usually happens, and how likely it is to happen again, as of the
    /// day that was looked at.
    #[must_use]
    pub fn standing(&self, facts: &PartnerFacts<'_>) -> Standing {
        stands(facts, self.rhythm)
    }

    /// The health when this week began under the model it was made by, as far as sentences need it.
    #[must_use]
    pub fn week_began(&self, model: &HealthModel) -> Option<Health> {
        self.trail.when_the_week_began(model.spec(), self.sample.day)
    }

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn health_asks_for_the_figures_that_expressions_name() {
        let [whole, now] = of::course(Measure::Revenue);
        for (figure, name) in [
            (whole, format!("revenue_{}d", NOW_DAYS + BASE_DAYS)),
            (now, format!("revenue_{NOW_DAYS}d")),
            (of::SINCE_CONVERSION, "days_since_conversion".to_owned()),
            (of::SINCE_TRAINING, "days_since_training".to_owned()),
            (of::SINCE_ACTIVITY, "days_since_activity".to_owned()),
            (of::CHANCE, "conversion_chance_next_30d".to_owned()),
            (of::APPROVED, "approved_conversions_180d".to_owned()),
            (of::REVERSED, "reversed_conversions_180d".to_owned()),
            (of::OVERDUE, "payouts_overdue".to_owned()),
            (of::MAILS_ANSWERED, "mails_answered_90d".to_owned()),
            (of::ANSWER_HOURS, "answer_hours_90d".to_owned()),
            (of::MAILS, "mails_90d".to_owned()),
            (of::REPLIES, "replies_90d".to_owned()),
            (of::ANSWERS, "answers_90d".to_owned()),
        ] {
            assert_eq!(Figure::parse(&name), Ok(figure), "{name}");
        }
    }
}
