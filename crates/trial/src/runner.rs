//! Runs all tests of a rulebook on the cores there are.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use jiff::Timestamp;
use rapport_engine::rulebooks::Applied;
use rapport_workflow::{Rulebook, Trial, Workflow, WorkflowId};

use crate::background::Backgrounds;
use crate::coverage::{Coverage, Missed};
use crate::judge::judge;
use crate::play::{Performance, play, rulebook_of};

/// How one test ended.
#[derive(Debug, Clone)]
pub struct Verdict {
    /// The workflow.
    pub workflow: WorkflowId,
    /// The test's name.
    pub name: String,
    /// Its file.
    pub path: String,
    /// Its line there.
    pub line: usize,
    /// What was not as expected; empty when all was.
    pub wrong: Vec<String>,
    /// What came of it, as far as it was played.
    pub performance: Performance,
}

/// How all tests ended.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// In the order of workflows and files.
    pub verdicts: Vec<Verdict>,
    /// What no test walked, by workflow, and how much there is; of a choice of tests only their workflows.
    pub missed: BTreeMap<WorkflowId, (Vec<Missed>, usize)>,
}

impl Report {
    /// How many tests failed.
    pub fn failures(&self) -> usize {
        self.verdicts.iter().filter(|verdict| !verdict.wrong.is_empty()).count()
    }
}

/// Runs tests; what several share is made once.
#[derive(Debug, Default)]
pub struct Runner {
    backgrounds: Backgrounds,
}

impl Runner {
    /// Runs every test whose workflow or name contains `only`, on `threads` threads.
    pub fn run(&self, rulebook: &Rulebook, only: Option<&str>, threads: usize) -> Report {
        let wanted = |id: &str, trial: &Trial| only.is_none_or(|only| id.contains(only) || trial.name.contains(only));
        let all = rulebook.trials.iter().flat_map(|(id, trials)| trials.iter().map(move |trial| (id, trial)));
        let all: Vec<(&WorkflowId, &Trial)> = all.filter(|(id, trial)| wanted(id, trial)).collect();
        let casts = casts(rulebook, &all);
        let next = AtomicUsize::new(0);
        let work = || {
            let mut done = Vec::new();
            while let Some((index, (id, trial))) = {
                let index = next.fetch_add(1, Ordering::Relaxed);
                all.get(index).map(|one| (index, *one))
            } {
                let Some(applied) = casts.get(&cast_of(id, trial)) else { continue };
                done.push((index, self.one(rulebook, id, trial, applied)));
            }
            done
        };
        let mut verdicts: Vec<(usize, Verdict)> = std::thread::scope(|scope| {
            let workers: Vec<_> = (0..threads.clamp(1, 64)).map(|_| scope.spawn(work)).collect();
            workers.into_iter().flat_map(|worker| worker.join().unwrap_or_default()).collect()
        });
        verdicts.sort_by_key(|(index, _)| *index);
        let mut report =
            Report { verdicts: verdicts.into_iter().map(|(_, verdict)| verdict).collect(), ..Report::default() };
        // Of a choice of tests, only the workflows they are of: of the others nothing was to be walked.
        let asked = |workflow: &Workflow| only.is_none() || all.iter().any(|(id, _)| **id == workflow.id);
        for workflow in rulebook.workflows.iter().filter(|workflow| asked(workflow)) {
            let mut coverage = Coverage::default();
            for verdict in report.verdicts.iter().filter(|verdict| verdict.workflow == workflow.id) {
                coverage.add(workflow, &verdict.performance.journeys);
            }
            report.missed.insert(workflow.id.clone(), coverage.missed(workflow));
        }
        report
    }

    /// Whether a test of this workflow fails; those after it are not played.
    pub fn notices(&self, rulebook: &Rulebook, id: &WorkflowId) -> bool {
        let all: Vec<(&WorkflowId, &Trial)> = rulebook
            .trials
            .get_key_value(id)
            .into_iter()
            .flat_map(|(id, trials)| trials.iter().map(move |trial| (id, trial)))
            .collect();
        let casts = casts(rulebook, &all);
        let fails = |(id, trial): &(&WorkflowId, &Trial)| {
            let applied = casts.get(&cast_of(id, trial));
            applied.is_some_and(|applied| !self.one(rulebook, id, trial, applied).wrong.is_empty())
        };
        all.iter().any(fails)
    }

    fn one(&self, rulebook: &Rulebook, id: &WorkflowId, trial: &Trial, applied: &Arc<Applied>) -> Verdict {
        // A panic is a bug of ours; it must not take the other tests with it.
        let played = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| play(trial, applied, &self.backgrounds)));
        let (wrong, performance) = match (played, rulebook.workflow(id)) {
            (Ok(Ok(performance)), Some(workflow)) => (judge(trial, workflow, &performance), performance),
            (Ok(Err(why)), _) => (vec![why], Performance::default()),
            (Err(_), _) => (vec!["the play panicked; this is a bug of rapport".to_owned()], Performance::default()),
            (_, None) => (vec![format!("there is no workflow `{id}`")], Performance::default()),
        };
        let path = format!("workflows/{id}/tests.yaml");
        Verdict { workflow: id.clone(), name: trial.name.clone(), path, line: trial.line, wrong, performance }
    }
}

type Cast = (WorkflowId, Vec<WorkflowId>, bool, Timestamp);

fn cast_of(id: &WorkflowId, trial: &Trial) -> Cast {
    (id.clone(), trial.workflows.clone(), trial.holdout, trial.at(1, trial.clock.time()))
}

/// The rulebooks the tests need, each made once.
fn casts(rulebook: &Rulebook, all: &[(&WorkflowId, &Trial)]) -> BTreeMap<Cast, Arc<Applied>> {
    let mut casts = BTreeMap::new();
    for (id, trial) in all {
        casts.entry(cast_of(id, trial)).or_insert_with(|| {
            let cast = rulebook_of(trial, id, rulebook);
            let start = trial.at(1, trial.clock.time());
            // What is older than the play starts nothing.
            let deployed = cast.workflows.iter().map(|workflow| (workflow.id.to_string(), start)).collect();
            Arc::new(Applied::new(cast.hash.to_string(), cast, deployed))
        });
    }
    casts
}
