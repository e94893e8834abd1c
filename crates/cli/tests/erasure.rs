//! What a partner may ask for: everything that is kept of them, and that it goes.
#![allow(clippy::disallowed_methods, reason = "tests of a binary work on files")]

mod project;

use std::path::Path;

use self::project::{Running, command, edit, project, text};

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
        r#"{{"id":"{id}","kind":"partner.approved","program":"default","partner":"{partner}","occurred_at":"2026-01-05T10:00:00Z","data":{{"name":"{partner} Lovelace","email":"{partner}@blog.example","consent":{{"given":true,"source":"form","time":"2026-01-05T10:00:00Z"}}}}}}"#
    ) + "\n"
}

/// Asked for, done, not found again; told again it stays away, and the record ends what runs.
#[test]
fn a_partner_is_exported_and_erased() {
    let project = project();
    let folder = project.path();
    let quiet = "  quiet_hours: { from: \"20:00\", to: \"08:00\", zone: partner, weekends: hold }\n";
    edit(folder, "config/rapport.yaml", quiet, "");
    check(folder, &["apply", "--approved-by", "ines", "--since", "2020-01-01"], 0, &[]);
    std::fs::write(folder.join("events.jsonl"), approved("ada", "a-1") + &approved("bob", "b-1")).unwrap();
    check(folder, &["ingest", "events.jsonl"], 0, &["2 events taken in"]);
    check(folder, &["export", "default/ada"], 0, &["ada@blog.example", "ada Lovelace"]);
    check(folder, &["export", "nobody"], 1, &["there is no partner `nobody`"]);
    let running = Running::start(command(folder), &["engine", "relay", "mailer"]);
    until(folder, &["explain", "bob"], "welcome");
    check(folder, &["erase", "ada"], 0, &["would be erased", "--yes"]);
    check(folder, &["erase", "ada", "--yes"], 2, &["say why"]);
    check(folder, &["export", "ada", "--out", "ada.json"], 0, &["everything kept of default/ada"]);
    check(folder, &["export", "ada", "--out", "ada.json"], 1, &["making the file"]);
    let because = ["erase", "ada", "--yes", "--because", "asked by mail"];
    check(folder, &because, 0, &["default/ada is erased", "none is left"]);
    until(folder, &["explain", "ada"], "erased");
    // The same again, as another file.
    std::fs::write(folder.join("again.jsonl"), approved("ada", "a-2")).unwrap();
    check(folder, &["ingest", "again.jsonl"], 0, &["taken in"]);
    let said = check(folder, &["export", "ada"], 0, &["\"erased_at\": \"2", "partner"]);
    assert!(!said.contains("Lovelace") && !said.contains("ada@"), "{said}");
    check(folder, &because, 0, &["none is left"]);
    check(folder, &["export", "bob"], 0, &["bob@blog.example"]);
    drop(running);
    check(folder, &["erase", "ada", "--yes", "--because", "once more", "--json"], 0, &["\"remains\":[]"]);
}
