//! What is kept of a partner's health to see it fall: the latest points, and a sample of each week.

use serde::{Deserialize, Serialize};

use super::model::{HealthModel, ModelSpec};
use super::score::{Contribution, Health};

/// Days between samples.
const SAMPLE_DAYS: i32 = 7;
/// Points by which a score must move to be written again: what people are told is in whole points.
const MOVED_SCORE: f64 = 1.0;
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
    /// What each input of the model gave, in tenths of a point of the score; below zero is not known. Empty in weekly samples.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<i16>,
}

/// A band the score would be in, but has not stood in for long enough.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pending {
    /// The band.
    pub band: String,
    /// The first day of its standing there, as a [day number](crate::day::number).
    pub since: i32,
}

/// A partner's trail.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Trail {
    /// The newest.
    last: Option<Sample>,
    /// One a week, oldest first.
    weeks: Vec<Sample>,
    /// What held when this week began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    monday: Option<Sample>,
    /// A change of band that is not settled yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pending: Option<Pending>,
    /// The [stamp](HealthModel::stamp) of the model it is of. Trails of before have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    model: Option<u32>,
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
        let part = |input: &str| {
            let known = health.contributions.iter().find(|part| part.input == input);
            known.map_or(-1, |part| (part.part * 10.0).round().clamp(0.0, 1000.0) as i16)
        };
        Self {
            day,
            score: health.score,
            groups: spec.groups.iter().map(|each| group(&each.name)).collect(),
            parts: spec.groups.iter().flat_map(|group| &group.inputs).map(|input| part(&input.name)).collect(),
        }
    }

    /// The health it was taken from, as far as sentences need it; `None` when the model has other inputs since.
    fn told(&self, spec: &ModelSpec) -> Option<Health> {
        let inputs = || spec.groups.iter().flat_map(|group| group.inputs.iter().map(move |input| (group, input)));
        if self.parts.is_empty() || self.parts.len() != inputs().count() {
            return None;
        }
        let known = inputs().zip(&self.parts).filter(|(_, part)| **part >= 0);
        let contributions = known.map(|((group, input), part)| Contribution {
            input: input.name.clone(),
            group: group.name.clone(),
            value: None,
            points: 0.0,
            weight: 0.0,
            part: f64::from(*part) / 10.0,
        });
        let contributions = contributions.collect();
        Some(Health { score: self.score, band: String::new(), contributions, missing: Vec::new() })
    }
}

/// The Monday of a day's week; day 4 is one.
fn monday_of(day: i32) -> i32 {
    day - (day - 4).rem_euclid(7)
}

impl Trail {
    /// The trail as far as it is of this model; an empty one after a change. Under other inputs, anchors or weights the same partner
    /// has other points: that is no fall, has no reasons, and is kept at once, so that every past instant tells its own model.
    #[must_use]
    pub fn under(self, model: &HealthModel) -> Self {
        let stamp = Some(model.stamp());
        let whole = if self.model.is_none() || self.model == stamp { self } else { Self::default() };
        Self { model: stamp, ..whole }
    }

    /// Whether all of it is of this model, so that [`Trail::under`] it is the same.
    #[must_use]
    pub fn is_of(&self, model: &HealthModel) -> bool {
        self.model == Some(model.stamp())
    }

    /// Whether a sample says something the newest does not: the score by a point, a group by two, or a group that came or went.
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

    /// The band as of a day: the one before, until another has stood for the model's days, or is far enough beyond the edge. Keeps in
    /// mind since when. Whether anything of that is new is for [`Trail::is_pending_news`] to say.
    #[must_use]
    pub fn settle(&self, model: &HealthModel, score: f64, before: Option<&str>, day: i32) -> (String, Option<Pending>) {
        let wanted = model.band(score, before);
        let Some(before) = before.filter(|before| model.spec().bands.iter().any(|band| band.name == *before)) else {
            return (wanted.to_owned(), None);
        };
        if wanted == before {
            return (wanted.to_owned(), None);
        }
        // Better or worse is what must last; by how many bands is seen in the end.
        let same = |pending: &&Pending| model.is_worse(&pending.band, before) == model.is_worse(wanted, before);
        let since = self.pending.as_ref().filter(same).map_or(day, |pending| pending.since.min(day));
        let stood = day.saturating_sub(since).saturating_add(1);
        let at_once = model.band_at_once(score, Some(before));
        if stood > i32::from(model.spec().settle_days) {
            (wanted.to_owned(), None)
        } else if at_once != before {
            (at_once.to_owned(), None)
        } else {
            (before.to_owned(), Some(Pending { band: wanted.to_owned(), since }))
        }
    }

