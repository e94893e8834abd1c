//! What comes back about mail: believed only when proven, and once.

use std::sync::OnceLock;

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use hmac::{Hmac, Mac};
use jiff::Timestamp;
use openssl::{
    asn1::Asn1Time,
    ec::{EcGroup, EcKey},
    hash::MessageDigest,
    nid::Nid,
    pkey::{PKey, Private},
    rsa::Rsa,
    sign::Signer,
    x509::{X509, X509Name},
};
use rapport_engine::ports::{
    keep::{Class, DataClass, Keep},
    store::{Store, SuppressionChange},
};
use rapport_event::{Event, Payload};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::world::{ADDRESS, Answer, MESSAGE, World, keys, now, shipped};

pub const TOPIC: &str = "arn:aws:sns:eu-west-1:123456789012:bounces";

fn sendgrid() -> &'static PKey<Private> {
    static KEY: OnceLock<PKey<Private>> = OnceLock::new();
    KEY.get_or_init(|| {
        let curve = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
        PKey::from_ec_key(EcKey::generate(&curve).unwrap()).unwrap()
    })
}

/// As SendGrid's settings show it.
pub fn sendgrid_public() -> String {
    BASE64.encode(sendgrid().public_key_to_der().unwrap())
}

/// The key that signs notifications, and its certificate.
pub fn sns() -> &'static (PKey<Private>, String) {
    static KEY: OnceLock<(PKey<Private>, String)> = OnceLock::new();
    KEY.get_or_init(|| {
        let key = PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap();
        let mut name = X509Name::builder().unwrap();
        name.append_entry_by_text("CN", "sns.amazonaws.com").unwrap();
        let name = name.build();
        let mut certificate = X509::builder().unwrap();
        certificate.set_subject_name(&name).unwrap();
        certificate.set_issuer_name(&name).unwrap();
        certificate.set_pubkey(&key).unwrap();
        certificate.set_not_before(&Asn1Time::days_from_now(0).unwrap()).unwrap();
        certificate.set_not_after(&Asn1Time::days_from_now(1).unwrap()).unwrap();
        certificate.sign(&key, MessageDigest::sha256()).unwrap();
        let pem = String::from_utf8(certificate.build().to_pem().unwrap()).unwrap();
        (key, pem)
    })
}

/// A bounce after RFC 3464, 2.1 to 2.3, as Postfix sends it, to and about these.
fn bounce(path: &str, about: &str, status: &str) -> String {
    format!(
        "Return-Path: <>\r\nDelivered-To: {path}\r\nFrom: MAILER-DAEMON@relay.example\r\nTo: {path}\r\n\
         Subject: Undelivered Mail Returned to Sender\r\nAuto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/report; report-type=delivery-status; boundary=\"b\"\r\n\r\n\
         --b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; relay.example\r\n\r\n\
         Final-Recipient: rfc822; {about}\r\nAction: failed\r\nStatus: {status}\r\n\r\n--b--\r\n"
    )
}

fn path() -> String {
    format!("bounce+{}@mail.acme.example", keys().return_tag(MESSAGE).unwrap())
}

async fn mail(world: &World, text: &str) -> Answer {
    world.ask("POST", "/v1/mail", &[("content-type", "message/rfc822")], text.as_bytes()).await
}

#[track_caller]
fn tally(answer: &Answer, expected: Value) {
    assert_eq!(answer.status, 200, "{answer:?}");
    let told = answer.json();
    for (name, count) in expected.as_object().unwrap() {
        assert_eq!(&told[name], count, "{name} in {told}");
    }
}

fn kinds(events: &[Event]) -> Vec<String> {
    let mut kinds: Vec<String> = events.iter().map(|event| event.kind.name().into_owned()).collect();
    kinds.sort();
    kinds
}

fn closed(reason: &str) -> Vec<(Option<String>, String)> {
    vec![(None, reason.to_owned())]
}

