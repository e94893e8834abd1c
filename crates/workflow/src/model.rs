//! A compiled workflow: what enters, the flat table of steps, what stops.
//!
//! Steps lie in one table and name their successors by index, so that a journey is simply *at* a step. A step's id
//! (written, or its verb and name) is what a stored journey remembers.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::civil::Date;
use rapport_contact::Overflow;
use rapport_rule::expr::{Condition, Expr, Template};
use rapport_rule::length::Length;
use serde::{Deserialize, Serialize};

use crate::calendar::Wait;
use crate::config::HookKind;
use crate::schedule::Schedule;

/// The values `mail.outcome` can have. A mail in doubt counts as sent.
pub const MAIL_OUTCOMES: [&str; 5] = ["sent", "suppressed", "expired", "failed", "not_planned"];

/// The values `call.outcome` can have.
pub const CALL_OUTCOMES: [&str; 2] = ["delivered", "failed"];

/// A workflow's id: the name of its folder.
pub type WorkflowId = Arc<str>;

/// A workflow's version: hash of everything that decides who enters and what happens to them. Title, owner, sender,
/// topic and mail text are not in it; they are always the live ones.
pub type Version = Arc<str>;

/// One compiled workflow.
#[derive(Debug, Clone)]
pub struct Workflow {
    /// Folder name.
    pub id: WorkflowId,
    /// Content hash, see [`Version`].
    pub version: Version,
    /// `workflow:`, for people.
    pub title: String,
    /// `about:`, for people.
    pub about: Option<String>,
    /// `owner:`, whom to ask.
    pub owner: String,
    /// `mail:`, kind, topic and sender of all its mails.
    pub mail: MailPolicy,
    /// `when:`, the kinds of event that may start it.
    pub when: Vec<KindPattern>,
    /// Triggers that are no event: segments, dates, schedules, a broadcast.
    pub timed: Vec<Timed>,
    /// Who gets in, and how often.
    pub entry: Entry,
    /// `stop_when:`.
    pub stop_when: Vec<StopWhen>,
    /// Whether a reply stops it (not with `on_reply: continue`).
    pub stops_on_reply: bool,
    /// `holds:`, workflows whose mail waits meanwhile.
    pub holds: Option<Holds>,
    /// `priority:`.
    pub priority: Priority,
    /// `in_flight:`, what becomes of journeys inside when this version comes into force.
    pub in_flight: InFlight,
    /// `was:`, the folder's name before: its journeys, its first deployment and what its `once` counted are this one's.
    pub was: Option<WorkflowId>,
    /// `mails: pinned`: journeys keep the texts of the files they began under.
    pub mails_pinned: bool,
    /// `notice:`: its mails tell what partners have to know, and who said that they do is kept.
    pub notice: Option<Notice>,
    /// The steps; a journey begins at index 0.
    pub steps: Vec<Step>,
}

impl Workflow {
    /// The index of the step with this id.
    pub fn step_index(&self, id: &str) -> Option<usize> {
        self.steps.iter().position(|step| &*step.id == id)
    }

    /// The step with this id.
    pub fn step(&self, id: &str) -> Option<&Step> {
        self.steps.iter().find(|step| &*step.id == id)
    }

    /// Whether an event of this kind may start the workflow.
    pub fn starts_on(&self, kind: &str) -> bool {
        self.when.iter().any(|pattern| pattern.matches(kind))
    }

    /// Whether journeys of this workflow's name are its own.
    pub fn owns(&self, id: &str) -> bool {
        *self.id == *id || self.was.as_deref() == Some(id)
    }

    /// The field of an event that says what a journey is about: `payout` with `once: per event.payout`.
    #[must_use]
    pub fn object(&self) -> Option<&str> {
        match &self.entry.once {
            Once::Per(expr) => expr.as_name()?.strip_prefix("event."),
            Once::PerPartner | Once::PerEvent | Once::Every(_) => None,
        }
    }

    /// The surveys its mails carry.
    pub fn surveys(&self) -> impl Iterator<Item = &Arc<str>> {
        self.steps.iter().filter_map(|step| match &step.verb {
            Verb::Email(email) => email.survey.as_ref(),
            _ => None,
        })
    }

