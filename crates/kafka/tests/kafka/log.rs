//! The event log on a real Kafka.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::broker::{connection, fresh, log, read, record, settings, soon, text, until};
use futures::FutureExt;
use jiff::Timestamp;
use rapport_engine::ports::log::{EventLog, LogError, Progress};
use rapport_event::wire::SourcePosition;
use rapport_kafka::topic::{self, Topic};
use rapport_kafka::{Connection, KafkaLog, LogSettings};

#[tokio::test]
async fn what_is_appended_is_read_back_in_order_from_every_shard() {
    let log = log(4).await;
    let before = Timestamp::now();
    let records = (0..400).map(|number| record(number % 4, &format!("{number}"))).collect();
    log.append(records).await.unwrap();
    assert_eq!(log.ends(&[3, 0, 1]).await.unwrap(), [100, 100, 100]);

    for shard in 0..4 {
        let mut feed = log.open(shard, 0).await.unwrap();
        let found = read(feed.as_mut(), 100).await;
        for (place, record) in found.iter().enumerate() {
            assert_eq!(record.offset, place as i64);
            assert_eq!(text(record), format!("{}", place * 4 + shard as usize));
            // The broker's own time: within a minute of ours on one machine.
            assert!((record.stamp.as_second() - before.as_second()).abs() < 60, "{}", record.stamp);
        }
    }
}

#[tokio::test]
async fn stamp_and_position_of_a_replayed_record_survive() {
    let log = log(1).await;
    let position = SourcePosition { source: 2, incarnation: 1, partition: 7, offset: 42, index: 3 };
    let stamp = Timestamp::from_millisecond(852_076_800_123).unwrap();
    let mut new = record(0, "a");
    new.stamp = Some(stamp);
    new.position = Some(position);
    log.append(vec![new]).await.unwrap();
    let mut feed = log.open(0, 0).await.unwrap();
    let found = read(feed.as_mut(), 1).await;
    assert_eq!((found[0].stamp, found[0].position), (stamp, Some(position)));
}

#[tokio::test]
async fn a_shard_is_opened_where_asked_and_knows_when_it_has_caught_up() {
    let log = log(2).await;
    log.append((0..10).map(|number| record(1, &format!("{number}"))).collect()).await.unwrap();
    let mut feed = log.open(1, 6).await.unwrap();
    assert!(!feed.caught_up());
    let found = read(feed.as_mut(), 4).await;
    assert_eq!(found.iter().map(text).collect::<Vec<_>>(), ["6", "7", "8", "9"]);
    until(|| feed.caught_up()).await;

    log.append(vec![record(1, "10")]).await.unwrap();
    assert_eq!(text(&read(feed.as_mut(), 1).await[0]), "10");
    until(|| feed.caught_up()).await;

    let empty = log.open(0, 0).await.unwrap();
    until(|| empty.caught_up()).await;
}

#[tokio::test]
async fn an_offset_outside_the_log_is_refused_never_reset() {
    let log = log(1).await;
    log.append(vec![record(0, "a")]).await.unwrap();
    for offset in [-1, 2, 1_000] {
        match log.open(0, offset).await {
            Err(LogError::OutOfRange { shard: 0, offset: found }) => assert_eq!(found, offset),
            other => panic!("offset {offset}: {:?}", other.map(|_| "opened")),
        }
    }
    assert!(log.open(0, 1).await.is_ok(), "the end itself is a place to wait at");
}

#[tokio::test]
async fn a_shard_that_nobody_reads_holds_no_other_up() {
    let log = log(2).await;
    // More than librdkafka prefetches for one partition.
    let big = "x".repeat(100_000);
    for _ in 0..20 {
        log.append((0..50).map(|_| record(0, &big)).collect()).await.unwrap();
    }
    let mut idle = log.open(0, 0).await.unwrap();
    let mut busy = log.open(1, 0).await.unwrap();
    for round in 0..20 {
        log.append(vec![record(1, &format!("{round}"))]).await.unwrap();
        assert_eq!(text(&read(busy.as_mut(), 1).await[0]), format!("{round}"));
    }
    let all = read(idle.as_mut(), 1000).await;
    assert!(all.iter().enumerate().all(|(place, record)| record.offset == place as i64));
}

