//! The near timers of a shard in memory; the rest stay in the database until their time is near.

use std::collections::{BTreeSet, HashMap};

use jiff::Timestamp;
use rapport_event::id::PartnerKey;

use crate::ports::rows::{TimerChange, TimerRow};

/// How many timers are loaded at once.
pub const WINDOW: usize = 20_000;

/// Order in which timers fire: due, then partner, then subject.
fn order(row: &TimerRow) -> (Timestamp, PartnerKey, String) {
    (row.due, row.key.clone(), row.subject.clone())
}

/// The window of near timers, and the changes since the last commit.
#[derive(Default)]
pub struct Timers {
    by_due: BTreeSet<(Timestamp, PartnerKey, String)>,
    rows: HashMap<(PartnerKey, String), TimerRow>,
    /// The last row loaded; `None` when the window holds every timer of the shard.
    beyond: Option<TimerRow>,
    /// The last change of each subject since the last commit.
    changes: HashMap<(PartnerKey, String), TimerChange>,
}

impl Timers {
    /// Whether the next due timer may be in the database rather than here.
    pub fn must_load(&self, upto: Timestamp) -> Option<&TimerRow> {
        let beyond = self.beyond.as_ref()?;
        (beyond.due <= upto && self.by_due.first().is_none_or(|(due, ..)| *due >= beyond.due)).then_some(beyond)
    }

    /// The last row loaded, if the database may hold more.
    pub fn beyond(&self) -> Option<&TimerRow> {
        self.beyond.as_ref()
    }

    /// Takes rows loaded after the last one; fewer than `limit` means that these were all.
    pub fn loaded(&mut self, rows: Vec<TimerRow>, limit: usize) {
        self.beyond = if rows.len() < limit { None } else { rows.last().cloned() };
        for row in rows {
            // A change of this batch knows better than the database.
            if !self.changes.contains_key(&(row.key.clone(), row.subject.clone())) {
                self.insert(row);
            }
        }
        // What was set in this batch beyond the old edge is in no database yet: if it lies within the new one, it belongs here.
        let pending: Vec<TimerRow> = self
            .changes
            .values()
            .filter_map(|change| match change {
                TimerChange::Set(row) => Some(row.clone()),
                TimerChange::Clear { .. } => None,
            })
            .filter(|row| self.beyond.as_ref().is_none_or(|beyond| order(row) <= order(beyond)))
            .collect();
        for row in pending {
            self.remove(&(row.key.clone(), row.subject.clone()));
            self.insert(row);
        }
    }

    /// The earliest timer due by the instant.
    pub fn first_due(&self, upto: Timestamp) -> Option<&TimerRow> {
        let (due, key, subject) = self.by_due.first()?;
        if *due > upto {
            return None;
        }
        self.rows.get(&(key.clone(), subject.clone()))
    }

    /// Partners with a timer due by the instant, in firing order, at most `limit` timers looked at.
    pub fn due_partners(&self, upto: Timestamp, limit: usize) -> Vec<PartnerKey> {
        self.by_due.iter().take_while(|(due, ..)| *due <= upto).take(limit).map(|(_, key, _)| key.clone()).collect()
    }

    /// A partner's timer, if it is in the window.
    pub fn of(&self, key: &PartnerKey, subject: &str) -> Option<&TimerRow> {
        self.rows.get(&(key.clone(), subject.to_owned()))
    }

    /// The earliest known due time.
    pub fn next_due(&self) -> Option<Timestamp> {
        self.by_due.first().map(|(due, ..)| *due)
    }

    /// Sets or moves a timer.
    pub fn set(&mut self, row: TimerRow) {
        let id = (row.key.clone(), row.subject.clone());
        self.remove(&id);
        self.changes.insert(id, TimerChange::Set(row.clone()));
        let near = self.beyond.as_ref().is_none_or(|beyond| order(&row) <= order(beyond));
        if near {
            self.insert(row);
        }
    }

    /// Removes a timer.
    pub fn clear(&mut self, key: &PartnerKey, subject: &str) {
        let id = (key.clone(), subject.to_owned());
        self.remove(&id);
        self.changes.insert(id, TimerChange::Clear { key: key.clone(), subject: subject.to_owned() });
    }

    /// The changes since the last call, in a stable order.
    pub fn take_changes(&mut self) -> Vec<TimerChange> {
        let mut changes: Vec<_> = self.changes.drain().collect();
        changes.sort_by(|(one, _), (other, _)| one.cmp(other));
        changes.into_iter().map(|(_, change)| change).collect()
    }

    fn insert(&mut self, row: TimerRow) {
        self.by_due.insert(order(&row));
        self.rows.insert((row.key.clone(), row.subject.clone()), row);
    }

    fn remove(&mut self, id: &(PartnerKey, String)) {
        if let Some(old) = self.rows.remove(id) {
            self.by_due.remove(&order(&old));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(second: i64, subject: &str) -> TimerRow {
        TimerRow {
            due: Timestamp::from_second(second).unwrap(),
            subject: subject.into(),
            key: PartnerKey::new("p", "ada").unwrap(),
            seq: 0,
        }
    }

    #[test]
    fn timers_fire_by_due_and_moving_replaces() {
        let mut timers = Timers::default();
        timers.set(row(10, "a"));
        timers.set(row(5, "b"));
        timers.set(row(20, "b"));
        let upto = Timestamp::from_second(30).unwrap();
        assert_eq!(timers.first_due(upto).unwrap().subject, "a");
        assert_eq!(timers.take_changes(), [TimerChange::Set(row(10, "a")), TimerChange::Set(row(20, "b"))]);
    }

    #[test]
    fn a_full_window_asks_for_more_and_keeps_far_timers_out() {
        let mut timers = Timers::default();
        timers.loaded(vec![row(1, "a"), row(2, "b")], 2);
        timers.set(row(50, "far"));
        let upto = Timestamp::from_second(100).unwrap();
        assert!(timers.must_load(upto).is_none(), "`a` comes first");
        timers.clear(&row(0, "").key, "a");
        assert_eq!(timers.must_load(upto), Some(&row(2, "b")), "`b` is the last one known: more may be due with it");
        timers.loaded(vec![row(3, "c")], 2);
        assert!(timers.must_load(upto).is_none());
        assert_eq!(timers.first_due(upto).unwrap().subject, "b");
    }

    #[test]
    fn a_row_loaded_late_does_not_undo_a_change_of_this_batch() {
        let mut timers = Timers::default();
        timers.loaded(vec![row(1, "a")], 1);
        timers.set(row(90, "b"));
        timers.loaded(vec![row(3, "b")], 2);
        let upto = Timestamp::from_second(100).unwrap();
        assert_eq!(timers.first_due(upto).unwrap().subject, "a");
        timers.clear(&row(0, "").key, "a");
        assert_eq!(
            timers.first_due(upto),
            Some(&row(90, "b")),
            "set beyond the old edge, within the new: it fires as set"
        );
    }
}
