//! Ridge regression with an offset, logistic or quasi-Poisson, by Newton's method.

use serde::{Deserialize, Serialize};

const STEPS_MAX: usize = 60;
const STEP_MAX: f64 = 1.0;

/// What the outcome is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Link {
    /// 0 or 1; the offset is log odds.
    Logistic,
    /// A count; the offset is the logarithm of an expectation.
    Log,
}

/// One observation.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row<const K: usize> {
    pub(super) features: [f64; K],
    pub(super) offset: f64,
    pub(super) outcome: f64,
    pub(super) weight: f64,
}

/// Learnt weights over standardised features. The intercept is free, the others are drawn to 0.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Ridge {
    intercept: f64,
    /// Mean, one over standard deviation, weight.
    features: Vec<(f64, f64, f64)>,
}

impl Ridge {
    /// Learns from rows. `None` when there are none or the search fails.
    pub(super) fn learn<const K: usize>(rows: &[Row<K>], link: Link, penalty: f64) -> Option<Self> {
        let total: f64 = rows.iter().map(|row| row.weight).sum();
        if total.is_nan() || total <= 0.0 {
            return None;
        }
        let mut scales = [(0.0, 0.0); K];
        for (i, scale) in scales.iter_mut().enumerate() {
            let mean = rows.iter().map(|row| row.weight * row.features[i]).sum::<f64>() / total;
            let variance = rows.iter().map(|row| row.weight * (row.features[i] - mean).powi(2)).sum::<f64>() / total;
            // A feature that never varies says nothing.
            *scale = (mean, if variance > 1e-12 { 1.0 / variance.sqrt() } else { 0.0 });
        }
        let mut weights = vec![0.0; K + 1];
        for _ in 0..STEPS_MAX {
            let mut slope = vec![0.0; K + 1];
            let mut curve = vec![vec![0.0; K + 1]; K + 1];
            for row in rows {
                let mut z = [1.0; 16];
                for (i, (mean, per_sd)) in scales.iter().enumerate() {
                    z[i + 1] = (row.features[i] - mean) * per_sd;
                }
                let score = row.offset + z.iter().zip(&weights).map(|(z, weight)| z * weight).sum::<f64>();
                let (mean, bend) = match link {
                    Link::Logistic => {
                        let p = 1.0 / (1.0 + (-score.clamp(-30.0, 30.0)).exp());
                        (p, p * (1.0 - p))
                    }
                    Link::Log => {
                        let mean = score.clamp(-15.0, 6.0).exp();
                        (mean, mean)
                    }
                };
                let (off, bend) = (row.weight * (row.outcome - mean), row.weight * bend);
                for i in 0..=K {
                    slope[i] += off * z[i];
                    for j in 0..=i {
                        curve[i][j] += bend * z[i] * z[j];
                    }
                }
            }
            for i in 0..=K {
                let drawn = if i == 0 { 1e-9 } else { penalty };
                slope[i] -= drawn * weights[i];
                curve[i][i] += drawn + 1e-12;
            }
            let step = solve(curve, slope)?;
            let longest = step.iter().fold(0.0_f64, |most, part| most.max(part.abs()));
            let scale = if longest > STEP_MAX { STEP_MAX / longest } else { 1.0 };
            weights.iter_mut().zip(&step).for_each(|(weight, step)| *weight += scale * step);
            if longest < 1e-8 {
                break;
            }
        }
        let (intercept, rest) = weights.split_first()?;
        let features = scales.iter().zip(rest).map(|((mean, per_sd), weight)| (*mean, *per_sd, *weight)).collect();
        weights.iter().all(|weight| weight.is_finite()).then_some(Self { intercept: *intercept, features })
    }

    /// What is added to an offset.
    pub(super) fn shift(&self, features: &[f64]) -> f64 {
        let parts = self.features.iter().zip(features);
        self.intercept + parts.map(|((mean, per_sd, weight), x)| (x - mean) * per_sd * weight).sum::<f64>()
    }
}

/// Solves a symmetric positive definite system, given its lower triangle, by Cholesky's decomposition.
#[allow(clippy::needless_range_loop, reason = "indices of a triangle read better than iterators over it")]
fn solve(mut matrix: Vec<Vec<f64>>, mut right: Vec<f64>) -> Option<Vec<f64>> {
    let n = right.len();
    for i in 0..n {
        for j in 0..=i {
            let mut sum = matrix[i][j];
            for k in 0..j {
                sum -= matrix[i][k] * matrix[j][k];
            }
            if i == j {
                if sum.is_nan() || sum <= 0.0 {
                    return None;
                }
                matrix[i][i] = sum.sqrt();
            } else {
                matrix[i][j] = sum / matrix[j][j];
            }
        }
    }
    for i in 0..n {
        for k in 0..i {
            right[i] -= matrix[i][k] * right[k];
        }
        right[i] /= matrix[i][i];
    }
    for i in (0..n).rev() {
        for k in i + 1..n {
            right[i] -= matrix[k][i] * right[k];
        }
        right[i] /= matrix[i][i];
    }
    Some(right)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(f: impl Fn(f64) -> f64) -> Vec<Row<1>> {
        (0..200)
            .map(|i| f64::from(i) / 100.0 - 1.0)
            .map(|x| Row { features: [x], offset: 0.5, outcome: f(x), weight: 1.0 })
            .collect()
    }

    #[test]
    fn a_line_in_the_log_is_found_again() {
        let ridge = Ridge::learn(&rows(|x| (0.5 + 0.3 + 0.8 * x).exp()), Link::Log, 1e-9).unwrap();
        for x in [-1.0, 0.0, 0.7] {
            assert!((ridge.shift(&[x]) - 0.3 - 0.8 * x).abs() < 1e-6);
        }
        let odds = Ridge::learn(&rows(|x| 1.0 / (1.0 + (-(0.5 - 1.0 + 2.0 * x)).exp())), Link::Logistic, 1e-9).unwrap();
        assert!((odds.shift(&[0.5]) - 0.0).abs() < 1e-6);
    }

    #[test]
    fn nothing_and_sameness_teach_nothing_wrong() {
        assert_eq!(Ridge::learn::<1>(&[], Link::Log, 1.0), None);
        let same = [Row { features: [3.0], offset: 0.0, outcome: 1.0, weight: 1.0 }; 20];
        let ridge = Ridge::learn(&same, Link::Logistic, 1.0).unwrap();
        assert!(ridge.shift(&[3.0]) > 5.0 && (ridge.shift(&[99.0]) - ridge.shift(&[3.0])).abs() < 1e-9);
    }
}
