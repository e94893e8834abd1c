//! A shard's batch: all or nothing, under one epoch and number, and read back as written.

use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use rapport_event::wire::SourcePosition;

use crate::sample::{LONG, Owner, assert_sound, at, journey, key, message, partner, person, record, timer};
use rapport_engine::ports::rows::{
    ConversionRow, DayPartRow, HoldRow, PartnerRow, RefusalRow, RequestRow, ShardCommit, SignalRow, TaskKind, TaskRow,
    TimerChange, TimerRow,
};
use rapport_engine::ports::store::{Committed, Store, StoreError};

fn with_everything(mut batch: ShardCommit) -> ShardCommit {
    batch.next_offset = 7;
    batch.ids = vec![(at(0), vec![1, 2])];
    batch.partners.push(partner("a"));
    batch.journeys.push(journey("j", "a"));
    batch.timers.push(TimerChange::Set(timer("a", "journey:j", 10)));
    batch.messages.push(message("m", "a", 0));
    batch.outbox.push(record("event"));
    batch
}

async fn nothing_is_written(store: &Arc<dyn Store>) {
    assert_eq!(store.load_partners(0, &[key("a")]).await.unwrap(), []);
    assert_eq!(store.next_timers(0, None, 10).await.unwrap(), []);
    assert_eq!(store.recent_ids(0, at(-1000)).await.unwrap(), []);
    assert_eq!(store.outbox(10).await.unwrap(), []);
    assert_eq!(store.shard_rows().await.unwrap()[1].next_offset, 0);
}

/// An owner that was taken over from is told so and has written nothing.
pub async fn an_old_epoch_writes_nothing(store: Arc<dyn Store>) {
    let owner = Owner::new(&store).await;
    store.take_shard(0, "engine-b", Duration::ZERO).await.unwrap().unwrap();
    assert_eq!(store.commit_shard(&with_everything(owner.batch())).await.unwrap(), Committed::Fenced);
    nothing_is_written(&store).await;
}

/// A commit that expects another number than the row's writes nothing: neither an old nor a future one.
pub async fn a_wrong_commit_number_writes_nothing(store: Arc<dyn Store>) {
    let owner = Owner::new(&store).await;
    for commit_no in [-1, 1] {
        let batch = ShardCommit { commit_no, ..with_everything(owner.batch()) };
        assert_eq!(store.commit_shard(&batch).await.unwrap(), Committed::Fenced);
    }
    nothing_is_written(&store).await;
}

/// A commit repeated because its answer was lost is recognised.
pub async fn of_two_equal_commits_one_is_done(store: Arc<dyn Store>) {
    let owner = Owner::new(&store).await;
    let batch = with_everything(owner.batch());
    let (one, two) = tokio::join!(store.commit_shard(&batch), store.commit_shard(&batch));
    let done = [one.unwrap(), two.unwrap()].iter().filter(|committed| **committed == Committed::Done).count();
    assert_eq!(done, 1);
    let row = &store.shard_rows().await.unwrap()[1];
    assert_eq!((row.commit_no, row.epoch), (1, owner.epoch));
    assert_eq!(store.outbox(10).await.unwrap().len(), 1);
}

/// One row that the schema does not admit, and nothing of the batch is there.
pub async fn a_refused_row_takes_the_whole_batch_back(store: Arc<dyn Store>) {
    let owner = Owner::new(&store).await;
    let mut batch = with_everything(owner.batch());
    batch.messages[0].kind = "spam".into();
    assert!(matches!(store.commit_shard(&batch).await, Err(StoreError::Refused(_))));
    nothing_is_written(&store).await;
    batch.messages[0].kind = "service".into();
    assert_eq!(store.commit_shard(&batch).await.unwrap(), Committed::Done);
}

