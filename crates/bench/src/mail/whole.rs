//! The whole mailer on PostgreSQL: planned mails wait, and each is claimed, judged, rendered, sent and settled.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use rapport_engine::apply::{Approval, Request, apply};
use rapport_engine::clocks::ServerClock;
use rapport_engine::mailer::{Hand, Mailer};
use rapport_engine::ports::log::EventLog;
use rapport_engine::ports::rows::{PartnerRow, ShardCommit};
use rapport_engine::ports::store::{Committed, Store};
use rapport_engine::ports::transport::{
    Connection, Deadline, Delivery, Envelope, Letter, RelayStanding, Transport, TransportError,
};
use rapport_engine::readiness::Readiness;
use rapport_engine::rulebooks::Rulebooks;
use rapport_event::shard_of;
use rapport_smtp::Relays;
use sqlx::{Connection as _, PgConnection};
use tokio_util::sync::CancellationToken;

use super::letters::{Letters, SHARDS};
use crate::database;

/// A round without progress for this long has failed.
const STUCK: Duration = Duration::from_secs(60);
/// Mails in one commit while they are planned.
const CHUNK: usize = 1_000;

/// How long the mailer takes from its start until the last of the planned mails is accepted. Afterwards the store is counted.
pub async fn run(
    postgres: &str,
    log: Arc<dyn EventLog>,
    letters: &Letters,
    relays: Relays,
    mails: usize,
) -> Result<Duration> {
    let name = format!("bench_mail_{}", std::process::id());
    let (database, url) = database::fresh(postgres, &name).await?;
    let store: Arc<dyn Store> = Arc::new(database.clone());
    plan(&store, letters, mails).await?;
    let mut connection = PgConnection::connect(&url).await?;
    // As autovacuum would have, of the tables that were written to: what a table is taken for that was analysed while it was empty, no
    // service meets.
    sqlx::raw_sql("ANALYZE shard, partner, person, recipient, message, message_context")
        .execute(&mut connection)
        .await?;

    let seen = Arc::new(Seen::default());
    let mailer = Arc::new(Mailer {
        name: "bench".to_owned(),
        incarnation: "1".to_owned(),
        store: store.clone(),
        log,
        transport: Arc::new(Watched { relays, seen: seen.clone() }),
        clock: Arc::new(ServerClock::new(store.clone())),
        rulebooks: Arc::new(Rulebooks::new(store.clone())),
        links: letters.keys.clone(),
        shards: SHARDS,
        readiness: Readiness::default(),
        hand: Hand::default(),
    });
    let stop = CancellationToken::new();
    let stopped = stop.clone();
    let started = Instant::now();
    let running = tokio::spawn(async move { mailer.run(stopped).await });
    let (mut before, mut moved) = (0, Instant::now());
    let last = loop {
        tokio::time::sleep(Duration::from_millis(20)).await;
        let (accepted, last) = seen.accepted();
        if accepted >= mails {
            break last;
        }
        if accepted > before {
            (before, moved) = (accepted, Instant::now());
        } else if moved.elapsed() > STUCK {
            bail!(
                "{accepted} of {mails} mails are accepted, and it goes no further; in the store are {}",
                states(&mut connection).await?
            );
        }
    };
    // What is in hand is settled before it ends.
    stop.cancel();
    running.await?;
    let (sent, planned, attempts): (i64, i64, i64) = sqlx::query_as(
        "SELECT count(*) FILTER (WHERE state = 'sent'), count(*), coalesce(sum(attempt), 0)::bigint FROM message",
    )
    .fetch_one(&mut connection)
    .await?;
    let twice = seen.twice();
    let all = mails as i64;
    if (sent, planned, attempts) != (all, all, all) || twice != 0 {
        bail!(
            "{mails} mails were to be sent once: {sent} of {planned} are, in {attempts} attempts, {twice} recipients got \
             more than one; in the store are {}",
            states(&mut connection).await?
        );
    }
    connection.close().await?;
    database.close().await;
    database::drop(postgres, &name).await?;
    let last = last.context("nothing was accepted")?;
    Ok(last.duration_since(started))
}

