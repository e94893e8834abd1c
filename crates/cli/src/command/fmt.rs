//! `rapport fmt`.

use rapport_rule::yaml;

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
        if !files::is_whole(&text) {
            return Err(
                Failure::input(format!("{path} is not UTF-8")).help("`rapport check` shows where; save it as UTF-8")
            );
        }
        if let Some(formatted) = yaml::format::reformatted(&path, &text) {
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
