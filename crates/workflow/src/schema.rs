//! The shape of every file people write, as data: JSON Schema, key completion and key help are made of it.
//!
//! The readers stay the judges (types, units, names need all files); a test holds this description against what they
//! ask for, key by key, so that neither can leave the other behind.

mod config;
mod health;
mod json;
mod rapport;
mod resources;
mod sending;
mod steps;
mod tests;
mod workflow;

pub use json::json_schema;
pub use steps::{BESIDE, VERBS, VerbShape};

/// What may stand in a place of a file.
#[derive(Debug)]
pub enum Shape {
    /// A text that says something.
    Text,
    /// A text of a form.
    Word(Form),
    /// `true` or `false`.
    Bool,
    /// A whole number between two, both included.
    Int(i64, i64),
    /// Any number.
    Number,
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// Exactly this number; an anchor's half.
    Pair,
    /// A text for all, or one per language.
    Texts,
    /// A kind of event, or a pattern with `*`.
    Kind,
    /// Known keys, and conditions on them as JSON Schema, or nothing.
    Map(&'static [Field], &'static str),
    /// Keys of one's own, each with the same shape; at least so many.
    ByName(&'static Shape, usize),
    /// A list of at least so many.
    List(&'static Shape, usize),
    /// One, or a list.
    OneOrMany(&'static Shape),
    /// Any of these.
    Either(&'static [Shape]),
    /// A step: one verb and its options.
    Step,
    /// Something that happens in a test: `day`, `at`, `id` and a kind of event with its fields.
    Happens,
    /// Described once, by name.
    Named(&'static Named),
    /// `null`: takes something away.
    Nothing,
    /// Anything.
    Anything,
}

/// A shape with a name, which may refer to itself.
#[derive(Debug)]
pub struct Named {
    /// The name under `$defs`.
    pub name: &'static str,
    /// The shape.
    pub shape: Shape,
}

/// A key and what stands under it.
#[derive(Debug)]
pub struct Field {
    /// The key.
    pub key: &'static str,
    /// One sentence.
    pub about: &'static str,
    /// What stands there.
    pub shape: Shape,
    /// Whether it must be there.
    pub required: bool,
}

/// Forms of texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// `3 days`.
    Length,
    /// `40%`.
    Percent,
    /// `100 EUR`.
    Money,
    /// `"09:30"`.
    Clock,
    /// `"08:00..20:00"` or `"09:30"`.
    Clocks,
    /// `2026-10-01`.
    Date,
    /// `comeback-bonus`.
    Name,
    /// `per partner`, `every 90 days`, `per <expression>`.
    Once,
    /// Five cron fields or one instant.
    Schedule,
    /// `partner.contract_ends - 30 days`.
    DateShift,
    /// `5x70 1x5 (5x5 0x2)x4`.
    Series,
    /// `day 57`.
    Day,
    /// `2026-02-02T00:00 Europe/Oslo`.
    TestClock,
    /// `https://…`.
    Https,
    /// `50 per hour`.
    PerHour,
    /// `600 per minute`.
    Pace,
}

const fn must(key: &'static str, about: &'static str, shape: Shape) -> Field {
    Field { key, about, shape, required: true }
}

const fn may(key: &'static str, about: &'static str, shape: Shape) -> Field {
    Field { key, about, shape, required: false }
}

/// A kind of file.
#[derive(Debug)]
pub struct FileShape {
    /// The schema's name: `workflow`, `segments`.
    pub name: &'static str,
    /// What the file is for.
    pub about: &'static str,
    /// What stands in it.
    pub shape: &'static Shape,
}

/// Every kind of file there is a schema of.
pub static FILES: [FileShape; 14] = [
    FileShape {
        name: "workflow",
        about: "workflows/NAME/workflow.yaml: who enters, and what happens.",
        shape: &workflow::WORKFLOW,
    },
    FileShape {
        name: "tests",
        about: "workflows/NAME/tests.yaml: what is given, and what should come of it.",
        shape: &tests::TESTS,
    },
    FileShape {
        name: "rapport",
        about: "config/rapport.yaml: the programme, and what no workflow may forget.",
        shape: &rapport::RAPPORT,
    },
    FileShape {
        name: "segments",
        about: "config/segments.yaml: groups, segments and lanes.",
        shape: &config::SEGMENTS,
    },
    FileShape { name: "goals", about: "config/goals.yaml: goals, milestones, anniversaries.", shape: &config::GOALS },
    FileShape {
        name: "offers",
        about: "config/offers.yaml: what mails may promise, and how much of it there is.",
        shape: &config::OFFERS,
    },
    FileShape { name: "awards", about: "config/awards.yaml: what partners are honoured with.", shape: &config::AWARDS },
    FileShape {
        name: "resources",
        about: "config/resources.yaml: tools, material and training that mails point to.",
        shape: &resources::RESOURCES,
    },
    FileShape {
        name: "surveys",
        about: "config/surveys.yaml: questions, by choice, score or words.",
        shape: &config::SURVEYS,
    },
    FileShape { name: "feeds", about: "config/feeds.yaml: lists that mails show.", shape: &config::FEEDS },
    FileShape { name: "events", about: "config/events.yaml: kinds of event of your own.", shape: &config::EVENTS },
    FileShape { name: "hooks", about: "config/hooks.yaml: other systems that workflows call.", shape: &config::HOOKS },
    FileShape {
        name: "labels",
        about: "config/labels.yaml: what the programme writes on its partners.",
        shape: &config::LABELS,
    },
    FileShape {
        name: "health",
        about: "config/health.yaml: how a partner's health is scored.",
        shape: &health::HEALTH,
    },
];

/// The kind of a file by its path in the project.
pub fn of_path(path: &str) -> Option<&'static FileShape> {
    let name = match path.strip_prefix("workflows/") {
        Some(inside) => inside.split_once('/')?.1.strip_suffix(".yaml")?,
        None => path.strip_prefix("config/")?.strip_suffix(".yaml")?,
    };
    let in_workflow = path.starts_with("workflows/");
    FILES.iter().find(|file| file.name == name && ["workflow", "tests"].contains(&file.name) == in_workflow)
}

/// A key that may stand in a map, as an editor proposes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownKey {
    /// The key.
    pub key: &'static str,
    /// One sentence.
    pub about: &'static str,
    /// Whether the map needs it.
    pub required: bool,
}

/// One part of the way from a file's top to a place in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part<'a> {
    /// Under this key.
    Key(&'a str),
    /// In an entry of a list.
    Item,
}

/// The shapes that may stand at a place; several where the file leaves a choice.
pub fn shapes_at(file: &FileShape, way: &[Part<'_>]) -> Vec<&'static Shape> {
    let mut now = vec![file.shape];
    for part in way {
        let mut next = Vec::new();
        now.into_iter().for_each(|shape| descend(shape, *part, &mut next));
        now = next;
    }
    now
}

fn descend(shape: &'static Shape, part: Part<'_>, into: &mut Vec<&'static Shape>) {
    match (shape, part) {
        (Shape::Named(named), _) => descend(&named.shape, part, into),
        (Shape::Either(shapes), _) => shapes.iter().for_each(|shape| descend(shape, part, into)),
        (Shape::List(item, _), Part::Item) => into.push(item),
        (Shape::OneOrMany(item), Part::Item) => into.push(item),
        (Shape::OneOrMany(item), _) => descend(item, part, into),
        (Shape::Map(fields, _), Part::Key(key)) => {
            into.extend(fields.iter().filter(|field| field.key == key).map(|field| &field.shape));
        }
        (Shape::ByName(shape, _), Part::Key(_)) => into.push(shape),
        (Shape::Step, Part::Key(key)) => {
            for verb in &VERBS {
                if verb.verb == key {
                    into.push(&verb.shape);
                }
                into.extend(verb.beside.iter().filter(|field| field.key == key).map(|field| &field.shape));
            }
            into.extend(BESIDE.iter().filter(|field| field.key == key).map(|field| &field.shape));
        }
        _ => {}
    }
}

/// The keys that may stand in a map of these shapes. `present` are those that do: a step's verb decides its options.
pub fn keys(shapes: &[&'static Shape], present: &[&str]) -> Vec<KnownKey> {
    let mut all: Vec<KnownKey> = Vec::new();
    for shape in shapes {
        collect_keys(shape, present, &mut all);
    }
    all.sort_by_key(|known| (!known.required, known.key));
    all.dedup_by_key(|known| known.key);
    all
}

fn collect_keys(shape: &'static Shape, present: &[&str], all: &mut Vec<KnownKey>) {
    let known = |field: &'static Field| KnownKey { key: field.key, about: field.about, required: field.required };
    match shape {
        Shape::Named(named) => collect_keys(&named.shape, present, all),
        Shape::Either(shapes) => shapes.iter().for_each(|shape| collect_keys(shape, present, all)),
        Shape::OneOrMany(item) => collect_keys(item, present, all),
        Shape::Map(fields, _) => all.extend(fields.iter().map(known)),
        Shape::Step => {
            let verb = steps::verb_of(present);
            all.extend(BESIDE.iter().map(known));
            for shape in VERBS.iter().filter(|shape| verb.is_none_or(|verb| verb == shape.verb)) {
                all.push(KnownKey { key: shape.verb, about: shape.about, required: false });
                if verb.is_some() {
                    all.extend(shape.beside.iter().map(known));
                }
            }
        }
        Shape::Happens => all.extend(tests::HAPPENS.iter().map(known)),
        _ => {}
    }
}

/// The words that may stand at a place, where they are a closed list.
pub fn words(shapes: &[&'static Shape]) -> Vec<&'static str> {
    let mut all = Vec::new();
    for shape in shapes {
        match shape {
            Shape::OneOf(words) => all.extend_from_slice(words),
            Shape::Bool => all.extend(["true", "false"]),
            Shape::Named(named) => all.extend(self::words(&[&named.shape])),
            Shape::Either(shapes) => shapes.iter().for_each(|shape| all.extend(words(&[shape]))),
            Shape::OneOrMany(item) | Shape::List(item, _) => all.extend(words(&[item])),
            _ => {}
        }
    }
    all
}
