//! What the programme's own past shows the model to miss.
//!
//! The present is asked about a horizon H after a history of length C. Some days before, at a landmark, the past was asked
//! the same and has answered since. Landmarks are set where history and horizon had the present's proportions (C/H), and
//! three near it; features are measured in horizons, so that what held for half a year in the small holds for a year in
//! the large. No row after the present is read.

use serde::{Deserialize, Serialize};

use super::history::{Grouped, Summary};
use super::nbd::{Family, Nbd};
use super::outlook::Past;
use super::ridge::{Link, Ridge, Row};

/// Landmarks, as shares of the one with the present's proportions.
const LANDMARKS: [f64; 4] = [0.7, 0.85, 1.0, 1.15];
/// Longest share of the history a landmark's answer may take.
const ANSWER_MAX: f64 = 0.6;
/// Shortest answer and shortest history before a landmark, in days.
const ANSWER_DAYS_MIN: i32 = 7;
const HISTORY_DAYS_MIN: i32 = 28;
/// Share of the model's log odds that is taken as given; features carry the rest. At 1 the model's belief that the long
/// silent are gone cannot be unlearnt from a landmark at which nobody was silent for so long yet; at 0 its shape is lost.
const TRUST: f64 = 0.25;
/// Pull of the weights towards 0, in rows.
const PENALTY_ODDS: f64 = 3.0;
const PENALTY_COUNT: f64 = 10.0;
/// Rows, and rows of the rarer answer, below which the model stands as it is.
const ROWS_MIN: f64 = 100.0;
const ANSWERS_MIN: f64 = 20.0;

/// Corrections of P(≥1) and of the expected count, for one horizon.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Correction {
    horizon_days: f64,
    usual_spend: f64,
    odds: Ridge,
    count: Ridge,
}

/// Recency, frequency, spend, orders, then the recency's bend and the two's interplay.
type Features = [f64; 7];

fn features(sums: &Summary, on: i32, horizon_days: f64, usual_spend: f64) -> Features {
    let silent = f64::from(on.saturating_sub(sums.last).max(0));
    let active = f64::from(sums.active.max(1));
    let recency = ((silent + 7.0) / horizon_days).ln();
    let frequency = active.ln();
    let spend = (sums.spend / active).ln_1p() - usual_spend;
    let orders = (f64::from(sums.orders) / active).max(0.1).ln();
    [recency, frequency, spend, orders, recency * recency, recency * frequency, frequency * frequency]
}

fn usual_spend(sums: &[Summary]) -> f64 {
    let mut spends: Vec<f64> = sums.iter().map(|one| (one.spend / f64::from(one.active.max(1))).ln_1p()).collect();
    spends.sort_by(f64::total_cmp);
    spends.get(spends.len() / 2).copied().unwrap_or(0.0)
}

fn log_odds(p: f64) -> f64 {
    let p = p.clamp(1e-3, 1.0 - 1e-3);
    (p / (1.0 - p)).ln()
}

