//! Workflows that begin each other for ever.

use std::collections::BTreeSet;
use std::sync::Arc;

use rapport_event::Kind;
use rapport_rule::{Findings, Sources};

use super::{key_span, path_of};
use crate::model::{Once, Verb, Workflow};

/// One step of a workflow may begin another workflow.
struct Leads {
    /// The other, by its place in the list.
    to: usize,
    line: usize,
    /// Whether an event comes of it that was not there before. A `start:` hands on the trigger there is.
    is_new: bool,
}

/// A way from a workflow, on the search for one that leads back to it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Way {
    at: usize,
    line: usize,
    is_new: bool,
    /// Whether some `once: every …` on it keeps a time between the rounds.
    is_slow: bool,
}

/// Gives the workflows of which it is said.
pub(super) fn check(workflows: &[Arc<Workflow>], sources: &Sources, findings: &mut Findings) -> BTreeSet<usize> {
    let mut said = BTreeSet::new();
    let leads: Vec<Vec<Leads>> = workflows.iter().map(|workflow| leads(workflow, workflows)).collect();
    for (index, workflow) in workflows.iter().enumerate() {
        let Some(way) = way_back(index, workflows, &leads) else { continue };
        said.insert(index);
        let (path, span) = (path_of(workflow), key_span(workflow, "when", sources));
        let found = if way.is_slow {
            findings.warning("R0430", &path, span, "this workflow begins itself again and again")
        } else {
            findings.error("R0430", &path, span, "this workflow begins itself for ever")
        };
        found
            .label(format!("what line {} does leads back here", way.line))
            .hint("Begin on another kind, bind it with `if`, or say `once: per partner`.");
    }
    said
}

/// The way back to a workflow, one without a time between the rounds if there is one.
fn way_back(from: usize, workflows: &[Arc<Workflow>], leads: &[Vec<Leads>]) -> Option<Way> {
    let slow = |at: usize| workflows.get(at).is_some_and(|to| matches!(to.entry.once, Once::Every(_)));
    let mut open: Vec<Way> = Vec::new();
    let step = |way: Option<Way>, lead: &Leads| Way {
        at: lead.to,
        line: way.map_or(lead.line, |way| way.line),
        is_new: lead.is_new || way.is_some_and(|way| way.is_new),
        is_slow: slow(lead.to) || way.is_some_and(|way| way.is_slow),
    };
    open.extend(leads.get(from).into_iter().flatten().map(|lead| step(None, lead)));
    let (mut seen, mut found) = (BTreeSet::new(), None);
    while let Some(way) = open.pop() {
        if way.at == from && way.is_new {
            if !way.is_slow {
                return Some(way);
            }
            found = found.or(Some(way));
        }
        if seen.insert((way.at, way.is_new, way.is_slow)) {
            open.extend(leads.get(way.at).into_iter().flatten().map(|lead| step(Some(way), lead)));
        }
    }
    found
}

/// Which workflows the steps of one may begin.
fn leads(workflow: &Workflow, workflows: &[Arc<Workflow>]) -> Vec<Leads> {
    let (always, mut leads) = (always(workflow), Vec::new());
    for (index, step) in workflow.steps.iter().enumerate() {
        let told = match &step.verb {
            Verb::Emit { kind } => Some((kind.to_string(), false)),
            // Whoever asks before setting something does not set it again, and an award or a case is asked for by its kind.
            Verb::Award(_) => Some((Kind::PartnerAwarded.name().into_owned(), true)),
            Verb::OpenCase(_) => Some((Kind::CaseOpened.name().into_owned(), true)),
            Verb::Set(_) | Verb::Tag { .. } => Some((Kind::PartnerUpdated.name().into_owned(), true)),
            _ => None,
        };
        for (to, other) in workflows.iter().enumerate().filter(|(_, other)| comes_again(other)) {
            let asks = !always.contains(&index)
                || step.if_.is_some()
                || step.unless.is_some()
                || other.entry.if_.is_some()
                || other.entry.unless.is_some();
            let is_new = told.as_ref().is_some_and(|(kind, is_kept)| other.starts_on(kind) && !(*is_kept && asks));
            let is_started = matches!(&step.verb, Verb::Start { workflow } if **workflow == *other.id);
            if is_new || is_started {
                leads.push(Leads { to, line: step.line, is_new });
            }
        }
    }
    leads
}

/// The steps of the outermost block: all others are behind a decision.
fn always(workflow: &Workflow) -> BTreeSet<usize> {
    let mut steps = BTreeSet::new();
    let mut at = Some(0);
    while let Some(step) = at.filter(|at| steps.insert(*at)).and_then(|at| workflow.steps.get(at)) {
        at = step.next;
    }
    steps
}

/// Whether another event may begin it once more for the same partner.
fn comes_again(workflow: &Workflow) -> bool {
    match &workflow.entry.once {
        Once::PerPartner => false,
        Once::PerEvent | Once::Every(_) => true,
        Once::Per(value) => value.names().iter().any(|name| name.starts_with("event.")),
    }
}
