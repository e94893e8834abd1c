//! The public conformance tests of CEL against our expressions. Each passes or falls under a difference that
//! docs/expressions.md lists; nothing that is accepted means something else unsaid.

#![allow(clippy::disallowed_methods, reason = "reads the published data and the documentation")]

mod data;
mod deviations;
mod judged;
mod ours;
mod words;
#[path = "../world/mod.rs"]
mod world;

use std::collections::BTreeMap;

use data::{Expected, Test};
use deviations::{DEVIATIONS, Deviation, Effect, Seen};
use judged::Answer;
use rapport_rule::expr::Condition;
use rapport_rule::{Findings, Source, yaml};
use world::World;

/// What became of a test.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Class {
    Passes,
    /// Refused as written for a listed reason, and right once what is written out in it has a name.
    PassesWithNames,
    Otherwise,
    Refused,
    Outside,
}

fn published() -> Vec<Test> {
    let path = std::env::var("RAPPORT_TEST_CEL").unwrap_or_else(|_| {
        panic!("RAPPORT_TEST_CEL is not set: run `cargo xtask test`, which fetches the conformance data of CEL")
    });
    data::read(&std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("RAPPORT_TEST_CEL, {path}: {error}")))
}

/// The class of a test and the differences it falls under, or what is wrong.
fn classify(test: &Test) -> Result<(Class, Vec<&'static Deviation>), String> {
    let words = words::words(&test.expr);
    let seen = Seen { test, words: &words };
    let covering: Vec<&Deviation> = DEVIATIONS.iter().filter(|deviation| (deviation.covers)(&seen)).collect();
    let otherwise = || covering.iter().copied().find(|deviation| deviation.effect == Effect::Otherwise);
    let refusing: Vec<&Deviation> =
        covering.iter().copied().filter(|deviation| deviation.effect != Effect::Otherwise).collect();
    let (written, named) = (judged::as_written(test), judged::with_names(test, &words));
    let names = |all: &[&Deviation]| all.iter().map(|deviation| deviation.name).collect::<Vec<_>>().join(", ");

    let differs = |answer: &Answer| {
        let asked = !matches!(test.expected, Expected::TypeOnly);
        asked && matches!(answer, Answer::Value(_)) && !answer.agrees(&test.expected)
    };
    // With names nothing may be worth something else either, whatever became of it as written.
    if let Some(answer) = named.as_ref().filter(|answer| differs(answer)) {
        return match otherwise() {
            Some(deviation) => Ok((Class::Otherwise, vec![deviation])),
            None => Err(format!("with names it is {answer:?}, CEL says {:?}", test.expected)),
        };
    }
    match &written {
        Answer::Value(_) if written.agrees(&test.expected) => match refusing.first() {
            None => Ok((Class::Passes, Vec::new())),
            Some(_) => Err(format!("passes, and is said to be refused: {}", names(&refusing))),
        },
        Answer::Value(value) => match otherwise() {
            Some(deviation) => Ok((Class::Otherwise, vec![deviation])),
            None => Err(format!("is {value:?}, CEL says {:?}", test.expected)),
        },
        Answer::Refused(codes) => {
            let unsaid = codes.iter().find(|code| !refusing.iter().any(|deviation| deviation.codes.contains(code)));
            match (refusing.first(), unsaid) {
                (None, _) if matches!(test.expected, Expected::Error) => Ok((Class::Passes, Vec::new())),
                (None, _) => Err(format!("is refused with {codes:?}, CEL says {:?}", test.expected)),
                (Some(_), Some(code)) => Err(format!("is refused with {code}, said is {}", names(&refusing))),
                (Some(_), None) if named.is_some_and(|named| named.agrees(&test.expected)) => {
                    Ok((Class::PassesWithNames, refusing))
                }
                (Some(first), None) if first.effect == Effect::Outside => Ok((Class::Outside, refusing)),
                (Some(_), None) => Ok((Class::Refused, refusing)),
            }
        }
    }
}

