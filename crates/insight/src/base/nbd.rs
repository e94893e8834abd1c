//! BG/NBD and MBG/NBD: conversions at a rate of its own per partner, and a chance of leaving after each.

use serde::{Deserialize, Serialize};

use super::history::{Grouped, History};
use super::minimize::minimize;

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Family {
    /// Fader, Hardie & Lee 2005: nobody leaves before the first repeat.
    Bg,
    /// Batislam, Denizel & Filiztekin 2007: one may leave after the first conversion already.
    Mbg,
}

/// Parameters, time in weeks: rates are Gamma(r, α), the chance of leaving after a conversion Beta(a, b).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Nbd {
    /// Which model they belong to.
    pub family: Family,
    /// Shape of the rates.
    pub r: f64,
    /// Weeks behind the rates.
    pub alpha: f64,
    /// Leavings the chance of leaving rests on.
    pub a: f64,
    /// Stayings it rests on.
    pub b: f64,
}

/// An estimate.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Fit {
    /// The parameters.
    pub model: Nbd,
    /// Their log-likelihood, without any prior.
    pub log_likelihood: f64,
    /// Whether the search came to an end by itself.
    pub converged: bool,
}

/// Logarithms of parameters are held near ±7; beyond, data say nothing and differences cancel.
const LOG_MAX: f64 = 7.0;
/// Standard deviation of a programme's log-parameters around what all programmes show.
const BORROWED_SD: f64 = 0.75;

impl Nbd {
    /// What is believed before any data: the published estimates on CDNOW, the usual reference.
    #[must_use]
    pub fn usual(family: Family) -> Self {
        let [r, alpha, a, b] = match family {
            Family::Bg => [0.243, 4.414, 0.793, 2.426],
            Family::Mbg => [0.525, 6.183, 0.891, 1.614],
        };
        Self { family, r, alpha, a, b }
    }

    /// Most likely parameters. With `around`, a programme too small to say much stays near these (log-normal, about a factor
    /// of two either way); without any history they come back unchanged.
    #[must_use]
    pub fn fit(histories: &Grouped, family: Family, around: Option<&Self>) -> Fit {
        let around = around.copied().map(|model| Self { family, ..model });
        if histories.is_empty() {
            let model = around.unwrap_or_else(|| Self::usual(family));
            return Fit { model, log_likelihood: 0.0, converged: true };
        }
        let scale = 1.0 / histories.partners;
        let prior = around.map(|model| model.logs());
        let objective = |logs: &[f64; 4]| {
            let model = Self::of_logs(family, logs);
            let (likelihood, gradient) = model.likelihood(histories);
            let parameters = [model.r, model.alpha, model.a, model.b];
            let mut value = -likelihood * scale;
            let mut slope: [f64; 4] = std::array::from_fn(|i| -gradient[i] * parameters[i] * scale);
            for i in 0..4 {
                let beyond = logs[i].abs() - LOG_MAX;
                if beyond > 0.0 {
                    value += beyond * beyond;
                    slope[i] += 2.0 * beyond * logs[i].signum();
                }
                if let Some(prior) = &prior {
                    let off = (logs[i] - prior[i]) / BORROWED_SD;
                    value += 0.5 * off * off * scale;
                    slope[i] += off / BORROWED_SD * scale;
                }
            }
            (value, slope)
        };
        let starts = [around.unwrap_or_else(|| Self::usual(family)).logs(), [0.0, 2.0, -1.0, 1.0]];
        let starts = if around.is_some() { &starts[..1] } else { &starts[..] };
        let mut best: Option<super::minimize::Minimum<4>> = None;
        for start in starts {
            let found = minimize(*start, objective);
            if best.as_ref().is_none_or(|best| found.value < best.value) {
                best = Some(found);
            }
        }
        let (logs, converged) = best.map_or((starts[0], false), |best| (best.at, best.converged));
        let model = Self::of_logs(family, &logs);
        Fit { model, log_likelihood: model.log_likelihood(histories), converged }
    }

    /// Log-likelihood of these parameters.
    #[must_use]
    pub fn log_likelihood(&self, histories: &Grouped) -> f64 {
        self.likelihood(histories).0
    }

