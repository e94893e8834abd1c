//! `rapport check --history` holds the files against the partners of the store.
#![allow(clippy::disallowed_methods, reason = "tests read and write files")]

mod project;

use std::path::Path;

use project::{check, edit, project};
use serde_json::json;

/// Takes in 24 partners who sold once each, approved when the programme began or long before it.
fn take_in(folder: &Path, are_veterans: bool) {
    let mut log = String::new();
    let mut line = |id: String, kind: &str, partner: &str, at: &str, data: serde_json::Value| {
        let event = json!({ "id": id, "kind": kind, "program": "default", "partner": partner, "occurred_at": at, "data": data });
        log.push_str(&format!("{event}\n"));
    };
    let partners: Vec<String> = (0..24).map(|number| format!("p{number}")).collect();
    for (number, partner) in partners.iter().enumerate() {
        let mut data = json!({ "name": partner });
        // Of a few it is known where they live.
        if number < 4 {
            data["country"] = json!("NO");
        }
        if are_veterans {
            data["approved_at"] = json!("2019-05-01T00:00:00Z");
        }
        line(format!("a{number}"), "partner.approved", partner, "2026-06-01T09:00:00Z", data);
    }
    for (number, partner) in partners.iter().enumerate() {
        let at = "2026-06-02T09:00:00Z";
        let data = json!({ "conversion_id": format!("c{number}"), "status": "approved", "amount": 4000, "commission": 100,
            "currency": "EUR", "occurred_at": at });
        line(format!("s{number}"), "conversion", partner, at, data);
    }
    std::fs::write(folder.join("log.jsonl"), log).unwrap();
    check(folder, &["ingest", "log.jsonl", "--clock", "replay"], 0, &[]);
}

#[test]
fn what_is_compared_with_the_weeks_before_a_programme_began_is_no_fault_of_the_condition() {
    let project = project();
    let folder = project.path();
    take_in(folder, true);
    let segments =
        "segments:\n  more: { if: clicks_28d > clicks_28d_before }\n  moon: { if: conversions_28d >= 40000 }\n";
    edit(folder, "config/segments.yaml", "segments:\n", segments);
    let told =
        check(folder, &["check", "--history"], 0, &["`conversions_28d >= 40000` is true for none of 24 partners"]);
    // A line that is shown for another clause of it has the name, too.
    assert!(!told.contains("_before` cannot be judged") && !told.contains("_before` is true"), "{told}");
}

#[test]
fn conditions_that_tell_nobody_apart_are_found_with_how_many_were_asked() {
    let project = project();
    let folder = project.path();
    take_in(folder, false);
    let segments = "segments:\n  moon: { if: conversions_total >= 40000 }\n  sellers: { if: conversions_total >= 1 }\n  \
                    northern: { if: partner.country == \"NO\" }\n";
    edit(folder, "config/segments.yaml", "segments:\n", segments);
    let plain = check(folder, &["check"], 0, &[]);
    assert!(!plain.contains("R0598") && !plain.contains("R0599"), "{plain}");
    check(
        folder,
        &["check", "--history"],
        0,
        &[
            "R0599: `conversions_total >= 40000` is true for none of 24 partners",
            "R0599: `conversions_total >= 1` is true for all 24 partners",
            "R0598: `partner.country == \"NO\"` cannot be judged for 20 of 24 partners",
            "`partner.country` is missing for 20 of them",
        ],
    );
}
