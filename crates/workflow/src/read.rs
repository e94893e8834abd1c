//! Reading one `workflow.yaml`: from the tree as written to the type that runs.

mod acts;
mod email;
mod entry;
mod habits;
mod in_flight;
mod notice;
mod person;
mod steps;
mod timed;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rapport_event::Kind;
use rapport_rule::yaml::{Fields, Node, Value};
use rapport_rule::{Findings, Source, Span};
use sha2::{Digest, Sha256};

use crate::compile::Catalogue;
use crate::environment::{Declared, Names, TIMED, may_start};
use crate::model::*;
use crate::started::Triggers;

/// A workflow as read, with what checks after it need.
pub(crate) struct Read {
    pub(crate) workflow: Workflow,
    /// Where the mail's name of each `email` step stands, by step index.
    pub(crate) mail_spans: BTreeMap<usize, Span>,
    kinds: Vec<Kind>,
    timed: Vec<&'static str>,
    handed: Vec<Kind>,
    awaited: Vec<Kind>,
    choices: Vec<Arc<str>>,
}

impl Read {
    /// The names that exist in this workflow's mails.
    pub(crate) fn names<'a>(&'a self, declared: &'a Declared) -> Names<'a> {
        names(declared, (&self.kinds, &self.timed, &self.handed), &self.awaited, &self.choices)
    }
}

fn names<'a>(
    declared: &'a Declared,
    (kinds, timed, handed): (&'a [Kind], &'a [&'static str], &'a [Kind]),
    awaited: &'a [Kind],
    choices: &'a [Arc<str>],
) -> Names<'a> {
    Names {
        declared,
        event: Some(kinds),
        timed,
        handed,
        awaited: (!awaited.is_empty()).then_some(awaited),
        mail: true,
        choices,
        judged: true,
    }
}

/// Where a reader is, and what it may refer to.
pub(crate) struct Reader<'a> {
    pub(crate) id: &'a WorkflowId,
    pub(crate) source: &'a Source,
    pub(crate) catalogue: &'a Catalogue<'a>,
    pub(crate) kinds: Vec<Kind>,
    /// What `event.kind` is of triggers that are no event.
    pub(crate) timed: Vec<&'static str>,
    /// Kinds that workflows which start this one hand on.
    pub(crate) handed: Vec<Kind>,
    pub(crate) awaited: Vec<Kind>,
    pub(crate) choices: Vec<Arc<str>>,
    /// The surveys its mails name, as written, wherever they stand.
    pub(crate) asks: Vec<Arc<str>>,
    /// Marketing or service, as far as written.
    pub(crate) kind: MailKind,
    /// Whether what finds no place under a cap travels in a digest, as far as written.
    pub(crate) gathers: bool,
    pub(crate) mail_spans: BTreeMap<usize, Span>,
}

impl<'a> Reader<'a> {
    pub(crate) fn path(&self) -> &'a str {
        &self.source.path
    }

    pub(crate) fn line(&self, span: Span) -> usize {
        self.source.line_column(span.start).0
    }

    /// The names where the journey runs.
    pub(crate) fn names(&self) -> Names<'_> {
        names(self.catalogue.declared, (&self.kinds, &self.timed, &self.handed), &self.awaited, &self.choices)
    }

    /// The names at entry: nothing has been awaited, mailed or chosen.
    pub(crate) fn names_at_entry(&self) -> Names<'_> {
        Names { awaited: None, mail: false, choices: &[], ..self.names() }
    }
}

