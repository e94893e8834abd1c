//! `rapport review` on the real binary: a period of a partner as text, page and data, and the link to it.
#![allow(clippy::disallowed_methods, reason = "tests of a binary work on files")]

mod project;

use std::path::Path;

use project::{check, project};
use serde_json::{Value, json};

fn line(id: &str, kind: &str, on: &str, data: &Value) -> String {
    let event = json!({
        "id": id, "kind": kind, "program": "default", "partner": "ada", "occurred_at": format!("{on}T10:00:00Z"), "data": data,
    });
    event.to_string() + "\n"
}

/// Ada sold twice in the second quarter and three times in the third; the log ends in October.
fn told(folder: &Path) {
    // What a workflow would do is not of interest here.
    std::fs::remove_dir_all(folder.join("workflows")).unwrap();
    std::fs::create_dir(folder.join("workflows")).unwrap();
    let hostile = "Ada </h1><script>x</script>";
    let approved = json!({ "name": hostile, "email": "ada@letters.example", "language": "de" });
    let mut log = line("a", "partner.approved", "2026-01-05", &approved);
    for (id, on) in
        ["2026-04-10", "2026-06-30", "2026-07-01", "2026-08-15", "2026-09-30", "2026-10-01"].into_iter().enumerate()
    {
        let sale = json!({
            "conversion_id": format!("c{id}"), "status": "approved", "amount": 10_000, "commission": 1_000, "currency": "EUR",
        });
        log += &line(&format!("c{id}"), "conversion", on, &sale);
    }
    log += &line("z", "login", "2026-10-20", &json!({}));
    std::fs::write(folder.join("log.jsonl"), log).unwrap();
    check(folder, &["ingest", "log.jsonl", "--clock", "replay"], 0, &[]);
}

#[test]
fn a_quarter_is_shown_as_text_page_and_data_and_by_a_link() {
    let project = project();
    let folder = project.path();
    told(folder);
    // In the partner's language; the last quarter that is over.
    check(folder, &["review", "ada"], 0, &["Rückblick auf Q3 2026", "Verkäufe: 3", "Q2 2026: 2", "300\u{a0}€"]);
    check(folder, &["review", "ada", "--program", "default", "--period", "2026-08"], 0, &["Aug. 2026", "Verkäufe: 1"]);
    let data: Value = serde_json::from_str(&check(folder, &["review", "ada", "--format", "json"], 0, &[])).unwrap();
    assert_eq!((&data["period"], &data["before"], &data["over"]), (&"2026-Q3".into(), &"2026-Q2".into(), &true.into()));
    let revenue = data["figures"].as_array().unwrap().iter().find(|line| line["name"] == "revenue").unwrap();
    assert_eq!(revenue["now"]["value"]["money"]["minor"], 30_000);
    assert_eq!(revenue["before"]["value"]["money"]["minor"], 20_000);
    let clicks = data["figures"].as_array().unwrap().iter().find(|line| line["name"] == "clicks").unwrap();
    assert_eq!(clicks["now"]["missing"], "never_told", "nobody told of clicks, so none is not 0");
    check(folder, &["review", "ada", "--format", "html", "--output", "ada.html"], 0, &["ada.html"]);
    let page = std::fs::read_to_string(folder.join("ada.html")).unwrap();
    assert!(page.contains("lang=\"de\"") && page.contains("@media print") && page.contains("role=\"img\""), "{page}");
    assert!(!page.contains("<script") && !page.contains("src=") && page.contains("&lt;script&gt;"), "{page}");
    let link = check(folder, &["review", "ada", "--link"], 0, &["https://partners.acme.example/v/"]);
    assert_eq!(link, check(folder, &["review", "ada", "--link", "--period", "2026-Q3"], 0, &[]), "the period is in it");
}

#[test]
fn what_cannot_be_looked_back_on_says_why() {
    let project = project();
    let folder = project.path();
    told(folder);
    check(folder, &["review", "ada", "--period", "last week"], 2, &["is no period", "2026-Q3"]);
    check(folder, &["review", "ada", "--period", "2027-Q1"], 1, &["the period begins on 2027-01-01"]);
    check(folder, &["review", "ada", "--period", "2024-Q1"], 1, &["not all kept any more"]);
    check(folder, &["review", "nobody"], 1, &["there is no partner `nobody`"]);
    check(folder, &["review", "ada", "--program", "other"], 1, &["there is no partner `other/ada`"]);
    check(folder, &["review", "ada", "--link", "--format", "json"], 2, &["cannot be used with"]);
}
