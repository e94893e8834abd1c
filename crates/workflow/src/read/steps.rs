//! `steps:` as a flat table: nested blocks become indices, successors lie further down.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rapport_rule::expr::Template;
use rapport_rule::suggest::nearest;
use rapport_rule::yaml::{Fields, Node, Value};
use rapport_rule::{Findings, Span};

use super::{Reader, acts, email, entry, habits, kind_pattern, known_workflow, person};
use crate::calendar::{OnDays, Wait, day_of_week};
use crate::config::HookKind;
use crate::environment::may_emit;
use crate::model::*;

/// All verbs.
const VERBS: [&str; 18] = [
    "email",
    "wait",
    "wait_for",
    "if",
    "choose",
    "split",
    "task",
    "add_tag",
    "remove_tag",
    "set",
    "open_case",
    "webhook",
    "slack",
    "emit",
    "grant",
    "award",
    "start",
    "exit",
];

/// Options of `wait_for` that stand beside it.
const WAIT_FOR_OPTIONS: [&str; 4] = ["at_most", "then", "otherwise", "from"];

/// Which successor of a step is still open.
#[derive(Clone, Copy)]
enum Slot {
    Next(usize),
    NotSent(usize),
    Then(usize),
    Otherwise(usize),
    Arm(usize, usize),
}

/// The table while it is built.
struct Table {
    steps: Vec<Step>,
    spans: Vec<Span>,
    /// Whether an `id:` was written, by step.
    named: Vec<bool>,
    /// Decisions that somebody leaves by a way that is written, whatever they are.
    decided: BTreeSet<usize>,
}

pub(super) fn read<'n>(node: &'n Node, reader: &mut Reader<'n>, findings: &mut Findings) -> Option<Vec<Step>> {
    let path = reader.path();
    let before = findings.errors();
    let mut table = Table { steps: Vec::new(), spans: Vec::new(), named: Vec::new(), decided: BTreeSet::new() };
    node.list(path, findings)?;
    if node.one_or_many().is_empty() {
        findings.error("R0310", path, node.span, "a workflow without steps does nothing");
    }
    // What is open at the end of the outermost block ends the journey: nothing follows.
    block(node, &mut table, reader, findings);
    same_ids(&table, path, findings);
    (findings.errors() == before).then_some(table.steps)
}

/// Kinds that may have been awaited, choices that may have been made and surveys that are asked, wherever they stand:
/// conditions before them see nothing and answer `?`, those after them do not depend on the order of reading.
pub(super) fn look_ahead(fields: &Fields<'_>, reader: &mut Reader<'_>) {
    if let Some(steps) = fields.peek("steps") {
        collect(steps, reader);
    }
}

fn collect(node: &Node, reader: &mut Reader<'_>) {
    match &node.value {
        Value::Seq(items) => items.iter().for_each(|item| collect(item, reader)),
        Value::Map(entries) => {
            for (key, value) in entries {
                match key.text.as_str() {
                    "wait_for" => {
                        let kinds = value.one_or_many().iter().filter_map(Node::as_str);
                        let patterns: Vec<KindPattern> = kinds.map(|kind| KindPattern(kind.into())).collect();
                        for pattern in patterns {
                            reader.awaited.extend(reader.catalogue.declared.kinds(&pattern));
                        }
                    }
                    "choices" => {
                        let choices = value.one_or_many().iter().filter_map(Node::as_str);
                        reader.choices.extend(choices.map(Arc::from));
                    }
                    "survey" => reader.asks.extend(value.as_str().map(Arc::from)),
                    _ => {}
                }
                collect(value, reader);
            }
        }
        _ => {}
    }
}

/// Reads a block. Gives its first step and the successors that lead out of it.
fn block<'n>(
    node: &'n Node,
    table: &mut Table,
    reader: &mut Reader<'n>,
    findings: &mut Findings,
) -> (Option<usize>, Vec<Slot>) {
    let path = reader.path();
    let Some(items) = node.list(path, findings) else { return (None, Vec::new()) };
    let mut first = None;
    let mut open: Vec<Slot> = Vec::new();
    let mut ends: Option<&str> = None;
    for item in items {
        if let Some(why) = ends.take() {
            findings.error("R0311", path, item.span, "this step is never reached").label(why);
        }
        let start = table.steps.len();
        let Some(exits) = step(item, table, reader, findings) else { continue };
        for slot in open.drain(..) {
            table.close(slot, start);
        }
        first = first.or(Some(start));
        open = exits;
        if let Some(Step { verb: Verb::Exit { .. }, if_: None, unless: None, .. }) = table.steps.get(start) {
            ends = Some("`exit` before it ends the journey");
            open.clear();
        } else if reader.catalogue.checks && !open.iter().any(|slot| table.is_taken(*slot)) {
            ends = Some("every way through the step before it ends the journey");
        }
    }
    (first, open)
}

