//! The demo's folder: a whole project, made anew by every run and never over somebody's own files.

use std::collections::BTreeSet;
use std::path::Path;

use rapport_rule::finding::render::human_all;
use rapport_workflow::Rulebook;
use serde_json::{Value, json};

use crate::exit::{self, Failure};
use crate::files::{self, Texts};

/// Says that a folder is a demo's; holds the last summary.
const MARK: &str = "demo.json";
/// In it: the hash of the files as they were laid out.
const LAID_OUT: &str = "files";
/// What a run leaves, and the next one takes away.
const LEFT: [&str; 4] = ["rapport.db", "rapport.db-wal", "rapport.db-shm", "rapport.key"];

/// Finds the files to play with and makes the folder; refuses one that is not the demo's, and one whose files were edited
/// since the last demo where they would be laid out anew. With `fresh` such edits are thrown away.
pub fn prepare(folder: &Path, fresh: bool) -> Result<(Texts, Rulebook), Failure> {
    let unusable = |error: std::io::Error| Failure::input(format!("{}: {error}", folder.display()));
    if folder.exists() && !folder.join(MARK).exists() {
        let is_empty = std::fs::read_dir(folder).map_err(unusable)?.next().is_none();
        if !is_empty {
            return Err(Failure::input(format!("{} holds something else than a demo", folder.display()))
                .help("name an empty or new folder with --dir"));
        }
    }
    // In a checkout the repository's own files are played, so that an edit shows; elsewhere those of the last demo.
    let here = Path::new(".");
    let texts = if files::is_project(here) && !folder_is(here, folder) {
        files::read(here)?
    } else if files::is_project(folder) && !fresh {
        files::read(folder)?
    } else {
        files::shipped()
    };
    if !fresh {
        refuse_edited(folder, &texts)?;
    }
    let sources = files::sources(&texts);
    let (rulebook, findings) = rapport_workflow::compile(&sources);
    match rulebook {
        Some(rulebook) if !findings.has_errors() => {
            std::fs::create_dir_all(folder).map_err(unusable)?;
            if !folder.join(MARK).exists() {
                std::fs::write(folder.join(MARK), "{}\n").map_err(unusable)?;
            }
            Ok((texts, rulebook))
        }
        _ => {
            crate::printed::aside(human_all(&findings, &crate::settings::shown(&sources)));
            Err(Failure::said(exit::BAD_INPUT))
        }
    }
}

/// Edits in the demo's folder are somebody's work: they are not laid over.
fn refuse_edited(folder: &Path, texts: &Texts) -> Result<(), Failure> {
    if !files::is_project(folder) {
        return Ok(());
    }
    let there = files::read(folder)?;
    let mark = std::fs::read_to_string(folder.join(MARK)).unwrap_or_default();
    let mark: Value = serde_json::from_str(&mark).unwrap_or_default();
    let laid_out = mark[LAID_OUT].as_str().map(str::to_owned);
    if laid_out == Some(files::sources(&there).hash()) {
        return Ok(());
    }
    let differs = |path: &&String| there.get(*path) != texts.get(*path) && !path.starts_with("config/schema/");
    let all: BTreeSet<&String> = there.keys().chain(texts.keys()).collect();
    let Some(first) = all.into_iter().find(differs) else { return Ok(()) };
    Err(Failure::input(format!(
        "{} was edited since the last demo, as {first}, and would be laid out anew",
        folder.display()
    ))
    .help("copy your edits to the files here, or throw them away with `--fresh`, or name another folder with --dir"))
}

fn folder_is(one: &Path, other: &Path) -> bool {
    matches!((one.canonicalize(), other.canonicalize()), (Ok(one), Ok(other)) if one == other)
}

/// Takes away what the last run left and lays the files out.
pub fn begin_anew(folder: &Path, texts: &Texts) -> Result<(), Failure> {
    let unusable = |error: std::io::Error| Failure::new(format!("{}: {error}", folder.display()));
    for name in LEFT {
        match std::fs::remove_file(folder.join(name)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(unusable(error)),
            _ => {}
        }
    }
    for name in ["mails", "workflows", "config"] {
        match std::fs::remove_dir_all(folder.join(name)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(unusable(error)),
            _ => {}
        }
    }
    files::write(folder, texts)?;
    keep(folder, &json!({ LAID_OUT: files::sources(texts).hash() }))
}

/// Keeps the summary beside what it is about.
pub fn keep_summary(folder: &Path, summary: &Value) -> Result<(), Failure> {
    let mark = std::fs::read_to_string(folder.join(MARK)).unwrap_or_default();
    let mark: Value = serde_json::from_str(&mark).unwrap_or_default();
    let mut marked = summary.clone();
    marked[LAID_OUT] = mark[LAID_OUT].clone();
    keep(folder, &marked)
}

fn keep(folder: &Path, mark: &Value) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(mark).unwrap_or_default();
    std::fs::write(folder.join(MARK), text + "\n")
        .map_err(|error| Failure::new(format!("{}: {error}", folder.display())))
}
