//! Every example of `docs/workflow-language.md` compiles, and its tests pass.
#![allow(clippy::disallowed_methods, reason = "tests read the files they are about")]

use std::path::{Path, PathBuf};

use rapport_rule::finding::render::human;
use rapport_rule::{Source, Sources};
use rapport_trial::Runner;
use rapport_workflow::compile;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(folder: &Path, sources: &mut Sources) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            read(&path, sources);
        } else {
            let name = path.strip_prefix(root()).unwrap().to_str().unwrap().replace('\\', "/");
            sources.add(Source::new(name, std::fs::read_to_string(&path).unwrap()));
        }
    }
}

/// The fenced blocks of the page: what stands behind the fence, and the text.
fn blocks(page: &str) -> Vec<(String, String)> {
    let mut all = Vec::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        if let Some(what) = line.strip_prefix("```yaml") {
            let text: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            all.push((what.trim().to_owned(), text.join("\n") + "\n"));
        }
    }
    all
}

#[test]
fn the_examples_of_the_language_do_what_they_say() {
    let page = std::fs::read_to_string(root().join("docs/workflow-language.md")).unwrap();
    let blocks = blocks(&page);
    let one = |what: &str| blocks.iter().find(|(of, _)| of == what).map(|(_, text)| text.clone()).unwrap();
    let (head, given) = (one("head"), one("given"));
    let runner = Runner::default();
    let mut wrong = Vec::new();
    let mut played = 0;
    for pair in blocks.windows(2) {
        let [(kind, workflow), (tests_kind, tests)] = pair else { continue };
        if !kind.is_empty() || tests_kind != "tests" {
            continue;
        }
        let mut sources = Sources::new();
        read(&root().join("config"), &mut sources);
        read(&root().join("workflows/let-go-review"), &mut sources);
        sources.add(Source::new("workflows/tried/workflow.yaml", format!("{head}{workflow}")));
        sources.add(Source::new("workflows/tried/tests.yaml", format!("{given}tests:\n{tests}")));
        for mail in ["hello", "later"].into_iter().filter(|mail| workflow.contains(mail)) {
            let text = format!("---\nsubject: {mail}\n---\nGood morning.\n");
            sources.add(Source::new(format!("workflows/tried/{mail}.mail.md"), text));
        }
        for day in ["2026-02-09", "2026-02-23"].into_iter().filter(|_| workflow.contains("email: issue")) {
            let text = format!("---\nsubject: News of {day}\n---\nGood morning.\n");
            sources.add(Source::new(format!("workflows/tried/issue-{day}.mail.md"), text));
        }
        let (rulebook, findings) = compile(&sources);
        let Some(mut rulebook) = rulebook else {
            let shown: Vec<String> = findings.iter().map(|finding| human(finding, &sources)).collect();
            wrong.push(format!("{workflow}{}", shown.join("\n")));
            continue;
        };
        rulebook.trials.retain(|id, _| **id == *"tried");
        let report = runner.run(&rulebook, None, 2);
        assert!(!report.verdicts.is_empty(), "{workflow}");
        played += report.verdicts.len();
        let failed = report.verdicts.iter().filter(|verdict| !verdict.wrong.is_empty());
        wrong.extend(
            failed.map(|verdict| format!("{workflow}· {}\n    {}", verdict.name, verdict.wrong.join("\n    "))),
        );
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(played >= 30, "{played}");
}
