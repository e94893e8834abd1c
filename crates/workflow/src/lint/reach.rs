//! Whom workflows reach: groups and types of partner that none writes to.
//!
//! Only `group` and `partner.type` are looked at, because their values are declared. Everything else in a condition may be one
//! way or the other, so what is said here holds whatever partners do.

use std::sync::Arc;

use rapport_rule::expr::{Scope, Value};
use rapport_rule::{Findings, Sources};

use super::line_of;
use crate::environment::Declared;
use crate::model::{MailKind, Timed, Verb, Workflow};

/// A name with declared values, and where they are declared.
struct Asked<'a> {
    name: &'static str,
    values: &'a [Arc<str>],
    /// The file and the key in it.
    declared_in: (&'static str, &'static str),
    one: &'static str,
    many: &'static str,
}

/// Partners of whom one thing is known.
struct Only<'a> {
    name: &'a str,
    value: &'a str,
}

impl Scope for Only<'_> {
    fn value(&self, path: &str) -> Value {
        if path == self.name { Value::text(self.value) } else { Value::Missing }
    }
}

pub(super) fn check(workflows: &[Arc<Workflow>], declared: &Declared, sources: &Sources, findings: &mut Findings) {
    // A workflow that cannot be read is not among them, and might be the one that writes.
    if findings.has_errors() {
        return;
    }
    let asked = [
        Asked {
            name: "group",
            values: &declared.groups,
            declared_in: ("config/segments.yaml", "groups"),
            one: "group",
            many: "groups",
        },
        Asked {
            name: "partner.type",
            values: &declared.partner_types,
            declared_in: ("config/rapport.yaml", "partner_types"),
            one: "type of partner",
            many: "types of partner",
        },
    ];
    for asked in asked.iter().filter(|asked| !asked.values.is_empty()) {
        unserved(workflows, asked, sources, findings);
    }
}

/// Values of which no workflow that writes lets anybody in.
fn unserved(workflows: &[Arc<Workflow>], asked: &Asked<'_>, sources: &Sources, findings: &mut Findings) {
    let writing: Vec<&Arc<Workflow>> = workflows.iter().filter(|workflow| writes(workflow)).collect();
    let reached = |value: &&Arc<str>| writing.iter().any(|workflow| admits(workflow, asked.name, value));
    let (served, unserved): (Vec<&Arc<str>>, Vec<&Arc<str>>) = asked.values.iter().partition(reached);
    // Without a workflow that writes to anybody there is nothing to compare with.
    if served.is_empty() || unserved.is_empty() {
        return;
    }
    let names = unserved.iter().map(|value| format!("`{value}`")).collect::<Vec<_>>().join(", ");
    let what = if unserved.len() == 1 { asked.one } else { asked.many };
    let (path, key) = asked.declared_in;
    findings
        .warning(
            "R0431",
            path,
            sources.get(path).and_then(|source| line_of(key, source)),
            format!("no triggered workflow writes to the {what} {names}"),
        )
        .label(format!("every one asks for another `{}`", asked.name))
        .hint("Take a condition out of a workflow, or write one for them.");
}

/// Whether a workflow that starts on something sends marketing: a notice to everybody serves nobody in particular.
fn writes(workflow: &Workflow) -> bool {
    let is_triggered =
        !workflow.when.is_empty() || workflow.timed.iter().any(|timed| !matches!(timed, Timed::Broadcast { .. }));
    let mails = workflow.steps.iter().any(|step| matches!(step.verb, Verb::Email(_)));
    is_triggered && mails && workflow.mail.kind == MailKind::Marketing
}

/// Whether some partner with this value may get in.
fn admits(workflow: &Workflow, name: &str, value: &str) -> bool {
    let scope = Only { name, value };
    let (if_, unless) = (workflow.entry.if_.as_ref(), workflow.entry.unless.as_ref());
    !if_.is_some_and(|condition| condition.judge(&scope).is_false())
        && !unless.is_some_and(|condition| condition.judge(&scope).is_true())
}
