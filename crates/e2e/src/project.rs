//! A project of its own for one run: the shipped workflows and configuration unchanged, and beside them a file that says
//! where things run.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, Result, bail};
use rapport_kafka::topic::{Topic, create};
use rapport_kafka::{Connection, Outgoing, Publisher};
use tempfile::TempDir;
use tokio::process::Command;

use crate::purchase_log::{PurchaseLog, repository};
use crate::services::{Database, Services, unique};
use crate::sink::Sink;

/// Partitions of the upstream topics: several, and none of them by partner.
const PARTITIONS: u32 = 5;
const CHUNK: usize = 5_000;

/// Names of a run's topics.
#[derive(Debug, Clone)]
pub struct Topics {
    /// Conversions.
    pub conversions: String,
    /// Activity.
    pub activity: String,
    /// Partners.
    pub partners: String,
    /// rapport's own log.
    pub events: String,
}

/// A project folder, its database and its topics.
#[derive(Debug)]
pub struct Project {
    /// The folder with workflows/ and config/; logs are in it, too.
    pub folder: TempDir,
    /// The program under test.
    pub binary: PathBuf,
    /// The database.
    pub database: Database,
    /// The topics.
    pub topics: Topics,
    /// Number of shards.
    pub shards: u32,
    kafka: String,
}

impl Project {
    /// Copies the shipped files, makes database and upstream topics, migrates and applies.
    ///
    /// # Errors
    /// A service or the program refuses; its words are in the error.
    pub async fn prepare(
        services: &Services,
        label: &str,
        sink: &Sink,
        shards: u32,
        since: Option<&str>,
    ) -> Result<Self> {
        Self::prepare_with(services, label, sink, shards, since, |_| Ok(())).await
    }

    /// The same, with the files changed before they are applied.
    ///
    /// # Errors
    /// As [`Project::prepare`], and those of the change.
    pub async fn prepare_with(
        services: &Services,
        label: &str,
        sink: &Sink,
        shards: u32,
        since: Option<&str>,
        change: impl FnOnce(&Path) -> Result<()>,
    ) -> Result<Self> {
        let binary = binary()?;
        let folder = tempfile::Builder::new().prefix("rapport-e2e-").tempdir()?;
        for shipped in ["workflows", "config"] {
            copy(&repository().join(shipped), &folder.path().join(shipped))?;
        }
        change(folder.path())?;
        let database = services.fresh_database(label).await?;
        let prefix = unique(label);
        let topics = Topics {
            conversions: format!("{prefix}.conversions"),
            activity: format!("{prefix}.activity"),
            partners: format!("{prefix}.partners"),
            events: format!("{prefix}.rapport.events"),
        };
        let Topics { conversions, activity, partners, events } = &topics;
        let deployment = format!(
            "store: \"{}\"\nkafka:\n  brokers: \"{}\"\n  topics: {{ conversions: {conversions}, activity: {activity}, partners: {partners}, events: {events} }}\n  group: {prefix}\n\
             shards: {shards}\nmail: {{ deliver: \"smtp://127.0.0.1:{}?tls=none&connections=2\" }}\n\
             links: {{ keys: [{{ id: k1, secret: \"an end-to-end run signs its links with this\" }}] }}\n",
            database.url, services.kafka, sink.port
        );
        std::fs::write(folder.path().join("deployment.yaml"), deployment)?;
        let project = Self { folder, binary, database, topics, shards, kafka: services.kafka.clone() };
        project.make_topics().await?;
        project.rapport(&["migrate"]).await?;
        let mut apply = vec!["apply", "--approved-by", "a-second-person"];
        apply.extend(since.map(|since| ["--since", since]).into_iter().flatten());
        project.rapport(&apply).await?;
        Ok(project)
    }

    async fn make_topics(&self) -> Result<()> {
        let connection = Connection::new(&self.kafka);
        for name in [&self.topics.conversions, &self.topics.activity, &self.topics.partners] {
            // Large enough for a message that ingest has to refuse; kept however old the broker thinks it is.
            let settings = [("max.message.bytes", "20000000"), ("retention.ms", "-1")];
            let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned())).into_iter().collect();
            let topic = Topic { name: name.clone(), partitions: PARTITIONS, replication: Some(1), settings };
            create(&connection, &topic).await.with_context(|| format!("making topic {name}"))?;
        }
        Ok(())
    }

    /// The way to the broker, for who looks at topics.
    #[must_use]
    pub fn connection(&self) -> Connection {
        Connection::new(&self.kafka)
    }

    /// A producer that may send what no event can be.
    ///
    /// # Errors
    /// The broker's address is unusable.
    pub fn publisher(&self) -> Result<Publisher> {
        let mut connection = Connection::new(&self.kafka);
        connection.properties.insert("message.max.bytes".to_owned(), "20000000".to_owned());
        Ok(Publisher::new(&connection)?)
    }

    /// Publishes a log as trackers would: partitions in turn, keyed by the event and not by the partner. Returns how many.
    ///
    /// # Errors
    /// The broker does not take a record.
    pub async fn publish(&self, log: &PurchaseLog) -> Result<usize> {
        let publisher = self.publisher()?;
        let outgoing: Vec<Outgoing> = log
            .events()
            .into_iter()
            .enumerate()
            .map(|(number, told)| Outgoing {
                topic: if told.about_partner { self.topics.partners.clone() } else { self.topics.conversions.clone() },
                partition: Some((number % PARTITIONS as usize) as i32),
                headers: Vec::new(),
                timestamp: None,
                key: Some(format!("record-{number}").into_bytes()),
                value: Some(told.json.into_bytes()),
            })
            .collect();
        for chunk in outgoing.chunks(CHUNK) {
            publisher.publish(chunk).await?;
        }
        Ok(outgoing.len())
    }

    /// The program in this project.
    #[must_use]
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        command.arg("--dir").arg(self.folder.path()).arg("--config").arg(self.folder.path().join("deployment.yaml"));
        command.args(arguments).env("NO_COLOR", "1").stdin(Stdio::null()).kill_on_drop(true);
        for name in ["STORE", "KAFKA", "MAIL", "SHARDS", "LINK_KEY"] {
            command.env_remove(format!("RAPPORT_{name}"));
        }
        command
    }

    /// Runs the program to its end; what it printed.
    ///
    /// # Errors
    /// It ended badly; the error holds everything it said.
    pub async fn rapport(&self, arguments: &[&str]) -> Result<String> {
        let output = self.command(arguments).output().await.with_context(|| self.binary.display().to_string())?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        if !output.status.success() {
            bail!(
                "rapport {}: {}\n{said}{}",
                arguments.join(" "),
                output.status,
                String::from_utf8_lossy(&output.stderr)
            );
        }
        Ok(said)
    }

    /// Removes database and folder.
    ///
    /// # Errors
    /// The database cannot be reached.
    pub async fn remove(self) -> Result<()> {
        self.database.drop_now().await
    }
}

/// The program under test: built into the folder that this program or test was built into.
fn binary() -> Result<PathBuf> {
    let own = std::env::current_exe()?;
    // target/PROFILE/rapport-e2e, or target/PROFILE/deps/TEST.
    let found = own.ancestors().skip(1).take(2).map(|folder| folder.join("rapport")).find(|path| path.is_file());
    found.with_context(|| {
        format!(
            "no program `rapport` beside {}: `cargo build -p rapport-cli` makes it (cargo xtask does)",
            own.display()
        )
    })
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from).with_context(|| from.display().to_string())? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            std::fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
