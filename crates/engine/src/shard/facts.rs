//! What a partner's journeys may ask of the partner: stored fields, figures, group, segments, goals.

mod asked;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use jiff::{Timestamp, civil::Date};
use rapport_event::FieldType;
use rapport_insight::milestone;
use rapport_journey::{DATE_REACHED, EventSnapshot, Facts, Since};
use rapport_partner::{
    FigureContext, FigureValue, Foresee, MailId, Measure, PartnerState, ProgramFigure, ProgramSums, StartMark, Unit,
    day,
    profile::LEAVING_REASON,
    program::{CHURNED, Cut, CutBy, Reach},
    sold,
    state::PARTNER_FIELDS,
};
use rapport_rule::{
    Currency, Money,
    expr::{Scope, Value},
};
use rapport_workflow::{
    Once, Program, RECEIVED, RECEIVED_WITHIN, Timed,
    config::{Group, GroupRule},
    is_lasting,
};
use serde_json::Value as Json;

pub use asked::Asked;

use super::{
    foresight::Expectations,
    react::{Given, timed},
};
use crate::{
    ports::{rows::PartnerRow, store::StoreError},
    rulebooks::Applied,
};

/// Marks in a partner's state that the engine keeps (see [`PartnerState::mark`]).
pub mod marks {
    /// Topics opted out of, a JSON list; `*` is everything.
    pub const OPTED_OUT: &str = "opted_out";
    /// Set when the address must not be written to.
    pub const SUPPRESSED: &str = "suppressed";
    /// Groups by share the partner belongs to, a JSON list.
    pub const TOP: &str = "top";
    /// Goals told: id, or the proposal agreed on → told state, JSON.
    pub const GOALS: &str = "goals";
    /// Goals proposed to and agreed on with the partner: id → agreement, JSON.
    pub const AGREEMENTS: &str = "agreements";
    /// What moved journeys whose version nobody knew, in order, JSON: it is told to them when somebody does.
    pub const HELD: &str = "held";
    /// Segments the partner is in and timers armed, JSON.
    pub const TIMED: &str = "timed";
    /// Timers that came due in quarantine, JSON.
    pub const TIMERS_ASIDE: &str = "timers_aside";
    /// When the partner last changed lanes, milliseconds.
    pub const LANE_CHANGED: &str = "lane_changed";
    /// Awards given, JSON: see [`super::super::react::Given`].
    pub const AWARDS: &str = "awards";
    /// Open cases, a JSON list of ids.
    pub const CASES: &str = "cases";
    /// Segments looked at: name → since when the partner belongs, JSON.
    pub const SEGMENTS: &str = "segments";
    /// The trail of the partner's health, JSON.
    pub const HEALTH: &str = "health";
    /// What workflows answered when they last looked at signals that last, JSON.
    pub const LASTING: &str = "lasting";
    /// When the partner last followed a counted link of a mail, milliseconds, little-endian.
    pub const CLICKED: &str = "clicked";
    /// Wins told, JSON.
    pub const WINS: &str = "wins";
    /// The fold of this partner failed; the reason.
    pub const QUARANTINED: &str = "quarantined";
}

/// One partner's facts at one moment.
pub struct PartnerFacts<'a> {
    /// What is known.
    pub state: &'a PartnerState,
    /// Groups, segments, goals.
    pub rulebook: &'a Applied,
    /// Zone and currency.
    pub program: &'a Program,
    /// The moment.
    pub now: Timestamp,
    /// The first event of the programme.
    pub began: Option<Timestamp>,
    /// The conversion taken back by the event being folded.
    pub reversed: Option<&'a str>,
    /// The programme's figures as of its last closed day; none before the first.
    pub figures: Option<&'a ProgramFigures>,
    /// The programme's newest fit; none before the first.
    pub expectations: Option<&'a Expectations>,
}

/// A programme's figures by name: counts, percent, numbers, and minor units of money. What is missing is not there. Names of the
/// programme's lists stand with how many were sold, see [`sold::listed`].
pub type ProgramFigures = BTreeMap<String, f64>;

