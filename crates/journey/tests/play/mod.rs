//! A stage for one partner: events in, what journeys do out, on a virtual clock.
//!
//! It folds events with the real partner state and carries out actions the way the engine does, on the workflows of the
//! repository or on text given by a test. Every line of its log is `day clock: what`.
#![allow(dead_code, reason = "each test file uses its part")]

mod facts;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use rapport_event::{Headers, PartnerKey};
use rapport_journey::{
    Action, Entry, EventSnapshot, Journey, Outcome, PlannedMessage, RefusalCode, State, Stimulus, World, consider,
    refusal_of, step,
};
use rapport_partner::{FoldContext, Folded, PartnerState, fold};
use rapport_rule::finding::render::human;
use rapport_rule::{Source, Sources};
use rapport_workflow::{Rulebook, Workflow, compile};
use serde_json::{Value as Json, json};

pub use facts::{Beside, PartnerFacts};

/// Day 1: a Monday.
pub const DAY_1: &str = "2026-02-02";

pub struct Stage {
    pub rulebook: Rulebook,
    pub state: PartnerState,
    pub beside: Beside,
    pub key: PartnerKey,
    pub journeys: Vec<Journey>,
    pub log: Vec<String>,
    pub plans: Vec<PlannedMessage>,
    pub now: Timestamp,
    /// Workflows that may begin; all when empty.
    pub only: BTreeSet<String>,
    /// What becomes of the next mails, by mail name; sent one minute later when not said.
    pub outcomes: BTreeMap<String, Outcome>,
    /// Mails in this set get no outcome by themselves.
    pub stuck: BTreeSet<String>,
    pub offers_granted: bool,
    /// What the coordinator answers to those who ask for a place, in turn; a place at once when there is nothing.
    pub places: std::collections::VecDeque<Option<Timestamp>>,
    wakes: BTreeMap<String, (Timestamp, u32)>,
    endings: Vec<(Timestamp, usize, rapport_journey::MessageId, Outcome)>,
    queue: Vec<EventSnapshot>,
    conversions: BTreeMap<String, rapport_partner::ConversionState>,
    events: u32,
}

pub fn files() -> Sources {
    rapport_shipped::sources()
}

#[track_caller]
pub fn rulebook(sources: &Sources) -> Rulebook {
    let (rulebook, findings) = compile(sources);
    let errors: Vec<String> = findings.iter().map(|finding| human(finding, sources)).collect();
    rulebook.unwrap_or_else(|| panic!("{}", errors.join("\n")))
}

impl Stage {
    /// The shipped workflows, of which only some begin.
    #[track_caller]
    pub fn shipped(only: &[&str]) -> Stage {
        Stage::new(rulebook(&files()), only)
    }

    /// The shipped configuration and one workflow of a test, whose mails all say little.
    #[track_caller]
    pub fn of(workflow: &str, mails: &[&str]) -> Stage {
        let mut sources = files();
        sources.add(Source::new("workflows/tried/workflow.yaml", workflow));
        for mail in mails {
            let text = format!("---\nsubject: {mail}\n---\nHi.\n");
            sources.add(Source::new(format!("workflows/tried/{mail}.mail.md"), text));
        }
        Stage::new(rulebook(&sources), &["tried"])
    }

    pub fn new(rulebook: Rulebook, only: &[&str]) -> Stage {
        let mut stage = Stage {
            rulebook,
            state: PartnerState::default(),
            beside: Beside::default(),
            key: PartnerKey::new("default", "ada").unwrap(),
            journeys: Vec::new(),
            log: Vec::new(),
            plans: Vec::new(),
            now: Timestamp::UNIX_EPOCH,
            only: only.iter().map(|id| (*id).to_owned()).collect(),
            outcomes: BTreeMap::new(),
            stuck: BTreeSet::new(),
            offers_granted: true,
            places: std::collections::VecDeque::new(),
            wakes: BTreeMap::new(),
            endings: Vec::new(),
            queue: Vec::new(),
            conversions: BTreeMap::new(),
            events: 0,
        };
        stage.now = stage.at(1, "00:00");
        stage
    }

    pub fn zone(&self) -> TimeZone {
        TimeZone::get("Europe/Oslo").unwrap()
    }

