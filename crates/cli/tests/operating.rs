//! Changing and steering what runs, as a person does: plan, apply, pause, hold, incident, journey.
#![allow(clippy::disallowed_methods, reason = "tests of a binary work on files")]

mod project;

use std::path::Path;
use std::process::Command;

use self::project::{Running, delivered_to, edit, project, text};

/// As a person whose name is known.
fn command(folder: &Path) -> Command {
    let mut command = project::command(folder);
    command.env("RAPPORT_USER", "kari");
    command
}

#[track_caller]
fn check(folder: &Path, arguments: &[&str], code: i32, says: &[&str]) -> String {
    project::told(&command(folder).args(arguments).output().unwrap(), arguments, code, says)
}

fn data(folder: &Path, arguments: &[&str]) -> serde_json::Value {
    let output = command(folder).args(arguments).output().unwrap();
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{arguments:?}: {error}: {}", text(&output)))
}

const WELCOME: &str = "workflows/welcome/workflow.yaml";

#[test]
fn service_mail_needs_a_second_person_and_every_apply_is_noted() {
    let project = project();
    let folder = project.path();
    let says = ["this changes service mail (", "let-go-review", "nobody has approved it", "--approved-by"];
    check(folder, &["apply"], 2, &says);
    check(folder, &["apply", "--by", "Kari", "--approved-by", "kari "], 2, &["cannot be the one who approves"]);
    check(folder, &["apply", "--approved-by", "ines"], 0, &["applied", "welcome"]);
    // What concerns no service mail needs nobody else.
    edit(folder, WELCOME, "wait: 3 days", "wait: 4 days");
    check(folder, &["apply"], 0, &["applied"]);
    let log = data(folder, &["apply", "--history", "--json"]);
    let lines: Vec<_> =
        log.as_array().unwrap().iter().map(|line| (line["done"].clone(), line["approved_by"].clone())).collect();
    let null = serde_json::Value::Null;
    assert_eq!(
        lines,
        [
            (true.into(), null.clone()),
            (true.into(), "ines".into()),
            (false.into(), "kari ".into()),
            (false.into(), null)
        ]
    );
    check(
        folder,
        &["apply", "--history"],
        0,
        &["by kari, approved by ines", "REFUSED", "service mail: ", "let-go-review"],
    );
}

#[test]
fn notices_become_urgent_when_a_second_person_agrees() {
    let project = project();
    let folder = project.path();
    check(folder, &["apply", "--approved-by", "ines"], 0, &["applied"]);
    let notice = "  payouts:\n    service: true\n";
    edit(folder, "config/rapport.yaml", notice, &format!("{notice}    urgent: true\n"));
    check(folder, &["apply"], 2, &["this changes service mail (", "payout", "--approved-by"]);
    check(folder, &["apply", "--approved-by", "ines"], 0, &["applied"]);
    edit(folder, "config/rapport.yaml", "  news:\n", "  news:\n    urgent: true\n");
    check(folder, &["check"], 2, &["R0539", "Take `urgent` out"]);
}

#[test]
fn a_plan_is_shown_kept_and_refused_when_it_is_stale() {
    let project = project();
    let folder = project.path();
    let says = ["nothing is applied yet", "welcome", "new", "follow-up", "Service mail changes (", "let-go-review"];
    check(folder, &["plan"], 0, &says);
    check(folder, &["plan", "--detailed-exitcode", "--out", "first.plan"], 3, &["rapport apply first.plan"]);
    check(folder, &["apply", "first.plan", "--approved-by", "ines"], 0, &["applied"]);
    check(folder, &["plan", "--detailed-exitcode"], 0, &["nothing would change"]);
    edit(folder, WELCOME, "wait: 3 days", "wait: 4 days");
    let plan = data(folder, &["plan", "--json", "--out", "second.plan"]);
    assert_eq!(plan["workflows"][0]["id"], "welcome");
    assert_eq!(plan["workflows"][0]["change"], "steps");
    edit(folder, WELCOME, "wait: 4 days", "wait: 5 days");
    check(folder, &["apply", "second.plan"], 2, &["the plan is stale", "rapport plan"]);
    check(folder, &["apply", plan["id"].as_str().unwrap()], 2, &["the plan is stale"]);
    edit(folder, WELCOME, "wait: 5 days", "wait: 4 days");
    check(folder, &["apply", "second.plan"], 0, &["applied"]);
    // What runs is another thing now: the same plan is over.
    edit(folder, WELCOME, "wait: 4 days", "wait: 8 days");
    check(folder, &["plan", "--out", "third.plan"], 0, &[]);
    edit(folder, WELCOME, "wait: 8 days", "wait: 9 days");
    check(folder, &["apply"], 0, &["applied"]);
    edit(folder, WELCOME, "wait: 9 days", "wait: 8 days");
    check(folder, &["apply", "third.plan"], 2, &["the plan is stale"]);
    check(folder, &["apply", "nowhere.plan"], 2, &["there is no plan `nowhere.plan`"]);
    std::fs::write(folder.join("odd.plan"), "[]").unwrap();
    check(folder, &["apply", "odd.plan"], 2, &["odd.plan is no plan"]);
    edit(folder, WELCOME, "once: per partner", "onec: per partner");
    check(folder, &["plan"], 2, &["R0101", "nothing was changed"]);
}

