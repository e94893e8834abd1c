//! Signals that last are looked at again at every day close, until a journey of each workflow that starts on them has begun.
//!
//! Nearly every such look is answered as the night before, and of partners who did nothing. Only another answer is written
//! (docs/adr/0017): a night costs by what is new, not by how many partners ever fell.

use std::collections::BTreeMap;
use std::sync::Arc;

use rapport_event::{EngineData, Event, Kind, PartnerKey, Payload, engine::SignalData};
use rapport_journey::{Entry as Answer, EventSnapshot, Refusal};
use rapport_partner::LastingSignal;
use rapport_rule::expr::Truth;
use rapport_workflow::Workflow;

use super::{Reaction, answer, signals};
use crate::{
    records,
    shard::{
        entry::Entry,
        facts::{PartnerFacts, marks},
    },
};

/// What was answered when lasting signals were last looked at: signal → workflow → answer. A JSON mark.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
struct Answers(BTreeMap<String, BTreeMap<String, String>>);

impl Answers {
    fn of(entry: &Entry) -> Arc<Self> {
        entry.state.mark_as(marks::LASTING).unwrap_or_default()
    }

    fn holds(&self, signal: &str, refusal: &Refusal) -> bool {
        let known = self.0.get(signal).and_then(|by_workflow| by_workflow.get(&*refusal.workflow));
        known.is_some_and(|known| *known == short(refusal))
    }

    fn note(&mut self, signal: &str, refusal: &Refusal) {
        self.0.entry(signal.to_owned()).or_default().insert(refusal.workflow.to_string(), short(refusal));
    }
}

/// A refusal without the values that were seen: its code, the version that gave it, and how each clause came out.
fn short(refusal: &Refusal) -> String {
    let letter = |truth| match truth {
        Truth::True => 't',
        Truth::False => 'f',
        Truth::Unknown => 'u',
    };
    let clauses: String = refusal.clauses.iter().map(|clause| letter(clause.truth)).collect();
    format!("{} {} {clauses}", refusal.code.code(), refusal.version)
}

/// Whether a look now would be answered otherwise than the last one.
pub(super) fn stirs(facts: &PartnerFacts<'_>, entry: &Entry) -> bool {
    let before = Answers::of(entry);
    entry.state.lasting.iter().any(|signal| {
        let mut waiting = waiting(facts, entry, signal).peekable();
        if waiting.peek().is_none() {
            return false;
        }
        let Some(trigger) = trigger(facts, &entry.key, signal) else { return false };
        waiting.any(|workflow| match answer(facts, entry, workflow, &trigger) {
            Answer::Refuse(refusal) => !before.holds(&signal.id, &refusal),
            Answer::Begin(_) | Answer::Join(_) => true,
        })
    })
}

/// Workflows that start on the signal and have no journey that did.
fn waiting<'a>(
    facts: &PartnerFacts<'a>,
    entry: &'a Entry,
    signal: &'a LastingSignal,
) -> impl Iterator<Item = &'a Arc<Workflow>> {
    let id = records::derived_id(&signal.id);
    facts.rulebook.rulebook.started_by(&signal.kind).filter(move |workflow| {
        let began = |journey: &rapport_journey::Journey| {
            journey.workflow == workflow.id && journey.was_triggered_by(id.as_str())
        };
        !entry.journeys.iter().any(began)
    })
}

/// The signal as a trigger of this moment, with the newest evidence there is.
fn trigger(facts: &PartnerFacts<'_>, key: &PartnerKey, signal: &LastingSignal) -> Option<EventSnapshot> {
    let kind = Kind::parse(&signal.kind)?;
    let data: SignalData = match kind {
        Kind::SilenceConversions => signals::silence_data_of(facts)?,
        _ => serde_json::from_str(&signal.payload).ok()?,
    };
    let event = Event {
        id: records::derived_id(&signal.id),
        key: key.clone(),
        kind,
        occurred_at: facts.now,
        payload: Payload::Engine(Box::new(EngineData::Signal(data))),
        person_version: None,
    };
    Some(EventSnapshot {
        id: event.id.as_str().to_owned(),
        kind: event.kind.name().into_owned(),
        occurred_at: event.occurred_at,
        payload: serde_json::Value::Object(event.facts()),
    })
}

impl Reaction<'_> {
    /// Workflows that have not begun on a signal that lasts look at it again.
    pub(super) fn look_again_at_what_lasts(&mut self) {
        let before = Answers::of(self.entry);
        let mut answers = Answers::default();
        for signal in self.entry.state.lasting.clone() {
            let (trigger, waiting) = {
                let facts = self.facts();
                let waiting: Vec<_> = waiting(&facts, self.entry, &signal).cloned().collect();
                (trigger(&facts, &self.entry.key, &signal).filter(|_| !waiting.is_empty()), waiting)
            };
            let Some(trigger) = trigger else { continue };
            for workflow in waiting {
                let answer = self.answer(&workflow, &trigger);
                if let Answer::Refuse(refusal) = &answer {
                    answers.note(&signal.id, refusal);
                    if before.holds(&signal.id, refusal) {
                        continue;
                    }
                    // Noted here, it must be written, also when another trigger was refused alike today.
                    self.entry.refused.retain(|(id, ..)| *id != workflow.id);
                }
                self.take(answer, &workflow, &trigger);
            }
        }
        if answers == *before {
            return;
        }
        if answers.0.is_empty() {
            self.entry.state.set_mark(marks::LASTING, Vec::new());
        } else {
            self.entry.state.keep_mark(marks::LASTING, answers);
        }
    }
}
