//! Whether an event starts a journey, joins one, or is refused, and why.

use std::sync::Arc;

use jiff::Timestamp;
use rapport_event::PartnerKey;
use rapport_rule::Length;
use rapport_rule::expr::{Clause, Scope, Value, blocks_unless, holds_if};
use rapport_workflow::calendar::{add, instant};
use rapport_workflow::{ISSUE, Late, MailName, Once, Step, Timed, Verb, Workflow, is_lasting};
use serde::{Deserialize, Serialize};

use crate::explain::fixed;
use crate::id::JourneyId;
use crate::journey::{EventSnapshot, ExitReason, Journey, PastJourney, State, TraceLine, Variables};
use crate::world::{Since, World};

/// The kind of a broadcast's trigger.
pub const BROADCAST: &str = "broadcast.due";
/// The kind of the trigger of somebody who came into a segment.
pub const SEGMENT_ENTERED: &str = "segment.entered";

/// The kind of the trigger of somebody whose date has come; `name` is the field and `date` what stood in it.
pub const DATE_REACHED: &str = "date.reached";

/// The kind of the trigger when a person starts a journey: they answer for what conditions would say.
pub const OPERATOR_COMMAND: &str = "operator.command";

/// Who changes lanes gets no broadcast of either lane for this long.
const LANE_RESTS: Length = Length::Days(7);

/// Whether what began it lasts: then entry is looked at again every day until a journey begins, and only until then.
fn lasts(kind: &str) -> bool {
    is_lasting(kind) || kind == SEGMENT_ENTERED
}

/// The answer of [`consider`].
#[must_use]
#[derive(Debug, Clone, PartialEq)]
pub enum Entry {
    /// A journey begins; take [`crate::Stimulus::Start`] next. A held-out one is over already and only recorded.
    Begin(Box<Journey>),
    /// The event joins this journey by `combine`; give it [`crate::Stimulus::Join`].
    Join(JourneyId),
    /// Nothing begins.
    Refuse(Refusal),
}

/// Why nothing began. The last one per workflow and partner is stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Refusal {
    /// The workflow.
    pub workflow: Arc<str>,
    /// Its version.
    pub version: Arc<str>,
    /// The trigger's id and kind.
    pub trigger: (String, String),
    /// When it was looked at.
    pub at: Timestamp,
    /// Why.
    pub code: RefusalCode,
    /// What was looked at, clause by clause.
    pub clauses: Vec<Clause>,
}

/// The reasons a trigger can be refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefusalCode {
    /// The event is older than the workflow's first deployment, or than `since:`.
    BeforeDeployment,
    /// The workflow is for other programmes.
    OtherProgram,
    /// The partner is not active (or not in `statuses:`).
    NotActive,
    /// The partner's data were erased.
    Erased,
    /// The partner opted out of the topic.
    OptedOut,
    /// The address must not be written to.
    Suppressed,
    /// The partner objects to being judged.
    ObjectsToProfiling,
    /// What the event told is not so any more.
    TriggerRevoked,
    /// `if` is not ✓.
    IfNotMet,
    /// `unless` is not ✗.
    UnlessBlocks,
    /// The value of `once: per …` is missing.
    KeyMissing,
    /// A journey of the same key is running.
    AlreadyActive,
    /// `once` is used up.
    OnceUsed,
    /// This occurrence of a lasting signal, or this event, has begun a journey before.
    AlreadyBegun,
    /// There is no issue the partner has not had.
    NothingNew,
    /// It is a broadcast of a lane, and the partner changed lanes within the last seven days.
    LaneChanged,
    /// It arrived too long after it happened, and `if_late: { skip }` holds.
    TooLate,
    /// It arrived late, and one that happened later began already (`if_late: { latest_only }`).
    NotTheLatest,
}

impl RefusalCode {
    /// All of them.
    pub const ALL: [Self; 18] = [
        Self::BeforeDeployment,
        Self::OtherProgram,
        Self::NotActive,
        Self::Erased,
        Self::OptedOut,
        Self::Suppressed,
        Self::ObjectsToProfiling,
        Self::TriggerRevoked,
        Self::IfNotMet,
        Self::UnlessBlocks,
        Self::KeyMissing,
        Self::AlreadyActive,
        Self::OnceUsed,
        Self::AlreadyBegun,
        Self::NothingNew,
        Self::LaneChanged,
        Self::TooLate,
        Self::NotTheLatest,
    ];

