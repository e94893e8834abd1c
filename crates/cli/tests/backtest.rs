//! What was recorded, played again: the same under the same files, and never the same under another policy.
#![allow(clippy::disallowed_methods, reason = "tests of a binary work on files")]

mod project;

use std::path::Path;

use jiff::civil::Date;
use jiff::{ToSpan as _, tz::TimeZone};
use serde_json::{Value, json};

use self::project::{Running, check, command, delivered_to, edit, project, rapport, text, until};

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

/// Days off in the demo's time, which the shipped files have none of: mail of a Tuesday or Thursday waits.
const HOLIDAYS: &str = "holidays: { all: [2026-01-13, 2026-01-15, 2026-01-20, 2026-01-22, 2026-01-27, 2026-01-29, \
    2026-02-03, 2026-02-05, 2026-02-10, 2026-02-12, 2026-02-17, 2026-02-19, 2026-02-24, 2026-02-26, \
    2026-03-03, 2026-03-05, 2026-03-10, 2026-03-12, 2026-03-17, 2026-03-19] }";
/// Who is being welcomed gets no first steps: of the shipped files' holds none takes hold within a short time.
const HOLDS: &str = "holds: { workflows: [first-steps-influencer, first-steps-content, first-steps-coupon, first-steps-app], for: 7 days }\n";

