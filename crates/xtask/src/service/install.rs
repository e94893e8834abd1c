//! Debian packages, for what this machine lacks.

use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::process;

/// Whether this process may install packages and must not run PostgreSQL itself.
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Installs Debian packages without a question and without starting their daemons; says what to do where it cannot.
pub fn debian(packages: &[&str], wanted: &str) -> Result<()> {
    let by_hand = format!("install it with `apt-get install {}` (or this system's way)", packages.join(" "));
    if process::find("apt-get", &[]).is_none() {
        bail!("{wanted} is missing and this is no Debian system: {by_hand}");
    }
    if !is_root() {
        bail!("{wanted} is missing and only root may install it: {by_hand}, then run this again");
    }
    println!("xtask: installing {} for {wanted}", packages.join(", "));
    apt(&["update", "-q"]).with_context(|| by_hand.clone())?;
    let mut arguments = vec!["install", "-q", "-y", "--no-install-recommends"];
    arguments.extend(packages);
    apt(&arguments).with_context(|| by_hand)
}

fn apt(arguments: &[&str]) -> Result<()> {
    let mut command = Command::new("apt-get");
    // RUNLEVEL=1 keeps invoke-rc.d from starting what is installed: the tests run servers of their own.
    command.args(arguments).env("DEBIAN_FRONTEND", "noninteractive").env("RUNLEVEL", "1");
    process::output(&mut command).map(drop)
}
