//! An event counts once and for the same, through whichever door it comes and in whatever order.
#![allow(clippy::disallowed_methods, reason = "tests of a binary work on files, sockets and the time of day")]

mod project;

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use self::project::{Running, check, command, edit, project, rapport, text, until};

/// An event of so many minutes ago.
fn event(id: &str, kind: &str, program: &str, partner: &str, minutes: i64, data: Value) -> String {
    let at = Timestamp::now() - SignedDuration::from_mins(minutes);
    json!({ "id": id, "kind": kind, "program": program, "partner": partner, "occurred_at": at.to_string(), "data": data })
        .to_string()
}

fn sale(id: &str, program: &str, partner: &str, minutes: i64) -> String {
    let data =
        json!({ "conversion_id": id, "status": "approved", "amount": 4000, "commission": 400, "currency": "EUR" });
    event(id, "conversion", program, partner, minutes, data)
}

fn file(folder: &Path, name: &str, lines: &[String]) {
    std::fs::write(folder.join(name), lines.join("\n") + "\n").unwrap();
}

/// A partner's figure, as soon as there is the partner.
fn figure(folder: &Path, program: &str, partner: &str, name: &str) -> Option<Value> {
    let output = rapport(folder, &["report", "--partners", "--program", program, "--format", "json", name]);
    let report: Value = serde_json::from_slice(&output.stdout).ok()?;
    let row = report["rows"].as_array()?.iter().find(|row| row["partner"] == partner)?;
    Some(row["figures"][name].clone())
}

const OTHER: &str =
    "programs:\n  other: { name: Other, url: https://o.example, zone: Europe/Oslo, currency: EUR, language: en }\n";

#[test]
fn a_programme_begins_with_its_earliest_event_in_whatever_order_files_come() {
    let project = project();
    let folder = project.path();
    let approved =
        json!({ "name": "Ada", "email": "ada@blog.example", "consent": { "given": true, "source": "form" } });
    file(folder, "activity.jsonl", &[event("z1", "link.clicked", "default", "zed", 60, json!({ "count": 1 }))]);
    file(folder, "partners.jsonl", &[event("a1", "partner.approved", "default", "ada", 120, approved)]);
    file(folder, "conversions.jsonl", &[sale("c1", "default", "ada", 30)]);
    check(folder, &["apply", "--approved-by", "ines", "--since", "2020-01-01"], 0, &[]);
    let _running = Running::start(command(folder), &["engine", "relay"]);
    for (name, partner) in [("activity.jsonl", "zed"), ("partners.jsonl", "ada"), ("conversions.jsonl", "ada")] {
        check(folder, &["ingest", name], 0, &["1 event taken in"]);
        // A shard that holds a beginning learns of an earlier one.
        until("it to be folded", || figure(folder, "default", partner, "conversions_28d"));
    }
    // Whose past is known has sold once, and is followed up.
    until("the follow-up", || {
        let told = text(&rapport(folder, &["explain", "ada"]));
        told.contains("JOURNEY  follow-up").then_some(())
    });
}

#[test]
fn a_veteran_told_over_http_is_a_veteran() {
    let project = project();
    let folder = project.path();
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let gateway = free.local_addr().unwrap().to_string();
    drop(free);
    check(folder, &["apply", "--approved-by", "ines"], 0, &[]);
    let mut run = command(folder);
    run.env("RAPPORT_GATEWAY", &gateway);
    let _running = Running::start(run, &["engine", "relay", "gateway"]);
    let post = |body: &str| {
        let mut stream = TcpStream::connect(&gateway).unwrap();
        let length = body.len();
        write!(stream, "POST /v1/events HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 202"), "{answer}");
    };
    let known = json!({ "name": "Vera", "approved_at": "2024-03-01T00:00:00Z", "consent": { "given": true, "source": "form" } });
    post(&event("v1", "partner.approved", "default", "vera", 10, known));
    post(&sale("c1", "default", "vera", 5));
    until("her sale", || figure(folder, "default", "vera", "conversions_28d").filter(|sales| *sales == 1));
    let told = text(&rapport(folder, &["explain", "vera"]));
    assert!(!told.contains("JOURNEY  follow-up") && !told.contains("milestone.reached"), "{told}");
    // Whoever has partners is not taken out of the files by mistake.
    edit(folder, "config/rapport.yaml", "  default:\n", "  renamed:\n");
    assert_ne!(rapport(folder, &["apply", "--approved-by", "ines"]).status.code(), Some(0));
}

