//! A way to the database that breaks in the middle of a start, or of the stream: whoever is under way waits until it is mended, and
//! goes on.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use jiff::Timestamp;
use rapport_kafka::Outgoing;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

use crate::processes::{Processes, until};
use crate::project::Project;
use crate::services::Services;
use crate::sink::Sink;

/// A start has come to its end by then.
const LONGEST: Duration = Duration::from_secs(180);

/// Starts services again and again, over a way that breaks after so many packets to the database and is mended when the
/// process has asked again in vain. Each must come to be ready.
///
/// # Errors
/// A process ends, or is not ready in time.
pub async fn play(services: &Services, packets: &[usize]) -> Result<()> {
    let sink = Sink::start().await?;
    let project = Project::prepare(services, "cut", &sink, 2, None).await?;
    let way = Way::to(&project.database.url).await?;
    let config = project.folder.path().join("deployment.yaml");
    let text = std::fs::read_to_string(&config)?.replace(&project.database.url, &way.url);
    std::fs::write(&config, text)?;
    for after in packets {
        start(&project, &way, *after).await.with_context(|| format!("cut after {after} packets"))?;
    }
    drop(way);
    project.remove().await
}

/// Sales told while everything works, and again while it does not.
const SALES: usize = 20;
/// So often the database has been asked in vain before the way is mended: every service has, several times.
const REFUSALS: usize = 40;

/// Lets services run, breaks the way to the database in the middle of the stream, tells more events, and mends it. All processes
/// must live through it, say that they are not ready and that they are again, and count everything once.
///
/// # Errors
/// A process ends, readiness tells something else, or what is counted is not what was told.
pub async fn play_on(services: &Services) -> Result<()> {
    let sink = Sink::start().await?;
    let project = Project::prepare(services, "outage", &sink, 2, None).await?;
    let way = Way::to(&project.database.url).await?;
    way.mend();
    let config = project.folder.path().join("deployment.yaml");
    let text = std::fs::read_to_string(&config)?.replace(&project.database.url, &way.url);
    std::fs::write(&config, text)?;
    let mut processes = Processes::default();
    let played = outlive(&project, &way, &mut processes).await;
    played.map_err(|error| error.context(processes.tails()))?;
    processes.stop_all().await?;
    drop(way);
    project.remove().await
}

async fn outlive(project: &Project, way: &Way, processes: &mut Processes) -> Result<()> {
    let mut doors = Vec::new();
    for service in ["ingest", "engine", "relay", "mailer"] {
        let listens = TcpListener::bind("127.0.0.1:0").await?.local_addr()?;
        let arguments = format!("run {service} --listen {listens}");
        processes.start(project, service, &arguments.split(' ').map(str::to_owned).collect::<Vec<_>>())?;
        doors.push((service, listens));
    }
    let is_counted = async |sales: usize| -> Result<bool> {
        let row: (i64,) = sqlx::query_as("SELECT count(*) FROM conversion").fetch_one(&project.database.pool).await?;
        Ok(usize::try_from(row.0)? == sales)
    };
    for (service, door) in &doors {
        until(&format!("{service} to be ready"), LONGEST, async || is_ready(*door).await).await?;
    }
    sell(project, 0..SALES).await?;
    until("the first sales", LONGEST, async || is_counted(SALES).await).await?;

    way.break_after(0);
    sell(project, SALES..2 * SALES).await?;
    for (service, door) in &doors {
        until(&format!("{service} to say that it is not ready"), LONGEST, async || Ok(!is_ready(*door).await?)).await?;
    }
    until("questions in vain", LONGEST, async || Ok(way.state().refused >= REFUSALS)).await?;
    processes.check_alive("")?;
    anyhow::ensure!(is_counted(SALES).await?, "nothing can have been counted");

    way.mend();
    until("the other sales", LONGEST, async || is_counted(2 * SALES).await).await?;
    for (service, door) in &doors {
        until(&format!("{service} to be ready again"), LONGEST, async || is_ready(*door).await).await?;
    }
    processes.check_alive("")
}