pub(crate) fn workflow(
    id: &WorkflowId,
    source: &Source,
    node: &Node,
    catalogue: &Catalogue<'_>,
    findings: &mut Findings,
) -> Option<Read> {
    let path = source.path.as_str();
    let fields = Fields::of(node, path, findings)?;
    let Triggers { kinds: handed, timed } = catalogue.handed.get(&**id).cloned().unwrap_or_default();
    let mut reader = Reader {
        id,
        source,
        catalogue,
        kinds: Vec::new(),
        timed,
        handed,
        awaited: Vec::new(),
        choices: Vec::new(),
        asks: Vec::new(),
        kind: MailKind::Marketing,
        gathers: false,
        mail_spans: BTreeMap::new(),
    };
    let title = fields.require("workflow", findings).and_then(|node| node.filled_text(path, findings));
    let about = fields.take("about").and_then(|node| node.filled_text(path, findings)).map(str::to_owned);
    let owner = fields.require("owner", findings).and_then(|node| {
        let text = node.filled_text(path, findings)?;
        // Nothing is sent to it by this name, so it may be of another script, too.
        if catalogue.checks && (!text.contains('@') || text.is_ascii() && rapport_contact::normalise(text).is_none()) {
            findings
                .error("R0538", path, node.span, format!("`{text}` is no mail address"))
                .label("write the address of who answers for this workflow");
        }
        Some(text)
    });
    let mail = fields.require("mail", findings).and_then(|node| person::mail_policy(node, &mut reader, findings));
    let broadcast = fields.peek("send_to").is_some();
    let when =
        if broadcast { None } else { required(&fields, "when", "A workflow without `when` never starts.", findings) };
    let mut timed = Vec::new();
    let mut when = when.map(|node| triggers(node, &mut reader, &mut timed, findings));
    if broadcast {
        timed.extend(timed::broadcast(&fields, &mut reader, findings));
        when = Some(Vec::new());
    }
    let once = if broadcast {
        None
    } else {
        required(&fields, "once", "Say how often: per partner, per event, every 90 days.", findings)
    };
    steps::look_ahead(&fields, &mut reader);
    let entry = entry::read(&fields, once, broadcast, &reader, findings);
    let stop_when = fields.take("stop_when").map(|node| stop_when(node, &reader, findings)).unwrap_or_default();
    let stops_on_reply = match fields.take("on_reply") {
        Some(node) => node.one_of(&["continue", "stop"], path, findings) != Some(0),
        None => true,
    };
    let holds = fields.take("holds").and_then(|node| holds(node, &reader, findings));
    let priority =
        match fields.take("priority").and_then(|node| node.one_of(&["low", "normal", "high"], path, findings)) {
            Some(0) => Priority::Low,
            Some(2) => Priority::High,
            _ => Priority::Normal,
        };
    let steps = fields.require("steps", findings).and_then(|node| steps::read(node, &mut reader, findings));
    let notice = fields.take("notice").map(|node| {
        let kind = mail.as_ref().map(|mail| mail.kind);
        notice::read(node, kind, &reader, findings)
    });
    let in_flight = in_flight::read(&fields, steps.as_deref().unwrap_or_default(), path, findings);
    let mails_pinned =
        fields.take("mails").and_then(|node| node.one_of(&["live", "pinned"], path, findings)) == Some(1);
    let was = fields.take("was").and_then(|node| in_flight::was(node, &reader, findings));
    finish(fields, findings);
    if let (Some(entry), Some(steps)) = (&entry, &steps) {
        entry::check_combine(entry, steps, &fields_span(node, "combine"), path, findings);
    }
    let workflow = Workflow {
        id: id.clone(),
        version: version(node),
        title: title?.to_owned(),
        about,
        owner: owner?.to_owned(),
        mail: mail?,
        when: when?,
        timed,
        entry: entry?,
        stop_when,
        stops_on_reply,
        holds,
        priority,
        in_flight: in_flight?,
        mails_pinned,
        was,
        // One that is written and cannot be read is none that is not there.
        notice: match notice {
            Some(notice) => Some(notice?),
            None => None,
        },
        steps: steps?,
    };
    notice::check(&workflow, fields_span(node, "notice"), &reader, findings);
    let Reader { kinds, timed, handed, awaited, choices, mail_spans, .. } = reader;
    Some(Read { workflow, mail_spans, kinds, timed, handed, awaited, choices })
}

fn fields_span(node: &Node, key: &str) -> Option<Span> {
    node.get(key).map(|node| node.span)
}

