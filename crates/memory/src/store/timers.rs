//! Timers by partner and subject, and in the order in which they are due.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::{Bound, Deref},
};

use jiff::Timestamp;
use rapport_engine::ports::rows::TimerRow;
use rapport_event::id::PartnerKey;

/// Each timer with its shard: read like the table that it is, and written through this alone, so that those due are found without a look
/// at all that wait.
#[derive(Debug, Clone, Default)]
pub struct TimerRows {
    rows: BTreeMap<(PartnerKey, String), (u32, TimerRow)>,
    by_due: BTreeSet<(Timestamp, PartnerKey, String)>,
}

impl Deref for TimerRows {
    type Target = BTreeMap<(PartnerKey, String), (u32, TimerRow)>;

    fn deref(&self) -> &Self::Target {
        &self.rows
    }
}

fn order(row: &TimerRow) -> (Timestamp, PartnerKey, String) {
    (row.due, row.key.clone(), row.subject.clone())
}

impl TimerRows {
    /// Sets a timer, or moves it.
    pub(crate) fn set(&mut self, shard: u32, row: &TimerRow) {
        let id = (row.key.clone(), row.subject.clone());
        let Some((of, known)) = self.rows.get_mut(&id) else {
            self.by_due.insert(order(row));
            self.rows.insert(id, (shard, row.clone()));
            return;
        };
        if known.due != row.due {
            self.by_due.remove(&order(known));
            self.by_due.insert(order(row));
        }
        (*of, known.due, known.seq) = (shard, row.due, row.seq);
    }

    /// Removes a timer, if it is there.
    pub(crate) fn clear(&mut self, key: &PartnerKey, subject: &str) {
        if let Some((_, row)) = self.rows.remove(&(key.clone(), subject.to_owned())) {
            self.by_due.remove(&order(&row));
        }
    }

    /// How many are due by an instant.
    pub(crate) fn due_by(&self, by: Timestamp) -> usize {
        self.by_due.iter().take_while(|(due, ..)| *due <= by).count()
    }

    /// A shard's timers behind one of them, in the order in which they are due.
    pub(crate) fn after(&self, shard: u32, after: Option<&TimerRow>) -> impl Iterator<Item = &TimerRow> {
        let from = after.map_or(Bound::Unbounded, |row| Bound::Excluded(order(row)));
        self.by_due
            .range((from, Bound::Unbounded))
            .filter_map(|(_, key, subject)| self.rows.get(&(key.clone(), subject.clone())))
            .filter(move |(of, _)| *of == shard)
            .map(|(_, row)| row)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(second: i64, subject: &str) -> TimerRow {
        let due = Timestamp::from_second(second).unwrap();
        TimerRow { due, subject: subject.into(), key: PartnerKey::new("p", "ada").unwrap(), seq: 0 }
    }

    #[test]
    fn timers_are_found_by_when_they_are_due_now() {
        let mut timers = TimerRows::default();
        for (shard, row) in
            [(0, row(10, "a")), (0, row(5, "b")), (1, row(6, "c")), (0, row(20, "b")), (0, row(30, "d"))]
        {
            timers.set(shard, &row);
        }
        timers.clear(&row(0, "").key, "d");
        timers.clear(&row(0, "").key, "never there");
        let due = |second| timers.due_by(Timestamp::from_second(second).unwrap());
        assert_eq!([due(5), due(6), due(10), due(99)], [0, 1, 2, 3]);
        let subjects =
            |after: Option<&TimerRow>| timers.after(0, after).map(|row| row.subject.clone()).collect::<Vec<String>>();
        assert_eq!(subjects(None), ["a", "b"]);
        assert_eq!(subjects(Some(&row(10, "a"))), ["b"]);
        assert_eq!((timers.len(), timers.by_due.len()), (3, 3));
    }
}
