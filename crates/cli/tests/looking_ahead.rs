//! What comes, as a person asks for it: `simulate` for one partner, `upcoming` for all.
#![allow(clippy::disallowed_methods, reason = "tests of a binary work on files and the time of day")]

mod project;

use std::path::Path;

use jiff::{Timestamp, ToSpan as _, tz::TimeZone};
use serde_json::{Value, json};

use self::project::{Running, check, command, delivered_to, edit, project, rapport, text, until};

const WORKFLOW: &str = "workflows/welcome/workflow.yaml";

fn data(folder: &Path, arguments: &[&str]) -> Value {
    let output = rapport(folder, arguments);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{arguments:?}: {error}: {}", text(&output)))
}

/// Only the welcome, at any hour, with one marketing mail a week: its second mail has to wait two days for a place.
fn with_one_mail_a_week() -> tempfile::TempDir {
    let project = project();
    let folder = project.path();
    for other in std::fs::read_dir(folder.join("workflows")).unwrap().flatten() {
        if other.file_name() != "welcome" {
            std::fs::remove_dir_all(other.path()).unwrap();
        }
    }
    let rules = "config/rapport.yaml";
    edit(folder, rules, "  quiet_hours: { from: \"20:00\", to: \"08:00\", zone: partner, weekends: hold }\n", "");
    edit(folder, rules, "2 marketing per week", "1 marketing per week");
    edit(folder, WORKFLOW, "wait: 3 days", "wait: 5 days");
    project
}

/// Ada was welcomed just now; what runs is stopped again.
fn welcomed() -> (tempfile::TempDir, Timestamp) {
    let project = with_one_mail_a_week();
    let folder = project.path();
    check(folder, &["apply", "--since", "2020-01-01"], 0, &["applied"]);
    let now = Timestamp::now();
    let fields = json!({ "name": "Ada Holm", "email": "ada@blog.example", "zone": "Europe/Oslo",
        "consent": { "given": true, "source": "form", "time": now.to_string() } });
    let event = json!({ "id": "ada-1", "kind": "partner.approved", "program": "default", "partner": "ada",
        "occurred_at": now.to_string(), "data": fields });
    std::fs::write(folder.join("events.jsonl"), format!("{event}\n")).unwrap();
    let running = Running::start(command(folder), &["engine", "relay", "mailer"]);
    check(folder, &["ingest", "events.jsonl"], 0, &["1 event taken in"]);
    until("the welcome to be known as sent", || {
        text(&rapport(folder, &["explain", "ada"])).contains("waits at wait 5 days").then_some(())
    });
    drop(running);
    (project, now)
}

#[test]
fn a_partners_path_is_shown_with_its_mails_and_what_holds_them() {
    let (project, now) = welcomed();
    let folder = project.path();
    // One step has somebody at it, whichever way the workflow is drawn.
    for format in ["mermaid", "dot", "svg"] {
        let drawn = check(folder, &["graph", "welcome", "--live", "--format", format], 0, &["wait 5 days · 1 here"]);
        assert_eq!(drawn.lines().filter(|line| line.contains(" here")).count(), 1, "{drawn}");
        check(folder, &["graph", "welcome", "--format", format], 0, &["wait 5 days"]);
    }
    let before = delivered_to(folder);
    assert_eq!(before, ["ada@blog.example"]);

    let told = check(
        folder,
        &["simulate", "--partner", "ada", "--days", "30"],
        0,
        &[
            "if nothing more happens",
            "branch if links_created_total == 0  taken",
            "MAIL  welcome/first-link: ",
            "held by cap_week",
            "MAIL  welcome/need-a-hand: ",
            "TASK  for ines: Ada Holm has had no click in two weeks",
            "2 mails",
        ],
    );
    // The mails as they will read, to her.
    assert!(told.contains("      Hi Ada,"), "{told}");
    assert!(!told.contains("welcome/hello"), "what was sent does not come again: {told}");
    let brief = check(folder, &["simulate", "--partner", "ada", "--brief"], 0, &["MAIL  welcome/first-link: "]);
    assert!(!brief.contains("Hi Ada"), "{brief}");

    let path = data(folder, &["simulate", "--partner", "ada", "--days", "30", "--json"]);
    let mail = &path["mails"][0];
    assert_eq!((&mail["mail"], &mail["held_by"]), (&json!("first-link"), &json!(["cap_week"])));
    let at = |value: &Value| value.as_str().unwrap().parse::<Timestamp>().unwrap();
    let in_oslo = |at: Timestamp| at.to_zoned(TimeZone::get("Europe/Oslo").unwrap());
    let days = |at: Timestamp| (in_oslo(at).date() - in_oslo(now).date()).get_days();
    assert_eq!((days(at(&mail["due"])), days(at(&mail["at"]))), (5, 7), "{mail}");
    assert!(mail["text"].as_str().unwrap().contains("Hi Ada,"), "{mail}");

    // A shorter look tells what waits beyond it and what goes on by itself.
    let short = data(folder, &["simulate", "--partner", "ada", "--days", "2", "--json"]);
    assert_eq!((&short["mails"], &short["next"][0]["workflow"]), (&json!([]), &json!("welcome")));
    check(
        folder,
        &["simulate", "--partner", "ada", "--days", "2"],
        0,
        &["nothing comes", "next: welcome goes on from"],
    );
    let held = ["waits: welcome/first-link until ", "held by cap_week"];
    check(folder, &["simulate", "--partner", "ada", "--days", "6"], 0, &held);

    check(folder, &["simulate", "--partner", "nobody"], 1, &["there is no partner `nobody`"]);
    let slip = ["there is no workflow `welcom`", "did you mean `welcome`?"];
    check(folder, &["simulate", "welcom", "--partner", "ada"], 2, &slip);
    assert_eq!(delivered_to(folder), before, "looking ahead sends nothing");
}

