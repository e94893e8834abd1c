//! What becomes of a producer whose delivery failed.

use std::collections::BTreeMap;

use rapport_engine::ports::log::{EventLog, LogError, append_all_that_fit};
use rapport_kafka::topic::{self, Topic};
use rapport_kafka::{Connection, KafkaLog, Publisher};
use rdkafka::mocking::MockCluster;
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};

use crate::broker::{connection, outgoing, read, record, settings, soon, text};

/// A log whose topic takes no more than 2,000 bytes at once: the broker refuses, not this client.
async fn narrow() -> KafkaLog {
    let settings = settings(1);
    let narrow = [("message.timestamp.type", "LogAppendTime"), ("max.message.bytes", "2000")];
    let topic = Topic {
        name: settings.topic.clone(),
        partitions: 1,
        replication: Some(1),
        settings: narrow
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into_iter()
            .collect::<BTreeMap<_, _>>(),
    };
    topic::create(&connection(), &topic).await.unwrap();
    KafkaLog::connect(&connection(), settings).await.unwrap()
}

/// Text that does not compress.
fn noise(bytes: usize) -> String {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        char::from(b'!' + (state % 90) as u8)
    };
    (0..bytes).map(|_| next()).collect()
}

#[tokio::test]
async fn after_a_delivery_the_broker_refused_the_next_append_goes_on() {
    let log = narrow().await;
    log.append(vec![record(0, "before")]).await.unwrap();
    for _ in 0..3 {
        let refused = soon(log.append(vec![record(0, &noise(10_000))])).await;
        assert!(matches!(refused, Err(LogError::TooLarge(_))), "{refused:?}");
        log.append(vec![record(0, "after")]).await.unwrap();
    }
    assert_eq!(log.ends(&[0]).await.unwrap(), [4]);
}

#[tokio::test]
async fn records_too_large_stand_aside_and_the_others_keep_their_order() {
    let log = narrow().await;
    let mut records: Vec<_> = (0..40).map(|number| record(0, &format!("{number}"))).collect();
    for place in [0, 17, 18, 39] {
        records[place] = record(0, &noise(10_000));
    }
    assert_eq!(soon(append_all_that_fit(&log, &records)).await.unwrap(), [0, 17, 18, 39]);
    let end = usize::try_from(log.ends(&[0]).await.unwrap()[0]).unwrap();
    let mut feed = log.open(0, 0).await.unwrap();
    // What was appended before a refusal may be there twice; first appearances are in order.
    let mut first: Vec<String> = Vec::new();
    for record in read(feed.as_mut(), end).await {
        let text = text(&record);
        if !first.contains(&text) {
            first.push(text);
        }
    }
    let expected: Vec<String> =
        (0..40).filter(|number| ![0, 17, 18, 39].contains(number)).map(|number| number.to_string()).collect();
    assert_eq!(first, expected);
}

#[tokio::test]
async fn after_a_refusal_of_the_cluster_the_next_call_gets_a_new_producer() {
    let cluster = MockCluster::new(1).unwrap();
    cluster.create_topic("out", 1, 1).unwrap();
    let publisher = Publisher::new(&Connection::new(cluster.bootstrap_servers())).unwrap();
    soon(publisher.publish(&[outgoing("out", 0, 1, "a")])).await.unwrap();
    cluster.request_errors(RDKafkaApiKey::Produce, &[RDKafkaRespErr::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED]);
    let refused = soon(publisher.publish(&[outgoing("out", 0, 1, "b"), outgoing("out", 0, 1, "c")])).await;
    assert!(matches!(refused, Err(LogError::Refused(_))), "{refused:?}");
    soon(publisher.publish(&[outgoing("out", 0, 1, "b")])).await.unwrap();
}
