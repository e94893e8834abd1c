//! What ends a journey from outside, and who joins it.

use std::cmp::Ordering;

use rapport_workflow::{Notice, StopWhen, Verb, Workflow};

use super::Run;
use crate::entry::DATE_REACHED;
use crate::id::MessageId;
use crate::journey::{EventSnapshot, ExitReason, Journey, State};

/// Whether a mail is one that the journey planned: ids are made of the journey and the step. Steps may have had other names when it
/// did, under a version it has left since.
pub fn has_planned(journey: &Journey, workflow: &Workflow, message: &str) -> bool {
    let is_it = |step: &str| MessageId::new(&journey.id, step, 0).as_str() == message;
    let planned = journey.history.iter().filter(|line| line.code == "planned");
    workflow.steps.iter().any(|step| matches!(step.verb, Verb::Email(_)) && is_it(&step.id))
        || planned.filter_map(|line| line.step.as_deref()).any(is_it)
}

impl Run<'_, '_> {
    /// Looked at before every step and after every event. The trigger itself never counts.
    pub(super) fn stop_reason(&mut self, event: Option<&EventSnapshot>) -> Option<ExitReason> {
        let facts = self.world.facts;
        if facts.erased() || event.is_some_and(|event| event.kind == "partner.erased") {
            return Some(ExitReason::Erased);
        }
        if self.workflow.is_marketing() {
            if !self.workflow.entry.statuses.contains(facts.status()) {
                return Some(ExitReason::NotActive);
            }
            if facts.opted_out(&self.workflow.mail.topic) {
                return Some(ExitReason::OptedOut);
            }
            if facts.suppressed() {
                return Some(ExitReason::Suppressed);
            }
            if self.workflow.stops_on_reply && event.is_some_and(is_reply) {
                return Some(ExitReason::Replied);
            }
        }
        // A service mail may have to be sent whatever came after its trigger; but not about a date that is another now.
        let may_be_gone = self.workflow.is_marketing() || self.journey.trigger.kind == DATE_REACHED;
        if may_be_gone && self.trigger_is_gone(event) {
            return Some(ExitReason::TriggerRevoked);
        }
        if event.is_some_and(|event| self.acknowledges(event)) {
            return Some(ExitReason::StopWhen(Notice::ACKNOWLEDGED.into()));
        }
        let scope = self.world.scope_of(&self.journey);
        self.workflow.stop_when.iter().find_map(|stop| match stop {
            StopWhen::Event(kind) => {
                let event = event.filter(|event| kind.matches(&event.kind) && self.concerns(event))?;
                Some(ExitReason::StopWhen(event.kind.as_str().into()))
            }
            StopWhen::True { text, condition } => {
                condition.judge(&scope).is_true().then(|| ExitReason::StopWhen(text.clone()))
            }
        })
    }

    /// Whether an event is about what this journey is about. With `once: per event.payout` another payout's events are not, and
    /// where the workflow's mails carry surveys, an answer to another survey is none of its business, nor is a click in a mail of
    /// another journey.
    pub(super) fn concerns(&self, event: &EventSnapshot) -> bool {
        let same_object = self.workflow.object().is_none_or(|field| {
            event.payload.get(field).is_none_or(|of| self.journey.trigger.payload.get(field) == Some(of))
        });
        let mut surveys = self.workflow.surveys().peekable();
        let asked_here = event.kind != "survey.answered"
            || surveys.peek().is_none()
            || event.text("survey").is_some_and(|answered| surveys.any(|survey| **survey == *answered));
        let clicked_here = event.kind != "message.clicked"
            || event.text("journey").is_none_or(|planned_by| planned_by == self.journey.id.as_str());
        same_object && asked_here && clicked_here
    }

