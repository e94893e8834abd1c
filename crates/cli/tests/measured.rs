//! What `rapport report --workflows` and `--holdouts` say of a played programme, against the mails on disk and the counts of the demo.
#![allow(clippy::disallowed_methods, reason = "tests of a binary work on files")]

mod project;

use std::collections::BTreeMap;
use std::path::Path;

use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::record::Field;
use serde_json::Value;

use self::project::{check, rapport};

fn json(folder: &Path, arguments: &[&str]) -> Value {
    let output = rapport(folder, arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn number(of: &Value, name: &str) -> i64 {
    of[name].as_i64().unwrap_or_else(|| panic!("{name} is no number in {of}"))
}

/// Lines of CSV without quotes, by head.
fn table(text: &str) -> Vec<BTreeMap<String, String>> {
    let mut lines = text.lines();
    let heads: Vec<&str> = lines.next().unwrap().split(',').collect();
    let row = |line: &str| {
        let cells: Vec<String> = line.split(',').map(str::to_owned).collect();
        assert_eq!(cells.len(), heads.len(), "{line}");
        heads.iter().map(|head| (*head).to_owned()).zip(cells).collect()
    };
    lines.map(row).collect()
}

#[test]
fn every_mail_is_in_one_place_and_every_conversion_counts_once() {
    let folder = tempfile::tempdir().unwrap();
    let demo = folder.path();
    let summary = json(demo, &["demo", "--dir", "demo", "--partners", "60", "--days", "60", "--json", "--seed", "3"]);
    let report = json(demo, &["--dir", "demo", "report", "--workflows", "--last", "400d", "--format", "json"]);
    let steps = report["steps"].as_array().unwrap();
    assert!(steps.len() > 3, "{report}");
    for step in steps.iter().chain(report["workflows"].as_object().unwrap().values()).chain([&report["all"]]) {
        let places = ["waiting", "suppressed", "cancelled", "expired", "failed", "in_doubt", "sent"];
        assert_eq!(number(step, "planned"), places.iter().map(|place| number(step, place)).sum::<i64>(), "{step}");
        assert_eq!(number(step, "delivered"), number(step, "sent") - number(step, "bounced"), "{step}");
        for (sum, by) in [("suppressed", "suppressed_by"), ("deferred", "deferred_by"), ("cancelled", "cancelled_by")] {
            let reasons = step[by].as_object().unwrap().values().filter_map(Value::as_i64).sum::<i64>();
            assert_eq!(number(step, sum), reasons, "{step}");
        }
    }
    // What the mailer wrote to disk, and what the demo itself counted.
    let files = std::fs::read_dir(demo.join("demo/mails/new")).unwrap().count() as i64;
    assert_eq!(number(&report["all"], "sent"), files);
    for (workflow, sent) in summary["mails_sent_by_workflow"].as_object().unwrap() {
        assert_eq!(number(&report["workflows"][workflow], "sent"), sent.as_i64().unwrap(), "{workflow}");
    }
    let column = |name: &str| steps.iter().map(|step| number(step, name)).sum::<i64>();
    for name in ["planned", "deferred", "replied", "answered", "conversions", "revenue_minor"] {
        assert_eq!(column(name), number(&report["all"], name), "{name}");
        assert!(number(&report["all"], name) > 0, "nothing {name} in {report}");
    }
    // No conversion is counted for two mails: there are not more than the programme had.
    let sold = json(demo, &["--dir", "demo", "report", "conversions_90d", "--format", "json"]);
    assert!(number(&report["all"], "conversions") <= sold["rows"][0]["values"]["all"].as_i64().unwrap(), "{sold}");

    let csv = rapport(demo, &["--dir", "demo", "report", "--workflows", "--last", "400d", "--format", "csv"]);
    let rows = table(&String::from_utf8(csv.stdout).unwrap());
    assert_eq!(rows.len(), steps.len());
    for (row, step) in rows.iter().zip(steps) {
        assert_eq!(row["mail"], step["mail"].as_str().unwrap());
        for name in ["planned", "sent", "deferred", "suppressed", "replied", "answered", "conversions"] {
            assert_eq!(row[name].parse::<i64>().unwrap(), number(step, name), "{name} of {row:?}");
        }
        let revenue = row["revenue"].parse::<f64>().unwrap() * 100.0;
        assert_eq!(revenue.round() as i64, number(step, "revenue_minor"), "{row:?}");
        assert_eq!(row["currency"], report["currency"].as_str().unwrap());
    }

    // Sixty partners cannot say what writing brought, and the report does not.
    let holdouts = json(demo, &["--dir", "demo", "report", "--holdouts", "--last", "400d", "--format", "json"]);
    let drawn = holdouts["holdouts"].as_array().unwrap();
    assert!(!drawn.is_empty(), "{holdouts}");
    for holdout in drawn {
        for outcome in ["sold_at_all", "conversions", "revenue"] {
            assert_eq!(holdout["outcomes"][outcome]["not_enough_data"], "too_few_partners", "{holdout}");
        }
    }
    check(demo, &["--dir", "demo", "report", "--holdouts"], 0, &["re-engagement", "holdout 10 %", "not enough data"]);
    check(demo, &["--dir", "demo", "report", "--workflows", "welcome"], 0, &["welcome", "planned", "no holdout"]);
    check(demo, &["--dir", "demo", "report", "--workflows", "welcom"], 2, &["no workflow `welcom`", "`welcome`"]);
    check(demo, &["--dir", "demo", "report", "--workflows", "--last", "0d"], 2, &["is no window"]);
    check(demo, &["--dir", "demo", "report", "--workflows", "--partners"], 2, &["cannot be used with"]);

    surveys(demo, &report);
    read_back(demo);
}

/// Every report as Parquet has the rows of its CSV; a file is replaced as a whole.
fn read_back(demo: &Path) {
    let reports: [(&str, &[&str]); 6] = [
        ("programme", &[]),
        ("programme", &["--by", "type"]),
        ("partners", &["--partners", "--limit", "1000"]),
        ("workflows", &["--workflows", "--last", "400d"]),
        ("holdouts", &["--holdouts", "--last", "400d"]),
        ("surveys", &["--surveys", "motivation", "--last", "400d"]),
    ];
    for (name, arguments) in reports {
        let report = [&["--dir", "demo", "report"][..], arguments].concat();
        let printed = rapport(demo, &[&report[..], &["--format", "csv"]].concat());
        let csv = table(&String::from_utf8(printed.stdout.clone()).unwrap());
        assert!(!csv.is_empty(), "{name}");
        let to_file =
            |format: &'static str, file: &'static str| [&report[..], &["--format", format, "--output", file]].concat();
        check(demo, &to_file("parquet", "report.parquet"), 0, &["the report is in report.parquet"]);
        assert_eq!(parquet(&demo.join("report.parquet"), name, &csv), csv.len(), "{name}");
        check(demo, &to_file("csv", "report.csv"), 0, &[]);
        assert_eq!(std::fs::read(demo.join("report.csv")).unwrap(), printed.stdout, "{name}");
    }
    let left = std::fs::read_dir(demo).unwrap().flatten();
    let left: Vec<_> = left.filter(|entry| entry.path().extension().is_some_and(|end| end == "partial")).collect();
    assert!(left.is_empty(), "{left:?}");
    let report = ["--dir", "demo", "report", "--format"];
    let refused = |more: &[&str], says: &[&str]| {
        check(demo, &[&report[..], more].concat(), 2, says);
    };
    refused(&["parquet"], &["`--format parquet` needs a file", "--output report.parquet"]);
    refused(&["human", "--output", "report.txt"], &["columns for people", "--format csv, json or parquet"]);
    refused(&["parquet", "--output", "demo"], &["`demo` is no regular file"]);
    refused(&["parquet", "--output", "report.parquet", "--save"], &["cannot be used with"]);
    check(demo, &[&report[..], &["csv", "--output", "none/report.csv"]].concat(), 1, &["cannot be written"]);
}

/// Compares cell by cell; how many rows there were.
fn parquet(path: &Path, name: &str, csv: &[BTreeMap<String, String>]) -> usize {
    let reader = SerializedFileReader::try_from(path).unwrap();
    let metadata = reader.metadata().file_metadata().key_value_metadata().unwrap();
    let told = metadata.iter().find(|pair| pair.key == "rapport.report").unwrap();
    assert_eq!(told.value.as_deref(), Some(name));
    let mut rows = 0;
    for (row, expected) in reader.get_row_iter(None).unwrap().zip(csv) {
        let row = row.unwrap();
        assert_eq!(row.len(), expected.len(), "{name}");
        for (head, field) in row.get_column_iter() {
            let expected = &expected[head];
            let decimals = expected.split_once('.').map_or(0, |(_, decimals)| decimals.len());
            let found = match field {
                Field::Null => String::new(),
                Field::Str(text) => text.clone(),
                Field::Long(count) => count.to_string(),
                Field::Double(value) => format!("{value:.decimals$}"),
                Field::Decimal(decimal) => {
                    assert_eq!(decimal.scale(), decimals as i32, "{name} {head}");
                    let minor = i64::from_be_bytes(decimal.data().try_into().unwrap());
                    assert_eq!(Some(minor), expected.replace('.', "").parse().ok(), "{name} {head}");
                    expected.clone()
                }
                other => panic!("{name} {head}: {other:?}"),
            };
            assert_eq!(&found, expected, "{name} {head}");
        }
        rows += 1;
    }
    assert_eq!(reader.metadata().file_metadata().num_rows(), rows as i64, "{name}");
    rows
}

/// Each survey's answers add up, and what is told of its mails is what the report of workflows tells.
fn surveys(demo: &Path, workflows: &Value) {
    let report = json(demo, &["--dir", "demo", "report", "--surveys", "--last", "400d", "--format", "json"]);
    let surveys = report["surveys"].as_array().unwrap();
    let mut answered = 0;
    for survey in surveys {
        for told in survey["told"].as_array().unwrap() {
            if survey["anonymous"] == true && told.get("held_back").is_some() {
                assert!(told.get("answers").is_none() && told.get("distribution").is_none(), "{told}");
                continue;
            }
            let counted =
                told["distribution"].as_array().unwrap().iter().map(|row| number(row, "answers")).sum::<i64>();
            assert_eq!(number(told, "answers"), counted, "{survey}");
            assert!(number(told, "answered") <= number(told, "asked"), "{survey}");
            answered += number(told, "answered");
            let score = told["score"].as_f64();
            assert_eq!(
                score.is_some(),
                counted > 0 && survey["type"] != "choice" && survey["type"] != "text",
                "{survey}"
            );
        }
    }
    assert_eq!(answered, number(&workflows["all"], "answered"), "{report}");
    let motivation = surveys.iter().find(|survey| survey["survey"] == "motivation").unwrap();
    assert!(number(&motivation["told"][0], "answers") > 0, "{motivation}");
    let pulse = surveys.iter().find(|survey| survey["survey"] == "pulse").unwrap();
    assert_eq!(pulse["told"].as_array().unwrap().last().unwrap()["held_back"], "fewer than five answers");

    check(demo, &["--dir", "demo", "report", "--surveys", "motivation"], 0, &["motivation", "answered", "%"]);
    check(demo, &["--dir", "demo", "report", "--surveys", "pulse"], 0, &["anonymous csat", "fewer than five answers"]);
    check(demo, &["--dir", "demo", "report", "--surveys", "motivatoin"], 2, &["no survey", "`motivation`"]);
    check(demo, &["--dir", "demo", "report", "--surveys", "--workflows"], 2, &["cannot be used with"]);
    let csv = rapport(demo, &["--dir", "demo", "report", "--surveys", "motivation", "--format", "csv"]);
    let rows = table(&String::from_utf8(csv.stdout).unwrap());
    assert_eq!(rows.len(), 4);
    assert!(
        rows.iter().all(|row| row["survey"] == "motivation" && row["type"] == "choice" && row["period"].is_empty())
    );
}
