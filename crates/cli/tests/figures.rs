//! What `rapport report` prints and `report --save` leaves for SQL equals brute force over random logs, through the real binary and its
//! store: revisions and reversals, everything late and out of order, two currencies with daily rates and days without one, days of a
//! zone with a summer time. Left out is what a fit says and a share of the programme's closed day; `crates/partner/tests/catalogue`
//! has these, and what only the engine itself tells (mails, offers, opt-outs).
#![allow(clippy::disallowed_methods, reason = "tests read and write files")]

#[allow(dead_code, reason = "shared with the test of the catalogue")]
#[path = "../../partner/tests/catalogue/brute.rs"]
mod brute;
#[allow(dead_code, reason = "shared with the test of the catalogue")]
#[path = "../../partner/tests/catalogue/log.rs"]
mod log;
mod project;

use std::fmt::Write as _;
use std::path::Path;

use brute::Brute;
use jiff::Timestamp;
use log::{PARTNERS, RATES, TODAY, Told};
use project::{check, edit, project};
use proptest::{strategy::ValueTree as _, test_runner::TestRunner};
use rapport_partner::{Figure, ProgramFigure, program::Reach};
use serde_json::Value;
use sqlx::{Connection as _, Row as _, sqlite::SqliteConnection};

/// Random logs, each of a programme of its own.
const LOGS: usize = 8;

fn at(day: i32, minute: i64) -> Timestamp {
    Timestamp::from_second(i64::from(day) * 86_400 + minute * 60).unwrap()
}

/// What trackers tell of a programme. A replay ends on a full day of UTC: at two o'clock of the programmes' zone.
/// Each programme's days are closed one by one, which takes its time: half a year of them is enough here.
fn logs() -> Vec<Vec<Told>> {
    let mut runner = TestRunner::deterministic();
    let mut draw = || {
        let all = log::log();
        let all = proptest::strategy::Strategy::new_tree(&all, &mut runner).unwrap().current();
        let days = at(TODAY - 200, 0)..at(TODAY, 0);
        all.into_iter().filter(|told| !told.is_own() && days.contains(&told.at)).collect::<Vec<_>>()
    };
    std::iter::repeat_with(&mut draw).filter(|log| !log.is_empty()).take(LOGS).collect()
}

fn brute(log: &[Told]) -> Brute<'_> {
    Brute { log, reach: [Reach::default(); PARTNERS], began: log.iter().map(|told| told.at).min().unwrap() }
}

fn partner_figures() -> Vec<String> {
    let counted = |name: &String| {
        let figure = Figure::parse(name).unwrap();
        !figure.needs_start() && !matches!(figure, Figure::Foreseen(_)) && !name.starts_with("revenue_share")
    };
    Figure::examples().into_iter().filter(counted).collect()
}

/// A figure as JSON: a number, or money as an object; `null` is missing.
fn number(value: &Value) -> Option<f64> {
    value.get("minor").unwrap_or(value).as_f64()
}

#[track_caller]
fn same(what: &str, found: &Value, expected: Option<f64>) {
    let near = match (number(found), expected) {
        (Some(found), Some(expected)) => (found - expected).abs() <= 1e-9 * expected.abs().max(1.0),
        (found, expected) => found == expected,
    };
    assert!(near, "{what}: {found}, by brute force {expected:?}");
}

fn report(folder: &Path, arguments: &[&str], names: &[String]) -> Value {
    let names = names.iter().map(String::as_str);
    let arguments: Vec<&str> = ["report", "--format", "json"].iter().chain(arguments).copied().chain(names).collect();
    serde_json::from_str(&check(folder, &arguments, 0, &[])).unwrap()
}

/// Those of a type, as the log last told it.
fn of_type(log: &[Told], sort: &str) -> Vec<Told> {
    let is = |partner: usize| {
        let told = log.iter().filter(|told| told.partner == partner && told.data.get("type").is_some());
        told.max_by_key(|told| told.at).and_then(|told| told.text("type")) == Some(sort)
    };
    log.iter().filter(|told| is(told.partner)).cloned().collect()
}

/// The documented question to SQLite, word by word.
fn documented_query() -> String {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/metrics.md");
    let page = std::fs::read_to_string(page).unwrap();
    let from = page.split("-- SQLite\n").nth(1).unwrap();
    from.lines().next().unwrap().to_owned()
}

