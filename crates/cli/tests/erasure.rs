//! What a partner may ask for: everything that is kept of them, and that it goes.
#![allow(clippy::disallowed_methods, reason = "tests of a binary work on files")]

mod project;

use std::path::Path;

use self::project::{Running, command, delivered_to, edit, project, text};

#[track_caller]
fn check(folder: &Path, arguments: &[&str], code: i32, says: &[&str]) -> String {
    project::told(&command(folder).args(arguments).output().unwrap(), arguments, code, says)
}

#[track_caller]
fn until(folder: &Path, arguments: &[&str], says: &str) -> String {
    let ask = || text(&command(folder).args(arguments).output().unwrap());
    project::until(&format!("{arguments:?} to say `{says}`"), || Some(ask()).filter(|said| said.contains(says)))
}

fn approved(partner: &str, id: &str) -> String {
    format!(
        r#"{{"id":"{id}","kind":"partner.approved","program":"default","partner":"{partner}","occurred_at":"2026-01-05T10:00:00Z","data":{{"name":"{partner} Lovelace","email":"{partner}@letters.example","consent":{{"given":true,"source":"form","time":"2026-01-05T10:00:00Z"}}}}}}"#
    ) + "\n"
}

const TELLING: [&str; 4] = ["ada@letters.example", "ada Lovelace", "Lovelace wrote", "+44 555 0199"];

/// Files below the folder that hold one of the words, in whatever place: pages of the database that nothing stands on, too.
fn holding(folder: &Path, words: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(holding(&path, words));
            continue;
        }
        let Ok(bytes) = std::fs::read(&path) else { continue };
        let text = String::from_utf8_lossy(&bytes).to_lowercase();
        found.extend(
            words
                .iter()
                .filter(|word| text.contains(&word.to_lowercase()))
                .map(|word| format!("{}: {word}", path.strip_prefix(folder).unwrap_or(&path).display())),
        );
    }
    found
}

/// A project without quiet hours, with two partners who were welcomed, and what a person wrote about one of them.
fn welcomed() -> (tempfile::TempDir, Running) {
    let project = project();
    let folder = project.path();
    let quiet = "  quiet_hours: { from: \"20:00\", to: \"08:00\", zone: partner, weekends: hold }\n";
    edit(folder, "config/rapport.yaml", quiet, "");
    check(folder, &["apply", "--approved-by", "ines", "--since", "2020-01-01"], 0, &[]);
    std::fs::write(folder.join("events.jsonl"), approved("ada", "a-1") + &approved("bob", "b-1")).unwrap();
    check(folder, &["ingest", "events.jsonl"], 0, &["2 events taken in"]);
    std::fs::remove_file(folder.join("events.jsonl")).unwrap();
    let running = Running::start(command(folder), &["engine", "relay", "mailer"]);
    for partner in ["ada", "bob"] {
        until(folder, &["explain", partner], "sent");
    }
    (project, running)
}

/// What a person is given of themselves: a file they can read, with what was sent to them and what is known of them.
#[test]
fn a_partner_is_exported() {
    let (project, _running) = welcomed();
    let folder = project.path();
    check(folder, &["export", "nobody"], 1, &["there is no partner `nobody`"]);
    check(folder, &["export", "ada", "--out", "ada.json"], 0, &["everything kept of default/ada"]);
    check(folder, &["export", "ada", "--out", "ada.json"], 1, &["making the file"]);
    let exported: serde_json::Value = serde_json::from_slice(&std::fs::read(folder.join("ada.json")).unwrap()).unwrap();
    assert_eq!(exported["partner"], "default/ada");
    assert_eq!(exported["person"]["email"], "ada@letters.example");
    assert_eq!(exported["erased_at"], serde_json::Value::Null);
    let mail = &exported["kept"]["message"][0];
    assert_eq!((&mail["workflow"], &mail["address"]), (&"welcome".into(), &"ada@letters.example".into()), "{exported}");
    // Instants as a person reads them, in every table.
    for (table, at) in [("message", "planned_at"), ("journey", "started_at"), ("person", "version")] {
        let told = exported["kept"][table][0][at].as_str().unwrap_or_default();
        assert!(told.starts_with("20") && told.ends_with('Z'), "{table}.{at}: {}", exported["kept"][table][0]);
    }
    assert!(!exported.to_string().contains("bob"), "{exported}");
}

