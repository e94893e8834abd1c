//! Who brings most: groups such as "the few who bring 80 % of the revenue", with hysteresis.

use serde::{Deserialize, Serialize};

/// A declared group by share. Percent, 0–100.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TopShare {
    /// Belongs to the group: the smallest set of partners that brings this share.
    pub enter_percent: u8,
    /// A member stays while among the smallest set that brings this larger share.
    pub leave_percent: u8,
}

/// From which amount on a partner enters the group, and below which a member leaves it. Equal amounts are treated equally.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Amount of the last partner of the smallest set; `i64::MAX` when nobody brings anything.
    pub enter_at: i64,
    /// The same for the larger share; never above `enter_at`.
    pub leave_below: i64,
}

impl Limits {
    /// Whether a partner of that amount belongs to the group, given whether it did so far.
    #[must_use]
    pub fn belongs(&self, amount: i64, member: bool) -> bool {
        amount > 0 && amount >= if member { self.leave_below } else { self.enter_at }
    }
}

/// Limits for each group. `amounts` of all partners in any order (they are reordered); negative ones count as nothing.
#[must_use]
pub fn limits(amounts: &mut [i64], groups: &[TopShare]) -> Vec<Limits> {
    if groups.is_empty() {
        return Vec::new();
    }
    amounts.sort_unstable_by(|a, b| b.cmp(a));
    let total: i128 = amounts.iter().map(|amount| i128::from((*amount).max(0))).sum();
    let limit = |percent: u8| {
        let wanted = total * i128::from(percent.min(100));
        let mut sum = 0_i128;
        for amount in amounts.iter().take_while(|amount| **amount > 0) {
            sum += i128::from(*amount) * 100;
            if sum >= wanted {
                return *amount;
            }
        }
        i64::MAX
    };
    let both = |group: &TopShare| {
        let enter_at = limit(group.enter_percent);
        Limits { enter_at, leave_below: limit(group.leave_percent).min(enter_at) }
    };
    groups.iter().map(both).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const VIP: TopShare = TopShare { enter_percent: 80, leave_percent: 85 };

    #[test]
    fn the_few_who_bring_most_enter_and_stay_a_little_longer() {
        let [limits] = limits(&mut [100, 1000, 60, 40, 200], &[VIP])[..] else { panic!() };
        assert_eq!(limits, Limits { enter_at: 200, leave_below: 200 });
        let [limits] = super::limits(&mut [70, 10, 8, 7, 5], &[VIP])[..] else { panic!() };
        assert_eq!(limits, Limits { enter_at: 10, leave_below: 8 });
        assert!(!limits.belongs(9, false) && limits.belongs(9, true) && !limits.belongs(7, true));
    }

    #[test]
    fn nobody_belongs_where_nothing_is_brought() {
        for mut amounts in [vec![], vec![0, 0], vec![-5, 0]] {
            let limits = limits(&mut amounts, &[VIP]);
            assert!(limits.iter().all(|limit| !limit.belongs(0, true) && !limit.belongs(i64::MAX - 1, false)));
        }
        assert_eq!(limits(&mut [i64::MAX, i64::MAX], &[VIP]).len(), 1, "sums do not overflow");
    }

    /// The smallest k whose best k reach the share, by trying every k.
    fn brute(amounts: &[i64], percent: i128) -> Option<i64> {
        let total: i128 = amounts.iter().map(|a| i128::from(*a)).sum();
        let mut sorted = amounts.to_vec();
        sorted.sort_unstable();
        sorted.reverse();
        (1..=sorted.len())
            .find(|k| sorted[..*k].iter().map(|a| i128::from(*a)).sum::<i128>() * 100 >= total * percent)
            .map(|k| sorted[k - 1])
            .filter(|_| total > 0)
    }

    /// A hundred thousand partners over ten days of changing revenue: membership with hysteresis as limits give it, and as
    /// ranking everybody gives it.
    #[test]
    fn a_hundred_thousand_partners_are_grouped_as_by_ranking_them() {
        let mut seed = 1_u64;
        let mut next = || {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            seed >> 33
        };
        // Heavy tails, many equal amounts, many of nothing.
        let mut amounts: Vec<i64> = (0..100_000)
            .map(|_| match next() % 4 {
                0 => 0,
                1 => (next() % 50) as i64 * 100,
                _ => (1 << (next() % 24)) as i64,
            })
            .collect();
        let (mut members, mut ranked) = (vec![false; amounts.len()], vec![false; amounts.len()]);
        for _ in 0..10 {
            let [found] = limits(&mut amounts.clone(), &[VIP])[..] else { panic!() };
            for (member, amount) in members.iter_mut().zip(&amounts) {
                *member = found.belongs(*amount, *member);
            }
            let mut order: Vec<usize> = (0..amounts.len()).collect();
            order.sort_by_key(|at| std::cmp::Reverse(amounts[*at]));
            let total: i128 = amounts.iter().map(|amount| i128::from(*amount)).sum();
            let (mut before, mut at_last) = (0_i128, (0, 0));
            for at in &order {
                // In the smallest set as long as those before do not bring the share yet; equals of the last are in, too.
                let amount = amounts[*at];
                if before * 100 < total * 80 {
                    at_last.0 = amount;
                }
                if before * 100 < total * 85 {
                    at_last.1 = amount;
                }
                before += i128::from(amount);
            }
            for (member, amount) in ranked.iter_mut().zip(&amounts) {
                *member = *amount > 0 && *amount >= if *member { at_last.1 } else { at_last.0 };
            }
            assert!(members == ranked);
            assert!(members.iter().any(|member| *member));
            for amount in &mut amounts {
                *amount = (*amount * (80 + (next() % 41) as i64)) / 100 + i64::from(next() % 97 == 0) * 5_000;
            }
        }
    }

    proptest! {
        #[test]
        fn limits_are_those_of_trying_every_set(amounts in prop::collection::vec(0_i64..10_000, 0..40), enter in 1_u8..=100, more in 0_u8..20) {
            let group = TopShare { enter_percent: enter, leave_percent: enter.saturating_add(more).min(100) };
            let found = limits(&mut amounts.clone(), &[group]);
            match brute(&amounts, i128::from(enter)) {
                None => prop_assert_eq!(found[0].enter_at, i64::MAX),
                Some(amount) => {
                    prop_assert_eq!(found[0].enter_at, amount);
                    prop_assert_eq!(Some(found[0].leave_below), brute(&amounts, i128::from(group.leave_percent)));
                    // Those who enter bring the share, and without the weakest amount among them they would not.
                    let inside = |limit: i64| amounts.iter().filter(|a| **a > 0 && **a >= limit).sum::<i64>() * 100;
                    let wanted = amounts.iter().sum::<i64>() * i64::from(enter);
                    prop_assert!(inside(amount) >= wanted && inside(amount + 1) < wanted);
                }
            }
        }

        #[test]
        fn whoever_enters_also_stays(amounts in prop::collection::vec(any::<i64>(), 0..30), amount: i64) {
            let limits = limits(&mut amounts.clone(), &[VIP]);
            prop_assert!(!limits[0].belongs(amount, false) || limits[0].belongs(amount, true));
        }
    }
}
