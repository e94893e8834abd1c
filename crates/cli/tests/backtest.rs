//! What was recorded, played again: the same under the same files, and never the same under another policy.
#![allow(clippy::disallowed_methods, reason = "tests of a binary work on files")]

mod project;

use std::path::Path;

use jiff::civil::Date;
use jiff::{ToSpan as _, tz::TimeZone};
use serde_json::{Value, json};

use self::project::{check, rapport};

fn backtest(folder: &Path, more: &[&str]) -> (Value, Option<i32>) {
    backtest_of(folder, "400d", more)
}

fn backtest_of(folder: &Path, last: &str, more: &[&str]) -> (Value, Option<i32>) {
    let arguments = [&["--dir", "demo", "backtest", "--last", last, "--json"], more].concat();
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

/// Days of the year's end, with partners who are new, what they sell and take back, replies, and records that come twice.
fn year_end(from: Date, days: i64) -> String {
    let at = |day: i64, hour: i64| {
        let midnight = from.saturating_add(day.days()).to_zoned(TimeZone::UTC).unwrap().timestamp();
        (midnight + jiff::SignedDuration::from_hours(hour)).to_string()
    };
    let mut lines = Vec::new();
    let mut tell = |day, hour, kind: &str, id: String, partner: &str, data: Value| {
        let at = at(day, hour);
        let line = json!({
            "id": id, "kind": kind, "program": "default", "partner": partner, "occurred_at": at, "data": data,
        });
        lines.push((at, line.to_string()));
    };
    for number in 0..8_i64 {
        let partner = format!("late-comer-{number}");
        let consent = json!({ "source": "sign-up form", "wording": "v1" });
        let person = json!({ "name": format!("Comer {number}"), "email": format!("comer-{number}@mail.example"),
            "language": if number % 2 == 0 { "en" } else { "de" }, "zone": "Europe/Oslo", "type": "content", "consent": consent });
        tell(number, 6, "partner.approved", format!("approved-{number}"), &partner, person);
        for day in (number + 1..days).step_by(1 + number as usize) {
            let sale = |status: &str, at: i64| {
                json!({ "conversion_id": format!("y-{number}-{day}"), "status": status, "amount": 4000 + at, "currency": "EUR",
                    "lines": [{ "sku": "Tent", "amount": 4000 + at }] })
            };
            tell(day, 9, "conversion", format!("y-{number}-{day}-p"), &partner, sale("pending", day));
            let status = if day % 5 == 0 { "reversed" } else { "approved" };
            // Trackers that tell again mean the same.
            for hour in [10, 12].into_iter().take(1 + usize::from(day % 7 == 0)) {
                tell(
                    (day + 3).min(days),
                    hour,
                    "conversion",
                    format!("y-{number}-{day}-{status}"),
                    &partner,
                    sale(status, day),
                );
            }
        }
        if number % 3 == 0 {
            tell(number + 9, 15, "mail.received", format!("reply-{number}"), &partner, json!({}));
        }
    }
    lines.sort();
    lines.into_iter().map(|(_, line)| line + "\n").collect()
}

/// A year with an outage, unsubscribes, replies, reversals and records told late or twice (the demo's), an edit, and what came after.
#[test]
fn a_year_with_an_edit_comes_out_as_it_did_and_the_edit_shows_where_it_was_not() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    // Of this seed some unsubscribe.
    let year = ["demo", "--dir", "demo", "--seed", "3", "--partners", "45", "--days", "300", "--json", "--no-console"];
    let played = rapport(folder, &year);
    assert!(played.status.success(), "{}", String::from_utf8_lossy(&played.stderr));
    let told: Value = serde_json::from_slice(&played.stdout).unwrap();
    assert!(told["dips"]["outage"].is_object(), "{told}");
    let mails = std::fs::read_dir(folder.join("demo/mails/new")).unwrap().count();
    assert!(mails > 150, "{mails} mails");
    check(folder, &["--dir", "demo", "explain", "maria-nguyen"], 0, &["unsubscribe"]);
    let (same, _) = backtest(folder, &[]);
    assert_eq!(same["same_as_live"], true, "{}", same["difference"]);

    let path = folder.join("demo/workflows/follow-up/workflow.yaml");
    let text = std::fs::read_to_string(&path).unwrap();
    let edited = text.replace("for: 3 weeks", "for: 1 week");
    assert_ne!(text, edited);
    std::fs::write(&path, edited).unwrap();
    check(folder, &["--dir", "demo", "apply"], 0, &[]);

    let until: Date = told["to"].as_str().unwrap().parse().unwrap();
    std::fs::write(folder.join("year-end.jsonl"), year_end(until.saturating_add(1.day()), 62)).unwrap();
    check(folder, &["--dir", "demo", "ingest", "--clock", "replay", "year-end.jsonl"], 0, &[" 0 refused"]);

    let (same, _) = backtest_of(folder, "60d", &[]);
    assert_eq!(same["same_as_live"], true, "{}", same["difference"]);
    let mails = same["mails"].as_array().unwrap();
    assert!(mails.iter().any(|mail| mail["workflow"] == "follow-up"), "{mails:?}");
    // Before the edit three weeks were waited: there the files of today show another past.
    let (other, _) = backtest_of(folder, "400d", &["follow-up"]);
    assert_eq!(other["same_as_live"], false);
    std::fs::write(&path, text).unwrap();
    let (unedited, _) = backtest_of(folder, "60d", &["follow-up"]);
    assert_eq!(unedited["same_as_live"], false, "the edit is out, and nothing is different");
}
