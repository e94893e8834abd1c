//! What is accepted, what is refused, and that nothing panics.
#![allow(clippy::disallowed_methods, reason = "reads the corpus beside this file")]

use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use rapport_event::custom::{CustomField, CustomKind};
use rapport_event::{
    CustomKinds, Decoded, FieldType, Headers, Limits, RejectCode, decode, decode_record, decode_with, encode,
};

fn now() -> Timestamp {
    "2026-03-01T12:00:00Z".parse().unwrap()
}

fn custom() -> CustomKinds {
    let field = |name: &str, ty, required, personal, values: &[&str]| CustomField {
        name: name.into(),
        ty,
        required,
        personal,
        values: values.iter().map(|value| Arc::from(*value)).collect(),
    };
    let mut kinds = CustomKinds::none();
    kinds
        .declare(CustomKind {
            name: "webinar.attended".into(),
            about: "A partner took part in a webinar.".into(),
            fields: vec![
                field("webinar", FieldType::Text, true, false, &[]),
                field("minutes", FieldType::Count, false, false, &[]),
                field("role", FieldType::Text, false, false, &["listener", "speaker"]),
                field("question", FieldType::Text, false, true, &[]),
            ],
        })
        .unwrap();
    kinds
}

/// Decodes and shows either the record, with what is personal behind it, or the rejection.
fn shown(bytes: &[u8], headers: &[(&str, &[u8])]) -> String {
    match decode(bytes, &Headers(headers), &custom(), now()) {
        Err(rejection) => rejection.to_string(),
        Ok(Decoded { event, personal }) => {
            let record = encode(&event);
            assert_eq!(decode_record(&record).as_ref(), Ok(&event), "the record gives back the event");
            let mut text = String::from_utf8(record).unwrap();
            if let Some(personal) = personal {
                text.push_str(" + ");
                text.push_str(&serde_json::to_string(&personal).unwrap());
            }
            text
        }
    }
}

#[track_caller]
fn check(input: &str, expected: &str) {
    assert_eq!(shown(input.as_bytes(), &[]), expected);
}

#[test]
fn a_conversion_comes_out_compact_and_complete() {
    check(
        r#"{"id":"e1","kind":"conversion","program":"acme","partner":"ada","occurred_at":"2026-02-28T11:00:00+01:00",
            "source":"tracker","data":{"conversion_id":"c1","status":"approved","revision":3,"amount":4000,"commission":400,
            "currency":"EUR","customer":"new","occurred_at":"2026-01-15T08:00:00Z","promo_code":"SPRING",
            "lines":[{"sku":"X1","category":"shoes","amount":2500},{"sku":"Y","quantity":3}],"tags":["a","b"],
            "campaign_ref":{"x":[1,2.5,null]}}}"#,
        concat!(
            r#"{"id":"e1","kind":"conversion","program":"acme","partner":"ada","occurred_at":"2026-02-28T10:00:00Z","#,
            r#""data":{"conversion_id":"c1","status":"approved","revision":3,"occurred_at":"2026-01-15T08:00:00Z","amount":4000,"#,
            r#""commission":400,"currency":"EUR","customer":"new","lines":[{"sku":"X1","category":"shoes","amount":2500},"#,
            r#"{"sku":"Y","quantity":3}],"promo_code":"SPRING","tags":["a","b"],"campaign_ref":{"x":[1,2.5,null]}}}"#
        ),
    );
}

