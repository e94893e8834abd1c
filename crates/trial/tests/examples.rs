//! Every example of `docs/workflow-language.md` compiles, and its tests pass.
#![allow(clippy::disallowed_methods, reason = "tests read the files they are about")]

mod tried;

use rapport_rule::finding::render::human;
use rapport_shipped::root;
use rapport_trial::Runner;
use rapport_workflow::compile;

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
        let sources = tried::sources(format!("{head}{workflow}"), format!("{given}tests:\n{tests}"));
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
