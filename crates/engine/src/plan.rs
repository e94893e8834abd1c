//! What applying a set of files would change: versions, people inside and what becomes of each, who would enter at once,
//! audiences, and whose next mail reads otherwise. Nothing is written.

mod people;
mod texts;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use rapport_workflow::{InFlight, MailKind, Rulebook, Workflow};
use serde::Serialize;

use crate::{
    ports::store::{Store, StoreError},
    rulebooks::{self, Applied, RulebookError, Rulebooks},
};

/// Why there is no plan.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The files do not compile.
    #[error(transparent)]
    Rulebook(#[from] RulebookError),
}

/// What would change.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Plan {
    /// Stands for what runs and for the files: `apply` refuses it once either is another.
    pub id: String,
    /// Hash of the files in force.
    pub running: Option<String>,
    /// Hash of the files looked at.
    pub files: String,
    /// When it was made.
    pub made_at: Timestamp,
    /// Whether anything would change.
    pub differs: bool,
    /// Files of `config/` that differ.
    pub config: Vec<String>,
    /// Partners looked at.
    pub partners: u64,
    /// Workflows that differ, by id.
    pub workflows: Vec<WorkflowPlan>,
    /// Workflows with service mail among them: their change needs a second person.
    pub needs_second_person: Vec<String>,
}

/// What would become of one workflow.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct WorkflowPlan {
    /// Its folder.
    pub id: String,
    /// How it differs.
    pub change: Change,
    /// The version in force.
    pub from: Option<String>,
    /// The version in the files.
    pub to: Option<String>,
    /// Mails whose text differs, is new or gone.
    pub mails: Vec<MailChange>,
    /// People inside, by version and step.
    pub inside: Vec<Parked>,
    /// People inside who would read a changed text.
    pub read_new_text: u64,
    /// People who would enter at the first evaluation: the first day close under these files.
    pub enter_at_once: u64,
    /// How many of them would enter under the files in force too.
    pub enter_anyway: u64,
    /// Whom times, dates and broadcasts reach next.
    pub audiences: Vec<Audience>,
    /// For a workflow deployed for the first time: what happened before, by kind. It starts nothing.
    pub earlier: BTreeMap<String, u64>,
}

/// How a workflow differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// Not in force yet.
    New,
    /// Not in the files any more.
    Gone,
    /// Who enters or what happens to them.
    Steps,
    /// Mail texts, sender, topic or title.
    Texts,
    /// Nothing of its own; people enter otherwise because of `config/`.
    Config,
}

/// A mail that differs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct MailChange {
    /// Its name.
    pub mail: String,
    /// `new`, `gone` or `changed`.
    pub change: &'static str,
}

/// People at one step of one version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Parked {
    /// The version they run.
    pub version: String,
    /// The step they are at.
    pub step: String,
    /// How many.
    pub people: u64,
    /// What becomes of them.
    pub becomes: Fate,
}

/// What becomes of somebody inside.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(tag = "what", content = "step", rename_all = "snake_case")]
pub enum Fate {
    /// They run what is in force, and go on.
    GoesOn,
    /// They end on the version they are on.
    Finishes,
    /// They go on at this step of the new version.
    Migrates(String),
    /// The journey ends, its queued mail is taken back.
    Stops,
}

/// Whom a trigger that is no event reaches next.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Audience {
    /// `broadcast`, `schedule`, `date` or `segment`.
    pub what: &'static str,
    /// The next time; for dates the first within a week.
    pub next: Option<Timestamp>,
    /// How many people, as things stand.
    pub people: u64,
}

/// A plan's id: what runs and what would.
#[must_use]
pub fn id(running: Option<&str>, files: &str) -> String {
    let text = format!("{}>{files}", running.unwrap_or_default());
    let hash = xxhash_rust::xxh3::xxh3_128(text.as_bytes());
    format!("{:012x}", hash >> 80)
}

/// Workflows with service mail that the new files change, add or take away, or that may write at night from then on, or no more.
#[must_use]
pub fn services_changed(running: Option<&Rulebook>, files: &Rulebook) -> Vec<String> {
    let is_service = |workflow: Option<&Arc<Workflow>>| workflow.is_some_and(|it| it.mail.kind == MailKind::Service);
    let ids: BTreeSet<&Arc<str>> =
        running.iter().flat_map(|running| &running.workflows).chain(&files.workflows).map(|it| &it.id).collect();
    ids.into_iter()
        .filter(|id| is_service(running.and_then(|running| running.workflow(id))) || is_service(files.workflow(id)))
        .filter(|id| {
            running.is_none_or(|running| {
                texts::folder_differs(running, files, id) || is_urgent(running, id) != is_urgent(files, id)
            })
        })
        .map(ToString::to_string)
        .collect()
}

/// Whether a workflow's topic is urgent.
fn is_urgent(rulebook: &Rulebook, workflow: &str) -> bool {
    let topic = rulebook.workflow(workflow).and_then(|it| rulebook.config.topics.get(&it.mail.topic));
    topic.is_some_and(|topic| topic.urgent)
}

