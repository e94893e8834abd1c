//! Looks after the database and the event log of a process, whatever its services are doing: one that has nothing to do would notice
//! their failure only with the next event.

use std::{future::Future, time::Duration};

use tokio_util::sync::CancellationToken;

use crate::{
    ports::{log::EventLog, store::Store},
    readiness::Readiness,
    restore::{self, RestoreError},
};

/// How often they are asked.
const LOOK: Duration = Duration::from_secs(3);
/// They have this long to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Who is asked.
pub struct Neighbours<'a> {
    /// The database: whether it answers, and takes writes.
    pub store: &'a dyn Store,
    /// The event log: whether it answers, and is the one that is folded.
    pub log: &'a dyn EventLog,
    /// A replay begins with both, and compares nothing.
    pub replays: bool,
}

impl Neighbours<'_> {
    /// Asks both again and again until told to stop, and tells readiness, as `database` and `event log`.
    pub async fn watch(&self, readiness: &Readiness, stop: &CancellationToken) {
        while !stop.is_cancelled() {
            let asking = async {
                tokio::join!(
                    told(readiness, "database", self.store.takes_writes()),
                    told(readiness, "event log", self.ask_log()),
                    tokio::time::sleep(LOOK),
                )
            };
            tokio::select! { _ = asking => {}, () = stop.cancelled() => {} }
        }
    }

    async fn ask_log(&self) -> Result<(), RestoreError> {
        self.log.ends(&[0]).await?;
        if self.replays {
            return Ok(());
        }
        match restore::examine_log(self.log, self.store).await {
            // The database speaks for itself.
            Err(RestoreError::Store(_)) => Ok(()),
            examined => examined,
        }
    }
}

async fn told<T, E: std::fmt::Display>(
    readiness: &Readiness,
    part: &str,
    question: impl Future<Output = Result<T, E>>,
) {
    match tokio::time::timeout(PATIENCE, question).await {
        Ok(Ok(_)) => readiness.good(part),
        Ok(Err(error)) => readiness.bad(part, error.to_string()),
        Err(_) => readiness.bad(part, format!("no answer within {} s", PATIENCE.as_secs())),
    }
}
