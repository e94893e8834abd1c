//! What is believed of a programme before its own data say much: what other programmes show, else published estimates.

use serde::{Deserialize, Serialize};

use super::first_sale::FirstSale;
use super::nbd::{Family, Nbd};
use super::spend::GammaGamma;
use super::weekly::WeeklyFit;

/// What a fit rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// The programme's own past.
    #[default]
    Own,
    /// Hardly anything of its own: what so many other programmes show together.
    Borrowed {
        /// Programmes.
        programs: usize,
    },
    /// Nothing else is known either: published estimates (CDNOW; Fader, Hardie & Lee 2005, Batislam et al. 2007).
    Declared,
}

/// Parameters a small programme's own stay near.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Around {
    /// Conversions and leaving.
    pub model: Nbd,
    /// Partners without a conversion.
    pub first_sale: FirstSale,
    /// How the worth of days differs. Its scale is the currency's and the assortment's: only the shapes are borrowed.
    pub spend: GammaGamma,
    /// Conversions of an active day.
    pub orders_per_day: f64,
    /// Where it comes from.
    pub basis: Basis,
}

/// Partners at which a programme weighs half as much as one of very many: programmes differ more than their estimates err.
const HALF: f64 = 100.0;

impl Default for Around {
    /// The published estimates.
    fn default() -> Self {
        Self {
            model: Nbd::usual(Family::Mbg),
            first_sale: FirstSale::default(),
            spend: GammaGamma::usual(),
            orders_per_day: 1.0,
            basis: Basis::Declared,
        }
    }
}

impl Around {
    /// What fits of other programmes show together: weighted geometric means of their parameters. Fits that are borrowed themselves
    /// are left out; without any other, the [default](Around::default). The order is of no account as long as it is the same.
    #[must_use]
    pub fn of<'a>(fits: impl IntoIterator<Item = &'a WeeklyFit>) -> Self {
        let usual = Self::default();
        let (mut sums, mut weight, mut programs) = ([0.0; 9], 0.0, 0);
        for WeeklyFit { fit, basis, .. } in fits {
            let spend = fit.spend.unwrap_or(usual.spend);
            let (model, first) = (fit.model, fit.first_sale);
            let parameters = [
                model.r,
                model.alpha,
                model.a,
                model.b,
                first.shape,
                first.scale_days,
                spend.p,
                spend.q,
                fit.orders_per_day,
            ];
            let logs = parameters.map(f64::ln);
            if *basis != Basis::Own || logs.iter().any(|log| !log.is_finite()) {
                continue;
            }
            let own = fit.partners as f64 / (fit.partners as f64 + HALF);
            sums.iter_mut().zip(logs).for_each(|(sum, log)| *sum += own * log);
            weight += own;
            programs += 1;
        }
        if weight <= 0.0 {
            return usual;
        }
        let [r, alpha, a, b, shape, scale_days, p, q, orders_per_day] = sums.map(|sum| (sum / weight).exp());
        Self {
            model: Nbd { family: usual.model.family, r, alpha, a, b },
            first_sale: FirstSale { shape, scale_days },
            spend: GammaGamma { p, q, ..usual.spend },
            orders_per_day,
            basis: Basis::Borrowed { programs },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ProgramFit;

    fn fitted(model: Nbd, partners: usize, basis: Basis) -> WeeklyFit {
        let fit = ProgramFit {
            horizon_days: 30,
            partners,
            model,
            spend: None,
            first_sale: FirstSale::default(),
            correction: None,
            orders_per_day: 2.0,
        };
        WeeklyFit { on: 6, basis, fit }
    }

    #[test]
    fn other_programmes_are_between_each_other_and_the_large_ones_weigh_more() {
        let usual = Nbd::usual(Family::Mbg);
        let busy = Nbd { alpha: usual.alpha / 16.0, ..usual };
        let (small, large) = (fitted(usual, 25, Basis::Own), fitted(busy, 10_000, Basis::Own));
        let both = Around::of([&small, &large]);
        assert_eq!(both.basis, Basis::Borrowed { programs: 2 });
        assert!((busy.alpha..usual.alpha / 4.0).contains(&both.model.alpha), "{both:?}");
        assert!((both.model.r - usual.r).abs() < 1e-12 && (both.orders_per_day - 2.0).abs() < 1e-12);
    }

    #[test]
    fn nobody_borrows_what_is_borrowed() {
        let borrowed = fitted(Nbd { r: 9.0, ..Nbd::usual(Family::Mbg) }, 5, Basis::Declared);
        let broken = fitted(Nbd { r: f64::NAN, ..Nbd::usual(Family::Mbg) }, 500, Basis::Own);
        assert_eq!(Around::of([&borrowed, &broken]), Around::default());
        assert_eq!(Around::of([]).basis, Basis::Declared);
    }
}
