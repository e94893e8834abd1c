//! What rapport tells itself: outcomes, decisions, signals. Written by `relay`, the coordinator and the fold, never by trackers.

use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::extra::Extra;
use crate::kind::Shape;
use crate::reject::Rejection;

/// The particulars of a record of rapport's own. Each has `extra` for what its writer adds.
#[derive(Debug, Clone, PartialEq)]
pub enum EngineData {
    /// Of `message.*`.
    Outcome(OutcomeData),
    /// Of `task.done`.
    Task(TaskData),
    /// Of `case.opened` and `case.resolved`.
    Case(CaseData),
    /// Of `call.delivered` and `call.failed`.
    Call(CallData),
    /// Of lasting signals: dips, silences, health, goals behind.
    Signal(SignalData),
    /// Of moments: milestones, goals, anniversaries, recognitions.
    Moment(MomentData),
    /// Of `partner.awarded`.
    Award(AwardData),
    /// Of `goal.proposed`, `goal.accepted` and what else becomes of a proposal.
    Goal(GoalData),
    /// Of `program.day_closed`.
    DayClosed(DayClosedData),
    /// Of `rulebook.applied`.
    RulebookApplied(RulebookAppliedData),
    /// Of `offer.granted`, `offer.refused`.
    Offer(OfferData),
    /// Of `contact.*`.
    Contact(ContactData),
    /// Of `operator.command`.
    Command(CommandData),
    /// Of `partner.erased`: nothing but who asked.
    Erased(ErasedData),
}

/// What became of a message.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "Outcome")]
pub struct OutcomeData {
    /// The message.
    pub message: Arc<str>,
    /// The journey that planned it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub journey: Option<Arc<str>>,
    /// The workflow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workflow: Option<Arc<str>>,
    /// The step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<Arc<str>>,
    /// The mail's name within the workflow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mail: Option<Arc<str>>,
    /// The stable code of the reason, when it was not sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Arc<str>>,
    /// The reason for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<Arc<str>>,
    /// Until when it was deferred.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub until: Option<Timestamp>,
    /// Of `message.clicked`: which of the mail's counted links, from 1 in the order of the mail. Where it leads is not told: an
    /// address can hold what is personal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<u32>,
    /// What the writer adds.
    #[serde(flatten)]
    pub extra: Extra,
}

/// A finished task.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "Task")]
pub struct TaskData {
    /// The task.
    pub task: Arc<str>,
    /// The journey that asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub journey: Option<Arc<str>>,
    /// The choice made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub choice: Option<Arc<str>>,
    /// When the task was opened: how long it took is the time since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub opened_at: Option<Timestamp>,
    /// The account of the person who finished it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<Arc<str>>,
    /// What the writer adds.
    #[serde(flatten)]
    pub extra: Extra,
}

/// What became of a call of another system.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "Call")]
pub struct CallData {
    /// The call; every try carried this id.
    pub call: Arc<str>,
    /// The journey that waits for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub journey: Option<Arc<str>>,
    /// The workflow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workflow: Option<Arc<str>>,
    /// The step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<Arc<str>>,
    /// The hook of `config/hooks.yaml`.
    pub hook: Arc<str>,
    /// Why it failed: a stable word, or a status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Arc<str>>,
    /// What the writer adds.
    #[serde(flatten)]
    pub extra: Extra,
}

/// How a case can end: what it was opened for came about, it did not, or it was opened by mistake.
pub const CASE_OUTCOMES: [&str; 3] = ["solved", "unsolved", "withdrawn"];

/// A case. What it is about and what was noted are free text of people: they stand in the store and never here.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "Case")]
pub struct CaseData {
    /// The case.
    pub case: Arc<str>,
    /// The journey that opened it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub journey: Option<Arc<str>>,
    /// Who answers for it: a sender, or a manager.
    #[serde(default)]
    pub owner: Arc<str>,
    /// By when it is to be resolved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub due: Option<Timestamp>,
    /// When it was opened: how long it took is the time since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub opened_at: Option<Timestamp>,
    /// Of `case.resolved`: `solved`, `unsolved` or `withdrawn`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Arc<str>>,
    /// Of `case.resolved`: hours from opening to outcome.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hours: Option<f64>,
    /// What opened it: `workflow`, `reply` (a workflow that answers a mail) or `person`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opened_by: Option<Arc<str>>,
    /// The account of the person who opened or resolved it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<Arc<str>>,
    /// What the writer adds.
    #[serde(flatten)]
    pub extra: Extra,
}

