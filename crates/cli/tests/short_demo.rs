//! Sixty days of sixty partners, end to end through the real binary; what must hold of every mail is read from the mails.
#![allow(clippy::disallowed_methods, reason = "tests of a binary work on files")]

mod project;

use std::collections::BTreeMap;
use std::path::Path;

use mail_parser::{MessageParser, MimeHeaders as _};
use serde_json::Value;

use self::project::rapport;

fn play(folder: &Path, seed: &str) -> Value {
    let wanted = ["demo", "--dir", "demo", "--partners", "60", "--days", "60", "--json", "--seed", seed];
    let output = rapport(folder, &wanted);
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn explain(folder: &Path, partner: &str) -> Value {
    let output = rapport(folder, &["--dir", "demo", "explain", partner, "--json"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn total(counts: &Value) -> i64 {
    counts.as_object().unwrap().values().filter_map(Value::as_i64).sum()
}

#[test]
fn a_short_demo_keeps_its_promises() {
    let folder = tempfile::tempdir().unwrap();
    let summary = play(folder.path(), "1");
    for key in ["partners", "events", "signals", "journeys", "mails_sent_by_workflow", "not_sent_by_reason", "dips"] {
        assert!(!summary[key].is_null(), "{key} is missing in {summary}");
    }
    assert!(summary["events"].as_i64().unwrap() > 1000, "{summary}");
    assert_eq!(summary["dead_letters"], 0, "{summary}");
    let sent = total(&summary["mails_sent_by_workflow"]);
    assert!(sent > 0, "{summary}");

    // The folder of the mails and the counts tell the same.
    let mails: Vec<Vec<u8>> = std::fs::read_dir(folder.path().join("demo/mails/new"))
        .unwrap()
        .flatten()
        .map(|entry| std::fs::read(entry.path()).unwrap())
        .collect();
    assert_eq!(mails.len() as i64, sent);

    let mut by_address: BTreeMap<String, usize> = BTreeMap::new();
    let mut partners: BTreeMap<String, Value> = BTreeMap::new();
    for bytes in &mails {
        let mail = MessageParser::default().parse(bytes.as_slice()).unwrap();
        let address = mail.to().unwrap().first().unwrap().address().unwrap().to_owned();
        *by_address.entry(address.clone()).or_default() += 1;
        assert!(mail.subject().is_some_and(|subject| !subject.is_empty()));
        assert!(mail.body_text(0).is_some_and(|text| text.len() > 80), "no text in a mail to {address}");
        assert!(mail.html_bodies().any(|part| part.content_type().is_some_and(|kind| kind.subtype() == Some("html"))));
        let id = address.split('@').next().unwrap().replacen('.', "-", 1);
        let told = partners.entry(id.clone()).or_insert_with(|| explain(folder.path(), &id));
        let person = &told["person"];
        if mail.header("List-Unsubscribe").is_some() {
            assert_eq!(person["consent"]["given"], true, "marketing without consent: {address}");
        }
        // Never at night and never on a weekend, where the partner lives.
        let zone = jiff::tz::TimeZone::get(person["zone"].as_str().unwrap()).unwrap();
        let at = jiff::Timestamp::from_second(mail.date().unwrap().to_timestamp()).unwrap().to_zoned(zone);
        assert!((8..20).contains(&at.hour()), "a mail to {address} at {at}");
        assert!(at.weekday().to_monday_zero_offset() < 5, "a mail to {address} at {at}");
    }

    // The same seed plays the same year again.
    let again = play(folder.path(), "1");
    assert_eq!(again, summary);
}

/// A few days of a few partners are enough to see whose files are played.
#[test]
fn a_demo_plays_the_projects_programme_and_keeps_what_somebody_edited() {
    let project = self::project::project();
    let folder = project.path();
    self::project::edit(
        folder,
        "config/rapport.yaml",
        "  default:\n    name: Acme Partners",
        "  acme:\n    name: Acme Partners",
    );
    let wanted = ["demo", "--partners", "8", "--days", "4"];
    let told = self::project::check(folder, &wanted, 0, &["Acme Partners"]);
    assert!(!told.contains("not taken in") && told.contains("  8 partners"), "{told}");
    let mode = std::os::unix::fs::PermissionsExt::mode(
        &std::fs::metadata(folder.join("rapport-demo/rapport.key")).unwrap().permissions(),
    );
    assert_eq!(mode & 0o777, 0o600);
    // Once more over files nobody touched, then over somebody's work.
    self::project::check(folder, &wanted, 0, &[]);
    let mail = "rapport-demo/workflows/welcome/hello.mail.md";
    self::project::edit(folder, mail, "subject:", "subject: Edited");
    self::project::check(folder, &wanted, 2, &["edited since the last demo", "welcome/hello.mail.md", "--fresh"]);
    assert!(std::fs::read_to_string(folder.join(mail)).unwrap().contains("Edited"));
    self::project::check(folder, &["demo", "--partners", "8", "--days", "4", "--fresh"], 0, &[]);
    assert!(!std::fs::read_to_string(folder.join(mail)).unwrap().contains("Edited"));
}
