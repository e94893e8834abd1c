//! Whether a replay can be played on a store: time that has passed there is never played again.
//!
//! Services that run live move shards to the server's time and write records stamped with it. A replay's present would
//! reach them after years, and until then nothing would ever look done.

use std::sync::Arc;

use jiff::Timestamp;

use crate::{
    ingest::grid_after,
    ports::{
        log::{EventLog, LogError},
        rows::COORDINATOR,
        store::{Store, StoreError},
    },
};

/// The reason of mails and calls that wait where a record is played again, because they waited then.
pub(crate) const AS_RECORDED: &str = "as_recorded";

/// Why a replay cannot be played.
#[derive(Debug, thiserror::Error)]
pub enum NotReplayable {
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The event log.
    #[error(transparent)]
    Log(#[from] LogError),
    /// It holds what services or people put there by the server's time.
    #[error("this store has run live: it is at {at}, and a replay would have to begin {}", .present.map_or_else(|| "before everything".to_owned(), |present| format!("at {present}")))]
    RanLive {
        /// How far it is.
        at: Timestamp,
        /// Where its replay stands; none when it was never on one.
        present: Option<Timestamp>,
    },
}

/// Makes sure that nothing lies ahead of the replay's next step.
///
/// # Errors
/// Something does, or it cannot be found out.
pub async fn examine(store: &Arc<dyn Store>, log: &Arc<dyn EventLog>, shards: u32) -> Result<(), NotReplayable> {
    let rows = store.shard_rows().await?;
    let mut furthest = rows.iter().filter(|row| row.shard != COORDINATOR).filter_map(|row| row.clock).max();
    let all: Vec<u32> = (0..shards).collect();
    for (shard, end) in all.iter().zip(log.ends(&all).await?) {
        if end == 0 {
            continue;
        }
        match log.read(*shard, end - 1).await {
            Ok(last) => furthest = furthest.max(Some(last.stamp)),
            // The log has forgotten it; the shard that folded it is past it.
            Err(LogError::OutOfRange { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    // Read last: a replay under way beside this only moves on.
    let present = store.replay_present().await?;
    match furthest {
        Some(at) if present.is_none_or(|present| at > grid_after(present)) => {
            Err(NotReplayable::RanLive { at, present })
        }
        _ => Ok(()),
    }
}
