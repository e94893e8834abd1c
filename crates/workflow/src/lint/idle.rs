//! What is written and does nothing: lists that name nobody, waits of no time, decisions without a step behind them.

use rapport_rule::yaml::{self, Node};
use rapport_rule::{Findings, Length, Sources};

use super::{never, path_of};
use crate::model::{Once, Workflow};

/// Lists at the top of a workflow that let somebody in, and what an empty one says.
const WHO: [(&str, &str); 2] = [
    ("programs", "leave `programs` away where all of them are meant"),
    ("statuses", "leave `statuses` away where active partners are meant"),
];

pub(super) fn check(workflow: &Workflow, sources: &Sources, findings: &mut Findings) {
    let path = path_of(workflow);
    let Some(source) = sources.get(&path) else { return };
    // What is wrong with the file as YAML has been said where it was read.
    let Some(file) = yaml::parse(source, &mut Findings::new()) else { return };
    for (key, remedy) in WHO {
        names_nothing(&file, key, remedy, &path, findings);
    }
    if let Some(holds) = file.get("holds") {
        names_nothing(
            holds,
            "workflows",
            "name the workflows whose mails wait, or leave `holds` away",
            &path,
            findings,
        );
    }
    entry(&file, &path, findings);
    once(workflow, &file, &path, findings);
    let mut steps = Vec::new();
    if let Some(node) = file.get("steps") {
        never::collect(node, &mut steps);
    }
    for step in steps {
        if let Some(wait) = step.get("wait") {
            self::wait(wait, &path, findings);
        }
        names_nothing(step, "wait_for", "name the event, or write how long as `wait:`", &path, findings);
        if let Some(due) =
            step.get("task").filter(|task| task.get("choices").is_some()).and_then(|task| task.get("due"))
            && is_no_time(due)
        {
            findings
                .error("R0575", &path, due.span, "nobody can answer in no time")
                .label("write how long the question waits for its answer: `due: 5 weekdays`")
                .hint("Then the default is taken.");
        }
        let from_now = step.get("from").and_then(Node::as_str) == Some("now");
        if let Some(at_most) = step.get("at_most").filter(|node| from_now && is_no_time(node)) {
            findings
                .error("R0575", &path, at_most.span, "nothing can come in no time")
                .label("write how long it is waited for: `at_most: 7 days`");
        }
        decision(step, &path, findings);
    }
}

/// What lets nobody in, or joins nothing, because it lasts no time: R0329, R0317.
fn entry(file: &Node, path: &str, findings: &mut Findings) {
    let late = file.get("if_late").filter(|late| late.get("skip").is_some());
    if let Some(after) = late.and_then(|late| late.get("after")).filter(|node| is_no_time(node)) {
        findings
            .error("R0329", path, after.span, "whatever arrives has happened before, so that all of it is late")
            .label("write from how long on: `if_late: { skip, after: 2 days }`");
    }
    if let Some(within) = file.get("combine").and_then(|combine| combine.get("within")).filter(|node| is_no_time(node))
    {
        findings
            .error("R0317", path, within.span, "`combine` closes at once: nothing can join within no time")
            .label("write `within: 24 hours`");
    }
}

/// R0320 for a `once` that counts by a value which is the same for every event.
fn once(workflow: &Workflow, file: &Node, path: &str, findings: &mut Findings) {
    let Once::Per(value) = &workflow.entry.once else { return };
    let written = file.get("once").filter(|node| node.as_str().is_some_and(|text| !text.contains('.')));
    if let Some(node) = written.filter(|_| value.names().is_empty()) {
        findings
            .error("R0320", path, node.span, "this is the same value every time")
            .label("write `per partner`, or name a field: `per event.conversion_id`");
    }
}

/// R0574 for an empty list under a key.
fn names_nothing(map: &Node, key: &str, remedy: &str, path: &str, findings: &mut Findings) {
    if let Some(list) = map.get(key).filter(|node| node.one_or_many().is_empty()) {
        findings.error("R0574", path, list.span, format!("`{key}` names nothing")).label(remedy);
    }
}

/// R0575 for a wait that is over when it begins, R0574 for one that waits for no day.
fn wait(wait: &Node, path: &str, findings: &mut Findings) {
    names_nothing(wait, "on_days", "write `weekdays`, or days by name", path, findings);
    let until = ["until", "then_at", "on_days"].iter().any(|key| wait.get(key).is_some());
    let length = if wait.as_map().is_some() { wait.get("for") } else { Some(wait) };
    if let Some(length) = length.filter(|node| !until && is_no_time(node)) {
        findings
            .error("R0575", path, length.span, "a wait of no time")
            .label("write how long, or take the step out")
            .hint("The step before it leads on at once by itself.");
    }
    if let Some(at_most) = wait.get("at_most").filter(|node| is_no_time(node)) {
        findings
            .error("R0575", path, at_most.span, "a wait that ends when it begins")
            .label("write the longest that it may take, or take the step out");
    }
    let (at_most, length) = (wait.get("at_most"), wait.get("for").and_then(exact));
    if let (Some(node), Some(length)) = (at_most, length)
        && exact(node).is_some_and(|most| 0 < most && most < length)
    {
        findings
            .error("R0575", path, node.span, "the wait ends before its `for` is over")
            .label("write a longer `at_most`, or this length as `for`");
    }
}

/// A length in minutes, where it is the same for everybody on every day.
fn exact(node: &Node) -> Option<i64> {
    match Length::parse(node.as_str()?).ok()? {
        Length::Minutes(minutes) => Some(minutes),
        Length::Hours(hours) => hours.checked_mul(60),
        Length::Days(days) => days.checked_mul(24 * 60),
        Length::Weeks(weeks) => weeks.checked_mul(7 * 24 * 60),
        Length::Months(_) | Length::Years(_) | Length::Weekdays(_) => None,
    }
}

fn is_no_time(node: &Node) -> bool {
    node.as_str().and_then(|text| Length::parse(text).ok()).is_some_and(Length::is_zero)
}

/// R0577 for `if`, `choose` and `split` when no way has a step.
fn decision(step: &Node, path: &str, findings: &mut Findings) {
    let (verb, ways): (&str, Vec<&Node>) = if let Some(arms) = step.get("choose").and_then(Node::as_seq) {
        ("choose", arms.iter().collect())
    } else if let Some(ways) = step.get("split").and_then(Node::as_map) {
        ("split", ways.iter().map(|(_, way)| way).collect())
    } else if step.get("wait_for").is_none() && step.get("then").is_some() {
        ("if", vec![step])
    } else {
        return;
    };
    let has_steps = |way: &Node, key: &str| way.get(key).is_some_and(|block| !block.one_or_many().is_empty());
    if ways.iter().any(|way| has_steps(way, "then") || has_steps(way, "else")) {
        return;
    }
    let place = step.get("then").filter(|_| verb == "if").or_else(|| step.get(verb));
    findings
        .error("R0577", path, place.map(|node| node.span), format!("whatever `{verb}` decides, nothing follows"))
        .label("write the steps of at least one way, or take this one out");
}
