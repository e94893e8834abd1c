//! One test on the stage: the engine's reaction, a virtual clock, a mailer that writes into a list.

mod forecast;
mod happen;
mod post;
mod staged;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use rapport_engine::calendar::ProgramDays;
use rapport_engine::ports::rows::{MessageRow, SignalRow};
use rapport_engine::ports::transport::Letter;
use rapport_engine::rulebooks::{Applied, Rulebooks};
use rapport_engine::shard::batch::Batch;
use rapport_engine::shard::day_close::{Judged, part_of};
use rapport_engine::shard::entry::Entry;
use rapport_engine::shard::facts::ProgramFigures;
use rapport_engine::shard::foresight::{self, Expectations};
use rapport_engine::shard::interest::Interests;
use rapport_engine::shard::react::{Place, Quarantine, Reaction, stirs};
use rapport_engine::shard::timers::Timers;
use rapport_engine::signals::Told;
use rapport_event::{Event, PartnerKey, ProgramId};
use rapport_insight::base::weekly;
use rapport_insight::day;
use rapport_insight::dip::{Budget, DayClose, ProgramState, program};
use rapport_insight::top_share::TopShare;
use rapport_journey::{EventSnapshot, Journey};
use rapport_partner::{FigureContext, FigureValue};
use rapport_workflow::config::GroupRule;
use rapport_workflow::{Trial, Workflow, WorkflowId};
use serde_json::{Map, Value as Json};

use crate::background::Backgrounds;

pub use forecast::{Forecast, Known, forecast};
pub use staged::{Cut, Staged, stage};

/// How many things may happen in one test; beyond, something goes round in circles.
const STEPS_MAX: usize = 200_000;

/// What came of a test.
#[derive(Debug, Clone, Default)]
pub struct Performance {
    /// Mails that went out, in order.
    pub mails: Vec<SentMail>,
    /// Mails that did not: name, when, why.
    pub unsent: Vec<(String, Timestamp, String)>,
    /// Tasks opened, in order.
    pub tasks: Vec<TaskOpened>,
    /// Cases opened, in order; `text` is the objective.
    pub cases: Vec<TaskOpened>,
    /// Other systems called, in order; `text` is what they were told, `to` the hook.
    pub calls: Vec<TaskOpened>,
    /// Signals and moments, each once, by kind.
    pub signals: Vec<(String, Timestamp)>,
    /// Events emitted by journeys, in order.
    pub emitted: Vec<EventSnapshot>,
    /// All journeys.
    pub journeys: Vec<Journey>,
    /// The last refusal per workflow: code and when.
    pub refusals: BTreeMap<String, (String, Timestamp)>,
}

/// A test that was played, or why it could not be.
pub type Played = Result<Performance, String>;

/// A mail that went out.
#[derive(Debug, Clone, PartialEq)]
pub struct SentMail {
    /// The workflow.
    pub workflow: String,
    /// The mail's name.
    pub mail: String,
    /// When.
    pub at: Timestamp,
    /// As the mailer would hand it to the mail server; its links are signed by nobody's key.
    pub letter: Letter,
    /// When it was to go out.
    pub due: Timestamp,
    /// Why it waited, each reason once: codes of the contact policy.
    pub held_by: Vec<String>,
}

/// A task that was opened.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskOpened {
    /// Its id.
    pub id: String,
    /// The workflow.
    pub workflow: String,
    /// What is to be done, with personal fields filled in.
    pub text: String,
    /// For whom.
    pub to: String,
    /// When it was opened.
    pub at: Timestamp,
    /// When it is due.
    pub due: Option<Timestamp>,
}

/// Plays a test of a workflow. `applied` holds the workflows that run, and no others.
///
/// # Errors
/// What in the test could not happen: an event that would be rejected, a partner taken out.
pub fn play(trial: &Trial, applied: &Arc<Applied>, backgrounds: &Backgrounds) -> Played {
    let mut stage = Stage::new(trial, applied, backgrounds)?;
    stage.introduce()?;
    stage.upcoming = stage.plan();
    stage.play()?;
    Ok(stage.finish())
}

