//! `expect:` of a test.

use jiff::civil::Time;
use rapport_event::Kind;
use rapport_rule::suggest::nearest;
use rapport_rule::yaml::{Fields, Node, Value};
use rapport_rule::{Findings, Span};

use super::{Place, played_day};

/// What should come of a test. What is not written may be anything.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Expect {
    /// Signals and moments that concern the workflow, by kind.
    pub signals: Option<Listed<String>>,
    /// Mails that went out.
    pub mails: Option<Listed<MailExpected>>,
    /// Tasks for people.
    pub tasks: Option<Listed<TaskExpected>>,
    /// Cases opened; what they say is their objective.
    pub cases: Option<Listed<TaskExpected>>,
    /// Other systems called; what they were told is the text, and `to` the hook.
    pub calls: Option<Listed<TaskExpected>>,
    /// Events the workflow emitted.
    pub emitted: Option<Listed<EmittedExpected>>,
    /// How the journeys ended: the reason's code (`completed`, `stop_when`) or what an `exit:` step says; `running`.
    pub exits: Option<Listed<String>>,
    /// Why nothing began: the last refusal's code.
    pub refused: Option<String>,
    /// No mail, task or emit after the end of this day.
    pub nothing_after: Option<i64>,
}

/// A list that is complete and in order, or what is to be among it, or how many there are.
#[derive(Debug, Clone, PartialEq)]
pub struct Listed<T> {
    /// The entries.
    pub entries: Vec<T>,
    /// Whether more may be there.
    pub partial: bool,
    /// How many there are in all.
    pub count: Option<usize>,
}

/// A mail expected.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct MailExpected {
    /// Its name.
    pub mail: String,
    /// On which days.
    pub days: Option<Days>,
    /// At which times, local to the clock's zone.
    pub at: Option<Clocks>,
    /// What the subject says.
    pub subject: Option<Pattern>,
    /// What the text part says.
    pub text: Option<Pattern>,
}

/// An emitted event expected.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct EmittedExpected {
    /// Its kind.
    pub kind: String,
    /// What its fields say; of those that are not written anything.
    pub fields: Vec<(String, String)>,
}

/// A task expected.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TaskExpected {
    /// What it says.
    pub text: Option<Pattern>,
    /// For whom.
    pub to: Option<String>,
    /// On which days it is opened.
    pub days: Option<Days>,
    /// By which day it is due.
    pub due: Option<i64>,
}

/// Days, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Days {
    /// The first.
    pub first: i64,
    /// The last.
    pub last: i64,
}

/// Clock times, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clocks {
    /// From.
    pub from: Time,
    /// To.
    pub to: Time,
}

/// Text that is to be there: as a whole, or `/…/` for a part of it, in which `.*` is anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern(pub String);

impl Pattern {
    /// Whether a text is as said.
    pub fn matches(&self, text: &str) -> bool {
        let Some(part) = self.0.strip_prefix('/').and_then(|rest| rest.strip_suffix('/')) else {
            return self.0.trim() == text.trim();
        };
        let mut rest = text;
        for piece in part.split(".*") {
            match rest.find(piece) {
                Some(at) => rest = rest.get(at + piece.len()..).unwrap_or_default(),
                None => return false,
            }
        }
        true
    }

    /// Whether there is no text that it does not match.
    fn says_nothing(&self) -> bool {
        let part = self.0.strip_prefix('/').and_then(|rest| rest.strip_suffix('/'));
        part.is_some_and(|part| part.split(".*").all(str::is_empty))
    }
}

impl Expect {
    /// Whether nothing is expected.
    pub fn is_empty(&self) -> bool {
        *self == Expect::default()
    }

    /// The last day any of it speaks of.
    pub(super) fn last_day(&self) -> i64 {
        let mails = self.mails.iter().flat_map(|list| &list.entries).filter_map(|mail| mail.days);
        let tasks = self
            .tasks
            .iter()
            .chain(&self.cases)
            .chain(&self.calls)
            .flat_map(|list| &list.entries)
            .filter_map(|task| task.days);
        mails.chain(tasks).map(|days| days.last).chain(self.nothing_after).max().unwrap_or(0)
    }
}

