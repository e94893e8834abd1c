//! The pages of the codes that hang on the machine are true: `rapport check` gives the code for the example, and not for the
//! example put right. All others are held by `crates/workflow/tests/code_examples.rs`.
#![allow(clippy::disallowed_methods, reason = "tests read and write files")]

use std::collections::BTreeSet;

mod project;

use project::command;
use rapport_rule::codes::{self, Place};
use rapport_shipped::example;
use serde_json::Value;

/// The codes `rapport check` gives for a project, and what it says.
fn codes_in(place: &Place, text: &str) -> (BTreeSet<String>, String) {
    let folder = tempfile::tempdir().unwrap();
    for source in example::project(place, text).iter() {
        let path = folder.path().join(&source.path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, &source.text).unwrap();
    }
    let mut command = command(folder.path());
    if *place == Place::Environment {
        command.envs(text.split_once('='));
    }
    let output = command.args(["check", "--format", "json"]).output().unwrap();
    let told = project::text(&output);
    let findings: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {told}"));
    (findings.iter().filter_map(|finding| finding["code"].as_str()).map(str::to_owned).collect(), told)
}

#[test]
fn every_example_of_the_machine_has_the_finding_and_put_right_it_has_not() {
    let mut wrong = Vec::new();
    for (code, _) in example::OF_THE_MACHINE {
        let page = codes::page(code).unwrap();
        let (found, told) = codes_in(&page.place, page.example);
        if found != BTreeSet::from([code.to_owned()]) {
            wrong.push(format!("{code}: {}\nhas {found:?}: {told}", page.example));
        }
        // Put right mostly means that a secret comes from the environment; that it is not set here is said.
        let (mut found, told) = codes_in(&page.place, page.put_right);
        if code != "R0552" {
            found.remove("R0552");
        }
        if !found.is_empty() {
            wrong.push(format!("{code} put right: {}\nhas {found:?}: {told}", page.put_right));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
