//! Recorded events, played again through the real engine under edited files.
//!
//! A store in memory gets what people and trackers did, in the recorded order and at the recorded
//! times: events, answers, unsubscribes, commands, pauses, with what was known of each person then. What rapport itself made of it
//! (days closed, offers given, outcomes of mails) is made anew by engine, coordinator and mailer on the replay clock. Until
//! the window begins the rulebooks are those that were in force; then the edited files are. No mail leaves: the way out
//! answers as the mail server did where the same mail was sent, and accepts every other. When a mailer came to a mail, and when the log
//! was told of its end, is taken from the record as well (docs/adr/0029-moments-of-a-record.md).

mod compare;
#[cfg(test)]
mod live_record;
mod outcomes;
mod recorded;
mod retold;
mod way_out;

use std::sync::Arc;
use std::time::Instant;

use jiff::Timestamp;
use rapport_engine::clocks::ReplayClock;
use rapport_engine::ingest::ReplayMaster;
use rapport_engine::mailer::LinkKeys;
use rapport_engine::ports::store::{Store, StoreError};
use rapport_engine::readiness::Readiness;
use rapport_engine::rulebooks::Rulebooks;
use rapport_memory::log::MemoryLog;
use rapport_memory::store::MemoryStore;
use rapport_message::link::Keys;
use tokio_util::sync::CancellationToken;

pub use compare::{Compared, Seen, Sent, compare, seen};
pub use recorded::{Recorded, read};
use retold::Retold;
use way_out::{NoCalls, NoWayOut};

use crate::exit::{Doing, Failure};
use crate::files::Texts;
use crate::layout::Ground;
use crate::services::{Services, ingest};

/// All partners in one: a play is over in one place anyway.
const SHARDS: u32 = 1;

/// What a play came to.
pub struct Played {
    /// Everything planned and told.
    pub seen: Seen,
    /// Records of people and trackers that were played.
    pub events: usize,
    /// How long it took.
    pub seconds: f64,
}

/// Plays the record with `texts` in force from `from` on.
pub async fn play(
    recorded: Recorded,
    texts: Texts,
    from: Timestamp,
    until: Timestamp,
    stop: &CancellationToken,
    progress: impl FnMut(Timestamp) + Send,
) -> Result<Played, Failure> {
    let (events, partners) = (recorded.events.len(), recorded.keys());
    let begun = Instant::now();
    let store = alone(play_through(recorded, Some((texts, from)), until, stop, progress))?;
    let seconds = begun.elapsed().as_secs_f64();
    let seen = seen(&store, &partners, from, until).await?;
    Ok(Played { seen, events, seconds })
}

/// Plays the record as it was, under the files in force at each time, until an instant; comes back with the store as it was then.
pub async fn play_until(
    recorded: Recorded,
    until: Timestamp,
    stop: &CancellationToken,
    progress: impl FnMut(Timestamp) + Send,
) -> Result<Arc<dyn Store>, Failure> {
    alone(play_through(recorded, None, until, stop, progress))
}

/// Plays on this thread alone. Each service waits for the one before, and nothing of a play is outside this process: spread over threads,
/// nearly every hand-over would wake one that sleeps.
fn alone<T>(play: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().doing("preparing the play")?;
    // The runtime is dropped in there, too: it must not be where others wait.
    tokio::task::block_in_place(move || runtime.block_on(play))
}

async fn play_through(
    mut recorded: Recorded,
    edited: Option<(Texts, Timestamp)>,
    until: Timestamp,
    stop: &CancellationToken,
    progress: impl FnMut(Timestamp) + Send,
) -> Result<Arc<dyn Store>, Failure> {
    let outcomes = Arc::new(std::mem::take(&mut recorded.outcomes));
    let log = Arc::new(Retold::new(Arc::new(MemoryLog::new(SHARDS)), outcomes.clone()));
    let ground = ground(log.clone()).await.doing("preparing the play")?;
    for (name, value) in &recorded.beginnings {
        ground.store.set_meta(name, value).await.doing("preparing the play")?;
    }
    let done = stop.child_token();
    // What is compared with what is known now must not go on to the end of a step.
    let end = edited.is_some().then_some(until);
    let mut source = recorded::Source::new(recorded, ground.clone(), log, edited, end, done.clone());
    source.prepare().await.doing("preparing the play")?;
    let keys = Keys::new([b"links of a backtest lead nowhere, ever".to_vec()]).doing("making keys")?;
    let mut services = Services::new(done.clone());
    services.engine(&ground, "backtest", None);
    services.relay_by(&ground, "backtest", Arc::new(NoCalls { outcomes: outcomes.clone() }));
    services.mailer(&ground, "backtest", Arc::new(NoWayOut { outcomes }), Arc::new(LinkKeys { keys }));
    let taken = ReplayMaster::new(ingest(&ground), Some(until)).run(&mut source, done.clone(), progress).await;
    let broke = done.is_cancelled() && !stop.is_cancelled();
    done.cancel();
    services.wait().await?;
    taken.doing("playing the record")?;
    if broke {
        return Err(Failure::new("a service ended in the middle of the play"));
    }
    if stop.is_cancelled() {
        return Err(Failure::new("stopped before the play came to its end"));
    }
    Ok(ground.store)
}

/// An empty store in memory and this log, with one shard.
async fn ground(log: Arc<Retold>) -> Result<Ground, StoreError> {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::telling());
    store.create_shards(SHARDS).await?;
    Ok(Ground {
        log,
        signals: None,
        broker: None,
        clock: Arc::new(ReplayClock::new(store.clone())),
        rulebooks: Arc::new(Rulebooks::of_replay(store.clone())),
        readiness: Readiness::default(),
        shards: SHARDS,
        store,
    })
}