/// Reads `expect:`. `until`: the last day played, where it is written. `besides`: other workflows run too, whose mails are not
/// checked by name.
pub(super) fn read(
    node: &Node,
    place: &Place<'_>,
    until: Option<i64>,
    besides: bool,
    findings: &mut Findings,
) -> Option<Expect> {
    let path = place.path;
    let fields = Fields::of(node, path, findings)?;
    let before = findings.errors();
    let kinds = |node: &Node, findings: &mut Findings| {
        listed(node, path, findings, &|item, findings| {
            known_kind(item.text(path, findings)?, item.text_span(), place, findings)
        })
    };
    let words = |node: &Node, findings: &mut Findings| {
        listed(node, path, findings, &|item, findings| item.text(path, findings).map(str::to_owned))
    };
    let expect = Expect {
        signals: fields.take("signals").and_then(|node| kinds(node, findings)),
        mails: fields.take("mails").and_then(|node| {
            listed(node, path, findings, &|item, findings| mail(item, place, until, besides, findings))
        }),
        tasks: fields
            .take("tasks")
            .and_then(|node| listed(node, path, findings, &|item, findings| task(item, until, path, findings))),
        cases: fields
            .take("cases")
            .and_then(|node| listed(node, path, findings, &|item, findings| task(item, until, path, findings))),
        calls: fields
            .take("calls")
            .and_then(|node| listed(node, path, findings, &|item, findings| call(item, until, path, findings))),
        emitted: fields
            .take("emitted")
            .and_then(|node| listed(node, path, findings, &|item, findings| emitted(item, place, findings))),
        exits: fields.take("exits").and_then(|node| words(node, findings)),
        refused: fields.take("refused").and_then(|node| node.text(path, findings)).map(str::to_owned),
        nothing_after: fields.take("nothing_after").and_then(|node| played_day(node, until, path, findings)),
    };
    fields.finish(&[], findings);
    (findings.errors() == before).then_some(expect)
}

type ReadOne<'a, T> = &'a dyn Fn(&Node, &mut Findings) -> Option<T>;

fn listed<T>(node: &Node, path: &str, findings: &mut Findings, one: ReadOne<'_, T>) -> Option<Listed<T>> {
    let is_map = node
        .as_map()
        .is_some_and(|entries| entries.iter().any(|(key, _)| ["includes", "count"].contains(&key.text.as_str())));
    if !is_map {
        let entries = node.one_or_many().iter().filter_map(|item| one(item, findings)).collect();
        return Some(Listed { entries, partial: false, count: None });
    }
    let fields = Fields::of(node, path, findings)?;
    let included = fields.take("includes");
    let includes = included.map(Node::one_or_many).unwrap_or_default();
    let counted = fields.take("count");
    let count = counted.and_then(|node| node.int(0..=10_000, path, findings));
    fields.finish(&[], findings);
    if includes.is_empty() && counted.is_none() {
        findings
            .error("R0605", path, included.map_or(node.span, |node| node.span), "this is among whatever comes")
            .label("write `[]` where nothing should come, or what is to be among it");
    }
    let entries = includes.iter().filter_map(|item| one(item, findings)).collect();
    Some(Listed { entries, partial: true, count: count.map(|count| count as usize) })
}

/// A finding when the workflow has no such mail.
pub(super) fn known_mail(name: &str, span: Span, place: &Place<'_>, findings: &mut Findings) {
    if !place.mails.is_empty() && !place.mails.contains(name) {
        findings
            .error("R0604", place.path, span, format!("the workflow has no mail `{name}`"))
            .did_you_mean(nearest(name, place.mails.iter().map(String::as_str)));
    }
}

/// A finding when there is no such kind of event.
fn known_kind(text: &str, span: Span, place: &Place<'_>, findings: &mut Findings) -> Option<String> {
    let known = Kind::parse_with(text, &place.declared.custom).is_some();
    if !known {
        let names = rapport_event::kind::CATALOGUE.iter().map(|entry| entry.name);
        findings
            .error("R0603", place.path, span, format!("there is no kind of event `{text}`"))
            .did_you_mean(nearest(text, names));
    }
    known.then(|| text.to_owned())
}

/// A kind, or a kind with what fields of it say.
fn emitted(item: &Node, place: &Place<'_>, findings: &mut Findings) -> Option<EmittedExpected> {
    let path = place.path;
    let Some([(kind, node)]) = item.as_map() else {
        let kind = known_kind(item.text(path, findings)?, item.text_span(), place, findings)?;
        return Some(EmittedExpected { kind, fields: Vec::new() });
    };
    let kind = known_kind(&kind.text, kind.span, place, findings)?;
    let mut fields = Vec::new();
    for (field, value) in node.map(path, findings)? {
        fields.push((field.text.clone(), value.text(path, findings)?.to_owned()));
    }
    Some(EmittedExpected { kind, fields })
}

