//! What happens to processes in production: they are killed, they stop and go on, engines come and go.
//!
//! Moments are drawn from a seed over the replay's own time, each with a little delay, so that they fall into every phase
//! of the run and into every phase of a step, and none is left when the run is over.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use jiff::{SignedDuration, Timestamp};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use rustix::process::Signal;

use crate::processes::{Processes, until};
use crate::project::Project;

/// Whom the kills hit.
const VICTIMS: [&str; 6] = ["ingest-1", "engine-1", "engine-2", "relay-1", "mailer-1", "mailer-2"];
/// A step of the replay takes a few dozen milliseconds: a delay of up to this reaches all of its phases.
const DELAY_MS: u64 = 60;
/// Longer than a lease (10 s), the heartbeat that notices and a start, on a machine that does other things besides; what counts is who
/// owns the shard then.
const TAKEN_OVER: Duration = Duration::from_secs(120);

/// What to do to a run.
#[derive(Debug, Clone, Copy, Default)]
pub struct Plan {
    /// How many processes are killed.
    pub kills: usize,
    /// Whether an owner is stopped past its lease and let go on, and a third engine comes and goes.
    pub trade_shards: bool,
    /// Whether relay and mailer stand still for days of the replay while others do their work, and go on.
    pub stand_still: bool,
    /// Another seed is another run.
    pub seed: u64,
}

impl Plan {
    /// Nothing happens.
    pub const NONE: Self = Self { kills: 0, trade_shards: false, stand_still: false, seed: 0 };
}

/// What was done.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// Kills by process.
    pub kills: BTreeMap<String, usize>,
    /// Shards that were taken from the stopped engine: shard, epoch before and after.
    pub taken_over: Vec<(i64, i64, i64)>,
    /// Shards the third engine had.
    pub traded: i64,
    /// How often who stood still.
    pub stood_still: BTreeMap<String, usize>,
}

