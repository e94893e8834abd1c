//! Counts a live run against what was told.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, bail};
use rapport_partner::{PartnerState, measure::Measure};
use serde_json::Value;

use super::acts::Done;
use super::story::Expected;
use crate::project::Project;
use crate::sink::Accepted;
use crate::totals::IN_HAND;

/// Numbers of a run.
#[derive(Debug, Clone, Default)]
pub struct Counted {
    /// Conversions, each once.
    pub conversions: usize,
    /// Journeys by workflow and by which of its versions, the older first.
    pub journeys: BTreeMap<String, Vec<usize>>,
    /// Messages by state.
    pub messages: BTreeMap<String, usize>,
    /// Mails the sink accepted.
    pub accepted: usize,
    /// Most that could be in doubt.
    pub doubt_max: usize,
}

/// Whether everything told has arrived and every journey is at its end.
pub async fn is_at_rest(project: &Project, expected: &Expected) -> Result<bool> {
    let row: (i64, i64, i64, i64, i64) = sqlx::query_as(
        "SELECT (SELECT count(*) FROM conversion), (SELECT count(*) FROM outbox), (SELECT count(*) FROM request), \
                (SELECT count(*) FROM message WHERE state IN ('queued', 'attempting')), \
                (SELECT count(*) FROM journey WHERE exited_at IS NULL)",
    )
    .fetch_one(&project.database.pool)
    .await?;
    if (row.1, row.2, row.3, row.4) != (0, 0, 0, 0) || (row.0 as usize) < expected.conversions.len() {
        return Ok(false);
    }
    let states = conversions(project).await?;
    let clicks: i64 = states_of(project).await?.values().map(|state| state.totals.get(Measure::Clicks)).sum();
    Ok(states.iter().all(|((partner, id), (_, status))| {
        expected.conversions.get(&(partner.clone(), id.clone())).is_none_or(|(_, expected)| expected == status)
    }) && clicks >= expected.clicks.values().sum::<i64>())
}

/// Whether every shard has an owner.
pub async fn is_owned(project: &Project, shards: u32) -> Result<bool> {
    let owned: (i64,) = sqlx::query_as("SELECT count(*) FROM shard WHERE shard >= 0 AND owner IS NOT NULL")
        .fetch_one(&project.database.pool)
        .await?;
    Ok(owned.0 == i64::from(shards))
}

/// What comes to its end as long as a run goes on, and never goes back: conversions, mails and journeys by how they ended.
pub async fn progress(project: &Project) -> Result<Vec<(String, i64)>> {
    Ok(sqlx::query_as(
        "SELECT 'mail ' || state AS what, count(*) AS number FROM message WHERE state NOT IN ('queued', 'attempting') GROUP BY state \
         UNION ALL SELECT 'journey ' || exit_code, count(*) FROM journey WHERE exited_at IS NOT NULL GROUP BY exit_code \
         UNION ALL SELECT 'conversion', count(*) FROM conversion \
         ORDER BY what",
    )
    .fetch_all(&project.database.pool)
    .await?)
}

/// Why a run does not come to rest, for people.
pub async fn outstanding(project: &Project) -> Result<String> {
    let pool = &project.database.pool;
    let messages: Vec<(String, i64)> =
        sqlx::query_as("SELECT state, count(*) FROM message GROUP BY 1").fetch_all(pool).await?;
    let journeys: Vec<(String, i64)> =
        sqlx::query_as("SELECT coalesce(exit_code, 'active'), count(*) FROM journey GROUP BY 1")
            .fetch_all(pool)
            .await?;
    let active: Vec<(String,)> =
        sqlx::query_as("SELECT body FROM journey WHERE exited_at IS NULL LIMIT 2").fetch_all(pool).await?;
    let others: (i64, i64, i64) = sqlx::query_as(
        "SELECT (SELECT count(*) FROM conversion), (SELECT count(*) FROM outbox), (SELECT count(*) FROM timer)",
    )
    .fetch_one(pool)
    .await?;
    let shards: Vec<(i64, Option<String>, i64, Option<i64>)> =
        sqlx::query_as("SELECT shard, owner, next_offset, clock FROM shard ORDER BY 1").fetch_all(pool).await?;
    Ok(format!(
        "messages {messages:?}; journeys {journeys:?}, e.g. {active:?}; conversions, outbox, timers {others:?}; shards {shards:?}"
    ))
}

