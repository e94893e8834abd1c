//! What is done to the processes of a live run, at moments of the wall clock drawn from a seed.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, bail};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use rustix::process::Signal;

use super::files;
use crate::processes::Processes;
use crate::project::Project;

/// The processes and their services: two of each.
pub const PROCESSES: [(&str, &str); 8] = [
    ("engine-1", "engine"),
    ("engine-2", "engine"),
    ("relay-1", "relay"),
    ("relay-2", "relay"),
    ("mailer-1", "mailer"),
    ("mailer-2", "mailer"),
    ("ingest-1", "ingest"),
    ("ingest-2", "ingest"),
];
/// Who stands still from when to when, in seconds: longer than the lease of what it does (a shard or a place in the consumer
/// group 10 s, mail in hand 60 s), and both relays one after the other.
const STOPS: [(&str, u64, u64); 6] = [
    ("mailer-2", 6, 70),
    ("engine-1", 12, 26),
    ("ingest-1", 15, 29),
    ("relay-1", 30, 44),
    ("engine-2", 46, 59),
    ("relay-2", 50, 63),
];
/// When the second version is applied.
const APPLY_AT_S: u64 = 32;
/// Kills fall between these.
const KILLS_FROM_MS: u64 = 3_000;
const KILLS_TO_MS: u64 = 74_000;

/// What was done.
#[derive(Debug, Clone, Default)]
pub struct Done {
    /// Kills by process.
    pub kills: BTreeMap<String, usize>,
    /// Stops by process.
    pub stops: BTreeMap<String, usize>,
}

impl Done {
    /// How often a kind of process was killed or stopped.
    #[must_use]
    pub fn blows_to(&self, kind: &str) -> usize {
        let of = |map: &BTreeMap<String, usize>| -> usize {
            map.iter().filter(|(name, _)| name.starts_with(kind)).map(|(_, count)| count).sum()
        };
        of(&self.kills) + of(&self.stops)
    }
}

#[derive(Debug, Clone)]
enum Act {
    Kill,
    /// Who, and for how many milliseconds.
    Stop(&'static str, u64),
    Go(&'static str),
    Apply,
}

/// Carries them out as time goes on.
#[derive(Debug)]
pub struct Acts {
    /// Latest first.
    acts: Vec<(u64, Act)>,
    random: StdRng,
    still: BTreeSet<&'static str>,
    done: Done,
}

impl Acts {
    /// Draws the moments.
    #[must_use]
    pub fn draw(seed: u64, kills: usize) -> Self {
        let mut random = StdRng::seed_from_u64(seed);
        let mut acts: Vec<(u64, Act)> =
            (0..kills).map(|_| (random.random_range(KILLS_FROM_MS..KILLS_TO_MS), Act::Kill)).collect();
        for (name, from, to) in STOPS {
            acts.push((from * 1000, Act::Stop(name, (to - from) * 1000)));
        }
        acts.push((APPLY_AT_S * 1000, Act::Apply));
        acts.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
        Self { acts, random, still: BTreeSet::new(), done: Done::default() }
    }

    /// Does what is due.
    ///
    /// # Errors
    /// A process had ended by itself, or the second version cannot be applied.
    pub async fn act(&mut self, project: &Project, processes: &mut Processes, now_ms: u64) -> Result<()> {
        while let Some((_, act)) = self.acts.pop_if(|(at, _)| *at <= now_ms) {
            match act {
                Act::Kill => {
                    // Whoever stands still is not killed: what it does when it goes on is what is looked at.
                    let moving: Vec<&str> =
                        PROCESSES.iter().map(|(name, _)| *name).filter(|name| !self.still.contains(name)).collect();
                    let name = moving[self.random.random_range(0..moving.len())];
                    if processes.ended(name)?.is_some() {
                        bail!("{name} had ended by itself before it was to be killed");
                    }
                    processes.kill_and_restart(project, name).await?;
                    *self.done.kills.entry(name.to_owned()).or_default() += 1;
                }
                Act::Stop(name, length) => {
                    processes.signal(name, Signal::STOP)?;
                    // From now on, however late it is: it is to be longer than the lease.
                    let until = (now_ms + length, Act::Go(name));
                    let place = self.acts.partition_point(|(at, _)| *at > until.0);
                    self.acts.insert(place, until);
                    self.still.insert(name);
                    *self.done.stops.entry(name.to_owned()).or_default() += 1;
                }
                Act::Go(name) => {
                    processes.signal(name, Signal::CONT)?;
                    self.still.remove(name);
                }
                Act::Apply => {
                    files::second(project.folder.path())?;
                    project.rapport(&["apply", "--approved-by", "a-second-person"]).await?;
                }
            }
        }
        Ok(())
    }

    /// Whether everything was done.
    #[must_use]
    pub fn are_over(&self) -> bool {
        self.acts.is_empty()
    }

    /// What was done.
    #[must_use]
    pub fn done(&self) -> &Done {
        &self.done
    }
}
