//! Rows of what others do for a journey: tasks and cases of people, calls of other systems.

use jiff::Timestamp;
use rapport_event::id::PartnerKey;

use super::OutboxRow;

/// Something a person does: a task, or a case.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskRow {
    /// Which of the two.
    pub kind: TaskKind,
    /// Deterministic id.
    pub id: String,
    /// About whom.
    pub key: PartnerKey,
    /// The workflow.
    pub workflow: String,
    /// The journey.
    pub journey: String,
    /// For whom: a sender's name or a manager's address.
    pub assignee: String,
    /// What is to be done.
    pub text: String,
    /// Choices, when it is a question.
    pub choices: Vec<String>,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// When it is due.
    pub due: Option<Timestamp>,
    /// What opened it: `workflow`, `reply`, or `person:NAME`.
    pub opened_by: String,
    /// How it ended; open as long as there is none.
    pub ended: Option<TaskEnd>,
}

/// What kind of thing a person does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TaskKind {
    /// Done, or answered with one of its choices.
    Task,
    /// Has an objective and an owner, and ends with an outcome.
    Case,
}

impl TaskKind {
    /// The name in SQL and commands.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Task => "task",
            Self::Case => "case",
        }
    }

    /// The kind of this name.
    #[must_use]
    pub fn parse(code: &str) -> Option<Self> {
        [Self::Task, Self::Case].into_iter().find(|kind| kind.code() == code)
    }
}

/// How a task or case ended.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskEnd {
    /// When.
    pub at: Timestamp,
    /// Who; `rapport` where the journey took the default or is over.
    pub by: String,
    /// `done`, a choice, a case's outcome, or why nobody has to do it any more.
    pub outcome: String,
    /// What was noted, for people.
    pub note: Option<String>,
}

/// A question that nobody has to answer any more; one that was answered meanwhile stays answered.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskClosed {
    /// The task.
    pub id: String,
    /// When.
    pub at: Timestamp,
    /// The answer taken, or why it is not wanted any more.
    pub outcome: String,
}

/// A call of another system, planned by a journey.
#[derive(Debug, Clone, PartialEq)]
pub struct CallRow {
    /// Deterministic id; every try carries it.
    pub id: String,
    /// About whom.
    pub key: PartnerKey,
    /// Its shard.
    pub shard: u32,
    /// The workflow.
    pub workflow: String,
    /// The journey that waits.
    pub journey: String,
    /// The step.
    pub step: String,
    /// The hook.
    pub hook: String,
    /// `webhook` or `slack`.
    pub kind: String,
    /// Whether the hook may be in a private network.
    pub private: bool,
    /// What is told, as JSON; personal fields as `{{partner.name}}`.
    pub body: String,
    /// When it was planned.
    pub planned_at: Timestamp,
    /// Not tried before this.
    pub due: Timestamp,
    /// Not tried after this.
    pub expires: Timestamp,
}

/// A call under a lease.
#[derive(Debug, Clone, PartialEq)]
pub struct TakenCall {
    /// The call.
    pub call: CallRow,
    /// Which try this is, 1 first; a later one makes this one's end void.
    pub attempt: i64,
    /// Why the last try failed.
    pub reason: Option<String>,
}

/// What a try came to.
#[derive(Debug, Clone, PartialEq)]
pub enum CallSettled {
    /// It is over.
    Ended(CallEnd),
    /// Tried again from `due` on.
    Again {
        /// Not before.
        due: Timestamp,
        /// Why.
        reason: String,
    },
}

/// How a call ended, with the record that tells its journey.
#[derive(Debug, Clone, PartialEq)]
pub struct CallEnd {
    /// Whether the other side took it.
    pub delivered: bool,
    /// Why not.
    pub reason: String,
    /// When.
    pub at: Timestamp,
    /// The record.
    pub outbox: OutboxRow,
}
