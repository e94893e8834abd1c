//! The contact policy at the moment of the claim: which of a recipient's due mails goes now, which wait, which never will.

use jiff::{SignedDuration, Timestamp};
use rapport_contact::{
    Accepted, Consent, Decision, DeferReason, Hold, Kind, Overflow, OwnPace, Recipient, Request, Suppression,
    SuppressionCause, SuppressionScope, decide_over, has_no_place_beside, normalise, provider_of, resolve_zone,
};
use rapport_journey::{Journey, State};
use rapport_partner::profile::{CHOSEN_PACE, PAUSED_FROM, PAUSED_UNTIL};
use serde_json::Value;

use super::ended;
use crate::{
    ports::{
        rows::{MessageRow, MessageState},
        store::{DueMessage, Holder, RecipientSnapshot, RecipientVerdict},
    },
    restore::DATABASE_RESTORED,
    rulebooks::Applied,
    shard::react::overflow_of,
};

/// An open-ended hold, or a stop that only a person ends, is looked at again after this long.
const HOLD_LOOK: SignedDuration = SignedDuration::from_hours(1);
/// What waits because the partner asked for it is looked at again after this long, should they have changed their mind. So seldom
/// because whoever asked for a month of rest would else be looked at hundreds of times.
const WISH_LOOK: SignedDuration = SignedDuration::from_hours(12);
/// So many travel in a digest beside the mail that carries them: more than anybody reads, and small enough for every mail client.
const ALONG_MAX: usize = 19;
/// The reason of mail over which the policy broke down.
const NOT_JUDGED: &str = "not_judged";

/// At most one message is taken, with what travels along in a digest; the rest are judged anew when its outcome is known, so that
/// caps hold for any number of mailers. `now` is `None` in a replay: each message is judged at its own due time. What was
/// planned before a restored database was accepted may have been sent by the one that was lost: it is not sent again.
#[must_use]
pub fn verdict(
    snapshot: &RecipientSnapshot,
    rulebook: &Applied,
    now: Option<Timestamp>,
    accepted_at: Option<Timestamp>,
    shards: u32,
) -> RecipientVerdict {
    let mut verdict = RecipientVerdict::default();
    if now.is_none() && snapshot.awaits_others {
        // Which of two partners gets the one copy, or the place under a cap, must not depend on whose shard was faster.
        return verdict;
    }
    for (place, due) in snapshot.due.iter().enumerate() {
        let message = &due.message;
        let at = now.unwrap_or(message.due);
        if !message.is_sent_again() && accepted_at.is_some_and(|accepted| message.planned_at < accepted) {
            verdict.end.push(ended(message, 0, MessageState::Suppressed, DATABASE_RESTORED, at, shards));
            continue;
        }
        if now.is_none() && waits_for_a_holder(due, rulebook, at) {
            break;
        }
        let (request, recipient) = question(due, snapshot, rulebook, at);
        let overflow = overflow_of(&message.context);
        match decide_over(&request, &recipient, &rulebook.config.guardrails, overflow, at) {
            Decision::Send => {
                verdict.take = Some(message.id.clone());
                if is_gathered(message) && rulebook.has_digest() {
                    let rest = snapshot.due.get(place + 1..).unwrap_or_default();
                    verdict.along = along(message, rest, snapshot, rulebook, at, accepted_at);
                }
                break;
            }
            Decision::Defer { until, reason } => {
                let look = at.checked_add(WISH_LOOK).unwrap_or(Timestamp::MAX);
                // In a replay as well: a play of the record comes to the change of mind later, too.
                let is_a_wish = matches!(reason, DeferReason::Paused | DeferReason::CapOwn);
                let until = if is_a_wish { until.min(look) } else { until };
                verdict.defer.push((message.id.clone(), until, reason.code().to_owned()));
            }
            Decision::Suppress { reason } => {
                let state = match reason {
                    rapport_contact::SuppressReason::Expired | rapport_contact::SuppressReason::NoAddress => {
                        MessageState::Expired
                    }
                    _ => MessageState::Suppressed,
                };
                verdict.end.push(ended(message, 0, state, reason.code(), at, shards));
            }
        }
    }
    verdict
}

/// Whether a mail travels in a digest rather than to wait. One that may be sent again by itself always is the same mail.
fn is_gathered(message: &MessageRow) -> bool {
    overflow_of(&message.context) == Overflow::Digest && !message.is_sent_again()
}

