//! Files people write, or that programs write for them.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use rapport_message::Mail;
use rapport_rule::expr::{self, Condition, Environment, Method, Scope, Template, Type, Value, Variable};
use rapport_rule::finding::render;
use rapport_rule::{Currency, Findings, Money, Source, Sources, Span, codes, yaml};

use super::files_in;

/// What is no UTF-8 comes to none of these readers: whoever reads a file refuses it with its name.
const NOT_UTF8: &str = "not_utf8";

/// What was found, by its codes; each stands where there is something, and has a page.
fn told(findings: &Findings, sources: &Sources, is_understood: bool) -> String {
    assert!(is_understood || findings.has_errors(), "refused without a reason");
    for finding in findings.iter() {
        assert!(!finding.message.is_empty() && codes::page(finding.code).is_some(), "{finding:?}");
        if let (Some(span), Some(source)) = (finding.span, sources.get(&finding.path)) {
            assert!(source.text.get(span.start..span.end).is_some(), "{finding:?} stands nowhere");
        }
    }
    assert!(findings.is_empty() || !render::human_all(findings, sources).is_empty());
    let codes: BTreeSet<&str> = findings.iter().map(|finding| finding.code).collect();
    let codes: Vec<&str> = codes.into_iter().collect();
    format!("{}{}", if is_understood { "ok " } else { "" }, codes.join(" "))
}

pub(super) fn yamls() -> Vec<Vec<u8>> {
    let mut all = files_in("config", |path| path.ends_with(".yaml"));
    all.extend(files_in("workflows", |path| path.ends_with(".yaml")));
    all
}

pub(super) fn yaml(bytes: &[u8]) -> String {
    let Ok(text) = std::str::from_utf8(bytes) else { return NOT_UTF8.to_owned() };
    let sources: Sources = [Source::new("w.yaml", text)].into_iter().collect();
    let mut findings = Findings::new();
    let Some(source) = sources.get("w.yaml") else { return NOT_UTF8.to_owned() };
    let node = yaml::parse_filled(source, &mut findings);
    let answer = told(&findings, &sources, node.is_some());
    let _ = yaml::format::reformatted("workflows/w/workflow.yaml", text);
    if let Some(node) = &node {
        let mut more = Findings::new();
        each(node, &mut |node: &yaml::Node| {
            let _ = (node.length("w.yaml", &mut more), node.percent("w.yaml", &mut more));
            let _ = (node.money("w.yaml", &mut more), node.clock_time("w.yaml", &mut more));
            let _ = (node.date("w.yaml", &mut more), node.name("w.yaml", &mut more));
        });
        let _ = Condition::from_node(node, "w.yaml", &Names, &mut more);
        told(&more, &sources, true);
    }
    answer
}

fn each(node: &yaml::Node, look: &mut dyn FnMut(&yaml::Node)) {
    look(node);
    for item in node.as_seq().unwrap_or_default() {
        each(item, look);
    }
    for (_, value) in node.as_map().unwrap_or_default() {
        each(value, look);
    }
}

pub(super) fn expressions() -> Vec<Vec<u8>> {
    let all = [
        "conversions_90d >= 3 && revenue_28d < money(\"100 EUR\")",
        "group == \"vip\" || partner.country in [\"NO\", \"SE\"]",
        "event.drop_percent > 40 && !(event.has_category(\"shoes\"))",
        "partner.age > duration(\"36 hours\") && partner.contract_ends < date(\"2026-10-01\")",
        "partner.name.startsWith(\"A\") || has(partner.name)",
        "(conversions_90d + 2) * 3 % 4 - 1 > 0.5",
        "Hello {{partner.name}}, {{conversions_90d}} sales worth {{revenue_28d}}",
    ];
    all.map(|text| text.as_bytes().to_vec()).into()
}

pub(super) fn expression(bytes: &[u8]) -> String {
    let Ok(text) = std::str::from_utf8(bytes) else { return NOT_UTF8.to_owned() };
    let sources: Sources = [Source::new("w.yaml", text)].into_iter().collect();
    let span = Span::new(0, text.len());
    let mut findings = Findings::new();
    let compiled = expr::compile(text, span, "w.yaml", &Names, &mut findings);
    let answer = told(&findings, &sources, compiled.is_some());
    if let Some(compiled) = compiled {
        for seed in 0..8 {
            assert_eq!(compiled.judge(&Anything(seed)), compiled.judge(&Anything(seed)), "the same twice");
            let _ = compiled.value(&Anything(seed)).to_string();
        }
    }
    let mut findings = Findings::new();
    let template = Template::compile(text, span, "w.yaml", &Names, &mut findings);
    told(&findings, &sources, template.is_some());
    let _ = template.map(|template| template.render(&Anything(3)));
    answer
}

/// A few names of each type.
struct Names;

