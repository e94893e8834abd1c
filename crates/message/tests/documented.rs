//! Every helper is in docs/workflow-language.md, with an example that shows what it says.

use std::collections::{BTreeMap, BTreeSet};

use rapport_message::sample::surroundings;
use rapport_message::{Layout, Links, Locale, Mail, Request, helpers, render};
use rapport_rule::{Findings, Source};
use serde_json::Value as Json;

fn read(path: &str) -> Source {
    let file = format!("{}/../../{path}", env!("CARGO_MANIFEST_DIR"));
    #[allow(clippy::disallowed_methods, reason = "a test reads the files it is about")]
    Source::new(path, std::fs::read_to_string(file).unwrap())
}

struct Row {
    helper: String,
    example: String,
    english: String,
    german: String,
}

/// The section, its values and its rows.
fn documented() -> (Json, Vec<Row>) {
    let page = read("docs/workflow-language.md").text;
    let section = page.split("### Helpers in mails").nth(1).unwrap().split("\n### ").next().unwrap();
    let known = section.split("```json\n").nth(1).unwrap().split("```").next().unwrap();
    let rows = section.lines().filter(|line| line.starts_with("| `")).map(|line| {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let [_, helper, _, example, english, german, _] = cells.as_slice() else { panic!("{line}") };
        let bare = |cell: &str| cell.trim_matches('`').to_owned();
        let german = if german.is_empty() { english } else { german };
        Row { helper: bare(helper), example: bare(example), english: (*english).into(), german: (*german).into() }
    });
    (serde_json::from_str(known).unwrap(), rows.collect())
}

/// The text of a body, on one line with plain spaces, without the frame.
fn shown(body: &str, known: &Json, tag: &str) -> String {
    let mut findings = Findings::new();
    let layout = Layout::parse(
        &read("config/layout.mail.html"),
        &read("config/layout.mail.txt"),
        &Locale::english(),
        &mut findings,
    );
    let text = format!("---\nsubject: x\n---\n{body}\n");
    let mail = Mail::parse(&Source::new("workflows/w/hello.mail.md", text), &mut findings);
    let mail = mail.unwrap_or_else(|| panic!("{body}: {:?}", findings.iter().collect::<Vec<_>>()));
    let around = surroundings();
    let link = |id: &str, path: &str| BTreeMap::from([(id.to_owned(), format!("https://p.example/{path}"))]);
    let links = Links {
        unsubscribe: Some("https://p.example/u".into()),
        why: "https://p.example/w".into(),
        preferences: None,
        answers: link("too-little", "a"),
        goals: link("p-1", "g"),
        certificates: link("e-1", "c"),
        reviews: link("quarter", "v"),
    };
    let request = Request {
        context: known,
        locale: &Locale::parse(tag).unwrap(),
        person: &around.person,
        sender: &around.sender,
        program: &around.program,
        imprint: &around.imprint,
        topic: &around.topic,
        links: &links,
        reason: None,
    };
    let rendered = render(&mail, &layout.unwrap(), &request).unwrap_or_else(|error| panic!("{body}: {error}"));
    let own = rendered.text.split("\n\nInes Dahl\n").next().unwrap_or_default();
    own.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn every_helper_does_what_its_example_says() {
    let (known, rows) = documented();
    let wrong: Vec<String> = rows
        .iter()
        .flat_map(|row| [("en", row, &row.english), ("de", row, &row.german)])
        .filter_map(|(tag, row, expected)| {
            let found = shown(&row.example, &known, tag);
            (found != *expected).then(|| format!("{} in {tag}: {found:?}, not {expected:?}", row.example))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    for row in &rows {
        assert!(row.example.contains(&row.helper), "{} shows no `{}`", row.example, row.helper);
    }
}

#[test]
fn no_helper_is_left_out() {
    let rows: BTreeSet<String> = documented().1.into_iter().map(|row| row.helper).collect();
    let known: BTreeSet<String> = helpers().map(|(name, _)| name.to_owned()).collect();
    assert_eq!(rows, known);
}
