//! A way to the database that breaks in the middle of a start: whoever starts waits until it is mended, and goes on.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

use crate::processes::{Processes, until};
use crate::project::Project;
use crate::services::Services;
use crate::sink::Sink;

/// A start has come to its end by then.
const LONGEST: Duration = Duration::from_secs(60);

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
