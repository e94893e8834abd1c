//! Puts a set of files into force: stored under their hash, announced to every shard in the same transaction.

use std::{collections::BTreeMap, sync::Arc};

use jiff::Timestamp;
use rapport_event::ProgramId;

use crate::{
    plan,
    ports::{
        operating::AuditRow,
        rows::DefinitionRow,
        store::{Store, StoreError},
    },
    records,
    rulebooks::{self, Applied, RulebookError},
    shard::beginning,
};

/// What `apply` did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// These very files are in force already; nothing was written.
    Unchanged,
    /// In force from the next record of each shard on.
    Applied {
        /// Hash of the files.
        hash: String,
        /// Workflows that were not there before.
        new: Vec<String>,
        /// Workflows that are not there any more.
        gone: Vec<String>,
    },
}

/// Why nothing was applied.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A programme that has partners is missing from the files.
    #[error(
        "programme `{0}` has partners, and is not in config/rapport.yaml any more: its journeys would stand still. Put it \
         back; to end a programme, close its partners"
    )]
    ProgramGone(String),
    /// Mail that partners cannot opt out of needs a second person.
    #[error("{}, which partners cannot opt out of: a second person has to agree, and {why}", services(.workflows))]
    SecondPerson {
        /// The workflows.
        workflows: Vec<String>,
        /// Why nobody did.
        why: &'static str,
    },
    /// What was planned is not what would be applied.
    #[error("the plan is stale: {0}")]
    Stale(&'static str),
    /// The files do not compile.
    #[error(transparent)]
    Rulebook(#[from] RulebookError),
}

fn services(workflows: &[String]) -> String {
    format!("this changes service mail ({})", workflows.join(", "))
}

/// Whether somebody else agreed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Approval {
    /// Nobody said so.
    None,
    /// This person did.
    By(String),
    /// Nobody can be reached by what is applied: mail is captured, or time is played.
    NotNeeded,
}

/// Files by path, and who applies them.
#[derive(Debug, Clone)]
pub struct Request {
    /// Path → text.
    pub texts: BTreeMap<String, String>,
    /// Who.
    pub by: String,
    /// For workflows deployed for the first time: older events start nothing. The present, unless somebody says otherwise.
    pub since: Option<Timestamp>,
    /// Who else agreed.
    pub approval: Approval,
    /// The plan that was looked at: refused if it is not what would be done now.
    pub plan: Option<String>,
}

/// Applies files that are known to be without errors.
///
/// # Errors
/// The files do not compile (nothing is changed), or the database cannot be reached.
pub async fn apply(
    store: &Arc<dyn Store>,
    request: Request,
    shards: u32,
    now: Timestamp,
) -> Result<Outcome, ApplyError> {
    let current = store.current_definition().await?;
    apply_upon(store, current, request, shards, now).await
}

