//! Finds when a partner's conversions bring less each than is normal: as many sales, of smaller baskets.
//!
//! Counts say nothing of it, so it has a scan of its own, over what a partner's kept days say anyway: no state beside them.
//! Normal is the order value of the half year before the last four weeks, with outlying days cut on both sides of the
//! comparison. The last 7, 14 and 28 days are compared with it on the logarithm; the worst of the three counts. What the
//! whole programme does (a sale, a price list) is divided out first, as far as [`PARTNERS_MIN`] partners show it.

use serde::{Deserialize, Serialize};
use statrs::function::erf::erfc;

use super::budget::Budget;
use super::program::PARTNERS_MIN;

/// Windows compared, in days.
pub const WINDOWS: [i32; 3] = [7, 14, 28];
/// Days of the normal before the longest window.
const BASE_DAYS: i32 = 182;
/// Days up to the one judged that [`Orders::of`] looks at.
pub const LOOKS_BACK: i32 = WINDOWS[2] + BASE_DAYS;
/// Orders and days with orders that a normal needs, and orders a window needs.
const BASE_ORDERS_MIN: f64 = 20.0;
const BASE_SALE_DAYS_MIN: usize = 10;
const ORDERS_MIN: f64 = 5.0;
/// A day whose orders are worth so many times the median day's counts as this: one large basket is nobody's normal.
const CUT: f64 = 3.0;
/// Squared coefficient of variation of a single order that is usual, and its weight in days.
const VARIATION: f64 = 0.6;
const VARIATION_PRIOR: f64 = 10.0;
/// What order values wander by on their own from one month to another, as a variance of the logarithm.
const WANDERING: f64 = 0.004;
/// Least fall that is told: below, it is nothing a partner would know of.
const FALL_MIN: f64 = 0.2;
/// Share of normal at which it is over.
const RECOVERED: f64 = 0.9;
/// Orders that decide over an end.
const RECOVERY_ORDERS: f64 = 4.0;

/// Deviations at which simulated programmes without dips (`sim_dips.py`, seeds 1, 12, 33) gave a twentieth of the budget in false alarms;
/// (budget, deviations). The budget is one for both scans: this adds a
/// twentieth, less than the rate of the other is off by from one programme to the next.
const THRESHOLDS: [(f64, f64); 3] = [(0.1, 5.23), (0.5, 4.28), (2.0, 3.6)];

/// Orders of a day and what they brought.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OrderDay {
    /// [Day number](crate::day::number).
    pub day: i32,
    /// Orders, above 0.
    pub orders: f64,
    /// What they brought, at least 0, in any one unit.
    pub revenue: f64,
}

/// Sums over a programme, by window: what orders brought, and what they would have at every partner's normal. Whole units, so that
/// they do not depend on the order of adding.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderSums {
    /// Partners with a normal.
    partners: u32,
    seen: [i64; 3],
    normal: [i64; 3],
}

/// How much more or less than normal an order brought in the whole programme, by window.
pub type OrderFactors = [f64; 3];

/// A partner's orders as the scan sees them.
#[derive(Debug, Clone)]
pub struct Orders {
    /// Orders and (cut) revenue by window.
    windows: [(f64, f64); 3],
    /// Normal worth of an order.
    normal: f64,
    /// Orders behind it.
    known: f64,
    /// Squared coefficient of variation of one order.
    variation: f64,
    /// Above this a day's mean order is cut.
    most: f64,
    newest: Vec<OrderDay>,
}

/// "Orders were worth 41 EUR each since 3 November, 72 are usual."
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct RevenueEvidence {
    /// First day counted.
    pub since: i32,
    /// Orders since then.
    pub orders: f64,
    /// What so many orders usually bring, in the unit of the days.
    pub expected: f64,
    /// What they brought.
    pub observed: f64,
    /// Probability of so little, were everything as before.
    pub chance: f64,
    /// Normal worth of an order, held while the dip lasts.
    pub normal: f64,
}

impl RevenueEvidence {
    /// 100 · (1 − observed / expected), whole, half up.
    #[must_use]
    pub fn drop_percent(&self) -> i32 {
        if self.expected > 0.0 {
            (100.0 * (1.0 - self.observed / self.expected) + 0.5 + 1e-9).floor() as i32
        } else {
            0
        }
    }
}

