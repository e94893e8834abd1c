//! What people and loops ask about the whole: one partner's story, numbers, invariants, what is left to do, what may go.

use jiff::{SignedDuration, Timestamp, ToSpan as _, tz::TimeZone};
use rapport_engine::ports::keep::{Class, DataClass, Keep, without_explanation};
use rapport_engine::ports::rows::{MessageState, RefusalRow, RelayReply, SignalRow, TaskEnd, TaskKind, TaskRow};
use rapport_engine::ports::store::{Outstanding, StoreError};
use rapport_engine::story::{Story, ToldMessage};
use rapport_event::id::PartnerKey;

use crate::SqlStore;
use crate::load::{journey_row, partner_row};
use crate::mail::message_row;
use crate::person::merged;
use crate::sql::queries::{doctor, load, mail, prune, story};
use crate::sql::{Row, Rows, Session, cells};

const DAY: SignedDuration = SignedDuration::from_hours(24);

impl SqlStore {
    pub(crate) async fn read_story(&self, key: &PartnerKey) -> Result<Option<Story>, StoreError> {
        let mut session = self.snapshot().await?;
        let cells = cells![key.program.as_str(), key.partner.as_str()];
        let Some(partner) = session.fetch(&story::PARTNER, &cells).await?.first().map(partner_row).transpose()? else {
            return Ok(None);
        };
        let person = merged(&mut session, std::slice::from_ref(key)).await?.remove(key);
        let journeys =
            session.fetch(&story::JOURNEYS, &cells).await?.iter().map(journey_row).collect::<Result<_, _>>()?;
        let messages = session.fetch(&story::MESSAGES, &cells).await?.iter().map(told).collect::<Result<_, _>>()?;
        let signals = session.fetch(&story::SIGNALS, &cells).await?.iter().map(signal_row).collect::<Result<_, _>>()?;
        let refusals =
            session.fetch(&story::REFUSALS, &cells).await?.iter().map(refusal_row).collect::<Result<_, _>>()?;
        let tasks = session.fetch(&story::TASKS, &cells).await?.iter().map(task_row).collect::<Result<_, _>>()?;
        let parked = session.fetch(&load::PARKED, &cells).await?;
        let parked = parked.iter().map(|row| Ok((row.int(0)?, row.text(1)?))).collect::<Result<_, StoreError>>()?;
        session.rollback().await?;
        Ok(Some(Story { partner, person, journeys, messages, signals, refusals, tasks, parked }))
    }

    pub(crate) async fn read_found(&self, partner: &str) -> Result<Vec<PartnerKey>, StoreError> {
        self.reader().await?.fetch(&story::FIND, &cells![partner]).await?.iter().map(|row| row.key(0)).collect()
    }

    pub(crate) async fn read_outstanding(&self, by: Timestamp) -> Result<Outstanding, StoreError> {
        let rows = self.reader().await?.fetch(&doctor::OUTSTANDING, &cells![by]).await?;
        let row = rows.first().ok_or_else(|| StoreError::Refused("no answer".into()))?;
        Ok(Outstanding {
            outbox: row.int(0)?,
            messages: row.int(1)?,
            requests: row.int(2)?,
            timers: row.int(3)?,
            calls: row.int(4)?,
        })
    }

    pub(crate) async fn read_counts(&self) -> Result<Vec<(String, i64)>, StoreError> {
        let rows = self.reader().await?.fetch(&doctor::COUNTS, &[]).await?;
        rows.iter().map(|row| Ok((row.text(0)?, row.int(1)?))).collect()
    }

    pub(crate) async fn read_invariants(&self) -> Result<Vec<(String, i64)>, StoreError> {
        let day = i64::try_from(DAY.as_millis()).unwrap_or(i64::MAX);
        let rows = self.reader().await?.fetch(&doctor::INVARIANTS, &cells![day]).await?;
        rows.iter().map(|row| Ok((row.text(0)?, row.int(1)?))).collect()
    }

    pub(crate) async fn remove_old(&self, now: Timestamp, keep: Keep) -> Result<u64, StoreError> {
        let mut removed = 0;
        loop {
            let piece = self.remove_piece(now, keep).await?;
            removed += piece.rows;
            if !piece.goes_on {
                return Ok(removed);
            }
        }
    }

