//! What is kept of a partner's health to see it fall: the latest points, and a sample of each week.

use serde::{Deserialize, Serialize};

use super::model::ModelSpec;
use super::score::Health;

/// Days between samples.
const SAMPLE_DAYS: i32 = 7;
/// Points by which a score must move to be written again.
const MOVED_SCORE: f64 = 0.5;
/// The same of a group's points.
const MOVED_GROUP: i32 = 2;
/// Points of a group of which nothing is known.
const UNKNOWN: u8 = 255;

/// Points at a day.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// The day, as a [day number](crate::day::number).
    pub day: i32,
    /// The score, 0–100.
    pub score: f64,
    /// Points of each group of the model, 0–100; 255 is not known.
    pub groups: Vec<u8>,
}

/// A partner's trail.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Trail {
    /// The newest.
    last: Option<Sample>,
    /// One a week, oldest first.
    weeks: Vec<Sample>,
}

/// A fall worth looking at.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fall {
    /// The group that fell in two windows running.
    pub group: String,
    /// Points it lost over both.
    pub points: f64,
}

impl Sample {
    /// The points of a health under its model.
    #[must_use]
    pub fn of(spec: &ModelSpec, health: &Health, day: i32) -> Self {
        let group = |name: &str| {
            let parts = health.contributions.iter().filter(|part| part.group == name);
            let (points, weight) =
                parts.fold((0.0, 0.0), |(points, weight), part| (points + part.part, weight + part.weight));
            if weight > 0.0 { (100.0 * points / weight).round().clamp(0.0, 100.0) as u8 } else { UNKNOWN }
        };
        Self { day, score: health.score, groups: spec.groups.iter().map(|each| group(&each.name)).collect() }
    }
}

impl Trail {
    /// Whether a sample says something the newest does not: the score by half a point, a group by two, or a group that came or went.
    #[must_use]
    pub fn is_news(&self, sample: &Sample) -> bool {
        let Some(last) = &self.last else { return true };
        let moved = |(one, two): (&u8, &u8)| {
            (*one == UNKNOWN) != (*two == UNKNOWN) || (i32::from(*one) - i32::from(*two)).abs() >= MOVED_GROUP
        };
        (last.score - sample.score).abs() >= MOVED_SCORE
            || last.groups.len() != sample.groups.len()
            || last.groups.iter().zip(&sample.groups).any(moved)
    }

    /// Adds a sample. A model with other groups begins a new trail; a day before the newest is left out.
    pub fn push(&mut self, spec: &ModelSpec, sample: Sample) {
        if let Some(last) = &self.last {
            if last.groups.len() != sample.groups.len() {
                self.weeks.clear();
            } else if last.day > sample.day {
                return;
            }
        }
        if self.weeks.last().is_none_or(|week| week.day <= sample.day - SAMPLE_DAYS) {
            self.weeks.push(sample.clone());
        }
        let oldest = sample.day - 2 * i32::from(spec.falling_within_days) - SAMPLE_DAYS;
        // The last one before the period stands for its beginning.
        let before = self.weeks.iter().take_while(|week| week.day <= oldest).count();
        self.weeks.drain(..before.saturating_sub(1));
        self.last = Some(sample);
    }

    /// The fall as of a day, if there is one: a group lost the declared points in each of two windows running. One bad month
    /// after good ones is what bands are for. Of several groups the one that lost most is named.
    #[must_use]
    pub fn falling(&self, spec: &ModelSpec, now: &Sample) -> Option<Fall> {
        let window = i32::from(spec.falling_within_days);
        let at =
            |day: i32| self.weeks.iter().rev().find(|week| week.day <= day && week.groups.len() == now.groups.len());
        let (one, two) = (at(now.day - window)?, at(now.day - 2 * window)?);
        let fell = |place: usize| {
            let points = |sample: &Sample| sample.groups.get(place).copied().filter(|points| *points != UNKNOWN);
            let (first, then, last) = (f64::from(points(two)?), f64::from(points(one)?), f64::from(points(now)?));
            let least = spec.falling_points;
            (first - then >= least && then - last >= least).then_some(first - last)
        };
        let groups = spec.groups.iter().enumerate().filter_map(|(place, group)| Some((fell(place)?, &group.name)));
        let (points, group) = groups.max_by(|one, other| one.0.total_cmp(&other.0))?;
        Some(Fall { group: group.clone(), points })
    }
}

#[cfg(test)]
mod tests {
    use super::super::{BandSpec, GroupSpec, InputSpec};
    use super::*;
    use proptest::prelude::*;

    fn spec() -> ModelSpec {
        let group = |name: &str, input: &str| GroupSpec {
            name: name.into(),
            weight: 1.0,
            inputs: vec![InputSpec { name: input.into(), weight: 1.0, anchors: vec![(0.0, 0.0), (100.0, 100.0)] }],
        };
        ModelSpec {
            name: "default".into(),
            precedence: 0,
            types: vec![],
            groups: vec![group("value", "conversions_trend"), group("trust", "approval_rate")],
            bands: vec![BandSpec { name: "all".into(), from: 0.0 }],
            hysteresis: 0.0,
            falling_points: 15.0,
            falling_within_days: 28,
        }
    }

    fn play(days: impl IntoIterator<Item = (i32, u8, u8)>) -> Vec<(i32, Option<Fall>)> {
        let (spec, mut trail) = (spec(), Trail::default());
        days.into_iter()
            .map(|(day, value, trust)| {
                let sample =
                    Sample { day, score: (f64::from(value) + f64::from(trust)) / 2.0, groups: vec![value, trust] };
                let fall = trail.falling(&spec, &sample);
                if trail.is_news(&sample) {
                    trail.push(&spec, sample);
                }
                (day, fall)
            })
            .collect()
    }

    #[test]
    fn a_group_that_falls_in_two_windows_running_is_named() {
        let falls = play((0..=100).map(|day| (day, 100 - (day * 3 / 5) as u8, 90)));
        let (first, fall) = falls.into_iter().find_map(|(day, fall)| Some((day, fall?))).unwrap();
        // Samples are a week apart.
        assert!((56..=63).contains(&first) && fall.group == "value", "{first} {fall:?}");
    }

    #[test]
    fn one_bad_month_after_good_ones_is_no_fall() {
        assert!(
            play((0..120).map(|day| (day, if day < 60 { 80 } else { 40 }, 80))).iter().all(|(_, fall)| fall.is_none())
        );
    }

    #[test]
    fn what_is_unknown_does_not_fall() {
        let days = (0..120).map(|day| (day, if day % 40 < 20 { 255 } else { 50 }, 255));
        assert!(play(days).iter().all(|(_, fall)| fall.is_none()));
    }

    proptest! {
        #[test]
        fn a_trail_stays_small(days in prop::collection::vec((0_i32..3, 0_u8..=100, 0_u8..=100), 0..300)) {
            let (spec, mut trail, mut day) = (spec(), Trail::default(), 0);
            for (more, value, trust) in days {
                day += more;
                trail.push(&spec, Sample { day, score: f64::from(value), groups: vec![value, trust] });
                prop_assert!(trail.weeks.len() <= 11, "{}", trail.weeks.len());
            }
        }
    }
}
