//! `bench segments`: how long after an event its partner has entered or left a segment, at a steady rate.
//!
//! Memberships are written in the commit that folds their event, so an event's memberships stand as soon as the shard's
//! offset has passed it. Measured is the time from just before the append to the poll that sees this.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use jiff::{SignedDuration, Timestamp};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use rapport_engine::apply::{Request, apply};
use rapport_engine::clocks::ServerClock;
use rapport_engine::ownership::{Engine, EngineParts, EngineSettings};
use rapport_engine::ports::log::{EventLog, NewRecord};
use rapport_engine::ports::store::Store;
use rapport_engine::readiness::Readiness;
use rapport_engine::rulebooks::Rulebooks;
use rapport_engine::shard::segments::kept;
use rapport_event::{PartnerKey, encode, shard_of};
use rapport_kafka::{Connection, KafkaLog, LogSettings};
use rapport_partner::PartnerState;
use rapport_store::SqlStore;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use tokio_util::sync::CancellationToken;

use crate::machine::{Machine, peak_memory_mib};
use crate::{SegmentsArguments, service};

/// Entered by a click, left by anything that was done, left by a sale; and one that asks for a rate over windows.
const SEGMENTS: &str = "groups:\n  quiet: { else: true, lane: newsletter }\nsegments:\n  \
    clicked: { if: clicks_total >= 1 }\n  \
    untouched: { if: [clicks_total == 0, logins_total == 0, conversions_total == 0] }\n  \
    never_sold: { if: [conversions_total == 0, days_since_approved > 30] }\n  \
    rising: { if: clicks_28d > 1.3 * clicks_28d_before }\n";

/// Between two looks at the shards' offsets.
const LOOK: Duration = Duration::from_millis(5);
/// Between two appends.
const TICK: Duration = Duration::from_millis(10);
/// A run without progress for this long has failed.
const STUCK: Duration = Duration::from_secs(180);
/// Records in one append before the measurement.
const CHUNK: usize = 5_000;

/// What was appended to a shard and is not seen committed: offsets in order, with when.
type Waiting = Arc<Mutex<BTreeMap<u32, Vec<(i64, Instant)>>>>;

/// Sets the stand up, plays, and prints the table.
pub async fn bench(arguments: &SegmentsArguments) -> Result<()> {
    let folder = std::env::temp_dir().join(format!("rapport-bench-{}", std::process::id()));
    let result = measured(arguments, &folder).await;
    // An embedded store of a run that failed is of no use to anybody.
    let _ = std::fs::remove_dir_all(&folder);
    result
}

async fn measured(arguments: &SegmentsArguments, folder: &Path) -> Result<()> {
    let (database, log, shards) = stand(arguments, folder).await?;
    let store: Arc<dyn Store> = Arc::new(database.clone());
    store.create_shards(shards).await?;
    let request = Request {
        texts: files()?,
        by: "bench".to_owned(),
        since: None,
        approval: rapport_engine::apply::Approval::NotNeeded,
        plan: None,
    };
    apply(&store, request, shards, store.server_time().await?).await?;
    let parts = EngineParts {
        store: store.clone(),
        log: log.clone(),
        clock: Arc::new(ServerClock::new(store.clone())),
        rulebooks: Arc::new(Rulebooks::new(store.clone())),
        readiness: Readiness::default(),
        tells_signals: false,
    };
    let engine = Engine::new(EngineSettings::new("bench", shards), parts);
    let stop = CancellationToken::new();
    let stopped = stop.clone();
    let running = tokio::spawn(async move { engine.run(stopped).await });

    let started = Instant::now();
    let approved = Timestamp::now() - SignedDuration::from_hours(24 * 90);
    for first in (0..arguments.partners).step_by(CHUNK) {
        let last = arguments.partners.min(first + CHUNK as u32);
        let records = (first..last)
            .map(|partner| record(&format!("j{partner}"), "partner.approved", partner, approved, "{}", shards));
        log.append(records.collect::<Result<_>>()?).await?;
    }
    until_folded(&*store, &*log, shards).await?;
    println!(
        "{} partners in {shards} shards, all of them in `untouched` and `never_sold` ({:.0} s)",
        arguments.partners,
        started.elapsed().as_secs_f64()
    );

    let waiting = Waiting::default();
    let over = CancellationToken::new();
    let looking = tokio::spawn(look(store.clone(), waiting.clone(), over.clone()));
    let touched = play(arguments, &*log, shards, &waiting).await?;
    until_folded(&*store, &*log, shards).await?;
    over.cancel();
    let mut delays = looking.await??;
    check(&*store, shards, arguments.partners, &touched).await?;
    stop.cancel();
    running.await?;
    delays.sort_unstable();
    let at = |share: f64| {
        let place = ((delays.len() as f64 * share) as usize).min(delays.len().saturating_sub(1));
        delays.get(place).copied().unwrap_or_default().as_secs_f64() * 1000.0
    };
    println!("\nevents   events/s  p50      p90      p99      p99.9    max");
    println!(
        "{:7}  {:8}  {:4.0} ms  {:4.0} ms  {:4.0} ms  {:4.0} ms  {:4.0} ms",
        delays.len(),
        arguments.rate,
        at(0.5),
        at(0.9),
        at(0.99),
        at(0.999),
        at(1.0)
    );
    let build = if cfg!(debug_assertions) { "unoptimised build" } else { "release build" };
    println!(
        "\n{} partners entered `clicked`, {} left `untouched`, {} left `never_sold`, as counted by hand; {build}; at most {} MiB; {}",
        touched.clicked.len(),
        touched.any.len(),
        touched.sold.len(),
        peak_memory_mib(),
        Machine::here()
    );
    database.close().await;
    Ok(())
}

