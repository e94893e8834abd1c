//! The JSON Schemas under `config/schema` are those the description of the files makes; the description is held against
//! the readers key by key; an independent validator accepts every file that is right and refuses what a schema can know.
//!
//! Written anew with `RAPPORT_BLESS=1 cargo test -p rapport-workflow --test schema`.
#![allow(clippy::disallowed_methods, reason = "a test reads the files it is about")]

mod corpus_files;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use rapport_rule::yaml::{self, Node, Value};
use rapport_rule::{Findings, Source, Sources, Span};
use rapport_workflow::compile_into;
use rapport_workflow::schema::{self, FILES, Part, Shape, VERBS};
use serde_json::{Value as Json, json};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(folder: &Path, sources: &mut Sources) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            read(&path, sources);
        } else {
            let name = path.strip_prefix(root()).unwrap().to_str().unwrap().replace('\\', "/");
            sources.add(Source::new(name, std::fs::read_to_string(&path).unwrap()));
        }
    }
}

fn shipped() -> Sources {
    let mut sources = Sources::new();
    read(&root().join("config"), &mut sources);
    read(&root().join("workflows"), &mut sources);
    sources
}

/// Every file that a corpus stands for: the corpus file's name, the path it stands for, its text.
fn corpus(folder: &str) -> Vec<(String, String, String)> {
    let files = std::fs::read_dir(root().join("tests/workflows").join(folder)).unwrap();
    let mut all = Vec::new();
    for path in files.map(|entry| entry.unwrap().path()).filter(|path| path.extension().is_some_and(|e| e == "yaml")) {
        let text = std::fs::read_to_string(&path).unwrap();
        let name = path.file_stem().unwrap().to_str().unwrap();
        all.extend(corpus_files::parts(&text).into_iter().map(|(path, text)| (name.to_owned(), path, text)));
    }
    all.sort();
    all
}

fn json_of(node: &Node) -> Json {
    match &node.value {
        Value::Null => Json::Null,
        Value::Bool(value) => json!(value),
        Value::Int(value) => json!(value),
        Value::Float(value) => json!(value),
        Value::String(text) => json!(text),
        Value::Seq(items) => items.iter().map(json_of).collect(),
        Value::Map(entries) => {
            Json::Object(entries.iter().map(|(key, node)| (key.text.clone(), json_of(node))).collect())
        }
    }
}

fn validators() -> BTreeMap<&'static str, jsonschema::Validator> {
    let new = |file: &schema::FileShape| {
        let schema = schema::json_schema(file);
        jsonschema::draft202012::meta::validate(&schema).unwrap_or_else(|error| panic!("{}: {error}", file.name));
        (file.name, jsonschema::draft202012::new(&schema).unwrap())
    };
    FILES.iter().map(new).collect()
}

#[test]
fn the_schemas_kept_are_those_made() {
    let bless = std::env::var_os("RAPPORT_BLESS").is_some();
    for file in &FILES {
        let path = root().join("config/schema").join(format!("{}.json", file.name));
        let made = serde_json::to_string_pretty(&schema::json_schema(file)).unwrap() + "\n";
        if bless {
            std::fs::write(&path, made).unwrap();
        } else {
            let kept = std::fs::read_to_string(&path).unwrap_or_default();
            assert!(kept == made, "{} is not what `rapport schema {}` prints", path.display(), file.name);
        }
    }
}

