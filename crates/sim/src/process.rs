//! A process between the engine and the ports: it can be killed, paused, or told that a call failed, at every call.
//!
//! A killed process is one whose calls never return: nothing it does afterwards can be seen, which is all that death means.
//! Its tasks stay parked until the run's runtime is dropped.

mod ports;

use std::{
    collections::BTreeMap,
    future::Future,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

pub use ports::{ProcessLog, ProcessStore};
use tokio::sync::Notify;

use crate::faults::{Fault, Faults};

/// Longer than the lease of the engines in a run.
const PAUSE: Duration = Duration::from_millis(2_500);
/// A relay stands still past its own lease, too; days of the replay pass meanwhile.
const RELAY_PAUSE: Duration = Duration::from_secs(30);

/// One incarnation of a process.
pub struct Process {
    name: String,
    faults: Faults,
    dead: AtomicBool,
    died: Notify,
    calls: Mutex<BTreeMap<&'static str, u64>>,
}

impl Process {
    /// A living process. `incarnation` makes its faults differ from its predecessor's.
    #[must_use]
    pub fn new(name: &str, incarnation: u32, faults: Faults) -> Arc<Self> {
        Arc::new(Self {
            name: format!("{name}.{incarnation}"),
            faults,
            dead: AtomicBool::new(false),
            died: Notify::new(),
            calls: Mutex::default(),
        })
    }

    /// Its name, with what tells it from its predecessors.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The faults of its run.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// From now on no call returns.
    pub fn kill(&self) {
        self.dead.store(true, Ordering::Relaxed);
        self.died.notify_one();
    }

    /// Waits until it is dead.
    pub async fn died(&self) {
        self.died.notified().await;
    }

    fn count(&self, method: &'static str) -> u64 {
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        let number = calls.entry(method).or_default();
        *number += 1;
        *number
    }

    async fn live(&self) {
        if self.dead.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
    }

    /// One call on a port. `late` says whether an error may be told although the work is done; `fails(late)` is that error.
    ///
    /// # Errors
    /// The call's own, or an injected one.
    pub async fn call<T, E>(
        &self,
        method: &'static str,
        late: bool,
        work: impl Future<Output = Result<T, E>>,
        fails: impl Fn(bool) -> E,
    ) -> Result<T, E> {
        self.live().await;
        let number = self.count(method);
        // A little time passes at some calls, so that schedules differ between seeds.
        match self.faults.draw(&self.name, "latency", number) % 64 {
            0 => tokio::time::sleep(Duration::from_millis(1)).await,
            1..8 => tokio::task::yield_now().await,
            _ => {}
        }
        self.live().await;
        let fault = self.faults.at(&self.name, method, number);
        match fault {
            Fault::Fails => return Err(fails(false)),
            Fault::Killed => {
                self.kill();
                self.live().await;
            }
            Fault::Paused if self.name.starts_with("relay") => tokio::time::sleep(RELAY_PAUSE).await,
            Fault::Paused => tokio::time::sleep(PAUSE).await,
            _ => {}
        }
        let done = work.await;
        match fault {
            Fault::FailsLate if late => Err(fails(true)),
            Fault::KilledLate => {
                self.kill();
                self.live().await;
                done
            }
            _ => {
                self.live().await;
                done
            }
        }
    }
}
