//! The real services, as `cargo xtask` names them in the environment.

use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context, Result, bail};
use sqlx::postgres::PgPoolOptions;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, PgPool};

/// Where PostgreSQL and Kafka are.
#[derive(Debug, Clone)]
pub struct Services {
    /// Address of a database on a server that lets us make others.
    pub postgres: String,
    /// `host:port` of a broker.
    pub kafka: String,
}

/// A database of one's own, removed by [`Database::drop_now`].
#[derive(Debug)]
pub struct Database {
    server: String,
    name: String,
    /// Its address.
    pub url: String,
    /// Connections for the checks.
    pub pool: PgPool,
}

impl Services {
    /// Reads the environment.
    ///
    /// # Errors
    /// A variable is missing: the services are started by `cargo xtask`.
    pub fn from_environment() -> Result<Self> {
        let read = |name: &str| match std::env::var(name) {
            Ok(value) if !value.is_empty() => Ok(value),
            _ => bail!("{name} is not set: run `cargo xtask test` or `cargo xtask e2e`, which start the services"),
        };
        // The mails of a run go to a sink of this crate, which counts them; that the real one is there is asked all the same.
        read("RAPPORT_TEST_SMTP_SINK")?;
        Ok(Self { postgres: read("RAPPORT_TEST_POSTGRES")?, kafka: read("RAPPORT_TEST_KAFKA")? })
    }

    /// Makes an empty database.
    ///
    /// # Errors
    /// The server cannot be reached or refuses.
    pub async fn fresh_database(&self, label: &str) -> Result<Database> {
        let name = format!("e2e_{}", unique(label));
        on_server(&self.postgres, &format!("CREATE DATABASE {name}")).await?;
        let (stem, _) = self.postgres.rsplit_once('/').context("RAPPORT_TEST_POSTGRES ends in no database")?;
        let url = format!("{stem}/{name}");
        Ok(Database { server: self.postgres.clone(), name, pool: connected(&url).await?, url })
    }
}

impl Database {
    /// A copy as it stands. Nobody else may be connected.
    ///
    /// # Errors
    /// The server cannot be reached, or somebody is.
    pub async fn copy(&mut self, label: &str) -> Result<Database> {
        self.pool.close().await;
        let name = format!("e2e_{}", unique(label));
        on_server(&self.server, &format!("CREATE DATABASE {name} TEMPLATE {}", self.name)).await?;
        let (stem, _) = self.url.rsplit_once('/').context("the database's address ends in no database")?;
        let url = format!("{stem}/{name}");
        self.pool = connected(&self.url).await?;
        Ok(Database { server: self.server.clone(), name, pool: connected(&url).await?, url })
    }

    /// Removes it, whoever is still connected.
    ///
    /// # Errors
    /// The server cannot be reached.
    pub async fn drop_now(self) -> Result<()> {
        self.pool.close().await;
        on_server(&self.server, &format!("DROP DATABASE {} WITH (FORCE)", self.name)).await
    }
}

/// Connections for the checks.
async fn connected(url: &str) -> Result<PgPool> {
    PgPoolOptions::new().max_connections(3).connect(url).await.context("the new database")
}

async fn on_server(server: &str, command: &str) -> Result<()> {
    let mut connection = PgConnection::connect(server).await.context("the server of RAPPORT_TEST_POSTGRES")?;
    sqlx::raw_sql(AssertSqlSafe(command.to_owned()))
        .execute(&mut connection)
        .await
        .with_context(|| command.to_owned())?;
    Ok(())
}

/// A name that no other run on these services has: letters, digits and `_`.
pub fn unique(label: &str) -> String {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let label: String =
        label.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' }).collect();
    format!("{label}_{}_{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed))
}
