//! What is to become of a partner: how much they sell, when they join, rise, dip, recover, fall silent or leave.

use rand::Rng;
use rand::rngs::StdRng;

use super::chance::{gamma_of_mean_one, log_normal};

/// A true dip: known to the world alone.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Dip {
    /// The partner.
    pub partner: String,
    /// First day with less.
    pub start: usize,
    /// First day after it; the last day of the world when it does not end.
    pub end: usize,
    /// Share of the sales lost, 0 to 1.
    pub depth: f64,
    /// What was usual before, conversions a week.
    pub usual_per_week: f64,
}

/// A partner's year.
#[derive(Debug)]
pub struct Plan {
    /// Mean conversions a day when nothing happens.
    pub rate: f64,
    /// The day of approval; `None`: approved before the world begins.
    pub joins: Option<usize>,
    /// Days from approval to half of the rate.
    pub ramp: f64,
    /// Days before the world at which a veteran was approved.
    pub age: usize,
    /// True dips, at most one.
    pub dip: Option<Dip>,
    /// Wins: first day and height at its peak; each fades over some days.
    pub wins: Vec<(usize, f64)>,
    /// The day the partner leaves the programme.
    pub leaves: Option<usize>,
    /// Reaction to promotions.
    pub elasticity: f64,
    /// How evenly sales come: the shape of the daily factor.
    pub evenness: f64,
    /// Median order value in minor units.
    pub order: f64,
    /// Whether marketing mail was agreed to.
    pub consent: Option<bool>,
    /// Whether payouts of some months come late.
    pub late_payouts: bool,
}

/// Days a dip must leave before the world's end for anybody to see it.
const SEEN: usize = 21;

impl Plan {
    /// Draws a plan.
    pub fn draw(rng: &mut StdRng, partner: &str, days: usize) -> Self {
        let rate = log_normal(rng, 0.07, 1.65).clamp(0.004, 9.0);
        let joins = rng.random_bool(0.34).then(|| rng.random_range(2..(days * 4 / 5).max(3)));
        let ramp = rng.random_range(10.0..45.0);
        let age = rng.random_range(60..900);
        let dip = draw_dip(rng, partner, rate, joins, days);
        let win_count = u32::from(rng.random_bool((0.2 + rate).min(0.9))) + u32::from(rng.random_bool(0.25));
        let wins = (0..win_count).map(|_| (rng.random_range(0..days), rng.random_range(1.6..4.5))).collect();
        let leaves = rng.random_bool(0.015).then(|| rng.random_range(days / 3..days));
        let agrees = rng.random_bool(if joins.is_some() { 0.94 } else { 0.87 });
        Self {
            rate,
            joins,
            ramp,
            age,
            dip,
            wins,
            leaves,
            elasticity: gamma_of_mean_one(rng, 4.0),
            evenness: rng.random_range(4.0..12.0),
            order: log_normal(rng, 5_200.0, 0.5),
            consent: if agrees {
                Some(true)
            } else if rng.random_bool(0.4) {
                Some(false)
            } else {
                None
            },
            late_payouts: rng.random_bool(0.06),
        }
    }

    /// Expected conversions of a day, before the week and the programme.
    pub fn expected(&self, day: usize) -> f64 {
        let grown = match self.joins {
            Some(joins) if day < joins => 0.0,
            Some(joins) => 1.0 / (1.0 + (-((day - joins) as f64 - self.ramp) / (self.ramp / 4.0)).exp()),
            None => 1.0,
        };
        let won: f64 = self
            .wins
            .iter()
            .filter(|(first, _)| (*first..first + 5).contains(&day))
            .map(|(first, height)| 1.0 + (height - 1.0) * [1.0, 0.7, 0.4, 0.2, 0.1][day - first])
            .product();
        let kept = match &self.dip {
            Some(dip) if (dip.start..dip.end).contains(&day) => 1.0 - dip.depth,
            _ => 1.0,
        };
        let left = self.leaves.is_some_and(|leaves| day >= leaves);
        if left { 0.0 } else { self.rate * grown * won * kept }
    }
}

fn draw_dip(rng: &mut StdRng, partner: &str, rate: f64, joins: Option<usize>, days: usize) -> Option<Dip> {
    let (per_week, share) = (rate * 7.0, rng.random::<f64>());
    // Who sells a few times a year cannot dip visibly; some of them just stop.
    let (chance, silent) = if per_week >= 1.5 { (0.38, false) } else { (0.12, true) };
    let from = (days * 2 / 9).max(28).max(joins.map_or(0, |joins| joins + 80));
    let to = days.saturating_sub(SEEN);
    let start = if from < to { rng.random_range(from..to) } else { return None };
    let length = rng.random_range(24..75);
    let lasts = rng.random_bool(if silent { 0.7 } else { 0.3 });
    let depth = if silent { 1.0 } else { [0.4, 0.5, 0.65, 0.8, 0.9, 1.0][rng.random_range(0..6)] };
    let end = if lasts { days } else { (start + length).min(days) };
    let dip = Dip { partner: partner.to_owned(), start, end, depth, usual_per_week: per_week };
    (share < chance).then_some(dip)
}
