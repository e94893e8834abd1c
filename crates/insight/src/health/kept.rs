//! What made a score, as it is kept: there is a row for every day on which a partner's health moved, each of them whole, so that any
//! may be read, or removed, without the others.

use serde::{Deserialize, Serialize};

use super::score::Contribution;

/// An input, its value, its points and its weight; the part of the score follows from the last two.
type KeptInput = (String, Option<f64>, f64, f64);

/// Contributions in a third of the room: each group's name once, fields by place, three digits after the point, of which nobody asks
/// for the fourth.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Kept(Form);

/// Rows of before name every field.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum Form {
    Named(Vec<Contribution>),
    Grouped(Vec<(String, Vec<KeptInput>)>),
}

fn rounded(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

impl Kept {
    /// What is kept of these.
    #[must_use]
    pub fn of(contributions: &[Contribution]) -> Self {
        let mut groups: Vec<(String, Vec<KeptInput>)> = Vec::new();
        for one in contributions {
            let kept = (one.input.clone(), one.value.map(rounded), rounded(one.points), rounded(one.weight));
            match groups.last_mut() {
                Some((group, inputs)) if *group == one.group => inputs.push(kept),
                _ => groups.push((one.group.clone(), vec![kept])),
            }
        }
        Self(Form::Grouped(groups))
    }

    /// The contributions, in their order.
    #[must_use]
    pub fn contributions(self) -> Vec<Contribution> {
        let groups = match self.0 {
            Form::Named(contributions) => return contributions,
            Form::Grouped(groups) => groups,
        };
        let whole = |group: &str, (input, value, points, weight): KeptInput| Contribution {
            input,
            group: group.to_owned(),
            value,
            points,
            weight,
            part: rounded(points * weight / 100.0),
        };
        let mut contributions = Vec::new();
        for (group, inputs) in groups {
            contributions.extend(inputs.into_iter().map(|input| whole(&group, input)));
        }
        contributions
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn one(group: &str, input: &str, value: Option<f64>) -> Contribution {
        Contribution { input: input.into(), group: group.into(), value, points: 50.0, weight: 25.0, part: 12.5 }
    }

    #[test]
    fn what_is_kept_is_read_again_and_is_short() {
        let all = [
            one("value", "recency", Some(1.25)),
            one("value", "conversions_trend", None),
            one("trust", "payouts_overdue", Some(0.0)),
        ];
        let json = serde_json::to_string(&Kept::of(&all)).unwrap();
        assert_eq!(
            json,
            r#"[["value",[["recency",1.25,50.0,25.0],["conversions_trend",null,50.0,25.0]]],["trust",[["payouts_overdue",0.0,50.0,25.0]]]]"#
        );
        let read: Kept = serde_json::from_str(&json).unwrap();
        assert_eq!(read.contributions(), all);
        assert!(Kept::of(&[]).contributions().is_empty());
    }

    #[test]
    fn rows_of_before_are_read() {
        let before = r#"[{"input":"recency","group":"value","value":2.0,"points":30.0,"weight":100.0,"part":30.0}]"#;
        let read: Kept = serde_json::from_str(before).unwrap();
        let expected = Contribution { points: 30.0, weight: 100.0, part: 30.0, ..one("value", "recency", Some(2.0)) };
        assert_eq!(read.contributions(), [expected]);
        assert!(serde_json::from_str::<Kept>(r#"[["value",[["recency"]]]]"#).is_err(), "half a row is none");
    }

    proptest! {
        #[test]
        fn parts_stay_what_they_were(kept in prop::collection::vec((0_u8..3, 0.0_f64..=100.0, 0.0_f64..=100.0), 0..15)) {
            let all: Vec<Contribution> = kept
                .into_iter()
                .map(|(group, points, weight)| {
                    let part = points * weight / 100.0;
                    Contribution { points, weight, part, ..one(&group.to_string(), "recency", Some(points)) }
                })
                .collect();
            let json = serde_json::to_value(Kept::of(&all)).unwrap();
            let read = serde_json::from_value::<Kept>(json).unwrap().contributions();
            prop_assert_eq!(read.len(), all.len());
            for (one, other) in read.iter().zip(&all) {
                prop_assert_eq!((&one.group, &one.input), (&other.group, &other.input));
                prop_assert!((one.part - other.part).abs() < 0.002);
            }
        }
    }
}