    fn logs(&self) -> [f64; 4] {
        [self.r, self.alpha, self.a, self.b].map(|value| value.max(1e-9).ln())
    }

    fn of_logs(family: Family, logs: &[f64; 4]) -> Self {
        let [r, alpha, a, b] = logs.map(f64::exp);
        Self { family, r, alpha, a, b }
    }

    /// Stayings a partner with x repeats has shown: the modified model counts the first conversion as one.
    fn stayed(&self, repeats: f64) -> f64 {
        match self.family {
            Family::Bg => repeats,
            Family::Mbg => repeats + 1.0,
        }
    }

    /// Log-likelihood and its gradient by (r, α, a, b).
    ///
    /// Everything that depends on x or on a day alone stands in tables, built by the recurrences of Γ and ψ; a group then
    /// costs one exponential and one logarithm.
    fn likelihood(&self, histories: &Grouped) -> (f64, [f64; 4]) {
        let Self { r, alpha, a, b, family } = *self;
        let repeats_max = histories.groups.last().map_or(0, |(history, _)| history.repeats());
        let age_max = histories.groups.iter().map(|(history, _)| history.age()).max().unwrap_or(0);
        let days: Vec<(f64, f64)> =
            (0..=age_max).map(|day| alpha + f64::from(day) / 7.0).map(|weeks| (weeks.ln(), 1.0 / weeks)).collect();
        let by_repeats = self.by_repeats(repeats_max);
        let (ln_alpha, ln_a) = (alpha.ln(), a.ln());
        let (mut sum, mut by) = (0.0, [0.0; 4]);
        for (history, count) in &histories.groups {
            let row = &by_repeats[history.repeats() as usize];
            let ((ln_age, per_age), (ln_last, per_last)) =
                (days[history.age() as usize], days[history.last() as usize]);
            let x = f64::from(history.repeats());
            let shape = r + x;
            let mut value = row.value + r * ln_alpha - shape * ln_age;
            let mut d = [row.by_r + ln_alpha - ln_age, r / alpha - shape * per_age, row.by_a, row.by_b];
            if family == Family::Mbg || history.repeats() > 0 {
                // ln(1 + e^q), q the log odds of having left
                let left = if family == Family::Mbg { b + x } else { b + x - 1.0 };
                let q = ln_a - row.ln_left + shape * (ln_age - ln_last);
                let odds = (-q.abs()).exp();
                value += q.max(0.0) + odds.ln_1p();
                let gone = if q > 0.0 { 1.0 / (1.0 + odds) } else { odds / (1.0 + odds) };
                d[0] += gone * (ln_age - ln_last);
                d[1] += gone * shape * (per_age - per_last);
                d[2] += gone / a;
                d[3] -= gone / left;
            }
            sum += count * value;
            for (by, d) in by.iter_mut().zip(d) {
                *by += count * d;
            }
        }
        (sum, by)
    }

    fn by_repeats(&self, most: u32) -> Vec<ByRepeats> {
        let Self { r, a, b, family, .. } = *self;
        let mut rows = Vec::with_capacity(most as usize + 1);
        let mut row = ByRepeats::default();
        if family == Family::Mbg {
            row.stay(a, b, 0.0);
        }
        for x in 0..=most {
            let x = f64::from(x);
            row.ln_left = if family == Family::Mbg { (b + x).ln() } else { (b + x - 1.0).max(1e-300).ln() };
            rows.push(row);
            row.value += (r + x).ln();
            row.by_r += 1.0 / (r + x);
            row.stay(a, b, self.stayed(x));
        }
        rows
    }

    /// Whether the partner will ever convert again, by the model. Never rank by it: a partner with a single conversion
    /// long ago looks alive to the BG/NBD.
    #[must_use]
    pub fn p_alive(&self, history: History) -> f64 {
        let x = f64::from(history.repeats());
        if self.family == Family::Bg && history.repeats() == 0 {
            return 1.0;
        }
        let (age, last) = (weeks(history.age()), weeks(history.last()));
        let left = if self.family == Family::Mbg { self.b + x } else { self.b + x - 1.0 };
        let log_odds = (self.r + x) * ((self.alpha + age) / (self.alpha + last)).ln();
        1.0 / (1.0 + self.a / left * log_odds.exp())
    }

