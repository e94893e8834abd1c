//! `rapport fmt`.

use rapport_rule::{Findings, Source, yaml};

use crate::command_line::Global;
use crate::exit::{self, Failure};
use crate::{files, printed};

/// The exit code of `--check` when something would change.
const DIFFERENCES: u8 = 3;

/// Brings all YAML files into their one form; with `check` only says which are not.
pub fn run(global: &Global, check: bool) -> Result<u8, Failure> {
    let folder = global.dir.clone().unwrap_or_else(|| ".".into());
    let mut changed = files::Texts::new();
    for (path, text) in files::read(&folder)? {
        if !path.ends_with(".yaml") {
            continue;
        }
        let formatted = yaml::format::format(&path, &text);
        // Only what reads the same may be written; a file with errors stays as it is.
        if formatted != text && same(&path, &text, &formatted) {
            printed::line(&path);
            changed.insert(path, formatted);
        }
    }
    if check {
        return Ok(if changed.is_empty() { exit::OK } else { DIFFERENCES });
    }
    files::write(&folder, &changed)?;
    Ok(exit::OK)
}

fn same(path: &str, before: &str, after: &str) -> bool {
    let mut findings = Findings::new();
    let mut read = |text: &str| yaml::parse(&Source::new(path, text), &mut findings).map(|node| shape(&node));
    let (before, after) = (read(before), read(after));
    before.is_some() && before == after
}

/// What a file says, without places and without the order of keys.
fn shape(node: &yaml::Node) -> serde_json::Value {
    use serde_json::Value as Json;
    match &node.value {
        yaml::Value::Null => Json::Null,
        yaml::Value::Bool(value) => Json::from(*value),
        yaml::Value::Int(value) => Json::from(*value),
        yaml::Value::Float(value) => Json::from(value.to_string()),
        yaml::Value::String(text) => Json::from(text.clone()),
        yaml::Value::Seq(items) => items.iter().map(shape).collect(),
        yaml::Value::Map(entries) => {
            let sorted: std::collections::BTreeMap<&str, Json> =
                entries.iter().map(|(key, value)| (key.text.as_str(), shape(value))).collect();
            Json::from(sorted.into_iter().map(|(key, value)| serde_json::json!([key, value])).collect::<Vec<_>>())
        }
    }
}