    /// Whether an event says that the partner knows what this journey told: the answer given by a mail of this journey and no other,
    /// or another system's word about this very notice. An answer that names neither a mail nor the notice proves nothing of either
    /// of two open ones, so it proves nothing of one: what is told later must not depend on what else happened to be open.
    fn acknowledges(&self, event: &EventSnapshot) -> bool {
        let Some(notice) = &self.workflow.notice else { return false };
        let same_object = self.workflow.object().is_none_or(|field| {
            let told = event.payload.get(field);
            told.is_some() && told == self.journey.trigger.payload.get(field)
        });
        if same_object && notice.event.as_ref().is_some_and(|kind| kind.matches(&event.kind)) {
            return true;
        }
        event.kind == "survey.answered"
            && event.text("survey") == Some(&*notice.survey)
            && event.text("answer") == Some(&*notice.answer)
            && match event.payload.get("message") {
                Some(of) => of.as_str().is_some_and(|of| has_planned(&self.journey, self.workflow, of)),
                None => same_object,
            }
    }

    /// Whether what began the journey is not so any more. Of several joined triggers the revoked leave; the mail of the
    /// largest is taken back with it, as nobody can say whether it has gone out.
    fn trigger_is_gone(&mut self, event: Option<&EventSnapshot>) -> bool {
        let facts = self.world.facts;
        let is_gone =
            |trigger: &EventSnapshot| facts.is_revoked(trigger) || event.is_some_and(|event| reverses(event, trigger));
        if self.journey.joined.is_empty() {
            return is_gone(&self.journey.trigger);
        }
        // The mail that is asked for is about the largest (docs/adr/0016).
        if self.is_asked_for_mail() && is_gone(&self.journey.trigger) {
            return true;
        }
        if !self.journey.joined.iter().any(is_gone) {
            return false;
        }
        self.journey.joined.retain(|event| !is_gone(event));
        match largest(&self.journey.joined) {
            Some(largest) => {
                self.journey.trigger = largest.clone();
                self.note(None, "trigger_left", "");
                false
            }
            None => {
                // The history keeps what it was about.
                self.journey.joined = vec![self.journey.trigger.clone()];
                true
            }
        }
    }

    fn is_asked_for_mail(&self) -> bool {
        matches!(self.journey.state, State::Mailing { .. } | State::OfferPending { .. })
    }

    /// Another trigger joins by `combine`.
    pub(super) fn join(&mut self, event: &EventSnapshot) {
        if self.journey.was_triggered_by(&event.id) || self.journey.open_until.is_none_or(|until| until <= self.now) {
            return;
        }
        self.journey.joined.push(event.clone());
        if let Some(largest) = largest(&self.journey.joined) {
            self.journey.trigger = largest.clone();
        }
        self.note(None, "combined_into", &event.kind);
    }
}

/// Whether an event takes back the conversion that another one told of.
fn reverses(event: &EventSnapshot, trigger: &EventSnapshot) -> bool {
    let conversion = event.text("conversion_id");
    event.kind == "conversion.reversed"
        && trigger.kind.starts_with("conversion.")
        && trigger.kind != event.kind
        && conversion.is_some()
        && conversion == trigger.text("conversion_id")
}

fn is_reply(event: &EventSnapshot) -> bool {
    event.kind == "mail.received" && event.payload.get("reply").and_then(serde_json::Value::as_bool) == Some(true)
}

/// `pick: largest`: goal, milestone, anniversary, then the higher threshold, then the later.
fn largest(events: &[EventSnapshot]) -> Option<&EventSnapshot> {
    let rank = |event: &EventSnapshot| match event.kind.split('.').next() {
        Some("goal") => 3,
        Some("milestone") => 2,
        Some("partner") => 1,
        _ => 0,
    };
    let threshold = |event: &EventSnapshot| event.number("threshold").unwrap_or(0.0);
    let larger = |a: &&EventSnapshot, b: &&EventSnapshot| -> Ordering {
        rank(a).cmp(&rank(b)).then(threshold(a).total_cmp(&threshold(b))).then(a.occurred_at.cmp(&b.occurred_at))
    };
    events.iter().max_by(larger)
}
