//! What the coordinator reads to decide.

use jiff::{Timestamp, civil::Date};
use rapport_engine::ports::rows::{DayCloseRow, DayPartRow, MessageState, PromiseRow, RequestRow, ReservationRow};
use rapport_engine::ports::store::StoreError;
use rapport_event::id::{PartnerKey, ProgramId};

use crate::SqlStore;
use crate::sql::queries::coordinator as sql;
use crate::sql::{Row, cells};

impl SqlStore {
    pub(crate) async fn read_day_parts(&self, program: &ProgramId, day: Date) -> Result<Vec<DayPartRow>, StoreError> {
        let rows = self.reader().await?.fetch(&sql::DAY_PARTS, &cells![program.as_str(), day.to_string()]).await?;
        rows.iter()
            .map(|row| {
                Ok(DayPartRow {
                    program: program_id(row, 0)?,
                    day: date(row, 1)?,
                    shard: row.number(2)?,
                    body: row.bytes(3)?,
                })
            })
            .collect()
    }

    pub(crate) async fn read_day_part(
        &self,
        program: &ProgramId,
        day: Date,
        shard: u32,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        let cells = cells![program.as_str(), day.to_string(), shard];
        let rows = self.reader().await?.fetch(&sql::DAY_PART, &cells).await?;
        rows.first().map(|row| row.bytes(0)).transpose()
    }

    pub(crate) async fn read_last_close(&self, program: &ProgramId) -> Result<Option<DayCloseRow>, StoreError> {
        let rows = self.reader().await?.fetch(&sql::LAST_CLOSE, &cells![program.as_str()]).await?;
        rows.first().map(day_close).transpose()
    }

    pub(crate) async fn read_close_by(
        &self,
        program: &ProgramId,
        day: Date,
    ) -> Result<Option<DayCloseRow>, StoreError> {
        let rows = self.reader().await?.fetch(&sql::CLOSE_BY, &cells![program.as_str(), day.to_string()]).await?;
        rows.first().map(day_close).transpose()
    }

    pub(crate) async fn read_programs_with_parts(&self) -> Result<Vec<ProgramId>, StoreError> {
        self.reader().await?.fetch(&sql::PROGRAMS, &[]).await?.iter().map(|row| program_id(row, 0)).collect()
    }

    pub(crate) async fn read_next_part_day(
        &self,
        program: &ProgramId,
        after: Option<Date>,
    ) -> Result<Option<Date>, StoreError> {
        let after = after.map_or(String::new(), |day| day.to_string());
        let rows = self.reader().await?.fetch(&sql::NEXT_DAY, &cells![program.as_str(), after]).await?;
        match rows.first() {
            Some(row) if row.opt_text(0)?.is_some() => date(row, 0).map(Some),
            _ => Ok(None),
        }
    }

    pub(crate) async fn read_open_requests(&self, limit: usize) -> Result<Vec<RequestRow>, StoreError> {
        let rows = self.reader().await?.fetch(&sql::OPEN_REQUESTS, &cells![limit]).await?;
        rows.iter()
            .map(|row| {
                Ok(RequestRow {
                    id: row.text(0)?,
                    key: row.key(1)?,
                    journey: row.text(3)?,
                    kind: row.text(4)?,
                    body: row.text(5)?,
                    at: row.instant(6)?,
                })
            })
            .collect()
    }

    pub(crate) async fn read_reservations(
        &self,
        offer: &str,
        key: Option<&PartnerKey>,
        since: Timestamp,
    ) -> Result<Vec<ReservationRow>, StoreError> {
        let (program, partner) = key.map_or(("", ""), |key| (key.program.as_str(), key.partner.as_str()));
        let rows = self.reader().await?.fetch(&sql::RESERVATIONS, &cells![offer, since, program, partner]).await?;
        rows.iter().map(reservation).collect()
    }

    pub(crate) async fn read_promise(&self, message: &str) -> Result<Option<PromiseRow>, StoreError> {
        let rows = self.reader().await?.fetch(&sql::PROMISE, &cells![message]).await?;
        rows.first()
            .map(|row| {
                let state = |code: String| {
                    MessageState::parse(&code).ok_or_else(|| StoreError::Damaged(format!("message state `{code}`")))
                };
                Ok(PromiseRow {
                    reservation: reservation(row)?,
                    given_back: row.opt_text(7)?.is_some(),
                    mail: row.opt_text(8)?.map(state).transpose()?,
                })
            })
            .transpose()
    }
}

/// offer, program, partner, journey, at, minor, currency
fn reservation(row: &Row) -> Result<ReservationRow, StoreError> {
    Ok(ReservationRow {
        offer: row.text(0)?,
        key: row.key(1)?,
        journey: row.text(3)?,
        at: row.instant(4)?,
        minor: row.int(5)?,
        currency: row.text(6)?,
    })
}

fn day_close(row: &Row) -> Result<DayCloseRow, StoreError> {
    Ok(DayCloseRow {
        program: program_id(row, 0)?,
        day: date(row, 1)?,
        body: row.bytes(2)?,
        state: row.bytes(3)?,
        fit: row.bytes(4)?,
    })
}

fn program_id(row: &Row, at: usize) -> Result<ProgramId, StoreError> {
    ProgramId::new(&row.text(at)?).map_err(|error| StoreError::Damaged(error.to_string()))
}

fn date(row: &Row, at: usize) -> Result<Date, StoreError> {
    row.text(at)?.parse().map_err(|error: jiff::Error| StoreError::Damaged(error.to_string()))
}
