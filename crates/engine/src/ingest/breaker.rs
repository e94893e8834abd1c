//! Stops a partition that is mostly rejected: a changed format upstream must not become a million dead letters. Other
//! partitions go on. Whoever has looked accepts what the partition holds, and the rest becomes dead letters too.

use std::collections::{BTreeMap, HashMap};

use super::FILE;
use crate::ports::log::SourceRecord;

/// Records looked back on.
const WINDOW: u32 = 1000;
/// Rejections among them that are too many.
const TOO_MANY: u32 = 500;

/// A partition is stopped.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{rejected} of the last {looked_at} records of {source_name}/{partition} were rejected: it is stopped before the rest \
     follows. Look at `rapport dead-letters`, mend the producer or the declared kinds, and if what is there may be refused: \
     `rapport dead-letters accept {source_name}/{partition}`"
)]
pub struct Tripped {
    /// Topic or file.
    pub source_name: String,
    /// Partition.
    pub partition: i32,
    /// Rejected among those looked at.
    pub rejected: u32,
    /// Looked at.
    pub looked_at: u32,
}

/// The fact in `meta` by which a person accepts that most of a partition is refused: the offset at which it was stopped, then
/// who. It is good for that stop, also when a restart counts anew and comes to it a little later, and never for a later flood.
/// `source` is the name with the incarnation.
#[must_use]
pub fn accepted_fact(source: &str, partition: i32) -> String {
    format!("source.accepted:{source}/{partition}")
}

/// The fact in `meta` why a partition is stopped: the offset of the record at which, then the reason; empty when it goes on.
#[must_use]
pub fn stopped_fact(source: &str, partition: i32) -> String {
    format!("source.stopped:{source}/{partition}")
}

/// A stopped partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stopped {
    /// Why.
    pub why: Tripped,
    /// Records before this offset were taken.
    pub next: i64,
}

/// What was noted of a partition before it is read now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Noted {
    /// It was stopped, and nobody has said that it goes on.
    pub stopped: bool,
    /// The last record that was refused before, of those that are read now.
    pub refused_to: Option<i64>,
}

