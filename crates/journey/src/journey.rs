//! What is stored of one journey.

use std::sync::Arc;

use jiff::Timestamp;
use rapport_event::{Event, PartnerKey};
use rapport_partner::StartMark;
use rapport_rule::expr::Clause;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::id::{CallId, JourneyId, MessageId, TaskId};

/// How many lines of history a journey keeps; the oldest go first.
pub const HISTORY_MAX: usize = 64;

/// One partner's run of one workflow version. Serialises to JSON; nothing in it is personal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Journey {
    /// Hash of workflow, programme, partner and key.
    pub id: JourneyId,
    /// The workflow's folder.
    pub workflow: Arc<str>,
    /// The version it began on and ends on.
    pub version: Arc<str>,
    /// With `mails: pinned` the hash of the files it began under: its mails are those.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub texts: Option<Arc<str>>,
    /// What makes it one journey among those of the partner: constant, the trigger's id, or the value of an expression.
    pub key: String,
    /// Whose.
    pub partner: PartnerKey,
    /// The trigger; its payload is `event.*`, frozen at entry. With `combine` the largest so far.
    pub trigger: EventSnapshot,
    /// Events that joined by `combine`, the trigger among them. Empty without `combine`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub joined: Vec<EventSnapshot>,
    /// Until when others may join; `None` when closed or never open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open_until: Option<Timestamp>,
    /// Arrival of the trigger.
    pub started_at: Timestamp,
    /// The sums right after the trigger: what `…_since_start` counts from.
    pub start: StartMark,
    /// Where it is.
    pub state: State,
    /// Sequence number of the newest wake; an older one that fires is void.
    pub seq: u32,
    /// From when the next wait counts: start, the last wake, or the last outcome.
    pub anchor: Timestamp,
    /// Whether a mail went out or a task, offer or emit was made: then `once` is used up.
    pub acted: bool,
    /// Whether it was held out: it ran no step, and uses up `once`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub held_out: bool,
    /// The share (0–100) at which it was drawn whether this partner is held out. `None` where nothing was drawn: no `holdout:`, an
    /// exception of it, a partner who objects to profiling, or a person who began it. Only drawn journeys can be compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drawn: Option<f64>,
    /// What later steps can ask for.
    #[serde(default)]
    pub variables: Variables,
    /// The first event since the start of each kind that some `wait_for` asks for: it may have come before its step.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub met: Vec<EventSnapshot>,
    /// When the last mail of this journey went out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_mail_at: Option<Timestamp>,
    /// Why it was let in, clause by clause.
    pub evidence: Vec<Clause>,
    /// What happened to it, newest last, at most [`HISTORY_MAX`].
    #[serde(default)]
    pub history: Vec<TraceLine>,
}

impl Journey {
    /// Whether it is over.
    pub fn is_exited(&self) -> bool {
        matches!(self.state, State::Exited { .. })
    }

    /// The step it is at; none when over.
    pub fn step(&self) -> Option<&str> {
        match &self.state {
            State::Waiting { step, .. }
            | State::Awaiting { step, .. }
            | State::OfferPending { step, .. }
            | State::Mailing { step, .. }
            | State::Calling { step, .. }
            | State::Choosing { step, .. } => Some(step),
            State::Ready | State::Queued { .. } | State::Exited { .. } => None,
        }
    }

    /// The instant of its open wake, if it has one; a journey without waits for an outcome or an answer.
    pub fn wake_at(&self) -> Option<Timestamp> {
        match &self.state {
            State::Waiting { until, .. } | State::Awaiting { until, .. } | State::Choosing { until, .. } => {
                Some(*until)
            }
            State::Queued { until } => *until,
            State::Ready
            | State::OfferPending { .. }
            | State::Mailing { .. }
            | State::Calling { .. }
            | State::Exited { .. } => None,
        }
    }

    /// The message it waits for.
    pub fn open_message(&self) -> Option<&MessageId> {
        match &self.state {
            State::Mailing { message, .. } => Some(message),
            _ => None,
        }
    }

    /// Whether this event started it or joined it.
    pub fn was_triggered_by(&self, event_id: &str) -> bool {
        self.trigger.id == event_id || self.joined.iter().any(|event| event.id == event_id)
    }

