//! `bench engine`: the engine in this process, on real Kafka and PostgreSQL, through a standing backlog.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use jiff::Timestamp;
use rapport_engine::apply::{Request, apply};
use rapport_engine::clocks::ServerClock;
use rapport_engine::ownership::{Engine, EngineParts, EngineSettings};
use rapport_engine::ports::store::Store;
use rapport_engine::readiness::Readiness;
use rapport_engine::rulebooks::Rulebooks;
use rapport_engine::shard::beginning;
use rapport_event::ProgramId;
use rapport_kafka::{Connection, KafkaLog, LogSettings};
use sqlx::{Connection as _, PgConnection};
use tokio_util::sync::CancellationToken;

use crate::machine::{Machine, peak_memory_mib};
use crate::workload::{Expected, produce};
use crate::{EngineArguments, consume_and_parse, database, service};

/// A round without progress for this long has failed.
const STUCK: Duration = Duration::from_secs(120);

struct Round {
    limit: f64,
    engine: f64,
    commits: i64,
}

/// Produces the backlog once, then measures both in alternation and prints the table.
pub async fn bench(arguments: &EngineArguments) -> Result<()> {
    let (postgres, kafka) = (service("RAPPORT_TEST_POSTGRES")?, service("RAPPORT_TEST_KAFKA")?);
    let topic = format!("bench.events.{}", std::process::id());
    let now = Timestamp::now();
    let log = log(&kafka, &topic, arguments.shards).await?;
    let started = Instant::now();
    let expected = produce(log.as_ref(), arguments, now).await?;
    println!(
        "backlog: {} records of {} partners in {} partitions, {} conversions ({:.0} s to write)",
        arguments.records,
        expected.partners,
        arguments.shards,
        expected.conversions,
        started.elapsed().as_secs_f64()
    );
    drop(log);

    let mut rounds = Vec::new();
    println!("\nround  consume and parse  Kafka to committed  ratio  commits");
    for number in 1..=arguments.rounds {
        let alone = consume_and_parse::run(&kafka, &topic, arguments.shards, arguments.records).await?;
        let (all, commits) = engine_round(&postgres, &kafka, &topic, arguments, expected, now).await?;
        let rate = |time: Duration| arguments.records as f64 / time.as_secs_f64();
        let round = Round { limit: rate(alone), engine: rate(all), commits };
        println!(
            "{number:5}  {:15.0}/s  {:16.0}/s  {:5.2}  {commits:7}",
            round.limit,
            round.engine,
            round.engine / round.limit
        );
        rounds.push(round);
    }
    let limit = median(rounds.iter().map(|round| round.limit));
    let engine = median(rounds.iter().map(|round| round.engine));
    let ratio = median(rounds.iter().map(|round| round.engine / round.limit));
    println!("median {limit:15.0}/s  {engine:16.0}/s  {ratio:5.2}");
    let commits = median(rounds.iter().map(|round| round.commits as f64));
    println!(
        "\n{commits:.0} commits of {:.0} records on average; at most {} MiB in this process; {}; PostgreSQL with fsync={}",
        arguments.records as f64 / commits.max(1.0),
        peak_memory_mib(),
        Machine::here(),
        setting(&postgres, "fsync").await?
    );
    Ok(())
}

/// The log of a topic of this bench, which is made if need be.
pub async fn log(kafka: &str, topic: &str, shards: u32) -> Result<Arc<KafkaLog>> {
    let settings = LogSettings {
        topic: topic.to_owned(),
        shards,
        group: format!("{topic}.engine"),
        replication: Some(1),
        ..LogSettings::default()
    };
    Ok(Arc::new(KafkaLog::connect(&Connection::new(kafka), settings).await?))
}

/// One engine on an empty database through the whole backlog; the time until everything is committed, and the commits.
async fn engine_round(
    postgres: &str,
    kafka: &str,
    topic: &str,
    arguments: &EngineArguments,
    expected: Expected,
    now: Timestamp,
) -> Result<(Duration, i64)> {
    let name = format!("bench_{}", std::process::id());
    let (database, url) = database::fresh(postgres, &name).await?;
    let store: Arc<dyn Store> = Arc::new(database.clone());
    store.create_shards(arguments.shards).await?;
    let program = ProgramId::new("default")?;
    store.pin_meta(&beginning(&program), &now.as_millisecond().to_string()).await?;
    let since = arguments.journeys.then_some(Timestamp::UNIX_EPOCH);
    let request = Request {
        texts: shipped()?,
        by: "bench".to_owned(),
        since,
        approval: rapport_engine::apply::Approval::NotNeeded,
        plan: None,
    };
    apply(&store, request, arguments.shards, store.server_time().await?).await?;

    let parts = EngineParts {
        store: store.clone(),
        log: log(kafka, topic, arguments.shards).await?,
        clock: Arc::new(ServerClock::new(store.clone())),
        rulebooks: Arc::new(Rulebooks::new(store.clone())),
        readiness: Readiness::default(),
        tells_signals: true,
    };
    let engine = Engine::new(EngineSettings::new("bench", arguments.shards), parts);
    let stop = CancellationToken::new();
    let stopped = stop.clone();
    let started = Instant::now();
    let running = tokio::spawn(async move { engine.run(stopped).await });
    let mut connection = PgConnection::connect(&url).await?;
    let (mut done, mut moved, mut commits) = (0, Instant::now(), 0);
    while done < arguments.records as i64 {
        tokio::time::sleep(Duration::from_millis(50)).await;
        let (offsets, numbers): (i64, i64) =
            sqlx::query_as("SELECT sum(next_offset)::bigint, sum(commit_no)::bigint FROM shard WHERE shard >= 0")
                .fetch_one(&mut connection)
                .await?;
        if offsets > done {
            (done, moved, commits) = (offsets, Instant::now(), numbers);
        } else if moved.elapsed() > STUCK {
            bail!("{done} of {} records are committed, and it goes no further", arguments.records);
        }
    }
    let elapsed = started.elapsed();
    stop.cancel();
    running.await?;

    let found: (i64, i64, i64) = sqlx::query_as(
        "SELECT (SELECT count(*) FROM partner), (SELECT count(*) FROM conversion), (SELECT coalesce(sum(amount_minor), 0)::bigint FROM conversion)",
    )
    .fetch_one(&mut connection)
    .await?;
    let found = Expected { partners: found.0, conversions: found.1, minor: found.2 };
    if found != expected {
        bail!("the database holds {found:?}, the backlog {expected:?}");
    }
    connection.close().await?;
    database.close().await;
    database::drop(postgres, &name).await?;
    Ok((elapsed, commits))
}

/// The shipped workflows and configuration, by path.
pub fn shipped() -> Result<BTreeMap<String, String>> {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = manifest.ancestors().nth(2).unwrap_or(manifest);
    let mut texts = BTreeMap::new();
    let mut folders = vec![root.join("workflows"), root.join("config")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(root)?.to_string_lossy().into_owned();
                texts.insert(name, std::fs::read_to_string(&path)?);
            }
        }
    }
    Ok(texts)
}

/// What the server is set to.
pub async fn setting(server: &str, name: &str) -> Result<String> {
    let mut connection = PgConnection::connect(server).await?;
    let (value,): (String,) =
        sqlx::query_as("SELECT current_setting($1)").bind(name).fetch_one(&mut connection).await?;
    Ok(value)
}

/// The middle one.
pub fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}
