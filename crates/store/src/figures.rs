//! Figures for those who ask in SQL.

use jiff::Timestamp;
use rapport_engine::ports::store::StoreError;
use rapport_event::id::PartnerId;

use crate::SqlStore;
use crate::sql::queries::figures as sql;
use crate::sql::{Rows, cells};

/// Figures of a partner, or of the whole programme.
#[derive(Debug, Clone, PartialEq)]
pub struct FiguresRow {
    /// Whose; `None` for the programme's own.
    pub partner: Option<PartnerId>,
    /// A JSON object: figure → value, money in minor units, what is missing null.
    pub figures: String,
}

impl SqlStore {
    /// Replaces the figures of a programme's partners and its own, as of a moment. All or nothing.
    pub async fn save_figures(&self, program: &str, at: Timestamp, rows: &[FiguresRow]) -> Result<(), StoreError> {
        let rows = Rows::last_of(rows.iter().map(|row| {
            let partner = row.partner.as_ref().map_or("", PartnerId::as_str);
            (partner, cells![program, partner, at, &row.figures])
        }));
        let mut session = self.begin().await?;
        session.execute_rows(&sql::SAVE, &[], &rows).await?;
        session.execute(&sql::DROP, &cells![program, at]).await?;
        session.commit().await
    }
}
