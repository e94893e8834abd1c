//! Signals on their way from the outbox to other systems.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use rapport_engine::ports::rows::{OutboxRow, Target};
use rapport_engine::ports::store::Store;
use rapport_engine::readiness::Readiness;
use rapport_engine::relay::{Carried, Relay};
use rapport_engine::signals::Told;
use rapport_event::{EngineData, Event, EventId, Kind, PartnerKey, Payload, engine::SignalData};
use rapport_kafka::{GroupSource, KafkaLog, KafkaSignals, SourceSettings};
use rapport_memory::store::MemoryStore;
use rapport_sim::clock::SimClock;

use crate::broker::{connection, fresh, read_source, settings};

fn dip(partner: &str, number: usize) -> OutboxRow {
    let data = SignalData { name: "dip".into(), summary: format!("number {number}").into(), ..SignalData::default() };
    let event = Event {
        id: EventId::new(&format!("dip:{number}")).unwrap(),
        key: PartnerKey::new("shop", partner).unwrap(),
        kind: Kind::DipConversions,
        occurred_at: "2026-03-01T08:00:00Z".parse().unwrap(),
        payload: Payload::Engine(Box::new(EngineData::Signal(data))),
        person_version: None,
    };
    Told::of(&event).expect("a signal is told").outbox(0)
}

#[tokio::test]
async fn signals_reach_the_topic_as_cloud_events_in_order_for_each_partner() {
    let log = Arc::new(KafkaLog::connect(&connection(), settings(1)).await.unwrap());
    let topic = fresh("signals");
    let signals = KafkaSignals::open(&connection(), log.clone(), &topic, 4, Some(1)).await.unwrap();
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    store.set_replay_present("2026-03-01T09:00:00Z".parse().unwrap()).await.unwrap();
    let relay = Relay {
        name: "relay".into(),
        store: store.clone(),
        log,
        signals: Some(Arc::new(signals)),
        clock: Arc::new(SimClock { store: store.clone() }),
        readiness: Readiness::default(),
    };
    let partners = ["ada", "bo", "cy"];
    let rows: Vec<OutboxRow> = (0..30).map(|number| dip(partners[number % 3], number)).collect();
    store.add_outbox(&rows).await.unwrap();
    let epoch = store.take_relay("relay", Duration::ZERO).await.unwrap().unwrap();
    assert_eq!(relay.carry_once(Target::Signals, epoch).await.unwrap(), Carried::Rows(30));
    assert!(!store.outbox_waits(Target::Signals).await.unwrap());
    // As a relay does that was killed before it removed them.
    store.add_outbox(&rows[..3]).await.unwrap();
    assert_eq!(relay.carry_once(Target::Signals, epoch).await.unwrap(), Carried::Rows(3));

    let reading = SourceSettings { topics: vec![topic], group: fresh("other"), instance: None, known: BTreeSet::new() };
    let mut source = GroupSource::subscribe(&connection(), &reading).unwrap();
    let mut ids: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for record in read_source(&mut source, 33).await {
        let content = record.headers.iter().find(|(name, _)| name == "content-type").map(|(_, value)| value.as_slice());
        assert_eq!(content, Some(&b"application/cloudevents+json; charset=utf-8"[..]));
        let event: serde_json::Value = serde_json::from_slice(record.value.as_deref().unwrap()).unwrap();
        assert_eq!((&event["specversion"], &event["type"]), (&"1.0".into(), &"dip.conversions".into()));
        assert_eq!(event["source"], "/rapport/shop");
        assert_eq!(event["time"], "2026-03-01T08:00:00Z");
        assert_eq!(event["subject"], event["partner"]);
        let partner = event["partner"].as_str().unwrap().to_owned();
        assert_eq!(record.key.as_deref(), Some(format!("shop/{partner}").as_bytes()));
        let number = event["data"]["summary"].as_str().unwrap().strip_prefix("number ").unwrap().to_owned();
        assert_eq!(event["id"], format!("shop/{partner}:dip:{number}"));
        ids.entry(partner).or_default().push(number);
    }
    for (place, partner) in partners.iter().enumerate() {
        let mut expected: Vec<String> = (0..30).filter(|number| number % 3 == place).map(|n| n.to_string()).collect();
        expected.push(place.to_string());
        assert_eq!(ids[*partner], expected);
    }
}
