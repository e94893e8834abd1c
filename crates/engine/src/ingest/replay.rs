//! The clock master of a replay: lets time pass step by step, and never before everything of the last step is done.
//!
//! Within a step the records come first, all of them, then the present moves past them. So every shard folds the same
//! records in the same order, and what mailers and coordinator answer lies behind them, whatever the processes' speed.

use std::time::Duration;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info};

use super::{Breaker, Ingest, IngestError, Taken};
use crate::{
    backoff::{Backoff, Passing as _},
    ports::{
        log::{LogError, SourceRecord},
        rows::{COORDINATOR, ShardRow},
        store::Outstanding,
    },
    stillness::{Idle, Stillness},
};

/// The present moves by this much.
pub const STEP: SignedDuration = SignedDuration::from_hours(6);
/// Notes the step whose records are being written, while the present still stands at the step before.
const FILLING: &str = "replay_filling";
/// How often it is looked whether everything is quiet; only a replay asks.
const LOOK: Idle = Idle { live: Duration::ZERO, in_replay: Duration::from_millis(3) };

/// A source whose records have times of their own, in ascending order.
#[async_trait]
pub trait ReplaySource: Send {
    /// The records up to and including the instant that were not taken yet, in order of time. After an error none is
    /// counted as taken: asked again it answers the same.
    async fn take_until(&mut self, until: Timestamp) -> Result<Vec<SourceRecord>, LogError>;
    /// The time of the next record; `None` at the end.
    async fn next_time(&mut self) -> Result<Option<Timestamp>, LogError>;
    /// Everything taken is safe. May be said again after an error.
    async fn commit(&mut self) -> Result<(), LogError>;
    /// The first instant after this one up to which all has to be done before what follows is taken, where that falls into a step: the
    /// step ends there. Only a source that is never begun again in the middle may name one.
    fn halt_after(&self, _present: Timestamp) -> Option<Timestamp> {
        None
    }
}

/// What a source can be asked.
#[derive(Debug, Clone, Copy)]
enum Asked {
    NextTime,
    Until(Timestamp),
    Commit,
}

/// What it answered.
enum Answer {
    Time(Option<Timestamp>),
    Records(Vec<SourceRecord>),
    Committed,
}

impl Answer {
    fn time(&self) -> Option<Timestamp> {
        match self {
            Self::Time(time) => *time,
            Self::Records(_) | Self::Committed => None,
        }
    }

    fn records(self) -> Vec<SourceRecord> {
        match self {
            Self::Records(records) => records,
            Self::Time(_) | Self::Committed => Vec::new(),
        }
    }
}

/// Plays a source.
pub struct ReplayMaster {
    ingest: Ingest,
    until: Option<Timestamp>,
}

impl ReplayMaster {
    /// A master that goes on until the instant, or as long as the source has records.
    #[must_use]
    pub fn new(ingest: Ingest, until: Option<Timestamp>) -> Self {
        Self { ingest, until }
    }

    /// Plays to the end; `progress` hears of every step.
    pub async fn run(
        &self,
        source: &mut dyn ReplaySource,
        stop: CancellationToken,
        mut progress: impl FnMut(Timestamp) + Send,
    ) -> Result<Taken, IngestError> {
        let mut all = Taken::default();
        let mut breaker = Breaker::default();
        let Some(mut present) = self.begin(source, &stop).await? else { return Ok(all) };
        // A predecessor that died while it wrote the next step had seen this one quiet; its records lie ahead of the
        // present in the log, so that nothing would ever look quiet again.
        let mut known_quiet = self.filling().await? == Some(grid_after(present));
        while !stop.is_cancelled() {
            if !std::mem::take(&mut known_quiet) && !self.wait_until_quiet(present, &stop).await? {
                break;
            }
            let next = source.halt_after(present).map_or(grid_after(present), |halt| halt.min(grid_after(present)));
            let Some(upcoming) = self.ask(source, Asked::NextTime, &stop).await? else { break };
            let over = match (self.until, upcoming) {
                (Some(until), _) => present >= until,
                (None, upcoming) => upcoming.time().is_none(),
            };
            if over {
                info!(%present, events = all.events, "the replay is at its end");
                break;
            }
            let filling = next.as_millisecond().to_string();
            self.ingest.retry(async || self.ingest.store.set_meta(FILLING, &filling).await).await?;
            loop {
                let Some(answer) = self.ask(source, Asked::Until(next), &stop).await? else { return Ok(all) };
                let records = answer.records();
                if records.is_empty() {
                    break;
                }
                all += self.ingest.take(&records, &mut breaker).await?;
                if let Some(tripped) = breaker.tripped() {
                    return Err(tripped.into());
                }
                if self.ask(source, Asked::Commit, &stop).await?.is_none() {
                    return Ok(all);
                }
            }
            self.ingest.retry(async || self.ingest.store.set_replay_present(next).await).await?;
            present = next;
            progress(present);
        }
        Ok(all)
    }

    /// The step whose records were being written last.
    async fn filling(&self) -> Result<Option<Timestamp>, IngestError> {
        let noted = self.ingest.retry(async || self.ingest.store.meta(FILLING).await).await?;
        Ok(noted.and_then(|millis| Timestamp::from_millisecond(millis.parse().ok()?).ok()))
    }

