//! The first weeks of a programme: what nobody told of partners who were there before is not taken for nothing, wherever it is asked for.
#![allow(clippy::disallowed_methods, reason = "tests read and write files")]

mod project;

use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use project::{check, project};
use serde_json::{Value, json};

/// Some minutes into the n-th day of the programme.
fn at(day: i64, minute: i64) -> Timestamp {
    let began: Timestamp = "2024-06-01T00:00:00Z".parse().unwrap();
    began + SignedDuration::from_mins(day * 1_440 + minute)
}

/// What trackers tell in so many days: `big` and `ada` were partners for years, `nina` joined on the 30th day. All sell every day; from
/// the 49th on `ada` sells three times as much.
fn told(days: i64) -> String {
    let mut lines: Vec<String> = Vec::new();
    let mut tell = |partner: &str, kind: &str, at: Timestamp, data: Value| {
        let line = json!({ "id": format!("e{}", lines.len()), "kind": kind, "program": "default", "partner": partner,
            "occurred_at": at.to_string(), "data": data });
        lines.push(line.to_string());
    };
    for partner in ["big", "ada"] {
        tell(partner, "partner.approved", at(0, 360), json!({ "approved_at": "2019-05-01T00:00:00Z" }));
    }
    for day in 0..days {
        if day == 30 {
            tell("nina", "partner.approved", at(day, 480), json!({}));
        }
        let adas = if day < 49 { 1_000 } else { 3_000 };
        for (partner, amount) in [("big", 100_000), ("ada", adas), ("nina", 1_000)] {
            if partner != "nina" || day >= 30 {
                let sale = json!({ "conversion_id": format!("{partner}-{day}"), "status": "approved", "amount": amount,
                    "commission": amount / 10, "currency": "EUR" });
                tell(partner, "conversion", at(day, 600), sale);
            }
        }
    }
    // A replay ends with the day of its last event.
    tell("ada", "login", at(days - 1, 1_430), json!({}));
    lines.join("\n")
}

/// A project that was told of so many days.
fn after(days: i64) -> tempfile::TempDir {
    let project = project();
    let folder = project.path();
    // What workflows would do is not looked at.
    std::fs::remove_dir_all(folder.join("workflows")).unwrap();
    std::fs::create_dir(folder.join("workflows")).unwrap();
    std::fs::write(folder.join("log.jsonl"), told(days)).unwrap();
    check(folder, &["ingest", "log.jsonl", "--clock", "replay"], 0, &[]);
    project
}

/// A partner's figures by name.
fn figures(folder: &Path, partner: &str, names: &[&str]) -> Vec<Value> {
    let arguments: Vec<&str> =
        ["report", "--partners", "--format", "json"].into_iter().chain(names.iter().copied()).collect();
    let report: Value = serde_json::from_str(&check(folder, &arguments, 0, &[])).unwrap();
    let row = report["rows"].as_array().unwrap().iter().find(|row| row["partner"] == partner).unwrap().clone();
    names.iter().map(|name| row["figures"][*name].clone()).collect()
}

/// The programme's growth and churn.
fn of_program(folder: &Path) -> Vec<Value> {
    let arguments = ["report", "--format", "json", "revenue_growth_28d", "churn_rate_28d"];
    let report: Value = serde_json::from_str(&check(folder, &arguments, 0, &[])).unwrap();
    report["rows"].as_array().unwrap().iter().map(|row| row["values"]["all"].clone()).collect()
}

const COMPARED: [&str; 4] =
    ["revenue_28d_before", "active_days_28d_before", "revenue_growth_28d", "conversions_growth_28d"];

#[test]
fn nobody_rises_because_nobody_told_of_the_weeks_before() {
    let project = after(39);
    let folder = project.path();
    check(folder, &["segment", "rising"], 0, &["0 partners in rising"]);
    check(
        folder,
        &["segment", "rising", "ada"],
        0,
        &["is not in rising", "? revenue_28d > 1.3 * revenue_28d_before (270.00 EUR, ?: before rapport listened)"],
    );
    check(folder, &["segment", "core", "ada"], 0, &["is in core"]);
    assert_eq!(figures(folder, "ada", &COMPARED), [Value::Null, Value::Null, Value::Null, Value::Null]);
    // Of who joined since it is known that there was nothing.
    let [before, days, growth, _] = <[Value; 4]>::try_from(figures(folder, "nina", &COMPARED)).unwrap();
    assert_eq!((before["minor"].as_i64(), days.as_i64(), growth), (Some(0), Some(0), Value::Null));
    assert_eq!(of_program(folder), [Value::Null, Value::Null]);
    check(folder, &["report", "--partners", "conversions_28d", "revenue_growth_28d"], 0, &["27", "?"]);
    check(folder, &["report", "--save"], 0, &["figures of 3 partners"]);
}

#[test]
fn who_rises_once_the_weeks_before_are_known_is_told() {
    let project = after(75);
    let folder = project.path();
    check(folder, &["segment", "rising"], 0, &["ada", "1 partner in rising"]);
    let [before, days, growth, conversions] = <[Value; 4]>::try_from(figures(folder, "ada", &COMPARED)).unwrap();
    assert_eq!((before["minor"].as_i64(), days.as_i64()), (Some(28_000), Some(28)));
    assert!(growth.as_f64().unwrap() > 100.0 && conversions.as_f64().unwrap() < 0.0, "{growth}, {conversions}");
    let all = of_program(folder);
    assert!(all[0].as_f64().is_some() && all[1].as_f64() == Some(0.0), "{all:?}");
}
