//! What the models know of a partner's past, and many such pasts grouped.

use serde::{Deserialize, Serialize};

/// Ages beyond this count as this: 54 years. Bounds the tables by day that make a fit fast.
const AGE_MAX: u32 = 20_000;

/// A day's spend beyond this counts as this: sums and squares of it stay finite.
const SPEND_MAX: f64 = 1e15;

/// A day on which a partner converted.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ActiveDay {
    /// [Day number](crate::day::number).
    pub day: i32,
    /// Conversions or orders of the day, at least 1.
    pub orders: u32,
    /// What they brought, in any one currency. Negative and NaN count as 0.
    pub spend: f64,
}

/// A partner's active days in sums, up to some day.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// First active day.
    pub first: i32,
    /// Last active day.
    pub last: i32,
    /// Active days, at least 1.
    pub active: u32,
    /// Orders over all of them.
    pub orders: u32,
    /// Spend over all of them.
    pub spend: f64,
    /// Spend of the first day, which the value model leaves out: first orders are of their own kind.
    pub first_spend: f64,
}

impl Summary {
    /// The sums over the days up to and including `until`; `None` when there is none. Days may come in any order; two
    /// entries of one day are one active day.
    #[must_use]
    pub fn until(days: &[ActiveDay], until: i32) -> Option<Self> {
        let sorted;
        let days = if days.windows(2).all(|pair| matches!(pair, [a, b] if a.day <= b.day)) {
            days
        } else {
            sorted = {
                let mut sorted = days.to_vec();
                sorted
                    .sort_by(|a, b| a.day.cmp(&b.day).then(a.spend.total_cmp(&b.spend)).then(a.orders.cmp(&b.orders)));
                sorted
            };
            &sorted
        };
        let mut found: Option<Self> = None;
        for active in days.iter().take_while(|active| active.day <= until) {
            let spend = if active.spend.is_finite() { active.spend.clamp(0.0, SPEND_MAX) } else { 0.0 };
            match &mut found {
                None => {
                    let (first, last, orders) = (active.day, active.day, active.orders.max(1));
                    found = Some(Self { first, last, active: 1, orders, spend, first_spend: spend });
                }
                Some(sums) => {
                    if active.day > sums.last {
                        sums.active += 1;
                    } else if sums.active == 1 {
                        sums.first_spend += spend;
                    }
                    sums.last = active.day;
                    sums.orders = sums.orders.saturating_add(active.orders.max(1));
                    sums.spend += spend;
                }
            }
        }
        found
    }

    /// The past the models ask for, as of the close of day `on`.
    #[must_use]
    pub fn history(&self, on: i32) -> History {
        let days = |to: i32| u32::try_from(to.saturating_sub(self.first)).unwrap_or(0);
        History::new(self.active.saturating_sub(1), days(self.last), days(on.max(self.last)))
    }

    /// Mean spend of an active day after the first; `None` without one.
    #[must_use]
    pub fn repeat_spend(&self) -> Option<f64> {
        (self.active > 1).then(|| (self.spend - self.first_spend).max(0.0) / f64::from(self.active - 1))
    }
}

/// Repeat active days, day of the last one, and age, the latter two in days since the first active day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct History {
    repeats: u32,
    last: u32,
    age: u32,
}

impl History {
    /// A history. What cannot be is cut to what can: no last day after the age, no more repeats than days, no last day
    /// without repeats.
    #[must_use]
    pub fn new(repeats: u32, last: u32, age: u32) -> Self {
        let age = age.min(AGE_MAX);
        let last = last.min(age);
        let repeats = repeats.min(last);
        Self { repeats, last: if repeats == 0 { 0 } else { last }, age }
    }

    /// x: active days after the first.
    #[must_use]
    pub fn repeats(&self) -> u32 {
        self.repeats
    }

    /// tx: days from the first to the last active day.
    #[must_use]
    pub fn last(&self) -> u32 {
        self.last
    }

    /// T: days since the first active day.
    #[must_use]
    pub fn age(&self) -> u32 {
        self.age
    }
}

/// Histories with how many partners have each: nine of ten collapse, and so does the time a fit takes.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Grouped {
    pub(super) groups: Vec<(History, f64)>,
    pub(super) partners: f64,
}

impl Grouped {
    /// Groups histories; their order is of no account.
    #[must_use]
    pub fn of(histories: impl IntoIterator<Item = History>) -> Self {
        // 15 bits each: AGE_MAX bounds all three.
        let mut keys: Vec<u64> = histories
            .into_iter()
            .map(|one| u64::from(one.repeats) << 30 | u64::from(one.last) << 15 | u64::from(one.age))
            .collect();
        keys.sort_unstable();
        let groups = keys.chunk_by(|a, b| a == b).filter_map(|same| {
            let key = *same.first()?;
            let part = |shift: u32| (key >> shift & 0x7fff) as u32;
            Some((History { repeats: part(30), last: part(15), age: part(0) }, same.len() as f64))
        });
        Self { groups: groups.collect(), partners: keys.len() as f64 }
    }

    /// How many partners there are.
    #[must_use]
    pub fn partners(&self) -> usize {
        self.partners as usize
    }

    /// How many different histories there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.groups.len()
    }

    /// Whether there is no partner at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn active(day: i32, spend: f64) -> ActiveDay {
        ActiveDay { day, orders: 1, spend }
    }

    #[test]
    fn days_after_the_cut_are_not_seen() {
        let days = [active(3, 10.0), active(5, 20.0), active(5, 2.0), active(9, 40.0)];
        let sums = Summary::until(&days, 8).unwrap();
        assert_eq!((sums.first, sums.last, sums.active, sums.orders), (3, 5, 2, 3));
        assert_eq!(sums.history(8), History::new(1, 2, 5));
        assert_eq!(sums.repeat_spend(), Some(22.0));
        assert_eq!(Summary::until(&days, 2), None);
    }

    #[test]
    fn senseless_amounts_are_nothing() {
        let sums = Summary::until(&[active(0, f64::NAN), active(1, -5.0), active(2, f64::INFINITY)], 9).unwrap();
        assert_eq!((sums.spend, sums.active), (0.0, 3));
    }

    proptest! {
        #[test]
        fn order_is_of_no_account(mut days in prop::collection::vec((0_i32..40, 0_u32..50), 1..30), cut in 0_i32..40) {
            let all = |days: &[(i32, u32)]| days.iter().map(|(day, spend)| active(*day, f64::from(*spend))).collect::<Vec<_>>();
            let forward = Summary::until(&all(&days), cut);
            days.reverse();
            prop_assert_eq!(forward, Summary::until(&all(&days), cut));
        }

        #[test]
        fn groups_hold_every_partner(rows in prop::collection::vec((any::<u32>(), any::<u32>(), 0_u32..60), 0..80)) {
            let mut all: Vec<History> = rows.iter().map(|(x, last, age)| History::new(*x, *last, *age)).collect();
            let grouped = Grouped::of(all.iter().copied());
            prop_assert_eq!(grouped.partners(), all.len());
            prop_assert_eq!(grouped.groups.iter().map(|(_, n)| *n).sum::<f64>(), all.len() as f64);
            all.reverse();
            prop_assert_eq!(grouped, Grouped::of(all));
        }
    }
}
