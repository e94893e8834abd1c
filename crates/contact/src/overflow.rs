//! What becomes of a mail that finds no place under a cap: it waits, travels with another one in a digest, or is dropped.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::decision::{Accepted, Decision, Kind, Recipient, Request, decide};
use crate::guardrails::Guardrails;
use crate::reason::SuppressReason;

/// What a workflow wants for its mail when a cap is used up. Service mail is held by no cap.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Overflow {
    /// It waits for a place of its own.
    #[default]
    Wait,
    /// It is told of in one mail together with what else has no place.
    Digest,
    /// It does not leave at all.
    Drop,
}

impl Overflow {
    /// The names in files, in the order of the variants.
    pub const CODES: [&'static str; 3] = ["wait", "digest", "drop"];

    /// Whether it is what holds where nothing is written.
    #[must_use]
    pub const fn is_wait(&self) -> bool {
        matches!(self, Self::Wait)
    }
}

/// The answer of [`decide`] for a mail of a workflow that says what becomes of it over a cap.
pub fn decide_over(
    request: &Request,
    recipient: &Recipient,
    guardrails: &Guardrails,
    overflow: Overflow,
    now: Timestamp,
) -> Decision {
    let decision = decide(request, recipient, guardrails, now);
    let waits = match decision {
        Decision::Defer { .. } => recipient.address.is_some(),
        // It has time left, and no place before that is over.
        Decision::Suppress { reason: SuppressReason::Expired } => now < request.expires,
        Decision::Send | Decision::Suppress { .. } => false,
    };
    if overflow == Overflow::Drop && waits && is_over_a_cap(request, recipient, guardrails, now) {
        return Decision::Suppress { reason: SuppressReason::OverTheCap };
    }
    decision
}

/// Whether a mail that might leave now would find no place once another marketing mail has left to the same address: then it may as
/// well travel with that one.
#[must_use]
pub fn has_no_place_beside(request: &Request, recipient: &Recipient, guardrails: &Guardrails, now: Timestamp) -> bool {
    if decide(request, recipient, guardrails, now) != Decision::Send {
        return false;
    }
    let mut after = recipient.clone();
    after.accepted.push(Accepted { at: now, kind: Kind::Marketing });
    is_over_a_cap(request, &after, guardrails, now)
}

fn is_over_a_cap(request: &Request, recipient: &Recipient, guardrails: &Guardrails, now: Timestamp) -> bool {
    let has_place = |cap: &crate::Cap| matches!(cap.frees_at(&recipient.accepted, &request.zone, now), Ok(None));
    let has_own_place =
        |pace: crate::OwnPace| matches!(pace.frees_at(&recipient.accepted, &request.zone, now), Ok(None));
    request.kind == Kind::Marketing
        && !request.test
        && !(guardrails.caps.iter().all(has_place) && recipient.own_pace.is_none_or(has_own_place))
}
