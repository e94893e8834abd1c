//! The two programs Postfix is tested with: `smtp-sink`, which takes mail, and `smtp-source`, which sends it.

use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::{MailArguments, service};

/// Connections that may wait for the sink to take them.
const BACKLOG: &str = "1000";
/// A sink that does not listen by then never will.
const LISTENS_WITHIN: Duration = Duration::from_secs(10);

/// Where the programs are.
pub struct Programs {
    sink: PathBuf,
    source: PathBuf,
}

impl Programs {
    /// The sink that xtask has found, and the source beside it: both are parts of one package.
    pub fn find() -> Result<Self> {
        let sink = PathBuf::from(service("RAPPORT_TEST_SMTP_SINK")?);
        let source = sink.with_file_name("smtp-source");
        if !source.is_file() {
            bail!("{} is not there, though smtp-sink is: install the whole package `postfix`", source.display());
        }
        Ok(Self { sink, source })
    }

    /// A sink of its own for one run.
    pub fn sink(&self) -> Result<Sink> {
        Sink::start(&self.sink)
    }

    /// How long `smtp-source` takes as a process, from its start to its end.
    pub async fn source(&self, arguments: &MailArguments) -> Result<Duration> {
        let sink = self.sink()?;
        let (sessions, mails) = (arguments.sessions.to_string(), arguments.mails.to_string());
        let length = (arguments.kilobytes * 1024).to_string();
        let mut command = tokio::process::Command::new(&self.source);
        // -d: as our client does, it keeps its connections from mail to mail.
        command.args(["-d", "-s", &sessions, "-m", &mails, "-l", &length, "-M", "bench.example"]);
        command.args(["-f", "jonas@mail.acme.example", "-t", "partner@partner.example"]);
        command.arg(format!("127.0.0.1:{}", sink.port)).stdin(Stdio::null());
        let started = Instant::now();
        let output = command.output().await.with_context(|| self.source.display().to_string())?;
        let elapsed = started.elapsed();
        if !output.status.success() {
            bail!("smtp-source failed ({}): {}", output.status, String::from_utf8_lossy(&output.stderr).trim_end());
        }
        Ok(elapsed)
    }
}

/// A running `smtp-sink`; ends when dropped.
pub struct Sink {
    child: Child,
    /// On 127.0.0.1.
    pub port: u16,
}

impl Sink {
    fn start(program: &Path) -> Result<Self> {
        let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
        let mut command = Command::new(program);
        // It refuses to run as root without being told which user to be.
        if std::fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0) {
            command.args(["-u", "root"]);
        }
        command.args(["-m", BACKLOG]).arg(format!("127.0.0.1:{port}")).arg(BACKLOG);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().with_context(|| program.display().to_string())?;
        let mut sink = Self { child, port };
        let started = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            if let Some(status) = sink.child.try_wait()? {
                bail!("smtp-sink has ended at once ({status})");
            }
            if started.elapsed() > LISTENS_WITHIN {
                bail!("smtp-sink does not listen on port {port}");
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(sink)
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
