//! Carries out what a step of a journey asks for, in the commit that stores the journey.

use rapport_contact::Overflow;
use rapport_journey::{Action, PlannedMessage};
use rapport_workflow::{Person, Priority, Workflow};

use super::{Follows, Reaction, awards::Honour, engaged};
use crate::{
    coordinator::OfferRequest,
    ports::rows::{CallRow, HoldRow, MessageRow, RequestRow, TaskClosed, TimerRow},
    signals::Told,
};

/// Requests to the coordinator: an offer wanted, an offer given back.
pub const REQUEST_OFFER: &str = "offer";
/// An offer given back, see `REQUEST_OFFER`.
pub const REQUEST_RELEASE: &str = "offer_release";

/// A place among those of a day wanted (`at_most:`).
pub const REQUEST_PLACE: &str = "place";
/// What the ledger of offers calls such a place, the workflow's id behind it; no offer has such a name.
pub const PLACE: &str = "place:";

impl Reaction<'_> {
    /// Carries actions out in order. `wake_is_over`: the journey had a wake and has none any more.
    pub(super) fn carry_out(&mut self, index: usize, workflow: &Workflow, actions: Vec<Action>, wake_is_over: bool) {
        let Some(journey) = self.entry.journeys.get(index) else { return };
        let (id, step) = (journey.id.to_string(), journey.step().unwrap_or_default().to_owned());
        let subject = format!("journey:{id}");
        let mut woken = false;
        for action in actions {
            match action {
                Action::Plan(message) => self.plan(&id, *message),
                Action::Cancel { message, reason } => self.batch.cancels.push((message.to_string(), reason.to_owned())),
                Action::WakeAt { at, seq } => {
                    woken = true;
                    self.timers.set(TimerRow { due: at, subject: subject.clone(), key: self.entry.key.clone(), seq });
                }
                Action::Task(task) => self.open_task(workflow, index, *task),
                Action::Call(call) => self.batch.calls.push(CallRow {
                    id: call.id.to_string(),
                    key: self.entry.key.clone(),
                    shard: self.shard,
                    workflow: workflow.id.to_string(),
                    journey: id.clone(),
                    step: call.step.to_string(),
                    hook: call.hook.to_string(),
                    kind: call.kind.code().to_owned(),
                    private: call.private,
                    body: call.with.to_string(),
                    planned_at: self.now,
                    due: self.now,
                    expires: call.expires,
                }),
                Action::CancelCall { call, reason } => {
                    self.batch.call_cancels.push((call.to_string(), reason.to_owned()));
                }
                Action::CloseTask { task, outcome } => {
                    self.batch.closed_tasks.push(TaskClosed { id: task.to_string(), at: self.now, outcome });
                }
                Action::Set { id, fields } => self.set(&id, fields),
                Action::Tag { id, tag, add } => self.tag(&id, &tag, add),
                Action::Emit(snapshot) => {
                    self.batch.told.push(Told::Emitted(self.entry.key.clone(), snapshot.clone()));
                    self.queue.push_back((Follows::Event(snapshot), self.depth + 1));
                }
                Action::Award { id: event, award, because, training } => {
                    let (because, training) = (because.as_deref(), training.as_deref());
                    self.award(workflow, &id, &Honour { id: &event, award: &award, because, training });
                }
                Action::Start { workflow, trigger } => {
                    self.queue.push_back((Follows::Start(workflow, trigger), self.depth + 1));
                }
                Action::Reserve { message, offer } => {
                    let wanted = OfferRequest {
                        offer: offer.to_string(),
                        message: message.to_string(),
                        step: step.clone(),
                        workflow: workflow.id.to_string(),
                    };
                    self.request(REQUEST_OFFER, &id, &message.to_string(), &wanted);
                }
                Action::AskPlace => {
                    let wanted = OfferRequest {
                        offer: format!("{PLACE}{}", workflow.id),
                        message: id.clone(),
                        step: String::new(),
                        workflow: workflow.id.to_string(),
                    };
                    self.request(REQUEST_PLACE, &id, &id, &wanted);
                }
                Action::Release { message } => {
                    let wanted = OfferRequest {
                        offer: String::new(),
                        message: message.to_string(),
                        step: step.clone(),
                        workflow: workflow.id.to_string(),
                    };
                    self.request(REQUEST_RELEASE, &id, &message.to_string(), &wanted);
                }
                Action::Hold { workflows, until } => {
                    for held in workflows {
                        self.hold(&id, &held, until);
                    }
                }
                Action::ReleaseHold => {
                    let held = workflow.holds.as_ref().map(|holds| holds.workflows.clone()).unwrap_or_default();
                    for held in held {
                        self.hold(&id, &held, Some(self.now));
                    }
                }
                Action::Exit(reason) => {
                    metrics::counter!("rapport_journeys_ended_total", "workflow" => workflow.id.to_string(), "reason" => reason.code())
                        .increment(1);
                }
            }
        }
        if wake_is_over && !woken {
            self.timers.clear(&self.entry.key, &subject);
        }
    }

    fn plan(&mut self, journey: &str, message: PlannedMessage) {
        let envelope = Envelope {
            values: message.context,
            from: message.from,
            languages: message.languages,
            survey: message.survey.map(|survey| survey.to_string()),
            offer: message.offer.map(|offer| offer.to_string()),
            round: message.round.map(|round| round.to_string()),
            evidence: serde_json::to_value(&message.evidence).unwrap_or_default(),
            pinned: message.texts.is_some(),
            over_the_cap: message.over_the_cap,
            engaged: engaged::rank(&self.entry.state, &self.program.zone, self.now),
        };
        self.batch.messages.push(MessageRow {
            id: message.id.to_string(),
            shard: self.shard,
            key: self.entry.key.clone(),
            workflow: message.workflow.to_string(),
            journey: journey.to_owned(),
            step: message.step.to_string(),
            mail: message.mail.to_string(),
            rulebook: message.texts.map_or_else(|| self.rulebook.hash.clone(), |hash| hash.to_string()),
            kind: message.kind.code().to_owned(),
            topic: message.topic.to_string(),
            priority: match message.priority {
                Priority::Low => -1,
                Priority::Normal => 0,
                Priority::High => 1,
            },
            policy: message.delivery.code().to_owned(),
            planned_at: self.now,
            due: message.due,
            expires: message.expires,
            context: serde_json::to_string(&envelope).unwrap_or_default(),
        });
    }

    fn request(&mut self, kind: &str, journey: &str, message: &str, wanted: &OfferRequest) {
        self.batch.requests.push(RequestRow {
            id: format!("{kind}:{message}"),
            key: self.entry.key.clone(),
            journey: journey.to_owned(),
            kind: kind.to_owned(),
            body: serde_json::to_string(wanted).unwrap_or_default(),
            at: self.now,
        });
    }

    fn hold(&mut self, journey: &str, workflow: &str, until: Option<jiff::Timestamp>) {
        self.batch.holds.push(HoldRow {
            key: self.entry.key.clone(),
            workflow: workflow.to_owned(),
            by_journey: journey.to_owned(),
            until,
        });
    }
}

