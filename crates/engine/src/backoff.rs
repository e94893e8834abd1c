//! Waiting longer after each failure, so that a broken neighbour is asked gently and found again soon.

use std::time::Duration;

use crate::{
    coordinator::CoordinatorError,
    ingest::IngestError,
    ports::{log::LogError, store::StoreError},
    restore::RestoreError,
    rulebooks::RulebookError,
    shard::ShardError,
};

/// An error that may be gone when the same is asked again.
pub trait Passing {
    /// What is the matter, for people; none where asking again is no use.
    fn passing(&self) -> Option<&str>;
}

impl Passing for StoreError {
    fn passing(&self) -> Option<&str> {
        match self {
            Self::Unavailable(why) | Self::CommitUnknown(why) => Some(why),
            Self::Refused(_) | Self::Damaged(_) => None,
        }
    }
}

impl Passing for LogError {
    fn passing(&self) -> Option<&str> {
        match self {
            Self::Unreachable(why) => Some(why),
            _ => None,
        }
    }
}

impl Passing for RulebookError {
    fn passing(&self) -> Option<&str> {
        match self {
            Self::Store(error) => error.passing(),
            Self::Broken { .. } => None,
        }
    }
}

impl Passing for RestoreError {
    fn passing(&self) -> Option<&str> {
        match self {
            Self::Log(error) => error.passing(),
            Self::Store(error) => error.passing(),
            Self::Restored(_) | Self::OtherLog(_) => None,
        }
    }
}

impl Passing for ShardError {
    fn passing(&self) -> Option<&str> {
        match self {
            Self::Store(error) => error.passing(),
            Self::Log(error) => error.passing(),
            Self::Rulebook(error) => error.passing(),
            _ => None,
        }
    }
}

impl Passing for CoordinatorError {
    fn passing(&self) -> Option<&str> {
        match self {
            Self::Store(error) => error.passing(),
            Self::Rulebook(error) => error.passing(),
        }
    }
}

impl Passing for IngestError {
    fn passing(&self) -> Option<&str> {
        match self {
            Self::Store(error) => error.passing(),
            Self::Log(error) => error.passing(),
            Self::Rulebook(error) => error.passing(),
            Self::Restore(error) => error.passing(),
            Self::Breaker(_) => None,
        }
    }
}

/// Doubles from 50 ms up to 5 s.
#[derive(Debug, Clone, Default)]
pub struct Backoff {
    failures: u32,
}

impl Backoff {
    /// How long to wait after one more failure.
    pub fn after_failure(&mut self) -> Duration {
        let wait = Duration::from_millis(50).saturating_mul(1 << self.failures.min(7));
        self.failures = self.failures.saturating_add(1);
        wait.min(Duration::from_secs(5))
    }

    /// It worked.
    pub fn succeeded(&mut self) {
        self.failures = 0;
    }

    /// Failures in a row.
    #[must_use]
    pub fn failures(&self) -> u32 {
        self.failures
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_a_bound_and_start_anew_after_success() {
        let mut backoff = Backoff::default();
        let waits: Vec<_> = (0..10).map(|_| backoff.after_failure().as_millis()).collect();
        assert_eq!(waits, [50, 100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000]);
        backoff.succeeded();
        assert_eq!(backoff.after_failure().as_millis(), 50);
    }
}
