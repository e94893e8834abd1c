//! What became of notices, journey by journey: for who must prove that partners were told.

use jiff::Timestamp;
use rapport_engine::ports::rows::{MessageState, RelayReply};
use rapport_engine::ports::store::StoreError;
use rapport_event::id::PartnerKey;

use crate::SqlStore;
use crate::sql::queries::notices as sql;
use crate::sql::{Row, cells};

/// A partner's journey in a notice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoticeJourney {
    /// Its id.
    pub id: String,
    /// Who has to know.
    pub key: PartnerKey,
    /// The journey as it is stored.
    pub body: String,
}

/// A mail of such a journey.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoticeMail {
    /// The journey.
    pub journey: String,
    /// The message.
    pub id: String,
    /// The step's id.
    pub step: String,
    /// Mail file without language and ending.
    pub mail: String,
    /// Where it is.
    pub state: MessageState,
    /// The last reason, or the server's words.
    pub reason: Option<String>,
    /// Whether there was an address to send it to.
    pub has_address: bool,
    /// When the step asked for it.
    pub planned_at: Timestamp,
    /// When its state last changed.
    pub changed_at: Timestamp,
    /// What the relay said when it accepted it.
    pub reply: Option<RelayReply>,
    /// Whether it came back, softly or for good.
    pub bounced: bool,
}

impl SqlStore {
    /// A page of a workflow's journeys after an id, in the order of ids.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn notice_journeys(
        &self,
        workflow: &str,
        after: &str,
        limit: i64,
    ) -> Result<Vec<NoticeJourney>, StoreError> {
        let rows = self.reader().await?.fetch(&sql::JOURNEYS, &cells![workflow, after, limit]).await?;
        rows.iter().map(|row| Ok(NoticeJourney { id: row.text(0)?, key: row.key(1)?, body: row.text(3)? })).collect()
    }

    /// The mails of a workflow's journeys behind one id and up to another, oldest first in each.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn notice_mails(&self, workflow: &str, after: &str, until: &str) -> Result<Vec<NoticeMail>, StoreError> {
        let rows = self.reader().await?.fetch(&sql::MAILS, &cells![workflow, after, until]).await?;
        rows.iter().map(mail).collect()
    }
}

fn mail(row: &Row) -> Result<NoticeMail, StoreError> {
    let state = row.text(4)?;
    Ok(NoticeMail {
        journey: row.text(0)?,
        id: row.text(1)?,
        step: row.text(2)?,
        mail: row.text(3)?,
        state: MessageState::parse(&state)
            .ok_or_else(|| StoreError::Damaged(format!("a message has the state `{state}`")))?,
        reason: row.opt_text(5)?,
        has_address: row.flag(6)?,
        planned_at: row.instant(7)?,
        changed_at: row.instant(8)?,
        reply: row.opt_text(9)?.as_deref().and_then(RelayReply::parse),
        bounced: row.flag(10)?,
    })
}
