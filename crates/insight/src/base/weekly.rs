//! The programme's fit as the engine keeps it: learnt once a week at day close, asked all week.

use jiff::civil::Weekday;
use serde::{Deserialize, Serialize};

use super::history::{ActiveDay, Summary};
use super::outlook::{Past, ProgramFit};
use super::pasts::OwnPast;
use crate::day;

/// Days the chance and the shorter count look ahead.
pub const SHORT_DAYS: u32 = 30;
/// Days the longer count and the expected revenue look ahead.
pub const LONG_DAYS: u32 = 90;
/// Years a lifetime value looks ahead, and the yearly rate that later money is worth less by.
pub const LIFETIME_YEARS: u32 = 3;
/// See above.
pub const DISCOUNT: f64 = 0.1;
/// Partners with a conversion below which nothing is fitted, ...
pub const PARTNERS_MIN: usize = 20;
/// ... and days since the first conversion of anybody: before that, all there is would be other programmes' habits.
pub const DAYS_MIN: i32 = 28;

/// Whether the programme is fitted at the close of this day: on Sundays.
#[must_use]
pub fn is_due(on: i32) -> bool {
    day::date_of(on).weekday() == Weekday::Sunday
}

/// A programme's fit, and the day at whose close it was learnt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WeeklyFit {
    /// [Day number](crate::day::number).
    pub on: i32,
    /// What was learnt.
    pub fit: ProgramFit,
}

/// Fits a programme at the close of day `on`. The order of the pasts is of no account. `None` while there is too little: under
/// [`PARTNERS_MIN`] partners, or fewer than [`DAYS_MIN`] days since the first conversion.
#[must_use]
pub fn fit(pasts: &mut [OwnPast], on: i32) -> Option<WeeklyFit> {
    let first = pasts.iter().filter_map(|one| one.days.first()).map(|one| one.day).min()?;
    let sold = pasts.iter().filter(|one| one.days.iter().any(|day| day.day <= on)).count();
    if sold < PARTNERS_MIN || on.saturating_sub(first) < DAYS_MIN {
        return None;
    }
    // Sums of floating point numbers depend on their order.
    pasts.sort_by(|one, other| one.partner.cmp(&other.partner));
    let past: Vec<Past<'_>> = pasts.iter().map(|one| Past { joined: one.joined, days: &one.days }).collect();
    Some(WeeklyFit { on, fit: ProgramFit::fit(&past, on, SHORT_DAYS, None) })
}

/// What is to be expected of one partner.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Foresight {
    /// P(at least one conversion within [`SHORT_DAYS`]).
    pub chance: f64,
    /// Conversions within [`SHORT_DAYS`].
    pub conversions_short: f64,
    /// Conversions within [`LONG_DAYS`].
    pub conversions_long: f64,
    /// Order value within [`LONG_DAYS`], in the unit of the days' spend; `None` when nothing is known of it.
    pub revenue_long: Option<f64>,
    /// Order value of the next [`LIFETIME_YEARS`] years, discounted by [`DISCOUNT`] a year.
    pub lifetime: Option<f64>,
}