#[test]
fn the_coming_days_are_listed_with_what_holds_each_mail() {
    let (project, now) = welcomed();
    let folder = project.path();
    let sent_on = now.to_zoned(TimeZone::get("Europe/Oslo").unwrap()).date();
    let day = sent_on.checked_add(7.days()).unwrap().strftime("%a %-d %b %Y").to_string();
    let says = [format!("{day}  1 mail"), "  welcome/first-link  ada  held by cap_week".into()];
    let says: Vec<&str> = says.iter().map(String::as_str).collect();
    check(folder, &["upcoming", "--days", "9"], 0, &says);
    check(folder, &["upcoming", "--days", "9"], 0, &["1 mail in 9 days, if nothing more happens"]);
    check(folder, &["upcoming", "--days", "9"], 0, &["not foreseen: the pace of each mailbox provider"]);

    let says = ["beyond these 6 days  1 mail", "welcome/first-link  ada  held by cap_week", "0 mails in 6 days"];
    check(folder, &["upcoming", "--days", "6"], 0, &says);
    let soon = check(folder, &["upcoming", "--days", "2"], 0, &["0 mails in 2 days"]);
    assert!(!soon.contains("ada"), "{soon}");

    let all = data(folder, &["upcoming", "--days", "30", "--json"]);
    let told = |number: usize| ["partner", "mail", "held_by", "waits_longer"].map(|name| all[number][name].clone());
    assert_eq!(told(0), [json!("ada"), json!("first-link"), json!(["cap_week"]), json!(false)]);
    assert_eq!(told(1), [json!("ada"), json!("need-a-hand"), json!([]), json!(false)]);
    assert_eq!(all[0]["not_foreseen"], json!(["pace"]), "no domain is being warmed up");
    assert_eq!(all.as_array().unwrap().len(), 2, "{all}");
    assert_eq!(data(folder, &["upcoming", "--days", "30", "--workflow", "welcome", "--json"]), all);
    let says = ["no workflow `welcom` is in force", "did you mean `welcome`?"];
    check(folder, &["upcoming", "--workflow", "welcom"], 2, &says);
    assert_eq!(delivered_to(folder).len(), 1, "looking ahead sends nothing");
}

#[test]
fn a_sample_partner_shows_a_workflow_before_anything_is_applied() {
    let project = project();
    let folder = project.path();
    let says = [
        "a sample partner  as in the test \"who makes no link and gets no click is helped twice, then called\"",
        "waits wait 3 days",
        "branch if links_created_total == 0  taken",
        "MAIL  welcome/first-link: ",
        "      Hi Ada,",
        "MAIL  welcome/need-a-hand: ",
        "TASK  for ines: Ada Holm has had no click in two weeks",
        "3 mails",
    ];
    check(folder, &["simulate", "welcome", "--test", "who makes no link"], 0, &says);
    check(folder, &["simulate", "welcom"], 2, &["there is no workflow `welcom`", "did you mean `welcome`?"]);
    check(folder, &["simulate", "welcome", "--test", "no such"], 2, &["no test of `welcome` makes a sample partner"]);
    check(folder, &["simulate"], 2, &["of whom?", "--partner"]);
    assert!(!folder.join("rapport.db").exists(), "no store is made by looking");
}