#[test]
fn one_purchase_log_is_two_programmes_when_it_is_read_in_for_two() {
    let project = project();
    let folder = project.path();
    edit(folder, "config/rapport.yaml", "programs:\n", OTHER);
    let day = Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date().yesterday().unwrap();
    std::fs::write(
        folder.join("log.csv"),
        format!("customer_id,date,orders,spend\n7,{},1,12.00\n", day.strftime("%Y%m%d")),
    )
    .unwrap();
    check(folder, &["apply", "--approved-by", "ines", "--since", "2020-01-01"], 0, &[]);
    for program in ["default", "other"] {
        check(folder, &["ingest", "--program", program, "log.csv"], 0, &[]);
    }
    let _running = Running::start(command(folder), &["engine", "relay"]);
    for program in ["default", "other"] {
        until("the sale", || figure(folder, program, "7", "conversions_28d").filter(|sales| *sales == 1));
    }
}

#[test]
fn a_dead_letter_of_a_programme_that_was_not_declared_counts_when_it_is_replayed() {
    let project = project();
    let folder = project.path();
    let clicks = |id: &str| event(id, "link.clicked", "other", "ada", 5, json!({ "count": 7 }));
    file(folder, "events.jsonl", &[clicks("k1"), sale("c1", "other", "ada", 4)]);
    // Before anything is applied every programme is taken.
    check(folder, &["ingest", "events.jsonl"], 0, &["2 events taken in"]);
    let running = Running::start(command(folder), &["engine", "relay"]);
    until("dead letters", || {
        let told = text(&rapport(folder, &["dead-letters"]));
        (told.matches("unknown_program").count() == 2).then_some(())
    });
    drop(running);
    edit(folder, "config/rapport.yaml", "programs:\n", OTHER);
    check(folder, &["apply", "--approved-by", "ines", "--since", "2020-01-01"], 0, &[]);
    let _running = Running::start(command(folder), &["engine", "relay"]);
    // What comes before the shard has met the new files is refused once more, and kept once more.
    until("the sale", || {
        check(folder, &["dead-letters", "replay"], 0, &["accepted now, 0 still refused"]);
        figure(folder, "other", "ada", "conversions_28d").filter(|sales| *sales == 1)
    });
    until("the clicks", || figure(folder, "other", "ada", "clicks_28d").filter(|clicks| *clicks == 7));
}

#[test]
fn a_file_counts_once_though_it_is_replayed_first_and_read_in_then() {
    let project = project();
    let folder = project.path();
    let clicks = |id: &str, minutes: i64| event(id, "link.clicked", "default", "ada", minutes, json!({ "count": 3 }));
    let hours = |hours: i64| 60 * hours;
    // Not in order of time, and with a time that is escaped as some serialisers do.
    let escaped = clicks("k4", hours(30)).replacen("\"occurred_at\":\"20", "\"occurred_at\":\"\\u0032\\u0030", 1);
    file(folder, "events.jsonl", &[clicks("k1", hours(40)), clicks("k2", hours(20)), clicks("k3", hours(50)), escaped]);
    check(folder, &["ingest", "--clock", "replay", "events.jsonl"], 0, &["4 events taken in, 0 refused"]);
    assert_eq!(figure(folder, "default", "ada", "clicks_28d"), Some(json!(12)));
    check(folder, &["ingest", "events.jsonl"], 0, &[]);
    file(folder, "more.jsonl", &[clicks("k5", 1)]);
    check(folder, &["ingest", "more.jsonl"], 0, &[]);
    file(folder, "timeless.jsonl", &["{}".to_owned(), "no event".to_owned()]);
    check(folder, &["ingest", "--clock", "replay", "timeless.jsonl"], 2, &["no record says when it happened"]);
    let _running = Running::start(command(folder), &["engine", "relay"]);
    until("what came after it", || figure(folder, "default", "ada", "clicks_28d").filter(|clicks| *clicks == 15));
}

