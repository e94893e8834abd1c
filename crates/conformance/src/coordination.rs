//! What the coordinator reads and decides.

use std::sync::Arc;
use std::time::Duration;

use jiff::civil::{Date, date};

use crate::sample::{LONG, Owner, at, key, message, record, waiting};
use rapport_engine::ports::rows::{
    AnsweredRequest, COORDINATOR, CoordinatorCommit, DayCloseRow, DayPartRow, MessageState, PromiseRow, RequestRow,
    ReservationRow,
};
use rapport_engine::ports::store::{Committed, Store};

fn part(day: Date, shard: u32) -> DayPartRow {
    DayPartRow { program: key("a").program, day, shard, body: vec![1, 2] }
}

fn close(day: Date) -> DayCloseRow {
    DayCloseRow { program: key("a").program, day, body: vec![3], state: vec![4], fit: b"{}".to_vec() }
}

async fn coordinator(store: &Arc<dyn Store>) -> CoordinatorCommit {
    let row = store.take_shard(COORDINATOR, "engine-a", LONG).await.unwrap().unwrap();
    CoordinatorCommit { epoch: row.epoch, commit_no: row.commit_no, ..CoordinatorCommit::default() }
}

/// Parts of all shards come together; the next day with parts is found across months.
pub async fn day_parts_and_closes(store: Arc<dyn Store>) {
    let mut owner = Owner::new(&store).await;
    let (first, last) = (date(2026, 1, 31), date(2026, 2, 1));
    assert_eq!(store.programs_with_parts().await.unwrap(), []);
    owner.commit(|batch| batch.day_parts = vec![part(last, 0), part(first, 1), part(first, 0)]).await;
    let program = key("a").program;
    assert_eq!(store.programs_with_parts().await.unwrap(), std::slice::from_ref(&program));
    assert_eq!(store.day_parts(&program, first).await.unwrap(), [part(first, 0), part(first, 1)]);
    assert_eq!(store.day_part(&program, first, 1).await.unwrap(), Some(part(first, 1).body));
    assert_eq!(store.day_part(&program, last, 1).await.unwrap(), None);
    assert_eq!(store.next_part_day(&program, None).await.unwrap(), Some(first));
    assert_eq!(store.next_part_day(&program, Some(first)).await.unwrap(), Some(last));
    assert_eq!(store.next_part_day(&program, Some(last)).await.unwrap(), None);
    assert_eq!(store.last_day_close(&program).await.unwrap(), None);
    let commit = CoordinatorCommit {
        day_closes: vec![close(first)],
        outbox: vec![record("closed")],
        clock: Some(at(3)),
        ..coordinator(&store).await
    };
    assert_eq!(store.commit_coordinator(&commit).await.unwrap(), Committed::Done);
    assert_eq!(store.last_day_close(&program).await.unwrap(), Some(close(first)));
    let commit = CoordinatorCommit { day_closes: vec![close(last)], ..coordinator(&store).await };
    assert_eq!(store.commit_coordinator(&commit).await.unwrap(), Committed::Done);
    for (by, newest) in [(date(2026, 1, 30), None), (first, Some(first)), (last, Some(last)), (Date::MAX, Some(last))] {
        assert_eq!(store.day_close_by(&program, by).await.unwrap(), newest.map(close), "{by}");
    }
    assert_eq!(waiting(&store).await, ["closed"]);
    assert_eq!(store.shard_rows().await.unwrap()[0].clock, Some(at(3)));
}

