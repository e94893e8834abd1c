//! What needs more than one partner: closing a programme's day, and offers with a budget.
//!
//! One engine at a time owns the row `shard = -1`, under the same epoch protocol as any shard. It reads what the shards
//! have committed and answers with records, so that every shard learns of a decision in its own order.

mod approvals;
mod day_close;
mod offers;

pub use offers::{NO_CURRENCY, OfferRequest};

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use rapport_workflow::config::Config;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use crate::{
    backoff::{Backoff, Passing as _},
    ownership::EngineParts,
    ports::{
        keep::Keep,
        rows::{COORDINATOR, CoordinatorCommit, ShardRow},
        store::{Committed, Store, StoreError},
    },
    rulebooks::RulebookError,
    shard::Ended,
    stillness::{Idle, Stillness},
};

/// How long the coordinator looks away when nothing is to be decided; in a replay everybody waits for it.
const IDLE: Idle = Idle { live: Duration::from_millis(200), in_replay: Duration::from_millis(5) };
/// Requests answered in one commit.
const REQUESTS: usize = 500;

/// Why the coordinator could not go on.
#[derive(Debug, thiserror::Error)]
pub enum CoordinatorError {
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The rulebook it should decide by.
    #[error(transparent)]
    Rulebook(#[from] RulebookError),
}

/// The owner of the coordinator's row.
pub struct Coordinator {
    parts: EngineParts,
    shards: u32,
    epoch: i64,
    commit_no: i64,
    clock: Option<Timestamp>,
    waiting: approvals::Waiting,
    /// Removes rows past their keep, beside what is decided: the first time that may be much. Ends with the coordinator.
    removal: JoinSet<()>,
}

impl Coordinator {
    /// An owner of the row just taken.
    #[must_use]
    pub fn new(parts: EngineParts, row: ShardRow, shards: u32) -> Self {
        Self {
            parts,
            shards,
            epoch: row.epoch,
            commit_no: row.commit_no,
            clock: row.clock,
            waiting: approvals::Waiting::default(),
            removal: JoinSet::new(),
        }
    }

    /// Runs until told to stop, or until another owner took over.
    pub async fn run(mut self, stop: CancellationToken) -> Ended {
        let mut backoff = Backoff::default();
        let (store, clock) = (self.parts.store.clone(), self.parts.clock.clone());
        let mut stillness = Stillness::new(store.as_ref(), clock.as_ref(), IDLE, |written| written.arrived);
        loop {
            let decided = stillness
                .look(store.as_ref(), clock.as_ref(), Decided::Nothing, async || self.decide_once().await)
                .await;
            let wait = match decided {
                Ok(Decided::Something) => {
                    backoff.succeeded();
                    continue;
                }
                Ok(Decided::Nothing) => {
                    backoff.succeeded();
                    self.parts.readiness.good("coordinator");
                    stillness.wait(clock.as_ref(), &stop).await;
                    if stop.is_cancelled() {
                        return Ended::Stopped;
                    }
                    continue;
                }
                Ok(Decided::Fenced) => return Ended::Fenced,
                Err(error) if error.passing().is_some() => {
                    match self.reread().await {
                        Ok(true) => {}
                        Ok(false) => return Ended::Fenced,
                        Err(error) => self.parts.readiness.bad("coordinator", error.to_string()),
                    }
                    backoff.after_failure()
                }
                Err(error) => return Ended::Failed(error.to_string()),
            };
            tokio::select! { () = self.parts.clock.pause(wait) => {}, () = stop.cancelled() => return Ended::Stopped }
            if stop.is_cancelled() {
                return Ended::Stopped;
            }
        }
    }

    /// After a lost commit: where the row really is. `false`: it is another owner's.
    async fn reread(&mut self) -> Result<bool, StoreError> {
        let rows = self.parts.store.shard_rows().await?;
        let Some(row) = rows.into_iter().find(|row| row.shard == COORDINATOR && row.epoch == self.epoch) else {
            return Ok(false);
        };
        (self.commit_no, self.clock) = (row.commit_no, row.clock);
        Ok(true)
    }

    /// Decides what can be decided now, in one commit.
    pub async fn decide_once(&mut self) -> Result<Decided, CoordinatorError> {
        let Some(rulebook) = self.parts.rulebooks.current().await? else { return Ok(Decided::Nothing) };
        let rows = self.parts.store.shard_rows().await?;
        let mut clocks = rows.iter().filter(|row| row.shard != COORDINATOR).map(|row| row.clock);
        let behind = if rows.len() <= self.shards as usize {
            None
        } else {
            clocks.try_fold(Timestamp::MAX, |least, clock| clock.map(|clock| clock.min(least)))
        };
        let mut commit = CoordinatorCommit {
            epoch: self.epoch,
            commit_no: self.commit_no,
            clock: behind.max(self.clock),
            ..CoordinatorCommit::default()
        };
        if let Some(behind) = behind {
            self.close_days(&rulebook, behind, &rows, &mut commit).await?;
        }
        self.answer_offers(&rulebook, behind, &mut commit).await?;
        let nothing = commit.day_closes.is_empty() && commit.answered.is_empty() && commit.clock == self.clock;
        if nothing {
            return Ok(Decided::Nothing);
        }
        match self.parts.store.commit_coordinator(&commit).await? {
            Committed::Fenced => Ok(Decided::Fenced),
            Committed::Done => {
                self.commit_no += 1;
                self.clock = commit.clock;
                metrics::counter!("rapport_days_closed_total").increment(commit.day_closes.len() as u64);
                if !commit.day_closes.is_empty() && !self.parts.clock.replays() {
                    // What is past its keep goes once a day. A replay plays the past, whose rows are all past their keep.
                    let now = self.parts.clock.now().await?;
                    self.remove_old(&rulebook.rulebook.config, now);
                }
                Ok(Decided::Something)
            }
        }
    }

    /// Begins to remove what is past its keep. Where a removal of an earlier close goes on, the next close tries again.
    fn remove_old(&mut self, config: &Config, now: Timestamp) {
        while self.removal.try_join_next().is_some() {}
        if self.removal.is_empty() {
            let keeps = Keep::all(config.history_days, &config.retention);
            self.removal.spawn(remove(self.parts.store.clone(), keeps, now));
        }
    }

    fn shards(&self) -> std::ops::Range<u32> {
        0..self.shards
    }

    fn store(&self) -> &Arc<dyn Store> {
        &self.parts.store
    }
}

/// What one look brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decided {
    /// There was something to decide, and it is committed.
    Something,
    /// Nothing was due.
    Nothing,
    /// Another owner took over.
    Fenced,
}

/// A transaction for each class, or for a piece of one, so that none holds the rows of all. Cut short anywhere, the next close goes on.
async fn remove(store: Arc<dyn Store>, keeps: Vec<Keep>, now: Timestamp) {
    for keep in keeps {
        let class = keep.class.code();
        match store.prune(now, keep).await {
            Ok(0) => debug!(class, "no row is past its keep"),
            Ok(removed) => {
                metrics::counter!("rapport_rows_removed_total", "class" => class).increment(removed);
                info!(class, days = keep.days, removed, "rows past their keep were removed");
            }
            // The day is closed all the same; the next close tries again.
            Err(error) => warn!(class, %error, "rows past their keep could not be removed"),
        }
    }
}