#[test]
fn a_file_that_is_mostly_rubbish_stops_once_and_is_read_to_its_end_when_a_person_accepts_it() {
    let project = project();
    let folder = project.path();
    let line = |number: i64| match number % 5 {
        0 | 1 => event(&format!("k{number}"), "link.clicked", "default", "ada", 2_000 - number, json!({ "count": 1 })),
        _ => format!("rubbish {number}"),
    };
    file(folder, "events.jsonl", &(0..2_000).map(line).collect::<Vec<_>>());
    check(folder, &["apply", "--approved-by", "ines", "--since", "2020-01-01"], 0, &[]);
    let told =
        check(folder, &["ingest", "events.jsonl"], 1, &["500 of the last", "it is stopped before the rest follows"]);
    let place = told.split("dead-letters accept ").nth(1).and_then(|rest| rest.split('`').next()).unwrap().to_owned();
    check(folder, &["dead-letters", "accept", "file:nowhere/0"], 2, &["is not stopped"]);
    check(folder, &["dead-letters", "accept", "nonsense"], 2, &["is no partition of a source"]);
    check(folder, &["ingest", "events.jsonl"], 1, &["500 of the last"]);
    check(folder, &["dead-letters", "accept", &place], 0, &["goes on"]);
    check(folder, &["ingest", "events.jsonl"], 1, &["800 events taken in, 1,200 refused"]);
    check(folder, &["dead-letters", "accept", &place], 2, &["is not stopped"]);
    let _running = Running::start(command(folder), &["engine", "relay"]);
    until("each click once", || figure(folder, "default", "ada", "clicks_28d").filter(|clicks| *clicks == 800));
}

#[test]
fn a_file_read_in_again_brings_what_was_refused_the_first_time_and_once() {
    let project = project();
    let folder = project.path();
    let clicks = |id: i64| {
        let program = if id % 2 == 0 { "other" } else { "default" };
        event(&format!("k{id}"), "link.clicked", program, "ada", 2_000 - id, json!({ "count": 1 }))
    };
    file(folder, "mixed.jsonl", &(1..=7).map(clicks).collect::<Vec<_>>());
    check(folder, &["apply", "--approved-by", "ines", "--since", "2020-01-01"], 0, &[]);
    check(folder, &["ingest", "mixed.jsonl"], 1, &["4 events taken in, 3 refused"]);
    let _running = Running::start(command(folder), &["engine", "relay"]);
    let counted = |program: &str, count: i64| {
        until("the clicks", || figure(folder, program, "ada", "clicks_28d").filter(|clicks| *clicks == count))
    };
    counted("default", 4);
    edit(folder, "config/rapport.yaml", "programs:\n", OTHER);
    check(folder, &["apply", "--approved-by", "ines", "--since", "2020-01-01"], 0, &[]);
    // One by its letter, the others with the file, each in one way alone.
    check(folder, &["dead-letters", "replay", "--limit", "1"], 0, &["1 accepted now"]);
    check(folder, &["ingest", "mixed.jsonl"], 0, &["0 refused"]);
    check(folder, &["dead-letters", "replay", "--code", "unknown_program"], 0, &["0 accepted now"]);
    check(folder, &["ingest", "mixed.jsonl"], 0, &["0 refused"]);
    counted("other", 3);
    counted("default", 4);
}
