//! Who is held out of a workflow, for ever the same.

use sha2::{Digest, Sha256};

/// The place of a partner in a workflow's holdout, as a percentage in `[0, 100)`.
///
/// The first 53 bits of SHA-256 over `seed` (8 octets, big-endian) and the three names, each followed by a zero octet. It depends
/// on nothing else, so that the answer is the same after a restart, on another node and in a backtest. The
/// separator keeps `("a", "bc")` and `("ab", "c")` apart; ids hold no zero octet.
#[must_use]
pub fn draw(seed: u64, program: &str, partner: &str, workflow: &str) -> f64 {
    let mut hash = Sha256::new();
    hash.update(seed.to_be_bytes());
    for name in [program, partner, workflow] {
        hash.update(name.as_bytes());
        hash.update([0]);
    }
    let digest: [u8; 32] = hash.finalize().into();
    let [a, b, c, d, e, f, g, h, ..] = digest;
    let bits = u64::from_be_bytes([a, b, c, d, e, f, g, h]) >> 11;
    // 53 bits fit a float exactly.
    bits as f64 / (1_u64 << 53) as f64 * 100.0
}

/// Whether a partner belongs to the `percent` (0–100) held out of a workflow.
///
/// Raising the percentage only adds people: whoever was held out stays held out.
#[must_use]
pub fn held_out(seed: u64, program: &str, partner: &str, workflow: &str, percent: f64) -> bool {
    draw(seed, program, partner, workflow) < percent
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Computed with Python: `hashlib.sha256(seed.to_bytes(8,'big') + b''.join(n.encode() + b'\0' for n in names))`.
    #[test]
    fn vectors_from_another_implementation() {
        let vectors = [
            (0, "acme", "p1", "welcome", 82.2769561157843),
            (0, "acme", "p1", "win-back", 4.427838952885931),
            (1, "acme", "p1", "welcome", 70.8243924122183),
            (42, "globex", "partner-Ä", "re-engagement", 80.30165308806995),
        ];
        for (seed, program, partner, workflow, expected) in vectors {
            assert_eq!(draw(seed, program, partner, workflow), expected, "{seed} {program} {partner} {workflow}");
        }
    }

    #[test]
    fn the_share_is_about_what_was_asked_for() {
        let held = (0..20_000).filter(|n| held_out(7, "acme", &format!("p{n}"), "welcome", 10.0)).count();
        // 6 standard deviations of a binomial(20000, .1) are 255.
        assert!((1745..=2255).contains(&held), "{held}");
    }

    #[test]
    fn workflows_draw_independently() {
        let both = (0..20_000)
            .map(|n| format!("p{n}"))
            .filter(|p| held_out(7, "acme", p, "welcome", 50.0) && held_out(7, "acme", p, "win-back", 50.0))
            .count();
        assert!((4630..=5370).contains(&both), "{both}");
    }

    proptest! {
        #[test]
        fn a_larger_share_keeps_everybody(seed: u64, partner in "[a-z0-9]{1,12}", small in 0.0..100.0f64, more in 0.0..50.0f64) {
            if held_out(seed, "acme", &partner, "welcome", small) {
                prop_assert!(held_out(seed, "acme", &partner, "welcome", small + more));
            }
            prop_assert!(!held_out(seed, "acme", &partner, "welcome", 0.0));
            prop_assert!(held_out(seed, "acme", &partner, "welcome", 100.0));
        }
    }
}
