//! Wins worth a word: the best month in a year, weeks in a row with sales, a better place among all partners.
//!
//! All of approved figures net of reversals: what is taken back was no win. Looked for once a week. What was so before the first
//! look is nobody's news. A sale of which it is not known what it brought silences no more than what it could have changed.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::day;

/// Earlier months with sales that a best month is the best of, and approved conversions it needs.
const MONTHS_MIN: usize = 3;
const CONVERSIONS_MIN: i64 = 5;
/// Complete months that are compared: so many are kept as a whole on every day of the one that runs.
const MONTHS: i32 = 12;
/// The newest of them, which may become the best: approvals take no longer. One that is the best of a year because a better one left
/// it, or was taken back, is nobody's news.
const MONTHS_OF_NEWS: i32 = 4;
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
    /// Approved revenue in minor units, as far as it is known.
    pub revenue: i64,
    /// Sales of the day of which it is not known what they brought.
    pub unpriced: i64,
}

/// Approved revenue from which on a partner is in each of [`TIERS`].
pub type TierLimits = [i64; 5];

/// A win.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Win {
    /// The best of the last twelve months.
    PersonalBest {
        /// Its first day, `2026-05-01`.
        month: Date,
        /// Approved revenue of it, minor units.
        revenue: i64,
        /// Of the best of the others, as far as it is known.
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
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    months: Vec<Date>,
    /// The longest streak that lasts.
    #[serde(default, skip_serializing_if = "is_none")]
    weeks: u16,
    /// How many of [`TIERS`] were reached.
    #[serde(default, skip_serializing_if = "is_none")]
    tiers: usize,
    /// At the first look it was not known what they sold for, so that there was no place among the others.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    unranked: bool,
}

