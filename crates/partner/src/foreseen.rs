//! Figures of what is to come. They need what all partners of the programme show together: whoever has that answers.

use std::fmt;

use crate::day::{self, Day};
use crate::figure::{FigureContext, Unit};
use crate::measure::Measure;
use crate::profile::Status;
use crate::state::PartnerState;

/// What is expected of a partner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Foreseen {
    /// The chance of a conversion in the next 30 days.
    Chance,
    /// Conversions in the next 30 days.
    Conversions30,
    /// Conversions in the next 90 days.
    Conversions90,
    /// Order value in the next 90 days.
    Revenue90,
    /// Order value over the next years, discounted.
    Lifetime,
}

/// Answers what is to be expected of a partner: percent, numbers, minor units of money. `None` when that is not known.
pub trait Foresee: fmt::Debug + Sync {
    /// As of the context's day.
    fn foresee(&self, state: &PartnerState, what: Foreseen, context: &FigureContext<'_>) -> Option<f64>;
}

impl Foreseen {
    /// All of them, in the order of the documentation.
    pub const ALL: [Self; 5] =
        [Self::Chance, Self::Conversions30, Self::Conversions90, Self::Revenue90, Self::Lifetime];

    /// Its name in expressions.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Chance => "conversion_chance_next_30d",
            Self::Conversions30 => "expected_conversions_next_30d",
            Self::Conversions90 => "expected_conversions_next_90d",
            Self::Revenue90 => "expected_revenue_next_90d",
            Self::Lifetime => "lifetime_value",
        }
    }

    /// What it is counted in.
    #[must_use]
    pub fn unit(self) -> Unit {
        match self {
            Self::Chance => Unit::Percent,
            Self::Conversions30 | Self::Conversions90 => Unit::Number,
            Self::Revenue90 | Self::Lifetime => Unit::Money,
        }
    }

    /// How it is computed; `x` active days after the first, the last one `tx` after it, age `T`.
    #[must_use]
    pub fn formula(self) -> &'static str {
        match self {
            Self::Chance => {
                "100 · P(≥ 1 active day in 30 days): MBG/NBD of (x, tx, T), log odds corrected by what the past showed it to miss"
            }
            Self::Conversions30 => "E[active days in 30 days], corrected likewise · conversions of an active day",
            Self::Conversions90 => "expected_conversions_next_30d · E[Y(90)] / E[Y(30)] of the model",
            Self::Revenue90 => "E[active days in 90 days] · E[order value of an active day] (Gamma-Gamma)",
            Self::Lifetime => "Σ over 3 years of E[active days] · E[order value of an active day] / 1.1^years",
        }
    }

    /// One sentence for people.
    #[must_use]
    pub fn about(self) -> &'static str {
        match self {
            Self::Chance => "How likely the partner sells something within the next 30 days.",
            Self::Conversions30 => "Conversions to be expected in the next 30 days.",
            Self::Conversions90 => "Conversions to be expected in the next 90 days.",
            Self::Revenue90 => "Order value to be expected in the next 90 days.",
            Self::Lifetime => {
                "Order value to be expected in the next 3 years, later money being worth 10 % less a year."
            }
        }
    }

    /// When it is missing.
    #[must_use]
    pub fn missing(self) -> &'static str {
        match self.unit() {
            Unit::Money => {
                "as the chance; nobody in the programme sold anything of known worth, or a sale without a rate"
            }
            _ => {
                "before the programme's first Sunday; not an active partner; never sold and the beginning is not known"
            }
        }
    }
}

/// A day on which the partner sold something that was not taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SaleDay {
    /// The day.
    pub day: Day,
    /// Conversions.
    pub conversions: i64,
    /// Order value in minor units, at least 0.
    pub revenue: i64,
}

/// What of a partner the expectation is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selling {
    /// Days with sales within the kept history, in order.
    pub days: Vec<SaleDay>,
    /// Whether all of their order value is known.
    pub priced: bool,
    /// The day from which on the partner could sell: the approval. None when sales before it may be unknown.
    pub began: Option<Day>,
    /// Whether the partner is active.
    pub active: bool,
}

impl PartnerState {
    /// Sums of two measures by day within the kept history, in order: a count and what it is worth. Days on which the count comes to
    /// nothing are left out.
    #[must_use]
    pub fn by_day(&self, counted: Measure, worth: Measure) -> Vec<SaleDay> {
        self.by_day_since(Day::MIN, counted, worth)
    }

