//! The shipped workflows pass the tests that are shipped with them.

use rapport_rule::finding::render::human;
use rapport_trial::Runner;
use rapport_workflow::compile;

#[test]
fn the_shipped_workflows_pass_their_tests() {
    let sources = rapport_shipped::sources();
    let (rulebook, findings) = compile(&sources);
    let shown: Vec<String> = findings.iter().map(|finding| human(finding, &sources)).collect();
    let rulebook = rulebook.unwrap_or_else(|| panic!("{}", shown.join("\n")));
    let report = Runner::default().run(&rulebook, None, 2);
    let failed = report.verdicts.iter().filter(|verdict| !verdict.wrong.is_empty());
    let failed: Vec<String> = failed
        .map(|verdict| format!("{} · {}\n    {}", verdict.workflow, verdict.name, verdict.wrong.join("\n    ")))
        .collect();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    assert!(!report.verdicts.is_empty());
}
