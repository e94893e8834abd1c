//! Times fitting and scoring the customer-base model over a million partners on one core, and prints the table.
#![allow(clippy::disallowed_methods, reason = "an example takes the time")]

use std::time::Instant;

use rapport_insight::base::{Family, Grouped, History, Nbd};

fn main() {
    let partners: u32 = std::env::args().nth(1).and_then(|n| n.parse().ok()).unwrap_or(1_000_000);
    let mut noise = 1_u64;
    let mut uniform = || {
        noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((noise >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
    };
    // Twelve weeks of joining, 39 weeks of history, daily rates from a skewed distribution, a chance to leave each time.
    let mut histories = Vec::with_capacity(partners as usize);
    for _ in 0..partners {
        let age = 189 + (uniform() * 84.0) as u32;
        let (rate, leave) = (0.03 * uniform().powi(3) + 0.001, 0.8 * uniform() * uniform());
        let (mut day, mut last, mut repeats) = (0.0, 0, 0);
        while uniform() > leave {
            day += 1.0_f64.max(-uniform().ln() / rate);
            if day > f64::from(age) {
                break;
            }
            (last, repeats) = (day as u32, repeats + 1);
        }
        histories.push(History::new(repeats, last, age));
    }
    let start = Instant::now();
    let grouped = Grouped::of(histories.iter().copied());
    let groups = start.elapsed();
    let fit = Nbd::fit(&grouped, Family::Mbg, None);
    let fitted = start.elapsed();
    println!(
        "{partners} partners in {} groups: grouped {groups:?}, grouped and fitted {fitted:?}; {fit:?}",
        grouped.len()
    );
    let start = Instant::now();
    let chance: f64 = histories.iter().map(|history| fit.model.p_active(*history, 30.0)).sum();
    println!("P(at least one in 30 days) of each: {:?} (mean {:.4})", start.elapsed(), chance / f64::from(partners));
    let start = Instant::now();
    let count: f64 = histories.iter().map(|history| fit.model.expected(*history, 30.0)).sum();
    println!("expected conversions of each: {:?} (mean {:.4})", start.elapsed(), count / f64::from(partners));
}
