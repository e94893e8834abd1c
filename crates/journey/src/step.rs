//! The machine: a journey, a stimulus, and all that follows.
//!
//! It changes nothing itself; the caller carries out the actions and stores the journey in one commit. Asked again with the
//! same arguments it answers the same, so a commit that failed is simply tried again.

mod awarding;
mod calling;
mod draft;
mod mailing;
mod stops;

pub use awarding::may_have_again;
pub use stops::has_planned;

use std::sync::Arc;

use draft::Draft;
use jiff::Timestamp;
use rapport_rule::expr::{Clause, Condition, Value, blocks_unless, holds_if};
use rapport_workflow as flow;
use rapport_workflow::calendar::add;
use rapport_workflow::{Verb, Workflow};

use crate::action::{Action, Step, Stimulus, TaskRequest};
use crate::context::is_personal;
use crate::entry::OPERATOR_COMMAND;
use crate::id::{MessageId, TaskId, emitted_id};
use crate::journey::{EventSnapshot, ExitReason, HISTORY_MAX, Journey, Outcome, State, TraceLine};
use crate::world::{JourneyScope, World};

/// Moves a journey. `workflow` is the version the journey began on; `now` is the arrival of the stimulus, for a timer the
/// instant it was due.
pub fn step(journey: &Journey, workflow: &Workflow, stimulus: &Stimulus, world: &World<'_>, now: Timestamp) -> Step {
    moved(journey, workflow, stimulus, world, now).unwrap_or_else(|| Step::unchanged(journey))
}

/// The same; none where the journey stays as it is and nothing is to be done. That is the answer to most events, and costs no copy
/// of the journey.
#[must_use = "the actions have to be carried out in the same commit"]
pub fn moved(
    journey: &Journey,
    workflow: &Workflow,
    stimulus: &Stimulus,
    world: &World<'_>,
    now: Timestamp,
) -> Option<Step> {
    world.begin();
    let mut run = Run {
        journey: Draft::of(journey),
        workflow,
        world,
        now,
        actions: Vec::new(),
        trace: Vec::new(),
        since_entry: Vec::new(),
        answered: false,
    };
    match (&journey.state, stimulus) {
        (State::Exited { .. }, Stimulus::Outcome { outcome, at, .. }) => run.late_outcome(*outcome, *at),
        (State::Exited { .. }, Stimulus::OfferAnswer { message, granted: true, .. }) => {
            run.actions.push(Action::Release { message: message.clone() });
        }
        (State::Exited { .. }, _) => {}
        (_, Stimulus::Stop { reason }) => run.exit(ExitReason::Stopped(reason.clone())),
        (_, Stimulus::Skip { reason }) => run.skip(reason),
        (_, Stimulus::Migrate { step }) => run.migrate(step),
        (State::Ready, Stimulus::Start) => run.start(),
        (_, Stimulus::Event(event)) => run.event(event),
        (_, Stimulus::Join(event)) => run.join(event),
        (_, Stimulus::ZoneChanged) => run.zone_changed(),
        (_, Stimulus::Look) => run.look(),
        (State::Queued { until: None }, Stimulus::Placed { from }) => run.placed(*from),
        (State::Queued { until: Some(_) }, Stimulus::Timer { seq }) if *seq == journey.seq => run.begin(),
        (State::Waiting { .. } | State::Awaiting { .. } | State::Choosing { .. }, Stimulus::Timer { seq })
            if *seq == journey.seq =>
        {
            run.wake();
        }
        (State::Mailing { step, message }, Stimulus::Outcome { message: ended, outcome, reason, at })
            if message == ended =>
        {
            run.mail_ended(step, *outcome, reason.as_deref(), *at);
        }
        (
            State::OfferPending { step, message, offer },
            Stimulus::OfferAnswer { message: asked, granted, reason, at },
        ) if message == asked => {
            run.offer_answered(step, offer, *granted, reason.as_deref(), *at);
        }
        (State::Choosing { step, task, .. }, Stimulus::TaskChoice { task: answered, choice }) if task == answered => {
            run.chosen(step, choice);
        }
        (State::Calling { step, call }, Stimulus::CallEnded { call: ended, delivered, reason, at })
            if call == ended =>
        {
            run.called(step, *delivered, reason.as_deref(), *at);
        }
        // A void wake, an answer to something else, a second start.
        (
            State::Ready
            | State::Queued { .. }
            | State::Waiting { .. }
            | State::Awaiting { .. }
            | State::OfferPending { .. }
            | State::Mailing { .. }
            | State::Calling { .. }
            | State::Choosing { .. },
            Stimulus::Start
            | Stimulus::Timer { .. }
            | Stimulus::Outcome { .. }
            | Stimulus::OfferAnswer { .. }
            | Stimulus::CallEnded { .. }
            | Stimulus::Placed { .. }
            | Stimulus::TaskChoice { .. },
        ) => {}
    }
    // Whatever is told in the trace stands in the journey's history, too.
    if run.journey.is_as_before() && run.actions.is_empty() {
        return None;
    }
    Some(Step { journey: run.journey.into_journey(), actions: run.actions, trace: run.trace })
}

