//! The interval of an uplift over simulated programmes whose true effect is known.

use rapport_insight::uplift::{NotEnough, Stratum, uplift};

/// SplitMix64 (Steele, Lea, Flood 2014).
struct Chance(u64);

impl Chance {
    fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// In (0, 1).
    fn unit(&mut self) -> f64 {
        ((self.bits() >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
    }

    fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// Sales of a partner whose own rate is exponential with this mean: geometric.
    fn sales(&mut self, mean: f64) -> u32 {
        let stays = mean / (1.0 + mean);
        (self.unit().ln() / stays.ln()) as u32
    }

    /// Log-normal with mean 1.
    fn worth(&mut self, sigma: f64) -> f64 {
        let normal = (-2.0 * self.unit().ln()).sqrt() * (std::f64::consts::TAU * self.unit()).cos();
        (sigma * normal - sigma * sigma / 2.0).exp()
    }
}

const PROGRAMMES: usize = 2_000;

/// A programme's partners, drawn at one share or, where it was changed, at two; a mail reaches some, and lifts their sales.
fn programme(chance: &mut Chance, lift: f64) -> [(f64, Vec<Stratum>); 3] {
    let partners = chance.between(200.0, 800.0) as u32;
    let (reached, sigma) = (chance.between(0.4, 1.0), chance.between(0.2, 0.8));
    let strata = if chance.unit() < 0.3 { 2 } else { 1 };
    let mut drawn =
        [vec![Stratum::default(); strata], vec![Stratum::default(); strata], vec![Stratum::default(); strata]];
    let (mut truth, mut all) = ([0.0; 3], 0.0);
    for at in 0..strata {
        let (share, mean) = (chance.between(0.08, 0.5), chance.between(0.3, 4.0));
        let lifted = mean * (1.0 + lift);
        // A geometric count is zero with chance 1 / (1 + mean).
        let sold = reached * (lifted / (1.0 + lifted) - mean / (1.0 + mean));
        let of = f64::from(partners);
        for (truth, per_partner) in truth.iter_mut().zip([sold, reached * lift * mean, reached * lift * mean]) {
            *truth += of * per_partner;
        }
        all += of;
        for _ in 0..partners {
            let held_out = chance.unit() < share;
            let mean = if !held_out && chance.unit() < reached { lifted } else { mean };
            let count = chance.sales(mean);
            let worth: f64 = (0..count).map(|_| chance.worth(sigma)).sum();
            for (of, value) in drawn.iter_mut().zip([f64::from(count.min(1)), f64::from(count), worth]) {
                let stratum = &mut of[at];
                let group = if held_out { &mut stratum.held_out } else { &mut stratum.let_in };
                group.add(value, 1);
            }
        }
    }
    let mut truth = truth.into_iter().map(|sum| sum / all);
    drawn.map(|strata| (truth.next().unwrap(), strata))
}

#[test]
fn the_interval_holds_the_truth_as_often_as_it_says() {
    let mut chance = Chance(20_261_122);
    // By outcome (sold at all, sales, worth): held, answered; and the same for programmes without any effect.
    let (mut all, mut none) = ([(0_u32, 0_u32); 3], [(0_u32, 0_u32); 3]);
    let (mut called, mut silent) = (0, 0);
    for nth in 0..PROGRAMMES {
        let lift = [0.0, 0.0, 0.1, 0.3, 0.8, -0.2][nth % 6];
        for (outcome, (truth, strata)) in programme(&mut chance, lift).into_iter().enumerate() {
            match uplift(&strata) {
                Ok(found) => {
                    let holds = u32::from(found.low <= truth && truth <= found.high);
                    let note = |of: &mut [(u32, u32); 3]| of[outcome] = (of[outcome].0 + holds, of[outcome].1 + 1);
                    note(&mut all);
                    if lift == 0.0 {
                        note(&mut none);
                        called += u32::from(found.is_clear());
                    }
                }
                Err(NotEnough::Alike) => panic!("nobody differs in programme {nth}"),
                Err(_) => silent += 1,
            }
        }
    }
    println!(
        "held, answered: all {all:?}, without effect {none:?}; effects called that are none {called}; silent {silent}"
    );
    for (outcome, (held, answered)) in all.into_iter().enumerate() {
        let coverage = f64::from(held) / f64::from(answered);
        assert!(answered as usize > PROGRAMMES / 2, "outcome {outcome}: {answered} answered");
        assert!((0.93..=0.97).contains(&coverage), "outcome {outcome}: {coverage} of {answered}");
    }
    let (held, answered) = none.into_iter().fold((0, 0), |sum, of| (sum.0 + of.0, sum.1 + of.1));
    let coverage = f64::from(held) / f64::from(answered);
    assert!((0.93..=0.97).contains(&coverage), "without effect: {coverage} of {answered}");
}

/// A tenth held out of a few hundred, where one partner in forty sells: the honest answer is none.
#[test]
fn where_sales_are_few_nothing_is_claimed() {
    let mut chance = Chance(7);
    for _ in 0..200 {
        let mut stratum = Stratum::default();
        for partner in 0..400 {
            let sold = f64::from(chance.sales(0.025));
            let group = if partner % 10 == 0 { &mut stratum.held_out } else { &mut stratum.let_in };
            group.add(sold, 1);
        }
        assert!(uplift(&[stratum]).is_err());
    }
}
