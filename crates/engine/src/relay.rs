//! Carries the outbox into the event log.
//!
//! Appending a row twice is harmless (its event id is derived from what it says), so the order is: append, then remove.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::{
    backoff::Backoff,
    ports::{
        clock::Clock,
        log::{EventLog, LogError, NewRecord},
        store::{Store, StoreError},
    },
    readiness::Readiness,
};

/// Rows carried at once.
const BATCH: usize = 1000;
/// How long to look away when there is nothing.
const IDLE: Duration = Duration::from_millis(10);
/// The same in a replay, where every step waits for the outbox.
const IDLE_IN_REPLAY: Duration = Duration::from_millis(2);

/// Why the relay could not go on.
#[derive(Debug, thiserror::Error)]
pub enum RelayError {
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The log.
    #[error(transparent)]
    Log(#[from] LogError),
}

/// The relay's needs.
#[derive(Clone)]
pub struct Relay {
    /// Where the outbox is.
    pub store: Arc<dyn Store>,
    /// Where the records go.
    pub log: Arc<dyn EventLog>,
    /// In replay, records carry the present as their stamp.
    pub clock: Arc<dyn Clock>,
    /// Told when the neighbours fail.
    pub readiness: Readiness,
}

impl Relay {
    /// Runs until told to stop. Never gives up: a failing neighbour is asked again.
    pub async fn run(&self, stop: CancellationToken) {
        let mut backoff = Backoff::default();
        while !stop.is_cancelled() {
            match self.carry_once().await {
                Ok(0) => {
                    backoff.succeeded();
                    self.readiness.good("relay");
                    tokio::select! { () = self.clock.pause(if self.clock.replays() { IDLE_IN_REPLAY } else { IDLE }) => {}, () = stop.cancelled() => {} }
                }
                Ok(_) => backoff.succeeded(),
                Err(error) => {
                    self.readiness.bad("relay", error.to_string());
                    warn!(%error, "the outbox waits");
                    let wait = backoff.after_failure();
                    tokio::select! { () = self.clock.pause(wait) => {}, () = stop.cancelled() => {} }
                }
            }
        }
    }

    /// The stamp of what is appended now; live the log stamps by itself.
    async fn stamp(&self) -> Result<Option<Timestamp>, StoreError> {
        if self.clock.replays() { self.clock.now().await.map(Some) } else { Ok(None) }
    }

    /// Carries one batch; returns how many rows.
    pub async fn carry_once(&self) -> Result<usize, RelayError> {
        let before = self.stamp().await?;
        if before == Some(Timestamp::MIN) {
            // A replay that has not begun: its records would carry no time.
            return Ok(0);
        }
        let rows = self.store.outbox(BATCH).await?;
        if rows.is_empty() {
            return Ok(0);
        }
        // The present moves only while the outbox is empty. If it moved since we looked (a relay may stand still here while
        // another does its work), these rows would carry the past as their stamp, or are in the log already.
        let stamp = self.stamp().await?;
        if stamp != before {
            return Ok(rows.len());
        }
        let numbers: Vec<i64> = rows.iter().map(|row| row.number).collect();
        let records = rows
            .into_iter()
            .map(|row| NewRecord {
                shard: row.row.shard,
                key: row.row.key,
                value: row.row.value,
                stamp,
                position: None,
            })
            .collect();
        self.log.append(records).await?;
        self.store.outbox_done(&numbers).await?;
        metrics::counter!("rapport_outbox_appended_total").increment(numbers.len() as u64);
        Ok(numbers.len())
    }
}
