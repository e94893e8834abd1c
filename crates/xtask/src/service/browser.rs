//! A browser, and axe, which looks for what keeps people from using a page. Tests show them the gateway's pages.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::{install, npm};
use crate::process;

/// The version whose rules the pages hold to.
const AXE: &str = "4.14.1";

/// Chromium, from this machine or from Debian's package.
pub fn chromium() -> Result<PathBuf> {
    if let Some(path) = find() {
        return Ok(path);
    }
    install::debian(&["chromium"], "Chromium (shows the gateway's pages to tests)")?;
    find().context("the package chromium is installed, but there is no chromium")
}

fn find() -> Option<PathBuf> {
    let names = ["chromium", "chromium-browser", "google-chrome"];
    names.iter().find_map(|name| process::find(name, &[Path::new("/usr/bin")]))
}

/// The script of axe.
pub fn axe() -> Result<PathBuf> {
    let place = npm::package("axe-core", AXE, "which looks for what keeps people from using a page")?;
    Ok(place.join("node_modules/axe-core/axe.min.js"))
}
