//! What writing to people brought: those a workflow's draw let in against those it held out, by intention to treat.
//!
//! Whoever was drawn counts where the draw put them, whether a mail reached them or not: only the draw makes the two groups
//! comparable, and whom a mail reaches is not drawn. The estimate is the difference of means, one stratum for each share at which
//! was drawn, weighted by the stratum's partners; its interval is Welch's (B. L. Welch, *Biometrika* 34, 1947, 28–35) with the
//! degrees of freedom of F. E. Satterthwaite (*Biometrics Bulletin* 2, 1946, 110–114).
//!
//! Sales are skewed, and a small group of them says less than its standard error admits. W. G. Cochran (*Sampling Techniques*, 3rd
//! ed., 1977, p. 42) asks for n > 25·G² so that a 95 % interval is wrong at most 6 times in 100: the skewness of the mean, G/√n, is
//! at most ⅕. Here the same is asked of the skewness of the estimate itself; beyond it nothing is claimed.

use statrs::distribution::{ContinuousCDF as _, StudentsT};

/// Partners each group must have before anything is said.
pub const PARTNERS_MIN: u64 = 30;
/// Partners each group of a stratum must have for the stratum to count.
pub const STRATUM_MIN: u64 = 10;
/// The most skewness of an estimate: Cochran's rule.
pub const SKEWNESS_MAX: f64 = 0.2;

/// What came after, for the partners of one group: each value with the number of partners it holds for.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Group(Vec<(f64, u64)>);

impl Group {
    /// Adds so many partners with this value. What is no number counts as zero.
    pub fn add(&mut self, value: f64, partners: u64) {
        self.0.push((if value.is_finite() { value } else { 0.0 }, partners));
    }

    /// How many there are.
    #[must_use]
    pub fn partners(&self) -> u64 {
        self.0.iter().fold(0, |all, (_, partners)| all.saturating_add(*partners))
    }

    /// The mean; zero for nobody.
    #[must_use]
    pub fn mean(&self) -> f64 {
        self.moment(|value| value, self.partners() as f64)
    }

    fn moment(&self, of: impl Fn(f64) -> f64, over: f64) -> f64 {
        if over <= 0.0 {
            return 0.0;
        }
        self.0.iter().map(|(value, partners)| of(*value) * *partners as f64).sum::<f64>() / over
    }

    /// Mean, variance (of a sample), and the third central moment in units of the standard deviation, times the partners.
    fn spread(&self) -> Spread {
        let (n, mean) = (self.partners() as f64, self.mean());
        let variance = self.moment(|value| (value - mean).powi(2), n - 1.0);
        let cubes =
            if variance > 0.0 { self.moment(|value| (value - mean).powi(3), 1.0) / variance.powf(1.5) } else { 0.0 };
        Spread { n, mean, variance, cubes }
    }
}

struct Spread {
    n: f64,
    mean: f64,
    variance: f64,
    cubes: f64,
}

/// Both groups of one share.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Stratum {
    /// Let in by the draw.
    pub let_in: Group,
    /// Held out by it.
    pub held_out: Group,
}

/// A difference per partner, with the interval that holds the truth 95 times in 100.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// By how much a partner who was let in had more.
    pub difference: f64,
    /// The interval's lower end.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
}

impl Estimate {
    /// Whether the interval leaves out zero.
    #[must_use]
    pub fn is_clear(&self) -> bool {
        self.low > 0.0 || self.high < 0.0
    }
}

/// Why nothing can be said.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum NotEnough {
    /// A group is too small; both sizes, of strata that count.
    Partners {
        /// Let in.
        let_in: u64,
        /// Held out.
        held_out: u64,
    },
    /// No partner differs from another: nothing happened, or the same to all.
    Alike,
    /// A few partners decide the mean. About so many partners held out would do, if all goes on as it did.
    Skewed {
        /// Held out, for [`SKEWNESS_MAX`].
        held_out_wanted: u64,
    },
}

impl NotEnough {
    /// The stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Partners { .. } => "too_few_partners",
            Self::Alike => "nothing_differs",
            Self::Skewed { .. } => "too_skewed",
        }
    }
}

