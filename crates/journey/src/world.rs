//! What a journey can ask: the partner's facts, the rulebook, the programme.

use std::cell::{OnceCell, RefCell};
use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use rapport_message::Locale as Language;
use rapport_message::next_resource::Wanted;
use rapport_partner::StartMark;
use rapport_partner::profile::CHOSEN_LANGUAGE;
use rapport_rule::Money;
use rapport_rule::expr::{Scope, Value};
use rapport_rule::money::Currency;
use rapport_workflow::calendar::Locale;
use rapport_workflow::config::Audience;
use rapport_workflow::{MailUse, Program, Rulebook};
use serde_json::Value as Json;

use crate::journey::{EventSnapshot, Journey, Variables};

/// What is known of one partner right after the event being handled, and before any later one.
pub trait Facts {
    /// `partner.*`, figures, `group`, `lane`, `segment.*`, `goal.*`; `since` is what `…_since_start` counts from.
    fn value(&self, path: &str, since: Since<'_>) -> Value;

    /// Why a value is missing, in a few words, where that can be said.
    fn why_missing(&self, path: &str) -> Option<&'static str> {
        let _ = path;
        None
    }

    /// `applied`, `active`, `suspended`, `rejected`, `closed`, `unknown`.
    fn status(&self) -> &str;

    /// The sums now: a journey that begins keeps them, and `…_since_start` is what comes on top.
    fn start_mark(&self) -> StartMark;

    /// Whether the partner's data were erased.
    fn erased(&self) -> bool;

    /// Whether the partner opted out of a topic or of everything.
    fn opted_out(&self, topic: &str) -> bool;

    /// Whether the address must not be written to, as far as the log knows.
    fn suppressed(&self) -> bool;

    /// Whether the partner objects to being judged: then no dip, silence, health or goal starts anything, and nobody is held out.
    fn objects_to_profiling(&self) -> bool;

    /// When the partner last came from one lane of broadcasts into another.
    fn lane_changed_at(&self) -> Option<Timestamp> {
        None
    }

    /// What a method of `partner` answers, such as `partner.received(…)`.
    fn ask(&self, method: &str, args: &[Value]) -> Value {
        let _ = (method, args);
        Value::Missing
    }

    /// Whether the partner was given this resource of `config/resources.yaml`, has used or completed it.
    fn had_resource(&self, resource: &str) -> bool {
        let _ = resource;
        false
    }

    /// Whether what this event told is no longer so: its conversion reversed, its milestone or goal no longer met, its date another.
    fn is_revoked(&self, event: &EventSnapshot) -> bool;

    /// An amount in another currency at the rate of the day.
    fn convert(&self, money: Money, to: Currency) -> Option<Money> {
        let _ = (money, to);
        None
    }
}

/// The newest issue of a workflow of this day or before.
pub fn newest_issue(rulebook: &Rulebook, workflow: &str, today: jiff::civil::Date) -> Option<std::sync::Arc<str>> {
    let issues = rulebook.mails.keys().filter(|(of, _)| **of == *workflow).map(|(_, mail)| mail);
    let come =
        issues.filter_map(|mail| Some((rapport_workflow::issue_day(mail)?, mail))).filter(|(day, _)| *day <= today);
    come.max().map(|(_, mail)| mail.clone())
}

/// From when `…_since_start` counts.
#[derive(Debug, Clone, Copy)]
pub struct Since<'a> {
    /// The journey's start; at entry, now.
    pub started_at: Timestamp,
    /// The sums then, the trigger included; none where there is no journey.
    pub start: Option<&'a StartMark>,
}

impl Since<'_> {
    /// No journey: `…_since_start` is missing.
    pub const NO_JOURNEY: Since<'static> = Since { started_at: Timestamp::UNIX_EPOCH, start: None };
}

/// Everything outside the journey that a step may look at.
pub struct World<'a> {
    /// The partner.
    pub facts: &'a dyn Facts,
    /// The live rulebook: mails, offers, surveys, feeds, working days.
    pub rulebook: &'a Rulebook,
    /// A rulebook that had the journey's version: its mails stand in for those that were taken away since.
    pub older: Option<&'a Rulebook>,
    /// With `mails: pinned` the rulebook the journey began under.
    pub pinned: Option<&'a Rulebook>,
    /// The partner's programme.
    pub program: &'a Program,
    /// Seed of the holdout draw, one for the whole installation.
    pub holdout_seed: u64,
    /// When the workflow was first applied (or what `apply --since` said); older events start nothing.
    pub deployed_at: Option<Timestamp>,
    place: OnceCell<(TimeZone, Option<String>)>,
    /// What steps of this run wrote about the partner: later steps see it, though it is carried out after the run.
    written: RefCell<BTreeMap<String, Value>>,
}

impl<'a> World<'a> {
    /// A world for one partner.
    pub fn new(facts: &'a dyn Facts, rulebook: &'a Rulebook, program: &'a Program) -> Self {
        World {
            facts,
            rulebook,
            older: None,
            pinned: None,
            program,
            holdout_seed: 0,
            deployed_at: None,
            place: OnceCell::new(),
            written: RefCell::default(),
        }
    }