#[tokio::test]
async fn a_hard_bounce_to_our_return_path_closes_the_address_once() {
    let world = World::new("en").await;
    let report = bounce(&path(), ADDRESS, "5.1.1");
    tally(&mail(&world, &report).await, json!({ "taken": 1, "known": 0 }));
    assert_eq!(world.suppressions().await, closed("hard_bounce"));
    assert_eq!(kinds(&world.outbox().await), ["contact.suppressed", "message.bounced"]);
    let before = world.written().await;
    tally(&mail(&world, &report).await, json!({ "taken": 0, "known": 1 }));
    // Told by a provider as well, it is the same bounce.
    let told = json!({ "event": "failed", "id": "x", "severity": "permanent", "reason": "bounce", "recipient": ADDRESS,
        "delivery-status": { "enhanced-code": "5.1.1" }, "message": { "headers": { "message-id": format!("{MESSAGE}@x.example") } } });
    tally(&mailgun(&world, "t1", &told).await, json!({ "taken": 0, "known": 1 }));
    assert_eq!(world.written().await, before);
    world.stop().await;
}

#[tokio::test]
async fn what_is_not_proven_changes_nothing() {
    let world = World::new("en").await;
    let before = world.written().await;
    let forged = path().replace(MESSAGE, &MESSAGE.replace("5f0e", "5f0f"));
    for path in [forged.as_str(), "bounce@mail.acme.example", "bounce+@mail.acme.example", "ines@acme.example"] {
        let answer = mail(&world, &bounce(path, ADDRESS, "5.1.1")).await;
        assert_eq!((answer.status, answer.json()["error"]["code"].as_str()), (422, Some("unproven")), "{path}");
    }
    let of_nobody = format!("bounce+{}@mail.acme.example", keys().return_tag("0123456789abcdef").unwrap());
    tally(
        &mail(&world, &bounce(&of_nobody, ADDRESS, "5.1.1")).await,
        json!({ "taken": 0, "refused": { "unknown_message": 1 } }),
    );
    for text in ["", "no mail", "Content-Type: multipart/report; boundary=b\r\n\r\n--b--"] {
        assert_eq!(mail(&world, text).await.status, 422, "{text}");
    }
    assert_eq!(world.written().await, before);
    world.stop().await;
}

#[tokio::test]
async fn a_return_path_does_not_close_the_address_of_somebody_else() {
    let world = World::new("en").await;
    tally(&mail(&world, &bounce(&path(), "grace@other.example", "5.1.1")).await, json!({ "taken": 1 }));
    assert_eq!(world.store.suppressions("grace@other.example").await.unwrap(), []);
    assert_eq!(world.suppressions().await, []);
    assert_eq!(kinds(&world.outbox().await), ["message.bounced"]);
    world.stop().await;
}

/// After RFC 5965, Appendix B.2; the recipient blotted out as RFC 6590 says.
#[tokio::test]
async fn a_complaint_that_hides_who_complained_is_the_recipients() {
    let world = World::new("en").await;
    let report = format!(
        "From: abuse@provider.example\r\nTo: complaints@acme.example\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/report; report-type=feedback-report; boundary=\"b\"\r\n\r\n\
         --b\r\nContent-Type: message/feedback-report\r\n\r\nFeedback-Type: abuse\r\nUser-Agent: x/1\r\nVersion: 1\r\n\
         Original-Mail-From: <{}>\r\nOriginal-Rcpt-To: redacted@provider.example\r\n\r\n--b--\r\n",
        path()
    );
    tally(&mail(&world, &report).await, json!({ "taken": 1 }));
    assert_eq!(world.suppressions().await, closed("complaint"));
    assert_eq!(world.store.suppressions("redacted@provider.example").await.unwrap(), []);
    assert_eq!(kinds(&world.outbox().await), ["contact.suppressed", "message.complained"]);
    let not_spam = report.replace("Feedback-Type: abuse", "Feedback-Type: not-spam");
    tally(&mail(&world, &not_spam).await, json!({ "taken": 0, "nothing": 1 }));
    world.stop().await;
}

#[tokio::test]
async fn policy_and_one_soft_bounce_close_nothing() {
    let world = World::new("en").await;
    for status in ["5.7.1", "5.2.2"] {
        tally(&mail(&world, &bounce(&path(), ADDRESS, status)).await, json!({ "taken": 1 }));
    }
    assert_eq!(world.suppressions().await, []);
    assert_eq!(kinds(&world.outbox().await), ["message.bounced", "message.bounced"]);
    world.stop().await;
}

/// So many seconds before the present, as providers write instants.
fn ago(seconds: i64) -> String {
    (now().as_second() - seconds).to_string()
}

const WEEK: i64 = 7 * 86_400;