/// The figures of these sums, and of the cuts those that are asked for.
#[must_use]
pub fn program_figures(
    sums: &ProgramSums,
    cuts: &BTreeMap<Cut, BTreeSet<Arc<str>>>,
    currency: Currency,
) -> ProgramFigures {
    let number = |value: FigureValue| match value {
        FigureValue::Count(count) => count as f64,
        FigureValue::Money(money) => money.minor as f64,
        FigureValue::Number(number) | FigureValue::Percent(number) => number,
    };
    // Nobody in it: counts are none, not unknown.
    let nobody = ProgramSums::default();
    let of_cuts = cuts.iter().flat_map(|(cut, names)| {
        let (sums, figures) =
            (sums.cut(cut).unwrap_or(&nobody), names.iter().filter_map(|name| ProgramFigure::parse(name)));
        figures.map(move |figure| (format!("{cut}.{figure}"), sums.figure(figure, currency)))
    });
    ProgramFigure::all()
        .map(|figure| (figure.to_string(), sums.figure(figure, currency)))
        .chain(of_cuts)
        .filter_map(|(name, value)| Some((name, value.map(number)?)))
        .filter(|(_, value)| value.is_finite())
        .collect()
}

/// What a partner is told apart by, as far as it is known; a reason is one of those who left or were lost.
#[must_use]
pub fn told_apart(facts: &PartnerFacts<'_>, by: CutBy) -> Option<Arc<str>> {
    let profile = &facts.state.profile;
    match by {
        CutBy::Type => profile.partner_type.get().cloned(),
        CutBy::Country => profile.country.get().cloned(),
        CutBy::Manager => profile.manager.get().cloned(),
        CutBy::Group => facts.group().map(|group| group.name.clone()),
        CutBy::Reason => {
            let left = matches!(profile.status().as_str(), "closed" | "suspended") || is_churned(facts);
            // Their own words before what was said of them.
            let said = || facts.state.answer("reason").and_then(|answer| answer.answer.clone());
            let told = || profile.custom(LEAVING_REASON)?.as_str().map(Arc::from);
            left.then(|| said().or_else(told)).flatten()
        }
    }
}

/// The ids of a partner's open cases.
#[must_use]
pub fn open_cases(state: &PartnerState) -> Vec<String> {
    state.mark(marks::CASES).and_then(|json| serde_json::from_slice(json).ok()).unwrap_or_default()
}

/// The awards a partner was given, oldest first.
#[must_use]
pub fn awards(state: &PartnerState) -> Vec<Given> {
    state.mark(marks::AWARDS).and_then(|json| serde_json::from_slice(json).ok()).unwrap_or_default()
}

/// The same from a stored row.
///
/// # Errors
/// A row that cannot be read.
pub fn awards_of_row(row: &PartnerRow) -> Result<Vec<Given>, StoreError> {
    PartnerState::decode(&row.hot, row.days.as_deref())
        .map(|state| awards(&state))
        .map_err(|error| StoreError::Damaged(format!("the state of {}: {error}", row.key)))
}

/// What the programme's sums ask of a partner beyond the state.
#[must_use]
pub fn reach(facts: &PartnerFacts<'_>) -> Reach {
    let suppressed = facts.state.mark(marks::SUPPRESSED);
    Reach {
        opted_out: facts.state.mark(marks::OPTED_OUT).is_some(),
        suppressed: suppressed.is_some(),
        complained: suppressed == Some(b"complaint"),
        churned: facts.rulebook.rulebook.segments.segment(CHURNED).map(|_| is_churned(facts)),
    }
}

/// Whether the partner is lost, by the segment that says what that means.
#[must_use]
pub fn is_churned(facts: &PartnerFacts<'_>) -> bool {
    let declared = facts.rulebook.rulebook.segments.segment(CHURNED);
    declared.is_some_and(|segment| segment.condition.judge(&Bare(facts)).is_true())
}

