//! All that can follow from a step, and all that can bring one about.

use std::sync::Arc;

use jiff::Timestamp;
use rapport_contact::Overflow;
use rapport_rule::expr::Clause;
use rapport_workflow::config::HookKind;
use rapport_workflow::{DeliveryPolicy, MailKind, Person, Priority, SetField};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::id::{CallId, JourneyId, MessageId, TaskId};
use crate::journey::{EventSnapshot, ExitReason, Journey, Outcome, TraceLine};

/// What moves a journey. It can be kept for a journey whose version nobody knows yet.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum Stimulus {
    /// Another trigger joins by `combine`; [`crate::consider`] said so.
    Join(EventSnapshot),
    /// Figures fell or a sale was taken back: a journey whose trigger is no longer true, or that anything else stops, ends now.
    Look,
    /// The first look, right after [`crate::consider`] let it begin.
    Start,
    /// A wake fired. One whose sequence is not the journey's is void.
    Timer {
        /// The wake's sequence number.
        seq: u32,
    },
    /// An event of the partner was folded.
    Event(EventSnapshot),
    /// A message of this journey came to an end.
    Outcome {
        /// Which.
        message: MessageId,
        /// How.
        outcome: Outcome,
        /// Why, where a rule of contact or a server gave a reason; a stable code.
        reason: Option<String>,
        /// When it came to its end; waits count from here.
        at: Timestamp,
    },
    /// The coordinator answered a reservation.
    OfferAnswer {
        /// The message the offer was asked for.
        message: MessageId,
        /// Whether it was granted.
        granted: bool,
        /// Why not.
        reason: Option<String>,
        /// When the answer was given.
        at: Timestamp,
    },
    /// A person answered a task that asked.
    TaskChoice {
        /// Which.
        task: TaskId,
        /// One of its choices.
        choice: String,
    },
    /// A call of another system came to its end.
    CallEnded {
        /// Which.
        call: CallId,
        /// Whether the other side took it.
        delivered: bool,
        /// Why not.
        reason: Option<String>,
        /// When; waits count from here.
        at: Timestamp,
    },
    /// The coordinator gave a place among those of a day (`at_most:`), or there is none.
    Placed {
        /// From when on it may begin; none: there is no place in time.
        from: Option<Timestamp>,
    },
    /// A person stops it.
    Stop {
        /// What they said.
        reason: Arc<str>,
    },
    /// Another version came into force and takes it over; [`crate::step`] is given that one.
    Migrate {
        /// The step of the new version at which it goes on.
        step: Arc<str>,
    },
    /// A person lets it go on behind the step it is at, which is left undone.
    Skip {
        /// What they said.
        reason: Arc<str>,
    },
    /// The partner's zone or country changed: an open wait is worked out again.
    ZoneChanged,
}

/// What a step leads to. The caller carries out the actions in order, in the commit that stores the journey.
#[must_use = "the actions have to be carried out in the same commit"]
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// The journey afterwards.
    pub journey: Journey,
    /// What to do.
    pub actions: Vec<Action>,
    /// What happened, for `explain`; the journey's history has it too.
    pub trace: Vec<TraceLine>,
}

impl Step {
    /// Nothing follows.
    pub(crate) fn unchanged(journey: &Journey) -> Self {
        Self { journey: journey.clone(), actions: Vec::new(), trace: Vec::new() }
    }
}