/// Positions stay where commits moved them, one for each source, whatever number its hash makes.
pub async fn positions_stay_where_they_were_moved(store: Arc<dyn Store>) {
    let mut owner = Owner::new(&store).await;
    let position = |source, offset| SourcePosition { source, incarnation: 2, partition: 3, offset, index: 1 };
    owner.commit(|batch| batch.seen = vec![position(0, 12), position(u64::MAX, i64::MAX)]).await;
    owner.commit(|batch| batch.seen = vec![position(7, 1), position(0, 13)]).await;
    owner.commit(|_| {}).await;
    let mut seen = store.seen(Some(0)).await.unwrap();
    assert_eq!(store.seen(None).await.unwrap(), seen);
    seen.sort_by_key(|position| position.source);
    assert_eq!(seen, [position(0, 13), position(7, 1), position(u64::MAX, i64::MAX)]);
    assert_eq!(store.seen(Some(1)).await.unwrap(), []);
}

/// Offset, clock, rulebook and cursor survive.
pub async fn the_shard_row_comes_back_as_written(store: Arc<dyn Store>) {
    let mut owner = Owner::new(&store).await;
    owner
        .commit(|batch| {
            batch.next_offset = 42;
            batch.rulebook = Some("book".into());
            batch.cursor = vec![0, 255];
            batch.clock_mark = true;
        })
        .await;
    let over = store.take_shard(0, "engine-b", Duration::ZERO).await.unwrap().unwrap();
    assert_eq!((over.next_offset, over.clock, over.commit_no), (42, Some(at(0)), 1));
    assert_eq!((over.rulebook.as_deref(), over.cursor), (Some("book"), vec![0, 255]));
    assert_eq!(store.clock_marks(0).await.unwrap(), [(42, at(0))]);
    assert_eq!(store.clock_marks(1).await.unwrap(), []);
}

/// `days` absent from a commit stay; journeys come with their partner; unknown partners are left out.
pub async fn partners_come_back_with_days_and_journeys(store: Arc<dyn Store>) {
    let mut owner = Owner::new(&store).await;
    let over = rapport_engine::ports::rows::JourneyRow { exited: Some((at(9), "goal".into())), ..journey("j1", "a") };
    owner
        .commit(|batch| {
            batch.partners = vec![PartnerRow { days: Some(vec![9]), ..partner("a") }, partner("b")];
            batch.journeys = vec![journey("j1", "a"), journey("j2", "a")];
        })
        .await;
    owner
        .commit(|batch| {
            batch.partners = vec![PartnerRow { hot: vec![1], ..partner("a") }];
            batch.journeys = vec![over.clone()];
        })
        .await;
    let mut found = store.load_partners(0, &[key("a"), key("nobody"), key("b"), key("a")]).await.unwrap();
    found.sort_by(|a, b| a.partner.key.cmp(&b.partner.key));
    assert_eq!(found.len(), 2);
    assert_eq!(found[0].partner, PartnerRow { key: key("a"), hot: vec![1], days: Some(vec![9]) });
    assert_eq!(found[0].journeys, [over, journey("j2", "a")]);
    assert_eq!(found[1].partner, partner("b"));
    assert_eq!(store.find_partners("a").await.unwrap(), [key("a")]);
    assert_eq!(store.load_partners(0, &[]).await.unwrap(), []);
}

/// Byte order, whatever the database's language.
pub async fn pages_follow_the_order_of_keys(store: Arc<dyn Store>) {
    let mut owner = Owner::new(&store).await;
    let mut keys: Vec<_> = ["b", "B", "a", "Ä", "a b", "a-b", "ab", "10", "9"].map(key).to_vec();
    owner.commit(|batch| batch.partners = keys.iter().map(|key| partner(key.partner.as_str())).collect()).await;
    keys.sort();
    let mut seen = Vec::new();
    loop {
        let page = store.page_partners(0, seen.last(), 4).await.unwrap();
        let Some(_) = page.first() else { break };
        assert!(page.len() <= 4);
        seen.extend(page.into_iter().map(|bundle| bundle.partner.key));
    }
    assert_eq!(seen, keys);
    assert_eq!(store.page_partners(1, None, 4).await.unwrap(), []);
}

