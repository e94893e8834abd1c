//! A programme's fit, and what it says of a partner.

use serde::{Deserialize, Serialize};

use super::around::Around;
use super::correction::Correction;
use super::first_sale::FirstSale;
use super::history::{ActiveDay, Grouped, History, Summary};
use super::nbd::{Family, Nbd};
use super::spend::GammaGamma;

/// One partner's past, to fit from.
#[derive(Debug, Clone, Copy)]
pub struct Past<'a> {
    /// [Day number](crate::day::number) of joining, where known.
    pub joined: Option<i32>,
    /// Days on which the partner converted.
    pub days: &'a [ActiveDay],
}

/// Everything learnt of a programme, for one horizon. Fit weekly; small enough to be sent about.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProgramFit {
    /// The horizon all answers are for, in days.
    pub horizon_days: u32,
    /// Partners with a conversion behind the fit.
    pub partners: usize,
    /// Conversions and leaving.
    pub model: Nbd,
    /// Worth of a day; `None` with too few repeats.
    pub spend: Option<GammaGamma>,
    /// Partners without a conversion.
    pub first_sale: FirstSale,
    /// What the model misses; `None` while the past cannot say.
    pub correction: Option<Correction>,
    /// Conversions of an active day, over everybody.
    #[serde(default = "one")]
    pub orders_per_day: f64,
}

fn one() -> f64 {
    1.0
}

/// How often who was given up comes back, a year, and repeats that make a rhythm. Of customers of the public sets whom MBG/NBD gives a
/// chance below 5 % to be there still, .18 to .5 came back within the nine to twelve months that followed; of those who bought once, .07.
const RETURNS_A_YEAR: f64 = 0.2;
const RHYTHM_REPEATS: u32 = 3;

/// Active days that "this partner's days bring as many conversions as anybody's" is worth.
const ORDERS_PRIOR: f64 = 5.0;

/// What is to be expected of a partner within the horizon.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Outlook {
    /// P(still with us), by the model alone. Not for ranking.
    pub p_alive: f64,
    /// P(at least one active day within the horizon): to show and to rank by.
    pub p_active: f64,
    /// Active days expected within the horizon.
    pub expected: f64,
    /// What they bring, in the currency of the spend; `None` when nothing is known of spend.
    pub expected_value: Option<f64>,
}