    /// The stable name in SQL, logs, metrics and docs.
    pub fn code(self) -> &'static str {
        match self {
            RefusalCode::BeforeDeployment => "before_deployment",
            RefusalCode::OtherProgram => "other_program",
            RefusalCode::NotActive => "not_active",
            RefusalCode::Erased => "erased",
            RefusalCode::OptedOut => "opted_out",
            RefusalCode::Suppressed => "suppressed",
            RefusalCode::ObjectsToProfiling => "objects_to_profiling",
            RefusalCode::TriggerRevoked => "trigger_revoked",
            RefusalCode::IfNotMet => "if_not_met",
            RefusalCode::UnlessBlocks => "unless_blocks",
            RefusalCode::KeyMissing => "key_missing",
            RefusalCode::AlreadyActive => "already_active",
            RefusalCode::OnceUsed => "once_used",
            RefusalCode::AlreadyBegun => "already_begun",
            RefusalCode::NothingNew => "nothing_new",
            RefusalCode::LaneChanged => "lane_changed",
            RefusalCode::TooLate => "too_late",
            RefusalCode::NotTheLatest => "not_the_latest",
        }
    }

    /// The reason for people.
    pub fn about(self) -> &'static str {
        match self {
            RefusalCode::BeforeDeployment => "it happened before the workflow was first applied",
            RefusalCode::OtherProgram => "the workflow is for other programmes",
            RefusalCode::NotActive => "the partner is not active",
            RefusalCode::Erased => "the partner's data were erased",
            RefusalCode::OptedOut => "the partner opted out of the topic",
            RefusalCode::Suppressed => "the address must not be written to",
            RefusalCode::ObjectsToProfiling => "the partner objects to being judged by figures",
            RefusalCode::TriggerRevoked => "what happened was taken back",
            RefusalCode::IfNotMet => "a condition under `if` is not met",
            RefusalCode::UnlessBlocks => "a condition under `unless` is met or not known",
            RefusalCode::KeyMissing => "the value of `once: per …` is missing",
            RefusalCode::AlreadyActive => "a journey is running",
            RefusalCode::OnceUsed => "`once` is used up",
            RefusalCode::AlreadyBegun => "this event has begun a journey before",
            RefusalCode::NothingNew => "there is no new issue",
            RefusalCode::LaneChanged => "the partner changed lanes less than seven days ago",
            RefusalCode::TooLate => "it arrived too long after it happened",
            RefusalCode::NotTheLatest => "it arrived late, and a later one has begun",
        }
    }
}

/// Looks at a workflow's entry for an event whose kind it names. `past` tells all earlier journeys of the partner in this
/// workflow, and is asked when they matter; those of other workflows do no harm.
pub fn consider<P: AsRef<[PastJourney]>>(
    workflow: &Workflow,
    trigger: &EventSnapshot,
    partner: &PartnerKey,
    world: &World<'_>,
    past: impl FnOnce() -> P,
    now: Timestamp,
) -> Entry {
    let mut look = Look { clauses: vec![when_clause(trigger)], explains: true, workflow, trigger, now };
    match look.judge(partner, world, past) {
        Err(code) => look.refuse(code),
        Ok(Way::Join(id)) => Entry::Join(id),
        Ok(Way::Begin { key, run, drawn }) => Entry::Begin(Box::new(look.begin(partner, key, run, drawn, world))),
    }
}

/// The code with which [`consider`] refuses, without a word on what was looked at; none where something begins. For whoever knows
/// already that it is refused so, which is nearly every look.
pub fn refusal_of<P: AsRef<[PastJourney]>>(
    workflow: &Workflow,
    trigger: &EventSnapshot,
    partner: &PartnerKey,
    world: &World<'_>,
    past: impl FnOnce() -> P,
    now: Timestamp,
) -> Option<RefusalCode> {
    let mut look = Look { clauses: Vec::new(), explains: false, workflow, trigger, now };
    look.judge(partner, world, past).err()
}