/// Rules of policy and of workflows, each taken out by an edit: what is replaced, and by what.
const RULES: [(&str, &str, &str, &str); 11] = [
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
    ("weekends", "config/rapport.yaml", "weekends: hold }", "weekends: send }"),
    ("holidays", "config/rapport.yaml", HOLIDAYS, "holidays: { all: [2025-12-25] }"),
    ("an allow-list", "config/rapport.yaml", "guardrails:\n", "guardrails:\n  allow_list: [\"@nobody.example\"]\n"),
    ("holds", "workflows/welcome/workflow.yaml", HOLDS, ""),
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
    let project = project();
    let folder = project.path();
    let untracked = "# Nothing is tracked of readers";
    edit(folder, "config/rapport.yaml", untracked, &format!("{HOLIDAYS}\n\n{untracked}"));
    edit(folder, "workflows/welcome/workflow.yaml", "steps:\n", &format!("{HOLDS}steps:\n"));
    let played =
        rapport(folder, &["demo", "--dir", "demo", "--partners", "40", "--days", "90", "--json", "--no-console"]);
    assert!(played.status.success(), "{}", String::from_utf8_lossy(&played.stderr));

    let (same, code) = backtest(folder, &[]);
    assert_eq!((&same["same_as_live"], code), (&Value::Bool(true), Some(0)), "{}", same["difference"]);
    let mails = same["mails"].as_array().unwrap().len();
    assert!(mails > 20, "{mails} mails");

    let most = same["most_per_partner"]["mails"].as_u64().unwrap() as usize;
    let limits = |mails: usize, most: usize| {
        let (mails, most) = (mails.to_string(), most.to_string());
        let (told, code) = backtest(folder, &["--max-mails", &mails, "--max-per-partner", &most]);
        let over = told["over_the_limit"].as_array().unwrap();
        (code, over.iter().map(|limit| limit.as_str().unwrap().to_owned()).collect::<Vec<_>>())
    };
    assert_eq!(limits(mails, most), (Some(0), Vec::new()), "what is allowed is no failure");
    let (code, over) = limits(mails - 1, most - 1);
    assert_eq!(code, Some(1), "limits end a build");
    assert_eq!(over.len(), 2, "{over:?}");
    assert_eq!(over[0], format!("{mails} mails would go out, at most {} may", mails - 1));
    let partner = same["most_per_partner"]["partner"].as_str().unwrap();
    assert!(over[1].starts_with(&format!("{partner} would get {most} mails, at most {} may", most - 1)), "{over:?}");
    let fewer = (mails - 1).to_string();
    check(
        folder,
        &["--dir", "demo", "backtest", "--last", "400d", "--max-mails", &fewer],
        1,
        &["OVER THE LIMIT", &over[0]],
    );

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

/// Two partners who read the same mailbox.
fn twins(on: Date) -> String {
    let approved = |number: i64, hour: i64| {
        let at = on.to_zoned(TimeZone::UTC).unwrap().timestamp() + jiff::SignedDuration::from_hours(hour);
        let data = json!({ "name": "Twin", "email": "twin@mail.example", "language": "en", "zone": "Europe/Oslo",
            "type": "content", "consent": { "source": "sign-up form", "wording": "v1" } });
        let line = json!({ "id": format!("twin-{number}"), "kind": "partner.approved", "program": "default",
            "partner": format!("twin-{number}"), "occurred_at": at.to_string(), "data": data });
        line.to_string() + "\n"
    };
    approved(1, 8) + &approved(2, 11)
}

/// Pauses, a person's and those that rapport makes by itself, stand in no file: they are told again as they were. A copy of a mail that
/// the same mailbox had is the policy's to find, in the play as well.
#[test]
fn what_waited_waits_again_and_a_mailbox_gets_one_copy() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let played =
        rapport(folder, &["demo", "--dir", "demo", "--partners", "15", "--days", "20", "--json", "--no-console"]);
    assert!(played.status.success(), "{}", String::from_utf8_lossy(&played.stderr));
    let told: Value = serde_json::from_slice(&played.stdout).unwrap();
    let until: Date = told["to"].as_str().unwrap().parse().unwrap();
    let from = until.saturating_add(1.day());
    let run = |arguments: &[&str]| check(folder, &[&["--dir", "demo"], arguments].concat(), 0, &[]);
    let lines = year_end(from, 24) + &twins(from.saturating_add(14.days()));
    // One ingest takes what happened from a day up to another.
    let ingest = |days: std::ops::Range<i64>| {
        let day = |days: i64| from.saturating_add(days.days()).to_string();
        let (first, end) = (day(days.start), day(days.end));
        let at = |line: &str| {
            let event: Value = serde_json::from_str(line).unwrap();
            event["occurred_at"].as_str().unwrap().to_owned()
        };
        let mut those: Vec<&str> = lines.lines().filter(|line| at(line) >= first && at(line) < end).collect();
        those.sort_by_key(|line| at(line));
        std::fs::write(folder.join("part.jsonl"), those.join("\n") + "\n").unwrap();
        check(folder, &["--dir", "demo", "ingest", "--clock", "replay", "part.jsonl"], 0, &[" 0 refused"]);
    };
    let late = from.saturating_add(200.days()).to_string();
    // What complaints stop is such a pause, by `rapport`.
    let welcome = ["pause", "welcome", "--provider", "other"];
    run(&[&welcome[..], &["--until", late.as_str(), "--because", "complaints"]].concat());
    ingest(0..7);
    run(&[&welcome[..], &["--end"]].concat());
    run(&["hold", "late-comer-6", "--until", late.as_str(), "--because", "on the phone with them"]);
    ingest(7..14);
    run(&["hold", "late-comer-6", "--end"]);
    ingest(14..17);
    run(&["pause", "all", "--until", late.as_str(), "--because", "a wrong price"]);
    ingest(17..19);
    run(&["pause", "all", "--end"]);
    ingest(19..40);

    let (same, _) = backtest_of(folder, "60d", &[]);
    assert_eq!(same["same_as_live"], true, "{}", same["difference"]);
    assert!(same["not_sent"]["same_address"].as_i64().is_some_and(|copies| copies > 0), "{}", same["not_sent"]);

    let (hurried, _) = backtest_of(folder, "60d", &["--without-pauses"]);
    let changed = hurried["difference"]["changed"].as_array().unwrap();
    let is_of = |workflow: &str, partner: &str| {
        let of = |mail: &Value| mail["workflow"] == workflow && mail["partner"].as_str().unwrap().contains(partner);
        changed.iter().any(|changed| of(&changed["live"]))
    };
    assert!(is_of("welcome", "late-comer") && is_of("congratulation", "late-comer-6"), "{}", hurried["difference"]);

    edit(&folder.join("demo"), "config/rapport.yaml", "same_address: 7 days", "same_address: 1 hour");
    let (copied, _) = backtest_of(folder, "60d", &[]);
    assert_eq!(copied["same_as_live"], false, "a second copy would go out, and nothing is different");
}

