//! A purchase log for machines without the public one: the same period, cohort and skew, from a seed.

use jiff::ToSpan as _;
use jiff::civil::{Date, date};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

use super::{Purchase, PurchaseLog};

const CUSTOMERS: usize = 2_357;
const FIRST: Date = date(1997, 1, 1);
const LAST: Date = date(1998, 6, 30);
/// Everybody joins within this many days.
const COHORT_DAYS: i64 = 84;

/// Most buy once, a few again and again: each customer has a rate and may leave for good after any purchase.
pub fn purchases(seed: u64) -> PurchaseLog {
    let mut random = StdRng::seed_from_u64(seed);
    let mut purchases = Vec::new();
    for customer in 1..=CUSTOMERS {
        let mut on = FIRST.saturating_add(random.random_range(0..COHORT_DAYS).days());
        // Heavy-tailed: gaps from a week to most of a year.
        let gap = 7.0 * (1.0 / random.random_range(0.03..1.0_f64)).powf(1.2);
        let leaves = random.random_range(0.05..0.7_f64);
        while on <= LAST {
            let minor = (3_500.0 * (-random.random_range(0.02..1.0_f64).ln() + 0.2)).round() as i64;
            purchases.push(Purchase { customer: customer.to_string(), row: purchases.len() + 1, on, minor });
            if random.random_bool(leaves) {
                break;
            }
            let days = (gap * -random.random_range(0.001..1.0_f64).ln()).ceil().clamp(1.0, 600.0) as i64;
            on = on.saturating_add(days.days());
        }
    }
    PurchaseLog::sorted(format!("made up with seed {seed}"), purchases)
}
