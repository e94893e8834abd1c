use rapport_engine::ports::{log::EventLog, store::Store};
use rapport_engine::restore;
use rapport_event::{PartnerKey, decode_record, shard_of};
use rapport_http::Bearer;

use crate::world::World;

const CLICK: &str =
    r#"{"id":"e1","kind":"login","program":"default","partner":"p-1","occurred_at":"2026-11-21T09:00:00Z"}"#;
const JOINED: &str = r#"{"id":"e2","kind":"partner.joined","program":"default","partner":"p-2","occurred_at":"2026-11-21T09:00:00Z",
 "data":{"email":"grace@partner.example","name":"Grace Hopper","language":"de"}}"#;

#[tokio::test]
async fn one_event_is_in_the_log_before_the_answer() {
    let world = World::new("en").await;
    let answer = world.json(CLICK).await;
    assert_eq!((answer.status, answer.json()["accepted"].as_u64()), (202, Some(1)), "{answer:?}");
    let key = PartnerKey::new("default", "p-1").unwrap();
    let mut feed = world.journal.open(shard_of(&key, 4), 0).await.unwrap();
    let records = feed.next(10).await.unwrap();
    assert_eq!(decode_record(&records[0].value).unwrap().id.as_str(), "e1");
    assert_eq!(records[0].position, None);
    world.stop().await;
}

#[tokio::test]
async fn an_event_the_log_cannot_take_now_is_to_be_sent_again_and_then_counts_once() {
    let world = World::new("en").await;
    world.log.go_away(true);
    let answer = world.json(CLICK).await;
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("2")), "{answer:?}");
    assert_eq!(world.ends().await.iter().sum::<i64>(), 0);
    world.log.go_away(false);
    assert_eq!(world.json(CLICK).await.status, 202);
    assert_eq!(world.ends().await.iter().sum::<i64>(), 1);
    world.stop().await;
}

#[tokio::test]
async fn no_event_goes_to_another_log_than_the_one_that_is_folded() {
    let world = World::new("en").await;
    world.store.set_meta("log.other", "shard 0's record 7 is another one").await.unwrap();
    assert_eq!(world.json(CLICK).await.status, 503);
    assert_eq!(world.ends().await.iter().sum::<i64>(), 0);
    restore::accept_log(world.log.as_ref(), world.store.as_ref()).await.unwrap();
    assert_eq!(world.json(CLICK).await.status, 202);
    world.stop().await;
}

#[tokio::test]
async fn an_event_larger_than_the_log_takes_is_named_and_the_others_are_kept() {
    let world = World::new("en").await;
    world.log.takes_up_to(2_000);
    let long =
        CLICK.replace("\"e1\"", "\"e9\"").replace("}", &format!(",\"data\":{{\"x\":\"{}\"}}}}", "a".repeat(3_000)));
    let answer = world.json(&format!("[{CLICK},{long},{}]", CLICK.replace("e1", "e3"))).await;
    let told = answer.json();
    assert_eq!((answer.status, told["accepted"].as_u64()), (422, Some(2)), "{answer:?}");
    assert_eq!(
        (told["rejected"][0]["index"].as_u64(), told["rejected"][0]["code"].as_str()),
        (Some(1), Some("record_too_large"))
    );
    assert_eq!(world.ends().await.iter().sum::<i64>(), 2);
    world.stop().await;
}

#[tokio::test]
async fn personal_fields_are_stored_beside_and_never_in_the_log() {
    let world = World::new("en").await;
    let answer = world.json(JOINED).await;
    assert_eq!(answer.status, 202, "{answer:?}");
    let key = PartnerKey::new("default", "p-2").unwrap();
    let person = world.store.person(&key).await.unwrap().unwrap();
    assert!(person.contains("Grace Hopper") && person.contains("grace@partner.example"), "{person}");
    let mut feed = world.journal.open(shard_of(&key, 4), 0).await.unwrap();
    let value = String::from_utf8(feed.next(10).await.unwrap()[0].value.clone()).unwrap();
    assert!(!value.contains("Grace") && !value.contains("grace@") && value.contains("person_version"), "{value}");
    world.stop().await;
}

#[tokio::test]
async fn arrays_lines_and_cloud_events_are_read() {
    let world = World::new("en").await;
    let joined = JOINED.replace('\n', "");
    assert_eq!(world.json(&format!("[{CLICK},\n {JOINED}]")).await.json()["accepted"], 2);
    let lines = format!("{CLICK}\r\n\n{joined}\n");
    let answer = world.ask("POST", "/v1/events", &[("content-type", "application/x-ndjson")], lines.as_bytes()).await;
    assert_eq!((answer.status, answer.json()["accepted"].as_u64()), (202, Some(2)), "{answer:?}");
    let headers = [
        ("content-type", "application/json"),
        ("ce-specversion", "1.0"),
        ("ce-id", "e3"),
        ("ce-type", "login"),
        ("ce-program", "default"),
        ("ce-partner", "p-1"),
        ("ce-time", "2026-11-21T09:00:00Z"),
    ];
    let answer = world.ask("POST", "/v1/events", &headers, b"{}").await;
    assert_eq!((answer.status, answer.json()["accepted"].as_u64()), (202, Some(1)), "{answer:?}");
    assert_eq!(world.json("[]").await.status, 202);
    assert_eq!(world.ends().await.iter().sum::<i64>(), 5);
    world.stop().await;
}

