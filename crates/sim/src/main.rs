//! Plays a seed and tells how it went: `cargo run -p rapport-sim -- --seed 7 --days 60 [--faults] [--change] [--goals] [--shared]
//! [--trace]`; or many, each in all the ways that must come to the same:
//! `cargo run -p rapport-sim -- --seeds 5000 [--seed FIRST] [--days 12]`.

use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};

use rapport_sim::{
    faults::Rates,
    properties,
    run::{Operator, Setting, play},
};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |name: &str, default: u64| {
        let at = arguments.iter().position(|argument| argument == name);
        at.and_then(|at| arguments.get(at + 1)?.parse().ok()).unwrap_or(default)
    };
    let flag = |name: &str| arguments.iter().any(|argument| argument == name);
    let (seed, days) = (number("--seed", 1), i64::try_from(number("--days", 30)).unwrap_or(30));
    if flag("--trace") {
        tracing_subscriber::fmt().with_writer(std::io::stderr).with_env_filter("info").without_time().init();
    }
    let seeds = number("--seeds", 0);
    if seeds > 0 {
        return many(seed, seeds, i64::try_from(number("--days", 12)).unwrap_or(12));
    }
    let setting = Setting::plain(seed, days);
    let operator = Operator {
        changes_on: flag("--change").then_some(days / 2),
        goals_answered_on: flag("--goals").then_some(days / 4),
        ..Operator::NONE
    };
    let setting = Setting {
        rates: if flag("--faults") { Rates::MANY } else { Rates::NONE },
        shards: u32::try_from(number("--shards", u64::from(setting.shards))).unwrap_or(1),
        batch: usize::try_from(number("--batch", setting.batch as u64)).unwrap_or(1),
        schedule: number("--schedule", seed),
        operator,
        shared: flag("--shared"),
        ..setting
    };
    let outcome = play(&setting);
    for fault in &outcome.faults {
        println!("fault    {fault}");
    }
    println!("records  {} in, {} in the log", outcome.world.records.len(), outcome.records);
    for (name, count) in outcome.tables.numbers() {
        println!("{count:>8} {name}");
    }
    println!("{:>8} mails accepted", outcome.accepted.len());
    let mut broken = properties::of_one(&outcome);
    if !flag("--one") {
        broken.extend(properties::of_seed(seed, days));
        broken.extend(properties::of_changed_seed(seed, days));
        if flag("--goals") {
            broken.extend(properties::of_goal_seed(seed, days));
        }
        if flag("--shared") {
            broken.extend(properties::of_shared_seed(seed, days));
        }
    }
    for what in &broken {
        println!("BROKEN   {what}");
    }
    if broken.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Plays seeds on all cores; a broken one prints the line that plays it alone.
fn many(first: u64, count: u64, days: i64) -> ExitCode {
    let next = AtomicU64::new(first);
    let broken = AtomicU64::new(0);
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= first + count {
                        return;
                    }
                    let mut found = properties::of_seed(seed, days);
                    found.extend(properties::of_changed_seed(seed, days));
                    for what in &found {
                        println!("BROKEN   cargo run -p rapport-sim -- --seed {seed} --days {days}: {what}");
                    }
                    broken.fetch_add(u64::from(!found.is_empty()), Ordering::Relaxed);
                    let played = seed - first + 1;
                    if played.is_multiple_of(100) {
                        println!("{played} of {count} seeds begun");
                    }
                }
            });
        }
    });
    let broken = broken.into_inner();
    println!("{count} seeds, {broken} broken");
    if broken == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
