//! Notices whose folder was taken away: whether a partner knew is asked long after a change was made.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rapport_engine::ports::store::Store as _;
use rapport_engine::rulebooks::{Applied, compile};
use rapport_store::SqlStore;
use rapport_workflow::Workflow;

use crate::exit::{Doing, Failure};
use crate::printed::aside;

/// The notices that earlier files have and those in force do not, each as it was last. One that has another name now is not gone.
pub(super) async fn notices(store: &SqlStore, applied: &Applied) -> Result<Vec<Arc<Workflow>>, Failure> {
    let in_force = applied.rulebook.workflows.iter();
    let names = in_force.flat_map(|workflow| std::iter::once(&workflow.id).chain(&workflow.was));
    let mut known: BTreeSet<String> = names.map(ToString::to_string).collect();
    let mut gone = Vec::new();
    // Newest first.
    for hash in store.definition_hashes().await.doing("looking for earlier files")? {
        let Some(row) = store.definition(&hash).await.doing("reading earlier files")? else { continue };
        let texts: BTreeMap<String, String> = serde_json::from_str(&row.sources).unwrap_or_default();
        let folders = || texts.iter().filter_map(|(path, text)| Some((folder_of(path)?, text)));
        // To compile all that was ever in force would take long: only files are that have something to tell.
        if !folders().any(|(folder, text)| text.contains("notice:") && !known.contains(folder)) {
            continue;
        }
        let before = match compile(&row) {
            Ok(before) => before,
            Err(broken) => {
                aside(format!("notices in the files applied at {} are not looked for: {broken}", row.applied_at));
                continue;
            }
        };
        for workflow in before.rulebook.workflows.iter().filter(|workflow| workflow.notice.is_some()) {
            if known.insert(workflow.id.to_string()) {
                known.extend(workflow.was.iter().map(ToString::to_string));
                gone.push(Arc::clone(workflow));
            }
        }
        known.extend(folders().map(|(folder, _)| folder.to_owned()));
    }
    Ok(gone)
}

/// The folder of a workflow's file.
fn folder_of(path: &str) -> Option<&str> {
    path.strip_prefix("workflows/")?.strip_suffix("/workflow.yaml")
}
