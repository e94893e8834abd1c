//! Carries the outbox into the event log, and signals to other systems.
//!
//! A row gets a position before it is carried for the first time, and keeps it; a relay carries rows in the order of their
//! positions, from the first that was not removed, and removes them when they are acknowledged. So whatever relays died or
//! slept in between, before each position in the log stand all earlier ones of its shard, and a shard that drops what is not
//! higher than what it has seen folds every row exactly once (docs/adr/0010).
//!
//! One process is the relay, under an epoch; it is fenced when it asks for rows after another took over. What it had in hand
//! by then does no harm: it is in the log again, or removed because it was there.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use rapport_event::wire::SourcePosition;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::{
    backoff::Backoff,
    ports::{
        clock::Clock,
        log::{Announcement, EventLog, LogError, NewRecord, SignalLog, append_all_that_fit},
        rows::{DeadLetterRow, NumberedOutboxRow, OUTBOX_SOURCE, Target},
        store::{Store, StoreError},
    },
    readiness::Readiness,
    restore::{self, PROOF_HOLDS, RestoreError},
    stillness::{Idle, Stillness},
};

/// Rows carried at once.
const BATCH: usize = 1000;
/// How long to look away when there is nothing; in a replay every step waits for the outbox.
const IDLE: Idle = Idle { live: Duration::from_millis(10), in_replay: Duration::from_millis(2) };
/// How often an idle relay says that it lives.
const HEARTBEAT: Duration = Duration::from_secs(2);
/// Silence after which one that stands by takes over.
const LEASE: Duration = Duration::from_secs(10);
/// How often one that stands by looks.
const STAND_BY: Duration = Duration::from_secs(1);
/// The code of a row that no log takes, in dead letters, metrics and documents.
const TOO_LARGE: &str = "record_too_large";
/// Of a row set aside this many bytes are kept.
const RAW_MAX: usize = 1 << 20;

/// Why the relay could not go on.
#[derive(Debug, thiserror::Error)]
pub enum RelayError {
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The log.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The database was restored, or that is not known.
    #[error(transparent)]
    Restore(#[from] RestoreError),
}

/// What one look brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carried {
    /// So many rows left the outbox; 0: there was nothing.
    Rows(usize),
    /// Another process is the relay now.
    Fenced,
}

/// The relay's needs.
#[derive(Clone)]
pub struct Relay {
    /// The process's name.
    pub name: String,
    /// Where the outbox is.
    pub store: Arc<dyn Store>,
    /// Where the records go.
    pub log: Arc<dyn EventLog>,
    /// Where signals go; without it there are none in the outbox.
    pub signals: Option<Arc<dyn SignalLog>>,
    /// In replay, records carry the present as their stamp.
    pub clock: Arc<dyn Clock>,
    /// Told when the neighbours fail.
    pub readiness: Readiness,
}

impl Relay {
    /// Runs until told to stop. Never gives up: a failing neighbour is asked again. A process that starts takes over at
    /// once, since its predecessor is usually dead; one that was fenced stands by until its successor is silent.
    pub async fn run(&self, stop: CancellationToken) {
        let mut silence = Duration::ZERO;
        let mut backoff = Backoff::default();
        while !stop.is_cancelled() {
            if let Err(error) = restore::examine(self.log.as_ref(), self.store.as_ref()).await {
                self.readiness.bad("relay", error.to_string());
                self.wait(backoff.after_failure(), &stop).await;
                continue;
            }
            let wait = match self.store.take_relay(&self.name, silence).await {
                Ok(Some(epoch)) => {
                    info!(epoch, "carrying the outbox");
                    backoff.succeeded();
                    self.carry_on(epoch, &stop).await;
                    silence = LEASE;
                    STAND_BY
                }
                Ok(None) => {
                    backoff.succeeded();
                    self.readiness.good("relay");
                    STAND_BY
                }
                Err(error) => {
                    self.readiness.bad("relay", error.to_string());
                    backoff.after_failure()
                }
            };
            self.wait(wait, &stop).await;
        }
    }

    /// Carries until fenced or told to stop. Signals have a pace of their own: a topic that takes none holds no event up.
    async fn carry_on(&self, epoch: i64, stop: &CancellationToken) {
        tokio::join!(self.carry_target(Target::Events, "relay", epoch, stop), async {
            if self.signals.is_some() {
                self.carry_target(Target::Signals, "signals", epoch, stop).await;
            }
        });
    }

    async fn carry_target(&self, target: Target, part: &str, epoch: i64, stop: &CancellationToken) {
        let mut backoff = Backoff::default();
        let mut heard: Option<Instant> = None;
        let mut proven: Option<Instant> = None;
        let mut stillness = Stillness::new(self.store.as_ref(), self.clock.as_ref(), IDLE, |written| written.outbox);
        while !stop.is_cancelled() {
            stillness.mark();
            let now = self.clock.monotonic();
            let silent = heard.is_none_or(|at| now.duration_since(at) >= HEARTBEAT);
            match self.look(target, epoch, silent, &mut proven).await {
                Ok(None | Some(Carried::Rows(0))) => {
                    if silent {
                        heard = Some(now);
                    }
                    backoff.succeeded();
                    self.readiness.good(part);
                    stillness.wait(self.clock.as_ref(), stop).await;
                }
                Ok(Some(Carried::Rows(_))) => {
                    heard = Some(now);
                    backoff.succeeded();
                }
                Ok(Some(Carried::Fenced)) => {
                    info!(part, epoch, "another process carries the outbox; standing by");
                    self.readiness.forget(part);
                    return;
                }
                Err(error) => {
                    proven = None;
                    self.readiness.bad(part, error.to_string());
                    warn!(%error, part, "the outbox waits");
                    self.wait(backoff.after_failure(), stop).await;
                }
            }
        }
    }

