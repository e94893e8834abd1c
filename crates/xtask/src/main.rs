//! The project's own commands, behind `cargo xtask`: tests with real services, generated files, tidy checks, benches.
//!
//! Few dependencies on purpose, so that it compiles in seconds on a fresh machine. It knows the services only as
//! processes and ports; what is asked of them is the business of the tests it starts.
#![allow(clippy::disallowed_methods, reason = "an edge: clock, environment and processes are its job")]

mod editor;
mod interrupt;
mod process;
mod service;
mod summary;
mod test;
mod tidy;
mod workspace;

use std::process::ExitCode;

use anyhow::{Result, bail};

use crate::service::{Durability, Services};

const HELP: &str = "\
cargo xtask COMMAND

  test [--within MINUTES] [CARGO-ARGS] [-- FILTER…]
                                   runs every test, with a throwaway PostgreSQL, Apache Kafka and smtp-sink; after so
                                   many minutes what is not over has failed
  services                         starts those services, prints their addresses, keeps them until Ctrl-C
  contract                         writes docs/contract anew from the event catalogue
  editor                           tries the language server with a client of another make (pygls, in a venv)
  tidy                             checks what no compiler checks: sizes, names, dependencies, stray paths
  bench NAME [ARGS]                runs a bench with the services, as a release build (e.g. `bench engine`)
  fuzz [TARGET…] [--seconds N]     feeds damaged inputs to every parser that meets bytes from outside; --list names them
  e2e [--kills N] [ARGS]           plays the end-to-end run with the services and separate processes

Services come from this machine, else from Debian's packages (as root), from Maven and from npm. A service
that cannot be had ends the command with what is missing and how to get it; what a test or a Rust without clippy cannot
look at is named at the end, as NOT RUN.
";

fn main() -> ExitCode {
    interrupt::listen();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(code) => code,
        Err(error) if interrupt::requested() && !interrupt::is_out_of_time() => {
            eprintln!("xtask: stopped by a signal ({error:#})");
            ExitCode::from(130)
        }
        Err(error) => {
            eprintln!("xtask: error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Result<ExitCode> {
    let Some((command, rest)) = arguments.split_first() else {
        print!("{HELP}");
        return Ok(ExitCode::from(2));
    };
    match command.as_str() {
        "test" => test::run(rest),
        "services" => keep_services(),
        "contract" => workspace::cargo(&["run", "--quiet", "-p", "rapport-event", "--example", "contract"], rest, &[]),
        "editor" => editor::run(),
        "tidy" => tidy::run(),
        // As tests are built: with what checks sums and places.
        "fuzz" => workspace::cargo(&["run", "--quiet", "-p", "rapport-fuzz", "--"], rest, &[]),
        "bench" => {
            if rest.is_empty() {
                bail!("name the bench, e.g. `cargo xtask bench engine`");
            }
            if rest.first().is_some_and(|bench| matches!(bench.as_str(), "backtest" | "demo" | "tests")) {
                // The program itself is measured, and it needs no services.
                workspace::cargo_ok(&["build", "--release", "-p", "rapport-cli"])?;
                return workspace::cargo(&["run", "--release", "-p", "rapport-bench", "--"], rest, &[]);
            }
            // A bench compares durable commits, so its database keeps fsync on.
            with_services(Durability::Full, &["run", "--release", "-p", "rapport-bench", "--"], rest)
        }
        "e2e" => {
            workspace::cargo_ok(&["build", "-p", "rapport-cli"])?;
            with_services(Durability::Process, &["run", "-p", "rapport-e2e", "--"], rest)
        }
        "help" | "--help" | "-h" => {
            print!("{HELP}");
            Ok(ExitCode::SUCCESS)
        }
        other => bail!("no command `{other}`; `cargo xtask help` lists them"),
    }
}

/// Runs one cargo command with the services up and their addresses in its environment.
fn with_services(durability: Durability, cargo: &[&str], rest: &[String]) -> Result<ExitCode> {
    let services = Services::start(durability)?;
    workspace::cargo(cargo, rest, &services.environment())
}

fn keep_services() -> Result<ExitCode> {
    let mut services = Services::start(Durability::Process)?;
    for (name, value) in services.environment() {
        println!("export {name}={value}");
    }
    println!("xtask: up; Ctrl-C stops them");
    while !interrupt::wait(std::time::Duration::from_millis(500)) {
        services.check_alive()?;
    }
    println!("xtask: stopping");
    Ok(ExitCode::SUCCESS)
}
