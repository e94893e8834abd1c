//! Applied sets of files.

use rapport_engine::ports::operating::AuditRow;
use rapport_engine::ports::rows::{DefinitionRow, OutboxRow};
use rapport_engine::ports::store::StoreError;

use crate::SqlStore;
use crate::commit::write_outbox;
use crate::operate::write_audit;
use crate::sql::queries::{definition as sql, meta};
use crate::sql::{Row, cells};

impl SqlStore {
    pub(crate) async fn write_definition(
        &self,
        row: &DefinitionRow,
        previous: Option<&str>,
        audit: &AuditRow,
        outbox: &[OutboxRow],
    ) -> Result<bool, StoreError> {
        let mut session = self.begin().await?;
        let previous = previous.unwrap_or_default();
        // Two that apply at once come one after the other, and the second finds what the first put in force.
        session.execute(&meta::SET, &cells!["definition.applied", &row.hash]).await?;
        let cells = cells![&row.hash, &row.sources, &row.deployed, row.applied_at, &row.applied_by, previous];
        if session.execute(&sql::APPLY, &cells).await? == 0 {
            session.rollback().await?;
            return Ok(false);
        }
        write_audit(&mut session, audit).await?;
        write_outbox(&mut session, outbox).await?;
        session.about().applied = true;
        session.commit().await?;
        Ok(true)
    }

    pub(crate) async fn read_current_definition(&self) -> Result<Option<DefinitionRow>, StoreError> {
        self.reader().await?.fetch(&sql::CURRENT, &[]).await?.first().map(definition_row).transpose()
    }

    pub(crate) async fn read_definition_hashes(&self, limit: usize) -> Result<Vec<String>, StoreError> {
        self.reader().await?.fetch(&sql::HASHES, &cells![limit]).await?.iter().map(|row| row.text(0)).collect()
    }

    pub(crate) async fn read_definition(&self, hash: &str) -> Result<Option<DefinitionRow>, StoreError> {
        self.reader().await?.fetch(&sql::GET, &cells![hash]).await?.first().map(definition_row).transpose()
    }
}

fn definition_row(row: &Row) -> Result<DefinitionRow, StoreError> {
    Ok(DefinitionRow {
        hash: row.text(0)?,
        sources: row.text(1)?,
        deployed: row.text(2)?,
        applied_at: row.instant(3)?,
        applied_by: row.text(4)?,
    })
}
