//! The replay's clock on virtual time.

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

/// The present is the store's; pauses are tokio's and pass at once when nobody has anything to do.
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