/// The rulebook of a test: the tested workflow, those it starts, those named besides; without holdout unless it is wanted.
pub fn rulebook_of(
    trial: &Trial,
    id: &WorkflowId,
    rulebook: &rapport_workflow::Rulebook,
) -> rapport_workflow::Rulebook {
    let mut wanted: Vec<WorkflowId> = vec![id.clone()];
    wanted.extend(trial.workflows.iter().cloned());
    let mut next = 0;
    while let Some(id) = wanted.get(next).cloned() {
        next += 1;
        for step in rulebook.workflow(&id).iter().flat_map(|workflow| &workflow.steps) {
            if let rapport_workflow::Verb::Start { workflow } = &step.verb
                && !wanted.contains(workflow)
            {
                wanted.push(workflow.clone());
            }
        }
    }
    // A workflow that is only there to be started begins on nothing else.
    let started_only = |id: &WorkflowId| *id != wanted[0] && !trial.workflows.contains(id);
    let workflows = rulebook.workflows.iter().filter(|workflow| wanted.contains(&workflow.id)).map(|workflow| {
        let mut workflow = Workflow::clone(workflow);
        if !trial.holdout {
            workflow.entry.holdout = None;
        }
        if started_only(&workflow.id) {
            workflow.when = Vec::new();
        }
        Arc::new(workflow)
    });
    let workflows = workflows.collect();
    rapport_workflow::Rulebook { workflows, ..rulebook.clone() }
}

/// A play takes no more turns beside two for each of its events and eight for each of its days: what begins itself again would never
/// come to an end.
const TURNS_MAX: u32 = 5_000;

struct Stage<'a> {
    trial: &'a Trial,
    applied: &'a Arc<Applied>,
    rulebooks: Arc<Rulebooks>,
    interests: Interests,
    entry: Entry,
    timers: Timers,
    batch: Batch,
    now: Timestamp,
    began: Timestamp,
    days: ProgramDays,
    /// The next day to be closed.
    next_day: jiff::civil::Date,
    state: ProgramState,
    /// What is to be expected of the partner: learnt on Sundays, from nobody but them.
    expectations: Option<Expectations>,
    /// The programme's figures: as the test says, or of a look ahead.
    figures: Option<ProgramFigures>,
    background: Arc<std::sync::Mutex<crate::background::Background>>,
    shares: Vec<TopShare>,
    budget: Budget,
    person: Map<String, Json>,
    upcoming: VecDeque<happen::Upcoming>,
    events: u32,
    /// Events folded, timers fired, days closed.
    turns: u32,
    queue: Vec<Queued>,
    accepted: Vec<(Timestamp, rapport_contact::Kind)>,
    suppressions: Vec<(Option<String>, String)>,
    holds: BTreeMap<(String, String), Option<Timestamp>>,
    /// Message, offer and when.
    reservations: Vec<(String, String, Timestamp)>,
    seen_signals: std::collections::BTreeSet<String>,
    performance: Performance,
    /// Whether days are judged among other partners; a look ahead has none.
    judges: bool,
    /// Where the play ends before its end.
    ending: Option<staged::Ending>,
}

/// The programme's figures as the test says them; none where it says nothing.
fn stated(trial: &Trial, applied: &Applied, program: &str) -> Result<Option<ProgramFigures>, String> {
    let counts_in = applied.rulebook.config.program(program).map(|program| program.currency);
    let mut all = ProgramFigures::new();
    for (name, value) in &trial.programme.figures {
        let number = match value {
            FigureValue::Count(count) => *count as f64,
            FigureValue::Number(number) | FigureValue::Percent(number) => *number,
            FigureValue::Money(money) if Some(money.currency) == counts_in => money.minor as f64,
            FigureValue::Money(money) => {
                let own = counts_in.as_ref().map_or("its own currency", |currency| currency.code());
                return Err(format!("the programme counts in {own}: `{name}` is never in {}", money.currency.code()));
            }
        };
        all.insert(name.clone(), number);
    }
    for (list, names) in &trial.programme.lists {
        // As the coordinator tells them: with how many were sold.
        all.extend(names.iter().rev().zip(1_u32..).map(|(name, sold)| (format!("{list}.{name}"), f64::from(sold))));
    }
    Ok((!all.is_empty()).then_some(all))
}