/// What a step leaves behind.
enum Flow {
    /// On to the step with this index, or to the end.
    On(Option<usize>),
    /// The journey waits, or is over.
    Parked,
}

struct Run<'a, 'w> {
    journey: Draft<'a>,
    workflow: &'a Workflow,
    world: &'a World<'w>,
    now: Timestamp,
    actions: Vec<Action>,
    trace: Vec<TraceLine>,
    /// Clauses judged on the way to the next mail: part of its evidence.
    since_entry: Vec<Clause>,
    /// The question the journey stood at has its answer: it is not taken back by what follows in this run.
    answered: bool,
}

impl<'a> Run<'a, '_> {
    fn start(&mut self) {
        // Whoever starts one by hand answers for the number.
        if self.workflow.entry.at_most.is_some() && self.journey.trigger.kind != OPERATOR_COMMAND {
            self.note(None, "asks_for_place", "");
            self.actions.push(Action::AskPlace);
            return self.park(State::Queued { until: None }, None);
        }
        self.begin();
    }

    /// The coordinator's word: today, on a later day, or not at all.
    fn placed(&mut self, from: Option<Timestamp>) {
        match from {
            None => self.exit(ExitReason::NoPlace),
            Some(from) if from <= self.now => self.begin(),
            Some(from) => {
                self.note(None, "queued", &from.to_string());
                self.park(State::Queued { until: Some(from) }, Some(from));
            }
        }
    }

    /// Ends the journey, with what it has asked for, if anything stops it now.
    fn look(&mut self) {
        if let Some(reason) = self.stop_reason(None) {
            self.exit(reason);
        }
    }

    fn begin(&mut self) {
        if matches!(self.journey.state, State::Queued { .. }) {
            self.note(None, "placed", "");
            self.journey.state = State::Ready;
            self.journey.anchor = self.now;
        }
        if let Some(holds) = &self.workflow.holds {
            self.actions.push(Action::Hold { workflows: holds.workflows.clone(), until: None });
        }
        self.go_on(if self.workflow.steps.is_empty() { None } else { Some(0) });
    }

    /// Runs steps until one waits.
    fn go_on(&mut self, first: Option<usize>) {
        let workflow: &'a Workflow = self.workflow;
        let mut at = first;
        // Successors always lie further down, so every step is met once at most; the bound says so.
        for _ in 0..=workflow.steps.len() {
            if let Some(reason) = self.stop_reason(None) {
                return self.exit(reason);
            }
            let Some(step) = at.and_then(|index| workflow.steps.get(index)) else {
                return self.exit(ExitReason::Completed);
            };
            if !self.guard(step) {
                at = step.next;
                continue;
            }
            match self.run(step) {
                Flow::On(next) => at = next,
                Flow::Parked => return,
            }
        }
        self.exit(ExitReason::Completed);
    }

    fn run(&mut self, step: &'a flow::Step) -> Flow {
        match &step.verb {
            Verb::Choose { arms, otherwise } => self.choose(step, arms, *otherwise),
            Verb::Wait(wait) => {
                let from = self.journey.anchor;
                let until = wait.end(from, self.world.locale());
                self.wait(step, until, State::Waiting { step: step.id.clone(), from, until })
            }
            Verb::WaitFor(wait) => {
                let from = self.journey.anchor;
                if let Some(event) = self.already_met(wait) {
                    return self.awaited(step, wait, event);
                }
                let until = add(from, &wait.at_most, self.world.locale());
                if until <= self.now {
                    self.note(Some(&step.id), "nothing_came", "");
                    self.journey.anchor = until;
                    return Flow::On(wait.otherwise);
                }
                self.wait(step, until, State::Awaiting { step: step.id.clone(), from, until })
            }
            Verb::Email(email) => self.email(step, email),
            Verb::Split(ways) => {
                // Sticky: the same partner goes the same way in every journey of this workflow.
                let partner = &self.journey.partner;
                let what = format!("{}/{}", self.journey.workflow, step.id);
                let drawn = rapport_contact::draw(
                    self.world.holdout_seed,
                    partner.program.as_str(),
                    partner.partner.as_str(),
                    &what,
                );
                let mut upto = 0.0;
                let way = ways.iter().find(|way| {
                    upto += way.percent;
                    drawn < upto
                });
                let Some(way) = way.or(ways.last()) else { return Flow::On(step.next) };
                self.note(Some(&step.id), "split", &way.name);
                Flow::On(way.then)
            }
            Verb::Tag { tag, add } => {
                let id = emitted_id(&self.journey.id, &step.id);
                let mut tags = self.world.tags();
                tags.retain(|known| known != tag);
                if *add {
                    tags.push(tag.clone());
                }
                self.world.wrote("partner.tags", Value::List(tags.into()));
                self.actions.push(Action::Tag { id, tag: tag.clone(), add: *add });
                self.note(Some(&step.id), if *add { "tagged" } else { "untagged" }, tag);
                Flow::On(step.next)
            }
            Verb::Grant { offer } => {
                if !self.may_have(step, offer) {
                    return Flow::On(step.next);
                }
                let message = MessageId::new(&self.journey.id, &step.id, 0);
                self.actions.push(Action::Reserve { message: message.clone(), offer: offer.clone() });
                self.note(Some(&step.id), "asks_for_offer", offer);
                self.park(State::OfferPending { step: step.id.clone(), message, offer: offer.clone() }, None);
                Flow::Parked
            }
            Verb::Set(fields) => {
                let id = emitted_id(&self.journey.id, &step.id);
                for set in fields {
                    let value = set.value.as_deref().map_or(Value::Missing, Value::text);
                    self.world.wrote(&format!("partner.{}", set.field), value);
                }
                self.actions.push(Action::Set { id, fields: fields.clone() });
                let told: Vec<String> = fields
                    .iter()
                    .map(|set| format!("{} {}", set.field, set.value.as_deref().unwrap_or("taken away")))
                    .collect();
                self.note(Some(&step.id), "set", &told.join(", "));
                Flow::On(step.next)
            }
            Verb::OpenCase(case) => {
                let id = TaskId::new(&self.journey.id, &step.id);
                let text = case.objective.render_keeping(&self.scope(), &is_personal);
                let due = Some(add(self.now, &case.due, self.world.locale()));
                self.note(Some(&step.id), "case_opened", id.as_str());
                self.actions.push(Action::Task(Box::new(TaskRequest {
                    is_case: true,
                    id,
                    journey: self.journey.id.clone(),
                    to: case.owner.clone(),
                    text,
                    due,
                    choices: Vec::new(),
                    default: None,
                })));
                self.journey.acted = true;
                Flow::On(step.next)
            }
            Verb::Award(honour) => {
                self.award(step, honour);
                Flow::On(step.next)
            }
            Verb::Call(call) => self.call(step, call),
            Verb::Task(task) => self.task(step, task),
            Verb::Emit { kind } => {
                let mut payload = serde_json::json!({
                    "kind": &**kind,
                    "name": self.journey.trigger.text("name").unwrap_or_default(),
                    "summary": self.journey.trigger.text("summary").unwrap_or_default(),
                    "workflow": &*self.journey.workflow,
                    "journey": self.journey.id.as_str(),
                });
                // Who says for others that a notice was read has to say which.
                if let Some(notice) = self.journey.trigger.text("notice") {
                    payload["notice"] = notice.into();
                }
                let id = emitted_id(&self.journey.id, &step.id);
                self.actions.push(Action::Emit(EventSnapshot {
                    id,
                    kind: kind.to_string(),
                    occurred_at: self.now,
                    payload,
                }));
                self.journey.acted = true;
                self.note(Some(&step.id), "emitted", kind);
                Flow::On(step.next)
            }
            Verb::Start { workflow } => {
                let trigger = self.journey.trigger.clone();
                self.actions.push(Action::Start { workflow: workflow.clone(), trigger });
                self.note(Some(&step.id), "started", workflow);
                Flow::On(step.next)
            }
            Verb::Exit { reason } => {
                self.exit(ExitReason::Exit(reason.clone()));
                Flow::Parked
            }
        }
    }

    fn choose(&mut self, step: &flow::Step, arms: &[flow::Arm], otherwise: Option<usize>) -> Flow {
        for arm in arms {
            if self.judge(&step.id, "branch", arm.if_.as_ref(), arm.unless.as_ref()) {
                return Flow::On(arm.then);
            }
        }
        Flow::On(otherwise)
    }

    fn guard(&mut self, step: &flow::Step) -> bool {
        if step.if_.is_none() && step.unless.is_none() {
            return true;
        }
        self.judge(&step.id, "guard", step.if_.as_ref(), step.unless.as_ref())
    }

    fn judge(&mut self, step: &Arc<str>, code: &str, if_: Option<&Condition>, unless: Option<&Condition>) -> bool {
        let scope = self.scope();
        let holds = holds_if(if_, &scope) && !blocks_unless(unless, &scope);
        let mut clauses: Vec<Clause> = if_.map(|condition| condition.explain(&scope)).unwrap_or_default();
        clauses.extend(crate::explain::unless(unless.map(|condition| condition.explain(&scope)).unwrap_or_default()));
        self.since_entry.extend(clauses.iter().cloned());
        let detail = if holds { "taken" } else { "not taken" };
        self.record(Some(step), code, detail.to_owned(), clauses);
        holds
    }

    /// Parks until `until`, or goes on if that is over already.
    fn wait(&mut self, step: &flow::Step, until: Timestamp, state: State) -> Flow {
        if until <= self.now {
            self.journey.anchor = until;
            return Flow::On(step.next);
        }
        self.note(Some(&step.id), "waits", &until.to_string());
        self.park(state, Some(until));
        Flow::Parked
    }

    fn park(&mut self, state: State, wake: Option<Timestamp>) {
        self.journey.state = state;
        self.journey.seq = self.journey.seq.wrapping_add(1);
        if let Some(at) = wake {
            self.actions.push(Action::WakeAt { at, seq: self.journey.seq });
        }
    }

    fn task(&mut self, step: &flow::Step, task: &flow::Task) -> Flow {
        let id = TaskId::new(&self.journey.id, &step.id);
        let due = task.due.as_ref().map(|due| add(self.now, due, self.world.locale()));
        let text = task.text.render_keeping(&self.scope(), &is_personal);
        self.actions.push(Action::Task(Box::new(TaskRequest {
            is_case: false,
            id: id.clone(),
            journey: self.journey.id.clone(),
            to: task.to.clone(),
            text,
            due,
            choices: task.choice.as_ref().map(|choice| choice.choices.clone()).unwrap_or_default(),
            default: task.choice.as_ref().map(|choice| choice.default.clone()),
        })));
        self.journey.acted = true;
        self.note(Some(&step.id), "task", "");
        let (Some(_), Some(until)) = (&task.choice, due) else { return Flow::On(step.next) };
        self.park(State::Choosing { step: step.id.clone(), task: id, until }, Some(until));
        Flow::Parked
    }

    fn chosen(&mut self, step: &Arc<str>, choice: &str) {
        let Some(found) = self.workflow.step(step) else { return self.exit(ExitReason::WorkflowGone) };
        let known = match &found.verb {
            Verb::Task(task) => {
                task.choice.as_ref().is_some_and(|asked| asked.choices.iter().any(|known| **known == *choice))
            }
            _ => false,
        };
        if !known {
            // Not one of the choices: the task stays open.
            return self.note(Some(step), "choice_unknown", choice);
        }
        self.answered = true;
        self.journey.variables.task_choice = Some(choice.to_owned());
        self.journey.anchor = self.now;
        self.note(Some(step), "chosen", choice);
        self.go_on(found.next);
    }

    /// The journey's own wake fired.
    fn wake(&mut self) {
        let Some((step, until)) = self.journey.step().zip(self.journey.wake_at()) else { return };
        let Some(step) = self.workflow.step(step) else { return self.exit(ExitReason::WorkflowGone) };
        match (&step.verb, &self.journey.state) {
            (Verb::Wait(wait), State::Waiting { from, .. }) => {
                // Worked out again: the zone or the calendar may have changed without anybody saying so.
                let until = wait.end(*from, self.world.locale());
                if until > self.now {
                    return self.rearm(until);
                }
                self.journey.anchor = until;
                self.go_on(step.next);
            }
            (Verb::WaitFor(wait), State::Awaiting { .. }) => {
                let otherwise = wait.otherwise;
                self.note(Some(&step.id), "nothing_came", "");
                self.journey.anchor = until;
                self.go_on(otherwise);
            }
            (Verb::Task(task), State::Choosing { .. }) => {
                let default = task.choice.as_ref().map(|choice| choice.default.to_string());
                self.note(Some(&step.id), "default_taken", default.as_deref().unwrap_or_default());
                if let State::Choosing { task, .. } = &self.journey.state {
                    let outcome = default.clone().unwrap_or_default();
                    self.actions.push(Action::CloseTask { task: task.clone(), outcome });
                }
                self.answered = true;
                self.journey.variables.task_choice = default;
                self.journey.anchor = until;
                self.go_on(step.next);
            }
            _ => self.exit(ExitReason::WorkflowGone),
        }
    }

    fn zone_changed(&mut self) {
        let Some(step) = self.journey.step().and_then(|id| self.workflow.step(id)) else { return };
        let until = match (&step.verb, &self.journey.state) {
            (Verb::Wait(wait), State::Waiting { from, .. }) => wait.end(*from, self.world.locale()),
            (Verb::WaitFor(wait), State::Awaiting { from, .. }) => add(*from, &wait.at_most, self.world.locale()),
            // A task's due date was told to a person: it stays.
            _ => return,
        };
        if self.journey.wake_at() != Some(until) {
            self.rearm(until);
        }
    }

    fn rearm(&mut self, at: Timestamp) {
        if let State::Waiting { until, .. } | State::Awaiting { until, .. } = &mut self.journey.state {
            *until = at;
        }
        self.journey.seq = self.journey.seq.wrapping_add(1);
        // A zone further east may have passed the time already: the wake is then due at once, never in the past.
        self.actions.push(Action::WakeAt { at: at.max(self.now), seq: self.journey.seq });
    }

    fn event(&mut self, event: &EventSnapshot) {
        if self.journey.was_triggered_by(&event.id) {
            return;
        }
        if let Some(reason) = self.stop_reason(Some(event)) {
            return self.exit(reason);
        }
        self.remember(event);
        let State::Awaiting { step, .. } = &self.journey.state else { return };
        let Some(step) = self.workflow.step(step) else { return self.exit(ExitReason::WorkflowGone) };
        if let Verb::WaitFor(wait) = &step.verb
            && wait.kinds.iter().any(|kind| kind.matches(&event.kind))
            && self.concerns(event)
            && let Flow::On(next) = self.awaited(step, wait, event.clone())
        {
            self.go_on(next);
        }
    }

    fn awaited(&mut self, step: &flow::Step, wait: &flow::WaitFor, event: EventSnapshot) -> Flow {
        self.note(Some(&step.id), "met", &event.kind);
        self.journey.variables.awaited = Some(event);
        self.journey.anchor = self.now;
        Flow::On(wait.then)
    }

    fn already_met(&self, wait: &flow::WaitFor) -> Option<EventSnapshot> {
        if wait.from_now {
            return None;
        }
        let fits = |event: &&EventSnapshot| wait.kinds.iter().any(|kind| kind.matches(&event.kind));
        self.journey.met.iter().find(fits).cloned()
    }

    /// Keeps an event that a later `wait_for` may ask for.
    fn remember(&mut self, event: &EventSnapshot) {
        let asked = self.workflow.steps.iter().any(|step| match &step.verb {
            Verb::WaitFor(wait) => !wait.from_now && wait.kinds.iter().any(|kind| kind.matches(&event.kind)),
            _ => false,
        });
        if asked && self.concerns(event) && !self.journey.met.iter().any(|known| known.kind == event.kind) {
            self.journey.met.push(event.clone());
        }
    }

    /// A person goes on behind the step: its mail is taken back, what it waited for is not waited for.
    fn skip(&mut self, reason: &str) {
        let Some(step) = self.journey.step().and_then(|id| self.workflow.step(id)) else { return };
        self.take_back("skipped");
        if matches!(self.journey.state, State::Mailing { .. }) {
            self.journey.variables.mail_outcome = Some(Outcome::NotPlanned);
        }
        self.note(Some(&step.id), "skipped", reason);
        self.journey.anchor = self.now;
        self.journey.seq = self.journey.seq.wrapping_add(1);
        self.journey.state = State::Ready;
        self.go_on(step.next);
    }

    /// Goes on in this version at one of its steps. What fits stays as it is: a wait counts from where it began, a queued mail
    /// stays queued. What does not fit is taken back, and the step is run from here.
    fn migrate(&mut self, to: &Arc<str>) {
        let workflow: &'a Workflow = self.workflow;
        let Some(index) = workflow.step_index(to) else { return };
        let Some(step) = workflow.steps.get(index) else { return };
        self.note(Some(to), "migrated", &workflow.version);
        let fits = match (&self.journey.state, &step.verb) {
            (State::Waiting { .. }, Verb::Wait(_)) | (State::Awaiting { .. }, Verb::WaitFor(_)) => true,
            (State::Choosing { .. }, Verb::Task(task)) => task.choice.is_some(),
            (State::Mailing { step: at, .. }, Verb::Email(_)) | (State::Calling { step: at, .. }, Verb::Call(_)) => {
                at == to
            }
            (State::OfferPending { step: at, .. }, Verb::Email(_) | Verb::Grant { .. }) => at == to,
            _ => false,
        };
        if !fits {
            self.take_back("migrated");
        }
        self.journey.workflow = workflow.id.clone();
        self.journey.version = workflow.version.clone();
        self.journey.texts = workflow.mails_pinned.then(|| self.world.rulebook.hash.clone());
        if !fits {
            self.journey.seq = self.journey.seq.wrapping_add(1);
            self.journey.anchor = self.now;
            self.journey.state = State::Ready;
            return self.go_on(Some(index));
        }
        if let Some(reason) = self.stop_reason(None) {
            return self.exit(reason);
        }
        if let State::Waiting { step, .. }
        | State::Awaiting { step, .. }
        | State::Choosing { step, .. }
        | State::Mailing { step, .. }
        | State::Calling { step, .. }
        | State::OfferPending { step, .. } = &mut self.journey.state
        {
            *step = to.clone();
        }
        // The length may be another one; a wait that is over by that ends now.
        let until = match (&step.verb, &self.journey.state) {
            (Verb::Wait(wait), State::Waiting { from, .. }) => wait.end(*from, self.world.locale()),
            (Verb::WaitFor(wait), State::Awaiting { from, .. }) => add(*from, &wait.at_most, self.world.locale()),
            _ => return,
        };
        if until > self.now {
            if self.journey.wake_at() != Some(until) {
                self.rearm(until);
            }
            return;
        }
        // By its new length it is over: a wake in the past would never come.
        if let State::Waiting { until: end, .. } | State::Awaiting { until: end, .. } = &mut self.journey.state {
            *end = until;
        }
        self.wake();
    }

    /// Takes back what the step the journey is at has asked for.
    fn take_back(&mut self, code: &'static str) {
        match &self.journey.state {
            State::Mailing { message, step } => {
                let offer = matches!(self.workflow.step(step).map(|step| &step.verb), Some(Verb::Email(email)) if email.offer.is_some());
                self.actions.push(Action::Cancel { message: message.clone(), reason: code });
                if offer {
                    self.actions.push(Action::Release { message: message.clone() });
                }
            }
            State::Choosing { task, .. } if !self.answered => {
                self.actions.push(Action::CloseTask { task: task.clone(), outcome: code.to_owned() });
            }
            State::Calling { call, .. } => {
                self.actions.push(Action::CancelCall { call: call.clone(), reason: code });
            }
            State::OfferPending { message, .. } => self.actions.push(Action::Release { message: message.clone() }),
            _ => {}
        }
    }

    fn exit(&mut self, reason: ExitReason) {
        let code = reason.code();
        self.take_back(code);
        self.hold_after_the_last_mail();
        let step = self.journey.step().map(Arc::from);
        self.record(step.as_ref(), code, reason.detail().unwrap_or_default().to_owned(), Vec::new());
        self.journey.open_until = None;
        self.journey.state = State::Exited { at: self.now, reason: reason.clone() };
        self.actions.push(Action::Exit(reason));
    }

    fn hold_after_the_last_mail(&mut self) {
        let Some(holds) = &self.workflow.holds else { return };
        self.actions.push(match self.journey.last_mail_at {
            Some(sent_at) => Action::Hold {
                workflows: holds.workflows.clone(),
                until: Some(add(sent_at, &holds.length, self.world.locale())),
            },
            None => Action::ReleaseHold,
        });
    }

    fn scope(&self) -> JourneyScope<'_> {
        self.world.scope_of(&self.journey)
    }

    fn note(&mut self, step: Option<&Arc<str>>, code: &str, detail: &str) {
        self.record(step, code, detail.to_owned(), Vec::new());
    }

    fn record(&mut self, step: Option<&Arc<str>>, code: &str, detail: String, clauses: Vec<Clause>) {
        let line = TraceLine { at: self.now, step: step.cloned(), code: code.to_owned(), detail, clauses };
        if self.journey.history.len() >= HISTORY_MAX {
            self.journey.history.remove(0);
        }
        self.journey.history.push(line.clone());
        self.trace.push(line);
    }
}
