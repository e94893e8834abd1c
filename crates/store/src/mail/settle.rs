//! What became of attempts.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;
use rapport_contact::hashed;
use rapport_engine::ports::rows::{MessageRow, MessageState, OutboxRow, RelayReply};
use rapport_engine::ports::store::{
    Attempt, BURST_MINUTES, Doubtful, DueMessage, EndedMessage, MailLook, Resolution, Settlement, StoreError, minute_of,
};
use rapport_event::id::PartnerKey;

use super::claim::end_queued;
use super::leave::returned;
use super::message_row;
use crate::SqlStore;
use crate::commit::write_outbox;
use crate::person::merged;
use crate::sql::queries::mail as sql;
use crate::sql::{Row, Rows, Session, cells};

impl SqlStore {
    pub(crate) async fn write_settlement(
        &self,
        attempt: &Attempt,
        settlement: &Settlement,
    ) -> Result<bool, StoreError> {
        let id = &attempt.due.message.id;
        let mut session = self.begin().await?;
        session.execute_rows(&sql::VACATE, &[], &Rows::of([cells![&attempt.address, id]])).await?;
        if !attempt.along.is_empty() {
            let all = std::iter::once(id).chain(attempt.along.iter().map(|due| &due.message.id));
            session.fetch_rows(&sql::LOCK, &[], &Rows::last_of(all.map(|id| (id, cells![id])))).await?;
        }
        let settled = match settlement {
            Settlement::Ended(ended) => !end(&mut session, &[(attempt, ended)]).await?.is_empty(),
            Settlement::Requeue { due, reason } => put_back(&mut session, attempt, *due, reason).await?,
        };
        if !settled {
            session.rollback().await?;
            return Ok(false);
        }
        if !attempt.along.is_empty() {
            if let Settlement::Ended(ended) = settlement {
                end_along(&mut session, id, &ended.along).await?;
            }
            session.execute(&sql::SET_FREE, &cells![id]).await?;
        }
        session.about().concluded = true;
        session.commit().await?;
        Ok(true)
    }

    pub(crate) async fn write_ends(&self, ends: &[(Attempt, EndedMessage)]) -> Result<Vec<bool>, StoreError> {
        let ends: Vec<(&Attempt, &EndedMessage)> = ends.iter().map(|(attempt, ended)| (attempt, ended)).collect();
        let mut session = self.begin().await?;
        // Recipient before message, and each in one order, as everybody does who locks several.
        let addresses = Rows::last_of(ends.iter().map(|(attempt, _)| (&attempt.address, cells![&attempt.address])));
        session.fetch_rows(&sql::HOLD_RECIPIENTS, &[], &addresses).await?;
        // One alone is locked by what ends it.
        if ends.len() > 1 {
            let messages = Rows::last_of(ends.iter().map(|(_, ended)| (&ended.id, cells![&ended.id])));
            session.fetch_rows(&sql::LOCK, &[], &messages).await?;
        }
        let settled = end(&mut session, &ends).await?;
        if settled.is_empty() {
            session.rollback().await?;
            return Ok(vec![false; ends.len()]);
        }
        let is_settled = |(attempt, ended): &(&Attempt, &EndedMessage)| settled.contains(&name(attempt, ended));
        // A recipient whose attempt another has settled may have the same message in hand again.
        let free = ends.iter().filter(|end| is_settled(end));
        let free = Rows::of(free.map(|(attempt, ended)| cells![&attempt.address, &ended.id]));
        session.execute_rows(&sql::VACATE, &[], &free).await?;
        session.about().concluded = true;
        session.commit().await?;
        Ok(ends.iter().map(is_settled).collect())
    }

    pub(crate) async fn read_doubtful(&self, limit: usize) -> Result<Vec<Doubtful>, StoreError> {
        let rows = self.reader().await?.fetch(&sql::DOUBTFUL, &cells![limit]).await?;
        let doubtful = |row: &Row| {
            Ok(Doubtful {
                message: message_row(row)?,
                attempt: row.int(17)?,
                address: row.text(18)?,
                since: row.instant(19)?,
                reason: row.opt_text(20)?.unwrap_or_default(),
            })
        };
        rows.iter().map(doubtful).collect()
    }

