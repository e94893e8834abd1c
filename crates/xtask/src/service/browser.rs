//! A browser, axe, which looks for what keeps people from using a page, and html-validate, which reads the markup. Tests show them
//! the gateway's pages and the shipped mails.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::{install, npm};
use crate::process;

/// The version whose rules the pages hold to.
const AXE: &str = "4.14.1";
/// The version whose rules pages and mails hold to: the last that runs on Debian 12's Node.js.
const HTML_VALIDATE: &str = "9.7.1";

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

/// The folder whose `node_modules` holds html-validate.
pub fn html_validate() -> Result<PathBuf> {
    npm::package("html-validate", HTML_VALIDATE, "which finds what is wrong with HTML")
}
