//! How long rows are kept that no decision asks for any more. Suppressions, consent, what was accepted and the audit are in no
//! class: nothing removes them.

pub use rapport_workflow::config::{DataClass, Retention};

/// Rows that are removed together, in one transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Ids of activity, by which duplicates are known; by the clock of their shard.
    ActivityIds,
    /// One whose keep the rulebook says.
    Data(DataClass),
    /// Clicks that nobody judged, and those that were forgotten to be forgotten.
    Clicks,
    /// What counts mails to a provider, and those that left a mailer's hand on another way than by its word.
    Pace,
    /// Days of warm-ups: nobody counts a day that is over.
    WarmUp,
    /// Instants of the log, and shards' parts of closed days.
    LogMarks,
    /// Links that asked for anonymous answers, after they close.
    SurveyTickets,
    /// Processes that never said good-bye.
    Processes,
}

impl Class {
    /// The name in logs and metrics.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::ActivityIds => "activity_ids",
            Self::Data(class) => class.code(),
            Self::Clicks => "clicks",
            Self::Pace => "pace",
            Self::WarmUp => "warm_up",
            Self::LogMarks => "log_marks",
            Self::SurveyTickets => "survey_tickets",
            Self::Processes => "processes",
        }
    }
}

/// A class and how long it is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keep {
    /// Which rows.
    pub class: Class,
    /// Whole days; of survey tickets after they close.
    pub days: u32,
}

impl Keep {
    /// Every class, in the order in which they are looked at.
    #[must_use]
    pub fn all(history_days: u32, retention: &Retention) -> Vec<Self> {
        let fixed = [
            (Class::ActivityIds, 1),
            (Class::Clicks, 1),
            (Class::Pace, 1),
            (Class::WarmUp, 60),
            (Class::LogMarks, history_days),
            (Class::SurveyTickets, 0),
            (Class::Processes, 1),
        ];
        let data = DataClass::ALL.map(|class| (Class::Data(class), retention.days(class)));
        fixed.into_iter().chain(data).map(|(class, days)| Self { class, days }).collect()
    }
}
