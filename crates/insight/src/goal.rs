//! Goals: how far, how fast, and whether the pace will do.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::day;

/// A target to reach within a period; both ends included.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Goal {
    /// Its id in `config/goals.yaml`.
    pub id: String,
    /// What the metric must come to. Not positive or NaN: nothing can be said, the goal is never reached.
    pub target: f64,
    /// First day.
    pub from: Date,
    /// Last day.
    pub to: Date,
    /// Percents at which progress is told; 100 and above are `goal.reached` only.
    pub tell_at: Vec<u8>,
}

/// Where a partner stands with a goal.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// Share of the target, 0–100 and beyond.
    pub percent: f64,
    /// Share of the period that is over, 0–100.
    pub time_percent: f64,
    /// Progress over what an even pace would have by now, 100 = just in time; missing on the first day's morning.
    pub pace_percent: Option<f64>,
    /// The target is met.
    pub reached: bool,
    /// Running, a quarter of its time over, and below 80 % of an even pace.
    pub behind: bool,
    /// The period is over and the target not met.
    pub missed: bool,
}

const BEHIND_BELOW: f64 = 80.0;
const BEHIND_FROM: f64 = 25.0;
const AHEAD_FROM: f64 = 120.0;

/// Where a goal stands, in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Its first day has not come.
    NotBegun,
    /// A quarter of the time over, and below 80 % of an even pace.
    Behind,
    /// Neither behind nor ahead.
    OnTrack,
    /// At 120 % of an even pace or more.
    Ahead,
    /// Met.
    Reached,
    /// Over and not met.
    Missed,
}

impl Standing {
    /// The word for people.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Standing::NotBegun => "not begun",
            Standing::Behind => "behind",
            Standing::OnTrack => "on track",
            Standing::Ahead => "ahead",
            Standing::Reached => "reached",
            Standing::Missed => "missed",
        }
    }
}

impl Progress {
    /// Where it stands.
    #[must_use]
    pub fn standing(&self) -> Standing {
        match self.pace_percent {
            _ if self.reached => Standing::Reached,
            _ if self.missed => Standing::Missed,
            _ if self.behind => Standing::Behind,
            None => Standing::NotBegun,
            Some(pace) if pace >= AHEAD_FROM => Standing::Ahead,
            Some(_) => Standing::OnTrack,
        }
    }
}

impl Goal {
    /// Progress with the metric at `value` after the close of day `on`. `None` when value or target say nothing.
    #[must_use]
    pub fn progress(&self, value: Option<f64>, on: Date) -> Option<Progress> {
        let value = value.filter(|value| value.is_finite())?;
        if !(self.target > 0.0 && self.target.is_finite()) {
            return None;
        }
        let percent = (100.0 * value / self.target).clamp(0.0, 1e9);
        let length = f64::from(day::number(self.to) - day::number(self.from) + 1).max(1.0);
        let passed = f64::from(day::number(on) - day::number(self.from) + 1);
        let time_percent = (100.0 * passed / length).clamp(0.0, 100.0);
        let pace_percent = (time_percent > 0.0).then(|| 100.0 * percent / time_percent);
        let reached = value >= self.target;
        let running = on >= self.from && on <= self.to;
        let behind =
            running && !reached && time_percent >= BEHIND_FROM && pace_percent.is_some_and(|p| p < BEHIND_BELOW);
        Some(Progress { percent, time_percent, pace_percent, reached, behind, missed: on > self.to && !reached })
    }

    /// What is to be told now, given what was told: each percent once, the highest passed one only; reached once, and
    /// taken back when no longer met (a goal judges approved figures, which reversals lower).
    #[must_use]
    pub fn tell(&self, progress: &Progress, told: Told) -> (Option<Moment>, Told) {
        if progress.reached != told.reached {
            let next = Told { reached: progress.reached, percent: if progress.reached { 100 } else { told.percent } };
            return (Some(if progress.reached { Moment::Reached } else { Moment::Revoked }), next);
        }
        let passed = self.tell_at.iter().copied().filter(|p| *p < 100 && f64::from(*p) <= progress.percent).max();
        match passed.filter(|percent| *percent > told.percent && !progress.reached && !progress.missed) {
            Some(percent) => (Some(Moment::Progress(percent)), Told { percent, ..told }),
            None => (None, told),
        }
    }
}

