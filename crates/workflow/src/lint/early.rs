//! Conditions on what the journey cannot have met yet: the outcome of a mail before the first mail, a choice before the
//! question. They are `?` for everybody, so that an `if` lets nobody through and an `unless` stops all.

use rapport_rule::expr::Condition;
use rapport_rule::yaml::{self, Node};
use rapport_rule::{Findings, Sources};

use super::{never, path_of};
use crate::model::{Step, StopWhen, Verb, Workflow};

/// What a journey meets on its way: how its names begin, and which step has to come before.
const MET: [(&str, &str); 4] = [
    ("mail.", "`email`"),
    ("awaited.", "`wait_for` whose event came"),
    ("task.", "`task` with `choices`"),
    ("call.", "`webhook` or `slack`"),
];

/// For each of `MET`, whether it may have been met.
type Met = [bool; MET.len()];

pub(super) fn check(workflow: &Workflow, sources: &Sources, findings: &mut Findings) {
    let path = path_of(workflow);
    let Some(source) = sources.get(&path) else { return };
    // What is wrong with the file as YAML has been said where it was read.
    let Some(file) = yaml::parse(source, &mut Findings::new()) else { return };
    let mut written = Vec::new();
    if let Some(steps) = file.get("steps") {
        never::collect(steps, &mut written);
    }
    // Steps are read in the order written; were it otherwise, no place would be right.
    if written.len() != workflow.steps.len() {
        return;
    }
    let before = before_each(&workflow.steps);
    for ((step, met), node) in workflow.steps.iter().zip(&before).zip(written) {
        let mut asked = |condition: Option<&Condition>, node: &Node, key: &str| {
            if let (Some(condition), Some(place)) = (condition, node.get(key)) {
                asks(condition, place, met, "before this step", &path, findings);
            }
        };
        asked(step.if_.as_ref(), node, "if");
        asked(step.unless.as_ref(), node, "unless");
        let Verb::Choose { arms, .. } = &step.verb else { continue };
        match node.get("choose").and_then(Node::as_seq) {
            Some(items) => {
                for (arm, item) in arms.iter().zip(items) {
                    asked(arm.if_.as_ref(), item, "if");
                    asked(arm.unless.as_ref(), item, "unless");
                }
            }
            // `if:` as a verb.
            None => asked(arms.first().and_then(|arm| arm.if_.as_ref()), node, "if"),
        }
    }
    let anywhere = workflow.steps.iter().fold(Met::default(), |all, step| both(all, after(step)));
    let stops = file.get("stop_when").map(Node::one_or_many).unwrap_or_default();
    for (stop, node) in workflow.stop_when.iter().zip(stops) {
        if let StopWhen::True { condition, .. } = stop {
            asks(condition, node, &anywhere, "anywhere in this workflow", &path, findings);
        }
    }
}

/// R0475 for a condition that asks for what cannot have been met.
fn asks(condition: &Condition, place: &Node, met: &Met, whence: &str, path: &str, findings: &mut Findings) {
    for name in condition.names() {
        let unmet = MET.iter().zip(met).find(|((begins, _), met)| name.starts_with(begins) && !**met);
        if let Some(((_, needed), _)) = unmet {
            findings
                .error("R0475", path, place.span, format!("`{name}` is not known here: there is no {needed} {whence}"))
                .label("ask for it in a later step, or put the step it needs first")
                .hint("What is not known is `?`: an `if` lets nobody through, an `unless` stops everybody.");
        }
    }
}

/// What may have been met when a journey comes to each step. Successors lie further down, so one pass sees all ways.
fn before_each(steps: &[Step]) -> Vec<Met> {
    let mut before = vec![Met::default(); steps.len()];
    for (at, step) in steps.iter().enumerate() {
        let here = before.get(at).copied().unwrap_or_default();
        for (to, gives) in ways(step) {
            if let Some(there) = to.and_then(|to| before.get_mut(to)) {
                *there = both(*there, both(here, gives));
            }
        }
    }
    before
}

/// Where a step leads, and what has been met on that way.
fn ways(step: &Step) -> Vec<(Option<usize>, Met)> {
    let nothing = Met::default();
    match &step.verb {
        Verb::Email(email) => vec![(step.next, after(step)), (email.if_not_sent, after(step))],
        Verb::WaitFor(wait) => {
            vec![(step.next, nothing), (wait.then, after(step)), (wait.otherwise, nothing)]
        }
        Verb::Choose { arms, otherwise } => {
            let arms = arms.iter().map(|arm| arm.then);
            arms.chain([*otherwise, step.next]).map(|to| (to, nothing)).collect()
        }
        Verb::Split(ways) => ways.iter().map(|way| way.then).chain([step.next]).map(|to| (to, nothing)).collect(),
        _ => vec![(step.next, after(step))],
    }
}

/// What a step that is done has brought: in the order of `MET`.
fn after(step: &Step) -> Met {
    [
        matches!(step.verb, Verb::Email(_)),
        matches!(step.verb, Verb::WaitFor(_)),
        matches!(&step.verb, Verb::Task(task) if task.choice.is_some()),
        matches!(step.verb, Verb::Call(_)),
    ]
}

fn both(one: Met, other: Met) -> Met {
    std::array::from_fn(|at| one.get(at).copied().unwrap_or_default() || other.get(at).copied().unwrap_or_default())
}