    /// Whether a change of band began or ceased to be waited for.
    #[must_use]
    pub fn is_pending_news(&self, pending: Option<&Pending>) -> bool {
        self.pending.as_ref().map(|pending| pending.since) != pending.map(|pending| pending.since)
    }

    /// Keeps in mind what is not settled.
    pub fn wait_for(&mut self, pending: Option<Pending>) {
        self.pending = pending;
    }

    /// The health as it was when the week of a day began, as far as sentences need it.
    #[must_use]
    pub fn when_the_week_began(&self, spec: &ModelSpec, day: i32) -> Option<Health> {
        let before = |sample: &&Sample| sample.day < monday_of(day);
        self.last.as_ref().filter(before).or(self.monday.as_ref().filter(before))?.told(spec)
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
            self.weeks.push(Sample { parts: Vec::new(), ..sample.clone() });
        }
        if let Some(last) = self.last.take().filter(|last| last.day < monday_of(sample.day)) {
            self.monday = Some(last);
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
            inputs: vec![InputSpec {
                name: input.into(),
                weight: 1.0,
                anchors: vec![(0.0, 0.0), (100.0, 100.0)],
                missing: None,
            }],
        };
        ModelSpec {
            name: "default".into(),
            precedence: 0,
            types: vec![],
            groups: vec![group("value", "conversions_trend"), group("trust", "approval_rate")],
            bands: vec![BandSpec { name: "all".into(), from: 0.0 }],
            hysteresis: 0.0,
            settle_days: 0,
            falling_points: 15.0,
            falling_within_days: 28,
        }
    }

    fn play(days: impl IntoIterator<Item = (i32, u8, u8)>) -> Vec<(i32, Option<Fall>)> {
        let (spec, mut trail) = (spec(), Trail::default());
        days.into_iter()
            .map(|(day, value, trust)| {
                let score = (f64::from(value) + f64::from(trust)) / 2.0;
                let sample = Sample { day, score, groups: vec![value, trust], parts: Vec::new() };
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

    fn banded() -> HealthModel {
        let bands = [("good", 50.0), ("bad", 20.0), ("worst", 0.0)];
        let bands = bands.map(|(name, from)| BandSpec { name: name.into(), from }).into();
        HealthModel::compile(ModelSpec { bands, hysteresis: 5.0, settle_days: 7, ..spec() }).unwrap()
    }

    /// Bands of the days from 0 on.
    fn bands(scores: impl IntoIterator<Item = f64>) -> Vec<String> {
        let (model, mut trail, mut band) = (banded(), Trail::default(), None::<String>);
        let mut all = Vec::new();
        for (day, score) in (0..).zip(scores) {
            let (now, pending) = trail.settle(&model, score, band.as_deref(), day);
            trail.wait_for(pending);
            all.push(now.clone());
            band = Some(now);
        }
        all
    }

    #[test]
    fn a_band_changes_when_it_has_stood_and_at_once_when_far_beyond() {
        let flicker = bands((0..60).map(|day| if day % 5 == 0 { 60.0 } else { 43.0 }));
        assert!(flicker.iter().all(|band| band == "good"), "never a whole week beyond the edge");
        let slump = bands((0..30).map(|day| if day < 10 { 60.0 } else { 43.0 }));
        assert_eq!(slump.iter().position(|band| band == "bad"), Some(17));
        let crash = bands((0..30).map(|day| if day < 10 { 60.0 } else { 12.0 }));
        assert_eq!(
            (crash[10].as_str(), crash[17].as_str()),
            ("bad", "bad"),
            "one edge is far passed, the other is not"
        );
        let ruin = bands((0..30).map(|day| if day < 10 { 60.0 } else { 2.0 }));
        assert_eq!(ruin[10], "worst");
        assert!(bands((0..9).map(|_| 47.0)).iter().all(|band| band == "bad"), "the first band is the score's own");
    }

    #[test]
    fn the_week_is_compared_with_how_it_began() {
        let model = banded();
        let inputs = |value: f64| {
            let mut inputs = super::super::Inputs::default();
            inputs.set("conversions_trend", Some(value));
            inputs.set("approval_rate", Some(90.0));
            inputs
        };
        let (spec, mut trail) = (model.spec(), Trail::default());
        // Monday is day 4, 11, 18: a fall from Wednesday on.
        for (day, value) in (4..=24).zip((4..=24).map(|day| if day < 20 { 80.0 } else { 60.0 - f64::from(day - 20) })) {
            let health = model.score(&inputs(value), None).unwrap();
            let before = trail.when_the_week_began(spec, day);
            let moved = before.as_ref().map(|before| health.score - before.score);
            match day {
                ..11 => assert_eq!(before, None, "nothing is known of the week before"),
                11..20 => assert_eq!(moved, Some(0.0), "{day}"),
                _ => {
                    assert_eq!(moved, Some(-10.0 - f64::from(day - 20) / 2.0), "{day}");
                    let reasons = super::super::reasons(before.as_ref().unwrap(), &health);
                    assert_eq!(reasons[0].input, "conversions_trend");
                }
            }
            let sample = Sample::of(spec, &health, day);
            if trail.is_news(&sample) {
                trail.push(spec, sample);
            }
        }
    }

    #[test]
    fn a_changed_model_begins_a_new_trail() {
        let stricter = || {
            let mut stricter = spec();
            stricter.groups[0].inputs[0].anchors = vec![(0.0, 0.0), (200.0, 100.0)];
            stricter
        };
        let fallen = |changed: ModelSpec| {
            let (mut model, changed) = (banded(), HealthModel::compile(changed).unwrap());
            let mut trail = Trail::default();
            for day in 0..=70 {
                // Half of the fall is the partner's own, the other half that of the model's change.
                let value = match day {
                    ..14 => 90,
                    14..42 => 60,
                    _ => 30,
                };
                let sample = Sample { day, score: f64::from(value), groups: vec![value, 80], parts: Vec::new() };
                if day == 42 {
                    model = changed.clone();
                }
                let (is_of, before) = (trail.is_of(&model), trail.clone());
                trail = trail.under(&model);
                assert!(trail.is_of(&model) && (!is_of || trail == before));
                assert!(day != 42 || trail.is_news(&sample), "kept at once");
                if trail.falling(model.spec(), &sample).is_some() {
                    return true;
                }
                if trail.is_news(&sample) {
                    trail.push(model.spec(), sample);
                }
            }
            false
        };
        assert!(fallen(banded().spec().clone()), "the same fall under one model is one");
        assert!(!fallen(stricter()), "under two it is none");
        let renamed = HealthModel::compile(ModelSpec { name: "coupon".into(), ..spec() }).unwrap();
        assert_ne!(renamed.stamp(), banded().stamp());
        let edges = HealthModel::compile(ModelSpec { hysteresis: 1.0, ..spec() }).unwrap();
        assert_eq!(edges.stamp(), banded().stamp(), "bands give no points");
    }

    #[test]
    fn a_stored_trail_of_before_is_read() {
        let old = r#"{"last":{"day":9,"score":50.0,"groups":[50,255]},"weeks":[]}"#;
        let trail: Trail = serde_json::from_str(old).unwrap();
        assert_eq!(trail.when_the_week_began(&spec(), 30), None, "its parts are not known");
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
                trail.push(&spec, Sample { day, score: f64::from(value), groups: vec![value, trust], parts: Vec::new() });
                prop_assert!(trail.weeks.len() <= 11, "{}", trail.weeks.len());
            }
        }
    }
}
