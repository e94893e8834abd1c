//! What runs side by side: the plays of the services mostly wait for one another, so everything else runs beside them.

use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};

use anyhow::{Result, bail};

use super::Asked;
use super::output::Printer;
use super::programs::Program;
use crate::interrupt;
use crate::process;
use crate::summary::Summary;
use crate::tidy;
use crate::workspace;

/// The test program of `crates/e2e`.
const PLAYS: &str = "e2e: test end_to_end";

/// What is run one after the other, each with what it is called.
pub type Lane = Vec<(String, Command)>;

/// The plays, if they were asked for, and everything else.
pub fn of(programs: &[Program], asked: &Asked<'_>) -> Vec<Lane> {
    let arguments = asked.tests.strip_prefix(&["--".to_owned()]).unwrap_or(asked.tests);
    let lane = |plays: bool| -> Lane {
        let programs = programs.iter().filter(|program| (program.name == PLAYS) == plays);
        programs.map(|program| (program.name.clone(), program.command(arguments))).collect()
    };
    let mut rest = lane(false);
    if asked.everything() && has_doc_tests() {
        let mut examples = asked.command(&["--no-fail-fast"], &["--doc"]);
        examples.args(asked.tests);
        rest.push(("examples in comments".to_owned(), examples));
    }
    vec![lane(true), rest]
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

/// Runs the lanes, and gives the programs that failed, each with how it ended.
pub fn run(lanes: Vec<Lane>, environment: &[(&'static str, String)], summary: &Mutex<Summary>) -> Result<Vec<String>> {
    let printer = Printer::default();
    let failed = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        let running: Vec<_> = lanes
            .into_iter()
            .map(|lane| {
                let (printer, failed) = (&printer, &failed);
                scope.spawn(move || {
                    for (name, mut command) in lane {
                        let fail = |why: String| {
                            failed.lock().unwrap_or_else(PoisonError::into_inner).push(format!("{name}: {why}"));
                        };
                        if interrupt::requested() {
                            fail("not run".to_owned());
                            continue;
                        }
                        printer.say(format!("Running {name}\n").as_bytes());
                        command.stdout(Stdio::piped());
                        command.envs(environment.iter().map(|(name, value)| (name, value)));
                        if let Err(why) = play(command, printer, summary) {
                            fail(format!("{why:#}"));
                        }
                    }
                })
            })
            .collect();
        for lane in running {
            if lane.join().is_err() {
                bail!("a lane of tests broke down");
            }
        }
        Ok(())
    })?;
    if interrupt::requested() && !interrupt::is_out_of_time() {
        bail!("interrupted");
    }
    Ok(failed.into_inner()?)
}

/// Runs one program to its end.
fn play(command: Command, printer: &Printer, summary: &Mutex<Summary>) -> Result<()> {
    let mut relay = printer.relay(summary);
    let status = process::relayed(command, |line| relay.take(line))?;
    if !status.success() {
        bail!("{status}");
    }
    // One that leaves in the middle of a test takes the others along.
    if !relay.is_closed {
        bail!("it ended without saying what its tests came to");
    }
    Ok(())
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