#[tokio::test]
async fn a_cancelled_next_loses_no_record() {
    let log = log(1).await;
    let mut feed = log.open(0, 0).await.unwrap();
    let mut found = Vec::new();
    for round in 0..200_i64 {
        // Polled once and dropped, with records arriving all the while.
        if let Some(records) = feed.next(3).now_or_never() {
            found.extend(records.unwrap());
        }
        log.append(vec![record(0, &format!("{round}"))]).await.unwrap();
    }
    let rest = 200 - found.len();
    found.extend(read(feed.as_mut(), rest).await);
    let offsets: Vec<i64> = found.iter().map(|record| record.offset).collect();
    assert_eq!(offsets, (0..200).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_shard_is_open_once_and_can_be_opened_again() {
    let log = log(1).await;
    log.append((0..100).map(|number| record(0, &format!("{number}"))).collect()).await.unwrap();
    let mut first = log.open(0, 0).await.unwrap();
    assert_eq!(text(&read(first.as_mut(), 1).await[0]), "0");
    assert!(matches!(log.open(0, 50).await, Err(LogError::Refused(_))));
    drop(first);
    // What the first had prefetched is not mistaken for what the second asks for, forward or back.
    for start in [50, 3, 99] {
        let mut again = log.open(0, start).await.unwrap();
        assert_eq!(read(again.as_mut(), 1).await[0].offset, start);
    }
}

#[tokio::test]
async fn two_processes_take_a_shard_over_from_each_other() {
    let settings = settings(1);
    let ours = KafkaLog::connect(&connection(), settings.clone()).await.unwrap();
    let theirs = KafkaLog::connect(&connection(), settings).await.unwrap();
    let mut next = 0;
    for round in 0..6 {
        ours.append((0..50).map(|_| record(0, "a")).collect()).await.unwrap();
        let mut feed = if round % 2 == 0 { &ours } else { &theirs }.open(0, next).await.unwrap();
        for record in read(feed.as_mut(), 50).await {
            assert_eq!(record.offset, next);
            next += 1;
        }
    }
}

#[tokio::test]
async fn the_log_says_which_it_is_and_refuses_another_number_of_shards() {
    let settings = settings(3);
    let log = KafkaLog::connect(&connection(), settings.clone()).await.unwrap();
    let identity = log.describe().await.unwrap();
    assert_eq!((identity.topic.as_str(), identity.shards), (settings.topic.as_str(), 3));
    assert_eq!(identity.cluster.len(), 22, "{}", identity.cluster);

    let other = LogSettings { shards: 4, ..settings };
    let refused = KafkaLog::connect(&connection(), other).await.err().unwrap().to_string();
    assert!(refused.contains("has 3 partitions, but `shards` is 4"), "{refused}");
}

#[tokio::test]
async fn a_topic_that_keeps_the_writers_time_is_refused() {
    let settings = settings(1);
    let topic = Topic { name: settings.topic.clone(), partitions: 1, replication: Some(1), settings: BTreeMap::new() };
    topic::create(&connection(), &topic).await.unwrap();
    let refused = KafkaLog::connect(&connection(), settings).await.err().unwrap().to_string();
    assert!(refused.contains("message.timestamp.type=CreateTime"), "{refused}");
}

#[tokio::test]
async fn reported_progress_is_there_for_another_process() {
    let settings = settings(2);
    let log = KafkaLog::connect(&connection(), settings.clone()).await.unwrap();
    assert_eq!(log.reported(&[0]).await.unwrap(), [None]);
    log.append(vec![record(0, "a"), record(1, "b")]).await.unwrap();
    let progress = |epoch, commit_no| Progress { next_offset: 1, epoch, commit_no };
    log.report(0, progress(4, 17)).await.unwrap();
    log.report(1, progress(2, 9)).await.unwrap();
    log.flush_reports().await.unwrap();
    let other = KafkaLog::connect(&connection(), settings).await.unwrap();
    assert_eq!(other.reported(&[1, 0]).await.unwrap(), [Some(progress(2, 9)), Some(progress(4, 17))]);
}

#[tokio::test]
async fn a_record_that_is_too_large_is_refused_and_the_next_is_not() {
    let log = log(1).await;
    let large = record(0, &"x".repeat(2_000_000));
    assert!(matches!(log.append(vec![large]).await, Err(LogError::TooLarge(_))));
    log.append(vec![record(0, "small")]).await.unwrap();
    assert_eq!(log.ends(&[0]).await.unwrap(), [1]);
}

#[tokio::test]
async fn many_appends_at_once_are_all_there() {
    let log = std::sync::Arc::new(log(8).await);
    let value = "v".repeat(200);
    let tasks = (0..8).map(|_| {
        let (log, value) = (log.clone(), value.clone());
        tokio::spawn(async move {
            for _ in 0..10 {
                log.append((0..4000).map(|number| record(number % 8, &value)).collect()).await.unwrap();
            }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        soon(task).await.unwrap();
    }
    assert_eq!(log.ends(&[0, 1, 2, 3, 4, 5, 6, 7]).await.unwrap(), [40_000; 8]);
}

#[tokio::test]
async fn an_unreachable_broker_is_said_to_be_unreachable() {
    // A port that was free a moment ago; nobody answers there.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut nowhere = Connection::new(format!("127.0.0.1:{port}"));
    nowhere.patience = Duration::from_millis(500);
    let found = KafkaLog::connect(&nowhere, settings(1)).await.err().unwrap();
    assert!(matches!(found, LogError::Unreachable(_)), "{found}");
    assert!(!nowhere.is_reachable() || nowhere.patience < Duration::from_secs(1));
}

#[tokio::test]
async fn a_bad_property_is_named_and_its_value_is_not() {
    let mut connection = connection();
    connection.properties.insert("security.protocol".to_owned(), "hunter2".to_owned());
    let refused = KafkaLog::connect(&connection, settings(1)).await.err().unwrap().to_string();
    assert!(refused.contains("security.protocol") && !refused.contains("hunter2"), "{refused}");
    assert!(!format!("{connection:?}").contains("hunter2"));
    assert!(fresh("a") != fresh("a"));
}
