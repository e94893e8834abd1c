//! The demo's folder: a whole project, made anew by every run and never over somebody's own files.

use std::path::Path;

use rapport_rule::finding::render::human_all;
use rapport_workflow::Rulebook;
use serde_json::Value;

use crate::exit::{self, Failure};
use crate::files::{self, Texts};

/// Says that a folder is a demo's; holds the last summary.
const MARK: &str = "demo.json";
/// What a run leaves, and the next one takes away.
const LEFT: [&str; 4] = ["rapport.db", "rapport.db-wal", "rapport.db-shm", "rapport.key"];

/// Finds the files to play with and makes the folder; refuses one that is not the demo's.
pub fn prepare(folder: &Path) -> Result<(Texts, Rulebook), Failure> {
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
    } else if files::is_project(folder) {
        files::read(folder)?
    } else {
        files::shipped()
    };
    let sources = files::sources(&texts);
    let (rulebook, findings) = rapport_workflow::compile(&sources);
    match rulebook {
        Some(rulebook) if !findings.has_errors() => {
            std::fs::create_dir_all(folder).map_err(unusable)?;
            std::fs::write(folder.join(MARK), "{}\n").map_err(unusable)?;
            Ok((texts, rulebook))
        }
        _ => {
            eprint!("{}", human_all(&findings, &sources));
            Err(Failure::said(exit::BAD_INPUT))
        }
    }
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
    files::write(folder, texts)
}

/// Keeps the summary beside what it is about.
pub fn keep_summary(folder: &Path, summary: &Value) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(summary).unwrap_or_default();
    std::fs::write(folder.join(MARK), text + "\n")
        .map_err(|error| Failure::new(format!("{}: {error}", folder.display())))
}
