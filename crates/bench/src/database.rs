//! A database of its own for each round, so that none starts on what another left.

use anyhow::{Context, Result};
use rapport_store::SqlStore;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

/// An empty database of this name with the schema of this release, and its address; one that an interrupted run left is dropped.
pub async fn fresh(server: &str, name: &str) -> Result<(SqlStore, String)> {
    on_server(server, &format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await?;
    on_server(server, &format!("CREATE DATABASE {name}")).await?;
    let (stem, _) = server.rsplit_once('/').context("RAPPORT_TEST_POSTGRES ends in no database")?;
    let url = format!("{stem}/{name}");
    let database = SqlStore::connect(&url).await?;
    database.migrate().await?;
    Ok((database, url))
}

/// Takes it away.
pub async fn drop(server: &str, name: &str) -> Result<()> {
    on_server(server, &format!("DROP DATABASE {name} WITH (FORCE)")).await
}

async fn on_server(server: &str, command: &str) -> Result<()> {
    let mut connection = PgConnection::connect(server).await.context("the server of RAPPORT_TEST_POSTGRES")?;
    sqlx::raw_sql(AssertSqlSafe(command.to_owned()))
        .execute(&mut connection)
        .await
        .with_context(|| command.to_owned())?;
    Ok(())
}
