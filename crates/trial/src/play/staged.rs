//! A test's play up to an instant, and the partner then as a store would hold them: for whoever wants to see what follows on
//! the whole engine, with its own mailer.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use rapport_engine::ports::rows::{HoldRow, JourneyRow, PartnerRow, ShardCommit, TimerChange, TimerRow};
use rapport_engine::rulebooks::Applied;
use rapport_event::PartnerKey;
use rapport_journey::{Journey, State};
use rapport_workflow::{Rulebook, Trial, WorkflowId};
use serde_json::{Map, Value as Json};

use super::{Stage, rulebook_of};
use crate::background::Backgrounds;

/// Up to when a test is played. Either is about the workflow's first journey that comes so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// A journey runs, and has planned no mail yet.
    Waiting,
    /// A journey's first mail is planned, and the contact policy would let it go at this instant.
    Leaving,
}

/// A partner at the instant of the cut.
#[derive(Debug, Clone)]
pub struct Staged {
    /// The instant.
    pub now: Timestamp,
    /// Whose.
    pub key: PartnerKey,
    /// The journey that came so far.
    pub journey: Journey,
    /// The partner, journeys, timers, conversions, waiting mails and holds. Shard, epoch, offset and clock are for whoever commits it.
    pub rows: ShardCommit,
    /// The partner's personal fields.
    pub person: Map<String, Json>,
    /// The programme's first event.
    pub began: Timestamp,
}

/// Where a play ends before its end.
pub(super) struct Ending {
    workflow: WorkflowId,
    cut: Cut,
    /// The journey that came so far.
    journey: Option<Journey>,
    timers: BTreeMap<(PartnerKey, String), TimerRow>,
}

/// Plays a test of a workflow up to the cut; `None` where the play never comes to it.
///
/// # Errors
/// What in the test could not happen, as for [`play`](super::play).
pub fn stage(
    trial: &Trial,
    id: &WorkflowId,
    rulebook: &Rulebook,
    cut: Cut,
    backgrounds: &Backgrounds,
) -> Result<Option<Staged>, String> {
    let cast = rulebook_of(trial, id, rulebook);
    let start = trial.at(1, trial.clock.time());
    let deployed = cast.workflows.iter().map(|workflow| (workflow.id.to_string(), start)).collect();
    let applied = Arc::new(Applied::new(rulebook.hash.to_string(), cast, deployed));
    let mut stage = Stage::new(trial, &applied, backgrounds)?;
    stage.ending = Some(Ending { workflow: id.clone(), cut, journey: None, timers: BTreeMap::new() });
    stage.introduce()?;
    stage.upcoming = stage.plan();
    stage.play()?;
    Ok(stage.into_staged())
}

impl Stage<'_> {
    /// Keeps what timers there are, for a play that is cut.
    pub(super) fn keep_timers(&mut self) {
        let changes = self.timers.take_changes();
        let Some(ending) = &mut self.ending else { return };
        for change in changes {
            match change {
                TimerChange::Set(row) => drop(ending.timers.insert((row.key.clone(), row.subject.clone()), row)),
                TimerChange::Clear { key, subject } => drop(ending.timers.remove(&(key, subject))),
            }
        }
    }

    /// Whether the play has come to its cut.
    pub(super) fn is_cut(&mut self) -> bool {
        let Some(ending) = &mut self.ending else { return false };
        if ending.journey.is_none() && ending.cut == Cut::Waiting {
            let waits = |journey: &&Journey| {
                let planned = journey.history.iter().any(|line| line.code == "planned");
                journey.workflow == ending.workflow && !journey.is_exited() && !planned
            };
            ending.journey = self.entry.journeys.iter().find(waits).cloned();
        }
        ending.journey.is_some()
    }

    /// Whether the play ends where this journey's mail would leave.
    pub(super) fn is_cut_before(&mut self, journey: &str) -> bool {
        let Some(ending) = self.ending.as_mut().filter(|ending| ending.cut == Cut::Leaving) else { return false };
        let leaves = |known: &&Journey| known.workflow == ending.workflow && known.id.as_str() == journey;
        ending.journey = self.entry.journeys.iter().find(leaves).cloned();
        ending.journey.is_some()
    }

    fn into_staged(mut self) -> Option<Staged> {
        let ending = self.ending.take()?;
        let journey = ending.journey?;
        let key = self.entry.key.clone();
        let partner = PartnerRow {
            key: key.clone(),
            hot: self.entry.state.encode_hot(),
            days: Some(self.entry.state.encode_days()),
        };
        let holds = self.holds.into_iter().map(|((workflow, by_journey), until)| HoldRow {
            key: key.clone(),
            workflow,
            by_journey,
            until,
        });
        let rows = ShardCommit {
            partners: vec![partner],
            journeys: self.entry.journeys.iter().map(row_of).collect(),
            timers: ending.timers.into_values().map(TimerChange::Set).collect(),
            messages: self.queue.into_iter().map(|queued| queued.message).collect(),
            holds: holds.collect(),
            // The batch of a play is never taken, so it holds every conversion.
            ..std::mem::take(&mut self.batch).into_commit()
        };
        Some(Staged { now: self.now, key, journey, rows, person: self.person, began: self.began })
    }
}

fn row_of(journey: &Journey) -> JourneyRow {
    let exited = match &journey.state {
        State::Exited { at, reason } => Some((*at, reason.code().to_owned())),
        _ => None,
    };
    JourneyRow {
        id: journey.id.to_string(),
        key: journey.partner.clone(),
        workflow: journey.workflow.to_string(),
        version: journey.version.to_string(),
        started_at: journey.started_at,
        exited,
        held_out: journey.held_out,
        body: serde_json::to_string(journey).unwrap_or_default(),
    }
}
