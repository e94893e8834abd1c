//! Time that begins at a fixed instant.

use jiff::Timestamp;

/// Time that begins at a fixed instant and passes as tokio's does: where that is paused, it is virtual.
#[derive(Debug, Clone, Copy)]
pub struct Passing {
    started: tokio::time::Instant,
}

impl Default for Passing {
    fn default() -> Self {
        Self { started: tokio::time::Instant::now() }
    }
}

impl Passing {
    /// The present.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        // An arbitrary Monday, ten in the morning; nothing of a replay may depend on it.
        let start = Timestamp::from_second(1_900_058_400).unwrap_or(Timestamp::UNIX_EPOCH);
        let passed = i64::try_from(self.started.elapsed().as_millis()).unwrap_or(i64::MAX);
        Timestamp::from_millisecond(start.as_millisecond().saturating_add(passed)).unwrap_or(Timestamp::MAX)
    }
}