type Conversions = BTreeMap<(String, String), (i64, String)>;

async fn conversions(project: &Project) -> Result<Conversions> {
    let rows: Vec<(String, String, i64, String)> =
        sqlx::query_as("SELECT partner, conversion_id, amount_minor, status FROM conversion")
            .fetch_all(&project.database.pool)
            .await?;
    Ok(rows.into_iter().map(|(partner, id, minor, status)| ((partner, id), (minor, status))).collect())
}

async fn states_of(project: &Project) -> Result<BTreeMap<String, PartnerState>> {
    let rows: Vec<(String, Vec<u8>)> =
        sqlx::query_as("SELECT partner, hot FROM partner").fetch_all(&project.database.pool).await?;
    rows.into_iter()
        .map(|(partner, hot)| {
            Ok((partner, PartnerState::decode(&hot, None).map_err(|error| anyhow::anyhow!("{error}"))?))
        })
        .collect()
}

/// Collects what is wrong, so that one run tells everything.
#[derive(Default)]
struct Findings(Vec<String>);

impl Findings {
    fn none<T: std::fmt::Debug>(&mut self, what: &str, wrong: impl IntoIterator<Item = T>) {
        let wrong: Vec<T> = wrong.into_iter().collect();
        if let Some(first) = wrong.first() {
            self.0.push(format!("{what}: {}, e.g. {first:?}", wrong.len()));
        }
    }
}

/// Checks everything.
///
/// # Errors
/// All that is wrong, one a line.
pub async fn check(project: &Project, expected: &Expected, accepted: &[Accepted], done: &Done) -> Result<Counted> {
    let mut findings = Findings::default();
    let mut counted = Counted { accepted: accepted.len(), ..Counted::default() };

    let found = conversions(project).await?;
    counted.conversions = found.len();
    let wanted: Conversions = expected
        .conversions
        .iter()
        .map(|(key, (minor, status))| (key.clone(), (*minor, (*status).to_owned())))
        .collect();
    findings.none(
        "conversions that are missing or otherwise",
        wanted.iter().filter(|(key, row)| found.get(key) != Some(row)),
    );
    findings.none("conversions nobody told", found.keys().filter(|key| !wanted.contains_key(*key)));

    let journeys = journeys(project, &mut counted, &mut findings).await?;
    let messages = messages(project, &mut counted).await?;
    mails(&messages, accepted, expected, done, &mut counted, &mut findings);
    figures(&states_of(project).await?, expected, &messages, &mut findings);
    paths(&journeys, &messages, expected, &mut findings);
    if !findings.0.is_empty() {
        bail!("{}\n{done:?}\n{counted:?}", findings.0.join("\n"));
    }
    Ok(counted)
}

#[derive(Debug)]
struct Journey {
    id: String,
    partner: String,
    workflow: String,
    /// 0 for the version before the apply, 1 for the one after it.
    version: usize,
    conversion: Option<String>,
    exit: String,
}

