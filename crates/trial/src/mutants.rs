//! Small changes to a workflow, each of which its tests should notice.
//!
//! What is written as a number or a sign is changed in the text (`written`: comparisons, thresholds, lengths, clock times,
//! caps) and compiled anew; what is structure is changed in the compiled workflow (`structure`: steps removed, branches
//! swapped, stops, guards, `once`, entry, and every option that is written).
//!
//! A change is named by what it changes, never by its line: a list of those nobody notices must not move with every edit.

mod structure;
mod written;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rapport_rule::Sources;
use rapport_workflow::{Rulebook, Verb, Workflow, WorkflowId};

use crate::runner::Runner;

/// The file of the caps that hold for every workflow.
pub const GUARDRAILS: &str = "config/rapport.yaml";

/// A changed workflow, or changed caps.
#[derive(Debug, Clone)]
pub struct Mutant {
    /// What was changed; no two of a workflow are named alike.
    pub what: String,
    /// Its line in the file, 1-based.
    pub line: usize,
    /// The rulebook with the change.
    pub rulebook: Rulebook,
}

/// Every mutant of a workflow. Those whose text does not compile are none: `check` has caught them.
pub fn mutants(sources: &Sources, rulebook: &Rulebook, id: &str) -> Vec<Mutant> {
    let mut all = written::of_workflow(&around(sources, rulebook, id), id);
    if let Some(workflow) = rulebook.workflow(id) {
        for structure::Changed { what, line, workflow } in structure::all(workflow) {
            let changed = Arc::new(workflow);
            let replace = |known: &Arc<Workflow>| if *known.id == *id { changed.clone() } else { known.clone() };
            let workflows = rulebook.workflows.iter().map(replace).collect();
            all.push(Mutant { what, line, rulebook: Rulebook { workflows, ..rulebook.clone() } });
        }
    }
    told_apart(all)
}

/// Every mutant of the caps in `config/rapport.yaml`; whichever workflow's test fails has noticed it.
pub fn mutants_of_caps(sources: &Sources) -> Vec<Mutant> {
    told_apart(written::of_caps(sources))
}

/// How many mutants of a workflow there are, and which of them none of its tests notices.
pub fn survivors(
    sources: &Sources,
    rulebook: &Rulebook,
    id: &WorkflowId,
    runner: &Runner,
    threads: usize,
) -> (usize, Vec<Mutant>) {
    left(mutants(sources, rulebook, id), threads, |mutant| runner.notices(&mutant.rulebook, id))
}

/// The same of the caps, noticed by whichever test there is.
pub fn survivors_of_caps(sources: &Sources, runner: &Runner, threads: usize) -> (usize, Vec<Mutant>) {
    left(mutants_of_caps(sources), threads, |mutant| {
        mutant.rulebook.trials.keys().any(|id| runner.notices(&mutant.rulebook, id))
    })
}

fn left(mutants: Vec<Mutant>, threads: usize, is_noticed: impl Fn(&Mutant) -> bool + Sync) -> (usize, Vec<Mutant>) {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut unnoticed = Vec::new();
        while let Some((at, mutant)) = {
            let at = next.fetch_add(1, Ordering::Relaxed);
            mutants.get(at).map(|mutant| (at, mutant))
        } {
            if !is_noticed(mutant) {
                unnoticed.push((at, mutant.clone()));
            }
        }
        unnoticed
    };
    let mut unnoticed: Vec<(usize, Mutant)> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads.max(1)).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap_or_default()).collect()
    });
    unnoticed.sort_by_key(|(at, _)| *at);
    (mutants.len(), unnoticed.into_iter().map(|(_, mutant)| mutant).collect())
}

/// The files that a workflow and its tests need: its folder, those of workflows it names, and what is nobody's in particular.
fn around(sources: &Sources, rulebook: &Rulebook, id: &str) -> Sources {
    let mut wanted: Vec<WorkflowId> = vec![id.into()];
    wanted.extend(rulebook.trials.get(id).into_iter().flatten().flat_map(|trial| trial.workflows.iter().cloned()));
    let mut next = 0;
    while let Some(workflow) = wanted.get(next).and_then(|id| rulebook.workflow(id)) {
        next += 1;
        let started = workflow.steps.iter().filter_map(|step| match &step.verb {
            Verb::Start { workflow } => Some(workflow),
            _ => None,
        });
        let held = workflow.holds.iter().flat_map(|holds| &holds.workflows);
        let named: Vec<WorkflowId> = started.chain(held).filter(|id| !wanted.contains(id)).cloned().collect();
        wanted.extend(named);
    }
    let belongs = |path: &str| match path.strip_prefix("workflows/").and_then(|path| path.split_once('/')) {
        Some((folder, _)) => wanted.iter().any(|id| **id == *folder),
        None => true,
    };
    let mut kept = Sources::new();
    for source in sources.iter().filter(|source| belongs(&source.path)) {
        kept.add(source.clone());
    }
    kept
}

/// Numbers those that are named alike, in the order of the file.
fn told_apart(mut all: Vec<Mutant>) -> Vec<Mutant> {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for mutant in &mut all {
        let number = seen.entry(mutant.what.clone()).or_default();
        *number += 1;
        if *number > 1 {
            mutant.what = format!("{} (no. {number})", mutant.what);
        }
    }
    all
}
