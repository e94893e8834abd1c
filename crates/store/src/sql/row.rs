//! Values on their way out of a result.

use jiff::Timestamp;
use rapport_engine::ports::store::StoreError;
use rapport_event::id::PartnerKey;
use sqlx::{ColumnIndex, Decode, Row as _, Type, postgres::PgRow, sqlite::SqliteRow};

/// A row of either database, read by position.
pub(crate) enum Row {
    Postgres(PgRow),
    Sqlite(SqliteRow),
}

fn unreadable(error: sqlx::Error) -> StoreError {
    StoreError::Damaged(error.to_string())
}

impl Row {
    fn get<'r, T>(&'r self, at: usize) -> Result<T, StoreError>
    where
        T: Decode<'r, sqlx::Postgres> + Type<sqlx::Postgres> + Decode<'r, sqlx::Sqlite> + Type<sqlx::Sqlite>,
        usize: ColumnIndex<PgRow> + ColumnIndex<SqliteRow>,
    {
        match self {
            Self::Postgres(row) => row.try_get(at).map_err(unreadable),
            Self::Sqlite(row) => row.try_get(at).map_err(unreadable),
        }
    }

    pub(crate) fn text(&self, at: usize) -> Result<String, StoreError> {
        self.get(at)
    }

    pub(crate) fn opt_text(&self, at: usize) -> Result<Option<String>, StoreError> {
        self.get(at)
    }

    pub(crate) fn int(&self, at: usize) -> Result<i64, StoreError> {
        self.get(at)
    }

    pub(crate) fn opt_int(&self, at: usize) -> Result<Option<i64>, StoreError> {
        self.get(at)
    }

    pub(crate) fn bytes(&self, at: usize) -> Result<Vec<u8>, StoreError> {
        self.get(at)
    }

    pub(crate) fn opt_bytes(&self, at: usize) -> Result<Option<Vec<u8>>, StoreError> {
        self.get(at)
    }

    pub(crate) fn flag(&self, at: usize) -> Result<bool, StoreError> {
        self.get(at)
    }

    /// An integer of a narrower type.
    pub(crate) fn number<T: TryFrom<i64>>(&self, at: usize) -> Result<T, StoreError> {
        let number = self.int(at)?;
        T::try_from(number).map_err(|_| StoreError::Damaged(format!("{number} is out of range")))
    }

    pub(crate) fn instant(&self, at: usize) -> Result<Timestamp, StoreError> {
        instant(self.int(at)?)
    }

    pub(crate) fn opt_instant(&self, at: usize) -> Result<Option<Timestamp>, StoreError> {
        self.opt_int(at)?.map(instant).transpose()
    }

    /// Programme and partner in two columns beside each other.
    pub(crate) fn key(&self, at: usize) -> Result<PartnerKey, StoreError> {
        let (program, partner): (&str, &str) = (self.get(at)?, self.get(at + 1)?);
        PartnerKey::new(program, partner).map_err(|error| StoreError::Damaged(error.to_string()))
    }
}

/// An instant from epoch milliseconds.
pub(crate) fn instant(milliseconds: i64) -> Result<Timestamp, StoreError> {
    Timestamp::from_millisecond(milliseconds).map_err(|error| StoreError::Damaged(error.to_string()))
}