async fn mailgun(world: &World, token: &str, event: &Value) -> Answer {
    mailgun_at(world, &ago(60), token, event).await
}

async fn mailgun_at(world: &World, timestamp: &str, token: &str, event: &Value) -> Answer {
    let mut mac = Hmac::<Sha256>::new_from_slice(b"mailgun signs with this").unwrap();
    mac.update(format!("{timestamp}{token}").as_bytes());
    let signature: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    mailgun_signed(world, (timestamp, token), &signature, event).await
}

async fn mailgun_signed(world: &World, (timestamp, token): (&str, &str), signature: &str, event: &Value) -> Answer {
    let body = json!({
        "signature": { "timestamp": timestamp, "token": token, "signature": signature },
        "event-data": event,
    });
    world
        .ask("POST", "/v1/feedback/mailgun", &[("content-type", "application/json")], body.to_string().as_bytes())
        .await
}

#[tokio::test]
async fn a_complaint_ends_marketing_and_its_signature_counts_for_one_call() {
    let world = World::new("en").await;
    let complaint = json!({ "event": "complained", "id": "c1", "recipient": ADDRESS,
        "message": { "headers": { "message-id": format!("{MESSAGE}@mail.acme.example") } } });
    let before = world.written().await;
    assert_eq!(mailgun_signed(&world, (&ago(60), "t"), &"00".repeat(32), &complaint).await.status, 406);
    assert_eq!(mailgun_signed(&world, (&ago(60), "t"), "xyz", &complaint).await.status, 406);
    assert_eq!(world.written().await, before);
    tally(&mailgun(&world, "t", &complaint).await, json!({ "taken": 1 }));
    assert_eq!(world.suppressions().await, closed("complaint"));
    assert_eq!(kinds(&world.outbox().await), ["contact.suppressed", "message.complained"]);
    // The signature does not cover the body: with another one it is worth nothing.
    let other = json!({ "event": "failed", "severity": "permanent", "reason": "suppress-bounce", "id": "f", "recipient": "eve@x.example" });
    tally(&mailgun(&world, "t", &other).await, json!({ "taken": 0, "known": 1 }));
    assert_eq!(world.store.suppressions("eve@x.example").await.unwrap(), []);
    world.stop().await;
}

#[tokio::test]
async fn the_third_soft_bounce_closes_the_address() {
    let world = World::new("en").await;
    for (place, expected) in [0, 0, 1, 1].into_iter().enumerate() {
        let soft =
            json!({ "event": "failed", "severity": "temporary", "id": format!("s{place}"), "recipient": ADDRESS });
        tally(&mailgun(&world, &format!("t{place}"), &soft).await, json!({ "taken": 1 }));
        assert_eq!(world.suppressions().await.len(), expected, "after {}", place + 1);
    }
    assert_eq!(world.suppressions().await, closed("hard_bounce"));
    world.stop().await;
}

#[tokio::test]
async fn soft_bounces_further_apart_than_two_weeks_are_not_counted_together() {
    let world = World::new("en").await;
    for (place, (days, expected)) in [(0, 0), (1, 0), (14, 0), (1, 0), (0, 1)].into_iter().enumerate() {
        let today = world.clock.pass(days).as_second().to_string();
        let soft =
            json!({ "event": "failed", "severity": "temporary", "id": format!("s{place}"), "recipient": ADDRESS });
        tally(&mailgun_at(&world, &today, &format!("t{place}"), &soft).await, json!({ "taken": 1 }));
        assert_eq!(world.suppressions().await.len(), expected, "after {}", place + 1);
    }
    world.stop().await;
}

#[tokio::test]
async fn postmark_proves_itself_by_its_login() {
    let world = World::new("en").await;
    let body = json!({ "RecordType": "Bounce", "ID": 42, "Type": "HardBounce", "Email": ADDRESS }).to_string();
    let ask = async |login: &str| {
        let login = format!("Basic {}", BASE64.encode(login));
        world.ask("POST", "/v1/feedback/postmark", &[("authorization", &login)], body.as_bytes()).await
    };
    assert_eq!(world.ask("POST", "/v1/feedback/postmark", &[], body.as_bytes()).await.status, 401);
    assert_eq!(ask("postmark:wrong").await.status, 401);
    assert_eq!(world.suppressions().await, []);
    tally(&ask("postmark:their password").await, json!({ "taken": 1 }));
    tally(&ask("postmark:their password").await, json!({ "taken": 0, "known": 1 }));
    assert_eq!(world.suppressions().await, closed("hard_bounce"));
    world.stop().await;
}

