//! Facts, processes, and who owns which shard.

use std::time::Duration;

use jiff::Timestamp;
use rapport_engine::ports::rows::{COORDINATOR, POSITIONS_AFTER_RESTORE, ShardRow};
use rapport_engine::ports::store::{Alive, StoreError};

use crate::SqlStore;
use crate::sql::queries::{meta, outbox, shard};
use crate::sql::{Row, Rows, cells, instant};

/// Where the replay's present stands in `meta`.
const PRESENT: &str = "replay_present";

fn milliseconds(length: Duration) -> i64 {
    i64::try_from(length.as_millis()).unwrap_or(i64::MAX)
}

impl SqlStore {
    pub(crate) async fn read_server_time(&self) -> Result<Timestamp, StoreError> {
        let rows = self.reader().await?.fetch(&meta::SERVER_TIME, &[]).await?;
        rows.first().ok_or_else(|| StoreError::Refused("no answer to the time".into()))?.instant(0)
    }

    /// Whether PostgreSQL takes writes; the one file of SQLite does as long as it answers.
    pub(crate) async fn ask_for_writes(&self) -> Result<(), StoreError> {
        if self.is_embedded() {
            return self.read_server_time().await.map(|_| ());
        }
        let rows = self.reader().await?.fetch(&meta::READ_ONLY, &[]).await?;
        match rows.first().map(|row| row.text(0)).transpose()?.as_deref() {
            Some("off") => Ok(()),
            _ => Err(StoreError::Unavailable("it answers and takes no writes: is it a standby?".into())),
        }
    }

    pub(crate) async fn read_meta(&self, name: &str) -> Result<Option<String>, StoreError> {
        let rows = self.reader().await?.fetch(&meta::GET, &cells![name]).await?;
        rows.first().map(|row| row.text(0)).transpose()
    }

    pub(crate) async fn write_pinned_meta(&self, name: &str, value: &str) -> Result<String, StoreError> {
        self.writer().await?.execute(&meta::PIN, &cells![name, value]).await?;
        self.read_meta(name).await?.ok_or_else(|| StoreError::Refused(format!("`{name}` vanished from meta")))
    }

    pub(crate) async fn write_meta(&self, name: &str, value: &str) -> Result<(), StoreError> {
        self.writer().await?.execute(&meta::SET, &cells![name, value]).await?;
        Ok(())
    }

    pub(crate) async fn write_lower_meta(&self, name: &str, number: i64) -> Result<(), StoreError> {
        self.writer().await?.execute(&meta::LOWER, &cells![name, number.to_string()]).await?;
        Ok(())
    }

    pub(crate) async fn read_present(&self) -> Result<Option<Timestamp>, StoreError> {
        if let Some(present) = self.own_present() {
            return Ok(Some(present));
        }
        let Some(text) = self.read_meta(PRESENT).await? else { return Ok(None) };
        let number = text.parse().map_err(|_| StoreError::Damaged(format!("`{PRESENT}` is `{text}`")))?;
        instant(number).map(Some)
    }

    pub(crate) async fn write_present(&self, present: Timestamp) -> Result<(), StoreError> {
        let text = present.as_millisecond().to_string();
        let mut session = self.writer().await?;
        session.about().present = Some(present);
        session.execute(&meta::ADVANCE, &cells![PRESENT, text]).await?;
        Ok(())
    }

    pub(crate) async fn write_heartbeat(
        &self,
        kind: &str,
        process: &str,
        lease: Duration,
    ) -> Result<Alive, StoreError> {
        let mut session = self.writer().await?;
        session.execute(&shard::HEARTBEAT, &cells![kind, process]).await?;
        let rows = session.fetch(&shard::ALIVE, &cells![kind, milliseconds(lease)]).await?;
        Ok(Alive { processes: rows.iter().map(|row| row.text(0)).collect::<Result<_, _>>()? })
    }

    pub(crate) async fn write_farewell(&self, kind: &str, process: &str) -> Result<(), StoreError> {
        self.writer().await?.execute(&shard::FAREWELL, &cells![kind, process]).await?;
        Ok(())
    }

    pub(crate) async fn write_new_shards(&self, shards: u32) -> Result<(), StoreError> {
        let rows = Rows::of((i64::from(COORDINATOR)..i64::from(shards)).map(|number| cells![number]));
        let mut session = self.begin().await?;
        session.execute_rows(&shard::CREATE, &[], &rows).await?;
        session.commit().await
    }

    pub(crate) async fn read_shards(&self) -> Result<Vec<ShardRow>, StoreError> {
        self.reader().await?.fetch(&shard::LIST, &[]).await?.iter().map(shard_row).collect()
    }

    pub(crate) async fn write_take(
        &self,
        number: i32,
        owner: &str,
        lease: Duration,
    ) -> Result<Option<ShardRow>, StoreError> {
        let rows = self.writer().await?.fetch(&shard::TAKE, &cells![number, owner, milliseconds(lease)]).await?;
        rows.first().map(shard_row).transpose()
    }

    pub(crate) async fn write_touch(&self, owner: &str, owned: &[(i32, i64)]) -> Result<Vec<i32>, StoreError> {
        if owned.is_empty() {
            return Ok(Vec::new());
        }
        let rows = Rows::last_of(owned.iter().map(|(number, epoch)| (*number, cells![*number, *epoch])));
        let mut session = self.begin().await?;
        let mut ours = session
            .fetch_rows(&shard::TOUCH, &cells![owner], &rows)
            .await?
            .iter()
            .map(|row| row.number(0))
            .collect::<Result<Vec<_>, _>>()?;
        session.commit().await?;
        ours.sort_unstable();
        Ok(ours)
    }

    pub(crate) async fn write_release(&self, number: i32, epoch: i64) -> Result<(), StoreError> {
        self.writer().await?.execute(&shard::RELEASE, &cells![number, epoch]).await?;
        Ok(())
    }

    pub(crate) async fn write_raised(&self, number: i32, commit_no: i64) -> Result<(), StoreError> {
        let mut session = self.begin().await?;
        session.execute(&outbox::PLACED, &cells![POSITIONS_AFTER_RESTORE]).await?;
        session.execute(&shard::RAISE, &cells![number, commit_no]).await?;
        session.commit().await
    }
}

fn shard_row(row: &Row) -> Result<ShardRow, StoreError> {
    Ok(ShardRow {
        shard: row.number(0)?,
        owner: row.opt_text(1)?,
        epoch: row.int(2)?,
        commit_no: row.int(3)?,
        next_offset: row.int(4)?,
        clock: row.opt_instant(5)?,
        rulebook: row.opt_text(6)?,
        cursor: row.bytes(7)?,
        seen_at: row.instant(8)?,
    })
}