    pub(crate) async fn write_resolution(&self, doubtful: &Doubtful, found: &Resolution) -> Result<bool, StoreError> {
        let (id, attempt) = (&doubtful.message.id, doubtful.attempt);
        let mut session = self.begin().await?;
        if matches!(found, Resolution::SendAgain { .. }) {
            // All that is changed, and in order, as whoever settles or cancels it does. A 250 that comes between the two statements has
            // the mail itself locked: then it is not in doubt any more, and nothing is changed.
            let travelled = session.fetch(&sql::TRAVELLED, &cells![id]).await?;
            let travelled = travelled.iter().map(|row| row.text(0)).collect::<Result<Vec<_>, _>>()?;
            let all = std::iter::once(id).chain(&travelled);
            session.fetch_rows(&sql::LOCK, &[], &Rows::last_of(all.map(|id| (id, cells![id])))).await?;
        }
        let resolved = match found {
            Resolution::Ended(ended) => {
                let cells = cells![id, attempt, ended.state.code(), &ended.reason, ended.at];
                session.execute(&sql::RESOLVE, &cells).await?
            }
            Resolution::SendAgain { due, expires, reason } => {
                session.execute(&sql::SEND_AGAIN, &cells![id, attempt, *due, *expires, reason]).await?
            }
        };
        if resolved == 0 {
            session.rollback().await?;
            return Ok(false);
        }
        match found {
            Resolution::Ended(ended) => {
                if ended.state != MessageState::Sent {
                    session.execute_rows(&sql::UNCOUNT, &[], &Rows::of([cells![id]])).await?;
                }
                write_outbox(&mut session, std::slice::from_ref(&ended.outbox)).await?;
            }
            Resolution::SendAgain { due, expires, reason } => {
                session.execute_rows(&sql::UNCOUNT, &[], &Rows::of([cells![id]])).await?;
                session.execute(&sql::AGAIN_ALONG, &cells![id, *due, *expires, reason]).await?;
            }
        }
        session.commit().await?;
        Ok(true)
    }

    pub(crate) async fn read_stale(&self, silence: Duration, limit: usize) -> Result<Vec<Attempt>, StoreError> {
        let silence = i64::try_from(silence.as_millis()).unwrap_or(i64::MAX);
        let mut session = self.reader().await?;
        let rows = session.fetch(&sql::STALE, &cells![silence, limit]).await?;
        attempts(&mut session, &rows).await
    }

    pub(crate) async fn read_attempts_of(&self, mailer: &str) -> Result<Vec<Attempt>, StoreError> {
        let mut session = self.reader().await?;
        let rows = session.fetch(&sql::ATTEMPTS_OF, &cells![mailer]).await?;
        attempts(&mut session, &rows).await
    }

    pub(crate) async fn read_unaddressed(&self, now: Timestamp, limit: usize) -> Result<Vec<MessageRow>, StoreError> {
        let rows = self.reader().await?.fetch(&sql::UNADDRESSED, &cells![now, limit]).await?;
        rows.iter().map(message_row).collect()
    }

    pub(crate) async fn write_ended(&self, ended: &[EndedMessage]) -> Result<(), StoreError> {
        if ended.is_empty() {
            return Ok(());
        }
        let mut session = self.begin().await?;
        let rows = Rows::last_of(ended.iter().map(|ended| (&ended.id, cells![&ended.id])));
        session.fetch_rows(&sql::LOCK, &[], &rows).await?;
        end_queued(&mut session, ended).await?;
        session.commit().await
    }

    pub(crate) async fn read_mails_an_hour(&self, now: Timestamp) -> Result<Vec<(String, i64)>, StoreError> {
        let since = minute_of(now) - BURST_MINUTES;
        let rows = self.reader().await?.fetch(&sql::BURST_HOUR, &cells![since]).await?;
        rows.iter().map(|row| Ok((row.text(0)?, row.int(1)?))).collect()
    }

    pub(crate) async fn read_mail_look(&self, now: Timestamp) -> Result<MailLook, StoreError> {
        let rows = self.reader().await?.fetch(&sql::LOOK, &cells![now]).await?;
        let row = rows.first().ok_or_else(|| StoreError::Refused("no answer".into()))?;
        Ok(MailLook { next_due: row.opt_instant(0)?, is_over: row.int(1)? > 0 })
    }
}

/// Attempts as their mailer had them, from the columns of a message and after them attempt and address.
async fn attempts(session: &mut Session, rows: &[Row]) -> Result<Vec<Attempt>, StoreError> {
    let mut attempts = Vec::with_capacity(rows.len());
    for row in rows {
        let (message, attempt, address) = (message_row(row)?, row.int(17)?, row.text(18)?);
        let before = u32::try_from(attempt - 1).unwrap_or(u32::MAX);
        let due = DueMessage { message, person: "{}".into(), held: None, holders: Vec::new(), attempts: before };
        attempts.push(Attempt { attempt, address, due, along: Vec::new() });
    }
    let carriers = Rows::of(attempts.iter().map(|attempt| cells![&attempt.due.message.id]));
    let mut along: BTreeMap<String, Vec<DueMessage>> = BTreeMap::new();
    for row in session.fetch_rows(&sql::ALONG, &[], &carriers).await? {
        let (message, attempts) = (message_row(&row)?, row.number(17)?);
        let due = DueMessage { message, person: "{}".into(), held: None, holders: Vec::new(), attempts };
        along.entry(row.text(18)?).or_default().push(due);
    }
    for attempt in &mut attempts {
        attempt.along = along.remove(&attempt.due.message.id).unwrap_or_default();
        attempt.along.sort_by(|a, b| {
            let (a, b) = (&a.message, &b.message);
            b.priority.cmp(&a.priority).then_with(|| (a.due, &a.id).cmp(&(b.due, &b.id)))
        });
    }
    let keys: Vec<PartnerKey> = attempts.iter().map(|attempt| attempt.due.message.key.clone()).collect();
    let persons = merged(session, &keys).await?;
    for attempt in &mut attempts {
        if let Some(person) = persons.get(&attempt.due.message.key) {
            attempt.due.person.clone_from(person);
            // What travels along is the same partner's.
            attempt.along.iter_mut().for_each(|due| due.person.clone_from(person));
        }
    }
    Ok(attempts)
}

