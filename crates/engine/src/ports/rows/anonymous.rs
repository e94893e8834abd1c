//! Answers to anonymous surveys: counts without anybody in them, and beside them the tickets that were used.

use jiff::Timestamp;
use rapport_event::id::ProgramId;

/// Fewer answers than these are never told, nor are so few added to what was told before: whoever subtracts one report from another
/// sees at least so many people at once.
pub const ANSWERS_TOLD_MIN: i64 = 5;

/// An answer to an anonymous survey. Says neither who gave it nor when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnonymousAnswer {
    /// The programme.
    pub program: ProgramId,
    /// The survey's id.
    pub survey: String,
    /// The period it was asked in, by its name.
    pub period: String,
    /// The choice's id.
    pub answer: String,
    /// What stood for the partner in the link. It is kept apart from the answer, so that the link answers once.
    pub ticket: String,
    /// From when on no link of the period answers any more: the same for all of them. Tickets are forgotten then.
    pub closes_at: Timestamp,
}

/// How often something was answered to an anonymous survey, as far as it may be told.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct AnonymousTally {
    /// The survey's id.
    pub survey: String,
    /// The period, by its name.
    pub period: String,
    /// The choice's id.
    pub answer: String,
    /// How often.
    pub answers: i64,
}
