//! Steps and arms that nobody ever gets to, because their conditions leave no partner over, or stop everybody who got in.

use rapport_rule::expr::Condition;
use rapport_rule::yaml::{self, Node};
use rapport_rule::{Findings, Sources, Span};

use super::path_of;
use crate::model::{Arm, StopWhen, Verb, Workflow};

/// Keys under which a step has steps of its own, in the order in which they are read.
const NESTED: [&str; 4] = ["if_not_sent", "then", "otherwise", "else"];

/// Arms and stops that are held against each other; nobody writes so many.
const WAYS_MAX: usize = 64;

pub(super) fn check(workflow: &Workflow, sources: &Sources, findings: &mut Findings) {
    let path = path_of(workflow);
    let Some(source) = sources.get(&path) else { return };
    // What is wrong with the file as YAML has been said where it was read.
    let Some(file) = yaml::parse(source, &mut Findings::new()) else { return };
    let entry = &workflow.entry;
    guards(entry.if_.as_ref(), entry.unless.as_ref(), &file, &path, findings);
    stopped_at_once(workflow, &file, &path, findings);
    let mut written = Vec::new();
    if let Some(steps) = file.get("steps") {
        collect(steps, &mut written);
    }
    // Steps are read in the order written; were it otherwise, no place would be right.
    if written.len() != workflow.steps.len() {
        return;
    }
    for (step, node) in workflow.steps.iter().zip(written) {
        guards(step.if_.as_ref(), step.unless.as_ref(), node, &path, findings);
        let Verb::Choose { arms, .. } = &step.verb else { continue };
        match node.get("choose").and_then(Node::as_seq) {
            Some(items) => {
                for (arm, item) in arms.iter().zip(items) {
                    guards(arm.if_.as_ref(), arm.unless.as_ref(), item, &path, findings);
                }
                unreachable(arms, items, source, &path, findings);
            }
            // `if:` as a verb, with `unless` beside it.
            None => {
                guards(arms.first().and_then(|arm| arm.if_.as_ref()), step.unless.as_ref(), node, &path, findings);
            }
        }
    }
}

/// The steps in the order they are read: each before those inside it.
pub(super) fn collect<'n>(list: &'n Node, steps: &mut Vec<&'n Node>) {
    for step in list.one_or_many() {
        steps.push(step);
        for arm in step.get("choose").map(Node::one_or_many).unwrap_or_default() {
            [arm.get("then"), arm.get("else")].into_iter().flatten().for_each(|block| collect(block, steps));
        }
        for (_, way) in step.get("split").and_then(Node::as_map).unwrap_or_default() {
            way.get("then").into_iter().for_each(|block| collect(block, steps));
        }
        let in_email = step.get("email").and_then(|email| email.get("if_not_sent"));
        let beside = NESTED.iter().map(|key| step.get(key));
        std::iter::once(in_email).chain(beside).flatten().for_each(|block| collect(block, steps));
    }
}

/// R0219 for an `unless` that stops everybody whom the `if` beside it lets through.
fn guards(if_: Option<&Condition>, unless: Option<&Condition>, node: &Node, path: &str, findings: &mut Findings) {
    let (Some(if_), Some(unless)) = (if_, unless) else { return };
    if if_.implies(unless) {
        findings
            .error("R0219", path, node.get("unless").map(|node| node.span), "nobody gets past `if` and `unless` here")
            .label("it is so whenever the `if` beside it holds");
    }
}

/// R0219 for a `stop_when` that is so whenever the entry's `if` is: it is looked at before the first step, too.
fn stopped_at_once(workflow: &Workflow, file: &Node, path: &str, findings: &mut Findings) {
    let (Some(if_), Some(written)) = (&workflow.entry.if_, file.get("stop_when").map(Node::one_or_many)) else {
        return;
    };
    if written.len() != workflow.stop_when.len() {
        return;
    }
    for (stop, item) in workflow.stop_when.iter().zip(written).take(WAYS_MAX) {
        if matches!(stop, StopWhen::True { condition, .. } if if_.implies(condition)) {
            findings
                .error("R0219", path, item.span, "whoever gets in is stopped before the first step")
                .label("it is so whenever the `if` at entry holds");
        }
    }
}

/// R0311 for an arm whose partners an earlier one takes.
fn unreachable(arms: &[Arm], items: &[Node], source: &rapport_rule::Source, path: &str, findings: &mut Findings) {
    for (index, (arm, item)) in arms.iter().zip(items).enumerate().take(WAYS_MAX) {
        let mut before = arms.iter().zip(items).take(index);
        let taken = before.find(|(earlier, _)| takes_all_of(earlier, arm)).map(|(_, item)| item.span);
        if let Some(by) = taken {
            let at = item.get("if").or_else(|| item.get("unless")).map_or(item.span, |node| node.span);
            findings
                .error("R0311", path, at, "this arm is never reached")
                .label(format!("whoever gets here has been taken by the arm on line {}", line(by, source)))
                .hint("The first arm that holds is taken: put the narrower condition first.");
        }
    }
}

fn takes_all_of(earlier: &Arm, arm: &Arm) -> bool {
    match (&earlier.if_, &earlier.unless, &arm.if_) {
        (Some(earlier), None, Some(condition)) => condition.implies(earlier),
        // What is kept out there is kept out here too.
        _ => written(earlier) == written(arm),
    }
}

fn written(arm: &Arm) -> (Option<String>, Option<String>) {
    (arm.if_.as_ref().map(ToString::to_string), arm.unless.as_ref().map(ToString::to_string))
}

fn line(span: Span, source: &rapport_rule::Source) -> usize {
    source.line_column(span.start).0
}
