//! Calls other systems for journeys, and tells each journey what became of it.
//!
//! A call is planned in the commit of its step. A courier takes it under a lease, tries it, and writes the end together with the
//! record that tells the journey. One that dies in between leaves a call whose lease runs out: it is tried again under the
//! same id. So the other side hears of every call at least once until its deadline, and can tell a repetition.

use std::{sync::Arc, time::Duration};

use futures::StreamExt as _;
use jiff::{SignedDuration, Timestamp};
use rapport_workflow::config::HookKind;
use serde_json::{Map, Value, json};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::{
    backoff::Backoff,
    personal,
    ports::{
        caller::{CallRequest, Called, Caller, Recalled},
        clock::Clock,
        log::EventLog,
        rows::{CallEnd, CallRow, CallSettled, TakenCall},
        store::{CallClaim, Store, StoreError},
    },
    readiness::Readiness,
    records,
    replayable::AS_RECORDED,
    restore::{DATABASE_RESTORED, Guard, RestoreError},
    stillness::{Idle, Stillness},
};

/// Calls taken at once.
const BATCH: usize = 64;
/// So long a taken call is nobody else's. Callers bound a try to a quarter of it.
const LEASE: SignedDuration = SignedDuration::from_secs(60);
/// How old the clock of a shard may be whose calls leave, as for mail: nothing leaves on stale knowledge.
const STALE: SignedDuration = SignedDuration::from_secs(60);
/// How long to look away when there is nothing; in a replay every step waits for it.
const IDLE: Idle = Idle { live: Duration::from_millis(200), in_replay: Duration::from_millis(2) };
/// The first wait after a failed try; each is four times the last, up to [`WAIT_MAX`].
const WAIT: Duration = Duration::from_secs(5);
/// The longest wait between two tries, and the longest the other side may ask for.
const WAIT_MAX: Duration = Duration::from_secs(3600);

/// The courier's needs.
#[derive(Clone)]
pub struct Courier {
    /// Where the calls are.
    pub store: Arc<dyn Store>,
    /// The way out.
    pub caller: Arc<dyn Caller>,
    /// Asked whether the database is the one that last wrote.
    pub log: Arc<dyn EventLog>,
    /// The present; in a replay nobody is called.
    pub clock: Arc<dyn Clock>,
    /// Number of shards, to address what is told.
    pub shards: u32,
    /// Told when the database fails.
    pub readiness: Readiness,
    /// Starts empty.
    pub guard: Arc<Guard>,
}

/// Why a courier could not go on for now.
#[derive(Debug, thiserror::Error)]
pub enum CourierError {
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The database was restored, or that is not known.
    #[error(transparent)]
    Restore(#[from] RestoreError),
}

impl Courier {
    /// Runs until told to stop. Any number may run: the lease shares the work.
    pub async fn run(&self, stop: CancellationToken) {
        let mut backoff = Backoff::default();
        let mut stillness = Stillness::new(self.store.as_ref(), self.clock.as_ref(), IDLE, |written| written.arrived);
        while !stop.is_cancelled() {
            let looked = stillness.look(self.store.as_ref(), self.clock.as_ref(), 0, async || self.round().await).await;
            let wait = match looked {
                Ok(0) => {
                    backoff.succeeded();
                    self.readiness.good("courier");
                    stillness.wait(self.clock.as_ref(), &stop).await;
                    continue;
                }
                Ok(_) => {
                    backoff.succeeded();
                    continue;
                }
                Err(error) => {
                    self.guard.doubt();
                    self.readiness.bad("courier", error.to_string());
                    backoff.after_failure()
                }
            };
            tokio::select! { () = self.clock.pause(wait) => {}, () = stop.cancelled() => {} }
        }
    }

    /// Takes what is due, tries it and writes what became of it: how many calls that were.
    ///
    /// # Errors
    /// The neighbours'. What was tried and not written is tried again under its id.
    pub async fn round(&self) -> Result<usize, CourierError> {
        let now = self.clock.now().await?;
        if now == Timestamp::MIN {
            return Ok(0);
        }
        let accepted_at = self.guard.prove(self.log.as_ref(), self.store.as_ref(), self.clock.as_ref()).await?;
        let replays = self.clock.replays();
        let claim = CallClaim {
            now,
            lease_until: now.checked_add(LEASE).unwrap_or(Timestamp::MAX),
            limit: BATCH,
            clock_at_least: if replays { now } else { now.checked_sub(STALE).unwrap_or(Timestamp::MIN) },
        };
        let taken = self.store.claim_calls(&claim).await?;
        let count = taken.len();
        let tries = taken.into_iter().map(|taken| async move { self.carry(taken, now, accepted_at).await });
        let mut tried = futures::stream::iter(tries).buffer_unordered(self.caller.calls_max().max(1));
        let mut first = Ok(());
        while let Some(result) = tried.next().await {
            first = first.and(result);
        }
        first.map(|()| count).map_err(CourierError::from)
    }

