//! Everything stored about one partner, as `explain` shows it.

use jiff::Timestamp;

use crate::ports::rows::{
    JourneyRow, MessageRow, MessageState, PartnerRow, RefusalRow, RelayReply, SignalRow, TaskRow,
};

/// One partner's story.
#[derive(Debug, Clone)]
pub struct Story {
    /// State.
    pub partner: PartnerRow,
    /// Merged personal fields as a JSON object.
    pub person: Option<String>,
    /// Journeys, oldest first.
    pub journeys: Vec<JourneyRow>,
    /// Messages, oldest first.
    pub messages: Vec<ToldMessage>,
    /// Signals, oldest first.
    pub signals: Vec<SignalRow>,
    /// The last refusal per workflow.
    pub refusals: Vec<RefusalRow>,
    /// Tasks.
    pub tasks: Vec<TaskRow>,
    /// Offsets of records that wait because the partner is quarantined, with the reason.
    pub parked: Vec<(i64, String)>,
}

impl Story {
    /// Whether the journey is theirs.
    #[must_use]
    pub fn has_journey(&self, id: &str) -> bool {
        self.journeys.iter().any(|journey| journey.id == id)
    }
}

/// A message with what became of it.
#[derive(Debug, Clone)]
pub struct ToldMessage {
    /// As planned.
    pub message: MessageRow,
    /// Where it is.
    pub state: MessageState,
    /// Last reason (deferral, suppression, failure), or the server's words.
    pub reason: Option<String>,
    /// When its state last changed.
    pub changed_at: Timestamp,
    /// What the relay said when it accepted it.
    pub reply: Option<RelayReply>,
    /// The message that it travelled with in a digest.
    pub carrier: Option<String>,
}