    /// The summary that entry rules ask for.
    pub fn as_past(&self) -> PastJourney {
        PastJourney {
            id: self.id.clone(),
            workflow: self.workflow.clone(),
            key: self.key.clone(),
            triggers: std::iter::once(&self.trigger).chain(&self.joined).map(|event| event.id.clone()).collect(),
            occurred_at: Some(self.trigger.occurred_at),
            started_at: self.started_at,
            active: !self.is_exited(),
            used: self.acted || self.held_out,
            open_until: self.open_until,
        }
    }
}

/// Where a journey is. Every state but `Exited` waits for exactly one thing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum State {
    /// Let in, but not begun: the commit that stores it takes [`crate::Stimulus::Start`] first.
    Ready,
    /// Let in, and waiting for a place among those of a day (`at_most:`): asked for, or of a later day.
    Queued {
        /// When it begins; none as long as it is not answered.
        until: Option<Timestamp>,
    },
    /// At a `wait` step; the step holds the intention, `from` where it counts from.
    Waiting {
        /// The step's id.
        step: Arc<str>,
        /// Where the wait began.
        from: Timestamp,
        /// When it ends, as things stand.
        until: Timestamp,
    },
    /// At a `wait_for` step.
    Awaiting {
        /// The step's id.
        step: Arc<str>,
        /// Where the wait began.
        from: Timestamp,
        /// When `otherwise` begins.
        until: Timestamp,
    },
    /// At an `email` step whose offer is being reserved.
    OfferPending {
        /// The step's id.
        step: Arc<str>,
        /// The message that will be planned.
        message: MessageId,
        /// The offer asked for.
        offer: Arc<str>,
    },
    /// At an `email` step whose message has no outcome yet.
    Mailing {
        /// The step's id.
        step: Arc<str>,
        /// The message.
        message: MessageId,
    },
    /// At a `webhook` or `slack` step whose call has no outcome yet.
    Calling {
        /// The step's id.
        step: Arc<str>,
        /// The call.
        call: CallId,
    },
    /// At a `task` step with `choices`.
    Choosing {
        /// The step's id.
        step: Arc<str>,
        /// The task.
        task: TaskId,
        /// When the default is taken.
        until: Timestamp,
    },
    /// Over.
    Exited {
        /// When.
        at: Timestamp,
        /// Why.
        reason: ExitReason,
    },
}

/// Why a journey is over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "code", content = "detail", rename_all = "snake_case")]
pub enum ExitReason {
    /// The last step is done.
    Completed,
    /// An `exit:` step, with its reason.
    Exit(Arc<str>),
    /// A `stop_when` entry: the kind of event or the text of the expression.
    StopWhen(Arc<str>),
    /// The conversion was reversed, or the milestone or goal is no longer met.
    TriggerRevoked,
    /// The partner is not active any more.
    NotActive,
    /// The partner wrote back.
    Replied,
    /// The partner opted out of the topic or of everything.
    OptedOut,
    /// The address must not be written to.
    Suppressed,
    /// The partner's data were erased.
    Erased,
    /// Held out for measurement: recorded, runs no step.
    HeldOut,
    /// There was no place for it among those of the next days (`at_most:`).
    NoPlace,
    /// A person stopped it.
    Stopped(Arc<str>),
    /// Its workflow version is not known any more; nothing can be decided for it.
    WorkflowGone,
}

impl ExitReason {
    /// The stable name in SQL, logs, metrics and docs.
    pub fn code(&self) -> &'static str {
        match self {
            ExitReason::Completed => "completed",
            ExitReason::Exit(_) => "exit",
            ExitReason::StopWhen(_) => "stop_when",
            ExitReason::TriggerRevoked => "trigger_revoked",
            ExitReason::NotActive => "not_active",
            ExitReason::Replied => "replied",
            ExitReason::OptedOut => "opted_out",
            ExitReason::Suppressed => "suppressed",
            ExitReason::Erased => "erased",
            ExitReason::HeldOut => "held_out",
            ExitReason::NoPlace => "no_place",
            ExitReason::Stopped(_) => "stopped",
            ExitReason::WorkflowGone => "workflow_gone",
        }
    }

    /// What it means, for people.
    pub const fn about(&self) -> &'static str {
        match self {
            ExitReason::Completed => "the last step is done",
            ExitReason::Exit(_) => "a step ended it",
            ExitReason::StopWhen(_) => "what `stop_when` names came true",
            ExitReason::TriggerRevoked => "what it began on is no longer so",
            ExitReason::NotActive => "the partner is not active any more",
            ExitReason::Replied => "the partner wrote back, and a person answers",
            ExitReason::OptedOut => "the partner wants no mail on this topic",
            ExitReason::Suppressed => "the address must not be written to",
            ExitReason::Erased => "the partner's data were erased",
            ExitReason::HeldOut => "drawn not to be written to, to measure what writing brings",
            ExitReason::NoPlace => "there was no place for it among those of a day",
            ExitReason::Stopped(_) => "a person stopped it",
            ExitReason::WorkflowGone => "its version of the workflow is not known any more",
        }
    }

    /// What stands behind the code, where there is something.
    pub fn detail(&self) -> Option<&str> {
        match self {
            ExitReason::Exit(text) | ExitReason::StopWhen(text) | ExitReason::Stopped(text) => Some(text),
            _ => None,
        }
    }
}

