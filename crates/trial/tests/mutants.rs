//! Of the small changes that can be made to the shipped workflows, their tests notice almost all. Those nobody notices stand
//! in `docs/mutants.md`, each with the reason.
//!
//! After a workflow, its tests or the kinds of change have changed: `RAPPORT_BLESS=1 cargo test -p rapport-trial --test mutants`
//! writes the list anew. Reasons of known ones are kept; at new ones stands what must be replaced by a reason, or by a test.
#![allow(clippy::disallowed_methods, reason = "the list is a file")]

use std::collections::BTreeMap;
use std::fmt::Write as _;

use rapport_shipped::root;
use rapport_trial::Runner;
use rapport_trial::mutants::{GUARDRAILS, Mutant, survivors, survivors_of_caps};
use rapport_workflow::compile;

const LIST: &str = "docs/mutants.md";
const MISSING: &str = "REASON MISSING";
/// The heading of the caps, which are nobody's in particular.
const CAPS: &str = "caps for every workflow";
const HEAD: &str = "# Changes no test notices\n\n\
    Every shipped workflow is changed in small ways, one at a time: a number, a comparison, a wait, a branch, a step, a stop. \
    Its own tests should then fail. Below stand the changes after which they still pass, each with the reason. \
    The list is held by a test: a change that is not on it must be noticed, and one that is on it must not be.\n\n\
    After changing a workflow or its tests, write the list anew with \
    `RAPPORT_BLESS=1 cargo test -p rapport-trial --test mutants`, and put a reason, or better a test, in the place of each \
    `REASON MISSING`.\n";

/// Workflow → change → reason.
type Listed = BTreeMap<String, BTreeMap<String, String>>;

/// `## WORKFLOW`, under it `- CHANGE` and, indented, its reason.
fn read(text: &str) -> Listed {
    let mut listed = Listed::new();
    let (mut workflow, mut change) = (String::new(), String::new());
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("## ") {
            name.clone_into(&mut workflow);
        } else if let Some(what) = line.strip_prefix("- ") {
            what.clone_into(&mut change);
            listed.entry(workflow.clone()).or_default().insert(change.clone(), String::new());
        } else if let Some(more) = line.strip_prefix("  ")
            && let Some(reason) = listed.get_mut(&workflow).and_then(|changes| changes.get_mut(&change))
        {
            if !reason.is_empty() {
                reason.push(' ');
            }
            reason.push_str(more.trim());
        }
    }
    listed
}

fn written(listed: &Listed, head: &str) -> String {
    let mut text = HEAD.to_owned();
    let _ = writeln!(text, "\n{head}");
    for (workflow, changes) in listed.iter().filter(|(_, changes)| !changes.is_empty()) {
        let _ = writeln!(text, "\n## {workflow}\n");
        for (change, reason) in changes {
            let _ = writeln!(text, "- {change}\n  {reason}");
        }
    }
    text
}

#[test]
fn the_shipped_tests_notice_changes_of_the_shipped_workflows() {
    let sources = rapport_shipped::sources();
    let rulebook = compile(&sources).0.unwrap();
    let runner = Runner::default();
    let mut all = 0;
    let mut left: BTreeMap<String, Vec<Mutant>> = BTreeMap::new();
    for workflow in &rulebook.workflows {
        assert!(rulebook.trials.contains_key(&workflow.id), "{} has no tests", workflow.id);
        let (count, survivors) = survivors(&sources, &rulebook, &workflow.id, &runner, 2);
        all += count;
        left.insert(workflow.id.to_string(), survivors);
    }
    let (count, caps) = survivors_of_caps(&sources, &runner, 2);
    assert!(count > 0, "{GUARDRAILS} has no caps");
    all += count;
    left.insert(CAPS.to_owned(), caps);

    let path = root().join(LIST);
    let listed = read(&std::fs::read_to_string(&path).unwrap_or_default());
    let missed: usize = left.values().map(Vec::len).sum();
    if std::env::var_os("RAPPORT_BLESS").is_some() {
        let reason = |workflow: &str, what: &str| {
            let known = listed.get(workflow).and_then(|changes| changes.get(what));
            known.filter(|reason| !reason.is_empty()).cloned().unwrap_or_else(|| MISSING.to_owned())
        };
        let fresh: Listed = left
            .iter()
            .map(|(workflow, mutants)| {
                let changes = mutants.iter().map(|mutant| (mutant.what.clone(), reason(workflow, &mutant.what)));
                (workflow.clone(), changes.collect())
            })
            .collect();
        let head = format!("{} of {all} changes are noticed.", all - missed);
        std::fs::write(&path, written(&fresh, &head)).unwrap();
    }
    let listed = read(&std::fs::read_to_string(&path).unwrap());

    let mut wrong = Vec::new();
    for (workflow, mutants) in &left {
        let known = listed.get(workflow);
        for mutant in mutants {
            match known.and_then(|changes| changes.get(&mutant.what)) {
                None => wrong.push(format!("{workflow}:{}: nobody notices: {}", mutant.line, mutant.what)),
                Some(reason) if reason.is_empty() || reason.contains(MISSING) => {
                    wrong.push(format!("{workflow}:{}: no reason is given for: {}", mutant.line, mutant.what));
                }
                Some(_) => {}
            }
        }
    }
    for (workflow, changes) in &listed {
        let mutants = left.get(workflow).map(Vec::as_slice).unwrap_or_default();
        for change in changes.keys().filter(|change| !mutants.iter().any(|mutant| mutant.what == **change)) {
            wrong.push(format!("{workflow}: it is noticed, or is no change any more: {change}"));
        }
    }
    println!("{} of {all} noticed", all - missed);
    assert!(missed * 20 <= all, "{missed} of {all} changes go unnoticed, more than one in twenty");
    assert!(
        wrong.is_empty(),
        "{LIST} is not as it should be (how to mend it stands at its top):\n{}",
        wrong.join("\n")
    );
}

#[test]
fn the_list_is_read_as_it_is_written() {
    let changes =
        BTreeMap::from([("a `b`: `1` for `2`".to_owned(), "because".to_owned()), ("c".to_owned(), MISSING.to_owned())]);
    let listed = Listed::from([("welcome".to_owned(), changes)]);
    assert_eq!(read(&written(&listed, "1 of 3.")), listed);
    assert_eq!(read("## w\n\n- c\n  one\n  two\n")["w"]["c"], "one two");
}