struct Look<'a> {
    workflow: &'a Workflow,
    trigger: &'a EventSnapshot,
    now: Timestamp,
    clauses: Vec<Clause>,
    /// Whether anybody will read what the conditions saw.
    explains: bool,
}

/// What a trigger leads to that is not refused.
enum Way {
    Join(JourneyId),
    Begin { key: String, run: u32, drawn: Option<(f64, bool)> },
}

impl Look<'_> {
    fn judge<P: AsRef<[PastJourney]>>(
        &mut self,
        partner: &PartnerKey,
        world: &World<'_>,
        past: impl FnOnce() -> P,
    ) -> Result<Way, RefusalCode> {
        let (workflow, trigger, now) = (self.workflow, self.trigger, self.now);
        self.at_partner(partner, world)?;
        let variables = Variables::default();
        let start = world.facts.start_mark();
        let since = Since { started_at: now, start: Some(&start) };
        let scope = world.scope(trigger, &variables, since);
        let by_person = trigger.kind == OPERATOR_COMMAND;
        if !by_person {
            self.at_conditions(&scope)?;
        }
        let told = past();
        let past: &[PastJourney] = told.as_ref();
        let own = || past.iter().filter(|earlier| workflow.owns(&earlier.workflow));
        if workflow.entry.combine.is_some()
            && let Some(open) =
                own().find(|earlier| earlier.active && earlier.open_until.is_some_and(|until| until > now))
        {
            return if open.triggers.contains(&trigger.id) {
                Err(RefusalCode::AlreadyActive)
            } else {
                Ok(Way::Join(open.id.clone()))
            };
        }
        let key = key(&workflow.entry.once, trigger, &scope).ok_or(RefusalCode::KeyMissing)?;
        let same_key = || own().filter(|earlier| earlier.key == key);
        self.at_once(own(), same_key(), world)?;
        self.at_lateness(own(), world)?;
        let drawn = if by_person { None } else { self.drawn(partner, world, &scope) };
        let run = u32::try_from(same_key().count()).unwrap_or(u32::MAX);
        Ok(Way::Begin { key, run, drawn })
    }

    fn refuse(self, code: RefusalCode) -> Entry {
        Entry::Refuse(Refusal {
            workflow: self.workflow.id.clone(),
            version: self.workflow.version.clone(),
            trigger: (self.trigger.id.clone(), self.trigger.kind.clone()),
            at: self.now,
            code,
            clauses: self.clauses,
        })
    }

    fn at_partner(&mut self, partner: &PartnerKey, world: &World<'_>) -> Result<(), RefusalCode> {
        let entry = &self.workflow.entry;
        let since = entry.since.map(|day| instant(day.into(), &world.program.zone));
        if since.or(world.deployed_at).is_some_and(|since| self.trigger.occurred_at < since) {
            return Err(RefusalCode::BeforeDeployment);
        }
        if !entry.programs.is_empty() && !entry.programs.contains(partner.program.as_str()) {
            return Err(RefusalCode::OtherProgram);
        }
        let facts = world.facts;
        if facts.erased() {
            return Err(RefusalCode::Erased);
        }
        if !entry.statuses.contains(facts.status()) {
            self.clauses.push(fixed(format!("partner.status is {}", facts.status()), false));
            return Err(RefusalCode::NotActive);
        }
        if self.workflow.is_marketing() {
            if facts.opted_out(&self.workflow.mail.topic) {
                return Err(RefusalCode::OptedOut);
            }
            if facts.suppressed() {
                return Err(RefusalCode::Suppressed);
            }
        }
        if facts.objects_to_profiling() && is_lasting(&self.trigger.kind) {
            return Err(RefusalCode::ObjectsToProfiling);
        }
        if self.trigger.kind == BROADCAST
            && of_a_lane(self.workflow)
            && let Some(changed) = facts.lane_changed_at().filter(|at| add(*at, &LANE_RESTS, world.locale()) > self.now)
        {
            let text =
                format!("lane: changed {}, no broadcast of a lane for 7 days", day(changed, world.locale().zone));
            self.clauses.push(fixed(text, false));
            return Err(RefusalCode::LaneChanged);
        }
        if facts.is_revoked(self.trigger) {
            return Err(RefusalCode::TriggerRevoked);
        }
        if self.trigger.kind == BROADCAST && self.lacks_an_issue(world) {
            return Err(RefusalCode::NothingNew);
        }
        Ok(())
    }

    /// It is a newsletter, no issue's day has come, and nothing else is to go out in its place.
    fn lacks_an_issue(&self, world: &World<'_>) -> bool {
        let id = &self.workflow.id;
        let in_vain = |step: &Step| match &step.verb {
            Verb::Email(email) => matches!(email.mail, MailName::Issue) && email.or_else.is_none(),
            _ => false,
        };
        self.workflow.steps.iter().any(in_vain)
            && world.newest_issue(id, self.now).is_none()
            && world.mail(id, ISSUE).is_none()
    }

    fn at_conditions(&mut self, scope: &dyn Scope) -> Result<(), RefusalCode> {
        let entry = &self.workflow.entry;
        // Both are explained in full before the verdict: a refusal shows every clause.
        if let Some(condition) = entry.if_.as_ref().filter(|_| self.explains) {
            self.clauses.extend(condition.explain(scope));
        }
        if let Some(condition) = entry.unless.as_ref().filter(|_| self.explains) {
            self.clauses.extend(crate::explain::unless(condition.explain(scope)));
        }
        if !holds_if(entry.if_.as_ref(), scope) {
            return Err(RefusalCode::IfNotMet);
        }
        if blocks_unless(entry.unless.as_ref(), scope) {
            return Err(RefusalCode::UnlessBlocks);
        }
        Ok(())
    }

    fn at_once<'a>(
        &mut self,
        mut own: impl Iterator<Item = &'a PastJourney>,
        same_key: impl Iterator<Item = &'a PastJourney>,
        world: &World<'_>,
    ) -> Result<(), RefusalCode> {
        if self.trigger.kind == BROADCAST && own.by_ref().any(|earlier| earlier.triggers.contains(&self.trigger.id)) {
            return Err(RefusalCode::NothingNew);
        }
        let once = &self.workflow.entry.once;
        let mut last_used: Option<Timestamp> = None;
        for earlier in same_key {
            if earlier.active {
                return Err(RefusalCode::AlreadyActive);
            }
            if earlier.used {
                last_used = last_used.max(Some(earlier.started_at));
            }
        }
        // A lasting signal is looked at again every day until a journey begins, whatever became of that journey. An event
        // that joined another journey is used up with it.
        let begun_by_it = own.find(|earlier| earlier.triggers.contains(&self.trigger.id));
        if begun_by_it.is_some_and(|earlier| earlier.active || earlier.used || lasts(&self.trigger.kind)) {
            return Err(RefusalCode::AlreadyBegun);
        }
        let Some(last_used) = last_used else { return Ok(()) };
        let free_at = match once {
            Once::Every(length) => Some(add(last_used, length, world.locale())),
            Once::PerPartner | Once::PerEvent | Once::Per(_) => None,
        };
        if free_at.is_some_and(|free_at| free_at <= self.now) {
            return Ok(());
        }
        let zone = world.locale().zone;
        let text = match free_at {
            Some(free_at) => format!("once: last began {}, again from {}", day(last_used, zone), day(free_at, zone)),
            None => format!("once: began {}", day(last_used, zone)),
        };
        self.clauses.push(fixed(text, false));
        Err(RefusalCode::OnceUsed)
    }

    fn at_lateness<'a>(
        &mut self,
        mut own: impl Iterator<Item = &'a PastJourney>,
        world: &World<'_>,
    ) -> Result<(), RefusalCode> {
        let trigger = self.trigger;
        let Some(late) =
            self.workflow.entry.if_late.as_ref().filter(|_| is_late(self.workflow, trigger, world, self.now))
        else {
            return Ok(());
        };
        let later = |earlier: &PastJourney| earlier.occurred_at.is_some_and(|at| at > trigger.occurred_at);
        let refused = match late.then {
            Late::Send => return Ok(()),
            Late::Skip => RefusalCode::TooLate,
            Late::LatestOnly if own.any(later) => RefusalCode::NotTheLatest,
            Late::LatestOnly => return Ok(()),
        };
        let text = format!("if_late: happened {}", day(trigger.occurred_at, world.locale().zone));
        self.clauses.push(fixed(text, false));
        Err(refused)
    }

    /// The draw: its share, and whether the partner is held out. `None` when there is none.
    fn drawn(&mut self, partner: &PartnerKey, world: &World<'_>, scope: &dyn Scope) -> Option<(f64, bool)> {
        let holdout = self.workflow.entry.holdout.as_ref()?;
        // An exception that is not known excepts: nobody loses a mail because a value is missing.
        let excepted = holdout.except.as_ref().is_some_and(|except| !except.judge(scope).is_false());
        if excepted || world.facts.objects_to_profiling() {
            return None;
        }
        let (program, id) = (partner.program.as_str(), partner.partner.as_str());
        let held_out = rapport_contact::held_out(world.holdout_seed, program, id, &self.workflow.id, holdout.percent);
        Some((holdout.percent, held_out))
    }

    fn begin(
        self,
        partner: &PartnerKey,
        key: String,
        run: u32,
        drawn: Option<(f64, bool)>,
        world: &World<'_>,
    ) -> Journey {
        let held_out = drawn.is_some_and(|(_, held_out)| held_out);
        let Look { workflow, trigger, now, clauses, .. } = self;
        let combine = workflow.entry.combine.as_ref();
        let began = TraceLine {
            at: now,
            step: None,
            code: if held_out { "held_out" } else { "began" }.to_owned(),
            detail: trigger.kind.clone(),
            clauses: Vec::new(),
        };
        Journey {
            id: JourneyId::new(&workflow.id, partner, &key, run),
            workflow: workflow.id.clone(),
            version: workflow.version.clone(),
            texts: workflow.mails_pinned.then(|| world.rulebook.hash.clone()),
            key,
            partner: partner.clone(),
            trigger: trigger.clone(),
            joined: combine.map(|_| vec![trigger.clone()]).unwrap_or_default(),
            open_until: combine.filter(|_| !held_out).map(|combine| add(now, &combine.within, world.locale())),
            started_at: now,
            start: world.facts.start_mark(),
            state: match held_out {
                true => State::Exited { at: now, reason: ExitReason::HeldOut },
                false => State::Ready,
            },
            seq: 0,
            anchor: now,
            acted: false,
            held_out,
            drawn: drawn.map(|(share, _)| share),
            variables: Variables::default(),
            met: Vec::new(),
            last_mail_at: None,
            evidence: clauses,
            history: vec![began],
        }
    }
}