async fn journeys(project: &Project, counted: &mut Counted, findings: &mut Findings) -> Result<Vec<Journey>> {
    type Row = (String, String, String, String, i64, Option<String>, String);
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT id, partner, workflow, version, started_at, exit_code, body FROM journey ORDER BY started_at, id",
    )
    .fetch_all(&project.database.pool)
    .await?;
    let mut versions: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut journeys = Vec::new();
    for (id, partner, workflow, version, _, exit, body) in rows {
        let known = versions.entry(workflow.clone()).or_default();
        let index = known.iter().position(|known| *known == version).unwrap_or_else(|| {
            known.push(version);
            known.len() - 1
        });
        let body: Value = serde_json::from_str(&body)?;
        let conversion = body["trigger"]["payload"]["conversion_id"].as_str().map(str::to_owned);
        let numbers = counted.journeys.entry(workflow.clone()).or_insert_with(|| vec![0, 0]);
        if let Some(number) = numbers.get_mut(index) {
            *number += 1;
        }
        journeys.push(Journey { id, partner, workflow, version: index, conversion, exit: exit.unwrap_or_default() });
    }
    findings
        .none("workflows with another number of versions than two", versions.iter().filter(|(_, all)| all.len() != 2));
    Ok(journeys)
}

#[derive(Debug)]
struct Message {
    id: String,
    journey: String,
    partner: String,
    mail: String,
    state: String,
    reason: String,
}

async fn messages(project: &Project, counted: &mut Counted) -> Result<Vec<Message>> {
    type Row = (String, String, String, String, String, Option<String>);
    let rows: Vec<Row> = sqlx::query_as("SELECT id, journey, partner, mail, state, reason FROM message")
        .fetch_all(&project.database.pool)
        .await?;
    let messages: Vec<Message> = rows
        .into_iter()
        .map(|(id, journey, partner, mail, state, reason)| Message {
            id,
            journey,
            partner,
            mail,
            state,
            reason: reason.unwrap_or_default(),
        })
        .collect();
    for message in &messages {
        *counted.messages.entry(message.state.clone()).or_default() += 1;
    }
    Ok(messages)
}

/// What the sink accepted is what is called sent, each once; in doubt is at most what was in hand at a blow.
fn mails(
    messages: &[Message],
    accepted: &[Accepted],
    expected: &Expected,
    done: &Done,
    counted: &mut Counted,
    findings: &mut Findings,
) {
    let mut arrived: BTreeMap<&str, usize> = BTreeMap::new();
    for mail in accepted {
        *arrived.entry(&mail.message).or_default() += 1;
    }
    findings.none("mails accepted twice", arrived.iter().filter(|(_, times)| **times > 1));
    let by_id: BTreeMap<&str, &Message> = messages.iter().map(|message| (message.id.as_str(), message)).collect();
    let state = |id: &str| by_id.get(id).map_or("unknown", |message| message.state.as_str());
    findings.none(
        "mails accepted, but neither sent nor in doubt",
        arrived.keys().filter(|id| !matches!(state(id), "sent" | "in_doubt")).map(|id| (*id, state(id))),
    );
    findings.none(
        "messages called sent that nobody accepted",
        messages.iter().filter(|message| message.state == "sent" && !arrived.contains_key(message.id.as_str())),
    );
    counted.doubt_max = done.blows_to("mailer") * IN_HAND;
    let doubtful = counted.messages.get("in_doubt").copied().unwrap_or_default();
    if doubtful > counted.doubt_max {
        findings.0.push(format!("{doubtful} messages in doubt, at most {} can be", counted.doubt_max));
    }
    findings.none(
        "messages that ended otherwise",
        messages.iter().filter(|message| match message.state.as_str() {
            "sent" | "in_doubt" => expected.without_consent.contains(&message.partner),
            "suppressed" => !expected.without_consent.contains(&message.partner) || message.reason != "no_basis",
            // A sale taken back takes its mail back.
            "cancelled" => !matches!(message.mail.as_str(), "receipt" | "and-more"),
            _ => true,
        }),
    );
}