/// A judgement that lasts, with the evidence of the day it was made.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "Signal")]
pub struct SignalData {
    /// The signal's name, one of a closed set.
    #[serde(default)]
    pub name: Arc<str>,
    /// The sentence for people.
    #[serde(default)]
    pub summary: Arc<str>,
    /// The first day it speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", extend("format" = "date"))]
    pub since: Option<Date>,
    /// What was expected since then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<f64>,
    /// What was seen since then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed: Option<f64>,
    /// 100 · (1 − observed/expected), whole, half up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drop_percent: Option<f64>,
    /// How likely so little is by chance alone, 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chance: Option<f64>,
    /// What the writer adds.
    #[serde(flatten)]
    pub extra: Extra,
}

/// A judgement of a moment.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "Moment")]
pub struct MomentData {
    /// Its name, one of a closed set: `conversions-10`, a goal's id, `anniversary`.
    #[serde(default)]
    pub name: Arc<str>,
    /// The sentence for people.
    #[serde(default)]
    pub summary: Arc<str>,
    /// The measure it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metric: Option<Arc<str>>,
    /// The threshold passed, in the measure's unit (money: minor units).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold: Option<f64>,
    /// The value reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<f64>,
    /// How much of a goal is reached, in percent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub percent: Option<f64>,
    /// Which year, of an anniversary.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub years: Option<u32>,
    /// What the writer adds.
    #[serde(flatten)]
    pub extra: Extra,
}

/// An award given to a partner.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "Award")]
pub struct AwardData {
    /// The award, by its id in `config/awards.yaml`.
    pub name: Arc<str>,
    /// What it is called, in the partner's language.
    #[serde(default)]
    pub title: Arc<str>,
    /// The sentence for people.
    #[serde(default)]
    pub summary: Arc<str>,
    /// What it is for, in the words of whoever gives it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub because: Option<Arc<str>>,
    /// The training it was given for, by its id, if it was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub training: Option<Arc<str>>,
    /// The journey that gave it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub journey: Option<Arc<str>>,
    /// The workflow that gave it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workflow: Option<Arc<str>>,
    /// The account of the person who gave it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<Arc<str>>,
    /// What the writer adds.
    #[serde(flatten)]
    pub extra: Extra,
}

/// A goal between a partner and the programme: what was proposed, or what became of the proposal.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "Goal")]
pub struct GoalData {
    /// The goal's id: one of `config/goals.yaml`, or `own_<metric>` for a goal of this partner alone.
    pub goal: Arc<str>,
    /// The proposal's id; a newer proposal of the same goal has another.
    pub proposal: Arc<str>,
    /// The sentence for people.
    #[serde(default)]
    pub summary: Arc<str>,
    /// What is counted: a measure without window, like `approved_revenue`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metric: Option<Arc<str>>,
    /// What it must come to: a count, or minor units of `currency`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<i64>,
    /// The currency, when the metric is money.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<Arc<str>>,
    /// The first day that counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", extend("format" = "date"))]
    pub from: Option<Date>,
    /// The last day that counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", extend("format" = "date"))]
    pub until: Option<Date>,
    /// Percents told on the way.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tell_at: Vec<u8>,
    /// Who at the programme answers for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<Arc<str>>,
    /// Who did this: `partner`, or the account of the person at the programme.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<Arc<str>>,
    /// What the writer adds.
    #[serde(flatten)]
    pub extra: Extra,
}

/// A programme's closed day.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "DayClosed")]
pub struct DayClosedData {
    /// The day, in the programme's zone.
    #[schemars(with = "String", extend("format" = "date"))]
    pub day: Date,
    /// The programme's factor of that day: all partners together against what is normal for them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub factor: Option<f64>,
    /// Whether the whole programme stood still.
    #[serde(default)]
    pub outage: bool,
    /// The revenue of 90 days that makes a partner one of the top share, in minor units, by group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub top_share_limit: Option<i64>,
    /// What the writer adds: fits, priors.
    #[serde(flatten)]
    pub extra: Extra,
}