impl PartnerFacts<'_> {
    /// The day that stands in a field, or the programme's local day of the instant that does.
    #[must_use]
    pub fn local_day(&self, field: &str) -> Option<Date> {
        match Bare(self).value(field) {
            Value::Date(date) => Some(date),
            Value::Instant(at) => Some(at.to_zoned(self.program.zone.clone()).date()),
            _ => None,
        }
    }

    /// What figures are read with.
    #[must_use]
    pub fn context<'s>(&'s self, start: Option<&'s StartMark>) -> FigureContext<'s> {
        FigureContext {
            today: day::of(self.now, &self.program.zone),
            zone: &self.program.zone,
            currency: self.program.currency,
            program_began_at: self.began,
            program: self.figures,
            start,
            foresee: self.expectations.map(|expectations| expectations as &dyn Foresee),
        }
    }

    fn figure(&self, path: &str, since: Since<'_>) -> Option<Value> {
        let figure = self.rulebook.figure(path)?;
        Some(shown(self.state.figure(&figure, &self.context(since.start))))
    }

    /// A figure of the programme, `revenue_28d` of `program.revenue_28d`, or one of its lists.
    fn program_figure(&self, name: &str) -> Value {
        if sold::is_list(name) {
            let names = self.figures.map(|figures| sold::listed(figures, name)).unwrap_or_default();
            return if names.is_empty() { Value::Missing } else { Value::List(names.into()) };
        }
        let Some(value) = self.figures.and_then(|figures| figures.get(name)) else { return Value::Missing };
        let figure = ProgramFigure::parse(name).or_else(|| Cut::parse(name).map(|(_, figure)| figure));
        match figure {
            None => Value::Missing,
            Some(figure) => match figure.unit() {
                Unit::Count => Value::Count(*value as i64),
                Unit::Money => Value::Money(Money::new(*value as i64, self.program.currency)),
                Unit::Number => Value::Number(*value),
                Unit::Percent => Value::Percent(*value),
            },
        }
    }

    /// The group the partner is in now.
    #[must_use]
    pub fn group(&self) -> Option<&Group> {
        self.group_in(&Bare(self))
    }

    /// The names of groups by share, in the order of the coordinator's limits.
    pub fn share_groups(rulebook: &Applied) -> impl Iterator<Item = &str> {
        rulebook
            .segments
            .groups
            .iter()
            .filter(|group| matches!(group.rule, GroupRule::TopShare { .. }))
            .map(|group| &*group.name)
    }

    /// The level of approved figures a milestone compares with; `None` for a veteran of unknown past. What a sale without a rate is
    /// worth is left out: it could only make it more, so what the others reach is reached.
    #[must_use]
    pub fn approved(&self, measure: milestone::Measure) -> Option<i64> {
        if self.state.totals_missing(&self.context(None)) {
            return None;
        }
        self.state.known_total(counted(measure), &self.program.zone).map(|known| known.max(0))
    }

    /// Whether a milestone that was reached is not any more. A reversal takes it back; a sale without a rate, which makes the figure
    /// itself missing, does not: what is known of the others still reaches it.
    fn falls_short(&self, milestone: &milestone::Milestone) -> bool {
        let known = self.state.known_total(counted(milestone.measure), &self.program.zone);
        known.is_some() && !milestone::met(milestone, known)
    }

    fn goal(&self, path: &str) -> Value {
        let Some((id, field)) = path.split_once('.') else { return Value::Missing };
        let own = super::goals::own(self, id);
        if field == "agreed" {
            return Value::Bool(own.is_some_and(|own| own.agreed_at.is_some()));
        }
        let Some(own) = own else { return Value::Missing };
        let progress = || own.progress(self);
        match field {
            "reached" => progress().map_or(Value::Missing, |progress| Value::Bool(progress.reached)),
            "behind" => progress().map_or(Value::Missing, |progress| Value::Bool(progress.behind && own.binding)),
            "missed" => progress().map_or(Value::Missing, |progress| Value::Bool(progress.missed)),
            "percent" => progress().map_or(Value::Missing, |progress| Value::Percent(progress.percent)),
            "pace" => progress().and_then(|progress| progress.pace_percent).map_or(Value::Missing, Value::Percent),
            "chance" => own.chance(self).map_or(Value::Missing, Value::Percent),
            "owner" => own.owner.map_or(Value::Missing, |owner| Value::text(&owner)),
            "proposal" => own.proposal.map_or(Value::Missing, |proposal| Value::text(&proposal)),
            _ => Value::Missing,
        }
    }

    fn field(&self, name: &str) -> Value {
        // Workflows call them by what they belong to.
        let name = match name {
            "health.score" => "health",
            "health.band" => "band",
            other => other,
        };
        if name == "open_cases" {
            return Value::Count(open_cases(self.state).len() as i64);
        }
        if name == "awards" {
            return Value::list(awards(self.state).iter().map(|given| &*given.award));
        }
        if let Some(award) = name.strip_prefix("awarded.") {
            let given = awards(self.state);
            let last = given.iter().filter(|given| *given.award == *award).map(|given| given.at).max();
            return last.map_or(Value::Missing, Value::Instant);
        }
        if let Some(answer) = name.strip_prefix("answers.").and_then(|answer| self.answer(answer)) {
            return answer;
        }
        plain(self.state, name).unwrap_or_else(|| by_json(self.state, name))
    }
}