async fn sell(project: &Project, sales: std::ops::Range<usize>) -> Result<()> {
    let now = Timestamp::now().to_string();
    let sale = |number: usize| {
        Outgoing {
        topic: project.topics.conversions.clone(),
        partition: Some((number % 5) as i32),
        headers: Vec::new(),
        timestamp: None,
        key: None,
        value: Some(
            json!({ "id": format!("sale-{number}"), "kind": "conversion", "program": "default",
                "partner": format!("partner-{}", number % 7), "occurred_at": now,
                "data": { "conversion_id": format!("c-{number}"), "status": "pending", "amount": 4_000, "currency": "EUR" } })
            .to_string()
            .into_bytes(),
        ),
    }
    };
    project.publisher()?.publish(&sales.map(sale).collect::<Vec<_>>()).await?;
    Ok(())
}

async fn start(project: &Project, way: &Way, after: usize) -> Result<()> {
    way.break_after(after);
    let listens = TcpListener::bind("127.0.0.1:0").await?.local_addr()?;
    let mut processes = Processes::default();
    let name = format!("after-{after}");
    let arguments = format!("run ingest engine relay mailer --listen {listens}");
    processes.start(project, &name, &arguments.split(' ').map(str::to_owned).collect::<Vec<_>>())?;
    let played = async {
        until("a question in vain", LONGEST, async || Ok(way.state().refused > 0)).await?;
        processes.check_alive("")?;
        way.mend();
        until("everything to be ready", LONGEST, async || {
            processes.check_alive("")?;
            is_ready(listens).await
        })
        .await?;
        processes.stop(&name).await
    };
    match played.await {
        Ok(()) => Ok(()),
        Err(error) => bail!("{error:#}\n{}", processes.tails()),
    }
}

async fn is_ready(address: SocketAddr) -> Result<bool> {
    let Ok(mut stream) = TcpStream::connect(address).await else { return Ok(false) };
    stream.write_all(b"GET /readyz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    Ok(answer.starts_with(b"HTTP/1.1 200"))
}

/// A way to a database through a port of its own.
struct Way {
    /// The database's address by this way.
    url: String,
    state: Arc<Mutex<State>>,
    task: JoinHandle<()>,
}

#[derive(Default)]
struct State {
    /// Packets that may still go to the database; at none everything breaks.
    left: usize,
    /// Connections refused since it broke.
    refused: usize,
    /// Raised by each break and mending: connections of before are over.
    age: u64,
}

impl Way {
    async fn to(url: &str) -> Result<Self> {
        let (head, tail) = url.rsplit_once('/').context("the address ends in no database")?;
        let (user, server) = head.rsplit_once('@').context("the address has no user")?;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("{user}@{}/{tail}", listener.local_addr()?);
        let state = Arc::new(Mutex::new(State::default()));
        let task = tokio::spawn(carry(listener, server.to_owned(), state.clone()));
        Ok(Self { url, state, task })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    fn break_after(&self, packets: usize) {
        let mut state = self.state();
        *state = State { left: packets, refused: 0, age: state.age + 1 };
    }

    fn mend(&self) {
        self.break_after(usize::MAX);
    }
}

impl Drop for Way {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn carry(listener: TcpListener, server: String, state: Arc<Mutex<State>>) {
    let mut connections = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        while connections.try_join_next().is_some() {}
        let age = {
            let mut state = lock(&state);
            if state.left == 0 {
                state.refused += 1;
                continue;
            }
            state.age
        };
        let (server, state) = (server.clone(), state.clone());
        // A connection that breaks is what this is for.
        connections.spawn(async move { connect(client, &server, age, &state).await });
    }
}

async fn connect(mut client: TcpStream, server: &str, age: u64, state: &Mutex<State>) -> std::io::Result<()> {
    let mut server = TcpStream::connect(server).await?;
    server.set_nodelay(true)?;
    client.set_nodelay(true)?;
    let (mut asked, mut answered) = ([0_u8; 16 << 10], [0_u8; 16 << 10]);
    loop {
        tokio::select! {
            length = client.read(&mut asked) => {
                let length = length?;
                {
                    let mut state = lock(state);
                    if length == 0 || state.age != age || state.left == 0 {
                        return Ok(());
                    }
                    state.left -= 1;
                }
                server.write_all(&asked[..length]).await?;
            }
            length = server.read(&mut answered) => {
                let length = length?;
                let is_over = { let state = lock(state); state.age != age || state.left == 0 };
                if length == 0 || is_over {
                    return Ok(());
                }
                client.write_all(&answered[..length]).await?;
            }
        }
    }
}