/// Whether a broadcast chooses its audience by lane.
fn of_a_lane(workflow: &Workflow) -> bool {
    workflow.timed.iter().any(|timed| match timed {
        Timed::Broadcast { audience, .. } => audience.names().into_iter().any(|name| name == "lane"),
        _ => false,
    })
}

/// Whether a trigger arrives later than `if_late` allows.
pub fn is_late(workflow: &Workflow, trigger: &EventSnapshot, world: &World<'_>, now: Timestamp) -> bool {
    let late = workflow.entry.if_late.as_ref();
    late.is_some_and(|late| add(trigger.occurred_at, &late.after, world.locale()) < now)
}

/// What makes a journey one among those of the partner: see [`Once`].
fn key(once: &Once, trigger: &EventSnapshot, scope: &dyn Scope) -> Option<String> {
    match once {
        Once::PerPartner | Once::Every(_) => Some(String::new()),
        Once::PerEvent => Some(trigger.id.clone()),
        Once::Per(expr) => match expr.value(scope) {
            Value::Missing => None,
            value => Some(value.to_string()),
        },
    }
}

fn when_clause(trigger: &EventSnapshot) -> Clause {
    let summary = trigger.payload.get("summary").and_then(serde_json::Value::as_str);
    let seen = summary.map(|summary| ("event.summary".to_owned(), summary.to_owned()));
    Clause { seen: seen.into_iter().collect(), ..fixed(format!("when {}", trigger.kind), true) }
}

fn day(at: Timestamp, zone: &jiff::tz::TimeZone) -> String {
    at.to_zoned(zone.clone()).strftime("%-d %b %Y").to_string()
}
