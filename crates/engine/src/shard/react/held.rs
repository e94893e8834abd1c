//! Journeys whose version nobody knows: applied by another release whose files do not compile here, or damaged.
//!
//! They must neither end nor lose what moves them. What would have moved them is kept beside the partner, and a timer of
//! their own looks again every hour; when the version is known, everything is told to them in order.

use jiff::SignedDuration;
use rapport_event::Kind;
use rapport_journey::Stimulus;
use serde::{Deserialize, Serialize};

use super::{super::interest, Reaction};
use crate::{ports::rows::TimerRow, shard::facts::marks};

/// Timer subject, before the journey's id: what moved it waits.
pub const SUBJECT: &str = "held:";
/// How often it is looked whether the version is known.
const LOOK: SignedDuration = SignedDuration::from_hours(1);
/// So much is kept for the journeys of one partner; beyond, events are left out: what ends mails and waits never is.
const KEPT: usize = 200;

/// One thing that a journey has not been told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Held {
    journey: String,
    stimulus: Stimulus,
}

impl Reaction<'_> {
    /// Whether a journey of a version that is not in force any more cares for this kind. The rulebook's own interests know
    /// only what is in force.
    pub(super) fn older_versions_care(&self, kind: &Kind) -> bool {
        let name = kind.name();
        self.entry.journeys.iter().filter(|journey| !journey.is_exited()).any(|journey| {
            let in_force = self.rulebook.rulebook.workflow(&journey.workflow);
            in_force.is_none_or(|workflow| workflow.version != journey.version)
                && self
                    .rulebooks
                    .version(&journey.workflow, &journey.version)
                    // Nobody knows what it waits for.
                    .is_none_or(|workflow| interest::cares(&workflow, &name))
        })
    }

    /// Keeps what moves a journey until its version is known.
    pub(super) fn hold_journey(&mut self, index: usize, stimulus: &Stimulus) {
        let Some(journey) = self.entry.journeys.get(index) else { return };
        let id = journey.id.to_string();
        let mut all = self.held();
        // One look is as good as many.
        if *stimulus == Stimulus::Look && all.iter().any(|held| held.journey == id && held.stimulus == Stimulus::Look) {
            return;
        }
        if all.len() >= KEPT && matches!(stimulus, Stimulus::Event(_)) {
            tracing::error!(
                journey = id,
                "more than {KEPT} events wait for a journey of unknown version: one is left out"
            );
            return;
        }
        if !all.iter().any(|held| held.journey == id) {
            tracing::error!(journey = id, workflow = %journey.workflow, version = %journey.version,
                "nobody knows this version of the workflow: the journey waits");
            self.look_again(&id);
        }
        all.push(Held { journey: id, stimulus: stimulus.clone() });
        self.keep_held(&all);
    }

    /// Tells a journey what it has missed, if its version is known by now.
    pub(super) fn look_at_held(&mut self, subject: &str) {
        let Some(id) = subject.strip_prefix(SUBJECT) else { return };
        let found = self.entry.journeys.iter().position(|journey| journey.id.as_str() == id);
        let known = found.is_some_and(|index| {
            let journey = self.entry.journeys.get(index);
            journey.is_some_and(|journey| self.rulebooks.knows(&journey.workflow, &journey.version))
        });
        if found.is_some() && !known {
            return self.look_again(id);
        }
        let missed = self.take_held(id);
        let Some(index) = found else { return };
        for stimulus in missed {
            self.tell_journey(index, &stimulus);
        }
    }

    /// What a journey has not been told, in order; from here on it counts as told.
    pub(super) fn take_held(&mut self, id: &str) -> Vec<Stimulus> {
        let all = self.held();
        if all.is_empty() {
            return Vec::new();
        }
        let (missed, others): (Vec<Held>, Vec<Held>) = all.into_iter().partition(|held| held.journey == id);
        self.keep_held(&others);
        missed.into_iter().map(|held| held.stimulus).collect()
    }

    fn held(&self) -> Vec<Held> {
        self.entry.state.mark(marks::HELD).and_then(|json| serde_json::from_slice(json).ok()).unwrap_or_default()
    }

    fn keep_held(&mut self, held: &[Held]) {
        let bytes = if held.is_empty() { Vec::new() } else { serde_json::to_vec(held).unwrap_or_default() };
        self.entry.state.set_mark(marks::HELD, bytes);
    }

    fn look_again(&mut self, journey: &str) {
        let due = self.now.checked_add(LOOK).unwrap_or(jiff::Timestamp::MAX);
        let subject = format!("{SUBJECT}{journey}");
        self.timers.set(TimerRow { due, subject, key: self.entry.key.clone(), seq: 0 });
    }
}
