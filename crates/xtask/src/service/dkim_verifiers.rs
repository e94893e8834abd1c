//! Two DKIM verifiers that are not ours: Python's dkimpy and npm's mailauth. Tests hand them signed mails.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::install;
use crate::process;
use crate::workspace;

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
    let place = workspace::cache().join("mailauth").join(MAILAUTH);
    if place.join("node_modules/mailauth/package.json").is_file() {
        return Ok(place);
    }
    if process::find("npm", &[]).is_none() || process::find("node", &[]).is_none() {
        install::debian(&["nodejs", "npm"], "npm (fetches mailauth, which verifies DKIM signatures)")?;
    }
    println!("xtask: fetching mailauth {MAILAUTH} through npm");
    let parent = place.parent().context("the cache folder has no parent")?;
    std::fs::create_dir_all(parent)?;
    // Made beside its place and moved there whole, so that an interrupted download is never taken for a complete one.
    let fresh = tempfile::Builder::new().prefix("fetch-").tempdir_in(parent)?;
    fetch(fresh.path())?;
    let _ = std::fs::remove_dir_all(&place);
    std::fs::rename(fresh.keep(), &place)?;
    Ok(place)
}

fn fetch(folder: &Path) -> Result<()> {
    let mut npm = Command::new("npm");
    npm.args(["install", "--no-audit", "--no-fund", "--ignore-scripts", "--no-save", "--loglevel=error", "--prefix"]);
    npm.arg(folder).arg(format!("mailauth@{MAILAUTH}"));
    let (status, ()) = process::foreground(npm, |_| ())?;
    if !status.success() {
        bail!(
            "npm could not fetch mailauth@{MAILAUTH} ({status}): it needs the npm registry or a mirror named in its settings"
        );
    }
    Ok(())
}
