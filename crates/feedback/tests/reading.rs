//! Mails and calls as they come in, and whatever else may.

use proptest::prelude::*;
use rapport_feedback::provider::{mailgun, postmark, sendgrid, ses};
use rapport_feedback::{Class, Report, Unread, What, read_mail};

const POSTFIX: &[u8] = include_bytes!("corpus/postfix-unknown-user.eml");
const EXIM: &[u8] = include_bytes!("corpus/exim-delayed.eml");
const EXCHANGE: &[u8] = include_bytes!("corpus/exchange-policy.eml");
const TWO: &[u8] = include_bytes!("corpus/two-recipients.eml");
const ABUSE: &[u8] = include_bytes!("corpus/arf-abuse.eml");
const UTF8: &[u8] = include_bytes!("corpus/internationalised.eml");

/// What each mail of the corpus follows.
const SOURCES: &str = include_str!("corpus/README.md");

#[test]
fn every_mail_of_the_corpus_cites_what_it_follows() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/corpus");
    let mut mails = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if !name.ends_with(".eml") {
            continue;
        }
        mails += 1;
        let row = SOURCES.lines().find(|line| line.starts_with(&format!("| `{name}` | ")));
        let row = row.unwrap_or_else(|| panic!("{name} has no row in README.md"));
        assert!(row.contains("RFC 3464") || row.contains("RFC 5965"), "{row}");
    }
    assert!(mails > 5, "{mails} mails");
}

fn told(mail: &[u8]) -> String {
    match read_mail(mail, None) {
        Ok((reports, _)) => reports.iter().map(line).collect::<Vec<_>>().join("; "),
        Err(unread) => unread.to_string(),
    }
}

fn line(report: &Report) -> String {
    let what = match &report.what {
        What::Bounce { class, status } => format!("{} {}", class.code(), status.as_deref().unwrap_or("-")),
        What::AutoReply { kind } => format!("auto {kind}"),
        What::Nothing { name } => format!("nothing {name}"),
        other => format!("{other:?}").to_lowercase(),
    };
    let of = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    format!("{what} {} {}", of(&report.address), of(&report.message_id))
}

#[test]
fn bounces_of_different_servers() {
    let id = "5f0e6a1c9b7d4e2f8a3b5c6d7e8f9a0b@mail.acme.example";
    assert_eq!(told(POSTFIX), format!("hard 5.1.1 ada@partner.example {id}"));
    assert_eq!(told(EXIM), "nothing delayed ada@partner.example 5f0e@mail.acme.example");
    assert_eq!(told(EXCHANGE), "policy 5.7.1 ada@partner.example -");
    let jorg = "hard 5.1.1 jörg@müller.example 5f0e@mail.acme.example";
    assert_eq!(told(UTF8), jorg);
    // Without the form for mails in ASCII, and with one that is none.
    let text = std::str::from_utf8(UTF8).unwrap();
    for other in ["X-Recipient: utf-8; j\\x{F6}rg@", "Original-Recipient: utf-8; j\\x{110000}rg@"] {
        assert_eq!(told(text.replace("Original-Recipient: utf-8; j\\x{F6}rg@", other).as_bytes()), jorg, "{other}");
    }
    assert_eq!(told(TWO), "soft 5.0.0 arathib@vnet.ibm.example -; hard 5.2.1 wsnell@sdcc13.ucsd.example -");
}

#[test]
fn a_report_tells_where_it_was_sent_and_what_it_returns() {
    let path = "bounce+5f0e6a1c9b7d4e2f8a3b5c6d7e8f9a0b-0123456789abcdef@mail.acme.example";
    let (_, envelope) = read_mail(POSTFIX, None).unwrap();
    assert_eq!(envelope.recipients, [path]);
    assert_eq!(envelope.returned_paths, [path]);
    let (_, envelope) = read_mail(POSTFIX, Some("<real@mail.acme.example>")).unwrap();
    assert_eq!(envelope.recipients.first().map(String::as_str), Some("real@mail.acme.example"));
    let (_, envelope) = read_mail(ABUSE, None).unwrap();
    assert_eq!(envelope.returned_paths, ["bounce+5f0e-0123456789abcdef@mail.acme.example"; 2]);
}

