//! The demo as its user meets it: how long the year takes after the build, and how much memory.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::DemoArguments;
use crate::machine::{Machine, peak_memory_of};

/// What the demo is meant to need at most, on two cores.
const LIMIT: (Duration, u64) = (Duration::from_secs(60), 300);

/// Prints the table.
pub fn bench(arguments: &DemoArguments) -> Result<()> {
    let program = program()?;
    println!("{}; seed {}", Machine::here(), arguments.seed);
    println!("{:>10} {:>10} {:>12}", "", "seconds", "peak MiB");
    println!("{:>10} {:>10} {:>12}", "limit", LIMIT.0.as_secs(), LIMIT.1);
    for round in 1..=arguments.rounds {
        let (took, peak) = play(&program, arguments.seed)?;
        println!("{:>10} {:>10.1} {:>12}", format!("round {round}"), took.as_secs_f64(), peak);
    }
    Ok(())
}

/// The release build beside this one.
pub fn program() -> Result<PathBuf> {
    let program = std::env::current_exe()?.with_file_name("rapport");
    if !program.is_file() {
        bail!("{} is not there: run `cargo xtask bench demo`, which builds it", program.display());
    }
    Ok(program)
}

fn play(program: &PathBuf, seed: u64) -> Result<(Duration, u64)> {
    let folder = std::env::temp_dir().join(format!("rapport-bench-demo-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let began = Instant::now();
    let mut child = Command::new(program)
        .args(["demo", "--json", "--seed", &seed.to_string(), "--dir"])
        .arg(&folder)
        .stdout(Stdio::null())
        .spawn()
        .context("starting the demo")?;
    let process = child.id().to_string();
    let mut peak = 0;
    let status = loop {
        // The kernel keeps the peak, so that looking now and then misses at most the last moments.
        peak = peak_memory_of(&process).unwrap_or(peak);
        match child.try_wait()? {
            Some(status) => break status,
            None => std::thread::sleep(Duration::from_millis(20)),
        }
    };
    let took = began.elapsed();
    std::fs::remove_dir_all(&folder)?;
    if !status.success() {
        bail!("the demo failed ({status})");
    }
    Ok((took, peak))
}
