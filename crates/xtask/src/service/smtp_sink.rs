//! `smtp-sink`, the SMTP server that Postfix is tested with: tests start one each, on a port of their own.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::install;
use crate::process;

/// The path of `smtp-sink`, from this machine or from the Debian package `postfix`.
pub fn find_or_install() -> Result<PathBuf> {
    if let Some(path) = find() {
        return Ok(path);
    }
    install::debian(&["postfix"], "smtp-sink (a part of Postfix)")?;
    find().context("the package postfix is installed, but holds no smtp-sink")
}

fn find() -> Option<PathBuf> {
    let folders = ["/usr/sbin", "/usr/libexec/postfix", "/usr/lib/postfix/sbin", "/opt/homebrew/sbin"];
    process::find("smtp-sink", &folders.map(Path::new))
}
