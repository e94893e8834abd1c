//! Processes that never outlive this one: each in a group of its own, ended as a group.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process_group};

use crate::interrupt;

/// A service running in the background, with its output in a log file.
pub struct Service {
    name: &'static str,
    child: Child,
    log: PathBuf,
    stop_signal: Signal,
}

impl Service {
    /// Starts `command` with its output in `log`; `stop_signal` is what ends it quickest without harm.
    pub fn spawn(name: &'static str, mut command: Command, log: PathBuf, stop_signal: Signal) -> Result<Self> {
        let out = File::create(&log).with_context(|| format!("cannot write {}", log.display()))?;
        let child = command
            .stdin(Stdio::null())
            .stdout(out.try_clone()?)
            .stderr(out)
            .process_group(0)
            .spawn()
            .with_context(|| format!("cannot start {name} ({})", command.get_program().to_string_lossy()))?;
        Ok(Self { name, child, log, stop_signal })
    }

    /// Fails, with the end of its log, when the service has ended by itself.
    pub fn check_alive(&mut self) -> Result<()> {
        if let Some(status) = self.child.try_wait()? {
            bail!("{} has ended ({status}); the end of its log:\n{}", self.name, tail(&self.log));
        }
        Ok(())
    }

    /// Asks `ready` until it says yes. Fails when the service ends, a signal comes, or `longest` passes.
    pub fn wait_ready(&mut self, longest: Duration, mut ready: impl FnMut() -> bool) -> Result<()> {
        let started = Instant::now();
        loop {
            self.check_alive()?;
            if ready() {
                return Ok(());
            }
            if interrupt::wait(Duration::from_millis(50)) {
                bail!("interrupted while {} was starting", self.name);
            }
            if started.elapsed() > longest {
                bail!(
                    "{} did not answer within {} s; the end of its log:\n{}",
                    self.name,
                    longest.as_secs(),
                    tail(&self.log)
                );
            }
        }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let group = Pid::from_child(&self.child);
        let _ = kill_process_group(group, self.stop_signal);
        let started = Instant::now();
        while started.elapsed() < Duration::from_secs(10) {
            if matches!(self.child.try_wait(), Ok(Some(_)) | Err(_)) {
                break;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        // What the leader left behind in its group, or the leader itself when it did not listen.
        let _ = kill_process_group(group, Signal::KILL);
        let _ = self.child.wait();
    }
}

static FOREGROUND: Mutex<Vec<Pid>> = Mutex::new(Vec::new());

/// Runs a command in its own group to its end; `spawned` is handed the child, e.g. to read its output.
/// A signal to this process ends that group. Commands of several threads may run at once.
pub fn foreground<T>(mut command: Command, spawned: impl FnOnce(&mut Child) -> T) -> Result<(ExitStatus, T)> {
    if interrupt::requested() {
        bail!("interrupted");
    }
    let mut child = command
        .stdin(Stdio::null())
        .process_group(0)
        .spawn()
        .with_context(|| format!("cannot start {}", command.get_program().to_string_lossy()))?;
    let group = Pid::from_child(&child);
    lock().push(group);
    if interrupt::requested() {
        end_foreground();
    }
    let seen = spawned(&mut child);
    let status = child.wait();
    lock().retain(|other| *other != group);
    // Grandchildren of a killed command, e.g. processes a test had started.
    let _ = kill_process_group(group, Signal::KILL);
    Ok((status?, seen))
}

/// Runs a command whose output is piped in its own group to its end, and hands on its lines, the last one perhaps without its end.
/// What it leaves behind with a hand on that output is killed, not waited for.
pub fn relayed(mut command: Command, mut line: impl FnMut(&[u8]) + Send) -> Result<ExitStatus> {
    if interrupt::requested() {
        bail!("interrupted");
    }
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .process_group(0)
        .spawn()
        .with_context(|| format!("cannot start {}", command.get_program().to_string_lossy()))?;
    let group = Pid::from_child(&child);
    lock().push(group);
    if interrupt::requested() {
        end_foreground();
    }
    let stdout = child.stdout.take();
    let status = std::thread::scope(|scope| {
        let reader = scope.spawn(move || {
            let mut lines = stdout.map(BufReader::new);
            let mut read = Vec::new();
            while lines.as_mut().is_some_and(|lines| lines.read_until(b'\n', &mut read).is_ok_and(|length| length > 0))
            {
                line(&read);
                read.clear();
            }
        });
        let status = child.wait();
        lock().retain(|other| *other != group);
        let _ = kill_process_group(group, Signal::KILL);
        let _ = reader.join();
        status
    });
    Ok(status?)
}

/// Ends the commands in the foreground.
pub fn end_foreground() {
    for group in lock().iter() {
        let _ = kill_process_group(*group, Signal::TERM);
    }
}

fn lock() -> std::sync::MutexGuard<'static, Vec<Pid>> {
    FOREGROUND.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Runs a command to its end and gives its output; a failure carries what it printed.
pub fn output(command: &mut Command) -> Result<String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("cannot start {name}"))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(text);
    }
    bail!("{name} failed ({}): {}{}", output.status, text, String::from_utf8_lossy(&output.stderr).trim_end());
}

/// The exit code a shell would show for this status.
pub fn code(status: ExitStatus) -> u8 {
    let code = status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0));
    u8::try_from(code).unwrap_or(1)
}

/// Finds an executable on PATH, then in `folders`.
pub fn find(name: &str, folders: &[&Path]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(folders.iter().map(|folder| folder.to_path_buf()))
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
}

/// A command that the kernel kills when this process dies, even by SIGKILL (where `setpriv` exists), optionally as
/// another user. Must be spawned by the main thread: the kernel watches the thread, not the process.
pub fn guarded(program: &Path, user: Option<&str>) -> Result<Command> {
    match (find("setpriv", &[Path::new("/usr/bin")]), user) {
        (Some(setpriv), user) => {
            let mut command = Command::new(setpriv);
            command.args(["--pdeathsig", "KILL"]);
            if let Some(user) = user {
                command.args(["--reuid", user, "--regid", &group_of(user)?, "--clear-groups"]);
            }
            command.arg("--").arg(program);
            Ok(command)
        }
        (None, None) => Ok(Command::new(program)),
        (None, Some(user)) => {
            let Some(runuser) = find("runuser", &[Path::new("/sbin"), Path::new("/usr/sbin")]) else {
                bail!(
                    "neither `setpriv` nor `runuser` is here to start {} as {user}; install util-linux",
                    program.display()
                );
            };
            let mut command = Command::new(runuser);
            command.args(["-u", user, "--"]).arg(program);
            Ok(command)
        }
    }
}

fn group_of(user: &str) -> Result<String> {
    Ok(output(Command::new("id").args(["-g", user]))?.trim().to_owned())
}

fn tail(log: &Path) -> String {
    let text = std::fs::read(log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(25)..].join("\n")
}
