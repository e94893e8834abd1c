//! The mailer's half of the store (DESIGN.md 4.7).
//!
//! The unit of a claim is the recipient: whoever holds its row decides about all its due mail, and while a message of it is in hand
//! (`recipient.attempting`) nobody else sees it. Caps, order, priority and one copy per address therefore hold for any number of
//! mailers. Locks are taken in one order everywhere: recipient before message; of attempts that end together all recipients, then all
//! messages.

mod claim;
mod leave;
mod settle;

use rapport_contact::Kind;
use rapport_engine::ports::rows::MessageRow;
use rapport_engine::ports::store::StoreError;

use crate::SqlStore;
use crate::sql::queries::mail as sql;
use crate::sql::{Row, cells};

impl SqlStore {
    pub(crate) async fn read_message(&self, id: &str) -> Result<Option<MessageRow>, StoreError> {
        self.reader().await?.fetch(&sql::GET, &cells![id]).await?.first().map(message_row).transpose()
    }
}

/// id, shard, program, partner, workflow, journey, step, mail, rulebook, kind, topic, priority, policy, planned_at, due, expires, context
pub(crate) fn message_row(row: &Row) -> Result<MessageRow, StoreError> {
    Ok(MessageRow {
        id: row.text(0)?,
        shard: row.number(1)?,
        key: row.key(2)?,
        workflow: row.text(4)?,
        journey: row.text(5)?,
        step: row.text(6)?,
        mail: row.text(7)?,
        rulebook: row.text(8)?,
        kind: row.text(9)?,
        topic: row.text(10)?,
        priority: row.number(11)?,
        policy: row.text(12)?,
        planned_at: row.instant(13)?,
        due: row.instant(14)?,
        expires: row.instant(15)?,
        context: row.text(16)?,
    })
}

/// The kind a caps count knows; the schema admits no third.
fn kind(code: &str) -> Result<Kind, StoreError> {
    match code {
        "marketing" => Ok(Kind::Marketing),
        "service" => Ok(Kind::Service),
        _ => Err(StoreError::Damaged(format!("mail of kind `{code}`"))),
    }
}
