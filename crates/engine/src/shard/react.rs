//! What one event, or one moment, does to one partner: state, signals, journeys.
//!
//! Everything that follows from an event follows in the same commit: what it derives is announced, journeys that wait are
//! moved, workflows that begin on it are considered, and what those emit is announced in turn, at most [`DEPTH_MAX`] deep.

mod actions;
mod awards;
mod cases;
mod commands;
mod engaged;
mod goals;
mod health;
pub mod held;
pub(crate) mod in_flight;
mod lasting;
mod moments;
mod notices;
mod responses;
mod segments;
mod signals;
pub(crate) mod timed;

pub use actions::{Envelope, PLACE, REQUEST_OFFER, REQUEST_PLACE, REQUEST_RELEASE};
pub(crate) use actions::{is_pinned, overflow_of};
pub use awards::Given;
pub(crate) use engaged::rank_of;
pub use timed::stirs;

use std::{borrow::Borrow, collections::VecDeque, sync::Arc};

use jiff::Timestamp;
use rapport_event::{ConversionStatus, EngineData, Event, Kind, Payload, engine::ContactData, kind::Family};
use rapport_journey::{
    Entry as Answer, EventSnapshot, Outcome, PastJourney, Step, Stimulus, World, consider, is_late, moved, refusal_of,
};
use rapport_partner::{FoldContext, Folded, fold};
use rapport_workflow::{Late, Program, Workflow};
use serde_json::Value as Json;

use super::{
    batch::Batch,
    entry::Entry,
    facts::{PartnerFacts, ProgramFigures, marks},
    foresight::Expectations,
    interest::Interests,
    timers::Timers,
};
use crate::{
    calendar::ProgramDays,
    mailer::is_in_digest,
    ports::rows::{RefusalRow, Response, TimerRow},
    rulebooks::{Applied, Rulebooks},
    signals::Told,
};

/// How deep signals and emitted events may follow from each other before the partner is taken out.
pub const DEPTH_MAX: u8 = 32;

/// Why a partner's records wait from now on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quarantine(pub String);

/// One partner, one moment.
pub struct Reaction<'a> {
    rulebook: &'a Arc<Applied>,
    rulebooks: &'a Rulebooks,
    interests: &'a Interests,
    program: &'a Program,
    entry: &'a mut Entry,
    timers: &'a mut Timers,
    batch: &'a mut Batch,
    shard: u32,
    now: Timestamp,
    began: Option<Timestamp>,
    figures: Option<&'a ProgramFigures>,
    expectations: Option<&'a Expectations>,
    reversed: Option<String>,
    queue: VecDeque<(Follows, u8)>,
    depth: u8,
}

/// What follows from what happened.
enum Follows {
    /// Something to tell journeys and workflows.
    Event(EventSnapshot),
    /// A workflow starts another.
    Start(Arc<str>, EventSnapshot),
}

/// Where a reaction happens.
pub struct Place<'a> {
    /// The rulebook in force.
    pub rulebook: &'a Arc<Applied>,
    /// Older versions that journeys run.
    pub rulebooks: &'a Rulebooks,
    /// The rulebook's interests.
    pub interests: &'a Interests,
    /// The shard.
    pub shard: u32,
    /// The shard's clock.
    pub now: Timestamp,
    /// The first event of the partner's programme, where it is known.
    pub began: Option<Timestamp>,
    /// The programme's figures as of its last closed day.
    pub figures: Option<&'a ProgramFigures>,
    /// The programme's newest fit.
    pub expectations: Option<&'a Expectations>,
}

impl<'a> Reaction<'a> {
    /// A reaction of this partner; `None` when the rulebook knows no such programme.
    pub fn new(place: &Place<'a>, entry: &'a mut Entry, timers: &'a mut Timers, batch: &'a mut Batch) -> Option<Self> {
        let program = place.rulebook.rulebook.config.program(entry.key.program.as_str())?;
        Some(Self {
            rulebook: place.rulebook,
            rulebooks: place.rulebooks,
            interests: place.interests,
            program,
            entry,
            timers,
            batch,
            shard: place.shard,
            now: place.now,
            began: place.began,
            figures: place.figures,
            expectations: place.expectations,
            reversed: None,
            queue: VecDeque::new(),
            depth: 0,
        })
    }