    /// The same with a rulebook that had the journey's version.
    pub fn with_older(self, older: Option<&'a Rulebook>) -> Self {
        World { older, ..self }
    }

    /// The same with the rulebook whose mails are pinned.
    pub fn with_pinned(self, pinned: Option<&'a Rulebook>) -> Self {
        World { pinned, ..self }
    }

    /// A mail: the pinned one, the live one, else the one that was there when the journey's version was in force.
    pub fn mail(&self, workflow: &str, name: &str) -> Option<&'a MailUse> {
        let older = || self.older.and_then(|older| older.mail(workflow, name));
        let pinned = self.pinned.and_then(|pinned| pinned.mail(workflow, name));
        pinned.or_else(|| self.rulebook.mail(workflow, name)).or_else(older)
    }

    /// The same with the instant of the workflow's first deployment.
    pub fn deployed_at(self, deployed_at: Option<Timestamp>) -> Self {
        World { deployed_at, ..self }
    }

    /// The zone, country and calendar in which waits are worked out: `partner.zone`, else the only zone of the country, else
    /// the programme's.
    pub fn locale(&self) -> Locale<'_> {
        let (zone, country) = self.place.get_or_init(|| {
            let country = self.partner_text("partner.country");
            let zone = self.partner_text("partner.zone");
            (rapport_contact::resolve_zone(zone.as_deref(), country.as_deref(), &self.program.zone), country)
        });
        Locale { zone, country: country.as_deref(), calendar: &self.rulebook.config.calendar }
    }

    /// Languages to write in, best first: the partner's, its base, the programme's. What the partner chose goes before what a step of
    /// this run wrote.
    pub fn languages(&self) -> Vec<String> {
        let chosen = self.partner_text(&format!("partner.{CHOSEN_LANGUAGE}"));
        let own = chosen.or_else(|| self.partner_text("partner.language")).and_then(|tag| Language::parse(&tag));
        let program = Language::parse(&self.program.language).unwrap_or_else(Language::english);
        Language::chain(own.as_ref(), &program).iter().map(Language::to_string).collect()
    }

    /// A run begins: nothing was written in it.
    pub(crate) fn begin(&self) {
        self.written.borrow_mut().clear();
    }

    /// A step of this run wrote a field of the partner.
    pub(crate) fn wrote(&self, path: &str, value: Value) {
        self.written.borrow_mut().insert(path.to_owned(), value);
    }

    fn fact(&self, path: &str, since: Since<'_>) -> Value {
        let written = self.written.borrow().get(path).cloned();
        written.unwrap_or_else(|| self.facts.value(path, since))
    }

    /// The partner's tags, those given and taken in this run included.
    pub(crate) fn tags(&self) -> Vec<std::sync::Arc<str>> {
        match self.fact("partner.tags", Since::NO_JOURNEY) {
            Value::List(tags) => tags.to_vec(),
            _ => Vec::new(),
        }
    }

    fn partner_text(&self, path: &str) -> Option<String> {
        match self.fact(path, Since::NO_JOURNEY) {
            Value::Text(text) if !text.is_empty() => Some(text.to_string()),
            _ => None,
        }
    }

    /// Whether the partner belongs to those something is `for:`; not where that is not known.
    pub(crate) fn is_among(&self, audience: &Audience) -> bool {
        match audience {
            Audience::Everyone => true,
            Audience::Group(group) => self.fact("group", Since::NO_JOURNEY) == Value::Text(group.clone()),
            Audience::Segment(segment) => {
                self.fact(&format!("segment.{segment}"), Since::NO_JOURNEY) == Value::Bool(true)
            }
        }
    }

    /// What the partner could use next, as a mail in these languages shows it.
    pub(crate) fn next_resource(&self, wanted: Wanted, languages: &[String]) -> Option<Json> {
        let own_type = self.partner_text("partner.type");
        let is_of = |types: &[Arc<str>]| types.is_empty() || types.iter().any(|of| own_type.as_deref() == Some(&**of));
        let found = self.rulebook.resources.next(
            wanted,
            languages,
            |resource| is_of(&resource.partner_types) && self.is_among(&resource.entitled),
            |id| self.facts.had_resource(id),
        );
        found.map(|resource| resource.in_language(languages))
    }

    /// The newest issue of a workflow whose day has come in the programme's zone.
    pub fn newest_issue(&self, workflow: &str, now: Timestamp) -> Option<std::sync::Arc<str>> {
        let today = now.to_zoned(self.program.zone.clone()).date();
        newest_issue(self.rulebook, workflow, today)
    }

    /// The scope of a journey's conditions and texts.
    pub fn scope_of<'b>(&'b self, journey: &'b Journey) -> JourneyScope<'b> {
        let since = Since { started_at: journey.started_at, start: Some(&journey.start) };
        self.scope(&journey.trigger, &journey.variables, since)
    }

    /// The scope of entry conditions for a trigger.
    pub fn scope<'b>(
        &'b self,
        trigger: &'b EventSnapshot,
        variables: &'b Variables,
        since: Since<'b>,
    ) -> JourneyScope<'b> {
        JourneyScope { world: self, rulebook: self.rulebook, program: self.program, trigger, variables, since }
    }
}