/// The chance, 0 to 1, that what is missing comes within the days that are left, at the rate of the partner's own days.
///
/// The sum of the days left has mean n·m and variance n·v + (n·s)², where m and v are mean and variance of the given days and
/// s² = v / their number is what is not known of the mean; it is taken as a gamma distribution, by the cube-root approximation
/// of Wilson and Hilferty (1931). Variance is at least what single units of the mean day would have. `None` before two weeks
/// of history, and when no number comes of it.
#[must_use]
pub fn chance(missing: f64, days_left: i32, daily: &[f64]) -> Option<f64> {
    const DAYS_MIN: usize = 14;
    if missing <= 0.0 {
        return Some(1.0);
    }
    if daily.len() < DAYS_MIN || !missing.is_finite() || daily.iter().any(|day| !day.is_finite()) {
        return None;
    }
    if days_left <= 0 {
        return Some(0.0);
    }
    let (count, left) = (daily.len() as f64, f64::from(days_left));
    let mean = daily.iter().map(|day| day.max(0.0)).sum::<f64>() / count;
    if mean <= 0.0 {
        return Some(0.0);
    }
    let variance = daily.iter().map(|day| (day.max(0.0) - mean).powi(2)).sum::<f64>() / (count - 1.0);
    // The smallest day that brought something stands for a unit: counts come in ones, revenue in orders.
    let unit = daily.iter().copied().filter(|day| *day > 0.0).fold(f64::INFINITY, f64::min).min(mean);
    let variance = variance.max(unit * mean);
    let (total, spread) = (left * mean, left * variance + left * left * variance / count);
    let shape = total * total / spread;
    let ninth = 1.0 / (9.0 * shape);
    let z = ((missing / total).cbrt() - (1.0 - ninth)) / ninth.sqrt();
    let chance = 0.5 * erfc(z / std::f64::consts::SQRT_2);
    chance.is_finite().then_some(chance.clamp(0.0, 1.0))
}

/// Complementary error function to 1.2e-7 (Chebyshev fit, Numerical Recipes 6.2).
fn erfc(x: f64) -> f64 {
    let t = 1.0 / (1.0 + 0.5 * x.abs());
    let series = [
        0.170_872_77,
        -0.822_152_23,
        1.488_515_87,
        -1.135_203_98,
        0.278_868_07,
        -0.186_288_06,
        0.096_784_18,
        0.374_091_96,
        1.000_023_68,
    ];
    let sum = series.iter().fold(0.0, |sum, factor| sum * t + factor);
    let value = t * (-x * x - 1.265_512_23 + t * sum).exp();
    if x >= 0.0 { value } else { 2.0 - value }
}

/// What a partner was told of a goal: kept with the partner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Told {
    /// Highest percent told.
    pub percent: u8,
    /// `goal.reached` stands.
    pub reached: bool,
}

