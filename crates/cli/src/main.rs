//! The binary `rapport`: command line, configuration, wiring and telemetry. Everything it decides, it asks the other crates.
//!
//! Where to start: [`command_line`] says what there is, `command/` has a file for each of it, [`settings`] reads where things
//! run, [`layout`] opens them, and [`demo`] plays a year of a programme that might exist.
#![allow(clippy::disallowed_methods, reason = "an edge crate: clock, environment and I/O are its job")]

mod command_line;
mod exit;
mod telemetry;

mod command;
mod demo;

mod ahead;
mod backtest;
mod desk;
mod files;
mod hooks;
mod layout;
mod lock;
mod one_cpu;
mod picture;
mod printed;
mod progress;
mod scratch;
mod services;
mod settings;
mod source_file;
mod stop;

use std::process::ExitCode;

use clap::Parser;

use command_line::CommandLine;

/// State is many small pieces that live for one commit: the system's allocator took a sixth of the demo's time. The embedded
/// database and the broker's client use it, too (the feature `override`).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let line = match CommandLine::try_parse() {
        Ok(line) => line,
        Err(error) => {
            // `--help` and `--version` are answers, everything else is bad input.
            let code = if error.use_stderr() { exit::BAD_INPUT } else { exit::OK };
            let _ = error.print();
            return ExitCode::from(code);
        }
    };
    one_cpu::stay(&line.command);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            printed::aside(format!("error: no threads to work with: {error}"));
            return ExitCode::from(exit::FAILURE);
        }
    };
    let result = runtime.block_on(command::run(line));
    // What still waits for a broker must not hold the end up.
    runtime.shutdown_timeout(std::time::Duration::from_secs(2));
    match result {
        Ok(code) => ExitCode::from(code),
        Err(failure) => {
            failure.print();
            ExitCode::from(failure.code)
        }
    }
}
