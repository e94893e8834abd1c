//! Plays a seed and tells how it went: `cargo run -p rapport-sim -- --seed 7 --days 60 [--faults] [--trace]`.

use std::process::ExitCode;

use rapport_sim::{
    faults::Rates,
    properties,
    run::{Setting, play},
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
    let setting = Setting::plain(seed, days);
    let setting = Setting {
        rates: if flag("--faults") { Rates::MANY } else { Rates::NONE },
        shards: u32::try_from(number("--shards", u64::from(setting.shards))).unwrap_or(1),
        batch: usize::try_from(number("--batch", setting.batch as u64)).unwrap_or(1),
        schedule: number("--schedule", seed),
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
    }
    for what in &broken {
        println!("BROKEN   {what}");
    }
    if broken.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