#[test]
fn the_four_forms_give_the_same_event() {
    let data = r#"{"count":12,"link":"l1"}"#;
    let plain = format!(
        r#"{{"id":"e2","kind":"link.clicked","program":"acme","partner":"ada","occurred_at":"2026-02-28T10:00:00Z","data":{data}}}"#
    );
    let flat = r#"{"id":"e2","kind":"link.clicked","program":"acme","partner":"ada","occurred_at":"2026-02-28T10:00:00Z","count":12,"link":"l1"}"#;
    let structured = format!(
        r#"{{"specversion":"1.0","id":"e2","type":"link.clicked","source":"/t","program":"acme","partner":"ada","time":"2026-02-28T10:00:00Z","data":{data}}}"#
    );
    let binary: Vec<(&str, &[u8])> = vec![
        ("ce_specversion", b"1.0"),
        ("ce_id", b"e2"),
        ("ce_type", b"link.clicked"),
        ("ce_source", b"/t"),
        ("ce_program", b"acme"),
        ("ce_partner", b"ada"),
        ("ce_time", b"2026-02-28T10:00:00Z"),
        ("content-type", b"application/json; charset=utf-8"),
    ];
    let expected = r#"{"id":"e2","kind":"link.clicked","program":"acme","partner":"ada","occurred_at":"2026-02-28T10:00:00Z","data":{"count":12,"link":"l1"}}"#;
    assert_eq!(shown(plain.as_bytes(), &[]), expected);
    assert_eq!(shown(flat.as_bytes(), &[]), expected);
    assert_eq!(shown(structured.as_bytes(), &[]), expected);
    assert_eq!(
        shown(structured.as_bytes(), &[("content-type", b"application/cloudevents+json; charset=utf-8")]),
        expected
    );
    assert_eq!(shown(data.as_bytes(), &binary), expected);
    let http: Vec<(String, &[u8])> = binary.iter().map(|(name, value)| (name.replace("ce_", "Ce-"), *value)).collect();
    let http: Vec<(&str, &[u8])> = http.iter().map(|(name, value)| (name.as_str(), *value)).collect();
    assert_eq!(shown(data.as_bytes(), &http), expected);
}

#[test]
fn a_binary_event_may_have_no_data() {
    let headers: &[(&str, &[u8])] = &[
        ("ce_specversion", b"1.0"),
        ("ce_id", b"e3"),
        ("ce_type", b"login"),
        ("ce_program", b"acme"),
        ("ce_partner", b"ada"),
        ("ce_time", b"2026-02-28T10:00:00Z"),
    ];
    assert_eq!(
        shown(b"", headers),
        r#"{"id":"e3","kind":"login","program":"acme","partner":"ada","occurred_at":"2026-02-28T10:00:00Z","data":{}}"#
    );
}

#[test]
fn headers_are_judged_like_bodies() {
    let with = |name: &'static str, value: &'static [u8]| -> Vec<(&str, &[u8])> {
        let mut headers: Vec<(&str, &[u8])> = vec![
            ("ce_specversion", b"1.0"),
            ("ce_id", b"e3"),
            ("ce_type", b"login"),
            ("ce_program", b"acme"),
            ("ce_partner", b"ada"),
            ("ce_time", b"2026-02-28T10:00:00Z"),
        ];
        headers.retain(|(known, _)| *known != name);
        headers.push((name, value));
        headers
    };
    let code = |headers: &[(&str, &[u8])]| {
        decode(b"{}", &Headers(headers), &custom(), now()).map(|_| ()).map_err(|rejection| rejection.code)
    };
    assert_eq!(code(&with("ce_specversion", b"0.3")), Err(RejectCode::BadEnvelope));
    assert_eq!(code(&with("ce_id", b"\xff")), Err(RejectCode::InvalidUtf8));
    assert_eq!(code(&with("ce_partner", b"")), Err(RejectCode::BadId));
    assert_eq!(code(&with("content-type", b"application/avro")), Err(RejectCode::BadEnvelope));
    assert_eq!(code(&with("content-type", b"application/cloudevents-batch+json")), Err(RejectCode::BadEnvelope));
    assert_eq!(code(&with("rapport-anything", b"\xff\x00")), Ok(()));
}

