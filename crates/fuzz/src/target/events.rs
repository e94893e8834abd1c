//! Events on their way in, and records of the log.

use jiff::Timestamp;
use rapport_event::wire::{SOURCE_HEADER, STAMP_HEADER};
use rapport_event::{CustomKinds, Headers, Rejection, SourcePosition, Stamp, decode, decode_record, encode};

use super::files_in;

/// What a refusal says is read by people.
const DETAIL_CHARS_MAX: usize = 1_000;
/// What a record has beside what came: names of its own fields.
const RECORD_BYTES_MORE: usize = 4_000;

const VALID: [&str; 6] = [
    r#"{"id":"e1","kind":"conversion","program":"acme","partner":"ada","occurred_at":"2026-02-28T10:00:00Z","data":{"conversion_id":"c1","status":"approved","revision":3,"amount":4000,"commission":400,"currency":"EUR","customer":"new","lines":[{"sku":"X1","category":"shoes","amount":2500}],"promo_code":"SPRING","tags":["a","b"],"x":{"y":[1,null]}}}"#,
    r#"{"id":"e2","kind":"partner.approved","program":"acme","partner":"ada","occurred_at":"2026-02-28T10:00:00Z","data":{"name":"Ada","email":"ada@partner.example","language":"de","zone":"Europe/Berlin","country":"DE","tags":["vip"],"consent":{"given":true,"source":"form","time":"2026-01-05T10:00:00Z","wording":"v1"}}}"#,
    r#"{"id":"e3","kind":"link.clicked","program":"acme","partner":"ada","occurred_at":"2026-02-28T10:00:00+01:00","data":{"count":3,"link":"l1"}}"#,
    r#"{"id":"e4","type":"login","program":"acme","partner":"ada","time":"2026-02-28T10:00:00Z","specversion":"1.0","source":"/tracker"}"#,
    r#"{"id":"e5","kind":"survey.answered","program":"acme","partner":"ada","occurred_at":"2026-02-28T10:00:00Z","data":{"survey":"nps","answer":"yes","score":9}}"#,
    r#"{"id":"e6","kind":"payout.due","program":"acme","partner":"ada","occurred_at":"2026-02-28T10:00:00Z","data":{"payout_id":"p1","amount":100,"currency":"EUR"}}"#,
];

fn now() -> Timestamp {
    Timestamp::from_second(1_772_366_400).unwrap_or_default()
}

pub(super) fn events() -> Vec<Vec<u8>> {
    let mut all: Vec<Vec<u8>> = VALID.map(|event| event.as_bytes().to_vec()).into();
    all.extend(files_in("crates/event/tests/poison", |path| !path.ends_with(".md")));
    all
}

pub(super) fn event(bytes: &[u8]) -> String {
    taken_in(bytes, &Headers::NONE)
}

fn taken_in(bytes: &[u8], headers: &Headers<'_>) -> String {
    match decode(bytes, headers, &CustomKinds::none(), now()) {
        Err(rejection) => refused(&rejection),
        Ok(decoded) => {
            let record = encode(&decoded.event);
            let told: usize = bytes.len() + headers.0.iter().map(|(_, value)| value.len()).sum::<usize>();
            assert!(record.len() <= 6 * told + RECORD_BYTES_MORE, "{} bytes made {}", told, record.len());
            assert_eq!(decode_record(&record), Ok(decoded.event.clone()), "a record is read as it was written");
            assert!(!decoded.event.facts().is_empty());
            format!("ok {}", decoded.event.kind)
        }
    }
}

fn refused(rejection: &Rejection) -> String {
    let length = rejection.detail.chars().count();
    assert!((1..=DETAIL_CHARS_MAX).contains(&length), "{rejection} says {length} characters");
    rejection.code.as_str().to_owned()
}

pub(super) fn records() -> Vec<Vec<u8>> {
    let told =
        VALID.iter().filter_map(|event| decode(event.as_bytes(), &Headers::NONE, &CustomKinds::none(), now()).ok());
    told.map(|decoded| encode(&decoded.event)).collect()
}

pub(super) fn record(bytes: &[u8]) -> String {
    match decode_record(bytes) {
        Err(rejection) => refused(&rejection),
        Ok(event) => {
            assert_eq!(decode_record(&encode(&event)), Ok(event.clone()), "what was read is written as it was");
            format!("ok {}", event.kind)
        }
    }
}

/// Headers a line each, an empty line, the value.
pub(super) fn with_headers() -> Vec<Vec<u8>> {
    let one = b"ce_specversion: 1.0\nce_id: e1\nce_type: login\nce_program: acme\nce_partner: ada\nce_time: 2026-02-28T10:00:00Z\n\n{}"
        .to_vec();
    let http = b"ce-specversion: 1.0\nce-id: e1\nce-type: conversion\nce-program: acme\nce-partner: ada\nce-time: 2026-02-28T10:00:00Z\ncontent-type: application/json\n\n{\"conversion_id\":\"c1\",\"status\":\"pending\",\"amount\":1,\"currency\":\"EUR\"}".to_vec();
    let position = SourcePosition { source: 7, incarnation: 1, partition: 2, offset: 300, index: 1 };
    let mut ours = format!("{STAMP_HEADER}: ").into_bytes();
    ours.extend(Stamp(now()).to_bytes());
    ours.extend(format!("\n{SOURCE_HEADER}: ").into_bytes());
    ours.extend(position.to_bytes());
    ours.extend(b"\n\n");
    vec![one, http, ours]
}

pub(super) fn headers(bytes: &[u8]) -> String {
    let split = bytes.windows(2).position(|pair| pair == b"\n\n").unwrap_or(bytes.len());
    let (head, body) = bytes.split_at(split);
    let lines = head.split(|byte| *byte == b'\n').filter_map(|line| {
        let colon = line.iter().position(|byte| *byte == b':')?;
        let (name, value) = line.split_at(colon);
        let value = value.get(1..).unwrap_or_default();
        Some((std::str::from_utf8(name).ok()?, value.strip_prefix(b" ").unwrap_or(value)))
    });
    let lines: Vec<(&str, &[u8])> = lines.collect();
    let headers = Headers(&lines);
    if let Some(position) = SourcePosition::of(&headers) {
        assert_eq!(SourcePosition::from_bytes(&position.to_bytes()), Some(position));
    }
    if let Some(stamp) = Stamp::of(&headers) {
        assert_eq!(Stamp::from_bytes(&stamp.to_bytes()), Some(stamp));
    }
    taken_in(body.get(2..).unwrap_or_default(), &headers)
}
