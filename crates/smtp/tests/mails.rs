//! Mails as bytes, read back by a foreign parser, and captured to a folder.

#![allow(clippy::disallowed_methods, reason = "tests of an edge: real sockets, files and time-outs")]

mod support;

use mail_parser::{HeaderValue, MessageParser, MimeHeaders};
use proptest::prelude::*;
use rapport_engine::ports::transport::{Delivery, Transport};
use rapport_smtp::{BuildError, CaptureTransport, Correspondent, Outgoing, build};
use support::{envelope, later};

fn mail() -> Outgoing {
    Outgoing {
        from: Correspondent { name: Some("Ines, Partner Team".into()), address: "ines@acme.example".into() },
        to: Correspondent { name: Some("Ada Löwe".into()), address: "ada@example.com".into() },
        reply_to: Some(Correspondent { name: None, address: "ines@acme.example".into() }),
        subject: "Dein erster Verkauf: 42,00 € 🎉".into(),
        text: "Hallo Ada,\n\ngroßartig!\n.\n".into(),
        html: Some("<p>Hallo Ada,</p><p>gro&szlig;artig!</p>".into()),
        message_id: "3f2a@mail.acme.example".into(),
        date: "2026-03-10T12:00:00Z".parse().unwrap(),
        headers: vec![
            (
                "List-Unsubscribe".into(),
                format!("<https://acme.example/u/{}>, <mailto:u@acme.example>", "x".repeat(150)),
            ),
            ("List-Unsubscribe-Post".into(), "List-Unsubscribe=One-Click".into()),
            ("Feedback-ID".into(), "welcome:acme".into()),
        ],
    }
}

/// What must hold for the bytes of any mail; gives the number of header lines that begin a header.
fn assert_well_formed(bytes: &[u8]) -> usize {
    assert!(bytes.ends_with(b"\r\n"));
    assert!(bytes.is_ascii(), "seven bits");
    for (at, octet) in bytes.iter().enumerate() {
        match octet {
            b'\r' => assert_eq!(bytes.get(at + 1), Some(&b'\n'), "bare CR"),
            b'\n' => assert_eq!(bytes[at - 1], b'\r', "bare LF"),
            0 => panic!("NUL"),
            _ => {}
        }
    }
    let text = std::str::from_utf8(bytes).unwrap();
    assert!(text.split("\r\n").all(|line| line.len() <= 998));
    let head = text.split("\r\n\r\n").next().unwrap();
    head.split("\r\n").filter(|line| !line.starts_with([' ', '\t'])).count()
}

#[test]
fn a_mail_reads_as_it_was_written() {
    let bytes = build(&mail()).unwrap();
    assert_well_formed(&bytes);
    let parsed = MessageParser::default().parse(&bytes).unwrap();
    assert_eq!(parsed.subject(), Some("Dein erster Verkauf: 42,00 € 🎉"));
    let from = parsed.from().unwrap().first().unwrap();
    assert_eq!((from.name(), from.address()), (Some("Ines, Partner Team"), Some("ines@acme.example")));
    let to = parsed.to().unwrap().first().unwrap();
    assert_eq!((to.name(), to.address()), (Some("Ada Löwe"), Some("ada@example.com")));
    assert_eq!(parsed.reply_to().unwrap().first().unwrap().address(), Some("ines@acme.example"));
    assert_eq!(parsed.message_id(), Some("3f2a@mail.acme.example"));
    assert_eq!(parsed.date().unwrap().to_rfc3339(), "2026-03-10T12:00:00Z");
    assert_eq!(parsed.body_text(0).unwrap().replace("\r\n", "\n"), "Hallo Ada,\n\ngroßartig!\n.\n");
    assert_eq!(parsed.body_html(0).unwrap().trim_end(), "<p>Hallo Ada,</p><p>gro&szlig;artig!</p>");
    assert_eq!(parsed.content_type().unwrap().subtype(), Some("alternative"));
    let kinds: Vec<_> =
        parsed.parts.iter().filter_map(|part| part.content_type()).filter_map(|t| t.subtype()).collect();
    assert_eq!(kinds, ["alternative", "plain", "html"], "text first");
}