    /// Whether its mails are marketing: then the built-in stops hold.
    pub fn is_marketing(&self) -> bool {
        self.mail.kind == MailKind::Marketing
    }
}

/// `notice:`, what partners have to know before a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// The field of the trigger with the day on which the change takes effect: `from` of `event.from`. From then on nobody is
    /// reminded.
    pub effective: Arc<str>,
    /// How long before it partners are told at least.
    pub ahead: Length,
    /// The survey that its mails carry.
    pub survey: Arc<str>,
    /// The answer that acknowledges. It ends the journey.
    pub answer: Arc<str>,
    /// The kind of event by which another system tells of an acknowledgement. It ends the journey too.
    pub event: Option<KindPattern>,
}

impl Notice {
    /// Why a journey is over whose partner acknowledged, in place of what stands under `stop_when`.
    pub const ACKNOWLEDGED: &'static str = "acknowledged";
}

/// A trigger that is no event.
#[derive(Debug, Clone)]
pub enum Timed {
    /// `entered: SEGMENT`. It lasts: entry is looked at again at every day close while the partner is in it.
    Entered(Arc<str>),
    /// `left: SEGMENT`.
    Left(Arc<str>),
    /// `date: partner.contract_ends - 30 days`: the first instant of that day in the programme's zone.
    Date {
        /// The field, with `partner.` before it.
        field: Arc<str>,
        /// How long after the date; before it when `before`.
        shift: Option<Length>,
        /// See `shift`.
        before: bool,
    },
    /// `at: CRON, each: SEGMENT`.
    Each {
        /// When.
        schedule: Schedule,
        /// For whom; everybody when none.
        segment: Option<Arc<str>>,
    },
    /// `send_to:` with `at:` and `over:`.
    Broadcast {
        /// For whom: judged at the time, and again when it is sent.
        audience: Condition,
        /// When.
        schedule: Schedule,
        /// Spread over this long.
        over: Option<Length>,
    },
}

impl Timed {
    /// The segments it asks for.
    pub fn membership(&self) -> Option<&Arc<str>> {
        match self {
            Timed::Entered(segment) | Timed::Left(segment) => Some(segment),
            _ => None,
        }
    }
}

/// The prefix of a newsletter's issues: `issue-2026-12-01.mail.md`.
pub const ISSUE: &str = "issue";

/// The day of an issue, by its mail's name.
pub fn issue_day(mail: &str) -> Option<Date> {
    mail.strip_prefix(ISSUE)?.strip_prefix('-')?.parse().ok()
}

/// `mail:`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailPolicy {
    /// Marketing or service.
    pub kind: MailKind,
    /// A topic of `config/rapport.yaml`.
    pub topic: Arc<str>,
    /// Who signs.
    pub from: Person,
    /// What becomes of a mail of which nobody knows whether it was accepted.
    pub delivery: DeliveryPolicy,
    /// What becomes of a mail that finds no place under a cap.
    pub over_the_cap: Overflow,
}

/// What becomes of a mail of which nobody knows whether it was accepted (DESIGN.md 4.7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryPolicy {
    /// It is kept as in doubt, counts as sent, and a person may resolve it.
    #[default]
    AtMostOnce,
    /// It is sent again with the same Message-ID: better twice than not at all.
    AtLeastOnce,
}

impl DeliveryPolicy {
    /// The names in files and SQL, in the order of the variants.
    pub const CODES: [&str; 2] = ["at_most_once", "at_least_once"];

    /// The name in files and SQL.
    #[must_use]
    pub const fn code(self) -> &'static str {
        let [at_most, at_least] = Self::CODES;
        match self {
            Self::AtMostOnce => at_most,
            Self::AtLeastOnce => at_least,
        }
    }
}

/// What the law calls a mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MailKind {
    /// Needs consent, counts under caps, has a way out.
    Marketing,
    /// A message the contract asks for.
    Service,
}