#[test]
fn complaints_and_what_is_none() {
    assert_eq!(told(ABUSE), "complaint ada@partner.example 5f0e@mail.acme.example");
    let as_type = |kind: &str| {
        let mail = String::from_utf8(ABUSE.to_vec()).unwrap();
        told(mail.replace("Feedback-Type: abuse", &format!("Feedback-Type: {kind}")).as_bytes())
    };
    assert!(as_type("not-spam").starts_with("notspam "));
    assert!(as_type("auth-failure").starts_with("nothing auth-failure"));
    assert_eq!(as_type("telepathy"), "unknown_kind");
    let without_kind = String::from_utf8(ABUSE.to_vec()).unwrap().replace("Feedback-Type: abuse\r\n", "");
    assert_eq!(told(without_kind.as_bytes()), "incomplete");
    let without_part = String::from_utf8(ABUSE.to_vec()).unwrap().replace("message/feedback-report", "text/plain");
    assert_eq!(told(without_part.as_bytes()), "incomplete");
}

/// `Auto-Submitted` after RFC 3834, 5, an empty return path after RFC 5321, 4.5.5, `List-Id` after RFC 2919, `Precedence` after
/// RFC 2076, 3.9; `X-Auto-Response-Suppress` after Microsoft's MS-OXCMAIL. The other headers and the subjects are what responders have
/// been seen to write: no page says so, and whatever is not among them was written by a person.
#[test]
fn a_person_is_told_from_a_machine() {
    let table = [
        ("", "Re: Your first sale", "reply"),
        ("Auto-Submitted: no", "Re: Your first sale", "reply"),
        ("X-Auto-Response-Suppress: All", "Re: Your first sale", "reply"),
        ("", "Re: Out of office: your question", "reply"),
        ("Auto-Submitted: auto-replied (vacation)", "Re: Your first sale", "auto auto-replied"),
        ("Auto-Submitted: auto-generated; x=y", "Hello", "auto auto-generated"),
        ("X-Autoreply: yes", "Hello", "auto auto-replied"),
        ("X-Autorespond: Your first sale", "Hello", "auto auto-replied"),
        ("Precedence: auto_reply", "Hello", "auto bulk"),
        ("Precedence: bulk", "Hello", "auto bulk"),
        ("List-Id: <x.example>", "Hello", "auto list"),
        ("Return-Path: <>", "Hello", "auto no-return-path"),
        ("X-MS-Exchange-Inbox-Rules-Loop: a@b.example", "Hello", "auto auto-replied"),
        ("", "Automatic reply: Your first sale", "auto subject"),
        ("", "Automatische Antwort: Dein Verkauf", "auto subject"),
        ("", "Abwesenheitsnotiz", "auto subject"),
        ("", "=?utf-8?q?R=C3=A9ponse_automatique_:_Votre_vente?=", "auto subject"),
        ("", "Autofahrt nach Berlin", "reply"),
    ];
    for (header, subject, expected) in table {
        let header = if header.is_empty() { String::new() } else { format!("{header}\r\n") };
        let mail = format!(
            "{header}From: Ada <ada@partner.example>\r\nTo: ines@acme.example\r\nSubject: {subject}\r\n\
             References: <0@x.example> <5f0e@mail.acme.example>\r\n\r\nThanks\r\n"
        );
        assert_eq!(
            told(mail.as_bytes()),
            format!("{expected} ada@partner.example 5f0e@mail.acme.example"),
            "{header}{subject}"
        );
    }
    let daemon =
        "From: MAILER-DAEMON@x.example\r\nSubject: failure notice\r\n\r\nHi. This is the qmail-send program\r\n";
    assert_eq!(told(daemon.as_bytes()), "auto no-reply-address MAILER-DAEMON@x.example -");
}

/// After <https://documentation.mailgun.com/docs/mailgun/user-manual/webhooks/webhook-payloads>.
fn mailgun_failed(severity: &str, reason: &str, code: &str) -> String {
    format!(
        r#"{{"signature":{{"timestamp":"1529006854","token":"a8ce0edb2dd8301dee6c2405235584e45aa91d1e9f979f3de0","signature":"d2271d12299f6592d9d44cd9d250f0704e4674c30d79d07c47a66f95ce71cf55"}},
        "event-data":{{"event":"failed","id":"G9Bn5sl1TC6nu79C8C0bwg","timestamp":1521233195.375624,"severity":"{severity}","reason":"{reason}",
        "recipient":"ada@partner.example","delivery-status":{{"attempt-no":1,"message":"","code":605,"enhanced-code":"{code}","description":"Not delivering to previously bounced address"}},
        "message":{{"headers":{{"to":"ada@partner.example","message-id":"5f0e@mail.acme.example"}},"size":111}}}}}}"#
    )
}

