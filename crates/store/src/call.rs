//! Calls of other systems: taken under a lease, ended once.

use rapport_engine::ports::rows::{CallRow, CallSettled, TakenCall};
use rapport_engine::ports::store::{CallClaim, StoreError};

use crate::SqlStore;
use crate::commit::write_outbox;
use crate::sql::queries::call as sql;
use crate::sql::{Row, cells};

impl SqlStore {
    pub(crate) async fn write_call_claim(&self, claim: &CallClaim) -> Result<Vec<TakenCall>, StoreError> {
        // Mostly there is none, and a look costs no writer anything.
        if self.reader().await?.fetch(&sql::WAITS, &cells![claim.now]).await?.is_empty() {
            return Ok(Vec::new());
        }
        let mut session = self.begin().await?;
        let cells = cells![claim.now, claim.lease_until, claim.limit, claim.clock_at_least];
        let mut taken =
            session.fetch(&sql::CLAIM, &cells).await?.iter().map(taken).collect::<Result<Vec<_>, StoreError>>()?;
        if taken.is_empty() {
            session.rollback().await?;
            return Ok(taken);
        }
        session.commit().await?;
        taken.sort_by(|one, other| (one.call.due, &one.call.id).cmp(&(other.call.due, &other.call.id)));
        Ok(taken)
    }

    pub(crate) async fn write_call_end(
        &self,
        id: &str,
        attempt: i64,
        settled: &CallSettled,
    ) -> Result<bool, StoreError> {
        let mut session = self.begin().await?;
        let changed = match settled {
            CallSettled::Again { due, reason } => {
                session.execute(&sql::AGAIN, &cells![id, attempt, *due, reason]).await?
            }
            CallSettled::Ended(end) => {
                let state = if end.delivered { "delivered" } else { "failed" };
                session.execute(&sql::END, &cells![id, attempt, state, &end.reason, end.at]).await?
            }
        };
        if changed == 0 {
            session.rollback().await?;
            return Ok(false);
        }
        if let CallSettled::Ended(end) = settled {
            write_outbox(&mut session, std::slice::from_ref(&end.outbox)).await?;
        }
        session.about().concluded = true;
        session.commit().await?;
        Ok(true)
    }
}

fn taken(row: &Row) -> Result<TakenCall, StoreError> {
    Ok(TakenCall {
        call: CallRow {
            id: row.text(0)?,
            key: row.key(1)?,
            shard: row.number(3)?,
            workflow: row.text(4)?,
            journey: row.text(5)?,
            step: row.text(6)?,
            hook: row.text(7)?,
            kind: row.text(8)?,
            private: row.flag(9)?,
            body: row.text(10)?,
            planned_at: row.instant(11)?,
            due: row.instant(12)?,
            expires: row.instant(13)?,
        },
        attempt: row.int(14)?,
        reason: row.opt_text(15)?,
    })
}
