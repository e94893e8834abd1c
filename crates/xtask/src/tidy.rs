//! Checks that no compiler makes: sizes, names, stray paths, and what each crate may depend on.

pub mod dependencies;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Result, bail};

use crate::{process, workspace};

const LINES_MAX: usize = 700;
const MODULE_NAMES: [&str; 5] = ["utils", "util", "common", "helpers", "misc"];
const LENGTH_CHECKED: [&str; 3] = ["rs", "sql", "sh"];

/// Prints every finding; exit code 1 when there is one.
pub fn run() -> Result<ExitCode> {
    let findings = check()?;
    for finding in &findings {
        println!("{finding}");
    }
    println!("tidy: {} findings", findings.len());
    Ok(if findings.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn check() -> Result<Vec<String>> {
    let root = workspace::root();
    let mut findings = Vec::new();
    for path in files(&root)? {
        check_file(&root, &path, &mut findings);
    }
    dependencies::check(&mut findings)?;
    Ok(findings)
}

/// What git tracks or would track.
pub fn files(root: &Path) -> Result<Vec<PathBuf>> {
    let mut git = Command::new("git");
    git.current_dir(root).args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
    let listed = process::output(&mut git)?;
    let files: Vec<PathBuf> = listed.split('\0').filter(|path| !path.is_empty()).map(PathBuf::from).collect();
    if files.is_empty() {
        bail!("git lists no files under {}", root.display());
    }
    Ok(files)
}

fn check_file(root: &Path, path: &Path, findings: &mut Vec<String>) {
    let shown = path.display();
    for part in path.iter().filter_map(|part| Path::new(part).file_stem()?.to_str()) {
        if MODULE_NAMES.contains(&part) {
            findings.push(format!("{shown}: `{part}` names no subject; name it for what it holds"));
        }
    }
    // What is not text, and what was deleted but is still in the index, has nothing to check.
    let Ok(text) = std::fs::read_to_string(root.join(path)) else { return };
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    let lines = text.lines().count();
    if LENGTH_CHECKED.contains(&extension) && lines > LINES_MAX {
        findings.push(format!("{shown}: {lines} lines; {LINES_MAX} is the most"));
    }
    for (number, line) in text.lines().enumerate() {
        if let Some(found) = machine_paths().iter().find(|folder| line.contains(folder.as_str())) {
            findings.push(format!("{shown}:{}: a path of one machine (`{found}`)", number + 1));
        }
        if extension == "rs"
            && let Some(found) = unfinished().iter().find(|mark| line.contains(mark.as_str()))
        {
            findings.push(format!("{shown}:{}: `{found}` has no place in a finished tree", number + 1));
        }
    }
}

// Put together here, so that this file does not find itself.
fn machine_paths() -> [String; 4] {
    ["work", "root", "home", "Users"].map(|folder| format!("/{folder}/"))
}

fn unfinished() -> [String; 4] {
    [("todo", "!("), ("unimplemented", "!("), ("dbg", "!("), ("#[", "ignore")]
        .map(|(start, end)| format!("{start}{end}"))
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_tree_is_tidy() {
        let findings = super::check().unwrap();
        assert!(findings.is_empty(), "{}", findings.join("\n"));
    }

    #[test]
    fn a_file_with_a_bad_name_a_stray_path_and_a_gap_is_found_out() {
        let folder = tempfile::tempdir().unwrap();
        let path = std::path::Path::new("helpers.rs");
        let gap = ["to", "do!()"].concat();
        let stray = ["/ho", "me/someone"].concat();
        std::fs::write(folder.path().join(path), format!("fn a() {{ {gap} }}\n// {stray}\n")).unwrap();
        let mut findings = Vec::new();
        super::check_file(folder.path(), path, &mut findings);
        assert_eq!(findings.len(), 3, "{findings:?}");
    }
}