    /// Folds an event and lets everything follow.
    pub fn fold(mut self, event: &Event) -> Result<(), Quarantine> {
        let context = FoldContext {
            zone: &self.program.zone,
            currency: self.program.currency,
            rates: &self.rulebook.rulebook.rates,
        };
        let conversion = event.conversion().filter(|_| event.kind == Kind::Conversion);
        let approved = conversion.map(|_| self.approved());
        let before = conversion.and_then(|told| self.batch.conversion(&self.entry.key, told.conversion_id.as_str()));
        let place = (self.entry.state.profile.zone.clone(), self.entry.state.profile.country.clone());
        let folded = match self.too_late_for_its_day(event) {
            Some(late) => fold(&mut self.entry.state, before, &late, &context),
            None => fold(&mut self.entry.state, before, event, &context),
        };
        match folded {
            Folded::Partner { .. } => {
                if event.person_version.is_some() {
                    // Perhaps another address: if it is the same, the mailer still knows better.
                    self.entry.state.set_mark(marks::SUPPRESSED, Vec::new());
                    self.batch.readdressed.push(self.entry.key.clone());
                }
                if place != (self.entry.state.profile.zone.clone(), self.entry.state.profile.country.clone()) {
                    self.move_journeys(|_| Some(Stimulus::ZoneChanged));
                }
                if self.entry.state.profile.objects_to_profiling() {
                    self.forget_judgements();
                }
                self.expect_anniversary();
                self.announce(event);
                self.propose_goals();
            }
            Folded::Conversion(merged) => {
                let Some(told) = conversion else { return Ok(()) };
                let id = told.conversion_id.as_str();
                if merged.difference.changed || merged.difference.before.is_none() {
                    self.batch.put_conversion(&self.entry.key, id, merged.state.clone(), told.currency);
                }
                // Each time it is taken back, though it is told but once.
                if merged.difference.changed && merged.state.status == ConversionStatus::Reversed {
                    self.reversed = Some(id.to_owned());
                }
                if merged.became.has(&Kind::ConversionRecorded) {
                    let sold_on = rapport_partner::day::of(merged.state.sold_at, &self.program.zone);
                    self.entry.state.note_sold(sold_on, &told.lines);
                }
                for kind in merged.became.iter() {
                    self.announce(rapport_partner::conversion::derived(event, kind));
                }
                if merged.difference.changed {
                    self.after_conversion(approved.unwrap_or_default());
                }
            }
            Folded::Counted => self.take_up(event),
        }
        if event.kind.family() != Family::Internal {
            self.review_segments();
        }
        self.follow()?;
        self.keep_timed(false);
        self.follow()
    }

    /// The outcome of a mail that was due on a day which is over: it counts when it is told. The day may be judged before or
    /// after this record, and must come to the same.
    fn too_late_for_its_day(&self, event: &Event) -> Option<Event> {
        let outcome = matches!(event.engine(), Some(EngineData::Outcome(_)));
        let days = outcome.then(|| ProgramDays::of(self.rulebook, &self.entry.key.program)).flatten()?;
        let over = days.closes_at(days.day_of(event.occurred_at)) <= self.now;
        over.then(|| Event { occurred_at: self.now, ..event.clone() })
    }