#[test]
fn every_right_file_is_accepted_and_names_its_schema() {
    let validators = validators();
    let mut wrong = Vec::new();
    let sources = shipped();
    let right = sources.iter().map(|source| (source.path.clone(), source.path.clone(), source.text.clone()));
    for (name, path, text) in right.chain(corpus("ok")) {
        let Some(file) = schema::of_path(&path) else { continue };
        let node = yaml::parse(&Source::new(path.clone(), text.clone()), &mut Findings::new()).unwrap();
        let instance = json_of(&node);
        let errors = validators[file.name].iter_errors(&instance);
        wrong.extend(errors.map(|error| format!("{name}: {} at {}", error, error.instance_path())));
        if name == path {
            let up = if path.starts_with("config/") { "schema" } else { "../../config/schema" };
            let line = format!("# yaml-language-server: $schema={up}/{}.json", file.name);
            assert_eq!(text.lines().next(), Some(line.as_str()), "{path}");
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_a_schema_can_know_is_refused() {
    let validators = validators();
    let mut refused = String::new();
    let mut all = 0;
    for (name, path, text) in corpus("err") {
        let Some(file) = schema::of_path(&path) else { continue };
        let Some(node) = yaml::parse(&Source::new(path, text), &mut Findings::new()) else { continue };
        all += 1;
        if !validators[file.name].is_valid(&json_of(&node)) {
            refused += &format!("{name}\n");
        }
    }
    let kept = root().join("tests/workflows/refused-by-schema.txt");
    if std::env::var_os("RAPPORT_BLESS").is_some() {
        std::fs::write(&kept, &refused).unwrap();
    }
    assert_eq!(std::fs::read_to_string(kept).unwrap_or_default(), refused);
    let count = refused.lines().count();
    assert!(count >= 70, "{count} of {all} are refused");
}

/// The way from the top to the map with this place, and its keys.
fn way_to<'n>(node: &'n Node, span: Span, way: &mut Vec<Part<'n>>) -> bool {
    if node.span == span && matches!(node.value, Value::Map(_)) {
        return true;
    }
    let mut into = |part, node| {
        way.push(part);
        let found = way_to(node, span, way);
        if !found {
            way.pop();
        }
        found
    };
    match &node.value {
        Value::Map(entries) => entries.iter().any(|(key, node)| into(Part::Key(&key.text), node)),
        Value::Seq(items) => items.iter().any(|node| into(Part::Item, node)),
        _ => false,
    }
}

/// The maps a shape may be, each as its keys.
fn maps(shape: &'static Shape, present: &[&str], all: &mut Vec<BTreeSet<&'static str>>) {
    match shape {
        Shape::Named(named) => maps(&named.shape, present, all),
        Shape::Either(shapes) => shapes.iter().for_each(|shape| maps(shape, present, all)),
        Shape::OneOrMany(item) => maps(item, present, all),
        Shape::Map(fields, _) => all.push(fields.iter().map(|field| field.key).collect()),
        Shape::Step => {
            // A reader of steps knows every verb, so that a second one is told as such.
            let mut keys: BTreeSet<&str> = schema::keys(&[shape], present).iter().map(|known| known.key).collect();
            keys.extend(VERBS.iter().map(|verb| verb.verb));
            all.push(keys);
        }
        _ => {}
    }
}

fn every_map(shape: &'static Shape, seen: &mut BTreeSet<usize>, all: &mut BTreeSet<Vec<&'static str>>) {
    match shape {
        Shape::Named(named) if seen.insert(std::ptr::from_ref(*named) as usize) => every_map(&named.shape, seen, all),
        Shape::Either(shapes) => shapes.iter().for_each(|shape| every_map(shape, seen, all)),
        Shape::OneOrMany(item) | Shape::List(item, _) | Shape::ByName(item, _) => every_map(item, seen, all),
        Shape::Map(fields, _) => {
            all.insert(fields.iter().map(|field| field.key).collect::<BTreeSet<_>>().into_iter().collect());
            fields.iter().for_each(|field| every_map(&field.shape, seen, all));
        }
        Shape::Step => VERBS.iter().for_each(|verb| {
            every_map(&verb.shape, seen, all);
            verb.beside.iter().for_each(|field| every_map(&field.shape, seen, all));
        }),
        _ => {}
    }
}

/// `given`, whose keys are those of a test; and what the binary reads, whose settings have a test of their own.
const READ_ELSEWHERE: [&[&str]; 13] = [
    &[
        "amount",
        "budget",
        "clock",
        "daily",
        "events",
        "holdout",
        "hooks",
        "offers",
        "outcomes",
        "partner",
        "programme",
        "until",
        "workflows",
    ],
    &["deliver", "dkim", "folder"],
    &["domain", "key", "selector"],
    &["brokers", "group", "incarnation", "properties", "replication", "topics"],
    &["activity", "conversions", "events", "partners", "signals"],
    &["activity", "conversions", "partners"],
    &["format", "level"],
    &["feedback", "listen", "token"],
    &["mailgun", "postmark", "sendgrid", "ses"],
    &["key"],
    &["password", "user"],
    &["certificate", "topic"],
    &["id", "secret"],
];

/// Keys that readers know in order to refuse them.
const REFUSED: [(&str, &str); 1] = [("workflow", "wehn")];

/// A workflow has either; its reader asks for the others only where they are.
const EITHER: [&str; 5] = ["when", "once", "send_to", "at", "over"];

#[test]
fn the_description_and_the_readers_know_the_same_keys() {
    let shipped = shipped();
    let mut worlds: Vec<Sources> = vec![shipped.clone()];
    for (_, path, text) in corpus("ok").into_iter().chain(corpus("err")) {
        let mut sources = Sources::new();
        for source in shipped.iter().filter(|s| s.path.starts_with("config/") || s.path.contains("/let-go-review/")) {
            sources.add(source.clone());
        }
        let whole = path.starts_with("workflows/");
        sources.add(Source::new(path, text));
        if whole {
            sources.add(Source::new("workflows/tried/hello.mail.md", "---\nsubject: Hello\n---\nGood morning.\n"));
        }
        worlds.push(sources);
    }
    let (mut wrong, mut visited) = (BTreeSet::new(), BTreeSet::new());
    for sources in &worlds {
        let (_, findings) = compile_into(sources, Findings::watching());
        let parse = |source: &Source| Some((source.path.clone(), yaml::parse(source, &mut Findings::new())?));
        let nodes: BTreeMap<String, Node> =
            sources.iter().filter(|source| schema::of_path(&source.path).is_some()).filter_map(parse).collect();
        for read in findings.maps_read() {
            let (Some(file), Some(node)) = (schema::of_path(&read.path), nodes.get(&read.path)) else { continue };
            let mut way = Vec::new();
            if !way_to(node, read.span, &mut way) {
                continue;
            }
            let written = written(node, read.span);
            let present: Vec<&str> = written.iter().map(String::as_str).collect();
            let mut alternatives = Vec::new();
            for shape in schema::shapes_at(file, &way) {
                maps(shape, &present, &mut alternatives);
            }
            let mut known: BTreeSet<&str> = read.keys.iter().map(String::as_str).collect();
            for (_, key) in REFUSED.iter().filter(|(name, _)| *name == file.name) {
                if !alternatives.iter().any(|keys| keys.contains(key)) {
                    known.remove(key);
                }
            }
            if file.name == "workflow" && way.is_empty() {
                known.extend(EITHER);
            }
            let union: BTreeSet<&str> = alternatives.iter().flatten().copied().collect();
            let place =
                || format!("{} {way:?}: the reader knows {known:?}, the description {alternatives:?}", read.path);
            let same = match alternatives.as_slice() {
                [] => false,
                [one] => *one == known,
                // Readers of alternatives look for the keys of all, or stop at the one that is there.
                _ => known.is_subset(&union) && alternatives.iter().any(|keys| keys.is_subset(&known)),
            };
            if !same {
                wrong.insert(place());
            }
            visited.extend(alternatives.into_iter().filter(|keys| keys.is_subset(&known)));
        }
    }
    let wrong: Vec<String> = wrong.into_iter().collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let mut all = BTreeSet::new();
    FILES.iter().for_each(|file| every_map(file.shape, &mut BTreeSet::new(), &mut all));
    let visited: BTreeSet<Vec<&str>> = visited.into_iter().map(|keys| keys.into_iter().collect()).collect();
    let unread: Vec<&Vec<&str>> =
        all.iter().filter(|keys| !visited.contains(*keys) && !READ_ELSEWHERE.contains(&keys.as_slice())).collect();
    assert!(unread.is_empty(), "described, and no file of the corpus has it: {unread:?}");
}

fn written(node: &Node, span: Span) -> Vec<String> {
    let mut found = Vec::new();
    let mut open = vec![node];
    while let Some(node) = open.pop() {
        match &node.value {
            Value::Map(entries) => {
                if node.span == span {
                    found.extend(entries.iter().map(|(key, _)| key.text.clone()));
                }
                open.extend(entries.iter().map(|(_, node)| node));
            }
            Value::Seq(items) => open.extend(items),
            _ => {}
        }
    }
    found
}