impl Table {
    /// Whether somebody goes this way: not from a decision of which each way was written.
    fn is_taken(&self, slot: Slot) -> bool {
        !matches!(slot, Slot::Next(at) if self.decided.contains(&at))
    }

    fn close(&mut self, slot: Slot, to: usize) {
        let to = Some(to);
        let (Slot::Next(at) | Slot::NotSent(at) | Slot::Then(at) | Slot::Otherwise(at) | Slot::Arm(at, _)) = slot;
        let Some(step) = self.steps.get_mut(at) else { return };
        match (slot, &mut step.verb) {
            (Slot::Next(_), _) => step.next = to,
            (Slot::NotSent(_), Verb::Email(email)) => email.if_not_sent = to,
            (Slot::Then(_), Verb::WaitFor(wait)) => wait.then = to,
            (Slot::Otherwise(_), Verb::WaitFor(wait)) => wait.otherwise = to,
            (Slot::Otherwise(_), Verb::Choose { otherwise, .. }) => *otherwise = to,
            (Slot::Arm(_, way), Verb::Split(ways)) => {
                if let Some(way) = ways.get_mut(way) {
                    way.then = to;
                }
            }
            (Slot::Arm(_, arm), Verb::Choose { arms, .. }) => {
                if let Some(arm) = arms.get_mut(arm) {
                    arm.then = to;
                }
            }
            _ => {}
        }
    }

    /// Reads a nested block whose first step is the successor `slot`; gives what leads out of it.
    fn nested<'n>(
        &mut self,
        slot: Slot,
        node: Option<&'n Node>,
        reader: &mut Reader<'n>,
        findings: &mut Findings,
    ) -> Vec<Slot> {
        let Some(node) = node else { return vec![slot] };
        match block(node, self, reader, findings) {
            (Some(first), open) => {
                self.close(slot, first);
                open
            }
            (None, _) => vec![slot],
        }
    }
}

