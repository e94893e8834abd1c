//! The question, what must be known to answer it, and the answer.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::address::NormalisedAddress;
use crate::basis::{self, Consent};
use crate::calendar::{self, Never};
use crate::frequency_cap::{Cap, OwnPace, Window};
use crate::guardrails::Guardrails;
use crate::reason::{DeferReason, SuppressReason};
use crate::suppression::{self, Suppression};

/// Whether this mail may leave at `now`.
///
/// What never changes by waiting is looked at first (suppression, allow-list, basis, expiry), then what does.
/// `Defer::until` is the earliest instant at which every rule lets the mail go, given the facts of today; the reason is the one
/// that holds now and lasts longest. A mail that cannot leave before it expires is suppressed at once, so that its journey goes on.
pub fn decide(request: &Request, recipient: &Recipient, guardrails: &Guardrails, now: Timestamp) -> Decision {
    if let Some(reason) = forbidden(request, recipient, guardrails, now) {
        return Decision::Suppress { reason };
    }
    if now >= request.expires {
        let reason = if recipient.address.is_none() { SuppressReason::NoAddress } else { SuppressReason::Expired };
        return Decision::Suppress { reason };
    }
    if recipient.address.is_none() {
        // Nothing but a new address changes this, and that wakes the mail by itself.
        return Decision::Defer { until: request.expires, reason: DeferReason::NoAddress };
    }
    match earliest(request, recipient, guardrails, now) {
        Ok(None) => Decision::Send,
        Ok(Some((until, reason))) => Decision::Defer { until, reason },
        Err(Never) => Decision::Suppress { reason: SuppressReason::Expired },
    }
}

/// The answer of [`decide`].
#[must_use = "a deferred or suppressed mail still needs its outcome recorded"]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "decision")]
pub enum Decision {
    /// It may leave now.
    Send,
    /// Not now.
    Defer {
        /// The earliest instant at which it may leave if nothing else changes; later than `now`, earlier than the expiry.
        until: Timestamp,
        /// The rule that holds now and lasts longest.
        reason: DeferReason,
    },
    /// Never.
    Suppress {
        /// Why.
        reason: SuppressReason,
    },
}

/// What a mail is, seen from the rules of contact. A property of the topic, never of a workflow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Everything that is not owed: needs a basis, keeps to caps.
    Marketing,
    /// What a partner must learn (a payout failed): exempt from topics, consent and caps.
    Service,
}

/// Which of an address's waiting mails is asked about first. It never exceeds a cap.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Priority {
    /// After the others.
    Low,
    /// The usual.
    #[default]
    Normal,
    /// Before the others.
    High,
}

/// The mail that asks.
#[derive(Clone, Debug)]
pub struct Request {
    /// Marketing or service.
    pub kind: Kind,
    /// Topic id.
    pub topic: String,
    /// Service only: also at night, at weekends, on holidays and while another workflow holds mails.
    pub urgent: bool,
    /// A sample sent on purpose to a colleague: only dead or erased addresses, `manual` and the allow-list stop it.
    pub test: bool,
    /// Whose clock counts; see [`resolve_zone`](crate::resolve_zone).
    pub zone: TimeZone,
    /// ISO 3166 alpha-2, where known.
    pub country: Option<String>,
    /// From this instant on the mail does not leave any more.
    pub expires: Timestamp,
}

/// What is known of the address at the moment of the claim.
#[derive(Clone, Debug, Default)]
pub struct Recipient {
    /// Where to; `None` while unknown or unusable.
    pub address: Option<NormalisedAddress>,
    /// All suppressions of the address, and those of the partner by topic.
    pub suppressions: Vec<Suppression>,
    /// What the person said about marketing.
    pub consent: Consent,
    /// The mails accepted for the address over the last 7 local days at least (30 where the partner chose a pace), in any order;
    /// those in doubt count as accepted.
    pub accepted: Vec<Accepted>,
    /// The pause the person asked for.
    pub paused_until: Option<Timestamp>,
    /// How often the person wants marketing mail at most, if they said so.
    pub own_pace: Option<OwnPace>,
    /// This workflow's marketing mail to the address's provider is stopped; when that is looked at again.
    pub stopped_until: Option<Timestamp>,
    /// The workflow that holds this one's mails.
    pub held_by: Option<Hold>,
    /// When this very mail was accepted for the address on behalf of other partners, in any order; in doubt counts as accepted.
    pub copies: Vec<Timestamp>,
}

/// A mail that was accepted (or may have been).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accepted {
    /// When.
    pub at: Timestamp,
    /// Marketing or service.
    pub kind: Kind,
}

/// `holds`: another workflow's mails keep this one's waiting.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// The holding workflow, for `explain`.
    pub workflow: String,
    /// When the hold ends as far as is known now.
    pub until: Timestamp,
}

/// What waiting cannot change.
fn forbidden(
    request: &Request,
    recipient: &Recipient,
    guardrails: &Guardrails,
    now: Timestamp,
) -> Option<SuppressReason> {
    let kind = if request.test { Kind::Service } else { request.kind };
    if let Some(reason) = suppression::stopped_by(&recipient.suppressions, kind, &request.topic) {
        return Some(reason);
    }
    let has_basis =
        || basis::exists(recipient.consent, &guardrails.contracts, &request.topic, request.country.as_deref());
    if kind == Kind::Marketing && !has_basis() {
        return Some(SuppressReason::NoBasis);
    }
    match (&guardrails.allow_list, &recipient.address) {
        (Some(list), Some(address)) if !list.allows(address) => Some(SuppressReason::NotAllowed),
        _ => is_a_copy(kind, recipient, guardrails, now).then_some(SuppressReason::SameAddress),
    }
}

