//! Which engine owns which shard.
//!
//! Engines share the shards through the database: they say that they live, take what is free or silent, and give up
//! what is more than their share. The lease only decides who tries; what makes it safe is the epoch in every commit.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{sync::Notify, task::JoinHandle};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::{
    backoff::Backoff,
    coordinator::Coordinator,
    ports::{
        clock::Clock,
        log::EventLog,
        rows::{COORDINATOR, ShardRow},
        store::{Store, StoreError},
    },
    readiness::Readiness,
    rulebooks::Rulebooks,
    shard::{Ended, ShardOwner},
};

/// How an engine shares the work.
#[derive(Debug, Clone)]
pub struct EngineSettings {
    /// The process's name. A restarted process of the same name takes its shards back at once; two living ones must differ.
    pub name: String,
    /// Number of shards.
    pub shards: u32,
    /// How often it says that it lives.
    pub heartbeat: Duration,
    /// Silence after which a shard may be taken.
    pub lease: Duration,
    /// Records folded into one commit at most.
    pub batch_max: usize,
}

impl EngineSettings {
    /// DESIGN.md 4.2: heartbeats every 2 s, shards silent for 10 s are free, 50k events a commit.
    #[must_use]
    pub fn new(name: impl Into<String>, shards: u32) -> Self {
        Self {
            name: name.into(),
            shards,
            heartbeat: Duration::from_secs(2),
            lease: Duration::from_secs(10),
            batch_max: 50_000,
        }
    }
}

/// The ports and shared parts an engine runs on.
#[derive(Clone)]
pub struct EngineParts {
    /// State.
    pub store: Arc<dyn Store>,
    /// Records.
    pub log: Arc<dyn EventLog>,
    /// The present.
    pub clock: Arc<dyn Clock>,
    /// Compiled rulebooks.
    pub rulebooks: Arc<Rulebooks>,
    /// Told when neighbours fail.
    pub readiness: Readiness,
    /// Whether other systems hear of signals: the relay must have somewhere to take them.
    pub tells_signals: bool,
}

/// The engine service of one process.
pub struct Engine {
    settings: EngineSettings,
    parts: EngineParts,
    /// Told by every owned task when it ends, so that its shard is looked at without waiting for the next heartbeat.
    ended: Arc<Notify>,
}

/// A shard that failed here, and when it may be tried again.
#[derive(Default)]
struct Failed {
    backoff: Backoff,
    not_before: Option<Instant>,
}

struct Owned {
    epoch: i64,
    stop: CancellationToken,
    task: JoinHandle<Ended>,
}

impl Engine {
    /// An engine that has not started.
    #[must_use]
    pub fn new(settings: EngineSettings, parts: EngineParts) -> Self {
        Self { settings, parts, ended: Arc::default() }
    }

