//! Partners without a first conversion: nothing to count, only time that passes.

use serde::{Deserialize, Serialize};

use super::minimize::minimize;

/// Time to the first conversion: each partner has a constant hazard, which differs as Gamma(shape, scale). The longer
/// nothing happens, the lower the hazard that is left (Lomax).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct FirstSale {
    /// Shape of the hazards.
    pub shape: f64,
    /// Days behind them.
    pub scale_days: f64,
}

/// Partners the prior counts as.
const BORROWED: f64 = 4.0;

impl Default for FirstSale {
    /// Before any data: about a third of new partners convert within the first three months.
    fn default() -> Self {
        Self { shape: 0.3, scale_days: 30.0 }
    }
}

impl FirstSale {
    /// Most likely parameters from (days since joining, whether the first conversion came then; else still without one).
    /// Few partners stay near `around`.
    #[must_use]
    pub fn fit(waits: impl IntoIterator<Item = (u32, bool)>, around: Self) -> Self {
        let mut rows: Vec<(u32, bool)> = waits.into_iter().collect();
        rows.sort_unstable();
        if rows.is_empty() {
            return around;
        }
        let groups: Vec<(f64, bool, f64)> = rows
            .chunk_by(|a, b| a == b)
            .filter_map(|same| same.first().map(|(days, came)| (f64::from(*days), *came, same.len() as f64)))
            .collect();
        let usual = [around.shape.ln(), around.scale_days.ln()];
        let n = rows.len() as f64;
        let found = minimize(usual, |logs| {
            let [shape, scale] = logs.map(f64::exp);
            let (mut value, mut by) = (0.0, [0.0; 2]);
            for (days, came, count) in &groups {
                // A conversion is known to the day: half a day keeps "on the day of joining" away from 0.
                let days = days + 0.5;
                let log = (scale / (scale + days)).ln();
                let came = f64::from(u8::from(*came));
                value += count * (shape * log + came * (shape.ln() - (scale + days).ln()));
                by[0] += count * (log + came / shape);
                by[1] += count * (shape * (1.0 / scale - 1.0 / (scale + days)) - came / (scale + days));
            }
            let mut total = -value / n;
            let mut slope = [-by[0] * shape / n, -by[1] * scale / n];
            for i in 0..2 {
                let off = logs[i] - usual[i];
                total += 0.5 * BORROWED * off * off / n;
                slope[i] += BORROWED * off / n;
            }
            (total, slope)
        });
        let [shape, scale_days] = found.at.map(f64::exp);
        Self { shape, scale_days }
    }

    /// P(first conversion within the next days), given none in the days since joining.
    #[must_use]
    pub fn p_active(&self, waited_days: u32, days: f64) -> f64 {
        let here = self.scale_days + f64::from(waited_days);
        -(self.shape * (here / (here + days.max(0.0))).ln()).exp_m1()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn parameters_are_found_again() {
        // Quantiles of Lomax(1.5, 60): t = 60 (u^(−1/1.5) − 1), cut off at a year.
        let waits = (1..4000)
            .map(|i| 60.0 * ((f64::from(i) / 4000.0).powf(-1.0 / 1.5) - 1.0))
            .map(|t| if t < 365.0 { (t as u32, true) } else { (365, false) });
        let found = FirstSale::fit(waits, FirstSale::default());
        assert!((found.shape - 1.5).abs() < 0.05 && (found.scale_days - 60.0).abs() < 3.0, "{found:?}");
    }

    #[test]
    fn who_waited_longer_waits_longer() {
        let model = FirstSale::default();
        assert!(model.p_active(0, 30.0) > model.p_active(90, 30.0));
        assert!(model.p_active(90, 30.0) > 0.0);
        assert_eq!(FirstSale::fit([], model), model);
    }

    proptest! {
        #[test]
        fn any_waits_give_probabilities(waits in prop::collection::vec((any::<u32>(), any::<bool>()), 0..30), t in 0.0_f64..1e4) {
            let p = FirstSale::fit(waits, FirstSale::default()).p_active(30, t);
            prop_assert!((0.0..=1.0).contains(&p));
        }
    }
}