impl MailKind {
    /// The name in files, SQL and logs.
    pub fn code(self) -> &'static str {
        match self {
            MailKind::Marketing => "marketing",
            MailKind::Service => "service",
        }
    }
}

/// `to:` / `from:` with `or:`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Person {
    /// A declared sender.
    Sender(Arc<str>),
    /// The partner's manager, or this sender where there is none.
    ManagerOr(Arc<str>),
}

/// A kind of event, or a pattern in which `*` is one segment.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct KindPattern(pub Arc<str>);

impl KindPattern {
    /// Whether a kind's name fits.
    pub fn matches(&self, kind: &str) -> bool {
        if !self.0.contains('*') {
            return *self.0 == *kind;
        }
        let (mut wanted, mut found) = (self.0.split('.'), kind.split('.'));
        loop {
            match (wanted.next(), found.next()) {
                (None, None) => return true,
                (Some(segment), Some(name)) if segment == "*" || segment == name => {}
                _ => return false,
            }
        }
    }
}

/// Who gets in, and how often.
#[derive(Debug, Clone)]
pub struct Entry {
    /// `if:`, needs ✓.
    pub if_: Option<Condition>,
    /// `unless:`, needs ✗ throughout; blocks on `?`.
    pub unless: Option<Condition>,
    /// `once:`.
    pub once: Once,
    /// `combine:`.
    pub combine: Option<Combine>,
    /// `since:`, events before this local day start nothing even if the deployment is older.
    pub since: Option<Date>,
    /// `holdout:`.
    pub holdout: Option<Holdout>,
    /// `statuses:`; `active` when unwritten.
    pub statuses: BTreeSet<String>,
    /// `programs:`; all when empty.
    pub programs: BTreeSet<String>,
    /// `at_most: N partners per day`; the others wait for a later day, in the order of their triggers.
    pub at_most: Option<u32>,
    /// `if_late:`, what becomes of a trigger that arrives long after it happened.
    pub if_late: Option<IfLate>,
}

/// `if_late: { skip, after: 2 days }`.
#[derive(Debug, Clone)]
pub struct IfLate {
    /// What becomes of it.
    pub then: Late,
    /// From how long after it happened on it is late.
    pub after: Length,
}

/// What becomes of a trigger that is late.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Late {
    /// As if it had come in time.
    Send,
    /// It starts nothing.
    Skip,
    /// Of several, only the one that happened last goes on; what the others began ends unless it has done something.
    LatestOnly,
}

/// `once:`, which also decides a journey's key.
#[derive(Debug, Clone)]
pub enum Once {
    /// One journey for good.
    PerPartner,
    /// One journey per triggering event.
    PerEvent,
    /// Again when this long has passed since the last start.
    Every(Length),
    /// One journey per value of an expression.
    Per(Expr),
}

/// `combine: { within, pick: largest }`.
#[derive(Debug, Clone)]
pub struct Combine {
    /// How long later triggers may join.
    pub within: Length,
}

/// `holdout:`.
#[derive(Debug, Clone)]
pub struct Holdout {
    /// Share held out, 0–100.
    pub percent: f64,
    /// Who is never held out.
    pub except: Option<Condition>,
}

/// `holds: { workflows, for }`.
#[derive(Debug, Clone)]
pub struct Holds {
    /// Whose mails wait.
    pub workflows: Vec<WorkflowId>,
    /// For how long after the last mail sent.
    pub length: Length,
}

/// What becomes of journeys of older versions.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum InFlight {
    /// They end on their own version.
    #[default]
    Finish,
    /// They go on at the step of the same id, or of the one written here for theirs.
    Migrate(BTreeMap<Arc<str>, Arc<str>>),
    /// They end.
    Stop,
}

/// Which mail is first in line for a place under a cap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Priority {
    /// Last in line.
    Low,
    /// The usual.
    #[default]
    Normal,
    /// First in line; never above a cap.
    High,
}

/// One entry of `stop_when:`.
#[derive(Debug, Clone)]
pub enum StopWhen {
    /// An event that arrives after the journey began.
    Event(KindPattern),
    /// An expression, looked at before every step and after every event.
    True {
        /// As written, for the reason shown.
        text: Arc<str>,
        /// The condition.
        condition: Condition,
    },
}

