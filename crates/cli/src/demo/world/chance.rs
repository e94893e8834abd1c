//! Draws from distributions, by a seeded generator: the same seed gives the same world on every machine.

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

/// A generator for one subject of a seeded world, independent of all others.
pub fn stream(seed: u64, subject: u64) -> StdRng {
    // SplitMix64's finisher: neighbouring subjects get unrelated streams.
    let mut mixed = seed ^ subject.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    StdRng::seed_from_u64(mixed ^ (mixed >> 31))
}

/// A number for a text, the same on every machine (FNV-1a).
pub fn number_of(text: &str) -> u64 {
    text.bytes().fold(0xCBF2_9CE4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3))
}

/// Standard normal (Box–Muller).
pub fn normal(rng: &mut StdRng) -> f64 {
    let radius = (-2.0 * (1.0 - rng.random::<f64>()).ln()).sqrt();
    radius * (std::f64::consts::TAU * rng.random::<f64>()).cos()
}

/// `median` times the exponential of a normal with deviation `sigma`.
pub fn log_normal(rng: &mut StdRng, median: f64, sigma: f64) -> f64 {
    median * (sigma * normal(rng)).exp()
}

/// Gamma with mean 1 (Marsaglia and Tsang 2000); `shape` at least 1.
pub fn gamma_of_mean_one(rng: &mut StdRng, shape: f64) -> f64 {
    let d = shape.max(1.0) - 1.0 / 3.0;
    let c = 1.0 / (9.0 * d).sqrt();
    loop {
        let x = normal(rng);
        let v = (1.0 + c * x).powi(3);
        if v > 0.0 && (1.0 - rng.random::<f64>()).ln() < 0.5 * x * x + d - d * v + d * v.ln() {
            return d * v / shape.max(1.0);
        }
    }
}

/// Poisson: counted by products of uniforms, from 40 on by the normal approximation.
pub fn poisson(rng: &mut StdRng, mean: f64) -> u32 {
    if mean <= 0.0 {
        return 0;
    }
    if mean > 40.0 {
        return (mean + mean.sqrt() * normal(rng)).round().max(0.0) as u32;
    }
    let (limit, mut product, mut count) = ((-mean).exp(), rng.random::<f64>(), 0);
    while product > limit {
        product *= rng.random::<f64>();
        count += 1;
    }
    count
}

/// One of a list.
pub fn one_of<'a, T>(rng: &mut StdRng, list: &'a [T]) -> &'a T {
    &list[rng.random_range(0..list.len())]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_have_the_means_they_promise() {
        let mut rng = stream(1, 2);
        let mean = |draw: &mut dyn FnMut() -> f64| (0..20_000).map(|_| draw()).sum::<f64>() / 20_000.0;
        let gamma = mean(&mut || gamma_of_mean_one(&mut rng, 4.0));
        assert!((gamma - 1.0).abs() < 0.02, "{gamma}");
        let few = mean(&mut || f64::from(poisson(&mut rng, 0.3)));
        assert!((few - 0.3).abs() < 0.02, "{few}");
        let many = mean(&mut || f64::from(poisson(&mut rng, 90.0)));
        assert!((many - 90.0).abs() < 0.5, "{many}");
    }

    #[test]
    fn streams_of_one_seed_differ() {
        assert_ne!(stream(1, 2).random::<u64>(), stream(1, 3).random::<u64>());
        assert_eq!(stream(1, 2).random::<u64>(), stream(1, 2).random::<u64>());
    }
}
