//! Figures of a period beside those of the one before: of the metric catalogue, over exactly the period's days.

use rapport_insight::period::{Length, Period};
use rapport_partner::{Figure, FigureContext, FigureValue, Measure, Moment, Unit, day, day::Day, state::DAYS_KEPT};
use rapport_rule::Money;
use serde::Serialize;

use crate::shard::facts::PartnerFacts;

/// A value with what it is counted in.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Amount {
    /// A whole number.
    Count(i64),
    /// Money of the programme's currency.
    Money(Money),
    /// Any number.
    Number(f64),
    /// 0 to 100.
    Percent(f64),
}

impl From<FigureValue> for Amount {
    fn from(value: FigureValue) -> Self {
        match value {
            FigureValue::Count(count) => Amount::Count(count),
            FigureValue::Money(money) => Amount::Money(money),
            FigureValue::Number(number) => Amount::Number(number),
            FigureValue::Percent(percent) => Amount::Percent(percent),
        }
    }
}

impl Amount {
    /// The bare number; of money its minor units.
    #[must_use]
    pub fn number(self) -> f64 {
        match self {
            Amount::Count(count) => count as f64,
            Amount::Money(money) => money.minor as f64,
            Amount::Number(number) | Amount::Percent(number) => number,
        }
    }
}

/// A value, or why there is none.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Known {
    /// It is known.
    Value(Amount),
    /// It is not.
    Missing(Missing),
}

impl Known {
    /// The value, if it is known.
    #[must_use]
    pub fn value(self) -> Option<Amount> {
        match self {
            Known::Value(amount) => Some(amount),
            Known::Missing(_) => None,
        }
    }
}

/// Why a figure is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Missing {
    /// The period has not begun.
    NotBegun,
    /// Its days are not all kept any more.
    NotKept,
    /// The partner was not there yet.
    NotThere,
    /// The partner was there, but nobody told rapport yet.
    NotRecorded,
    /// Nothing of this kind was ever told of this partner, so none may mean that nobody tells.
    NeverTold,
    /// A sale in it has no rate.
    NoRate,
    /// There is nothing to divide by.
    OfNothing,
}

/// A figure of the period and of the one before.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct FigureLine {
    /// Its name in the catalogue, without window.
    pub name: &'static str,
    /// In the period.
    pub now: Known,
    /// In the one before.
    pub before: Known,
    /// What changed, where the two can be compared: both known, the period over, the partner there all the time.
    pub change: Option<Change>,
}

/// A change.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// In percent of before.
    Percent(f64),
    /// Of a share: in percentage points.
    Points(f64),
}

/// A month.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct MonthLine {
    /// Which.
    pub month: Period,
    /// Sales recorded and not reversed.
    pub conversions: Known,
    /// Their order value.
    pub revenue: Known,
}

/// The figures of a review, and where a 0 says nothing, what must have been told at least once.
pub const FIGURES: [(&str, Option<Measure>); 17] = [
    ("conversions", None),
    ("revenue", None),
    ("commission", None),
    ("average_order", None),
    ("approved_conversions", None),
    ("approved_revenue", None),
    ("approved_commission", None),
    ("reversed_conversions", None),
    ("approval_rate", None),
    ("active_days", None),
    ("new_customers", Some(Measure::KnownCustomers)),
    ("new_customer_share", Some(Measure::KnownCustomers)),
    ("clicks", Some(Measure::Clicks)),
    ("conversion_rate", Some(Measure::Clicks)),
    ("earnings_per_click", Some(Measure::Clicks)),
    ("content", Some(Measure::Content)),
    ("trainings", Some(Measure::Trainings)),
];

/// So many months are shown.
const MONTHS: usize = 6;

/// Since which day the partner is known.
pub(super) fn since(facts: &PartnerFacts<'_>) -> Option<Day> {
    let (state, zone) = (facts.state, &facts.program.zone);
    let days = [
        state.moment_day(Moment::Approved, zone),
        state.moment_day(Moment::Joined, zone),
        state.first_event_at.map(|at| day::of(at, zone)),
        state.first_sale_day(),
    ];
    days.into_iter().flatten().min()
}

