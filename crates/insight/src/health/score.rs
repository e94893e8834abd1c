//! A score with what made it.

use serde::{Deserialize, Serialize};

use super::facts::Inputs;
use super::model::{HealthModel, InputSpec, points};

/// A partner's health at a moment, kept with its reasons.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Health {
    /// 0–100, one decimal.
    pub score: f64,
    /// Its band.
    pub band: String,
    /// What each input gave; they sum to the score.
    pub contributions: Vec<Contribution>,
    /// Inputs the model asks for that are not known; their weight went to the others. Those to which the model gives points all the
    /// same stand among the contributions, without a value.
    pub missing: Vec<String>,
}

/// What one input gave.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Contribution {
    /// The input.
    pub input: String,
    /// Its group.
    pub group: String,
    /// Its value; `None` where it is not known and the model says what counts instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<f64>,
    /// Points of the value by its anchors, 0–100, or those the model gives where it is not known.
    pub points: f64,
    /// Percent of the score it had a say in, after missing ones handed theirs on.
    pub weight: f64,
    /// points · weight / 100: its part of the score.
    pub part: f64,
}

/// A change of band.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BandChange {
    /// The band before.
    pub from: String,
    /// The band now.
    pub to: String,
    /// Whether it went down.
    pub dropped: bool,
}

impl HealthModel {
    /// The health of such inputs. `before` is the last band, for the hysteresis. `None` when every input is missing:
    /// nothing is known, so nothing is said.
    #[must_use]
    pub fn score(&self, inputs: &Inputs, before: Option<&str>) -> Option<Health> {
        let (mut contributions, mut missing) = (Vec::new(), Vec::new());
        let mut weight_of_groups = 0.0;
        for group in &self.spec().groups {
            let known = |name: &str| inputs.get(name).filter(|value| !value.is_nan());
            let counts = |input: &&InputSpec| known(&input.name).is_some() || input.missing.is_some();
            let weight_within: f64 = group.inputs.iter().filter(counts).map(|input| input.weight).sum();
            if weight_within > 0.0 {
                weight_of_groups += group.weight;
            }
            for input in &group.inputs {
                let value = known(&input.name);
                let Some(points) = value.map(|value| points(&input.anchors, value)).or(input.missing) else {
                    missing.push(input.name.clone());
                    continue;
                };
                contributions.push(Contribution {
                    input: input.name.clone(),
                    group: group.name.clone(),
                    value,
                    points,
                    weight: group.weight * input.weight / weight_within,
                    part: 0.0,
                });
            }
        }
        if contributions.iter().all(|contribution| contribution.value.is_none()) {
            return None;
        }
        let mut score = 0.0;
        for contribution in &mut contributions {
            contribution.weight *= 100.0 / weight_of_groups;
            contribution.part = contribution.points * contribution.weight / 100.0;
            score += contribution.part;
        }
        let score = (score * 10.0).round().clamp(0.0, 1000.0) / 10.0;
        Some(Health { score, band: self.band(score, before).to_owned(), contributions, missing })
    }

    /// The change of band from one health to the next, if there is one.
    #[must_use]
    pub fn band_change(&self, before: &str, now: &Health) -> Option<BandChange> {
        (before != now.band).then(|| BandChange {
            from: before.to_owned(),
            to: now.band.clone(),
            dropped: self.is_worse(&now.band, before),
        })
    }
}