    /// What is removed in one transaction: all of a class, or a piece where that may be much the first time.
    async fn remove_piece(&self, now: Timestamp, keep: Keep) -> Result<Piece, StoreError> {
        let kept = SignedDuration::from_hours(i64::from(keep.days) * 24);
        let before = now.checked_sub(kept).unwrap_or(Timestamp::MIN);
        let length = i64::try_from(kept.as_millis()).unwrap_or(i64::MAX);
        let mut session = self.begin().await?;
        let mut goes_on = false;
        let rows = match keep.class {
            Class::ActivityIds => session.execute(&prune::ACTIVITY_IDS, &cells![length]).await?,
            Class::Processes => session.execute(&prune::PROCESSES, &cells![length]).await?,
            Class::SurveyTickets => session.execute(&prune::SURVEY_TICKETS, &cells![before]).await?,
            Class::Clicks => session.execute(&prune::CLICKS, &cells![before]).await?,
            Class::Pace => {
                let leaving = session.execute(&prune::LEAVING, &[]).await?;
                leaving + session.execute(&prune::PACE, &cells![before.as_microsecond()]).await?
            }
            Class::WarmUp => {
                let day = i64::try_from(DAY.as_millis()).unwrap_or(i64::MAX);
                session.execute(&prune::WARM_UP, &cells![before.as_millisecond().div_euclid(day)]).await?
            }
            Class::LogMarks => {
                let last_day = before.to_zoned(TimeZone::UTC).date().saturating_sub(1.day()).to_string();
                let marks = session.execute(&prune::CLOCK_MARKS, &cells![before]).await?;
                marks + session.execute(&prune::DAY_PARTS, &cells![last_day]).await?
            }
            Class::Data(DataClass::Conversions) => session.execute(&prune::CONVERSIONS, &cells![before]).await?,
            Class::Data(DataClass::CountedMails) => session.execute(&prune::SENT, &cells![before]).await?,
            Class::Data(DataClass::DeadLetters) => {
                let letters = session.execute(&prune::DEAD_LETTERS, &cells![before]).await?;
                letters + session.execute(&prune::LINES, &cells![before]).await?
            }
            Class::Data(DataClass::Feedback) => {
                let reports = session.execute(&prune::FEEDBACK, &cells![before]).await?;
                reports + session.execute(&prune::RESPONSES, &cells![before]).await?
            }
            Class::Data(DataClass::HealthReviews) => session.execute(&prune::REVIEWS, &cells![before]).await?,
            Class::Data(DataClass::Mails) => {
                let piece = remove_mails(&mut session, before).await?;
                goes_on = piece.goes_on;
                piece.rows
            }
            Class::Data(DataClass::Explanations) => {
                let piece = empty_journeys(&mut session, now, before).await?;
                goes_on = piece.goes_on;
                let refusals = if goes_on { 0 } else { session.execute(&prune::REFUSALS, &cells![before]).await? };
                piece.rows + refusals
            }
        };
        session.commit().await?;
        Ok(Piece { rows, goes_on })
    }
}

/// Rows of a transaction that takes a class in pieces: mailers and shards wait no longer than for that.
const PIECE: usize = 1_000;

/// What went, and whether there is more.
struct Piece {
    rows: u64,
    goes_on: bool,
}

async fn remove_mails(session: &mut Session, before: Timestamp) -> Result<Piece, StoreError> {
    let rows = session.fetch(&prune::MAILS, &cells![before, PIECE]).await?;
    let ids = rows.iter().map(|row| row.text(0)).collect::<Result<Vec<_>, _>>()?;
    let gone = Rows::last_of(ids.iter().map(|id| (id, cells![id])));
    session.fetch_rows(&mail::LOCK, &[], &gone).await?;
    session.execute_rows(&prune::CONTEXTS, &[], &gone).await?;
    let rows = session.execute_rows(&prune::MESSAGES, &[], &gone).await?;
    Ok(Piece { rows, goes_on: ids.len() == PIECE && rows > 0 })
}

/// Counts those that had something to explain.
async fn empty_journeys(session: &mut Session, now: Timestamp, before: Timestamp) -> Result<Piece, StoreError> {
    let mut rows = 0;
    let mut emptied = Vec::new();
    for row in session.fetch(&prune::EXPLAINED, &cells![before, PIECE]).await? {
        let (id, was) = (row.text(0)?, row.text(1)?);
        let body = without_explanation(&was);
        rows += u64::from(body.is_some());
        emptied.push((id, body.unwrap_or_else(|| was.clone()), was));
    }
    let written = Rows::last_of(emptied.iter().map(|(id, body, was)| (id, cells![id, body, was])));
    let marked = session.execute_rows(&prune::EMPTIED, &cells![now], &written).await?;
    Ok(Piece { rows, goes_on: emptied.len() == PIECE && marked > 0 })
}

fn told(row: &Row) -> Result<ToldMessage, StoreError> {
    let code = row.text(17)?;
    Ok(ToldMessage {
        message: message_row(row)?,
        state: MessageState::parse(&code).ok_or_else(|| StoreError::Damaged(format!("message state `{code}`")))?,
        reason: row.opt_text(18)?,
        changed_at: row.instant(19)?,
        reply: row.opt_text(20)?.as_deref().and_then(RelayReply::parse),
        carrier: row.opt_text(21)?,
    })
}

fn signal_row(row: &Row) -> Result<SignalRow, StoreError> {
    Ok(SignalRow {
        id: row.text(0)?,
        key: row.key(1)?,
        kind: row.text(3)?,
        occurred_at: row.instant(4)?,
        ended_at: row.opt_instant(5)?,
        payload: row.text(6)?,
    })
}

fn refusal_row(row: &Row) -> Result<RefusalRow, StoreError> {
    Ok(RefusalRow {
        key: row.key(0)?,
        workflow: row.text(2)?,
        at: row.instant(3)?,
        code: row.text(4)?,
        clauses: row.text(5)?,
    })
}

pub(crate) fn task_row(row: &Row) -> Result<TaskRow, StoreError> {
    let kind = row.text(10)?;
    let ended = match row.opt_instant(12)? {
        Some(at) => Some(TaskEnd { at, by: row.text(13)?, outcome: row.text(14)?, note: row.opt_text(15)? }),
        None => None,
    };
    Ok(TaskRow {
        kind: TaskKind::parse(&kind).ok_or_else(|| StoreError::Damaged(format!("a task's kind: {kind}")))?,
        opened_by: row.text(11)?,
        ended,
        id: row.text(0)?,
        key: row.key(1)?,
        workflow: row.text(3)?,
        journey: row.text(4)?,
        assignee: row.text(5)?,
        text: row.text(6)?,
        choices: serde_json::from_str(&row.text(7)?).map_err(|error| StoreError::Damaged(error.to_string()))?,
        opened_at: row.instant(8)?,
        due: row.opt_instant(9)?,
    })
}
