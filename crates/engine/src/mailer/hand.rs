//! What a mailer has in hand, and what it has seen of the hands of others.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::{Duration, Instant},
};

use jiff::{SignedDuration, Timestamp};
use tokio::sync::RwLock;

use super::{MailerError, jointly::Jointly, share::Share, slow::Slow};
use crate::{
    ports::store::{Attempt, EndedMessage, RecipientSnapshot, Settlement},
    restore::Guard,
};

/// Reports are judged no more often: a week of mail is counted for it.
const JUDGED_EVERY: SignedDuration = SignedDuration::from_secs(30);
/// A report may be written so long after its instant.
const REPORTS_LATE: SignedDuration = SignedDuration::from_mins(5);

/// A message at its how-manieth attempt: a mail that went back to the queue and was claimed again is another matter in hand.
pub(super) type Held = (String, i64);

/// An attempt as what is in hand.
pub(super) fn held(attempt: &Attempt) -> Held {
    (attempt.due.message.id.clone(), attempt.attempt)
}

/// The messages a mailer has in hand.
#[derive(Default)]
pub struct Hand {
    pub(super) attempts: Mutex<HashSet<Held>>,
    /// Workers with a connection that wait for their share of a claim.
    pub(super) claims: Jointly<(), Result<Share, Arc<MailerError>>>,
    /// Attempts that workers have to end, and whether they were still in hand; nothing where that could not be written together.
    pub(super) ends: Jointly<Vec<(Attempt, EndedMessage)>, Option<Vec<bool>>>,
    /// Read while a claim is on its way.
    pub(super) claiming: RwLock<()>,
    pub(super) guard: Guard,
    /// What became of messages in hand that the database refuses to write.
    pub(super) unwritten: Mutex<BTreeMap<Held, (Attempt, Settlement)>>,
    /// Until when a mailer that was told to stop tries to write what it knows, of all it has in hand together.
    pub(super) last_tries: OnceLock<Instant>,
    /// Others' attempts that look as if their mailers were gone, since when by this process's own clock.
    suspected: Mutex<BTreeMap<Held, Instant>>,
    /// Messages over which the policy broke down.
    baffling: Mutex<BTreeSet<String>>,
    /// Providers that asked for less.
    pub(super) slow: Slow,
    /// When reports were last judged.
    judged_at: Mutex<Option<Timestamp>>,
    /// What was warned of at the last look.
    warned: Mutex<BTreeSet<String>>,
}

impl Hand {
    /// Those of the attempts that looked stale at every look for so long. The database compares instants of its server's clock:
    /// when that is set forward every mailer seems silent at once, until each has said again that it lives.
    pub(super) fn stale_for(&self, length: Duration, mut stale: Vec<Attempt>, now: Instant) -> Vec<Attempt> {
        let mut suspected = lock(&self.suspected);
        let since = |name: &Held| suspected.get(name).copied().unwrap_or(now);
        let seen: BTreeMap<_, _> =
            stale.iter().map(held).map(|name| (since(&name), name)).map(|(at, name)| (name, at)).collect();
        stale.retain(|attempt| {
            seen.get(&held(attempt)).is_some_and(|since| now.saturating_duration_since(*since) >= length)
        });
        *suspected = seen;
        stale
    }

    /// Since when reports may have come that were not judged: all at first, and then with time for those that were being written.
    /// None when they were judged just now.
    pub(super) fn reports_to_judge(&self, now: Timestamp) -> Option<Timestamp> {
        match lock(&self.judged_at).filter(|last| *last <= now) {
            Some(last) if now.duration_since(last) < JUDGED_EVERY => None,
            last => Some(last.and_then(|last| last.checked_sub(REPORTS_LATE).ok()).unwrap_or(Timestamp::MIN)),
        }
    }

    /// Reports up to now are judged.
    pub(super) fn saw_reports(&self, now: Timestamp) {
        *lock(&self.judged_at) = Some(now);
    }

    /// Of these warnings, those that are new since the last look.
    pub(super) fn newly_warned(&self, warned: BTreeSet<String>) -> Vec<String> {
        let mut last = lock(&self.warned);
        let new = warned.difference(&last).cloned().collect();
        *last = warned;
        new
    }

    /// The policy broke down over this recipient's mail.
    pub(super) fn baffled_by(&self, snapshot: &RecipientSnapshot) {
        lock(&self.baffling).extend(snapshot.due.iter().map(|due| due.message.id.clone()));
    }

    /// The policy judged this recipient's mail; whether that was the last it had broken down over.
    pub(super) fn understood(&self, snapshot: &RecipientSnapshot) -> bool {
        let mut baffling = lock(&self.baffling);
        let before = baffling.len();
        baffling.retain(|id| !snapshot.due.iter().any(|due| due.message.id == *id));
        before > 0 && baffling.is_empty()
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mailer::sample;

    fn attempts(ids: &[&str]) -> Vec<Attempt> {
        ids.iter()
            .map(|id| Attempt {
                attempt: 1,
                address: String::new(),
                due: sample::due(sample::message(id)),
                along: Vec::new(),
            })
            .collect()
    }

    #[test]
    fn only_what_looks_stale_for_long_and_without_a_break_is() {
        let (hand, length) = (Hand::default(), Duration::from_secs(4));
        let start = tokio::time::Instant::now().into_std();
        let look = |after: u64, ids: &[&str]| {
            let found = hand.stale_for(length, attempts(ids), start + Duration::from_secs(after));
            found.into_iter().map(|attempt| attempt.due.message.id).collect::<Vec<_>>()
        };
        assert_eq!(look(0, &["m", "n"]), [""; 0]);
        assert_eq!(look(2, &["m"]), [""; 0]);
        assert_eq!(look(4, &["m", "n"]), ["m"], "n's mailer was heard of in between");
        assert_eq!(look(8, &["m", "n"]), ["m", "n"]);
    }
}