/// A mail that waits.
struct Queued {
    message: MessageRow,
    look_at: Timestamp,
    held_by: Vec<String>,
}

/// What comes next, in the order of those at one instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Next {
    Timer,
    Close,
    Event,
    Post,
}

impl<'a> Stage<'a> {
    fn new(trial: &'a Trial, applied: &'a Arc<Applied>, backgrounds: &Backgrounds) -> Result<Self, String> {
        let program = applied.rulebook.config.default_program.to_string();
        let key = PartnerKey::new(&program, &trial.partner).map_err(|error| error.to_string())?;
        let id = ProgramId::new(&program).map_err(|error| error.to_string())?;
        let days = ProgramDays::of(&applied.rulebook, &id).ok_or("the programme is not declared")?;
        let start = trial.at(1, trial.clock.time());
        let first_day = days.day_of(start);
        let share = |group: &rapport_workflow::config::Group| match group.rule {
            GroupRule::TopShare { enter_percent, leave_percent, .. } => Some(TopShare { enter_percent, leave_percent }),
            _ => None,
        };
        let mut stage = Stage {
            trial,
            applied,
            rulebooks: Arc::new(Rulebooks::only(applied)),
            interests: Interests::default(),
            entry: Entry::new(key),
            timers: Timers::default(),
            batch: Batch::default(),
            now: start,
            // The programme is older than any partner of a test: nobody is a veteran of an unknown past.
            began: start.checked_sub(SignedDuration::from_hours(24 * 3_650)).unwrap_or(Timestamp::MIN),
            next_day: first_day,
            days,
            state: ProgramState::default(),
            expectations: None,
            figures: stated(trial, applied, &program)?,
            background: backgrounds.of(
                day::number(first_day),
                trial.programme.steady_partners,
                trial.programme.seed,
                applied.segments.share_days(),
            ),
            shares: applied.rulebook.segments.groups.iter().filter_map(share).collect(),
            budget: Budget::per_partner_year(trial.budget).map_err(|error| error.to_string())?,
            person: Map::new(),
            upcoming: VecDeque::new(),
            events: 0,
            turns: 0,
            queue: Vec::new(),
            accepted: Vec::new(),
            suppressions: Vec::new(),
            holds: BTreeMap::new(),
            reservations: Vec::new(),
            seen_signals: Default::default(),
            performance: Performance::default(),
            judges: true,
            ending: None,
        };
        stage.timers.loaded(Vec::new(), 1);
        Ok(stage)
    }

    fn play(&mut self) -> Result<(), String> {
        let end = self.trial.at(self.trial.last_day() + 1, jiff::civil::Time::midnight());
        for _ in 0..STEPS_MAX {
            let Some((at, next)) = self.next() else { return Ok(()) };
            if at >= end {
                return Ok(());
            }
            self.now = self.now.max(at);
            match next {
                Next::Timer => self.fire()?,
                Next::Close => self.close_day()?,
                Next::Event => self.happen()?,
                Next::Post => self.post()?,
            }
            if self.is_cut() {
                return Ok(());
            }
        }
        Err("this goes on without end".to_owned())
    }