#[tokio::test]
async fn what_is_refused_is_named_and_costs_the_others_nothing() {
    let world = World::new("en").await;
    let old = CLICK.replace("2026", "2020");
    let answer = world.json(&format!("[{CLICK}, {{}}, {old}, 7]")).await;
    assert_eq!(answer.status, 422, "{answer:?}");
    let told = answer.json();
    assert_eq!((told["accepted"].as_u64(), told["refused"].as_u64()), (Some(1), Some(3)), "{told}");
    let codes: Vec<_> =
        told["rejected"].as_array().unwrap().iter().map(|item| (&item["index"], &item["code"])).collect();
    assert_eq!(
        format!("{codes:?}"),
        r#"[(Number(1), String("missing_field")), (Number(2), String("too_old")), (Number(3), String("wrong_type"))]"#
    );
    assert!(told["rejected"][0]["detail"].as_str().unwrap().len() > 5, "{told}");
    assert_eq!(world.ends().await.iter().sum::<i64>(), 1);
    world.stop().await;
}

#[tokio::test]
async fn bodies_that_hold_no_event_are_refused_with_a_code() {
    let world = World::new("en").await;
    let deep = format!("{}1{}", "[".repeat(5000), "]".repeat(5000));
    let own = r#"{"id":"x","kind":"rulebook.applied","program":"p","partner":"q","occurred_at":"2026-11-21T09:00:00Z","data":{}}"#;
    let everyone = CLICK.replace("p-1", "*");
    for (body, code) in [
        ("", "empty"),
        ("[", "bad_json"),
        ("[1,]", "bad_json"),
        ("nonsense", "bad_json"),
        (own, "reserved_kind"),
        (everyone.as_str(), "bad_id"),
    ] {
        let answer = world.json(body).await;
        assert_eq!((answer.status, answer.json()["rejected"][0]["code"].as_str()), (422, Some(code)), "{body}");
    }
    assert_eq!(world.json(&deep).await.status, 422);
    assert_eq!(world.ask("POST", "/v1/events", &[], b"\xff\xfe").await.status, 422);
    assert_eq!(world.ends().await.iter().sum::<i64>(), 0);
    world.stop().await;
}

#[tokio::test]
async fn sizes_are_limited() {
    let world = World::new("en").await;
    let many = format!("[{}1]", "1,".repeat(10_000));
    assert_eq!(world.json(&many).await.status, 413);
    let declared = b"POST /v1/events HTTP/1.1\r\nHost: g\r\nConnection: close\r\nContent-Length: 99999999\r\n\r\n";
    assert_eq!(world.raw(declared).await.status, 413);
    world.stop().await;
}

#[tokio::test]
async fn with_a_secret_only_those_who_have_it_are_heard() {
    let world = World::guarded("open sesame").await;
    for wrong in ["", "Bearer", "Bearer ", "Bearer open", "Basic open sesame", "Bearer open sesame ", "ü"] {
        let answer = world.ask("POST", "/v1/events", &[("authorization", wrong)], CLICK.as_bytes()).await;
        let admitted = wrong.trim_end() == "Bearer open sesame";
        assert_eq!(answer.status, if admitted { 202 } else { 401 }, "{wrong:?}");
    }
    assert_eq!(world.json(CLICK).await.status, 401);
    let right = [("authorization", "bearer open sesame")];
    assert_eq!(world.ask("POST", "/v1/events", &right, CLICK.as_bytes()).await.status, 202);
    assert!(Bearer::new("").is_none());
    world.stop().await;
}

/// The programme is judged where the tracker hears of it; nothing of the partner is kept.
#[tokio::test]
async fn an_unknown_programme_is_refused_at_the_door() {
    let world = World::new("en").await;
    let answer = world.json(&JOINED.replace("\"default\"", "\"defualt\"")).await;
    let told = answer.json();
    assert_eq!((answer.status, told["rejected"][0]["code"].as_str()), (422, Some("unknown_program")), "{told}");
    assert!(told["rejected"][0]["detail"].as_str().unwrap().contains("did you mean `default`?"), "{told}");
    assert_eq!(world.ends().await.iter().sum::<i64>(), 0);
    assert!(world.store.person(&PartnerKey::new("defualt", "p-2").unwrap()).await.unwrap().is_none());
    world.stop().await;
}
