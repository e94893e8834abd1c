//! Prints how fast batches are written and read back: `cargo run --release -p rapport-store --example commit_speed -- URL…`
//!
//! Each URL is a store of its own that may be filled (`sqlite:/tmp/speed.db`, `postgres://…/speed`).

#![allow(clippy::disallowed_methods, reason = "measures time")]

use std::time::{Duration, Instant};

use jiff::Timestamp;
use rapport_engine::ports::rows::{ConversionRow, JourneyRow, PartnerRow, ShardCommit, TimerChange, TimerRow};
use rapport_engine::ports::store::{Committed, Store};
use rapport_event::id::PartnerKey;
use rapport_store::SqlStore;

const BATCH: usize = 2_000;
const ROUNDS: usize = 20;
const PARTNERS: usize = 10_000;

fn key(number: usize) -> PartnerKey {
    PartnerKey::new("shop", &format!("partner-{number:06}")).expect("a valid key")
}

fn partners(round: usize) -> Vec<PartnerRow> {
    let rows = (0..BATCH).map(|at| (round * BATCH + at) % PARTNERS);
    rows.map(|number| PartnerRow { key: key(number), hot: vec![round as u8; 400], days: None }).collect()
}

fn conversions(round: usize) -> Vec<ConversionRow> {
    let rows = (0..BATCH).map(|at| ConversionRow {
        key: key((round * BATCH + at) % PARTNERS),
        conversion_id: format!("order-{round}-{at}"),
        occurred_at: Timestamp::UNIX_EPOCH,
        status: "pending".into(),
        amount_minor: 4200,
        currency: "EUR".into(),
        body: vec![7; 40],
    });
    rows.collect()
}

fn journeys(round: usize) -> Vec<JourneyRow> {
    let rows = (0..BATCH).map(|at| JourneyRow {
        id: format!("{:032x}", (round * BATCH + at) % PARTNERS),
        key: key((round * BATCH + at) % PARTNERS),
        workflow: "follow-up".into(),
        version: "v1".into(),
        started_at: Timestamp::UNIX_EPOCH,
        exited: None,
        held_out: false,
        body: format!(r#"{{"key":"{at}","round":{round},"fill":"{}"}}"#, "x".repeat(600)),
    });
    rows.collect()
}

fn timers(round: usize) -> Vec<TimerChange> {
    let rows = (0..BATCH).map(|at| {
        TimerChange::Set(TimerRow {
            due: Timestamp::UNIX_EPOCH + jiff::SignedDuration::from_secs((round * BATCH + at) as i64),
            subject: "silence".into(),
            key: key((round * BATCH + at) % PARTNERS),
            seq: round as u32,
        })
    });
    rows.collect()
}

type Fill = fn(usize, &mut ShardCommit);

const PARTS: &[(&str, Fill)] = &[
    ("partners (400 B)", |round, batch| batch.partners = partners(round)),
    ("conversions", |round, batch| batch.conversions = conversions(round)),
    ("journeys (700 B)", |round, batch| batch.journeys = journeys(round)),
    ("timers", |round, batch| batch.timers = timers(round)),
];

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("{:<20} {:<20} {:>12} {:>12}", "store", "rows", "per second", "ms a batch");
    for url in std::env::args().skip(1) {
        let store = SqlStore::connect(&url).await?;
        store.migrate().await?;
        store.create_shards(1).await?;
        let name = if store.is_embedded() { "SQLite" } else { "PostgreSQL" };
        let owned = store.take_shard(0, "speed", Duration::ZERO).await?.ok_or("the shard is taken")?;
        let mut commit_no = owned.commit_no;
        let mut commit = async |fill: &dyn Fn(&mut ShardCommit)| {
            let mut batch = ShardCommit { epoch: owned.epoch, commit_no, ..ShardCommit::default() };
            fill(&mut batch);
            let begun = Instant::now();
            let committed = store.commit_shard(&batch).await?;
            commit_no += 1;
            if committed == Committed::Done {
                Ok(begun.elapsed())
            } else {
                Err(Box::<dyn std::error::Error>::from("fenced"))
            }
        };
        let print = |what: &str, rows: usize, times: usize, spent: Duration| {
            let (rate, each) = (rows as f64 / spent.as_secs_f64(), spent.as_secs_f64() * 1e3 / times as f64);
            println!("{name:<20} {what:<20} {rate:>12.0} {each:>12.2}");
        };
        for (what, fill) in PARTS {
            let mut spent = Duration::ZERO;
            for round in 0..ROUNDS {
                spent += commit(&|batch| fill(round, batch)).await?;
            }
            print(what, ROUNDS * BATCH, ROUNDS, spent);
        }
        let mut spent = Duration::ZERO;
        for _ in 0..100 {
            spent += commit(&|_| {}).await?;
        }
        print("empty batches", 100, 100, spent);
        let begun = Instant::now();
        let mut found = 0;
        for round in 0..ROUNDS {
            let keys: Vec<_> = partners(round).into_iter().map(|row| row.key).collect();
            found += store.load_partners(0, &keys).await?.len();
        }
        print("load with journeys", found, ROUNDS, begun.elapsed());
    }
    Ok(())
}