#[tokio::test]
async fn reports_and_the_table_for_sql_are_what_brute_force_says() {
    let (project, logs) = (project(), logs());
    let folder = project.path();
    // What a workflow would do to partners is not in the log.
    std::fs::remove_dir_all(folder.join("workflows")).unwrap();
    std::fs::create_dir(folder.join("workflows")).unwrap();
    std::fs::write(folder.join("config/rates.csv"), RATES).unwrap();
    let mut programs = String::new();
    let mut lines: Vec<String> = Vec::new();
    for (number, log) in logs.iter().enumerate() {
        let name = format!("acme{number}");
        let _ = writeln!(
            programs,
            "  {name}: {{ name: Acme, url: https://x.example, zone: Europe/Oslo, currency: EUR, language: en }}"
        );
        lines.extend(log.iter().enumerate().map(|(id, told)| told.line(id, &name)));
    }
    edit(folder, "config/rapport.yaml", "# Who may be written from", &format!("{programs}\n# Who may be written from"));
    // Last comes what takes the clock to the day everything is looked at.
    let clock = Told { partner: 0, at: at(TODAY - 1, 1_430), kind: "login", data: serde_json::json!({}) };
    lines.push(clock.line(0, "default"));
    std::fs::write(folder.join("log.jsonl"), lines.join("\n")).unwrap();
    check(folder, &["ingest", "log.jsonl", "--clock", "replay"], 0, &[]);

    let of_all: Vec<String> = ProgramFigure::all().map(|figure| figure.to_string()).collect();
    let of_each = partner_figures();
    let (mut compared, mut known) = (0, 0);
    for (number, log) in logs.iter().enumerate() {
        let (name, brute) = (format!("acme{number}"), brute(log));
        let printed = report(folder, &["--program", &name, "--partners"], &of_each);
        let rows = printed["rows"].as_array().unwrap();
        for partner in 0..PARTNERS {
            let row = rows.iter().find(|row| row["partner"] == format!("p{partner}"));
            assert_eq!(row.is_some(), log.iter().any(|told| told.partner == partner), "{name} p{partner}");
            let Some(row) = row else { continue };
            for figure in &of_each {
                let expected = brute.figure(partner, figure, &brute, 0.0);
                same(&format!("{name} p{partner} {figure}"), &row["figures"][figure], expected);
                (compared, known) = (compared + 1, known + usize::from(expected.is_some_and(|value| value != 0.0)));
            }
        }
        let printed = report(folder, &["--program", &name], &of_all);
        for row in printed["rows"].as_array().unwrap() {
            let figure = row["figure"].as_str().unwrap();
            same(&format!("{name} {figure}"), &row["values"]["all"], brute.of_program(figure));
        }
        check(folder, &["report", "--save", "--program", &name], 0, &[]);
    }
    assert!(compared > 3_000 && known > 300, "{known} of {compared} say something");

    let mut store =
        SqliteConnection::connect(&format!("sqlite:{}", folder.join("rapport.db").display())).await.unwrap();
    let rows = sqlx::query("SELECT program, partner, figures FROM figures").fetch_all(&mut store).await.unwrap();
    let mut seen = 0;
    for row in &rows {
        let (program, partner): (String, Option<String>) = (row.get(0), row.get(1));
        let partner = partner.filter(|partner| !partner.is_empty());
        let figures: Value = serde_json::from_str(row.get(2)).unwrap();
        let log = &logs[program.trim_start_matches("acme").parse::<usize>().unwrap()];
        let whole = brute(log);
        let Some(partner) = partner else {
            for figure in &of_all {
                same(&format!("{program} {figure} in SQL"), &figures[figure], whole.of_program(figure));
                for sort in ["influencer", "coupon", "cashback", "content"] {
                    let own = of_type(log, sort);
                    let value = &figures[format!("by_type.{sort}.{figure}")];
                    assert!(!own.is_empty() || value.is_null(), "{program} has no {sort} partner");
                    if !own.is_empty() {
                        let some = Brute { log: &own, ..brute(log) };
                        same(&format!("{program} by_type.{sort}.{figure} in SQL"), value, some.of_program(figure));
                    }
                }
            }
            continue;
        };
        let at: usize = partner.trim_start_matches('p').parse().unwrap();
        for figure in &of_each {
            let expected = whole.figure(at, figure, &whole, 0.0);
            same(&format!("{program} {partner} {figure} in SQL"), &figures[figure], expected);
        }
        seen += 1;
    }
    assert!(seen > LOGS, "{seen} partners in the table");

    let mut falling: Vec<(String, Option<f64>)> = Vec::new();
    for log in &logs {
        let whole = brute(log);
        let fell = |value: Option<f64>| value.is_some_and(|growth| growth < -20.0);
        let of = |partner: usize, figure: &str| whole.figure(partner, figure, &whole, 0.0);
        let who = (0..PARTNERS).filter(|partner| fell(of(*partner, "revenue_growth_28d")));
        falling.extend(who.map(|partner| (format!("p{partner}"), of(partner, "revenue_28d"))));
        if fell(whole.of_program("revenue_growth_28d")) {
            falling.push((String::new(), whole.of_program("revenue_28d")));
        }
    }
    let query = documented_query();
    let answer = sqlx::query(sqlx::AssertSqlSafe(query)).fetch_all(&mut store).await.unwrap();
    let mut answer: Vec<(String, Option<f64>)> = answer
        .iter()
        .map(|row| {
            (row.get::<Option<String>, _>(0).unwrap_or_default(), row.get::<Option<i64>, _>(1).map(|sum| sum as f64))
        })
        .collect();
    falling.sort_by(|one, other| one.0.cmp(&other.0).then(one.1.partial_cmp(&other.1).unwrap()));
    answer.sort_by(|one, other| one.0.cmp(&other.0).then(one.1.partial_cmp(&other.1).unwrap()));
    assert_eq!(answer, falling);
    assert!(!falling.is_empty(), "{falling:?}");
}
