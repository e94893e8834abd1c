//! Which kinds of event any workflow cares for, so that the others cost nothing but their count.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use rapport_event::kind::{Family, Kind};
use rapport_workflow::{Notice, StopWhen, Verb, Workflow};

use crate::rulebooks::Applied;

/// What a kind of event means to a rulebook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interest {
    /// Some workflow may start on it.
    pub starts: bool,
    /// A journey may be moved by it.
    pub moves: bool,
}

/// The interests of one rulebook, worked out once per kind.
#[derive(Debug, Default)]
pub struct Interests {
    known: Mutex<HashMap<Kind, Interest>>,
    starters: Mutex<HashMap<Box<str>, Starters>>,
}

/// The workflows that a kind of event may start, in the rulebook's order.
type Starters = Arc<[Arc<Workflow>]>;

impl Interests {
    /// What the rulebook cares for in this kind.
    pub fn of(&self, rulebook: &Applied, kind: &Kind) -> Interest {
        let mut known = lock(&self.known);
        if let Some(interest) = known.get(kind) {
            return *interest;
        }
        let interest = work_out(rulebook, kind);
        known.insert(kind.clone(), interest);
        interest
    }

    /// The workflows that an event of this kind may start, in the rulebook's order.
    pub(crate) fn started_by(&self, rulebook: &Applied, kind: &str) -> Starters {
        let mut starters = lock(&self.starters);
        if let Some(workflows) = starters.get(kind) {
            return workflows.clone();
        }
        let workflows: Starters = rulebook.started_by(kind).cloned().collect();
        starters.insert(kind.into(), workflows.clone());
        workflows
    }
}

fn lock<T>(known: &Mutex<T>) -> MutexGuard<'_, T> {
    known.lock().unwrap_or_else(PoisonError::into_inner)
}

fn work_out(rulebook: &Applied, kind: &Kind) -> Interest {
    let name = kind.name();
    let awaited = rulebook.workflows.iter().any(|workflow| cares(workflow, &name));
    // What the built-in stops look at, whatever workflows say.
    let built_in = matches!(kind.family(), Family::Partner | Family::Outcome | Family::Internal)
        || matches!(kind, Kind::ConversionReversed | Kind::MailReceived);
    Interest { starts: rulebook.started_by(&name).next().is_some(), moves: awaited || built_in }
}

/// Whether journeys of one version may be moved by a kind of event, apart from the built-in stops.
pub fn cares(workflow: &Workflow, kind: &str) -> bool {
    awaits(workflow, kind) || stops_on(workflow, kind) || acknowledges(workflow, kind)
}

/// Whether it may tell that a partner knows what a notice says.
fn acknowledges(workflow: &Workflow, kind: &str) -> bool {
    let told = |notice: &Notice| notice.event.as_ref().is_some_and(|event| event.matches(kind));
    workflow.notice.as_ref().is_some_and(|notice| kind == "survey.answered" || told(notice))
}

fn stops_on(workflow: &Workflow, kind: &str) -> bool {
    workflow.stop_when.iter().any(|stop| match stop {
        StopWhen::Event(pattern) => pattern.matches(kind),
        // An expression may turn true by any event.
        StopWhen::True { .. } => true,
    })
}

fn awaits(workflow: &Workflow, kind: &str) -> bool {
    workflow.steps.iter().any(|step| match &step.verb {
        Verb::WaitFor(wait) => wait.kinds.iter().any(|pattern| pattern.matches(kind)),
        _ => false,
    })
}
