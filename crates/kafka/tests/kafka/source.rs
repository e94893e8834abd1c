//! The upstream topics on a real Kafka.

use std::sync::Arc;

use std::collections::BTreeSet;

use crate::broker::{again, connection, fresh, outgoing, read_source, remove, soon, upstream};
use futures::FutureExt;
use jiff::Timestamp;
use rapport_engine::ports::log::{LogError, Source, SourceRecord};
use rapport_kafka::{Connection, GroupSource, Outgoing, Publisher, RecordTime, ReplaySource, SourceSettings};
use rdkafka::mocking::MockCluster;
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};

fn settings(topics: &[&String]) -> SourceSettings {
    SourceSettings {
        topics: topics.iter().map(|topic| (*topic).clone()).collect(),
        group: fresh("ingest"),
        instance: None,
        known: BTreeSet::new(),
    }
}

fn text(record: &SourceRecord) -> String {
    String::from_utf8(record.value.clone().unwrap()).unwrap()
}

async fn publish(records: &[Outgoing]) {
    Publisher::new(&connection()).unwrap().publish(records).await.unwrap();
}

fn by_timestamp() -> RecordTime {
    Arc::new(|record: &SourceRecord| record.timestamp.unwrap())
}

/// The end becomes known while more is waited for; nothing more comes.
async fn to_the_end(source: &mut dyn Source) {
    soon(async {
        while !source.ended() {
            assert!(source.next(10).now_or_never().is_none());
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_record_comes_as_upstream_wrote_it() {
    let topic = upstream("conversions", 1).await;
    let mut tombstone = outgoing(&topic, 0, 2, "");
    tombstone.value = None;
    tombstone.key = None;
    publish(&[outgoing(&topic, 0, 1, "a"), tombstone]).await;
    let mut source = GroupSource::subscribe(&connection(), &settings(&[&topic])).unwrap();
    let found = read_source(&mut source, 2).await;
    let first = &found[0];
    assert_eq!((first.topic.as_str(), first.partition, first.offset), (topic.as_str(), 0, 0));
    assert_eq!(first.timestamp, Some(Timestamp::from_second(1).unwrap()));
    assert_eq!(first.headers, [("ce_id".to_owned(), b"a".to_vec())]);
    assert_eq!((first.key.as_deref(), first.value.as_deref()), (Some(&b"k"[..]), Some(&b"a"[..])));
    assert_eq!((found[1].key.as_deref(), found[1].value.as_deref()), (None, None));
}

#[tokio::test]
async fn a_group_reads_on_where_it_committed() {
    let topic = upstream("activity", 1).await;
    let records: Vec<Outgoing> = (0..10).map(|number| outgoing(&topic, 0, number, &format!("{number}"))).collect();
    publish(&records).await;
    let settings = settings(&[&topic]);
    {
        let mut source = GroupSource::subscribe(&connection(), &settings).unwrap();
        assert_eq!(read_source(&mut source, 10).await.len(), 10);
        source.commit(&topic, 0, 4).await.unwrap();
    }
    let mut again = GroupSource::subscribe(&connection(), &settings).unwrap();
    let found = read_source(&mut again, 6).await;
    assert_eq!(found.iter().map(|record| record.offset).collect::<Vec<_>>(), [4, 5, 6, 7, 8, 9]);
}

#[tokio::test]
async fn a_named_member_that_died_gets_its_partitions_back_at_once() {
    let topic = upstream("activity", 2).await;
    publish(&[outgoing(&topic, 0, 0, "a"), outgoing(&topic, 1, 0, "b")]).await;
    let settings = SourceSettings { instance: Some("ingest-1".to_owned()), ..settings(&[&topic]) };
    let mut first = GroupSource::subscribe(&connection(), &settings).unwrap();
    read_source(&mut first, 2).await;
    // Not closed in order: as after kill -9 the group still counts on it.
    std::mem::forget(first);
    let mut again = GroupSource::subscribe(&connection(), &settings).unwrap();
    assert_eq!(read_source(&mut again, 2).await.len(), 2);
}

#[tokio::test]
async fn two_members_share_the_partitions_and_none_is_lost() {
    let topic = upstream("conversions", 4).await;
    let settings = settings(&[&topic]);
    let mut ours = GroupSource::subscribe(&connection(), &settings).unwrap();
    let mut theirs = GroupSource::subscribe(&connection(), &settings).unwrap();
    let publisher = Publisher::new(&connection()).unwrap();
    let (mut seen, mut both) = (std::collections::BTreeSet::new(), [false, false]);
    let mut number = 0;
    // Until both have had a record, which takes until the group has settled.
    soon(async {
        while !both[0] || !both[1] {
            let records: Vec<Outgoing> =
                (0..4).map(|partition| outgoing(&topic, partition, 1, &format!("{}", number + partition))).collect();
            number += 4;
            publisher.publish(&records).await.unwrap();
            let (place, found) = tokio::select! {
                found = ours.next(100) => (0, found.unwrap()),
                found = theirs.next(100) => (1, found.unwrap()),
            };
            both[place] = true;
            seen.extend(found.iter().map(|record| (record.partition, record.offset)));
        }
        while seen.len() < number as usize {
            let found = tokio::select! { found = ours.next(100) => found, found = theirs.next(100) => found };
            seen.extend(found.unwrap().iter().map(|record| (record.partition, record.offset)));
        }
    })
    .await;
    assert_eq!(seen.len(), number as usize);
}

#[tokio::test]
async fn a_live_source_says_when_it_has_read_everything() {
    let (topic, empty) = (upstream("conversions", 2).await, upstream("partners", 1).await);
    publish(&[outgoing(&topic, 0, 1, "a"), outgoing(&topic, 1, 1, "b")]).await;
    let mut source = GroupSource::subscribe(&connection(), &settings(&[&topic, &empty])).unwrap();
    assert!(!source.ended());
    read_source(&mut source, 2).await;
    to_the_end(&mut source).await;
}

#[tokio::test]
async fn a_committed_offset_that_is_gone_stops_the_source() {
    let topic = upstream("activity", 1).await;
    publish(&[outgoing(&topic, 0, 1, "a")]).await;
    let settings = settings(&[&topic]);
    let mut source = GroupSource::subscribe(&connection(), &settings).unwrap();
    read_source(&mut source, 1).await;
    source.commit(&topic, 0, 500).await.unwrap();
    drop(source);

    let mut live = GroupSource::subscribe(&connection(), &settings).unwrap();
    let stopped = soon(live.next(10)).await.unwrap_err();
    assert!(matches!(&stopped, LogError::Refused(why) if why.contains("incarnation")), "{stopped}");
    drop(live);
    let mut replay = ReplaySource::open(&connection(), &settings, by_timestamp()).await.unwrap();
    let stopped = soon(replay.next(10)).await.unwrap_err();
    assert!(matches!(&stopped, LogError::Refused(why) if why.contains(&topic)), "{stopped}");
}

#[tokio::test]
async fn a_known_partition_without_an_offset_stops_the_source_and_a_new_one_begins() {
    let topic = upstream("activity", 2).await;
    publish(&[outgoing(&topic, 0, 1, "a"), outgoing(&topic, 1, 2, "b")]).await;
    let known = BTreeSet::from([(topic.clone(), 1)]);
    let lost = SourceSettings { known, ..settings(&[&topic]) };
    let mut live = GroupSource::subscribe(&connection(), &lost).unwrap();
    let stopped = soon(live.next(10)).await.unwrap_err();
    assert!(
        matches!(&stopped, LogError::Refused(why) if why.contains("partition 1") && why.contains("incarnation")),
        "{stopped}"
    );
    let Err(stopped) = ReplaySource::open(&connection(), &lost, by_timestamp()).await else {
        panic!("it must not begin")
    };
    assert!(matches!(&stopped, LogError::Refused(why) if why.contains("partition 1")), "{stopped}");

    // The other partition is new: it begins at its beginning.
    let kept = SourceSettings { group: fresh("ingest"), ..lost };
    let mut first =
        GroupSource::subscribe(&connection(), &SourceSettings { known: BTreeSet::new(), ..kept.clone() }).unwrap();
    read_source(&mut first, 2).await;
    assert!(first.commit(&topic, 1, 1).await.unwrap());
    drop(first);
    let mut again = GroupSource::subscribe(&connection(), &kept).unwrap();
    let records = read_source(&mut again, 1).await;
    assert_eq!(records.iter().map(text).collect::<Vec<_>>(), ["a"]);
}

#[tokio::test]
async fn a_topic_made_anew_under_a_running_member_stops_it() {
    let topic = upstream("activity", 1).await;
    publish(&[outgoing(&topic, 0, 1, "a"), outgoing(&topic, 0, 2, "b")]).await;
    let mut connection = connection();
    // What a cluster tells every few minutes is asked for at once.
    connection.properties.insert("topic.metadata.refresh.interval.ms".to_owned(), "200".to_owned());
    let mut live = GroupSource::subscribe(&connection, &settings(&[&topic])).unwrap();
    read_source(&mut live, 2).await;
    assert!(live.commit(&topic, 0, 2).await.unwrap());
    remove(&topic).await;
    // Gone: the group gives nothing to anybody.
    soon(async {
        while live.reads(&topic, 0) {
            assert!(live.next(10).now_or_never().is_none());
            tokio::task::yield_now().await;
        }
    })
    .await;
    again(&topic, 1).await;
    publish(&[outgoing(&topic, 0, 3, "c")]).await;
    let stopped = soon(live.next(10)).await.unwrap_err();
    assert!(matches!(&stopped, LogError::Refused(why) if why.contains("incarnation")), "{stopped}");
}

#[tokio::test]
async fn a_member_that_cannot_ask_where_to_begin_asks_again() {
    let cluster = MockCluster::new(1).unwrap();
    cluster.create_topic("in", 1, 1).unwrap();
    let connection = Connection::new(cluster.bootstrap_servers());
    Publisher::new(&connection).unwrap().publish(&[outgoing("in", 0, 1, "a")]).await.unwrap();
    let fails = [RDKafkaRespErr::RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE; 1000];
    cluster.request_errors(RDKafkaApiKey::OffsetFetch, &fails);
    let mut live = GroupSource::subscribe(&connection, &settings(&[&"in".to_owned()])).unwrap();
    let passing = soon(live.next(10)).await.unwrap_err();
    assert!(matches!(passing, LogError::Unreachable(_)), "{passing:?}");
    cluster.clear_request_errors(RDKafkaApiKey::OffsetFetch);
    let records = read_source(&mut live, 1).await;
    assert_eq!(records.iter().map(text).collect::<Vec<_>>(), ["a"]);
}

#[tokio::test]
async fn replay_merges_all_partitions_by_time() {
    let (sales, people) = (upstream("conversions", 3).await, upstream("partners", 2).await);
    let mut records = Vec::new();
    // A creation time of 0 would mean the present to the producer.
    for second in 1..3001_i64 {
        let (topic, partitions) = if second % 5 == 0 { (&people, 2) } else { (&sales, 3) };
        records.push(outgoing(topic, (second % partitions) as i32, second, &format!("{second}")));
    }
    publish(&records).await;
    let mut source = ReplaySource::open(&connection(), &settings(&[&people, &sales]), by_timestamp()).await.unwrap();
    assert!(!source.ended());
    let found = read_source(&mut source, 3000).await;
    let seconds: Vec<String> = found.iter().map(text).collect();
    assert_eq!(seconds, (1..3001).map(|second| format!("{second}")).collect::<Vec<_>>());
    to_the_end(&mut source).await;
}

#[tokio::test]
async fn replay_takes_records_of_one_time_in_the_order_of_topics_and_partitions() {
    let (first, second) = (upstream("partners", 2).await, upstream("conversions", 1).await);
    publish(&[
        outgoing(&second, 0, 7, "sale"),
        outgoing(&first, 1, 7, "person 1"),
        outgoing(&first, 0, 7, "person 0"),
        outgoing(&first, 0, 7, "person 0 again"),
    ])
    .await;
    let mut source = ReplaySource::open(&connection(), &settings(&[&first, &second]), by_timestamp()).await.unwrap();
    let found = read_source(&mut source, 4).await;
    assert_eq!(found.iter().map(text).collect::<Vec<_>>(), ["person 0", "person 0 again", "person 1", "sale"]);
}

#[tokio::test]
async fn replay_reads_on_where_it_committed_and_takes_what_is_new() {
    let topic = upstream("conversions", 2).await;
    publish(&[outgoing(&topic, 0, 1, "a"), outgoing(&topic, 1, 2, "b"), outgoing(&topic, 0, 3, "c")]).await;
    let settings = settings(&[&topic]);
    let mut source = ReplaySource::open(&connection(), &settings, by_timestamp()).await.unwrap();
    assert_eq!(read_source(&mut source, 3).await.len(), 3);
    source.commit(&topic, 0, 1).await.unwrap();
    source.commit(&topic, 1, 1).await.unwrap();
    drop(source);

    let mut again = ReplaySource::open(&connection(), &settings, by_timestamp()).await.unwrap();
    assert_eq!(read_source(&mut again, 1).await.iter().map(text).collect::<Vec<_>>(), ["c"]);
    to_the_end(&mut again).await;
    let waiting = again.next(10).now_or_never();
    assert!(waiting.is_none(), "an ended source waits for more");
    publish(&[outgoing(&topic, 1, 4, "d")]).await;
    assert_eq!(read_source(&mut again, 1).await.iter().map(text).collect::<Vec<_>>(), ["d"]);
}

#[tokio::test]
async fn a_topic_to_replay_that_does_not_exist_is_refused() {
    let connection = connection();
    let missing = fresh("nobody");
    let refused = ReplaySource::open(&connection, &settings(&[&missing]), by_timestamp()).await.err().unwrap();
    assert!(matches!(refused, LogError::Refused(_)), "{refused}");
}