impl OrderSums {
    /// Adds a partner.
    pub fn add(&mut self, orders: &Orders) {
        self.partners = self.partners.saturating_add(1);
        for (place, (count, revenue)) in orders.windows.into_iter().enumerate() {
            let normal = count * orders.normal;
            // One partner's collapse or boom is not the programme's.
            let seen = revenue.clamp(normal / 2.0, normal * 2.0);
            // As each order is worth what it is: large baskets weigh no more than small ones.
            let each = 1_000.0 / orders.normal.max(1e-9);
            self.seen[place] = self.seen[place].saturating_add((seen * each).round() as i64);
            self.normal[place] = self.normal[place].saturating_add((normal * each).round() as i64);
        }
    }

    /// Adds other partners' sums.
    pub fn merge(&mut self, other: &Self) {
        self.partners = self.partners.saturating_add(other.partners);
        for place in 0..WINDOWS.len() {
            self.seen[place] = self.seen[place].saturating_add(other.seen[place]);
            self.normal[place] = self.normal[place].saturating_add(other.normal[place]);
        }
    }

    /// The programme's factors; 1 where too few partners show any.
    #[must_use]
    pub fn factors(&self) -> OrderFactors {
        std::array::from_fn(|place| match (self.partners >= PARTNERS_MIN, self.normal[place]) {
            (true, normal @ 1..) => (self.seen[place] as f64 / normal as f64).clamp(0.2, 5.0),
            _ => 1.0,
        })
    }
}

impl Orders {
    /// A partner's orders up to day `on`; later days are not looked at. `None` while too little is known of a normal.
    #[must_use]
    pub fn of(days: &[OrderDay], on: i32) -> Option<Self> {
        let longest = WINDOWS[2];
        let base =
            || days.iter().filter(good).filter(|one| (on - longest - BASE_DAYS + 1..=on - longest).contains(&one.day));
        let mut means: Vec<f64> = base().map(|one| one.revenue / one.orders).collect();
        if means.len() < BASE_SALE_DAYS_MIN {
            return None;
        }
        means.sort_by(f64::total_cmp);
        let most = CUT * means.get(means.len() / 2).copied().filter(|median| *median > 0.0)?;
        let cut = |one: &OrderDay| (one.revenue / one.orders).min(most);
        let (known, worth) =
            base().fold((0.0, 0.0), |(orders, sum), one| (orders + one.orders, sum + one.orders * cut(one)));
        let normal = worth / known;
        if known < BASE_ORDERS_MIN || !normal.is_finite() || normal <= 0.0 {
            return None;
        }
        // y · (day's mean − normal)² has one order's variance as its mean.
        let spread: f64 = base().map(|one| one.orders * (cut(one) / normal - 1.0).powi(2)).sum();
        let variation = (spread + VARIATION_PRIOR * VARIATION) / (means.len() as f64 + VARIATION_PRIOR);
        let newest: Vec<OrderDay> =
            days.iter().filter(good).filter(|one| (on - 2 * longest + 1..=on).contains(&one.day)).copied().collect();
        let window = |length: i32| {
            newest
                .iter()
                .filter(|one| one.day > on - length)
                .fold((0.0, 0.0), |(orders, sum), one| (orders + one.orders, sum + one.orders * cut(one)))
        };
        Some(Self { windows: WINDOWS.map(window), normal, known, variation, most, newest })
    }

    /// The worst window, and how many deviations it lies below normal.
    #[must_use]
    pub fn worst(&self, on: i32, factors: &OrderFactors) -> Option<(f64, RevenueEvidence)> {
        let each = WINDOWS.into_iter().zip(self.windows).zip(factors);
        let judged =
            each.filter(|((_, (orders, _)), _)| *orders >= ORDERS_MIN).map(|((length, (orders, revenue)), factor)| {
                let expected = orders * self.normal * factor;
                let deviation = self.deviation(orders, revenue / expected);
                let since = on - length + 1;
                let evidence = RevenueEvidence {
                    since: self.newest.iter().map(|one| one.day).find(|day| *day >= since).unwrap_or(since),
                    orders,
                    expected,
                    observed: revenue,
                    chance: below(deviation),
                    normal: self.normal,
                };
                (deviation, evidence)
            });
        judged.max_by(|one, other| one.0.total_cmp(&other.0))
    }

