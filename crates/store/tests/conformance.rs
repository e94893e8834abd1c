//! Both databases against the suite that the engine's ports define.

#![allow(clippy::disallowed_methods, reason = "tests of an edge crate")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use rapport_engine::ports::log::EventLog;
use rapport_engine::ports::store::Store;
use rapport_store::{ConnectOptions, SqlStore};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

/// Removes what a case worked on.
struct Guard {
    store: SqlStore,
    kind: Kind,
}

enum Kind {
    File(tempfile::TempDir),
    Database { server: String, name: String },
}

impl Guard {
    fn progress_file(&self) -> std::path::PathBuf {
        match &self.kind {
            Kind::File(folder) => folder.path().join("rapport.progress"),
            Kind::Database { .. } => panic!("PostgreSQL has no journal"),
        }
    }

    async fn finish(self) {
        self.store.close().await;
        if let Kind::Database { server, name } = self.kind {
            on_server(&server, &format!("DROP DATABASE {name} WITH (FORCE)")).await;
        }
    }
}

async fn on_server(server: &str, command: &str) {
    let options: PgConnectOptions = server.parse().expect("RAPPORT_TEST_POSTGRES is a PostgreSQL address");
    let mut connection = PgConnection::connect_with(&options).await.expect("the server of RAPPORT_TEST_POSTGRES");
    sqlx::raw_sql(AssertSqlSafe(command.to_owned())).execute(&mut connection).await.expect("create or drop a database");
}

async fn fresh_file() -> (SqlStore, Guard) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let url = format!("sqlite:{}", folder.path().join("rapport.db").display());
    let store = SqlStore::connect(&url).await.expect("a new file");
    (store.clone(), Guard { store, kind: Kind::File(folder) })
}

async fn fresh_database() -> (SqlStore, Guard) {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let server = std::env::var("RAPPORT_TEST_POSTGRES")
        .expect("RAPPORT_TEST_POSTGRES names no PostgreSQL server: run `cargo xtask test`, which starts one");
    let name = format!("conformance_{}_{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
    on_server(&server, &format!("CREATE DATABASE {name}")).await;
    let (stem, _) = server.rsplit_once('/').expect("the address ends in a database");
    let options = ConnectOptions { pool_size: 6, ..ConnectOptions::default() };
    let store = SqlStore::connect_with(&format!("{stem}/{name}"), &options).await.expect("the new database");
    let before = store.check_schema().await.expect_err("an empty database has no schema");
    assert!(before.to_string().contains("rapport migrate"), "{before}");
    store.migrate().await.expect("the schema");
    store.migrate().await.expect("migrating again changes nothing");
    (store.clone(), Guard { store, kind: Kind::Database { server, name } })
}

mod sqlite {
    async fn fresh() -> (std::sync::Arc<dyn super::Store>, super::Guard) {
        let (store, guard) = super::fresh_file().await;
        (super::Arc::new(store), guard)
    }
    rapport_engine::store_conformance!(super::fresh);
}

mod postgres {
    async fn fresh() -> (std::sync::Arc<dyn super::Store>, super::Guard) {
        let (store, guard) = super::fresh_database().await;
        (super::Arc::new(store), guard)
    }
    rapport_engine::store_conformance!(super::fresh);
}

mod journal {
    async fn fresh() -> (std::sync::Arc<dyn super::EventLog>, super::Guard) {
        let (store, guard) = super::fresh_file().await;
        let journal = store.journal(2, &guard.progress_file());
        (super::Arc::new(journal.expect("an embedded store has a journal")), guard)
    }
    rapport_engine::log_conformance!(super::fresh);
}