    /// A day of the play (1 is a Monday) and a clock time in Oslo.
    pub fn at(&self, day: i64, clock: &str) -> Timestamp {
        let first: Date = DAY_1.parse().unwrap();
        let date = first.checked_add(jiff::Span::new().days(day - 1)).unwrap();
        let time: jiff::civil::Time = clock.parse().unwrap();
        date.to_datetime(time).to_zoned(self.zone()).unwrap().timestamp()
    }

    fn when(&self, at: Timestamp) -> String {
        let local = at.to_zoned(self.zone());
        let first: Date = DAY_1.parse().unwrap();
        let day = (local.date() - first).get_days() + 1;
        format!("{day} {}", local.strftime("%H:%M"))
    }

    pub fn say(&mut self, what: String) {
        let line = format!("{}: {what}", self.when(self.now));
        self.log.push(line);
    }

    /// Time passes: timers and endings of mails until then.
    pub fn until(&mut self, day: i64, clock: &str) {
        let end = self.at(day, clock);
        self.pass(end);
    }

    fn pass(&mut self, end: Timestamp) {
        loop {
            let wake = self.wakes.iter().map(|(id, (at, seq))| (*at, id.clone(), *seq)).min();
            let ending = self.endings.iter().map(|(at, ..)| *at).min();
            match (wake, ending) {
                (_, Some(at)) if at <= end && wake_is_later(self, at) => {
                    let which = self.endings.iter().position(|(due, ..)| *due == at).unwrap();
                    let (at, journey, message, outcome) = self.endings.remove(which);
                    self.now = at;
                    self.apply(journey, &Stimulus::Outcome { message, outcome, reason: None, at });
                }
                (Some((at, id, seq)), _) if at <= end => {
                    self.wakes.remove(&id);
                    self.now = at;
                    if let Some(index) = self.journeys.iter().position(|journey| journey.id.as_str() == id) {
                        self.apply(index, &Stimulus::Timer { seq });
                    }
                }
                _ => break,
            }
            self.follow();
        }
        self.now = end;
    }

    /// An event of a tracker, as flat JSON without id, partner and time.
    pub fn event(&mut self, day: i64, clock: &str, mut body: Json) {
        let at = self.at(day, clock);
        self.pass(at);
        self.events += 1;
        body["id"] = json!(format!("e{}", self.events));
        body["program"] = json!("default");
        body["partner"] = json!("ada");
        body["occurred_at"] = json!(at.to_string());
        let headers = Headers(&[]);
        let decoded =
            rapport_event::decode(body.to_string().as_bytes(), &headers, &self.rulebook.custom_kinds, at).unwrap();
        let event = decoded.event;
        let program = self.rulebook.config.program("default").unwrap().clone();
        let context =
            FoldContext { zone: &program.zone, currency: program.currency, rates: rapport_partner::Rates::none() };
        let known = self.conversions.get(event.conversion().map_or("", |data| data.conversion_id.as_str())).cloned();
        match fold(&mut self.state, known.as_ref(), &event, &context) {
            Folded::Conversion(merged) => {
                let id = event.conversion().unwrap().conversion_id.as_str().to_owned();
                self.conversions.insert(id, merged.state.clone());
                for kind in merged.became.iter() {
                    self.queue.push(EventSnapshot::of(&rapport_partner::conversion::derived(&event, kind)));
                }
            }
            Folded::Partner { .. } | Folded::Counted => self.queue.push(EventSnapshot::of(&event)),
        }
        self.follow();
    }

    /// A sale, approved or not.
    pub fn sale(&mut self, day: i64, clock: &str, id: &str, status: &str) {
        let body = json!({ "kind": "conversion", "conversion_id": id, "status": status, "amount": 4000, "commission": 400,
            "currency": "EUR", "revision": if status == "pending" { 1 } else { 2 } });
        self.event(day, clock, body);
    }

    /// A signal or moment, as the fold of the engine derives it.
    pub fn signal(&mut self, day: i64, clock: &str, kind: &str, id: &str, mut payload: Json) {
        let at = self.at(day, clock);
        self.pass(at);
        payload["kind"] = json!(kind);
        payload["id"] = json!(id);
        if payload.get("summary").is_none() {
            payload["summary"] = json!(format!("about {id}"));
        }
        self.queue.push(EventSnapshot { id: id.into(), kind: kind.into(), occurred_at: at, payload });
        self.follow();
    }