fn sendgrid_signature(timestamp: &str, body: &str) -> String {
    let mut signer = Signer::new(MessageDigest::sha256(), sendgrid()).unwrap();
    BASE64.encode(signer.sign_oneshot_to_vec(format!("{timestamp}{body}").as_bytes()).unwrap())
}

async fn sendgrid_asked(world: &World, timestamp: &str, signature: &str, body: &str) -> Answer {
    let headers =
        [("x-twilio-email-event-webhook-signature", signature), ("x-twilio-email-event-webhook-timestamp", timestamp)];
    world.ask("POST", "/v1/feedback/sendgrid", &headers, body.as_bytes()).await
}

/// Reports are known again for some weeks. A signature is worth nothing before that is over, or whoever kept a call could close an
/// address with it that a person has opened since.
#[tokio::test]
async fn a_call_that_was_signed_long_ago_is_refused() {
    let world = World::new("en").await;
    let before = world.written().await;
    let too_old = |told: &Answer| {
        assert_eq!((told.status, told.json()["error"]["code"].as_str()), (422, Some("too_old")), "{told:?}");
    };
    let complaint = json!({ "event": "complained", "id": "c1", "recipient": ADDRESS });
    too_old(&mailgun_at(&world, &ago(WEEK + 60), "t", &complaint).await);
    let bounce = json!([{ "event": "bounce", "status": "5.1.1", "email": ADDRESS, "sg_event_id": "e1" }]).to_string();
    let kept = ago(WEEK + 60);
    too_old(&sendgrid_asked(&world, &kept, &sendgrid_signature(&kept, &bounce), &bounce).await);
    let odd = "soon";
    assert_eq!(sendgrid_asked(&world, odd, &sendgrid_signature(odd, &bounce), &bounce).await.status, 401);
    too_old(&world.ask("POST", "/v1/feedback/ses", &[], notification("2026-11-14T09:59:00.000Z").as_bytes()).await);
    assert_eq!(world.written().await, before);
    assert_eq!(world.suppressions().await, []);
    let late = ago(WEEK - 60);
    tally(&sendgrid_asked(&world, &late, &sendgrid_signature(&late, &bounce), &bounce).await, json!({ "taken": 1 }));
    world.stop().await;
}

/// An address that is closed, and then opened by a person.
async fn opened_again(world: &World, reason: &str) {
    assert_eq!(world.suppressions().await, closed(reason));
    world
        .store
        .change_suppressions(&[SuppressionChange::lift(&ADDRESS.to_lowercase(), None, reason)], &[])
        .await
        .unwrap();
    assert_eq!(world.suppressions().await, []);
}

/// How long reports are known, in days.
fn kept() -> u32 {
    shipped().rulebook.config.retention.days(DataClass::Feedback)
}

fn complaint_by_mail() -> String {
    format!(
        "From: abuse@provider.example\r\nTo: complaints@acme.example\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/report; report-type=feedback-report; boundary=\"b\"\r\n\r\n\
         --b\r\nContent-Type: message/feedback-report\r\n\r\nFeedback-Type: abuse\r\nUser-Agent: x/1\r\nVersion: 1\r\n\
         Original-Mail-From: <{}>\r\n\r\n--b--\r\n",
        path()
    )
}

