//! A PostgreSQL cluster in a temporary folder, on a Unix socket and a free loopback port.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};
use rustix::process::Signal;
use tempfile::TempDir;

use super::{Durability, free_port, install};
use crate::process::{self, Service};

const SUPERUSER: &str = "rapport";

/// A running cluster with one empty database `rapport`; dropping it ends it and removes its files.
pub struct Postgres {
    port: u16,
    // Dropped in this order: first the server, then its folder.
    service: Service,
    _folder: TempDir,
}

impl Postgres {
    /// Finds or installs the programs, makes a cluster, and returns when it answers.
    pub fn start(durability: Durability) -> Result<Self> {
        let programs = programs()?;
        let user = other_user();
        let folder = tempfile::Builder::new().prefix("rapport-pg-").tempdir()?;
        hand_over(folder.path(), user)?;
        let data = folder.path().join("data");
        let initdb = process::guarded(&programs.join("initdb"), user)?
            .current_dir(folder.path())
            .arg("-D")
            .arg(&data)
            .args(["-U", SUPERUSER, "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"])
            .stdin(Stdio::null())
            .output()
            .context("cannot start initdb")?;
        if !initdb.status.success() {
            anyhow::bail!("initdb failed: {}", String::from_utf8_lossy(&initdb.stderr).trim_end());
        }

        let port = free_port()?;
        let mut command = process::guarded(&programs.join("postgres"), user)?;
        command.current_dir(folder.path()).arg("-D").arg(&data).arg("-p").arg(port.to_string());
        command.arg("-k").arg(folder.path());
        let durable = if durability == Durability::Full { "on" } else { "off" };
        for setting in [
            "listen_addresses=127.0.0.1",
            "max_connections=400",
            "shared_buffers=256MB",
            "max_wal_size=2GB",
            "log_min_messages=warning",
            &format!("fsync={durable}"),
            &format!("full_page_writes={durable}"),
        ] {
            command.arg("-c").arg(setting);
        }
        // SIGQUIT ends it at once without a checkpoint and still frees its shared memory; its data is thrown away.
        let log = folder.path().join("postgres.log");
        let mut service = Service::spawn("PostgreSQL", command, log, Signal::QUIT)?;
        let client = |program: &str| {
            let mut command = Command::new(programs.join(program));
            command.args(["-h", "127.0.0.1", "-p", &port.to_string(), "-U", SUPERUSER]);
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            command
        };
        service.wait_ready(Duration::from_secs(60), || {
            client("pg_isready").args(["-q", "-d", "postgres"]).status().is_ok_and(|status| status.success())
        })?;
        service.wait_ready(Duration::from_secs(60), || {
            client("createdb").arg(SUPERUSER).status().is_ok_and(|status| status.success())
        })?;
        Ok(Self { port, service, _folder: folder })
    }

    /// How clients reach it; trust authentication, no password.
    pub fn url(&self) -> String {
        format!("postgres://{SUPERUSER}@127.0.0.1:{}/{SUPERUSER}", self.port)
    }

    /// Fails when the server has ended by itself.
    pub fn check_alive(&mut self) -> Result<()> {
        self.service.check_alive()
    }
}

/// The folder that holds `initdb` and `postgres`, newest version first; installed where there is none.
fn programs() -> Result<PathBuf> {
    if let Some(folder) = find_programs() {
        return Ok(folder);
    }
    install::debian(&["postgresql"], "PostgreSQL")?;
    find_programs().context("the package postgresql is installed, but initdb is not under /usr/lib/postgresql")
}

fn find_programs() -> Option<PathBuf> {
    let mut versions: Vec<(u32, PathBuf)> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin"))))
        .collect();
    versions.sort();
    let debian = versions.into_iter().rev().map(|(_, folder)| folder);
    let elsewhere =
        ["/usr/local/pgsql/bin", "/usr/pgsql/bin", "/opt/homebrew/bin", "/usr/local/bin"].map(PathBuf::from);
    let on_path = process::find("initdb", &[]).and_then(|file| file.parent().map(Path::to_path_buf));
    debian
        .chain(on_path)
        .chain(elsewhere)
        .find(|folder| ["initdb", "postgres", "pg_isready", "createdb"].iter().all(|file| folder.join(file).is_file()))
}

/// PostgreSQL refuses to run as root; then it runs as `postgres`, or as `nobody` where that does not exist.
fn other_user() -> Option<&'static str> {
    if !install::is_root() {
        return None;
    }
    let exists = |user: &str| process::output(Command::new("id").arg("-u").arg(user)).is_ok();
    Some(if exists("postgres") { "postgres" } else { "nobody" })
}

fn hand_over(folder: &Path, user: Option<&str>) -> Result<()> {
    std::fs::set_permissions(folder, Permissions::from_mode(0o755))?;
    if let Some(user) = user {
        let id = process::output(Command::new("id").arg("-u").arg(user))?;
        std::os::unix::fs::chown(folder, Some(id.trim().parse()?), None)?;
    }
    Ok(())
}
