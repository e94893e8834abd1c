//! Several relays: which of them gets a mail when one does the wrong thing, and that no mail ever goes to two.

#![allow(clippy::disallowed_methods, reason = "tests of an edge: real sockets, files and time-outs")]

mod support;

use rapport_engine::ports::transport::{Delivery, Envelope, RefusalClass, Transport, TransportError};
use rapport_smtp::{Relays, SmtpSettings};
use support::*;

/// A relay that takes every mail.
async fn good() -> Relay {
    Relay::start(|mut peer, _| async move {
        peer.greet("8BITMIME").await;
        peer.take_mails().await;
    })
    .await
}

/// A port nobody listens on.
async fn nobody() -> SmtpSettings {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    SmtpSettings::parse(&format!("smtp://127.0.0.1:{port}")).unwrap()
}

fn relays(settings: Vec<SmtpSettings>) -> Relays {
    Relays::new(settings).unwrap()
}

/// One mail, and which relay had it.
async fn post(relays: &Relays, to: &Envelope) -> (Delivery, Option<String>) {
    let mut way = soon(relays.ready()).await.unwrap();
    let delivery = soon(way.send(to, MAIL, &later())).await;
    (delivery, way.relay().map(str::to_owned))
}

fn troubled(relays: &Relays) -> Vec<bool> {
    relays.relays().iter().map(|relay| relay.trouble.is_some()).collect()
}

#[tokio::test]
async fn a_relay_that_cannot_be_reached_is_left_alone_and_the_next_takes_the_mail() {
    let second = good().await;
    let relays = relays(vec![nobody().await, second.settings("")]);
    for _ in 0..2 {
        let (delivery, relay) = post(&relays, &envelope()).await;
        assert_accepted(&delivery);
        assert_eq!(relay, Some(format!("127.0.0.1:{}", second.port)));
    }
    assert_eq!(troubled(&relays), [true, false]);
    assert_eq!(second.opened(), 1);
}

#[tokio::test]
async fn refused_sessions_and_lost_connections_before_the_dot_go_to_the_next() {
    for stage in ["greeting", "MAIL 421", "RCPT 421", "DATA 421", "MAIL lost", "DATA lost", "body lost"] {
        let first = Relay::start(move |mut peer, _| async move {
            if stage == "greeting" {
                return peer.say("421 too busy").await;
            }
            peer.greet("").await;
            let (at, what) = stage.split_once(' ').unwrap();
            for command in ["MAIL", "RCPT", "DATA"] {
                let line = peer.hear().await;
                assert!(line.starts_with(command), "{stage}: {line}");
                match (command == at, what) {
                    (true, "421") => return peer.say("421 4.3.2 going down").await,
                    (true, _) => return,
                    _ => peer.say(if command == "DATA" { "354 go on" } else { "250 ok" }).await,
                }
            }
            peer.hear_octets(10).await;
        })
        .await;
        let second = good().await;
        let relays = relays(vec![first.settings("connections=1"), second.settings("connections=1")]);
        let (delivery, relay) = post_large(&relays).await;
        assert_accepted(&delivery);
        assert_eq!(relay, Some(format!("127.0.0.1:{}", second.port)), "{stage}");
        assert_eq!(troubled(&relays), [true, false], "{stage}");
        assert_eq!(first.opened(), 1, "{stage}");
    }
}

/// Larger than all buffers between two sockets, so that a relay that hangs up is noticed before the dot.
async fn post_large(relays: &Relays) -> (Delivery, Option<String>) {
    let bytes: Vec<u8> = b"Subject: large\r\n\r\n"
        .iter()
        .copied()
        .chain(b"0123456789\r\n".iter().copied().cycle().take(24 << 20))
        .collect();
    let mut way = soon(relays.ready()).await.unwrap();
    let delivery = soon(way.send(&envelope(), &bytes, &later())).await;
    (delivery, way.relay().map(str::to_owned))
}