/// Store and log: real Kafka and PostgreSQL, or the embedded layout in a folder of its own.
async fn stand(arguments: &SegmentsArguments, folder: &Path) -> Result<(SqlStore, Arc<dyn EventLog>, u32)> {
    if arguments.embedded {
        std::fs::create_dir_all(folder)?;
        let database = SqlStore::connect(&format!("sqlite:{}", folder.join("rapport.db").display())).await?;
        let journal =
            database.journal(1, &folder.join("rapport.progress")).context("the embedded store has a journal")?;
        return Ok((database, Arc::new(journal), 1));
    }
    let (postgres, kafka) = (service("RAPPORT_TEST_POSTGRES")?, service("RAPPORT_TEST_KAFKA")?);
    let name = format!("bench_segments_{}", std::process::id());
    let mut connection = PgConnection::connect(&postgres).await.context("the server of RAPPORT_TEST_POSTGRES")?;
    sqlx::raw_sql(AssertSqlSafe(format!("CREATE DATABASE {name}"))).execute(&mut connection).await?;
    connection.close().await?;
    let (stem, _) = postgres.rsplit_once('/').context("RAPPORT_TEST_POSTGRES ends in no database")?;
    let database = SqlStore::connect(&format!("{stem}/{name}")).await?;
    database.migrate().await?;
    let settings = LogSettings {
        topic: name.clone(),
        shards: arguments.shards,
        group: format!("{name}.engine"),
        replication: Some(1),
        ..LogSettings::default()
    };
    let log = KafkaLog::connect(&Connection::new(&kafka), settings).await?;
    Ok((database, Arc::new(log), arguments.shards))
}

/// The shipped files with segments of the bench's own, and a configuration that mentions no other group.
fn files() -> Result<BTreeMap<String, String>> {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = manifest.ancestors().nth(2).unwrap_or(manifest);
    let mut texts = BTreeMap::new();
    for file in ["rapport.yaml", "layout.mail.html", "layout.mail.txt"] {
        let text = std::fs::read_to_string(root.join("config").join(file)).with_context(|| file.to_owned())?;
        texts.insert(format!("config/{file}"), text);
    }
    texts.insert("config/segments.yaml".into(), SEGMENTS.into());
    Ok(texts)
}

fn record(id: &str, kind: &str, partner: u32, at: Timestamp, data: &str, shards: u32) -> Result<NewRecord> {
    let json = format!(
        r#"{{"id":"{id}","kind":"{kind}","program":"default","partner":"p{partner}","occurred_at":"{at}","data":{data}}}"#
    );
    let event = rapport_event::decode_record(json.as_bytes())
        .map_err(|rejection| anyhow::anyhow!("the bench makes a bad event: {rejection}\n{json}"))?;
    Ok(NewRecord {
        shard: shard_of(&event.key, shards),
        key: event.key.to_string().into_bytes(),
        value: encode(&event),
        stamp: None,
        position: None,
    })
}

/// Whom the events touched, counted by hand.
#[derive(Default)]
struct Touched {
    clicked: BTreeSet<u32>,
    sold: BTreeSet<u32>,
    any: BTreeSet<u32>,
}