fn lines(reports: Result<Vec<Report>, Unread>) -> String {
    reports.unwrap().iter().map(line).collect::<Vec<_>>().join("; ")
}

#[test]
fn mailgun_events() {
    let read = |text: &str| lines(mailgun::read(text.as_bytes()));
    let about = "ada@partner.example 5f0e@mail.acme.example";
    assert_eq!(read(&mailgun_failed("permanent", "suppress-bounce", "")), format!("hard - {about}"));
    assert_eq!(read(&mailgun_failed("permanent", "bounce", "5.1.1")), format!("hard 5.1.1 {about}"));
    assert_eq!(read(&mailgun_failed("permanent", "bounce", "5.7.1")), format!("policy 5.7.1 {about}"));
    assert_eq!(read(&mailgun_failed("temporary", "generic", "5.1.1")), format!("soft 5.1.1 {about}"));
    let complained = mailgun_failed("", "", "").replace("\"failed\"", "\"complained\"");
    assert_eq!(read(&complained), format!("complaint {about}"));
    assert_eq!(read(&complained.replace("complained", "clicked")), format!("nothing clicked {about}"));
    let signed = mailgun::signed(mailgun_failed("", "", "").as_bytes()).unwrap();
    assert_eq!((signed.at, signed.signature.len()), (1_529_006_854, 64));
    assert_eq!(mailgun::signed(b"{}"), Err(Unread::Incomplete));
}

#[test]
fn sendgrid_events() {
    // After <https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/event>.
    let calls = r#"[
      {"email":"ada@partner.example","timestamp":1513299569,"smtp-id":"<5f0e@mail.acme.example>","event":"bounce","sg_event_id":"e1","type":"bounce","status":"5.1.1","reason":"500 unknown recipient"},
      {"email":"ada@partner.example","event":"bounce","sg_event_id":"e2","type":"blocked","status":"5.1.1"},
      {"email":"ada@partner.example","event":"dropped","sg_event_id":"e3","reason":"Bounced Address"},
      {"email":"ada@partner.example","event":"spamreport","sg_event_id":"e4"},
      {"email":"ada@partner.example","event":"deferred","sg_event_id":"e5"},
      {"no":"event"}, 7]"#;
    let expected = "hard 5.1.1 ada@partner.example 5f0e@mail.acme.example; policy 5.1.1 ada@partner.example -; \
                    hard - ada@partner.example -; complaint ada@partner.example -; nothing deferred ada@partner.example -";
    assert_eq!(lines(sendgrid::read(calls.as_bytes())), expected);
    assert_eq!(sendgrid::read(b"{}"), Err(Unread::Malformed));
    let many = format!("[{}]", vec!["{}"; 1_001].join(","));
    assert_eq!(sendgrid::read(many.as_bytes()), Err(Unread::TooMany));
}

#[test]
fn postmark_events() {
    // After <https://postmarkapp.com/developer/webhooks/spam-complaint-webhook>.
    let call = |record: &str, kind: &str| {
        format!(
            r#"{{"RecordType":"{record}","ID":42,"Type":"{kind}","TypeCode":1,"MessageID":"00000000-0000-0000-0000-000000000000",
            "Metadata":{{"message-id":"5f0e@mail.acme.example"}},"Details":"550 5.1.1 no","Email":"ada@partner.example","BouncedAt":"2019-11-05T16:33:54.9070259Z"}}"#
        )
    };
    let read = |record: &str, kind: &str| lines(postmark::read(call(record, kind).as_bytes()));
    let about = "ada@partner.example 5f0e@mail.acme.example";
    assert_eq!(read("Bounce", "HardBounce"), format!("hard 5.1.1 {about}"));
    assert_eq!(read("Bounce", "SoftBounce"), format!("soft 5.1.1 {about}"));
    assert_eq!(read("Bounce", "DMARCPolicy"), format!("policy 5.1.1 {about}"));
    assert_eq!(read("Bounce", "AutoResponder"), format!("nothing AutoResponder {about}"));
    assert_eq!(read("SpamComplaint", "SpamComplaint"), format!("complaint {about}"));
    assert_eq!(read("Open", ""), format!("nothing Open {about}"));
    assert_eq!(postmark::read(b"[]"), Err(Unread::Incomplete));
}

