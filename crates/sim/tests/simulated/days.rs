//! A day is closed with every shard's part of it, whatever the clocks say.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp, ToSpan, civil::Date};
use rapport_engine::{
    apply,
    calendar::ProgramDays,
    coordinator::{Coordinator, Decided},
    ownership::EngineParts,
    ports::{
        rows::{COORDINATOR, DayPartRow, ShardCommit},
        store::{Committed, Store},
    },
    readiness::Readiness,
    rulebooks::Rulebooks,
};
use rapport_event::ProgramId;
use rapport_insight::dip::PartWriter;

use rapport_memory::{log::MemoryLog, store::MemoryStore};
use rapport_sim::{clock::LiveClock, world};
use serde_json::json;

const LONG: std::time::Duration = std::time::Duration::from_secs(3600);

fn told(on: Date) -> Vec<u8> {
    json!({ "parts": { world::PROGRAM: on.to_string() } }).to_string().into_bytes()
}

#[tokio::test]
async fn a_shard_whose_clock_is_there_and_whose_part_is_not_is_waited_for() {
    let memory = Arc::new(MemoryStore::default());
    let store: Arc<dyn Store> = memory.clone();
    store.create_shards(2).await.unwrap();
    let request = apply::Request {
        texts: world::shipped_files(),
        by: "test".into(),
        since: None,
        approval: apply::Approval::NotNeeded,
        plan: None,
    };
    apply::apply(&store, request, 2, memory.server_now()).await.unwrap();
    for shard in 0..2 {
        store.take_shard(shard, "engine", LONG).await.unwrap().unwrap();
    }
    let row = store.take_shard(COORDINATOR, "engine", LONG).await.unwrap().unwrap();
    let rulebooks = Arc::new(Rulebooks::new(store.clone()));
    let applied = rulebooks.current().await.unwrap().unwrap();
    let parts = EngineParts {
        store: store.clone(),
        log: Arc::new(MemoryLog::new(2)),
        clock: Arc::new(LiveClock { store: memory.clone() }),
        rulebooks,
        readiness: Readiness::default(),
        tells_signals: false,
    };
    let mut coordinator = Coordinator::new(parts, row, 2);
    let program = ProgramId::new(world::PROGRAM).unwrap();
    let days = ProgramDays::of(&applied.rulebook, &program).unwrap();
    let on = days.day_of(memory.server_now());
    let closes: Timestamp = days.closes_at(on);
    let before = on.checked_sub(1.day()).unwrap();
    let commit = |shard: i32, commit_no: i64, clock: Timestamp, cursor: Date, part: bool| {
        let row =
            DayPartRow { program: program.clone(), day: on, shard: shard as u32, body: PartWriter::default().finish() };
        ShardCommit {
            shard,
            epoch: 1,
            commit_no,
            clock: Some(clock),
            cursor: told(cursor),
            day_parts: part.then_some(row).into_iter().collect(),
            ..ShardCommit::default()
        }
    };
    let write = async |batch: ShardCommit| assert_eq!(store.commit_shard(&batch).await.unwrap(), Committed::Done);
    write(commit(0, 0, closes, on, true)).await;
    write(commit(1, 0, closes, before, false)).await;
    let mut decide = async || while coordinator.decide_once().await.unwrap() == Decided::Something {};
    decide().await;
    assert_eq!(memory.tables().day_closes.len(), 0, "shard 1 has not told its part");
    let clock = memory.tables().shards[&COORDINATOR].clock;
    assert!(clock.is_none_or(|clock| clock < closes), "what waits is not decided");
    write(commit(1, 1, closes + SignedDuration::from_secs(1), on, true)).await;
    decide().await;
    assert_eq!(memory.tables().day_closes.keys().map(|(_, day)| *day).collect::<Vec<_>>(), [on]);
}
