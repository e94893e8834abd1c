//! `notice:`: what partners have to know before a day, and how they say that they do.

use std::sync::Arc;

use rapport_event::Kind;
use rapport_rule::expr::{Environment as _, Type};
use rapport_rule::suggest::{listed, nearest};
use rapport_rule::yaml::{Fields, Node};
use rapport_rule::{Findings, Length, Span};

use super::{Reader, email, kind_pattern};
use crate::calendar::OnDays;
use crate::graph::ways;
use crate::model::{MailKind, Notice, Step, Verb, Workflow};

/// `notice:`; `kind` is that of the workflow's mails, as far as it could be read.
pub(super) fn read(
    node: &Node,
    kind: Option<MailKind>,
    reader: &Reader<'_>,
    findings: &mut Findings,
) -> Option<Notice> {
    let path = reader.path();
    if kind == Some(MailKind::Marketing) {
        findings
            .error("R0595", path, node.span, "a notice on a marketing topic")
            .label("write `mail: { kind: service, topic: … }`, of a topic with `service: true`")
            .hint("Whoever opted out of the topic would not be told, and caps would hold the mail back.");
    }
    let fields = Fields::of(node, path, findings)?;
    let effective = fields.require("effective", findings).and_then(|node| effective(node, reader, findings));
    let ahead = fields.require("ahead", findings).and_then(|node| node.length(path, findings));
    let survey = fields.require("survey", findings).and_then(|node| email::known_survey(node, reader, findings));
    let answer = fields.require("answer", findings);
    let any = |_: &Kind| true;
    let event = fields.take("event").map(|node| {
        let text = node.text(path, findings)?;
        kind_pattern(text, node.text_span(), reader, &any, "acknowledge a notice", findings)
    });
    fields.finish(&[], findings);
    let survey = survey?;
    let answer = acknowledgement(answer?, &survey, reader, findings)?;
    let event = match event {
        Some(event) => Some(event?),
        None => None,
    };
    Some(Notice { effective: effective?, ahead: ahead?, survey, answer, event })
}

/// The field of the trigger that says from which day on: there in every event, and a day.
fn effective(node: &Node, reader: &Reader<'_>, findings: &mut Findings) -> Option<Arc<str>> {
    let path = reader.path();
    let text = node.text(path, findings)?;
    let names = reader.names_at_entry();
    let is_day = |name: &str| {
        let known = names.lookup(name);
        name.starts_with("event.") && known.is_some_and(|known| known.ty == Type::Date && !known.maybe_missing)
    };
    if is_day(text) {
        return text.strip_prefix("event.").map(Arc::from);
    }
    let all = names.names();
    let days: Vec<&str> = all.iter().map(String::as_str).filter(|name| is_day(name)).collect();
    let there =
        if days.is_empty() { "There is none.".to_owned() } else { format!("{}.", listed(days.iter().copied(), 8)) };
    findings
        .error("R0595", path, node.text_span(), format!("`{text}` is no day that every such event has"))
        .did_you_mean(nearest(text, days))
        .hint(format!(
            "A reminder leaves before the day on which the change takes effect, and never after. Such days: {there}"
        ));
    None
}

/// The answer that says: I know.
fn acknowledgement(node: &Node, survey: &str, reader: &Reader<'_>, findings: &mut Findings) -> Option<Arc<str>> {
    let path = reader.path();
    let text = node.text(path, findings)?;
    let survey = reader.catalogue.declared.surveys.get(survey)?;
    if survey.anonymous.is_some() {
        findings
            .error("R0594", path, node.text_span(), format!("nobody knows who answered `{}`", survey.id))
            .label("it is anonymous: ask with a survey that is not");
        return None;
    }
    if !survey.has_answer(text) {
        let answers = || survey.choices.iter().map(|(id, _)| &**id);
        findings
            .error("R0594", path, node.text_span(), format!("`{text}` is no answer to `{}`", survey.id))
            .did_you_mean(nearest(text, answers()))
            .hint(format!("Its answers: {}.", listed(answers(), 12)));
        return None;
    }
    Some(text.into())
}