    /// Runs until told to stop, then gives every shard up.
    pub async fn run(&self, stop: CancellationToken) {
        let mut owned: BTreeMap<i32, Owned> = BTreeMap::new();
        let mut failed: BTreeMap<i32, Failed> = BTreeMap::new();
        let mut backoff = Backoff::default();
        while !stop.is_cancelled() {
            let wait = match self.share(&mut owned, &mut failed).await {
                Ok(()) => {
                    backoff.succeeded();
                    self.parts.readiness.good("engine");
                    self.settings.heartbeat
                }
                Err(error) => {
                    self.parts.readiness.bad("engine", error.to_string());
                    backoff.after_failure()
                }
            };
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = self.ended.notified() => {}
                () = stop.cancelled() => {}
            }
        }
        for one in owned.values() {
            one.stop.cancel();
        }
        for (shard, one) in owned {
            self.release(shard, one).await;
        }
        if let Err(error) = self.parts.store.farewell("engine", &self.settings.name).await {
            warn!(%error, "could not say good-bye");
        }
    }

    async fn share(
        &self,
        owned: &mut BTreeMap<i32, Owned>,
        failed: &mut BTreeMap<i32, Failed>,
    ) -> Result<(), StoreError> {
        let store = &self.parts.store;
        let alive = store.heartbeat("engine", &self.settings.name, self.settings.lease).await?;
        let engines = alive.processes.len().max(1);
        let share = share_of(&self.settings.name, &alive.processes, self.settings.shards as usize);
        self.drop_ended(owned, failed).await;
        let claims: Vec<(i32, i64)> = owned.iter().map(|(shard, one)| (*shard, one.epoch)).collect();
        let still_ours = store.touch_shards(&self.settings.name, &claims).await?;
        for (shard, _) in claims {
            if !still_ours.contains(&shard)
                && let Some(one) = owned.remove(&shard)
            {
                warn!(shard, "another engine owns the shard now");
                one.stop.cancel();
                one.task.await.ok();
                self.parts.readiness.forget(&part(shard));
            }
        }
        while owned.keys().filter(|shard| **shard != COORDINATOR).count() > share {
            let Some(shard) = owned.keys().rev().find(|shard| **shard != COORDINATOR).copied() else { break };
            let Some(one) = owned.remove(&shard) else { break };
            info!(shard, engines, "giving a surplus shard up");
            self.release(shard, one).await;
        }
        let rows = store.shard_rows().await?;
        for row in rows {
            if failed.contains_key(&row.shard) && row.owner.as_ref().is_some_and(|owner| *owner != self.settings.name) {
                failed.remove(&row.shard);
                self.parts.readiness.forget(&part(row.shard));
            }
            let mine = owned.keys().filter(|shard| **shard != COORDINATOR).count();
            if owned.contains_key(&row.shard) || (row.shard != COORDINATOR && mine >= share) {
                continue;
            }
            let waits = failed.get(&row.shard).and_then(|failed| failed.not_before);
            if waits.is_some_and(|instant| instant > self.parts.clock.monotonic()) {
                continue;
            }
            if let Some(taken) = store.take_shard(row.shard, &self.settings.name, self.settings.lease).await? {
                info!(shard = taken.shard, epoch = taken.epoch, next_offset = taken.next_offset, "took a shard");
                owned.insert(taken.shard, self.start(taken));
            }
        }
        metrics::gauge!("rapport_shards_owned").set(owned.len() as f64);
        Ok(())
    }

    fn start(&self, row: ShardRow) -> Owned {
        let stop = CancellationToken::new();
        let (epoch, parts) = (row.epoch, self.parts.clone());
        let (token, settings, ended) = (stop.clone(), self.settings.clone(), self.ended.clone());
        let task = if row.shard == COORDINATOR {
            tokio::spawn(async move {
                let end = Coordinator::new(parts, row, settings.shards).run(token).await;
                ended.notify_one();
                end
            })
        } else {
            tokio::spawn(async move {
                let end = ShardOwner::new(parts, row, settings.batch_max).run(token).await;
                ended.notify_one();
                end
            })
        };
        Owned { epoch, stop, task }
    }

    async fn drop_ended(&self, owned: &mut BTreeMap<i32, Owned>, failed: &mut BTreeMap<i32, Failed>) {
        let ended: Vec<i32> = owned.iter().filter(|(_, one)| one.task.is_finished()).map(|(shard, _)| *shard).collect();
        for shard in ended {
            let Some(one) = owned.remove(&shard) else { continue };
            match one.task.await {
                Ok(Ended::Stopped) => self.parts.readiness.forget(&part(shard)),
                Ok(Ended::Fenced) => {
                    warn!(shard, epoch = one.epoch, "fenced: the shard is another engine's now");
                    self.parts.readiness.forget(&part(shard));
                }
                Ok(Ended::Failed(why)) => {
                    self.parts.readiness.bad(&part(shard), why);
                    let again = failed.entry(shard).or_default();
                    again.not_before = self.parts.clock.monotonic().checked_add(again.backoff.after_failure());
                    // Give it up at once: whoever takes it next reads everything anew.
                    self.parts.store.release_shard(shard, one.epoch).await.ok();
                }
                Err(error) => {
                    self.parts.readiness.bad(&part(shard), format!("stopped: {error}"));
                    failed.entry(shard).or_default();
                }
            }
        }
    }

    async fn release(&self, shard: i32, one: Owned) {
        one.stop.cancel();
        if let Err(error) = one.task.await {
            warn!(shard, %error, "the shard's task ended badly");
        }
        if let Err(error) = self.parts.store.release_shard(shard, one.epoch).await {
            warn!(shard, %error, "could not release the shard; its lease will run out");
        }
        self.parts.readiness.forget(&part(shard));
    }
}

/// How many shards a process may own among those that live: as even as whole shards go, what is over to the first by name. All who see
/// the same processes come to shares that add up to all shards, so that nobody waits for what another may keep.
fn share_of(name: &str, alive: &[String], shards: usize) -> usize {
    let engines = alive.len().max(1);
    let before = alive.iter().filter(|other| other.as_str() < name).count();
    shards / engines + usize::from(before < shards % engines)
}

/// What readiness calls an owner.
fn part(shard: i32) -> String {
    if shard == COORDINATOR { "coordinator".to_owned() } else { format!("shard {shard}") }
}

#[cfg(test)]
mod tests {
    use super::share_of;

    #[test]
    fn shares_are_even_and_add_up_to_all_shards() {
        for engines in 1..=9_usize {
            let alive: Vec<String> = (0..engines).map(|number| format!("engine-{number}")).collect();
            for shards in 0..=20 {
                let shares: Vec<usize> = alive.iter().map(|name| share_of(name, &alive, shards)).collect();
                assert_eq!(shares.iter().sum::<usize>(), shards, "{engines} engines");
                let most = shares.iter().max().copied().unwrap_or_default();
                let least = shares.iter().min().copied().unwrap_or_default();
                assert!(most - least <= 1, "{shares:?}");
            }
        }
    }
}
