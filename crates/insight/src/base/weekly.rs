//! The programme's fit as the engine keeps it: learnt once a week at day close, asked all week.

use jiff::civil::Weekday;
use serde::{Deserialize, Serialize};

use super::around::{Around, Basis};
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
/// Partners with a conversion from which on a fit is the programme's own, ...
pub const PARTNERS_MIN: usize = 20;
/// ... and days since the first conversion of anybody: before, it is mostly what others show, and says so.
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
    /// What it rests on.
    #[serde(default)]
    pub basis: Basis,
    /// What was learnt.
    pub fit: ProgramFit,
}

/// Fits a programme at the close of day `on`. The order of the pasts is of no account. `around`: what is known without them. Under
/// [`PARTNERS_MIN`] partners who sold, or fewer than [`DAYS_MIN`] days after the first conversion of anybody, the fit is borrowed:
/// near `around`, without a correction, and it says so. `None` without anybody.
#[must_use]
pub fn fit(pasts: &mut [OwnPast], on: i32, around: &Around) -> Option<WeeklyFit> {
    if pasts.is_empty() {
        return None;
    }
    let first = pasts.iter().filter_map(|one| one.days.first()).map(|one| one.day).min();
    // Sums of floating point numbers depend on their order.
    pasts.sort_by(|one, other| one.partner.cmp(&other.partner));
    let sold: Vec<Summary> = pasts.iter().filter_map(|one| Summary::until(&one.days, on)).collect();
    let is_own = sold.len() >= PARTNERS_MIN && first.is_some_and(|first| on.saturating_sub(first) >= DAYS_MIN);
    let basis = if is_own { Basis::Own } else { around.basis };
    let past: Vec<Past<'_>> = pasts.iter().map(|one| Past { joined: one.joined, days: &one.days }).collect();
    // Published estimates are no programme's: one that can speak for itself does not lean on them.
    let near = (!is_own || around.basis != Basis::Declared).then_some(around);
    let mut fit = ProgramFit::fit(&past, on, SHORT_DAYS, near);
    fit.spend = fit.spend.or_else(|| around.spend.scaled(usual_day(&sold)));
    if !is_own {
        fit.correction = None;
        fit.orders_per_day = if sold.is_empty() { around.orders_per_day } else { fit.orders_per_day };
    }
    Some(WeeklyFit { on, basis, fit })
}

/// What a day with conversions usually brings: the median of the partners' means, of an even number the lower, so that one enormous
/// order is nobody else's normal. NaN without any.
fn usual_day(sold: &[Summary]) -> f64 {
    // Without spend: nothing is known of its worth.
    let known = sold.iter().filter(|one| one.spend > 0.0);
    let mut means: Vec<f64> = known.map(|one| one.spend / f64::from(one.active.max(1))).collect();
    means.sort_by(f64::total_cmp);
    means.get(means.len().saturating_sub(1) / 2).copied().unwrap_or(f64::NAN)
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
            Expected::Chance => fit.chance(sums, on),
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
        let usual = Around::default();
        let fitted = fit(&mut forward, 200, &usual).unwrap();
        assert_eq!(all_digits(&fitted), all_digits(&fit(&mut backward, 200, &usual).unwrap()));
    }

    /// All digits of all numbers.
    fn all_digits(fit: &WeeklyFit) -> String {
        format!("{fit:?}")
    }

    #[test]
    fn a_small_or_young_programme_borrows_and_says_so() {
        let usual = Around::default();
        assert_eq!(fit(&mut [], 200, &usual), None, "nobody is there");
        let large = fit(&mut programme(300), 200, &usual).unwrap();
        assert_eq!(large.basis, Basis::Own);
        let others = Around::of([&large]);
        for (partners, on) in [(15, 200), (300, 20)] {
            let declared = fit(&mut programme(partners), on, &usual).unwrap();
            assert_eq!((declared.basis, declared.fit.correction.clone()), (Basis::Declared, None));
            assert_eq!(fit(&mut programme(partners), on, &others).unwrap().basis, Basis::Borrowed { programs: 1 });
        }
        assert_eq!(fit(&mut programme(300), 200, &others).unwrap().basis, Basis::Own);
    }

    #[test]
    fn one_partner_alone_has_an_outlook_by_what_others_show() {
        let days: Vec<ActiveDay> = (0..10).map(|week| ActiveDay { day: 7 * week, orders: 1, spend: 4_000.0 }).collect();
        let mut alone = vec![OwnPast { partner: "ada".into(), joined: Some(0), days }];
        let weekly = fit(&mut alone, 66, &Around::default()).unwrap();
        let of = |on| ALL.map(|what| weekly.expect(&alone[0].days, Some(0), on, what).unwrap());
        let (now, later) = (of(66), of(200));
        assert!(now[0] > 0.8 && later[0] < 0.5 * now[0], "{now:?} {later:?}");
        assert!((now[3] / (now[2] * 4_000.0) - 1.0).abs() < 0.01, "every day is worth the same: {now:?}");
        let never = weekly.expect(&[], Some(60), 66, Expected::Chance).unwrap();
        assert!((0.05..0.6).contains(&never), "{never}");
        // Who never sold anything has a chance, and no worth to go by.
        let mut new = vec![OwnPast { partner: "bo".into(), joined: Some(60), days: Vec::new() }];
        let weekly = fit(&mut new, 66, &Around::default()).unwrap();
        assert!(weekly.expect(&[], Some(60), 66, Expected::Chance).is_some());
        assert_eq!(weekly.expect(&[], Some(60), 66, Expected::Lifetime), None);
    }

    #[test]
    fn one_enormous_order_makes_nobody_elses_future_enormous() {
        let of = |partner: &str, spend: f64| OwnPast {
            partner: partner.into(),
            joined: Some(0),
            days: (0..10).map(|day| ActiveDay { day: 3 * day, orders: 1, spend }).collect(),
        };
        let mut both = vec![of("huge", 1e12), of("steady", 4_000.0)];
        let weekly = fit(&mut both, 34, &Around::default()).unwrap();
        let value = |past: &OwnPast| weekly.expect(&past.days, None, 34, Expected::RevenueLong).unwrap();
        assert!(value(&both[0]) > 1e12 && value(&both[1]) < 1e6, "{} {}", value(&both[0]), value(&both[1]));
    }

    #[test]
    fn a_small_programme_is_nearer_to_the_others_than_by_its_own_data_alone() {
        let large = fit(&mut programme(300), 200, &Around::default()).unwrap();
        let others = Around::of([&large]);
        let near = fit(&mut programme(30), 200, &others).unwrap().fit.model;
        let alone = fit(&mut programme(30), 200, &Around::default()).unwrap().fit.model;
        let off = |model: crate::base::Nbd| {
            let logs = |model: crate::base::Nbd| [model.r, model.alpha, model.a, model.b].map(f64::ln);
            logs(model).iter().zip(logs(others.model)).map(|(one, other)| (one - other).powi(2)).sum::<f64>()
        };
        assert!(off(near) < off(alone), "{near:?} {alone:?}");
    }

    #[test]
    fn a_silent_partner_is_expected_to_bring_less_than_a_busy_one() {
        let mut all = programme(300);
        let weekly = fit(&mut all, 200, &Around::default()).unwrap();
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
        let weekly = fit(&mut all, 200, &Around::default()).unwrap();
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
