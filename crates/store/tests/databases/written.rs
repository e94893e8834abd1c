//! A store tells those who wait what was written, and nothing else: the embedded one in its process, PostgreSQL in all of them.

use std::time::Duration;

use jiff::Timestamp;
use rapport_engine::ports::rows::{OutboxRow, ShardCommit, ShardRow, Target};
use rapport_engine::ports::store::{Committed, Store};
use rapport_engine::ports::written::Written;
use rapport_store::SqlStore;
use tokio::sync::watch;

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

/// Far longer than a notice takes; a test that waits so long has failed.
const LOST: Duration = Duration::from_secs(20);

/// A process of a cluster.
struct Process {
    store: SqlStore,
    heard: watch::Receiver<Written>,
    before: Written,
}

impl Process {
    async fn listening(url: &str) -> Self {
        let store = SqlStore::connect(url).await.unwrap();
        let heard = store.written().expect("PostgreSQL tells");
        let mut process = Self { store, heard, before: Written::default() };
        // All of them at once: it listens from here on.
        assert_eq!(process.hears(|written| written.present).await, (1, 1, 1, 1));
        process
    }

    /// What was heard since the last time, up to and with news of the subject.
    async fn hears(&mut self, subject: fn(&Written) -> u64) -> (u64, u64, u64, u64) {
        let before = self.before;
        let news = self.heard.wait_for(|written| subject(written) > subject(&before));
        let now = *tokio::time::timeout(LOST, news).await.expect("a notice in time").unwrap();
        self.before = now;
        (
            now.outbox - before.outbox,
            now.arrived - before.arrived,
            now.concluded - before.concluded,
            now.present - before.present,
        )
    }
}

#[tokio::test]
async fn what_one_process_on_postgres_writes_all_hear() {
    let url = crate::database::database("written").await;
    let silent = SqlStore::connect(&url).await.unwrap();
    silent.migrate().await.unwrap();
    let mut one = Process::listening(&url).await;
    let mut two = Process::listening(&url).await;
    let row = owned(&one.store).await;

    one.store.set_replay_present(at(100)).await.unwrap();
    for process in [&mut one, &mut two] {
        assert_eq!(process.hears(|written| written.present).await, (0, 0, 0, 1));
    }
    // Fenced, behind the present, and by a process that does not listen: nobody hears. What comes next is the next to be heard.
    assert_eq!(one.store.commit_shard(&commit(&row, 7, 100)).await.unwrap(), Committed::Fenced);
    assert_eq!(one.store.commit_shard(&commit(&row, 0, 99)).await.unwrap(), Committed::Done);
    assert_eq!(silent.commit_shard(&commit(&row, 1, 100)).await.unwrap(), Committed::Done);
    let with_record = ShardCommit { outbox: vec![record()], ..commit(&row, 2, 100) };
    assert_eq!(one.store.commit_shard(&with_record).await.unwrap(), Committed::Done);
    for process in [&mut one, &mut two] {
        assert_eq!(process.hears(|written| written.outbox).await, (1, 1, 1, 0));
    }

    // Connections break: all is looked at again, and what follows is heard.
    let listeners = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'";
    crate::database::on(&url, listeners).await;
    for process in [&mut one, &mut two] {
        assert_eq!(process.hears(|written| written.present).await, (1, 1, 1, 1));
    }
    two.store.set_replay_present(at(200)).await.unwrap();
    for process in [&mut one, &mut two] {
        assert_eq!(process.hears(|written| written.present).await, (0, 0, 0, 1));
    }
    // The listener's connection does not keep a store from closing.
    for store in [one.store, two.store, silent] {
        tokio::time::timeout(LOST, store.close()).await.expect("closed");
    }
    crate::database::drop_database(&url).await;
}
