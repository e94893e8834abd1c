//! Recognises a database that was restored from a backup, or cloned: the log was told of commits that its rows do not know
//! (DESIGN.md 4.2).
//!
//! What such a database has queued may have been sent already, and what it will fold again was folded once. So its shards
//! wait and mailers send nothing until a person accepts. From then on shards go on from where the backup stands, which
//! rebuilds the state exactly. What mailers and the gateway wrote beside the log, messages sent and suppressions, is made again
//! from the records that told of it, and so is what couriers and the coordinator wrote: calls that ended, offers given. Mail and
//! calls planned up to the acceptance of which no record tells are not made: nobody can know whether they went out.

mod guard;

pub use guard::{Guard, PROOF_HOLDS};

use std::collections::BTreeMap;

use jiff::Timestamp;
use rapport_event::{
    Event, Kind,
    engine::{ContactData, EngineData, OfferData, OutcomeData},
};
use rapport_workflow::Rulebook;

use crate::{
    coordinator::NO_CURRENCY,
    ingest::person_row,
    ports::{
        log::{EventLog, LogError, Progress},
        rows::{AnsweredRequest, MessageState, Rebuilt, ReservationRow, ShardRow},
        store::{Store, StoreError, UNSUBSCRIBED},
    },
    shard::{
        day_close::Cursor,
        feed::print,
        react::{PLACE, REQUEST_OFFER, REQUEST_PLACE},
    },
};

/// Where the instant of the last acceptance stands in `meta`.
const ACCEPTED_AT: &str = "restore.accepted_at";

/// Where the reason stands in `meta` why the event log is not the one that was folded; empty when a person has accepted it.
const OTHER_LOG: &str = "log.other";

/// The reason of mail that a restored database had planned.
pub const DATABASE_RESTORED: &str = "database_restored";

/// A shard whose row is behind what the log was told.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "shard {shard} is at commit {in_database}, and the log was told of commit {in_log}: the database was restored from a \
     backup or cloned. Run `rapport restore` to see what that means, `rapport restore --accept` to go on"
)]
pub struct Restored {
    /// The shard.
    pub shard: i32,
    /// Its commits in the database.
    pub in_database: i64,
    /// Its commits as the log was told.
    pub in_log: i64,
    /// Records that were folded and will be folded again.
    pub records: i64,
}

/// Why it is not known, or known for the worse.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The log.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It was restored.
    #[error(transparent)]
    Restored(#[from] Restored),
    /// The log is another one: what is appended to it would be folded by nobody.
    #[error("{0}. Nothing is appended to it. When the log is back: `rapport restore --accept`")]
    OtherLog(String),
}

/// Notes that a shard has found another log than the one it folded, so that nobody appends to it.
pub(crate) async fn note_other_log(store: &dyn Store, why: &str) -> Result<(), StoreError> {
    store.set_meta(OTHER_LOG, why).await
}

/// Why the event log is not the one that was folded, as long as nobody has accepted it.
async fn other_log(store: &dyn Store) -> Result<Option<String>, StoreError> {
    Ok(store.meta(OTHER_LOG).await?.filter(|why| !why.is_empty()))
}

/// An error when a shard has found another log, or when this one ends before what was folded, which is noted for all. The rows are read first: ends only
/// grow.
///
/// # Errors
/// `OtherLog`, the log's and the database's.
pub async fn examine_log(log: &dyn EventLog, store: &dyn Store) -> Result<(), RestoreError> {
    if let Some(why) = other_log(store).await? {
        return Err(RestoreError::OtherLog(why));
    }
    let rows = store.shard_rows().await?;
    let folded = |row: &ShardRow| Some((u32::try_from(row.shard).ok()?, row.next_offset));
    let (shards, folded): (Vec<u32>, Vec<i64>) = rows.iter().filter_map(folded).filter(|(_, next)| *next > 0).unzip();
    let ends = log.ends(&shards).await?;
    let Some(((shard, next), end)) = shards.iter().zip(&folded).zip(&ends).find(|((_, next), end)| end < next) else {
        return Ok(());
    };
    let why = format!(
        "the event log is not the one this database was fed from: shard {shard} has folded {next} records, and the log ends at {end}"
    );
    // Noted, it stands until a person has looked: something may have been appended before anybody saw it.
    note_other_log(store, &why).await?;
    Err(RestoreError::OtherLog(why))
}

