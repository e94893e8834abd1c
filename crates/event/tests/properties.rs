//! What holds for all inputs.

use jiff::Timestamp;
use proptest::prelude::*;
use rapport_event::wire::{SOURCE_HEADER, STAMP_HEADER};
use rapport_event::{
    CustomKinds, Event, Extra, Headers, Kind, Limits, Payload, SourcePosition, Stamp, clean, decode, decode_record,
    decode_with, encode, moved,
};
use serde_json::json;

fn now() -> Timestamp {
    "2026-03-01T12:00:00Z".parse().unwrap()
}

const VALID: &str = r#"{"id":"e1","kind":"conversion","program":"acme","partner":"ada","occurred_at":"2026-02-28T10:00:00Z","data":{"conversion_id":"c1","status":"approved","revision":3,"amount":4000,"commission":400,"currency":"EUR","customer":"new","lines":[{"sku":"X1","category":"shoes","amount":2500}],"promo_code":"SPRING","tags":["a","b"],"x":{"y":[1,null]}}}"#;

fn json_value() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(json!(null)),
        any::<bool>().prop_map(|value| json!(value)),
        any::<i64>().prop_map(|value| json!(value)),
        any::<f64>().prop_map(|value| json!(value)),
        any::<String>().prop_map(|value| json!(value)),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(|list| json!(list)),
            prop::collection::btree_map(any::<String>(), inner, 0..4).prop_map(|map| json!(map)),
        ]
    })
}

fn conversion() -> impl Strategy<Value = String> {
    let status = prop::sample::select(vec!["pending", "approved", "paid", "reversed"]);
    let extra = prop::collection::btree_map("[a-z]{1,8}_x", json_value(), 0..3);
    (status, 0i64..1_000_000_000, 0i64..1_000_000, prop::option::of(any::<u64>()), ".{0,40}", 0i64..30_000_000, extra).prop_map(
        |(status, amount, commission, revision, promo, seconds, extra)| {
            let at = Timestamp::from_second(1_772_000_000 - seconds).unwrap();
            let mut data = json!({
                "conversion_id": "c1", "status": status, "amount": amount, "commission": commission, "currency": "EUR",
                "revision": revision, "promo_code": promo, "occurred_at": at.to_string(), "tags": [promo],
            });
            data.as_object_mut().unwrap().extend(extra);
            json!({
                "id": "e1", "kind": "conversion", "program": "acme", "partner": "ada", "occurred_at": at.to_string(), "data": data,
            })
            .to_string()
        },
    )
}

proptest! {
    #[test]
    fn any_bytes_are_answered(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        let _ = decode(&bytes, &Headers::NONE, &CustomKinds::none(), now());
        let _ = decode_record(&bytes);
    }

    #[test]
    fn any_json_is_answered(value in json_value()) {
        let text = value.to_string();
        let _ = decode(text.as_bytes(), &Headers::NONE, &CustomKinds::none(), now());
        let _ = decode_record(text.as_bytes());
    }

    #[test]
    fn a_damaged_event_is_answered(place in 0..VALID.len(), byte in any::<u8>(), cut in 0..VALID.len()) {
        let mut bytes = VALID.as_bytes().to_vec();
        bytes[place] = byte;
        let _ = decode(&bytes, &Headers::NONE, &CustomKinds::none(), now());
        let _ = decode(&bytes[..cut], &Headers::NONE, &CustomKinds::none(), now());
    }

    #[test]
    fn any_data_under_any_kind_are_answered(kind in prop::sample::select(rapport_event::kind::CATALOGUE), data in json_value()) {
        let text = json!({
            "id": "e1", "kind": kind.name, "program": "acme", "partner": "ada", "occurred_at": "2026-02-28T10:00:00Z", "data": data,
        }).to_string();
        if let Ok(decoded) = decode(text.as_bytes(), &Headers::NONE, &CustomKinds::none(), now()) {
            prop_assert!(kind.kind.is_upstream());
            prop_assert_eq!(decode_record(&encode(&decoded.event)), Ok(decoded.event.clone()));
            let _ = decoded.event.facts();
        }
        if let Ok(event) = decode_record(text.as_bytes()) {
            prop_assert_eq!(decode_record(&encode(&event)), Ok(event));
        }
    }

    #[test]
    fn any_headers_are_answered(headers in prop::collection::vec(("(ce[_-])?(id|type|time|program|partner|specversion)|content-type|.{0,9}", prop::collection::vec(any::<u8>(), 0..30)), 0..8), body in prop::collection::vec(any::<u8>(), 0..60)) {
        let headers: Vec<(&str, &[u8])> = headers.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect();
        let _ = decode(&body, &Headers(&headers), &CustomKinds::none(), now());
        let _ = (SourcePosition::of(&Headers(&headers)), Stamp::of(&Headers(&headers)));
    }

    #[test]
    fn decoding_what_was_encoded_changes_nothing(text in conversion()) {
        let decoded = decode_with(&Limits::replay(), text.as_bytes(), &Headers::NONE, &CustomKinds::none(), now()).unwrap();
        let event = Event { person_version: Some(7), ..decoded.event };
        let record = encode(&event);
        let again = decode_record(&record).unwrap();
        prop_assert_eq!(&again, &event);
        prop_assert_eq!(encode(&again), record);
    }

    #[test]
    fn cleaned_texts_are_safe_and_stay_as_they_are(text in any::<String>()) {
        for clean in [clean::line(&text).into_owned(), clean::block(&text).into_owned()] {
            prop_assert!(!clean.chars().any(|c| clean::is_unsafe(c) && c != '\n'));
        }
        let line = clean::line(&text).into_owned();
        prop_assert!(!line.contains('\n'));
        prop_assert_eq!(clean::line(&line).into_owned(), line.clone());
        let block = clean::block(&text).into_owned();
        prop_assert_eq!(clean::block(&block).into_owned(), block.clone());
    }

    #[test]
    fn no_accepted_address_can_break_a_header(text in any::<String>()) {
        if let Some(address) = clean::email(&text) {
            prop_assert!(!address.chars().any(|c| c.is_control() || c.is_whitespace()));
            prop_assert_eq!(clean::email(&address), Some(address));
        }
    }

    #[test]
    fn positions_and_stamps_survive_their_headers(source in any::<u64>(), incarnation in any::<u32>(), partition in any::<i32>(), offset in any::<i64>(), index in any::<u32>(), millis in -1_000_000_000_000i64..10_000_000_000_000) {
        let position = SourcePosition { source, incarnation, partition, offset, index };
        let stamp = Stamp(Timestamp::from_millisecond(millis).unwrap());
        let (one, two) = (position.to_bytes(), stamp.to_bytes());
        let headers = [(SOURCE_HEADER, one.as_slice()), (STAMP_HEADER, two.as_slice())];
        prop_assert_eq!(SourcePosition::of(&Headers(&headers)), Some(position));
        prop_assert_eq!(Stamp::of(&Headers(&headers)), Some(stamp));
        prop_assert_eq!(SourcePosition::from_bytes(&one[1..]), None);
    }
}