/// Each partner's own sums: nothing was folded twice, nothing was left out.
fn figures(
    states: &BTreeMap<String, PartnerState>,
    expected: &Expected,
    messages: &[Message],
    findings: &mut Findings,
) {
    let mut sold: BTreeMap<&str, [i64; 3]> = BTreeMap::new();
    for ((partner, _), (minor, status)) in &expected.conversions {
        let sums = sold.entry(partner).or_default();
        if *status == "reversed" {
            sums[2] += 1;
        } else {
            sums[0] += 1;
            sums[1] += minor;
        }
    }
    let mut written: BTreeMap<&str, i64> = BTreeMap::new();
    // In doubt counts as sent: nobody is written to twice because of it.
    for message in messages.iter().filter(|message| matches!(message.state.as_str(), "sent" | "in_doubt")) {
        *written.entry(&message.partner).or_default() += 1;
    }
    findings.none("partners of other names", states.keys().filter(|name| !expected.clicks.contains_key(*name)));
    let wrong = expected.clicks.iter().filter_map(|(partner, clicks)| {
        let sums = sold.get(partner.as_str()).copied().unwrap_or_default();
        let wanted = [sums[0], sums[1], sums[2], *clicks, written.get(partner.as_str()).copied().unwrap_or_default()];
        let measures =
            [Measure::Conversions, Measure::Revenue, Measure::ReversedConversions, Measure::Clicks, Measure::Mails];
        let found = states.get(partner).map(|state| measures.map(|measure| state.totals.get(measure)));
        (found != Some(wanted)).then_some((partner, wanted, found))
    });
    findings.none("partners with other sums (conversions, revenue, reversed, clicks, mails)", wrong);
}

/// Each journey sent the mails of its own version, whatever was applied while it waited.
fn paths(journeys: &[Journey], messages: &[Message], expected: &Expected, findings: &mut Findings) {
    let mut mails: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let mut per_journey: BTreeMap<&str, usize> = BTreeMap::new();
    for message in messages {
        mails.entry(&message.journey).or_default().insert(&message.mail);
        *per_journey.entry(&message.journey).or_default() += 1;
    }
    let of =
        |journey: &Journey| -> Vec<&str> { mails.get(journey.id.as_str()).into_iter().flatten().copied().collect() };
    findings.none(
        "journeys with a mail planned twice",
        per_journey.iter().filter(|(journey, count)| mails.get(*journey).is_none_or(|mails| mails.len() != **count)),
    );
    let mut greeted: BTreeMap<&str, usize> = BTreeMap::new();
    let mut followed: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    let mut wrong = Vec::new();
    for journey in journeys {
        let reversed = journey.conversion.as_ref().is_some_and(|id| {
            expected.conversions.get(&(journey.partner.clone(), id.clone())).is_some_and(|(_, s)| *s == "reversed")
        });
        let right = match (journey.workflow.as_str(), journey.version) {
            ("hello", version) => {
                *greeted.entry(&journey.partner).or_default() += 1;
                let nudge = if version == 0 { "nudge" } else { "nudge-two" };
                let mails = of(journey);
                mails == ["clicked", "hello"] || mails == ["hello", nudge]
            }
            ("sale", version) => {
                let id = journey.conversion.as_deref().unwrap_or_default();
                *followed.entry((&journey.partner, id)).or_default() += 1;
                let mails = of(journey);
                reversed || mails == if version == 0 { &["receipt"][..] } else { &["and-more", "receipt"] }
            }
            _ => false,
        };
        let ended = journey.exit == "completed" || (reversed && !journey.exit.is_empty());
        if !right || !ended {
            wrong.push((journey, of(journey)));
        }
    }
    findings.none("journeys on another path than their version's", wrong);
    findings.none(
        "partners not greeted exactly once",
        expected.clicks.keys().filter(|partner| greeted.get(partner.as_str()) != Some(&1)),
    );
    findings.none(
        "sales without exactly one journey",
        expected.conversions.iter().filter_map(|((partner, id), (_, status))| {
            let count = followed.get(&(partner.as_str(), id.as_str())).copied().unwrap_or_default();
            (count != 1 && (*status != "reversed" || count > 1)).then_some((id, status, count))
        }),
    );
}
