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
/// The same where the store tells: what is not among the subjects, and what was said while a connection was lost, is seen as late as
/// this. Rarely: looks of everybody at everything are what a busy machine has no time for.
pub(crate) const LOOK_ANYWAY: Duration = Duration::from_millis(500);

/// How long to look away when there is nothing to do.
#[derive(Debug, Clone, Copy)]
pub struct Idle {
    /// By the server's time.
    pub live: Duration,
    /// In a replay whose store does not tell.
    pub in_replay: Duration,
}

/// What was there to see at the last look that found nothing to do.
pub struct Stillness {
    idle: Duration,
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
    pub fn new(store: &dyn Store, clock: &dyn Clock, idle: Idle, subject: fn(&Written) -> u64) -> Self {
        let written = if clock.replays() { store.written() } else { None };
        let idle = match (clock.replays(), &written) {
            (false, _) => idle.live,
            (true, None) => idle.in_replay,
            (true, Some(_)) => LOOK_ANYWAY,
        };
        Self { idle, subject, written, seen: 0, empty: None, spared: 0 }
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

    /// Waits until it is worth while to look again, or for a stop.
    pub async fn wait(&mut self, clock: &dyn Clock, stop: &CancellationToken) {
        let idle = self.idle;
        tokio::select! { () = self.told() => {}, () = clock.pause(idle) => {}, () = stop.cancelled() => {} }
    }

    /// How long it is waited at the most.
    #[must_use]
    pub const fn idle(&self) -> Duration {
        self.idle
    }

    /// Waits until the store tells of the subject; for ever where it does not tell. May be dropped and asked again.
    pub async fn told(&mut self) {
        let (subject, seen) = (self.subject, self.seen);
        match &mut self.written {
            // The store outlives those who wait for it.
            Some(written) => drop(written.wait_for(|written| subject(written) != seen).await),
            None => std::future::pending().await,
        }
    }
}

fn stand(row: &ShardRow) -> Stand {
    (row.shard, row.commit_no, row.clock)
}