/// Most partners were told of nothing yet, and what says so is kept with each of them.
fn is_none<N: Default + PartialEq>(number: &N) -> bool {
    *number == N::default()
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
/// `ranked` is the revenue the limits speak of; `None` while it is not known.
#[must_use]
pub fn look(
    days: &[ApprovedDay],
    on: i32,
    ranked: Option<i64>,
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
    told.unranked |= first && ranked.is_none();
    if let Some((limits, ranked)) = limits.zip(ranked) {
        let tiers = limits.iter().take_while(|limit| ranked > 0 && ranked >= **limit).count();
        if tiers > told.tiers {
            let climb = TIERS.get(tiers - 1).map(|top_percent| Win::RankClimb { top_percent: *top_percent });
            wins.extend(climb.filter(|_| !told.unranked));
            told.tiers = tiers;
        }
        told.unranked = false;
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

/// What is known of a month.
#[derive(Debug, Clone, Copy)]
struct Month {
    /// Its first day.
    first: Date,
    revenue: i64,
    conversions: i64,
    /// Of them, those of which it is not known what they brought.
    unpriced: i64,
}

impl Month {
    /// What it brought at most, when no sale brought more than `order`.
    fn at_most(&self, order: i64) -> i64 {
        self.revenue.saturating_add(self.unpriced.saturating_mul(order))
    }
}

/// Months since the year 0, by which they are counted.
fn month_number(month: Date) -> i32 {
    i32::from(month.year()) * 12 + i32::from(month.month()) - 1
}

/// The best of the last twelve complete months, its revenue, and that of the best among the others. A sale without a rate is taken
/// for as good as those of the partner's best day: no month is the best by what is left out, and none for ever kept from it either.
fn best_month(days: &[ApprovedDay], on: i32) -> Option<(Date, i64, i64)> {
    let current = month_number(month_of(on.saturating_add(1)));
    let ago = |month: Date| current - month_number(month);
    let mut months: Vec<Month> = Vec::new();
    let mut order: Option<i64> = None;
    for one in days {
        let first = month_of(one.day);
        if !(1..=MONTHS).contains(&ago(first)) {
            continue;
        }
        if one.unpriced <= 0 && one.conversions > 0 {
            order = order.max(Some((one.revenue / one.conversions).saturating_add(1)));
        }
        let place = months.iter().position(|known| known.first == first).unwrap_or_else(|| {
            months.push(Month { first, revenue: 0, conversions: 0, unpriced: 0 });
            months.len() - 1
        });
        if let Some(month) = months.get_mut(place) {
            month.revenue = month.revenue.saturating_add(one.revenue);
            month.conversions = month.conversions.saturating_add(one.conversions);
            month.unpriced = month.unpriced.saturating_add(one.unpriced.clamp(0, one.conversions.max(0)));
        }
    }
    let order = order.unwrap_or(i64::MAX);
    // What a month brought is told, so all of it must be known.
    let candidates = months.iter().filter(|month| month.unpriced == 0 && ago(month.first) <= MONTHS_OF_NEWS);
    let best = candidates.max_by_key(|month| month.revenue)?;
    let others = || months.iter().filter(|month| month.first != best.first);
    let enough = others().filter(|month| month.first < best.first && month.conversions > 0).count() >= MONTHS_MIN;
    let beaten = others().all(|month| month.at_most(order) < best.revenue);
    let before = others().map(|month| month.revenue).max().unwrap_or(0);
    (enough && beaten && best.conversions >= CONVERSIONS_MIN).then_some((best.first, best.revenue, before))
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

    fn sold(day: i32, conversions: i64, revenue: i64) -> ApprovedDay {
        ApprovedDay { day, conversions, revenue, unpriced: 0 }
    }

    /// One sale on each 3rd, 8th, 13th, 18th and 23rd of these months, worth the month's figure.
    fn months(worth: &[(i8, i64)]) -> Vec<ApprovedDay> {
        let of = |(month, revenue): &(i8, i64)| {
            let (month, revenue) = (*month, *revenue);
            [3, 8, 13, 18, 23].map(|day| sold(on(date(2026, month, day)), 1, revenue))
        };
        worth.iter().flat_map(of).collect()
    }

    #[test]
    fn the_best_month_is_told_once_and_not_before_it_is_over() {
        let first = months(&[(1, 10), (2, 20), (3, 15), (4, 18)]);
        let (wins, told) = look(&first, on(date(2026, 5, 3)), Some(0), None, None);
        assert_eq!(wins, [], "what was so before is no news");
        let grown = months(&[(1, 10), (2, 20), (3, 15), (4, 18), (5, 30)]);
        let best = |day| look(&grown, on(day), Some(0), None, Some(&told));
        assert!(!best(date(2026, 5, 24)).0.iter().any(|win| matches!(win, Win::PersonalBest { .. })));
        let (wins, after) = best(date(2026, 5, 31));
        assert_eq!(wins[0], Win::PersonalBest { month: date(2026, 5, 1), revenue: 150, before: 100 });
        assert!(
            !look(&grown, on(date(2026, 6, 7)), Some(0), None, Some(&after))
                .0
                .iter()
                .any(|win| win.id() == wins[0].id())
        );
        assert_eq!(month_revenue(&grown, date(2026, 5, 1)), 150);
    }

    /// The best month on a day, to whom nothing was told yet.
    fn told_on(days: &[ApprovedDay], day: Date) -> Option<Win> {
        let (wins, _) = look(days, on(day), Some(0), None, Some(&Told::default()));
        wins.into_iter().find(|win| matches!(win, Win::PersonalBest { .. }))
    }

    #[test]
    fn a_month_long_over_is_no_news_when_a_better_one_is_forgotten_or_taken_back() {
        // Ever less: when February is forgotten March is the best that is left, a year later.
        let fading = months(&[(2, 90), (3, 80), (4, 70), (5, 60), (6, 50), (7, 40), (8, 30), (9, 20), (10, 10)]);
        for looked in [date(2026, 7, 5), date(2026, 10, 4), date(2027, 2, 28)] {
            assert_eq!(told_on(&fading, looked), None, "{looked}");
        }
        // Approved three months later, and told then.
        let late = months(&[(2, 90), (3, 80), (4, 70), (5, 95), (6, 50)]);
        assert!(told_on(&late, date(2026, 9, 6)).is_some_and(|win| win.id() == "personal-best:2026-05-01"));
        assert_eq!(told_on(&late, date(2026, 10, 4)), None);
        // A year and a month ago there was a better one, half of which is forgotten: it is not compared with at all.
        let mut year = months(&[(2, 10), (3, 10), (4, 10), (5, 40)]);
        year.extend([3, 23].map(|day| sold(on(date(2025, 5, day)), 5, 150)));
        assert!(told_on(&year, date(2026, 6, 7)).is_some_and(|win| win.id() == "personal-best:2026-05-01"));
    }

    #[test]
    fn a_sale_without_a_rate_counts_as_the_best_that_is_known() {
        let june = date(2026, 6, 7);
        let of = |may: i64| months(&[(1, 10), (2, 20), (3, 15), (4, 18), (5, may)]);
        let unpriced = |mut days: Vec<ApprovedDay>, month: i8, count: usize| {
            let of_month = days.iter_mut().filter(|one| day::date_of(one.day).month() == month);
            of_month.take(count).for_each(|one| (one.revenue, one.unpriced) = (0, 1));
            days
        };
        let best = |days: &[ApprovedDay]| told_on(days, june).is_some();
        assert!(best(&of(30)));
        // Of January four sales brought 40; the fifth brought no more than 31, so it was no better than May's 150.
        assert!(best(&unpriced(of(30), 1, 1)), "it does not silence the others");
        // February's four known ones brought 80, and two of them might have brought 31 each.
        assert!(best(&unpriced(of(30), 2, 2)));
        assert!(best(&of(21)));
        assert!(!best(&unpriced(of(21), 2, 3)), "40 and three of 22 may be more than 105");
        assert!(!best(&unpriced(of(30), 5, 1)), "what it brought is told, so all of it must be known");
        let none_known = (1..=4).fold(of(30), |days, month| unpriced(days, month, 5));
        assert!(!best(&none_known), "five sales of 31 are more than 150");
    }

    #[test]
    fn who_had_no_place_at_the_first_look_did_not_climb_when_it_is_known() {
        let limits = tier_limits((1..=100).collect()).unwrap();
        let place = |ranked, told: Option<&Told>| look(&[], 500, ranked, Some(&limits), told);
        let (_, told) = place(None, None);
        assert_ne!(told, Told::default(), "it is kept");
        let (wins, told) = place(None, Some(&told));
        assert_eq!(wins, []);
        let (wins, told) = place(Some(92), Some(&told));
        assert_eq!(wins, [], "as high as ever, for all that is known");
        // Not known for a while, and higher afterwards.
        let (_, told) = place(None, Some(&told));
        let (wins, _) = place(Some(100), Some(&told));
        assert_eq!(wins, [Win::RankClimb { top_percent: 1 }]);
    }

    #[test]
    fn weeks_in_a_row_are_told_at_each_level() {
        let weekly = |weeks: i32| -> Vec<ApprovedDay> { (0..weeks).map(|week| sold(4 + 7 * week, 1, 1)).collect() };
        let mut told = Told::default();
        let mut levels = Vec::new();
        for weeks in 1..60 {
            let (wins, after) = look(&weekly(weeks), 4 + 7 * weeks, Some(0), None, Some(&told));
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
        let (wins, told) = look(&[], 500, Some(92), Some(&limits), Some(&told));
        assert_eq!(wins, [Win::RankClimb { top_percent: 10 }]);
        for (revenue, expected) in [(92, None), (20, None), (92, None), (100, Some(1))] {
            let (wins, _) = look(&[], 507, Some(revenue), Some(&limits), Some(&told));
            assert_eq!(wins.first().cloned(), expected.map(|top_percent| Win::RankClimb { top_percent }));
        }
        assert_eq!(tier_limits(vec![5; 19]), None);
        assert_eq!(look(&[], 500, Some(0), Some(&[0; 5]), Some(&Told::default())).0, []);
    }

    proptest! {
        #[test]
        fn any_days_give_wins_without_panic(
            rows in prop::collection::vec((any::<i32>(), any::<i64>(), any::<i64>(), any::<i64>()), 0..40),
            on in -100_000_i32..100_000,
            ranked in prop::option::of(any::<i64>()),
        ) {
            let days: Vec<ApprovedDay> = rows
                .into_iter()
                .map(|(day, conversions, revenue, unpriced)| {
                    // Near the day of the look every second time, so that months are compared at all.
                    let day = if day % 2 == 0 { on.saturating_sub(day.rem_euclid(400)) } else { day % 1_000_000 };
                    ApprovedDay { day, conversions, revenue, unpriced }
                })
                .collect();
            let (_, told) = look(&days, on, ranked, Some(&[1, 2, 3, 4, 5]), None);
            let (wins, _) = look(&days, on, ranked, Some(&[1, 2, 3, 4, 5]), Some(&told));
            prop_assert_eq!(wins, [], "nothing is told twice");
        }
    }
}
