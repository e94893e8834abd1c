//! What mails and workflows came to, for reports.

use jiff::{SignedDuration, Timestamp};
use rapport_engine::ports::rows::MessageState;
use rapport_engine::ports::store::StoreError;

use crate::SqlStore;
use crate::sql::queries::measure as sql;
use crate::sql::{Row, cells};

/// Which mails and entries are looked at, and how long after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Period {
    /// The programme.
    pub program: String,
    /// Mails planned, and journeys begun, from here on.
    pub from: Timestamp,
    /// And before.
    pub until: Timestamp,
    /// How long after a mail or an entry conversions count.
    pub within: SignedDuration,
    /// The present: entries whose time after is not over yet are told apart.
    pub now: Timestamp,
}

/// Which mail of which step.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The workflow's folder name.
    pub workflow: String,
    /// The step's id.
    pub step: String,
    /// Mail file without language and ending.
    pub mail: String,
    /// `marketing` or `service`.
    pub kind: String,
}

/// Mails of one place and fate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailFate {
    /// Where they come from.
    pub place: Place,
    /// What became of them.
    pub state: MessageState,
    /// Of suppressed and cancelled ones the reason's code.
    pub reason: Option<String>,
    /// Why they were last put off, if they were.
    pub deferred: Option<String>,
    /// How many.
    pub mails: i64,
    /// Of them, those that came back, softly or for good, or were refused.
    pub bounced: i64,
    /// Those reported as unwanted.
    pub complained: i64,
    /// Those somebody wrote back to.
    pub replied: i64,
    /// Those whose survey was answered.
    pub answered: i64,
    /// Those that led to an opting out.
    pub unsubscribed: i64,
    /// Those of which a person followed a counted link.
    pub clicked: i64,
}

/// Conversions that stand, by the mail before them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConversionsAfter {
    /// The mail.
    pub place: Place,
    /// How many.
    pub conversions: i64,
    /// Their order value in minor units of the programme's currency.
    pub revenue: i64,
}

/// Partners drawn, by what came after.
#[derive(Debug, Clone, PartialEq)]
pub struct Drawn {
    /// The workflow's folder name.
    pub workflow: String,
    /// The share (0–100) at which was drawn.
    pub share: f64,
    /// Which way the draw went.
    pub held_out: bool,
    /// Whether the time after is over.
    pub is_over: bool,
    /// Conversions of each within it.
    pub conversions: i64,
    /// Their order value in minor units of the programme's currency.
    pub revenue: i64,
    /// How many partners.
    pub partners: i64,
}

impl SqlStore {
    /// A page of a workflow's open journeys after an id, in the order of ids: id and body.
    ///
    /// # Errors
    /// The database's.
    pub async fn open_journeys(
        &self,
        workflow: &str,
        after: &str,
        limit: i64,
    ) -> Result<Vec<(String, String)>, StoreError> {
        let rows = self.reader().await?.fetch(&sql::INSIDE, &cells![workflow, after, limit]).await?;
        rows.iter().map(|row| Ok((row.text(0)?, row.text(1)?))).collect()
    }

    /// What became of the period's mails.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn mail_fates(&self, period: &Period) -> Result<Vec<MailFate>, StoreError> {
        let cells = cells![&period.program, period.from, period.until];
        let rows = self.reader().await?.fetch(&sql::MAILS, &cells).await?;
        rows.iter()
            .map(|row| {
                let state = row.text(4)?;
                let state = MessageState::parse(&state)
                    .ok_or_else(|| StoreError::Damaged(format!("a message has the state `{state}`")))?;
                Ok(MailFate {
                    place: place(row)?,
                    state,
                    reason: row.opt_text(5)?,
                    deferred: row.opt_text(6)?,
                    mails: row.int(7)?,
                    bounced: row.int(8)?,
                    complained: row.int(9)?,
                    replied: row.int(10)?,
                    answered: row.int(11)?,
                    unsubscribed: row.int(12)?,
                    clicked: row.int(13)?,
                })
            })
            .collect()
    }

    /// The conversions that followed the period's mails, each once.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn conversions_after(&self, period: &Period) -> Result<Vec<ConversionsAfter>, StoreError> {
        let cells = cells![&period.program, period.from, period.until, millis(period.within)];
        let rows = self.reader().await?.fetch(&sql::CONVERSIONS, &cells).await?;
        rows.iter()
            .map(|row| Ok(ConversionsAfter { place: place(row)?, conversions: row.int(4)?, revenue: row.int(5)? }))
            .collect()
    }

    /// What followed the period's draws. Journeys of binaries that did not note draws are in none.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn drawn(&self, period: &Period) -> Result<Vec<Drawn>, StoreError> {
        let cells = cells![&period.program, period.from, period.until, millis(period.within), period.now];
        let rows = self.reader().await?.fetch(&sql::ENTRIES, &cells).await?;
        rows.iter()
            .map(|row| {
                let share = row.text(1)?;
                let share = share
                    .parse()
                    .map_err(|_| StoreError::Damaged(format!("a journey was drawn at the share `{share}`")))?;
                Ok(Drawn {
                    workflow: row.text(0)?,
                    share,
                    held_out: row.flag(2)?,
                    is_over: row.flag(3)?,
                    conversions: row.int(4)?,
                    revenue: row.int(5)?,
                    partners: row.int(6)?,
                })
            })
            .collect()
    }
}

fn place(row: &Row) -> Result<Place, StoreError> {
    Ok(Place { workflow: row.text(0)?, step: row.text(1)?, mail: row.text(2)?, kind: row.text(3)? })
}

fn millis(duration: SignedDuration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
