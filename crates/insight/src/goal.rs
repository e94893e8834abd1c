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

    proptest! {
        #[test]
        fn progress_is_always_a_number(value: f64, target: f64, on in -1000_i32..40_000) {
            if let Some(p) = (Goal { target, ..goal() }).progress(Some(value), day::date_of(on)) {
                prop_assert!(p.percent >= 0.0 && p.percent.is_finite() && (0.0..=100.0).contains(&p.time_percent));
            }
        }
    }
}