#[test]
fn personal_fields_stand_beside_the_event() {
    check(
        r#"{"id":"e4","kind":"partner.joined","program":"acme","partner":"ada","occurred_at":"2026-02-28T10:00:00Z",
            "data":{"name":"  Ada\u0007 \u202eLovelace\u2066 ","email":" Ada@Blog.Example ","phone":"+47 1","zone":"europe/oslo",
            "language":"DE_at","country":"no","type":"coupon","tags":["b","a"],"note":"line one\r\nline two","iban":"NO93",
            "audience":1200,"consent":{"source":"form","wording":"v2"},"referred_by":"ben"}}"#,
        concat!(
            r#"{"id":"e4","kind":"partner.joined","program":"acme","partner":"ada","occurred_at":"2026-02-28T10:00:00Z","#,
            r#""data":{"language":"de-AT","zone":"Europe/Oslo","country":"NO","type":"coupon","tags":["b","a"],"#,
            r#""consent":{"given":true,"source":"form","wording":"v2"},"referred_by":"ben","audience":1200}}"#,
            r#" + {"name":"Ada Lovelace","email":"Ada@blog.example","phone":"+47 1","#,
            r#""free":{"iban":"NO93","note":"line one\nline two"}}"#
        ),
    );
    check(
        r#"{"id":"e5","kind":"survey.answered","program":"acme","partner":"ada","occurred_at":"2026-02-28T10:00:00Z",
            "data":{"survey":"what-happened","reason":"holiday","comment":"I am in Rome"}}"#,
        concat!(
            r#"{"id":"e5","kind":"survey.answered","program":"acme","partner":"ada","occurred_at":"2026-02-28T10:00:00Z","#,
            r#""data":{"survey":"what-happened","reason":"holiday"}} + {"free":{"comment":"I am in Rome"}}"#
        ),
    );
}

#[test]
fn a_flat_partner_event_keeps_its_type_apart_from_its_kind() {
    let expected = r#"{"id":"e6","kind":"partner.updated","program":"acme","partner":"ada","occurred_at":"2026-02-28T10:00:00Z","data":{"type":"app"}}"#;
    check(
        r#"{"id":"e6","kind":"partner.updated","program":"acme","partner":"ada","occurred_at":"2026-02-28T10:00:00Z","type":"app"}"#,
        expected,
    );
    check(
        r#"{"id":"e6","type":"partner.updated","program":"acme","partner":"ada","time":"2026-02-28T10:00:00Z","manager":"ines"}"#,
        r#"{"id":"e6","kind":"partner.updated","program":"acme","partner":"ada","occurred_at":"2026-02-28T10:00:00Z","data":{"manager":"ines"}}"#,
    );
}

