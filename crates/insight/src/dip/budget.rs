//! The one knob: false alarms accepted per partner and year, and the score it asks for.

use std::fmt;

/// Scores at which simulated programmes gave that many false alarms per partner-year. Measured on sets drawn by
/// `sim_dips.py` (seeds 1, 7, 11, 21; 2,000 partners, 400 days), with the scorer's rules: 60 days of burn-in, one alarm in 28 days.
const THRESHOLDS: [(f64, f64); 6] = [(0.05, 3.95), (0.1, 3.585), (0.2, 3.16), (0.5, 2.63), (1.0, 2.2), (2.0, 1.745)];

/// False alarms accepted per partner and year, from .01 to 10.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Budget {
    per_year: f64,
    threshold: f32,
}

/// A budget outside .01 to 10 false alarms per partner and year, for which nothing was measured.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct InvalidBudget(pub f64);

impl fmt::Display for InvalidBudget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a budget is between 0.01 and 10 false alarms per partner and year, not {}", self.0)
    }
}

impl std::error::Error for InvalidBudget {}

impl Budget {
    /// A budget of that many false alarms per partner and year.
    ///
    /// # Errors
    /// [`InvalidBudget`] for anything outside .01 to 10, NaN included.
    pub fn per_partner_year(per_year: f64) -> Result<Self, InvalidBudget> {
        if !(0.01..=10.0).contains(&per_year) {
            return Err(InvalidBudget(per_year));
        }
        Ok(Self { per_year, threshold: threshold(per_year) as f32 })
    }

    /// The accepted false alarms per partner and year.
    #[must_use]
    pub fn per_year(&self) -> f64 {
        self.per_year
    }

    /// The score from which on a day is called a dip.
    #[must_use]
    pub fn threshold(&self) -> f32 {
        self.threshold
    }
}

impl Default for Budget {
    /// One false alarm in ten partner-years.
    fn default() -> Self {
        Self { per_year: 0.1, threshold: threshold(0.1) as f32 }
    }
}

/// Interpolates in log budget (scores have nearly exponential tails), and goes on beyond both ends with the last slope.
fn threshold(per_year: f64) -> f64 {
    let x = per_year.ln();
    let mut answer = 0.0;
    for pair in THRESHOLDS.windows(2) {
        if let [(b0, t0), (b1, t1)] = pair {
            answer = t0 + (t1 - t0) * (x - b0.ln()) / (b1.ln() - b0.ln());
            if per_year <= *b1 {
                break;
            }
        }
    }
    answer.max(0.25)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_larger_budget_never_asks_for_a_higher_score() {
        let scores: Vec<f32> =
            (1..=1000).map(|n| Budget::per_partner_year(f64::from(n) / 100.0).unwrap().threshold()).collect();
        assert!(scores.windows(2).all(|w| w[0] >= w[1]));
        assert!(scores.iter().all(|s| *s > 0.0));
        for (budget, score) in THRESHOLDS {
            assert!((threshold(budget) - score).abs() < 1e-9);
        }
    }

    #[test]
    fn a_budget_nothing_was_measured_for_is_refused() {
        for bad in [0.0, -1.0, 11.0, f64::NAN, f64::INFINITY] {
            assert!(Budget::per_partner_year(bad).is_err());
        }
    }
}
