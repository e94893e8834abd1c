//! Wins worth a word: the best month in a year, weeks in a row with sales, a better place among all partners.
//!
//! All of approved figures net of reversals: what is taken back was no win. Looked for once a week. What was so before the first
//! look is nobody's news.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::day;

/// Earlier months with sales that a best month is the best of, and approved conversions it needs.
const MONTHS_MIN: usize = 3;
const CONVERSIONS_MIN: i64 = 5;
/// Weeks in a row that are told.
pub const STREAKS: [u16; 4] = [4, 12, 26, 52];
/// Places among the partners who sell, in percent from the top, the least first.
pub const TIERS: [u8; 5] = [50, 25, 10, 5, 1];
/// Partners who sell below which a place says nothing.
const RANKED_MIN: usize = 20;
/// Months that stay in mind as told.
const TOLD_MAX: usize = 24;

/// Approved sales of one day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ApprovedDay {
    /// [Day number](crate::day::number) of the sale.
    pub day: i32,
    /// Approved conversions.
    pub conversions: i64,
    /// Approved revenue in minor units.
    pub revenue: i64,
}

/// Approved revenue from which on a partner is in each of [`TIERS`].
pub type TierLimits = [i64; 5];

/// A win.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Win {
    /// The best month in a year.
    PersonalBest {
        /// Its first day, `2026-05-01`.
        month: Date,
        /// Approved revenue of it, minor units.
        revenue: i64,
        /// Of the best before.
        before: i64,
    },
    /// So many weeks in a row with an approved sale.
    Streak {
        /// One of [`STREAKS`].
        weeks: u16,
        /// Monday of the first.
        since: Date,
    },
    /// Among the best, as never before.
    RankClimb {
        /// One of [`TIERS`].
        top_percent: u8,
    },
}

impl Win {
    /// Stable identity within the partner.
    #[must_use]
    pub fn id(&self) -> String {
        match self {
            Self::PersonalBest { month, .. } => format!("personal-best:{month}"),
            Self::Streak { weeks, since } => format!("streak-{weeks}:{since}"),
            Self::RankClimb { top_percent } => format!("rank-top-{top_percent}"),
        }
    }
}

/// What was told already.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// Best months, newest last.
    #[serde(default)]
    months: Vec<Date>,
    /// The longest streak that lasts.
    #[serde(default)]
    weeks: u16,
    /// How many of [`TIERS`] were reached.
    #[serde(default)]
    tiers: usize,
}

/// Limits of [`TIERS`] over everybody's approved revenue, in any order; `None` where too few sell.
#[must_use]
pub fn tier_limits(mut revenues: Vec<i64>) -> Option<TierLimits> {
    revenues.retain(|revenue| *revenue > 0);
    if revenues.len() < RANKED_MIN {
        return None;
    }
    revenues.sort_unstable_by(|one, other| other.cmp(one));
    let limit = |percent: u8| {
        let place = (revenues.len() * usize::from(percent) / 100).max(1) - 1;
        revenues.get(place).copied().unwrap_or(i64::MAX)
    };
    Some(TIERS.map(limit))
}

/// The wins as of the close of day `on`, and what is told with them. `before` is `None` at the first look: then nothing is told.
/// `ranked` is the revenue the limits speak of.
#[must_use]
pub fn look(
    days: &[ApprovedDay],
    on: i32,
    ranked: i64,
    limits: Option<&TierLimits>,
    before: Option<&Told>,
) -> (Vec<Win>, Told) {
    let first = before.is_none();
    let mut told = before.cloned().unwrap_or_default();
    let mut wins = Vec::new();
    if let Some((month, revenue, best_before)) = best_month(days, on)
        && !told.months.contains(&month)
    {
        told.months.push(month);
        let surplus = told.months.len().saturating_sub(TOLD_MAX);
        told.months.drain(..surplus);
        wins.push(Win::PersonalBest { month, revenue, before: best_before });
    }
    let (run, since) = streak(days, on);
    let weeks = STREAKS.into_iter().rev().find(|level| run >= *level).unwrap_or(0);
    if weeks > told.weeks {
        wins.push(Win::Streak { weeks, since: day::date_of(since) });
    }
    told.weeks = weeks;
    if let Some(limits) = limits {
        let tiers = limits.iter().take_while(|limit| ranked > 0 && ranked >= **limit).count();
        if tiers > told.tiers {
            wins.extend(TIERS.get(tiers - 1).map(|top_percent| Win::RankClimb { top_percent: *top_percent }));
            told.tiers = tiers;
        }
    }
    if first {
        wins.clear();
    }
    (wins, told)
}

/// Approved revenue of a month, whatever became of it since it was told.
#[must_use]
pub fn month_revenue(days: &[ApprovedDay], month: Date) -> i64 {
    let within = |one: &&ApprovedDay| month_of(one.day) == month.first_of_month();
    days.iter().filter(within).fold(0, |sum, one| sum.saturating_add(one.revenue))
}

fn month_of(day: i32) -> Date {
    day::date_of(day).first_of_month()
}

/// The best complete month of the last thirteen, its revenue, and that of the best among the others.
fn best_month(days: &[ApprovedDay], on: i32) -> Option<(Date, i64, i64)> {
    let current = month_of(on.saturating_add(1));
    let mut months: Vec<(Date, i64, i64)> = Vec::new();
    for one in days {
        let month = month_of(one.day);
        if month >= current {
            continue;
        }
        let place = months.iter().position(|(known, ..)| *known == month).unwrap_or_else(|| {
            months.push((month, 0, 0));
            months.len() - 1
        });
        if let Some((_, revenue, conversions)) = months.get_mut(place) {
            *revenue = revenue.saturating_add(one.revenue);
            *conversions = conversions.saturating_add(one.conversions);
        }
    }
    // Of equal ones the earlier was first.
    months.sort_by(|one, other| other.1.cmp(&one.1).then(one.0.cmp(&other.0)));
    let (month, revenue, conversions) = *months.first()?;
    let others = months.iter().skip(1).filter(|(.., conversions)| *conversions > 0).count();
    let before = months.get(1).map_or(0, |(_, revenue, _)| *revenue);
    (others >= MONTHS_MIN && conversions >= CONVERSIONS_MIN && revenue > before).then_some((month, revenue, before))
}

