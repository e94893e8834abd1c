//! Every code has a page, every page is true: its example has the finding, the example put right has not.

#![allow(clippy::disallowed_methods, reason = "compares with the files in docs/")]

mod world;

use std::collections::BTreeSet;
use std::path::Path;

use rapport_rule::codes::{self, CodePage};
use rapport_rule::expr::{Condition, Environment, Method, Template, Type, Variable};
use rapport_rule::{Findings, Source, yaml};
use world::World;

/// The world, with the names that the examples of pages use beyond it.
struct Examples;

impl Environment for Examples {
    fn lookup(&self, path: &str) -> Option<Variable> {
        Some(match path {
            "partner.blocked" | "a" | "b" | "c" => Variable::of(Type::Bool),
            "partner.answers.motivation" => Variable::of(Type::Text).or_missing(),
            "revenue_90d" => Variable::of(Type::Money),
            _ => return World.lookup(path),
        })
    }

    fn names(&self) -> Vec<String> {
        World.names()
    }

    fn method(&self, object: &str, method: &str) -> Option<Method> {
        World.method(object, method)
    }

    fn methods(&self, object: &str) -> Vec<String> {
        World.methods(object)
    }
}

/// The codes found in a snippet that this crate alone can read: conditions and texts.
fn codes_in(text: &str) -> BTreeSet<&'static str> {
    let source = Source::new("w.yaml", text);
    let mut findings = Findings::new();
    if let Some(node) = yaml::parse(&source, &mut findings) {
        for (key, value) in node.as_map().unwrap_or_default() {
            match key.text.as_str() {
                "if" | "unless" => drop(Condition::from_node(value, "w.yaml", &Examples, &mut findings)),
                "text" | "with" => {
                    let texts =
                        value.as_map().map_or_else(|| vec![value], |map| map.iter().map(|(_, node)| node).collect());
                    for node in texts {
                        let (text, span) = (node.as_str().unwrap_or_default(), node.text_span());
                        Template::compile(text, span, "w.yaml", &Examples, &mut findings);
                    }
                }
                "wait" => drop(value.length("w.yaml", &mut findings)),
                "share" => drop(value.percent("w.yaml", &mut findings)),
                "value" => drop(value.money("w.yaml", &mut findings)),
                "then_at" => drop(value.clock_time("w.yaml", &mut findings)),
                "from" => drop(value.date("w.yaml", &mut findings)),
                "email" => drop(value.name("w.yaml", &mut findings)),
                "service" => drop(value.bool("w.yaml", &mut findings)),
                "limit" => drop(value.int(0..=9, "w.yaml", &mut findings)),
                "workflow" => drop(value.text("w.yaml", &mut findings)),
                "steps" => drop(value.list("w.yaml", &mut findings)),
                "mail" => drop(value.map("w.yaml", &mut findings)),
                "countries" => drop(value.texts("w.yaml", &mut findings)),
                "priority" => drop(value.one_of(&["low", "normal", "high"], "w.yaml", &mut findings)),
                _ => {}
            }
        }
    }
    findings.iter().map(|finding| finding.code).collect()
}

/// Pages whose example is a description, or a matter of keys that only other crates know.
fn is_shown_elsewhere(page: &CodePage) -> bool {
    page.code > "R0309"
        || matches!(page.code, "R0001" | "R0005" | "R0006" | "R0101" | "R0102" | "R0203")
        || page.code.starts_with("R01") && page.code > "R0103"
}

#[test]
fn the_examples_of_pages_have_the_finding_and_put_right_they_do_not() {
    for page in codes::pages().filter(|page| !is_shown_elsewhere(page)) {
        assert!(
            codes_in(page.example).contains(page.code),
            "{}: {} has {:?}",
            page.code,
            page.example,
            codes_in(page.example)
        );
        assert_eq!(codes_in(page.put_right), BTreeSet::new(), "{}: {}", page.code, page.put_right);
    }
}

#[test]
fn pages_are_complete_and_in_order() {
    let codes: Vec<&str> = codes::pages().map(|page| page.code).collect();
    assert!(codes.is_sorted_by(|a, b| a < b), "{codes:?}");
    for page in codes::pages() {
        let CodePage { code, title, meaning, example, put_right } = page;
        assert!(code.len() == 5 && code.starts_with('R'), "{code}");
        assert!(!title.ends_with('.') && meaning.ends_with('.'), "{code}: a title has no full stop, a paragraph has");
        assert!(!example.is_empty() && !put_right.is_empty() && example != put_right, "{code}");
    }
    assert_eq!(codes::page("r0201").map(|page| page.code), Some("R0201"));
}

#[test]
fn the_documentation_is_what_the_tables_say() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/codes");
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap_or_default();
    let remedy = "run `cargo run -p rapport-rule --example code_pages`";
    assert_eq!(read("README.md"), codes::index_markdown(), "{remedy}");
    for page in codes::pages() {
        assert_eq!(read(&format!("{}.md", page.code)), page.markdown(), "{remedy}");
    }
}
