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

/// What can be expected of one partner. Each is asked for alone: a chance is wanted for every partner every night, a lifetime
/// (the dearest of them) hardly ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// P(at least one conversion within [`SHORT_DAYS`]).
    Chance,
    /// Conversions within [`SHORT_DAYS`].
    ConversionsShort,
    /// Conversions within [`LONG_DAYS`].
    ConversionsLong,
    /// Order value within [`LONG_DAYS`], in the unit of the days' spend.
    RevenueLong,
    /// Order value of the next [`LIFETIME_YEARS`] years, discounted by [`DISCOUNT`] a year.
    Lifetime,
}

impl WeeklyFit {
    /// What is to be expected of a partner as of the close of day `on`; later days are not looked at. `joined`: for one who has not
    /// converted yet. `None` when neither is known, and of money when nothing is known of that.
    #[must_use]
    pub fn expect(&self, days: &[ActiveDay], joined: Option<i32>, on: i32, what: Expected) -> Option<f64> {
        match Summary::until(days, on) {
            Some(sums) => self.of_seller(&sums, on, what),
            None => {
                let waited = on.checked_sub(joined?).and_then(|days| u32::try_from(days).ok())?;
                self.before_first(waited, what)
            }
        }
    }

    fn of_seller(&self, sums: &Summary, on: i32, what: Expected) -> Option<f64> {
        let fit = &self.fit;
        let long = || fit.expected_days(sums, on, LONG_DAYS);
        Some(match what {
            Expected::Chance => fit.outlook(sums, on).p_active,
            Expected::ConversionsShort => fit.outlook(sums, on).expected * fit.orders_a_day(sums),
            Expected::ConversionsLong => long() * fit.orders_a_day(sums),
            Expected::RevenueLong => fit.spend?.of(sums) * long(),
            // A lifetime holds the next quarter.
            Expected::Lifetime => {
                fit.lifetime_value(sums, on, LIFETIME_YEARS, DISCOUNT)?.max(fit.spend?.of(sums) * long())
            }
        })
    }

    fn before_first(&self, waited: u32, what: Expected) -> Option<f64> {
        let within = |days| ProgramFit { horizon_days: days, ..self.fit.clone() }.outlook_before_first(waited);
        Some(match what {
            Expected::Chance => self.fit.outlook_before_first(waited).p_active,
            Expected::ConversionsShort => self.fit.outlook_before_first(waited).expected * self.fit.orders_per_day,
            Expected::ConversionsLong => within(LONG_DAYS).expected * self.fit.orders_per_day,
            Expected::RevenueLong => within(LONG_DAYS).expected_value?,
            // The first years' money comes, on average, halfway.
            Expected::Lifetime => {
                within(LIFETIME_YEARS * 365).expected_value? * (1.0 + DISCOUNT).powf(-f64::from(LIFETIME_YEARS) / 2.0)
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Expected; 5] = [
        Expected::Chance,
        Expected::ConversionsShort,
        Expected::ConversionsLong,
        Expected::RevenueLong,
        Expected::Lifetime,
    ];

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
            ALL.map(|what| weekly.expect(&past.days, past.joined, 200, what).unwrap())
        };
        let (busy, gone, never) = (of("p0001"), of("p0004"), of("p0006"));
        let [chance, short, long, revenue, lifetime] = [0, 1, 2, 3, 4];
        assert!(busy[chance] > 0.95 && gone[chance] < 0.4 && never[chance] < 0.3, "{busy:?} {gone:?} {never:?}");
        assert!(busy[short] > 15.0 && busy[long] > 2.0 * busy[short]);
        assert!(gone[long] < busy[short]);
        assert!(busy[lifetime] > busy[revenue] && busy[revenue] > gone[revenue]);
        assert!(never[revenue] > 0.0);
        assert!(ALL.iter().all(|what| weekly.expect(&[], None, 200, *what).is_none()), "nobody knows since when");
    }

    #[test]
    fn later_days_are_not_looked_at() {
        let mut all = programme(300);
        let weekly = fit(&mut all, 200).unwrap();
        let past = &all[1];
        let cut: Vec<ActiveDay> = past.days.iter().copied().filter(|one| one.day <= 150).collect();
        for what in ALL {
            assert_eq!(weekly.expect(&past.days, None, 150, what), weekly.expect(&cut, None, 150, what));
        }
    }

    #[test]
    fn sundays_are_due() {
        assert!(is_due(day::number(jiff::civil::date(2026, 11, 22))));
        assert_eq!((0..70).filter(|on| is_due(*on)).count(), 10);
    }
}