/// Appends at the rate: twenty clicks and logins to one sale, partners at random.
async fn play(arguments: &SegmentsArguments, log: &dyn EventLog, shards: u32, waiting: &Waiting) -> Result<Touched> {
    let mut random = StdRng::seed_from_u64(arguments.seed);
    let mut touched = Touched::default();
    let ends = log.ends(&(0..shards).collect::<Vec<_>>()).await?;
    let mut next: BTreeMap<u32, i64> = (0..shards).zip(ends).collect();
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Burst);
    let (all, each) = (arguments.rate * arguments.seconds, arguments.rate * TICK.as_millis() as u64 / 1000);
    let mut number = 0;
    while number < all {
        ticks.tick().await;
        let now = Timestamp::now();
        let mut records = Vec::with_capacity(each as usize);
        for _ in 0..each.max(1) {
            let partner = random.random_range(0..arguments.partners);
            touched.any.insert(partner);
            let id = format!("e{number}");
            records.push(match number % 21 {
                0 => {
                    touched.sold.insert(partner);
                    let data = format!(
                        r#"{{"conversion_id":"{id}","status":"pending","amount":5000,"commission":500,"currency":"EUR"}}"#
                    );
                    record(&id, "conversion", partner, now, &data, shards)?
                }
                1..=5 => record(&id, "login", partner, now, "{}", shards)?,
                _ => {
                    touched.clicked.insert(partner);
                    record(&id, "link.clicked", partner, now, "{}", shards)?
                }
            });
            number += 1;
        }
        {
            let begun = Instant::now();
            let mut waiting = waiting.lock().unwrap_or_else(PoisonError::into_inner);
            for record in &records {
                let offset = next.entry(record.shard).or_default();
                waiting.entry(record.shard).or_default().push((*offset, begun));
                *offset += 1;
            }
        }
        log.append(records).await?;
    }
    Ok(touched)
}

/// Looks at the shards' offsets until the end; the delays of everything seen committed.
async fn look(store: Arc<dyn Store>, waiting: Waiting, over: CancellationToken) -> Result<Vec<Duration>> {
    let mut delays = Vec::new();
    let mut last = false;
    loop {
        let rows = store.shard_rows().await?;
        let now = Instant::now();
        {
            let mut waiting = waiting.lock().unwrap_or_else(PoisonError::into_inner);
            for row in rows {
                let Ok(shard) = u32::try_from(row.shard) else { continue };
                let Some(open) = waiting.get_mut(&shard) else { continue };
                let done = open.partition_point(|(offset, _)| *offset < row.next_offset);
                delays.extend(open.drain(..done).map(|(_, begun)| now.duration_since(begun)));
            }
        }
        if last {
            return Ok(delays);
        }
        last = over.is_cancelled();
        tokio::time::sleep(LOOK).await;
    }
}

async fn until_folded(store: &dyn Store, log: &dyn EventLog, shards: u32) -> Result<()> {
    let all: Vec<u32> = (0..shards).collect();
    let (mut seen, mut moved) = (-1, Instant::now());
    loop {
        let ends: i64 = log.ends(&all).await?.iter().sum();
        let rows = store.shard_rows().await?;
        let done: i64 = rows.iter().filter(|row| row.shard >= 0).map(|row| row.next_offset).sum();
        if done >= ends {
            return Ok(());
        }
        if done > seen {
            (seen, moved) = (done, Instant::now());
        } else if moved.elapsed() > STUCK {
            bail!("{done} of {ends} records are committed, and it goes no further");
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Every partner's memberships are those the events make of them.
async fn check(store: &dyn Store, shards: u32, partners: u32, touched: &Touched) -> Result<()> {
    let mut seen = 0;
    for shard in 0..shards {
        let mut after: Option<PartnerKey> = None;
        loop {
            let page = store.page_partners(shard, after.as_ref(), 2_000).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.partner.key.clone());
            for bundle in &page {
                let row = &bundle.partner;
                let number: u32 = row.key.partner.as_str().trim_start_matches('p').parse()?;
                let state = PartnerState::decode(&row.hot, row.days.as_deref())
                    .map_err(|error| anyhow::anyhow!("{}: {error}", row.key))?;
                let members = kept(&state);
                let is = |name: &str| members.get(name).copied().flatten().is_some();
                let expected = (
                    touched.clicked.contains(&number),
                    !touched.any.contains(&number),
                    !touched.sold.contains(&number),
                );
                let found = (is("clicked"), is("untouched"), is("never_sold"));
                if found != expected {
                    bail!("{}: clicked, untouched, never_sold are {found:?}, by hand {expected:?}", row.key);
                }
                seen += 1;
            }
        }
    }
    if seen != partners { bail!("{seen} of {partners} partners are there") } else { Ok(()) }
}