const NAMES: [&str; 10] = [
    "conversions_90d",
    "revenue_28d",
    "group",
    "partner.country",
    "partner.name",
    "partner.tags",
    "partner.age",
    "partner.contract_ends",
    "event.drop_percent",
    "event.new_customer",
];

impl Environment for Names {
    fn lookup(&self, path: &str) -> Option<Variable> {
        Some(match path {
            "conversions_90d" => Variable::of(Type::Count),
            "revenue_28d" => Variable::of(Type::Money),
            "group" => Variable::one_of(["vip", "core", "quiet"]),
            "partner.country" | "partner.name" => Variable::of(Type::Text).or_missing(),
            "partner.tags" => Variable::of(Type::List),
            "partner.age" => Variable::of(Type::Duration).or_missing(),
            "partner.contract_ends" => Variable::of(Type::Date).or_missing(),
            "event.drop_percent" => Variable::of(Type::Percent).or_missing(),
            "event.new_customer" => Variable::of(Type::Bool).or_missing(),
            _ => return None,
        })
    }

    fn names(&self) -> Vec<String> {
        NAMES.map(str::to_owned).into()
    }

    fn method(&self, object: &str, method: &str) -> Option<Method> {
        (object == "event" && method == "has_category").then(|| Method { args: vec![Type::Text], returns: Type::Bool })
    }
}

/// Answers everything with something, fitting or not.
struct Anything(usize);

impl Scope for Anything {
    fn value(&self, path: &str) -> Value {
        match (self.0 + path.len()) % 8 {
            0 => Value::Missing,
            1 => Value::Count(i64::MIN),
            2 => Value::Number(f64::NAN),
            3 => Value::text("vip"),
            4 => Value::Money(Money::new(i64::MAX, Currency::EUR)),
            5 => Value::Date(jiff::civil::Date::MIN),
            6 => Value::Duration(jiff::SignedDuration::MAX),
            _ => Value::Instant(jiff::Timestamp::MAX),
        }
    }
}

pub(super) fn mail_files() -> Vec<Vec<u8>> {
    let mut all = files_in("workflows", Mail::is_path);
    all.push(MJML.as_bytes().to_vec());
    all
}

const MJML: &str = "---\nsubject: Hello {{partner.first_name fallback=\"there\"}}\n---\n<mjml><mj-head><mj-title>Hello</mj-title></mj-head><mj-body><mj-section><mj-column><mj-text>Hi {{partner.first_name fallback=\"there\"}}</mj-text><mj-button href=\"https://acme.example\">Look</mj-button></mj-column></mj-section></mj-body></mjml>\n";

pub(super) fn mail_file(bytes: &[u8]) -> String {
    let Ok(text) = std::str::from_utf8(bytes) else { return NOT_UTF8.to_owned() };
    let end = if text.contains("<mj") { "mjml" } else { "md" };
    let source = Source::new(format!("workflows/w/hello.mail.{end}"), text);
    let mut findings = Findings::new();
    let mail = Mail::parse(&source, &mut findings);
    told(&findings, &[source].into_iter().collect(), mail.is_some())
}

/// As `tests/workflows` writes them: a line `# file: PATH` begins a file; what stands before the first is a workflow.
pub(super) fn projects() -> Vec<Vec<u8>> {
    let mut all = files_in("tests/workflows/ok", |path| path.ends_with(".yaml"));
    all.extend(files_in("tests/workflows/err", |path| path.ends_with(".yaml")));
    for source in base().iter().filter(|source| source.path.starts_with("config/")) {
        all.push(format!("# file: {}\n{}", source.path, source.text).into_bytes());
    }
    all
}

/// The shipped configuration and what it names.
fn base() -> &'static Sources {
    static BASE: OnceLock<Sources> = OnceLock::new();
    BASE.get_or_init(|| rapport_shipped::folders(&["config", "workflows/let-go-review"]))
}

pub(super) fn project(bytes: &[u8]) -> String {
    let Ok(text) = std::str::from_utf8(bytes) else { return NOT_UTF8.to_owned() };
    let mut sources = base().clone();
    let hello = "---\nsubject: Hello\n---\nGood morning.\n";
    sources.add(Source::new("workflows/tried/hello.mail.md", hello));
    let (mut path, mut file) = ("workflows/tried/workflow.yaml", String::new());
    for line in text.split_inclusive('\n') {
        if let Some(next) = line.strip_prefix("# file: ") {
            let whole = std::mem::take(&mut file);
            if !whole.is_empty() {
                sources.add(Source::new(path, whole));
            }
            path = next.trim_end();
        } else {
            file.push_str(line);
        }
    }
    if !file.is_empty() {
        sources.add(Source::new(path, file));
    }
    let (rulebook, findings) = rapport_workflow::compile(&sources);
    told(&findings, &sources, rulebook.is_some())
}