/// Asked for, done, not found again in any file; the figures stay; told again it stays away; nothing is sent any more.
#[test]
fn an_erased_partner_is_found_nowhere() {
    let (project, running) = welcomed();
    let folder = project.path();
    let objective = "ada Lovelace wrote, from +44 555 0199";
    check(folder, &["case", "open", "ada", "--objective", objective, "--owner", "ines", "--due", "2099-01-05"], 0, &[]);
    check(folder, &["hold", "ada", "--until", "3 days", "--because", "they asked for rest"], 0, &[]);
    std::fs::write(folder.join("broken.jsonl"), "{\"partner\":\"ada\",\"name\":\"ada Lovelace\"\n").unwrap();
    check(folder, &["ingest", "broken.jsonl"], 2, &["1 refused"]);
    std::fs::remove_file(folder.join("broken.jsonl")).unwrap();
    assert!(!holding(folder, &TELLING).is_empty());
    let before = delivered_to(folder);
    assert!(before.contains(&"ada@letters.example".to_owned()) && before.contains(&"bob@letters.example".to_owned()));

    check(folder, &["erase", "nobody"], 1, &["there is no partner `nobody`"]);
    check(folder, &["erase", "ada"], 0, &["would be erased", "--yes"]);
    check(folder, &["erase", "ada", "--yes"], 2, &["say why"]);
    assert_eq!(delivered_to(folder), before, "nothing was done");
    let mail = |file: std::fs::DirEntry| {
        let bytes = std::fs::read(file.path()).unwrap();
        String::from_utf8_lossy(&bytes).contains(TELLING[0]).then(|| (file.path(), bytes))
    };
    let (mail, bytes) = std::fs::read_dir(folder.join("mails/new")).unwrap().flatten().find_map(mail).unwrap();
    let because = ["erase", "ada", "--yes", "--because", "asked by mail"];
    check(folder, &because, 0, &["default/ada is erased", "1 captured mail", "none is left"]);
    // As if it had been interrupted before it came to the captured mail.
    std::fs::write(&mail, bytes).unwrap();
    check(folder, &because, 0, &["0 addresses", "1 captured mail", "nothing personal was known"]);
    until(folder, &["explain", "ada"], "erased");
    let quiet = |running: Running| {
        drop(running);
        // What processes wrote after the erasure, into files of their own too.
        assert_eq!(holding(folder, &TELLING), [""; 0]);
    };
    quiet(running);
    assert_eq!(delivered_to(folder), ["bob@letters.example"]);
    // What names nobody is kept: the journey, and that a mail left.
    check(folder, &["explain", "ada"], 0, &["welcome", "erased"]);
    check(folder, &["doctor"], 0, &["all hold"]);

    // The same again, as another file; and somebody else who comes with the address.
    let theirs = approved("eve", "e-1").replace("eve@letters.example", "Ada@Letters.example");
    std::fs::write(folder.join("again.jsonl"), approved("ada", "a-2") + &theirs).unwrap();
    check(folder, &["ingest", "again.jsonl"], 0, &["2 events taken in"]);
    let running = Running::start(command(folder), &["engine", "relay", "mailer"]);
    until(folder, &["explain", "eve"], "suppressed");
    let said = check(folder, &["export", "ada"], 0, &["\"erased_at\": \"2"]);
    assert!(!said.contains("Lovelace") && !said.to_lowercase().contains("ada@"), "{said}");
    assert_eq!(delivered_to(folder), ["bob@letters.example"]);
    check(folder, &because, 0, &["nothing personal was known"]);
    check(folder, &["export", "bob"], 0, &["bob@letters.example"]);
    drop(running);
    check(folder, &["erase", "ada", "--yes", "--because", "once more", "--json"], 0, &["\"remains\":[]"]);
}

/// Of somebody whose events nobody has folded yet, only personal fields are known: they go as well, and stay away.
#[test]
fn a_partner_nobody_has_folded_yet_is_erased() {
    let project = project();
    let folder = project.path();
    check(folder, &["apply", "--approved-by", "ines"], 0, &[]);
    std::fs::write(folder.join("events.jsonl"), approved("ada", "a-1")).unwrap();
    check(folder, &["ingest", "events.jsonl"], 0, &["1 event taken in"]);
    std::fs::remove_file(folder.join("events.jsonl")).unwrap();
    check(folder, &["export", "default/ada"], 0, &[TELLING[0]]);
    let because = ["erase", "default/ada", "--yes", "--because", "asked"];
    check(folder, &because, 0, &["1 address (", "none is left"]);
    check(folder, &because, 0, &["nothing personal was known"]);
    check(folder, &["export", "default/ada"], 0, &["\"erased_at\": \"2"]);
    assert_eq!(holding(folder, &TELLING), [""; 0]);
}
