//! Whether a relay is to be asked: one that failed is left alone for a while, longer each time.

use std::cmp::Ordering;
use std::time::{Duration, Instant};

/// After the first failure. Long enough that a relay that restarts is not asked by every mail, short enough that nobody notices.
const FIRST: Duration = Duration::from_secs(5);
/// However often it failed, it is asked again after this.
const LONGEST: Duration = Duration::from_secs(600);
/// One mail tries whether it is back; the others wait so long for what came of that.
const TRIAL: Duration = Duration::from_secs(60);

/// What is known of a relay.
#[derive(Debug, Default)]
pub(crate) struct Standing {
    /// Failures since it last answered for a mail.
    failures: u32,
    /// Left alone until then, and why.
    away: Option<(Instant, String)>,
}

impl Standing {
    /// Whether it may be asked; by what number of failures that was decided. Whoever asks a relay whose time is over asks for all.
    pub(crate) fn ask(&mut self, now: Instant) -> Option<u32> {
        if let Some((until, _)) = &mut self.away {
            if now < *until {
                return None;
            }
            *until = now + TRIAL;
        }
        Some(self.failures)
    }

    /// Whether one that was told to ask, and had to wait for its turn, may still: not where others found it failing meanwhile, but very
    /// well where it took mail. By what number of failures it asks then.
    pub(crate) fn still(&self, asked_at: u32, now: Instant) -> Option<u32> {
        let is_away = self.trouble(now).is_some();
        match self.failures.cmp(&asked_at) {
            Ordering::Greater => None,
            // It took mail; and failed again since, if it is left alone.
            Ordering::Less => (!is_away).then_some(self.failures),
            // Who tries it for all is in nobody's way but its own.
            Ordering::Equal => Some(asked_at),
        }
    }

    /// When its time is over; the past when it is not left alone.
    pub(crate) fn back_at(&self, now: Instant) -> Instant {
        self.away.as_ref().map_or(now, |(until, _)| *until)
    }

    /// The number of failures a decision goes by.
    pub(crate) fn failures(&self) -> u32 {
        self.failures
    }

    /// Why it is left alone now. When its time is over nobody knows how it is until a mail asks.
    pub(crate) fn trouble(&self, now: Instant) -> Option<&str> {
        self.away.as_ref().filter(|(until, _)| now < *until).map(|(_, why)| why.as_str())
    }

    /// It failed. Many mails that were under way find the same failure: it counts once. Returns for how long it is left alone from
    /// now on, if this is news.
    pub(crate) fn failed(&mut self, asked_at: u32, why: &str, now: Instant) -> Option<Duration> {
        if self.failures != asked_at {
            return None;
        }
        let alone = FIRST.saturating_mul(1_u32 << self.failures.min(10)).min(LONGEST);
        self.failures = self.failures.saturating_add(1);
        self.away = Some((now + alone, why.to_owned()));
        Some(alone)
    }

    /// It greeted us: others may ask it as well. The next failure is left alone for longer all the same.
    pub(crate) fn greeted(&mut self) {
        self.away = None;
    }

    /// It answered for a mail; whether that ends a time of failures.
    pub(crate) fn answered(&mut self) -> bool {
        self.away = None;
        std::mem::take(&mut self.failures) > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relay_that_fails_again_is_left_alone_for_longer() {
        let (mut standing, start) = (Standing::default(), Instant::now());
        let mut now = start;
        let mut alone = Vec::new();
        for _ in 0..10 {
            let asked = standing.ask(now).unwrap();
            let length = standing.failed(asked, "gone", now).unwrap();
            assert_eq!(standing.ask(now + length - Duration::from_millis(1)), None);
            assert_eq!(standing.trouble(now), Some("gone"));
            alone.push(length.as_secs());
            now += length;
            assert_eq!(standing.trouble(now), None);
        }
        assert_eq!(alone, [5, 10, 20, 40, 80, 160, 320, 600, 600, 600]);
        assert!(standing.answered());
        assert_eq!((standing.ask(now), standing.trouble(now)), (Some(0), None));
    }

    #[test]
    fn whoever_waited_for_its_turn_asks_what_recovered_and_not_what_fails() {
        let (mut standing, now) = (Standing::default(), Instant::now());
        let asked = standing.ask(now).unwrap();
        assert_eq!(standing.still(asked, now), Some(0));
        standing.failed(asked, "gone", now).unwrap();
        assert_eq!(standing.still(asked, now), None, "others found it failing");
        let later = now + FIRST;
        let trial = standing.ask(later).unwrap();
        assert_eq!(standing.still(trial, later), Some(1), "its own trial");
        standing.answered();
        assert_eq!(standing.still(trial, later), Some(0), "it took a mail meanwhile");
        standing.failed(0, "gone again", later).unwrap();
        assert_eq!(standing.still(2, later), None, "and failed since");
    }

    #[test]
    fn a_failure_that_many_find_counts_once_and_one_asks_for_all() {
        let (mut standing, now) = (Standing::default(), Instant::now());
        let (one, other) = (standing.ask(now).unwrap(), standing.ask(now).unwrap());
        assert!(standing.failed(one, "gone", now).is_some());
        assert_eq!(standing.failed(other, "gone", now), None);
        let later = now + FIRST;
        assert_eq!(standing.ask(later), Some(1));
        assert_eq!(standing.ask(later), None, "one tries it");
        standing.greeted();
        assert_eq!(standing.ask(later), Some(1), "it is there");
        assert_eq!(standing.failed(1, "421", later), Some(FIRST * 2), "greeting us is no mail taken");
    }
}
