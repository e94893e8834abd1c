//! `cargo xtask fuzz`: feeds every parser for a time, each in a process of its own.
#![allow(clippy::disallowed_methods, reason = "an edge: clock, environment and processes are its job")]

use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use clap::Parser;
use rapport_fuzz::target::{self, Target};
use rapport_fuzz::watch::{self, Plan, RUNNING};

/// Feeds damaged inputs to every parser that meets bytes from outside, and writes down what it should not have been fed.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask fuzz")]
struct Arguments {
    /// Only these [default: all; --list names them]
    targets: Vec<String>,
    /// Feed each target for so long
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// An input that takes longer does not come back
    #[arg(long, default_value_t = 10)]
    patience: u64,
    /// Another seed makes other inputs
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Name the targets, and what each reads
    #[arg(long)]
    list: bool,
    /// Feed one target this file alone, and say its answer
    #[arg(long, value_name = "FILE")]
    input: Option<PathBuf>,
    /// In this very process, for the one that gathers
    #[arg(long, hide = true)]
    alone: bool,
}

/// How a process that feeds alone tells what it came to.
const TOLD: &str = "fed";

fn main() -> Result<ExitCode> {
    let arguments = Arguments::parse();
    if arguments.list {
        for target in &target::ALL {
            println!("{:<11} {}", target.name, target.about);
        }
        return Ok(ExitCode::SUCCESS);
    }
    let mut chosen: Vec<&'static Target> = Vec::new();
    for name in &arguments.targets {
        chosen.push(target::find(name).with_context(|| format!("no target `{name}`; --list names them"))?);
    }
    if let Some(file) = &arguments.input {
        let [target] = chosen.as_slice() else {
            bail!("--input needs one target: `cargo xtask fuzz TARGET --input FILE`")
        };
        let input = std::fs::read(file).with_context(|| file.display().to_string())?;
        println!("{}", (target.feed)(&input));
        return Ok(ExitCode::SUCCESS);
    }
    match (arguments.alone, chosen.as_slice()) {
        (true, &[target]) => alone(target, &arguments),
        (true, _) => bail!("--alone needs one target"),
        (false, []) => gather(target::ALL.iter(), &arguments),
        (false, chosen) => gather(chosen.iter().copied(), &arguments),
    }
}

fn folder(target: &Target) -> PathBuf {
    let build = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    build
        .unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../target"))
        .join("fuzz")
        .join(target.name)
}

/// Feeds one target, and tells the process that gathers.
fn alone(target: &'static Target, arguments: &Arguments) -> Result<ExitCode> {
    watch::remember_panics();
    let plan = Plan {
        length: Duration::from_secs(arguments.seconds),
        patience: Duration::from_secs(arguments.patience),
        seed: arguments.seed,
    };
    let fed = watch::feed(target, plan, &folder(target))?;
    println!("{TOLD} {} {}", fed.inputs, fed.answers);
    for (what, file) in &fed.findings {
        println!("{what}\t{}", file.display());
    }
    if fed.hangs {
        // Its thread would go on for as long as this process lives.
        std::process::exit(0);
    }
    Ok(ExitCode::SUCCESS)
}

/// Lets each target be fed by a process of its own: one that dies takes nothing else along.
fn gather(targets: impl Iterator<Item = &'static Target>, arguments: &Arguments) -> Result<ExitCode> {
    println!("{:<11} {:>10} {:>9} {:>8} {:>9}", "target", "inputs", "a second", "answers", "findings");
    let mut found = Vec::new();
    for target in targets {
        let (told, findings) = let_feed(target, arguments)?;
        let [inputs, a_second, answers] = match told {
            Some((inputs, answers)) => {
                let a_second = inputs / arguments.seconds.max(1);
                [inputs.to_string(), a_second.to_string(), answers.to_string()]
            }
            None => ["?", "?", "?"].map(str::to_owned),
        };
        println!("{:<11} {inputs:>10} {a_second:>9} {answers:>8} {:>9}", target.name, findings.len());
        found.extend(findings.into_iter().map(|(what, file)| (target.name, what, file)));
    }
    for (name, what, file) in &found {
        println!("\n{name}: {what}\n  again: cargo xtask fuzz {name} --input {file}");
    }
    Ok(if found.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Inputs and answers; what was found, each with its file.
type Told = (Option<(u64, u64)>, Vec<(String, String)>);

fn let_feed(target: &Target, arguments: &Arguments) -> Result<Told> {
    let folder = folder(target);
    let mut command = Command::new(std::env::current_exe()?);
    command.args([target.name, "--alone", "--seconds", &arguments.seconds.to_string()]);
    command.args(["--patience", &arguments.patience.to_string(), "--seed", &arguments.seed.to_string()]);
    let output = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output()?;
    let said = String::from_utf8_lossy(&output.stdout);
    let mut lines = said.lines();
    let counts = lines.next().and_then(|line| {
        let (inputs, answers) = line.strip_prefix(TOLD)?.trim().split_once(' ')?;
        Some((inputs.parse::<u64>().ok()?, answers.parse::<u64>().ok()?))
    });
    let mut findings: Vec<(String, String)> =
        lines.filter_map(|line| line.split_once('\t')).map(|(what, file)| (what.to_owned(), file.to_owned())).collect();
    if counts.is_none() || !output.status.success() {
        let input = std::fs::read(folder.join(RUNNING)).context("the process died before it fed anything")?;
        let file = watch::write_down(&folder, "end", &input)?;
        findings.push((format!("the process ended ({})", output.status), file.display().to_string()));
    }
    Ok((counts, findings))
}
