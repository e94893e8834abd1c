//! The event log, with two shards.

use std::sync::Arc;
use std::time::Duration;

use rapport_event::wire::SourcePosition;

use crate::sample::at;
use rapport_engine::ports::log::{EventLog, LogError, NewRecord, Progress};

fn record(shard: u32, value: &str) -> NewRecord {
    NewRecord { shard, key: b"shop/a".to_vec(), value: value.as_bytes().to_vec(), stamp: Some(at(1)), position: None }
}

/// Per shard from 0 on, with everything they were appended with; a page is not larger than asked for.
pub async fn records_come_back_in_order_with_stamp_and_position(log: Arc<dyn EventLog>) {
    let position = SourcePosition { source: 3, incarnation: 1, partition: 2, offset: 1 << 40, index: 7 };
    let first = NewRecord { position: Some(position), ..record(0, "one") };
    log.append(vec![first, record(1, "elsewhere"), record(0, "two")]).await.unwrap();
    log.append(vec![]).await.unwrap();
    log.append(vec![record(0, "three")]).await.unwrap();
    assert_eq!(log.ends(&[1, 0]).await.unwrap(), [1, 3]);
    let mut feed = log.open(0, 0).await.unwrap();
    let page = feed.next(2).await.unwrap();
    assert_eq!(page.iter().map(|record| record.offset).collect::<Vec<_>>(), [0, 1]);
    assert_eq!((page[0].stamp, page[0].position, page[0].value.as_slice()), (at(1), Some(position), &b"one"[..]));
    assert_eq!(page[1].position, None);
    assert!(!feed.caught_up());
    assert_eq!(feed.next(2).await.unwrap()[0].value, b"three");
    assert!(feed.caught_up());
}

/// Many writers, and a reader beside them that never meets a gap.
pub async fn concurrent_appends_leave_no_gap(log: Arc<dyn EventLog>) {
    const WRITERS: usize = 4;
    const APPENDS: usize = 25;
    let writers = (0..WRITERS).map(|writer| {
        let log = Arc::clone(&log);
        tokio::spawn(async move {
            for number in 0..APPENDS {
                let records = (0..3).map(|part| record(0, &format!("{writer}/{number}/{part}"))).collect();
                log.append(records).await.unwrap();
            }
        })
    });
    let writing = futures::future::join_all(writers.collect::<Vec<_>>());
    let mut feed = log.open(0, 0).await.unwrap();
    let reading = async {
        let mut values = Vec::new();
        while values.len() < WRITERS * APPENDS * 3 {
            for record in feed.next(10).await.unwrap() {
                assert_eq!(record.offset, i64::try_from(values.len()).unwrap());
                values.push(record.value);
            }
        }
        values
    };
    let (_, values) = tokio::join!(writing, reading);
    // What was appended together stands together.
    for three in values.chunks(3) {
        let stem = |value: &[u8]| value[..value.len() - 2].to_vec();
        assert!(three.iter().all(|value| stem(value) == stem(&three[0])));
    }
    assert_eq!(log.ends(&[0]).await.unwrap(), [i64::try_from(values.len()).unwrap()]);
}

/// A feed at the end returns when something is appended.
pub async fn a_waiting_feed_is_woken(log: Arc<dyn EventLog>) {
    let mut feed = log.open(1, 0).await.unwrap();
    assert!(feed.caught_up());
    // Dropped while it waits: nothing is lost.
    assert!(tokio::time::timeout(Duration::from_millis(1), feed.next(9)).await.is_err());
    let waiting = tokio::spawn(async move { feed.next(9).await.unwrap() });
    log.append(vec![record(1, "woken")]).await.unwrap();
    assert_eq!(waiting.await.unwrap()[0].value, b"woken");
}

/// Not beyond the end: the engine would wait for ever for what it thinks it has folded.
pub async fn a_feed_opens_only_inside_the_log(log: Arc<dyn EventLog>) {
    log.append(vec![record(0, "one")]).await.unwrap();
    assert_eq!((log.begin(0).await.unwrap(), log.begin(1).await.unwrap()), (0, 0));
    assert!(matches!(log.open(0, 2).await, Err(LogError::OutOfRange { shard: 0, offset: 2 })));
    assert!(log.open(0, 1).await.is_ok());
}

/// A record read before can be read again, by its offset, while a feed of its shard is open.
pub async fn a_record_is_read_again_by_its_offset(log: Arc<dyn EventLog>) {
    log.append(vec![record(0, "one"), record(0, "two"), record(1, "other")]).await.unwrap();
    let mut feed = log.open(0, 0).await.unwrap();
    assert_eq!(feed.next(1).await.unwrap()[0].value, b"one");
    assert_eq!(log.read(0, 1).await.unwrap().value, b"two");
    assert_eq!(log.read(0, 0).await.unwrap().value, b"one");
    assert!(matches!(log.read(0, 2).await, Err(LogError::OutOfRange { shard: 0, offset: 2 })));
}

/// The last report of each shard.
pub async fn what_was_reported_is_known(log: Arc<dyn EventLog>) {
    assert_eq!(log.reported(&[1]).await.unwrap(), [None]);
    let last = Progress { next_offset: 12, epoch: 3, commit_no: 6 };
    log.report(1, Progress { next_offset: 10, epoch: 2, commit_no: 5 }).await.unwrap();
    log.report(1, last).await.unwrap();
    assert_eq!(log.reported(&[1, 0]).await.unwrap(), [Some(last), None]);
}

/// The same identity every time it is asked.
pub async fn a_log_knows_itself(log: Arc<dyn EventLog>) {
    let identity = log.describe().await.unwrap();
    assert_eq!(identity.shards, 2);
    assert_eq!(log.describe().await.unwrap(), identity);
}
