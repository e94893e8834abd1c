//! Spares a replay looks that can find nothing.
//!
//! In a replay every service looks again at once, since the present goes on only when all of them are done. A look is a handful
//! of questions to the database. Where the store tells what was written, a service sleeps until that concerns it; elsewhere it
//! asks every few milliseconds whether anything moved at all, which is one question.

use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::ports::{
    clock::Clock,
    rows::ShardRow,
    store::{Store, StoreError},
    written::Written,
};

/// After so many looks spared it is looked anyway: not everything there is to do shows in the rows of shards, a mailer's death
/// for one.
const SPARED: u32 = 20;
/// The same where the store tells.
const LOOK_ANYWAY: Duration = Duration::from_millis(100);

/// What was there to see at the last look that found nothing to do.
pub struct Stillness {
    subject: fn(&Written) -> u64,
    /// In a replay whose store tells.
    written: Option<watch::Receiver<Written>>,
    /// The subject's count before the last look.
    seen: u64,
    empty: Option<Vec<Stand>>,
    spared: u32,
}

/// A shard with its commits and its clock: whatever a shard does moves them.
type Stand = (i32, i64, Option<Timestamp>);

impl Stillness {
    /// Nothing looked at yet; a change of `subject` is what makes another look worth while.
    #[must_use]
    pub fn new(store: &dyn Store, clock: &dyn Clock, subject: fn(&Written) -> u64) -> Self {
        let written = if clock.replays() { store.written() } else { None };
        Self { subject, written, seen: 0, empty: None, spared: 0 }
    }

    /// Whether the store tells.
    #[must_use]
    pub const fn hears(&self) -> bool {
        self.written.is_some()
    }

    /// From here on what is written counts as new.
    pub fn mark(&mut self) {
        if let Some(written) = &self.written {
            self.seen = (self.subject)(&written.borrow());
        }
    }

    /// Looks; in a replay only if anything moved since a look that found `nothing`. What there is to see is noted before the
    /// look, so that whatever comes during it is looked at.
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
        self.mark();
        if self.written.is_some() || !clock.replays() {
            return look().await;
        }
        let stands: Vec<Stand> = store.shard_rows().await?.iter().map(stand).collect();
        if self.empty.as_ref() == Some(&stands) && self.spared < SPARED {
            self.spared += 1;
            return Ok(nothing);
        }
        let found = look().await?;
        self.empty = (found == nothing).then_some(stands);
        self.spared = 0;
        Ok(found)
    }

    /// Waits until it is worth while to look again, about `length` where nobody tells.
    pub async fn wait(&mut self, clock: &dyn Clock, length: Duration, stop: &CancellationToken) {
        tokio::select! { () = self.changed(clock, length) => {}, () = stop.cancelled() => {} }
    }

    /// [`Stillness::wait`] without an end. May be dropped and asked again.
    pub async fn changed(&mut self, clock: &dyn Clock, length: Duration) {
        let (subject, seen) = (self.subject, self.seen);
        match &mut self.written {
            Some(written) => {
                tokio::select! {
                    // The store outlives those who wait for it.
                    _ = written.wait_for(|written| subject(written) != seen) => {}
                    () = clock.pause(LOOK_ANYWAY) => {}
                }
            }
            None => clock.pause(length).await,
        }
    }
}

fn stand(row: &ShardRow) -> Stand {
    (row.shard, row.commit_no, row.clock)
}