    /// Fires a timer of this partner.
    pub fn fire(mut self, timer: &TimerRow) -> Result<(), Quarantine> {
        match timer.subject.strip_prefix("journey:") {
            Some(id) => {
                let seq = timer.seq;
                self.move_journeys(|journey| (journey.id.as_str() == id).then_some(Stimulus::Timer { seq }));
            }
            None => match timer.subject.as_str() {
                subject if subject.starts_with(held::SUBJECT) => self.look_at_held(subject),
                signals::SILENCE => self.look_for_silence(),
                moments::ANNIVERSARY => self.keep_anniversary(timer.due),
                other if timed::is_timer(other) => self.fire_timed(timer),
                other => tracing::warn!(subject = other, "a timer nobody knows"),
            },
        }
        self.follow()
    }

    /// Records of rapport's own find their journey; everything is announced.
    fn take_up(&mut self, event: &Event) {
        let objects = self.entry.state.profile.objects_to_profiling();
        let response = responses::of(event, objects);
        if let Some(click) = response.as_ref().filter(|row| matches!(row.what, Response::Click)) {
            engaged::note_click(&mut self.entry.state, click.at);
        }
        self.batch.responses.extend(response);
        if let Payload::Engine(data) = &event.payload {
            match &**data {
                EngineData::Outcome(outcome) => {
                    let (message, reason) = (outcome.message.clone(), outcome.reason.as_deref().map(str::to_owned));
                    let became = match event.kind {
                        Kind::MessageSent => Some(Outcome::Sent),
                        Kind::MessageInDoubt => Some(Outcome::InDoubt),
                        // The partner has it, if only as a line of another mail.
                        Kind::MessageSuppressed if reason.as_deref().is_some_and(is_in_digest) => Some(Outcome::Sent),
                        Kind::MessageSuppressed => Some(Outcome::Suppressed),
                        Kind::MessageExpired => Some(Outcome::Expired),
                        Kind::MessageFailed => Some(Outcome::Failed),
                        _ => None,
                    };
                    if let Some(became) = became {
                        let (at, planned_by) = (event.occurred_at, outcome.journey.clone());
                        self.move_journeys(|journey| {
                            let waits = journey.open_message().is_some_and(|open| *open.as_str() == *message);
                            let over = journey.is_exited() && planned_by.as_deref() == Some(journey.id.as_str());
                            (waits || over).then(|| Stimulus::Outcome {
                                message: rapport_journey::MessageId::from_stored(&message),
                                outcome: became,
                                reason: reason.clone(),
                                at,
                            })
                        });
                    }
                }
                EngineData::Offer(offer) => {
                    let Some(message) = offer.message.clone() else { return };
                    let granted = event.kind == Kind::OfferGranted;
                    if offer.offer.starts_with(PLACE) {
                        let from = offer.ends_at.filter(|_| granted);
                        self.move_journeys(|journey| {
                            let waits = journey.id.as_str() == &*message
                                && matches!(journey.state, rapport_journey::State::Queued { until: None });
                            waits.then_some(Stimulus::Placed { from })
                        });
                        return self.announce(event);
                    }
                    let (reason, at) = (offer.reason.as_deref().map(str::to_owned), self.now);
                    self.move_journeys(|journey| {
                        let waits = matches!(&journey.state,
                            rapport_journey::State::OfferPending { message: open, .. } if *open.as_str() == *message);
                        waits.then(|| Stimulus::OfferAnswer {
                            message: rapport_journey::MessageId::from_stored(&message),
                            granted,
                            reason: reason.clone(),
                            at,
                        })
                    });
                }
                EngineData::Task(task) => {
                    if let Some(choice) = task.choice.clone() {
                        let id = task.task.clone();
                        self.move_journeys(|journey| {
                            let asks = matches!(&journey.state,
                                rapport_journey::State::Choosing { task: open, .. } if *open.as_str() == *id);
                            asks.then(|| Stimulus::TaskChoice {
                                task: rapport_journey::TaskId::from_stored(&id),
                                choice: choice.to_string(),
                            })
                        });
                    }
                }
                EngineData::Call(call) => {
                    let (id, delivered) = (call.call.clone(), event.kind == Kind::CallDelivered);
                    let (reason, at) = (call.reason.as_deref().map(str::to_owned), event.occurred_at);
                    self.move_journeys(|journey| {
                        let waits = matches!(&journey.state,
                            rapport_journey::State::Calling { call: open, .. } if *open.as_str() == *id);
                        waits.then(|| Stimulus::CallEnded {
                            call: rapport_journey::CallId::from_stored(&id),
                            delivered,
                            reason: reason.clone(),
                            at,
                        })
                    });
                }
                EngineData::Case(_) => self.note_case(event),
                EngineData::Award(_) => self.note_award(event),
                // What was written about the person goes with the person.
                EngineData::Erased(_) => self.entry.state.set_mark(marks::AWARDS, Vec::new()),
                EngineData::Contact(contact) => self.note_contact(&event.kind, contact),
                EngineData::Command(command) => self.obey(event, command),
                EngineData::Goal(goal) => return self.agree(event, goal),
                _ => {}
            }
        }
        self.announce(event);
    }