/// Which of the rest travel with the message that leaves `at` that instant: those of the same partner that might leave now as well, and
/// find no place once it has left. Whoever finds one is no burden to the partner, and is a mail of its own.
fn along(
    carrier: &MessageRow,
    rest: &[DueMessage],
    snapshot: &RecipientSnapshot,
    rulebook: &Applied,
    at: Timestamp,
    accepted_at: Option<Timestamp>,
) -> Vec<String> {
    let guardrails = &rulebook.config.guardrails;
    let travels = |due: &&DueMessage| {
        let message = &due.message;
        // In a replay a mail that is due only later knows nothing of one that leaves now.
        if message.key != carrier.key || message.due > at || !is_gathered(message) || !due.holders.is_empty() {
            return false;
        }
        let is_of_the_past = accepted_at.is_some_and(|accepted| message.planned_at < accepted);
        let (request, recipient) = question(due, snapshot, rulebook, at);
        !is_of_the_past && has_no_place_beside(&request, &recipient, guardrails, at)
    };
    rest.iter().filter(travels).take(ALONG_MAX).map(|due| due.message.id.clone()).collect()
}

/// Whether the engine has yet to move a journey that holds mail, before `at`. Mail of its own that waits to be claimed is the mailer's to
/// move: two journeys that hold each other's mail would wait for ever. So would whoever waits for one that nothing moves.
fn is_under_way(holder: &Holder, at: Timestamp) -> bool {
    let journey = serde_json::from_str::<Journey>(&holder.body).ok().filter(|_| !holder.is_put_aside);
    match journey.map(|journey| journey.state) {
        None => false,
        // It ended a moment ago, after the hold was read: that is looked at again.
        Some(State::Exited { .. }) => true,
        Some(State::Ready | State::OfferPending { .. } | State::Calling { .. }) => true,
        Some(State::Mailing { .. }) => !holder.has_mail_queued,
        Some(_) => holder.timer_due.is_some_and(|due| due <= at),
    }
}

/// The verdict where the policy breaks down: nobody is written to against a rule nobody could ask. What has no time left ends, so
/// that its journey goes on.
pub(super) fn put_off(snapshot: &RecipientSnapshot, now: Option<Timestamp>, shards: u32) -> RecipientVerdict {
    let mut verdict = RecipientVerdict::default();
    for DueMessage { message, .. } in &snapshot.due {
        let at = now.unwrap_or(message.due);
        if at >= message.expires {
            verdict.end.push(ended(message, 0, MessageState::Expired, NOT_JUDGED, at, shards));
        } else {
            let until = at.checked_add(HOLD_LOOK).unwrap_or(Timestamp::MAX).min(message.expires);
            verdict.defer.push((message.id.clone(), until, NOT_JUDGED.to_owned()));
        }
    }
    verdict
}

/// What is asked about a message at an instant, and what is known of its recipient.
pub(super) fn question(
    due: &DueMessage,
    snapshot: &RecipientSnapshot,
    rulebook: &Applied,
    at: Timestamp,
) -> (Request, Recipient) {
    let message = &due.message;
    let person: Value = serde_json::from_str(&due.person).unwrap_or(Value::Null);
    let text = |name: &str| person.get(name).and_then(Value::as_str);
    let instant = |name: &str| text(name).and_then(|instant| instant.parse::<Timestamp>().ok());
    let program_zone = rulebook
        .config
        .program(message.key.program.as_str())
        .map_or(jiff::tz::TimeZone::UTC, |program| program.zone.clone());
    let domain = snapshot.address.rsplit_once('@').map_or("", |(_, domain)| domain);
    let kind = if message.kind == "service" { Kind::Service } else { Kind::Marketing };
    let request = Request {
        kind,
        topic: message.topic.clone(),
        // Of the topic as it is declared now: a notice that was made urgent while it waited leaves at once.
        urgent: rulebook.config.topics.get(message.topic.as_str()).is_some_and(|topic| topic.urgent),
        test: false,
        zone: resolve_zone(text("zone"), text("country"), &program_zone),
        country: text("country").map(str::to_owned),
        expires: message.expires,
    };
    let suppressions = snapshot
        .suppressions
        .iter()
        .map(|(topic, cause)| Suppression {
            scope: topic.clone().map_or(SuppressionScope::All, SuppressionScope::Topic),
            // A cause this binary does not know was set by somebody who meant it.
            cause: SuppressionCause::parse(cause).unwrap_or(SuppressionCause::Manual),
        })
        .collect();
    let recipient = Recipient {
        address: normalise(&snapshot.address),
        suppressions,
        consent: consent(&person),
        accepted: snapshot.accepted.iter().map(|&(at, kind)| Accepted { at, kind }).collect(),
        // Mail that was due before the partner asked is judged, in a replay, as it was then.
        paused_until: instant(PAUSED_UNTIL).filter(|_| instant(PAUSED_FROM).is_none_or(|from| from <= at)),
        own_pace: text(CHOSEN_PACE).and_then(OwnPace::parse),
        stopped_until: snapshot
            .stopped
            .iter()
            .any(|(workflow, provider)| *workflow == message.workflow && provider == provider_of(domain))
            .then(|| at.checked_add(HOLD_LOOK).unwrap_or(Timestamp::MAX)),
        held_by: due.held.as_ref().map(|until| Hold {
            workflow: String::new(),
            until: until.unwrap_or_else(|| at.checked_add(HOLD_LOOK).unwrap_or(Timestamp::MAX)),
        }),
        copies: snapshot.copies.iter().filter(|sent| sent.is_of(message)).map(|sent| sent.at).collect(),
    };
    (request, recipient)
}

