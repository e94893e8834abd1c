//! Puts a set of files into force: stored under their hash, announced to every shard in the same transaction.

use std::{collections::BTreeMap, sync::Arc};

use jiff::Timestamp;
use rapport_event::ProgramId;

use crate::{
    ports::{
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
    /// The files do not compile.
    #[error(transparent)]
    Rulebook(#[from] RulebookError),
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
    let compiled = Applied::compile("", request.texts.clone(), BTreeMap::new())?;
    let hash = compiled.rulebook.hash.to_string();
    let current = store.current_definition().await?;
    if current.as_ref().is_some_and(|current| current.hash == hash) {
        return Ok(Outcome::Unchanged);
    }
    // Files of an older release that do not compile here say nothing.
    if let Some(Ok(known)) = current.as_ref().map(rulebooks::compile) {
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
    for workflow in &now_there {
        // The first deployment stands: edits do not move it.
        deployed.entry(workflow.clone()).or_insert(since);
    }
    let definition = DefinitionRow {
        hash: hash.clone(),
        sources: serde_json::to_string(&request.texts).map_err(|error| StoreError::Refused(error.to_string()))?,
        deployed: serde_json::to_string(&deployed).map_err(|error| StoreError::Refused(error.to_string()))?,
        applied_at: now,
        applied_by: request.by.clone(),
    };
    let previous = current.as_ref().map(|current| current.hash.as_str());
    let outbox: Vec<_> = (0..shards)
        .map(|shard| records::outbox(shard, records::rulebook_applied(shard, &hash, previous, &request.by, now)))
        .collect();
    store.apply_definition(&definition, &outbox).await?;
    Ok(Outcome::Applied {
        hash,
        new: now_there.iter().filter(|workflow| !before.contains(workflow)).cloned().collect(),
        gone: before.into_iter().filter(|workflow| !now_there.contains(workflow)).collect(),
    })
}
