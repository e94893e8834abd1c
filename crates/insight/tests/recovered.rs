//! Samples drawn from the models themselves: their parameters must come out again, on any machine. Seeds are fixed, so that a run
//! that fails fails again; the bounds are a few standard errors of samples of this size.

use rapport_insight::base::{Family, GammaGamma, Grouped, History, Nbd};

/// Uniform numbers, and what is made of them. The textbook ways are enough: nothing here is fast.
struct Chance(u64);

impl Chance {
    fn uniform(&mut self) -> f64 {
        // splitmix64
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64 + 1e-17
    }

    fn exponential(&mut self) -> f64 {
        -self.uniform().ln()
    }

    fn normal(&mut self) -> f64 {
        (-2.0 * self.uniform().ln()).sqrt() * (std::f64::consts::TAU * self.uniform()).cos()
    }

    /// Marsaglia & Tsang 2000; below 1 by the boost of the same paper.
    fn gamma(&mut self, shape: f64) -> f64 {
        if shape < 1.0 {
            return self.gamma(shape + 1.0) * self.uniform().powf(1.0 / shape);
        }
        let d = shape - 1.0 / 3.0;
        let c = 1.0 / (9.0 * d).sqrt();
        loop {
            let x = self.normal();
            let v = (1.0 + c * x).powi(3);
            if v > 0.0 && self.uniform().ln() < 0.5 * x * x + d - d * v + d * v.ln() {
                return d * v;
            }
        }
    }

    fn beta(&mut self, a: f64, b: f64) -> f64 {
        let (x, y) = (self.gamma(a), self.gamma(b));
        x / (x + y)
    }
}

/// Histories of partners by the model, over ages of 20 to 100 weeks.
fn histories(model: &Nbd, partners: usize, seed: u64) -> Vec<History> {
    let mut chance = Chance(seed);
    let one = |chance: &mut Chance| {
        let rate = chance.gamma(model.r) / model.alpha;
        let leaves = chance.beta(model.a, model.b);
        let age = 20.0 + 80.0 * chance.uniform();
        let (mut time, mut repeats, mut last) = (0.0, 0_u32, 0.0);
        let mut there = model.family == Family::Bg || chance.uniform() >= leaves;
        while there {
            time += chance.exponential() / rate;
            if time > age {
                break;
            }
            (repeats, last) = (repeats + 1, time);
            there = chance.uniform() >= leaves;
        }
        // Days are whole; the last one is not before as many days as there were repeats.
        History::new(repeats, ((last * 7.0_f64).round() as u32).max(repeats), ((age * 7.0).round() as u32).max(repeats))
    };
    (0..partners).map(|_| one(&mut chance)).collect()
}

#[track_caller]
fn near(name: &str, got: f64, drawn: f64, share: f64) {
    assert!((got / drawn - 1.0).abs() <= share, "{name}: {got} was drawn with {drawn}");
}

#[test]
fn parameters_of_both_models_are_found_again() {
    for (family, r, alpha, a, b) in [(Family::Bg, 0.6, 8.0, 0.8, 2.5), (Family::Mbg, 0.8, 10.0, 0.9, 2.0)] {
        let drawn = Nbd { family, r, alpha, a, b };
        let grouped = Grouped::of(histories(&drawn, 40_000, 11));
        let fit = Nbd::fit(&grouped, family, None);
        assert!(fit.converged, "{family:?}");
        near("r", fit.model.r, r, 0.05);
        near("alpha", fit.model.alpha, alpha, 0.08);
        near("a", fit.model.a, a, 0.15);
        near("b", fit.model.b, b, 0.2);
        // What a and b come to together is known much better than either.
        near("a/(a+b)", fit.model.a / (fit.model.a + fit.model.b), a / (a + b), 0.05);
        assert!(
            fit.log_likelihood >= drawn.log_likelihood(&grouped),
            "the most likely is no less likely than the truth"
        );
    }
}

#[test]
fn probabilities_hold_for_partners_drawn_by_the_model() {
    let drawn = Nbd { family: Family::Mbg, r: 0.8, alpha: 10.0, a: 0.9, b: 2.0 };
    let mut chance = Chance(5);
    let (mut said, mut came, mut expected, mut counted) = (0.0, 0.0, 0.0, 0.0);
    for _ in 0..60_000 {
        let (rate, leaves) = (chance.gamma(drawn.r) / drawn.alpha, chance.beta(drawn.a, drawn.b));
        let (mut time, mut repeats, mut last, mut after) = (0.0, 0_u32, 0.0_f64, 0_u32);
        let mut there = chance.uniform() >= leaves;
        while there && time <= 66.0 {
            time += chance.exponential() / rate;
            if time <= 52.0 {
                (repeats, last) = (repeats + 1, time);
            } else if time <= 66.0 {
                after += 1;
            }
            there = chance.uniform() >= leaves;
        }
        let history = History::new(repeats, ((last * 7.0).round() as u32).max(repeats), 364.max(repeats));
        said += drawn.p_active(history, 98.0);
        expected += drawn.expected(history, 98.0);
        came += f64::from(u8::from(after > 0));
        counted += f64::from(after);
    }
    near("P(>= 1)", said, came, 0.02);
    near("E[Y]", expected, counted, 0.04);
}

#[test]
fn parameters_of_the_value_model_are_found_again() {
    let (p, q, v) = (6.0, 3.8, 15.0);
    let mut chance = Chance(3);
    let rows: Vec<(u32, f64)> = (0..20_000)
        .map(|_| {
            let scale = chance.gamma(q) / v;
            let repeats = 1 + (chance.uniform() * 8.0) as u32;
            let sum: f64 = (0..repeats).map(|_| chance.gamma(p) / scale).sum();
            (repeats, sum / f64::from(repeats))
        })
        .collect();
    let fit = GammaGamma::fit(rows).unwrap();
    near("p", fit.p, p, 0.08);
    near("q", fit.q, q, 0.08);
    near("v", fit.v, v, 0.15);
    near("mean", fit.per_day(0, 0.0).unwrap(), p * v / (q - 1.0), 0.03);
}
