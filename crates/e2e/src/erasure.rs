//! A partner asks to be forgotten while mail to them is queued and in a mailer's hand. Afterwards nothing leaves to them, and nothing of
//! them is found: in no table, in no record of rapport's own topics, and not again when they are told of anew, or when a copy of the
//! database from before comes back. What they sold stays, under an id that names nobody.

mod search;

use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use jiff::Timestamp;
use rapport_engine::ports::store::Store as _;
use rapport_kafka::Outgoing;
use rapport_partner::PartnerState;
use rapport_partner::measure::Measure;
use rapport_store::SqlStore;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::live::files;
use crate::processes::{Processes, until};
use crate::project::Project;
use crate::services::Services;
use crate::sink::Sink;

/// Shards of a play.
const SHARDS: u32 = 4;
/// A play in which nothing moves for so long does not come to rest.
const STUCK: Duration = Duration::from_secs(90);
/// How often it is looked.
const LOOK: Duration = Duration::from_millis(100);
/// So long an erasure is watched that must not be over: mail is in hand.
const WATCHED: Duration = Duration::from_secs(2);
const SERVICES: [&str; 5] = ["engine", "relay", "mailer", "ingest", "gateway"];

/// Who is erased: the id names nobody, and stays.
const PARTNER: &str = "p-17";
/// Their address.
const ADDRESS: &str = "quolverine@zyxpost.example";
/// What nobody else has and says: name, address, street, words.
const MARKERS: [&str; 5] = ["quolverine", "zyxandra", "zyxpost", "zyxstreet", "zyxsaid"];
/// What a sale brings.
const MINOR: i64 = 4_200;

/// What the play came to; all of it is checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Erased {
    /// Mails that were accepted for them before.
    pub mails: usize,
    /// Mails that were queued and did not leave.
    pub cancelled: i64,
    /// Their sales, before and after.
    pub sold: i64,
    /// Tables that were searched.
    pub tables: usize,
    /// Records of rapport's own topics that were searched.
    pub records: usize,
}

/// Plays and looks.
///
/// # Errors
/// Something of them is left, a mail left, a figure went, or the play stood still: the error says which.
pub async fn play(services: &Services) -> Result<Erased> {
    let sink = Sink::start().await?;
    let mut project = Project::prepare_with(services, "erasure", &sink, SHARDS, None, prepare).await?;
    let door = TcpListener::bind("127.0.0.1:0").await?.local_addr()?;
    let config = project.folder.path().join("deployment.yaml");
    let text = std::fs::read_to_string(&config)?;
    // Signals of this play alone: others run beside it.
    let events = &project.topics.events;
    let text =
        text.replace(&format!("events: {events} }}"), &format!("events: {events}, signals: {} }}", signals(&project)));
    std::fs::write(&config, format!("{text}gateway: {{ listen: \"{door}\" }}\n"))?;
    let them = them();
    let mut processes = Processes::default();
    let played = async {
        start(&project, &mut processes)?;
        let mut stage = Stage { project: &project, processes: &mut processes, sink: &sink, door, them: &them };
        stage.before().await?;
        stage.processes.stop_all().await.context("stopping before the copy is made")?;
        Ok::<(), anyhow::Error>(())
    };
    let played = played.await;
    played.map_err(|error| error.context(processes.tails()))?;
    let copy = project.database.copy("erasure_before").await?;
    let played = async {
        start(&project, &mut processes)?;
        let mut stage = Stage { project: &project, processes: &mut processes, sink: &sink, door, them: &them };
        let erased = stage.erase().await?;
        stage.processes.stop_all().await.context("stopping before the copy is put back")?;
        Ok::<Erased, anyhow::Error>(erased)
    };
    let played = played.await;
    let erased = played.map_err(|error| error.context(processes.tails()))?;
    let text = std::fs::read_to_string(&config)?.replace(&project.database.url, &copy.url);
    std::fs::write(&config, text)?;
    std::mem::replace(&mut project.database, copy).drop_now().await?;
    let played = async {
        let mut stage = Stage { project: &project, processes: &mut processes, sink: &sink, door, them: &them };
        stage.put_back().await?;
        stage.processes.stop_all().await
    };
    let played = played.await;
    played.map_err(|error| error.context(processes.tails()))?;
    ensure!(to_them(&sink) == erased.mails, "a mail left from the copy");
    drop(processes);
    project.remove().await?;
    Ok(erased)
}

fn prepare(folder: &Path) -> Result<()> {
    files::first(folder)?;
    let mail = "---\nsubject: 'A sale, {{fallback partner.first_name \"friend\"}}'\npreheader: 'A word.'\n---\nHi {{fallback partner.first_name \"friend\"}},\n\nthis is a sale.\n";
    Ok(std::fs::write(folder.join("workflows/sale/receipt.mail.md"), mail)?)
}