/// The difference that writing made, or why nobody can say.
pub fn uplift(strata: &[Stratum]) -> Result<Estimate, NotEnough> {
    let large =
        |stratum: &&Stratum| stratum.let_in.partners() >= STRATUM_MIN && stratum.held_out.partners() >= STRATUM_MIN;
    let strata: Vec<(Spread, Spread)> =
        strata.iter().filter(large).map(|stratum| (stratum.let_in.spread(), stratum.held_out.spread())).collect();
    let (let_in, held_out) = strata.iter().fold((0.0, 0.0), |all, (a, b)| (all.0 + a.n, all.1 + b.n));
    if let_in.min(held_out) < PARTNERS_MIN as f64 {
        return Err(NotEnough::Partners { let_in: let_in as u64, held_out: held_out as u64 });
    }
    let all = let_in + held_out;
    // One shape for all groups: a small one does not show how skewed it is.
    let spread = |group: &Spread| if group.variance > 0.0 { group.n } else { 0.0 };
    let shaped: f64 = strata.iter().map(|(a, b)| spread(a) + spread(b)).sum();
    let shape = strata.iter().map(|(a, b)| a.cubes + b.cubes).sum::<f64>() / shaped.max(1.0);
    let (mut difference, mut variance, mut freedom, mut cube) = (0.0, 0.0, 0.0, 0.0);
    for (a, b) in &strata {
        let weight = (a.n + b.n) / all;
        difference += weight * (a.mean - b.mean);
        for (group, sign) in [(a, 1.0), (b, -1.0)] {
            let part = weight * weight * group.variance / group.n;
            variance += part;
            freedom += part * part / (group.n - 1.0);
            cube += sign * shape * (weight * group.variance.sqrt()).powi(3) / (group.n * group.n);
        }
    }
    if variance <= 0.0 || freedom <= 0.0 || !variance.is_finite() {
        return Err(NotEnough::Alike);
    }
    let skewness = (cube / variance.powf(1.5)).abs();
    if skewness > SKEWNESS_MAX {
        let held_out_wanted = (held_out * (skewness / SKEWNESS_MAX).powi(2)).ceil() as u64;
        return Err(NotEnough::Skewed { held_out_wanted });
    }
    let reach = quantile(variance * variance / freedom) * variance.sqrt();
    Ok(Estimate { difference, low: difference - reach, high: difference + reach })
}

/// Student's t at .975.
fn quantile(freedom: f64) -> f64 {
    StudentsT::new(0.0, 1.0, freedom).map_or(f64::NAN, |student| student.inverse_cdf(0.975))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(values: &[(f64, u64)]) -> Group {
        Group(values.to_vec())
    }

    /// Computed apart, in Python by the formulas of Welch and Satterthwaite with Student's t integrated by Simpson's rule:
    /// standard error .1117773, 85.3611 degrees of freedom, quantile 1.9881465.
    #[test]
    fn the_interval_is_welchs() {
        let stratum = Stratum {
            let_in: group(&[(0.0, 60), (1.0, 30), (2.0, 10)]),
            held_out: group(&[(0.0, 30), (1.0, 8), (2.0, 2)]),
        };
        let found = uplift(&[stratum]).unwrap();
        for (found, expected) in [(found.difference, 0.2), (found.low, -0.022_229_72), (found.high, 0.422_229_72)] {
            assert!((found - expected).abs() < 1e-7, "{found} {expected}");
        }
        assert!(!found.is_clear());
    }

    #[test]
    fn too_little_is_said_to_be_too_little() {
        let few = Stratum { let_in: group(&[(0.0, 500), (1.0, 500)]), held_out: group(&[(0.0, 15), (1.0, 14)]) };
        assert_eq!(uplift(&[few]), Err(NotEnough::Partners { let_in: 1000, held_out: 29 }));
        assert_eq!(uplift(&[]), Err(NotEnough::Partners { let_in: 0, held_out: 0 }));
        let alike = Stratum { let_in: group(&[(0.0, 500)]), held_out: group(&[(0.0, 50)]) };
        assert_eq!(uplift(&[alike]), Err(NotEnough::Alike));
        // One partner in fifty sells: the mean of forty held out says nothing.
        let rare = Stratum { let_in: group(&[(0.0, 980), (1.0, 20)]), held_out: group(&[(0.0, 39), (1.0, 1)]) };
        assert!(matches!(uplift(&[rare]), Err(NotEnough::Skewed { held_out_wanted: 41.. })));
        let odd = Stratum { let_in: group(&[(1.0, u64::MAX)]), held_out: group(&[(1e308, u64::MAX)]) };
        let mut nan = Group::default();
        nan.add(f64::NAN, 40);
        assert!(uplift(&[odd, Stratum { let_in: nan.clone(), held_out: nan }]).is_err());
    }

    /// Half of the partners were drawn at 10 % when sales were good, half at 50 % when they were not. Pooled, the held out look bad
    /// for the season they were drawn in; by stratum nothing differs.
    #[test]
    fn a_share_that_changed_is_no_effect() {
        let good = Stratum { let_in: group(&[(2.0, 450), (4.0, 450)]), held_out: group(&[(2.0, 50), (4.0, 50)]) };
        let poor = Stratum { let_in: group(&[(0.0, 250), (2.0, 250)]), held_out: group(&[(0.0, 250), (2.0, 250)]) };
        let found = uplift(&[good, poor]).unwrap();
        assert!(found.difference.abs() < 1e-12 && !found.is_clear(), "{found:?}");
    }
}
