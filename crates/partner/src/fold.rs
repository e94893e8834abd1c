//! One event into one partner's state.

use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use rapport_event::activity::SurveyData;
use rapport_event::engine::OutcomeData;
use rapport_event::{ActivityData, ConversionData, EngineData, Event, Kind, Payload};
use rapport_rule::money::Currency;
use serde_json::{Number, Value as Json};

use crate::conversion::{ConversionState, Merged};
use crate::day::{self, Day};
use crate::measure::Measure;
use crate::moment::Moment;
use crate::payout::{Payout, PayoutStatus};
use crate::profile::Status;
use crate::rates::Rates;
use crate::received::MailId;
use crate::resources;
use crate::state::{Answer, Opening, PartnerState};

/// What folding needs to know of the programme.
#[derive(Debug, Clone, Copy)]
pub struct FoldContext<'a> {
    /// The programme's zone: its days are the buckets.
    pub zone: &'a TimeZone,
    /// The programme's currency: money in another one is converted at the rate of the day of the sale.
    pub currency: Currency,
    /// Daily rates; money without a rate has no value here, and makes sums it belongs to missing.
    pub rates: &'a Rates,
}

/// What an event changed, beyond the state itself.
#[derive(Debug, Clone, PartialEq)]
pub enum Folded {
    /// Fields of the partner; the status before and after.
    Partner {
        /// Before.
        before: Status,
        /// After.
        after: Status,
    },
    /// A conversion.
    Conversion(Box<ConversionFold>),
    /// A count or a moment, or a record that only others care for.
    Counted,
}

/// What a telling of a conversion changed.
pub type ConversionFold = Merged;

/// Folds an event into the state of its partner. `conversion` is what is stored of the conversion it tells about, if it does; the
/// caller stores the [`Merged::state`] that comes back. Kinds derived from conversions change nothing here: their conversion did.
pub fn fold(
    state: &mut PartnerState,
    conversion: Option<&ConversionState>,
    event: &Event,
    context: &FoldContext<'_>,
) -> Folded {
    let at = event.occurred_at;
    if state.first_event_at.is_none_or(|first| at < first) {
        state.first_event_at = Some(at);
    }
    if event.person_version > state.person_version {
        state.person_version = event.person_version;
    }
    match &event.payload {
        Payload::Conversion(data) if event.kind == Kind::Conversion => {
            Folded::Conversion(Box::new(fold_conversion(state, conversion, data, at, context)))
        }
        Payload::Conversion(_) => Folded::Counted,
        Payload::Partner(data) => {
            let before = state.profile.status();
            if state.erased_at.is_some_and(|erased| at <= erased) {
                // What was said before an erasure and arrives after it must not come back.
                return Folded::Partner { before, after: before };
            }
            state.profile.tell(event, data);
            if let Some(opening) = &data.opening {
                let priced = opening.currency.is_none_or(|currency| currency == context.currency);
                let told = Opening {
                    as_of: opening.as_of,
                    conversions: i64::try_from(opening.conversions).unwrap_or(i64::MAX),
                    revenue: priced.then_some(opening.revenue),
                    commission: priced.then_some(opening.commission),
                };
                state.opening.tell(Some(told), at);
            }
            Folded::Partner { before, after: state.profile.status() }
        }
        Payload::Activity(data) => {
            fold_activity(state, &event.kind, data, at, context);
            Folded::Counted
        }
        Payload::Engine(data) => {
            fold_own(state, &event.kind, data, at, context);
            Folded::Counted
        }
    }
}

fn fold_conversion(
    state: &mut PartnerState,
    before: Option<&ConversionState>,
    data: &ConversionData,
    at: Timestamp,
    context: &FoldContext<'_>,
) -> Merged {
    let merged = ConversionState::merge(before, ConversionState::told_by(data, at, context));
    if merged.difference.changed {
        if let Some(before) = before {
            give(state, before, -1, context);
        }
        give(state, &merged.state, 1, context);
    }
    merged
}

