//! A health model as declared, checked, and ready to score.

use std::fmt;

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use super::facts::INPUTS;

/// A model as written in `config/health.yaml`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelSpec {
    /// Its name in `config/health.yaml`.
    #[serde(default)]
    pub name: String,
    /// Of several models that name a partner's type, the one with the highest serves it.
    #[serde(default)]
    pub precedence: i64,
    /// Partner types it serves; empty: all that no other model names.
    #[serde(default)]
    pub types: Vec<String>,
    /// Groups of inputs.
    pub groups: Vec<GroupSpec>,
    /// Bands, the best first.
    pub bands: Vec<BandSpec>,
    /// Points a score must go beyond a band's edge before the band changes.
    pub hysteresis: f64,
    /// Days it must stay there. One that is twice as far beyond the edge changes the band at once.
    #[serde(default)]
    pub settle_days: u16,
    /// Points a group must lose in each of two windows running to make `health.falling`.
    pub falling_points: f64,
    /// Days of such a window.
    pub falling_within_days: u16,
}

/// A group of inputs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GroupSpec {
    /// Its name.
    pub name: String,
    /// Its weight among the groups.
    pub weight: f64,
    /// Its inputs.
    pub inputs: Vec<InputSpec>,
}

/// An input of a group.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InputSpec {
    /// One of [`INPUTS`].
    pub name: String,
    /// Its weight within the group.
    pub weight: f64,
    /// (value, points 0–100) in rising order of value; straight lines between, flat beyond both ends.
    pub anchors: Vec<(f64, f64)>,
    /// Points, 0–100, where its value is not known. `None`: its weight goes to the others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing: Option<f64>,
}

/// A band of scores.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BandSpec {
    /// Its name: `dropped_to: at_risk`.
    pub name: String,
    /// Lowest score of the band.
    pub from: f64,
}

/// Why a model cannot be used. `place` is the path within the model, for a finding to point at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidModel {
    /// Path such as `groups.value.recency.anchors`.
    pub place: String,
    /// What is wrong, and what is expected.
    pub message: String,
}

impl fmt::Display for InvalidModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.message)
    }
}

impl std::error::Error for InvalidModel {}

/// A checked model.
#[derive(Debug, Clone, PartialEq)]
pub struct HealthModel {
    spec: ModelSpec,
    stamp: u32,
}

impl HealthModel {
    /// Checks a declared model.
    ///
    /// # Errors
    /// Everything that is wrong with it, in order of place.
    pub fn compile(spec: ModelSpec) -> Result<Self, Vec<InvalidModel>> {
        let mut wrong = Vec::new();
        let mut say = |place: String, message: String| wrong.push(InvalidModel { place, message });
        let weight = |weight: f64| weight > 0.0 && weight <= 1e6;
        if spec.groups.is_empty() {
            say("groups".into(), "a model needs at least one group".into());
        }
        let mut named: Vec<&str> = Vec::new();
        for (index, group) in spec.groups.iter().enumerate() {
            let place = format!("groups.{}", group.name);
            if !weight(group.weight) {
                say(format!("{place}.weight"), "a weight is a number above 0".into());
            }
            if group.inputs.is_empty() {
                say(place.clone(), "a group needs at least one input".into());
            }
            if spec.groups.iter().take(index).any(|other| other.name == group.name) {
                say(place.clone(), format!("group `{}` is there twice", group.name));
            }
            for input in &group.inputs {
                let place = format!("{place}.{}", input.name);
                if !INPUTS.iter().any(|kind| kind.name == input.name) {
                    let names: Vec<&str> = INPUTS.iter().map(|kind| kind.name).collect();
                    say(place.clone(), format!("no input `{}`; there are {}", input.name, names.join(", ")));
                }
                if named.contains(&input.name.as_str()) {
                    say(place.clone(), format!("input `{}` is there twice", input.name));
                }
                named.push(&input.name);
                if !weight(input.weight) {
                    say(format!("{place}.weight"), "a weight is a number above 0".into());
                }
                if input.missing.is_some_and(|points| !(0.0..=100.0).contains(&points)) {
                    say(format!("{place}.missing"), "what is not known counts as 0 to 100 points".into());
                }
                if let Some(message) = wrong_anchors(&input.anchors) {
                    say(format!("{place}.anchors"), message.into());
                }
            }
        }
        if spec.bands.last().is_none_or(|lowest| lowest.from != 0.0) {
            say("bands".into(), "the last band begins at 0".into());
        }
        let inside = |from: f64| (0.0..=100.0).contains(&from);
        let falls = spec.bands.windows(2).all(|pair| matches!(pair, [a, b] if a.from > b.from));
        if !falls || !spec.bands.iter().all(|band| inside(band.from)) {
            say(
                "bands".into(),
                "bands are from the best to the worst, each with its lowest score from 0 to 100".into(),
            );
        }
        for (index, band) in spec.bands.iter().enumerate() {
            if spec.bands.iter().take(index).any(|other| other.name == band.name) {
                say(format!("bands.{}", band.name), format!("band `{}` is there twice", band.name));
            }
        }
        if !(0.0..=25.0).contains(&spec.hysteresis) {
            say("hysteresis".into(), "hysteresis is 0 to 25 points".into());
        }
        if spec.settle_days > 90 {
            say("settle".into(), "a band settles within 90 days".into());
        }
        if !(spec.falling_points > 0.0 && spec.falling_points <= 100.0) {
            say("falling.points".into(), "a fall is more than 0 and at most 100 points".into());
        }
        if !(1..=365).contains(&spec.falling_within_days) {
            say("falling.within".into(), "a fall is looked for within 1 to 365 days".into());
        }
        if !wrong.is_empty() {
            return Err(wrong);
        }
        // What points are made of, written out: `Debug` of numbers and names is the same everywhere.
        let stamp = xxh3_64(format!("{:?}{:?}", spec.name, spec.groups).as_bytes()) as u32;
        Ok(Self { spec, stamp })
    }