/// Reads one step into the table, with its nested blocks behind it. Gives the successors that lead out of it.
fn step<'n>(node: &'n Node, table: &mut Table, reader: &mut Reader<'n>, findings: &mut Findings) -> Option<Vec<Slot>> {
    let path = reader.path();
    let fields = Fields::of(node, path, findings)?;
    let verb = verb_of(&fields, findings)?;
    let verb_node = fields.take(verb)?;
    let id = match fields.take("id") {
        Some(node) => Some(node.name(path, findings)?.to_owned()),
        None => None,
    };
    let guard_if = if verb == "if" { None } else { fields.take("if") };
    let names = reader.names();
    let if_ = match guard_if {
        Some(node) => Some(entry::condition(node, &names, reader, findings)?),
        None => None,
    };
    let unless = match fields.take("unless") {
        Some(node) => Some(entry::condition(node, &names, reader, findings)?),
        None => None,
    };
    let at = table.steps.len();
    let span = verb_node.span;
    let line = reader.line(fields.key_span(verb).unwrap_or(span));
    let mut nested: Vec<(Slot, Option<&Node>)> = vec![];
    let (verb_read, name) = match verb {
        "email" => {
            let (email, not_sent) = email::read(verb_node, &fields, at, reader, findings)?;
            let name = match &email.mail {
                MailName::Fixed(name) => name.to_string(),
                MailName::Issue => ISSUE.to_owned(),
                MailName::Templated(template) => template.source().to_owned(),
            };
            if let Some(not_sent) = not_sent {
                nested.push((Slot::NotSent(at), Some(not_sent)));
            }
            (Verb::Email(Box::new(email)), name)
        }
        "wait" => (Verb::Wait(wait(verb_node, path, findings)?), shown(verb_node)),
        "wait_for" => {
            let wait = wait_for(verb_node, &fields, reader, findings)?;
            nested.push((Slot::Then(at), fields.take("then")));
            nested.push((Slot::Otherwise(at), fields.take("otherwise")));
            (Verb::WaitFor(wait), shown(verb_node))
        }
        "if" => {
            let condition = entry::condition(verb_node, &reader.names(), reader, findings);
            let then = fields.take("then");
            nested.push((Slot::Arm(at, 0), then));
            nested.push((Slot::Otherwise(at), fields.take("else")));
            let name = condition.as_ref().map(ToString::to_string).unwrap_or_default();
            (
                Verb::Choose { arms: vec![Arm { if_: Some(condition?), unless: None, then: None }], otherwise: None },
                name,
            )
        }
        "choose" => {
            let arms = choose(verb_node, at, &mut nested, reader, findings)?;
            (Verb::Choose { arms, otherwise: None }, String::new())
        }
        "split" => {
            let ways = split(verb_node, at, &mut nested, path, findings)?;
            let name = ways.iter().map(|way| &*way.name).collect::<Vec<_>>().join(" ");
            (Verb::Split(ways), name)
        }
        "add_tag" | "remove_tag" => {
            let tag = verb_node.name(path, findings)?;
            (Verb::Tag { tag: tag.into(), add: verb == "add_tag" }, tag.to_owned())
        }
        "set" => {
            let (fields, name) = acts::set(verb_node, reader, findings)?;
            (Verb::Set(fields), name)
        }
        "open_case" => {
            let case = acts::open_case(verb_node, reader, findings)?;
            let name = case.objective.source().to_owned();
            (Verb::OpenCase(Box::new(case)), name)
        }
        "webhook" | "slack" => {
            let kind = if verb == "slack" { HookKind::Slack } else { HookKind::Webhook };
            let call = acts::call(verb_node, kind, reader, findings)?;
            let name = call.hook.to_string();
            (Verb::Call(Box::new(call)), name)
        }
        "grant" => {
            let offer = email::known_offer(verb_node, reader, findings)?;
            (Verb::Grant { offer: offer.clone() }, offer.to_string())
        }
        "award" => {
            let honour = acts::award(verb_node, reader, findings)?;
            let name = honour.award.to_string();
            (Verb::Award(Box::new(honour)), name)
        }
        "task" => {
            let task = task(verb_node, reader, findings)?;
            let name = task.text.source().to_owned();
            (Verb::Task(Box::new(task)), name)
        }
        "emit" => {
            let text = verb_node.text(path, findings)?;
            let kind = kind_pattern(text, verb_node.text_span(), reader, &may_emit, "be emitted", findings)?;
            (Verb::Emit { kind: kind.0 }, text.to_owned())
        }
        "start" => {
            let text = verb_node.text(path, findings)?;
            let workflow = known_workflow(text, verb_node.text_span(), reader, findings)?;
            (Verb::Start { workflow }, text.to_owned())
        }
        _ => {
            let reason = verb_node.filled_text(path, findings)?;
            (Verb::Exit { reason: reason.into() }, reason.to_owned())
        }
    };
    let brought = |key: &str| if verb == "if" { habits::key(habits::IF, key) } else { None };
    fields.finish_knowing(&VERBS, &brought, findings);
    let named = id.is_some();
    let id = id.unwrap_or_else(|| if name.is_empty() { verb.to_owned() } else { format!("{verb} {name}") });
    table.steps.push(Step { id: id.into(), if_, unless, verb: verb_read, next: None, line });
    table.spans.push(node.span);
    table.named.push(named);
    // `next` leads on after everything; a nested block's ends do too.
    let mut open = vec![Slot::Next(at)];
    let is_whole = verb == "split"
        || nested.iter().any(|(slot, node)| {
            matches!(verb, "if" | "choose") && matches!(slot, Slot::Otherwise(_)) && node.is_some()
        });
    if is_whole && table.steps.get(at).is_some_and(|step| step.if_.is_none() && step.unless.is_none()) {
        table.decided.insert(at);
    }
    for (slot, node) in nested {
        open.extend(table.nested(slot, node, reader, findings));
    }
    Some(open)
}