#[test]
fn declared_kinds_are_checked_against_their_declaration() {
    let event = |data: &str| {
        let text = format!(
            r#"{{"id":"e7","kind":"webinar.attended","program":"acme","partner":"ada","occurred_at":"2026-02-28T10:00:00Z","data":{data}}}"#
        );
        shown(text.as_bytes(), &[])
    };
    assert_eq!(
        event(r#"{"webinar":"w1","minutes":40,"role":"speaker","question":"Who?","room":7}"#),
        concat!(
            r#"{"id":"e7","kind":"webinar.attended","program":"acme","partner":"ada","occurred_at":"2026-02-28T10:00:00Z","#,
            r#""data":{"webinar":"w1","minutes":40,"role":"speaker","room":7}} + {"free":{"question":"Who?"}}"#
        )
    );
    assert_eq!(event("{}"), "missing_field: `webinar` is missing");
    assert_eq!(
        event(r#"{"webinar":"w1","minutes":-4}"#),
        "wrong_type: `minutes` is declared as Count and is something else"
    );
    assert_eq!(
        event(r#"{"webinar":"w1","role":"guest"}"#),
        "bad_value: `role` is none of the declared values: listener, speaker"
    );
}

#[test]
fn every_poisoned_record_is_refused_with_its_code() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/poison");
    let mut wrong = Vec::new();
    let mut seen = std::collections::BTreeSet::new();
    for file in std::fs::read_dir(folder).unwrap().flatten() {
        let name = file.file_name().into_string().unwrap();
        if name == "README.md" {
            continue;
        }
        let code = name.split('.').next().unwrap().to_owned();
        let bytes = std::fs::read(file.path()).unwrap();
        let found = match decode(&bytes, &Headers::NONE, &custom(), now()) {
            Ok(decoded) => format!("accepted {decoded:?}"),
            Err(rejection) => {
                assert!(rejection.detail.chars().count() <= 301, "{name}: a detail is short");
                assert!(!rejection.detail.chars().any(char::is_control), "{name}: a detail can be printed");
                rejection.to_string()
            }
        };
        if found.split(": ").next() != Some(&code) {
            wrong.push(format!("{name}: {found}"));
        }
        seen.insert(code);
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    for code in RejectCode::ALL {
        // Those that a file cannot hold, or that hang on what is in force.
        let elsewhere = matches!(code, RejectCode::TooLarge | RejectCode::RecordTooLarge | RejectCode::UnknownProgram);
        assert!(elsewhere || seen.contains(code.as_str()), "no record for {}", code.as_str());
    }
}

#[test]
fn ten_megabytes_are_too_large_whatever_they_hold() {
    for byte in [b'[', b'x', 0xff, b' '] {
        let rejection = decode(&vec![byte; 10 << 20], &Headers::NONE, &custom(), now()).unwrap_err();
        assert_eq!(rejection.code, RejectCode::TooLarge);
    }
}

#[test]
fn replay_accepts_any_age() {
    let text = br#"{"id":"e1","kind":"login","program":"acme","partner":"ada","occurred_at":"1997-01-01T00:00:00Z"}"#;
    assert_eq!(decode(text, &Headers::NONE, &custom(), now()).unwrap_err().code, RejectCode::TooOld);
    assert!(decode_with(&Limits::replay(), text, &Headers::NONE, &custom(), now()).is_ok());
}

#[test]
fn a_rejection_names_the_field_and_what_belongs_there() {
    let detail = |data: &str| {
        let text = format!(
            r#"{{"id":"e","kind":"conversion","program":"acme","partner":"ada","occurred_at":"2026-02-01T00:00:00Z","data":{data}}}"#
        );
        decode(text.as_bytes(), &Headers::NONE, &custom(), now()).unwrap_err().detail.to_string()
    };
    let told = detail(
        r#"{"conversion_id":"c","status":"paid","amount":1,"currency":"EUR","lines":[{"quantity":1},{"quantity":-1}]}"#,
    );
    assert_eq!(told, "`lines[1].quantity`: -1 where a whole number from 0 to 4294967295 belongs");
    let told = detail(r#"{"conversion_id":"c","status":"paid","amount":1.5,"currency":"EUR"}"#);
    assert_eq!(told, "`amount`: 1.5 is not a whole number of minor units; 12.50 EUR is written 1250");
    let told = detail(r#"{"conversion_id":"c","status":"lost","amount":1,"currency":"EUR"}"#);
    assert_eq!(told, "`status`: a text where one of `pending`, `approved`, `paid`, `reversed` belongs");
    assert_eq!(detail(r#"{"conversion_id":"c","status":"paid","currency":"EUR"}"#), "`amount` is missing");
}

#[test]
fn details_do_not_quote_texts_that_may_be_personal() {
    let text = br#"{"id":"e1","kind":"survey.answered","program":"a","partner":"b","occurred_at":"2026-02-28T10:00:00Z","data":{"survey":"s","score":"call me at 555"}}"#;
    let rejection = decode(text, &Headers::NONE, &custom(), now()).unwrap_err();
    assert_eq!(rejection.code, RejectCode::WrongType);
    assert!(!rejection.detail.contains("555"), "{}", rejection.detail);
}