/// Oldest first; an answer removes the request and may leave a reservation.
pub async fn requests_are_answered_once(store: Arc<dyn Store>) {
    let mut owner = Owner::new(&store).await;
    let asked = |id: &str, partner: &str, minutes| RequestRow {
        id: id.into(),
        key: key(partner),
        journey: "j".into(),
        kind: "offer".into(),
        body: r#"{"offer":"bonus"}"#.into(),
        at: at(minutes),
    };
    owner.commit(|batch| batch.requests = vec![asked("1", "a", 2), asked("2", "b", 1), asked("3", "a", 3)]).await;
    let open = store.open_requests(2).await.unwrap();
    assert_eq!(open, [asked("2", "b", 1), asked("1", "a", 2)]);
    assert_eq!(store.outstanding(at(0)).await.unwrap().requests, 3);
    let reserved = |partner: &str, minutes| ReservationRow {
        offer: "bonus".into(),
        key: key(partner),
        journey: "j".into(),
        at: at(minutes),
        minor: 500,
        currency: "EUR".into(),
    };
    let commit = CoordinatorCommit {
        answered: vec![
            AnsweredRequest { id: "2".into(), reservation: Some(reserved("b", 5)) },
            AnsweredRequest { id: "1".into(), reservation: Some(reserved("a", 6)) },
        ],
        ..coordinator(&store).await
    };
    assert_eq!(store.commit_coordinator(&commit).await.unwrap(), Committed::Done);
    assert_eq!(store.open_requests(9).await.unwrap(), [asked("3", "a", 3)]);
    assert_eq!(store.reservations("bonus", None, at(0)).await.unwrap(), [reserved("b", 5), reserved("a", 6)]);
    assert_eq!(store.reservations("bonus", Some(&key("a")), at(0)).await.unwrap(), [reserved("a", 6)]);
    assert_eq!(store.reservations("bonus", None, at(6)).await.unwrap(), [reserved("a", 6)]);
    assert_eq!(store.reservations("other", None, at(0)).await.unwrap(), []);
}

/// Found by its message, with what became of the mail and whether it was given back.
pub async fn a_promise_is_found_by_its_message(store: Arc<dyn Store>) {
    let mut owner = Owner::new(&store).await;
    let asked = |id: &str| RequestRow {
        id: id.into(),
        key: key("a"),
        journey: "journey-m".into(),
        kind: "offer".into(),
        body: "{}".into(),
        at: at(1),
    };
    owner.commit(|batch| batch.requests = vec![asked("offer:m"), asked("offer:n")]).await;
    assert_eq!(store.promise("m").await.unwrap(), None);
    let reserved = |minor| ReservationRow {
        offer: "bonus".into(),
        key: key("a"),
        journey: "journey-m".into(),
        at: at(1),
        minor,
        currency: "EUR".into(),
    };
    let answer = |id: &str, minor| AnsweredRequest { id: id.into(), reservation: Some(reserved(minor)) };
    let commit = CoordinatorCommit { answered: vec![answer("offer:m", 500)], ..coordinator(&store).await };
    assert_eq!(store.commit_coordinator(&commit).await.unwrap(), Committed::Done);
    let promised = PromiseRow { reservation: reserved(500), given_back: false, mail: None };
    assert_eq!(store.promise("m").await.unwrap(), Some(promised.clone()));
    assert_eq!(store.promise("n").await.unwrap(), None);
    owner.plan("a", vec![message("m", "a", 0)]).await;
    let queued = PromiseRow { mail: Some(MessageState::Queued), ..promised };
    assert_eq!(store.promise("m").await.unwrap(), Some(queued.clone()));
    owner.commit(|batch| batch.requests = vec![asked("offer_release:m")]).await;
    let commit = CoordinatorCommit { answered: vec![answer("offer_release:m", -500)], ..coordinator(&store).await };
    assert_eq!(store.commit_coordinator(&commit).await.unwrap(), Committed::Done);
    assert_eq!(store.promise("m").await.unwrap(), Some(PromiseRow { given_back: true, ..queued }));
    let minors: Vec<i64> =
        store.reservations("bonus", None, at(0)).await.unwrap().iter().map(|row| row.minor).collect();
    assert_eq!(minors.iter().sum::<i64>(), 0);
}

/// Neither under an old epoch nor twice under one number.
pub async fn a_fenced_coordinator_writes_nothing(store: Arc<dyn Store>) {
    store.create_shards(1).await.unwrap();
    let commit = CoordinatorCommit { outbox: vec![record("once")], ..coordinator(&store).await };
    assert_eq!(store.commit_coordinator(&commit).await.unwrap(), Committed::Done);
    assert_eq!(store.commit_coordinator(&commit).await.unwrap(), Committed::Fenced);
    store.take_shard(COORDINATOR, "engine-b", Duration::ZERO).await.unwrap().unwrap();
    let next = CoordinatorCommit { commit_no: 1, outbox: vec![record("never")], ..commit };
    assert_eq!(store.commit_coordinator(&next).await.unwrap(), Committed::Fenced);
    assert_eq!(waiting(&store).await, ["once"]);
}