#[test]
fn pauses_are_listed_and_end() {
    let project = project();
    let folder = project.path();
    check(folder, &["pause", "welcome", "--because", "x"], 1, &["nothing is applied yet"]);
    check(folder, &["apply", "--approved-by", "ines"], 0, &[]);
    check(folder, &["pause"], 0, &["nothing is paused"]);
    check(folder, &["pause", "welcome"], 2, &["say why"]);
    check(folder, &["pause", "welcom", "--because", "x"], 2, &["no workflow `welcom`", "did you mean `welcome`?"]);
    check(folder, &["pause", "welcome", "--because", "x", "--until", "yesterday"], 2, &["`yesterday` is no time"]);
    check(folder, &["pause", "welcome", "--because", "x", "--until", "2020-01-01"], 2, &["is over"]);
    check(folder, &["pause", "welcome", "--because", "a wrong price"], 0, &["mail of `welcome` waits", "--end"]);
    check(folder, &["pause", "welcome", "--provider", "gogle", "--because", "x"], 2, &["did you mean `google`?"]);
    check(folder, &["pause", "all", "--provider", "google", "--because", "x"], 2, &["workflow by workflow"]);
    let google = ["pause", "welcome", "--provider", "google"];
    check(
        folder,
        &[&google[..], &["--because", "complaints"]].concat(),
        0,
        &["`welcome` to google waits", "--provider google --end"],
    );
    check(folder, &["pause"], 0, &["marketing mail of `welcome` to google waits", "by kari: complaints"]);
    check(folder, &[&google[..], &["--end"]].concat(), 0, &["judged anew"]);
    check(folder, &[&google[..], &["--end"]].concat(), 2, &["mail of `welcome` to google is not paused"]);
    check(folder, &["doctor"], 0, &["no mail stopped itself", "no workflow is near a limit"]);
    check(folder, &["incident", "start", "--because", " "], 2, &["say why"]);
    check(folder, &["pause", "all", "--because", &"x".repeat(3_000)], 2, &["a reason has 1 to 2000 characters"]);
    check(folder, &["incident", "start", "--because", "the shop is down"], 0, &["(incident)", "incident stop"]);
    check(folder, &["pause", "--list"], 0, &["mail of `welcome` waits", "by kari: a wrong price", "(incident)"]);
    assert_eq!(data(folder, &["pause", "--json"]).as_array().unwrap().len(), 2);
    check(folder, &["hold", "nobody", "--until", "3 days", "--because", "x"], 1, &["there is no partner `nobody`"]);
    check(folder, &["incident", "stop"], 0, &["judged anew", "50 mails an hour"]);
    check(folder, &["incident", "stop"], 2, &["there is no incident"]);
    check(folder, &["pause", "welcome", "--end"], 0, &["over"]);
    check(folder, &["pause", "all", "--end"], 2, &["all is not paused"]);
    check(folder, &["pause"], 0, &["nothing is paused"]);
    check(folder, &["journey", "stop", "welcome", "ada", "--because", "x"], 1, &["there is no partner `ada`"]);
}

/// Asks until it is so; the answer comes from another process.
#[track_caller]
fn until(folder: &Path, arguments: &[&str], says: &str) -> String {
    let ask = || text(&command(folder).args(arguments).output().unwrap());
    project::until(&format!("{arguments:?} to say `{says}`"), || Some(ask()).filter(|said| said.contains(says)))
}

