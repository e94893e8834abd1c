//! What runs side by side: the plays of the services mostly wait for one another, so everything else runs beside them.

use std::process::{Command, Stdio};
use std::sync::Mutex;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::Asked;
use super::output::Printer;
use crate::process;
use crate::summary::Summary;
use crate::tidy;
use crate::workspace;

/// The test program of `crates/e2e`.
const PLAYS: &str = "end_to_end";

/// Commands one after the other.
pub type Lane = Vec<Command>;

/// Just what was asked for.
pub fn one(asked: &Asked<'_>) -> Lane {
    vec![with_filter(asked.command(&["--no-fail-fast"], &[]), asked)]
}

/// Everything there is, in two lanes.
pub fn all(asked: &Asked<'_>) -> Result<Vec<Lane>> {
    let (plays, others): (Vec<String>, Vec<String>) = test_programs()?.into_iter().partition(|name| name == PLAYS);
    if plays.is_empty() {
        bail!("there is no test program `{PLAYS}`");
    }
    let mut rest = asked.command(&["--no-fail-fast"], &["--lib", "--bins", "--examples", "--benches"]);
    for name in others {
        rest.args(["--test", &name]);
    }
    let mut rest = vec![with_filter(rest, asked)];
    if has_doc_tests() {
        rest.push(with_filter(asked.command(&["--no-fail-fast"], &["--doc"]), asked));
    }
    Ok(vec![vec![with_filter(asked.command(&["--no-fail-fast"], &["--test", PLAYS]), asked)], rest])
}

/// Whether any comment holds an example to run: asking rustdoc takes minutes, for it reads every crate anew.
fn has_doc_tests() -> bool {
    let root = workspace::root();
    // Where git cannot list the files, rustdoc looks itself.
    let Ok(files) = tidy::files(&root) else { return true };
    let mut sources = files.iter().filter(|file| file.extension().is_some_and(|extension| extension == "rs"));
    sources.any(|file| std::fs::read_to_string(root.join(file)).is_ok_and(|text| opens_an_example(&text)))
}

/// Whether a fence in a comment opens what rustdoc would run: one of no language, or one that begins like `rust`.
fn opens_an_example(text: &str) -> bool {
    let mut is_open = false;
    for line in text.lines() {
        let comment = line.trim_start().strip_prefix("//").and_then(|rest| rest.strip_prefix(['/', '!']));
        let Some(language) = comment.and_then(|text| text.trim_start().strip_prefix("```")) else { continue };
        is_open = !is_open;
        if is_open && !["text", "yaml", "json", "sh", "sql"].contains(&language.trim()) {
            return true;
        }
    }
    false
}

fn with_filter(mut command: Command, asked: &Asked<'_>) -> Command {
    command.args(asked.tests);
    command
}

/// Runs the lanes, and says whether all commands succeeded.
pub fn run(lanes: Vec<Lane>, environment: &[(&'static str, String)], summary: &Mutex<Summary>) -> Result<bool> {
    let printer = Printer::default();
    std::thread::scope(|scope| {
        let running: Vec<_> = lanes
            .into_iter()
            .map(|lane| {
                let printer = &printer;
                scope.spawn(move || -> Result<bool> {
                    let mut all_passed = true;
                    for mut command in lane {
                        command.stdout(Stdio::piped());
                        command.envs(environment.iter().map(|(name, value)| (name, value)));
                        let (status, ()) = process::foreground(command, |child| printer.relay(child, summary))?;
                        all_passed &= status.success();
                    }
                    Ok(all_passed)
                })
            })
            .collect();
        let mut all_passed = true;
        for lane in running {
            let Ok(passed) = lane.join() else { bail!("a lane of tests broke down") };
            all_passed &= passed?;
        }
        Ok(all_passed)
    })
}

/// The names of all programs under `tests` folders.
fn test_programs() -> Result<Vec<String>> {
    let told = process::output(&mut workspace::command(&["metadata", "--no-deps", "--format-version", "1"]))?;
    let metadata: Value = serde_json::from_str(&told)?;
    let mut names = Vec::new();
    for package in metadata["packages"].as_array().context("no packages")? {
        for target in package["targets"].as_array().into_iter().flatten() {
            if target["kind"].as_array().is_some_and(|kinds| kinds.iter().any(|kind| kind == "test")) {
                names.push(target["name"].as_str().context("a test without name")?.to_owned());
            }
        }
    }
    names.sort();
    names.dedup();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::opens_an_example;

    #[test]
    fn examples_are_told_from_other_fences() {
        assert!(opens_an_example("//! ```\n//! let x = 1;\n//! ```\n"));
        assert!(opens_an_example("    /// ```no_run\n    /// ```\n"));
        assert!(!opens_an_example("//! ```text\n//! a picture\n//! ```\n"));
        assert!(!opens_an_example("// ```\nlet fence = \"```\";\n"));
    }
}
