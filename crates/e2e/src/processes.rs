//! The services as separate processes, under names they keep over restarts.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::Child;

use crate::project::Project;

/// An orderly stop takes no longer than this.
const STOP_WITHIN: Duration = Duration::from_secs(20);

/// Running processes by name. Dropping it kills them.
#[derive(Debug, Default)]
pub struct Processes {
    running: BTreeMap<String, Process>,
}

#[derive(Debug)]
struct Process {
    arguments: Vec<String>,
    child: Child,
    log: PathBuf,
}

impl Processes {
    /// Starts `rapport ARGUMENTS --name NAME`; its words go to a log in the project's folder, after those of predecessors.
    ///
    /// # Errors
    /// The program cannot be started.
    pub fn start(&mut self, project: &Project, name: &str, arguments: &[String]) -> Result<()> {
        let log = project.folder.path().join(format!("{name}.log"));
        let file = OpenOptions::new().create(true).append(true).open(&log)?;
        let mut all: Vec<&str> = arguments.iter().map(String::as_str).collect();
        all.extend(["--name", name]);
        let child =
            project.command(&all).stdout(file.try_clone()?).stderr(file).spawn().with_context(|| name.to_owned())?;
        self.running.insert(name.to_owned(), Process { arguments: arguments.to_vec(), child, log });
        Ok(())
    }

    /// Names of those that were started and not stopped.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.running.keys().map(String::as_str)
    }

    /// SIGKILL, and at once the same again.
    ///
    /// # Errors
    /// There is none of this name, or it cannot be started again.
    pub async fn kill_and_restart(&mut self, project: &Project, name: &str) -> Result<()> {
        let mut process = self.running.remove(name).with_context(|| format!("no process {name}"))?;
        process.child.kill().await?;
        self.start(project, name, &process.arguments)
    }

    /// Sends a signal.
    ///
    /// # Errors
    /// There is none of this name, or it has ended.
    pub fn signal(&self, name: &str, signal: Signal) -> Result<()> {
        let process = self.running.get(name).with_context(|| format!("no process {name}"))?;
        let pid = process.child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
        Ok(kill_process(pid.with_context(|| format!("{name} has ended"))?, signal)?)
    }

    /// SIGTERM unless it has ended, and waits for the orderly end.
    ///
    /// # Errors
    /// It does not end in time, or not with exit code 0.
    pub async fn stop(&mut self, name: &str) -> Result<()> {
        if self.ended(name)?.is_none() {
            self.signal(name, Signal::TERM)?;
        }
        let mut process = self.running.remove(name).with_context(|| format!("no process {name}"))?;
        match tokio::time::timeout(STOP_WITHIN, process.child.wait()).await {
            Ok(status) if status.as_ref().is_ok_and(ExitStatus::success) => Ok(()),
            Ok(status) => bail!("{name} ended badly at SIGTERM ({status:?}):\n{}", process.tail()),
            Err(_) => bail!("{name} does not end at SIGTERM:\n{}", process.tail()),
        }
    }

    /// SIGTERM to all.
    ///
    /// # Errors
    /// The first that ended badly.
    pub async fn stop_all(&mut self) -> Result<()> {
        let names: Vec<String> = self.names().map(str::to_owned).collect();
        for name in names {
            self.stop(&name).await?;
        }
        Ok(())
    }

    /// Whether the process has ended by itself, and how.
    ///
    /// # Errors
    /// There is none of this name.
    pub fn ended(&mut self, name: &str) -> Result<Option<ExitStatus>> {
        let process = self.running.get_mut(name).with_context(|| format!("no process {name}"))?;
        Ok(process.child.try_wait()?)
    }

    /// Fails when one that should run has ended, but for `but`.
    ///
    /// # Errors
    /// With the end of its log.
    pub fn check_alive(&mut self, but: &str) -> Result<()> {
        for (name, process) in &mut self.running {
            if name != but
                && let Some(status) = process.child.try_wait()?
            {
                bail!("{name} has ended by itself ({status}):\n{}", process.tail());
            }
        }
        Ok(())
    }

    /// All a process has said.
    #[must_use]
    pub fn log(&self, name: &str) -> String {
        self.running.get(name).map(Process::said).unwrap_or_default()
    }

    /// The end of every log, for an error that names no process.
    #[must_use]
    pub fn tails(&self) -> String {
        self.running.iter().map(|(name, process)| format!("--- {name}\n{}\n", process.tail())).collect()
    }
}

impl Process {
    fn said(&self) -> String {
        std::fs::read(&self.log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
    }

    fn tail(&self) -> String {
        let said = self.said();
        let lines: Vec<&str> = said.lines().collect();
        lines[lines.len().saturating_sub(15)..].join("\n")
    }
}

/// Asks until the answer is yes.
///
/// # Errors
/// The question fails, or the answer is no for too long.
pub async fn until(what: &str, longest: Duration, mut ask: impl AsyncFnMut() -> Result<bool>) -> Result<()> {
    let started = Instant::now();
    while !ask().await? {
        if started.elapsed() > longest {
            bail!("{what}: not within {} s", longest.as_secs());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}
