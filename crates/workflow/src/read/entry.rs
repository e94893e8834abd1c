//! Who gets in, and how often.

use std::collections::BTreeSet;

use rapport_rule::expr::{self, Condition, Environment};
use rapport_rule::suggest::nearest;
use rapport_rule::yaml::{Fields, Node, Value};
use rapport_rule::{Findings, Length, Span};

use super::{Reader, habits};
use crate::environment::{STATUSES, is_personal_path};
use crate::model::{Combine, Entry, Holdout, IfLate, Late, Once, Step, Verb};

pub(super) fn read<'n>(
    fields: &Fields<'n>,
    once_node: Option<&'n Node>,
    broadcast: bool,
    reader: &Reader<'_>,
    findings: &mut Findings,
) -> Option<Entry> {
    let path = reader.path();
    let env = reader.names_at_entry();
    let before = findings.errors();
    let if_ = fields.take("if").and_then(|node| at_entry(node, &env, reader, findings));
    let unless = fields.take("unless").and_then(|node| at_entry(node, &env, reader, findings));
    let once = once_node.and_then(|node| once(node, &env, reader, findings));
    let combine = fields.take("combine").and_then(|node| combine(node, path, findings));
    let since = fields.take("since").and_then(|node| node.date(path, findings));
    let holdout = fields.take("holdout").and_then(|node| holdout(node, &env, reader, findings));
    let statuses = match fields.take("statuses") {
        Some(node) => statuses(node, path, findings),
        None => ["active".to_owned()].into(),
    };
    let programs = fields.take("programs").map(|node| programs(node, reader, findings)).unwrap_or_default();
    let at_most = fields.take("at_most").and_then(|node| at_most(node, path, findings));
    if let (Some(_), true) = (at_most, broadcast) {
        findings
            .error("R0330", path, fields.key_span("at_most"), "a broadcast reaches its audience on one day")
            .label("spread it with `over: 2 hours`");
    }
    let if_late = fields.take("if_late").and_then(|node| if_late(node, path, findings));
    // A broadcast goes to everybody once per issue, or once per time.
    let once = if broadcast { Once::PerEvent } else { once? };
    if let (Some(_), false) = (&combine, matches!(once, Once::PerEvent)) {
        let span = fields.key_span("combine");
        findings
            .error("R0317", path, span, "`combine` needs `once: per event`")
            .label("otherwise the second trigger is refused, there is nothing to combine");
    }
    (findings.errors() == before).then_some(Entry {
        if_,
        unless,
        once,
        combine,
        since,
        holdout,
        statuses,
        programs,
        at_most,
        if_late,
    })
}

/// `20 partners per day`.
fn at_most(node: &Node, path: &str, findings: &mut Findings) -> Option<u32> {
    let text = match node.value {
        Value::Int(number) => number.to_string(),
        _ => node.text(path, findings)?.to_owned(),
    };
    let number = text.strip_suffix(" partners per day").or_else(|| text.strip_suffix(" partner per day"));
    let number = number.and_then(|number| number.trim().parse::<u32>().ok()).filter(|number| *number > 0);
    if number.is_none() {
        let meant = text.split(' ').next().and_then(|number| number.parse::<u32>().ok()).filter(|number| *number > 0);
        findings
            .error("R0330", path, node.text_span(), format!("`{text}` is no limit at entry"))
            .label(format!("write `at_most: {} partners per day`", meant.unwrap_or(20)))
            .hint("Caps of mails stand in config/rapport.yaml and hold for every workflow.");
    }
    number
}

/// A condition, none of whose names is personal.
pub(super) fn condition(
    node: &Node,
    env: &dyn Environment,
    reader: &Reader<'_>,
    findings: &mut Findings,
) -> Option<Condition> {
    let condition = Condition::from_node(node, reader.path(), env, findings)?;
    personal(condition.names(), node.span, reader, findings).then_some(condition)
}