/// Another rulebook from here on.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "RulebookApplied")]
pub struct RulebookAppliedData {
    /// Its hash.
    pub rulebook: Arc<str>,
    /// The hash of the one before, if there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<Arc<str>>,
    /// Who applied it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<Arc<str>>,
    /// What the writer adds.
    #[serde(flatten)]
    pub extra: Extra,
}

/// The coordinator's answer to the request for an offer.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "Offer")]
pub struct OfferData {
    /// The offer, by its id in `config/offers.yaml`.
    pub offer: Arc<str>,
    /// The journey that asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub journey: Option<Arc<str>>,
    /// The message it is reserved with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<Arc<str>>,
    /// The stable code of the reason, when refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Arc<str>>,
    /// When it ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub ends_at: Option<Timestamp>,
    /// What the writer adds.
    #[serde(flatten)]
    pub extra: Extra,
}

/// What a partner or a mailbox provider decided about being written to.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "Contact")]
pub struct ContactData {
    /// The topic; every topic when missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic: Option<Arc<str>>,
    /// The stable code of the reason: `unsubscribe`, `hard_bounce`, `complaint`, `manual`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Arc<str>>,
    /// The message that led to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<Arc<str>>,
    /// What the writer adds.
    #[serde(flatten)]
    pub extra: Extra,
}

/// An operator's command.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "Command")]
pub struct CommandData {
    /// What to do: `pause`, `hold`, `release`, `journey_stop` …
    pub command: Arc<str>,
    /// Who said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<Arc<str>>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub because: Option<Arc<str>>,
    /// Until when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub until: Option<Timestamp>,
    /// Its arguments.
    #[serde(flatten)]
    pub extra: Extra,
}

/// An erasure.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "Erased")]
pub struct ErasedData {
    /// Who carried it out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<Arc<str>>,
    /// What the writer adds.
    #[serde(flatten)]
    pub extra: Extra,
}

impl EngineData {
    /// Reads the data of a record of this shape; none when the shape is not one of rapport's own.
    pub(crate) fn read(shape: Shape, body: &str) -> Option<Result<Self, Rejection>> {
        use crate::decode::read_data as parse;
        Some(match shape {
            Shape::Outcome => parse(body).map(EngineData::Outcome),
            Shape::Task => parse(body).map(EngineData::Task),
            Shape::Call => parse(body).map(EngineData::Call),
            Shape::Case => parse(body).map(EngineData::Case),
            Shape::Signal => parse(body).map(EngineData::Signal),
            Shape::Moment => parse(body).map(EngineData::Moment),
            Shape::Award => parse(body).map(EngineData::Award),
            Shape::Goal => parse(body).map(EngineData::Goal),
            Shape::DayClosed => parse(body).map(EngineData::DayClosed),
            Shape::RulebookApplied => parse(body).map(EngineData::RulebookApplied),
            Shape::Offer => parse(body).map(EngineData::Offer),
            Shape::Contact => parse(body).map(EngineData::Contact),
            Shape::Command => parse(body).map(EngineData::Command),
            Shape::Erased => parse(body).map(EngineData::Erased),
            _ => return None,
        })
    }

    /// The data as a JSON map.
    pub fn to_map(&self) -> Map<String, Value> {
        match serde_json::to_value(self) {
            Ok(Value::Object(map)) => map,
            // Plain structs of texts and numbers always are objects.
            _ => Map::new(),
        }
    }
}

impl Serialize for EngineData {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            EngineData::Outcome(data) => data.serialize(serializer),
            EngineData::Task(data) => data.serialize(serializer),
            EngineData::Call(data) => data.serialize(serializer),
            EngineData::Case(data) => data.serialize(serializer),
            EngineData::Signal(data) => data.serialize(serializer),
            EngineData::Moment(data) => data.serialize(serializer),
            EngineData::Award(data) => data.serialize(serializer),
            EngineData::Goal(data) => data.serialize(serializer),
            EngineData::DayClosed(data) => data.serialize(serializer),
            EngineData::RulebookApplied(data) => data.serialize(serializer),
            EngineData::Offer(data) => data.serialize(serializer),
            EngineData::Contact(data) => data.serialize(serializer),
            EngineData::Command(data) => data.serialize(serializer),
            EngineData::Erased(data) => data.serialize(serializer),
        }
    }
}