    fn next(&self) -> Option<(Timestamp, Next)> {
        [
            self.timers.next_due().map(|at| (at, Next::Timer)),
            Some((self.days.closes_at(self.next_day), Next::Close)),
            self.upcoming.front().map(|upcoming| (upcoming.at, Next::Event)),
            self.queue.iter().map(|queued| queued.look_at).min().map(|at| (at, Next::Post)),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    fn fire(&mut self) -> Result<(), String> {
        let Some(timer) = self.timers.first_due(self.now).cloned() else { return Ok(()) };
        self.timers.clear(&timer.key, &timer.subject);
        self.react(|reaction| reaction.fire(&timer))
    }

    /// Both passes over the day: the partner among the others, then what it means for the partner.
    fn close_day(&mut self) -> Result<(), String> {
        let on = self.next_day;
        self.next_day = on.tomorrow().map_err(|error| error.to_string())?;
        if !self.judges {
            return if stirs(&self.place(), &self.entry) {
                self.react(|reaction| reaction.close_day(&Default::default()))
            } else {
                Ok(())
            };
        }
        let number = day::number(on);
        if weekly::is_due(number) {
            self.learn(number);
        }
        let own = part_of(&self.entry, on, self.applied.segments.share_days()).map_err(|error| error.to_string())?;
        let close = self.programme_day(number, own);
        let judged = Judged::rehearsed(self.applied, &self.entry, on, &close, self.budget);
        let judged = judged.map_err(|error| error.to_string())?;
        if judged.is_none() && !stirs(&self.place(), &self.entry) {
            return Ok(());
        }
        let verdicts = judged.map(|judged| judged.keep(&mut self.entry)).unwrap_or_default();
        self.react(|reaction| reaction.close_day(&verdicts))
    }

    /// The background is a crowd to be seen among, not a programme to learn from.
    fn learn(&mut self, number: i32) {
        let (program, key) = (self.applied.rulebook.config.program(self.entry.key.program.as_str()), &self.entry.key);
        let Some(program) = program else { return };
        let context = FigureContext {
            today: number,
            zone: &program.zone,
            currency: program.currency,
            program_began_at: Some(self.began),
            program: None,
            start: None,
            foresee: None,
        };
        self.expectations = foresight::rehearsed(key.partner.as_str(), &self.entry.state, &context);
    }

    fn programme_day(&mut self, number: i32, own: Option<rapport_insight::dip::DayPart>) -> DayClose {
        let background = {
            let mut background = self.background.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            background.parts(number)
        };
        let mut parts = Vec::with_capacity(background.len() + 1);
        parts.extend_from_slice(&background);
        parts.extend(own);
        let (close, state) = program::close(number, &parts, &self.shares, &self.state);
        self.state = state;
        close
    }

    fn fold(&mut self, event: &Event) -> Result<(), String> {
        self.react(|reaction| reaction.fold(event))
    }

    /// One reaction, and everything it asks for.
    fn react(&mut self, with: impl FnOnce(Reaction<'_>) -> Result<(), Quarantine>) -> Result<(), String> {
        self.turns += 1;
        let days = u32::try_from(self.trial.last_day()).unwrap_or_default();
        if self.turns > TURNS_MAX.saturating_add(self.events.saturating_mul(2)).saturating_add(days.saturating_mul(8)) {
            return Err(format!("after {TURNS_MAX} turns it still goes on: something begins itself again (R0430)"));
        }
        let place = Place {
            rulebook: self.applied,
            rulebooks: &self.rulebooks,
            interests: &self.interests,
            shard: 0,
            now: self.now,
            began: Some(self.began),
            figures: self.figures.as_ref(),
            expectations: self.expectations.as_ref(),
        };
        let reaction = Reaction::new(&place, &mut self.entry, &mut self.timers, &mut self.batch);
        let reaction = reaction.ok_or("the programme is not declared")?;
        with(reaction).map_err(|Quarantine(why)| why)?;
        self.keep_timers();
        self.take_out();
        self.answer_offers()?;
        self.answer_calls()
    }

    fn place(&self) -> Place<'_> {
        Place {
            rulebook: self.applied,
            rulebooks: &self.rulebooks,
            interests: &self.interests,
            shard: 0,
            now: self.now,
            began: Some(self.began),
            figures: self.figures.as_ref(),
            expectations: self.expectations.as_ref(),
        }
    }

    fn note_signals(&mut self, rows: Vec<SignalRow>) {
        for row in rows {
            if self.seen_signals.insert(row.id) {
                self.performance.signals.push((row.kind, row.occurred_at));
            }
        }
    }

    fn finish(mut self) -> Performance {
        let told = std::mem::take(&mut self.batch.told).into_iter();
        self.performance.emitted.extend(told.filter_map(|told| match told {
            Told::Emitted(_, snapshot) => Some(snapshot),
            Told::Event(_) => None,
        }));
        self.performance.journeys = self.entry.journeys;
        self.performance
    }
}