/// Weeks in a row with an approved sale, up to the newest that has one, and the Monday of the first. A run that ended more than a
/// quarter ago is over: approvals take no longer.
fn streak(days: &[ApprovedDay], on: i32) -> (u16, i32) {
    let monday = |day: i32| day - (day - 4).rem_euclid(7);
    let mut weeks: Vec<i32> =
        days.iter().filter(|one| one.conversions > 0 && one.day <= on).map(|one| monday(one.day)).collect();
    weeks.sort_unstable();
    weeks.dedup();
    let Some(newest) = weeks.last().copied().filter(|newest| *newest > on - 91) else { return (0, on) };
    let run = weeks.iter().rev().enumerate().take_while(|(back, week)| **week == newest - 7 * *back as i32).count();
    let run = u16::try_from(run).unwrap_or(u16::MAX);
    (run, newest - 7 * (i32::from(run) - 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;
    use proptest::prelude::*;

    fn on(day: Date) -> i32 {
        day::number(day)
    }

    /// One sale on each 3rd, 8th, 13th, 18th and 23rd of these months, worth the month's figure.
    fn months(worth: &[(i8, i64)]) -> Vec<ApprovedDay> {
        let of = |(month, revenue): &(i8, i64)| {
            let (month, revenue) = (*month, *revenue);
            [3, 8, 13, 18, 23].map(|day| ApprovedDay { day: on(date(2026, month, day)), conversions: 1, revenue })
        };
        worth.iter().flat_map(of).collect()
    }

    #[test]
    fn the_best_month_is_told_once_and_not_before_it_is_over() {
        let first = months(&[(1, 10), (2, 20), (3, 15), (4, 18)]);
        let (wins, told) = look(&first, on(date(2026, 5, 3)), 0, None, None);
        assert_eq!(wins, [], "what was so before is no news");
        let grown = months(&[(1, 10), (2, 20), (3, 15), (4, 18), (5, 30)]);
        let best = |day| look(&grown, on(day), 0, None, Some(&told));
        assert!(!best(date(2026, 5, 24)).0.iter().any(|win| matches!(win, Win::PersonalBest { .. })));
        let (wins, after) = best(date(2026, 5, 31));
        assert_eq!(wins[0], Win::PersonalBest { month: date(2026, 5, 1), revenue: 150, before: 100 });
        assert!(
            !look(&grown, on(date(2026, 6, 7)), 0, None, Some(&after)).0.iter().any(|win| win.id() == wins[0].id())
        );
        assert_eq!(month_revenue(&grown, date(2026, 5, 1)), 150);
    }

    #[test]
    fn weeks_in_a_row_are_told_at_each_level() {
        let weekly = |weeks: i32| -> Vec<ApprovedDay> {
            (0..weeks).map(|week| ApprovedDay { day: 4 + 7 * week, conversions: 1, revenue: 1 }).collect()
        };
        let mut told = Told::default();
        let mut levels = Vec::new();
        for weeks in 1..60 {
            let (wins, after) = look(&weekly(weeks), 4 + 7 * weeks, 0, None, Some(&told));
            told = after;
            levels.extend(wins.into_iter().filter_map(|win| match win {
                Win::Streak { weeks, since } => Some((weeks, on(since))),
                _ => None,
            }));
        }
        assert_eq!(levels, [(4, 4), (12, 4), (26, 4), (52, 4)]);
        let mut broken = weekly(30);
        broken.remove(27);
        assert_eq!(streak(&broken, 4 + 7 * 30).0, 2);
        assert_eq!(streak(&weekly(10), 4 + 7 * 40).0, 0, "long over");
    }

    #[test]
    fn a_better_place_is_told_once() {
        let limits = tier_limits((1..=100).collect()).unwrap();
        assert_eq!(limits, [51, 76, 91, 96, 100]);
        let told = Told::default();
        let (wins, told) = look(&[], 500, 92, Some(&limits), Some(&told));
        assert_eq!(wins, [Win::RankClimb { top_percent: 10 }]);
        for (revenue, expected) in [(92, None), (20, None), (92, None), (100, Some(1))] {
            let (wins, _) = look(&[], 507, revenue, Some(&limits), Some(&told));
            assert_eq!(wins.first().cloned(), expected.map(|top_percent| Win::RankClimb { top_percent }));
        }
        assert_eq!(tier_limits(vec![5; 19]), None);
        assert_eq!(look(&[], 500, 0, Some(&[0; 5]), Some(&Told::default())).0, []);
    }

    proptest! {
        #[test]
        fn any_days_give_wins_without_panic(
            rows in prop::collection::vec((any::<i32>(), any::<i64>(), any::<i64>()), 0..40), on in -100_000_i32..100_000,
        ) {
            let days: Vec<ApprovedDay> = rows
                .into_iter()
                .map(|(day, conversions, revenue)| ApprovedDay { day: day % 1_000_000, conversions, revenue })
                .collect();
            let (_, told) = look(&days, on, 5, Some(&[1, 2, 3, 4, 5]), None);
            let (wins, _) = look(&days, on, 5, Some(&[1, 2, 3, 4, 5]), Some(&told));
            prop_assert_eq!(wins, [], "nothing is told twice");
        }
    }
}