/// One thing to do.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Queue a message.
    Plan(Box<PlannedMessage>),
    /// Take a message back that has not gone out.
    Cancel {
        /// Which.
        message: MessageId,
        /// Why: an exit reason's code.
        reason: &'static str,
    },
    /// Wake the journey then; replaces an earlier wake.
    WakeAt {
        /// When.
        at: Timestamp,
        /// The sequence number [`Stimulus::Timer`] has to bring.
        seq: u32,
    },
    /// Give a person something to do.
    Task(Box<TaskRequest>),
    /// Give the partner a tag, or take it away; told as `partner.updated`, folded in the same commit.
    Tag {
        /// The id of the event that tells it.
        id: String,
        /// The tag.
        tag: Arc<str>,
        /// Given; else taken away.
        add: bool,
    },
    /// Write stored fields of the partner; told as `partner.updated`, folded in the same commit.
    Set {
        /// The id of the event that tells it.
        id: String,
        /// The fields and what they become.
        fields: Vec<SetField>,
    },
    /// Tell another system; the answer is [`Stimulus::CallEnded`].
    Call(Box<PlannedCall>),
    /// Take a call back that nobody took yet.
    CancelCall {
        /// Which.
        call: CallId,
        /// Why: an exit reason's code.
        reason: &'static str,
    },
    /// A question nobody has to answer any more: its default was taken, or its journey is over.
    CloseTask {
        /// Which.
        task: TaskId,
        /// The answer taken, or an exit reason's code.
        outcome: String,
    },
    /// Record an event of a declared kind for the partner, folded in the same commit.
    Emit(EventSnapshot),
    /// Give the partner an award; told as `partner.awarded`, folded in the same commit.
    Award {
        /// The id of the event that tells it.
        id: String,
        /// The award of `config/awards.yaml`.
        award: Arc<str>,
        /// What it is for; nothing personal.
        because: Option<String>,
        /// The training whose completion began the journey: the certificate names it.
        training: Option<Arc<str>>,
    },
    /// Look at another workflow's entry, with this as the trigger.
    Start {
        /// Its id.
        workflow: Arc<str>,
        /// The trigger.
        trigger: EventSnapshot,
    },
    /// Ask for an offer; the answer is [`Stimulus::OfferAnswer`].
    Reserve {
        /// The message it is for; the reservation's id.
        message: MessageId,
        /// The offer's id in `config/offers.yaml`.
        offer: Arc<str>,
    },
    /// Ask for a place among those of a day (`at_most:`); the answer is [`Stimulus::Placed`].
    AskPlace,
    /// Give a reservation back.
    Release {
        /// The message it was for.
        message: MessageId,
    },
    /// Mails of these workflows to this partner wait: until the instant, or until [`Action::ReleaseHold`] when there is none.
    Hold {
        /// Whose mails wait.
        workflows: Vec<Arc<str>>,
        /// Until when.
        until: Option<Timestamp>,
    },
    /// Ends this journey's hold.
    ReleaseHold,
    /// The journey is over.
    Exit(ExitReason),
}

/// A message to be queued. The mailer adds personal fields, links and the sender; it evaluates nothing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlannedMessage {
    /// Hash of journey, step and occurrence.
    pub id: MessageId,
    /// The journey that waits for its outcome.
    pub journey: JourneyId,
    /// The workflow, for caps, holds, reports.
    pub workflow: Arc<str>,
    /// The journey's version of it.
    pub version: Arc<str>,
    /// With `mails: pinned` the hash of the files whose text it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub texts: Option<Arc<str>>,
    /// The step's id.
    pub step: Arc<str>,
    /// The mail's file name without language and ending, in the workflow's folder.
    pub mail: Arc<str>,
    /// Marketing or service.
    pub kind: MailKind,
    /// Its topic.
    pub topic: Arc<str>,
    /// What becomes of it when nobody knows whether it was accepted.
    #[serde(default)]
    pub delivery: DeliveryPolicy,
    /// What becomes of it when it finds no place under a cap.
    #[serde(default, skip_serializing_if = "Overflow::is_wait")]
    pub over_the_cap: Overflow,
    /// Place in the line under a cap.
    pub priority: Priority,
    /// From when on it may go out.
    pub due: Timestamp,
    /// After this it makes no sense.
    pub expires: Timestamp,
    /// Who signs; `manager` is resolved when the mail is rendered.
    pub from: Person,
    /// Every value the template names, but personal fields.
    pub context: Json,
    /// Languages to look for a file in, best first: the partner's, its base, the programme's. Texts in `context` are in the
    /// first of them that has one.
    pub languages: Vec<String>,
    /// A survey whose answers the mail offers as links.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub survey: Option<Arc<str>>,
    /// The offer reserved for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offer: Option<Arc<str>>,
    /// In a broadcast, the round it belongs to: the issue, or the time. All partners of a round have the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub round: Option<Arc<str>>,
    /// Why it is written: the clauses of entry and of the way here.
    pub evidence: Vec<Clause>,
}

/// A call to be made. Personal fields stand as `{{partner.name}}`; whoever makes it fills them in.
#[derive(Debug, Clone, PartialEq)]
pub struct PlannedCall {
    /// Hash of journey and step.
    pub id: CallId,
    /// The journey that waits for its outcome.
    pub journey: JourneyId,
    /// The step's id.
    pub step: Arc<str>,
    /// The hook of `config/hooks.yaml`.
    pub hook: Arc<str>,
    /// `webhook` or `slack`.
    pub kind: HookKind,
    /// Whether the hook may be in a private network.
    pub private: bool,
    /// What is told.
    pub with: Json,
    /// After this it is not tried any more.
    pub expires: Timestamp,
}

/// Something a person is asked to do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TaskRequest {
    /// Whether it is a case: somebody answers for it until it has an outcome.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_case: bool,
    /// Hash of journey and step.
    pub id: TaskId,
    /// The journey it comes from, and waits for it if it asks.
    pub journey: JourneyId,
    /// Who does it.
    pub to: Person,
    /// What. Personal fields stand as `{{partner.name}}`; whoever shows the task fills them in.
    pub text: String,
    /// By when.
    pub due: Option<Timestamp>,
    /// The answers possible; empty when nothing is asked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<Arc<str>>,
    /// The answer taken at `due`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<Arc<str>>,
}
