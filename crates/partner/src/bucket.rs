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
        let rest = self.begun(from);
        let cells = rest.get(..rest.partition_point(|cell| cell.day <= to)).unwrap_or_default();
        // Nothing in this loop depends on what a cell is: figures of windows walk many cells of other measures.
        let (mut sum, mut bits) = (0i64, 0u64);
        for cell in cells {
            let value = if cell.of == of { cell.value } else { 0 };
            sum = sum.wrapping_add(value);
            bits |= value.unsigned_abs();
        }
        // No value is above `bits`. Where so many of that size would fit, no sum on the way has left the range.
        let largest = u128::from(bits).saturating_mul(cells.len() as u128);
        if largest <= u128::from(i64::MAX.unsigned_abs()) {
            return sum;
        }
        cells.iter().filter(|cell| cell.of == of).fold(0i64, |sum, cell| sum.saturating_add(cell.value))
    }

    fn begun(&self, from: Day) -> &[Cell<K>] {
        self.0.get(self.0.partition_point(|cell| cell.day < from)..).unwrap_or_default()
    }

    /// The cells from a day on, in order.
    pub fn since(&self, from: Day) -> impl Iterator<Item = &Cell<K>> {
        self.begun(from).iter()
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn value() -> impl Strategy<Value = i64> {
        prop_oneof![8 => -1_000i64..1_000, 1 => any::<i64>(), 1 => Just(i64::MAX), 1 => Just(i64::MIN)]
    }

    proptest! {
        #[test]
        fn a_sum_is_that_of_one_cell_after_the_other_also_at_the_ends_of_the_range(
            cells in prop::collection::vec((0i32..12, 0u8..4, value()), 0..60),
            from in -2i32..14,
            to in -2i32..14,
        ) {
            let all = Cells::collect(cells.into_iter().map(|(day, of, value)| Cell { day, of, value }));
            let plain = |of: u8| {
                let cells = all.iter().filter(|cell| cell.of == of && cell.day >= from && cell.day <= to);
                cells.fold(0i64, |sum, cell| sum.saturating_add(cell.value))
            };
            for of in 0..4 {
                prop_assert_eq!(all.sum(of, from, to), plain(of));
            }
            prop_assert!(all.since(from).eq(all.iter().filter(|cell| cell.day >= from)));
        }
    }
}