#[test]
fn what_people_say_holds_while_everything_runs() {
    let project = project();
    let folder = project.path();
    // Mail leaves at any hour, whenever this test runs.
    edit(
        folder,
        "config/rapport.yaml",
        "  quiet_hours: { from: \"20:00\", to: \"08:00\", zone: partner, weekends: hold }\n",
        "",
    );
    // The event's second began before the files are in force.
    check(folder, &["apply", "--approved-by", "ines", "--since", "2020-01-01"], 0, &[]);
    let _running = Running::start(command(folder), &["engine", "relay", "mailer"]);
    check(folder, &["pause", "welcome", "--because", "the link is wrong"], 0, &["waits"]);
    let now = Command::new("date").args(["-u", "+%Y-%m-%dT%H:%M:%SZ"]).output().unwrap();
    let now = String::from_utf8_lossy(&now.stdout).trim().to_owned();
    let event = |partner: &str| {
        format!(
            r#"{{"id":"{partner}-1","kind":"partner.approved","program":"default","partner":"{partner}","occurred_at":"{now}","data":{{"name":"{partner}","email":"{partner}@blog.example","consent":{{"given":true,"source":"form","time":"{now}"}}}}}}"#
        )
    };
    std::fs::write(folder.join("events.jsonl"), format!("{}\n{}\n", event("ada"), event("bob"))).unwrap();
    check(folder, &["ingest", "events.jsonl"], 0, &["2 events taken in"]);
    let said = until(folder, &["explain", "ada"], "WAITS");
    assert!(said.contains("PAUSED") && said.contains("workflow:welcome by kari: the link is wrong"), "{said}");
    check(folder, &["hold", "bob", "--until", "3 days", "--because", "on holiday"], 0, &["mail to default/bob waits"]);
    check(folder, &["pause", "welcome", "--end"], 0, &["over"]);
    until(folder, &["explain", "ada"], "SENT");
    let said = check(folder, &["explain", "bob"], 0, &["WAITS", "on holiday"]);
    assert!(!said.contains("SENT  welcome/hello"), "{said}");
    // A journey goes on behind its wait, another ends, and cannot begin again: once is once.
    check(folder, &["journey", "skip", "welcome", "bob", "--because", "met in person"], 0, &["goes on behind"]);
    until(folder, &["explain", "bob"], "met in person");
    check(folder, &["journey", "stop", "welcome", "ada", "--because", "asked by phone"], 0, &["ends at"]);
    until(folder, &["explain", "ada"], "stopped");
    check(folder, &["journey", "skip", "welcome", "ada", "--because", "x"], 2, &["is not in `welcome`"]);
    check(folder, &["journey", "start", "welcome", "ada", "--because", "again"], 0, &["begins for default/ada"]);
    until(folder, &["explain", "ada"], "once_used");
    check(folder, &["journey", "start", "welcome", "bob", "--because", "x"], 2, &["is in `welcome` already"]);
    check(folder, &["journey", "start", "re-engagement", "bob", "--because", "x"], 2, &["speaks of the event"]);
    check(folder, &["journey", "start", "newsletter", "bob", "--because", "x"], 2, &["the issue that is due"]);
    check(folder, &["journey", "stop", "welcome", "bob", "--because", ""], 2, &["say why"]);
    check(folder, &["award", "ada", "sopt"], 2, &["no award `sopt`", "did you mean `spot`?"]);
    check(folder, &["award", "ada", "spot", "--because", "for the guide"], 0, &["default/ada: Well done"]);
    until(folder, &["award", "ada"], "for the guide");
    until(folder, &["explain", "ada"], "recognition/plain");
    check(folder, &["award", "ada", "spot"], 2, &["was given `spot`", "--again"]);
    assert_eq!(data(folder, &["award", "ada", "--json"])[0]["award"], "spot");
    let plan = {
        edit(folder, WELCOME, "wait: 3 days", "wait: 4 days");
        data(folder, &["plan", "--json"])
    };
    let inside = &plan["workflows"][0]["inside"][0];
    assert_eq!((&inside["people"], &inside["becomes"]["what"]), (&1.into(), &"finishes".into()), "{plan}");
    assert_eq!(plan["partners"], 2, "{plan}");
}