impl ProgramFit {
    /// Fits everything from the days up to and including `until`; later ones are not looked at. The order of the partners is
    /// of no account. `around`: what all programmes together show, which a small programme borrows.
    #[must_use]
    pub fn fit(past: &[Past<'_>], until: i32, horizon_days: u32, around: Option<&Around>) -> Self {
        let mut sums: Vec<Summary> = past.iter().filter_map(|one| Summary::until(one.days, until)).collect();
        sums.sort_by(|a, b| {
            let key = |one: &Summary| (one.first, one.last, one.active, one.orders);
            key(a).cmp(&key(b)).then(a.spend.total_cmp(&b.spend))
        });
        let model = Nbd::fit(
            &Grouped::of(sums.iter().map(|one| one.history(until))),
            Family::Mbg,
            around.map(|around| &around.model),
        )
        .model;
        let repeats = sums.iter().filter_map(|one| Some((one.active - 1, one.repeat_spend()?)));
        let waits = past.iter().filter_map(|one| {
            let joined = one.joined.filter(|joined| *joined <= until)?;
            let first = Summary::until(one.days, until).map(|sums| sums.first);
            let waited = first.unwrap_or(until).saturating_sub(joined);
            Some((u32::try_from(waited).unwrap_or(0), first.is_some()))
        });
        Self {
            horizon_days,
            partners: sums.len(),
            model,
            spend: GammaGamma::fit(repeats),
            first_sale: FirstSale::fit(waits, around.map_or_else(FirstSale::default, |around| around.first_sale)),
            correction: Correction::learn(past, until, horizon_days, &model),
            orders_per_day: {
                let all = sums.iter().fold((0.0, 0.0), |(orders, days), one| {
                    (orders + f64::from(one.orders), days + f64::from(one.active))
                });
                if all.1 > 0.0 { all.0 / all.1 } else { 1.0 }
            },
        }
    }

    /// What the models deny and the past shows: of partners with a rhythm who fell silent so long that every model gives them up, two in
    /// ten come back within a year. Where nothing was learnt of that from the programme itself, the chance is no lower.
    fn floor(&self, history: History) -> f64 {
        if history.repeats() < RHYTHM_REPEATS {
            return 0.0;
        }
        let days = f64::from(self.horizon_days);
        let alive = self.model.p_active(history, days) / self.model.p_alive(history).max(1e-300);
        (-(-RETURNS_A_YEAR * days / 365.25).exp_m1()).min(alive.clamp(0.0, 1.0))
    }

    /// Active days expected within any number of days: those of the fit's own horizon, stretched as the model says.
    #[must_use]
    pub fn expected_days(&self, sums: &Summary, on: i32, days: u32) -> f64 {
        let (history, own) = (sums.history(on), f64::from(self.horizon_days));
        let stretch = self.model.expected(history, f64::from(days)) / self.model.expected(history, own).max(1e-12);
        // Where the model expects next to nothing, its ratio is noise; time itself bounds it.
        let bound = (f64::from(days) / own.max(1.0)).max(1.0);
        self.outlook(sums, on).expected * stretch.clamp(1.0_f64.min(f64::from(days) / own.max(1.0)), bound)
    }

    /// Conversions the partner brings on a day with any: between the own mean and everybody's.
    #[must_use]
    pub fn orders_a_day(&self, sums: &Summary) -> f64 {
        (f64::from(sums.orders) + ORDERS_PRIOR * self.orders_per_day) / (f64::from(sums.active) + ORDERS_PRIOR)
    }

    /// The outlook of a partner with conversions, as of the close of day `on`.
    #[must_use]
    pub fn outlook(&self, sums: &Summary, on: i32) -> Outlook {
        let (history, days) = (sums.history(on), f64::from(self.horizon_days));
        let (p, count) = (self.model.p_active(history, days), self.model.expected(history, days));
        let (p_active, expected) = match &self.correction {
            Some(correction) => correction.apply(sums, on, p, count),
            None => {
                let floor = self.floor(history);
                (p.max(floor), count.max(floor))
            }
        };
        let expected_value = self.spend.map(|spend| expected * spend.of(sums));
        Outlook { p_alive: self.model.p_alive(history), p_active, expected, expected_value }
    }

    /// The `p_active` of [`ProgramFit::outlook`] alone: every partner is asked for it every night, and the rest takes most of the time.
    #[must_use]
    pub fn chance(&self, sums: &Summary, on: i32) -> f64 {
        let history = sums.history(on);
        let p = self.model.p_active(history, f64::from(self.horizon_days));
        match &self.correction {
            Some(correction) => correction.chance(sums, on, p),
            None => p.max(self.floor(history)),
        }
    }

    /// The outlook of a partner who joined that many days ago and has not converted yet.
    #[must_use]
    pub fn outlook_before_first(&self, waited_days: u32) -> Outlook {
        let days = f64::from(self.horizon_days);
        let p_active = self.first_sale.p_active(waited_days, days);
        // The first comes, on average, halfway; then a new partner's repeats follow.
        let expected = p_active * (1.0 + self.model.expected(History::new(0, 0, 0), days / 2.0));
        let expected_value = self.spend.and_then(|spend| spend.per_day(0, 0.0)).map(|each| expected * each);
        Outlook { p_alive: 1.0, p_active, expected, expected_value }
    }

    /// What the partner will bring in the coming years, discounted by a yearly rate; `None` when nothing is known of spend.
    #[must_use]
    pub fn lifetime_value(&self, sums: &Summary, on: i32, years: u32, rate: f64) -> Option<f64> {
        let days = self.model.expected_discounted(sums.history(on), years, rate);
        self.spend.map(|spend| days * spend.of(sums))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn any_spend() -> impl Strategy<Value = f64> {
        prop_oneof![4 => 0.0_f64..500.0, 1 => any::<f64>()]
    }

    /// Partners of a made-up programme: some regular, some who leave.
    fn programme(partners: u32) -> Vec<Vec<ActiveDay>> {
        let mut noise = 7_u64;
        let mut next = || {
            noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (noise >> 40) as u32
        };
        (0..partners)
            .map(|partner| {
                let (start, every) = ((next() % 90) as i32, 4 + next() % 50);
                let ends = if partner % 3 == 0 { 60 + (next() % 200) as i32 } else { 400 };
                let mut day = start;
                let mut days = Vec::new();
                while day < ends.min(300) || days.is_empty() {
                    days.push(ActiveDay { day, orders: 1 + next() % 3, spend: f64::from(20 + next() % 80) });
                    day += 1 + (next() % (2 * every)) as i32;
                }
                days
            })
            .collect()
    }

    fn fit(days: &[Vec<ActiveDay>], until: i32) -> ProgramFit {
        let past: Vec<Past<'_>> = days.iter().map(|days| Past { joined: None, days }).collect();
        ProgramFit::fit(&past, until, 60, None)
    }

    #[test]
    fn days_after_the_cut_change_nothing() {
        let whole = programme(400);
        let cut: Vec<Vec<ActiveDay>> =
            whole.iter().map(|days| days.iter().copied().filter(|one| one.day <= 200).collect()).collect();
        let fitted = fit(&whole, 200);
        assert!(fitted.correction.is_some());
        assert_eq!(fitted, fit(&cut, 200));
    }

    #[test]
    fn probabilities_hold_on_what_comes_after() {
        let whole = programme(1500);
        let fitted = fit(&whole, 200);
        let (mut said, mut came, mut counted, mut all) = (0.0, 0.0, 0.0, 0.0);
        for days in &whole {
            let Some(sums) = Summary::until(days, 200) else { continue };
            let outlook = fitted.outlook(&sums, 200);
            let after = days.iter().filter(|one| (201..=260).contains(&one.day)).count() as f64;
            said += outlook.p_active;
            came += f64::from(u8::from(after > 0.0));
            counted += outlook.expected;
            all += after;
        }
        assert!((said / came - 1.0).abs() < 0.1, "{said} {came}");
        assert!((counted / all - 1.0).abs() < 0.15, "{counted} {all}");
    }

    #[test]
    fn small_and_empty_programmes_have_an_outlook() {
        let none = ProgramFit::fit(&[], 100, 30, None);
        assert_eq!((none.partners, none.correction.clone(), none.spend), (0, None, None));
        assert!(none.outlook_before_first(10).p_active > 0.0);
        let days = [ActiveDay { day: 5, orders: 1, spend: 10.0 }];
        let one = ProgramFit::fit(&[Past { joined: Some(0), days: &days }], 100, 30, Some(&Around::default()));
        let sums = Summary::until(&days, 100).unwrap();
        let outlook = one.outlook(&sums, 100);
        assert!((0.0..1.0).contains(&outlook.p_active) && outlook.expected_value.is_none());
    }

    #[test]
    fn value_is_days_times_worth_and_discounted_over_a_lifetime() {
        let whole = programme(400);
        let fitted = fit(&whole, 200);
        let sums = Summary::until(&whole[1], 200).unwrap();
        let plain = fitted.lifetime_value(&sums, 200, 3, 0.0).unwrap();
        let now = fitted.lifetime_value(&sums, 200, 3, 0.1).unwrap();
        assert!(0.0 < now && now < plain);
        assert!(fitted.outlook(&sums, 200).expected_value.unwrap() < plain);
    }

    #[test]
    fn who_was_given_up_is_not_without_a_chance() {
        let fitted = ProgramFit { correction: None, ..fit(&programme(400), 200) };
        let busy = |last: i32| Summary { first: 0, last, active: 60, orders: 60, spend: 600.0, first_spend: 10.0 };
        let gone = fitted.outlook(&busy(90), 390);
        assert!(gone.p_alive < 0.01, "{gone:?}");
        // 60 days at two in ten a year.
        assert!((gone.p_active - 0.0323).abs() < 1e-3 && gone.expected >= gone.p_active, "{gone:?}");
        assert!(fitted.outlook(&busy(389), 390).p_active > 0.9);
        let once = Summary { active: 1, orders: 1, ..busy(0) };
        assert_eq!(fitted.outlook(&once, 390).p_active, fitted.model.p_active(once.history(390), 60.0));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]
        #[test]
        fn the_order_of_partners_is_of_no_account(by in 1_usize..300) {
            let mut whole = programme(300);
            let forward = fit(&whole, 200);
            whole.rotate_left(by);
            let other = fit(&whole, 200);
            prop_assert_eq!(forward.model, other.model);
            prop_assert_eq!(forward.spend, other.spend);
            let sums = Summary::until(&whole[0], 200).unwrap();
            let (a, b) = (forward.outlook(&sums, 200), other.outlook(&sums, 200));
            prop_assert!((a.p_active - b.p_active).abs() < 1e-9 && (a.expected - b.expected).abs() < 1e-9);
        }

        #[test]
        fn any_days_can_be_fitted(
            partners in prop::collection::vec(prop::collection::vec((-50_i32..400, 0_u32..9, any_spend()), 0..12), 0..150),
        ) {
            let days: Vec<Vec<ActiveDay>> = partners
                .iter()
                .map(|days| days.iter().map(|(day, orders, spend)| ActiveDay { day: *day, orders: *orders, spend: *spend }).collect())
                .collect();
            let fitted = fit(&days, 300);
            for sums in days.iter().filter_map(|days| Summary::until(days, 300)) {
                let outlook = fitted.outlook(&sums, 300);
                prop_assert!((0.0..=1.0).contains(&outlook.p_active) && outlook.expected.is_finite());
                prop_assert_eq!(fitted.chance(&sums, 300).to_bits(), outlook.p_active.to_bits());
                let plain = ProgramFit { correction: None, ..fitted.clone() };
                prop_assert_eq!(plain.chance(&sums, 300).to_bits(), plain.outlook(&sums, 300).p_active.to_bits());
                prop_assert!(outlook.expected_value.is_none_or(|value| value >= 0.0));
            }
        }
    }
}