/// Written again, a conversion is replaced; ids are the partner's own.
pub async fn conversions_come_back_by_id(store: Arc<dyn Store>) {
    let mut owner = Owner::new(&store).await;
    let conversion = |partner: &str, id: &str, status: &str| ConversionRow {
        key: key(partner),
        conversion_id: id.into(),
        occurred_at: at(1),
        status: status.into(),
        amount_minor: -1234,
        currency: "EUR".into(),
        body: vec![1, 2, 3],
    };
    owner.commit(|batch| batch.conversions = vec![conversion("a", "1", "pending"), conversion("b", "1", "paid")]).await;
    owner.commit(|batch| batch.conversions = vec![conversion("a", "1", "approved")]).await;
    let asked = [(key("a"), "1".to_owned()), (key("a"), "2".to_owned())];
    assert_eq!(store.load_conversions(&asked).await.unwrap(), [conversion("a", "1", "approved")]);
}

/// As they were written, of the commits whose clock is not before the instant.
pub async fn ids_come_back_since_an_instant(store: Arc<dyn Store>) {
    let mut owner = Owner::new(&store).await;
    let first = vec![(at(-1), vec![1, u64::MAX]), (at(0), vec![2])];
    for (minute, ids) in [(0, first.clone()), (10, vec![(at(10), vec![3])]), (20, vec![])] {
        owner
            .commit(|batch| {
                batch.clock = Some(at(minute));
                batch.ids = ids;
            })
            .await;
    }
    assert_eq!(store.recent_ids(0, at(5)).await.unwrap(), [(at(10), vec![3])]);
    assert_eq!(store.recent_ids(0, at(0)).await.unwrap(), [first, vec![(at(10), vec![3])]].concat());
}

/// (due, partner, subject), page by page, without gaps or repeats.
pub async fn timers_are_paged_in_order(store: Arc<dyn Store>) {
    let mut owner = Owner::new(&store).await;
    let mut timers = vec![];
    for (partner, subject, minutes) in [
        ("b", "silence", 5),
        ("a", "silence", 5),
        ("a", "journey:2", 5),
        ("c", "silence", -60_000_000),
        ("a", "late", 90),
        ("B", "silence", 5),
    ] {
        timers.push(timer(partner, subject, minutes));
    }
    owner.commit(|batch| batch.timers = timers.iter().cloned().map(TimerChange::Set).collect()).await;
    timers.sort_by(|a, b| (a.due, &a.key, &a.subject).cmp(&(b.due, &b.key, &b.subject)));
    let mut seen: Vec<TimerRow> = Vec::new();
    loop {
        let page = store.next_timers(0, seen.last(), 2).await.unwrap();
        if page.is_empty() {
            break;
        }
        seen.extend(page);
    }
    assert_eq!(seen, timers);
    assert_eq!(store.outstanding(at(5)).await.unwrap().timers, 5);
}

/// Changes are applied in order, within a batch and across.
pub async fn the_last_change_of_a_timer_decides(store: Arc<dyn Store>) {
    let mut owner = Owner::new(&store).await;
    let clear = |subject: &str| TimerChange::Clear { key: key("a"), subject: subject.into() };
    let set = |subject: &str, minutes| TimerChange::Set(timer("a", subject, minutes));
    owner
        .commit(|batch| {
            batch.timers = vec![set("x", 1), clear("x"), clear("y"), set("y", 2), set("z", 3), set("z", 4)];
        })
        .await;
    assert_eq!(store.next_timers(0, None, 9).await.unwrap(), [timer("a", "y", 2), timer("a", "z", 4)]);
    owner.commit(|batch| batch.timers = vec![clear("y"), set("z", 1), clear("never there")]).await;
    assert_eq!(store.next_timers(0, None, 9).await.unwrap(), [timer("a", "z", 1)]);
}

