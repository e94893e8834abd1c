//! What came back about mail: each report once, with what follows from it.

use jiff::Timestamp;
use rapport_contact::breaker::Tally;
use rapport_engine::ports::rows::{OutboxRow, Response, ResponseRow};
use rapport_engine::ports::store::{DomainTally, FeedbackRow, StoreError, SuppressionChange};
use rapport_event::id::PartnerKey;

use crate::SqlStore;
use crate::commit::write_outbox;
use crate::person::write_changes;
use crate::sql::queries::{feedback as sql, story};
use crate::sql::{Row, cells};

impl SqlStore {
    /// What was said about a partner's mail, or their address by its key, oldest first.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn reports_about(&self, key: &PartnerKey, address: Option<&str>) -> Result<Vec<FeedbackRow>, StoreError> {
        let cells = cells![key.program.as_str(), key.partner.as_str(), address.unwrap_or_default()];
        let rows = self.reader().await?.fetch(&sql::ABOUT, &cells).await?;
        rows.iter()
            .map(|row| {
                Ok(FeedbackRow {
                    id: row.text(0)?,
                    origin: row.text(1)?,
                    what: row.text(2)?,
                    address: row.opt_text(3)?,
                    message: row.opt_text(4)?,
                    workflow: row.opt_text(5)?,
                    at: row.instant(6)?,
                })
            })
            .collect()
    }

    /// What a partner did about the mails they got, first done first.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn responses_of(&self, key: &PartnerKey) -> Result<Vec<ResponseRow>, StoreError> {
        let cells = cells![key.program.as_str(), key.partner.as_str()];
        let rows = self.reader().await?.fetch(&story::RESPONSES, &cells).await?;
        rows.iter()
            .map(|row| {
                let code = row.text(1)?;
                Ok(ResponseRow {
                    key: key.clone(),
                    message: row.text(0)?,
                    what: Response::parse(&code)
                        .ok_or_else(|| StoreError::Damaged(format!("a response is `{code}`")))?,
                    at: row.instant(2)?,
                })
            })
            .collect()
    }

    pub(crate) async fn write_feedback(
        &self,
        rows: &[FeedbackRow],
        changes: &[SuppressionChange],
        told: &[OutboxRow],
    ) -> Result<bool, StoreError> {
        let mut session = self.begin().await?;
        for row in rows {
            let (address, message, workflow) =
                (row.address.as_deref(), row.message.as_deref(), row.workflow.as_deref());
            let cells = cells![&row.id, &row.origin, &row.what, address, message, workflow, row.at];
            if session.execute(&sql::TAKE, &cells).await? == 0 {
                session.rollback().await?;
                return Ok(false);
            }
        }
        write_changes(&mut session, changes).await?;
        write_outbox(&mut session, told).await?;
        session.commit().await?;
        Ok(true)
    }

    pub(crate) async fn read_reported_workflows(&self, since: Timestamp) -> Result<Vec<String>, StoreError> {
        self.reader().await?.fetch(&sql::WORKFLOWS, &cells![since]).await?.iter().map(|row| row.text(0)).collect()
    }

    pub(crate) async fn read_tallies(&self, workflow: &str, since: Timestamp) -> Result<Vec<DomainTally>, StoreError> {
        let rows = self.reader().await?.fetch(&sql::TALLIES, &cells![workflow, since]).await?;
        let tally = |row: &Row| {
            let tally = Tally { mails: row.number(1)?, bounced: row.number(2)?, complained: row.number(3)? };
            Ok(DomainTally { domain: row.text(0)?, tally })
        };
        rows.iter().map(tally).collect()
    }

    pub(crate) async fn count_feedback(&self, address: &str, what: &str, since: Timestamp) -> Result<i64, StoreError> {
        let rows = self.reader().await?.fetch(&sql::COUNT, &cells![address, what, since]).await?;
        rows.first().map_or(Ok(0), |row| row.int(0))
    }
}