    fn note_contact(&mut self, kind: &Kind, contact: &ContactData) {
        let state = &mut self.entry.state;
        if *kind == Kind::ContactSuppressed {
            state.set_mark(marks::SUPPRESSED, contact.reason.as_deref().unwrap_or("manual").into());
            return;
        }
        let topic = contact.topic.as_deref().unwrap_or("*").to_owned();
        let mut topics: Vec<String> =
            state.mark(marks::OPTED_OUT).and_then(|json| serde_json::from_slice(json).ok()).unwrap_or_default();
        topics.retain(|known| *known != topic && (*kind != Kind::ContactOptedIn || topic != "*"));
        if *kind == Kind::ContactOptedOut {
            topics.push(topic);
        }
        let bytes = if topics.is_empty() { Vec::new() } else { serde_json::to_vec(&topics).unwrap_or_default() };
        state.set_mark(marks::OPTED_OUT, bytes);
    }

    /// Tells journeys and workflows of an event, if any of them cares.
    fn announce(&mut self, event: impl Borrow<Event>) {
        let event: &Event = event.borrow();
        self.batch.told.extend(Told::of(event));
        let interest = self.interests.of(self.rulebook, &event.kind);
        let runs = self.entry.journeys.iter().any(|journey| !journey.is_exited());
        if !(interest.starts || (runs && (interest.moves || self.older_versions_care(&event.kind)))) {
            return;
        }
        let mut facts = event.facts();
        if event.kind == Kind::SurveyAnswered {
            self.name_notice(&mut facts);
        }
        let snapshot = EventSnapshot {
            id: event.id.as_str().to_owned(),
            kind: event.kind.name().into_owned(),
            occurred_at: event.occurred_at,
            payload: Json::Object(facts),
        };
        self.queue.push_back((Follows::Event(snapshot), self.depth + 1));
    }

    /// Works off what follows, in order.
    fn follow(&mut self) -> Result<(), Quarantine> {
        while let Some((follows, depth)) = self.queue.pop_front() {
            if depth > DEPTH_MAX {
                return Err(Quarantine(format!("more than {DEPTH_MAX} events follow from each other")));
            }
            self.depth = depth;
            match follows {
                Follows::Event(snapshot) => {
                    let told = Stimulus::Event(snapshot);
                    self.tell_all(&told);
                    if let Stimulus::Event(snapshot) = &told {
                        self.consider_all(snapshot);
                    }
                }
                Follows::Start(workflow, trigger) => {
                    if let Some(workflow) = self.rulebook.rulebook.workflow(&workflow).cloned() {
                        self.consider(&workflow, &trigger);
                    }
                }
            }
        }
        Ok(())
    }

    fn consider_all(&mut self, trigger: &EventSnapshot) {
        for workflow in self.interests.started_by(self.rulebook, &trigger.kind).iter() {
            self.consider(workflow, trigger);
        }
    }

