//! Readiness tells of the database and the event log, whatever a process is doing.

use std::time::Duration;

use rapport_engine::{
    neighbours::Neighbours,
    ports::{
        rows::ShardCommit,
        store::{Committed, Store as _},
    },
    readiness::Readiness,
};
use rapport_memory::{log::MemoryLog, store::MemoryStore};
use tokio_util::sync::CancellationToken;

#[tokio::test(start_paused = true)]
async fn a_database_that_does_not_answer_is_told_and_so_is_that_it_answers_again() {
    let (memory, log) = (MemoryStore::default(), MemoryLog::new(1));
    let (readiness, stop) = (Readiness::default(), CancellationToken::new());
    let looking_on = async {
        for (late, told) in [(0, ""), (300, "database: no answer within 5 s"), (0, "")] {
            memory.tell_time_late(Duration::from_secs(late));
            tokio::time::sleep(Duration::from_secs(20)).await;
            let troubles: Vec<String> =
                readiness.troubles().iter().map(|(part, why)| format!("{part}: {why}")).collect();
            assert_eq!(troubles.join(", "), told);
        }
        stop.cancel();
    };
    let neighbours = Neighbours { store: &memory, log: &log, replays: false };
    tokio::join!(neighbours.watch(&readiness, &stop), looking_on);
}

#[tokio::test(start_paused = true)]
async fn another_log_is_told_also_by_who_has_nothing_to_append() {
    let (memory, log) = (MemoryStore::default(), MemoryLog::new(1));
    memory.create_shards(1).await.unwrap();
    let row = memory.take_shard(0, "engine", Duration::ZERO).await.unwrap().unwrap();
    let commit =
        ShardCommit { shard: 0, epoch: row.epoch, commit_no: row.commit_no, next_offset: 7, ..Default::default() };
    assert_eq!(memory.commit_shard(&commit).await.unwrap(), Committed::Done);
    let (readiness, stop) = (Readiness::default(), CancellationToken::new());
    let looking_on = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let troubles = readiness.troubles();
        assert!(
            matches!(troubles.as_slice(), [(part, why)] if part == "event log" && why.contains("7 records")),
            "{troubles:?}"
        );
        stop.cancel();
    };
    let neighbours = Neighbours { store: &memory, log: &log, replays: false };
    tokio::join!(neighbours.watch(&readiness, &stop), looking_on);
}