/// What happened in the hours before an edit was judged by the files before it, and days are those of the zone in force then.
#[test]
fn files_come_into_force_in_the_play_when_they_did() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let played =
        rapport(folder, &["demo", "--dir", "demo", "--partners", "12", "--days", "20", "--json", "--no-console"]);
    assert!(played.status.success(), "{}", String::from_utf8_lossy(&played.stderr));
    let told: Value = serde_json::from_slice(&played.stdout).unwrap();
    let until: Date = told["to"].as_str().unwrap().parse().unwrap();
    let from = until.saturating_add(1.day());
    let event = |day: i64, minute: i64, kind: &str, partner: &str, data: Value| {
        let midnight = from.saturating_add(day.days()).to_zoned(TimeZone::UTC).unwrap().timestamp();
        let at = (midnight + jiff::SignedDuration::from_mins(minute)).to_string();
        let line = json!({ "id": format!("{kind}-{partner}-{day}-{minute}"), "kind": kind, "program": "default",
            "partner": partner, "occurred_at": at, "data": data });
        line.to_string() + "\n"
    };
    let approved = |day: i64, minute: i64, partner: &str| {
        let consent = json!({ "source": "sign-up form", "wording": "v1" });
        let person = json!({ "name": partner, "email": format!("{partner}@mail.example"), "language": "en",
            "type": "cashback", "consent": consent });
        event(day, minute, "partner.approved", partner, person)
    };
    // In the last hour of the day in Oslo, and in the hour that is the next day there and not yet in London.
    let sold = |day: i64| {
        let sale = |minute: i64| {
            let data = json!({ "conversion_id": format!("night-{day}-{minute}"), "status": "approved", "amount": 4000,
                "currency": "EUR" });
            event(day, minute, "conversion", "night-owl", data)
        };
        sale(22 * 60 + 30) + &sale(23 * 60 + 30)
    };
    let ingest = |lines: &[String]| {
        std::fs::write(folder.join("part.jsonl"), lines.concat()).unwrap();
        check(folder, &["--dir", "demo", "ingest", "--clock", "replay", "part.jsonl"], 0, &[" 0 refused"]);
    };
    let apply = || check(folder, &["--dir", "demo", "apply", "--approved-by", "ines"], 0, &["applied"]);
    let demo = folder.join("demo");

    ingest(&[approved(0, 12 * 60, "night-owl"), sold(0), approved(1, 20 * 60, "evening"), sold(1)]);
    edit(&demo, "workflows/welcome/workflow.yaml", "wait: 3 days", "wait: 4 days");
    apply();
    ingest(&[approved(2, 20 * 60, "later-evening"), sold(2), sold(3)]);
    // Files that were in force before can come again.
    edit(&demo, "workflows/welcome/workflow.yaml", "wait: 4 days", "wait: 3 days");
    apply();
    ingest(&[approved(4, 20 * 60, "last-evening"), sold(4)]);
    edit(&demo, "config/rapport.yaml", "zone: Europe/Oslo", "zone: Europe/London");
    apply();
    let nights: Vec<String> = (5..15).map(sold).collect();
    ingest(&nights);

    // The window begins where the last edit was, and what was begun before ends in it.
    let (same, _) = backtest_of(folder, "10d", &[]);
    assert_eq!(same["same_as_live"], true, "{}", same["difference"]);
    let mails = same["mails"].as_array().unwrap();
    for partner in ["evening", "later-evening", "last-evening"] {
        let welcomed = |mail: &Value| mail["workflow"] == "welcome" && mail["partner"] == partner;
        assert!(mails.iter().any(welcomed), "{partner}: {mails:?}");
    }
}

