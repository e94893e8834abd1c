//! How long rows are kept that no decision asks for any more. Suppressions, consent, service mail and the audit are in no
//! class: nothing removes them.

use serde_json::Value;

pub use rapport_workflow::config::{DataClass, Retention};

/// Rows that are removed together, in one transaction or, where that may be much, a piece at a time.
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

/// The body of a journey that is over without why it was let in and what happened in it; `None` where there is nothing of either.
///
/// What may be asked for stays: `once`, the draw of a holdout and notices go by when it ran, what began it and how it ended, and by
/// the steps that planned its mails.
#[must_use]
pub fn without_explanation(body: &str) -> Option<String> {
    let mut body: Value = serde_json::from_str(body).ok()?;
    let mut removed = 0;
    for part in ["evidence", "history"] {
        let Some(Value::Array(lines)) = body.get_mut(part) else { continue };
        let before = lines.len();
        lines.retain(|line| line.get("code").and_then(Value::as_str) == Some("planned"));
        removed += before - lines.len();
    }
    (removed > 0).then(|| body.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_journey_keeps_what_may_be_asked_for() {
        let body = r#"{"drawn":12.5,"evidence":[{"text":"a","truth":"true"}],"history":[{"code":"began"},{"code":"planned","step":"hello"}],"key":"k"}"#;
        let emptied = without_explanation(body).unwrap();
        assert_eq!(emptied, r#"{"drawn":12.5,"evidence":[],"history":[{"code":"planned","step":"hello"}],"key":"k"}"#);
        assert_eq!(without_explanation(&emptied), None, "there is nothing left to take out");
        assert_eq!(without_explanation(r#"{"key":"k"}"#), None);
        assert_eq!(without_explanation("not of ours"), None);
    }
}
