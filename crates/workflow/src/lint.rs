//! What is allowed, and still not meant: workflows that start each other for ever, triggers seen many times, partners whom
//! nothing reaches, conditions that keep everybody out or ask too early, waits and decisions that do nothing, secrets in
//! files.

mod carried;
mod circle;
mod early;
mod idle;
mod never;
mod reach;
mod secrets;

use std::sync::Arc;

use rapport_event::Kind;
use rapport_rule::{Findings, Source, Sources, Span};

use crate::config::Segments;
use crate::environment::Declared;
use crate::model::{Once, Verb, Workflow};

/// Kinds that a partner causes many times a week.
const FREQUENT: [Kind; 6] = [
    Kind::Login,
    Kind::LinkClicked,
    Kind::LinkCreated,
    Kind::ConversionRecorded,
    Kind::ConversionApproved,
    Kind::ConversionPaid,
];

pub(crate) fn check(
    workflows: &[Arc<Workflow>],
    segments: &Segments,
    declared: &Declared,
    sources: &Sources,
    findings: &mut Findings,
) {
    let said = circle::check(workflows, sources, findings);
    carried::check(workflows, segments, &said, sources, findings);
    frequent(workflows, sources, findings);
    reach::check(workflows, declared, sources, findings);
    secrets::check(sources, findings);
    for workflow in workflows {
        idle::check(workflow, sources, findings);
        never::check(workflow, sources, findings);
        early::check(workflow, sources, findings);
    }
}

fn path_of(workflow: &Workflow) -> String {
    format!("workflows/{}/workflow.yaml", workflow.id)
}

/// The place of a top-level key in a workflow's file.
fn key_span(workflow: &Workflow, key: &str, sources: &Sources) -> Option<Span> {
    line_of(key, sources.get(&path_of(workflow))?)
}

/// The line of a top-level key.
fn line_of(key: &str, source: &Source) -> Option<Span> {
    let mut start = 0;
    for line in source.text.split_inclusive('\n') {
        if line.strip_prefix(key).is_some_and(|rest| rest.starts_with(':')) {
            return Some(Span::new(start, start + line.trim_end().len()));
        }
        start += line.len();
    }
    None
}

fn frequent(workflows: &[Arc<Workflow>], sources: &Sources, findings: &mut Findings) {
    for workflow in workflows {
        let entry = &workflow.entry;
        let bounded = entry.if_.is_some() || entry.unless.is_some() || entry.combine.is_some();
        let mails = workflow.steps.iter().any(|step| matches!(step.verb, Verb::Email(_)));
        if bounded || !mails || !matches!(entry.once, Once::PerEvent) {
            continue;
        }
        if let Some(kind) = FREQUENT.iter().find(|kind| workflow.starts_on(&kind.name())) {
            findings
                .warning(
                    "R0432",
                    &path_of(workflow),
                    key_span(workflow, "once", sources),
                    format!("every `{kind}` begins a journey with a mail, and a partner has many"),
                )
                .label("say `once: every 30 days`, or bind it with `if` or `combine`")
                .hint("Caps would hold most of these mails until they expire.");
        }
    }
}
