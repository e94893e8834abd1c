//! Counts the outcome of a run against the file and the sink.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, bail};
use rapport_engine::ports::store::Store as _;
use rapport_store::SqlStore;

use crate::disturbance::Report;
use crate::project::Project;
use crate::purchase_log::{PurchaseLog, address, has_consent};
use crate::sink::Accepted;

/// Mails a mailer has in hand at most: two connections of two each.
pub const IN_HAND: usize = 4;

/// Numbers of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Totals {
    /// Records published.
    pub published: usize,
    /// Conversions in the database, the rows of the file.
    pub conversions: usize,
    /// Their sum in hundredths.
    pub minor: i64,
    /// Partners, the customers of the file.
    pub partners: usize,
    /// Journeys by workflow.
    pub journeys: BTreeMap<String, i64>,
    /// Mails the sink accepted.
    pub accepted: usize,
    /// Messages by state and reason.
    pub messages: BTreeMap<String, i64>,
}

/// Collects what is wrong, so that one run tells everything.
#[derive(Debug, Default)]
struct Findings(Vec<String>);

impl Findings {
    fn expect(&mut self, holds: bool, told: impl FnOnce() -> String) {
        if !holds {
            self.0.push(told());
        }
    }
}

/// Checks every total.
///
/// # Errors
/// All that is wrong, one a line.
pub async fn check(
    project: &Project,
    log: &PurchaseLog,
    published: usize,
    accepted: &[Accepted],
    report: &Report,
) -> Result<Totals> {
    let pool = &project.database.pool;
    let mut findings = Findings::default();

    // Every conversion once, with its amount.
    let stored: Vec<(String, String, i64)> =
        sqlx::query_as("SELECT partner, conversion_id, amount_minor FROM conversion").fetch_all(pool).await?;
    let expected: BTreeSet<(String, String, i64)> =
        log.purchases.iter().map(|row| (row.customer.clone(), row.conversion_id(), row.minor)).collect();
    let found: BTreeSet<(String, String, i64)> = stored.iter().cloned().collect();
    findings.expect(stored.len() == log.purchases.len(), || {
        format!("{} conversions in the database, {} rows in the file", stored.len(), log.purchases.len())
    });
    findings.expect(found == expected, || {
        let missing = expected.difference(&found).take(3).collect::<Vec<_>>();
        format!(
            "conversions differ from the file, e.g. missing {missing:?}, extra {:?}",
            found.difference(&expected).next()
        )
    });
    let minor = stored.iter().map(|(_, _, minor)| minor).sum::<i64>();

    // Every customer a partner, with exactly one follow-up each.
    let partners: Vec<(String,)> = sqlx::query_as("SELECT partner FROM partner").fetch_all(pool).await?;
    let partners: BTreeSet<String> = partners.into_iter().map(|(partner,)| partner).collect();
    let customers: BTreeSet<String> = log.customers().into_keys().map(str::to_owned).collect();
    findings.expect(partners == customers, || format!("{} partners, {} customers", partners.len(), customers.len()));
    let followed: Vec<(String, i64)> =
        sqlx::query_as("SELECT partner, count(*) FROM journey WHERE workflow = 'follow-up' GROUP BY partner")
            .fetch_all(pool)
            .await?;
    let followed: BTreeMap<String, i64> = followed.into_iter().collect();
    let wrong: Vec<&String> = customers.iter().filter(|customer| followed.get(*customer) != Some(&1)).collect();
    findings.expect(wrong.is_empty(), || {
        let examples: Vec<_> =
            wrong.iter().take(3).map(|customer| (customer, followed.get(customer.as_str()))).collect();
        format!("{} customers without exactly one follow-up journey, e.g. {examples:?}", wrong.len())
    });

    check_mail(project, log, accepted, report, &mut findings).await?;

    let broken = SqlStore::connect(&project.database.url).await?.check_invariants().await?;
    for (name, rows) in broken.into_iter().filter(|(_, rows)| *rows > 0) {
        findings.0.push(format!("invariant {name}: {rows} rows"));
    }
    for table in ["outbox", "dead_letter", "parked", "request"] {
        let count: (i64,) =
            sqlx::query_as(sqlx::AssertSqlSafe(format!("SELECT count(*) FROM {table}"))).fetch_one(pool).await?;
        findings.expect(count.0 == 0, || format!("{} rows in {table}", count.0));
    }
    if !findings.0.is_empty() {
        bail!("{}", findings.0.join("\n"));
    }
    let journeys: Vec<(String, i64)> =
        sqlx::query_as("SELECT workflow, count(*) FROM journey GROUP BY workflow").fetch_all(pool).await?;
    let messages: Vec<(String, i64)> =
        sqlx::query_as("SELECT state || CASE WHEN state IN ('sent', 'in_doubt') THEN '' ELSE ' ' || coalesce(reason, '') END, count(*) FROM message GROUP BY 1")
            .fetch_all(pool)
            .await?;
    Ok(Totals {
        published,
        conversions: stored.len(),
        minor,
        partners: partners.len(),
        journeys: journeys.into_iter().collect(),
        accepted: accepted.len(),
        messages: messages.into_iter().collect(),
    })
}