/// More rows than fit one statement.
pub async fn large_batches_are_written_whole(store: Arc<dyn Store>) {
    let mut owner = Owner::new(&store).await;
    let names: Vec<_> = (0..4_333).map(|number| format!("p{number:05}")).collect();
    owner.commit(|batch| batch.partners = names.iter().map(|name| partner(name)).collect()).await;
    let keys: Vec<_> = names.iter().map(|name| key(name)).collect();
    let mut found = store.load_partners(0, &keys).await.unwrap();
    found.sort_by(|a, b| a.partner.key.cmp(&b.partner.key));
    assert!(found.iter().map(|bundle| &bundle.partner.key).eq(&keys));
}

/// `explain` finds what was written, texts that a database may stumble over included.
pub async fn everything_about_a_partner_is_told(store: Arc<dyn Store>) {
    let mut owner = Owner::new(&store).await;
    store.store_persons(&[person("a", 1, Some("a@x.example"))]).await.unwrap();
    let signal = SignalRow {
        id: "s".into(),
        key: key("a"),
        kind: "dip".into(),
        occurred_at: at(1),
        ended_at: None,
        payload: r#"{"quote":"it's \"50 %\" $1 ?"}"#.into(),
    };
    let refusal = RefusalRow {
        key: key("a"),
        workflow: "win-back".into(),
        at: at(2),
        code: "not_eligible".into(),
        clauses: "[]".into(),
    };
    let task = TaskRow {
        kind: TaskKind::Task,
        opened_by: "workflow".into(),
        ended: None,
        id: "t".into(),
        key: key("a"),
        workflow: "welcome".into(),
        journey: "journey-m".into(),
        assignee: "manager".into(),
        text: "Ruf an: 日本".into(),
        choices: vec!["yes".into(), "no, \"later\"".into()],
        opened_at: at(3),
        due: Some(at(30)),
    };
    owner
        .commit(|batch| {
            batch.partners.push(partner("a"));
            batch.journeys.push(journey("journey-m", "a"));
            batch.timers.push(TimerChange::Set(timer("a", "journey:journey-m", 30)));
            batch.messages.push(message("m", "a", 0));
            batch.signals.push(signal.clone());
            batch.refusals.push(refusal.clone());
            batch.tasks.push(task.clone());
            batch.holds.push(HoldRow {
                key: key("a"),
                workflow: "win-back".into(),
                by_journey: "journey-m".into(),
                until: None,
            });
            batch.requests.push(RequestRow {
                id: "r".into(),
                key: key("a"),
                journey: "journey-m".into(),
                kind: "offer".into(),
                body: "{}".into(),
                at: at(0),
            });
            batch.day_parts.push(DayPartRow {
                program: key("a").program,
                day: jiff::civil::date(2026, 3, 1),
                shard: 0,
                body: vec![],
            });
            batch.parked.push((key("a"), 3, "it panicked\0here".into()));
            batch.unreadable.push((4, "bad_json".into(), "no\0t JSON".into(), vec![0, 159, 146, 150]));
        })
        .await;
    let ended = SignalRow { ended_at: Some(at(1) + SignedDuration::from_mins(5)), ..signal };
    owner.commit(|batch| batch.signals.push(ended.clone())).await;
    let story = store.story(&key("a")).await.unwrap().unwrap();
    assert_eq!(story.partner, partner("a"));
    assert_eq!(story.person.as_deref(), Some(r#"{"email":"a@x.example"}"#));
    assert_eq!(story.journeys, [journey("journey-m", "a")]);
    assert_eq!(story.messages.iter().map(|told| &told.message).collect::<Vec<_>>(), [&message("m", "a", 0)]);
    assert_eq!((story.signals, story.refusals, story.tasks), (vec![ended], vec![refusal], vec![task]));
    assert_eq!(story.parked.len(), 1);
    assert_eq!(store.parked(&key("a")).await.unwrap(), story.parked);
    assert_eq!(store.list_dead_letters(None, 9).await.unwrap()[0].raw, [0, 159, 146, 150]);
    assert!(store.story(&key("nobody")).await.unwrap().is_none());
    assert_sound(&store).await;
    assert_eq!(store.take_shard(1, "engine-a", LONG).await.unwrap().unwrap().shard, 1);
}
