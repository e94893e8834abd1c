//! Health in words: what moved it, and why it stands where it does.

use serde::{Deserialize, Serialize};

use super::facts::INPUTS;
use super::score::Health;

/// A move of the score by one input.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reason {
    /// The input.
    pub input: String,
    /// Points it moved the score by. An input that came or went counts with its whole part.
    pub points: f64,
}

/// What moved the score from one health to another, the largest move first. The moves sum to the difference.
#[must_use]
pub fn reasons(before: &Health, now: &Health) -> Vec<Reason> {
    let part = |health: &Health, input: &str| {
        health.contributions.iter().find(|c| c.input == input).map_or(0.0, |contribution| contribution.part)
    };
    let mut inputs: Vec<&str> = before.contributions.iter().map(|c| c.input.as_str()).collect();
    inputs
        .extend(now.contributions.iter().map(|c| c.input.as_str()).filter(|i| !inputs.contains(i)).collect::<Vec<_>>());
    let mut reasons: Vec<Reason> = inputs
        .into_iter()
        .map(|input| Reason { input: input.to_owned(), points: part(now, input) - part(before, input) })
        .filter(|reason| reason.points.abs() >= 0.05)
        .collect();
    // Ties by name, so that the same change always reads the same.
    reasons.sort_by(|a, b| b.points.abs().total_cmp(&a.points.abs()).then_with(|| a.input.cmp(&b.input)));
    reasons
}

/// The English sentence: "health 43 (at risk), −14: conversions −9, replies −5; not known: survey". Without an earlier
/// health it names what costs most.
#[must_use]
pub fn sentence(before: Option<&Health>, now: &Health) -> String {
    sentence_since(before, now, "")
}

/// The same, and since when it moved: "health 43 (at risk), −14 since Monday: conversions −9, replies −5".
#[must_use]
pub fn sentence_since(before: Option<&Health>, now: &Health, since: &str) -> String {
    let since = if since.is_empty() { String::new() } else { format!(" {since}") };
    let mut text = format!("health {:.0} ({})", now.score, now.band.replace('_', " "));
    match before {
        Some(before) => {
            let moved = (now.score - before.score).round();
            let reasons: Vec<String> = reasons(before, now)
                .iter()
                .filter(|reason| reason.points.abs() >= 0.5)
                .take(3)
                .map(|reason| format!("{} {}", shown(&reason.input), signed(reason.points)))
                .collect();
            if moved != 0.0 {
                text += &format!(", {}{since}", signed(moved));
                if !reasons.is_empty() {
                    text += &format!(": {}", reasons.join(", "));
                }
            } else {
                text += &format!(", unchanged{since}");
            }
        }
        None => {
            let mut lost: Vec<(f64, &str)> = now
                .contributions
                .iter()
                .map(|c| (c.weight - c.part, c.input.as_str()))
                .filter(|l| l.0 >= 0.5)
                .collect();
            lost.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(b.1)));
            let lost: Vec<String> = lost.iter().take(3).map(|(n, i)| format!("{} {}", shown(i), signed(-n))).collect();
            if !lost.is_empty() {
                text += &format!("; from 100: {}", lost.join(", "));
            }
        }
    }
    let counted = now.contributions.iter().filter(|part| part.value.is_none());
    let counted = counted.map(|part| format!("{} (counted as {:.0} points)", shown(&part.input), part.points));
    let names: Vec<String> = now.missing.iter().map(|input| shown(input).to_owned()).chain(counted).collect();
    if !names.is_empty() {
        text += &format!("; not known: {}", names.join(", "));
    }
    text
}

fn shown(input: &str) -> &str {
    INPUTS.iter().find(|kind| kind.name == input).map_or(input, |kind| kind.shown)
}

/// Whole points with a proper minus sign.
fn signed(points: f64) -> String {
    let whole = points.round();
    if whole < 0.0 { format!("−{}", -whole) } else { format!("+{whole}") }
}

#[cfg(test)]
mod tests {
    use super::super::{BandSpec, GroupSpec, HealthModel, InputSpec, Inputs, ModelSpec};
    use super::*;
    use proptest::prelude::*;

    fn input(name: &str, weight: f64) -> InputSpec {
        let anchors = vec![(0.0, 0.0), (100.0, 80.0), (200.0, 100.0)];
        InputSpec { name: name.into(), weight, anchors, missing: None }
    }

    fn spec() -> ModelSpec {
        ModelSpec {
            name: "default".into(),
            precedence: 0,
            types: vec![],
            groups: vec![
                GroupSpec {
                    name: "value".into(),
                    weight: 60.0,
                    inputs: vec![input("conversions_trend", 2.0), input("revenue_trend", 1.0)],
                },
                GroupSpec { name: "commitment".into(), weight: 40.0, inputs: vec![input("replies", 1.0)] },
            ],
            bands: [("strong", 75.0), ("good", 50.0), ("at_risk", 0.0)]
                .map(|(name, from)| BandSpec { name: name.into(), from })
                .into(),
            hysteresis: 3.0,
            settle_days: 0,
            falling_points: 15.0,
            falling_within_days: 28,
        }
    }

    fn model() -> HealthModel {
        HealthModel::compile(spec()).unwrap()
    }

    fn inputs(values: &[(&str, f64)]) -> Inputs {
        let mut inputs = Inputs::default();
        values.iter().for_each(|(name, value)| assert!(inputs.set(name, Some(*value))));
        inputs
    }

    #[test]
    fn missing_inputs_hand_their_weight_on_and_are_named() {
        let health = model().score(&inputs(&[("revenue_trend", 200.0), ("replies", 0.0)]), None).unwrap();
        assert_eq!((health.score, health.missing.as_slice()), (60.0, &["conversions_trend".to_owned()][..]));
        let health = model().score(&inputs(&[("replies", 50.0)]), None).unwrap();
        assert_eq!(health.score, 40.0, "a whole group hands on, too");
        assert_eq!(model().score(&Inputs::default(), None), None);
    }

