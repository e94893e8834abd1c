//! What no tracker should send and some programme always has: nobody, one partner, nothing but zeros, enormous amounts and counts,
//! late events, a currency without a rate, NaN. Each gives a result that says what it rests on, or a refusal with its reason.
#![allow(clippy::disallowed_methods, reason = "tests read and write files")]

use std::fmt::Write as _;

mod project;

use project::{check, edit, project};
use serde_json::{Value, json};

const PROGRAMMES: &str = "  tiny: { name: Tiny, url: https://x.example, zone: UTC, currency: EUR, language: en }\n  \
                          nobody: { name: Nobody, url: https://x.example, zone: UTC, currency: EUR, language: en }\n\n";

/// The log, in order of time: 23 days from a Monday on.
#[derive(Default)]
struct Log {
    lines: Vec<(String, String)>,
}

impl Log {
    fn line(&mut self, at: &str, line: String) {
        self.lines.push((at.to_owned(), line));
    }

    fn tell(&mut self, at: &str, of: (&str, &str), kind: &str, data: Value) {
        let id = format!("e{}", self.lines.len());
        let event =
            json!({ "id": id, "kind": kind, "program": of.0, "partner": of.1, "occurred_at": at, "data": data });
        self.line(at, event.to_string());
    }

    /// A sale of `on`, told `at`.
    fn sale(&mut self, at: &str, of: (&str, &str), on: &str, amount: i64, currency: &str) {
        let id = format!("c{}", self.lines.len());
        let data = json!({ "conversion_id": id, "status": "approved", "amount": amount, "commission": 100,
            "currency": currency, "occurred_at": on });
        let event = json!({ "id": format!("e{}", self.lines.len()), "kind": "conversion", "program": of.0, "partner": of.1,
            "occurred_at": on, "data": data });
        self.line(at, event.to_string());
    }

    fn text(mut self) -> String {
        self.lines.sort_by(|one, other| one.0.cmp(&other.0));
        self.lines.iter().fold(String::new(), |mut text, (_, line)| {
            let _ = writeln!(text, "{line}");
            text
        })
    }
}

fn at(day: i64) -> String {
    (jiff::Timestamp::from_second(1_780_304_400).unwrap() + jiff::SignedDuration::from_hours(24 * day)).to_string()
}

