//! `cargo xtask test`: every test of the workspace, with the real services.

use std::io::{BufRead, BufReader};
use std::process::{Child, ExitCode, Stdio};

use anyhow::{Result, bail};

use crate::process;
use crate::service::{Durability, Services};
use crate::summary::Summary;
use crate::tidy::dependencies::{CORE, package};
use crate::workspace;

/// Builds first (a compile error needs no broker), then starts the services and runs unit, integration, example and
/// doc tests. `arguments` before `--` go to cargo (`-p rapport-store`), those after it to the tests (a filter).
pub fn run(arguments: &[String]) -> Result<ExitCode> {
    let split = arguments.iter().position(|argument| argument == "--").unwrap_or(arguments.len());
    let (cargo, tests) = arguments.split_at(split);
    let named = cargo.iter().any(|argument| argument == "-p" || argument.starts_with("--package"));
    let workspace = if named { Vec::new() } else { vec!["--workspace"] };
    // Cargo refuses `--doc` beside a choice of targets; whoever names targets wants just those.
    let chosen = ["--lib", "--bin", "--bins", "--test", "--tests", "--example", "--bench", "--doc"];
    let targets = cargo.iter().any(|argument| chosen.contains(&argument.as_str()));

    // For one package cargo's own choice is right (and `--doc` would fail where there is no library).
    let passes: &[&[&str]] = if targets || named { &[&[]] } else { &[&["--all-targets"], &["--doc"]] };
    let mut build = workspace::command(&["test", "--no-run"]);
    build.args(&workspace).args(passes[0]).args(cargo);
    let (status, ()) = process::foreground(build, |_| ())?;
    if !status.success() {
        println!("0 passed, 1 failed");
        bail!("the tests do not compile");
    }

    // The end-to-end tests run the program itself. A build of all tests holds it, because tests of its own package run it too;
    // where less is built it is asked for, as a test's, or else half the crates would be compiled again with other features.
    let program = match (named, targets) {
        (false, false) => None,
        (false, true) => Some(vec!["test", "--no-run", "--workspace", "--test", "command_line"]),
        (true, _) if cargo.iter().any(|argument| argument.contains("rapport-e2e")) => {
            Some(vec!["build", "--bins", "-p", "rapport-cli"])
        }
        (true, _) => None,
    };
    if let Some(program) = program {
        let mut program = workspace::command(&program);
        program.args(cargo.iter().filter(|argument| argument.as_str() == "--release"));
        let (status, ()) = process::foreground(program, |_| ())?;
        if !status.success() {
            bail!("the program does not compile");
        }
    }

    let mut summary = Summary::default();
    if !named && !lints_hold(&mut summary)? {
        println!("0 passed, 1 failed");
        bail!("the core crates break a lint; see above");
    }

    let mut services = Services::start(Durability::Process)?;
    let mut failed = false;
    for pass in passes {
        let mut command = workspace::command(&["test", "--no-fail-fast"]);
        command.args(&workspace).args(*pass).args(cargo).args(tests).stdout(Stdio::piped());
        command.envs(services.environment());
        let (status, ()) = process::foreground(command, |child| relay_output(child, &mut summary))?;
        failed |= !status.success();
        services.check_alive()?;
    }
    drop(services);

    for what in &summary.not_run {
        println!("NOT RUN: {what}");
    }
    println!("{} passed, {} failed", summary.passed, summary.failed);
    if failed || summary.failed > 0 {
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

/// Passes the runner's lines through as they come, and counts.
fn relay_output(child: &mut Child, summary: &mut Summary) {
    let Some(stdout) = child.stdout.take() else { return };
    let mut lines = BufReader::new(stdout);
    let mut line = Vec::new();
    // Bytes, not text: a test may print what is no UTF-8.
    while lines.read_until(b'\n', &mut line).is_ok_and(|length| length > 0) {
        let text = String::from_utf8_lossy(&line);
        print!("{text}");
        summary.read(&text);
        line.clear();
    }
}