    /// P(at least one conversion in the next days): the number to show.
    #[must_use]
    pub fn p_active(&self, history: History, days: f64) -> f64 {
        let shape = self.r + f64::from(history.repeats());
        let age = self.alpha + weeks(history.age());
        -(shape * (age / (age + days.max(0.0) / 7.0)).ln()).exp_m1() * self.p_alive(history)
    }

    /// E[Y(t)]: active days expected in the next days.
    ///
    /// c/(a−1) · (1 − (1−z)^(a−1) ₂F₁(c−r−x, a−1; c; z)) · P(alive), c = a + stayings + b − 1, z = t/(α+T+t): Euler's form of
    /// the published expression, whose terms fall faster than n^(a−2). Dividing both factors' excess over 1 by a − 1
    /// beforehand leaves no pole at a = 1.
    #[must_use]
    pub fn expected(&self, history: History, days: f64) -> f64 {
        let x = f64::from(history.repeats());
        let (a, shape, weeks_on) = (self.a, self.r + x, days.max(0.0) / 7.0);
        let c = a + self.b + self.stayed(x) - 1.0;
        let z = weeks_on / (self.alpha + weeks(history.age()) + weeks_on);
        let log = (-z).ln_1p();
        let power = if (a - 1.0).abs() < 1e-12 { log } else { ((a - 1.0) * log).exp_m1() / (a - 1.0) };
        // Σ (c−R)_n (a)_(n−1) zⁿ / ((c+1)_(n−1) n!), n from 1
        let (mut term, mut sum) = ((c - shape) * z, 0.0_f64);
        for n in 1..2_000 {
            sum += term;
            if term.is_nan() || term.abs() <= 1e-11 * sum.abs() {
                break;
            }
            let n = f64::from(n);
            term *= (c - shape + n) * (a + n - 1.0) / ((c + n) * (n + 1.0)) * z;
        }
        let expected = -(c * power + sum * (1.0 + (a - 1.0) * power)) * self.p_alive(history);
        if expected.is_finite() { expected.max(0.0) } else { 0.0 }
    }

    /// Active days expected over the coming years, each worth 1/(1 + rate)^years now: what lifetime value multiplies.
    #[must_use]
    pub fn expected_discounted(&self, history: History, years: u32, rate: f64) -> f64 {
        let quarter = 365.25 / 4.0;
        let (mut before, mut sum) = (0.0, 0.0);
        for step in 1..=years.min(100) * 4 {
            let until = self.expected(history, quarter * f64::from(step));
            // in the middle of its quarter
            sum += (until - before) / (1.0 + rate.max(0.0)).powf((f64::from(step) - 0.5) / 4.0);
            before = until;
        }
        sum
    }
}

/// Parts of the log-likelihood that depend on x alone: ln Γ(r+x)/Γ(r) + ln B(a, b+stayings)/B(a, b), and derivatives.
#[derive(Clone, Copy, Default)]
struct ByRepeats {
    value: f64,
    by_r: f64,
    by_a: f64,
    by_b: f64,
    ln_left: f64,
}

impl ByRepeats {
    /// One staying more.
    fn stay(&mut self, a: f64, b: f64, before: f64) {
        let (some, all) = (b + before, a + b + before);
        self.value += (some / all).ln();
        self.by_a -= 1.0 / all;
        self.by_b += 1.0 / some - 1.0 / all;
    }
}