    /// What the partner's zone is from now on.
    pub fn zone_changed(&mut self) {
        for index in 0..self.journeys.len() {
            self.apply(index, &Stimulus::ZoneChanged);
        }
        self.follow();
    }

    pub fn stimulate(&mut self, stimulus: &Stimulus) {
        for index in 0..self.journeys.len() {
            self.apply(index, stimulus);
        }
        self.follow();
    }

    fn follow(&mut self) {
        while !self.queue.is_empty() {
            let event = self.queue.remove(0);
            for index in 0..self.journeys.len() {
                self.apply(index, &Stimulus::Event(event.clone()));
            }
            let workflows: Vec<_> = self.rulebook.started_by(&event.kind).cloned().collect();
            for workflow in workflows {
                if self.only.is_empty() || self.only.contains(&*workflow.id) {
                    self.consider(&workflow, &event);
                }
            }
        }
    }

    pub fn consider(&mut self, workflow: &Workflow, trigger: &EventSnapshot) {
        let past: Vec<_> = self.journeys.iter().map(Journey::as_past).collect();
        let entry = {
            let facts = self.facts();
            let program = self.rulebook.config.program("default").unwrap();
            let world = World::new(&facts, &self.rulebook, program);
            let entry = consider(workflow, trigger, &self.key, &world, || &past, self.now);
            let code = match &entry {
                Entry::Refuse(refusal) => Some(refusal.code),
                Entry::Begin(_) | Entry::Join(_) => None,
            };
            assert_eq!(refusal_of(workflow, trigger, &self.key, &world, || &past, self.now), code);
            entry
        };
        match entry {
            Entry::Begin(journey) => {
                self.say(format!("{} {}", if journey.held_out { "held out of" } else { "begin" }, workflow.id));
                self.journeys.push(*journey);
                let index = self.journeys.len() - 1;
                self.apply(index, &Stimulus::Start);
            }
            Entry::Join(id) => {
                self.say(format!("join {}", workflow.id));
                let index = self.journeys.iter().position(|journey| journey.id == id).unwrap();
                self.apply(index, &Stimulus::Join(trigger.clone()));
            }
            Entry::Refuse(refusal) => {
                if refusal.code != RefusalCode::IfNotMet {
                    self.say(format!("refused {} {}", workflow.id, refusal.code.code()));
                }
            }
        }
    }

