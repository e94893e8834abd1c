//! Records on their way to the log, and records that never got there.

use jiff::Timestamp;
use rapport_engine::ports::rows::{DeadLetterRow, NumberedOutboxRow, OutboxRow};
use rapport_engine::ports::store::StoreError;

use crate::SqlStore;
use crate::commit::{cut, write_outbox};
use crate::sql::queries::{dead_letter, outbox};
use crate::sql::{Rows, cells};

impl SqlStore {
    pub(crate) async fn write_records(&self, rows: &[OutboxRow]) -> Result<(), StoreError> {
        if rows.is_empty() {
            return Ok(());
        }
        let mut session = self.begin().await?;
        write_outbox(&mut session, rows).await?;
        session.commit().await
    }

    pub(crate) async fn read_outbox(&self, limit: usize) -> Result<Vec<NumberedOutboxRow>, StoreError> {
        let rows = self.reader().await?.fetch(&outbox::NEXT, &cells![limit]).await?;
        rows.iter()
            .map(|row| {
                let (number, event_id, shard) = (row.int(0)?, row.text(1)?, row.number(2)?);
                let row = OutboxRow { event_id, shard, key: row.bytes(3)?, value: row.bytes(4)? };
                Ok(NumberedOutboxRow { number, row })
            })
            .collect()
    }

    pub(crate) async fn remove_records(&self, numbers: &[i64]) -> Result<(), StoreError> {
        if numbers.is_empty() {
            return Ok(());
        }
        let rows = Rows::last_of(numbers.iter().map(|number| (*number, cells![*number])));
        let mut session = self.begin().await?;
        session.execute_rows(&outbox::DONE, &[], &rows).await?;
        session.commit().await
    }

    pub(crate) async fn write_dead_letters(&self, rows: &[DeadLetterRow]) -> Result<(), StoreError> {
        if rows.is_empty() {
            return Ok(());
        }
        let rows = Rows::last_of(rows.iter().map(|row| {
            let cells = cells![
                &row.source,
                row.partition,
                row.offset,
                &row.code,
                &row.detail,
                cut(&row.raw),
                &row.headers,
                row.at,
                row.replayed_at,
            ];
            ((&row.source, row.partition, row.offset), cells)
        }));
        let mut session = self.begin().await?;
        session.execute_rows(&dead_letter::ADD, &[], &rows).await?;
        session.commit().await
    }

    pub(crate) async fn read_dead_letters(
        &self,
        code: Option<&str>,
        limit: usize,
    ) -> Result<Vec<DeadLetterRow>, StoreError> {
        let cells = cells![code.unwrap_or_default(), limit];
        let rows = self.reader().await?.fetch(&dead_letter::LIST, &cells).await?;
        rows.iter()
            .map(|row| {
                Ok(DeadLetterRow {
                    source: row.text(0)?,
                    partition: row.number(1)?,
                    offset: row.int(2)?,
                    code: row.text(3)?,
                    detail: row.text(4)?,
                    raw: row.bytes(5)?,
                    headers: row.text(6)?,
                    at: row.instant(7)?,
                    replayed_at: row.opt_instant(8)?,
                })
            })
            .collect()
    }

    pub(crate) async fn write_replayed(
        &self,
        source: &str,
        partition: i32,
        offset: i64,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        self.writer().await?.execute(&dead_letter::REPLAYED, &cells![source, partition, offset, at]).await?;
        Ok(())
    }
}
