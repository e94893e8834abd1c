//! `rapport schema`: what may stand in each file as JSON Schema, and what may be named in conditions and texts.

use rapport_rule::Sources;
use rapport_rule::suggest::nearest;
use rapport_workflow::schema::{FILES, json_schema};
use rapport_workflow::vocabulary::{Place, Word};
use rapport_workflow::{Vocabulary, look};
use serde_json::json;

use crate::command_line::Global;
use crate::exit::{self, Failure};
use crate::files;
use crate::printed::{self, bold, faint, line};

/// Objects of expressions whose fields can be asked for.
const OBJECTS: [(&str, &str); 8] = [
    ("partner", "stored fields of a partner"),
    ("program", "fields and figures of the programme"),
    ("goal", "how a partner stands with each goal"),
    ("segment", "the segments there are"),
    ("figures", "every figure: revenue_28d, days_since_login …"),
    ("event", "kinds of event; `rapport schema dip.conversions` tells the fields of one"),
    ("senders", "who may be written from"),
    ("topics", "what partners can opt out of"),
];

/// Prints a schema, fields, or the list of both; with `write`, brings the schemas of the project up to date.
pub fn run(global: &Global, name: Option<&str>, write: bool, as_json: bool) -> Result<u8, Failure> {
    if write {
        let folder = global.dir.clone().unwrap_or_else(|| ".".into());
        if !folder.join("config").is_dir() {
            return Err(Failure::input(format!("there is no config/ in {}", folder.display())).help("see --dir"));
        }
        let texts: files::Texts =
            FILES.iter().map(|file| (format!("config/schema/{}.json", file.name), pretty(file))).collect();
        files::write(&folder, &texts)?;
        line(format!("config/schema: {}", printed::count(texts.len() as i64, "file")));
        return Ok(exit::OK);
    }
    let Some(name) = name else {
        line(bold("JSON Schema of files"));
        FILES.iter().for_each(|file| line(format!("  {:<10} {}", file.name, file.about)));
        line(bold("What may be named"));
        OBJECTS.iter().for_each(|(name, about)| line(format!("  {name:<10} {about}")));
        return Ok(exit::OK);
    };
    if let Some(file) = FILES.iter().find(|file| file.name == name) {
        line(pretty(file).trim_end());
        return Ok(exit::OK);
    }
    let vocabulary = vocabulary(global)?;
    let words = named(&vocabulary, name)?;
    if as_json {
        let data: Vec<_> = words
            .iter()
            .map(|word| {
                json!({ "name": word.name, "type": format!("{:?}", word.ty).to_lowercase(), "may_be_missing": word.maybe_missing,
                        "values": word.values, "about": word.about })
            })
            .collect();
        line(serde_json::to_string_pretty(&data).unwrap_or_default());
        return Ok(exit::OK);
    }
    let width = words.iter().map(|word| word.name.chars().count()).max().unwrap_or(0).min(44);
    for word in &words {
        let missing = if word.maybe_missing { ", may be missing" } else { "" };
        let values = match word.values.as_slice() {
            [] => String::new(),
            values => format!(": {}", values.join(", ")),
        };
        let what = if word.about.is_empty() { String::new() } else { format!("  {}", faint(&word.about)) };
        line(format!("{:<width$}  {}{missing}{values}{what}", word.name, word.ty.described()));
    }
    Ok(exit::OK)
}

fn pretty(file: &rapport_workflow::schema::FileShape) -> String {
    serde_json::to_string_pretty(&json_schema(file)).unwrap_or_default() + "\n"
}

/// Of the project, or of the shipped files where there is none.
fn vocabulary(global: &Global) -> Result<Vocabulary, Failure> {
    let folder = global.dir.clone().unwrap_or_else(|| ".".into());
    let texts =
        if global.dir.is_some() || files::is_project(&folder) { files::read(&folder)? } else { files::shipped() };
    let sources: Sources = files::sources(&texts);
    Ok(look(&sources).vocabulary)
}

fn named(vocabulary: &Vocabulary, name: &str) -> Result<Vec<Word>, Failure> {
    let plain = |names: Vec<String>, about: &str| -> Vec<Word> {
        let word = |name| Word {
            name,
            ty: rapport_rule::expr::Type::Text,
            maybe_missing: false,
            values: Vec::new(),
            about: about.to_owned(),
        };
        names.into_iter().map(word).collect()
    };
    let ids = |ids: &[std::sync::Arc<str>]| ids.iter().map(ToString::to_string).collect::<Vec<_>>();
    let all = || vocabulary.words(&Place::default());
    let of = |object: &str| all().into_iter().filter(|word| word.name.starts_with(&format!("{object}."))).collect();
    Ok(match name {
        "partner" | "program" | "goal" | "segment" => of(name),
        "figures" => all().into_iter().filter(|word| !word.name.contains('.')).collect(),
        "senders" => plain(ids(&vocabulary.senders), "config/rapport.yaml"),
        "topics" => plain(ids(&vocabulary.topics), "config/rapport.yaml"),
        "event" => vocabulary.kinds(false).into_iter().flat_map(|(kind, about)| plain(vec![kind], &about)).collect(),
        kind => vocabulary.fields(kind).ok_or_else(|| {
            let kinds = vocabulary.kinds(false);
            let known = FILES.iter().map(|file| file.name).chain(OBJECTS.iter().map(|(name, _)| *name));
            let near = nearest(kind, known.chain(kinds.iter().map(|(kind, _)| kind.as_str())));
            let near = near.map(|near| format!("did you mean `{near}`?"));
            Failure::input(format!("there is no schema `{}`", printed::harmless(kind)))
                .help(near.unwrap_or_else(|| "`rapport schema` lists them".into()))
        })?,
    })
}
