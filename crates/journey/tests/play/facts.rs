//! [`Facts`] out of a partner's folded state, as the engine has them.

use std::collections::BTreeMap;
use std::sync::Arc;

use rapport_event::PartnerKey;
use rapport_insight::goal::Progress;
use rapport_journey::{EventSnapshot, Facts, Since};
use rapport_partner::day::Day;
use rapport_partner::{Figure, FigureContext, FigureValue, PartnerState, StartMark};
use rapport_rule::Money;
use rapport_rule::expr::{Scope, Value};
use rapport_rule::money::Currency;
use rapport_workflow::{Program, Rulebook};
use serde_json::Value as Json;

/// One partner, as the state right after the event being handled knows them.
#[derive(Clone, Copy)]
pub struct PartnerFacts<'a> {
    /// Who.
    pub key: &'a PartnerKey,
    /// The state.
    pub state: &'a PartnerState,
    /// The live rulebook, for segments and answers.
    pub rulebook: &'a Rulebook,
    /// The partner's programme.
    pub program: &'a Program,
    /// The programme's local day.
    pub today: Day,
    /// The first event of the programme: decides whether totals of a veteran are missing.
    pub program_began_at: Option<jiff::Timestamp>,
    /// What the engine keeps beside the state.
    pub beside: &'a Beside,
}

/// What is known of a partner beside the state.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Beside {
    /// Topics opted out of.
    pub opted_out: Vec<Arc<str>>,
    /// Whether the partner opted out of everything.
    pub opted_out_of_all: bool,
    /// Whether the address must not be written to.
    pub suppressed: bool,
    /// Whether the partner objects to being judged.
    pub objects_to_profiling: bool,
    /// When the partner changed lanes.
    pub lane_changed_at: Option<jiff::Timestamp>,
    /// Progress of goals as of the last day close, by id.
    pub goals: BTreeMap<Arc<str>, Progress>,
}

impl PartnerFacts<'_> {
    fn figure(&self, figure: &Figure, start: Option<&StartMark>) -> Value {
        let context = FigureContext {
            today: self.today,
            zone: &self.program.zone,
            currency: self.program.currency,
            program_began_at: self.program_began_at,
            program: None,
            start,
            foresee: None,
        };
        match self.state.figure(figure, &context) {
            None => Value::Missing,
            Some(FigureValue::Count(count)) => Value::Count(count),
            Some(FigureValue::Money(money)) => Value::Money(money),
            Some(FigureValue::Number(number)) => Value::Number(number),
            Some(FigureValue::Percent(percent)) => Value::Percent(percent),
        }
    }

    fn partner(&self, field: &str) -> Value {
        let stored = match field {
            "id" => return Value::text(self.key.partner.as_str()),
            "health.score" => self.state.field("health"),
            "health.band" => self.state.field("band"),
            _ => match field.strip_prefix("answers.") {
                Some(answer) => return self.answer(answer),
                None => self.state.field(field),
            },
        };
        let Some(stored) = stored else { return Value::Missing };
        let text = stored.as_str();
        match field {
            "joined_at" | "approved_at" => text.and_then(|text| text.parse().ok()).map(Value::Instant).into(),
            "contract_ends" => text.and_then(|text| text.parse().ok()).map(Value::Date).into(),
            _ => match &stored {
                Json::String(text) => Value::text(text),
                Json::Bool(value) => Value::Bool(*value),
                Json::Number(number) => number.as_f64().map(Value::Number).into(),
                Json::Array(list) => Value::list(list.iter().filter_map(Json::as_str)),
                Json::Null | Json::Object(_) => Value::Missing,
            },
        }
    }

    /// The newest answer among the surveys that call their answer so.
    fn answer(&self, name: &str) -> Value {
        let surveys = self.rulebook.surveys.values().filter(|survey| survey.is_called(name));
        let given = surveys.filter_map(|survey| Some((survey, self.state.answer(&survey.id)?)));
        let Some((survey, newest)) = given.max_by_key(|(_, answer)| answer.at) else { return Value::Missing };
        let told = newest.answer.as_deref().map(Json::from).or_else(|| newest.score.map(Json::from));
        told.map_or(Value::Missing, |told| survey.value(&told))
    }

    fn goal(&self, path: &str) -> Value {
        let Some((goal, field)) = path.split_once('.') else { return Value::Missing };
        let Some(progress) = self.beside.goals.get(goal) else { return Value::Missing };
        match field {
            "percent" => Value::Percent(progress.percent),
            "reached" => Value::Bool(progress.reached),
            "behind" => Value::Bool(progress.behind),
            "missed" => Value::Bool(progress.missed),
            _ => Value::Missing,
        }
    }
}

