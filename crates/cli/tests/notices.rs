//! `rapport notices` on a programme whose commission changed: who was told, what proves it, who acknowledged, who is missing.
#![allow(clippy::disallowed_methods, reason = "tests of a binary work on files and the time of day")]

mod project;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use self::project::{check, project, rapport};

/// Days after forty days ago, so that everything is over and nothing too old.
fn at(days: i64) -> Timestamp {
    Timestamp::now() - SignedDuration::from_hours(24 * (40 - days))
}

fn event(kind: &str, partner: &str, day: i64, data: Value) -> String {
    json!({ "id": format!("{kind}-{partner}"), "kind": kind, "program": "default", "partner": partner,
        "occurred_at": at(day).to_string(), "data": data })
    .to_string()
}

fn changed(partner: &str) -> String {
    let from = at(60).strftime("%Y-%m-%d").to_string();
    let rates =
        json!({ "notice": "=n1", "from": from, "old_rate": 10, "new_rate": 7.25, "url": "https://acme.example/rates" });
    event("commission.changed", partner, 2, rates)
}

#[test]
fn who_has_to_know_is_listed_with_what_proves_it() {
    let project = project();
    let folder = project.path();
    let approved = |partner: &str, data: Value| event("partner.approved", partner, 0, data);
    let reached = |partner: &str| json!({ "email": format!("{partner}@blog.example"), "zone": "Europe/Oslo" });
    let answer = json!({ "survey": "acknowledge-commission", "answer": "seen", "notice": "=n1" });
    let log = [
        approved("ada", reached("ada")),
        approved("bob", json!({ "zone": "Europe/Oslo" })),
        approved("eve", reached("eve")),
        changed("ada"),
        changed("bob"),
        changed("eve"),
        event("survey.answered", "ada", 6, answer),
        event("login", "ada", 30, json!({})),
    ];
    std::fs::write(folder.join("events.jsonl"), log.join("\n") + "\n").unwrap();
    check(folder, &["ingest", "--clock", "replay", "events.jsonl"], 0, &["8 events taken in, 0 refused"]);

    let says = ["notice-of-commission", "default/ada", "capture: captured as", "not reached: no address", "3 notices"];
    let told = check(folder, &["notices"], 0, &says);
    assert!(told.contains("1 acknowledged, 1 waiting, 1 not reached"), "{told}");
    assert!(told.contains("notice-of-terms") && told.contains("0 notices"), "{told}");
    assert!(!told.contains("blog.example"), "nobody's address is shown: {told}");

    let output = rapport(folder, &["notices", "notice-of-commission", "--format", "json"]);
    let all: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(all.as_array().unwrap().len(), 1);
    let totals = ["acknowledged", "waiting", "no_address"].map(|state| all[0]["totals"][state].as_i64());
    assert_eq!(totals, [Some(1); 3], "{all}");
    let of =
        |partner: &str| all[0]["partners"].as_array().unwrap().iter().find(|row| row["partner"] == partner).unwrap();
    let (ada, bob, eve) = (of("ada"), of("bob"), of("eve"));
    let states = [ada, bob, eve].map(|row| row["state"].as_str().unwrap());
    assert_eq!(states, ["acknowledged", "no_address", "waiting"]);
    assert_eq!([ada, bob, eve].map(|row| row["missing"].as_bool().unwrap()), [false, true, true]);
    assert!(ada["acknowledged_at"].is_string() && ada["reminded_at"].is_null(), "{ada}");
    assert!(eve["acknowledged_at"].is_null() && eve["reminded_at"].is_string(), "{eve}");
    assert!(bob["sent_at"].is_null(), "{bob}");
    assert_eq!(ada["mails"][0]["reply"]["relay"], "capture");
    assert_eq!(eve["mails"].as_array().unwrap().len(), 2);

    let told = check(folder, &["notices", "--missing"], 0, &["default/bob", "default/eve", "3 notices"]);
    assert!(!told.contains("default/ada"), "{told}");
    let csv = check(folder, &["notices", "--format", "csv", "--missing"], 0, &["workflow,program,partner,notice"]);
    assert_eq!(csv.lines().count(), 3, "{csv}");
    // What trackers call a change is no formula.
    assert!(csv.contains(",eve,'=n1,"), "{csv}");
    check(folder, &["explain", "ada"], 0, &["accepted by capture"]);
    check(folder, &["notices", "notice-of-comission"], 2, &["did you mean `notice-of-commission`?"]);
    check(folder, &["notices", "welcome"], 2, &["`welcome` is no notice"]);

    // Whoever takes the folder away when the change is made can still tell who knew.
    std::fs::remove_dir_all(folder.join("workflows/notice-of-commission")).unwrap();
    // It plays that notice beside its own workflow.
    std::fs::remove_file(folder.join("workflows/quarterly-review/tests.yaml")).unwrap();
    check(folder, &["apply", "--by", "kari", "--approved-by", "ines"], 0, &["applied"]);
    let says = ["notice-of-commission", "not in the files any more", "default/ada", "3 notices"];
    let told = check(folder, &["notices"], 0, &says);
    assert!(told.contains("1 acknowledged, 1 waiting, 1 not reached"), "{told}");
    check(folder, &["notices", "notice-of-commission", "--missing"], 0, &["default/bob", "default/eve"]);
}
