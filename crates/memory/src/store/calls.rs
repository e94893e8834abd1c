//! Calls of other systems.

use jiff::Timestamp;
use rapport_engine::ports::{
    rows::{CallRow, CallSettled, TakenCall},
    store::CallClaim,
};

use super::Tables;

/// A call and what became of it so far.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredCall {
    /// As planned; `due` moves.
    pub row: CallRow,
    /// `queued`, `delivered`, `failed` or `cancelled`.
    pub state: &'static str,
    /// Tries so far.
    pub attempt: i64,
    /// Until when it is in somebody's hand.
    pub lease: Option<Timestamp>,
    /// Why the last try failed.
    pub reason: Option<String>,
}

impl StoredCall {
    pub(super) fn new(row: &CallRow) -> Self {
        Self { row: row.clone(), state: "queued", attempt: 0, lease: None, reason: None }
    }
}

impl Tables {
    pub(crate) fn claim_calls(&mut self, claim: &CallClaim) -> Vec<TakenCall> {
        let due = |call: &&StoredCall| {
            call.state == "queued"
                && call.row.due <= claim.now
                && call.lease.is_none_or(|lease| lease <= claim.now)
                && self.clock(call.row.shard).is_some_and(|clock| clock >= claim.clock_at_least)
        };
        let mut ids: Vec<(Timestamp, String)> =
            self.calls.values().filter(due).map(|call| (call.row.due, call.row.id.clone())).collect();
        ids.sort();
        ids.truncate(claim.limit);
        let mut taken = Vec::new();
        for (_, id) in ids {
            let Some(call) = self.calls.get_mut(&id) else { continue };
            call.attempt += 1;
            call.lease = Some(claim.lease_until);
            taken.push(TakenCall { call: call.row.clone(), attempt: call.attempt, reason: call.reason.clone() });
        }
        taken
    }

    pub(crate) fn settle_call(&mut self, id: &str, attempt: i64, settled: &CallSettled) -> bool {
        let Some(call) = self.calls.get_mut(id).filter(|call| call.state == "queued" && call.attempt == attempt) else {
            return false;
        };
        call.lease = None;
        match settled {
            CallSettled::Again { due, reason } => {
                call.row.due = *due;
                call.reason = Some(reason.clone());
            }
            CallSettled::Ended(end) => {
                call.state = if end.delivered { "delivered" } else { "failed" };
                call.reason = Some(end.reason.clone());
                self.add_outbox(std::slice::from_ref(&end.outbox));
            }
        }
        true
    }

    /// How the log says that it ended, whatever a journey that was ended again says of it.
    pub(crate) fn rebuild_call(&mut self, id: &str, delivered: bool, reason: &str) {
        if let Some(call) = self.calls.get_mut(id).filter(|call| matches!(call.state, "queued" | "cancelled")) {
            call.state = if delivered { "delivered" } else { "failed" };
            call.reason = Some(reason.to_owned());
        }
    }
}
