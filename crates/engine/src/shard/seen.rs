//! Which source positions a shard has folded: the highest per (source, incarnation, partition).

use std::collections::BTreeMap;

use rapport_event::wire::SourcePosition;

/// The positions a shard has reached.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen {
    highest: BTreeMap<(u64, u32, i32), (i64, u32)>,
}

impl Seen {
    /// From the shard row.
    pub fn from_row(positions: &[SourcePosition]) -> Self {
        let mut seen = Self::default();
        for position in positions {
            seen.admit(*position);
        }
        seen
    }

    /// For the shard row.
    #[must_use]
    pub fn to_row(&self) -> Vec<SourcePosition> {
        let row = |(&(source, incarnation, partition), &(offset, index))| SourcePosition {
            source,
            incarnation,
            partition,
            offset,
            index,
        };
        self.highest.iter().map(row).collect()
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
        let highest =
            self.highest.entry((position.source, position.incarnation, position.partition)).or_insert((i64::MIN, 0));
        let new = at > *highest;
        if new {
            *highest = at;
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
    fn a_position_is_admitted_once_and_survives_the_row() {
        let mut seen = Seen::default();
        assert!(seen.admit(position(0, 5, 0)));
        assert!(!seen.admit(position(0, 5, 0)));
        assert!(seen.admit(position(0, 5, 1)), "the second record made from one source record");
        assert!(!seen.admit(position(0, 4, 0)));
        assert!(seen.admit(position(1, 4, 0)), "another partition counts on its own");
        let mut again = Seen::from_row(&seen.to_row());
        assert_eq!(again, seen);
        assert!(!again.admit(position(1, 4, 0)));
    }
}