#[test]
fn a_conversion_that_moved_is_a_reversal_and_a_conversion() {
    let text = VALID.replace(r#""amount""#, r#""previous_partner":"ben","amount""#);
    let event = decode(text.as_bytes(), &Headers::NONE, &CustomKinds::none(), now()).unwrap().event;
    let (reversal, rest) = moved(event.clone());
    let reversal = reversal.expect("a reversal at the former partner");
    assert_eq!((reversal.key.partner.as_str(), rest.key.partner.as_str()), ("ben", "ada"));
    assert_eq!(reversal.conversion().unwrap().status, rapport_event::ConversionStatus::Reversed);
    assert_eq!(rest.conversion().unwrap().status, rapport_event::ConversionStatus::Approved);
    assert_ne!(reversal.id, rest.id);
    assert_eq!(moved(event).0, Some(reversal), "doing it again gives the same events");
    assert_eq!(moved(rest.clone()), (None, rest), "what has moved does not move again");
}

#[test]
fn every_name_of_the_catalogue_is_its_kind() {
    for entry in rapport_event::kind::CATALOGUE {
        assert_eq!(Kind::parse(entry.name).as_ref(), Some(&entry.kind));
        assert_eq!(entry.kind.name(), entry.name);
        assert_eq!(entry.kind.entry().map(|found| found.name), Some(entry.name));
        assert_eq!((entry.kind.origin(), entry.kind.shape()), (entry.origin, entry.payload));
    }
    assert_eq!(Kind::parse("dropped_to.at_risk").unwrap().name(), "dropped_to.at_risk");
    assert_eq!(Kind::parse("dropped_to.At Risk"), None);
    assert!(Kind::DipConversions.matches("dip.*"));
    assert!(!Kind::DipConversionsRecovered.matches("dip.*"), "`*` is one segment");
    assert!(Kind::DipConversionsRecovered.matches("dip.*.recovered"));
}

#[test]
fn shards_follow_the_published_vectors() {
    // The published hashes were compared with another implementation (Python bindings of the reference library).
    let documents = rapport_event::contract::documents();
    let vectors: serde_json::Value = serde_json::from_str(&documents["shards.json"]).unwrap();
    for vector in vectors["vectors"].as_array().unwrap() {
        let hash = u64::from_str_radix(vector["xxh3_64"].as_str().unwrap(), 16).unwrap();
        for shards in [1u64, 7, 64, 1024] {
            assert_eq!(vector[format!("shard_of_{shards}")].as_u64(), Some(hash % shards));
        }
        let key: rapport_event::PartnerKey =
            serde_json::from_value(json!({ "program": vector["program"], "partner": vector["partner"] })).unwrap();
        assert_eq!(rapport_event::id::key_hash(&key), hash);
        let mut bytes = key.program.as_str().as_bytes().to_vec();
        bytes.push(0);
        bytes.extend_from_slice(key.partner.as_str().as_bytes());
        assert_eq!(xxhash_rust::xxh3::xxh3_64(&bytes), hash);
    }
    assert!(rapport_event::shard_of(&rapport_event::PartnerKey::everyone(), 0) == 0, "no shards count as one");
}

#[test]
fn facts_are_flat_and_carry_what_all_kinds_have() {
    let event = decode(VALID.as_bytes(), &Headers::NONE, &CustomKinds::none(), now()).unwrap().event;
    let facts = event.facts();
    for field in event.kind.fields(&CustomKinds::none()).iter().filter(|field| !field.may_be_missing) {
        assert!(facts.contains_key(&*field.name), "{}", field.name);
    }
    assert_eq!(facts["amount"], json!({ "minor": 4000, "currency": "EUR" }));
    assert_eq!(facts["categories"], json!(["shoes"]));
    let mut extra = Extra::NONE;
    assert!(extra.is_empty());
    extra.insert("a", 1);
    assert_eq!(extra.remove("a"), Some(json!(1)));
    assert!(extra.is_empty());
    assert!(matches!(event.payload, Payload::Conversion(_)));
}
