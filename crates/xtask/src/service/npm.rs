//! Packages of npm that tests use, each in a folder of its own.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::install;
use crate::process;
use crate::workspace;

/// The folder whose `node_modules` holds the package in this version; `wanted` says what for.
pub fn package(name: &str, version: &str, wanted: &str) -> Result<PathBuf> {
    let place = workspace::cache().join(name).join(version);
    if place.join("node_modules").join(name).join("package.json").is_file() {
        return Ok(place);
    }
    if process::find("npm", &[]).is_none() || process::find("node", &[]).is_none() {
        install::debian(&["nodejs", "npm"], &format!("npm (fetches {name}, {wanted})"))?;
    }
    println!("xtask: fetching {name} {version} through npm");
    let parent = place.parent().context("the cache folder has no parent")?;
    std::fs::create_dir_all(parent)?;
    // Made beside its place and moved there whole, so that an interrupted download is never taken for a complete one.
    let fresh = tempfile::Builder::new().prefix("fetch-").tempdir_in(parent)?;
    fetch(fresh.path(), &format!("{name}@{version}"))?;
    let _ = std::fs::remove_dir_all(&place);
    std::fs::rename(fresh.keep(), &place)?;
    Ok(place)
}

fn fetch(folder: &Path, package: &str) -> Result<()> {
    let mut npm = Command::new("npm");
    npm.args(["install", "--no-audit", "--no-fund", "--ignore-scripts", "--no-save", "--loglevel=error", "--prefix"]);
    npm.arg(folder).arg(package);
    let (status, ()) = process::foreground(npm, |_| ())?;
    if !status.success() {
        bail!("npm could not fetch {package} ({status}): it needs the npm registry or a mirror named in its settings");
    }
    Ok(())
}