/// Return paths are good for ever, so whoever has an old report could close with it what a person has opened since.
#[tokio::test]
async fn a_mail_that_comes_again_when_nobody_knows_it_any_more_changes_nothing() {
    let reports = [(bounce(&path(), ADDRESS, "5.1.1"), "hard_bounce"), (complaint_by_mail(), "complaint")];
    for (report, reason) in reports {
        let world = World::new("en").await;
        tally(&mail(&world, &report).await, json!({ "taken": 1 }));
        opened_again(&world, reason).await;
        let before = world.written().await;
        world.clock.pass(kept());
        tally(&mail(&world, &report).await, json!({ "taken": 0, "known": 1, "refused": {} }));
        let present = world.clock.pass(1);
        let keep = Keep { class: Class::Data(DataClass::Feedback), days: kept() };
        assert_eq!(world.store.prune(present, keep).await.unwrap(), 1, "{reason}: the report is forgotten");
        for _ in 0..2 {
            let told = mail(&world, &report).await;
            tally(&told, json!({ "taken": 0, "known": 0, "refused": { "stale": 1 } }));
        }
        // It does not help to tell it by another way, with a signature of today.
        let told = json!({ "event": "failed", "severity": "permanent", "reason": "suppress-bounce", "recipient": ADDRESS,
            "message": { "headers": { "message-id": format!("{MESSAGE}@mail.acme.example") } } });
        let today = present.as_second().to_string();
        tally(&mailgun_at(&world, &today, "t", &told).await, json!({ "taken": 0, "refused": { "stale": 1 } }));
        assert_eq!(world.written().await, before, "{reason}");
        // A person who answers a mail of long ago is heard all the same.
        let answer = reply("", ADDRESS, &format!("{MESSAGE}@mail.acme.example"), "late@partner.example");
        tally(&mail(&world, &answer).await, json!({ "taken": 1 }));
        assert_eq!(world.suppressions().await, []);
        world.stop().await;
    }
}

/// Of what a provider tells with a signature of today, but happened long ago: its own time decides where no mail of ours is named.
#[tokio::test]
async fn an_event_of_long_ago_closes_nothing_whenever_a_provider_signs_it() {
    let world = World::new("en").await;
    let (old, fresh) = (i64::from(kept()) * 86_400 + 60, 3_600);
    let before = world.written().await;
    let at = |age: i64| now().as_second() - age;
    let written = |age: i64| Timestamp::from_second(at(age)).unwrap().to_string();
    let stale = json!({ "taken": 0, "refused": { "stale": 1 } });
    for event in ["failed", "complained", "unsubscribed"] {
        let told = json!({ "event": event, "severity": "permanent", "reason": "suppress-bounce", "recipient": ADDRESS,
            "timestamp": at(old) as f64 + 0.25 });
        tally(&mailgun(&world, event, &told).await, stale.clone());
    }
    let list =
        json!([{ "event": "bounce", "status": "5.1.1", "email": ADDRESS, "sg_event_id": "e", "timestamp": at(old) }]);
    let (list, stamp) = (list.to_string(), ago(60));
    tally(&sendgrid_asked(&world, &stamp, &sendgrid_signature(&stamp, &list), &list).await, stale.clone());
    let login = format!("Basic {}", BASE64.encode("postmark:their password"));
    let postmark = async |age: i64| {
        let body = json!({ "RecordType": "SpamComplaint", "ID": 7, "Type": "SpamComplaint", "Email": ADDRESS,
            "BouncedAt": written(age) });
        let headers = [("authorization", login.as_str())];
        world.ask("POST", "/v1/feedback/postmark", &headers, body.to_string().as_bytes()).await
    };
    tally(&postmark(old).await, stale.clone());
    let published = now().to_string();
    let old_event = format!("\"complaint\":{{\"timestamp\":\"{}\",", written(old));
    let call = notified(&published, |event| event.replace("\"complaint\":{", &old_event));
    tally(&world.ask("POST", "/v1/feedback/ses", &[], call.as_bytes()).await, stale);
    assert_eq!(world.written().await, before);
    tally(&postmark(fresh).await, json!({ "taken": 1, "refused": {} }));
    assert_eq!(world.suppressions().await, closed("complaint"));
    world.stop().await;
}

/// Files that cannot be read open no door, and close none either.
#[tokio::test]
async fn without_files_a_report_is_stale_as_soon_as_any_files_could_say_so() {
    let world = World::without_files().await;
    let report = bounce(&path(), ADDRESS, "5.7.1");
    world.clock.pass(28);
    tally(&mail(&world, &report).await, json!({ "taken": 1 }));
    world.clock.pass(1);
    tally(&mail(&world, &report).await, json!({ "known": 0, "refused": { "stale": 1 } }));
    world.stop().await;
}

/// A complaint by SNS, published at this instant.
fn notification(at: &str) -> String {
    notified(at, |event| event)
}

