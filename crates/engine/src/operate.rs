//! What people decide while things run: pauses of mail, and commands to journeys. Written to their table, to the audit and
//! as records for the shards in one transaction; a mailer reads the table at every claim, so that it works at once.

pub mod told;

use std::{collections::BTreeMap, sync::Arc};

use jiff::{SignedDuration, Timestamp};
use rapport_event::{Event, PartnerKey, id::shard_of};
use rapport_workflow::Rulebook;

use crate::{
    ports::{
        operating::{AuditRow, Lift, Operation, PauseRow, PauseScope},
        rows::OutboxRow,
        store::{Store, StoreError},
    },
    records,
};

/// Who ends what ends by itself.
pub const ITSELF: &str = "rapport";
/// So many mails an hour leave after a pause when the guardrails name no burst.
const PER_HOUR: u32 = 50;
/// So many ends of pauses are remembered: far more than there are workflows and providers.
const ENDS: usize = 10_000;
/// So long mail of a stopped journey is kept from leaving, whenever its shard reads of it.
const STOPPED: SignedDuration = SignedDuration::from_hours(8 * 24);
/// So long mail of a skipped step is: a shard that is further behind sends nothing anyway, and the journey writes again.
const SKIPPED: SignedDuration = SignedDuration::from_secs(60);

/// What is paused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// All mail.
    All,
    /// All mail, because something is wrong.
    Incident,
    /// A workflow's mail.
    Workflow(String),
    /// A workflow's marketing mail to a provider's mailboxes.
    Provider {
        /// The workflow.
        workflow: String,
        /// The provider's code.
        provider: String,
    },
    /// Mail to a partner.
    Partner(PartnerKey),
}

impl Subject {
    /// The pause's id.
    #[must_use]
    pub fn id(&self) -> String {
        match self {
            Self::All => "all".to_owned(),
            Self::Incident => "incident".to_owned(),
            Self::Workflow(id) => format!("workflow:{id}"),
            Self::Provider { workflow, provider } => format!("provider:{workflow}:{provider}"),
            Self::Partner(key) => format!("partner:{key}"),
        }
    }

    /// The subject of a pause's row; none for what a command to a journey left.
    #[must_use]
    pub fn of(row: &PauseRow) -> Option<Self> {
        if let (Some(workflow), Some(provider)) = (&row.scope.workflow, &row.scope.provider) {
            return Some(Self::Provider { workflow: workflow.clone(), provider: provider.clone() });
        }
        match (&row.scope.workflow, &row.scope.key, &row.scope.journey) {
            (None, None, None) if row.id == "incident" => Some(Self::Incident),
            (None, None, None) => Some(Self::All),
            (Some(workflow), None, None) => Some(Self::Workflow(workflow.clone())),
            (None, Some(key), None) => Some(Self::Partner(key.clone())),
            _ => None,
        }
    }

    fn scope(&self) -> PauseScope {
        match self {
            Self::All | Self::Incident => PauseScope::default(),
            Self::Workflow(id) => PauseScope { workflow: Some(id.clone()), ..PauseScope::default() },
            Self::Provider { workflow, provider } => PauseScope {
                workflow: Some(workflow.clone()),
                provider: Some(provider.clone()),
                ..PauseScope::default()
            },
            Self::Partner(key) => PauseScope { key: Some(key.clone()), ..PauseScope::default() },
        }
    }

    /// What it is called in the audit and in records, when it begins and when it ends.
    const fn actions(&self) -> (&'static str, &'static str) {
        match self {
            Self::All | Self::Workflow(_) | Self::Provider { .. } => ("pause", "pause_end"),
            Self::Incident => ("incident_start", "incident_stop"),
            Self::Partner(_) => ("hold", "hold_end"),
        }
    }

    fn records(&self, shards: u32, command: &records::Command<'_>) -> Vec<OutboxRow> {
        match self {
            Self::Partner(key) => vec![records::outbox(shard_of(key, shards), command.about(key.clone()))],
            _ => (0..shards).map(|shard| records::outbox(shard, command.to_shard(shard))).collect(),
        }
    }
}

/// Mail of the subject waits from now on.
///
/// # Errors
/// The database.
pub async fn pause(
    store: &dyn Store,
    shards: u32,
    subject: &Subject,
    until: Option<Timestamp>,
    (by, because): (&str, &str),
    at: Timestamp,
) -> Result<(), StoreError> {
    let operation = begins(shards, subject, until, (by, because), at);
    store.operate(&operation).await.map(|_| ())
}

/// Mail of the subject waits from now on, until a person ends it: what `rapport` itself does about `why`, once after each time that a
/// person ended such a pause (`ended`). `false`: that was done already.
///
/// # Errors
/// The database.
pub async fn stop(
    store: &dyn Store,
    shards: u32,
    subject: &Subject,
    (why, because): (&str, &str),
    ended: Option<Timestamp>,
    at: Timestamp,
) -> Result<bool, StoreError> {
    let mut operation = begins(shards, subject, None, (ITSELF, because), at);
    operation.audit.id = format!("{why}:{}:{}", subject.id(), ended.map_or(0, Timestamp::as_millisecond));
    operation.once = true;
    store.operate(&operation).await
}

/// When pauses of subjects were last ended, by their ids.
///
/// # Errors
/// The database.
pub async fn last_ends(store: &dyn Store) -> Result<BTreeMap<String, Timestamp>, StoreError> {
    let mut ends = BTreeMap::new();
    for row in store.audits("pause_end", ENDS).await? {
        ends.entry(row.subject).or_insert(row.at);
    }
    Ok(ends)
}