/// A moment of a goal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Moment {
    /// `goal.progress` at that declared percent.
    Progress(u8),
    /// `goal.reached`.
    Reached,
    /// Reached before, no longer met.
    Revoked,
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;
    use proptest::prelude::*;

    fn goal() -> Goal {
        Goal {
            id: "q4_push".into(),
            target: 200.0,
            from: date(2026, 10, 1),
            to: date(2026, 10, 20),
            tell_at: vec![90, 50, 100],
        }
    }

    #[test]
    fn pace_compares_progress_with_time() {
        let progress = goal().progress(Some(50.0), date(2026, 10, 10)).unwrap();
        assert_eq!((progress.percent, progress.time_percent, progress.pace_percent), (25.0, 50.0, Some(50.0)));
        assert!(progress.behind && !progress.missed);
        assert!(!goal().progress(Some(0.0), date(2026, 10, 2)).unwrap().behind, "too early to call");
        assert!(goal().progress(Some(0.0), date(2026, 10, 21)).unwrap().missed);
        assert_eq!(goal().progress(Some(0.0), date(2026, 9, 1)).unwrap().pace_percent, None);
        let standing = |value: f64, on| goal().progress(Some(value), on).unwrap().standing();
        assert_eq!(standing(0.0, date(2026, 9, 1)), Standing::NotBegun);
        assert_eq!(standing(50.0, date(2026, 10, 10)), Standing::Behind);
        assert_eq!(standing(100.0, date(2026, 10, 10)), Standing::OnTrack);
        assert_eq!(standing(120.0, date(2026, 10, 10)), Standing::Ahead);
        assert_eq!(standing(200.0, date(2026, 10, 10)), Standing::Reached);
        assert_eq!(standing(199.0, date(2026, 10, 21)), Standing::Missed);
    }

    #[test]
    fn each_percent_is_told_once_and_reached_once() {
        let on = date(2026, 10, 10);
        let mut told = Told::default();
        let mut moments = Vec::new();
        for value in [0.0, 99.0, 100.0, 120.0, 185.0, 150.0, 190.0, 200.0, 250.0, 190.0, 200.0] {
            let (moment, next) = goal().tell(&goal().progress(Some(value), on).unwrap(), told);
            told = next;
            moments.extend(moment);
        }
        use Moment::{Progress, Reached, Revoked};
        assert_eq!(moments, [Progress(50), Progress(90), Reached, Revoked, Reached]);
    }

    #[test]
    fn senseless_numbers_say_nothing() {
        let on = date(2026, 10, 10);
        assert_eq!(goal().progress(None, on), None);
        assert_eq!(goal().progress(Some(f64::NAN), on), None);
        for target in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert_eq!(Goal { target, ..goal() }.progress(Some(1.0), on), None);
        }
        assert!(Goal { to: date(2020, 1, 1), ..goal() }.progress(Some(1.0), on).is_some());
    }

    /// A small generator, so that the test needs no clock and no crate.
    fn poisson(mean: f64, seed: &mut u64) -> f64 {
        let mut uniform = || {
            *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (*seed >> 11) as f64 / (1_u64 << 53) as f64
        };
        let (limit, mut product, mut count) = ((-mean).exp(), uniform(), 0.0);
        while product > limit {
            product *= uniform();
            count += 1.0;
        }
        count
    }

    /// Of the goals given a chance of about p, about p are reached, within eight points.
    #[test]
    fn chances_are_those_that_come_true() {
        let mut seed = 7;
        let mut bins = [(0.0, 0.0, 0.0); 5];
        for round in 0..6000 {
            // Rates of all sizes; the target is set by the partner's own past, as goals are.
            let mean = 0.3 * 1.5_f64.powi(round % 9);
            let history: Vec<f64> = (0..56).map(|_| poisson(mean, &mut seed)).collect();
            let past = history.iter().sum::<f64>() / 56.0;
            let missing = (30.0 * past * (0.7 + 0.6 * (round % 20) as f64 / 20.0)).round().max(1.0);
            let came: f64 = (0..30).map(|_| poisson(mean, &mut seed)).sum();
            let chance = chance(missing - 0.5, 30, &history).unwrap();
            let bin = &mut bins[((chance * 5.0) as usize).min(4)];
            *bin = (bin.0 + 1.0, bin.1 + chance, bin.2 + f64::from(u8::from(came >= missing)));
        }
        for (count, said, came) in bins {
            assert!((said / count - came / count).abs() < 0.08, "{bins:?}");
        }
    }

    #[test]
    fn chances_of_nothing_are_defined() {
        assert_eq!(chance(0.0, 5, &[]), Some(1.0));
        assert_eq!(chance(5.0, 5, &[1.0; 13]), None);
        assert_eq!(chance(5.0, 5, &[0.0; 20]), Some(0.0));
        assert_eq!(chance(5.0, 0, &[9.0; 20]), Some(0.0));
        assert_eq!(chance(f64::NAN, 5, &[1.0; 20]), None);
        assert!(chance(5.0, 5, &[f64::MAX; 20]).is_none_or(|chance| (0.0..=1.0).contains(&chance)));
    }

    proptest! {
        #[test]
        fn progress_is_always_a_number(value: f64, target: f64, on in -1000_i32..40_000) {
            if let Some(p) = (Goal { target, ..goal() }).progress(Some(value), day::date_of(on)) {
                prop_assert!(p.percent >= 0.0 && p.percent.is_finite() && (0.0..=100.0).contains(&p.time_percent));
            }
        }
    }
}
