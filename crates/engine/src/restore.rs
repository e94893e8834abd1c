//! Recognises a database that was restored from a backup, or cloned: the log was told of commits that its rows do not know
//! (DESIGN.md 4.2).
//!
//! What such a database has queued may have been sent already, and what it will fold again was folded once. So its shards
//! wait and mailers send nothing until a person accepts. From then on shards go on from where the backup stands, which
//! rebuilds the state exactly. What mailers and the gateway wrote beside the log, messages sent and suppressions, is made again
//! from the records that told of it. Mail planned up to the acceptance of which no record tells is not sent: nobody can know
//! whether it went out.

use jiff::Timestamp;
use rapport_event::{
    Event, Kind,
    engine::{ContactData, EngineData, OutcomeData},
};

use crate::ports::{
    log::{EventLog, LogError},
    rows::{COORDINATOR, MessageState, Rebuilt, ShardRow},
    store::{Store, StoreError, UNSUBSCRIBED},
};

/// Where the instant of the last acceptance stands in `meta`.
const ACCEPTED_AT: &str = "restore.accepted_at";

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
}

/// Every shard of these rows of which the log knows more.
///
/// # Errors
/// When the log cannot be asked.
pub async fn find(log: &dyn EventLog, rows: &[ShardRow]) -> Result<Vec<Restored>, LogError> {
    let rows: Vec<&ShardRow> = rows.iter().filter(|row| row.shard > COORDINATOR).collect();
    let shards: Vec<u32> = rows.iter().filter_map(|row| u32::try_from(row.shard).ok()).collect();
    let reported = log.reported(&shards).await?;
    let behind = |(row, told): (&&ShardRow, &Option<crate::ports::log::Progress>)| {
        let told = told.filter(|told| told.commit_no > row.commit_no)?;
        Some(Restored {
            shard: row.shard,
            in_database: row.commit_no,
            in_log: told.commit_no,
            records: told.next_offset - row.next_offset,
        })
    };
    Ok(rows.iter().zip(&reported).filter_map(behind).collect())
}

/// An error when any of these rows is behind the log.
///
/// # Errors
/// `Restored` with the first such shard.
pub async fn examine(log: &dyn EventLog, rows: &[ShardRow]) -> Result<(), RestoreError> {
    match find(log, rows).await?.into_iter().next() {
        Some(restored) => Err(restored.into()),
        None => Ok(()),
    }
}

/// Lets shards go on from where the database stands; mail planned until now is not sent. Returns what was found.
///
/// # Errors
/// The log's and the database's.
pub async fn accept(log: &dyn EventLog, store: &dyn Store) -> Result<Vec<Restored>, RestoreError> {
    let found = find(log, &store.shard_rows().await?).await?;
    if !found.is_empty() {
        // First this: a mailer that finds the shards in order must know it already.
        store.set_meta(ACCEPTED_AT, &store.server_time().await?.as_millisecond().to_string()).await?;
        for restored in &found {
            store.raise_commit_no(restored.shard, restored.in_log).await?;
        }
    }
    Ok(found)
}

/// What this record, folded again, makes again beside the shard's own state.
#[must_use]
pub fn rebuilt(event: &Event) -> Option<Rebuilt> {
    let mail = |outcome: &OutcomeData, state| {
        Some(Rebuilt::Mail { message: outcome.message.to_string(), state, at: event.occurred_at })
    };
    let suppression = |contact: &ContactData, since| {
        let reason = contact.reason.as_deref().unwrap_or(UNSUBSCRIBED).to_owned();
        let topic = contact.topic.as_deref().map(str::to_owned);
        Some(Rebuilt::Suppression { key: event.key.clone(), topic, reason, since })
    };
    match (&event.kind, event.engine()?) {
        (Kind::MessageSent, EngineData::Outcome(outcome)) => mail(outcome, MessageState::Sent),
        (Kind::MessageInDoubt, EngineData::Outcome(outcome)) => mail(outcome, MessageState::InDoubt),
        (Kind::ContactSuppressed | Kind::ContactOptedOut, EngineData::Contact(contact)) => {
            suppression(contact, Some(event.occurred_at))
        }
        (Kind::ContactOptedIn, EngineData::Contact(contact)) => suppression(contact, None),
        _ => None,
    }
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
