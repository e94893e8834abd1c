//! One Apache Kafka broker in KRaft mode, by a container engine if one answers, else by Java and the broker's own jars.

mod jars;
mod probe;

use std::hash::{BuildHasher, Hasher, RandomState};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};
use rustix::process::Signal;
use tempfile::TempDir;

use super::free_port;
use crate::process::{self, Service};

/// The broker's version; the jars and the container image are of the same release.
const VERSION: &str = "4.1.0";

/// A running broker; dropping it ends it and removes its data.
pub struct Kafka {
    port: u16,
    origin: String,
    // Dropped in this order: the server, the container (if any), the folder.
    service: Service,
    _container: Option<Container>,
    _folder: TempDir,
}

impl Kafka {
    /// Starts a broker; `wait_ready` says when it answers.
    pub fn spawn() -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("rapport-kafka-").tempdir()?;
        match container_engine() {
            Some(engine) => Self::in_container(engine, folder),
            None => Self::on_java(folder),
        }
    }

    fn on_java(folder: TempDir) -> Result<Self> {
        let java = jars::java()?;
        let libs = jars::find_or_fetch(VERSION)?;
        let port = free_port()?;
        let mut settings = settings(port, free_port()?, "127.0.0.1");
        settings.push(("log.dirs", folder.path().join("data").display().to_string()));
        let file = folder.path().join("server.properties");
        let text: String = settings.iter().map(|(name, value)| format!("{name}={value}\n")).collect();
        std::fs::write(&file, text)?;

        let classpath = format!("{}/*", libs.display());
        let mut format = Command::new(&java);
        format.args(["-Xmx128m", "-XX:TieredStopAtLevel=1", "-cp", &classpath, "kafka.tools.StorageTool", "format"]);
        process::output(format.args(["-t", &cluster_id(), "-c"]).arg(&file))?;

        let mut server = process::guarded(&java, None)?;
        server.args(["-Xms256m", "-Xmx512m", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp", &classpath]);
        server.arg("kafka.Kafka").arg(&file).current_dir(folder.path());
        // Its data is thrown away: an orderly shutdown would only take time.
        let service = Service::spawn("Apache Kafka", server, folder.path().join("kafka.log"), Signal::KILL)?;
        Ok(Self { port, origin: format!("{VERSION} on Java"), service, _container: None, _folder: folder })
    }

    fn in_container(engine: &'static str, folder: TempDir) -> Result<Self> {
        let port = free_port()?;
        let container = Container { engine, name: format!("rapport-kafka-{}-{port}", std::process::id()) };
        let mut run = process::guarded(Path::new(&which(engine)?), None)?;
        run.args(["run", "--rm", "--name", &container.name, "-p", &format!("127.0.0.1:{port}:{port}")]);
        for (name, value) in settings(port, port + 1, "0.0.0.0") {
            run.arg("-e").arg(format!("KAFKA_{}={value}", name.to_uppercase().replace('.', "_")));
        }
        run.args(["-e", &format!("CLUSTER_ID={}", cluster_id()), "-e", "KAFKA_HEAP_OPTS=-Xms256m -Xmx512m"]);
        run.arg(format!("apache/kafka:{VERSION}"));
        let log = folder.path().join("kafka.log");
        let service = Service::spawn("Apache Kafka (container)", run, log, Signal::TERM)?;
        let origin = format!("{VERSION} in a container of {engine}");
        Ok(Self { port, origin, service, _container: Some(container), _folder: folder })
    }

    /// Returns when the broker describes itself as a member of its cluster.
    pub fn wait_ready(&mut self) -> Result<()> {
        let port = self.port;
        // A container's image may have to be pulled first.
        let longest = Duration::from_secs(if self._container.is_some() { 300 } else { 90 });
        self.service.wait_ready(longest, || probe::answers(port))
    }

    /// `host:port` for clients.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// How this broker came to be, for people.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Fails when the broker has ended by itself.
    pub fn check_alive(&mut self) -> Result<()> {
        self.service.check_alive()
    }
}

/// One node that is broker and controller. Topics are never created by mistake, and groups start without a delay.
fn settings(port: u16, controller: u16, listen: &str) -> Vec<(&'static str, String)> {
    let fixed = [
        ("process.roles", "broker,controller"),
        ("node.id", "1"),
        ("controller.listener.names", "CONTROLLER"),
        ("inter.broker.listener.name", "PLAINTEXT"),
        ("listener.security.protocol.map", "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT"),
        ("auto.create.topics.enable", "false"),
        ("offsets.topic.replication.factor", "1"),
        ("offsets.topic.num.partitions", "4"),
        ("transaction.state.log.replication.factor", "1"),
        ("transaction.state.log.min.isr", "1"),
        ("share.coordinator.state.topic.replication.factor", "1"),
        ("share.coordinator.state.topic.min.isr", "1"),
        ("group.initial.rebalance.delay.ms", "0"),
        ("num.network.threads", "2"),
        ("num.io.threads", "4"),
        ("log.cleaner.dedupe.buffer.size", "16777216"),
    ];
    let mut settings: Vec<_> = fixed.into_iter().map(|(name, value)| (name, value.to_owned())).collect();
    settings.extend([
        ("controller.quorum.voters", format!("1@127.0.0.1:{controller}")),
        ("listeners", format!("PLAINTEXT://{listen}:{port},CONTROLLER://127.0.0.1:{controller}")),
        ("advertised.listeners", format!("PLAINTEXT://127.0.0.1:{port}")),
    ]);
    settings
}

/// A new cluster id, 16 bytes in the base64 that Kafka prints: rapport keeps it and refuses another cluster.
fn cluster_id() -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let random = |_| RandomState::new().build_hasher().finish();
    let bits = (u128::from(random(0)) << 64) | u128::from(random(1));
    // 22 characters of 6 bits hold 128 bits and four zeros; a leading `-` would look like an option.
    let digits = (0..22).map(|place| {
        let shifted = if place < 21 { bits >> (122 - 6 * place) } else { bits << 4 };
        char::from(ALPHABET[(shifted & 63) as usize])
    });
    let id: String = digits.collect();
    if id.starts_with('-') { id.replacen('-', "A", 1) } else { id }
}

fn container_engine() -> Option<&'static str> {
    ["docker", "podman"].into_iter().find(|engine| {
        let mut ask = Command::new(engine);
        ask.arg("info").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        ask.status().is_ok_and(|status| status.success())
    })
}

fn which(name: &str) -> Result<std::path::PathBuf> {
    process::find(name, &[]).with_context(|| format!("{name} is not on PATH"))
}

/// Removes a container that its client did not take along.
struct Container {
    engine: &'static str,
    name: String,
}

impl Drop for Container {
    fn drop(&mut self) {
        let _ = process::output(Command::new(self.engine).args(["rm", "-f", &self.name]));
    }
}
