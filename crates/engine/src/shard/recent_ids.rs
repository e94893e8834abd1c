//! The activity ids of the last hour, as 64-bit hashes.
//!
//! An hour covers what producers repeat after a failure; a duplicate that comes later counts again, and the contract says so.

use std::collections::{HashSet, VecDeque};

use jiff::{SignedDuration, Timestamp};

/// How long an id is remembered, by the shard's clock.
pub const REMEMBERED: SignedDuration = SignedDuration::from_hours(1);

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
    in_order: VecDeque<(Timestamp, Vec<u64>)>,
    fresh: Vec<u64>,
}

impl RecentIds {
    /// From what was committed in the last hour, oldest first.
    pub fn load(rows: Vec<(Timestamp, Vec<u64>)>) -> Self {
        let known = rows.iter().flat_map(|(_, ids)| ids.iter().copied()).collect();
        Self { known, in_order: rows.into(), fresh: Vec::new() }
    }

    /// Whether the id was seen in the last hour.
    pub fn knows(&self, id: u64) -> bool {
        self.known.contains(&id)
    }

    /// Whether the id was not seen in the last hour; if so it is from now on.
    pub fn admit(&mut self, id: u64) -> bool {
        let new = self.known.insert(id);
        if new {
            self.fresh.push(id);
        }
        new
    }

    /// The ids since the last call, which are remembered from `clock` on; forgets those older than an hour.
    pub fn take_fresh(&mut self, clock: Timestamp) -> Vec<u64> {
        while let Some((at, _)) = self.in_order.front()
            && clock.duration_since(*at) > REMEMBERED
        {
            if let Some((_, ids)) = self.in_order.pop_front() {
                for id in ids {
                    self.known.remove(&id);
                }
            }
        }
        let fresh = std::mem::take(&mut self.fresh);
        if !fresh.is_empty() {
            self.in_order.push_back((clock, fresh.clone()));
        }
        fresh
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_admitted_once_within_the_hour() {
        let start = Timestamp::UNIX_EPOCH;
        let mut ids = RecentIds::default();
        assert!(ids.admit(7));
        assert!(!ids.admit(7));
        assert_eq!(ids.take_fresh(start), [7]);
        assert!(!ids.admit(7));
        ids.take_fresh(start + SignedDuration::from_mins(61));
        assert!(ids.admit(7), "later duplicates count again");
        let mut loaded = RecentIds::load(vec![(start, vec![1, 2])]);
        assert!(!loaded.admit(2));
    }
}