    pub fn facts(&self) -> PartnerFacts<'_> {
        let program = self.rulebook.config.program("default").unwrap();
        PartnerFacts {
            key: &self.key,
            state: &self.state,
            rulebook: &self.rulebook,
            program,
            today: rapport_partner::day::of(self.now, &program.zone),
            program_began_at: None,
            beside: &self.beside,
        }
    }

    pub fn apply(&mut self, index: usize, stimulus: &Stimulus) {
        let Some(workflow) = self.rulebook.workflow(&self.journeys[index].workflow).cloned() else { return };
        let stepped = {
            let facts = self.facts();
            let program = self.rulebook.config.program("default").unwrap();
            let world = World::new(&facts, &self.rulebook, program);
            step(&self.journeys[index], &workflow, stimulus, &world, self.now)
        };
        // What is stored is what is read back.
        let stored = serde_json::to_string(&stepped.journey).unwrap();
        assert_eq!(serde_json::from_str::<Journey>(&stored).unwrap(), stepped.journey);
        self.journeys[index] = stepped.journey;
        let id = self.journeys[index].id.as_str().to_owned();
        if self.journeys[index].wake_at().is_none() {
            self.wakes.remove(&id);
        }
        for action in stepped.actions {
            self.carry_out(index, action);
        }
        invariants(self);
    }

    fn carry_out(&mut self, index: usize, action: Action) {
        let workflow = self.journeys[index].workflow.clone();
        match action {
            Action::Plan(plan) => {
                self.say(format!("mail {workflow}/{}", plan.mail));
                if !self.stuck.contains(&*plan.mail) {
                    let outcome = self.outcomes.get(&*plan.mail).copied().unwrap_or(Outcome::Sent);
                    let at = self.now + jiff::Span::new().minutes(1);
                    self.endings.push((at, index, plan.id.clone(), outcome));
                }
                self.plans.push(*plan);
            }
            Action::Cancel { message, reason } => {
                self.endings.retain(|(_, _, planned, _)| *planned != message);
                self.say(format!("cancel {workflow}: {reason}"));
            }
            Action::WakeAt { at, seq } => {
                assert!(at >= self.now);
                self.wakes.insert(self.journeys[index].id.as_str().to_owned(), (at, seq));
            }
            Action::CloseTask { outcome, .. } => self.say(format!("close task: {outcome}")),
            Action::Set { fields, .. } => {
                let told = fields.iter().map(|set| format!("{}={}", set.field, set.value.as_deref().unwrap_or("-")));
                self.say(format!("set {}", told.collect::<Vec<_>>().join(" ")));
            }
            Action::Call(call) => {
                self.say(format!("call {workflow}: {}", call.hook));
                let at = self.now;
                self.apply(index, &Stimulus::CallEnded { call: call.id.clone(), delivered: true, reason: None, at });
            }
            Action::CancelCall { .. } => self.say("cancel call".into()),
            Action::Task(task) => self.say(format!("task {workflow}: {}", task.text)),
            Action::Award { award, .. } => self.say(format!("award {award}")),
            Action::Tag { tag, add, .. } => self.say(format!("{} {tag}", if add { "tag" } else { "untag" })),
            Action::Emit(event) => {
                self.say(format!("emit {}", event.kind));
                self.queue.push(event);
            }
            Action::Start { workflow, trigger } => {
                self.say(format!("start {workflow}"));
                let workflow = self.rulebook.workflow(&workflow).cloned().unwrap();
                self.consider(&workflow, &trigger);
            }
            Action::Reserve { message, offer } => {
                self.say(format!("reserve {offer}"));
                let (granted, at) = (self.offers_granted, self.now);
                let reason = (!granted).then(|| "budget".to_owned());
                self.apply(index, &Stimulus::OfferAnswer { message, granted, reason, at });
            }
            Action::Release { .. } => self.say("release".into()),
            Action::AskPlace => {
                self.say("ask for a place".into());
                let from = self.places.pop_front().unwrap_or(Some(self.now));
                self.apply(index, &Stimulus::Placed { from });
            }
            Action::Hold { workflows, until } => {
                let until = until.map(|until| format!(" until {}", self.when(until))).unwrap_or_default();
                self.say(format!("hold {}{until}", workflows.join(" ")));
            }
            Action::ReleaseHold => self.say("release hold".into()),
            Action::Exit(reason) => {
                let detail = reason.detail().map(|detail| format!(" {detail}")).unwrap_or_default();
                self.say(format!("exit {workflow}: {}{detail}", reason.code()));
            }
        }
    }

    #[track_caller]
    pub fn expect(&self, lines: &[&str]) {
        let found: Vec<&str> = self.log.iter().map(String::as_str).collect();
        assert!(found == lines, "played:\n  {}\nexpected:\n  {}", found.join("\n  "), lines.join("\n  "));
    }
}

fn wake_is_later(stage: &Stage, at: Timestamp) -> bool {
    stage.wakes.values().all(|(wake, _)| *wake >= at)
}

/// What holds after every step of every play.
pub fn invariants(stage: &Stage) {
    let mut planned = BTreeSet::new();
    for plan in &stage.plans {
        assert!(planned.insert(plan.id.clone()), "two messages for one step: {}", plan.step);
    }
    for journey in &stage.journeys {
        let waits = match &journey.state {
            State::Waiting { .. } | State::Awaiting { .. } | State::Choosing { .. } => journey.wake_at().is_some(),
            State::Mailing { message, .. } => journey.open_message() == Some(message) && journey.wake_at().is_none(),
            State::OfferPending { .. } | State::Calling { .. } => journey.wake_at().is_none(),
            State::Queued { until } => journey.wake_at() == *until,
            State::Exited { .. } => journey.is_exited(),
            State::Ready => true,
        };
        assert!(waits, "{:?}", journey.state);
    }
}