/// A condition that is asked before the journey has begun.
fn at_entry(node: &Node, env: &dyn Environment, reader: &Reader<'_>, findings: &mut Findings) -> Option<Condition> {
    let condition = condition(node, env, reader, findings)?;
    let counted = condition.names().into_iter().filter(|name| crate::figures::needs_journey(name));
    for name in counted.filter(|_| reader.catalogue.checks) {
        findings
            .error("R0217", reader.path(), node.span, format!("at entry nothing has happened yet that `{name}` counts"))
            .label("the journey starts only now: ask this in a step")
            .hint("Figures over a window, like `conversions_28d`, are known at entry.");
    }
    Some(condition)
}

fn personal<'n>(
    names: impl IntoIterator<Item = &'n str>,
    span: Span,
    reader: &Reader<'_>,
    findings: &mut Findings,
) -> bool {
    let asked: Vec<&str> = names.into_iter().filter(|name| is_personal_path(name)).collect();
    for name in &asked {
        findings
            .error("R0426", reader.path(), span, format!("a condition cannot ask for `{name}`"))
            .hint("Personal fields are kept apart from what the engine knows; mails and tasks may show them.");
    }
    asked.is_empty()
}

fn once(node: &Node, env: &dyn Environment, reader: &Reader<'_>, findings: &mut Findings) -> Option<Once> {
    let path = reader.path();
    let text = node.text(path, findings)?;
    if let Some(instead) = habits::of(habits::ONCE, text) {
        findings
            .error("R0320", path, node.text_span(), format!("`once: {text}` is not understood"))
            .label(format!("write `{instead}`"))
            .hint("Possible: per partner, per event, every 90 days, per event.conversion_id.");
        return None;
    }
    if let Some(length) = text.strip_prefix("every ") {
        return match Length::parse(length) {
            Ok(Length::Weekdays(_)) => {
                findings.error("R0320", path, node.text_span(), "`every` counts days, weeks, months or years");
                None
            }
            Ok(length) if length.is_zero() => {
                findings
                    .error("R0320", path, node.text_span(), "`every` needs a time that passes")
                    .label("write `every 90 days`, or `per event` for once each time");
                None
            }
            Ok(length) => Some(Once::Every(length)),
            Err(error) => {
                let code =
                    if matches!(error, rapport_rule::length::LengthError::NoUnit(_)) { "R0305" } else { "R0301" };
                findings.error(code, path, node.text_span(), error.to_string()).label("write `every 90 days`");
                None
            }
        };
    }
    match text.strip_prefix("per ").map(str::trim) {
        Some("partner") => Some(Once::PerPartner),
        Some("event") => Some(Once::PerEvent),
        // A slip of one of the two words, before it is taken for the name of a value.
        Some(word) if !word.contains(['.', ' ', '(']) && nearest(word, ["partner", "event"]).is_some() => {
            let near = nearest(word, ["partner", "event"]).map(|near| format!("per {near}"));
            findings
                .error("R0320", path, node.text_span(), format!("`once: {text}` is not understood"))
                .did_you_mean(near.as_deref());
            None
        }
        Some(expression) => {
            let start = node.text_span().end.saturating_sub(expression.len());
            let span = Span::new(start, node.text_span().end);
            let compiled = expr::compile(expression, span, path, env, findings)?;
            personal(compiled.names().iter().map(|name| &**name), span, reader, findings).then_some(Once::Per(compiled))
        }
        None => {
            findings
                .error("R0320", path, node.text_span(), format!("`once: {text}` is not understood"))
                .did_you_mean(nearest(text, ["per partner", "per event", "every 90 days"]))
                .hint("Possible: per partner, per event, every 90 days, per event.conversion_id.");
            None
        }
    }
}

fn combine(node: &Node, path: &str, findings: &mut Findings) -> Option<Combine> {
    let fields = Fields::of(node, path, findings)?;
    let within = fields.require("within", findings).and_then(|node| node.length(path, findings));
    let pick = fields.require("pick", findings).and_then(|node| node.one_of(&["largest"], path, findings));
    fields.finish(&[], findings);
    pick?;
    Some(Combine { within: within? })
}

