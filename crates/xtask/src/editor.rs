//! `cargo xtask editor`: the language server, met by a client of another make over stdio.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Result, bail};

use crate::{process, workspace};

/// The client's version is fixed; it brings its own reading of the protocol.
const CLIENT: &str = "pygls==2.1.1";

/// Builds the program, makes a Python environment once, and lets the client talk to the server about a copy of the project.
pub fn run() -> Result<ExitCode> {
    workspace::cargo_ok(&["build", "-p", "rapport-cli"])?;
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| workspace::root().join("target"), PathBuf::from);
    let (cache, python) = (workspace::cache(), workspace::cache().join("editor/bin/python"));
    if !python.is_file() {
        let venv = cache.join("editor");
        ok(Command::new("python3").args(["-m", "venv"]).arg(&venv))?;
        ok(Command::new(&python).args(["-m", "pip", "install", "--quiet", CLIENT]))?;
    }
    let project = cache.join("editor-project");
    for folder in ["config", "workflows"] {
        copy(&workspace::root().join(folder), &project.join(folder))?;
    }
    let mut client = Command::new(&python);
    client.arg(workspace::root().join("crates/editor/tests/client.py")).arg(target.join("debug/rapport")).arg(&project);
    let (status, ()) = process::foreground(client, |_| ())?;
    Ok(ExitCode::from(process::code(status)))
}

fn ok(command: &mut Command) -> Result<()> {
    let status = command.status()?;
    if !status.success() {
        bail!("{:?} failed ({status})", command.get_program());
    }
    Ok(())
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let path = entry?.path();
        let Some(name) = path.file_name() else { continue };
        if path.is_dir() {
            copy(&path, &to.join(name))?;
        } else {
            std::fs::copy(&path, to.join(name))?;
        }
    }
    Ok(())
}
