//! The two clocks of production: the database server's time, and the replay's present.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};

use crate::ports::{
    clock::Clock,
    store::{Store, StoreError},
};

/// How often the server is asked; between, the monotonic clock carries the time on.
const ASK_EVERY: Duration = Duration::from_secs(2);
/// A jump between server and monotonic clock beyond this holds timers (DESIGN.md 4.4).
const JUMP_MAX: SignedDuration = SignedDuration::from_secs(10);

/// The database server's time, so that every process agrees whatever its own clock says.
pub struct ServerClock {
    store: Arc<dyn Store>,
    known: Mutex<Option<(Timestamp, Instant)>>,
}

impl ServerClock {
    /// A clock on this store.
    #[must_use]
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { store, known: Mutex::new(None) }
    }

    fn known(&self) -> Option<(Timestamp, Instant)> {
        *self.known.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[async_trait]
impl Clock for ServerClock {
    async fn now(&self) -> Result<Timestamp, StoreError> {
        let carried = self.known().map(|(at, then)| (carry(at, then.elapsed()), then.elapsed()));
        if let Some((now, age)) = carried
            && age < ASK_EVERY
        {
            return Ok(now);
        }
        let server = self.store.server_time().await?;
        if let Some((now, age)) = carried {
            let jump = server.duration_since(now).abs();
            // A machine that slept shows the same picture as a clock that was set; one look later it is believed.
            if jump > JUMP_MAX && age < ASK_EVERY * 4 {
                *self.known.lock().unwrap_or_else(std::sync::PoisonError::into_inner) =
                    Some((server, self.monotonic()));
                return Err(StoreError::Unavailable(format!("the database's clock jumped by {jump:#}")));
            }
        }
        *self.known.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some((server, self.monotonic()));
        Ok(server)
    }

    fn replays(&self) -> bool {
        false
    }

    async fn pause(&self, length: Duration) {
        tokio::time::sleep(length).await;
    }

    #[allow(clippy::disallowed_methods, reason = "this is the one place where the engine meets the machine's clock")]
    fn monotonic(&self) -> Instant {
        Instant::now()
    }
}

fn carry(at: Timestamp, by: Duration) -> Timestamp {
    at.checked_add(by).unwrap_or(Timestamp::MAX)
}

/// The replay's present, a row that only the clock master moves. Before it is set the present is the beginning of time, so
/// that nothing happens: no record is folded, no mail is due, and the relay waits.
pub struct ReplayClock {
    store: Arc<dyn Store>,
}

impl ReplayClock {
    /// A clock on this store.
    #[must_use]
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { store }
    }
}

#[async_trait]
impl Clock for ReplayClock {
    async fn now(&self) -> Result<Timestamp, StoreError> {
        Ok(self.store.replay_present().await?.unwrap_or(Timestamp::MIN))
    }

    fn replays(&self) -> bool {
        true
    }

    async fn pause(&self, length: Duration) {
        tokio::time::sleep(length).await;
    }

    #[allow(clippy::disallowed_methods, reason = "deadlines of network calls run on real time even in a replay")]
    fn monotonic(&self) -> Instant {
        Instant::now()
    }
}
