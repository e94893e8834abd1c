//! Day buckets: what was counted on which day, sparse and in order.

use crate::day::Day;
use crate::measure::Measure;

/// One count of one day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cell<K = Measure> {
    /// The day.
    pub day: Day,
    /// What was counted: a measure, or a mail.
    pub of: K,
    /// Its value; below zero in open buckets that take back what a closed one holds.
    pub value: i64,
}

/// Cells sorted by day and by what was counted, none of them zero.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cells<K = Measure>(Vec<Cell<K>>);

impl<K> Default for Cells<K> {
    fn default() -> Self {
        Cells(Vec::new())
    }
}

impl<K: Copy + Ord> Cells<K> {
    /// Adds to one cell.
    pub fn add(&mut self, day: Day, of: K, value: i64) {
        if value == 0 {
            return;
        }
        let cell = Cell { day, of, value };
        // Nearly everything falls on the last day or after it.
        if self.0.last().is_none_or(|last| (last.day, last.of) < (day, of)) {
            self.0.push(cell);
            return;
        }
        match self.0.binary_search_by(|known| (known.day, known.of).cmp(&(day, of))) {
            Ok(place) => {
                let emptied = self.0.get_mut(place).is_some_and(|known| {
                    known.value = known.value.saturating_add(value);
                    known.value == 0
                });
                if emptied {
                    self.0.remove(place);
                }
            }
            Err(place) => self.0.insert(place, cell),
        }
    }

    /// The sum of one thing over days `from..=to`.
    pub fn sum(&self, of: K, from: Day, to: Day) -> i64 {
        let start = self.0.partition_point(|cell| cell.day < from);
        let cells = self.0.get(start..).unwrap_or_default();
        cells
            .iter()
            .take_while(|cell| cell.day <= to)
            .filter(|cell| cell.of == of)
            .fold(0i64, |sum, cell| sum.saturating_add(cell.value))
    }

    /// All cells in order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Cell<K>> {
        self.0.iter()
    }

    /// How many cells there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes out the cells up to and including a day.
    pub fn split_through(&mut self, day: Day) -> Cells<K> {
        let rest = self.0.split_off(self.0.partition_point(|cell| cell.day <= day));
        Cells(std::mem::replace(&mut self.0, rest))
    }

    /// Adds all of another set of cells, as a merge of the two.
    pub fn merge(&mut self, other: Cells<K>) {
        if other.0.len() <= 8 {
            for cell in other.0 {
                self.add(cell.day, cell.of, cell.value);
            }
            return;
        }
        let mut merged: Vec<Cell<K>> = Vec::with_capacity(self.0.len() + other.0.len());
        let (mut left, mut right) =
            (std::mem::take(&mut self.0).into_iter().peekable(), other.0.into_iter().peekable());
        loop {
            let next = match (left.peek(), right.peek()) {
                (Some(one), Some(two)) => match (one.day, one.of).cmp(&(two.day, two.of)) {
                    std::cmp::Ordering::Less => left.next(),
                    std::cmp::Ordering::Greater => right.next(),
                    std::cmp::Ordering::Equal => left
                        .next()
                        .zip(right.next())
                        .map(|(one, two)| Cell { value: one.value.saturating_add(two.value), ..one }),
                },
                (Some(_), None) => left.next(),
                (None, _) => right.next(),
            };
            match next {
                Some(cell) if cell.value != 0 => merged.push(cell),
                Some(_) => {}
                None => break,
            }
        }
        self.0 = merged;
    }

    /// From cells that are in order and not zero, as they were stored; none otherwise.
    pub fn from_sorted(cells: Vec<Cell<K>>) -> Option<Cells<K>> {
        let in_order =
            cells.iter().zip(cells.iter().skip(1)).all(|(one, next)| (one.day, one.of) < (next.day, next.of));
        (in_order && cells.iter().all(|cell| cell.value != 0)).then_some(Cells(cells))
    }

    /// From cells in any order.
    pub fn collect(cells: impl IntoIterator<Item = Cell<K>>) -> Cells<K> {
        let mut all = Cells::default();
        for cell in cells {
            all.add(cell.day, cell.of, cell.value);
        }
        all
    }
}
