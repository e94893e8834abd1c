//! No text makes this crate panic or hang, and every place it names exists.

mod world;

use proptest::prelude::*;
use rapport_rule::expr::{self, Condition, Scope, Template, Value};
use rapport_rule::finding::render;
use rapport_rule::{Findings, Length, Money, Source, Sources, Span, percent, yaml};
use world::World;

/// Pieces of YAML and of expressions, so that random texts get past the first character.
const PIECES: &[&str] = &[
    "a",
    "if",
    "conversions_90d",
    "partner.name",
    "event.drop_percent",
    "group",
    " ",
    " ",
    "\n",
    "\n  ",
    ": ",
    "- ",
    ", ",
    "[",
    "]",
    "{",
    "}",
    "(",
    ")",
    "\"",
    "'",
    "\\",
    "&",
    "&&",
    "||",
    "!",
    "*",
    "?",
    "|",
    ">",
    ">=",
    "==",
    "=",
    "<",
    "%",
    "@",
    "`",
    "#",
    " #",
    "~",
    "---",
    "...",
    "<<",
    "\t",
    "1",
    "0.4",
    "3 days",
    "100 EUR",
    "money(",
    "ü",
    "日本",
    "\u{feff}",
    "\u{0}",
    "\r",
    "{{",
    "}}",
    "true",
    "null",
    "in",
    ".",
    "..",
    "+",
    "-",
    "/",
    "any",
    "not",
    "10:00",
    "!!str",
    "&x",
    "*x",
    "has(",
    ".all(",
    "event.has_category(\"x\")",
    "startsWith",
    "\"vip\"",
    "2026-10-01",
    "👍🏽",
    "é",
];

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => proptest::collection::vec(proptest::sample::select(PIECES), 0..40).prop_map(|pieces| pieces.concat()),
        1 => any::<String>(),
    ]
}

/// Sentences that are mostly well formed, so that compiling and judging are reached.
fn expression() -> impl Strategy<Value = String> {
    let operand = proptest::sample::select(vec![
        "conversions_90d",
        "conversions_total",
        "3",
        "0.4",
        "-1",
        "event.drop_percent",
        "revenue_28d",
        "money(\"5 EUR\")",
        "group",
        "\"vip\"",
        "partner.country",
        "average",
        "balance",
        "event.new_customer",
        "event.has_category(\"x\")",
        "date(\"2026-01-01\")",
        "partner.contract_ends",
        "partner.age",
        "duration(\"3 days\")",
        "[\"a\", \"b\"]",
        "zebra",
        "partner.tags",
        "partner.name.startsWith(\"ü\")",
        "true",
        "9223372036854775807",
    ])
    .prop_map(str::to_owned);
    operand.prop_recursive(4, 24, 2, |inner| {
        let operator =
            proptest::sample::select(vec!["==", "!=", "<", "<=", ">", ">=", "&&", "||", "+", "-", "*", "/", "%", "in"]);
        prop_oneof![
            (inner.clone(), operator, inner.clone()).prop_map(|(a, sign, b)| format!("{a} {sign} {b}")),
            inner.clone().prop_map(|inner| format!("({inner})")),
            inner.prop_map(|inner| format!("!{inner}")),
        ]
    })
}

/// Answers everything with something, fitting or not.
struct Anything(u8);

impl Scope for Anything {
    fn value(&self, path: &str) -> Value {
        match (self.0 as usize + path.len()) % 8 {
            0 => Value::Missing,
            1 => Value::Count(i64::MIN),
            2 => Value::Number(f64::NAN),
            3 => Value::text("vip"),
            4 => Value::Money(Money::new(i64::MAX, rapport_rule::Currency::EUR)),
            5 => Value::Date(jiff::civil::Date::MIN),
            6 => Value::Duration(jiff::SignedDuration::MAX),
            _ => Value::Instant(jiff::Timestamp::MAX),
        }
    }
}

fn places_exist(findings: &Findings, sources: &Sources) {
    for finding in findings.iter() {
        let source = sources.get(&finding.path).expect("the file is known");
        if let Some(span) = finding.span {
            assert!(source.text.get(span.start..span.end).is_some(), "{finding:?} points into {:?}", source.text);
        }
        assert!(rapport_rule::codes::page(finding.code).is_some(), "{} has a page", finding.code);
    }
    let _ = render::human_all(findings, sources);
    let _ = render::json(findings, sources);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_read_as_yaml_and_condition(text in text()) {
        let sources: Sources = [Source::new("w.yaml", text)].into_iter().collect();
        let mut findings = Findings::new();
        let source = sources.get("w.yaml").unwrap();
        let node = yaml::parse(source, &mut findings);
        if let Some(node) = node {
            prop_assert!(source.text.get(node.span.start..node.span.end).is_some());
            let _ = Condition::from_node(&node, "w.yaml", &World, &mut findings);
            let _ = (node.length("w.yaml", &mut findings), node.percent("w.yaml", &mut findings));
            let _ = (node.money("w.yaml", &mut findings), node.clock_time("w.yaml", &mut findings));
            let _ = (node.date("w.yaml", &mut findings), node.name("w.yaml", &mut findings));
        } else {
            let blank = source.text.lines().all(|line| {
                let line = line.trim_matches(['\u{feff}', ' ', '\t', '\r']);
                line.is_empty() || line.starts_with('#') || line.starts_with("...") || line.starts_with("---")
            });
            prop_assert!(blank || findings.has_errors(), "{:?} is refused with a finding", source.text);
        }
        places_exist(&findings, &sources);
    }

    #[test]
    fn any_text_is_read_as_expression_and_template(text in text()) {
        let mut findings = Findings::new();
        let span = Span::new(0, text.len());
        let compiled = expr::compile(&text, span, "w.yaml", &World, &mut findings);
        prop_assert_eq!(compiled.is_none() , findings.errors() > 0 && compiled.is_none());
        let template = Template::compile(&text, span, "w.yaml", &World, &mut findings);
        if let Some(template) = template {
            let _ = template.render(&Anything(0));
        }
        let _ = (Length::parse(&text), Money::parse(&text), percent::parse(&text));
        places_exist(&findings, &[Source::new("w.yaml", text)].into_iter().collect());
    }

    #[test]
    fn any_expression_is_judged_against_anything(text in expression(), seed in any::<u8>()) {
        let mut findings = Findings::new();
        let compiled = expr::compile(&text, Span::new(0, text.len()), "w.yaml", &World, &mut findings);
        places_exist(&findings, &[Source::new("w.yaml", text.clone())].into_iter().collect());
        if let Some(compiled) = compiled {
            let judged = compiled.judge(&Anything(seed));
            prop_assert_eq!(judged, compiled.judge(&Anything(seed)), "the same twice");
            let _ = compiled.value(&Anything(seed)).to_string();
        } else {
            prop_assert!(findings.has_errors(), "{} is refused with a finding", text);
        }
    }
}