    /// Looks at a workflow's entry for a trigger.
    fn consider(&mut self, workflow: &Arc<Workflow>, trigger: &EventSnapshot) {
        if self.is_refused_again(workflow, trigger) {
            return;
        }
        let answer = self.answer(workflow, trigger);
        self.take(answer, workflow, trigger);
    }

    /// Whether the workflow says once more today what stands there already: then nobody reads why.
    fn is_refused_again(&self, workflow: &Arc<Workflow>, trigger: &EventSnapshot) -> bool {
        let Some((_, code, on)) = self.entry.refused.iter().find(|(id, ..)| *id == workflow.id) else { return false };
        if *on != self.program.zone.to_datetime(self.now).date() {
            return false;
        }
        let facts = self.facts();
        let past = || past(self.entry, workflow);
        let refused = refusal_of(workflow, trigger, &self.entry.key, &world(&facts, workflow), past, self.now);
        refused.is_some_and(|refused| refused.code() == *code)
    }

    fn answer(&self, workflow: &Arc<Workflow>, trigger: &EventSnapshot) -> Answer {
        answer(&self.facts(), self.entry, workflow, trigger)
    }

    /// Does as a workflow's entry answered.
    fn take(&mut self, answer: Answer, workflow: &Arc<Workflow>, trigger: &EventSnapshot) {
        match answer {
            Answer::Begin(journey) => {
                self.supersede(workflow, trigger);
                metrics::counter!("rapport_journeys_total", "workflow" => workflow.id.to_string()).increment(1);
                self.entry.journeys.push(*journey);
                let index = self.entry.journeys.len() - 1;
                self.entry.touch_journey(index);
                if !self.entry.journeys.get(index).is_some_and(rapport_journey::Journey::is_exited) {
                    self.move_journey(index, &Stimulus::Start);
                }
            }
            Answer::Join(id) => {
                let index = self.entry.journeys.iter().position(|journey| journey.id == id);
                if let Some(index) = index {
                    self.move_journey(index, &Stimulus::Join(trigger.clone()));
                }
            }
            Answer::Refuse(refusal) => self.refused(workflow, &refusal),
        }
    }

    /// `if_late: { latest_only }`: what earlier ones of several late triggers began ends, unless it has done something.
    fn supersede(&mut self, workflow: &Arc<Workflow>, trigger: &EventSnapshot) {
        let only_the_latest = workflow.entry.if_late.as_ref().is_some_and(|late| late.then == Late::LatestOnly);
        if !only_the_latest || !is_late(workflow, trigger, &self.world(&self.facts(), workflow), self.now) {
            return;
        }
        self.move_journeys(|journey| {
            let earlier = workflow.owns(&journey.workflow) && journey.trigger.occurred_at < trigger.occurred_at;
            let stops = earlier && !journey.acted && !journey.is_exited();
            stops.then(|| Stimulus::Stop { reason: "a later one came (latest_only)".into() })
        });
    }

    /// Keeps the last refusal; one that only repeats that day's is not written again.
    fn refused(&mut self, workflow: &Workflow, refusal: &rapport_journey::Refusal) {
        let today = self.program.zone.to_datetime(self.now).date();
        let code = refusal.code.code();
        if let Some(known) = self.entry.refused.iter_mut().find(|(id, ..)| *id == workflow.id) {
            if (known.1, known.2) == (code, today) {
                return;
            }
            (known.1, known.2) = (code, today);
        } else {
            self.entry.refused.push((workflow.id.clone(), code, today));
        }
        self.batch.refuse(RefusalRow {
            key: self.entry.key.clone(),
            workflow: workflow.id.to_string(),
            at: self.now,
            code: code.to_owned(),
            clauses: serde_json::to_string(&refusal.clauses).unwrap_or_default(),
        });
    }

    /// Tells every active journey the same.
    fn tell_all(&mut self, stimulus: &Stimulus) {
        for index in 0..self.entry.journeys.len() {
            if self.entry.journeys.get(index).is_some_and(|journey| !journey.is_exited()) {
                self.move_journey(index, stimulus);
            }
        }
    }