/// An event of a partner at a time.
fn event(id: &str, kind: &str, program: &str, partner: &str, at: &str) -> String {
    let data = if kind == "partner.approved" { r#"{"email":"ada@blog.example","name":"Ada"}"# } else { "{}" };
    format!(
        r#"{{"id":"{id}","kind":"{kind}","program":"{program}","partner":"{partner}","occurred_at":"{at}","data":{data}}}"#
    )
}

/// UTC, as `date` reckons: `-100 days`.
fn date(ago: &str) -> String {
    let now = Command::new("date").args(["-u", "-d", ago, "+%Y-%m-%dT%H:%M:%SZ"]).output().unwrap();
    String::from_utf8_lossy(&now.stdout).trim().to_owned()
}

#[test]
fn a_replay_is_the_present_until_services_run_live() {
    let project = project();
    let folder = project.path();
    let lines = |from: &str, to: &str| {
        let began = event("1", "partner.approved", "default", "ada", from);
        format!("{began}\n{}\n", event(to, "login", "default", "ada", to))
    };
    std::fs::write(folder.join("past.jsonl"), lines("2026-01-05T10:00:00Z", "2026-01-07T10:00:00Z")).unwrap();
    check(folder, &["ingest", "--clock", "replay", "past.jsonl"], 0, &["2 events taken in"]);
    let until = |paused: &str| {
        let pauses = data(folder, &["pause", "--json"]);
        let of = |row: &&serde_json::Value| row["id"].as_str().is_some_and(|id| id.contains(paused));
        pauses.as_array().unwrap().iter().find(of).unwrap()["until"].as_str().unwrap().to_owned()
    };
    check(folder, &["pause", "welcome", "--because", "x"], 0, &["from now until 2026-01-08"]);
    assert!(until("welcome").starts_with("2026-01-08"));
    {
        let _running = Running::start(command(folder), &["engine", "relay", "mailer"]);
        let now = date("now");
        check(folder, &["pause", "all", "--because", "x"], 0, &["from now until"]);
        assert!(until("all") > now, "{} is not after {now}", until("all"));
    }
    // It stays so when the services stop.
    let now = date("-1 minute");
    edit(folder, WELCOME, "wait: 3 days", "wait: 4 days");
    check(folder, &["apply", "--approved-by", "ines"], 0, &["applied"]);
    let applied = data(folder, &["apply", "--history", "--json"]);
    assert!(applied[0]["at"].as_str().unwrap() > now.as_str(), "{applied}");
    check(folder, &["hold", "ada", "--until", "3 days", "--because", "x"], 0, &["waits"]);
    assert!(until("ada") > now);
    let report = check(folder, &["report"], 0, &[]);
    assert!(!report.contains("2026-01-07"), "{report}");
}

#[test]
fn history_is_kept_to_where_events_come_in() {
    let project = project();
    let folder = project.path();
    edit(folder, "config/rapport.yaml", "history: 400 days", "history: 90 days");
    check(folder, &["apply", "--approved-by", "ines"], 0, &[]);
    let old = event("1", "login", "default", "ada", &date("-100 days"));
    std::fs::write(
        folder.join("old.jsonl"),
        format!("{old}\n{}\n", event("2", "login", "default", "ada", &date("-80 days"))),
    )
    .unwrap();
    check(folder, &["ingest", "old.jsonl"], 1, &["1 event taken in, 1 refused", "old.jsonl:1: too_old", "90 days"]);
    check(folder, &["dead-letters", "replay"], 0, &["0 accepted now, 1 still refused"]);
}

#[test]
fn every_dead_letter_can_be_seen_and_replayed() {
    let project = project();
    let folder = project.path();
    check(folder, &["apply", "--approved-by", "ines"], 0, &[]);
    let lines: Vec<String> =
        (1..=4).map(|id| event(&format!("{id}"), "login", "second", "bob", &date("now")) + "\n").collect();
    std::fs::write(folder.join("second.jsonl"), lines.concat()).unwrap();
    let says = ["4 refused", "second.jsonl:1: unknown_program", "`second` is not declared"];
    check(folder, &["ingest", "second.jsonl"], 2, &says);
    let letters = data(folder, &["dead-letters", "list", "--json"]);
    let position = letters[0]["position"].as_str().unwrap();
    assert_eq!(letters[0]["place"], "second.jsonl:4", "{letters}");
    check(
        folder,
        &["dead-letters", "show", position],
        0,
        &["second.jsonl:4", "unknown_program", "\"partner\":\"bob\""],
    );
    check(folder, &["dead-letters", "show", "second.jsonl"], 2, &["is no position"]);
    check(folder, &["dead-letters", "show", "file:0/0@9"], 2, &["there is no dead letter at"]);
    check(
        folder,
        &["dead-letters", "replay", "--code", "unkown_program"],
        2,
        &["did you mean `unknown_program`?", "too_old"],
    );
    check(folder, &["dead-letters", "replay", "--at", position], 0, &["still refused: unknown_program"]);
    let second = "    name: Second\n    url: https://acme.example/b\n    zone: Europe/Oslo\n    currency: EUR\n";
    edit(folder, "config/rapport.yaml", "programs:\n", &format!("programs:\n  second:\n{second}"));
    check(folder, &["apply", "--approved-by", "ines"], 0, &["applied"]);
    check(folder, &["dead-letters", "replay", "--at", position], 0, &["1 accepted now, 0 still refused"]);
    check(folder, &["dead-letters", "replay", "--at", position], 2, &["was replayed already"]);
    // The newest is replayed already: it stands in nobody's way.
    check(folder, &["dead-letters", "replay", "--limit", "1"], 0, &["1 accepted now, 0 still refused"]);
    check(folder, &["dead-letters", "replay"], 0, &["2 accepted now, 0 still refused"]);
    check(folder, &["dead-letters", "replay"], 0, &["0 accepted now, 0 still refused"]);
}

#[test]
fn a_slip_in_a_name_is_told() {
    let project = project();
    let folder = project.path();
    std::fs::write(folder.join("past.jsonl"), event("1", "partner.approved", "default", "ada", "2026-01-05T10:00:00Z"))
        .unwrap();
    check(folder, &["ingest", "--clock", "replay", "past.jsonl"], 0, &["1 event taken in"]);
    check(folder, &["explain", "ada", "--workflow", "welcom"], 2, &["no workflow `welcom`", "did you mean `welcome`?"]);
    check(folder, &["explain", "ada", "--workflow", "welcome"], 0, &["Ada"]);
    let told = check(folder, &["segment", "qqqqqqqq"], 2, &["there is no segment or group", "there are"]);
    assert!(!told.trim_end().ends_with("help:"), "{told}");
}

/// What ran away waits for a person, who is told why everywhere they might look, and gets nothing twice.
#[test]
fn mail_that_stopped_itself_is_explained_and_let_go() {
    let project = project();
    let folder = project.path();
    let quiet = "  quiet_hours: { from: \"20:00\", to: \"08:00\", zone: partner, weekends: hold }\n";
    edit(folder, "config/rapport.yaml", quiet, "");
    edit(
        folder,
        "config/rapport.yaml",
        "warn_above: 50 per hour, stop_above: 500 per hour",
        "warn_above: 1 per hour, stop_above: 2 per hour",
    );
    check(folder, &["apply", "--approved-by", "ines", "--since", "2020-01-01"], 0, &[]);
    let approved = |partner: &str| {
        format!(
            r#"{{"id":"{partner}-1","kind":"partner.approved","program":"default","partner":"{partner}","occurred_at":"2026-01-05T10:00:00Z","data":{{"name":"{partner}","email":"{partner}@blog.example","consent":{{"given":true,"source":"form","time":"2026-01-05T10:00:00Z"}}}}}}"#
        ) + "\n"
    };
    std::fs::write(folder.join("events.jsonl"), ["ada", "bob", "dora"].map(approved).concat()).unwrap();
    check(folder, &["ingest", "events.jsonl"], 0, &["3 events taken in"]);
    let running = Running::start(command(folder), &["engine", "relay", "mailer"]);
    project::until("a stop", || {
        let said = text(&command(folder).arg("doctor").output().unwrap());
        said.contains("mail of `welcome` waits").then_some(())
    });
    project::until("two mails", || (delivered_to(folder).len() == 2).then_some(()));
    check(folder, &["doctor"], 1, &["more than 2 mails within an hour", "To end it: rapport pause welcome --end"]);
    check(folder, &["pause"], 0, &["by rapport: more than 2 mails within an hour"]);
    for partner in ["ada", "bob", "dora"] {
        check(folder, &["explain", partner], 0, &["mail of `welcome` waits"]);
    }
    drop(running);
    // Another mailer finds the same table.
    let running = Running::start(command(folder), &["engine", "relay", "mailer"]);
    check(folder, &["doctor"], 1, &["mail of `welcome` waits"]);
    assert_eq!(delivered_to(folder).len(), 2);
    check(folder, &["pause", "welcome", "--end"], 0, &["judged anew"]);
    project::until("the third", || (delivered_to(folder).len() == 3).then_some(()));
    drop(running);
    assert_eq!(delivered_to(folder), ["ada@blog.example", "bob@blog.example", "dora@blog.example"]);
}