/// A message at its how-manieth attempt. A mailer that was taken for dead may have the same message in hand again before it knows what
/// became of the first time: both may end together.
type Name = (String, i64);

fn name(attempt: &Attempt, ended: &EndedMessage) -> Name {
    (ended.id.clone(), attempt.attempt)
}

/// Ends attempts and says so to the log; those that were still theirs to end.
async fn end(session: &mut Session, ends: &[(&Attempt, &EndedMessage)]) -> Result<BTreeSet<Name>, StoreError> {
    let rows = Rows::last_of(ends.iter().map(|(attempt, ended)| {
        let (id, address, reply) = (&ended.id, &attempt.address, ended.reply.as_ref().map(RelayReply::stored));
        let cells =
            cells![id, attempt.attempt, ended.state.code(), &ended.reason, ended.at, address, hashed(address), reply];
        ((id, attempt.attempt), cells)
    }));
    let settled = session.fetch_rows(&sql::SETTLE, &[], &rows).await?;
    let names = settled.iter().map(|row| Ok((row.text(0)?, row.int(1)?)));
    let settled = names.collect::<Result<BTreeSet<Name>, StoreError>>()?;
    let arrived = Rows::of(settled.iter().map(|(id, _)| cells![id]));
    session.fetch_rows(&sql::LEAVING_END, &[], &arrived).await?;
    let is_settled = |(attempt, ended): &&(&Attempt, &EndedMessage)| settled.contains(&name(attempt, ended));
    let ended = ends.iter().filter(is_settled).map(|(_, ended)| *ended);
    let counts = |ended: &&EndedMessage| matches!(ended.state, MessageState::Sent | MessageState::InDoubt);
    let (counted, uncounted): (Vec<&EndedMessage>, Vec<&EndedMessage>) = ended.clone().partition(counts);
    let counted = Rows::of(counted.iter().map(|ended| cells![&ended.id, ended.at]));
    session.execute_rows(&sql::RECOUNT, &[], &counted).await?;
    let uncounted = Rows::of(uncounted.iter().map(|ended| cells![&ended.id]));
    session.execute_rows(&sql::UNCOUNT, &[], &uncounted).await?;
    let outbox: Vec<OutboxRow> = ended.map(|ended| ended.outbox.clone()).collect();
    write_outbox(session, &outbox).await?;
    Ok(settled)
}

/// Puts an attempt back into the queue, with all that was counted of it; whether it was still in that attempt.
async fn put_back(session: &mut Session, attempt: &Attempt, due: Timestamp, reason: &str) -> Result<bool, StoreError> {
    let message = &attempt.due.message;
    let id = &message.id;
    let cells = cells![id, attempt.attempt, due, reason, hashed(&attempt.address)];
    if session.execute(&sql::REQUEUE, &cells).await? == 0 {
        return Ok(false);
    }
    // One that is sent again when nobody knows whether it left may have left, and its 250 may come late: it stays counted.
    let is_back = !message.is_sent_again();
    returned(session, id, is_back).await?;
    let counted = session.fetch_rows(&sql::UNCOUNT, &[], &Rows::of([cells![id]])).await?;
    if let Some(row) = counted.first().filter(|_| is_back) {
        session.execute(&sql::BURST_RETURN, &cells![&message.workflow, minute_of(row.instant(0)?)]).await?;
    }
    Ok(true)
}

/// Ends what travelled with a message, and says so to the log for exactly those that nobody else has.
async fn end_along(session: &mut Session, carrier: &str, ended: &[EndedMessage]) -> Result<(), StoreError> {
    let rows = Rows::last_of(
        ended.iter().map(|ended| (&ended.id, cells![&ended.id, ended.state.code(), &ended.reason, ended.at])),
    );
    let done = session.fetch_rows(&sql::END_ALONG, &cells![carrier], &rows).await?;
    let done = done.iter().map(|row| row.text(0)).collect::<Result<BTreeSet<_>, _>>()?;
    let outbox: Vec<OutboxRow> =
        ended.iter().filter(|ended| done.contains(&ended.id)).map(|ended| ended.outbox.clone()).collect();
    write_outbox(session, &outbox).await
}