/// One step of the flat table.
#[derive(Debug, Clone)]
pub struct Step {
    /// `id:`, else verb and name.
    pub id: Arc<str>,
    /// `if:` beside the verb.
    pub if_: Option<Condition>,
    /// `unless:` beside the verb.
    pub unless: Option<Condition>,
    /// What it does.
    pub verb: Verb,
    /// The step after it; `None` ends the journey.
    pub next: Option<usize>,
    /// 1-based line in the workflow file.
    pub line: usize,
}

/// What a step does. Nested blocks are indices of their first step (`None`: straight on to the end).
#[derive(Debug, Clone)]
pub enum Verb {
    /// `email:`.
    Email(Box<Email>),
    /// `wait:`.
    Wait(Wait),
    /// `wait_for:`.
    WaitFor(WaitFor),
    /// `if` with `then`, or `choose`: the first arm that holds.
    Choose {
        /// Conditions in order, each with the first step of its block.
        arms: Vec<Arm>,
        /// `else`; the step after the whole when nothing is written.
        otherwise: Option<usize>,
    },
    /// `split:`, sticky by weight.
    Split(Vec<Way>),
    /// `add_tag:` and `remove_tag:`.
    Tag {
        /// The tag.
        tag: Arc<str>,
        /// Whether it is given; else it is taken away.
        add: bool,
    },
    /// `set:`, labels and what else a programme decides about a partner.
    Set(Vec<SetField>),
    /// `open_case:`.
    OpenCase(Box<Case>),
    /// `webhook:` and `slack:`.
    Call(Box<Call>),
    /// `grant:`, an offer without a mail.
    Grant {
        /// Its id.
        offer: Arc<str>,
    },
    /// `award:`.
    Award(Box<Honour>),
    /// `task:`.
    Task(Box<Task>),
    /// `emit:`, a declared custom kind.
    Emit {
        /// The kind.
        kind: Arc<str>,
    },
    /// `start:`, another workflow: its entry is looked at with this journey's trigger.
    Start {
        /// Its id.
        workflow: WorkflowId,
    },
    /// `exit:`, with a reason for reports.
    Exit {
        /// The reason.
        reason: Arc<str>,
    },
}

impl Verb {
    /// The verb as written.
    pub fn name(&self) -> &'static str {
        match self {
            Verb::Email(_) => "email",
            Verb::Wait(_) => "wait",
            Verb::WaitFor(_) => "wait_for",
            Verb::Choose { .. } => "if",
            Verb::Split(_) => "split",
            Verb::Tag { add: true, .. } => "add_tag",
            Verb::Tag { add: false, .. } => "remove_tag",
            Verb::Set(_) => "set",
            Verb::OpenCase(_) => "open_case",
            Verb::Call(call) => call.kind.code(),
            Verb::Grant { .. } => "grant",
            Verb::Award(_) => "award",
            Verb::Task(_) => "task",
            Verb::Emit { .. } => "emit",
            Verb::Start { .. } => "start",
            Verb::Exit { .. } => "exit",
        }
    }
}

/// One arm of `if` or `choose`.
#[derive(Debug, Clone)]
pub struct Arm {
    /// `if:`, needs ✓.
    pub if_: Option<Condition>,
    /// `unless:` beside it.
    pub unless: Option<Condition>,
    /// First step of its block.
    pub then: Option<usize>,
}

/// One way of a `split`.
#[derive(Debug, Clone)]
pub struct Way {
    /// Its name, for reports.
    pub name: Arc<str>,
    /// Its share, 0–100; the shares of all ways are 100 together.
    pub percent: f64,
    /// First step of its block.
    pub then: Option<usize>,
}