impl Report {
    /// Kills of a kind of process, and how often one stood still.
    #[must_use]
    pub fn blows_to(&self, kind: &str) -> usize {
        let all = self.kills.iter().chain(&self.stood_still);
        all.filter(|(name, _)| name.starts_with(kind)).map(|(_, blows)| blows).sum()
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Act {
    Kill(&'static str),
    StopAnOwner,
    ThirdEngineComes,
    ThirdEngineGoes,
    SecondRelayComes,
    SecondRelayGoes,
    Stop(&'static str),
    GoOn(&'static str),
}

/// Who stands still from when to when, as shares of the replay: the second relay runs meanwhile.
const STILL: [(&str, f64, f64); 7] = [
    ("relay-1", 0.10, 0.12),
    ("mailer-1", 0.11, 0.13),
    ("relay-1", 0.14, 0.16),
    ("relay-1", 0.17, 0.19),
    ("mailer-2", 0.18, 0.21),
    ("relay-1", 0.22, 0.24),
    ("relay-1", 0.25, 0.27),
];

/// Carries a plan out as the replay goes on.
#[derive(Debug)]
pub struct Disturber {
    /// Latest first.
    acts: Vec<(Timestamp, Act)>,
    random: StdRng,
    still: BTreeSet<&'static str>,
    report: Report,
}

impl Disturber {
    /// Draws the moments between two instants of the replay.
    #[must_use]
    pub fn new(plan: Plan, from: Timestamp, to: Timestamp) -> Self {
        let mut random = StdRng::seed_from_u64(plan.seed);
        // Not before the first day, and early enough that everything can be seen to go on afterwards.
        let span = to.duration_since(from).as_secs() * 95 / 100;
        let at = |share: f64| from + SignedDuration::from_secs((span as f64 * share) as i64);
        let mut acts: Vec<(Timestamp, Act)> = (0..plan.kills)
            .map(|kill| {
                let share = (kill as f64 + random.random_range(0.0..1.0)) / plan.kills as f64;
                // Each kind has its turn, whatever the seed.
                let turn = VICTIMS.get(kill).copied().unwrap_or_else(|| VICTIMS[random.random_range(0..VICTIMS.len())]);
                (at(share), Act::Kill(turn))
            })
            .collect();
        if plan.trade_shards {
            acts.extend([
                (at(0.3), Act::StopAnOwner),
                (at(0.5), Act::ThirdEngineComes),
                (at(0.7), Act::ThirdEngineGoes),
            ]);
        }
        if plan.stand_still {
            acts.extend([(at(0.09), Act::SecondRelayComes), (at(0.28), Act::SecondRelayGoes)]);
            for (name, from, to) in STILL {
                acts.extend([(at(from), Act::Stop(name)), (at(to), Act::GoOn(name))]);
            }
        }
        acts.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
        Self { acts, random, still: BTreeSet::new(), report: Report::default() }
    }

    /// Does what is due at the replay's present.
    ///
    /// # Errors
    /// A process ended by itself, or what should follow (a take-over) does not.
    pub async fn act(&mut self, project: &Project, processes: &mut Processes, present: Timestamp) -> Result<()> {
        while let Some((_, act)) = self.acts.pop_if(|(at, _)| *at <= present) {
            tokio::time::sleep(Duration::from_millis(self.random.random_range(0..DELAY_MS))).await;
            match act {
                Act::Kill(drawn) => {
                    // Whoever stands still shall go on later: its fellow is killed instead.
                    let name = match drawn {
                        name if !self.still.contains(name) => name,
                        "relay-1" => "relay-2",
                        "mailer-1" => "mailer-2",
                        _ => "mailer-1",
                    };
                    // Its end is looked at by the caller; there is nothing left to kill.
                    if processes.ended(name)?.is_some() {
                        bail!("{name} had ended by itself before it was to be killed");
                    }
                    processes.kill_and_restart(project, name).await?;
                    *self.report.kills.entry(name.to_owned()).or_default() += 1;
                }
                Act::SecondRelayComes => {
                    processes.start(project, "relay-2", &["run", "relay", "--clock", "replay"].map(str::to_owned))?;
                }
                Act::SecondRelayGoes => processes.stop("relay-2").await?,
                Act::Stop(name) => {
                    processes.signal(name, Signal::STOP)?;
                    self.still.insert(name);
                    *self.report.stood_still.entry(name.to_owned()).or_default() += 1;
                }
                Act::GoOn(name) => {
                    self.still.remove(name);
                    processes.signal(name, Signal::CONT)?;
                }
                Act::StopAnOwner => self.report.taken_over = stop_an_owner(project, processes, "engine-1").await?,
                Act::ThirdEngineComes => {
                    let arguments = ["run", "engine", "--clock", "replay"].map(str::to_owned);
                    processes.start(project, "engine-3", &arguments)?;
                    let pool = &project.database.pool;
                    until("a third engine gets its share", TAKEN_OVER, async || {
                        self.report.traded = owned(pool, "engine-3").await?.len() as i64;
                        Ok(self.report.traded >= 2)
                    })
                    .await?;
                }
                Act::ThirdEngineGoes => {
                    processes.stop("engine-3").await?;
                    let left = owned(&project.database.pool, "engine-3").await?;
                    if !left.is_empty() {
                        bail!("an engine that was told to stop kept shards: {left:?}");
                    }
                }
            }
        }
        Ok(())
    }

    /// What was done.
    ///
    /// # Errors
    /// The run was over before everything was done.
    pub fn finish(self) -> Result<Report> {
        if self.acts.is_empty() { Ok(self.report) } else { bail!("{} disturbances had no time", self.acts.len()) }
    }
}

/// SIGSTOP until others own every shard it had, then SIGCONT: it must step down, not write.
async fn stop_an_owner(project: &Project, processes: &mut Processes, name: &str) -> Result<Vec<(i64, i64, i64)>> {
    let pool = &project.database.pool;
    until("an engine owns a shard", TAKEN_OVER, async || Ok(owned(pool, name).await?.len() > 1)).await?;
    processes.signal(name, Signal::STOP)?;
    let before = owned(pool, name).await?;
    until("the others take a stopped engine's shards", TAKEN_OVER, async || Ok(owned(pool, name).await?.is_empty()))
        .await?;
    let mut taken = Vec::new();
    for (shard, epoch) in before {
        let now: (i64,) =
            sqlx::query_as("SELECT epoch FROM shard WHERE shard = $1").bind(shard).fetch_one(pool).await?;
        if now.0 <= epoch {
            bail!("shard {shard} changed its owner without a higher epoch");
        }
        taken.push((shard, epoch, now.0));
    }
    let said = processes.log(name).len();
    processes.signal(name, Signal::CONT)?;
    // It notices by itself: by its heartbeat, or by a commit that matches no row.
    until("a stopped engine notices that it was replaced", TAKEN_OVER, async || {
        processes.check_alive("ingest-1")?;
        let log = processes.log(name);
        let news = log.get(said..).context("a log that shrank")?;
        Ok(news.contains("another engine owns the shard now") || news.contains("fenced"))
    })
    .await?;
    Ok(taken)
}

/// Shards of an engine with their epochs, the coordinator's among them.
async fn owned(pool: &sqlx::PgPool, name: &str) -> Result<Vec<(i64, i64)>> {
    let rows = sqlx::query_as("SELECT shard, epoch FROM shard WHERE owner = $1 ORDER BY shard").bind(name);
    Ok(rows.fetch_all(pool).await?)
}
