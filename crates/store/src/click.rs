//! Clicks on counted links: noted, judged, forgotten.

use jiff::Timestamp;
use rapport_engine::ports::rows::{ClickRow, HUMAN, JudgedClick, OpenClick, TOGETHER_MS, VISITOR_MS};
use rapport_engine::ports::store::{StoreError, minute_of};

use crate::SqlStore;
use crate::commit::write_outbox;
use crate::sql::queries::click as sql;
use crate::sql::{Row, cells};

impl SqlStore {
    pub(crate) async fn write_click(&self, click: &ClickRow) -> Result<bool, StoreError> {
        let ClickRow { message, link, of, at, machine, visitor } = click;
        let cells = cells![message, *link, minute_of(*at), *at, *of, i64::from(*machine), visitor.as_deref()];
        let mut session = self.begin().await?;
        let noted = session.execute(&sql::NOTE, &cells).await? > 0;
        session.commit().await?;
        Ok(noted)
    }

    pub(crate) async fn read_open_clicks(&self, until: Timestamp, limit: usize) -> Result<Vec<OpenClick>, StoreError> {
        let cells = cells![until, TOGETHER_MS, VISITOR_MS, HUMAN, limit];
        let rows = self.reader().await?.fetch(&sql::OPEN, &cells).await?;
        rows.iter().map(open).collect()
    }

    pub(crate) async fn write_judged(&self, judged: &[JudgedClick], forget: Timestamp) -> Result<(), StoreError> {
        let mut session = self.begin().await?;
        let mut told = Vec::new();
        for click in judged {
            let cells = cells![&click.message, click.link, minute_of(click.at), click.verdict];
            // Whoever judged it before has told it.
            if session.execute(&sql::JUDGE, &cells).await? > 0 {
                told.extend(click.told.clone());
            }
        }
        session.execute(&sql::FORGET, &cells![forget]).await?;
        write_outbox(&mut session, &told).await?;
        session.commit().await
    }
}

fn open(row: &Row) -> Result<OpenClick, StoreError> {
    let click = ClickRow {
        message: row.text(0)?,
        link: row.number(1)?,
        of: row.number(2)?,
        at: row.instant(3)?,
        machine: row.int(4)? != 0,
        visitor: row.opt_text(5)?,
    };
    Ok(OpenClick {
        row: click,
        links: row.int(6)?,
        mails: row.int(7)?,
        last: row.opt_instant(8)?,
        sent_at: row.opt_instant(9)?,
    })
}