/// Adds (`sign` 1) or takes back (−1) everything a conversion gives.
fn give(state: &mut PartnerState, conversion: &ConversionState, sign: i64, context: &FoldContext<'_>) {
    let day = day::of(conversion.sold_at, context.zone);
    let mut add = |measure: Measure, amount: i64| {
        if amount != 0 {
            state.open.add(day, measure, sign * amount);
            state.totals.add(measure, sign * amount);
        }
    };
    let (amount, commission) = (conversion.amount, conversion.commission);
    if !conversion.is_recorded() {
        add(Measure::ReversedConversions, 1);
        add(Measure::ReversedRevenue, amount);
        add(Measure::ReversedCommission, commission);
        add(Measure::Unpriced, i64::from(!conversion.priced));
        return;
    }
    add(Measure::Conversions, 1);
    add(Measure::Revenue, amount);
    add(Measure::Commission, commission);
    if conversion.status.is_approved() {
        add(Measure::ApprovedConversions, 1);
        add(Measure::ApprovedRevenue, amount);
        add(Measure::ApprovedCommission, commission);
    }
    add(Measure::NewCustomers, i64::from(conversion.new_customer == Some(true)));
    add(Measure::KnownCustomers, i64::from(conversion.new_customer.is_some()));
    add(Measure::Unpriced, i64::from(!conversion.priced));
    if let Some(product) = &conversion.product {
        state.products.add(product, sign);
    }
    if let Some(category) = &conversion.category {
        state.categories.add(category, sign);
    }
}

fn count(state: &mut PartnerState, day: Day, measure: Measure, amount: i64) {
    state.open.add(day, measure, amount);
    state.totals.add(measure, amount);
}

fn fold_activity(state: &mut PartnerState, kind: &Kind, data: &ActivityData, at: Timestamp, context: &FoldContext<'_>) {
    if let Some(resource) = resources::named(kind, data) {
        state.note_resource(resource, at);
    }
    let (measure, moment) = match kind {
        Kind::LinkClicked => (Measure::Clicks, Moment::Click),
        Kind::LinkCreated => (Measure::LinksCreated, Moment::Link),
        Kind::Login => (Measure::Logins, Moment::Login),
        Kind::ContentPublished => (Measure::Content, Moment::Content),
        Kind::CreativeSubmitted => (Measure::Creatives, Moment::Creative),
        Kind::TrainingCompleted => (Measure::Trainings, Moment::Training),
        Kind::SurveyAnswered => (Measure::Answers, Moment::Answer),
        Kind::ResourceUsed => (Measure::Resources, Moment::Resource),
        Kind::MailReceived => match data {
            ActivityData::Mail(mail) if !mail.is_reply() => return,
            _ => (Measure::Replies, Moment::Reply),
        },
        Kind::AudienceReported => {
            fold_audience(state, data, at, context);
            return;
        }
        Kind::PayoutDue | Kind::PayoutPaid | Kind::PayoutFailed | Kind::PayoutOverdue => {
            fold_payout(state, kind, data, at, context);
            return;
        }
        // The programme's doing, not the partner's: creatives judged, declared kinds.
        _ => return,
    };
    let amount = i64::from(data.count());
    if amount == 0 {
        return;
    }
    count(state, day::of(at, context.zone), measure, amount);
    state.moments.touch(moment, at);
    // Clicks are the visitors' doing and say nothing about whether the partner is there.
    if moment != Moment::Click {
        state.moments.touch(Moment::Activity, at);
        count(state, day::of(at, context.zone), Measure::Engagement, amount);
    }
    if let ActivityData::Survey(survey) = data {
        remember_answers(state, survey, at);
    }
}

/// The message a survey was answered from; a record names it, and it is no answer.
const MESSAGE: &str = "message";

