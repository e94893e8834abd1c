//! What the suite of the ports cannot know: schema versions, and a connection lost while committing.

use std::time::Duration;

use crate::database::{database, drop_database, on};
use rapport_engine::ports::rows::ShardCommit;
use rapport_engine::ports::store::{Committed, Store, StoreError};
use rapport_store::{SCHEMA_VERSION, SqlStore};
use sqlx::{AssertSqlSafe, Connection as _, SqliteConnection};

#[tokio::test]
async fn a_newer_schema_is_refused_on_postgres() {
    let url = database("schema").await;
    let store = SqlStore::connect(&url).await.unwrap();
    assert_eq!(store.schema_version().await.unwrap(), None);
    store.migrate().await.unwrap();
    assert_eq!(store.schema_version().await.unwrap(), Some(SCHEMA_VERSION));
    on(&url, &format!("INSERT INTO schema_version VALUES ({}, 'later')", SCHEMA_VERSION + 1)).await;
    for refused in [store.check_schema().await, store.migrate().await] {
        assert!(matches!(refused, Err(StoreError::Refused(text)) if text.contains("newer binary")));
    }
    store.close().await;
    drop_database(&url).await;
}

#[tokio::test]
async fn a_newer_schema_is_refused_on_sqlite_and_an_older_one_is_brought_up() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rapport.db");
    let url = format!("sqlite:{}", path.display());
    let store = SqlStore::connect(&url).await.unwrap();
    store.check_schema().await.unwrap();
    store.set_meta("kept", "yes").await.unwrap();
    store.close().await;
    let again = SqlStore::connect(&url).await.unwrap();
    assert_eq!(again.meta("kept").await.unwrap().as_deref(), Some("yes"));
    again.close().await;
    let mut connection = SqliteConnection::connect(&url).await.unwrap();
    let newer = format!("INSERT INTO schema_version VALUES ({}, 'later')", SCHEMA_VERSION + 1);
    sqlx::raw_sql(AssertSqlSafe(newer)).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    let refused = SqlStore::connect(&url).await.map(|_| ());
    assert!(matches!(refused, Err(StoreError::Refused(text)) if text.contains("newer binary")));
}

#[tokio::test]
async fn an_address_of_neither_kind_and_a_server_that_is_not_there_are_told_apart() {
    assert!(matches!(SqlStore::connect("mysql://x/y").await, Err(StoreError::Refused(_))));
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let unreachable = SqlStore::connect(&format!("postgres://nobody@{closed}/none")).await;
    assert!(matches!(unreachable, Err(StoreError::Unavailable(_))), "{unreachable:?}");
}

/// The server ends the connection at the moment of COMMIT: the store must not claim to know what became of it, and the row tells.
#[tokio::test]
async fn a_connection_lost_while_committing_is_told_as_unknown() {
    let url = database("unknown").await;
    let store = SqlStore::connect(&url).await.unwrap();
    store.migrate().await.unwrap();
    store.create_shards(1).await.unwrap();
    let owned = store.take_shard(0, "engine-a", Duration::ZERO).await.unwrap().unwrap();
    let break_it = "CREATE FUNCTION hang_up() RETURNS trigger LANGUAGE plpgsql AS
            'BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END';
        CREATE CONSTRAINT TRIGGER hang_up AFTER UPDATE ON shard DEFERRABLE INITIALLY DEFERRED
            FOR EACH ROW EXECUTE FUNCTION hang_up();";
    on(&url, break_it).await;
    let batch = ShardCommit { epoch: owned.epoch, commit_no: owned.commit_no, ..ShardCommit::default() };
    let lost = store.commit_shard(&batch).await;
    assert!(matches!(lost, Err(StoreError::CommitUnknown(_))), "{lost:?}");
    on(&url, "DROP TRIGGER hang_up ON shard").await;
    let row = store.shard_rows().await.unwrap().pop().unwrap();
    assert_eq!((row.epoch, row.commit_no), (owned.epoch, owned.commit_no));
    assert_eq!(store.commit_shard(&batch).await.unwrap(), Committed::Done);
    store.close().await;
    drop_database(&url).await;
}