fn weeks(days: u32) -> f64 {
    f64::from(days) / 7.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_gradient_is_that_of_the_likelihood() {
        let grouped = Grouped::of((0..60).map(|i| History::new(i % 7, 3 * i, 4 * i + 7)));
        for family in [Family::Bg, Family::Mbg] {
            let at = Nbd { family, r: 0.6, alpha: 5.0, a: 0.9, b: 2.1 };
            let (_, gradient) = at.likelihood(&grouped);
            let step = 1e-5;
            let moved = [
                Nbd { r: at.r + step, ..at },
                Nbd { alpha: at.alpha + step, ..at },
                Nbd { a: at.a + step, ..at },
                Nbd { b: at.b + step, ..at },
            ];
            for (gradient, moved) in gradient.iter().zip(moved) {
                let slope = (moved.log_likelihood(&grouped) - at.log_likelihood(&grouped)) / step;
                assert!((slope - gradient).abs() < 2e-3 * gradient.abs().max(1.0), "{slope} {gradient}");
            }
        }
    }

    /// E[Y] as an integral: ∫ (1 − (A/(A+pt))^R)/p over the posterior Beta of p, by the midpoint rule in substituted p.
    fn by_integration(model: &Nbd, history: History, days: f64) -> f64 {
        let x = f64::from(history.repeats());
        let (shape, age, t) = (model.r + x, model.alpha + weeks(history.age()), days / 7.0);
        let (a, b) = (model.a, model.b + model.stayed(x));
        let (mut over, mut all) = (0.0, 0.0);
        let steps = 40_000;
        for step in 0..steps {
            let u = (f64::from(step) + 0.5) / f64::from(steps);
            // p = u^4 takes the pole of p^(a−1) at 0 away
            let p = u.powi(4);
            let density = p.powf(a - 1.0) * (1.0 - p).powf(b - 1.0) * u.powi(3);
            all += density;
            over += density * -(shape * (age / (age + p * t)).ln()).exp_m1() / p;
        }
        over / all * model.p_alive(history)
    }

    #[test]
    fn expectations_equal_the_integral_and_pass_the_pole() {
        let history = History::new(5, 120, 200);
        for family in [Family::Bg, Family::Mbg] {
            for a in [0.4, 0.999_999, 1.0, 1.000_001, 1.7] {
                let model = Nbd { family, r: 0.5, alpha: 6.0, a, b: 1.6 };
                for days in [30.0, 273.0, 2000.0] {
                    let (closed, integral) = (model.expected(history, days), by_integration(&model, history, days));
                    assert!((closed / integral - 1.0).abs() < 1e-3, "{family:?} {a} {days}: {closed} {integral}");
                }
            }
        }
    }

    #[test]
    fn without_partners_the_borrowed_parameters_come_back_and_few_stay_near_them() {
        let all = Nbd { family: Family::Mbg, r: 1.0, alpha: 8.0, a: 0.5, b: 2.0 };
        assert_eq!(Nbd::fit(&Grouped::default(), Family::Mbg, Some(&all)).model, all);
        let one = Nbd::fit(&Grouped::of([History::new(3, 50, 60)]), Family::Mbg, Some(&all)).model;
        assert!((one.r / all.r).ln().abs() < 0.5 && (one.alpha / all.alpha).ln().abs() < 0.5, "{one:?}");
    }

    proptest! {
        #[test]
        fn any_history_has_a_probability(
            x: u32, last: u32, age: u32, days in 0.0_f64..5000.0,
            logs in prop::array::uniform4(-7.0_f64..7.0), mbg: bool,
        ) {
            let model = Nbd::of_logs(if mbg { Family::Mbg } else { Family::Bg }, &logs);
            let history = History::new(x, last, age);
            let (p, longer) = (model.p_active(history, days), model.p_active(history, days + 30.0));
            prop_assert!((0.0..=1.0).contains(&p) && p <= longer);
            prop_assert!(model.expected(history, days).is_finite());
        }

        #[test]
        fn who_may_come_once_is_expected_at_least_so_often(x in 0_u32..40, more in 0_u32..300, days in 1.0_f64..700.0) {
            let history = History::new(x, 3 * x, 3 * x + more);
            let model = Nbd::usual(Family::Mbg);
            prop_assert!(model.expected(history, days) >= model.p_active(history, days) - 1e-9);
        }

        #[test]
        fn fits_of_any_histories_end(rows in prop::collection::vec((0_u32..30, 0_u32..200, 0_u32..300), 0..25)) {
            let grouped = Grouped::of(rows.iter().map(|(x, last, age)| History::new(*x, *last, *age)));
            let fit = Nbd::fit(&grouped, Family::Mbg, None);
            let model = fit.model;
            prop_assert!([model.r, model.alpha, model.a, model.b].iter().all(|p| *p > 0.0 && p.is_finite()));
            prop_assert!(fit.log_likelihood.is_finite());
        }
    }
}