impl Correction {
    /// Learns from the days up to `until` how the model would have erred at earlier landmarks. `None` while the past is too
    /// short or too small to say.
    #[must_use]
    pub fn learn(past: &[Past<'_>], until: i32, horizon_days: u32, model: &Nbd) -> Option<Self> {
        let now: Vec<Summary> = past.iter().filter_map(|one| Summary::until(one.days, until)).collect();
        let begin = now.iter().map(|sums| sums.first).min()?;
        let (span, horizon) = (f64::from(until.saturating_sub(begin)), f64::from(horizon_days.max(1)));
        let alike = horizon / (span + horizon);
        let mut rows: Vec<Row<7>> = Vec::new();
        let mut counts: Vec<Row<4>> = Vec::new();
        for share in LANDMARKS {
            let answer = (span * (alike * share).min(ANSWER_MAX)).round() as i32;
            let landmark = until.saturating_sub(answer);
            if answer < ANSWER_DAYS_MIN || landmark.saturating_sub(begin) < HISTORY_DAYS_MIN {
                continue;
            }
            at_landmark(past, landmark, until, model, &mut rows, &mut counts);
        }
        let weight = 1.0 / LANDMARKS.len() as f64;
        rows.iter_mut().for_each(|row| row.weight = weight);
        counts.iter_mut().for_each(|row| row.weight = weight);
        let came = rows.iter().map(|row| row.outcome * weight).sum::<f64>();
        let all = rows.len() as f64 * weight;
        if all < ROWS_MIN || came < ANSWERS_MIN || all - came < ANSWERS_MIN {
            return None;
        }
        Some(Self {
            horizon_days: horizon,
            usual_spend: usual_spend(&now),
            odds: Ridge::learn(&rows, Link::Logistic, PENALTY_ODDS)?,
            count: Ridge::learn(&counts, Link::Log, PENALTY_COUNT)?,
        })
    }

    /// The horizon it was learnt for.
    #[must_use]
    pub fn horizon_days(&self) -> f64 {
        self.horizon_days
    }

    /// Corrects the model's P(≥1) and expected count for the horizon, as of the close of day `on`.
    ///
    /// The count is the geometric mean of what the regression on counts says and of the model's count per returning partner
    /// times the corrected chance to return: the first is better where rates drift, the second where they do not.
    #[must_use]
    pub fn apply(&self, sums: &Summary, on: i32, p_active: f64, expected: f64) -> (f64, f64) {
        let features = features(sums, on, self.horizon_days, self.usual_spend);
        let p = self.chance_by(&features, p_active);
        let direct = self.count.shift(features.get(..4).unwrap_or(&[])).clamp(-3.0, 3.0).exp();
        let count = expected.max(1e-4) * (direct * p / p_active.max(1e-4)).sqrt();
        // Never less than the chance of one, never more than one a day.
        (p, count.max(p).min(self.horizon_days))
    }

    /// The first of [`Correction::apply`] alone, for which no count is needed.
    #[must_use]
    pub fn chance(&self, sums: &Summary, on: i32, p_active: f64) -> f64 {
        self.chance_by(&features(sums, on, self.horizon_days, self.usual_spend), p_active)
    }

    fn chance_by(&self, features: &Features, p_active: f64) -> f64 {
        let odds = TRUST * log_odds(p_active) + self.odds.shift(features);
        1.0 / (1.0 + (-odds.clamp(-12.0, 12.0)).exp())
    }
}

fn at_landmark(
    past: &[Past<'_>],
    landmark: i32,
    until: i32,
    model: &Nbd,
    rows: &mut Vec<Row<7>>,
    counts: &mut Vec<Row<4>>,
) {
    let known: Vec<(Summary, u32)> = past
        .iter()
        .filter_map(|one| {
            let before = Summary::until(one.days, landmark)?;
            let all = Summary::until(one.days, until)?;
            Some((before, all.active - before.active))
        })
        .collect();
    let sums: Vec<Summary> = known.iter().map(|(sums, _)| *sums).collect();
    let grouped = Grouped::of(sums.iter().map(|sums| sums.history(landmark)));
    let model = Nbd::fit(&grouped, Family::Mbg, Some(model)).model;
    let (usual, answer) = (usual_spend(&sums), f64::from(until - landmark));
    for (sums, after) in known {
        let history = sums.history(landmark);
        let features = features(&sums, landmark, answer, usual);
        let offset = TRUST * log_odds(model.p_active(history, answer));
        let outcome = f64::from(u8::from(after > 0));
        rows.push(Row { features, offset, outcome, weight: 1.0 });
        let [recency, frequency, spend, orders, ..] = features;
        let offset = model.expected(history, answer).max(1e-2).ln();
        let outcome = f64::from(after);
        counts.push(Row { features: [recency, frequency, spend, orders], offset, outcome, weight: 1.0 });
    }
}