/// What only the whole workflow tells: each mail asks for the acknowledgement, and none reminds too late.
pub(super) fn check(workflow: &Workflow, at: Option<Span>, reader: &Reader<'_>, findings: &mut Findings) {
    let Some(notice) = &workflow.notice else { return };
    let path = reader.path();
    let mail_span = |index: usize| reader.mail_spans.get(&index).copied().or(at);
    if workflow.entry.holdout.is_some() {
        findings
            .error("R0595", path, at, "a notice with a holdout")
            .label("take `holdout` out: whoever is held out would not be told");
    }
    let mut is_told = false;
    for (index, step) in workflow.steps.iter().enumerate() {
        let Verb::Email(email) = &step.verb else { continue };
        is_told = true;
        if email.survey.as_deref() != Some(&*notice.survey) {
            findings
                .error("R0594", path, mail_span(index), "a mail of a notice that asks for no acknowledgement")
                .label(format!("write `email: {{ mail: …, survey: {} }}`", notice.survey));
        }
    }
    if !is_told {
        findings
            .error("R0594", path, at, "a notice that tells nobody")
            .label("give it a step `email`, or take `notice` out");
    }
    for (index, days) in late_reminders(workflow, notice) {
        findings
            .error("R0595", path, mail_span(index), format!("this reminder may come {days} days after the first mail"))
            .label("wait less: by then the change may have taken effect")
            .hint("`ahead` says how long before that day partners are told at least.");
    }
}

/// How long after the beginning a step is reached at most, on a way without a mail and on one that had a mail.
#[derive(Clone, Copy, Default)]
struct Reached {
    untold: Option<i64>,
    told: Option<i64>,
}

/// The mails that are reached behind another one when the day may have come, each with the days that takes.
fn late_reminders(workflow: &Workflow, notice: &Notice) -> Vec<(usize, i64)> {
    let ahead = minutes(notice.ahead);
    let mut reached = vec![Reached::default(); workflow.steps.len()];
    if let Some(first) = reached.first_mut() {
        first.untold = Some(0);
    }
    let ways = ways(workflow);
    let mut late = Vec::new();
    // What follows a step stands further down, so one walk meets every way.
    for (index, step) in workflow.steps.iter().enumerate() {
        let Some(mut here) = reached.get(index).copied() else { continue };
        if matches!(step.verb, Verb::Email(_)) {
            if let Some(after) = here.told.filter(|after| *after >= ahead) {
                late.push((index, after / DAY));
            }
            here = Reached { untold: None, told: here.told.max(here.untold) };
        }
        let takes = takes(step);
        let then = |at: Option<i64>| at.map(|at| at.saturating_add(takes));
        for way in ways.iter().filter(|way| way.from == index) {
            if let Some(next) = way.to.and_then(|to| reached.get_mut(to)) {
                next.untold = next.untold.max(then(here.untold));
                next.told = next.told.max(then(here.told));
            }
        }
    }
    late
}

/// How long a step may take.
fn takes(step: &Step) -> i64 {
    match &step.verb {
        Verb::Wait(wait) => {
            // On to a clock time is less than a day, on to a working day a weekend, on to a day of the week less than one.
            let to_day = match &wait.on_days {
                None => 0,
                Some(OnDays::Weekdays) => 2 * DAY,
                Some(OnDays::Days(_)) => 6 * DAY,
            };
            let length = wait.length.map_or(0, minutes) + if wait.at.is_some() { DAY } else { 0 } + to_day;
            wait.at_most.map_or(length, |most| length.min(minutes(most)))
        }
        Verb::WaitFor(wait) => minutes(wait.at_most),
        Verb::Task(task) if task.choice.is_some() => task.due.map_or(0, minutes),
        _ => 0,
    }
}

const DAY: i64 = 24 * 60;

/// About so many minutes; a month and a year are not counted shorter than they are.
fn minutes(length: Length) -> i64 {
    match length {
        Length::Minutes(minutes) => minutes,
        Length::Hours(hours) => hours.saturating_mul(60),
        Length::Days(days) => days.saturating_mul(DAY),
        // Five of them are a week.
        Length::Weekdays(days) => days.saturating_mul(DAY) + days / 5 * 2 * DAY,
        Length::Weeks(weeks) => weeks.saturating_mul(7 * DAY),
        Length::Months(months) => months.saturating_mul(31 * DAY),
        Length::Years(years) => years.saturating_mul(366 * DAY),
    }
}