#[test]
fn a_counted_link_however_long_arrives_whole_and_breaks_no_line() {
    let url = format!("https://partners.acme.example/l/{}", "aZ9-_=".repeat(170));
    let html = format!("<p><a href=\"{url}\">new</a></p>");
    let bytes = build(&Outgoing { text: format!("new:\n{url}\n"), html: Some(html.clone()), ..mail() }).unwrap();
    assert_well_formed(&bytes);
    let parsed = MessageParser::default().parse(&bytes).unwrap();
    assert_eq!(parsed.body_text(0).unwrap().replace("\r\n", "\n"), format!("new:\n{url}\n"));
    assert_eq!(parsed.body_html(0).unwrap().trim_end(), html);
}

#[test]
fn links_in_headers_are_neither_folded_nor_encoded() {
    let bytes = build(&mail()).unwrap();
    let text = String::from_utf8(bytes).unwrap();
    let line = text.split("\r\n").find(|line| line.starts_with("List-Unsubscribe:")).unwrap();
    assert!(line.contains(&"x".repeat(150)) && line.ends_with("<mailto:u@acme.example>"));
    assert!(text.contains("\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"));
}

#[test]
fn the_same_mail_is_the_same_bytes() {
    assert_eq!(build(&mail()).unwrap(), build(&mail()).unwrap());
    let plain = build(&Outgoing { html: None, ..mail() }).unwrap();
    assert_well_formed(&plain);
    assert!(!String::from_utf8(plain).unwrap().contains("multipart"));
}

#[test]
fn a_text_that_holds_the_boundary_gets_another_one() {
    let bytes = String::from_utf8(build(&Outgoing { text: "hi".into(), ..mail() }).unwrap()).unwrap();
    let start = bytes.find("boundary=\"").unwrap() + 10;
    let boundary: String = bytes[start..].chars().take_while(|c| *c != '"').collect();
    let hostile = build(&Outgoing { text: format!("hi\n--{boundary}\n\nover--{boundary}--\n"), ..mail() }).unwrap();
    let parsed = MessageParser::default().parse(&hostile).unwrap();
    assert!(parsed.body_text(0).unwrap().contains(&boundary));
    assert_eq!(parsed.parts.len(), 3);
}

