//! Providers that ask for less: mail to them leaves more slowly for a while, and mail to all others as before.
//!
//! Each process finds out for itself, as it does of its relays: within seconds of each other they do. The store then counts by what
//! whoever claims has heard.

use std::{
    collections::BTreeMap,
    sync::Mutex,
    time::{Duration, Instant},
};

use super::hand::lock;
use crate::ports::{leave::PaceLimit, transport::Delivery};

/// Mails that were on their way together hear the same: it counts once.
const ONE_ANSWER: Duration = Duration::from_secs(30);
/// A provider that asks for no less is trusted with twice as much after this.
const EASES: Duration = Duration::from_secs(300);
/// Half as fast so often, and no slower: at 1200 a minute that is 18.
const LEVEL_MAX: u32 = 6;

/// Which providers asked for less.
#[derive(Debug, Default)]
pub(super) struct Slow(Mutex<BTreeMap<String, Asked>>);

/// How far a provider has been slowed, and when it last asked.
#[derive(Debug, Clone, Copy)]
struct Asked {
    level: u32,
    at: Instant,
}

impl Asked {
    /// What is left of it.
    fn level(self, now: Instant) -> u32 {
        let eased = now.saturating_duration_since(self.at).as_secs() / EASES.as_secs();
        self.level.saturating_sub(u32::try_from(eased).unwrap_or(u32::MAX))
    }
}

impl Slow {
    /// A provider asks for less. Returns how often its pace is halved from now on, if this is news.
    pub(super) fn asked(&self, provider: &str, now: Instant) -> Option<u32> {
        let mut providers = lock(&self.0);
        providers.retain(|_, asked| asked.level(now) > 0);
        let before = providers.get(provider).copied();
        if before.is_some_and(|asked| now.saturating_duration_since(asked.at) < ONE_ANSWER) {
            return None;
        }
        let level = (before.map_or(0, |asked| asked.level(now)) + 1).min(LEVEL_MAX);
        providers.insert(provider.to_owned(), Asked { level, at: now });
        Some(level)
    }

    /// The pace to a provider as long as it is slowed.
    pub(super) fn limited(&self, provider: &str, pace: PaceLimit, now: Instant) -> PaceLimit {
        let level = lock(&self.0).get(provider).map_or(0, |asked| asked.level(now));
        PaceLimit {
            every_us: pace.every_us.saturating_mul(1_i64 << level),
            at_once: (pace.at_once >> level).max(1),
            connections: (pace.connections >> level).max(1),
        }
    }
}

/// Whether an answer asks for less: 421, or a refusal for now by policy (4.7.x), which is how providers tell of a rate.
pub(super) fn asks_for_less(delivery: &Delivery) -> bool {
    match delivery {
        Delivery::Refused { code, enhanced, .. } => {
            *code == 421 || enhanced.as_deref().is_some_and(|enhanced| enhanced.starts_with("4.7."))
        }
        Delivery::Accepted { .. } | Delivery::NotSent { .. } | Delivery::InDoubt { .. } => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::transport::RefusalClass;

    const USUAL: PaceLimit = PaceLimit { every_us: 50_000, at_once: 200, connections: 20 };

    fn start() -> Instant {
        tokio::time::Instant::now().into_std()
    }

    #[test]
    fn who_asks_for_less_gets_half_and_the_others_as_much_as_before() {
        let (slow, now) = (Slow::default(), start());
        assert_eq!(slow.asked("google", now), Some(1));
        assert_eq!(slow.asked("google", now + ONE_ANSWER / 2), None, "the same answer, heard by many");
        let half = PaceLimit { every_us: 100_000, at_once: 100, connections: 10 };
        assert_eq!(slow.limited("google", USUAL, now), half);
        assert_eq!(slow.limited("yahoo", USUAL, now), USUAL);
        assert_eq!(slow.limited("google", USUAL, now + EASES), USUAL, "and it is over");
    }

    #[test]
    fn whoever_goes_on_asking_is_slowed_further_and_is_never_written_to_no_more() {
        let (slow, mut now) = (Slow::default(), start());
        let levels: Vec<_> = (0..8)
            .map(|_| {
                now += ONE_ANSWER;
                slow.asked("google", now).unwrap()
            })
            .collect();
        assert_eq!(levels, [1, 2, 3, 4, 5, 6, 6, 6]);
        let slowest = PaceLimit { every_us: 3_200_000, at_once: 3, connections: 1 };
        assert_eq!(slow.limited("google", USUAL, now), slowest);
        assert_eq!(slow.limited("google", USUAL, now + EASES).every_us, 1_600_000, "a step at a time");
        assert_eq!(slow.limited("google", USUAL, now + EASES * LEVEL_MAX), USUAL);
    }

    #[test]
    fn a_rate_is_told_by_421_or_for_now_by_policy() {
        let refused = |code, enhanced: Option<&str>| Delivery::Refused {
            code,
            enhanced: enhanced.map(str::to_owned),
            text: String::new(),
            class: RefusalClass::Transient,
        };
        for (code, enhanced, asks) in [
            (421, None, true),
            (450, Some("4.7.28"), true),
            (452, Some("4.2.2"), false),
            (451, None, false),
            (550, Some("5.7.1"), false),
        ] {
            assert_eq!(asks_for_less(&refused(code, enhanced)), asks, "{code} {enhanced:?}");
        }
        assert!(!asks_for_less(&Delivery::NotSent { reason: "421".into() }));
    }
}
