//! Virtual time: tokio's, and the clocks on it.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use jiff::Timestamp;
use rapport_engine::ports::{
    clock::Clock,
    store::{Store, StoreError},
};

use crate::store::MemoryStore;

/// Time that begins at a fixed instant and passes as tokio's does: with paused time it is virtual.
#[derive(Debug, Clone, Copy)]
pub struct Virtual {
    started: tokio::time::Instant,
}

impl Default for Virtual {
    fn default() -> Self {
        Self { started: tokio::time::Instant::now() }
    }
}

impl Virtual {
    /// The present.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        // An arbitrary Monday, ten in the morning; nothing of a replay may depend on it.
        let start = Timestamp::from_second(1_900_058_400).unwrap_or(Timestamp::UNIX_EPOCH);
        let passed = i64::try_from(self.started.elapsed().as_millis()).unwrap_or(i64::MAX);
        Timestamp::from_millisecond(start.as_millisecond().saturating_add(passed)).unwrap_or(Timestamp::MAX)
    }
}

/// A live clock: the present is the store's own time.
pub struct LiveClock {
    /// The server.
    pub store: Arc<MemoryStore>,
}

#[async_trait]
impl Clock for LiveClock {
    async fn now(&self) -> Result<Timestamp, StoreError> {
        Ok(self.store.server_now())
    }

    fn replays(&self) -> bool {
        false
    }

    async fn pause(&self, length: Duration) {
        tokio::time::sleep(length).await;
    }

    fn monotonic(&self) -> Instant {
        tokio::time::Instant::now().into_std()
    }
}

/// A replay's clock. The present is the store's; pauses are tokio's and pass at once when nobody has anything to do.
pub struct SimClock {
    /// Where the present stands.
    pub store: Arc<dyn Store>,
}

#[async_trait]
impl Clock for SimClock {
    async fn now(&self) -> Result<Timestamp, StoreError> {
        Ok(self.store.replay_present().await?.unwrap_or(Timestamp::MIN))
    }

    fn replays(&self) -> bool {
        true
    }

    async fn pause(&self, length: Duration) {
        tokio::time::sleep(length).await;
    }

    fn monotonic(&self) -> Instant {
        tokio::time::Instant::now().into_std()
    }
}