/// What a message carries besides its columns: everything the mailer needs to render it, and why it is written.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Envelope {
    /// Values by the names the mail uses.
    pub values: serde_json::Value,
    /// Who signs.
    pub from: Person,
    /// Languages, best first.
    pub languages: Vec<String>,
    /// A survey whose answers are offered as links.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub survey: Option<String>,
    /// The offer reserved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offer: Option<String>,
    /// In a broadcast, its round: see [`round_of`](crate::ports::copies::round_of).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub round: Option<String>,
    /// Clauses that led here.
    pub evidence: serde_json::Value,
    /// Its text is that of the rulebook its row names, not the newest.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub pinned: bool,
    /// What becomes of it when it finds no place under a cap.
    #[serde(default, skip_serializing_if = "Overflow::is_wait")]
    pub over_the_cap: Overflow,
    /// How lately the partner did something, from 0 to [`HIGHEST`](crate::ports::leave::HIGHEST).
    #[serde(default, skip_serializing_if = "is_lowest")]
    pub engaged: u8,
}

// The signature serde asks for.
fn is_lowest(engaged: &u8) -> bool {
    *engaged == 0
}

/// What becomes of a message that finds no place under a cap.
pub(crate) fn overflow_of(context: &str) -> Overflow {
    #[derive(serde::Deserialize)]
    struct Overflows {
        #[serde(default)]
        over_the_cap: Overflow,
    }
    serde_json::from_str::<Overflows>(context).map_or(Overflow::Wait, |envelope| envelope.over_the_cap)
}

/// Whether the text of a message is that of the rulebook its row names.
pub(crate) fn is_pinned(context: &str) -> bool {
    #[derive(serde::Deserialize)]
    struct Pinned {
        #[serde(default)]
        pinned: bool,
    }
    serde_json::from_str::<Pinned>(context).is_ok_and(|envelope| envelope.pinned)
}