/// The one verb of a step.
fn verb_of<'n>(fields: &Fields<'n>, findings: &mut Findings) -> Option<&'n str> {
    let path = fields.path();
    let is_if_verb = fields.peek("then").is_some() && fields.peek("wait_for").is_none();
    let mut verbs: Vec<&'n str> = Vec::new();
    for key in fields.keys() {
        let text = key.text.as_str();
        if VERBS.contains(&text) && (text != "if" || is_if_verb) {
            verbs.push(text);
        }
    }
    match verbs.as_slice() {
        [verb] => Some(verb),
        [] => {
            let lone_if = fields.key_span("if").filter(|_| fields.keys().count() == 1);
            if let Some(span) = lone_if.or_else(|| fields.key_span("else").filter(|_| fields.peek("if").is_some())) {
                findings
                    .error("R0319", path, span, "`if` without `then` decides nothing")
                    .label("write the steps under `then:`");
                return None;
            }
            let then = fields.keys().find(|key| habits::means(habits::IF, &key.text, "then"));
            if let Some(key) = then.filter(|_| fields.peek("if").is_some()) {
                let finding = findings.error("R0101", path, key.span, format!("unknown key `{}`", key.text));
                match habits::key(habits::IF, &key.text) {
                    Some(instead) => finding.label(instead),
                    None => finding.did_you_mean(Some("then")),
                };
                finding.hint("`if` without `then` decides nothing.");
                return None;
            }
            let first = fields.keys().next();
            let brought = |key: &str| habits::of(habits::VERB, key).or_else(|| nearest(key, VERBS));
            let near = fields.keys().find_map(|key| brought(&key.text));
            findings
                .error("R0108", path, first.map_or(fields.span(), |key| key.span), "this step has no verb")
                .did_you_mean(near)
                .hint(format!("Verbs: {}.", rapport_rule::suggest::listed(VERBS, 12)));
            None
        }
        [first, second, ..] => {
            findings
                .error(
                    "R0107",
                    path,
                    fields.key_span(second),
                    format!("two verbs in one step: `{first}` and `{second}`"),
                )
                .label("make them two entries of the list");
            None
        }
    }
}

fn shown(node: &Node) -> String {
    match &node.value {
        Value::String(text) => text.clone(),
        Value::Int(number) => number.to_string(),
        Value::Seq(items) => items.iter().map(shown).collect::<Vec<_>>().join(" "),
        Value::Map(entries) => {
            entries.iter().map(|(key, value)| format!("{} {}", key.text, shown(value))).collect::<Vec<_>>().join(" ")
        }
        _ => String::new(),
    }
}

fn wait(node: &Node, path: &str, findings: &mut Findings) -> Option<Wait> {
    if node.as_map().is_none() {
        let length = match &node.value {
            Value::Int(number) => {
                findings.error("R0305", path, node.span, format!("`wait: {number}` needs a unit")).label(format!(
                    "write `{number} days`, `{number} hours` or `{number} weekdays`; no unit is assumed."
                ));
                return None;
            }
            _ => node.length(path, findings)?,
        };
        return Some(Wait { length: Some(length), at: None, on_days: None, at_most: None });
    }
    let fields = Fields::of(node, path, findings)?;
    let before = findings.errors();
    let length = fields.take("for").and_then(|node| node.length(path, findings));
    let (until, then_at) = (fields.take("until"), fields.take("then_at"));
    if let (Some(_), Some(then_at)) = (until, then_at) {
        findings.error("R0315", path, then_at.span, "`until` and `then_at` say the same").label("keep one of them");
    }
    let at = until.or(then_at).and_then(|node| node.clock_time(path, findings));
    let on_days = fields.take("on_days").and_then(|node| on_days(node, path, findings));
    let at_most = fields.take("at_most").and_then(|node| node.length(path, findings));
    fields.finish(&[], findings);
    if findings.errors() == before && length.is_none() && at.is_none() && on_days.is_none() {
        findings
            .error("R0314", path, node.span, "there is nothing to wait for")
            .label("write `for:`, `until:` or `on_days:`");
    }
    (findings.errors() == before).then_some(Wait { length, at, on_days, at_most })
}

