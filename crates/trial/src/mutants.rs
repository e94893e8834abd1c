//! Small changes to a workflow, each of which its tests should notice.
//!
//! What is written in the file is changed in the text (comparisons, thresholds, lengths, clock times) and compiled anew;
//! what is structure is changed in the compiled workflow (steps removed, branches swapped, stops, guards, `once`, entry).

use std::sync::Arc;

use rapport_rule::length::Length;
use rapport_rule::{Source, Sources};
use rapport_workflow::{Once, Rulebook, Verb, Workflow, compile};

use crate::runner::Runner;

/// Takes a part of a wait away.
type Change = fn(&mut rapport_workflow::calendar::Wait);

/// A changed workflow.
#[derive(Debug, Clone)]
pub struct Mutant {
    /// What was changed, with its line.
    pub what: String,
    /// The rulebook with the change.
    pub rulebook: Rulebook,
}

/// Every mutant of a workflow. Those whose text does not compile are none: `check` has caught them.
pub fn mutants(sources: &Sources, rulebook: &Rulebook, id: &str) -> Vec<Mutant> {
    let mut all = in_text(sources, id);
    if let Some(workflow) = rulebook.workflow(id) {
        for (what, changed) in in_structure(workflow) {
            let changed = Arc::new(changed);
            let replace = |known: &Arc<Workflow>| if *known.id == *id { changed.clone() } else { known.clone() };
            let workflows = rulebook.workflows.iter().map(replace).collect();
            all.push(Mutant { what, rulebook: Rulebook { workflows, ..rulebook.clone() } });
        }
    }
    all
}

/// How many mutants there are, and which of them no test of the workflow notices.
pub fn survivors(
    sources: &Sources,
    rulebook: &Rulebook,
    id: &str,
    runner: &Runner,
    threads: usize,
) -> (usize, Vec<String>) {
    let mutants = mutants(sources, rulebook, id);
    let survives = |mutant: &&Mutant| {
        let own = mutant.rulebook.trials.iter().filter(|(of, _)| ***of == *id);
        let trials = own.map(|(of, trials)| (of.clone(), trials.clone())).collect();
        let rulebook = Rulebook { trials, ..mutant.rulebook.clone() };
        runner.run(&rulebook, None, threads).failures() == 0
    };
    let left = mutants.iter().filter(survives).map(|mutant| mutant.what.clone()).collect();
    (mutants.len(), left)
}

fn in_text(sources: &Sources, id: &str) -> Vec<Mutant> {
    let path = format!("workflows/{id}/workflow.yaml");
    let Some(source) = sources.get(&path) else { return Vec::new() };
    let mut all = Vec::new();
    for (line, from, to, replacement) in edits(&source.text) {
        let mut text = source.text.clone();
        let before = text.get(from..to).unwrap_or_default().to_owned();
        text.replace_range(from..to, &replacement);
        let mut changed = sources.clone();
        changed.add(Source::new(path.clone(), text));
        if let (Some(rulebook), _) = compile(&changed) {
            all.push(Mutant {
                what: format!("line {line}: `{}` for `{}`", replacement.trim(), before.trim()),
                rulebook,
            });
        }
    }
    all
}

/// Edits of the text: line, from, to, instead.
fn edits(text: &str) -> Vec<(usize, usize, usize, String)> {
    const COMPARISONS: [(&str, &str); 6] =
        [(" >= ", " > "), (" <= ", " < "), (" == ", " != "), (" != ", " == "), (" > ", " <= "), (" < ", " >= ")];
    const UNITS: [&str; 6] = [" minute", " hour", " day", " week", " month", " weekday"];
    let mut all = Vec::new();
    let mut start = 0;
    let mut live = false;
    for (number, line) in text.split('\n').enumerate() {
        let code = line.split(" #").next().unwrap_or_default();
        // Title, owner and senders are not what the tests are about; neither is the holdout, which tests leave out.
        let head = ["workflow:", "about:", "owner:", "mail:", "holdout:", "#"];
        live |= code.starts_with("when:") || code.starts_with("send_to:");
        if live && !head.iter().any(|head| code.starts_with(head)) {
            for (from, to) in COMPARISONS {
                for (at, _) in code.match_indices(from) {
                    all.push((number + 1, start + at, start + at + from.len(), to.to_owned()));
                }
            }
            for (at, digits) in numbers(code) {
                let (before, after) = (&code[..at], &code[at + digits.len()..]);
                let value: u64 = digits.parse().unwrap_or_default();
                let compared = [" >= ", " <= ", " == ", " > ", " < ", " != "].iter().any(|sign| before.ends_with(sign));
                let length = UNITS.iter().any(|unit| after.starts_with(unit)) && !before.ends_with('"');
                let clock = before.ends_with('"') && after.starts_with(':');
                let end = start + at + digits.len();
                if compared {
                    all.push((number + 1, start + at, end, (value * 2 + 1).to_string()));
                }
                if length {
                    all.push((number + 1, start + at, end, (value * 2).to_string()));
                    if value > 1 {
                        all.push((number + 1, start + at, end, (value / 2).to_string()));
                    }
                }
                if clock && value < 22 {
                    all.push((number + 1, start + at, end, format!("{:02}", value + 2)));
                }
            }
        }
        start += line.len() + 1;
    }
    all
}