/// The names of LANGUAGE section 4 with their values: `event.*` frozen, everything of the partner live.
pub struct JourneyScope<'a> {
    world: &'a World<'a>,
    rulebook: &'a Rulebook,
    program: &'a Program,
    trigger: &'a EventSnapshot,
    variables: &'a Variables,
    since: Since<'a>,
}

impl Scope for JourneyScope<'_> {
    fn value(&self, path: &str) -> Value {
        let (object, field) = path.split_once('.').unwrap_or((path, ""));
        match object {
            "event" => self.event_field(self.trigger, field),
            "awaited" => match &self.variables.awaited {
                Some(awaited) => self.event_field(awaited, field),
                None => Value::Missing,
            },
            "mail" if field == "outcome" => match self.variables.mail_outcome {
                Some(outcome) => Value::text(outcome.code()),
                None => Value::Missing,
            },
            "call" if field == "outcome" => match &self.variables.call_outcome {
                Some(outcome) => Value::text(outcome),
                None => Value::Missing,
            },
            "task" if field == "choice" => match &self.variables.task_choice {
                Some(choice) => Value::text(choice),
                None => Value::Missing,
            },
            "program" => match self.program.value(field) {
                // What is no field of the programme is one of its figures, which the engine keeps.
                Value::Missing => self.world.fact(path, self.since),
                known => known,
            },
            _ => self.world.fact(path, self.since),
        }
    }

    fn call(&self, object: &str, method: &str, args: &[Value]) -> Value {
        let event = match object {
            "partner" => return self.world.facts.ask(method, args),
            "event" => Some(self.trigger),
            "awaited" => self.variables.awaited.as_ref(),
            _ => None,
        };
        let (Some(event), [Value::Text(wanted)]) = (event, args) else { return Value::Missing };
        let field = match method {
            "has_category" => "categories",
            "has_sku" => "skus",
            _ => return Value::Missing,
        };
        match event.payload.get(field).and_then(Json::as_array) {
            // A conversion without order lines is not known to lack a category.
            None => Value::Missing,
            Some(list) if list.is_empty() => Value::Missing,
            Some(list) => Value::Bool(list.iter().any(|entry| entry.as_str() == Some(&**wanted))),
        }
    }

    fn why_missing(&self, path: &str) -> Option<&'static str> {
        self.world.facts.why_missing(path)
    }

    fn convert(&self, money: Money, to: Currency) -> Option<Money> {
        self.world.facts.convert(money, to)
    }
}

impl JourneyScope<'_> {
    fn event_field(&self, event: &EventSnapshot, field: &str) -> Value {
        match field {
            "kind" => Value::text(&event.kind),
            "id" => Value::text(&event.id),
            "occurred_at" => Value::Instant(event.occurred_at),
            "summary" if event.kind == "survey.answered" => self.answer_in_words(event),
            _ => match (self.survey_answer(event, field), event.payload.get(field)) {
                (Some(answer), _) => answer,
                (None, Some(json)) => self.rulebook.payload_value(&event.kind, field, json),
                (None, None) => Value::Missing,
            },
        }
    }

    /// An answer is asked for by what the survey calls it: `awaited.reason`. None where another field is meant.
    fn survey_answer(&self, event: &EventSnapshot, field: &str) -> Option<Value> {
        if event.kind != "survey.answered" {
            return None;
        }
        let survey = self.rulebook.surveys.get(event.text("survey")?).filter(|survey| survey.is_called(field))?;
        let told = [field, "answer", "score"].into_iter().find_map(|name| event.payload.get(name));
        Some(told.map_or(Value::Missing, |told| survey.value(told)))
    }

    /// An answer as the people of the programme read it in a task.
    fn answer_in_words(&self, event: &EventSnapshot) -> Value {
        let words = || {
            let survey = self.rulebook.surveys.get(event.text("survey")?)?;
            // One who wrote something said it elsewhere: that they did is all there is to tell.
            let answer = [Some("answer"), survey.answer_field.as_deref(), Some("score")]
                .into_iter()
                .flatten()
                .find_map(|name| event.payload.get(name))?;
            let answer = answer.as_str().map_or_else(|| survey.value(answer).to_string(), str::to_owned);
            let languages = [self.program.language.as_str()];
            let label =
                survey.choices.iter().find(|(id, _)| **id == *answer).map(|(_, label)| label.in_language(&languages));
            Some(format!("{} {}", survey.question.in_language(&languages), label.unwrap_or(&answer)))
        };
        match words().as_deref().or_else(|| event.text("summary")) {
            Some(text) => Value::text(text),
            None => Value::Missing,
        }
    }
}