/// Like [`Fields::require`], and says why the key matters.
fn required<'a>(fields: &Fields<'a>, key: &'a str, why: &str, findings: &mut Findings) -> Option<&'a Node> {
    if let Some(node) = fields.take(key) {
        return Some(node);
    }
    let near = rapport_rule::suggest::nearest(key, fields.keys().map(|known| known.text.as_str()));
    // The key may be there in other words: then the unknown key is finding enough.
    let remedy = format!("write `{key}:");
    let brought = fields
        .keys()
        .any(|known| habits::key(habits::WORKFLOW, &known.text).is_some_and(|told| told.contains(&remedy)));
    if near.is_none() && !brought {
        let at = Span::new(fields.span().start, fields.span().start);
        findings.error("R0102", fields.path(), at, format!("`{key}` is missing")).hint(why);
    }
    None
}

/// Unknown keys. One that was meant as `when` says what it takes away.
fn finish(fields: Fields<'_>, findings: &mut Findings) {
    let mut known: Vec<&str> = Vec::new();
    let keys = ["when", "once", "steps", "mail", "owner", "workflow"];
    let meant = |word: &str| rapport_rule::suggest::nearest(word, keys) == Some("when");
    let slip = fields
        .keys()
        .find(|key| fields.peek("when").is_none() && !keys.contains(&key.text.as_str()) && meant(&key.text));
    if let Some(slip) = slip {
        findings
            .error("R0101", fields.path(), slip.span, format!("unknown key `{}`", slip.text))
            .did_you_mean(Some("when"))
            .hint("A workflow without `when` never starts.");
        known.push(&slip.text);
    }
    fields.finish_knowing(&known, &|key| habits::key(habits::WORKFLOW, key), findings);
}

/// `when:`.
fn triggers(node: &Node, reader: &mut Reader<'_>, timed: &mut Vec<Timed>, findings: &mut Findings) -> Vec<KindPattern> {
    let path = reader.path();
    let mut patterns: Vec<KindPattern> = Vec::new();
    if node.one_or_many().is_empty() {
        findings
            .error("R0024", path, node.span, "`when` names nothing")
            .hint("A workflow without `when` never starts.");
    }
    for item in node.one_or_many() {
        if let Value::Map(entries) = &item.value {
            let first = entries.first().map_or("", |(key, _)| key.text.as_str());
            if first == "dropped_to" {
                patterns.extend(timed::dropped_to(item, reader, findings));
            } else {
                reader.timed.extend(TIMED.iter().filter(|(key, _)| item.get(key).is_some()).map(|(_, kind)| *kind));
                timed.extend(timed::read(item, reader, findings));
            }
            continue;
        }
        let Some(text) = item.text(path, findings) else { continue };
        if let Some(pattern) = kind_pattern(text, item.text_span(), reader, &may_start, "start a workflow", findings) {
            reader.kinds.extend(reader.catalogue.declared.kinds(&pattern).into_iter().filter(may_start));
            if patterns.contains(&pattern) {
                findings.error("R0105", path, item.span, format!("`{text}` stands twice"));
            }
            patterns.push(pattern);
        }
    }
    patterns
}

/// A kind by its name or a pattern with `*`; a finding if it does not exist or may not be used for this.
pub(crate) fn kind_pattern(
    text: &str,
    span: Span,
    reader: &Reader<'_>,
    allowed: &dyn Fn(&Kind) -> bool,
    what: &str,
    findings: &mut Findings,
) -> Option<KindPattern> {
    let declared = reader.catalogue.declared;
    let pattern = KindPattern(text.into());
    let kinds = declared.kinds(&pattern);
    if kinds.iter().any(allowed) {
        return Some(pattern);
    }
    if kinds.is_empty() {
        let names = declared.kind_names(allowed);
        findings
            .error("R0509", reader.path(), span, format!("there is no kind of event `{text}`"))
            .did_you_mean(rapport_rule::suggest::nearest(text, names.iter().map(String::as_str)))
            .hint("Kinds of your own are declared in config/events.yaml.");
    } else {
        findings.error("R0510", reader.path(), span, format!("events `{text}` cannot {what}"));
    }
    None
}