/// Counts rejections per partition that is read, halving the past so that old trouble is forgotten, and knows which are stopped.
#[derive(Debug, Clone, Default)]
pub struct Breaker {
    counts: HashMap<(String, i32), Count>,
    /// Whether there is anything to count good records for.
    watches: bool,
    stopped: BTreeMap<(String, i32), Stopped>,
    /// Noted as stopped, and found sound.
    sound: Vec<(String, i32)>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Count {
    seen: u32,
    bad: u32,
    /// Somebody accepts it, until it is better again.
    accepted: bool,
    /// An acceptance of a stop at an earlier record is of another stop.
    since: i64,
    noted: Noted,
}

impl Count {
    fn forget(&mut self) {
        if self.seen >= WINDOW {
            self.seen /= 2;
            self.bad /= 2;
        }
    }
}

impl Breaker {
    /// The partitions of these records that are read for the first time, with the first record of each.
    pub(super) fn begun<'r>(&self, records: &'r [SourceRecord]) -> Vec<&'r SourceRecord> {
        let mut firsts: Vec<&SourceRecord> = Vec::new();
        let is_of =
            |one: &SourceRecord, other: &SourceRecord| (&one.topic, one.partition) == (&other.topic, other.partition);
        let mut last: Option<&SourceRecord> = None;
        for record in records {
            // They come in runs of one partition.
            if !last.is_some_and(|last| is_of(last, record))
                && !firsts.iter().any(|first| is_of(first, record))
                && !self.counts.contains_key(&place(record))
            {
                firsts.push(record);
            }
            last = Some(record);
        }
        firsts
    }

    /// A partition is read from this record on.
    pub(super) fn begin(&mut self, first: &SourceRecord, noted: Noted) {
        let count = Count { since: first.offset - 1, noted, ..Count::default() };
        self.counts.insert(place(first), count);
        self.watches |= noted.stopped;
    }

    /// Whether some of these records of one partition may have been refused before.
    pub(super) fn may_be_refused_before(&self, place: &(String, i32), from: i64) -> bool {
        let noted = self.counts.get(place).and_then(|count| count.noted.refused_to);
        noted.is_some_and(|last| from <= last)
    }

    /// A record was accepted.
    pub fn good(&mut self, record: &SourceRecord) {
        if !self.watches {
            return;
        }
        let place = place(record);
        // Nothing is counted of partitions that never had a rejection.
        if let Some(count) =
            self.counts.get_mut(&place).filter(|count| count.bad > 0 || count.accepted || count.noted.stopped)
        {
            count.seen += 1;
            count.forget();
            // Sound again: fewer than one in twenty, of enough. What was accepted before is over.
            if count.seen >= WINDOW / 2 && count.bad * 20 < count.seen {
                (count.accepted, count.since) = (false, record.offset);
                if std::mem::take(&mut count.noted.stopped) {
                    self.sound.push(place);
                }
            }
        }
    }

    /// Partitions that were noted as stopped and are sound, each told once.
    pub(super) fn found_sound(&mut self) -> Vec<(String, i32)> {
        std::mem::take(&mut self.sound)
    }

    /// A record was rejected.
    ///
    /// # Errors
    /// [`Tripped`] when too many were, of enough, and nobody has accepted that.
    pub fn bad(&mut self, record: &SourceRecord) -> Result<(), Tripped> {
        let anew = || Count { since: record.offset - 1, ..Count::default() };
        self.watches = true;
        let count = self.counts.entry(place(record)).or_insert_with(anew);
        count.seen += 1;
        count.bad += 1;
        if count.bad >= TOO_MANY && !count.accepted {
            let (source_name, partition) = place(record);
            return Err(Tripped { source_name, partition, rejected: count.bad, looked_at: count.seen });
        }
        count.forget();
        Ok(())
    }

    /// Nothing more is taken of the record's partition; the record itself was.
    pub(super) fn stop(&mut self, record: &SourceRecord, why: Tripped) {
        self.stopped.insert(place(record), Stopped { why, next: record.offset + 1 });
    }

    /// Whether the acceptance of a stop at one record is good for the stop at another: it is the same, or one that a restart came to
    /// again. A file holds what it held: whoever accepted a later stop in it had accepted those before.
    pub(super) fn is_same_stop(&self, place: &(String, i32), accepted: i64, stopped: i64) -> bool {
        let is_over = accepted > stopped && !place.0.starts_with(FILE);
        self.counts.get(place).is_some_and(|count| accepted >= count.since && !is_over)
    }

    /// Somebody has looked at the stop at this record: what follows of the partition is taken, whatever it is.
    pub(super) fn accept(&mut self, place: &(String, i32), stopped: i64) {
        self.stopped.remove(place);
        let noted = self.counts.get(place).map(|count| count.noted).unwrap_or_default();
        self.watches = true;
        self.counts.insert(place.clone(), Count { accepted: true, since: stopped + 1, noted, ..Count::default() });
    }

    /// Forgets partitions that are no longer read here: whoever reads them now counts for himself, and when they come back they
    /// begin where that one was. Returns those of them that are stopped.
    pub(super) fn forget(&mut self, is_read: impl Fn(&(String, i32)) -> bool) -> Vec<(String, i32)> {
        self.counts.retain(|place, _| is_read(place));
        let gone: Vec<_> = self.stopped.keys().filter(|place| !is_read(place)).cloned().collect();
        for place in &gone {
            self.stopped.remove(place);
        }
        gone
    }

    /// Whether a record is one that was not taken because its partition is stopped.
    pub(super) fn keeps_back(&self, record: &SourceRecord) -> bool {
        !self.stopped.is_empty()
            && self.stopped.get(&place(record)).is_some_and(|stopped| record.offset >= stopped.next)
    }

    /// The stopped partitions.
    pub(super) fn stopped(&self) -> &BTreeMap<(String, i32), Stopped> {
        &self.stopped
    }

    /// Why a partition is stopped, if one is.
    #[must_use]
    pub fn tripped(&self) -> Option<Tripped> {
        self.stopped.values().next().map(|stopped| stopped.why.clone())
    }
}

