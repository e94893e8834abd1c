//! What was recorded, played again: the same under the same files, and never the same under another policy.
#![allow(clippy::disallowed_methods, reason = "tests of a binary work on files")]

mod project;

use std::path::Path;

use serde_json::Value;

use self::project::rapport;

fn backtest(folder: &Path, more: &[&str]) -> (Value, Option<i32>) {
    let arguments = [&["--dir", "demo", "backtest", "--last", "400d", "--json"], more].concat();
    let output = rapport(folder, &arguments);
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(!output.stdout.is_empty(), "{told}");
    (serde_json::from_slice(&output.stdout).unwrap(), output.status.code())
}

/// Rules of policy and of workflows, each taken out by an edit: what is replaced, and by what.
const RULES: [(&str, &str, &str, &str); 7] = [
    (
        "caps",
        "config/rapport.yaml",
        "at_most: [2 marketing per week, 1 of any kind per day]",
        "at_most: [9 marketing per week, 9 of any kind per day]",
    ),
    (
        "quiet hours",
        "config/rapport.yaml",
        "quiet_hours: { from: \"20:00\", to: \"08:00\", zone: partner, weekends: hold }",
        "quiet_hours: { from: \"02:00\", to: \"02:01\", zone: partner, weekends: send }",
    ),
    (
        "an entry condition",
        "workflows/re-engagement/workflow.yaml",
        "if: [conversions_total >= 1,",
        "if: [conversions_total >= 60,",
    ),
    ("consent", "config/rapport.yaml", "  onboarding:\n", "  onboarding:\n    basis: contract\n"),
    (
        "a stop",
        "workflows/re-engagement/workflow.yaml",
        "stop_when: [dip.conversions.recovered, silence.conversions.ended]",
        "stop_when: [payout.failed]",
    ),
    ("a wait", "workflows/welcome/workflow.yaml", "wait: 3 days", "wait: 4 days"),
    ("the holdout", "workflows/re-engagement/workflow.yaml", "share: 10%", "share: 60%"),
];

#[test]
fn the_same_files_bring_the_same_and_every_rule_shows_when_it_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let played =
        rapport(folder, &["demo", "--dir", "demo", "--partners", "40", "--days", "90", "--json", "--no-console"]);
    assert!(played.status.success(), "{}", String::from_utf8_lossy(&played.stderr));

    let (same, code) = backtest(folder, &[]);
    assert_eq!((&same["same_as_live"], code), (&Value::Bool(true), Some(0)), "{}", same["difference"]);
    let mails = same["mails"].as_array().unwrap().len();
    assert!(mails > 20, "{mails} mails");

    let (_, code) = backtest(folder, &["--max-mails", "3", "--max-per-partner", "1"]);
    assert_eq!(code, Some(1), "limits end a build");

    for (rule, file, was, is) in RULES {
        let path = folder.join("demo").join(file);
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains(was), "{rule}: {file} has no `{was}`");
        std::fs::write(&path, text.replace(was, is)).unwrap();
        let (edited, _) = backtest(folder, &[]);
        std::fs::write(&path, text).unwrap();
        assert_eq!(edited["same_as_live"], false, "{rule} is out, and nothing is different");
    }
}