#[test]
fn what_cannot_be_written_down_is_named_without_repeating_it() {
    let broken = |change: fn(&mut Outgoing)| {
        let mut mail = mail();
        change(&mut mail);
        build(&mail).unwrap_err()
    };
    assert_eq!(broken(|m| m.to.address = "ada@example.com\r\nBcc: eve@example.com".into()), BuildError::Address("To"));
    assert_eq!(broken(|m| m.from.address = "ädä@example.com".into()), BuildError::Address("From"));
    assert_eq!(broken(|m| m.message_id = "no at".into()), BuildError::MessageId);
    assert_eq!(broken(|m| m.message_id = "a@b>\r\nX: y".into()), BuildError::MessageId);
    assert_eq!(broken(|m| m.headers.push(("Bcc".into(), "x".into()))), BuildError::HeaderReserved("Bcc".into()));
    assert_eq!(
        broken(|m| m.headers.push(("list-unsubscribe".into(), "x".into()))),
        BuildError::HeaderTwice("list-unsubscribe".into())
    );
    assert_eq!(broken(|m| m.headers.push(("X y".into(), "x".into()))), BuildError::HeaderName("X y".into()));
    assert_eq!(broken(|m| m.headers.push(("X".into(), "x".repeat(1000)))), BuildError::HeaderTooLong("X".into()));
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[ -~\r\n\t\0=?_\"\\\\<>@,;:()]{0,200}",
        proptest::collection::vec(any::<char>(), 0..300).prop_map(String::from_iter),
        "(=\\?utf-8\\?[qb]\\?[A-Za-z0-9=_]{0,80}\\?= ?){0,3}",
        "[a-z]{0,2000}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    /// Whatever a partner put into a name or a field.
    #[test]
    fn nothing_in_a_field_changes_the_headers_or_the_parts(
        name in text(), sender in text(), subject in text(), body in text(), html in text(), value in text(),
    ) {
        let usual = mail();
        let mut odd = usual.clone();
        odd.to.name = Some(name);
        odd.from.name = Some(sender);
        odd.subject = subject.clone();
        odd.text = body.clone();
        odd.html = Some(html);
        let short: String = value.chars().take(200).collect();
        odd.headers = vec![("X-Note".into(), short)];
        let bytes = build(&odd).unwrap();
        // Date From Reply-To To Subject Message-ID X-Note MIME-Version Content-Type
        prop_assert_eq!(assert_well_formed(&bytes), 9);
        let parsed = MessageParser::default().parse(&bytes).unwrap();
        prop_assert_eq!(parsed.parts.len(), 3);
        let to = parsed.to().unwrap();
        prop_assert_eq!(to.iter().count(), 1);
        prop_assert_eq!(to.first().unwrap().address(), Some("ada@example.com"));
        prop_assert_eq!(parsed.from().unwrap().first().unwrap().address(), Some("ines@acme.example"));
        prop_assert_eq!(parsed.message_id(), Some("3f2a@mail.acme.example"));
        prop_assert!(!matches!(parsed.header("Bcc"), Some(HeaderValue::Address(_))));
        // Words come through as they were, spaces and what is unfit aside.
        let kept = |text: &str| text.chars().filter(|c| c.is_alphanumeric()).collect::<String>();
        prop_assert_eq!(kept(parsed.subject().unwrap_or("")), kept(&subject));
        prop_assert_eq!(kept(&parsed.body_text(0).unwrap()), kept(&body));
    }
}

#[tokio::test]
async fn a_captured_mail_is_a_file_that_opens_and_is_there_once() {
    let folder = tempfile::tempdir().unwrap();
    let transport = CaptureTransport::new(folder.path(), 2).unwrap();
    assert!(!transport.delivers());
    assert_eq!(transport.connections_max(), 2);
    let mut connection = transport.ready().await.unwrap();
    // Twice, the second time with another date, as after a crash.
    for date in ["2026-03-10T12:00:00Z", "2026-03-10T12:00:30Z"] {
        let bytes = build(&Outgoing { date: date.parse().unwrap(), ..mail() }).unwrap();
        let delivery = connection.send(&envelope(), &bytes, &later()).await;
        assert_eq!(
            delivery,
            Delivery::Accepted { reply: "captured as 3f2a@mail.acme.example.eml".into(), relay: "capture".into() }
        );
    }
    let other = build(&Outgoing { message_id: "other@mail.acme.example".into(), ..mail() }).unwrap();
    connection.send(&envelope(), &other, &later()).await;
    let mut names: Vec<_> = std::fs::read_dir(folder.path().join("new"))
        .unwrap()
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["3f2a@mail.acme.example.eml", "other@mail.acme.example.eml"]);
    assert_eq!(std::fs::read_dir(folder.path().join("tmp")).unwrap().count(), 0);
    let raw = std::fs::read(folder.path().join("new").join("3f2a@mail.acme.example.eml")).unwrap();
    let parsed = MessageParser::default().parse(&raw).unwrap();
    assert_eq!(parsed.subject(), Some("Dein erster Verkauf: 42,00 € 🎉"));
    assert_eq!(parsed.date().unwrap().to_rfc3339(), "2026-03-10T12:00:30Z");
    assert!(
        String::from_utf8(raw)
            .unwrap()
            .starts_with("Return-Path: <news@acme.example>\r\nDelivered-To: ada@example.com\r\n")
    );
}

#[tokio::test]
async fn a_folder_that_is_gone_sends_nothing_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let transport = CaptureTransport::new(folder.path(), 1).unwrap();
    std::fs::remove_dir_all(folder.path().join("new")).unwrap();
    let delivery = transport.ready().await.unwrap().send(&envelope(), &build(&mail()).unwrap(), &later()).await;
    support::assert_not_sent(&delivery);
}
