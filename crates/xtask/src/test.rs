//! `cargo xtask test`: every test of the workspace, with the real services.

mod lanes;
mod output;
mod programs;

use std::process::ExitCode;
use std::sync::Mutex;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::interrupt;
use crate::process;
use crate::service::{Durability, Services};
use crate::summary::Summary;
use crate::tidy::dependencies::{CORE, package};
use crate::workspace;

/// What somebody asked for.
struct Asked<'a> {
    cargo: &'a [String],
    tests: &'a [String],
    /// Packages by name.
    named: bool,
    /// Targets by name.
    targets: bool,
}

impl<'a> Asked<'a> {
    fn read(arguments: &'a [String]) -> Self {
        let split = arguments.iter().position(|argument| argument == "--").unwrap_or(arguments.len());
        let (cargo, tests) = arguments.split_at(split);
        let named = cargo.iter().any(|argument| argument == "-p" || argument.starts_with("--package"));
        // Cargo refuses `--doc` beside a choice of targets; whoever names targets wants just those.
        let chosen = ["--lib", "--bin", "--bins", "--test", "--tests", "--example", "--bench", "--doc"];
        let targets = cargo.iter().any(|argument| chosen.contains(&argument.as_str()));
        Self { cargo, tests, named, targets }
    }

    fn everything(&self) -> bool {
        !self.named && !self.targets
    }

    /// `cargo test` with what was asked for.
    fn command(&self, what: &[&str], targets: &[&str]) -> std::process::Command {
        let mut command = workspace::command(&["test"]);
        command.args(what);
        if !self.named {
            command.arg("--workspace");
        }
        command.args(targets).args(self.cargo);
        command
    }
}

/// Builds first (a compile error needs no broker), then starts the services and runs unit, integration, example and
/// doc tests. `arguments` before `--` go to cargo (`-p rapport-store`), those after it to the tests (a filter).
pub fn run(arguments: &[String]) -> Result<ExitCode> {
    let (longest, arguments) = limit(arguments)?;
    if let Some(longest) = longest {
        interrupt::within(longest);
    }
    let asked = Asked::read(arguments);
    // For one package cargo's own choice is right (and `--doc` would fail where there is no library).
    let targets: &[&str] = if asked.everything() { &["--all-targets"] } else { &[] };
    let Some(programs) = programs::build(&asked, targets)? else {
        println!("0 passed, 1 failed");
        if interrupt::is_out_of_time() {
            bail!("the tests were not compiled in the time given");
        }
        bail!("the tests do not compile");
    };
    build_program(&asked)?;

    let lanes = lanes::of(&programs, &asked);
    let mut services = Services::start(Durability::Process)?;
    let summary = Mutex::new(Summary::default());
    let mut broken = lanes::run(lanes, &services.environment(), &summary)?;
    broken.extend(services.check_alive().err().map(|error| format!("{error:#}")));
    drop(services);
    let mut summary = summary.into_inner()?;
    if interrupt::is_out_of_time() {
        broken.push("everything: the time given is over".to_owned());
    } else if !asked.named && !lints_hold(&mut summary)? {
        broken.push("the core crates break a lint; see above".to_owned());
    }

    for what in &summary.not_run {
        println!("NOT RUN: {what}");
    }
    for what in &broken {
        println!("FAILED: {what}");
    }
    // What broke down without naming a test counts as one.
    let failed = summary.failed.max(broken.len() as u64);
    println!("{} passed, {failed} failed", summary.passed);
    if failed > 0 {
        bail!("tests failed; see above");
    }
    if summary.ignored > 0 {
        bail!("{} tests were left out; this project has no ignored tests", summary.ignored);
    }
    if summary.passed == 0 {
        bail!("no test ran");
    }
    Ok(ExitCode::SUCCESS)
}

/// `--within MINUTES` in front, and the rest.
fn limit(arguments: &[String]) -> Result<(Option<Duration>, &[String])> {
    let (minutes, rest) = match arguments {
        [name, minutes, rest @ ..] if name == "--within" => (minutes, rest),
        [name] if name == "--within" => bail!("--within needs minutes, e.g. `cargo xtask test --within 80`"),
        _ => return Ok((None, arguments)),
    };
    let minutes: u64 = minutes.parse().with_context(|| format!("--within `{minutes}`: not a number of minutes"))?;
    Ok((Some(Duration::from_secs(minutes.saturating_mul(60))), rest))
}

/// The end-to-end tests run the program itself. A build of all tests holds it, because tests of its own package run it too;
/// where less is built it is asked for, as a test's, or else half the crates would be compiled again with other features.
fn build_program(asked: &Asked<'_>) -> Result<()> {
    let program: &[&str] = match (asked.named, asked.targets) {
        (false, false) => return Ok(()),
        (false, true) => &["test", "--no-run", "--workspace", "--test", "command_line"],
        (true, _) if asked.cargo.iter().any(|argument| argument.contains("rapport-e2e")) => {
            &["build", "--bins", "-p", "rapport-cli"]
        }
        (true, _) => return Ok(()),
    };
    let mut program = workspace::command(program);
    program.args(asked.cargo.iter().filter(|argument| argument.as_str() == "--release"));
    let (status, ()) = process::foreground(program, |_| ())?;
    if !status.success() {
        bail!("the program does not compile");
    }
    Ok(())
}

/// The lints that keep clock, randomness, environment and I/O out of the core. A Rust without clippy cannot look, and says so.
fn lints_hold(summary: &mut Summary) -> Result<bool> {
    let there = workspace::command(&["clippy", "--version"]).output().is_ok_and(|output| output.status.success());
    if !there {
        summary
            .not_run
            .push("the lints of the core crates: this Rust has no clippy (`rustup component add clippy`)".to_owned());
        return Ok(true);
    }
    let mut clippy = workspace::command(&["clippy", "--quiet", "--lib"]);
    // The engine knows no clock either, though it is asynchronous.
    for name in CORE.iter().chain(&["engine"]) {
        clippy.arg("-p").arg(package(name));
    }
    clippy.args(["--", "-D", "warnings"]);
    let (status, ()) = process::foreground(clippy, |_| ())?;
    Ok(status.success())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::limit;

    #[test]
    fn the_time_given_stands_in_front_and_is_read_or_refused() {
        let read = |words: &[&str]| {
            let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
            limit(&words).map(|(longest, rest)| (longest, rest.to_vec())).map_err(|error| error.to_string())
        };
        assert_eq!(read(&["-p", "x"]), Ok((None, vec!["-p".to_owned(), "x".to_owned()])));
        assert_eq!(read(&["--within", "2", "-p"]), Ok((Some(Duration::from_secs(120)), vec!["-p".to_owned()])));
        assert!(read(&["--within"]).is_err_and(|told| told.contains("minutes")));
        assert!(read(&["--within", "soon"]).is_err_and(|told| told.contains("`soon`")));
    }
}
