//! What `rapport explain` says of workflows that did not begin: played forward with nothing happening but time, it is so.
#![allow(clippy::disallowed_methods, reason = "tests of a binary work on files")]

mod project;

use std::collections::BTreeMap;
use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use self::project::rapport;

/// Time passes for so long; promises reach further.
const DAYS: i64 = 40;

fn data(folder: &Path, arguments: &[&str]) -> Value {
    let output = rapport(folder, &[&["--dir", "demo"], arguments].concat());
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn instant(value: &Value) -> Option<Timestamp> {
    value.as_str().and_then(|text| text.parse().ok())
}

/// When journeys of a workflow began from an instant on, and by which kind of event.
fn began(told: &Value, workflow: &str, from: Timestamp) -> Vec<(Timestamp, String)> {
    let of_it = told["journeys"].as_array().unwrap().iter().filter(|journey| journey["workflow"] == *workflow);
    let began = of_it.filter_map(|journey| {
        Some((instant(&journey["started_at"])?, journey["trigger"]["kind"].as_str().unwrap_or_default().to_owned()))
    });
    let mut began: Vec<_> = began.filter(|(at, _)| *at >= from).collect();
    began.sort();
    began
}

/// What each day's close judges over everybody: no look ahead at one partner knows it, and `explain` says so.
fn is_judged(kind: &str) -> bool {
    ["dip.", "silence.", "health.", "dropped_to", "goal.", "win.", "program."]
        .iter()
        .any(|begin| kind.starts_with(begin))
}

#[test]
fn what_is_promised_comes_when_only_time_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let partners = 60;
    let count = partners.to_string();
    let played =
        rapport(folder, &["demo", "--dir", "demo", "--partners", &count, "--days", "100", "--json", "--no-console"]);
    assert!(played.status.success(), "{}", String::from_utf8_lossy(&played.stderr));
    let ids = data(folder, &["report", "--partners", "--format", "json", "--limit", "1000"]);
    let ids: Vec<String> =
        ids["rows"].as_array().unwrap().iter().map(|row| row["partner"].as_str().unwrap().to_owned()).collect();
    assert!(ids.len() > partners / 2, "{} partners", ids.len());

    let before: BTreeMap<&String, Value> =
        ids.iter().map(|id| (id, data(folder, &["explain", id, "--json"]))).collect();
    let told_at = before.values().filter_map(|told| instant(&told["as_of"])).max().unwrap();
    let later = told_at + SignedDuration::from_hours(24 * DAYS);
    let event = json!({ "id": "much-later", "kind": "login", "program": "default", "partner": "nobody-else",
        "occurred_at": later.to_string(), "data": {} });
    std::fs::write(folder.join("later.jsonl"), format!("{event}\n")).unwrap();
    let file = folder.join("later.jsonl");
    let file = file.to_str().unwrap();
    let passed = rapport(folder, &["--dir", "demo", "ingest", "--clock", "replay", file]);
    assert!(passed.status.success(), "{}", String::from_utf8_lossy(&passed.stderr));

    let (mut kept, mut silent) = (0, 0);
    for (id, told) in &before {
        let after = data(folder, &["explain", id, "--json"]);
        for refusal in told["refusals"].as_array().unwrap() {
            let workflow = refusal["workflow"].as_str().unwrap();
            let came: Vec<_> =
                began(&after, workflow, told_at).into_iter().filter(|(_, kind)| !is_judged(kind)).collect();
            match instant(&refusal["would_begin_at"]).filter(|at| *at < later) {
                Some(promised) => {
                    // What a judged day began meanwhile may stand in its way.
                    let in_the_way =
                        began(&after, workflow, told_at).iter().any(|(at, kind)| is_judged(kind) && *at <= promised);
                    assert!(
                        in_the_way || came.first().is_some_and(|(at, _)| *at == promised),
                        "{id}/{workflow}: {promised}, came {came:?}"
                    );
                    kept += 1;
                }
                None => {
                    assert!(
                        came.iter().all(|(at, _)| *at >= later),
                        "{id}/{workflow}: nothing was promised, came {came:?}"
                    );
                    silent += 1;
                }
            }
        }
    }
    println!("{kept} promises kept, {silent} times nothing was foreseen and nothing came");
    assert!(kept > 0 && silent > 50, "{kept} kept, {silent} silent");
}

#[test]
fn a_decision_of_the_past_is_told_as_it_was_taken() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let played =
        rapport(folder, &["demo", "--dir", "demo", "--partners", "20", "--days", "60", "--json", "--no-console"]);
    assert!(played.status.success(), "{}", String::from_utf8_lossy(&played.stderr));
    let ids = data(folder, &["report", "--partners", "--format", "json", "--limit", "100"]);
    let ids: Vec<&str> = ids["rows"].as_array().unwrap().iter().map(|row| row["partner"].as_str().unwrap()).collect();

    let (mut same, mut began) = (0, 0);
    for id in ids.iter().take(4) {
        let now = data(folder, &["explain", id, "--json"]);
        // The last refusal of each workflow is kept: seen from its instant it is the last one, too.
        let Some(refusal) = now["refusals"].as_array().unwrap().iter().max_by_key(|refusal| instant(&refusal["at"]))
        else {
            continue;
        };
        let at = refusal["at"].as_str().unwrap();
        let then = data(folder, &["explain", id, "--at", at, "--json"]);
        let told = |told: &Value| -> Vec<Value> {
            let all = told["refusals"].as_array().unwrap().iter();
            all.map(|refusal| json!([refusal["workflow"], refusal["at"], refusal["code"], refusal["clauses"]]))
                .collect()
        };
        let wanted = json!([refusal["workflow"], refusal["at"], refusal["code"], refusal["clauses"]]);
        assert!(told(&then).contains(&wanted), "{id} at {at}: {wanted} is not among {:?}", told(&then));
        same += 1;

        // Half way: what had been refused by then, and begun since, says when.
        let first =
            now["journeys"].as_array().unwrap().iter().filter_map(|journey| instant(&journey["started_at"])).min();
        let Some(first) = first else { continue };
        let middle = first + SignedDuration::from_hours(24 * 10);
        let then = data(folder, &["explain", id, "--at", &middle.to_string(), "--json"]);
        for refusal in then["refusals"].as_array().unwrap() {
            let workflow = refusal["workflow"].as_str().unwrap();
            let live = now["journeys"].as_array().unwrap().iter().filter(|journey| journey["workflow"] == *workflow);
            let since = live.filter_map(|journey| instant(&journey["started_at"])).filter(|at| *at > middle).min();
            assert_eq!(instant(&refusal["began_at"]), since, "{id}/{workflow}");
            began += usize::from(since.is_some());
        }
    }
    println!("{same} decisions the same, {began} that came later");
    assert!(same >= 3, "{same}");
    let future = rapport(folder, &["--dir", "demo", "explain", ids[0], "--at", "2099-01-01"]);
    assert_eq!(future.status.code(), Some(2), "{}", String::from_utf8_lossy(&future.stderr));
}
