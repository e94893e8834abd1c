//! Two DKIM verifiers that are not ours: Python's dkimpy and npm's mailauth. Tests hand them signed mails.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};

use super::{install, npm};
use crate::process;

/// The version whose answers the tests know.
const MAILAUTH: &str = "4.13.3";
/// Debian's own interpreter, whose modules Debian's packages are.
const DEBIAN_PYTHON: &str = "/usr/bin/python3";

/// A Python with dkimpy and PyNaCl (which it needs for Ed25519).
pub fn python() -> Result<PathBuf> {
    if let Some(python) = find_python() {
        return Ok(python);
    }
    install::debian(&["python3-dkim", "python3-nacl"], "dkimpy (verifies DKIM signatures)")?;
    find_python().context("python3-dkim and python3-nacl are installed, but no python3 can import both")
}

fn find_python() -> Option<PathBuf> {
    let candidates = [Some(PathBuf::from(DEBIAN_PYTHON)), process::find("python3", &[])];
    candidates.into_iter().flatten().find(|python| {
        let mut command = Command::new(python);
        command.args(["-c", "import dkim, nacl.signing"]);
        command.output().is_ok_and(|output| output.status.success())
    })
}

/// The folder whose `node_modules` holds mailauth.
pub fn mailauth() -> Result<PathBuf> {
    npm::package("mailauth", MAILAUTH, "which verifies DKIM signatures")
}