/// The same for files that were made of those in force: if others are in force by now, these would take back what is in them.
///
/// # Errors
/// [`ApplyError::Stale`] if `current` is in force no more; else as [`apply`].
pub async fn apply_upon(
    store: &Arc<dyn Store>,
    current: Option<DefinitionRow>,
    request: Request,
    shards: u32,
    now: Timestamp,
) -> Result<Outcome, ApplyError> {
    let compiled = Applied::compile("", request.texts.clone(), BTreeMap::new())?;
    let hash = compiled.rulebook.hash.to_string();
    let previous = current.as_ref().map(|current| current.hash.as_str());
    if request.plan.as_ref().is_some_and(|planned| *planned != plan::id(previous, &hash)) {
        let why = "the files, or what runs, changed since it was made; make another with `rapport plan`";
        refused(store, &request, &hash, why, now).await?;
        return Err(ApplyError::Stale(why));
    }
    if current.as_ref().is_some_and(|current| current.hash == hash) {
        return Ok(Outcome::Unchanged);
    }
    // Files of an older release that do not compile here say nothing.
    let known = current.as_ref().map(rulebooks::compile).and_then(Result::ok);
    let services = plan::services_changed(known.as_ref().map(|known| &known.rulebook), &compiled.rulebook);
    if let (false, Some(why)) = (services.is_empty(), not_agreed(&request)) {
        refused(store, &request, &hash, why, now).await?;
        return Err(ApplyError::SecondPerson { workflows: services, why });
    }
    if let Some(known) = &known {
        for program in known.rulebook.config.programs.keys().filter(|id| compiled.rulebook.config.program(id).is_none())
        {
            let Ok(id) = ProgramId::new(program) else { continue };
            if store.meta(&beginning(&id)).await?.is_some() {
                return Err(ApplyError::ProgramGone(program.to_string()));
            }
        }
    }
    let mut deployed: BTreeMap<String, i64> =
        current.as_ref().and_then(|current| serde_json::from_str(&current.deployed).ok()).unwrap_or_default();
    let before: Vec<String> = deployed.keys().cloned().collect();
    let since = request.since.unwrap_or(now).as_millisecond();
    let now_there: Vec<String> = compiled.rulebook.workflows.iter().map(|workflow| workflow.id.to_string()).collect();
    for workflow in &compiled.rulebook.workflows {
        // The first deployment stands: neither edits nor another name move it.
        let earlier = workflow.was.as_ref().and_then(|was| deployed.get(&**was).copied());
        deployed.entry(workflow.id.to_string()).or_insert(earlier.unwrap_or(since));
    }
    let definition = DefinitionRow {
        hash: hash.clone(),
        sources: serde_json::to_string(&request.texts).map_err(|error| StoreError::Refused(error.to_string()))?,
        deployed: serde_json::to_string(&deployed).map_err(|error| StoreError::Refused(error.to_string()))?,
        applied_at: now,
        applied_by: request.by.clone(),
    };
    let outbox: Vec<_> = (0..shards)
        .map(|shard| records::outbox(shard, records::rulebook_applied(shard, &hash, previous, &request.by, now)))
        .collect();
    let running: Vec<String> = known
        .iter()
        .flat_map(|known| &known.rulebook.workflows)
        .map(|workflow| workflow.id.to_string())
        .filter(|id| !now_there.contains(id))
        .collect();
    let new: Vec<String> = now_there.iter().filter(|workflow| !before.contains(workflow)).cloned().collect();
    let audit = AuditRow {
        approved_by: approver(&request.approval).map(str::to_owned),
        detail: serde_json::json!({ "previous": previous, "new": new, "gone": running, "service": services,
            "plan": request.plan })
        .to_string(),
        ..AuditRow::done("apply", &hash, &request.by, now)
    };
    if !store.apply_definition(&definition, previous, &audit, &outbox).await? {
        return Err(ApplyError::Stale("somebody else applied other files in this very moment"));
    }
    Ok(Outcome::Applied { hash, new, gone: running })
}

fn approver(approval: &Approval) -> Option<&str> {
    match approval {
        Approval::By(name) => Some(name),
        Approval::None | Approval::NotNeeded => None,
    }
}

/// Why nobody else agreed, if so.
fn not_agreed(request: &Request) -> Option<&'static str> {
    let same = |name: &str| name.trim().is_empty() || name.trim().eq_ignore_ascii_case(request.by.trim());
    match &request.approval {
        Approval::NotNeeded => None,
        Approval::By(name) if same(name) => Some("who applies cannot be the one who approves"),
        Approval::By(_) => None,
        Approval::None => Some("nobody has approved it"),
    }
}

/// A refusal is told to the audit too.
async fn refused(
    store: &Arc<dyn Store>,
    request: &Request,
    hash: &str,
    why: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let audit = AuditRow {
        done: false,
        approved_by: approver(&request.approval).map(str::to_owned),
        detail: serde_json::json!({ "refused": why, "plan": request.plan }).to_string(),
        ..AuditRow::done("apply", hash, &request.by, now)
    };
    // In one millisecond somebody may be refused and then succeed.
    store.note_audit(&AuditRow { id: format!("{}:refused", audit.id), ..audit }).await
}