    async fn wait(&self, length: Duration, stop: &CancellationToken) {
        tokio::select! { () = self.clock.pause(length) => {}, () = stop.cancelled() => {} }
    }

    /// Asks for rows if some wait, or if it is time to say that we live. A database that was restored under a running relay would
    /// give positions that the log knows for other rows, so that this is looked at again and again.
    async fn look(
        &self,
        target: Target,
        epoch: i64,
        silent: bool,
        proven: &mut Option<Instant>,
    ) -> Result<Option<Carried>, RelayError> {
        if !silent && !self.store.outbox_waits(target).await? {
            return Ok(None);
        }
        let now = self.clock.monotonic();
        if proven.is_none_or(|until| now >= until) {
            restore::examine(self.log.as_ref(), self.store.as_ref()).await?;
            *proven = now.checked_add(PROOF_HOLDS);
        }
        self.carry_once(target, epoch).await.map(Some)
    }

    /// The stamp of what is appended now; live the log stamps by itself.
    async fn stamp(&self) -> Result<Option<Timestamp>, StoreError> {
        if self.clock.replays() { self.clock.now().await.map(Some) } else { Ok(None) }
    }

    /// Carries one batch under the epoch.
    ///
    /// # Errors
    /// The neighbours'. The rows wait, and are carried again from the first on.
    pub async fn carry_once(&self, target: Target, epoch: i64) -> Result<Carried, RelayError> {
        let before = self.stamp().await?;
        if before == Some(Timestamp::MIN) {
            // A replay that has not begun: its records would carry no time.
            return Ok(Carried::Rows(0));
        }
        let Some(rows) = self.store.carry_outbox(epoch, target, BATCH).await? else { return Ok(Carried::Fenced) };
        if rows.is_empty() {
            return Ok(Carried::Rows(0));
        }
        // The present moves only while the outbox is empty. If it moved since we looked (a relay may stand still here while
        // another does its work), these rows would carry the past as their stamp, or are in the log already.
        let stamp = self.stamp().await?;
        if stamp != before {
            return Ok(Carried::Rows(rows.len()));
        }
        let too_large = match (target, &self.signals) {
            (Target::Events, _) => {
                let records: Vec<NewRecord> = rows.iter().map(|row| record(row, stamp)).collect();
                append_all_that_fit(self.log.as_ref(), &records).await?
            }
            (Target::Signals, Some(signals)) => publish_all_that_fit(signals.as_ref(), &rows).await?,
            (Target::Signals, None) => return Ok(Carried::Rows(0)),
        };
        self.put_aside(&rows, &too_large).await?;
        let carried = rows.iter().enumerate().filter(|(place, _)| !too_large.contains(place));
        let numbers: Vec<i64> = carried.map(|(_, row)| row.number).collect();
        self.store.outbox_done(&numbers).await?;
        metrics::counter!("rapport_outbox_appended_total", "target" => target.code()).increment(numbers.len() as u64);
        Ok(Carried::Rows(rows.len()))
    }

    /// Rows that no log takes must not hold up those behind them, and must not vanish.
    async fn put_aside(&self, rows: &[NumberedOutboxRow], places: &[usize]) -> Result<(), RelayError> {
        for row in places.iter().filter_map(|place| rows.get(*place)) {
            let at = self.store.server_time().await?;
            let mut raw = row.row.value.clone();
            raw.truncate(RAW_MAX);
            error!(
                event = row.row.event_id,
                bytes = row.row.value.len(),
                "a record is larger than the log takes; it is kept as a dead letter, and what waits for it goes on waiting"
            );
            metrics::counter!("rapport_outbox_set_aside_total", "code" => TOO_LARGE).increment(1);
            let letter = DeadLetterRow {
                source: OUTBOX_SOURCE.to_owned(),
                partition: i32::try_from(row.row.shard).unwrap_or(i32::MAX),
                offset: row.position.unwrap_or(row.number),
                code: TOO_LARGE.to_owned(),
                detail: format!(
                    "{} for {}: {} bytes, more than the topic takes",
                    row.row.event_id,
                    row.row.target.code(),
                    row.row.value.len()
                ),
                raw,
                headers: "{}".to_owned(),
                at,
                replayed_at: None,
            };
            self.store.set_aside(row.number, &letter).await?;
        }
        Ok(())
    }
}

/// The record of a row, with the position that keeps it from being folded twice.
fn record(row: &NumberedOutboxRow, stamp: Option<Timestamp>) -> NewRecord {
    let position = row.position.map(|offset| SourcePosition {
        source: xxhash_rust::xxh3::xxh3_64(OUTBOX_SOURCE.as_bytes()),
        incarnation: 0,
        partition: i32::try_from(row.row.shard).unwrap_or(i32::MAX),
        offset,
        index: 0,
    });
    NewRecord { shard: row.row.shard, key: row.row.key.clone(), value: row.row.value.clone(), stamp, position }
}

/// As [`append_all_that_fit`]; signals are few, so that after a refusal they simply go one by one.
async fn publish_all_that_fit(signals: &dyn SignalLog, rows: &[NumberedOutboxRow]) -> Result<Vec<usize>, LogError> {
    let announcement =
        |row: &NumberedOutboxRow| Announcement { key: row.row.key.clone(), value: row.row.value.clone() };
    match signals.publish(rows.iter().map(announcement).collect()).await {
        Err(LogError::TooLarge(_)) => {}
        published => return published.map(|()| Vec::new()),
    }
    let mut too_large = Vec::new();
    for (place, row) in rows.iter().enumerate() {
        match signals.publish(vec![announcement(row)]).await {
            Err(LogError::TooLarge(_)) => too_large.push(place),
            published => published?,
        }
    }
    Ok(too_large)
}
