//! Calls of other systems.

use std::sync::Arc;

use crate::sample::{Owner, at, journey, key, partner, record, waiting};
use rapport_engine::ports::rows::{CallEnd, CallRow, CallSettled};
use rapport_engine::ports::store::{CallClaim, Store};

fn call(id: &str, due: i64) -> CallRow {
    CallRow {
        id: id.into(),
        key: key("a"),
        shard: 0,
        workflow: "welcome".into(),
        journey: "journey-m".into(),
        step: "webhook crm".into(),
        hook: "crm".into(),
        kind: "webhook".into(),
        private: true,
        body: r#"{"quote":"it's \"50 %\" $1 ?"}"#.into(),
        planned_at: at(0),
        due: at(due),
        expires: at(900),
    }
}

fn claim(now: i64) -> CallClaim {
    CallClaim { now: at(now), lease_until: at(now + 1), limit: 9, clock_at_least: at(0) }
}

fn ended(delivered: bool) -> CallSettled {
    CallSettled::Ended(CallEnd { delivered, reason: "status 410".into(), at: at(5), outbox: record("call-ended") })
}

/// Nobody else has a call under a lease; when the lease is over, the next try makes the end of the last one void.
pub async fn a_call_is_taken_once_and_ends_once(store: Arc<dyn Store>) {
    let mut owner = Owner::new(&store).await;
    owner
        .commit(|batch| {
            batch.clock = Some(at(0));
            batch.partners.push(partner("a"));
            batch.journeys.push(journey("journey-m", "a"));
            batch.calls.extend([call("c1", 0), call("c2", 3), call("c1", 0)]);
        })
        .await;
    assert_eq!(store.outstanding(at(0)).await.unwrap().calls, 1);
    let taken = store.claim_calls(&claim(0)).await.unwrap();
    assert_eq!(taken.iter().map(|taken| (&taken.call, taken.attempt)).collect::<Vec<_>>(), [(&call("c1", 0), 1)]);
    assert_eq!(store.claim_calls(&claim(0)).await.unwrap(), []);
    let again = store.claim_calls(&claim(1)).await.unwrap();
    assert_eq!((again.len(), again[0].attempt), (1, 2), "its lease is over");
    assert!(!store.settle_call("c1", 1, &ended(true)).await.unwrap(), "a later try has it");
    let later = CallSettled::Again { due: at(4), reason: "status 503".into() };
    assert!(store.settle_call("c1", 2, &later).await.unwrap());
    assert_eq!(store.outstanding(at(3)).await.unwrap().calls, 1, "the other");
    let both = store.claim_calls(&claim(4)).await.unwrap();
    let told: Vec<_> =
        both.iter().map(|taken| (taken.call.id.as_str(), taken.attempt, taken.reason.as_deref())).collect();
    assert_eq!(told, [("c2", 1, None), ("c1", 3, Some("status 503"))]);
    assert!(store.settle_call("c1", 3, &ended(false)).await.unwrap());
    assert!(!store.settle_call("c1", 3, &ended(true)).await.unwrap(), "it ended");
    owner.commit(|batch| batch.call_cancels.extend([("c1".into(), "exit".into()), ("c2".into(), "exit".into())])).await;
    assert!(!store.settle_call("c2", 1, &ended(true)).await.unwrap(), "its journey took it back");
    assert_eq!(store.claim_calls(&claim(800)).await.unwrap(), []);
    assert_eq!(store.outstanding(at(900)).await.unwrap().calls, 0);
    assert_eq!(waiting(&store).await, ["call-ended"]);
}

/// Nothing leaves on stale knowledge.
pub async fn calls_of_a_shard_that_is_behind_wait(store: Arc<dyn Store>) {
    let mut owner = Owner::new(&store).await;
    owner
        .commit(|batch| {
            batch.clock = Some(at(0));
            batch.calls.push(call("c1", 0));
        })
        .await;
    assert_eq!(store.claim_calls(&CallClaim { clock_at_least: at(1), ..claim(2) }).await.unwrap(), []);
    assert_eq!(store.claim_calls(&claim(2)).await.unwrap().len(), 1);
}