/// A journey that mails at once has nothing to wait for others with.
pub(super) fn check_combine(entry: &Entry, steps: &[Step], span: &Option<Span>, path: &str, findings: &mut Findings) {
    let first = steps.first().map(|step| &step.verb);
    if entry.combine.is_some() && matches!(first, Some(Verb::Email(_))) {
        findings
            .error("R0317", path, *span, "`combine` closes at once: the first step is a mail")
            .label("put a `wait` before it");
    }
}

/// `if_late: { skip, after: 2 days }`: the first word stands alone, as it is said.
fn if_late(node: &Node, path: &str, findings: &mut Findings) -> Option<IfLate> {
    const WAYS: [(&str, Late); 3] = [("send", Late::Send), ("skip", Late::Skip), ("latest_only", Late::LatestOnly)];
    if node.as_map().is_none() {
        let way = node.as_str().and_then(|text| WAYS.iter().find(|(word, _)| *word == text));
        let word = way.map_or("skip", |(word, _)| *word);
        findings
            .error("R0329", path, node.text_span(), "`if_late` also says from when on a trigger is late")
            .label(format!("write `if_late: {{ {word}, after: 2 days }}`; possible: send, skip, latest_only"));
        return None;
    }
    let fields = Fields::of(node, path, findings)?;
    let after = fields.require("after", findings).and_then(|node| node.length(path, findings));
    let mut ways = WAYS.iter().filter(|(word, _)| fields.take(word).is_some()).collect::<Vec<_>>();
    fields.finish(&[], findings);
    match (ways.pop(), ways.is_empty()) {
        (Some((_, then)), true) => Some(IfLate { then: *then, after: after? }),
        _ => {
            findings
                .error("R0329", path, node.span, "`if_late` says one thing that becomes of what is late")
                .label("write `if_late: { skip, after: 2 days }`; possible: send, skip, latest_only");
            None
        }
    }
}

/// `10%`, or `{ share: 10%, except: … }`.
fn holdout(node: &Node, env: &dyn Environment, reader: &Reader<'_>, findings: &mut Findings) -> Option<Holdout> {
    let path = reader.path();
    let (share, except) = if node.as_map().is_some() {
        let fields = Fields::of(node, path, findings)?;
        let share = fields.require("share", findings);
        let except = fields.take("except");
        fields.finish(&[], findings);
        (share?, except)
    } else {
        (node, None)
    };
    let percent = share.percent(path, findings);
    let except = match except {
        Some(node) => Some(at_entry(node, env, reader, findings)?),
        None => None,
    };
    let percent = percent?;
    if percent >= 100.0 {
        findings
            .error("R0322", path, share.span, "with 100% held out nobody gets a mail")
            .label("write the share that is *not* written to, like `10%`");
        return None;
    }
    Some(Holdout { percent, except })
}

fn statuses(node: &Node, path: &str, findings: &mut Findings) -> BTreeSet<String> {
    let mut statuses = BTreeSet::new();
    for item in node.one_or_many() {
        let Some(text) = item.text(path, findings) else { continue };
        if STATUSES.contains(&text) {
            statuses.insert(text.to_owned());
            continue;
        }
        findings
            .error("R0214", path, item.text_span(), format!("no partner has the status `{text}`"))
            .did_you_mean(nearest(text, STATUSES))
            .hint(format!("Possible: {}.", rapport_rule::suggest::listed(STATUSES, 8)));
    }
    statuses
}

fn programs(node: &Node, reader: &Reader<'_>, findings: &mut Findings) -> BTreeSet<String> {
    let path = reader.path();
    let mut programs = BTreeSet::new();
    for item in node.one_or_many() {
        let Some(text) = item.text(path, findings) else { continue };
        if reader.catalogue.config.is_none() || reader.catalogue.program(text).is_some() {
            programs.insert(text.to_owned());
            continue;
        }
        let known = &reader.catalogue.declared.programs;
        findings
            .error("R0512", path, item.text_span(), format!("there is no programme `{text}`"))
            .did_you_mean(nearest(text, known.iter().map(|id| &**id)));
    }
    programs
}