    /// Where the replay stands, or where it begins: a step before the first record.
    async fn begin(
        &self,
        source: &mut dyn ReplaySource,
        stop: &CancellationToken,
    ) -> Result<Option<Timestamp>, IngestError> {
        let store = &self.ingest.store;
        if let Some(present) = self.ingest.retry(async || store.replay_present().await).await? {
            return Ok(Some(present));
        }
        let answer = self.ask(source, Asked::NextTime, stop).await?;
        let Some(first) = answer.and_then(|answer| answer.time()) else { return Ok(None) };
        let start = grid_before(first);
        self.ingest.retry(async || store.set_replay_present(start).await).await?;
        Ok(Some(start))
    }

    /// Asks a source until it answers; `None` when told to stop meanwhile.
    async fn ask(
        &self,
        source: &mut dyn ReplaySource,
        asked: Asked,
        stop: &CancellationToken,
    ) -> Result<Option<Answer>, IngestError> {
        let mut backoff = Backoff::default();
        loop {
            let answer = match asked {
                Asked::NextTime => source.next_time().await.map(Answer::Time),
                Asked::Until(until) => source.take_until(until).await.map(Answer::Records),
                Asked::Commit => source.commit().await.map(|()| Answer::Committed),
            };
            match answer {
                Ok(answer) => {
                    if backoff.failures() > 0 {
                        self.ingest.readiness.good("ingest");
                    }
                    return Ok(Some(answer));
                }
                Err(LogError::Unreachable(why)) => {
                    if !self.ingest.unreachable(why, &mut backoff, stop).await {
                        return Ok(None);
                    }
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    async fn wait_until_quiet(&self, present: Timestamp, stop: &CancellationToken) -> Result<bool, IngestError> {
        let mut backoff = Backoff::default();
        let clock = self.ingest.clock.as_ref();
        let mut stillness = Stillness::new(self.ingest.store.as_ref(), clock, LOOK, |written| written.concluded);
        while !stop.is_cancelled() {
            stillness.mark();
            match self.is_quiet(present).await {
                Ok(true) => return Ok(true),
                Ok(false) => stillness.wait(clock, stop).await,
                Err(error) => {
                    let Some(why) = error.passing() else { return Err(error) };
                    debug!(why, "asking again whether everything is quiet");
                    clock.pause(backoff.after_failure()).await;
                }
            }
        }
        Ok(false)
    }

    /// Whether nothing is left to do at the present. The shard rows are read before and after the rest: if none moved,
    /// nothing was produced in between, and what lay in the outbox is in the log, whose ends are read last. The coordinator's
    /// row comes to the present only after every day that could be closed is.
    async fn is_quiet(&self, present: Timestamp) -> Result<bool, IngestError> {
        let store = &self.ingest.store;
        let before = store.shard_rows().await?;
        let arrived = |row: &ShardRow| row.clock.is_some_and(|clock| clock >= present);
        if before.len() <= self.ingest.shards as usize || !before.iter().all(arrived) {
            return Ok(false);
        }
        if store.outstanding(present).await? != Outstanding::default() {
            return Ok(false);
        }
        let shards: Vec<u32> = (0..self.ingest.shards).collect();
        let ends = self.ingest.log.ends(&shards).await?;
        let next = |row: &ShardRow| usize::try_from(row.shard).ok().and_then(|shard| ends.get(shard)).copied();
        let caught_up =
            before.iter().filter(|row| row.shard != COORDINATOR).all(|row| next(row) == Some(row.next_offset));
        if !caught_up {
            return Ok(false);
        }
        let after = store.shard_rows().await?;
        let state = |rows: &[ShardRow]| rows.iter().map(|row| (row.shard, row.commit_no)).collect::<Vec<_>>();
        Ok(state(&before) == state(&after))
    }
}

fn grid_before(at: Timestamp) -> Timestamp {
    let step = STEP.as_millis() as i64;
    let floor = at.as_millisecond().div_euclid(step) * step;
    // A record exactly on the grid belongs to the step that ends there.
    Timestamp::from_millisecond(floor - step).unwrap_or(Timestamp::MIN)
}

/// Whether a step may end at this instant: what a replay's relay carries is stamped so, and what happens live hardly ever is.
#[must_use]
pub fn ends_a_step(at: Timestamp) -> bool {
    at.as_microsecond().rem_euclid(STEP.as_micros() as i64) == 0
}

/// The end of the step after this instant.
pub(crate) fn grid_after(at: Timestamp) -> Timestamp {
    let step = STEP.as_millis() as i64;
    Timestamp::from_millisecond((at.as_millisecond().div_euclid(step) + 1) * step).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_present_moves_along_a_grid_that_no_start_shifts() {
        let at: Timestamp = "1997-01-01T13:30:00Z".parse().unwrap();
        assert_eq!(grid_before(at), "1997-01-01T06:00:00Z".parse().unwrap());
        assert_eq!(grid_after(at), "1997-01-01T18:00:00Z".parse().unwrap());
        assert_eq!(grid_after(grid_before(at)), "1997-01-01T12:00:00Z".parse().unwrap());
        assert!(ends_a_step(grid_after(at)) && ends_a_step(grid_before(at)) && !ends_a_step(at));
    }
}