fn notified(at: &str, edit: impl FnOnce(String) -> String) -> String {
    let event = json!({ "notificationType": "Complaint", "complaint": { "complainedRecipients": [{ "emailAddress": ADDRESS }] }, "mail": {} });
    let event = edit(event.to_string());
    let text = format!("Message\n{event}\nMessageId\nn1\nTimestamp\n{at}\nTopicArn\n{TOPIC}\nType\nNotification\n");
    let mut signer = Signer::new(MessageDigest::sha256(), &sns().0).unwrap();
    let signature = BASE64.encode(signer.sign_oneshot_to_vec(text.as_bytes()).unwrap());
    json!({ "Type": "Notification", "MessageId": "n1", "TopicArn": TOPIC, "Message": event, "Timestamp": at,
        "SignatureVersion": "2", "Signature": signature })
    .to_string()
}

#[tokio::test]
async fn sendgrid_signs_time_and_body() {
    let world = World::new("en").await;
    let body = json!([
        { "event": "bounce", "type": "bounce", "status": "5.1.1", "email": ADDRESS, "sg_event_id": "e1", "smtp-id": format!("<{MESSAGE}@m.example>") },
        { "event": "delivered", "email": ADDRESS, "sg_event_id": "e2" },
        { "event": "unsubscribe", "email": ADDRESS, "sg_event_id": "e3" },
    ])
    .to_string();
    let signed = |body: &str| sendgrid_signature(&ago(60), body);
    let ask = async |signature: &str, body: &str| sendgrid_asked(&world, &ago(60), signature, body).await;
    let before = world.written().await;
    assert_eq!(world.ask("POST", "/v1/feedback/sendgrid", &[], body.as_bytes()).await.status, 401);
    assert_eq!(ask(&signed(&body), &body.replace("5.1.1", "5.1.2")).await.status, 401);
    assert_eq!(ask("AAAA", &body).await.status, 401);
    assert_eq!(world.written().await, before);
    tally(&ask(&signed(&body), &body).await, json!({ "taken": 2, "nothing": 1 }));
    tally(&ask(&signed(&body), &body).await, json!({ "taken": 0, "known": 2 }));
    let kept = world.suppressions().await;
    assert_eq!(kept, [(None, "hard_bounce".to_owned()), (None, "unsubscribe".to_owned())]);
    assert_eq!(ask(&signed("{}"), "{}").await.status, 422);
    world.stop().await;
}

#[tokio::test]
async fn a_notification_of_another_topic_or_key_is_refused() {
    let world = World::new("en").await;
    let event = json!({ "notificationType": "Complaint", "complaint": { "complainedRecipients": [{ "emailAddress": ADDRESS }] }, "mail": {} });
    let call = |topic: &str, key: &PKey<Private>, version: &str| {
        let text = format!(
            "Message\n{event}\nMessageId\nn1\nTimestamp\n2026-11-21T10:00:00.000Z\nTopicArn\n{topic}\nType\nNotification\n"
        );
        let digest = if version == "1" { MessageDigest::sha1() } else { MessageDigest::sha256() };
        let signature = Signer::new(digest, key).unwrap().sign_oneshot_to_vec(text.as_bytes()).unwrap();
        json!({ "Type": "Notification", "MessageId": "n1", "TopicArn": topic, "Message": event.to_string(),
            "Timestamp": "2026-11-21T10:00:00.000Z", "SignatureVersion": version, "Signature": BASE64.encode(signature) })
        .to_string()
    };
    let ask = async |body: String| world.ask("POST", "/v1/feedback/ses", &[], body.as_bytes()).await;
    let (key, _) = sns();
    let stranger = PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap();
    assert_eq!(ask(call(TOPIC, &stranger, "2")).await.status, 401);
    assert_eq!(ask(call("arn:aws:sns:eu-west-1:1:other", key, "2")).await.status, 401);
    assert_eq!(ask(call(TOPIC, key, "2").replace("Complaint", "Bounce")).await.status, 401);
    assert_eq!(world.suppressions().await, []);
    tally(&ask(call(TOPIC, key, "2")).await, json!({ "taken": 1 }));
    tally(&ask(call(TOPIC, key, "1")).await, json!({ "taken": 0, "known": 1 }));
    assert_eq!(world.suppressions().await, closed("complaint"));
    world.stop().await;
}