    /// Moves every active journey for which there is a stimulus.
    fn move_journeys(&mut self, stimulus: impl Fn(&rapport_journey::Journey) -> Option<Stimulus>) {
        for index in 0..self.entry.journeys.len() {
            let Some(journey) = self.entry.journeys.get(index) else { continue };
            // A mail that was already on its way when its journey ended still tells it that it went out: `once` and `holds`
            // count from there. Nothing else reaches a journey that is over.
            if let Some(stimulus) = stimulus(journey)
                && (!journey.is_exited() || matches!(stimulus, Stimulus::Outcome { .. }))
            {
                self.move_journey(index, &stimulus);
            }
        }
    }

    fn move_journey(&mut self, index: usize, stimulus: &Stimulus) {
        let Some(journey) = self.entry.journeys.get(index) else { return };
        if !self.rulebooks.knows(&journey.workflow, &journey.version) {
            return self.hold_journey(index, stimulus);
        }
        // What came while its version was not known comes first.
        let id = journey.id.clone();
        for missed in self.take_held(id.as_str()) {
            self.tell_journey(index, &missed);
        }
        self.tell_journey(index, stimulus);
    }

    /// Moves a journey whose version is known. One that is over hears only what became of its mails.
    fn tell_journey(&mut self, index: usize, stimulus: &Stimulus) {
        let Some(journey) = self.entry.journeys.get(index) else { return };
        if journey.is_exited() && !matches!(stimulus, Stimulus::Outcome { .. }) {
            return;
        }
        let known = self.rulebooks.version_in(&journey.workflow, &journey.version);
        let Some((workflow, older)) = known else { return };
        let pinned = journey.texts.as_ref().and_then(|hash| self.rulebooks.met(hash));
        let stepped = {
            let facts = self.facts();
            let world = self
                .world(&facts, &workflow)
                .with_older(Some(&older.rulebook))
                .with_pinned(pinned.as_ref().map(|pinned| &pinned.rulebook));
            moved(journey, &workflow, stimulus, &world, self.now)
        };
        let Some(Step { journey: after, actions, .. }) = stepped else { return };
        if *journey == after && actions.is_empty() {
            return;
        }
        let had_wake = journey.wake_at().is_some();
        let has_wake = after.wake_at().is_some();
        if let Some(place) = self.entry.journeys.get_mut(index) {
            *place = after;
        }
        self.entry.touch_journey(index);
        self.carry_out(index, &workflow, actions, had_wake && !has_wake);
    }

    fn facts(&self) -> PartnerFacts<'_> {
        PartnerFacts {
            state: &self.entry.state,
            rulebook: self.rulebook,
            program: self.program,
            now: self.now,
            began: self.began,
            reversed: self.reversed.as_deref(),
            figures: self.figures,
            expectations: self.expectations,
        }
    }

    fn world<'b>(&'b self, facts: &'b PartnerFacts<'b>, workflow: &Workflow) -> World<'b> {
        world(facts, workflow)
    }
}

fn world<'a>(facts: &'a PartnerFacts<'a>, workflow: &Workflow) -> World<'a> {
    World::new(facts, &facts.rulebook.rulebook, facts.program)
        .deployed_at(facts.rulebook.deployed.get(&*workflow.id).copied())
}

/// What a workflow's entry says to a trigger now; nothing is done about it.
fn answer(facts: &PartnerFacts<'_>, entry: &Entry, workflow: &Arc<Workflow>, trigger: &EventSnapshot) -> Answer {
    consider(workflow, trigger, &entry.key, &world(facts, workflow), || past(entry, workflow), facts.now)
}

/// What the partner's journeys in a workflow were.
fn past(entry: &Entry, workflow: &Workflow) -> Vec<PastJourney> {
    let own = entry.journeys.iter().filter(|journey| workflow.owns(&journey.workflow));
    own.map(rapport_journey::Journey::as_past).collect()
}
