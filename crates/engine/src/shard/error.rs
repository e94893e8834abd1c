//! What keeps a shard from going on.

use std::sync::Arc;

use rapport_event::PartnerKey;

use crate::{
    ports::{log::LogError, store::StoreError},
    restore::Restored,
    rulebooks::RulebookError,
};

/// Why a batch could not be carried out.
#[derive(Debug, thiserror::Error)]
pub enum ShardError {
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The log.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The rulebook.
    #[error(transparent)]
    Rulebook(#[from] RulebookError),
    /// Reacting panicked, or led too far. What it left in memory must not be used.
    #[error("reacting for partner {0} failed: {1}")]
    Unfit(PartnerKey, String),
    /// The log was told of commits that the row does not know.
    #[error(transparent)]
    Restored(Restored),
    /// Files were in force that the database does not hold.
    #[error(
        "the files with the hash {0} were in force from here on, and this database does not hold them: apply those very \
         files again (`rapport apply --since` with the day of their first application), and the shard goes on"
    )]
    FilesGone(Arc<str>),
    /// The log is not the one that was folded.
    #[error(
        "the event log is not the one this database was fed from: shard {shard}'s record {offset} is {found}. The topic was \
         made anew, or lost what was acknowledged; nothing is folded from it. docs/operating.md says what to do"
    )]
    OtherLog {
        /// The shard.
        shard: u32,
        /// The last record that was folded.
        offset: i64,
        /// What stands there.
        found: &'static str,
    },
    /// The commit matched no row.
    #[error("the shard is another engine's now")]
    Fenced,
}