/// Keeps the choice under the survey's id, and each named choice (`reason`, or the field a survey names with `as`) under its name.
fn remember_answers(state: &mut PartnerState, survey: &SurveyData, at: Timestamp) {
    let choice = survey.answer.clone().or_else(|| survey.reason.clone());
    if let Some(reason) = &survey.reason {
        remember_answer(state, "reason", Answer { at, answer: Some(reason.clone()), score: None });
    }
    let mut only_named = None;
    for (name, value) in survey.extra.iter().filter(|(name, _)| *name != MESSAGE && name.len() <= 100).take(8) {
        let told: Option<Arc<str>> = match value {
            Json::String(text) if text.len() <= 200 => Some(Arc::from(text.as_str())),
            Json::Number(number) => Some(plain(number)),
            _ => None,
        };
        let Some(answer) = told else { continue };
        only_named = Some(answer.clone());
        // What is called like its survey is kept below, with the score.
        if **name != *survey.survey {
            remember_answer(state, name, Answer { at, answer: Some(answer), score: None });
        }
    }
    // Scores of unlike scales are kept as if all were out of ten, so that the newest can be asked for; what was said is the answer.
    let out_of = survey.out_of.filter(|most| most.is_finite() && *most > 0.0);
    let score = survey.score.map(|score| out_of.map_or(score, |most| 10.0 * score / most));
    let said = || out_of.and(survey.score).map(|score| Arc::from(score.to_string()));
    let answer = Answer { at, answer: choice.or(only_named).or_else(said), score };
    if answer.answer.is_some() || answer.score.is_some() {
        remember_answer(state, &survey.survey, answer);
    }
}

/// A whole number without a point, however it was told.
fn plain(number: &Number) -> Arc<str> {
    let whole = number.as_f64().filter(|told| number.is_f64() && told.fract() == 0.0 && told.abs() < 1e15);
    whole.map_or_else(|| number.to_string(), |told| told.to_string()).into()
}

fn remember_answer(state: &mut PartnerState, name: &str, told: Answer) {
    match state.answers.binary_search_by(|(known, _)| (**known).cmp(name)) {
        Ok(place) => {
            if let Some((_, known)) = state.answers.get_mut(place) {
                let later = told.at > known.at || (told.at == known.at && told.answer > known.answer);
                if later {
                    *known = told;
                }
            }
        }
        // Surveys are declared in config; more than a few dozen are a mistake upstream and must not grow the state.
        Err(place) if state.answers.len() < 32 => state.answers.insert(place, (Arc::from(name), told)),
        Err(_) => {}
    }
}

/// Being seen is nothing the partner did: no moment, no engagement.
fn fold_audience(state: &mut PartnerState, data: &ActivityData, at: Timestamp, context: &FoldContext<'_>) {
    let ActivityData::Audience(audience) = data else { return };
    let day = day::of(at, context.zone);
    for (measure, reported) in [(Measure::Views, audience.views), (Measure::Likes, audience.likes)] {
        if reported > 0 {
            count(state, day, measure, i64::try_from(reported).unwrap_or(i64::MAX));
        }
    }
    if let Some(followers) = audience.followers {
        state.tell_followers(i64::try_from(followers).unwrap_or(i64::MAX), at);
    }
}

fn fold_payout(state: &mut PartnerState, kind: &Kind, data: &ActivityData, at: Timestamp, context: &FoldContext<'_>) {
    let ActivityData::Payout(payout) = data else { return };
    let status = match kind {
        Kind::PayoutPaid => PayoutStatus::Paid,
        Kind::PayoutFailed => PayoutStatus::Failed,
        Kind::PayoutOverdue => PayoutStatus::Overdue,
        _ => PayoutStatus::Due,
    };
    let id = xxhash_rust::xxh3::xxh3_64(payout.payout.as_bytes());
    state.payouts.tell(Payout { id, due_on: payout.due_on.map(day::number), status, at });
    if status == PayoutStatus::Paid {
        count(state, day::of(at, context.zone), Measure::Payouts, 1);
        state.moments.touch(Moment::Payout, at);
    }
}

/// The mark that holds the last mails in doubt, each as the hash of its message (eight bytes) and the day it counts for (four):
/// one whose 250 comes after all is told again, as sent, and must not count again; one that a person finds was never sent is
/// taken back.
const IN_DOUBT: &str = "doubted_mails";
/// More than a partner can have in doubt until somebody knows.
const IN_DOUBT_MAX: usize = 16;

