//! The test programs that cargo built, to be run side by side: cargo itself runs one after the other.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::Asked;
use crate::process;

/// A program with tests in it.
#[derive(Debug, PartialEq, Eq)]
pub struct Program {
    /// `store: test databases`.
    pub name: String,
    executable: PathBuf,
    /// Where cargo would run it.
    package: PathBuf,
}

impl Program {
    /// A run of it, as cargo would run it.
    pub fn command(&self, arguments: &[String]) -> Command {
        let mut command = Command::new(&self.executable);
        command.current_dir(&self.package).env("CARGO_MANIFEST_DIR", &self.package).args(arguments);
        command
    }
}

/// Builds what was asked for; `None` when it does not compile, which cargo has told.
pub fn build(asked: &Asked<'_>, targets: &[&str]) -> Result<Option<Vec<Program>>> {
    let mut command = asked.command(&["--no-run", "--message-format=json-render-diagnostics"], targets);
    command.stdout(Stdio::piped());
    let (status, programs) = process::foreground(command, |child| {
        let lines = child.stdout.take().into_iter().flat_map(|stdout| BufReader::new(stdout).lines());
        lines.map_while(Result::ok).filter_map(|line| read(&line).transpose()).collect::<Result<Vec<_>>>()
    })?;
    if !status.success() {
        return Ok(None);
    }
    let programs = programs?;
    if programs.is_empty() {
        bail!("nothing with tests was built");
    }
    Ok(Some(programs))
}

/// A line of what cargo tells; `None` if it is about anything but a test program.
fn read(line: &str) -> Result<Option<Program>> {
    let Ok(told) = serde_json::from_str::<Value>(line) else { return Ok(None) };
    let Some(executable) = told["executable"].as_str().filter(|_| told["profile"]["test"] == true) else {
        return Ok(None);
    };
    let manifest = told["manifest_path"].as_str().context("cargo names no manifest")?;
    let package = Path::new(manifest).parent().context("a manifest stands in a folder")?;
    let (target, kind) = (told["target"]["name"].as_str(), told["target"]["kind"][0].as_str());
    let crate_name = package.file_name().and_then(|name| name.to_str());
    let (Some(target), Some(kind), Some(crate_name)) = (target, kind, crate_name) else {
        bail!("cargo names no target: {line}");
    };
    Ok(Some(Program {
        name: format!("{crate_name}: {kind} {target}"),
        executable: executable.into(),
        package: package.to_path_buf(),
    }))
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn test_programs_are_told_from_everything_else() {
        let line = |test: bool, executable: &str| {
            format!(
                r#"{{"reason":"compiler-artifact","manifest_path":"/w/crates/store/Cargo.toml","target":{{"kind":["test"],"name":"databases"}},"profile":{{"test":{test}}},"executable":{executable}}}"#
            )
        };
        let program = read(&line(true, r#""/t/databases-1""#)).unwrap().unwrap();
        assert_eq!(program.name, "store: test databases");
        let command = program.command(&["--nocapture".to_owned()]);
        assert_eq!(command.get_current_dir().unwrap(), "/w/crates/store");
        for other in [line(false, r#""/t/rapport""#), line(true, "null"), "Compiling".to_owned()] {
            assert_eq!(read(&other).unwrap(), None);
        }
    }
}
