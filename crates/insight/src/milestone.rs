//! Milestones: levels of approved conversions or revenue, reached, and taken back when a reversal goes below.

use serde::{Deserialize, Serialize};

/// What a milestone counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// Approved conversions since the beginning.
    ApprovedConversions,
    /// Approved revenue since the beginning, in minor units of the programme's currency.
    ApprovedRevenue,
}

impl Measure {
    /// The figure it follows, without its window: as in `config/goals.yaml`.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::ApprovedConversions => "approved_conversions",
            Self::ApprovedRevenue => "approved_revenue",
        }
    }
}

/// A level to reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Milestone {
    /// What is counted.
    pub measure: Measure,
    /// The level: a count, or minor units.
    pub level: i64,
    /// Digits of the currency's minor unit (2 for EUR, 0 for JPY); 0 for counts. Only for showing the level.
    pub minor_digits: u8,
}

impl Milestone {
    /// A level of approved conversions.
    #[must_use]
    pub fn conversions(level: i64) -> Self {
        Self { measure: Measure::ApprovedConversions, level, minor_digits: 0 }
    }

    /// A level of approved revenue in minor units of a currency with that many minor digits.
    #[must_use]
    pub fn revenue(level: i64, minor_digits: u8) -> Self {
        Self { measure: Measure::ApprovedRevenue, level, minor_digits }
    }

    /// Stable identity, `approved_conversions-10`: reached again after a reversal it is the same.
    #[must_use]
    pub fn id(&self) -> String {
        format!("{}-{}", self.measure.code(), self.shown())
    }

    /// The name mails are chosen by, `conversions-10`.
    #[must_use]
    pub fn name(&self) -> String {
        let code = self.measure.code();
        format!("{}-{}", code.strip_prefix("approved_").unwrap_or(code), self.shown())
    }

    /// The level in whole units, with minor ones only where there are some: `1000`, `1000.50`.
    #[must_use]
    pub fn shown(&self) -> String {
        let digits = u32::from(self.minor_digits.min(18));
        let unit = 10_i64.saturating_pow(digits);
        match self.level.unsigned_abs() % unit.unsigned_abs() {
            0 => (self.level / unit).to_string(),
            minor => format!("{}.{minor:0width$}", self.level / unit, width = digits as usize),
        }
    }
}

/// A level crossed in one direction or the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// The figure came to the level or above.
    Reached(Milestone),
    /// The figure fell below the level it had reached.
    Revoked(Milestone),
}

/// What changes when a figure goes from one value to another: levels reached upwards in rising order, levels revoked
/// downwards in falling order. Missing figures (a veteran's, whose past is unknown) change nothing; levels ≤ 0 are none.
#[must_use]
pub fn changes(levels: &[Milestone], measure: Measure, before: Option<i64>, after: Option<i64>) -> Vec<Change> {
    let (Some(before), Some(after)) = (before, after) else { return Vec::new() };
    let (low, high) = (before.min(after), before.max(after));
    let mut crossed: Vec<Milestone> = levels
        .iter()
        .filter(|m| m.measure == measure && m.level > 0 && low < m.level && m.level <= high)
        .copied()
        .collect();
    crossed.sort_unstable();
    crossed.dedup_by_key(|milestone| milestone.level);
    if after > before {
        crossed.into_iter().map(Change::Reached).collect()
    } else {
        crossed.into_iter().rev().map(Change::Revoked).collect()
    }
}

/// Whether a milestone is met by its figure now.
#[must_use]
pub fn met(milestone: &Milestone, now: Option<i64>) -> bool {
    now.is_some_and(|now| milestone.level > 0 && now >= milestone.level)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn levels() -> Vec<Milestone> {
        [100, 1, 10].map(Milestone::conversions).into_iter().chain([Milestone::revenue(100_000, 2)]).collect()
    }

    #[track_caller]
    fn check(before: Option<i64>, after: Option<i64>, expect: &[&str]) {
        let shown: Vec<String> = changes(&levels(), Measure::ApprovedConversions, before, after)
            .iter()
            .map(|change| match change {
                Change::Reached(m) => format!("+{}", m.id()),
                Change::Revoked(m) => format!("-{}", m.id()),
            })
            .collect();
        assert_eq!(shown, expect);
    }

    #[test]
    fn levels_are_reached_and_taken_back() {
        check(Some(0), Some(1), &["+approved_conversions-1"]);
        check(Some(0), Some(12), &["+approved_conversions-1", "+approved_conversions-10"]);
        check(Some(10), Some(9), &["-approved_conversions-10"]);
        check(Some(10), Some(0), &["-approved_conversions-10", "-approved_conversions-1"]);
        check(Some(10), Some(99), &[]);
    }

    #[test]
    fn a_veteran_of_unknown_past_reaches_nothing() {
        check(None, Some(1), &[]);
        check(Some(1), None, &[]);
        assert!(!met(&Milestone::conversions(1), None));
    }

    #[test]
    fn names_are_those_of_mails() {
        assert_eq!(Milestone::conversions(10).name(), "conversions-10");
        assert_eq!(Milestone::revenue(100_000, 2).id(), "approved_revenue-1000");
        assert_eq!(Milestone::revenue(100_050, 2).name(), "revenue-1000.50");
        assert_eq!(Milestone::revenue(1000, 0).name(), "revenue-1000");
        assert!(!Milestone::revenue(i64::MIN, 255).shown().is_empty());
    }

    proptest! {
        #[test]
        fn there_and_back_takes_back_all_that_was_given(levels in prop::collection::vec(any::<i64>(), 0..8), a: i64, b: i64) {
            let levels: Vec<Milestone> = levels.into_iter().map(Milestone::conversions).collect();
            let go = |a, b| changes(&levels, Measure::ApprovedConversions, Some(a), Some(b));
            let turned: Vec<Change> = go(b, a).into_iter().rev().map(|change| match change {
                Change::Reached(m) => Change::Revoked(m),
                Change::Revoked(m) => Change::Reached(m),
            }).collect();
            prop_assert_eq!(go(a, b), turned);
        }
    }
}
