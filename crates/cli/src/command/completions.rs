//! `rapport completions`.

use clap::CommandFactory as _;
use clap_complete::Shell;

use crate::command_line::CommandLine;
use crate::exit::{self, Failure};
use crate::printed;

/// Prints a shell's completions.
pub fn run(shell: Shell) -> Result<u8, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut CommandLine::command(), "rapport", &mut script);
    printed::line(String::from_utf8_lossy(&script).trim_end());
    Ok(exit::OK)
}