/// `email:`.
#[derive(Debug, Clone)]
pub struct Email {
    /// The mail file's name, maybe a template over closed sets.
    pub mail: MailName,
    /// `with:`, more names for the template.
    pub with: BTreeMap<Arc<str>, With>,
    /// `survey:`.
    pub survey: Option<Arc<str>>,
    /// `offer:`.
    pub offer: Option<Arc<str>>,
    /// `or_else:`, the mail where a templated name's file does not exist.
    pub or_else: Option<Arc<str>>,
    /// First step of `if_not_sent:`.
    pub if_not_sent: Option<usize>,
    /// Whether `if_not_sent:` is written (its block may be empty).
    pub has_if_not_sent: bool,
    /// `expires:`; 3 days for marketing and 7 for service when unwritten.
    pub expires: Length,
}

/// A mail's name.
#[derive(Debug, Clone)]
pub enum MailName {
    /// Written out.
    Fixed(Arc<str>),
    /// Made of values of closed sets.
    Templated(Template),
    /// `issue`: the newest `issue-2026-12-01.mail.md` whose day has come.
    Issue,
}

/// A value under `with:`.
#[derive(Debug, Clone)]
pub enum With {
    /// Text with `{{…}}`.
    Text(Template),
    /// The newest valid items of a feed.
    Feed {
        /// Its id.
        feed: Arc<str>,
        /// How many at most.
        limit: usize,
    },
}

/// `wait_for:`.
#[derive(Debug, Clone)]
pub struct WaitFor {
    /// Any of these.
    pub kinds: Vec<KindPattern>,
    /// How long at most.
    pub at_most: Length,
    /// Only events from now on count (`from: now`), not those since the journey began.
    pub from_now: bool,
    /// First step of `then:`.
    pub then: Option<usize>,
    /// First step of `otherwise:`.
    pub otherwise: Option<usize>,
}

/// `task:`.
#[derive(Debug, Clone)]
pub struct Task {
    /// Who does it.
    pub to: Person,
    /// `text:` or `ask:`.
    pub text: Template,
    /// `due:`.
    pub due: Option<Length>,
    /// `choices:`; with them the journey waits for the answer.
    pub choice: Option<Choice>,
}

/// One field of `set:`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetField {
    /// `labels.stage`, or a stored field: `type`, `manager`, `language`.
    pub field: Arc<str>,
    /// What it becomes; nothing takes it away.
    pub value: Option<Arc<str>>,
}

/// `open_case:`.
#[derive(Debug, Clone)]
pub struct Case {
    /// Who answers for it.
    pub owner: Person,
    /// What is to come about.
    pub objective: Template,
    /// By when.
    pub due: Length,
}

/// `award:`.
#[derive(Debug, Clone)]
pub struct Honour {
    /// The award's id.
    pub award: Arc<str>,
    /// What it is for; what the award says of itself when nothing is written.
    pub because: Option<Template>,
}

/// `webhook:` or `slack:`; the journey waits until it is known what became of it.
#[derive(Debug, Clone)]
pub struct Call {
    /// A hook of `config/hooks.yaml`.
    pub hook: Arc<str>,
    /// Which verb it is.
    pub kind: HookKind,
    /// For how long it is tried.
    pub within: Length,
    /// Whether the hook may be in a private network.
    pub private: bool,
    /// What is told: of Slack the one `text`.
    pub with: Vec<(Arc<str>, CallValue)>,
}

/// A value that is told.
#[derive(Debug, Clone)]
pub enum CallValue {
    /// Text with `{{…}}`.
    Text(Template),
    /// A number or truth as written.
    Fixed(serde_json::Value),
}

/// The answers a task may have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// Closed list.
    pub choices: Vec<Arc<str>>,
    /// The answer when nobody gave one by `due`.
    pub default: Arc<str>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_is_one_segment() {
        let pattern = KindPattern("dip.*".into());
        assert!(pattern.matches("dip.conversions"));
        assert!(!pattern.matches("dip.conversions.recovered"));
        assert!(!pattern.matches("dip"));
        assert!(!pattern.matches("silence.conversions"));
        let plain = KindPattern("dip.conversions".into());
        assert!(plain.matches("dip.conversions"));
        assert!(!plain.matches("dip.conversions.recovered") && !plain.matches("dip"));
        assert!(!KindPattern("dip.con*".into()).matches("dip.conversions"), "within a segment it is a letter");
    }
}