fn on_days(node: &Node, path: &str, findings: &mut Findings) -> Option<OnDays> {
    if node.as_str() == Some("weekdays") {
        return Some(OnDays::Weekdays);
    }
    let mut days = std::collections::BTreeSet::new();
    for item in node.one_or_many() {
        let text = item.text(path, findings)?;
        let Some(day) = day_of_week(text) else {
            let names = ["weekdays", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
            findings
                .error("R0103", path, item.text_span(), format!("`{text}` is no day of the week"))
                .did_you_mean(nearest(text, names))
                .hint("Write `weekdays`, or days by name.");
            return None;
        };
        days.insert(day);
    }
    Some(OnDays::Days(days))
}

fn wait_for(node: &Node, fields: &Fields<'_>, reader: &Reader<'_>, findings: &mut Findings) -> Option<WaitFor> {
    let path = reader.path();
    let before = findings.errors();
    if let Value::Map(_) = node.value {
        findings
            .error("R0021", path, node.span, "`wait_for` names kinds of events")
            .label(format!("options stand beside it: {}", WAIT_FOR_OPTIONS.join(", ")));
        return None;
    }
    let mut kinds = Vec::new();
    for item in node.one_or_many() {
        let Some(text) = item.text(path, findings) else { continue };
        kinds.extend(kind_pattern(text, item.text_span(), reader, &|_| true, "be waited for", findings));
    }
    let Some(at_most_node) = fields.take("at_most") else {
        findings
            .error("R0323", path, node.span, "`wait_for` without `at_most` may wait for ever")
            .label("write `at_most: 7 days` beside it");
        return None;
    };
    let at_most = at_most_node.length(path, findings);
    let from_now = match fields.take("from") {
        Some(node) => node.one_of(&["now", "start"], path, findings) == Some(0),
        None => false,
    };
    (findings.errors() == before).then_some(())?;
    for item in node.one_or_many() {
        answered_by_nobody(item, reader, findings);
    }
    Some(WaitFor { kinds, at_most: at_most?, from_now, then: None, otherwise: None })
}

/// R0586 where the answers waited for, or stopped by, are those to an anonymous survey: where a workflow's mails carry surveys, no
/// others are meant. R0592 where it is a click that nobody counts.
pub(super) fn answered_by_nobody(node: &Node, reader: &Reader<'_>, findings: &mut Findings) {
    let declared = reader.catalogue.declared;
    let all_anonymous = !reader.asks.is_empty() && reader.asks.iter().all(|survey| declared.is_anonymous(survey));
    if node.as_str() == Some("survey.answered") && all_anonymous {
        let asked = reader.asks.first().map_or("", |survey| &**survey);
        findings
            .error("R0586", reader.path(), node.text_span(), format!("no event tells of answers to `{asked}`"))
            .label("it is anonymous: do not wait for it")
            .hint("`rapport report --surveys` tells what was answered.");
    }
    if node.as_str() == Some("message.clicked") && declared.clicks_uncounted {
        findings
            .warning("R0592", reader.path(), node.text_span(), "no event tells of clicks that are not counted")
            .label("`tracking: { clicks: human_only }` in config/rapport.yaml counts them");
    }
}

fn choose<'n>(
    node: &'n Node,
    at: usize,
    nested: &mut Vec<(Slot, Option<&'n Node>)>,
    reader: &mut Reader<'n>,
    findings: &mut Findings,
) -> Option<Vec<Arm>> {
    let path = reader.path();
    let before = findings.errors();
    let mut arms = Vec::new();
    let items = node.list(path, findings)?;
    let mut has_else = false;
    for (position, item) in items.iter().enumerate() {
        let Some(fields) = Fields::of(item, path, findings) else { continue };
        if let Some(otherwise) = fields.take("else") {
            if position + 1 < items.len() {
                findings.error("R0316", path, item.span, "`else` is the last arm of `choose`");
            }
            has_else = true;
            nested.push((Slot::Otherwise(at), Some(otherwise)));
            fields.finish(&[], findings);
            continue;
        }
        let (if_, unless) = (fields.take("if"), fields.take("unless"));
        let then = fields.take("then");
        // What is there in other words is an unknown key, and that is finding enough.
        let brought = |key: &str| fields.keys().any(|known| habits::means(habits::ARM, &known.text, key));
        let (meant_if, meant_then) = (brought("if") || brought("else"), brought("then"));
        fields.finish_knowing(&[], &|key| habits::key(habits::ARM, key), findings);
        if if_.is_none() && unless.is_none() {
            if meant_if {
                continue;
            }
            findings
                .error("R0316", path, item.span, "an arm of `choose` needs a condition")
                .label("write `if:` and `then:`, or `else:` for the last one");
            continue;
        }
        if then.is_none() && !meant_then {
            findings
                .error("R0319", path, item.span, "`if` without `then` decides nothing")
                .label("write the steps under `then:`");
        }
        let names = reader.names();
        let mut read = |node: Option<&Node>| node.and_then(|node| entry::condition(node, &names, reader, findings));
        let arm = Arm { if_: read(if_), unless: read(unless), then: None };
        nested.push((Slot::Arm(at, arms.len()), then));
        arms.push(arm);
    }
    if arms.is_empty() && findings.errors() == before {
        findings.error("R0316", path, node.span, "there is nothing to choose from");
    }
    if !has_else {
        nested.push((Slot::Otherwise(at), None));
    }
    (findings.errors() == before).then_some(arms)
}

/// `{ short: { share: 50%, then: [...] }, long: { share: 50%, then: [...] } }`.
fn split<'n>(
    node: &'n Node,
    at: usize,
    nested: &mut Vec<(Slot, Option<&'n Node>)>,
    path: &'n str,
    findings: &mut Findings,
) -> Option<Vec<Way>> {
    let before = findings.errors();
    let mut ways: Vec<Way> = Vec::new();
    for (key, value) in node.map(path, findings)? {
        let Some(fields) = Fields::of(value, path, findings) else { continue };
        let percent = fields.require("share", findings).and_then(|node| node.percent(path, findings));
        nested.push((Slot::Arm(at, ways.len()), fields.take("then")));
        fields.finish(&[], findings);
        ways.push(Way { name: key.text.as_str().into(), percent: percent.unwrap_or_default(), then: None });
    }
    (findings.errors() == before).then_some(())?;
    let sum: f64 = ways.iter().map(|way| way.percent).sum();
    if ways.len() < 2 || (sum - 100.0).abs() > 1e-6 || ways.iter().any(|way| way.percent <= 0.0) {
        findings
            .error("R0326", path, node.span, format!("the shares of a split are {sum}% together"))
            .label("two ways at least, each above 0%, and 100% in all");
        return None;
    }
    Some(ways)
}

fn task(node: &Node, reader: &Reader<'_>, findings: &mut Findings) -> Option<Task> {
    let path = reader.path();
    let fields = Fields::of(node, path, findings)?;
    let before = findings.errors();
    let to = person::person(&fields, "to", reader, findings);
    let (text, ask) = (fields.take("text"), fields.take("ask"));
    let wording = match (text, ask) {
        (Some(text), None) => Some(text),
        (None, Some(ask)) => Some(ask),
        (Some(_), Some(ask)) => {
            findings.error("R0104", path, ask.span, "a task has either `text` or `ask`");
            None
        }
        (None, None) => {
            findings.error("R0102", path, fields.span(), "a task needs `text`, or `ask` with `choices`");
            None
        }
    };
    let wording = wording.and_then(|node| {
        let text = node.filled_text(path, findings)?;
        Template::compile(text, node.text_span(), path, &reader.names(), findings)
    });
    let due = fields.take("due").and_then(|node| node.length(path, findings));
    let (choices, default) = (fields.take("choices"), fields.take("default"));
    let choice = match (ask, choices, default) {
        (None, None, None) => None,
        (Some(_), Some(choices), Some(default)) => {
            let list: Vec<Arc<str>> = choices.texts(path, findings).into_iter().map(Arc::from).collect();
            let default_text = default.text(path, findings).unwrap_or_default();
            if !list.iter().any(|choice| **choice == *default_text) {
                findings
                    .error("R0318", path, default.span, format!("the default `{default_text}` is none of the choices"))
                    .did_you_mean(nearest(default_text, list.iter().map(|choice| &**choice)));
            }
            if list.len() < 2 {
                findings.error("R0318", path, choices.span, "a question needs at least two choices");
            }
            Some(Choice { choices: list, default: default_text.into() })
        }
        _ => {
            findings
                .error("R0313", path, fields.span(), "`ask`, `choices` and `default` belong together")
                .label("ask: \"…\", choices: [a, b], due: 10 weekdays, default: a");
            None
        }
    };
    if choice.is_some() && due.is_none() {
        findings
            .error("R0313", path, fields.span(), "a task that asks needs `due`")
            .label("then the default is taken; otherwise the journey would wait for ever");
    }
    fields.finish(&[], findings);
    (findings.errors() == before).then_some(())?;
    Some(Task { to: to?, text: wording?, due, choice })
}

/// Two steps that a stored journey could not tell apart.
fn same_ids(table: &Table, path: &str, findings: &mut Findings) {
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    for (at, step) in table.steps.iter().enumerate() {
        if let Some(first) = seen.insert(&step.id, at) {
            let line = table.steps.get(first).map_or(0, |step| step.line);
            let named = table.named.get(at).copied().unwrap_or_default();
            findings
                .error(
                    "R0312",
                    path,
                    table.spans.get(at).copied(),
                    format!("two steps `{}`, the other on line {line}", step.id),
                )
                .label(if named { "give each its own `id`" } else { "write an `id:` beside the verb" })
                .hint("Journeys remember the step they are at by its id, else by its verb and name.");
        }
    }
}