#[tokio::test]
async fn nobody_else_is_believed_and_no_bytes_break_anything() {
    let world = World::guarded("a secret").await;
    assert_eq!(world.ask("POST", "/v1/mail", &[], bounce(&path(), ADDRESS, "5.1.1").as_bytes()).await.status, 401);
    for path in ["/v1/feedback/", "/v1/feedback/other", "/v1/feedback/%00", "/v1/feedback/a/b"] {
        assert_eq!(world.ask("POST", path, &[], b"{}").await.status, 404, "{path}");
    }
    for provider in ["mailgun", "sendgrid", "postmark", "ses"] {
        for body in [&b""[..], b"{}", b"[]", b"\xff\xfe", b"{\"signature\":{}}", b"nul\0"] {
            let status = world.ask("POST", &format!("/v1/feedback/{provider}"), &[], body).await.status;
            assert!([401, 406].contains(&status), "{provider}: {status}");
        }
        assert!([404, 405].contains(&world.get(&format!("/v1/feedback/{provider}")).await.status));
    }
    let large = vec![b'x'; (2 << 20) + 1];
    assert_eq!(world.ask("POST", "/v1/feedback/mailgun", &[], &large).await.status, 413);
    assert_eq!(world.suppressions().await, []);
    world.stop().await;
}

fn reply(header: &str, from: &str, answers: &str, own: &str) -> String {
    format!(
        "{header}From: {from}\r\nTo: ines@acme.example\r\nSubject: Re: x\r\nMessage-ID: <{own}>\r\nIn-Reply-To: <{answers}>\r\n\r\nThanks\r\n"
    )
}

fn received(events: &[Event]) -> Vec<(Option<String>, Option<String>)> {
    let mails = events.iter().filter_map(|event| match &event.payload {
        Payload::Activity(rapport_event::ActivityData::Mail(mail)) => Some(mail),
        _ => None,
    });
    let owned = |text: &Option<std::sync::Arc<str>>| text.as_deref().map(str::to_owned);
    mails.map(|mail| (owned(&mail.auto_submitted), owned(&mail.in_reply_to))).collect()
}

#[tokio::test]
async fn a_reply_is_told_once_and_an_automatic_one_as_such() {
    let world = World::new("en").await;
    let ours = format!("{MESSAGE}@mail.acme.example");
    let person = reply("", &format!("Ada <{ADDRESS}>"), &ours, "r1@partner.example");
    tally(&mail(&world, &person).await, json!({ "taken": 1 }));
    tally(&mail(&world, &person).await, json!({ "taken": 0, "known": 1 }));
    let machine = reply("Auto-Submitted: auto-replied\r\n", ADDRESS, &ours, "r2@partner.example");
    tally(&mail(&world, &machine).await, json!({ "taken": 1 }));
    // Answered from another address, and of its own accord.
    tally(&mail(&world, &reply("", "ada@private.example", &ours, "r3@x.example")).await, json!({ "taken": 1 }));
    tally(&mail(&world, &reply("", ADDRESS, "unknown@x.example", "r4@x.example")).await, json!({ "taken": 1 }));
    tally(
        &mail(&world, &reply("", "eve@x.example", "unknown@x.example", "r5@x.example")).await,
        json!({ "taken": 0, "refused": { "unknown_sender": 1 } }),
    );
    let ours = Some(MESSAGE.to_owned());
    assert_eq!(
        received(&world.outbox().await),
        [(None, ours.clone()), (Some("auto-replied".to_owned()), ours.clone()), (None, ours), (None, None)]
    );
    assert_eq!(world.suppressions().await, []);
    world.stop().await;
}

#[tokio::test]
async fn a_mail_to_the_address_beside_the_link_unsubscribes() {
    let world = World::new("en").await;
    let token = keys().token(&crate::world::unsubscribe("performance")).unwrap();
    let wish = |to: &str, subject: &str| format!("From: x@y.example\r\nTo: {to}\r\nSubject: {subject}\r\n\r\n\r\n");
    let before = world.written().await;
    for (to, subject) in [("unsubscribe@mail.acme.example", "please"), ("ines@acme.example", token.as_str())] {
        tally(&mail(&world, &wish(to, subject)).await, json!({ "taken": 0, "refused": { "unknown_sender": 1 } }));
    }
    assert_eq!(world.written().await, before);
    for _ in 0..2 {
        tally(&mail(&world, &wish("<unsubscribe@mail.acme.example>", &token)).await, json!({ "taken": 1 }));
    }
    assert_eq!(world.suppressions().await, [(Some("performance".to_owned()), "unsubscribe".to_owned())]);
    assert_eq!(kinds(&world.outbox().await), ["contact.opted_out"]);
    world.stop().await;
}
