//! Stops mail that harms the programme's name with mailbox providers: too much of it within an hour, too many complaints, too many
//! bounces. What stops is a pause like a person's, in the table that every claim reads; only a person ends it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use rapport_contact::{
    breaker::{Alarm, Level, Tally, judge},
    provider_of,
};
use rapport_workflow::{Rulebook, Timed};

use crate::{
    operate::{self, Subject},
    ports::store::{BurstLimit, Store, StoreError},
};

/// Mail and reports of so many days are judged together, since a person last let it go on.
const JUDGED: SignedDuration = SignedDuration::from_hours(7 * 24);
/// The report of an address that did not take a mail and may take another, such as with a full mailbox.
pub const SOFT_BOUNCE: &str = "bounce.soft";
/// So many soft bounces within [`SOFT_WITHIN`] end mail to an address as a hard one does.
const SOFT_MAX: i64 = 3;
/// Soft bounces are counted together for so long.
const SOFT_WITHIN: SignedDuration = SignedDuration::from_hours(14 * 24);

/// The setting that names the limit of an hour.
const BURST_SETTING: &str = "guardrails.burst.stop_above";

/// How the marketing mail of a workflow fares with a provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The workflow.
    pub workflow: String,
    /// The provider's code.
    pub provider: String,
    /// Counted since then.
    pub since: Timestamp,
    /// How much, and how it fared.
    pub tally: Tally,
    /// When a person last ended a stop of it.
    pub ended: Option<Timestamp>,
}

impl Standing {
    /// What is wrong with it.
    #[must_use]
    pub fn alarm(&self) -> Option<Alarm> {
        judge(self.tally)
    }
}

/// Whether one more soft bounce of an address (its key) is one too many. Two at the same instant may both be the last but one: the next
/// then is not.
///
/// # Errors
/// The database.
pub async fn is_one_too_many(store: &dyn Store, address: &str, now: Timestamp) -> Result<bool, StoreError> {
    let since = now.checked_sub(SOFT_WITHIN).unwrap_or(Timestamp::MIN);
    Ok(store.feedback_count(address, SOFT_BOUNCE, since).await? + 1 >= SOFT_MAX)
}

/// How the workflows' mail fared lately: those of which something was reported since `reported_since`. What a person let go on counts
/// from then.
///
/// # Errors
/// The database.
pub async fn standings(
    store: &dyn Store,
    reported_since: Timestamp,
    now: Timestamp,
) -> Result<Vec<Standing>, StoreError> {
    let window = now.checked_sub(JUDGED).unwrap_or(Timestamp::MIN);
    let workflows = store.reported_workflows(reported_since.max(window)).await?;
    if workflows.is_empty() {
        return Ok(Vec::new());
    }
    let ends = operate::last_ends(store).await?;
    let mut standings = Vec::new();
    for workflow in workflows {
        let end_of = |provider: &str| {
            ends.get(&Subject::Provider { workflow: workflow.clone(), provider: provider.to_owned() }.id()).copied()
        };
        let mut known = BTreeMap::new();
        let mut providers = by_provider(store, &workflow, window, &mut known).await?;
        for (provider, tally) in &mut providers {
            if let Some(end) = end_of(provider).filter(|end| *end > window) {
                let since_then = by_provider(store, &workflow, end, &mut known).await?;
                *tally = since_then.get(provider).copied().unwrap_or_default();
            }
        }
        standings.extend(providers.into_iter().map(|(provider, tally)| {
            let ended = end_of(&provider);
            let since = ended.filter(|end| *end > window).unwrap_or(window);
            Standing { workflow: workflow.clone(), provider, since, tally, ended }
        }));
    }
    Ok(standings)
}

/// Tallies by provider; what was asked before is not asked again.
async fn by_provider(
    store: &dyn Store,
    workflow: &str,
    since: Timestamp,
    known: &mut BTreeMap<Timestamp, BTreeMap<String, Tally>>,
) -> Result<BTreeMap<String, Tally>, StoreError> {
    if let Some(tallies) = known.get(&since) {
        return Ok(tallies.clone());
    }
    let mut tallies: BTreeMap<String, Tally> = BTreeMap::new();
    for row in store.tallies(workflow, since).await? {
        let sum = tallies.entry(provider_of(&row.domain).to_owned()).or_default();
        sum.mails += row.tally.mails;
        sum.bounced += row.tally.bounced;
        sum.complained += row.tally.complained;
    }
    known.insert(since, tallies.clone());
    Ok(tallies)
}

/// Stops what has to be stopped; returns what was, now. Any number of processes may ask: each stop is made once.
///
/// # Errors
/// The database.
pub async fn stop_what_harms(
    store: &dyn Store,
    shards: u32,
    standings: &[Standing],
    now: Timestamp,
) -> Result<Vec<Standing>, StoreError> {
    let mut stopped = Vec::new();
    for standing in standings {
        let Some(alarm) = standing.alarm().filter(|alarm| alarm.level == Level::Stop) else { continue };
        let Standing { workflow, provider, .. } = standing;
        let subject = Subject::Provider { workflow: workflow.clone(), provider: provider.clone() };
        let because = format!("{alarm} since {}", standing.since.strftime("%Y-%m-%d %H:%M UTC"));
        let why = (alarm.cause.code(), because.as_str());
        if operate::stop(store, shards, &subject, why, standing.ended, now).await? {
            stopped.push(standing.clone());
        }
    }
    Ok(stopped)
}

/// Stops a workflow that reached its hour's limit: it waits whole, service mail included, for what runs away does so in every kind.
/// `false`: it was stopped already.
///
/// # Errors
/// The database.
pub async fn stop_burst(
    store: &dyn Store,
    shards: u32,
    workflow: &str,
    stop_above: u32,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let subject = Subject::Workflow(workflow.to_owned());
    let ended = operate::last_ends(store).await?.get(&subject.id()).copied();
    let because = burst_because(stop_above);
    operate::stop(store, shards, &subject, ("burst", &because), ended, now).await
}

/// Why a workflow is stopped that reached its hour's limit, for people.
pub(crate) fn burst_because(stop_above: u32) -> String {
    format!("more than {stop_above} mails within an hour ({BURST_SETTING})")
}

/// The limit in such words: a play of the record has nothing else to know by what was stopped.
pub(crate) fn burst_told(because: &str) -> Option<u32> {
    let limit = because.strip_prefix("more than ")?.split(' ').next()?;
    limit.parse().ok().filter(|_| because.contains(BURST_SETTING))
}

/// What claims are to count, if the guardrails name anything.
#[must_use]
pub fn burst_limit(rulebook: &Rulebook) -> Option<BurstLimit> {
    let burst = rulebook.config.burst;
    burst.stop_above.or(burst.warn_above)?;
    let at_once = |timed: &Timed| matches!(timed, Timed::Broadcast { .. });
    let broadcasts = rulebook.workflows.iter().filter(|workflow| workflow.timed.iter().any(at_once));
    let broadcasts: BTreeSet<String> = broadcasts.map(|workflow| workflow.id.to_string()).collect();
    Some(BurstLimit { stop_above: burst.stop_above, broadcasts })
}