impl WeeklyFit {
    /// What is to be expected of a partner as of the close of day `on`; later days are not looked at. `joined`: for one who has not
    /// converted yet. `None` when neither is known.
    #[must_use]
    pub fn foresee(&self, days: &[ActiveDay], joined: Option<i32>, on: i32) -> Option<Foresight> {
        let Some(sums) = Summary::until(days, on) else {
            let waited = on.checked_sub(joined?).and_then(|days| u32::try_from(days).ok())?;
            let short = self.fit.outlook_before_first(waited);
            let long = ProgramFit { horizon_days: LONG_DAYS, ..self.fit.clone() }.outlook_before_first(waited);
            let life =
                ProgramFit { horizon_days: LIFETIME_YEARS * 365, ..self.fit.clone() }.outlook_before_first(waited);
            let orders = self.fit.orders_per_day;
            // The first years' money comes, on average, halfway.
            let worth = (1.0 + DISCOUNT).powf(-f64::from(LIFETIME_YEARS) / 2.0);
            return Some(Foresight {
                chance: short.p_active,
                conversions_short: short.expected * orders,
                conversions_long: long.expected * orders,
                revenue_long: long.expected_value,
                lifetime: life.expected_value.map(|value| value * worth),
            });
        };
        let short = self.fit.outlook(&sums, on);
        let (orders, long) = (self.fit.orders_a_day(&sums), self.fit.expected_days(&sums, on, LONG_DAYS));
        let revenue_long = self.fit.spend.map(|spend| long * spend.of(&sums));
        let lifetime = self.fit.lifetime_value(&sums, on, LIFETIME_YEARS, DISCOUNT);
        Some(Foresight {
            chance: short.p_active,
            conversions_short: short.expected * orders,
            conversions_long: long * orders,
            revenue_long,
            // A lifetime holds the next quarter.
            lifetime: lifetime.zip(revenue_long).map(|(life, long)| life.max(long)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn programme(partners: i32) -> Vec<OwnPast> {
        let days = |partner: i32| {
            let every = 1 + partner % 12;
            let until = if partner % 4 == 0 { 60 } else { 200 };
            let one =
                |day| ActiveDay { day, orders: 1 + (day as u32) % 2, spend: 4_000.0 + f64::from(partner * 37 % 900) };
            (partner % 9..until).step_by(every as usize).map(one).collect()
        };
        let one = |partner| OwnPast {
            partner: format!("p{partner:04}"),
            joined: Some(0),
            days: if partner % 7 == 6 { Vec::new() } else { days(partner) },
        };
        (0..partners).map(one).collect()
    }

    #[test]
    fn a_fit_does_not_depend_on_the_order_of_partners() {
        let (mut forward, mut backward) = (programme(300), programme(300));
        backward.reverse();
        let fitted = fit(&mut forward, 200).unwrap();
        assert_eq!(all_digits(&fitted), all_digits(&fit(&mut backward, 200).unwrap()));
    }

    /// All digits of all numbers.
    fn all_digits(fit: &WeeklyFit) -> String {
        format!("{fit:?}")
    }

    #[test]
    fn too_little_gives_no_fit() {
        assert_eq!(fit(&mut [], 200), None);
        assert_eq!(fit(&mut programme(15), 200), None);
        assert_eq!(fit(&mut programme(300), 20), None);
    }

    #[test]
    fn a_silent_partner_is_expected_to_bring_less_than_a_busy_one() {
        let mut all = programme(300);
        let weekly = fit(&mut all, 200).unwrap();
        let of = |partner: &str| {
            let past = all.iter().find(|one| one.partner == partner).unwrap();
            weekly.foresee(&past.days, past.joined, 200).unwrap()
        };
        let (busy, gone, never) = (of("p0001"), of("p0004"), of("p0006"));
        assert!(busy.chance > 0.95 && gone.chance < 0.4 && never.chance < 0.3, "{busy:?} {gone:?} {never:?}");
        assert!(busy.conversions_short > 15.0 && busy.conversions_long > 2.0 * busy.conversions_short);
        assert!(gone.conversions_long < busy.conversions_short);
        assert!(busy.lifetime > busy.revenue_long && busy.revenue_long > gone.revenue_long);
        assert!(never.revenue_long > Some(0.0));
        assert_eq!(weekly.foresee(&[], None, 200), None, "nobody knows since when");
    }

    #[test]
    fn later_days_are_not_looked_at() {
        let mut all = programme(300);
        let weekly = fit(&mut all, 200).unwrap();
        let past = &all[1];
        let cut: Vec<ActiveDay> = past.days.iter().copied().filter(|one| one.day <= 150).collect();
        assert_eq!(weekly.foresee(&past.days, None, 150), weekly.foresee(&cut, None, 150));
    }

    #[test]
    fn sundays_are_due() {
        assert!(is_due(day::number(jiff::civil::date(2026, 11, 22))));
        assert_eq!((0..70).filter(|on| is_due(*on)).count(), 10);
    }
}
