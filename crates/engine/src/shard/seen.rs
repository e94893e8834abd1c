//! Which source positions a shard has folded: the highest per (source, incarnation, partition).

use std::collections::{BTreeMap, BTreeSet};

use rapport_event::wire::SourcePosition;

/// The positions a shard has reached.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen {
    highest: BTreeMap<(u64, u32, i32), (i64, u32)>,
    /// Those that moved since the last commit.
    moved: BTreeSet<(u64, u32, i32)>,
}

impl Seen {
    /// From the store.
    pub fn load(positions: &[SourcePosition]) -> Self {
        let mut seen = Self::default();
        for position in positions {
            seen.admit(*position);
        }
        seen.moved.clear();
        seen
    }

    /// What moved since the last call.
    pub fn take_moved(&mut self) -> Vec<SourcePosition> {
        let moved = std::mem::take(&mut self.moved);
        let row = |(source, incarnation, partition)| {
            let (offset, index) = *self.highest.get(&(source, incarnation, partition))?;
            Some(SourcePosition { source, incarnation, partition, offset, index })
        };
        moved.into_iter().filter_map(row).collect()
    }

    /// Whether the position is new. A source delivers each partition in order, so what is not higher has been folded already.
    #[must_use]
    pub fn is_new(&self, position: SourcePosition) -> bool {
        let known = self.highest.get(&(position.source, position.incarnation, position.partition));
        known.is_none_or(|highest| (position.offset, position.index) > *highest)
    }

    /// Whether the position is new; if so it is the highest from now on.
    pub fn admit(&mut self, position: SourcePosition) -> bool {
        let at = (position.offset, position.index);
        let place = (position.source, position.incarnation, position.partition);
        let highest = self.highest.entry(place).or_insert((i64::MIN, 0));
        let new = at > *highest;
        if new {
            *highest = at;
            self.moved.insert(place);
        }
        new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn position(partition: i32, offset: i64, index: u32) -> SourcePosition {
        SourcePosition { source: 7, incarnation: 1, partition, offset, index }
    }

    #[test]
    fn a_position_is_admitted_once_and_survives_the_store() {
        let mut seen = Seen::default();
        assert!(seen.admit(position(0, 5, 0)));
        assert!(!seen.admit(position(0, 5, 0)));
        assert!(seen.admit(position(0, 5, 1)), "the second record made from one source record");
        assert!(!seen.admit(position(0, 4, 0)));
        assert!(seen.admit(position(1, 4, 0)), "another partition counts on its own");
        let kept = seen.take_moved();
        assert_eq!(kept, [position(0, 5, 1), position(1, 4, 0)]);
        let mut again = Seen::load(&kept);
        assert_eq!(again, seen);
        assert_eq!(again.take_moved(), [], "what stands in the store is not written again");
        assert!(!again.admit(position(1, 4, 0)));
    }
}
