//! Spares a replay looks that can find nothing.
//!
//! In a replay every service looks again after milliseconds, since the present goes on only when all of them are done. A look is
//! a handful of questions to the database; whether anything moved at all is one.

use jiff::Timestamp;

use crate::ports::{
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
    /// Where the shards stand, if a look may find something: to be given to [`Stillness::found`] afterwards. It is read before
    /// the look, so that whatever comes during it is looked at. `None`: nothing moved since a look that found nothing.
    ///
    /// # Errors
    /// The database.
    pub async fn moved(&mut self, store: &dyn Store) -> Result<Option<Vec<Stand>>, StoreError> {
        let stands: Vec<Stand> = store.shard_rows().await?.iter().map(stand).collect();
        if self.empty.as_ref() == Some(&stands) && self.spared < SPARED {
            self.spared += 1;
            return Ok(None);
        }
        Ok(Some(stands))
    }

    /// Remembers whether the look found something to do.
    pub fn found(&mut self, something: bool, stands: Vec<Stand>) {
        *self = Self { empty: (!something).then_some(stands), spared: 0 };
    }
}

fn stand(row: &ShardRow) -> Stand {
    (row.shard, row.commit_no, row.clock)
}
