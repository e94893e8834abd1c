//! The log, on stderr.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt;

use crate::command_line::{Global, LogFormat};
use crate::printed::Aside;

/// Begins to log. `quiet` commands tell by what they print; their log holds warnings only, unless more is asked for.
pub fn begin(global: &Global, configured: Option<LogFormat>, level: Option<&str>, quiet: bool) {
    let level = match (global.verbose, quiet) {
        (0, true) => "error",
        (0, false) => level.unwrap_or("info"),
        (1, _) => "debug",
        _ => "trace",
    };
    // Statements and protocol chatter of libraries hold addresses and texts; they are shown only when everything is.
    let libraries = if global.verbose > 1 { "debug" } else { "warn" };
    let directives = format!("{libraries},rapport={level},{}", OURS.map(|name| format!("{name}={level}")).join(","));
    let filter = EnvFilter::new(directives);
    let for_people = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let builder = fmt().with_env_filter(filter).with_writer(|| Aside).with_ansi(for_people);
    // A second beginning (tests) changes nothing.
    let _ = match global.log.or(configured).unwrap_or(LogFormat::Human) {
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
        LogFormat::Human => builder.with_target(false).try_init(),
    };
}

const OURS: [&str; 6] =
    ["rapport_engine", "rapport_store", "rapport_kafka", "rapport_smtp", "rapport_http", "rapport_workflow"];