/// Every shard of which the log knows more than its row. The log is asked first: a shard that commits and reports in between is
/// ahead of what was told, never behind it.
///
/// # Errors
/// The log's and the database's.
pub async fn find(log: &dyn EventLog, store: &dyn Store) -> Result<Vec<Restored>, RestoreError> {
    let shards: Vec<u32> = store.shard_rows().await?.iter().filter_map(|row| u32::try_from(row.shard).ok()).collect();
    let told = log.reported(&shards).await?;
    let told: BTreeMap<i32, Progress> =
        shards.iter().zip(told).filter_map(|(shard, told)| Some((i32::try_from(*shard).ok()?, told?))).collect();
    let rows = store.shard_rows().await?;
    Ok(rows.iter().filter_map(|row| behind(row, told.get(&row.shard)?)).collect())
}

fn behind(row: &ShardRow, told: &Progress) -> Option<Restored> {
    (told.commit_no > row.commit_no).then(|| Restored {
        shard: row.shard,
        in_database: row.commit_no,
        in_log: told.commit_no,
        records: told.next_offset - row.next_offset,
    })
}

/// An error when the log is another one, or any shard's row is behind it.
///
/// # Errors
/// `OtherLog`; `Restored` with the first such shard.
pub async fn examine(log: &dyn EventLog, store: &dyn Store) -> Result<(), RestoreError> {
    examine_log(log, store).await?;
    match find(log, store).await?.into_iter().next() {
        Some(restored) => Err(restored.into()),
        None => Ok(()),
    }
}

/// The same for the row of a shard that is ours: nobody else's commit can come between.
///
/// # Errors
/// As [`examine`].
pub async fn examine_own(log: &dyn EventLog, row: &ShardRow) -> Result<(), RestoreError> {
    let shard = u32::try_from(row.shard).unwrap_or_default();
    let told = log.reported(&[shard]).await?.into_iter().next().flatten();
    told.and_then(|told| behind(row, &told)).map_or(Ok(()), |restored| Err(restored.into()))
}

/// Lets whoever appends go on with the log that is there, if it holds what each shard folded last; what retention took cannot be
/// compared. Whether it is too short is for [`examine_log`].
///
/// # Errors
/// `OtherLog`, when it does not; the log's and the database's.
pub async fn accept_log(log: &dyn EventLog, store: &dyn Store) -> Result<(), RestoreError> {
    for row in store.shard_rows().await? {
        let Ok(shard) = u32::try_from(row.shard) else { continue };
        let last = Cursor::from_row(&row.cursor)?.last.filter(|last| last.offset + 1 == row.next_offset);
        let Some(last) = last else { continue };
        match log.read(shard, last.offset).await {
            Ok(record) if print(&record.value) == last.print => {}
            Err(LogError::OutOfRange { .. }) => {}
            Err(error) => return Err(error.into()),
            Ok(_) => {
                let why = format!(
                    "the event log is not the one this database was fed from: shard {shard} has folded another record at offset {}",
                    last.offset
                );
                note_other_log(store, &why).await?;
                return Err(RestoreError::OtherLog(why));
            }
        }
    }
    Ok(store.set_meta(OTHER_LOG, "").await?)
}

/// Lets shards go on from where the database stands; mail planned until now is not sent. Returns what was found.
///
/// # Errors
/// The log's and the database's.
pub async fn accept(log: &dyn EventLog, store: &dyn Store) -> Result<Vec<Restored>, RestoreError> {
    let found = find(log, store).await?;
    if !found.is_empty() {
        // First this: a mailer that finds the shards in order must know it already.
        store.set_meta(ACCEPTED_AT, &store.server_time().await?.as_millisecond().to_string()).await?;
        for restored in &found {
            store.raise_commit_no(restored.shard, restored.in_log).await?;
        }
    }
    Ok(found)
}

