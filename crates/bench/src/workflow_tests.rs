//! `rapport test` over the shipped workflows as its user meets it: what a thousand tests take.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, bail};

use crate::TestsArguments;
use crate::demo::program;
use crate::machine::Machine;

/// Seconds that a thousand tests are meant to take at most, on two cores.
const LIMIT: f64 = 5.0;

/// Prints the table.
pub fn bench(arguments: &TestsArguments) -> Result<()> {
    let program = program()?;
    println!("{}; the tests of the shipped workflows, start and reading of the files included", Machine::here());
    println!("{:>10} {:>8} {:>10} {:>16}", "", "tests", "seconds", "s for 1,000");
    println!("{:>10} {:>8} {:>10} {LIMIT:>16}", "limit", "", "");
    let report = std::env::temp_dir().join(format!("rapport-bench-tests-{}.xml", std::process::id()));
    let mut all = Vec::new();
    for round in 1..=arguments.rounds {
        let began = Instant::now();
        let output = Command::new(&program)
            .args(["test", "--junit"])
            .arg(&report)
            .arg("--dir")
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("../.."))
            .output()
            .context("starting rapport")?;
        let seconds = began.elapsed().as_secs_f64();
        if !output.status.success() {
            bail!("a test failed:\n{}", String::from_utf8_lossy(&output.stdout));
        }
        let tests = std::fs::read_to_string(&report)?.matches("<testcase").count();
        let each = seconds * 1_000.0 / tests as f64;
        all.push(each);
        println!("{:>10} {tests:>8} {seconds:>10.2} {each:>16.2}", format!("round {round}"));
    }
    std::fs::remove_file(&report)?;
    all.sort_by(f64::total_cmp);
    println!("{:>10} {:>8} {:>10} {:>16.2}", "median", "", "", all.get(all.len() / 2).copied().unwrap_or_default());
    Ok(())
}