/// Whether whoever reads this address has had the mail already, as another partner. What is owed is owed to each of them.
///
/// A replay judges mails at their own due times, so one may have been accepted after `now`: it counts whenever that was, or else the
/// answer at a deferral's `until` could be another than the one now.
fn is_a_copy(kind: Kind, recipient: &Recipient, guardrails: &Guardrails, now: Timestamp) -> bool {
    kind == Kind::Marketing
        && guardrails
            .same_address
            .is_some_and(|within| recipient.copies.iter().any(|copy| now.duration_since(*copy) < within))
}

/// The first instant from `now` on at which no rule holds, with the reason that holds now and lasts longest; `None` if that is `now`.
///
/// One rule's end may fall into another's time (a cap frees at midnight, which is night): the instant moves on until all agree. It
/// grows with every round and stops at the expiry.
fn earliest(
    request: &Request,
    recipient: &Recipient,
    guardrails: &Guardrails,
    now: Timestamp,
) -> Result<Option<(Timestamp, DeferReason)>, Never> {
    let Some((mut at, reason)) = longest_hold(request, recipient, guardrails, now)? else { return Ok(None) };
    while at < request.expires {
        match longest_hold(request, recipient, guardrails, at)? {
            None => return Ok(Some((at, reason))),
            Some((later, _)) => at = later,
        }
    }
    Err(Never)
}

/// Of the rules that hold at `at`, the end of the one that lasts longest.
fn longest_hold(
    request: &Request,
    recipient: &Recipient,
    guardrails: &Guardrails,
    at: Timestamp,
) -> Result<Option<(Timestamp, DeferReason)>, Never> {
    let mut longest: Option<(Timestamp, DeferReason)> = None;
    let mut hold = |until: Option<Timestamp>, reason| {
        if let Some(until) = until.filter(|until| *until > at && longest.is_none_or(|(end, _)| end < *until)) {
            longest = Some((until, reason));
        }
    };
    if request.test {
        return Ok(None);
    }
    let zone = &request.zone;
    let country = request.country.as_deref();
    if request.kind == Kind::Marketing {
        hold(recipient.paused_until, DeferReason::Paused);
        hold(recipient.stopped_until, DeferReason::Breaker);
        for cap in &guardrails.caps {
            let reason = match cap.window {
                Window::Week => DeferReason::CapWeek,
                Window::Day => DeferReason::CapDay,
            };
            hold(cap.frees_at(&recipient.accepted, zone, at)?, reason);
        }
        if let Some(pace) = recipient.own_pace {
            hold(pace.frees_at(&recipient.accepted, zone, at)?, DeferReason::CapOwn);
        }
    }
    if !(request.urgent && request.kind == Kind::Service) {
        hold(recipient.held_by.as_ref().map(|held| held.until), DeferReason::HeldBy);
        if let Some(quiet) = &guardrails.quiet_hours {
            hold(quiet.end_at(zone, at)?, DeferReason::QuietHours);
        }
        if let Some(weekends) = &guardrails.weekends {
            let days = weekends.of(country);
            hold(calendar::rest_ends_at(|day| days.contains(&day.weekday()), zone, at)?, DeferReason::Weekend);
        }
        let holiday = |day| guardrails.holidays.holds(country, day);
        hold(calendar::rest_ends_at(holiday, zone, at)?, DeferReason::Holiday);
    }
    Ok(longest)
}

/// The answer with the state of each rule, for `explain` (`caps 1 of 2 this week, quiet hours no, suppressed no`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assessment {
    /// The answer.
    pub decision: Decision,
    /// Each cap with its use, also for mails it does not hold.
    pub caps: Vec<CapUse>,
    /// Whether it is night for the partner.
    pub quiet_hours: bool,
    /// Whether it is a held weekend day for the partner.
    pub weekend: bool,
    /// Whether it is a holiday for the partner.
    pub holiday: bool,
    /// What stops the mail for good, expiry aside.
    pub suppressed: Option<SuppressReason>,
}

/// How much of a cap is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CapUse {
    /// The cap.
    pub cap: Cap,
    /// Mails that count now.
    pub used: usize,
}

/// Like [`decide`], with the state of each rule.
#[must_use]
pub fn assess(request: &Request, recipient: &Recipient, guardrails: &Guardrails, now: Timestamp) -> Assessment {
    let local = request.zone.to_datetime(now);
    let country = request.country.as_deref();
    Assessment {
        decision: decide(request, recipient, guardrails, now),
        caps: guardrails
            .caps
            .iter()
            .map(|cap| CapUse { cap: *cap, used: cap.used(&recipient.accepted, &request.zone, now) })
            .collect(),
        quiet_hours: guardrails.quiet_hours.is_some_and(|quiet| quiet.cover(local.time())),
        weekend: guardrails.weekends.as_ref().is_some_and(|days| days.of(country).contains(&local.date().weekday())),
        holiday: guardrails.holidays.holds(country, local.date()),
        suppressed: forbidden(request, recipient, guardrails, now),
    }
}