fn stop_when(node: &Node, reader: &Reader<'_>, findings: &mut Findings) -> Vec<StopWhen> {
    let mut stops = Vec::new();
    for item in node.one_or_many() {
        let text = item.as_str().unwrap_or_default();
        let pattern = KindPattern(text.into());
        let is_kind = !reader.catalogue.declared.kinds(&pattern).is_empty();
        // A dotted word that is no name in scope was meant as a kind: its finding proposes kinds.
        let looks_like_kind = rapport_rule::expr::is_path(&text.replace(".*", ""))
            && text.contains('.')
            && !["partner", "event", "awaited", "mail", "task", "program", "segment", "goal"]
                .contains(&text.split('.').next().unwrap_or_default());
        if is_kind || looks_like_kind {
            let any = |_: &Kind| true;
            stops.extend(
                kind_pattern(text, item.text_span(), reader, &any, "stop a workflow", findings).map(StopWhen::Event),
            );
            steps::answered_by_nobody(item, reader, findings);
        } else if let Some(condition) = entry::condition(item, &reader.names(), reader, findings) {
            let text = if text.is_empty() { condition.to_string() } else { text.to_owned() };
            stops.push(StopWhen::True { text: text.into(), condition });
        }
    }
    stops
}

fn holds(node: &Node, reader: &Reader<'_>, findings: &mut Findings) -> Option<Holds> {
    let path = reader.path();
    let fields = Fields::of(node, path, findings)?;
    let named = fields.require("workflows", findings);
    let length = fields.require("for", findings).and_then(|node| node.length(path, findings));
    fields.finish(&[], findings);
    let mut workflows = Vec::new();
    for item in named.map(Node::one_or_many).unwrap_or_default() {
        let Some(text) = item.text(path, findings) else { continue };
        workflows.extend(known_workflow(text, item.text_span(), reader, findings));
    }
    Some(Holds { workflows, length: length? })
}

/// The id of another workflow; a finding if there is none.
pub(crate) fn known_workflow(
    text: &str,
    span: Span,
    reader: &Reader<'_>,
    findings: &mut Findings,
) -> Option<WorkflowId> {
    let others = reader.catalogue.workflows;
    if text == &**reader.id {
        findings.error("R0508", reader.path(), span, "a workflow cannot name itself here");
        return None;
    }
    let found = others.iter().find(|id| ***id == *text);
    if found.is_none() {
        findings
            .error("R0508", reader.path(), span, format!("there is no workflow `{text}`"))
            .did_you_mean(rapport_rule::suggest::nearest(text, others.iter().map(|id| &**id)));
    }
    found.cloned()
}

/// Hash over everything that decides who enters and what happens: not the title, the owner, whose name is under the mail, or
/// what becomes of those inside.
fn version(node: &Node) -> Version {
    const LIVE: [&str; 9] = ["workflow", "about", "owner", "mail", "priority", "in_flight", "migrate", "was", "mails"];
    let mut hasher = Sha256::new();
    let decided: BTreeSet<&str> = node.as_map().unwrap_or_default().iter().map(|(key, _)| key.text.as_str()).collect();
    for key in decided.into_iter().filter(|key| !LIVE.contains(key)) {
        hasher.update(key.as_bytes());
        hasher.update([0]);
        if let Some(value) = node.get(key) {
            hash(value, &mut hasher);
        }
    }
    hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect::<String>().into()
}

/// Values and structure, not how they are written or where.
fn hash(node: &Node, hasher: &mut Sha256) {
    let text = |hasher: &mut Sha256, tag: u8, text: &str| {
        hasher.update([tag]);
        hasher.update((text.len() as u64).to_be_bytes());
        hasher.update(text.as_bytes());
    };
    match &node.value {
        Value::Null => text(hasher, b'n', ""),
        Value::Bool(value) => text(hasher, b'b', if *value { "true" } else { "false" }),
        Value::Int(value) => text(hasher, b'i', &value.to_string()),
        Value::Float(value) => text(hasher, b'f', &value.to_string()),
        Value::String(value) => text(hasher, b's', value),
        Value::Seq(items) => {
            text(hasher, b'[', &items.len().to_string());
            items.iter().for_each(|item| hash(item, hasher));
        }
        Value::Map(entries) => {
            text(hasher, b'{', &entries.len().to_string());
            for (key, value) in entries {
                text(hasher, b'k', &key.text);
                hash(value, hasher);
            }
        }
    }
}
