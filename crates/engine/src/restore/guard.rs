//! Whoever lets something out looks again and again, but not at every step, whether the database is the one that last wrote.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use jiff::Timestamp;

use super::{RestoreError, accepted_at, examine, examine_log};
use crate::ports::{clock::Clock, log::EventLog, store::Store};

/// So long a proof holds that the database was not restored under a running service; after any error a new one is needed.
pub const PROOF_HOLDS: Duration = Duration::from_secs(5);

/// What was found last.
#[derive(Debug, Default)]
pub struct Guard {
    proven: Mutex<Option<Proof>>,
    log_proven: Mutex<Option<Instant>>,
}
/// The database is not behind what the log was told.
#[derive(Debug, Clone, Copy)]
struct Proof {
    until: Instant,
    accepted_at: Option<Timestamp>,
}

impl Guard {
    /// Makes sure that the database was not restored from a backup: what that has queued may be done already. Returns when such
    /// a one was last accepted. A replay tells the log nothing, so that it can be repeated.
    ///
    /// # Errors
    /// `OtherLog`, `Restored`, the log's and the database's.
    pub async fn prove(
        &self,
        log: &dyn EventLog,
        store: &dyn Store,
        clock: &dyn Clock,
    ) -> Result<Option<Timestamp>, RestoreError> {
        if clock.replays() {
            return Ok(None);
        }
        let now = clock.monotonic();
        if let Some(proof) = *self.proof()
            && now < proof.until
        {
            return Ok(proof.accepted_at);
        }
        examine(log, store).await?;
        let accepted_at = accepted_at(store).await?;
        *self.proof() = Some(Proof { until: now + PROOF_HOLDS, accepted_at });
        Ok(accepted_at)
    }

    /// Makes sure that the log is the one the shards fold, for who only appends to it. A replay begins with both.
    ///
    /// # Errors
    /// `OtherLog`, the log's and the database's.
    pub async fn prove_log(
        &self,
        log: &dyn EventLog,
        store: &dyn Store,
        clock: &dyn Clock,
    ) -> Result<(), RestoreError> {
        let now = clock.monotonic();
        let until = *self.log_proven.lock().unwrap_or_else(PoisonError::into_inner);
        if clock.replays() || until.is_some_and(|until| now < until) {
            return Ok(());
        }
        examine_log(log, store).await?;
        *self.log_proven.lock().unwrap_or_else(PoisonError::into_inner) = now.checked_add(PROOF_HOLDS);
        Ok(())
    }

    /// After any error a new proof is needed.
    pub fn doubt(&self) {
        *self.proof() = None;
    }

    fn proof(&self) -> MutexGuard<'_, Option<Proof>> {
        self.proven.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
