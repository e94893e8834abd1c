//! Spares a replay looks that can find nothing.
//!
//! In a replay every service looks again after milliseconds, since the present goes on only when all of them are done. A look is
//! a handful of questions to the database; whether anything moved at all is one.

use jiff::Timestamp;

use crate::ports::{
    clock::Clock,
    rows::ShardRow,
    store::{Store, StoreError},
};

/// After so many looks spared it is looked anyway: not everything there is to do shows in the rows of shards, a mailer's death
/// for one.
const SPARED: u32 = 20;

/// Where the shards stood before a look that found nothing to do.
#[derive(Debug, Default)]
pub struct Stillness {
    empty: Option<Vec<Stand>>,
    spared: u32,
}

/// A shard with its commits and its clock: whatever a shard does moves them.
type Stand = (i32, i64, Option<Timestamp>);

impl Stillness {
    /// Looks; in a replay only if anything moved since a look that found `nothing`. Where the shards stand is read before the look,
    /// so that whatever comes during it is looked at.
    ///
    /// # Errors
    /// The look's, and those of the database.
    pub async fn look<T: PartialEq, E: From<StoreError>>(
        &mut self,
        store: &dyn Store,
        clock: &dyn Clock,
        nothing: T,
        look: impl AsyncFnOnce() -> Result<T, E>,
    ) -> Result<T, E> {
        if !clock.replays() {
            return look().await;
        }
        let stands: Vec<Stand> = store.shard_rows().await?.iter().map(stand).collect();
        if self.empty.as_ref() == Some(&stands) && self.spared < SPARED {
            self.spared += 1;
            return Ok(nothing);
        }
        let found = look().await?;
        *self = Self { empty: (found == nothing).then_some(stands), spared: 0 };
        Ok(found)
    }
}

fn stand(row: &ShardRow) -> Stand {
    (row.shard, row.commit_no, row.clock)
}
