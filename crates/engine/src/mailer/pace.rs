//! The limits over many people under which a mail leaves: its recipient's provider, and the warm-up of its sender's domain.

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use rapport_contact::{Decision, decide, hashed_domain};

use super::{build, policy};
use crate::{
    ports::{
        leave::{DayLimit, Leave, PaceLimit},
        store::{DueMessage, RecipientSnapshot, RecipientVerdict},
    },
    rulebooks::Applied,
    shard::react::rank_of,
};

/// The first day there is a number for.
const FIRST_DAY: Date = Date::constant(1970, 1, 1);

/// The limits of the mail that the policy takes, if it takes one.
pub(super) fn leave(
    verdict: &RecipientVerdict,
    snapshot: &RecipientSnapshot,
    rulebook: &Applied,
    now: Timestamp,
) -> Option<Leave> {
    let id = verdict.take.as_ref()?;
    let due = snapshot.due.iter().find(|due| due.message.id == *id)?;
    let (provider, pace) = provider(&snapshot.address, rulebook);
    Some(Leave { provider, pace, warm_up: warm_up(due, snapshot, rulebook, now) })
}

/// Whose mailbox an address is, by the name under which its mail is counted, and how fast mail leaves there.
pub(super) fn provider(address: &str, rulebook: &Applied) -> (String, PaceLimit) {
    let domain = address.rsplit_once('@').map_or("", |(_, domain)| domain);
    let (provider, rate) = rulebook.config.pace.of(domain);
    let pace = PaceLimit { every_us: rate.every_us, at_once: rate.at_once(), connections: rate.connections };
    // A domain that is no provider's may be the recipient's own, and what is counted outlives an erasure.
    let provider = if *provider == *domain { hashed_domain(domain) } else { provider.to_string() };
    (provider, pace)
}

/// The day's limit of the sender's domain. Days are those of the first programme: one domain may serve several.
fn warm_up(due: &DueMessage, snapshot: &RecipientSnapshot, rulebook: &Applied, now: Timestamp) -> Option<DayLimit> {
    let config = &rulebook.config;
    if config.warm_up.is_empty() {
        return None;
    }
    let domain = build::sending_domain(rulebook, due)?;
    let declared = config.warm_up.iter().find(|warm_up| warm_up.domain == domain)?;
    let zone = config.program(&config.default_program).map_or(TimeZone::UTC, |program| program.zone.clone());
    let today = now.to_zoned(zone.clone()).date();
    let mails = declared.mails_on(today)?;
    let tomorrow = today.tomorrow().ok()?.to_zoned(zone).ok()?.timestamp();
    // Not at midnight, to wait again for the morning and lose its place: when the policy lets it go.
    let (request, recipient) = policy::question(due, snapshot, rulebook, tomorrow);
    let again_at = match decide(&request, &recipient, &config.guardrails, tomorrow) {
        Decision::Defer { until, .. } => until,
        Decision::Send | Decision::Suppress { .. } => tomorrow,
    };
    let day = today.duration_since(FIRST_DAY).as_hours() / 24;
    Some(DayLimit { domain, day, mails, engaged: rank_of(&due.message.context), again_at })
}