/// Applies the files and plans the mails as the engine's commits would, due at once. Shards' clocks are an hour ahead: no engine runs
/// that would move them, and the mailer leaves mail of a shard alone that lags behind.
async fn plan(store: &Arc<dyn Store>, letters: &Letters, mails: usize) -> Result<()> {
    store.create_shards(SHARDS).await?;
    let request = Request {
        texts: letters.texts.clone(),
        by: "bench".to_owned(),
        since: None,
        approval: Approval::NotNeeded,
        plan: None,
    };
    apply(store, request, SHARDS, store.server_time().await?).await?;
    let mut by_shard: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
    for number in 0..mails {
        by_shard.entry(shard_of(&Letters::key(number)?, SHARDS)).or_default().push(number);
    }
    let clock = Timestamp::now() + SignedDuration::from_hours(1);
    for (shard, numbers) in by_shard {
        let shard = i32::try_from(shard)?;
        let row = store.take_shard(shard, "bench", Duration::from_secs(60)).await?.context("a shard is not free")?;
        for (commit_no, chunk) in (row.commit_no..).zip(numbers.chunks(CHUNK)) {
            let mut batch =
                ShardCommit { shard, epoch: row.epoch, commit_no, clock: Some(clock), ..ShardCommit::default() };
            let mut persons = Vec::with_capacity(chunk.len());
            for &number in chunk {
                persons.push(Letters::person(number)?);
                batch.partners.push(PartnerRow { key: Letters::key(number)?, hot: Vec::new(), days: None });
                batch.messages.push(letters.message(number)?);
            }
            store.store_persons(&persons).await?;
            if store.commit_shard(&batch).await? != Committed::Done {
                bail!("shard {shard} is somebody else's");
            }
        }
    }
    Ok(())
}

/// What has become of the mails, for whoever looks into a failure.
async fn states(connection: &mut PgConnection) -> Result<String> {
    let rows: Vec<(String, String, i64)> = sqlx::query_as(
        "SELECT state, coalesce(reason, deferred, ''), count(*) FROM message GROUP BY 1, 2 ORDER BY 3 DESC LIMIT 10",
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.iter().map(|(state, why, count)| format!("{count} {state} ({why})")).collect::<Vec<_>>().join(", "))
}

/// Who was told 250, how often, and when last.
#[derive(Default)]
struct Seen(Mutex<Told>);

#[derive(Default)]
struct Told {
    by_recipient: HashMap<String, u32>,
    last: Option<Instant>,
}

impl Seen {
    fn note(&self, recipient: &str) {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *told.by_recipient.entry(recipient.to_owned()).or_default() += 1;
        told.last = Some(Instant::now());
    }

    fn accepted(&self) -> (usize, Option<Instant>) {
        let told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        (told.by_recipient.len(), told.last)
    }

    fn twice(&self) -> usize {
        let told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        told.by_recipient.values().filter(|times| **times > 1).count()
    }
}

/// The relays, and who looks over their shoulder.
struct Watched {
    relays: Relays,
    seen: Arc<Seen>,
}

#[async_trait]
impl Transport for Watched {
    async fn ready(&self) -> Result<Box<dyn Connection>, TransportError> {
        let connection = self.relays.ready().await?;
        Ok(Box::new(WatchedConnection { connection, seen: self.seen.clone() }))
    }

    fn compose(&self, letter: &Letter) -> Result<Vec<u8>, String> {
        self.relays.compose(letter)
    }

    fn connections_max(&self) -> usize {
        self.relays.connections_max()
    }

    fn in_flight(&self) -> usize {
        self.relays.in_flight()
    }

    fn delivers(&self) -> bool {
        self.relays.delivers()
    }

    fn relays(&self) -> Vec<RelayStanding> {
        self.relays.relays()
    }
}

struct WatchedConnection {
    connection: Box<dyn Connection>,
    seen: Arc<Seen>,
}

#[async_trait]
impl Connection for WatchedConnection {
    async fn send(&mut self, envelope: &Envelope, bytes: &[u8], deadline: &Deadline) -> Delivery {
        let delivery = self.connection.send(envelope, bytes, deadline).await;
        if matches!(delivery, Delivery::Accepted { .. }) {
            self.seen.note(&envelope.to);
        }
        delivery
    }

    fn relay(&self) -> Option<&str> {
        self.connection.relay()
    }
}
