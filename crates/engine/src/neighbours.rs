//! Looks after the database and the event log of a process, whatever its services are doing: one that has nothing to do would notice
//! their failure only with the next event.

use std::{future::Future, time::Duration};

use tokio_util::sync::CancellationToken;

use crate::{
    ports::{log::EventLog, store::Store},
    readiness::Readiness,
};

/// How often they are asked.
const LOOK: Duration = Duration::from_secs(3);
/// They have this long to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Asks both again and again until told to stop, and tells readiness, as `database` and `event log`.
pub async fn watch(store: &dyn Store, log: &dyn EventLog, readiness: &Readiness, stop: &CancellationToken) {
    while !stop.is_cancelled() {
        let asking = async {
            tokio::join!(
                told(readiness, "database", store.server_time()),
                told(readiness, "event log", log.ends(&[0])),
                tokio::time::sleep(LOOK),
            )
        };
        tokio::select! { _ = asking => {}, () = stop.cancelled() => {} }
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