/// In doubt counts as sent: better one mail too few than the same one twice.
fn fold_outcome(
    state: &mut PartnerState,
    kind: &Kind,
    outcome: &OutcomeData,
    at: Timestamp,
    context: &FoldContext<'_>,
) {
    let hash = xxhash_rust::xxh3::xxh3_64(outcome.message.as_bytes()).to_le_bytes();
    let mail =
        outcome.workflow.as_deref().zip(outcome.mail.as_deref()).map(|(workflow, mail)| MailId::of(workflow, mail));
    let mut doubted: Vec<[u8; 12]> =
        state.mark(IN_DOUBT).map(|bytes| bytes.as_chunks::<12>().0.to_vec()).unwrap_or_default();
    let known = doubted.iter().position(|entry| entry.starts_with(&hash));
    let on = day::of(at, context.zone);
    match (kind, known) {
        (Kind::MessageSent, None) => {}
        (Kind::MessageInDoubt, None) => {
            let mut entry = [0; 12];
            let (id, day) = entry.split_at_mut(8);
            id.copy_from_slice(&hash);
            day.copy_from_slice(&on.to_le_bytes());
            doubted.push(entry);
        }
        (Kind::MessageSent, Some(place)) => drop(doubted.remove(place)),
        (Kind::MessageFailed | Kind::MessageSuppressed | Kind::MessageExpired, Some(place)) => {
            let [.., a, b, c, d] = doubted.remove(place);
            let on = Day::from_le_bytes([a, b, c, d]);
            count(state, on, Measure::Mails, -1);
            if let Some(mail) = mail {
                state.open_mails.add(on, mail, -1);
            }
        }
        _ => return,
    }
    let too_many = doubted.len().saturating_sub(IN_DOUBT_MAX);
    state.set_mark(IN_DOUBT, doubted.into_iter().skip(too_many).flatten().collect());
    if known.is_none() {
        // The first mail after one of the partner's answers it.
        let (wrote, sent) = (state.moments.get(Moment::Reply), state.moments.get(Moment::Mail));
        if let Some(wrote) = wrote.filter(|wrote| *wrote <= at && sent.is_none_or(|sent| sent < *wrote)) {
            count(state, on, Measure::MailsAnswered, 1);
            count(state, on, Measure::AnswerMinutes, minutes(wrote, at));
        }
        count(state, on, Measure::Mails, 1);
        if let Some(mail) = mail {
            state.open_mails.add(on, mail, 1);
        }
        state.moments.touch(Moment::Mail, at);
    }
}

/// The reason of a suppression because of a complaint.
const COMPLAINT: &str = "complaint";

/// Whole minutes from one instant to a later one.
fn minutes(from: Timestamp, to: Timestamp) -> i64 {
    (to.as_second().saturating_sub(from.as_second()) / 60).max(0)
}

fn fold_own(state: &mut PartnerState, kind: &Kind, data: &EngineData, at: Timestamp, context: &FoldContext<'_>) {
    match (kind, data) {
        (_, EngineData::Outcome(outcome)) => fold_outcome(state, kind, outcome, at, context),
        (Kind::TaskDone, EngineData::Task(task)) => {
            let day = day::of(at, context.zone);
            // One whose beginning is not known would make the average too small.
            if let Some(opened) = task.opened_at {
                count(state, day, Measure::TasksDone, 1);
                count(state, day, Measure::TaskMinutes, minutes(opened, at));
            }
        }
        // Opened by mistake, it resolved nothing.
        (Kind::CaseResolved, EngineData::Case(case)) if case.outcome.as_deref() != Some("withdrawn") => {
            let day = day::of(at, context.zone);
            if let Some(opened) = case.opened_at {
                count(state, day, Measure::TasksDone, 1);
                count(state, day, Measure::TaskMinutes, minutes(opened, at));
            }
        }
        // A place among those of a day is answered like an offer, and is none.
        (Kind::OfferGranted, EngineData::Offer(offer)) if offer.offer.contains(':') => {}
        (Kind::OfferGranted, _) => count(state, day::of(at, context.zone), Measure::Offers, 1),
        (Kind::PartnerAwarded, _) => {
            count(state, day::of(at, context.zone), Measure::Awards, 1);
            state.moments.touch(Moment::Award, at);
        }
        (Kind::ContactOptedOut, _) => count(state, day::of(at, context.zone), Measure::OptOuts, 1),
        (Kind::ContactSuppressed, EngineData::Contact(contact)) if contact.reason.as_deref() == Some(COMPLAINT) => {
            count(state, day::of(at, context.zone), Measure::Complaints, 1);
        }
        (Kind::PartnerErased, _) => {
            state.profile.erase(at);
            state.answers.clear();
            state.forget_resources();
            state.erased_at = state.erased_at.max(Some(at));
            state.person_version = None;
        }
        _ => {}
    }
}