impl<'b> PartnerFacts<'b> {
    /// The group the partner is in by what a scope of these facts says.
    fn group_in(&self, scope: &dyn Scope) -> Option<&'b Group> {
        let rulebook: &'b Applied = self.rulebook;
        // Groups by share the partner belongs to.
        let top: Option<Arc<Vec<String>>> = self.state.mark_as(marks::TOP);
        let is_top = |group: &str| top.as_ref().is_some_and(|top| top.iter().any(|known| known == group));
        rulebook.segments.group_of(scope, is_top)
    }
}

/// What a figure comes to, as expressions have it.
fn shown(value: Option<FigureValue>) -> Value {
    match value {
        None => Value::Missing,
        Some(FigureValue::Count(count)) => Value::Count(count),
        Some(FigureValue::Number(number)) => Value::Number(number),
        Some(FigureValue::Percent(percent)) => Value::Percent(percent),
        Some(FigureValue::Money(money)) => Value::Money(money),
    }
}

/// Fields that are what they say without being made JSON first; none of any other.
fn plain(state: &PartnerState, name: &str) -> Option<Value> {
    let text = |text: Option<&Arc<str>>| text.map_or(Value::Missing, |text| Value::Text(text.clone()));
    let instant = |at: Option<&Timestamp>| at.map_or(Value::Missing, |at| Value::Instant(*at));
    let profile = &state.profile;
    Some(match name {
        "status" => Value::text(profile.status().as_str()),
        "zone" => text(profile.zone.get()),
        "country" => text(profile.country.get()),
        "type" => text(profile.partner_type.get()),
        "manager" => text(profile.manager.get()),
        "band" => text(state.band.as_ref()),
        "tags" => Value::List(profile.tags().into()),
        "objects_to_profiling" => {
            profile.objects_to_profiling.get().map_or(Value::Missing, |known| Value::Bool(*known))
        }
        "joined_at" => instant(profile.joined_at.get()),
        "approved_at" => instant(profile.approved_at.get()),
        "contract_ends" => profile.contract_ends.get().map_or(Value::Missing, |on| Value::Date(*on)),
        "health" => state.health.map_or(Value::Missing, |hundredths| Value::Number(f64::from(hundredths) / 100.0)),
        _ => return None,
    })
}

/// A field by the JSON it is told as.
fn by_json(state: &PartnerState, name: &str) -> Value {
    let Some(json) = state.field(name) else { return Value::Missing };
    let declared = PARTNER_FIELDS.iter().find(|(known, _)| *known == name).map(|(_, ty)| *ty);
    match (declared, &json) {
        (Some(FieldType::Instant), Json::String(text)) => text.parse().map_or(Value::Missing, Value::Instant),
        (Some(FieldType::Date), Json::String(text)) => text.parse().map_or(Value::Missing, Value::Date),
        (_, Json::String(text)) => Value::text(text),
        (_, Json::Bool(truth)) => Value::Bool(*truth),
        (Some(FieldType::Number), Json::Number(number)) => number.as_f64().map_or(Value::Missing, Value::Number),
        (_, Json::Number(number)) => match number.as_i64() {
            Some(count) => Value::Count(count),
            None => number.as_f64().map_or(Value::Missing, Value::Number),
        },
        (_, Json::Array(items)) => {
            Value::List(items.iter().filter_map(Json::as_str).map(Arc::from).collect::<Vec<_>>().into())
        }
        _ => Value::Missing,
    }
}

impl PartnerFacts<'_> {
    /// The newest answer by this name, told under it or to a survey that calls its answers so; scores are numbers. None where no
    /// survey does.
    fn answer(&self, name: &str) -> Option<Value> {
        let surveys = || self.rulebook.surveys.values().filter(|survey| survey.is_called(name));
        let of_surveys = surveys().filter_map(|survey| Some((survey, self.state.answer(&survey.id)?)));
        let by_name = surveys().next().zip(self.state.answer(name));
        let Some((survey, newest)) = of_surveys.chain(by_name).max_by_key(|(_, answer)| answer.at) else {
            return surveys().next().map(|_| Value::Missing);
        };
        let told = newest.answer.as_deref().map(Json::from).or_else(|| newest.score.map(Json::from))?;
        Some(survey.value(&told))
    }
}