#[tokio::test]
async fn after_the_dot_no_other_relay_gets_the_mail() {
    for (answer, is_in_doubt) in [("", true), ("421 4.3.2 going down", false), ("451 later", false)] {
        let first = Relay::start(move |mut peer, _| async move {
            peer.greet("").await;
            peer.up_to_data().await;
            peer.hear_mail().await.unwrap();
            peer.say(answer).await;
        })
        .await;
        let second = good().await;
        let relays = relays(vec![first.settings(""), second.settings("")]);
        let (delivery, relay) = post(&relays, &envelope()).await;
        if is_in_doubt {
            assert_in_doubt(&delivery);
        } else {
            assert!(matches!(delivery, Delivery::Refused { class: RefusalClass::Transient, .. }), "{delivery:?}");
        }
        assert_eq!(relay, Some(format!("127.0.0.1:{}", first.port)));
        assert_eq!(second.opened(), 0, "{answer:?}");
    }
}

#[tokio::test]
async fn what_a_relay_says_of_the_mailbox_is_the_answer() {
    let first = Relay::start(|mut peer, _| async move {
        peer.greet("").await;
        peer.answer("MAIL ", "250 ok").await;
        peer.answer("RCPT ", "550 5.1.1 no such user").await;
    })
    .await;
    let second = good().await;
    let relays = relays(vec![first.settings(""), second.settings("")]);
    let (delivery, _) = post(&relays, &envelope()).await;
    assert!(matches!(delivery, Delivery::Refused { class: RefusalClass::Permanent, .. }), "{delivery:?}");
    assert_eq!((second.opened(), troubled(&relays)), (0, vec![false, false]));
}

#[tokio::test]
async fn with_every_relay_in_trouble_the_mail_waits_and_each_is_told() {
    let relays = relays(vec![nobody().await, nobody().await]);
    let error = relays.ready().await.err().unwrap();
    assert!(matches!(error, TransportError::Unreachable(_)), "{error}");
    assert_eq!(troubled(&relays), [true, true]);
    // Nowhere else to go: one of them is asked again at once.
    assert!(relays.ready().await.is_err());
    assert!(matches!(Relays::new(Vec::new()), Err(TransportError::Config(_))));
}

#[tokio::test]
async fn a_relay_that_closes_a_connection_it_served_is_in_no_trouble() {
    let only = Relay::start(|mut peer, number| async move {
        peer.greet("").await;
        if number == 1 {
            peer.up_to_data().await;
            peer.hear_mail().await.unwrap();
            peer.say("250 taken").await;
            peer.answer("MAIL ", "421 enough for one connection").await;
            return;
        }
        peer.take_mails().await;
    })
    .await;
    let relays = relays(vec![only.settings("connections=1")]);
    let mut way = relays.ready().await.unwrap();
    for _ in 0..2 {
        assert_accepted(&soon(way.send(&envelope(), MAIL, &later())).await);
    }
    assert_eq!((only.opened(), troubled(&relays)), (2, vec![false]));
}

#[tokio::test]
async fn a_mailbox_in_another_script_goes_where_smtputf8_is_offered_and_nowhere_else() {
    let plain = good().await;
    let able = Relay::start(|mut peer, _| async move {
        peer.greet("8BITMIME\nSMTPUTF8").await;
        let line = peer.hear().await;
        assert!(line.starts_with("MAIL ") && line.ends_with(" SMTPUTF8"), "{line}");
        peer.say("250 ok").await;
        peer.answer("RCPT TO:<j\u{f6}rg@example.com>", "250 ok").await;
        peer.answer("DATA", "354 go on").await;
        peer.hear_mail().await.unwrap();
        peer.say("250 taken").await;
    })
    .await;
    let to = Envelope { to: "j\u{f6}rg@example.com".into(), ..envelope() };
    let both = relays(vec![plain.settings(""), able.settings("")]);
    let (delivery, relay) = post(&both, &to).await;
    assert_accepted(&delivery);
    assert_eq!((relay, troubled(&both)), (Some(format!("127.0.0.1:{}", able.port)), vec![false, false]));
    let alone = relays(vec![plain.settings("")]);
    let (delivery, _) = post(&alone, &to).await;
    match delivery {
        Delivery::Refused { code: 553, text, class: RefusalClass::Policy, .. } => assert!(text.contains("SMTPUTF8")),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn of_several_relays_the_fewest_in_flight_count() {
    let of = |url: &str| SmtpSettings::parse(url).unwrap();
    let [one, other] = ["smtp://127.0.0.1:1?connections=3&in_flight=8", "smtp://127.0.0.1:2?connections=5&in_flight=4"];
    let relays = relays(vec![of(one), of(other)]);
    assert_eq!((relays.connections_max(), relays.in_flight()), (5, 4));
}