/// What the sink accepted is what the database calls sent; in doubt is at most what killed mailers had in hand.
async fn check_mail(
    project: &Project,
    log: &PurchaseLog,
    accepted: &[Accepted],
    report: &Report,
    findings: &mut Findings,
) -> Result<()> {
    let ids: BTreeSet<&str> = accepted.iter().map(|mail| mail.message.as_str()).collect();
    findings.expect(ids.len() == accepted.len(), || format!("{} mails accepted twice", accepted.len() - ids.len()));
    findings.expect(!accepted.is_empty(), || "no mail was accepted at all".to_owned());
    let states: Vec<(String, String, Option<String>)> =
        sqlx::query_as("SELECT id, state, address FROM message").fetch_all(&project.database.pool).await?;
    let of = |state: &str| -> BTreeSet<&str> {
        states.iter().filter(|(_, found, _)| found == state).map(|(id, ..)| id.as_str()).collect()
    };
    let (sent, doubtful) = (of("sent"), of("in_doubt"));
    let unsent: Vec<_> = sent.difference(&ids).take(3).collect();
    findings.expect(unsent.is_empty(), || format!("called sent, but not accepted: {unsent:?}"));
    let unknown: Vec<_> = ids.iter().filter(|id| !sent.contains(**id) && !doubtful.contains(**id)).take(3).collect();
    findings.expect(unknown.is_empty(), || format!("accepted, but not called sent: {unknown:?}"));
    let most = report.blows_to("mailer") * IN_HAND;
    findings.expect(doubtful.len() <= most, || {
        format!(
            "{} messages in doubt, at most {most} can be after {} kills and stops of mailers",
            doubtful.len(),
            report.blows_to("mailer")
        )
    });
    findings.expect(of("failed").is_empty(), || format!("{} messages that could not be made", of("failed").len()));
    findings.expect(of("attempting").is_empty(), || "messages in hand of nobody".to_owned());

    let addresses: BTreeMap<&str, &str> =
        states.iter().filter_map(|(id, _, address)| Some((id.as_str(), address.as_deref()?))).collect();
    let misled = accepted.iter().filter(|mail| addresses.get(mail.message.as_str()) != Some(&mail.to.as_str())).count();
    findings.expect(misled == 0, || format!("{misled} mails went to another address than planned"));
    let without: BTreeSet<String> =
        log.customers().into_keys().filter(|customer| !has_consent(customer)).map(address).collect();
    let unwanted = accepted.iter().filter(|mail| without.contains(&mail.to)).count();
    findings.expect(unwanted == 0, || format!("{unwanted} mails to people who did not agree"));
    Ok(())
}
