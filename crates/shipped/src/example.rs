//! The example of a code's page in a whole project: the shipped configuration, the shipped let-go review, and a workflow
//! `greeting` that greets new partners with one mail.

use std::collections::BTreeMap;

use rapport_rule::codes::Place;
use rapport_rule::{Source, Sources};

use crate::{folders, root};

/// Codes that hang on the machine rapport runs on, so that the files alone do not give them: `rapport check` does.
pub const OF_THE_MACHINE: [(&str, &str); 13] = [
    ("R0550", "where things run is read when a command starts"),
    ("R0551", "where things run is read when a command starts"),
    ("R0552", "a variable is set on a machine, not in the files"),
    ("R0553", "stands in the environment"),
    ("R0554", "a key is mostly filled in from the environment"),
    ("R0555", "where things run is read when a command starts"),
    ("R0556", "where things run is read when a command starts"),
    ("R0557", "keys of mail providers stand in files and variables of the machine"),
    ("R0559", "keys that sign mail stand in files and variables of the machine"),
    ("R0570", "where things run is read when a command starts"),
    ("R0572", "where things run is read when a command starts"),
    ("R0573", "where things run is read when a command starts"),
    ("R0608", "where things run is read when a command starts"),
];

/// Codes that hang on the partners there are: `rapport check --history` gives them, the files alone never do.
pub const OF_THE_HISTORY: [&str; 2] = ["R0598", "R0599"];

const WORKFLOW: &str = "workflows/greeting/workflow.yaml";
const GREETING: &str = "\
workflow: Greeting
owner: partner-success@acme.example
mail: { kind: marketing, topic: onboarding, from: ines }
when: partner.approved
once: per partner
steps:
  - email: hello
";
const HELLO: &str = "workflows/greeting/hello.mail.md";
const MAIL: &str = "---\nsubject: Hello\n---\nGood morning.\n";

/// The project with an example at its place. What [`Place::Environment`] and [`Place::Told`] say is not in it.
///
/// # Panics
/// When a file of the repository cannot be read.
#[must_use]
pub fn project(place: &Place, example: &str) -> Sources {
    let shipped = folders(&["config", "workflows/let-go-review"]);
    let mut files: BTreeMap<String, String> =
        shipped.iter().map(|source| (source.path.clone(), source.text.clone())).collect();
    files.insert(WORKFLOW.into(), GREETING.into());
    match place {
        Place::Names => {
            files.extend(example.lines().map(|path| (path.to_owned(), something(path))));
            let greets = example.lines().any(|path| path.starts_with("workflows/greeting/hello."));
            if !greets {
                files.insert(HELLO.into(), MAIL.into());
            }
        }
        Place::In(parts) => {
            files.insert(HELLO.into(), MAIL.into());
            for (path, lines) in *parts {
                let lines = filled(lines, example);
                let text = match files.get(*path) {
                    Some(text) if path.ends_with(".yaml") => with_keys(text, &lines),
                    _ => lines,
                };
                files.insert((*path).to_owned(), text);
            }
            keep_mails_named(&mut files);
        }
        Place::Environment | Place::Told(_) => {
            files.insert(HELLO.into(), MAIL.into());
        }
    }
    files.into_iter().map(|(path, text)| Source::new(path, text)).collect()
}

/// What a file of this name may hold.
fn something(path: &str) -> String {
    if path.ends_with(".mail.md") {
        MAIL.to_owned()
    } else if path.starts_with("config/") {
        std::fs::read_to_string(root().join("config/segments.yaml")).expect("a file of the repository")
    } else {
        GREETING.to_owned()
    }
}

/// The lines with the example where `…` stands, each of its lines as far to the right.
fn filled(lines: &str, example: &str) -> String {
    let Some((before, after)) = lines.split_once('…') else { return lines.to_owned() };
    let indent = before.rsplit('\n').next().unwrap_or_default();
    let indent = if indent.trim().is_empty() { indent } else { "" };
    format!("{before}{}{after}", example.replace('\n', &format!("\n{indent}")))
}

/// The file without the keys that stand in the lines, and then the lines.
fn with_keys(text: &str, lines: &str) -> String {
    let key =
        |line: &str| line.split_once(':').map(|(key, _)| key.to_owned()).filter(|key| !key.starts_with([' ', '#']));
    let replaced: Vec<String> = lines.lines().filter_map(key).collect();
    let mut kept = String::new();
    let mut keeps = true;
    for line in text.lines() {
        if let Some(key) = key(line) {
            keeps = !replaced.contains(&key);
        }
        if keeps {
            kept.push_str(line);
            kept.push('\n');
        }
    }
    kept + lines + "\n"
}

/// Mails stand beside examples for the steps that send them; one that no step names would be a finding of its own.
fn keep_mails_named(files: &mut BTreeMap<String, String>) {
    let workflow = files.get(WORKFLOW).cloned().unwrap_or_default();
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '-';
    let words: Vec<&str> = workflow.split(|c| !is_part(c)).collect();
    files.retain(|path, _| {
        let mail =
            path.strip_prefix("workflows/greeting/").and_then(|file| file.split_once(".mail.")).map(|(name, _)| name);
        mail.is_none_or(|mail| words.contains(&mail))
    });
}