fn signals(project: &Project) -> String {
    format!("{}.signals", project.topics.events)
}

fn start(project: &Project, processes: &mut Processes) -> Result<()> {
    for service in SERVICES {
        processes.start(project, service, &["run".to_owned(), service.to_owned()])?;
    }
    Ok(())
}

/// Mails that were accepted for their address, however it is written.
fn to_them(sink: &Sink) -> usize {
    sink.accepted().iter().filter(|mail| mail.to.eq_ignore_ascii_case(ADDRESS)).count()
}

struct Stage<'a> {
    project: &'a Project,
    processes: &'a mut Processes,
    sink: &'a Sink,
    door: SocketAddr,
    /// Their record, which is told twice.
    them: &'a str,
}

impl Stage<'_> {
    /// They come, are greeted, answer, write back, and sell; so does somebody else.
    async fn before(&mut self) -> Result<()> {
        self.rest(
            "every shard to have an owner",
            "SELECT count(*) = 4 FROM shard WHERE shard >= 0 AND owner IS NOT NULL",
        )
        .await?;
        until("the gateway", STUCK, async || Ok(TcpStream::connect(self.door).await.is_ok())).await?;
        let broken = format!("{{\"partner\":\"{PARTNER}\",\"name\":\"Zyxandra Quolverine\"");
        let topics = &self.project.topics;
        self.tell(&topics.partners, vec![self.them.to_owned(), partner("bob", "bob@partner.example"), broken]).await?;
        let said = json!({ "survey": "nps", "answer": "9", "score": 9, "comment": "zyxsaid it all" });
        self.tell(&topics.activity, vec![event("said", PARTNER, "survey.answered", said)]).await?;
        self.rest(
            "greetings, words and a dead letter",
            "SELECT (SELECT count(*) FROM message WHERE state = 'sent') = 2 AND (SELECT count(*) FROM dead_letter) = 1 \
             AND (SELECT count(*) FROM person WHERE fields LIKE '%zyxsaid%') > 0 AND (SELECT count(*) FROM outbox) = 0",
        )
        .await?;
        let greeting = self.sink.accepted().into_iter().find(|mail| mail.to == ADDRESS).context("no greeting")?;
        let mail = format!(
            "From: Zyxandra Quolverine <{ADDRESS}>\r\nTo: ines@acme.example\r\nSubject: Re: zyxsaid\r\nMessage-ID: <zyxsaid@zyxpost.example>\r\n\
             In-Reply-To: <{}@mail.acme.example>\r\n\r\nzyxsaid thanks\r\n",
            greeting.message
        );
        let answer = self.post("/v1/mail", &mail).await?;
        ensure!(answer.starts_with("HTTP/1.1 200") && answer.contains("\"taken\":1"), "the reply: {answer}");
        let objective = "Zyxandra Quolverine wrote from zyxstreet";
        let case = ["case", "open", PARTNER, "--objective", objective, "--owner", "ines", "--due", "2099-01-05"];
        self.project.rapport(&case).await?;
        self.sell(PARTNER, 1).await?;
        self.sell("bob", 1).await?;
        self.rest("two receipts, and a reply that is told", &quiet(2, 1)).await?;
        let found = search::tables(&self.project.database.pool, &MARKERS).await?;
        let places = ["person.", "message", "task.", "dead_letter."];
        let unseen = places.iter().find(|place| !found.places.iter().any(|found| found.starts_with(**place)));
        ensure!(unseen.is_none(), "{unseen:?} has nothing of them, so a search proves nothing: {:?}", found.places);
        Ok(())
    }

    /// They sell more; one mail is in hand and three are queued when they are erased.
    async fn erase(&mut self) -> Result<Erased> {
        let project = self.project;
        let pool = &project.database.pool;
        let them_now = format!("FROM message WHERE partner = '{PARTNER}'");
        self.sink.hold(ADDRESS);
        for sale in 2..=5 {
            self.sell(PARTNER, sale).await?;
        }
        self.rest(
            "one mail in hand and three queued",
            &format!(
                "SELECT (SELECT count(*) {them_now} AND state = 'attempting') = 1 \
                 AND (SELECT count(*) {them_now} AND state = 'queued') = 3 AND (SELECT count(*) FROM outbox) = 0"
            ),
        )
        .await?;
        // Or the others would leave as soon as the first is answered.
        self.project.rapport(&["hold", PARTNER, "--until", "3 days", "--because", "asked for rest"]).await?;
        let whom = format!("default/{PARTNER}");
        let mut command = self.project.command(&["erase", &whom, "--yes", "--because", "asked by mail"]);
        let erasing = command.output();
        tokio::pin!(erasing);
        ensure!(
            tokio::time::timeout(WATCHED, &mut erasing).await.is_err(),
            "erased, or given up, while a mail was in hand"
        );
        ensure!(search::count(pool, "SELECT count(*) FROM erased").await? == 0, "erased while a mail was in hand");
        self.sink.release();
        let output = erasing.await?;
        let said = String::from_utf8_lossy(&output.stdout);
        if !output.status.success() || !said.contains("none is left") {
            bail!("rapport erase: {}\n{said}{}", output.status, String::from_utf8_lossy(&output.stderr));
        }
        let mails = to_them(self.sink);
        self.rest(
            "their journeys to end",
            &format!(
                "SELECT (SELECT count(*) FROM journey WHERE partner = '{PARTNER}' AND exited_at IS NULL) = 0 \
                 AND (SELECT count(*) FROM outbox) = 0 AND (SELECT count(*) {them_now} AND state IN ('queued', 'attempting')) = 0"
            ),
        )
        .await?;
        let cancelled = format!("SELECT count(*) {them_now} AND state = 'cancelled' AND reason = 'erased'");
        let cancelled = search::count(pool, &cancelled).await?;

        // The hold is not what keeps mail from them; the same record again, and a sale of today.
        self.project.rapport(&["hold", PARTNER, "--end"]).await?;
        self.tell(&self.project.topics.partners, vec![self.them.to_owned()]).await?;
        self.sell(PARTNER, 6).await?;
        self.sell("bob", 2).await?;
        self.rest("what was told again, and the other's receipt", &quiet(8, 2)).await?;
        let tables = self.nothing_is_left().await?;
        let topics = vec![self.project.topics.events.clone(), signals(self.project)];
        let records = search::records(self.project, topics, &MARKERS).await?;
        ensure!(records.places.is_empty(), "in the log: {:?}", records.places);
        let exported = self.project.rapport(&["export", &whom]).await?;
        ensure!(exported.contains("\"erased_at\": \"2"), "the export does not say it: {exported}");
        ensure!(!search::names_one(exported.as_bytes(), &MARKERS), "the export tells of them: {exported}");
        let suppressed =
            "SELECT count(*) FROM suppression WHERE address LIKE 'sha256:%' AND reason = 'erased' AND topic = ''";
        ensure!(search::count(pool, suppressed).await? == 1, "the address is not suppressed by its hash");
        let sold = self.sold().await?;

        // Somebody else comes with the address.
        let eve = partner("eve", &ADDRESS.to_uppercase());
        self.tell(&self.project.topics.partners, vec![eve]).await?;
        self.rest(
            "somebody else's mail to the address to be kept back",
            "SELECT count(*) > 0 AND count(*) = count(*) FILTER (WHERE state = 'suppressed') FROM message WHERE partner = 'eve'",
        )
        .await?;
        ensure!(to_them(self.sink) == mails, "a mail left to them after the erasure");
        let broken = SqlStore::connect(&self.project.database.url).await?.check_invariants().await?;
        let broken: Vec<_> = broken.into_iter().filter(|(_, rows)| *rows > 0).collect();
        ensure!(broken.is_empty(), "{broken:?}");
        Ok(Erased { mails, cancelled, sold, tables, records: records.searched })
    }

    /// A copy of before the erasure in the place of the database: it is recognised, accepted, and erased again by what the log tells.
    async fn put_back(&mut self) -> Result<()> {
        let known = "SELECT count(*) FROM person WHERE partner = 'p-17'";
        ensure!(search::count(&self.project.database.pool, known).await? > 0, "the copy knows nothing of them");
        self.project.rapport(&["restore", "--accept"]).await?;
        for service in ["engine", "relay"] {
            self.processes.start(self.project, service, &["run".to_owned(), service.to_owned()])?;
        }
        self.rest(
            "the copy to be as far as the log",
            "SELECT (SELECT count(*) FROM conversion) = 8 AND (SELECT count(*) FROM erased) = 1",
        )
        .await?;
        // The dead letter and the audit of a copy are for whoever puts it back: `rapport erase` again.
        self.project.rapport(&["erase", "default/p-17", "--yes", "--because", "a copy was put back"]).await?;
        ensure!(search::count(&self.project.database.pool, known).await? == 0, "they came back with the copy");
        Ok(())
    }

    /// Every table and column; how many were searched.
    async fn nothing_is_left(&self) -> Result<usize> {
        let found = search::tables(&self.project.database.pool, &MARKERS).await?;
        ensure!(found.places.is_empty(), "found again in {:?}", found.places);
        Ok(found.searched)
    }

    /// Their sales, in rows and in their state, worth what they were; the programme's besides.
    async fn sold(&self) -> Result<i64> {
        let project = self.project;
        let pool = &project.database.pool;
        let hot: (Vec<u8>,) =
            sqlx::query_as("SELECT hot FROM partner WHERE partner = $1").bind(PARTNER).fetch_one(pool).await?;
        let state = PartnerState::decode(&hot.0, None)?;
        let (rows, minor): (i64, i64) = sqlx::query_as(
            "SELECT count(*), coalesce(sum(amount_minor), 0)::bigint FROM conversion WHERE partner = $1",
        )
        .bind(PARTNER)
        .fetch_one(pool)
        .await?;
        let told = (state.totals.get(Measure::Conversions), state.totals.get(Measure::Revenue));
        ensure!(told == (rows, minor) && minor == rows * MINOR, "{rows} sales worth {minor}, and a state of {told:?}");
        ensure!(search::count(pool, "SELECT count(*) FROM conversion").await? == rows + 2, "the other's sales went");
        Ok(rows)
    }

    async fn sell(&self, who: &str, number: u32) -> Result<()> {
        let id = format!("c-{who}-{number}");
        let data = json!({ "conversion_id": id, "status": "pending", "amount": MINOR, "currency": "EUR" });
        self.tell(&self.project.topics.conversions, vec![event(&id, who, "conversion", data)]).await
    }

    async fn tell(&self, topic: &str, values: Vec<String>) -> Result<()> {
        let records: Vec<Outgoing> = values
            .into_iter()
            .map(|value| Outgoing {
                topic: topic.to_owned(),
                partition: Some(0),
                headers: Vec::new(),
                timestamp: None,
                key: None,
                value: Some(value.into_bytes()),
            })
            .collect();
        self.project.publisher()?.publish(&records).await?;
        Ok(())
    }

    async fn post(&self, path: &str, body: &str) -> Result<String> {
        let mut stream = TcpStream::connect(self.door).await.context("the gateway")?;
        let head =
            format!("POST {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len());
        stream.write_all(format!("{head}{body}").as_bytes()).await?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await?;
        Ok(String::from_utf8_lossy(&answer).into_owned())
    }

    /// Looks until the answer is yes; gives up when nothing moves.
    async fn rest(&mut self, what: &str, ask: &str) -> Result<()> {
        let project = self.project;
        let pool = &project.database.pool;
        let (mut seen, mut moved) = (None, Instant::now());
        loop {
            self.processes.check_alive("")?;
            let (yes,): (bool,) = sqlx::query_as(sqlx::AssertSqlSafe(ask.to_owned())).fetch_one(pool).await?;
            if yes {
                return Ok(());
            }
            let now: Vec<(String, i64)> = sqlx::query_as(
                "SELECT 'mail ' || state AS what, count(*) AS number FROM message GROUP BY state \
                 UNION ALL SELECT 'offsets', coalesce(sum(next_offset), 0)::bigint FROM shard WHERE shard >= 0 \
                 UNION ALL SELECT 'outbox', count(*) FROM outbox UNION ALL SELECT 'dead letters', count(*) FROM dead_letter \
                 UNION ALL SELECT 'owned', count(owner) FROM shard ORDER BY what",
            )
            .fetch_all(pool)
            .await?;
            if seen.as_ref() != Some(&now) {
                (seen, moved) = (Some(now), Instant::now());
            } else if moved.elapsed() > STUCK {
                bail!("{what}: nothing moves for {} s: {seen:?}", STUCK.as_secs());
            }
            tokio::time::sleep(LOOK).await;
        }
    }
}