    /// Deviations of the logarithm below normal. For a mean of few skewed orders the logarithm is nearer to normal than the mean.
    fn deviation(&self, orders: f64, ratio: f64) -> f64 {
        let variance = self.variation / orders + self.variation / self.known + WANDERING;
        -ratio.max(1e-6).ln() / variance.sqrt()
    }

    /// The fall found today, if the budget lets it be one.
    #[must_use]
    pub fn found(&self, on: i32, factors: &OrderFactors, budget: Budget) -> Option<RevenueEvidence> {
        let (deviation, evidence) = self.worst(on, factors)?;
        (deviation >= threshold(budget) && evidence.observed <= (1.0 - FALL_MIN) * evidence.expected)
            .then_some(evidence)
    }

    /// A fall that lasts, with everything since its first day; and whether it is over: the newest orders, of a week or as far back as
    /// four reach, are worth nine tenths of normal again.
    #[must_use]
    pub fn goes_on(
        &self,
        on: i32,
        began: &RevenueEvidence,
        days: &[OrderDay],
        factors: &OrderFactors,
    ) -> (RevenueEvidence, bool) {
        let worth = |one: &OrderDay| one.orders * (one.revenue / one.orders).min(self.most.max(CUT * began.normal));
        let factor = factors[2];
        let since = days.iter().filter(good).filter(|one| (began.since..=on).contains(&one.day));
        let (orders, observed) = since.fold((0.0, 0.0), |(orders, sum), one| (orders + one.orders, sum + worth(one)));
        let expected = orders * began.normal * factor;
        let ratio = if expected > 0.0 { observed / expected } else { 1.0 };
        let chance = below(self.deviation(orders.max(1.0), ratio));
        let (mut newest, mut brought) = (0.0, 0.0);
        for one in self.newest.iter().rev() {
            if newest >= RECOVERY_ORDERS && one.day <= on - WINDOWS[0] {
                break;
            }
            newest += one.orders;
            brought += worth(one);
        }
        let over = newest >= RECOVERY_ORDERS && brought >= RECOVERED * newest * began.normal * factors[0];
        (RevenueEvidence { orders, expected, observed, chance, ..*began }, over)
    }
}

/// Whether a day can be counted.
fn good(one: &&OrderDay) -> bool {
    one.orders > 0.0 && one.orders.is_finite() && one.revenue >= 0.0 && one.revenue.is_finite()
}

/// P(so many deviations below, or more) of a normal distribution.
fn below(deviation: f64) -> f64 {
    (0.5 * erfc(deviation / std::f64::consts::SQRT_2)).clamp(0.0, 1.0)
}

