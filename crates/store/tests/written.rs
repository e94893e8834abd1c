//! The embedded store tells those who wait in its process what was written, and nothing else.

use std::time::Duration;

use jiff::Timestamp;
use rapport_engine::ports::rows::{OutboxRow, ShardCommit, ShardRow, Target};
use rapport_engine::ports::store::{Committed, Store};
use rapport_engine::ports::written::Written;
use rapport_store::SqlStore;

async fn owned(store: &SqlStore) -> ShardRow {
    store.create_shards(1).await.unwrap();
    store.take_shard(0, "a", Duration::from_secs(10)).await.unwrap().unwrap()
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn commit(row: &ShardRow, commit_no: i64, clock: i64) -> ShardCommit {
    ShardCommit { shard: 0, epoch: row.epoch, commit_no, clock: Some(at(clock)), ..ShardCommit::default() }
}

fn record() -> OutboxRow {
    OutboxRow { target: Target::Events, event_id: "one".into(), shard: 0, key: b"p/a".to_vec(), value: b"{}".to_vec() }
}

#[tokio::test]
async fn whoever_waits_hears_what_concerns_it() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqlStore::connect(&format!("sqlite:{}", folder.path().join("rapport.db").display())).await.unwrap();
    let row = owned(&store).await;
    store.set_replay_present(at(100)).await.unwrap();
    let mut heard = store.written().expect("an embedded store tells");
    let mut count = || {
        let now = *heard.borrow_and_update();
        (now.outbox, now.arrived, now.concluded, now.present)
    };
    let start = count();
    let since = |now: (u64, u64, u64, u64)| (now.0 - start.0, now.1 - start.1, now.2 - start.2, now.3 - start.3);

    // Reading and being fenced write nothing.
    store.shard_rows().await.unwrap();
    store.outbox(1).await.unwrap();
    assert_eq!(store.commit_shard(&commit(&row, 7, 100)).await.unwrap(), Committed::Fenced);
    assert_eq!(since(count()), (0, 0, 0, 0));

    assert_eq!(store.commit_shard(&commit(&row, 0, 99)).await.unwrap(), Committed::Done);
    assert_eq!(since(count()), (0, 0, 0, 0), "behind the present");
    let with_record = ShardCommit { outbox: vec![record()], ..commit(&row, 1, 100) };
    assert_eq!(store.commit_shard(&with_record).await.unwrap(), Committed::Done);
    assert_eq!(since(count()), (1, 1, 1, 0));
    store.add_outbox(&[record()]).await.unwrap();
    assert_eq!(since(count()), (1, 1, 1, 0), "a record that is there already is not new");
    let number = store.outbox(1).await.unwrap()[0].number;
    store.outbox_done(&[number]).await.unwrap();
    assert_eq!(since(count()), (1, 1, 2, 0), "whoever waits for the outbox looks again");

    store.set_replay_present(at(200)).await.unwrap();
    assert_eq!(since(count()), (1, 1, 2, 1));
    assert_eq!(store.replay_present().await.unwrap(), Some(at(200)));
    assert_eq!(store.commit_shard(&commit(&row, 2, 150)).await.unwrap(), Committed::Done);
    assert_eq!(since(count()), (1, 1, 2, 1), "behind the new present");
    store.close().await;
}

#[tokio::test]
async fn a_waiter_is_woken_by_the_write_itself() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqlStore::connect(&format!("sqlite:{}", folder.path().join("rapport.db").display())).await.unwrap();
    let mut heard = store.written().unwrap();
    let before: Written = *heard.borrow_and_update();
    let writer = store.clone();
    let write = tokio::spawn(async move { writer.set_replay_present(at(100)).await });
    let now = *heard.wait_for(|written| written.present > before.present).await.unwrap();
    write.await.unwrap().unwrap();
    assert_eq!((now.outbox, now.arrived), (before.outbox, before.arrived));
    store.close().await;
}
