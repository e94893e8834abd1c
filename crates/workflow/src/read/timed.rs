//! Triggers that are no event: `entered`, `left`, `date`, `at` with `each`, and the broadcast's `send_to`.

use std::sync::Arc;

use rapport_event::Kind;
use rapport_rule::length::Length;
use rapport_rule::suggest::{listed, nearest};
use rapport_rule::yaml::{Fields, Node};
use rapport_rule::{Findings, Span};

use super::{Reader, entry};
use crate::model::{KindPattern, Timed};
use crate::schedule::{Schedule, ScheduleError};

/// The triggers written as a map.
const TRIGGERS: [&str; 5] = ["entered", "left", "date", "at", "dropped_to"];
/// Dates of a partner.
const DATES: [&str; 3] = ["partner.contract_ends", "partner.approved_at", "partner.joined_at"];

pub(super) fn read(item: &Node, reader: &Reader<'_>, findings: &mut Findings) -> Option<Timed> {
    let path = reader.path();
    let fields = Fields::of(item, path, findings)?;
    let first = fields.keys().next()?.text.as_str();
    let found = match first {
        "entered" | "left" => {
            let segment = fields.take(first).and_then(|node| segment(node, reader, findings))?;
            if first == "entered" { Timed::Entered(segment) } else { Timed::Left(segment) }
        }
        "date" => fields.take("date").and_then(|node| date(node, reader, findings))?,
        "at" | "each" => {
            let schedule = fields.require("at", findings).and_then(|node| schedule(node, path, findings));
            let each = fields.require("each", findings);
            let segment = match each?.as_str() {
                Some("everyone") => None,
                _ => Some(segment(each?, reader, findings)?),
            };
            Timed::Each { schedule: schedule?, segment }
        }
        other => {
            findings
                .error("R0509", path, item.span, format!("`{other}:` is no trigger"))
                .did_you_mean(nearest(other, TRIGGERS))
                .hint("A trigger is the name of a kind of event, like `partner.approved`.");
            return None;
        }
    };
    fields.finish(&[], findings);
    Some(found)
}

/// `dropped_to: at_risk`.
pub(super) fn dropped_to(item: &Node, reader: &mut Reader<'_>, findings: &mut Findings) -> Option<KindPattern> {
    let path = reader.path();
    let fields = Fields::of(item, path, findings)?;
    let node = fields.take("dropped_to")?;
    fields.finish(&[], findings);
    let text = node.text(path, findings)?;
    let bands = &reader.catalogue.declared.bands;
    if !bands.iter().any(|band| **band == *text) {
        findings
            .error("R0529", path, node.text_span(), format!("there is no band of health `{text}`"))
            .did_you_mean(nearest(text, bands.iter().map(|band| &**band)))
            .hint(format!(
                "Bands are declared in config/health.yaml: {}.",
                listed(bands.iter().map(|band| &**band), 8)
            ));
        return None;
    }
    reader.kinds.push(Kind::DroppedTo(text.into()));
    Some(KindPattern(format!("dropped_to.{text}").into()))
}

/// `send_to`, `at` and `over` of a broadcast.
pub(super) fn broadcast<'n>(fields: &Fields<'n>, reader: &mut Reader<'_>, findings: &mut Findings) -> Option<Timed> {
    let path = reader.path();
    let audience =
        fields.take("send_to").and_then(|node| entry::condition(node, &reader.names_at_entry(), reader, findings));
    let schedule = fields.require("at", findings).and_then(|node| schedule(node, path, findings));
    let over = match fields.take("over") {
        Some(node) => Some(node.length(path, findings)?),
        None => None,
    };
    if let Some(Length::Months(_) | Length::Years(_) | Length::Weekdays(_)) = over {
        let span = fields.key_span("over");
        findings.error("R0104", path, span, "a broadcast is spread over hours or days");
        return None;
    }
    for key in ["when", "once"] {
        if let Some(span) = fields.key_span(key) {
            fields.take(key);
            findings
                .error("R0104", path, span, format!("a broadcast has no `{key}`"))
                .label("`send_to` and `at` say who and when; everybody gets an issue once");
        }
    }
    Some(Timed::Broadcast { audience: audience?, schedule: schedule?, over })
}

fn segment(node: &Node, reader: &Reader<'_>, findings: &mut Findings) -> Option<Arc<str>> {
    let text = node.text(reader.path(), findings)?;
    let segments = &reader.catalogue.declared.segments;
    if let Some(found) = segments.iter().find(|name| ***name == *text) {
        return Some(found.clone());
    }
    let is_group = reader.catalogue.declared.groups.iter().any(|group| **group == *text);
    let hint = if is_group {
        "It is a group; make a segment of it: `{ if: group == \"…\" }`."
    } else {
        "Segments are declared in config/segments.yaml."
    };
    findings
        .error("R0529", reader.path(), node.text_span(), format!("there is no segment `{text}`"))
        .did_you_mean(nearest(text, segments.iter().map(|name| &**name)))
        .hint(hint);
    None
}

/// `partner.contract_ends - 30 days`.
fn date(node: &Node, reader: &Reader<'_>, findings: &mut Findings) -> Option<Timed> {
    let path = reader.path();
    let text = node.text(path, findings)?;
    let span = node.text_span();
    let (field, rest) = text.trim().split_once(' ').unwrap_or((text.trim(), ""));
    if !DATES.contains(&field) {
        findings
            .error("R0325", path, span, format!("`{field}` is no date of a partner"))
            .did_you_mean(nearest(field, DATES))
            .hint(format!("Dates: {}.", listed(DATES, 8)));
        return None;
    }
    let rest = rest.trim();
    if rest.is_empty() {
        return Some(Timed::Date { field: field.into(), shift: None, before: false });
    }
    let (before, length) = match (rest.strip_prefix('-'), rest.strip_prefix('+')) {
        (Some(length), _) => (true, length),
        (_, Some(length)) => (false, length),
        _ => {
            findings
                .error("R0325", path, span, "between date and length stands `-` or `+`")
                .label("partner.contract_ends - 30 days");
            return None;
        }
    };
    match Length::parse(length.trim()) {
        Ok(length @ (Length::Days(_) | Length::Weeks(_) | Length::Months(_) | Length::Years(_))) => {
            Some(Timed::Date { field: field.into(), shift: Some(length), before })
        }
        Ok(_) => {
            findings.error("R0325", path, span, "a date is moved by days, weeks, months or years");
            None
        }
        Err(error) => {
            findings.error("R0325", path, span, error.to_string()).label("partner.contract_ends - 30 days");
            None
        }
    }
}

fn schedule(node: &Node, path: &str, findings: &mut Findings) -> Option<Schedule> {
    let text = node.text(path, findings)?;
    let span: Span = node.text_span();
    match Schedule::parse(text) {
        Ok(schedule) => Some(schedule),
        Err(ScheduleError::Unreadable(why)) => {
            findings
                .error("R0324", path, span, format!("`{text}` is no schedule: {why}"))
                .label("write `\"0 10 * * TUE\"`, or one instant: `2026-12-01T10:00`");
            None
        }
        Err(ScheduleError::TwoDays) => {
            findings
                .error("R0321", path, span, "a day of the month and a day of the week together")
                .label("cron means one *or* the other; write one of them as `*`");
            None
        }
        Err(ScheduleError::Never) => {
            findings.error("R0324", path, span, format!("`{text}` never comes"));
            None
        }
    }
}