/// Greets, and writes once more when somebody follows a link.
const HELLO: &str = "workflow: Hello\nowner: team@acme.example\nmail: { kind: marketing, topic: onboarding, from: ines }\n\
    when: partner.approved\nonce: per partner\nsteps:\n  - email: hello\n  - wait_for: link.clicked\n    at_most: 30 days\n    \
    then: [{ email: clicked }]\n";

/// Services run by the time of day, are killed, and run again: what they did comes out as it did. The same with several engines and
/// mailers, nights and outages is played in `src/backtest/live_record.rs`.
#[test]
fn what_services_did_by_the_time_of_day_comes_out_the_same() {
    let project = project();
    let folder = project.path();
    std::fs::remove_dir_all(folder.join("workflows")).unwrap();
    std::fs::create_dir_all(folder.join("workflows/hello")).unwrap();
    std::fs::write(folder.join("workflows/hello/workflow.yaml"), HELLO).unwrap();
    for mail in ["hello", "clicked"] {
        let text = format!("---\nsubject: 'About {mail}'\npreheader: 'A word.'\n---\nHi,\n\nthis is {mail}.\n");
        std::fs::write(folder.join(format!("workflows/hello/{mail}.mail.md")), text).unwrap();
    }
    let rules = "config/rapport.yaml";
    edit(folder, rules, "  quiet_hours: { from: \"20:00\", to: \"08:00\", zone: partner, weekends: hold }\n", "");
    edit(folder, rules, "2 marketing per week, 1 of any kind per day", "20 marketing per week, 20 of any kind per day");
    check(folder, &["apply"], 0, &["applied"]);
    let event = |kind: &str, partner: &str, data: Value| {
        let now = jiff::Timestamp::now().to_string();
        let line = json!({ "id": format!("{kind}-{partner}"), "kind": kind, "program": "default", "partner": partner,
            "occurred_at": now, "data": data });
        line.to_string() + "\n"
    };
    let approved = |partner: &str| {
        let data = json!({ "name": partner, "email": format!("{partner}@blog.example"), "zone": "Europe/Oslo",
            "consent": { "given": true, "source": "form", "time": "2026-01-01T00:00:00Z" } });
        event("partner.approved", partner, data)
    };
    let ingest = |name: &str, lines: &[String]| {
        std::fs::write(folder.join(name), lines.concat()).unwrap();
        check(folder, &["ingest", name], 0, &["taken in"]);
    };
    let services = || Running::start(command(folder), &["engine", "relay", "mailer"]);
    let delivered = |mails: usize| {
        until("mail to be captured", || (delivered_to(folder).len() >= mails).then_some(()));
    };

    let running = services();
    ingest("first.jsonl", &[approved("ada"), approved("bob")]);
    delivered(2);
    until("ada to be waited for", || {
        text(&rapport(folder, &["explain", "ada"])).contains("waits for an event").then_some(())
    });
    // Killed, wherever it is with bob.
    drop(running);
    ingest("meanwhile.jsonl", &[event("link.clicked", "ada", json!({ "count": 1, "link": "l1" })), approved("cleo")]);
    let running = services();
    delivered(4);
    let told = until("all mail to be done with", || {
        let output = rapport(folder, &["backtest", "--last", "30d", "--json"]);
        let told: Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
        let changed = told["difference"]["changed"].as_array().unwrap();
        let waits = |state: &Value| state == "queued" || state == "attempting";
        (!changed.iter().any(|changed| waits(&changed["live"]["state"]))).then_some(told)
    });
    drop(running);
    assert_eq!(told["same_as_live"], true, "{}", told["difference"]);
    assert_eq!(told["mails"].as_array().unwrap().len(), 4, "{}", told["mails"]);
}