impl Facts for PartnerFacts<'_> {
    fn value(&self, path: &str, since: Since<'_>) -> Value {
        let (object, field) = path.split_once('.').unwrap_or((path, ""));
        match object {
            "partner" => self.partner(field),
            "group" => self.state.group.clone().map(Value::Text).into(),
            "lane" => self.state.lane.clone().map(Value::Text).into(),
            "goal" => self.goal(field),
            "segment" => match self.rulebook.segments.segment(field) {
                Some(segment) => segment.condition.judge(&Plain { facts: self, since }).into(),
                None => Value::Missing,
            },
            _ => Figure::parse(path).map_or(Value::Missing, |figure| self.figure(&figure, since.start)),
        }
    }

    fn status(&self) -> &str {
        self.state.profile.status().as_str()
    }

    fn had_resource(&self, resource: &str) -> bool {
        self.state.had_resource(resource)
    }

    fn start_mark(&self) -> StartMark {
        StartMark::of(self.state)
    }

    fn erased(&self) -> bool {
        self.state.erased_at.is_some()
    }

    fn opted_out(&self, topic: &str) -> bool {
        self.beside.opted_out_of_all || self.beside.opted_out.iter().any(|known| **known == *topic)
    }

    fn suppressed(&self) -> bool {
        self.beside.suppressed
    }

    fn lane_changed_at(&self) -> Option<jiff::Timestamp> {
        self.beside.lane_changed_at
    }

    fn objects_to_profiling(&self) -> bool {
        self.beside.objects_to_profiling
    }

    fn is_revoked(&self, event: &EventSnapshot) -> bool {
        match event.kind.as_str() {
            "milestone.reached" => {
                let metric = event.text("metric").map(|metric| format!("{metric}_total"));
                let figure = metric.and_then(|name| Figure::parse(&name).ok());
                let reached = figure.map_or(Value::Missing, |figure| self.figure(&figure, None));
                let reached = match reached {
                    Value::Count(count) => count as f64,
                    // A threshold of money is in minor units.
                    Value::Money(Money { minor, .. }) => minor as f64,
                    _ => return false,
                };
                event.number("threshold").is_some_and(|threshold| reached < threshold)
            }
            "goal.reached" => {
                let progress = event.text("name").and_then(|goal| self.beside.goals.get(goal));
                progress.is_some_and(|progress| !progress.reached)
            }
            _ => false,
        }
    }

    fn convert(&self, money: Money, to: Currency) -> Option<Money> {
        // Rates come with a later stage; an amount in its own currency needs none.
        (money.currency == to).then_some(money)
    }
}

/// Segments and groups are asked from stored fields and figures alone: in them there is no event.
struct Plain<'a> {
    facts: &'a PartnerFacts<'a>,
    since: Since<'a>,
}

impl Scope for Plain<'_> {
    fn value(&self, path: &str) -> Value {
        match path.strip_prefix("program.") {
            Some(field) => self.facts.program.value(field),
            None => self.facts.value(path, self.since),
        }
    }

    fn convert(&self, money: Money, to: Currency) -> Option<Money> {
        self.facts.convert(money, to)
    }
}