    async fn carry(&self, taken: TakenCall, now: Timestamp, accepted_at: Option<Timestamp>) -> Result<(), StoreError> {
        let call = &taken.call;
        let settled = if accepted_at.is_some_and(|accepted| call.planned_at < accepted) {
            // Whether it was made before the backup was put back, and how it ended, the log did not say.
            self.ended(call, false, DATABASE_RESTORED, now)
        } else if now >= call.expires {
            self.ended(call, false, &taken.reason.clone().unwrap_or_else(|| "too_late".to_owned()), now)
        } else if self.clock.replays() {
            // The past is not told to other systems; where a record is played again, they answered.
            match self.caller.recalled(&call.id) {
                Some(then) if call.due < then.at && then.at < call.expires => {
                    CallSettled::Again { due: then.at, reason: AS_RECORDED.to_owned() }
                }
                Some(Recalled { failed: Some(reason), .. }) => self.ended(call, false, &reason, call.due),
                _ => self.ended(call, true, "", call.due),
            }
        } else {
            let request = self.request(call, now).await?;
            let called = self.caller.call(&request).await;
            let after = self.clock.now().await?;
            match called {
                Called::Delivered => self.ended(call, true, "", after),
                Called::Refused { reason } => self.ended(call, false, &reason, after),
                Called::Again { reason, after: asked } => {
                    let wait = asked.unwrap_or_else(|| wait_after(taken.attempt)).min(WAIT_MAX);
                    let due = after.checked_add(wait).unwrap_or(Timestamp::MAX);
                    warn!(
                        hook = call.hook,
                        call = call.id,
                        attempt = taken.attempt,
                        reason,
                        "a call waits to be tried again"
                    );
                    if due >= call.expires {
                        self.ended(call, false, &reason, after)
                    } else {
                        CallSettled::Again { due, reason }
                    }
                }
            }
        };
        if let CallSettled::Ended(end) = &settled {
            let outcome = if end.delivered { "delivered" } else { "failed" };
            metrics::counter!("rapport_calls_total", "hook" => call.hook.clone(), "outcome" => outcome).increment(1);
        }
        // `false`: somebody else has it, because this try outlived its lease, or its journey took it back.
        self.store.settle_call(&call.id, taken.attempt, &settled).await.map(|_| ())
    }

    fn ended(&self, call: &CallRow, delivered: bool, reason: &str, at: Timestamp) -> CallSettled {
        let told = records::outbox(call.shard, records::call_ended(call, delivered, reason, at));
        CallSettled::Ended(CallEnd { delivered, reason: reason.to_owned(), at, outbox: told })
    }

    /// The call as it is sent. Personal fields are filled in here, at the last moment: no state holds them.
    async fn request(&self, call: &CallRow, at: Timestamp) -> Result<CallRequest, StoreError> {
        let person = if call.body.contains("{{partner.") { self.store.person(&call.key).await? } else { None };
        let person: Map<String, Value> =
            person.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
        let mut body: Value = serde_json::from_str(&call.body).unwrap_or_default();
        let slack = call.kind == HookKind::Slack.code();
        fill(&mut body, &person, slack);
        let body = if slack {
            json!({ "text": body.get("text").cloned().unwrap_or_default() })
        } else {
            json!({ "type": "journey.called", "timestamp": call.planned_at.to_string(), "data": {
                "workflow": call.workflow, "step": call.step, "journey": call.journey,
                "program": call.key.program.as_str(), "partner": call.key.partner.as_str(), "with": body } })
        };
        Ok(CallRequest {
            hook: call.hook.clone(),
            id: call.id.clone(),
            at,
            body: body.to_string().into_bytes(),
            signed: !slack,
            private: call.private,
        })
    }
}

/// Fills personal fields into every text. What Slack would read as a mention or a link is made plain: a partner's name must
/// not ring everybody.
fn fill(value: &mut Value, person: &Map<String, Value>, plain: bool) {
    match value {
        Value::String(text) => {
            *text = personal::filled(text, person, Some(""));
            if plain {
                *text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
            }
        }
        Value::Object(map) => map.values_mut().for_each(|value| fill(value, person, plain)),
        Value::Array(items) => items.iter_mut().for_each(|value| fill(value, person, plain)),
        _ => {}
    }
}

/// 5 s, 20 s, 80 s … an hour.
fn wait_after(attempt: i64) -> Duration {
    let times = u32::try_from(attempt.clamp(1, 8) - 1).unwrap_or_default();
    WAIT.saturating_mul(4_u32.saturating_pow(times)).min(WAIT_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_an_hour() {
        let all: Vec<u64> = (1..=8).map(|attempt| wait_after(attempt).as_secs()).collect();
        assert_eq!(all, [5, 20, 80, 320, 1280, 3600, 3600, 3600]);
    }

    #[test]
    fn a_name_rings_nobody() {
        let mut body = json!({ "text": "Call {{partner.name}} & co" });
        let person = Map::from_iter([("name".to_owned(), json!("<!channel> Ada"))]);
        fill(&mut body, &person, true);
        assert_eq!(body["text"], "Call &lt;!channel&gt; Ada &amp; co");
    }
}