/// In a replay all that is due up to the present is done at once, by engine and mailer side by side: whether a journey still holds a
/// mail at its due time is known only when it has done what it has to do before. In a programme that no file has any more nothing
/// moves, so nothing is waited for.
fn waits_for_a_holder(due: &DueMessage, rulebook: &Applied, at: Timestamp) -> bool {
    rulebook.config.program(due.message.key.program.as_str()).is_some()
        && due.holders.iter().any(|holder| is_under_way(holder, at))
}

/// `consent` of a person as the event contract has it: `{ given, source, time, wording }`.
pub(super) fn consent(person: &Value) -> Consent {
    match person.get("consent").and_then(|consent| consent.get("given")) {
        Some(Value::Bool(true)) => Consent::Granted,
        Some(Value::Bool(false)) => Consent::Withdrawn,
        _ => Consent::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use rapport_event::id::PartnerKey;
    use rapport_journey::{CallId, EventSnapshot, ExitReason, JourneyId, MessageId, Variables};
    use rapport_partner::StartMark;

    use super::*;
    use crate::mailer::sample;

    fn id() -> JourneyId {
        JourneyId::new("holder", &PartnerKey::new("shop", "ada").unwrap(), "", 0)
    }

    fn journey(state: State) -> String {
        let trigger = EventSnapshot {
            id: "t".into(),
            kind: "login".into(),
            occurred_at: Timestamp::UNIX_EPOCH,
            payload: Value::Null,
        };
        let journey = Journey {
            id: id(),
            workflow: "holder".into(),
            version: "v1".into(),
            texts: None,
            key: String::new(),
            partner: PartnerKey::new("shop", "ada").unwrap(),
            trigger,
            joined: Vec::new(),
            open_until: None,
            started_at: Timestamp::UNIX_EPOCH,
            start: StartMark::default(),
            state,
            seq: 1,
            anchor: Timestamp::UNIX_EPOCH,
            acted: true,
            held_out: false,
            drawn: None,
            variables: Variables::default(),
            met: Vec::new(),
            last_mail_at: None,
            evidence: Vec::new(),
            history: Vec::new(),
        };
        serde_json::to_string(&journey).unwrap()
    }

    /// In a replay the engine works beside the mailer: what a journey that holds has yet to do before is waited for.
    #[test]
    fn a_replay_waits_for_what_holds() {
        let at = |hours| Timestamp::UNIX_EPOCH + SignedDuration::from_hours(hours);
        let mailing = || State::Mailing { step: "s".into(), message: MessageId::new(&id(), "s", 0) };
        let waiting = || State::Waiting { step: "s".into(), from: at(0), until: at(10) };
        let calling = || State::Calling { step: "s".into(), call: CallId::new(&id(), "s") };
        let exited = || State::Exited { at: at(9), reason: ExitReason::Completed };
        let still =
            |state| Holder { body: journey(state), has_mail_queued: false, timer_due: None, is_put_aside: false };
        let timer = |due| Holder { timer_due: Some(at(due)), ..still(waiting()) };
        for (holder, is_waited_for) in [
            (still(State::Ready), true),
            (still(mailing()), true),
            (still(calling()), true),
            (still(exited()), true),
            (Holder { has_mail_queued: true, ..still(mailing()) }, false),
            (timer(10), true),
            (timer(11), false),
            // Its wake is over, and nothing will move it: its version is unknown, or its programme.
            (still(waiting()), false),
            (Holder { is_put_aside: true, ..still(mailing()) }, false),
        ] {
            assert_eq!(is_under_way(&holder, at(10)), is_waited_for, "{holder:?}");
        }
    }

    #[test]
    fn mail_nobody_can_judge_waits_until_it_expires() {
        let at = |hours| Timestamp::UNIX_EPOCH + SignedDuration::from_hours(hours);
        let message = |id: &str, expires| MessageRow { due: at(10), expires, ..sample::message(id) };
        let snapshot = RecipientSnapshot {
            address: "ada@x.example".to_owned(),
            due: [message("late", at(20)), message("soon", at(11)), message("over", at(10))].map(sample::due).into(),
            suppressions: Vec::new(),
            accepted: Vec::new(),
            copies: Vec::new(),
            stopped: Vec::new(),
            awaits_others: false,
        };
        for now in [None, Some(at(10))] {
            let verdict = put_off(&snapshot, now, 1);
            assert_eq!(verdict.take, None);
            let put_off: Vec<_> = verdict.defer.iter().map(|(id, until, _)| (id.as_str(), *until)).collect();
            assert_eq!(put_off, [("late", at(11)), ("soon", at(11))]);
            let ended: Vec<_> = verdict.end.iter().map(|ended| (ended.id.as_str(), ended.reason.as_str())).collect();
            assert_eq!(ended, [("over", "not_judged")]);
        }
    }
}