fn mail(
    item: &Node,
    place: &Place<'_>,
    until: Option<i64>,
    besides: bool,
    findings: &mut Findings,
) -> Option<MailExpected> {
    let path = place.path;
    let check = |name: &str, span: Span, findings: &mut Findings| {
        if !besides {
            known_mail(name, span, place, findings);
        }
    };
    if let Value::String(name) = &item.value {
        check(name, item.text_span(), findings);
        return Some(MailExpected { mail: name.clone(), ..MailExpected::default() });
    }
    let entries = item.map(path, findings)?;
    let [(key, node)] = entries else {
        findings
            .error("R0604", path, item.span, "an expected mail is its name, with what is expected under it")
            .label("write `{ hello: { day: 1 } }`");
        return None;
    };
    check(&key.text, key.span, findings);
    let fields = Fields::of(node, path, findings)?;
    let found = MailExpected {
        mail: key.text.clone(),
        days: days(&fields, until, path, findings),
        at: fields.take("at").and_then(|node| clocks(node, path, findings)),
        subject: pattern(&fields, "subject", path, findings),
        text: pattern(&fields, "text", path, findings),
    };
    fields.finish(&[], findings);
    Some(found)
}

fn task(item: &Node, until: Option<i64>, path: &str, findings: &mut Findings) -> Option<TaskExpected> {
    if let Value::String(text) = &item.value {
        return Some(TaskExpected { text: Some(Pattern(text.clone())), ..TaskExpected::default() });
    }
    let fields = Fields::of(item, path, findings)?;
    let found = TaskExpected {
        text: pattern(&fields, "text", path, findings),
        to: fields.take("to").and_then(|node| node.text(path, findings)).map(str::to_owned),
        days: days(&fields, until, path, findings),
        // What is opened within the play may be due after it.
        due: fields.take("due").and_then(|node| played_day(node, None, path, findings)),
    };
    fields.finish(&[], findings);
    Some(found)
}

/// A hook's name, or a map as of a task.
fn call(item: &Node, until: Option<i64>, path: &str, findings: &mut Findings) -> Option<TaskExpected> {
    match &item.value {
        Value::String(hook) => Some(TaskExpected { to: Some(hook.clone()), ..TaskExpected::default() }),
        _ => task(item, until, path, findings),
    }
}

fn pattern<'n>(fields: &Fields<'n>, key: &'n str, path: &str, findings: &mut Findings) -> Option<Pattern> {
    let node = fields.take(key)?;
    let pattern = Pattern(node.text(path, findings)?.to_owned());
    if pattern.says_nothing() {
        findings
            .error("R0605", path, node.span, format!("there is no text without `{}`", pattern.0))
            .label("write what the text says: `/a part of it/`");
    }
    Some(pattern)
}

/// `day: 72` or `between: [day 72, day 76]`.
fn days<'n>(fields: &Fields<'n>, until: Option<i64>, path: &str, findings: &mut Findings) -> Option<Days> {
    let day = |node: &Node, findings: &mut Findings| played_day(node, until, path, findings);
    let one = fields.take("day").and_then(|node| day(node, findings)).map(|day| Days { first: day, last: day });
    let Some(between) = fields.take("between") else { return one };
    match between.one_or_many() {
        [first, last] => {
            let (first, last) = (day(first, findings)?, day(last, findings)?);
            if first > last {
                findings.error("R0607", path, between.span, "the first day lies after the last");
            }
            Some(Days { first, last })
        }
        _ => {
            findings.error("R0607", path, between.span, "`between` needs two days").label("[day 72, day 76]");
            None
        }
    }
}

/// `"09:30"` or `"08:00..20:00"`.
fn clocks(node: &Node, path: &str, findings: &mut Findings) -> Option<Clocks> {
    let text = node.text(path, findings)?;
    let (from, to) = text.split_once("..").unwrap_or((text, text));
    let read = |text: &str| text.trim().parse::<Time>().ok().filter(|_| text.trim().len() == 5);
    match (read(from), read(to)) {
        (Some(from), Some(to)) => Some(Clocks { from, to }),
        _ => {
            findings
                .error("R0304", path, node.text_span(), format!("`{text}` is no clock time"))
                .label("write `\"09:30\"`, or `\"08:00..20:00\"`");
            None
        }
    }
}
