//! The page of every code is true: the example at its place in a whole project gives the code, and put right it does not.
//!
//! The project is compiled as `rapport check` does it. What only a machine can say (`example::OF_THE_MACHINE`) is shown by
//! `crates/cli/tests/machine_codes.rs`.
#![allow(clippy::disallowed_methods, reason = "a test reads the files it is about")]

use std::collections::BTreeSet;

use rapport_rule::codes::{self, CodePage, Place};
use rapport_rule::finding::render::human_all;
use rapport_rule::{Source, Sources};
use rapport_shipped::example::{OF_THE_HISTORY, OF_THE_MACHINE, project};
use rapport_workflow::look;

/// What an example gives beside its own code, because the one cannot be wrong without the other.
const BESIDE: [(&str, &str); 2] = [
    // What YAML makes of the braces is a map, and a text was expected.
    ("R0008", "R0021"),
    // A key in older tools' words is mostly none of ours.
    ("R0010", "R0101"),
];

fn is_of_the_machine(code: &str) -> bool {
    OF_THE_MACHINE.iter().any(|(known, _)| *known == code) || OF_THE_HISTORY.contains(&code)
}

/// The codes found, and the findings as people read them.
fn codes_in(sources: &Sources) -> (BTreeSet<&'static str>, String) {
    let findings = look(sources).findings;
    (findings.iter().map(|finding| finding.code).collect(), human_all(&findings, sources))
}

/// What a page says in words, written out.
fn written_out(page: &CodePage, path: &str) -> Sources {
    let long = match page.code {
        "R0006" => format!("about: {}\n", "and so on ".repeat(200_000)),
        "R0456" => "Good morning, and so on, and so on.\n\n".repeat(2_000),
        "R0464" => "Good morning, and so on, and so on.\n\n".repeat(1_100),
        code => panic!("nobody knows how {code} is written out"),
    };
    let sources = project(&page.place, page.example);
    let text = |source: &Source| match source.path == path {
        true => format!("{}{long}", source.text),
        false => source.text.clone(),
    };
    sources.iter().map(|source| Source::new(source.path.clone(), text(source))).collect()
}

#[test]
fn every_example_has_the_finding_and_put_right_it_has_none() {
    let mut wrong = Vec::new();
    for page in codes::pages().filter(|page| !is_of_the_machine(page.code)) {
        let sources = match page.place {
            Place::Told(path) => written_out(page, path),
            _ => project(&page.place, page.example),
        };
        let mut expected: BTreeSet<&str> =
            BESIDE.iter().filter(|(of, _)| *of == page.code).map(|(_, also)| *also).collect();
        expected.insert(page.code);
        let (found, told) = codes_in(&sources);
        if found != expected {
            wrong.push(format!("{}: {}\nhas {found:?}\n{told}", page.code, page.example));
        }
        let (found, told) = codes_in(&project(&page.place, page.put_right));
        if !found.is_empty() {
            wrong.push(format!("{} put right: {}\nhas {found:?}\n{told}", page.code, page.put_right));
        }
    }
    assert!(wrong.is_empty(), "{} pages are not true:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn only_what_hangs_on_the_machine_is_left_to_the_command_line() {
    assert!(OF_THE_MACHINE.len() <= 13, "most of what is wrong is in the files");
    for (code, reason) in OF_THE_MACHINE {
        let page = codes::page(code).unwrap_or_else(|| panic!("{code} has no page"));
        let (found, told) = codes_in(&project(&page.place, page.example));
        assert!(!found.contains(code), "{code} is given by the files alone, so not because: {reason}\n{told}");
    }
    for code in OF_THE_HISTORY {
        let page = codes::page(code).unwrap_or_else(|| panic!("{code} has no page"));
        for text in [page.example, page.put_right] {
            let (found, told) = codes_in(&project(&page.place, text));
            assert!(found.is_empty(), "{code}: {text}\n{told}");
        }
    }
}
