//! What a dip is told with: since when, how many were expected and seen, and how likely that is by chance.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use statrs::function::beta::checked_beta_reg;

use crate::day;

/// "Expected 42 conversions since 3 November, saw 17; chance .0004."
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// First day counted, as a [day number](crate::day::number).
    pub since: i32,
    /// Conversions expected since then, both ends included.
    pub expected: f64,
    /// Conversions seen since then.
    pub observed: u32,
    /// Probability of seeing that few or fewer, were everything as before.
    pub chance: f64,
    /// 100 · (1 − observed / expected), whole, half up; negative when more came than expected, 0 when nothing was expected.
    pub drop_percent: i32,
}

/// What a rate wanders by on its own between being learnt and being asked, as a squared share of it. Without it the chances told of
/// large partners are too small: in simulation without dips the last seven days of partners above ten a day fell below a chance of .001 on
/// .0026 of all days with .006, on .0015 with this.
const WANDERING: f64 = 0.014;

impl Evidence {
    /// Evidence from its sums. `spread` is the variance beyond Poisson from day-to-day overdispersion (ΣE²/k),
    /// `known` the counts the expectation rests on (posterior shape).
    pub(super) fn new(since: i32, expected: f64, observed: u32, spread: f64, known: f64) -> Self {
        let variance = expected + spread + expected * expected * (1.0 / known.max(0.1) + WANDERING);
        Self {
            since,
            expected,
            observed,
            chance: lower_tail(expected, variance, observed),
            drop_percent: drop_percent(expected, observed),
        }
    }

    /// The first day counted, as a date.
    #[must_use]
    pub fn since_on(&self) -> Date {
        day::date_of(self.since)
    }
}

/// 100 · (1 − observed/expected), whole, half up, at most 100. Without an expectation there is no drop: 0.
#[must_use]
pub fn drop_percent(expected: f64, observed: u32) -> i32 {
    if expected.is_nan() || expected <= 0.0 {
        return 0;
    }
    // A hair is added so that an exact half that binary fractions put just below still goes up.
    (100.0 * (1.0 - f64::from(observed) / expected) + 0.5 + 1e-9).floor() as i32
}

/// P(Y ≤ observed) for a negative binomial of that mean and variance; Poisson-like when the variance is no larger.
/// 1 when nothing was expected or the numbers say nothing.
#[must_use]
pub fn lower_tail(mean: f64, variance: f64, observed: u32) -> f64 {
    if !(mean > 0.0 && mean.is_finite() && variance.is_finite()) {
        return 1.0;
    }
    // The size is capped where the negative binomial is Poisson to all shown digits and the beta function still exact.
    let size = (mean * mean / (variance - mean).max(mean * mean / 1e7)).max(1e-9);
    checked_beta_reg(size, f64::from(observed) + 1.0, size / (size + mean)).map_or(1.0, |p| p.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_drop_is_rounded_half_up() {
        assert_eq!(drop_percent(29.0, 20), 31);
        assert_eq!(drop_percent(200.0, 99), 51, "50.5 goes up");
        assert_eq!(drop_percent(10.0, 0), 100);
        assert_eq!(drop_percent(10.0, 12), -20);
        assert_eq!(drop_percent(0.0, 3), 0);
        assert_eq!(drop_percent(f64::NAN, 3), 0);
    }

    #[test]
    fn the_tail_is_that_of_the_textbook() {
        // NB with size 4 and mean 4: p = 1/2, P(0) = 1/16, P(1) = 4/32.
        assert!((lower_tail(4.0, 8.0, 0) - 0.0625).abs() < 1e-9);
        assert!((lower_tail(4.0, 8.0, 1) - 0.1875).abs() < 1e-9);
        // Poisson of mean 3: e^-3 (1 + 3).
        assert!((lower_tail(3.0, 3.0, 1) - (-3.0_f64).exp() * 4.0).abs() < 1e-5);
    }

    #[test]
    fn senseless_numbers_prove_nothing() {
        for (mean, variance) in [(0.0, 0.0), (-1.0, 3.0), (f64::NAN, 1.0), (1.0, f64::NAN), (f64::INFINITY, 1.0)] {
            assert_eq!(lower_tail(mean, variance, 0), 1.0);
        }
    }

    proptest! {
        #[test]
        fn the_tail_is_a_probability_and_grows(mean in 1e-6_f64..1e6, more in 0.0_f64..1e7, seen in 0_u32..100_000) {
            let here = lower_tail(mean, mean + more, seen);
            prop_assert!((0.0..=1.0).contains(&here));
            prop_assert!(here <= lower_tail(mean, mean + more, seen + 1) + 1e-9);
        }
    }
}