impl Facts for PartnerFacts<'_> {
    fn value(&self, path: &str, since: Since<'_>) -> Value {
        match path.split_once('.') {
            Some(("partner", field)) => self.field(field),
            Some(("segment", name)) => match self.rulebook.segments.segment(name) {
                Some(segment) => match segment.condition.judge(&Bare(self)) {
                    rapport_rule::expr::Truth::True => Value::Bool(true),
                    rapport_rule::expr::Truth::False => Value::Bool(false),
                    rapport_rule::expr::Truth::Unknown => Value::Missing,
                },
                None => Value::Missing,
            },
            Some(("goal", rest)) => self.goal(rest),
            Some(("program", name)) => self.program_figure(name),
            Some(_) => Value::Missing,
            None => match path {
                "group" => self.group().map_or(Value::Missing, |group| Value::text(&group.name)),
                "lane" => self.group().map_or(Value::Missing, |group| Value::text(&group.lane.0)),
                "health" => self.field("health"),
                _ => self.figure(path, since).unwrap_or(Value::Missing),
            },
        }
    }

    fn why_missing(&self, path: &str) -> Option<&'static str> {
        let figure = self.rulebook.figure(path)?;
        self.state.is_unheard_by(&figure, &self.context(None)).then_some(UNHEARD)
    }

    fn ask(&self, method: &str, args: &[Value]) -> Value {
        let today = day::of(self.now, &self.program.zone);
        let (mail, from, to) = match (method, args) {
            (RECEIVED, [Value::Text(mail), Value::Date(from), Value::Date(to)]) => (mail, *from, *to),
            (RECEIVED_WITHIN, [Value::Text(mail), Value::Count(days)]) => {
                let back = day::Day::try_from(days.saturating_sub(1)).unwrap_or(day::Day::MAX);
                (mail, day::date(today.saturating_sub(back)), day::date(today))
            }
            _ => return Value::Missing,
        };
        let Some((workflow, mail)) = mail.split_once('/') else { return Value::Missing };
        self.state.received(MailId::of(workflow, mail), from, to, today).map_or(Value::Missing, Value::Bool)
    }

    fn had_resource(&self, resource: &str) -> bool {
        self.state.had_resource(resource)
    }

    fn start_mark(&self) -> StartMark {
        StartMark::of(self.state)
    }

    fn status(&self) -> &str {
        self.state.profile.status().as_str()
    }

    fn erased(&self) -> bool {
        self.state.erased_at.is_some()
    }

    fn opted_out(&self, topic: &str) -> bool {
        let topics: Option<Arc<Vec<String>>> = self.state.mark_as(marks::OPTED_OUT);
        topics.is_some_and(|topics| topics.iter().any(|known| known == "*" || known == topic))
    }

    fn suppressed(&self) -> bool {
        self.state.mark(marks::SUPPRESSED).is_some()
    }

    fn objects_to_profiling(&self) -> bool {
        self.state.profile.objects_to_profiling()
    }

    fn lane_changed_at(&self) -> Option<Timestamp> {
        let millis = std::str::from_utf8(self.state.mark(marks::LANE_CHANGED)?).ok()?.parse().ok()?;
        Timestamp::from_millisecond(millis).ok()
    }

    fn is_revoked(&self, event: &EventSnapshot) -> bool {
        let text = |name: &str| event.payload.get(name).and_then(Json::as_str);
        match event.kind.as_str() {
            "conversion.recorded" | "conversion.approved" | "conversion.paid" => {
                self.reversed.is_some() && text("conversion_id") == self.reversed
            }
            "milestone.reached" => self
                .rulebook
                .goals
                .milestones
                .iter()
                .find(|milestone| milestone.id() == event.id)
                .is_some_and(|milestone| self.falls_short(milestone)),
            "win.personal_best" => {
                let month = event.id.strip_prefix("personal-best:").and_then(|month| month.parse().ok());
                let before = event.payload.get("threshold").and_then(Json::as_f64);
                month.zip(before).is_some_and(|(month, before)| {
                    let days = super::day_close::sales::approved_days(self.state);
                    rapport_insight::win::month_revenue(&days, month) as f64 <= before
                })
            }
            "goal.reached" => text("name").is_some_and(|name| super::goals::is_revoked(self, name, text("proposal"))),
            // A journey that began before dates were kept with it goes on.
            DATE_REACHED => text("name").zip(text("date")).is_some_and(|(field, date)| match self.local_day(field) {
                Some(day) => day.to_string() != date && self.begins_on_another_day(&event.id, field),
                None => true,
            }),
            // What was only proposed is no more once it is answered or taken back.
            "goal.proposed" | "goal.countered" => match text("goal").zip(text("proposal")) {
                Some((goal, proposal)) => {
                    let known = super::goals::agreements(self);
                    let open = known.get(goal).and_then(|agreement| agreement.open.as_ref());
                    open.is_none_or(|open| {
                        open.id != proposal || open.counter.is_some() != (event.kind == "goal.countered")
                    })
                }
                None => false,
            },
            // What was made of the figures of somebody who objects to that.
            kind if is_lasting(kind) => self.state.profile.objects_to_profiling(),
            _ => false,
        }
    }
}

