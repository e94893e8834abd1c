//! A backtest as its user meets it: how many recorded events a second it plays.

use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::BacktestArguments;
use crate::demo::program;
use crate::machine::Machine;

/// Events a second on one core that a backtest is meant to play.
const GOAL: f64 = 1e6;
/// The record is the demo's year.
const LAST: &str = "365d";

/// Prints the table.
pub fn bench(arguments: &BacktestArguments) -> Result<()> {
    let program = program()?;
    println!("{}; the demo's year, seed {}", Machine::here(), arguments.seed);
    let folder = std::env::temp_dir().join(format!("rapport-bench-backtest-{}", std::process::id()));
    let run = |words: &[&str]| -> Result<Value> {
        let mut command = Command::new(&program);
        command.args(words).arg("--json").arg("--dir").arg(&folder);
        let output = command.output().context("starting rapport")?;
        if !output.status.success() {
            bail!("{words:?} failed: {}", String::from_utf8_lossy(&output.stderr));
        }
        serde_json::from_slice(&output.stdout).with_context(|| format!("what {words:?} said"))
    };
    run(&["demo", "--seed", &arguments.seed.to_string()])?;
    println!("{:>10} {:>10} {:>10} {:>12}", "", "events", "seconds", "events/s");
    println!("{:>10} {:>10} {:>10} {:>12}", "goal", "", "", GOAL);
    let mut rates = Vec::new();
    for round in 1..=arguments.rounds {
        let played = run(&["backtest", "--last", LAST])?;
        let number = |name: &str| played.get(name).and_then(Value::as_f64).with_context(|| format!("no {name}"));
        let (events, seconds) = (number("events")?, number("seconds")?);
        rates.push(events / seconds);
        println!("{:>10} {events:>10} {seconds:>10.1} {:>12.0}", format!("round {round}"), events / seconds);
    }
    std::fs::remove_dir_all(&folder)?;
    rates.sort_by(f64::total_cmp);
    println!(
        "{:>10} {:>10} {:>10} {:>12.0}",
        "median",
        "",
        "",
        rates.get(rates.len() / 2).copied().unwrap_or_default()
    );
    Ok(())
}
