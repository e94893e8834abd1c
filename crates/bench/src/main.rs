//! Benches that compare the real thing with its limit in one run, in alternation: `cargo xtask bench engine`.
//!
//! Numbers of one machine mean little; the ratio between two columns of one table means something. Nothing here decides
//! whether a test passes.
#![allow(clippy::disallowed_methods, reason = "an edge: clock and environment are its job")]

mod backtest;
mod consume_and_parse;
mod database;
mod demo;
mod engine_throughput;
mod machine;
mod mail;
mod segments;
mod workflow_tests;
mod workload;

use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Parser;

/// The one that ships.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Benches of rapport.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask bench")]
enum Bench {
    /// Events a second from Kafka to committed in PostgreSQL, beside reading and parsing the same topic alone
    Engine(EngineArguments),
    /// How long after an event its partner has entered or left a segment, at a steady rate
    Segments(SegmentsArguments),
    /// Mails a second to Postfix' smtp-sink, beside its own smtp-source
    Mail(MailArguments),
    /// Recorded events a second of `rapport backtest`, beside what is meant to be reached
    Backtest(BacktestArguments),
    /// What a thousand tests of workflows take, beside what they may take
    Tests(TestsArguments),
    /// The demo's year, beside the time and memory it is meant to need
    Demo(DemoArguments),
}

/// Of `bench mail`.
#[derive(Debug, Clone, clap::Args)]
struct MailArguments {
    /// So many in each run
    #[arg(long, default_value_t = 20_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    mails: u32,
    /// Rounds of all, in alternation; the median counts
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Connections at the same time, on both sides
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=500))]
    sessions: u32,
    /// Mails the whole mailer may have in hand for each connection, and a crash leaves in doubt
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=100))]
    in_flight: u32,
    /// Size of a mail's body
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=100))]
    kilobytes: u32,
}

/// Of `bench backtest`.
#[derive(Debug, Clone, clap::Args)]
struct BacktestArguments {
    /// The record is played so often
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Another seed is another world
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// Of `bench tests`.
#[derive(Debug, Clone, clap::Args)]
struct TestsArguments {
    /// All tests are played so often
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
}

/// Of `bench demo`.
#[derive(Debug, Clone, clap::Args)]
struct DemoArguments {
    /// The year is played so often
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Another seed is another world
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// Of `bench engine`.
#[derive(Debug, Clone, clap::Args)]
struct EngineArguments {
    /// Records in the standing backlog
    #[arg(long, default_value_t = 3_000_000)]
    records: u64,
    /// Rounds of both, in alternation; the median counts
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Partners, with volumes in proportion to 1/rank
    #[arg(long, default_value_t = 50_000, value_parser = clap::value_parser!(u32).range(1..))]
    partners: u32,
    /// Partitions
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=4096))]
    shards: u32,
    /// One record of so many is a conversion, the others are activities (1: conversions only)
    #[arg(long, default_value_t = 21, value_parser = clap::value_parser!(u64).range(1..))]
    one_conversion_in: u64,
    /// Apply the workflows as if they had always been there: every first sale starts a journey
    #[arg(long)]
    journeys: bool,
    /// Another seed is another workload of the same shape
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// Of `bench segments`.
#[derive(Debug, Clone, clap::Args)]
struct SegmentsArguments {
    /// Partners, all known before the measurement
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(1..))]
    partners: u32,
    /// Events a second
    #[arg(long, default_value_t = 5_000, value_parser = clap::value_parser!(u64).range(1..))]
    rate: u64,
    /// For so many seconds
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..))]
    seconds: u64,
    /// Partitions
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=4096))]
    shards: u32,
    /// One SQLite file and its journal, one shard, no services
    #[arg(long)]
    embedded: bool,
    /// Another seed is another workload of the same shape
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

fn main() -> Result<ExitCode> {
    let bench = Bench::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    match bench {
        Bench::Engine(arguments) => runtime.block_on(engine_throughput::bench(&arguments))?,
        Bench::Backtest(arguments) => backtest::bench(&arguments)?,
        Bench::Demo(arguments) => demo::bench(&arguments)?,
        Bench::Tests(arguments) => workflow_tests::bench(&arguments)?,
        Bench::Mail(arguments) => runtime.block_on(mail::bench(&arguments))?,
        Bench::Segments(arguments) => runtime.block_on(segments::bench(&arguments))?,
    }
    Ok(ExitCode::SUCCESS)
}

/// An address of a service that `cargo xtask bench` has started.
fn service(name: &str) -> Result<String> {
    std::env::var(name)
        .ok()
        .filter(|value| !value.is_empty())
        .with_context(|| format!("{name} is not set: run `cargo xtask bench engine`, which starts the services"))
}