/// The workflow of new files that journeys of this one belong to.
fn after<'a>(files: &'a Rulebook, id: &str) -> Option<&'a Arc<Workflow>> {
    files.successor(id)
}

/// What becomes of a journey at `step` of an older version when this version comes into force.
#[must_use]
pub fn fate(workflow: Option<&Workflow>, version: &str, step: &str) -> Fate {
    let Some(workflow) = workflow else { return Fate::Finishes };
    if *workflow.version == *version {
        return Fate::GoesOn;
    }
    match &workflow.in_flight {
        InFlight::Finish => Fate::Finishes,
        InFlight::Stop => Fate::Stops,
        InFlight::Migrate(map) => {
            let to = map.get(step).map_or(step, |to| &**to);
            if workflow.step(to).is_some() { Fate::Migrates(to.to_owned()) } else { Fate::Finishes }
        }
    }
}

/// Looks at every partner under the files in force and under these.
///
/// # Errors
/// The files do not compile, or the database cannot be reached.
pub async fn plan(
    store: &Arc<dyn Store>,
    texts: BTreeMap<String, String>,
    since: Option<Timestamp>,
    shards: u32,
    now: Timestamp,
) -> Result<Plan, PlanError> {
    let current = store.current_definition().await?;
    // Files of an older release that do not compile here say nothing: everything counts as new.
    let running = current.as_ref().map(rulebooks::compile).and_then(Result::ok).map(Arc::new);
    let mut deployed = running.as_ref().map(|running| running.deployed.clone()).unwrap_or_default();
    let mut files = Applied::compile("", texts, BTreeMap::new())?;
    files.hash = files.rulebook.hash.to_string();
    for workflow in &files.rulebook.workflows {
        let earlier = workflow.was.as_ref().and_then(|was| deployed.get(&**was).copied());
        deployed.entry(workflow.id.to_string()).or_insert(earlier.or(since).unwrap_or(now));
    }
    files.deployed = deployed;
    let files = Arc::new(files);
    let hash = current.as_ref().map(|current| current.hash.clone());
    let old = running.as_ref().map(|running| &running.rulebook);
    let mut plan = Plan {
        id: id(hash.as_deref(), &files.hash),
        differs: hash.as_deref() != Some(files.hash.as_str()),
        running: hash,
        files: files.hash.clone(),
        made_at: now,
        config: texts::config_changes(old, &files.rulebook),
        partners: 0,
        workflows: Vec::new(),
        needs_second_person: services_changed(old, &files.rulebook),
    };
    if !plan.differs {
        plan.needs_second_person.clear();
        return Ok(plan);
    }
    let rulebooks = Rulebooks::new(store.clone());
    let seen = people::look(store, &rulebooks, running.as_ref(), &files, shards, now).await?;
    plan.partners = seen.partners;
    let raised = store.counts().await?;
    let ids: BTreeSet<&Arc<str>> =
        old.iter().flat_map(|old| &old.workflows).chain(&files.rulebook.workflows).map(|it| &it.id).collect();
    for id in ids {
        let (before, after) = (old.and_then(|old| old.workflow(id)), files.rulebook.workflow(id));
        let mails = texts::mail_changes(old, &files.rulebook, id);
        let found = seen.workflows.get(&**id).cloned().unwrap_or_default();
        let change = match (before, after) {
            (None, None) => continue,
            (None, Some(_)) => Change::New,
            (Some(_), None) => Change::Gone,
            (Some(before), Some(after)) if before.version != after.version => Change::Steps,
            _ if old.is_some_and(|old| texts::folder_differs(old, &files.rulebook, id)) => Change::Texts,
            _ if found.enter_at_once != found.enter_anyway || found.read_new_text > 0 => Change::Config,
            _ => continue,
        };
        plan.workflows.push(WorkflowPlan {
            id: id.to_string(),
            change,
            from: before.map(|workflow| workflow.version.to_string()),
            to: after.map(|workflow| workflow.version.to_string()),
            mails,
            inside: found.inside(self::after(&files.rulebook, id).map(|after| &**after)),
            read_new_text: found.read_new_text,
            enter_at_once: found.enter_at_once,
            enter_anyway: found.enter_anyway,
            audiences: found.audiences.into_values().collect(),
            earlier: match (change, after) {
                (Change::New, Some(workflow)) => people::earlier(workflow, &seen.happened, &raised),
                _ => BTreeMap::new(),
            },
        });
    }
    Ok(plan)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_stands_for_what_runs_and_for_the_files() {
        assert_eq!(id(Some("a"), "b"), id(Some("a"), "b"));
        assert_ne!(id(Some("a"), "b"), id(Some("a"), "c"));
        assert_ne!(id(Some("a"), "b"), id(None, "b"));
        assert_eq!(id(None, "").len(), 12);
    }
}