#[test]
fn ses_notifications() {
    // After <https://docs.aws.amazon.com/ses/latest/dg/notification-examples.html>.
    let bounce = r#"{"notificationType":"Bounce","bounce":{"bounceType":"Permanent","bounceSubType":"General","bouncedRecipients":[
        {"emailAddress":"jane@example.com","status":"5.1.1","action":"failed","diagnosticCode":"smtp; 550 5.1.1 <jane@example.com>... User"}]},
        "mail":{"messageId":"0000-1","headers":[{"name":"From","value":"x"},{"name":"Message-ID","value":"<5f0e@mail.acme.example>"}]}}"#;
    let outside = |message: &str| {
        serde_json::json!({ "Type": "Notification", "MessageId": "n1", "TopicArn": "arn:aws:sns:eu-west-1:1:bounces",
            "Message": message, "Timestamp": "2026-03-10T12:00:00.000Z", "SignatureVersion": "2", "Signature": "AAAA" })
        .to_string()
    };
    let notification = ses::notification(outside(bounce).as_bytes()).unwrap();
    assert!(notification.signed.starts_with("Message\n{") && notification.signed.ends_with("Type\nNotification\n"));
    assert!(!notification.signed.contains("Subject"));
    assert_eq!(lines(ses::read(&notification)), "hard 5.1.1 jane@example.com 5f0e@mail.acme.example");
    let complaint = r#"{"notificationType":"Complaint","complaint":{"complainedRecipients":[{"emailAddress":"richard@example.com"}]},"mail":{}}"#;
    let read = |message: &str| lines(ses::read(&ses::notification(outside(message).as_bytes()).unwrap()));
    assert_eq!(read(complaint), "complaint richard@example.com -");
    assert_eq!(read(&bounce.replace("Permanent", "Transient")), "soft 5.1.1 jane@example.com 5f0e@mail.acme.example");
    assert_eq!(ses::notification(br#"{"Type":"Other"}"#), Err(Unread::UnknownKind));
}

/// As the pages show it that the shapes follow: SendGrid in seconds, Mailgun with a fraction, the others as text.
#[test]
fn a_provider_tells_when_it_happened_and_a_mail_does_not() {
    let at = |read: Result<Vec<Report>, Unread>| read.unwrap()[0].at.map(|at| at.to_string());
    let second = |text: &str| Some(text.to_owned());
    let bounced = mailgun_failed("permanent", "bounce", "5.1.1");
    assert_eq!(at(mailgun::read(bounced.as_bytes())), second("2018-03-16T20:46:35Z"));
    let sendgrid_at = |at: &str| format!(r#"[{{"event":"bounce","email":"ada@partner.example","timestamp":{at}}}]"#);
    assert_eq!(at(sendgrid::read(sendgrid_at("1513299569").as_bytes())), second("2017-12-15T00:59:29Z"));
    for none in ["null", "\"soon\"", "[]", "9e300", "-9e300", "9223372036854775807", "\"2019-13-05T16:33:54Z\""] {
        assert_eq!(at(sendgrid::read(sendgrid_at(none).as_bytes())), None, "{none}");
    }
    let postmark = br#"{"RecordType":"Bounce","Type":"HardBounce","Email":"ada@partner.example","BouncedAt":"2019-11-05T16:33:54.9070259Z"}"#;
    assert_eq!(at(postmark::read(postmark)), second("2019-11-05T16:33:54.9070259Z"));
    let zoned = br#"{"RecordType":"Bounce","Type":"HardBounce","Email":"ada@partner.example","BouncedAt":"2014-08-01T13:28:10.2735393-04:00"}"#;
    assert_eq!(at(postmark::read(zoned)), second("2014-08-01T17:28:10.2735393Z"));
    let ses = |message: &str| {
        let outside = serde_json::json!({ "Type": "Notification", "MessageId": "n1", "TopicArn": "t", "Message": message,
            "Timestamp": "2026-03-10T12:00:00.000Z", "SignatureVersion": "2", "Signature": "AAAA" });
        ses::read(&ses::notification(outside.to_string().as_bytes()).unwrap())
    };
    let bounce = r#"{"notificationType":"Bounce","bounce":{"bounceType":"Permanent","bouncedRecipients":[{"emailAddress":"jane@example.com"}],"timestamp":"2016-01-27T14:59:38.237Z"}}"#;
    assert_eq!(at(ses(bounce)), second("2016-01-27T14:59:38.237Z"));
    let complaint = r#"{"notificationType":"Complaint","complaint":{"complainedRecipients":[{"emailAddress":"richard@example.com"}],"timestamp":"2016-01-27T14:59:38.237Z"}}"#;
    assert_eq!(at(ses(complaint)), second("2016-01-27T14:59:38.237Z"));
    for mail in [POSTFIX, EXIM, EXCHANGE, TWO, ABUSE, UTF8] {
        let (reports, _) = read_mail(mail, None).unwrap();
        assert!(reports.iter().all(|report| report.at.is_none()), "{reports:?}");
    }
}

fn corpus() -> impl Strategy<Value = &'static [u8]> {
    prop_oneof![Just(POSTFIX), Just(EXIM), Just(EXCHANGE), Just(TWO), Just(ABUSE), Just(UTF8)]
}

/// Anybody can send a mail to the address that answers go to: one that ends the process when it is let go must not be held.
#[test]
fn a_mail_over_which_the_parser_breaks_down_is_malformed() {
    let mail = "Content-Type: multipart/report; boundary=\"b\"\r\n\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n\
                Content-Type: message/rfc822\r\n\r\n\r\n--b--\r\n";
    assert_eq!(read_mail(mail.as_bytes(), None).unwrap_err(), Unread::Malformed);
}

#[test]
fn a_mail_in_a_mail_in_a_mail_is_refused_before_it_is_too_deep() {
    let nested = |levels: usize| {
        let mut mail = "Content-Type: message/rfc822\n\n".repeat(levels);
        mail.push_str("From: ada@partner.example\n\nhi\n");
        mail
    };
    assert!(
        read_mail(nested(200).as_bytes(), None).is_err_and(|unread| unread == Unread::Malformed),
        "it has no sender"
    );
    for levels in [2_000, 70_000] {
        assert_eq!(read_mail(nested(levels).as_bytes(), None).unwrap_err(), Unread::TooMany);
    }
    let blanks = "Con tent-\tType: message/rfc822\n\n".repeat(60_000);
    assert_eq!(read_mail(blanks.as_bytes(), None).unwrap_err(), Unread::TooMany);
    let digests = "CONTENT-TYPE: multipart/digest; boundary=x\n\n--x\n\n".repeat(40_000);
    assert_eq!(read_mail(digests.as_bytes(), None).unwrap_err(), Unread::TooMany);
}

proptest! {
    #[test]
    fn no_bytes_make_a_reader_fall(bytes in proptest::collection::vec(any::<u8>(), 0..2_000)) {
        let _ = read_mail(&bytes, None);
        let _ = (mailgun::read(&bytes), mailgun::signed(&bytes), postmark::read(&bytes), sendgrid::read(&bytes));
        let _ = ses::notification(&bytes).and_then(|notification| ses::read(&notification));
    }

    #[test]
    fn damaged_reports_never_become_worse_than_they_were(
        mail in corpus(),
        cuts in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0_u8..3), 1..8),
    ) {
        let mut bytes = mail.to_vec();
        for (at, octet, how) in cuts {
            let at = at.index(bytes.len().max(1)).min(bytes.len().saturating_sub(1));
            match how {
                0 => { if let Some(slot) = bytes.get_mut(at) { *slot = octet; } }
                1 => bytes.truncate(at),
                _ => bytes.insert(at, octet),
            }
            if bytes.is_empty() {
                break;
            }
        }
        if let Ok((reports, envelope)) = read_mail(&bytes, Some("x@y.example")) {
            prop_assert!(reports.len() <= 1_000);
            for address in reports.iter().filter_map(|report| report.address.as_ref()).chain(&envelope.recipients) {
                prop_assert!(!address.contains(|c: char| c.is_control() || c.is_whitespace()), "{address:?}");
            }
        }
    }

    #[test]
    fn deep_and_long_mails_end(depth in 1_usize..200, long in 0_usize..20_000) {
        let mut mail = String::new();
        for level in 0..depth {
            mail.push_str(&format!("Content-Type: multipart/mixed; boundary=b{level}\r\n\r\n--b{level}\r\n"));
        }
        mail.push_str(&"x".repeat(long));
        let _ = read_mail(mail.as_bytes(), None);
    }

    #[test]
    fn what_json_says_stays_in_its_field(address in "\\PC{0,40}", id in "\\PC{0,40}") {
        let call = serde_json::json!([{ "event": "bounce", "email": address, "sg_event_id": id, "smtp-id": id }]).to_string();
        for report in sendgrid::read(call.as_bytes()).unwrap() {
            let is_class = matches!(report.what, What::Bounce { class: Class::Soft, .. });
            prop_assert!(is_class);
            if let Some(address) = report.address {
                prop_assert!(!address.contains(char::is_whitespace) && address.contains('@'));
            }
        }
    }
}
