//! `cargo xtask e2e`: plays the purchase log through real parts and counts.
#![allow(clippy::disallowed_methods, reason = "an edge: clock, environment and processes are its job")]

use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::Parser;
use jiff::civil::Date;
use rapport_e2e::disturbance::Plan;
use rapport_e2e::purchase_log::PurchaseLog;
use rapport_e2e::run::{Played, play};
use rapport_e2e::services::Services;
use rapport_e2e::{erasure, live, poison, run};

/// Plays a purchase log through Kafka, PostgreSQL, the services as processes, and SMTP; counts everything against the file.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask e2e")]
struct Arguments {
    /// Then play it again with so many kill -9, a stopped owner and a third engine; the outcome must be the same
    #[arg(long, default_value_t = 0)]
    kills: usize,
    /// Another seed draws other moments
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Only so many customers [default: all]
    #[arg(long)]
    customers: Option<usize>,
    /// Only purchases up to this day [default: all]
    #[arg(long)]
    until: Option<Date>,
    /// Instead: feed one record of each kind that no event can be
    #[arg(long)]
    poison: bool,
    /// Instead: erase a partner with mail queued and in hand, and look for what is left in every table and topic
    #[arg(long)]
    erasure: bool,
    /// Instead: run on the live clock for two minutes, with kills, processes that stand still, and files applied meanwhile
    #[arg(long)]
    live: bool,
}

fn main() -> Result<ExitCode> {
    let arguments = Arguments::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(work(arguments))?;
    Ok(ExitCode::SUCCESS)
}

async fn work(arguments: Arguments) -> Result<()> {
    let services = Services::from_environment()?;
    if arguments.poison {
        let poisoned = poison::play(&services).await?;
        for ((topic, partition, offset), code) in &poisoned.dead_letters {
            println!("{code:14} {topic}/{partition}@{offset}");
        }
        println!("{} good records arrived; a flood was stopped after {}", poisoned.good, poisoned.flooded);
        return Ok(());
    }
    if arguments.erasure {
        println!("{:#?}", erasure::play(&services).await?);
        return Ok(());
    }
    if arguments.live {
        let kills = if arguments.kills == 0 { 50 } else { arguments.kills };
        let partners = arguments.customers.unwrap_or(320);
        let plan = live::Plan { seed: arguments.seed, partners, sales: 10, kills };
        let live::Played { counted, done, published, seconds, doctor } = live::play(&services, plan).await?;
        println!("{published} records in {seconds:.0} s\n{counted:#?}\n{done:?}\n{doctor}");
        return Ok(());
    }
    let mut log = PurchaseLog::find()?;
    if arguments.customers.is_some() || arguments.until.is_some() {
        let until = arguments.until.or(log.last_day()).unwrap_or(Date::MAX);
        log = log.part(arguments.customers.unwrap_or(usize::MAX), until);
    }
    println!("the log: {}", log.origin);
    if arguments.kills == 0 {
        tell("undisturbed", &play(&services, "undisturbed", &log, None, Plan::NONE).await?);
        return Ok(());
    }
    let change = run::change_of(&log);
    let undisturbed = run::play_with(&services, "undisturbed", &log, None, Plan::NONE, change).await?;
    tell("undisturbed", &undisturbed);
    let plan = Plan { kills: arguments.kills, trade_shards: true, stand_still: true, seed: arguments.seed };
    let disturbed = run::play_with(&services, "disturbed", &log, None, plan, change).await?;
    tell("disturbed", &disturbed);
    let differences = run::compare(&disturbed, &undisturbed);
    for difference in differences.iter().take(20) {
        println!("{difference}");
    }
    if !differences.is_empty() {
        bail!("{} differences beyond the in-doubt rule (seed {})", differences.len(), arguments.seed);
    }
    println!("the same final state; {} partners with a message in doubt", disturbed.state.doubtful());
    Ok(())
}

fn tell(label: &str, played: &Played) {
    let totals = &played.totals;
    println!(
        "{label}: {} records in {:.1} s; {} conversions worth {}.{:02}, {} partners, {} mails accepted; state {}",
        totals.published,
        played.seconds,
        totals.conversions,
        totals.minor / 100,
        totals.minor % 100,
        totals.partners,
        totals.accepted,
        played.state.digest()
    );
    println!("  journeys {:?}\n  messages {:?}", totals.journeys, totals.messages);
    if !played.report.kills.is_empty() {
        println!(
            "  killed {:?}; stood still {:?}; taken over (shard, epoch before, after) {:?}; a third engine had {} shards",
            played.report.kills, played.report.stood_still, played.report.taken_over, played.report.traded
        );
    }
}