pub(super) fn today(facts: &PartnerFacts<'_>) -> Day {
    day::of(facts.now, &facts.program.zone)
}

/// Whether some of its days are not kept any more.
pub(super) fn is_forgotten(facts: &PartnerFacts<'_>, period: Period) -> bool {
    day::number(period.first()) < today(facts) - (DAYS_KEPT - 1)
}

/// Why nothing can be said of a period at all.
fn unknown(facts: &PartnerFacts<'_>, period: Period) -> Option<Missing> {
    let (first, last) = (day::number(period.first()), day::number(period.last()));
    let Some(since) = since(facts).filter(|since| *since <= last) else { return Some(Missing::NotThere) };
    let began = facts.began.map(|began| day::of(began, &facts.program.zone));
    if first > today(facts) {
        Some(Missing::NotBegun)
    } else if is_forgotten(facts, period) {
        Some(Missing::NotKept)
    } else if began.is_some_and(|began| since < began && first < began) {
        Some(Missing::NotRecorded)
    } else {
        None
    }
}

/// A figure over the days of a period, as far as they have come.
fn figure(facts: &PartnerFacts<'_>, name: &str, told: Option<Measure>, period: Period) -> Known {
    if let Some(missing) = unknown(facts, period) {
        return Known::Missing(missing);
    }
    if told.is_some_and(|measure| facts.state.totals.get(measure) == 0) {
        return Known::Missing(Missing::NeverTold);
    }
    let (from, to) = (day::number(period.first()), day::number(period.last()).min(today(facts)));
    let Ok(figure) = Figure::parse(&format!("{name}_{}d", to - from + 1)) else {
        return Known::Missing(Missing::OfNothing);
    };
    let context = FigureContext { today: to, ..facts.context(None) };
    match facts.state.figure(&figure, &context) {
        Some(value) => Known::Value(value.into()),
        None if figure.unit() == Unit::Money && facts.state.sum(Measure::Unpriced, from, to) > 0 => {
            Known::Missing(Missing::NoRate)
        }
        None => Known::Missing(Missing::OfNothing),
    }
}

/// A count of a period that the engine itself keeps, so that 0 is none.
pub(super) fn count(facts: &PartnerFacts<'_>, name: &str, period: Period) -> Known {
    figure(facts, name, None, period)
}

fn change(now: Known, before: Known) -> Option<Change> {
    let (now, before) = (now.value()?, before.value()?);
    if let (Amount::Percent(now), Amount::Percent(before)) = (now, before) {
        return Some(Change::Points(now - before));
    }
    // From nothing there is no percentage.
    (before.number() > 0.0).then(|| Change::Percent(100.0 * (now.number() / before.number() - 1.0)))
}

/// Every figure of a review.
pub(super) fn lines(facts: &PartnerFacts<'_>, period: Period) -> Vec<FigureLine> {
    let before = period.before();
    let whole = since(facts).is_some_and(|since| since <= day::number(before.first()));
    let comparable = whole && day::number(period.last()) < today(facts);
    let line = |(name, told): (&'static str, Option<Measure>)| {
        let (now, earlier) = (figure(facts, name, told, period), figure(facts, name, told, before));
        FigureLine { name, now, before: earlier, change: if comparable { change(now, earlier) } else { None } }
    };
    FIGURES.into_iter().map(line).collect()
}

/// The months up to the period's last, as far as they have come.
pub(super) fn months(facts: &PartnerFacts<'_>, period: Period) -> Vec<MonthLine> {
    let today = day::date(today(facts));
    let current = Period::around(today, Length::Month);
    let last = Period::around(period.last(), Length::Month).min(current);
    let line = |month: Period| MonthLine {
        month,
        conversions: figure(facts, "conversions", None, month),
        revenue: figure(facts, "revenue", None, month),
    };
    last.months_up_to(MONTHS).into_iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_figure_is_one_of_the_catalogue() {
        for (name, _) in FIGURES {
            for days in [1, 28, 92] {
                assert!(Figure::parse(&format!("{name}_{days}d")).is_ok(), "{name}");
            }
        }
    }
}
