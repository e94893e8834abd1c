//! What becomes of a partner's journeys when another version of their workflow comes into force.

use rapport_journey::{Step, Stimulus, step};
use rapport_workflow::{InFlight, Workflow};

use super::{Quarantine, Reaction};
use crate::{
    plan::{self, Fate},
    rulebooks::Applied,
    shard::entry::Entry,
};

/// Whether the rulebook takes any journey over or ends it.
pub(crate) fn moves_journeys(rulebook: &Applied) -> bool {
    rulebook.rulebook.workflows.iter().any(|workflow| workflow.in_flight != InFlight::Finish)
}

/// Whether a journey of the partner is taken over or ended.
pub(crate) fn concerns(rulebook: &Applied, entry: &Entry) -> bool {
    entry.journeys.iter().filter(|journey| !journey.is_exited()).any(|journey| {
        let workflow = rulebook.rulebook.successor(&journey.workflow).map(|workflow| &**workflow);
        let fate = fate(workflow, journey);
        !matches!(fate, Fate::GoesOn | Fate::Finishes)
    })
}

fn fate(workflow: Option<&Workflow>, journey: &rapport_journey::Journey) -> Fate {
    match workflow {
        // Renamed and else the same: there is nothing to end for, but whoever moves takes the new name.
        Some(workflow) if workflow.id != journey.workflow && workflow.version == journey.version => {
            match workflow.in_flight {
                InFlight::Migrate(_) => Fate::Migrates(journey.step().unwrap_or_default().to_owned()),
                InFlight::Finish | InFlight::Stop => Fate::GoesOn,
            }
        }
        workflow => plan::fate(workflow, &journey.version, journey.step().unwrap_or_default()),
    }
}

impl Reaction<'_> {
    /// Carries `in_flight` out. Done twice it changes nothing.
    pub fn change_versions(mut self) -> Result<(), Quarantine> {
        let rulebook = self.rulebook.clone();
        for index in 0..self.entry.journeys.len() {
            let Some(journey) = self.entry.journeys.get(index).filter(|journey| !journey.is_exited()) else { continue };
            let Some(workflow) = rulebook.rulebook.successor(&journey.workflow).cloned() else { continue };
            let stimulus = match fate(Some(&workflow), journey) {
                Fate::GoesOn | Fate::Finishes => continue,
                Fate::Stops => Stimulus::Stop { reason: "another version came into force".into() },
                Fate::Migrates(to) => Stimulus::Migrate { step: to.into() },
            };
            // What it missed belongs to a version that nobody knew; the new one begins without it.
            let id = journey.id.clone();
            self.take_held(id.as_str());
            let Some(journey) = self.entry.journeys.get(index) else { continue };
            let Step { journey: after, actions, .. } = {
                let facts = self.facts();
                let world = self.world(&facts, &workflow);
                step(journey, &workflow, &stimulus, &world, self.now)
            };
            let wake_is_over = journey.wake_at().is_some() && after.wake_at().is_none();
            if let Some(place) = self.entry.journeys.get_mut(index) {
                *place = after;
            }
            self.entry.touch_journey(index);
            self.carry_out(index, &workflow, actions, wake_is_over);
        }
        self.follow()
    }
}