fn begins(
    shards: u32,
    subject: &Subject,
    until: Option<Timestamp>,
    (by, because): (&str, &str),
    at: Timestamp,
) -> Operation {
    let (action, _) = subject.actions();
    let id = subject.id();
    let command = records::Command { name: action, subject: &id, by, because: Some(because), until, at };
    Operation {
        audit: AuditRow {
            because: Some(because.to_owned()),
            detail: serde_json::json!({ "until": until.map(|until| until.to_string()) }).to_string(),
            ..AuditRow::done(action, &id, by, at)
        },
        task: None,
        outbox: subject.records(shards, &command),
        once: false,
        begin: Some(PauseRow {
            id,
            scope: subject.scope(),
            since: at,
            until,
            by: by.to_owned(),
            because: because.to_owned(),
        }),
        lift: None,
    }
}

/// The pause ends; what waited comes due one by one. `false`: there is none, or with `only_if_over` its time is not over.
///
/// # Errors
/// The database.
pub async fn resume(
    store: &dyn Store,
    shards: u32,
    subject: &Subject,
    rulebook: Option<&Rulebook>,
    by: &str,
    at: Timestamp,
    only_if_over: bool,
) -> Result<bool, StoreError> {
    let operation = ends(shards, subject, rulebook, by, at, only_if_over);
    store.operate(&operation).await
}

fn ends(
    shards: u32,
    subject: &Subject,
    rulebook: Option<&Rulebook>,
    by: &str,
    at: Timestamp,
    only_if_over: bool,
) -> Operation {
    let (_, action) = subject.actions();
    let id = subject.id();
    let command = records::Command { name: action, subject: &id, by, because: None, until: None, at };
    Operation {
        audit: AuditRow::done(action, &id, by, at),
        once: false,
        begin: None,
        task: None,
        outbox: subject.records(shards, &command),
        lift: Some(Lift { id, at, only_if_over, apart_ms: apart_ms(rulebook) }),
    }
}

/// Ends every pause whose time is over.
///
/// # Errors
/// The database.
pub async fn end_what_is_over(
    store: &dyn Store,
    shards: u32,
    rulebook: Option<&Rulebook>,
    now: Timestamp,
) -> Result<(), StoreError> {
    for row in store.pauses().await? {
        if row.until.is_none_or(|until| until > now) {
            continue;
        }
        match Subject::of(&row) {
            Some(subject) => {
                let _ = resume(store, shards, &subject, rulebook, ITSELF, now, true).await?;
            }
            // What a command to a journey left has done its work long ago.
            None => {
                let lift = Lift { id: row.id.clone(), at: now, only_if_over: true, apart_ms: 0 };
                let audit = AuditRow::done("journey_end", &row.id, ITSELF, now);
                let _ = store
                    .operate(&Operation {
                        audit,
                        once: false,
                        begin: None,
                        lift: Some(lift),
                        task: None,
                        outbox: Vec::new(),
                    })
                    .await?;
            }
        }
    }
    Ok(())
}

/// What a person wants of a journey.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// A journey of the workflow begins, whatever its conditions say.
    Start,
    /// It goes on behind the step it is at.
    Skip,
    /// It ends.
    Stop,
}

impl Wish {
    /// The command's name.
    #[must_use]
    pub const fn command(self) -> &'static str {
        match self {
            Self::Start => "journey_start",
            Self::Skip => "journey_skip",
            Self::Stop => "journey_stop",
        }
    }

    /// The wish of a command.
    #[must_use]
    pub fn parse(command: &str) -> Option<Self> {
        [Self::Start, Self::Skip, Self::Stop].into_iter().find(|wish| wish.command() == command)
    }
}

/// Tells a partner's shard what somebody wants of a workflow's journey. `journey` is the running one, whose mail is kept from
/// leaving at once when it is to be stopped or skipped.
///
/// # Errors
/// The database.
pub async fn command_journey(
    store: &Arc<dyn Store>,
    shards: u32,
    wish: Wish,
    key: &PartnerKey,
    (workflow, journey): (&str, Option<&str>),
    (by, because): (&str, &str),
    at: Timestamp,
) -> Result<(), StoreError> {
    let command =
        records::Command { name: wish.command(), subject: workflow, by, because: Some(because), until: None, at };
    let mut event: Event = command.about(key.clone());
    records::name_journey(&mut event, workflow, journey);
    let length = if wish == Wish::Stop { STOPPED } else { SKIPPED };
    let kept = journey.filter(|_| wish != Wish::Start).map(|journey| PauseRow {
        id: format!("journey:{journey}"),
        scope: PauseScope { key: Some(key.clone()), journey: Some(journey.to_owned()), ..PauseScope::default() },
        since: at,
        until: at.checked_add(length).ok(),
        by: by.to_owned(),
        because: because.to_owned(),
    });
    let operation = Operation {
        audit: AuditRow {
            because: Some(because.to_owned()),
            detail: serde_json::json!({ "partner": key.to_string(), "journey": journey }).to_string(),
            ..AuditRow::done(wish.command(), &format!("{workflow} {key}"), by, at)
        },
        once: false,
        begin: kept,
        lift: None,
        task: None,
        outbox: vec![records::outbox(shard_of(key, shards), event)],
    };
    store.operate(&operation).await.map(|_| ())
}

/// How far apart mail leaves after a pause: no faster than what the guardrails call a burst.
#[must_use]
pub fn apart_ms(rulebook: Option<&Rulebook>) -> i64 {
    let per_hour = rulebook.and_then(|rulebook| rulebook.config.burst.warn_above).unwrap_or(PER_HOUR);
    3_600_000 / i64::from(per_hour.max(1))
}
