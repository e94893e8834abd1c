//! A message as tests of the mailer take it, with the fields that do not matter filled in.

use jiff::Timestamp;
use rapport_event::id::PartnerKey;

use crate::ports::{rows::MessageRow, store::DueMessage};

/// Marketing for one partner, planned, due and expired at the beginning of time.
pub fn message(id: &str) -> MessageRow {
    MessageRow {
        id: id.to_owned(),
        shard: 0,
        key: PartnerKey::new("shop", "ada").unwrap(),
        workflow: String::new(),
        journey: String::new(),
        step: String::new(),
        mail: String::new(),
        rulebook: String::new(),
        kind: "marketing".to_owned(),
        topic: String::new(),
        priority: 0,
        policy: "at_most_once".to_owned(),
        planned_at: Timestamp::UNIX_EPOCH,
        due: Timestamp::UNIX_EPOCH,
        expires: Timestamp::UNIX_EPOCH,
        context: String::new(),
    }
}

/// It as a claim finds it, never tried and held by nobody.
pub fn due(message: MessageRow) -> DueMessage {
    DueMessage { message, person: String::new(), held: None, holders: Vec::new(), attempts: 0 }
}
