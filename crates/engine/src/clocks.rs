//! The two clocks of production: the database server's time, and the replay's present.

use std::{
    sync::{Arc, Mutex, MutexGuard},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use tracing::{error, info};

use crate::ports::{
    clock::Clock,
    store::{Store, StoreError},
};

/// How often the server is asked; between, the monotonic clock carries the time on.
const ASK_EVERY: Duration = Duration::from_secs(2);
/// A jump between server and monotonic clock beyond this holds everything that needs the present (DESIGN.md 4.4).
const JUMP_MAX: SignedDuration = SignedDuration::from_secs(10);
/// So many looks in a row must agree again before a clock that jumped and came back is believed.
const AGREEING: u32 = 3;
/// The fact by which an operator accepts the server's time as it is; each acceptance is another text.
const ACCEPTED: &str = "clock_accepted";

/// Accepts the database server's time as it is now, in every process whose clock holds because it jumped.
///
/// # Errors
/// The database cannot be reached.
pub async fn accept_server_time(store: &dyn Store) -> Result<Timestamp, StoreError> {
    let now = store.server_time().await?;
    let earlier = store.meta(ACCEPTED).await?;
    let count = earlier.and_then(|text| text.split(' ').next()?.parse::<u64>().ok()).unwrap_or(0);
    store.set_meta(ACCEPTED, &format!("{} {now}", count.saturating_add(1))).await?;
    Ok(now)
}

/// The fact whether the replay of a store is over: `yes` once services ran on it by the server's time.
const REPLAY_OVER: &str = "replay_over";

/// What counts as now for whoever looks at a store or works on it: the replay's present as long as a replay is what the store
/// is on, afterwards and otherwise the server's time.
///
/// # Errors
/// The database cannot be reached.
pub async fn present(store: &dyn Store) -> Result<Timestamp, StoreError> {
    if let Some(present) = store.replay_present().await?
        && !replay_is_over(store).await?
    {
        return Ok(present);
    }
    store.server_time().await
}

/// Services begin to run on a store by this clock. The first that run by the server's time end a replay; a later replay goes
/// on where it stood.
///
/// # Errors
/// The database cannot be reached.
pub async fn take_over(store: &dyn Store, replays: bool) -> Result<(), StoreError> {
    let was_replayed = store.replay_present().await?.is_some();
    if was_replayed && replay_is_over(store).await? == replays {
        store.set_meta(REPLAY_OVER, if replays { "no" } else { "yes" }).await?;
    }
    Ok(())
}

async fn replay_is_over(store: &dyn Store) -> Result<bool, StoreError> {
    Ok(store.meta(REPLAY_OVER).await?.as_deref() == Some("yes"))
}

/// The database server's time, so that every process agrees whatever its own clock says.
///
/// A server whose time jumps is not believed: there is no present until it agrees again with the time carried on by the
/// monotonic clock, for three looks in a row, or an operator accepts it ([`accept_server_time`], or by a restart).
pub struct ServerClock {
    store: Arc<dyn Store>,
    state: Mutex<State>,
}

#[derive(Debug, Clone, Default)]
struct State {
    /// The server's time when it was last believed.
    known: Option<(Timestamp, Instant)>,
    held: Option<Held>,
}

/// What the server said.
struct Answer {
    server: Timestamp,
    /// The present by it and by the time carried on.
    now: Timestamp,
    /// How far that is from the time carried on alone.
    jump: SignedDuration,
}

/// The server's time is not believed.
#[derive(Debug, Clone)]
struct Held {
    looked: Instant,
    agreed: u32,
    /// What stood as accepted when it jumped: another text is an answer to this jump.
    accepted_before: Option<String>,
    why: String,
}

impl ServerClock {
    /// A clock on this store; its first look is believed.
    #[must_use]
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { store, state: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// The last believed time carried on, and its age.
    fn carried(&self, state: &State) -> Option<(Timestamp, Duration)> {
        let (at, then) = state.known?;
        let age = self.monotonic().saturating_duration_since(then);
        Some((at.checked_add(age).unwrap_or(Timestamp::MAX), age))
    }

    /// One question to the server.
    ///
    /// An answer may be under way for long (the server is slow, this process is stopped), and says no more than that the
    /// present lies between it and as much later as it was under way. The time carried on, brought into that span, is the present.
    async fn ask_server(&self) -> Result<Answer, StoreError> {
        let asked = self.monotonic();
        let server = self.store.server_time().await?;
        let carried = self.carried(&self.state()).map(|(at, _)| at);
        let under_way = self.monotonic().saturating_duration_since(asked);
        let latest = server.checked_add(under_way).unwrap_or(Timestamp::MAX);
        let Some(carried) = carried else {
            // Nothing tells when in that span it was said.
            if under_way > ASK_EVERY {
                return Err(StoreError::Unavailable(format!("the database took {under_way:.1?} to tell the time")));
            }
            return Ok(Answer { server, now: server, jump: SignedDuration::ZERO });
        };
        let now = carried.clamp(server, latest);
        Ok(Answer { server, now, jump: now.duration_since(carried) })
    }

    fn believe(&self, now: Timestamp) -> Timestamp {
        *self.state() = State { known: Some((now, self.monotonic())), held: None };
        now
    }

    /// One look at a server that is not believed.
    async fn look_again(&self, held: Held) -> Result<Timestamp, StoreError> {
        if self.store.meta(ACCEPTED).await? != held.accepted_before {
            // It begins anew, as a process that starts does.
            self.state().known = None;
            let now = self.ask_server().await?.now;
            info!(%now, "an operator accepts the database's clock");
            return Ok(self.believe(now));
        }
        let Answer { server, now, jump } = self.ask_server().await?;
        let agreed = if jump.abs() <= JUMP_MAX { held.agreed + 1 } else { 0 };
        if agreed >= AGREEING {
            info!(%server, "the database's clock agrees again");
            return Ok(self.believe(now));
        }
        let why = held.why.clone();
        self.state().held = Some(Held { looked: self.monotonic(), agreed, ..held });
        Err(StoreError::Unavailable(why))
    }
}

#[async_trait]
impl Clock for ServerClock {
    async fn now(&self) -> Result<Timestamp, StoreError> {
        let (carried, held) = {
            let mut state = self.state();
            let now = self.monotonic();
            if let Some(held) = &mut state.held {
                if now.saturating_duration_since(held.looked) < ASK_EVERY {
                    return Err(StoreError::Unavailable(held.why.clone()));
                }
                // Of many that ask at once, one looks.
                held.looked = now;
            }
            (self.carried(&state), state.held.clone())
        };
        if let Some(held) = held {
            return self.look_again(held).await;
        }
        if let Some((now, age)) = carried
            && age < ASK_EVERY
        {
            return Ok(now);
        }
        let Answer { server, now, jump } = self.ask_server().await?;
        if jump.abs() <= JUMP_MAX {
            return Ok(self.believe(now));
        }
        let why = format!(
            "the database's clock jumped by {jump:#}: nothing that depends on the time is done until it agrees again, or \
             somebody accepts it with `rapport doctor --accept-clock`"
        );
        error!(%server, why, "the present is not known");
        let accepted_before = self.store.meta(ACCEPTED).await?;
        self.state().held = Some(Held { looked: self.monotonic(), agreed: 0, accepted_before, why: why.clone() });
        Err(StoreError::Unavailable(why))
    }

    fn replays(&self) -> bool {
        false
    }

    async fn pause(&self, length: Duration) {
        tokio::time::sleep(length).await;
    }

    fn monotonic(&self) -> Instant {
        // Tokio's is the machine's, and a test's where time is virtual.
        tokio::time::Instant::now().into_std()
    }
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