    /// The same of the days from one on.
    #[must_use]
    pub fn by_day_since(&self, from: Day, counted: Measure, worth: Measure) -> Vec<SaleDay> {
        let mut days: Vec<SaleDay> = Vec::new();
        for cell in self.days.since(from).chain(self.open.since(from)) {
            let (conversions, revenue) = match cell.of {
                measure if measure == counted => (cell.value, 0),
                measure if measure == worth => (0, cell.value),
                _ => continue,
            };
            let place = match days.last() {
                Some(last) if last.day == cell.day => Ok(days.len() - 1),
                Some(last) if last.day > cell.day => days.binary_search_by_key(&cell.day, |one| one.day),
                _ => Err(days.len()),
            };
            let place = place.unwrap_or_else(|place| {
                days.insert(place, SaleDay { day: cell.day, conversions: 0, revenue: 0 });
                place
            });
            if let Some(one) = days.get_mut(place) {
                one.conversions = one.conversions.saturating_add(conversions);
                one.revenue = one.revenue.saturating_add(revenue);
            }
        }
        days.retain(|one| one.conversions > 0);
        days.iter_mut().for_each(|one| one.revenue = one.revenue.max(0));
        days
    }

    /// Whether the worth of every sale within the kept history is known.
    #[must_use]
    pub fn is_priced(&self) -> bool {
        self.sum(Measure::Unpriced, Day::MIN, Day::MAX) <= 0
    }

    /// Sales by day, with what one needs to know of their beginning.
    #[must_use]
    pub fn selling(&self, context: &FigureContext<'_>) -> Selling {
        let mut days = self.by_day(Measure::Conversions, Measure::Revenue);
        let mut priced = self.is_priced();
        if let (true, Some((_, last))) = (days.is_empty(), self.forgotten_sales) {
            // All that is left of a seller of long ago.
            days.push(SaleDay { day: last, conversions: 1, revenue: 0 });
            priced = false;
        }
        let unknown = self.totals_missing(context)
            || self.opening.value.is_some_and(|opening| opening.conversions > 0)
            || self.forgotten_sales.is_some();
        let approved = self.profile.approved_at.value.map(|at| day::of(at, context.zone));
        Selling { days, priced, began: approved.filter(|_| !unknown), active: self.profile.status() == Status::Active }
    }
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;
    use rapport_rule::Currency;

    use super::*;
    use crate::figure::{Figure, FigureValue};

    /// Says the same of everybody.
    #[derive(Debug)]
    struct Oracle(f64);

    impl Foresee for Oracle {
        fn foresee(&self, _: &PartnerState, _: Foreseen, _: &FigureContext<'_>) -> Option<f64> {
            Some(self.0)
        }
    }

    fn context<'a>(zone: &'a TimeZone, foresee: Option<&'a dyn Foresee>) -> FigureContext<'a> {
        FigureContext {
            today: 100,
            zone,
            currency: Currency::EUR,
            program_began_at: None,
            program: None,
            start: None,
            foresee,
        }
    }

    #[test]
    fn they_are_missing_until_somebody_knows() {
        let (state, zone) = (PartnerState::default(), TimeZone::UTC);
        for known in Foreseen::ALL {
            let figure = Figure::parse(known.name()).unwrap();
            assert_eq!(state.figure(&figure, &context(&zone, None)), None);
            assert_eq!(state.figure(&figure, &context(&zone, Some(&Oracle(f64::NAN)))), None);
            let value = state.figure(&figure, &context(&zone, Some(&Oracle(12.6)))).unwrap();
            match known.unit() {
                Unit::Percent => assert_eq!(value, FigureValue::Percent(12.6)),
                Unit::Money => assert_eq!(value.to_string(), "0.13 EUR"),
                _ => assert_eq!(value, FigureValue::Number(12.6)),
            }
        }
    }

    #[test]
    fn sales_are_told_by_day_and_what_was_taken_back_is_not() {
        let (mut state, zone) = (PartnerState::default(), TimeZone::UTC);
        for (day, conversions, revenue) in [(90, 2, 500), (95, 1, 300)] {
            state.open.add(day, Measure::Conversions, conversions);
            state.open.add(day, Measure::Revenue, revenue);
        }
        state.close_through(96);
        state.open.add(90, Measure::Conversions, -2);
        state.open.add(90, Measure::Revenue, -500);
        state.open.add(99, Measure::Conversions, 1);
        let selling = state.selling(&context(&zone, None));
        let days: Vec<(Day, i64, i64)> =
            selling.days.iter().map(|one| (one.day, one.conversions, one.revenue)).collect();
        assert_eq!((days, selling.priced), (vec![(95, 1, 300), (99, 1, 0)], true));
        state.open.add(97, Measure::Unpriced, 1);
        assert!(!state.selling(&context(&zone, None)).priced);
    }

    #[test]
    fn who_sold_long_ago_is_known_by_the_last_day() {
        let (mut state, zone) = (PartnerState::default(), TimeZone::UTC);
        state.open.add(-600, Measure::Conversions, 1);
        state.open.add(-500, Measure::Conversions, 1);
        state.close_through(99);
        let selling = state.selling(&context(&zone, None));
        assert_eq!(selling.days, [SaleDay { day: -500, conversions: 1, revenue: 0 }]);
        assert_eq!((selling.priced, selling.began), (false, None));
    }
}
