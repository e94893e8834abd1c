//! Gamma-Gamma: what an active day is worth, between the partner's own mean and everybody's.

use serde::{Deserialize, Serialize};
use statrs::function::gamma::{digamma, ln_gamma};

use super::history::Summary;
use super::minimize::minimize;

/// Spend of a day is Gamma(p, ν), ν differs between partners as Gamma(q, v) (Fader & Hardie 2013).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct GammaGamma {
    /// Shape of a day's spend.
    pub p: f64,
    /// Shape of the partners' scales; the mean exists from 1 on.
    pub q: f64,
    /// Scale, in the currency of the spend.
    pub v: f64,
}

/// Partners with repeats below which there is no fit.
const PARTNERS_MIN: usize = 10;

impl GammaGamma {
    /// What is believed before any data: the published estimates on CDNOW, in dollars.
    #[must_use]
    pub fn usual() -> Self {
        Self { p: 6.25, q: 3.744, v: 15.444 }
    }

    /// The same shapes where a day brings so much on average; `None` without a mean to go by.
    #[must_use]
    pub fn scaled(self, mean: f64) -> Option<Self> {
        let usable = mean.is_finite() && mean > 0.0 && self.q > 1.0 && self.p > 0.0;
        usable.then(|| Self { v: mean * (self.q - 1.0) / self.p, ..self })
    }

    /// Most likely parameters from (repeat days, mean spend of one); entries without spend are left out. `None` with fewer
    /// than ten.
    #[must_use]
    pub fn fit(repeats: impl IntoIterator<Item = (u32, f64)>) -> Option<Self> {
        let mut rows: Vec<(f64, f64)> = repeats
            .into_iter()
            .filter(|(x, mean)| *x > 0 && *mean > 0.0 && mean.is_finite())
            .map(|(x, mean)| (f64::from(x), mean))
            .collect();
        if rows.len() < PARTNERS_MIN {
            return None;
        }
        rows.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
        let (n, usual) = (rows.len() as f64, rows.iter().map(|row| row.1.ln()).sum::<f64>() / rows.len() as f64);
        // Amounts in units of their geometric mean, so that the search does not depend on the currency.
        let unit = usual.exp();
        rows.iter_mut().for_each(|row| row.1 /= unit);
        let found = minimize([1.0, 1.0, 0.0], |logs| {
            let [p, q, v] = logs.map(f64::exp);
            let (mut value, mut by, mut last) = (0.0, [0.0; 3], (f64::NAN, [0.0; 4]));
            for (x, mean) in &rows {
                if *x != last.0 {
                    let (px, both) = (p * x, p * x + q);
                    last = (*x, [ln_gamma(both) - ln_gamma(px), digamma(both), digamma(px), x.ln()]);
                }
                let [gammas, psi_both, psi_px, ln_x] = last.1;
                let (ln_mean, ln_all) = (mean.ln(), (v + x * mean).ln());
                value += gammas + p * x * (ln_mean + ln_x - ln_all) - ln_mean - q * ln_all;
                by[0] += x * (psi_both - psi_px + ln_mean + ln_x - ln_all);
                by[1] += psi_both - ln_all;
                by[2] += q / v - (p * x + q) / (v + x * mean);
            }
            value += n * (q * v.ln() - ln_gamma(q));
            by[1] += n * (v.ln() - digamma(q));
            let mut total = -value / n;
            let mut slope = [-by[0] * p / n, -by[1] * q / n, -by[2] * v / n];
            for (log, slope) in logs.iter().zip(&mut slope) {
                let beyond = log.abs() - 7.0;
                if beyond > 0.0 {
                    total += beyond * beyond;
                    *slope += 2.0 * beyond * log.signum();
                }
            }
            (total, slope)
        });
        let [p, q, v] = found.at.map(f64::exp);
        found.value.is_finite().then_some(Self { p, q, v: v * unit })
    }

    /// `E[z]`: what one active day of the partner will bring: p (v + x z̄) / (p x + q − 1).
    ///
    /// `None` when heavy tails (q ≤ 1) leave a partner without repeats no mean.
    #[must_use]
    pub fn per_day(&self, repeats: u32, mean: f64) -> Option<f64> {
        let x = f64::from(repeats);
        let mean = if mean.is_finite() { mean.max(0.0) } else { 0.0 };
        let below = self.p * x + self.q - 1.0;
        (below > 0.0).then(|| self.p * (self.v + x * mean) / below)
    }

    /// [`GammaGamma::per_day`] of a summary; the partner's plain mean where the model has none.
    #[must_use]
    pub fn of(&self, sums: &Summary) -> f64 {
        let plain = sums.spend / f64::from(sums.active.max(1));
        self.per_day(sums.active.saturating_sub(1), sums.repeat_spend().unwrap_or(0.0)).unwrap_or(plain)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_partners_own_mean_wins_with_time() {
        let model = GammaGamma { p: 6.25, q: 3.744, v: 15.444 };
        let new = model.per_day(0, 0.0).unwrap();
        assert!((new - 6.25 * 15.444 / 2.744).abs() < 1e-9);
        let (some, many) = (model.per_day(1, 100.0).unwrap(), model.per_day(500, 100.0).unwrap());
        assert!(new < some && some < many && (many - 100.0).abs() < 1.0);
    }

    #[test]
    fn a_borrowed_shape_takes_the_mean_it_is_given() {
        let here = GammaGamma::usual().scaled(4_000.0).unwrap();
        assert!((here.per_day(0, 0.0).unwrap() - 4_000.0).abs() < 1e-6);
        assert_eq!(GammaGamma::usual().scaled(0.0), None);
        assert_eq!(GammaGamma { q: 0.9, ..here }.scaled(10.0), None);
    }

    #[test]
    fn too_few_or_senseless_amounts_give_no_fit() {
        assert_eq!(GammaGamma::fit([(1, 10.0); 9]), None);
        assert_eq!(GammaGamma::fit([(1, f64::NAN); 99]), None);
        let same = GammaGamma::fit([(3, 10.0); 50]).unwrap();
        assert!((same.per_day(3, 10.0).unwrap() - 10.0).abs() < 0.5, "{same:?}");
    }

    #[test]
    fn the_currency_is_of_no_account() {
        let rows: Vec<(u32, f64)> = (1..200).map(|i| (i % 5 + 1, f64::from(20 + i * 37 % 90))).collect();
        let euros = GammaGamma::fit(rows.iter().copied()).unwrap();
        let cents = GammaGamma::fit(rows.iter().map(|(x, mean)| (*x, mean * 100.0))).unwrap();
        assert!((cents.v / euros.v - 100.0).abs() < 1e-3 && (cents.p - euros.p).abs() < 1e-5);
    }
}
