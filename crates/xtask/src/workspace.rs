//! Where the workspace is, and cargo commands run in it.

use std::path::PathBuf;
use std::process::{Command, ExitCode};

use anyhow::{Result, bail};

use crate::process;

/// The workspace's root folder.
pub fn root() -> PathBuf {
    let manifest = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    manifest.ancestors().nth(2).map_or_else(|| manifest.clone(), |root| root.to_path_buf())
}

/// The folder of what is kept between runs: the broker's jars.
pub fn cache() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from).join("xtask")
}

/// A cargo command in the workspace, by the cargo that runs this program.
pub fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root()).args(arguments);
    // What cargo told of this very program is no business of the next: build scripts that look at it (ring's does) would run
    // again whenever somebody calls cargo himself in between, and half the workspace would be compiled anew.
    let told = |name: &str| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_");
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(told) {
            command.env_remove(name);
        }
    }
    command
}

/// Runs cargo in the foreground with `environment` added; its exit code is the answer.
pub fn cargo(arguments: &[&str], rest: &[String], environment: &[(&'static str, String)]) -> Result<ExitCode> {
    let mut command = command(arguments);
    command.args(rest).envs(environment.iter().map(|(name, value)| (name, value)));
    let (status, ()) = process::foreground(command, |_| ())?;
    Ok(ExitCode::from(process::code(status)))
}

/// Runs cargo in the foreground and fails when it does.
pub fn cargo_ok(arguments: &[&str]) -> Result<()> {
    let (status, ()) = process::foreground(command(arguments), |_| ())?;
    if !status.success() {
        bail!("`cargo {}` failed ({status})", arguments.join(" "));
    }
    Ok(())
}
