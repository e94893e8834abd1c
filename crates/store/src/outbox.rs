//! Records on their way to the log, and records that never got there.

use std::time::Duration;

use jiff::Timestamp;
use rapport_engine::ports::rows::{DeadLetterRow, NumberedOutboxRow, OutboxRow, Target};
use rapport_engine::ports::store::StoreError;

use crate::SqlStore;
use crate::commit::{cut, write_outbox};
use crate::sql::queries::{dead_letter, outbox};
use crate::sql::{Cell, Row, Rows, cells};

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
        self.reader().await?.fetch(&outbox::NEXT, &cells![limit]).await?.iter().map(numbered).collect()
    }

    pub(crate) async fn read_waits(&self, target: Target) -> Result<bool, StoreError> {
        Ok(!self.reader().await?.fetch(&outbox::WAITS, &cells![target.code()]).await?.is_empty())
    }

    pub(crate) async fn write_relay(&self, owner: &str, silence: Duration) -> Result<Option<i64>, StoreError> {
        let silence = i64::try_from(silence.as_millis()).unwrap_or(i64::MAX);
        let rows = self.writer().await?.fetch(&outbox::TAKE, &cells![owner, silence]).await?;
        rows.first().map(|row| row.int(0)).transpose()
    }

    pub(crate) async fn write_carried(
        &self,
        epoch: i64,
        target: Target,
        limit: usize,
    ) -> Result<Option<Vec<NumberedOutboxRow>>, StoreError> {
        let mut session = self.begin().await?;
        if session.execute(&outbox::ALIVE, &cells![epoch]).await? == 0 {
            session.rollback().await?;
            return Ok(None);
        }
        let placed = session.execute(&outbox::PLACE, &cells![limit]).await?;
        if placed > 0 {
            let placed = i64::try_from(placed).unwrap_or(i64::MAX);
            session.execute(&outbox::PLACED, &cells![placed]).await?;
        }
        let rows = session.fetch(&outbox::CARRY, &cells![target.code(), limit]).await?;
        session.commit().await?;
        rows.iter().map(numbered).collect::<Result<_, _>>().map(Some)
    }

    pub(crate) async fn write_set_aside(&self, number: i64, letter: &DeadLetterRow) -> Result<(), StoreError> {
        let mut session = self.begin().await?;
        session.execute_rows(&dead_letter::ADD, &[], &Rows::of([dead_letter_cells(letter)])).await?;
        session.execute_rows(&outbox::DONE, &[], &Rows::of([cells![number]])).await?;
        session.about().concluded = true;
        session.commit().await
    }

    pub(crate) async fn remove_records(&self, numbers: &[i64]) -> Result<(), StoreError> {
        if numbers.is_empty() {
            return Ok(());
        }
        let rows = Rows::last_of(numbers.iter().map(|number| (*number, cells![*number])));
        let mut session = self.begin().await?;
        session.execute_rows(&outbox::DONE, &[], &rows).await?;
        session.about().concluded = true;
        session.commit().await
    }

    pub(crate) async fn write_dead_letters(&self, rows: &[DeadLetterRow]) -> Result<(), StoreError> {
        if rows.is_empty() {
            return Ok(());
        }
        let rows =
            Rows::last_of(rows.iter().map(|row| ((&row.source, row.partition, row.offset), dead_letter_cells(row))));
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
        rows.iter().map(dead_letter_row).collect()
    }

    pub(crate) async fn read_open_dead_letters(
        &self,
        code: Option<&str>,
        after: Option<&DeadLetterRow>,
        limit: usize,
    ) -> Result<Vec<DeadLetterRow>, StoreError> {
        let code = code.unwrap_or_default();
        let (at, source) = after.map_or((i64::MIN, ""), |row| (row.at.as_millisecond(), row.source.as_str()));
        let (partition, offset) = after.map_or((-1, -1), |row| (row.partition, row.offset));
        let cells = cells![code, at, source, partition, offset, limit];
        let rows = self.reader().await?.fetch(&dead_letter::OPEN, &cells).await?;
        rows.iter().map(dead_letter_row).collect()
    }

    pub(crate) async fn read_dead_letter(
        &self,
        source: &str,
        partition: i32,
        offset: i64,
    ) -> Result<Option<DeadLetterRow>, StoreError> {
        let rows = self.reader().await?.fetch(&dead_letter::AT, &cells![source, partition, offset]).await?;
        rows.first().map(dead_letter_row).transpose()
    }

    pub(crate) async fn read_dead_letters_between(
        &self,
        source: &str,
        partition: i32,
        first: i64,
        last: i64,
    ) -> Result<Vec<(i64, bool)>, StoreError> {
        let cells = cells![source, partition, first, last];
        let rows = self.reader().await?.fetch(&dead_letter::BETWEEN, &cells).await?;
        rows.iter().map(|row| Ok((row.int(0)?, row.flag(1)?))).collect()
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

fn numbered(row: &Row) -> Result<NumberedOutboxRow, StoreError> {
    let target = row.text(2)?;
    let target = Target::parse(&target).ok_or_else(|| StoreError::Damaged(format!("outbox target `{target}`")))?;
    let event_id = row.text(3)?;
    let (shard, key, value) = (row.number(4)?, row.bytes(5)?, row.bytes(6)?);
    let out = OutboxRow { target, event_id, shard, key, value };
    Ok(NumberedOutboxRow { number: row.int(0)?, position: row.opt_int(1)?, row: out })
}

fn dead_letter_row(row: &Row) -> Result<DeadLetterRow, StoreError> {
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
}

fn dead_letter_cells(row: &DeadLetterRow) -> [Cell<'_>; 9] {
    cells![
        &row.source,
        row.partition,
        row.offset,
        &row.code,
        &row.detail,
        cut(&row.raw),
        &row.headers,
        row.at,
        row.replayed_at,
    ]
}