fn log() -> String {
    let mut log = Log::default();
    for partner in ["steady", "usd", "huge", "late", "zero"] {
        log.tell(&at(0), ("default", partner), "partner.approved", json!({ "name": partner }));
    }
    log.tell(&at(0), ("tiny", "alone"), "partner.approved", json!({ "name": "alone" }));
    for day in 0..22 {
        let now = at(day);
        log.sale(&now, ("default", "steady"), &now, 4_000, "EUR");
        log.sale(&now, ("default", "huge"), &now, 1_000_000_000_000, "EUR");
        log.sale(&now, ("default", "usd"), &now, 4_000, "USD");
        if day % 3 == 0 {
            log.sale(&now, ("tiny", "alone"), &now, 4_000, "EUR");
        }
    }
    log.sale(&at(10), ("default", "usd"), &at(10), 120_000, "EUR");
    log.sale(&at(20), ("tiny", "alone"), &at(20), 4_000, "USD");
    // Told on the 20th day, sold in the first week.
    for day in 1..7 {
        log.sale(&at(20), ("default", "late"), &at(day), 4_000, "EUR");
    }
    let late = ("default", "late");
    let now = at(20);
    log.tell(&now, late, "link.clicked", json!({ "count": 4_294_967_295_u32 }));
    log.tell(&now, late, "link.clicked", json!({ "count": -3 }));
    let raw = |id: &str, kind: &str, data: &str| {
        format!(
            r#"{{"id":"{id}","kind":"{kind}","program":"default","partner":"late","occurred_at":"{now}","data":{data}}}"#
        )
    };
    log.line(
        &now,
        raw("nan", "conversion", r#"{"conversion_id":"n","status":"approved","amount":NaN,"currency":"EUR"}"#),
    );
    log.line(&now, raw("endless", "survey.answered", r#"{"survey":"s","score":1e999}"#));
    let beyond =
        r#"{"conversion_id":"b","status":"approved","amount":1000000000000000000000000000000,"currency":"EUR"}"#;
    log.line(&now, raw("beyond", "conversion", beyond));
    log.text()
}

#[test]
fn a_programme_with_every_kind_of_bad_input_has_explained_results() {
    let project = project();
    let folder = project.path();
    edit(folder, "config/rapport.yaml", "# Who may be written from", &format!("{PROGRAMMES}# Who may be written from"));
    std::fs::write(folder.join("log.jsonl"), log()).unwrap();
    check(folder, &["ingest", "log.jsonl", "--clock", "replay"], 1, &["5 refused"]);
    check(
        folder,
        &["dead-letters"],
        0,
        &[
            "`count` is above 10,000,000",
            "`count`: -3 where",
            "bad_json: expected value",
            "number out of range",
            "bad_amount",
        ],
    );
    // Nobody.
    check(folder, &["report", "--program", "nobody"], 0, &["nobody is in programme nobody yet"]);
    // One partner alone: what is told of it says whose habits it rests on.
    check(folder, &["health", "alone"], 0, &["usually every 3 days", "too small or too young to tell"]);
    check(folder, &["explain", "alone"], 0, &["too small or too young to tell"]);
    // At a past instant, of which no review was kept because nothing had moved: the last sale is that of the day before.
    check(folder, &["health", "steady", "--at", "2026-06-19"], 0, &["last converted 1 day ago"]);
    // Nothing but zeros.
    check(folder, &["health", "zero"], 0, &["has not converted yet", "not known: survey, conversions"]);
    // What came late counts on its day.
    let figures = ["conversions_28d", "revenue_28d", "days_since_conversion", "expected_revenue_next_90d"];
    let rows = |format: &str| {
        let arguments: Vec<&str> = ["report", "--partners", "--format", format].into_iter().chain(figures).collect();
        check(folder, &arguments, 0, &[])
    };
    let report: Value = serde_json::from_str(&rows("json")).unwrap();
    let of = |partner: &str| {
        let found = report["rows"].as_array().unwrap().iter().find(|row| row["partner"] == partner);
        found.map(|row| row["figures"].clone()).unwrap()
    };
    assert_eq!(
        (of("late")["conversions_28d"].as_i64(), of("late")["days_since_conversion"].as_i64()),
        (Some(6), Some(15))
    );
    // A currency without a rate: counted, and of no known worth.
    assert_eq!((of("usd")["conversions_28d"].as_i64(), of("usd")["revenue_28d"].is_null()), (Some(23), true));
    // What is known of the others reaches a milestone all the same.
    check(folder, &["explain", "usd"], 0, &["milestone.reached: 1000 EUR of approved revenue"]);
    check(folder, &["report", "unpriced_conversions_28d", "revenue_28d"], 0, &["22", "?"]);
    // Nobody falls out of the best for it.
    check(folder, &["segment", "vip", "alone"], 0, &["alone is in vip", "without a rate; who is in stays in"]);
    // Another health model: whom it would move, and what is wrong in it, in its own file.
    let health = std::fs::read_to_string(folder.join("config/health.yaml")).unwrap();
    std::fs::write(folder.join("new.yaml"), health.replace("      strong: 78", "      superb: 78")).unwrap();
    check(folder, &["health", "--compare", "new.yaml"], 0, &["would change band", "strong → superb", "default/steady"]);
    std::fs::write(folder.join("new.yaml"), health.replace("strong: 78", "strong: .nan")).unwrap();
    check(folder, &["health", "--compare", "new.yaml"], 2, &["R0022", "new.yaml:"]);
    // An enormous amount is one partner's, and makes nobody else's future enormous.
    let future = |partner: &str| of(partner)["expected_revenue_next_90d"]["minor"].as_i64().unwrap();
    assert!(future("huge") > 1_000_000_000_000 && future("steady") < 10_000_000, "{report}");
    check(folder, &["report", "--save"], 0, &["figures of 5 partners"]);
    check(folder, &["doctor"], 1, &["5 dead letters", "closed up to", "nobody: closed up to", "1 to look at"]);
    // A goal that nobody will reach, by what the store knows of them.
    let moon = "goals:\n  moon: { for: everyone, metric: approved_conversions, target: 9000, from: 2026-06-01, to: 2026-08-31 }\n";
    // Awards are given for milestones by name.
    let milestones = "milestones: { approved_conversions: [1000], approved_revenue: [10000 EUR] }\n";
    std::fs::write(folder.join("config/goals.yaml"), format!("{moon}{milestones}")).unwrap();
    check(folder, &["check"], 0, &[]);
    check(folder, &["check", "--history"], 0, &["R0562", "will hardly reach `moon`", "config/goals.yaml:2:3"]);
}

#[test]
fn files_with_numbers_that_are_none_are_refused_with_their_line() {
    let project = project();
    let folder = project.path();
    std::fs::write(
        folder.join("config/rates.csv"),
        "date,from,to,rate\n2026-06-01,USD,EUR,NaN\n2026-06-02,USD,EUR,inf\n",
    )
    .unwrap();
    check(folder, &["check"], 2, &["R0558", "config/rates.csv:2:1", "config/rates.csv:3:1"]);
    std::fs::remove_file(folder.join("config/rates.csv")).unwrap();
    edit(folder, "config/health.yaml", "strong: 78", "strong: .nan");
    check(folder, &["check"], 2, &["config/health.yaml", "expected a number"]);
    let events = |name: &str, rows: &str| {
        std::fs::write(folder.join(name), format!("partner_id,day,conversions,revenue\n{rows}")).unwrap();
    };
    std::fs::write(folder.join("partners.csv"), "partner_id,program_id,join_day\na,1,0\n").unwrap();
    let dips = |name: &str, code: i32, says: &[&str]| {
        let arguments =
            ["eval", "dips", "--events", name, "--partners", "partners.csv", "--budget", "0.5", "--out", "alarms.csv"];
        check(folder, &arguments, code, says);
    };
    events("nan.csv", "a,0,NaN,5\n");
    dips("nan.csv", 2, &["nan.csv:2: `NaN` is no count"]);
    events("before.csv", "a,-5,3,5\n");
    dips("before.csv", 2, &["before.csv:2: `-5` is no day"]);
    events("nothing.csv", "");
    dips("nothing.csv", 0, &["0 verdicts above the threshold"]);
    let zeros: String = (0..200).map(|day| format!("a,{day},0,0\n")).collect();
    events("zeros.csv", &zeros);
    dips("zeros.csv", 0, &["0 verdicts above the threshold"]);
    let enormous: String = (0..200).map(|day| format!("a,{day},4000000000,1e300\n")).collect();
    events("enormous.csv", &enormous);
    dips("enormous.csv", 0, &["0 verdicts above the threshold"]);
    let logs = |name: &str, rows: &str| {
        std::fs::write(folder.join(name), format!("customer_id,date,orders,spend\n{rows}")).unwrap();
    };
    let health = |name: &str, code: i32, says: &[&str]| {
        let ends =
            ["--cohort-end", "1997-03-31", "--cal-end", "1997-09-30", "--horizon-days", "273", "--out", "out.csv"];
        let arguments: Vec<&str> = ["eval", "health", "--events", name].into_iter().chain(ends).collect();
        check(folder, &arguments, code, says);
    };
    logs("nan-log.csv", "1,1997-01-01,1,NaN\n");
    health("nan-log.csv", 2, &["nan-log.csv:2: `NaN` is no amount"]);
    logs("nobody.csv", "");
    health("nobody.csv", 0, &["0 customers fitted"]);
    // One customer stays near what is published.
    logs("one.csv", "1,1997-01-01,1,3.5\n1,1997-02-01,1,5\n");
    health("one.csv", 0, &["1 customer fitted: r 0.", "1 prediction written"]);
}

/// A disk that was full, an editor that died: what was there must not go out of force without a word.
#[test]
fn a_file_cut_off_is_told_and_nothing_changes() {
    let project = project();
    let folder = project.path();
    check(folder, &["apply", "--approved-by", "somebody"], 0, &[]);
    let history = check(folder, &["apply", "--history"], 0, &[]);
    for (file, text) in [
        ("workflows/welcome/workflow.yaml", ""),
        ("workflows/welcome/workflow.yaml", "\n# to follow\n"),
        ("workflows/welcome/tests.yaml", ""),
        ("config/goals.yaml", "\n"),
        ("config/rapport.yaml", ""),
        ("config/rapport.yaml", "# nothing\n"),
    ] {
        let path = folder.join(file);
        let whole = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, text).unwrap();
        for command in [&["check"][..], &["apply", "--approved-by", "somebody"], &["run"]] {
            check(folder, command, 2, &["R0518", file, "cut off"]);
        }
        std::fs::write(&path, whole).unwrap();
    }
    assert_eq!(check(folder, &["apply", "--history"], 0, &[]), history);
    // All comments is a way of declaring nothing, where nothing need be declared.
    std::fs::write(folder.join("config/hooks.yaml"), "# none yet\n").unwrap();
    check(folder, &["check"], 0, &[]);
}
