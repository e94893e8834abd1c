//! By what two mails to one address are known to be the same.
//!
//! Two partner records can have one address: one person in two programmes, or an agency with two accounts. The same mail of the same
//! workflow, in a broadcast of the same round, is then one mail that would be read twice. Which of them leaves is decided where all
//! of an address's mail is: in the claim of its recipient.

use jiff::Timestamp;
use rapport_event::id::PartnerKey;

use super::rows::MessageRow;

/// A mail that was accepted for an address, or is in doubt, as who looks for copies needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentCopy {
    /// When.
    pub at: Timestamp,
    /// On whose behalf.
    pub key: PartnerKey,
    /// Its workflow.
    pub workflow: String,
    /// Its file, without language and ending.
    pub mail: String,
    /// The broadcast's round; empty for all other mail.
    pub round: String,
}

impl SentCopy {
    /// Whether it is the same mail, for another partner. What a workflow writes to one partner twice is meant.
    #[must_use]
    pub fn is_of(&self, message: &MessageRow) -> bool {
        self.workflow == message.workflow
            && self.mail == message.mail
            && self.key != message.key
            && self.round == round_of(&message.context)
    }
}

/// The round of a broadcast that a message belongs to, by its context; empty for all other mail.
#[must_use]
pub fn round_of(context: &str) -> String {
    #[derive(serde::Deserialize)]
    struct Round {
        round: Option<String>,
    }
    serde_json::from_str::<Round>(context).ok().and_then(|envelope| envelope.round).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mailer::sample;

    #[test]
    fn a_copy_is_the_same_mail_of_the_same_round_for_another_partner() {
        let message = |round: Option<&str>| MessageRow {
            workflow: "news".into(),
            mail: "hello".into(),
            context: serde_json::json!({ "values": {}, "round": round }).to_string(),
            ..sample::message("m")
        };
        let sent = |partner: &str, workflow: &str, mail: &str, round: &str| SentCopy {
            at: Timestamp::UNIX_EPOCH,
            key: PartnerKey::new("shop", partner).unwrap(),
            workflow: workflow.into(),
            mail: mail.into(),
            round: round.into(),
        };
        let elsewhere = SentCopy { key: PartnerKey::new("outlet", "ada").unwrap(), ..sent("ada", "news", "hello", "") };
        assert!(elsewhere.is_of(&message(None)), "one person in two programmes");
        for (copy, round, same) in [
            (sent("bob", "news", "hello", ""), None, true),
            (sent("ada", "news", "hello", ""), None, false),
            (sent("bob", "tips", "hello", ""), None, false),
            (sent("bob", "news", "later", ""), None, false),
            (sent("bob", "news", "hello", "at:1"), Some("at:1"), true),
            (sent("bob", "news", "hello", "at:1"), Some("at:2"), false),
            (sent("bob", "news", "hello", "at:1"), None, false),
        ] {
            assert_eq!(copy.is_of(&message(round)), same, "{copy:?} {round:?}");
        }
        assert_eq!(round_of("no JSON"), "");
    }
}
