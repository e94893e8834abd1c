//! What people decide about running things: mail that waits for them, and the record of every decision.

use jiff::Timestamp;
use rapport_event::id::PartnerKey;

use super::rows::{MessageRow, OutboxRow, TaskEnd, TaskKind, TaskRow};

/// Which mail waits. What is not given is any: nothing given is all mail.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PauseScope {
    /// The workflow's folder name.
    pub workflow: Option<String>,
    /// The partner.
    pub key: Option<PartnerKey>,
    /// One journey.
    pub journey: Option<String>,
    /// Only marketing mail of the workflow to this provider's mailboxes ([`rapport_contact::provider_of`]). Such mail is judged
    /// and put off by the contact policy; nothing else waits for it.
    pub provider: Option<String>,
}

impl PauseScope {
    /// Whether the message waits; where a provider is named, if its address is one of that provider's.
    #[must_use]
    pub fn covers(&self, message: &MessageRow) -> bool {
        (self.provider.is_none() || message.kind == "marketing")
            && self.workflow.as_ref().is_none_or(|workflow| *workflow == message.workflow)
            && self.key.as_ref().is_none_or(|key| *key == message.key)
            && self.journey.as_ref().is_none_or(|journey| *journey == message.journey)
    }
}

/// Mail that waits because a person said so. It waits as long as the row is there; a mailer takes rows away whose time is
/// over, so that what waited is spread and not let go in a burst.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PauseRow {
    /// `all`, `incident`, `workflow:ID`, `provider:WORKFLOW:PROVIDER`, `partner:PROGRAM/ID`, `journey:ID`. Pausing again replaces.
    pub id: String,
    /// Which mail.
    pub scope: PauseScope,
    /// Since when.
    pub since: Timestamp,
    /// Until when; `None` until somebody ends it.
    pub until: Option<Timestamp>,
    /// Who said so.
    pub by: String,
    /// Why.
    pub because: String,
}

/// A line of the audit: somebody did, or was refused, something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditRow {
    /// Deterministic, so that writing it twice is one line.
    pub id: String,
    /// When.
    pub at: Timestamp,
    /// Who; `rapport` for what ended by itself.
    pub by: String,
    /// Who agreed, where a second person is needed.
    pub approved_by: Option<String>,
    /// `apply`, `pause`, `pause_end`, `hold`, `hold_end`, `incident_start`, `incident_stop`, `journey_start` …
    pub action: String,
    /// What it was about: a workflow, a partner, a hash.
    pub subject: String,
    /// Why.
    pub because: Option<String>,
    /// Whether it was carried out; else `detail` says why not.
    pub done: bool,
    /// More, as JSON.
    pub detail: String,
}

impl AuditRow {
    /// Something that was carried out.
    #[must_use]
    pub fn done(action: &str, subject: &str, by: &str, at: Timestamp) -> Self {
        Self {
            id: format!("{action}:{subject}:{by}:{}", at.as_millisecond()),
            at,
            by: by.to_owned(),
            approved_by: None,
            action: action.to_owned(),
            subject: subject.to_owned(),
            because: None,
            done: true,
            detail: "{}".to_owned(),
        }
    }
}

/// A pause to be ended, and what becomes of the mail that waited.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lift {
    /// The pause.
    pub id: String,
    /// When.
    pub at: Timestamp,
    /// Only if its time is over by then.
    pub only_if_over: bool,
    /// Marketing mail that waited becomes due again one by one, this many milliseconds apart, those of higher priority first.
    /// Service mail and what has expired is looked at at once.
    pub apart_ms: i64,
}

/// One decision with everything that follows, written in one transaction.
#[derive(Debug, Clone, PartialEq)]
pub struct Operation {
    /// The line of the audit.
    pub audit: AuditRow,
    /// If a line of that id is there already, nothing is written: several processes that see the same reason act once.
    pub once: bool,
    /// A pause that begins, or replaces the one of its id.
    pub begin: Option<PauseRow>,
    /// A pause that ends. If it is not there (any more) nothing is written.
    pub lift: Option<Lift>,
    /// A task or case that a person opens, ends or hands on. If it is not open (any more) nothing is written.
    pub task: Option<TaskChange>,
    /// Records for the shards.
    pub outbox: Vec<OutboxRow>,
}

/// What a person does about a task or case.
#[derive(Debug, Clone, PartialEq)]
pub enum TaskChange {
    /// Opens it. One of that id is not opened again.
    Open(Box<TaskRow>),
    /// Ends an open one.
    End {
        /// Which.
        id: String,
        /// How.
        end: TaskEnd,
    },
    /// Hands an open one on, or moves its day.
    Assign {
        /// Which.
        id: String,
        /// For whom from now on.
        assignee: String,
        /// Due by then from now on.
        due: Option<Timestamp>,
    },
}

/// Which tasks and cases are asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TaskQuery {
    /// How the id begins; empty is any.
    pub id: String,
    /// Only these.
    pub kind: Option<TaskKind>,
    /// Only open ones.
    pub open: bool,
    /// At most so many.
    pub limit: usize,
}