/// What later steps can ask for.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Variables {
    /// `awaited.*`: the event the last `wait_for` met.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub awaited: Option<EventSnapshot>,
    /// `mail.outcome`: what became of the last mail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mail_outcome: Option<Outcome>,
    /// `call.outcome`: what became of the last call, one of [`rapport_workflow::CALL_OUTCOMES`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call_outcome: Option<String>,
    /// `task.choice`: the answer to the last task that asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_choice: Option<String>,
}

/// What became of a mail, as a journey sees it. In doubt counts as sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Accepted by the mail server.
    Sent,
    /// Maybe accepted; nobody can know. Counts as sent.
    InDoubt,
    /// A rule of contact forbids it.
    Suppressed,
    /// Too late to make sense.
    Expired,
    /// Refused for good.
    Failed,
    /// The step's mail does not exist or its offer was refused: nothing was planned.
    NotPlanned,
}

impl Outcome {
    /// The value of `mail.outcome`; one of [`rapport_workflow::MAIL_OUTCOMES`].
    pub fn code(self) -> &'static str {
        match self {
            Outcome::Sent | Outcome::InDoubt => "sent",
            Outcome::Suppressed => "suppressed",
            Outcome::Expired => "expired",
            Outcome::Failed => "failed",
            Outcome::NotPlanned => "not_planned",
        }
    }

    /// Whether the partner has it, as far as anybody can tell.
    pub fn went_out(self) -> bool {
        matches!(self, Outcome::Sent | Outcome::InDoubt)
    }
}

/// An event as journeys see it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EventSnapshot {
    /// The event's id; a milestone's is its level, a signal's its occurrence.
    pub id: String,
    /// The kind's name.
    pub kind: String,
    /// When it happened.
    pub occurred_at: Timestamp,
    /// The fields `event.*` offers, by name: see [`rapport_event::Event::facts`].
    pub payload: Json,
}

impl EventSnapshot {
    /// An accepted or derived event as journeys see it.
    pub fn of(event: &Event) -> Self {
        EventSnapshot {
            id: event.id.as_str().to_owned(),
            kind: event.kind.name().into_owned(),
            occurred_at: event.occurred_at,
            payload: Json::Object(event.facts()),
        }
    }

    /// A text field of the payload.
    pub fn text(&self, field: &str) -> Option<&str> {
        self.payload.get(field).and_then(Json::as_str)
    }

    /// A number of the payload.
    pub fn number(&self, field: &str) -> Option<f64> {
        self.payload.get(field).and_then(Json::as_f64)
    }
}

/// What entry rules know of an earlier journey of the same partner.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PastJourney {
    /// Its id.
    pub id: JourneyId,
    /// Its workflow.
    pub workflow: Arc<str>,
    /// Its key.
    pub key: String,
    /// Ids of the events that started or joined it.
    pub triggers: Vec<String>,
    /// When what began it happened.
    #[serde(default)]
    pub occurred_at: Option<Timestamp>,
    /// When it began.
    pub started_at: Timestamp,
    /// Whether it still runs.
    pub active: bool,
    /// Whether it used up `once`: it acted or was held out.
    pub used: bool,
    /// Until when others may join it by `combine`.
    pub open_until: Option<Timestamp>,
}

/// One line of what happened, for `explain`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TraceLine {
    /// When.
    pub at: Timestamp,
    /// The step's id, where it happened at one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<Arc<str>>,
    /// A stable code: `began`, `waits`, `planned`, `skipped`, `branch`, …
    pub code: String,
    /// More, for people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
    /// The clauses looked at.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub clauses: Vec<Clause>,
}
