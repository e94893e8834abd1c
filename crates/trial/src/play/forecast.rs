//! A look ahead: what comes of a partner as stored, if nothing more happens to it.
//!
//! The same reaction and the same contact policy as live, from the stored state on: timers, dates, segments and broadcasts
//! come as time passes. What only new events could bring does not: sales, answers, and so dips and silences, which are
//! judged over everybody's day.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use rapport_engine::calendar::ProgramDays;
use rapport_engine::ports::rows::{MessageRow, TimerRow};
use rapport_engine::rulebooks::{Applied, Rulebooks};
use rapport_engine::shard::entry::Entry;
use rapport_engine::shard::facts::ProgramFigures;
use rapport_engine::shard::foresight::Expectations;
use rapport_journey::{Journey, TraceLine};
use rapport_workflow::Trial;
use rapport_workflow::trial::Programme;
use serde_json::{Map, Value as Json};

use super::{Performance, Queued, Stage};
use crate::background::Backgrounds;

/// A partner as stored.
#[derive(Debug)]
pub struct Known {
    /// State and journeys.
    pub entry: Entry,
    /// Its timers.
    pub timers: Vec<TimerRow>,
    /// Mails that wait.
    pub queued: Vec<MessageRow>,
    /// Its personal fields.
    pub person: Map<String, Json>,
    /// Mails accepted at its address lately.
    pub accepted: Vec<(Timestamp, rapport_contact::Kind)>,
    /// What its address gets no more: topic (none: everything) and reason.
    pub suppressions: Vec<(Option<String>, String)>,
    /// Held workflow and holding journey, and until when; open end while it runs.
    pub holds: BTreeMap<(String, String), Option<Timestamp>>,
    /// The first event of the programme.
    pub began: Option<Timestamp>,
    /// The programme's newest fit.
    pub expectations: Option<Expectations>,
    /// Its figures as of the last closed day.
    pub figures: Option<ProgramFigures>,
}

/// What comes.
#[derive(Debug)]
pub struct Forecast {
    /// Mails, tasks, signals; journeys as they stand at the end.
    pub performance: Performance,
    /// What journeys do from now on: when, workflow, what.
    pub lines: Vec<(Timestamp, Arc<str>, TraceLine)>,
    /// Mails that still wait at the end: what, when they are looked at again, and why.
    pub waiting: Vec<(MessageRow, Timestamp, Vec<String>)>,
    /// Journeys that go on by themselves after the end.
    pub wakes: Vec<(Arc<str>, String, Timestamp)>,
}

/// Lets time pass for a partner from `now` until `until`.
///
/// # Errors
/// When the programme is not declared, or the partner goes round in circles.
pub fn forecast(
    known: Known,
    applied: &Arc<Applied>,
    rulebooks: &Arc<Rulebooks>,
    now: Timestamp,
    until: Timestamp,
) -> Result<Forecast, String> {
    let program =
        applied.rulebook.config.program(known.entry.key.program.as_str()).ok_or("the programme is not declared")?;
    let zone = program.zone.clone();
    let trial = Trial {
        name: String::new(),
        line: 0,
        clock: now.to_zoned(zone.clone()).datetime(),
        zone,
        holdout: true,
        partner: known.entry.key.partner.to_string(),
        fields: Map::new(),
        status: String::new(),
        daily: Vec::new(),
        events: Vec::new(),
        programme: Programme { steady_partners: 0, ..Programme::default() },
        budget: 0.1,
        workflows: Vec::new(),
        outcomes: BTreeMap::new(),
        refused_offers: BTreeSet::new(),
        failing_hooks: Default::default(),
        until: None,
        expect: Default::default(),
    };
    let trial = Trial { until: Some(trial.day_of(until)), ..trial };
    let backgrounds = Backgrounds::default();
    let mut stage = Stage::new(&trial, applied, &backgrounds)?;
    stage.judges = false;
    let id = known.entry.key.program.clone();
    stage.days = ProgramDays::of(&applied.rulebook, &id).ok_or("the programme is not declared")?;
    stage.next_day = stage.days.day_of(now);
    stage.now = now;
    stage.rulebooks = rulebooks.clone();
    stage.began = known.began.unwrap_or(stage.began);
    stage.entry = known.entry;
    stage.expectations = known.expectations;
    stage.figures = known.figures;
    for timer in known.timers {
        stage.timers.set(timer);
    }
    let _ = stage.timers.take_changes();
    stage.queue = known
        .queued
        .into_iter()
        .map(|message| Queued { look_at: message.due.max(now), message, held_by: Vec::new() })
        .collect();
    stage.person = known.person;
    stage.accepted = known.accepted;
    stage.suppressions = known.suppressions;
    stage.holds = known.holds;
    let before: BTreeMap<String, usize> =
        stage.entry.journeys.iter().map(|journey| (journey.id.to_string(), journey.history.len())).collect();
    stage.play()?;
    let waiting = std::mem::take(&mut stage.queue);
    let performance = stage.finish();
    Ok(Forecast {
        lines: lines(&performance.journeys, &before, now),
        waiting: waiting.into_iter().map(|queued| (queued.message, queued.look_at, queued.held_by)).collect(),
        wakes: performance
            .journeys
            .iter()
            .filter_map(|journey| Some((journey.workflow.clone(), journey.step()?.to_owned(), journey.wake_at()?)))
            .collect(),
        performance,
    })
}

/// What journeys noted from `now` on, in order of time. Of a long history the oldest lines are gone, so the number alone
/// does not tell.
fn lines(
    journeys: &[Journey],
    before: &BTreeMap<String, usize>,
    now: Timestamp,
) -> Vec<(Timestamp, Arc<str>, TraceLine)> {
    let mut all = Vec::new();
    for journey in journeys {
        let known = before.get(&journey.id.to_string()).copied().unwrap_or(0);
        let full = journey.history.len() >= rapport_journey::HISTORY_MAX;
        let fresh = journey.history.iter().enumerate().filter(|(at, line)| line.at >= now && (full || *at >= known));
        all.extend(fresh.map(|(_, line)| (line.at, journey.workflow.clone(), line.clone())));
    }
    all.sort_by_key(|(at, ..)| *at);
    all
}