fn numbers(code: &str) -> Vec<(usize, &str)> {
    let mut all = Vec::new();
    let bytes = code.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let is_digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
        let inside_word = at > 0 && bytes.get(at - 1).is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
        if is_digit(at) && !inside_word {
            let end = (at..).find(|end| !is_digit(*end)).unwrap_or(bytes.len());
            all.extend(code.get(at..end).map(|digits| (at, digits)));
            at = end;
        } else {
            at += 1;
        }
    }
    all
}

fn in_structure(workflow: &Workflow) -> Vec<(String, Workflow)> {
    let mut all = Vec::new();
    let mut add = |what: String, change: &dyn Fn(&mut Workflow)| {
        let mut changed = workflow.clone();
        change(&mut changed);
        // Another version, so that nothing takes it for the one it was made of.
        changed.version = format!("{}+{what}", workflow.version).into();
        all.push((what, changed));
    };
    if workflow.when.len() > 1 {
        for (index, kind) in workflow.when.iter().enumerate() {
            add(format!("without `when: {}`", kind.0), &|workflow| drop(workflow.when.remove(index)));
        }
    }
    if workflow.entry.if_.is_some() {
        add("without `if` at entry".into(), &|workflow| workflow.entry.if_ = None);
    }
    if workflow.entry.unless.is_some() {
        add("without `unless` at entry".into(), &|workflow| workflow.entry.unless = None);
    }
    match &workflow.entry.once {
        Once::PerEvent => add("once: per partner".into(), &|workflow| workflow.entry.once = Once::PerPartner),
        Once::PerPartner => add("once: every 1 minutes".into(), &|workflow| {
            workflow.entry.once = Once::Every(Length::Minutes(1));
        }),
        _ => add("once: every 1 minutes".into(), &|workflow| workflow.entry.once = Once::Every(Length::Minutes(1))),
    }
    if workflow.entry.combine.is_some() {
        add("without `combine`".into(), &|workflow| workflow.entry.combine = None);
    }
    if workflow.holds.is_some() {
        add("without `holds`".into(), &|workflow| workflow.holds = None);
    }
    for (index, stop) in workflow.stop_when.iter().enumerate() {
        let name = match stop {
            rapport_workflow::StopWhen::Event(kind) => kind.0.to_string(),
            rapport_workflow::StopWhen::True { text, .. } => text.to_string(),
        };
        add(format!("without `stop_when: {name}`"), &|workflow| drop(workflow.stop_when.remove(index)));
    }
    for (index, step) in workflow.steps.iter().enumerate() {
        let place = format!("line {}", step.line);
        let at = |workflow: &mut Workflow, change: &dyn Fn(&mut rapport_workflow::Step)| {
            if let Some(step) = workflow.steps.get_mut(index) {
                change(step);
            }
        };
        add(format!("{place}: without `{}`", step.id), &|workflow| {
            at(workflow, &|step| step.verb = Verb::Choose { arms: Vec::new(), otherwise: step.next });
        });
        if step.if_.is_some() {
            add(format!("{place}: without the guard `if`"), &|workflow| at(workflow, &|step| step.if_ = None));
        }
        if step.unless.is_some() {
            add(format!("{place}: without the guard `unless`"), &|workflow| at(workflow, &|step| step.unless = None));
        }
        match &step.verb {
            Verb::Choose { arms, .. } if !arms.is_empty() => {
                add(format!("{place}: branches swapped"), &|workflow| {
                    at(workflow, &|step| {
                        if let Verb::Choose { arms, otherwise } = &mut step.verb
                            && let Some(first) = arms.first_mut()
                        {
                            std::mem::swap(&mut first.then, otherwise);
                        }
                    });
                });
            }
            Verb::WaitFor(_) => {
                add(format!("{place}: `then` and `otherwise` swapped"), &|workflow| {
                    at(workflow, &|step| {
                        if let Verb::WaitFor(wait) = &mut step.verb {
                            std::mem::swap(&mut wait.then, &mut wait.otherwise);
                        }
                    });
                });
            }
            Verb::Wait(wait) => {
                let mut parts: Vec<(&str, Change)> = Vec::new();
                if wait.at.is_some() {
                    parts.push(("the clock time", |wait| wait.at = None));
                }
                if wait.on_days.is_some() {
                    parts.push(("`on_days`", |wait| wait.on_days = None));
                }
                for (name, change) in parts {
                    add(format!("{place}: the wait without {name}"), &|workflow| {
                        at(workflow, &|step| {
                            if let Verb::Wait(wait) = &mut step.verb {
                                change(wait);
                            }
                        });
                    });
                }
            }
            _ => {}
        }
    }
    all
}