fn place(record: &SourceRecord) -> (String, i32) {
    (record.topic.clone(), record.partition)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(partition: i32, offset: i64) -> SourceRecord {
        SourceRecord {
            topic: "conversions".into(),
            partition,
            offset,
            timestamp: None,
            headers: Vec::new(),
            key: None,
            value: None,
        }
    }

    #[test]
    fn a_few_bad_records_among_many_never_trip_it() {
        let mut breaker = Breaker::default();
        for _ in 0..10_000 {
            breaker.bad(&record(0, 0)).unwrap();
            for _ in 0..9 {
                breaker.good(&record(0, 0));
            }
        }
    }

    #[test]
    fn a_partition_of_nothing_but_bad_records_is_stopped_and_its_neighbour_is_not() {
        let mut breaker = Breaker::default();
        let tripped = (0..TOO_MANY).find_map(|_| breaker.bad(&record(3, 0)).err()).unwrap();
        assert_eq!((tripped.partition, tripped.rejected), (3, TOO_MANY));
        breaker.stop(&record(3, 700), tripped.clone());
        breaker.bad(&record(4, 0)).unwrap();
        assert_eq!(breaker.tripped(), Some(tripped));
        assert_eq!(
            [(3, 700), (3, 701), (4, 900)].map(|(at, no)| breaker.keeps_back(&record(at, no))),
            [false, true, false]
        );
    }

    #[test]
    fn what_a_person_accepts_is_taken_until_it_is_sound_and_then_it_is_watched_again() {
        let mut breaker = Breaker::default();
        let place = ("conversions".to_owned(), 0);
        breaker.accept(&place, 499);
        assert!(!breaker.is_same_stop(&place, 499, 2000), "an old acceptance is not one of a later flood");
        // Good ones among them do not end it.
        for number in 0..5 * WINDOW {
            match number % 5 {
                0 | 1 => breaker.good(&record(0, 0)),
                _ => breaker.bad(&record(0, 0)).unwrap(),
            }
        }
        for _ in 0..10 * WINDOW {
            breaker.good(&record(0, 0));
        }
        assert!((0..2 * TOO_MANY).any(|_| breaker.bad(&record(0, 0)).is_err()), "it is watched again");
    }

    #[test]
    fn an_acceptance_from_before_a_partition_was_sound_lets_no_later_flood_through() {
        let (mut breaker, place) = (Breaker::default(), ("conversions".to_owned(), 0));
        // A restart began behind the stop at 5000, and counted a few before the producer was mended.
        (5001..5100).for_each(|offset| breaker.bad(&record(0, offset)).unwrap());
        assert!(breaker.is_same_stop(&place, 5000, 5500));
        (5100..20_000).for_each(|offset| breaker.good(&record(0, offset)));
        let stopped = (20_000..).find(|offset| breaker.bad(&record(0, *offset)).is_err()).unwrap();
        assert!(!breaker.is_same_stop(&place, 5000, stopped));
    }

    #[test]
    fn an_acceptance_is_good_for_a_stop_that_a_restart_comes_to_again() {
        let place = ("conversions".to_owned(), 0);
        // Stopped at 499, accepted; what came to be committed before differs.
        for (begins, good) in [(0, true), (480, true), (500, true), (501, false)] {
            let mut breaker = Breaker::default();
            let stopped = (begins..).find(|offset| breaker.bad(&record(0, *offset)).is_err()).unwrap();
            assert_eq!(breaker.is_same_stop(&place, 499, stopped), good, "begun at {begins}, stopped at {stopped}");
        }
    }

    #[test]
    fn a_partition_that_is_read_elsewhere_is_forgotten() {
        let mut breaker = Breaker::default();
        let tripped = (0..TOO_MANY).find_map(|_| breaker.bad(&record(3, 0)).err()).unwrap();
        breaker.stop(&record(3, 700), tripped);
        assert_eq!(breaker.forget(|_| true), []);
        assert_eq!(breaker.forget(|place| place.1 != 3), [("conversions".to_owned(), 3)]);
        assert!(!breaker.keeps_back(&record(3, 900)) && breaker.bad(&record(3, 901)).is_ok());
    }

    #[test]
    fn what_was_counted_of_a_partition_that_was_read_elsewhere_meanwhile_is_not_counted_on() {
        let (mut breaker, place) = (Breaker::default(), ("conversions".to_owned(), 0));
        (1000..1300).for_each(|offset| breaker.bad(&record(0, offset)).unwrap());
        // Another reads it, and somebody accepts the stop at 1799 there. It comes back in the middle of another flood.
        assert_eq!(breaker.forget(|_| false), []);
        breaker.begin(&record(0, 20_500), Noted::default());
        let stopped = (20_500..).find(|offset| breaker.bad(&record(0, *offset)).is_err()).unwrap();
        assert_eq!(stopped, 20_499 + i64::from(TOO_MANY));
        assert!(!breaker.is_same_stop(&place, 1799, stopped));
    }

    #[test]
    fn an_acceptance_counts_from_the_first_record_read_not_from_the_first_refused() {
        let (mut breaker, place) = (Breaker::default(), ("conversions".to_owned(), 0));
        assert_eq!(breaker.begun(&[record(0, 500), record(0, 501), record(1, 3)]).len(), 2);
        breaker.begin(&record(0, 500), Noted::default());
        assert!(breaker.begun(&[record(0, 500), record(0, 501)]).is_empty());
        breaker.good(&record(0, 500));
        let stopped = (501..).find(|offset| breaker.bad(&record(0, *offset)).is_err()).unwrap();
        assert!(breaker.is_same_stop(&place, 499, stopped));
    }

    #[test]
    fn a_file_with_two_floods_is_read_to_its_end_once_both_are_accepted() {
        let of_file = |offset| SourceRecord { topic: "file:abc".into(), ..record(0, offset) };
        let place = ("file:abc".to_owned(), 0);
        let is_bad = |offset: i64| offset < 600 || (6_000..6_600).contains(&offset);
        let mut accepted = None;
        for stops in [Some(499), Some(6_499), None] {
            let mut breaker = Breaker::default();
            let stopped = (0..7_000).find(|offset| {
                let record = of_file(*offset);
                if !is_bad(*offset) {
                    breaker.good(&record);
                    return false;
                }
                let is_stopped = breaker.bad(&record).is_err();
                match accepted.filter(|accepted| is_stopped && breaker.is_same_stop(&place, *accepted, *offset)) {
                    Some(_) => breaker.accept(&place, *offset),
                    None => return is_stopped,
                }
                false
            });
            assert_eq!(stopped, stops);
            accepted = stopped;
        }
    }

    #[test]
    fn a_partition_noted_as_stopped_and_found_sound_is_told_once() {
        let mut breaker = Breaker::default();
        breaker.begin(&record(0, 500), Noted { stopped: true, refused_to: None });
        (500..2_000).for_each(|offset| breaker.good(&record(0, offset)));
        assert_eq!(breaker.found_sound(), [("conversions".to_owned(), 0)]);
        (2_000..4_000).for_each(|offset| breaker.good(&record(0, offset)));
        assert_eq!(breaker.found_sound(), []);
    }
}
