//! What no client of ours sends, to every door: always an answer, and never a failure of ours.

use rapport_event::PartnerKey;
use rapport_fuzz::corpus::Corpus;
use rapport_partner::PartnerState;

use rapport_engine::ports::store::Store;

use crate::certificates::certificate;
use crate::clicks::{click, today};
use crate::world::{
    Answer, MESSAGE, PARTNER, World, anonymous, answer, goal, path, preferences, review, unsubscribe, why,
};

/// How often each door is tried with a body, and with an address.
const TRIES: usize = 40;
/// Longer ones are refused before they are read whole, and who still sends may miss the answer: other tests have those.
const BODY_BYTES_MAX: usize = 4_000;
const ADDRESS_BYTES_MAX: usize = 1_000;
const FORM: &str = "application/x-www-form-urlencoded";
const JSON: &str = "application/json";

const EVENT: &str = r#"{"id":"e1","kind":"conversion","program":"default","partner":"p-17","occurred_at":"2026-11-20T10:00:00Z","data":{"conversion_id":"c1","status":"approved","amount":4000,"currency":"EUR"}}"#;
const REPLY: &str = "From: Ada <ada@partner.example>\r\nTo: ines@acme.example\r\nIn-Reply-To: <5f0e@mail.acme.example>\r\nSubject: Re: hi\r\n\r\nThanks\r\n";
const CALL: &str = r#"{"signature":{"timestamp":"1529006854","token":"a8ce","signature":"d227"},"event-data":{"event":"failed","recipient":"ada@partner.example"}}"#;
const EVENTS: &str = r#"[{"email":"ada@partner.example","timestamp":1513299569,"smtp-id":"<5f0e@mail.acme.example>","event":"bounce","sg_event_id":"e1","status":"5.1.1"}]"#;
const BOUNCE: &str = r#"{"RecordType":"Bounce","ID":42,"Type":"HardBounce","Metadata":{"message-id":"5f0e@mail.acme.example"},"Email":"ada@partner.example"}"#;

/// Address, media type and body of each door, as they should be.
fn doors() -> Vec<(String, &'static str, &'static str)> {
    vec![
        (path(&unsubscribe("performance")), FORM, "List-Unsubscribe=One-Click"),
        (path(&answer("holiday")), FORM, "answer=holiday&comment=more+than+words%21"),
        (path(&anonymous(PARTNER, "9")), FORM, "answer=9&comment=so"),
        (path(&preferences()), FORM, "topic=news&topic=performance&language=de&pause=on"),
        (path(&goal("none")), FORM, "act=accept&amount=100&until=2026-12-31"),
        (path(&why()), FORM, ""),
        (path(&certificate("a1")), FORM, ""),
        (path(&review("2026-Q3")), FORM, ""),
        (path(&click(1, today())), FORM, ""),
        ("/v1/events".to_owned(), JSON, EVENT),
        ("/v1/events?x=1".to_owned(), "application/x-ndjson", EVENT),
        ("/v1/mail".to_owned(), "message/rfc822", REPLY),
        ("/v1/feedback/mailgun".to_owned(), JSON, CALL),
        ("/v1/feedback/ses".to_owned(), JSON, CALL),
        ("/v1/feedback/sendgrid".to_owned(), JSON, EVENTS),
        ("/v1/feedback/postmark".to_owned(), JSON, BOUNCE),
    ]
}

/// As the address of a request: what may not stand in one is escaped, and what is escaped already stays.
fn as_address(bytes: &[u8]) -> String {
    let mut address = String::from("/");
    for byte in bytes.strip_prefix(b"/").unwrap_or(bytes) {
        if byte.is_ascii_graphic() {
            address.push(char::from(*byte))
        } else {
            address.push_str(&format!("%{byte:02x}"))
        }
    }
    address
}

/// What some door reads of a request's head.
const HEADERS: [(&str, &str); 11] = [
    ("POST", "content-type"),
    ("POST", "accept-language"),
    ("POST", "authorization"),
    ("POST", "x-envelope-to"),
    ("POST", "ce-specversion"),
    ("POST", "ce-time"),
    ("POST", "x-twilio-email-event-webhook-signature"),
    ("POST", "x-twilio-email-event-webhook-timestamp"),
    ("GET", "user-agent"),
    ("GET", "x-forwarded-for"),
    ("GET", "sec-purpose"),
];

#[track_caller]
fn check(told: &Answer, what: &str) {
    assert!((200..500).contains(&told.status), "{what}: {told:?}");
    // A refusal of the machines' doors has its code.
    if told.status == 422 {
        assert!(told.body.contains("code") || told.body.contains("<html"), "{what}: {told:?}");
    }
}

#[tokio::test]
async fn whatever_is_sent_is_answered_and_is_no_failure_of_ours() {
    let world = World::new("en").await;
    world.state(&PartnerState::default()).await;
    for (seed, (address, media, body)) in doors().into_iter().enumerate() {
        let mut bodies = Corpus::of(vec![body.as_bytes().to_vec()], seed as u64);
        let mut addresses = Corpus::of(vec![address.as_bytes().to_vec()], seed as u64);
        for _ in 0..TRIES {
            let mut damaged = bodies.next_input();
            damaged.truncate(BODY_BYTES_MAX);
            let told = world.ask("POST", &address, &[("content-type", media)], &damaged).await;
            check(&told, &format!("{address} with {:?}", String::from_utf8_lossy(&damaged)));
            let mut damaged = addresses.next_input();
            damaged.truncate(ADDRESS_BYTES_MAX);
            let damaged = as_address(&damaged);
            for method in ["GET", "POST"] {
                let told = world.ask(method, &damaged, &[("content-type", media)], body.as_bytes()).await;
                check(&told, &format!("{method} {damaged}"));
            }
        }
    }
    // Whoever comes after all that is served as ever.
    assert_eq!(world.get(&path(&why())).await.status, 200);
    assert!(world.store.message(MESSAGE).await.unwrap().is_some());
    assert!(world.store.person(&PartnerKey::new("default", PARTNER).unwrap()).await.unwrap().is_some());
    world.stop().await;
}

#[tokio::test]
async fn headers_that_say_odd_things_are_answered() {
    let world = World::new("en").await;
    world.state(&PartnerState::default()).await;
    let long = "a".repeat(20_000);
    let odd = [
        "",
        "é\u{202e}",
        "x;x=x;;",
        &long,
        "multipart/form-data",
        "*/*;q=NaN",
        "de-*-x,,;q=-1",
        "Bearer ",
        "Basic !!!!",
    ];
    for value in odd {
        for (method, name) in HEADERS {
            for (address, _, body) in doors() {
                let told = world.ask(method, &address, &[(name, value)], body.as_bytes()).await;
                check(&told, &format!("{method} {address} with {name} {:.40?}", value));
            }
        }
    }
    world.stop().await;
}