impl PartnerFacts<'_> {
    /// Whether the workflow that a date began will begin once more, on the day that the date names now. If not (that day is over, or
    /// one round is all there is), the round under way is the only one, and goes on.
    fn begins_on_another_day(&self, trigger: &str, field: &str) -> bool {
        let named = trigger.strip_prefix("date:").and_then(|rest| rest.rsplit_once(':'));
        let Some(workflow) = named.and_then(|(id, _)| self.rulebook.rulebook.workflow(id)) else { return false };
        let comes_again = matches!(workflow.entry.once, Once::PerEvent | Once::Per(_));
        let mut dates =
            workflow.timed.iter().filter(|timed| matches!(timed, Timed::Date { field: of, .. } if **of == *field));
        comes_again && dates.any(|timed| timed::due(self, timed, self.now).is_some())
    }
}

/// What a milestone counts.
fn counted(measure: milestone::Measure) -> Measure {
    match measure {
        milestone::Measure::ApprovedConversions => Measure::ApprovedConversions,
        milestone::Measure::ApprovedRevenue => Measure::ApprovedRevenue,
    }
}

/// Why a figure is missing that is compared with days on which rapport did not listen to the programme yet.
const UNHEARD: &str = "before rapport listened";

/// The facts as a scope without a journey: what segments, groups and goals are judged in.
pub struct Bare<'a, 'b>(pub &'a PartnerFacts<'b>);

impl Scope for Bare<'_, '_> {
    fn value(&self, path: &str) -> Value {
        if let Some(field) = path.strip_prefix("program.") {
            return match self.0.program.value(field) {
                Value::Missing => self.0.program_figure(field),
                known => known,
            };
        }
        self.0.value(path, Since::NO_JOURNEY)
    }

    fn why_missing(&self, path: &str) -> Option<&'static str> {
        self.0.why_missing(path)
    }

    fn call(&self, object: &str, method: &str, args: &[Value]) -> Value {
        if object == "partner" { self.0.ask(method, args) } else { Value::Missing }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_the_same_with_json_and_without() {
        let nobody = PartnerState::default();
        let mut somebody = PartnerState::default();
        let profile = &mut somebody.profile;
        profile.zone.value = Some("Europe/Oslo".into());
        profile.country.value = Some("NO".into());
        profile.partner_type.value = Some("coupon".into());
        profile.manager.value = Some("ines".into());
        profile.objects_to_profiling.value = Some(true);
        profile.joined_at.value = Some("2026-03-01T23:30:00.123456789Z".parse().unwrap());
        profile.approved_at.value = Some("1969-07-20T20:17:40Z".parse().unwrap());
        profile.contract_ends.value = Some(jiff::civil::date(2027, 2, 28));
        profile.add_tag(&"two words".into(), Timestamp::UNIX_EPOCH);
        (somebody.health, somebody.band) = (Some(7_333), Some("at_risk".into()));
        for state in [&nobody, &somebody] {
            for (name, _) in PARTNER_FIELDS {
                let known = plain(state, name).unwrap_or_else(|| by_json(state, name));
                assert_eq!(known, by_json(state, name), "{name}");
            }
        }
        let told = PARTNER_FIELDS.iter().filter(|(name, _)| plain(&somebody, name).is_some_and(|it| !it.is_missing()));
        assert_eq!(told.count(), 12);
    }
}
