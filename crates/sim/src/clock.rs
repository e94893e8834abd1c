//! Clocks on virtual time, which is tokio's.

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

use rapport_memory::store::MemoryStore;

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