#[test]
fn every_published_test_passes_or_falls_under_a_listed_difference() {
    let tests = published();
    assert!(tests.len() > 2_000, "{} tests were read", tests.len());
    let mut table: BTreeMap<&str, BTreeMap<Class, usize>> = BTreeMap::new();
    let mut covered: BTreeMap<&str, usize> = BTreeMap::new();
    let mut wrong = Vec::new();
    for test in &tests {
        match classify(test) {
            Ok((class, deviations)) => {
                *table.entry(&test.file).or_default().entry(class).or_default() += 1;
                for deviation in deviations {
                    *covered.entry(deviation.name).or_default() += 1;
                }
            }
            Err(reason) => wrong.push(format!("{}: `{}` {reason}", test.path, test.expr)),
        }
    }
    const CLASSES: [Class; 5] =
        [Class::Passes, Class::PassesWithNames, Class::Otherwise, Class::Refused, Class::Outside];
    println!("{:16} {:>8} {:>8} {:>9} {:>8} {:>8}", "file", "passes", "as names", "otherwise", "refused", "outside");
    let mut sums = [0; 5];
    for (file, classes) in &table {
        let counts = CLASSES.map(|class| classes.get(&class).copied().unwrap_or_default());
        let [passes, names, otherwise, refused, outside] = counts;
        println!("{file:16} {passes:>8} {names:>8} {otherwise:>9} {refused:>8} {outside:>8}");
        sums.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
    }
    let [passes, names, otherwise, refused, outside] = sums;
    println!("{:16} {passes:>8} {names:>8} {otherwise:>9} {refused:>8} {outside:>8}", "all");
    for deviation in DEVIATIONS {
        println!("{:>5}  {}", covered.get(deviation.name).copied().unwrap_or_default(), deviation.name);
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), tests.len(), wrong.join("\n"));
    let idle: Vec<&str> =
        DEVIATIONS.iter().map(|deviation| deviation.name).filter(|name| !covered.contains_key(name)).collect();
    assert!(idle.is_empty(), "no test falls under these any more: {idle:?}");
}

/// The list of differences as docs/expressions.md has it.
fn listed() -> String {
    let mut text = String::new();
    for (effect, heading) in [
        (Effect::Refused, "### Refused"),
        (Effect::Otherwise, "### Accepted, and something else"),
        (Effect::Outside, "### Parts of CEL that are not here"),
    ] {
        let entries = DEVIATIONS.iter().map(|one| (one.effect, one.name, one.about));
        let entries = entries.chain(ours::OURS.iter().map(|one| (one.effect, one.name, one.about)));
        let lines =
            entries.filter(|(own, _, _)| *own == effect).map(|(_, name, about)| format!("- **{name}.** {about}\n"));
        text.push_str(&format!("{heading}\n\n{}\n", lines.collect::<String>()));
    }
    text.push_str("### Only here\n\n");
    text.extend(ours::ADDED.iter().map(|one| format!("- **{}.** {}\n", one.name, one.about)));
    text
}

fn page() -> String {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/expressions.md");
    std::fs::read_to_string(&path).unwrap_or_default()
}

#[test]
fn the_examples_of_the_page_are_in_order() {
    let page = page();
    let mut conditions = 0;
    for block in page.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next()) {
        let source = Source::new("page.yaml", block);
        let mut findings = Findings::new();
        let node = yaml::parse(&source, &mut findings).expect("the block is YAML");
        for (_, value) in node.as_map().expect("the block has keys") {
            conditions += usize::from(Condition::from_node(value, "page.yaml", &World, &mut findings).is_some());
        }
        let found: Vec<&str> = findings.iter().map(|finding| &*finding.message).collect();
        assert!(found.is_empty(), "{found:?} in\n{block}");
    }
    assert!(conditions >= 5, "{conditions} conditions were read");
}

#[test]
fn the_documentation_lists_the_same_differences() {
    let page = page();
    let there = page.split_once("## Deviations from CEL\n").map(|(_, rest)| rest).unwrap_or_default();
    let there = there.split_once("### ").map(|(_, rest)| format!("### {rest}")).unwrap_or_default();
    let there = there.split("\n## ").next().unwrap_or_default().trim();
    assert_eq!(
        there,
        listed().trim(),
        "docs/expressions.md, behind `## Deviations from CEL`, should have:\n{}",
        listed()
    );
}