/// Interpolated in the logarithm of the budget, and on beyond both ends.
fn threshold(budget: Budget) -> f64 {
    let x = budget.per_year().ln();
    let mut answer = 0.0;
    for pair in THRESHOLDS.windows(2) {
        if let [(b0, t0), (b1, t1)] = pair {
            answer = t0 + (t1 - t0) * (x - b0.ln()) / (b1.ln() - b0.ln());
            if budget.per_year() <= *b1 {
                break;
            }
        }
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Orders of a partner who sells `a_day` a day worth about 50; from `falls` on the share of it.
    fn days(a_day: u32, falls: i32, share: f64) -> Vec<OrderDay> {
        let one = |day: i32| {
            let noise = 1.0 + f64::from((day * 7919 + 13).rem_euclid(41) - 20) / 40.0;
            let worth = 50.0 * noise * if day >= falls { share } else { 1.0 };
            OrderDay { day, orders: f64::from(a_day), revenue: f64::from(a_day) * worth }
        };
        (0..400).map(one).collect()
    }

    fn first(days: &[OrderDay], factors: &OrderFactors) -> Option<(i32, RevenueEvidence)> {
        (100..400).find_map(|on| Some((on, Orders::of(days, on)?.found(on, factors, Budget::default())?)))
    }

    #[test]
    fn halved_baskets_are_found_with_their_evidence() {
        let (found, evidence) = first(&days(2, 300, 0.5), &[1.0; 3]).unwrap();
        assert!((303..320).contains(&found), "{found}");
        assert!((35..=60).contains(&evidence.drop_percent()) && evidence.chance < 1e-3, "{evidence:?}");
        assert!((45.0..55.0).contains(&evidence.normal));
    }

    #[test]
    fn what_everybody_goes_through_is_nobodys_dip() {
        let all: Vec<Vec<OrderDay>> = (1..40).map(|a_day| days(a_day, 300, 0.6)).collect();
        for on in 290..330 {
            let mut sums = OrderSums::default();
            all.iter().filter_map(|one| Orders::of(one, on)).for_each(|orders| sums.add(&orders));
            let factors = sums.factors();
            let found =
                all.iter().filter_map(|one| Orders::of(one, on)?.found(on, &factors, Budget::default())).count();
            assert_eq!(found, 0, "day {on}, {factors:?}");
        }
    }

    #[test]
    fn one_large_basket_is_no_normal_and_a_little_less_no_dip() {
        let mut lucky = days(1, 999, 1.0);
        lucky[200].revenue = 1e6;
        assert_eq!(first(&lucky, &[1.0; 3]), None);
        assert_eq!(first(&days(5, 300, 0.85), &[1.0; 3]), None);
    }

    #[test]
    fn it_lasts_with_its_totals_and_ends() {
        let mut course = days(2, 300, 0.5);
        course[340..].copy_from_slice(&days(2, 999, 1.0)[340..]);
        let (found, began) = first(&course, &[1.0; 3]).unwrap();
        let at = |on: i32| Orders::of(&course, on).unwrap().goes_on(on, &began, &course, &[1.0; 3]);
        let (later, over) = at(330);
        assert!(!over && later.since == began.since && later.orders > began.orders && later.normal == began.normal);
        assert_eq!(later.orders, f64::from(2 * (330 - began.since + 1)));
        let end = (found + 1..400).find(|on| at(*on).1).unwrap();
        assert!((343..352).contains(&end), "{end}");
    }

    #[test]
    fn too_little_is_not_judged() {
        assert!(Orders::of(&days(2, 999, 1.0)[..30], 36).is_none());
        assert!(Orders::of(&[], 40).is_none());
        let free: Vec<OrderDay> = days(2, 0, 0.0);
        assert!(Orders::of(&free, 300).is_none(), "orders without worth have no normal");
        assert_eq!(OrderSums::default().factors(), [1.0; 3]);
    }

    #[test]
    fn sums_do_not_depend_on_how_partners_are_shared() {
        let all: Vec<Orders> = (1..30).filter_map(|a_day| Orders::of(&days(a_day, 290, 0.7), 300)).collect();
        let mut whole = OrderSums::default();
        all.iter().for_each(|one| whole.add(one));
        let (mut odd, mut even) = (OrderSums::default(), OrderSums::default());
        all.iter().enumerate().rev().for_each(|(i, one)| if i % 2 == 0 { even.add(one) } else { odd.add(one) });
        even.merge(&odd);
        assert_eq!(whole, even);
    }

    proptest! {
        #[test]
        fn any_days_are_judged_without_panic(
            rows in prop::collection::vec((any::<i32>(), any::<f64>(), any::<f64>()), 0..80), on in -1000_i32..1000,
        ) {
            let days: Vec<OrderDay> = rows.into_iter().map(|(day, orders, revenue)| OrderDay { day: day % 300, orders, revenue }).collect();
            if let Some(orders) = Orders::of(&days, on) {
                if let Some((_, evidence)) = orders.worst(on, &[1.0; 3]) {
                    prop_assert!((0.0..=1.0).contains(&evidence.chance));
                    let _ = orders.goes_on(on, &evidence, &days, &[1.0; 3]);
                }
                let mut sums = OrderSums::default();
                sums.add(&orders);
                prop_assert!(sums.factors().iter().all(|factor| *factor == 1.0));
            }
        }
    }
}
