//! Python's `aiosmtpd`, an SMTP server that is not ours: tests start one each and compare what it read with what was written.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};

use super::install;
use crate::process;

/// Debian's own interpreter, whose modules Debian's packages are.
const DEBIAN_PYTHON: &str = "/usr/bin/python3";

/// A Python with aiosmtpd.
pub fn python() -> Result<PathBuf> {
    if let Some(python) = find() {
        return Ok(python);
    }
    install::debian(&["python3-aiosmtpd"], "aiosmtpd (takes mails and tells what it read)")?;
    find().context("python3-aiosmtpd is installed, but no python3 can import it")
}

fn find() -> Option<PathBuf> {
    let candidates = [Some(PathBuf::from(DEBIAN_PYTHON)), process::find("python3", &[])];
    candidates.into_iter().flatten().find(|python| {
        let mut command = Command::new(python);
        command.args(["-c", "import aiosmtpd.smtp"]);
        command.output().is_ok_and(|output| output.status.success())
    })
}