/// So many sales are counted, so many receipts of the other accepted, and nothing is under way but waits.
fn quiet(sales: i64, receipts: i64) -> String {
    format!(
        "SELECT (SELECT count(*) FROM conversion) = {sales} \
         AND (SELECT count(*) FROM message WHERE partner = 'bob' AND workflow = 'sale' AND state = 'sent') = {receipts} \
         AND (SELECT count(*) FROM message WHERE state IN ('queued', 'attempting')) = 0 AND (SELECT count(*) FROM outbox) = 0"
    )
}

/// Their record.
fn them() -> String {
    let mut them: Value = serde_json::from_str(&partner(PARTNER, ADDRESS)).unwrap_or_default();
    them["data"]["name"] = json!("Zyxandra Quolverine");
    them["data"]["address"] = json!("1 Zyxstreet, Zyxpost");
    them.to_string()
}

fn partner(id: &str, address: &str) -> String {
    let consent = json!({ "given": true, "source": "form", "time": "2024-01-01T00:00:00Z", "wording": "v1" });
    let data = json!({ "name": format!("{id} Somebody"), "email": address, "consent": consent });
    json!({ "id": format!("approved-{id}"), "kind": "partner.approved", "program": "default", "partner": id,
        "occurred_at": Timestamp::now().to_string(), "data": data })
    .to_string()
}

fn event(id: &str, partner: &str, kind: &str, data: Value) -> String {
    json!({ "id": id, "kind": kind, "program": "default", "partner": partner,
        "occurred_at": Timestamp::now().to_string(), "data": data })
    .to_string()
}