    #[test]
    fn what_is_missing_counts_as_the_model_says() {
        let mut declared = spec();
        declared.groups[0].inputs[0].missing = Some(50.0);
        let model = HealthModel::compile(declared).unwrap();
        let health = model.score(&inputs(&[("revenue_trend", 200.0), ("replies", 0.0)]), None).unwrap();
        // 60 of 100 points of weight: two thirds of them at 50 points, one third at 100.
        assert_eq!((health.score, health.missing.len()), (40.0, 0));
        let counted = &health.contributions[0];
        assert_eq!((counted.value, counted.points, counted.weight), (None, 50.0, 40.0));
        assert!(sentence(None, &health).ends_with("; not known: conversions (counted as 50 points)"));
        assert_eq!(model.score(&Inputs::default(), None), None, "where nothing is known, nothing is said");
        let mut bad = spec();
        bad.groups[1].inputs[0].missing = Some(101.0);
        let wrong = HealthModel::compile(bad).unwrap_err();
        assert_eq!(wrong[0].place, "groups.commitment.replies.missing");
    }

    #[test]
    fn a_band_is_left_only_beyond_the_hysteresis() {
        let model = model();
        assert_eq!(model.band(74.0, Some("strong")), "strong");
        assert_eq!(model.band(71.9, Some("strong")), "good");
        assert_eq!(model.band(76.0, Some("good")), "good");
        assert_eq!(model.band(78.0, Some("good")), "strong");
        assert_eq!(
            model.band(48.0, Some("strong")),
            "good",
            "two bands down, but the second edge is not passed by enough"
        );
        assert_eq!(model.band(76.0, None), "strong");
        assert_eq!(model.band(76.0, Some("renamed")), "strong");
        assert!(model.is_worse("at_risk", "good") && !model.is_worse("good", "at_risk"));
    }

    #[test]
    fn a_change_is_told_with_what_moved_it() {
        let before = model().score(&inputs(&[("conversions_trend", 100.0), ("replies", 100.0)]), None).unwrap();
        let now = model().score(&inputs(&[("conversions_trend", 50.0), ("replies", 75.0)]), Some("strong")).unwrap();
        assert_eq!(
            sentence(Some(&before), &now),
            "health 48 (good), −32: conversions −24, replies −8; not known: revenue"
        );
        assert_eq!(sentence(Some(&now), &now), "health 48 (good), unchanged; not known: revenue");
        assert_eq!(
            sentence(None, &now),
            "health 48 (good); from 100: conversions −36, replies −16; not known: revenue"
        );
        assert_eq!(
            sentence_since(Some(&before), &now, "since Monday"),
            "health 48 (good), −32 since Monday: conversions −24, replies −8; not known: revenue"
        );
        let change = model().band_change(&before.band, &now).unwrap();
        assert_eq!((change.from.as_str(), change.to.as_str(), change.dropped), ("strong", "good", true));
    }

    #[test]
    fn everything_wrong_with_a_model_is_said_at_once() {
        let mut bad = spec();
        bad.groups[0].weight = 0.0;
        bad.groups[0].inputs[0].name = "helth".into();
        bad.groups[0].inputs[1].anchors = vec![(1.0, 5.0), (1.0, 7.0)];
        bad.groups[1].inputs.clear();
        bad.bands.pop();
        bad.hysteresis = f64::NAN;
        bad.falling_points = -1.0;
        let places: Vec<String> = HealthModel::compile(bad).unwrap_err().into_iter().map(|wrong| wrong.place).collect();
        assert_eq!(
            places,
            [
                "groups.value.weight",
                "groups.value.helth",
                "groups.value.revenue_trend.anchors",
                "groups.commitment",
                "bands",
                "hysteresis",
                "falling.points",
            ]
        );
    }

    #[test]
    fn a_model_is_chosen_by_partner_type() {
        let coupon = HealthModel::compile(ModelSpec { types: vec!["coupon".into()], ..spec() }).unwrap();
        let models = [coupon, model()];
        assert_eq!(HealthModel::select(&models, Some("coupon")), Some(&models[0]));
        assert_eq!(HealthModel::select(&models, Some("app")), Some(&models[1]));
        assert_eq!(HealthModel::select(&models[..1], None), None);
    }

    proptest! {
        #[test]
        fn contributions_sum_to_a_score_between_0_and_100(values in prop::collection::vec(prop::option::of(any::<f64>()), 3)) {
            let mut inputs = Inputs::default();
            for (name, value) in ["conversions_trend", "revenue_trend", "replies"].iter().zip(&values) {
                inputs.set(name, *value);
            }
            let known = values.iter().flatten().filter(|value| !value.is_nan()).count();
            match model().score(&inputs, None) {
                None => prop_assert_eq!(known, 0),
                Some(health) => {
                    prop_assert!((0.0..=100.0).contains(&health.score));
                    prop_assert!((health.contributions.iter().map(|c| c.part).sum::<f64>() - health.score).abs() < 0.06);
                    prop_assert!((health.contributions.iter().map(|c| c.weight).sum::<f64>() - 100.0).abs() < 1e-6);
                    prop_assert_eq!(health.missing.len() + health.contributions.len(), 3);
                }
            }
        }

        #[test]
        fn no_input_lets_more_conversions_lower_the_score(a in 0.0_f64..300.0, more in 0.0_f64..300.0) {
            let score = |value| model().score(&inputs(&[("conversions_trend", value), ("replies", 40.0)]), None).unwrap().score;
            prop_assert!(score(a) <= score(a + more));
        }
    }
}
