//! The activity ids of the last hour, as 64-bit hashes.
//!
//! An hour covers what producers repeat after a failure; a duplicate that comes later counts again, and the contract says so.
//! What is forgotten when depends on the records' own times and on nothing else, so that folding the same log again, in
//! other batches, finds the same duplicates.

use std::collections::{HashSet, VecDeque};

use jiff::{SignedDuration, Timestamp};

use crate::ports::{
    rows::Ids,
    store::{Store, StoreError},
};

/// How long an id is remembered by the shard's clock: so long at least, and a minute more at most.
const REMEMBERED: SignedDuration = SignedDuration::from_hours(1);
/// Ids are remembered by the minute.
const MINUTE: SignedDuration = SignedDuration::from_mins(1);

/// Hashes are already well mixed.
#[derive(Default, Clone, Copy)]
pub struct Mixed(u64);

impl std::hash::Hasher for Mixed {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }
    fn write_u64(&mut self, number: u64) {
        self.0 = number;
    }
}

type HashSetOfHashes = HashSet<u64, std::hash::BuildHasherDefault<Mixed>>;

/// The remembered ids, and those new since the last commit.
#[derive(Default)]
pub struct RecentIds {
    known: HashSetOfHashes,
    /// By the minute at whose end they came.
    in_order: VecDeque<(Timestamp, Vec<u64>)>,
    fresh: Ids,
}

impl RecentIds {
    /// Those a shard remembers at `clock`.
    pub async fn read(store: &dyn Store, shard: u32, clock: Timestamp) -> Result<Self, StoreError> {
        Ok(Self::load(store.recent_ids(shard, committed_since(clock)).await?, clock))
    }

    /// From what was committed lately, oldest first. What is over at `clock` may have come again since, and is left out.
    fn load(mut rows: Ids, clock: Timestamp) -> Self {
        rows.retain(|(minute, _)| !is_over(*minute, clock));
        let known = rows.iter().flat_map(|(_, ids)| ids.iter().copied()).collect();
        Self { known, in_order: rows.into(), fresh: Vec::new() }
    }

    /// Whether the id is remembered.
    pub fn knows(&mut self, id: u64, now: Timestamp) -> bool {
        self.forget(now);
        self.known.contains(&id)
    }

    /// Whether the id was not remembered; from now on it is.
    pub fn admit(&mut self, id: u64, now: Timestamp) -> bool {
        self.forget(now);
        let new = self.known.insert(id);
        if new {
            let minute = minute_end(now);
            match self.in_order.back_mut() {
                Some((last, ids)) if *last == minute => ids.push(id),
                _ => self.in_order.push_back((minute, vec![id])),
            }
            match self.fresh.last_mut() {
                Some((last, ids)) if *last == minute => ids.push(id),
                _ => self.fresh.push((minute, vec![id])),
            }
        }
        new
    }

    /// Takes back the id that was admitted last.
    pub fn retract(&mut self, id: u64) {
        self.known.remove(&id);
        let last = [self.in_order.back_mut(), self.fresh.last_mut()];
        for (_, ids) in last.into_iter().flatten() {
            ids.retain(|known| *known != id);
        }
    }

    /// The ids since the last call that are worth keeping at `clock`.
    pub fn take_fresh(&mut self, clock: Timestamp) -> Ids {
        let mut fresh = std::mem::take(&mut self.fresh);
        fresh.retain(|(minute, _)| !is_over(*minute, clock));
        fresh
    }

    fn forget(&mut self, now: Timestamp) {
        while self.in_order.front().is_some_and(|(minute, _)| is_over(*minute, now)) {
            for id in self.in_order.pop_front().into_iter().flat_map(|(_, ids)| ids) {
                self.known.remove(&id);
            }
        }
    }
}

/// What was committed since then may hold ids that are remembered at `clock`.
fn committed_since(clock: Timestamp) -> Timestamp {
    clock.checked_sub(REMEMBERED + MINUTE).unwrap_or(Timestamp::MIN)
}

fn is_over(minute: Timestamp, now: Timestamp) -> bool {
    now.duration_since(minute) > REMEMBERED
}

fn minute_end(at: Timestamp) -> Timestamp {
    let minute = MINUTE.as_millis() as i64;
    Timestamp::from_millisecond((at.as_millisecond().div_euclid(minute) + 1) * minute).unwrap_or(at)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    #[test]
    fn an_id_is_admitted_once_within_the_hour() {
        let mut ids = RecentIds::default();
        assert!(ids.admit(7, at(30)));
        assert!(!ids.admit(7, at(30 + 3600)));
        assert!(ids.admit(7, at(61 + 3600)), "later duplicates count again");
        ids.retract(7);
        assert!(ids.admit(7, at(61 + 3600)), "what was taken back is no repetition");
    }

    proptest! {
        /// Whatever is committed and loaded again in between, the answers are the same.
        #[test]
        fn commits_and_restarts_change_no_answer(
            steps in prop::collection::vec((0_u64..12, 0_i64..2_000, any::<bool>(), any::<bool>()), 1..200),
        ) {
            let (mut plain, mut other) = (RecentIds::default(), RecentIds::default());
            let (mut now, mut committed) = (at(0), Vec::<(Timestamp, Ids)>::new());
            for (id, seconds, commits, restarts) in steps {
                now += SignedDuration::from_secs(seconds);
                prop_assert_eq!(plain.admit(id, now), other.admit(id, now));
                if commits || restarts {
                    committed.push((now, other.take_fresh(now)));
                }
                if restarts {
                    let since = committed_since(now);
                    let rows = committed.iter().filter(|(clock, _)| *clock >= since).flat_map(|(_, ids)| ids.clone());
                    other = RecentIds::load(rows.collect(), now);
                }
            }
        }
    }
}