/// What this record, folded again under these files, makes again beside the shard's own state.
#[must_use]
pub fn rebuilt(event: &Event, rulebook: Option<&Rulebook>) -> Option<Rebuilt> {
    let at = event.occurred_at;
    let mail = |outcome: &OutcomeData, state| Rebuilt::Mail {
        message: outcome.message.to_string(),
        state,
        reason: outcome.reason.as_deref().unwrap_or_default().to_owned(),
        at,
    };
    let suppression = |contact: &ContactData, lifted| Rebuilt::Suppression {
        key: event.key.clone(),
        topic: contact.topic.as_deref().map(str::to_owned),
        reason: contact.reason.as_deref().unwrap_or(UNSUBSCRIBED).to_owned(),
        at,
        lifted,
    };
    if event.partner().is_some() {
        // Consent, language and zone are what mail is decided by; the rest of a person is in no log.
        return Some(Rebuilt::Person(person_row(event, None)));
    }
    match (&event.kind, event.engine()?) {
        (Kind::MessageSent, EngineData::Outcome(outcome)) => Some(mail(outcome, MessageState::Sent)),
        (Kind::MessageInDoubt, EngineData::Outcome(outcome)) => Some(mail(outcome, MessageState::InDoubt)),
        (Kind::MessageFailed, EngineData::Outcome(outcome)) => Some(mail(outcome, MessageState::Failed)),
        (Kind::ContactSuppressed | Kind::ContactOptedOut, EngineData::Contact(contact)) => {
            Some(suppression(contact, false))
        }
        (Kind::ContactOptedIn, EngineData::Contact(contact)) => Some(suppression(contact, true)),
        (Kind::CallDelivered | Kind::CallFailed, EngineData::Call(call)) => Some(Rebuilt::Call {
            call: call.call.to_string(),
            delivered: event.kind == Kind::CallDelivered,
            reason: call.reason.as_deref().unwrap_or_default().to_owned(),
            at,
        }),
        (Kind::OfferGranted | Kind::OfferRefused, EngineData::Offer(offer)) => {
            answered(event, offer, rulebook).map(Rebuilt::Answer)
        }
        _ => None,
    }
}

/// The answer that this record told a journey. An offer's value is that of the files it was given under.
fn answered(event: &Event, offer: &OfferData, rulebook: Option<&Rulebook>) -> Option<AnsweredRequest> {
    let name: &str = &offer.offer;
    let is_place = name.starts_with(PLACE);
    let request = if is_place { REQUEST_PLACE } else { REQUEST_OFFER };
    let (minor, currency) = match rulebook.and_then(|rulebook| rulebook.offers.get(name)) {
        _ if is_place => (1, NO_CURRENCY.to_owned()),
        Some(known) => (known.value.minor, known.value.currency.code().to_owned()),
        None => (0, NO_CURRENCY.to_owned()),
    };
    let reservation = (event.kind == Kind::OfferGranted).then(|| ReservationRow {
        offer: name.to_owned(),
        key: event.key.clone(),
        journey: offer.journey.as_deref().unwrap_or_default().to_owned(),
        at: offer.ends_at.filter(|_| is_place).unwrap_or(event.occurred_at),
        minor,
        currency,
    });
    Some(AnsweredRequest { id: format!("{request}:{}", offer.message.as_deref()?), reservation })
}

/// When a restored database was last accepted: marketing planned before is not sent.
///
/// # Errors
/// The database's.
pub async fn accepted_at(store: &dyn Store) -> Result<Option<Timestamp>, StoreError> {
    let Some(text) = store.meta(ACCEPTED_AT).await? else { return Ok(None) };
    let instant = text.parse().ok().and_then(|millis| Timestamp::from_millisecond(millis).ok());
    instant.map(Some).ok_or_else(|| StoreError::Damaged(format!("`{ACCEPTED_AT}` is `{text}`")))
}
