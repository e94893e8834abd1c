//! What partners do about mails, noted by the shard that folds the record which tells of it.

use jiff::Timestamp;
use rapport_event::id::PartnerKey;

/// What partners do about a mail. The codes stand in SQL and reports alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Response {
    /// They wrote back.
    Reply,
    /// They answered its survey.
    Answer,
    /// They want no more of its topic, or of anything.
    Unsubscribe,
    /// They followed a counted link.
    Click,
}

impl Response {
    /// The stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Reply => "reply",
            Self::Answer => "answer",
            Self::Unsubscribe => "unsubscribe",
            Self::Click => "click",
        }
    }

    /// The sort of this code.
    #[must_use]
    pub fn parse(code: &str) -> Option<Self> {
        [Self::Reply, Self::Answer, Self::Unsubscribe, Self::Click].into_iter().find(|what| what.code() == code)
    }
}

/// What a partner did about a mail. Each sort counts once for each mail; the first telling stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResponseRow {
    /// Who.
    pub key: PartnerKey,
    /// The message it is about, as the record says. Nobody has looked whether there is such a message of this partner's.
    pub message: String,
    /// What.
    pub what: Response,
    /// When.
    pub at: Timestamp,
}
