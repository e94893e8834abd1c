//! The throwaway services that tests and benches talk to: real PostgreSQL, real Apache Kafka, Postfix' smtp-sink, aiosmtpd,
//! two foreign verifiers of mail signatures, a browser with axe, html-validate, and the public conformance data of CEL.

mod aiosmtpd;
mod browser;
mod cel_conformance;
mod dkim_verifiers;
mod install;
mod kafka;
mod npm;
mod postgres;
mod smtp_sink;

use std::net::TcpListener;
use std::path::PathBuf;

use anyhow::{Context, Result};

/// What a crash may cost. Killed processes never lose what they committed in either: the page cache is the kernel's.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// Survives kill -9 of any process, not a crash of the operating system (fsync off): right for tests.
    Process,
    /// As in production (fsync on): right for benches, whose numbers would flatter otherwise.
    Full,
}

/// The running services; dropping them stops them and removes their data.
pub struct Services {
    postgres: postgres::Postgres,
    kafka: kafka::Kafka,
    smtp_sink: PathBuf,
    aiosmtpd: PathBuf,
    dkim_python: PathBuf,
    mailauth: PathBuf,
    chromium: PathBuf,
    axe: PathBuf,
    html_validate: PathBuf,
    cel: PathBuf,
}

impl Services {
    /// Finds or installs all, starts the two servers and waits until they answer.
    pub fn start(durability: Durability) -> Result<Self> {
        let (smtp_sink, aiosmtpd) = (smtp_sink::find_or_install()?, aiosmtpd::python()?);
        let (dkim_python, mailauth) = (dkim_verifiers::python()?, dkim_verifiers::mailauth()?);
        let (chromium, axe, html_validate) = (browser::chromium()?, browser::axe()?, browser::html_validate()?);
        let cel = cel_conformance::find_or_fetch()?;
        let mut kafka = kafka::Kafka::spawn().context("Apache Kafka")?;
        let postgres = postgres::Postgres::start(durability).context("PostgreSQL")?;
        kafka.wait_ready().context("Apache Kafka")?;
        println!("xtask: PostgreSQL at {}", postgres.url());
        println!("xtask: Apache Kafka at {} ({})", kafka.address(), kafka.origin());
        println!("xtask: smtp-sink is {}", smtp_sink.display());
        Ok(Self { postgres, kafka, smtp_sink, aiosmtpd, dkim_python, mailauth, chromium, axe, html_validate, cel })
    }

    /// What the tests read to find the services.
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        vec![
            ("RAPPORT_TEST_POSTGRES", self.postgres.url()),
            ("RAPPORT_TEST_KAFKA", self.kafka.address()),
            ("RAPPORT_TEST_SMTP_SINK", self.smtp_sink.display().to_string()),
            ("RAPPORT_TEST_AIOSMTPD", self.aiosmtpd.display().to_string()),
            ("RAPPORT_TEST_DKIM_PYTHON", self.dkim_python.display().to_string()),
            ("RAPPORT_TEST_MAILAUTH", self.mailauth.display().to_string()),
            ("RAPPORT_TEST_CHROMIUM", self.chromium.display().to_string()),
            ("RAPPORT_TEST_AXE", self.axe.display().to_string()),
            ("RAPPORT_TEST_HTML_VALIDATE", self.html_validate.display().to_string()),
            ("RAPPORT_TEST_CEL", self.cel.display().to_string()),
        ]
    }

    /// Fails when a service has ended by itself.
    pub fn check_alive(&mut self) -> Result<()> {
        self.postgres.check_alive()?;
        self.kafka.check_alive()
    }
}

/// A loopback port that was free a moment ago.
fn free_port() -> Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}