    /// Tells models apart that give other points or weights, so that points of one are not compared with those of another.
    #[must_use]
    pub fn stamp(&self) -> u32 {
        self.stamp
    }

    /// The model as declared.
    #[must_use]
    pub fn spec(&self) -> &ModelSpec {
        &self.spec
    }

    /// The band of a score, given the band so far: a score must pass an edge by the hysteresis to leave. Unknown or no
    /// former band: by the edges alone.
    #[must_use]
    pub fn band(&self, score: f64, before: Option<&str>) -> &str {
        self.band_beyond(score, before, self.spec.hysteresis)
    }

    /// The band that a score is far enough in to be believed at once: beyond an edge by twice the hysteresis.
    #[must_use]
    pub fn band_at_once(&self, score: f64, before: Option<&str>) -> &str {
        self.band_beyond(score, before, 2.0 * self.spec.hysteresis)
    }

    fn band_beyond(&self, score: f64, before: Option<&str>, hysteresis: f64) -> &str {
        let bands = &self.spec.bands;
        let by_edge = |score: f64| bands.iter().position(|band| score >= band.from).unwrap_or(bands.len() - 1);
        let plain = by_edge(score);
        let index = match before.and_then(|name| bands.iter().position(|band| band.name == name)) {
            // Better bands come first: going up is to a lower index, and must hold with the hysteresis taken off.
            Some(old) if plain < old => by_edge(score - hysteresis).min(old),
            Some(old) if plain > old => by_edge(score + hysteresis).max(old),
            _ => plain,
        };
        bands.get(index).map_or("", |band| &band.name)
    }

    /// Whether the second band is worse than the first (`dropped_to`).
    #[must_use]
    pub fn is_worse(&self, band: &str, than: &str) -> bool {
        let rank = |name: &str| self.spec.bands.iter().position(|band| band.name == name);
        matches!((rank(band), rank(than)), (Some(band), Some(than)) if band > than)
    }

    /// The model for a partner type: the one that names it with the highest precedence, else the first that names none.
    #[must_use]
    pub fn select<'a>(models: &'a [Self], partner_type: Option<&str>) -> Option<&'a Self> {
        let named = |model: &&Self| partner_type.is_some_and(|kind| model.spec.types.iter().any(|t| t == kind));
        // Of equal ones the first written; `check` refuses them.
        let best = models.iter().rev().filter(|model| named(model)).max_by_key(|model| model.spec.precedence);
        best.or_else(|| models.iter().find(|model| model.spec.types.is_empty()))
    }
}

fn wrong_anchors(anchors: &[(f64, f64)]) -> Option<&'static str> {
    if anchors.len() < 2 {
        return Some("at least two anchors are needed");
    }
    if !anchors.iter().all(|(value, points)| value.is_finite() && (0.0..=100.0).contains(points)) {
        return Some("an anchor is a value and its points from 0 to 100");
    }
    let rising = anchors.windows(2).all(|pair| matches!(pair, [(a, _), (b, _)] if a < b));
    (!rising).then_some("anchors are in rising order of value")
}

/// Points of a value: straight lines between anchors, flat beyond.
pub(super) fn points(anchors: &[(f64, f64)], value: f64) -> f64 {
    let (Some(first), Some(last)) = (anchors.first(), anchors.last()) else { return 0.0 };
    if value <= first.0 {
        return first.1;
    }
    let between = anchors.windows(2).find_map(|pair| match pair {
        [(v0, p0), (v1, p1)] if value <= *v1 => Some(p0 + (p1 - p0) * (value - v0) / (v1 - v0)),
        _ => None,
    });
    between.unwrap_or(last.1).clamp(0.0, 100.0)
}
