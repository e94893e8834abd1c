//! What becomes of a mail when a relay does the wrong thing at an exact moment.

#![allow(clippy::disallowed_methods, reason = "tests of an edge: real sockets, files and time-outs")]

mod support;

use std::sync::Arc;
use std::time::{Duration, Instant};

use rapport_engine::ports::transport::{Deadline, Delivery, Envelope, RefusalClass, Transport, TransportError};
use rapport_smtp::SmtpTransport;
use support::*;
use tokio::sync::{Mutex, Notify, mpsc};

/// Larger than all buffers between two sockets, so that writing it stops when nobody reads.
fn large_mail() -> Vec<u8> {
    b"Subject: large\r\n\r\n".iter().copied().chain(b"0123456789\r\n".iter().copied().cycle().take(24 << 20)).collect()
}

#[tokio::test]
async fn a_mail_arrives_as_written_and_the_connection_is_used_again() {
    let (mails, mut heard) = mpsc::unbounded_channel();
    let relay = Relay::start(move |mut peer, _| {
        let mails = mails.clone();
        async move {
            peer.greet("8BITMIME\nENHANCEDSTATUSCODES").await;
            for _ in 0..2 {
                peer.up_to_data().await;
                mails.send(peer.hear_mail().await.unwrap()).unwrap();
                peer.say("250-2.0.0 Ok:\n250 2.0.0 queued").await;
            }
        }
    })
    .await;
    let transport = relay.transport("");
    let accepted =
        Delivery::Accepted { reply: "250 2.0.0 Ok: 2.0.0 queued".into(), relay: format!("127.0.0.1:{}", relay.port) };
    assert_eq!(send(&transport).await, accepted);
    assert_accepted(&send(&transport).await);
    let stuffed = "Subject: hello\r\n\r\nHello\r\n..dot\r\n..\r\nbye\r\n";
    assert_eq!(soon(heard.recv()).await.unwrap(), stuffed);
    assert_eq!(soon(heard.recv()).await.unwrap(), stuffed);
    assert_eq!(relay.opened(), 1);
}

#[tokio::test]
async fn a_connection_dropped_unused_goes_back() {
    let relay = Relay::start(|mut peer, _| async move {
        peer.greet("PIPELINING").await;
        peer.take_mails().await;
    })
    .await;
    let transport = relay.transport("connections=1");
    drop(ready(&transport).await);
    drop(ready(&transport).await);
    assert_accepted(&send(&transport).await);
    assert_eq!(relay.opened(), 1);
    transport.close().await;
    assert_accepted(&send(&transport).await);
    assert_eq!(relay.opened(), 2);
}

#[tokio::test]
async fn lost_after_the_dot_is_in_doubt_and_the_next_mail_has_a_new_connection() {
    let relay = Relay::start(|mut peer, number| async move {
        peer.greet("").await;
        if number == 1 {
            peer.up_to_data().await;
            peer.hear_mail().await.unwrap();
            return;
        }
        peer.take_mails().await;
    })
    .await;
    let transport = relay.transport("connections=1");
    let mut connection = ready(&transport).await;
    assert_in_doubt(&connection.send(&envelope(), MAIL, &later()).await);
    // The same connection is of no use any more.
    assert_not_sent(&connection.send(&envelope(), MAIL, &later()).await);
    drop(connection);
    assert_accepted(&send(&transport).await);
    assert_eq!(relay.opened(), 2);
}

#[tokio::test]
async fn lost_at_any_moment_before_the_dot_is_not_sent() {
    for stage in ["MAIL", "RCPT", "DATA", "354", "body"] {
        let relay = Relay::start(move |mut peer, _| async move {
            peer.greet("").await;
            for (command, reply) in [("MAIL", "250 ok"), ("RCPT", "250 ok"), ("DATA", "354 go on")] {
                let line = peer.hear().await;
                assert!(line.starts_with(command), "{line}");
                if stage == command {
                    return;
                }
                peer.say(reply).await;
            }
            if stage == "body" {
                peer.hear_octets(10_000).await;
            }
        })
        .await;
        let mut connection = ready(&relay.transport("")).await;
        let delivery = connection.send(&envelope(), &large_mail(), &later()).await;
        assert!(matches!(delivery, Delivery::NotSent { .. }), "lost at {stage}: {delivery:?}");
    }
}

#[tokio::test]
async fn a_final_reply_that_takes_too_long_is_in_doubt_and_never_read_by_the_next_mail() {
    let release = Arc::new(Notify::new());
    let released = Arc::clone(&release);
    let relay = Relay::start(move |mut peer, number| {
        let released = Arc::clone(&released);
        async move {
            peer.greet("").await;
            peer.up_to_data().await;
            peer.hear_mail().await.unwrap();
            if number == 1 {
                released.notified().await;
                peer.say("250 the late reply to the first mail").await;
            } else {
                peer.say("550 5.1.1 the second mail").await;
            }
        }
    })
    .await;
    let mut settings = relay.settings("connections=1");
    settings.limits.final_reply = Duration::from_secs(2);
    let transport = SmtpTransport::new(settings).unwrap();
    assert_in_doubt(&send(&transport).await);
    release.notify_one();
    assert!(matches!(send(&transport).await, Delivery::Refused { code: 550, .. }));
    assert_eq!(relay.opened(), 2);
}

#[tokio::test]
async fn a_send_that_was_abandoned_leaves_no_connection_behind() {
    let (at_dot, mut dots) = mpsc::unbounded_channel();
    let relay = Relay::start(move |mut peer, number| {
        let at_dot = at_dot.clone();
        async move {
            peer.greet("").await;
            if number > 1 {
                return peer.take_mails().await;
            }
            peer.up_to_data().await;
            peer.hear_mail().await.unwrap();
            at_dot.send(()).unwrap();
            peer.until_closed().await;
        }
    })
    .await;
    let transport = relay.transport("connections=1");
    {
        let mut connection = ready(&transport).await;
        let (envelope, deadline) = (envelope(), later());
        tokio::select! {
            delivery = connection.send(&envelope, MAIL, &deadline) => panic!("nobody answered, yet {delivery:?}"),
            _ = soon(dots.recv()) => {}
        }
    }
    assert_accepted(&send(&transport).await);
    assert_eq!(relay.opened(), 2);
}

#[tokio::test]
async fn a_connection_with_an_answer_left_over_is_closed() {
    let relay = Relay::start(|mut peer, _| async move {
        peer.greet("").await;
        peer.up_to_data().await;
        peer.hear_mail().await.unwrap();
        peer.say("250 taken\n250 taken again").await;
        peer.until_closed().await;
    })
    .await;
    let transport = relay.transport("connections=1");
    assert_accepted(&send(&transport).await);
    assert_accepted(&send(&transport).await);
    assert_eq!(relay.opened(), 2);
}

#[tokio::test]
async fn answers_out_of_order_send_nothing() {
    for data_reply in ["250 ok", "220 hello", "hello", "354-more\n250 ok", "999 what"] {
        let relay = Relay::start(move |mut peer, _| async move {
            peer.greet("").await;
            peer.answer("MAIL", "250 ok").await;
            peer.answer("RCPT", "250 ok").await;
            peer.answer("DATA", data_reply).await;
            assert!(peer.until_closed().await.is_empty(), "no octet of the mail");
        })
        .await;
        assert_not_sent(&send(&relay.transport("")).await);
    }
}

#[tokio::test]
async fn the_dot_does_not_leave_after_its_deadline() {
    let (rest, mut heard) = mpsc::unbounded_channel();
    let release = Arc::new(Notify::new());
    let released = Arc::clone(&release);
    let relay = Relay::start(move |mut peer, _| {
        let (rest, released) = (rest.clone(), Arc::clone(&released));
        async move {
            peer.greet("").await;
            peer.up_to_data().await;
            // Not reading keeps the mail from being written to its end.
            released.notified().await;
            rest.send(peer.until_closed().await).unwrap();
        }
    })
    .await;
    let mut connection = ready(&relay.transport("")).await;
    let mail = large_mail();
    let deadline = Instant::now() + Duration::from_secs(1);
    assert_not_sent(&connection.send(&envelope(), &mail, &Deadline::at(deadline)).await);
    release.notify_one();
    let rest = soon(heard.recv()).await.unwrap();
    assert!(!rest.ends_with(b"\r\n.\r\n"));
    // A deadline that is over before the first command.
    let relay = Relay::start(|mut peer, _| async move {
        peer.greet("").await;
        assert!(!peer.until_closed().await.ends_with(b".\r\n"));
    })
    .await;
    assert_not_sent(&ready(&relay.transport("")).await.send(&envelope(), MAIL, &Deadline::at(Instant::now())).await);
}

#[tokio::test]
async fn a_process_that_stops_breaks_off_before_the_dot() {
    let (heard, mut hears) = mpsc::unbounded_channel();
    let relay = Relay::start(move |mut peer, _| {
        let heard = heard.clone();
        async move {
            peer.greet("").await;
            heard.send(Vec::new()).unwrap();
            // It hears MAIL, and takes its time.
            heard.send(peer.until_closed().await).unwrap();
        }
    })
    .await;
    let transport = relay.transport("connections=1");
    let mut connection = ready(&transport).await;
    let deadline = later();
    let stops = async {
        soon(hears.recv()).await.unwrap();
        deadline.stop.cancel();
    };
    let to = envelope();
    let (delivery, ()) = tokio::join!(soon(connection.send(&to, MAIL, &deadline)), stops);
    assert_not_sent(&delivery);
    assert!(!soon(hears.recv()).await.unwrap().ends_with(b".\r\n"));
    // Whoever comes with a deadline that is over gets nothing begun.
    let never = soon(connection.send(&envelope(), MAIL, &deadline)).await;
    assert_not_sent(&never);
}

#[tokio::test]
async fn a_refusal_in_the_middle_of_a_mail_is_heard_before_the_dot() {
    let relay = Relay::start(|mut peer, _| async move {
        peer.greet("").await;
        peer.up_to_data().await;
        peer.say("552 5.3.4 too large").await;
        assert!(!peer.until_closed().await.ends_with(b"\r\n.\r\n"));
    })
    .await;
    let transport = relay.transport("");
    let delivery = ready(&transport).await.send(&envelope(), &large_mail(), &later()).await;
    assert!(matches!(delivery, Delivery::Refused { code: 552, class: RefusalClass::Policy, .. }), "{delivery:?}");
}

#[tokio::test]
async fn after_421_the_connection_is_left() {
    for stage in ["MAIL", "dot"] {
        let relay = Relay::start(move |mut peer, number| async move {
            peer.greet("PIPELINING").await;
            if number > 1 {
                return peer.take_mails().await;
            }
            if stage == "MAIL" {
                peer.answer("MAIL", "421 4.3.2 shutting down").await;
            } else {
                peer.up_to_data().await;
                peer.hear_mail().await.unwrap();
                peer.say("421 4.3.2 shutting down").await;
            }
            peer.until_closed().await;
        })
        .await;
        let transport = relay.transport("connections=1");
        let delivery = send(&transport).await;
        assert!(
            matches!(delivery, Delivery::Refused { code: 421, class: RefusalClass::Transient, .. }),
            "{stage}: {delivery:?}"
        );
        assert_accepted(&send(&transport).await);
        assert_eq!(relay.opened(), 2);
    }
}

#[tokio::test]
async fn after_a_refused_recipient_the_connection_starts_afresh() {
    for offers in ["", "PIPELINING"] {
        for (mail, rcpt) in [("250 ok", "550 5.1.1 no such user"), ("553 5.7.1 not you", "503 no sender")] {
            let relay = Relay::start(move |mut peer, _| async move {
                peer.greet(offers).await;
                peer.answer("MAIL", mail).await;
                if mail.starts_with("250") || offers == "PIPELINING" {
                    peer.answer("RCPT", rcpt).await;
                }
                if offers == "PIPELINING" {
                    peer.answer("DATA", "554 5.5.1 no valid recipients").await;
                }
                peer.answer("RSET", "250 ok").await;
                peer.take_mails().await;
            })
            .await;
            let transport = relay.transport("connections=1");
            let Delivery::Refused { class, .. } = send(&transport).await else { panic!("{offers} {mail}") };
            let expected = if mail.starts_with("250") { RefusalClass::Permanent } else { RefusalClass::Policy };
            assert_eq!(class, expected);
            assert_accepted(&send(&transport).await);
            assert_eq!(relay.opened(), 1);
        }
    }
}

/// DATA went along with the refused recipient: a relay that now waits for a mail, hangs up, or talks nonsense has refused it all the
/// same, and no other mail goes over that connection.
#[tokio::test]
async fn a_refusal_stands_whatever_comes_of_what_was_sent_along() {
    for then in ["354 go on", "421 4.3.2 shutting down", "what?", ""] {
        let relay = Relay::start(move |mut peer, number| async move {
            peer.greet("PIPELINING").await;
            if number > 1 {
                return peer.take_mails().await;
            }
            peer.answer("MAIL", "250 ok").await;
            peer.answer("RCPT", "550 5.1.1 no such user").await;
            assert_eq!(peer.hear().await, "DATA");
            if !then.is_empty() {
                peer.say(then).await;
                assert_eq!(peer.until_closed().await, b"", "nothing more was said");
            }
        })
        .await;
        let transport = relay.transport("connections=1");
        let delivery = soon(send(&transport)).await;
        let Delivery::Refused { code: 550, class: RefusalClass::Permanent, .. } = delivery else {
            panic!("{then:?}: {delivery:?}")
        };
        assert_accepted(&send(&transport).await);
        assert_eq!(relay.opened(), 2, "{then:?}");
    }
}

/// MAIL, RCPT and DATA go out at once, and the mail only when all three are taken.
#[tokio::test]
async fn what_may_go_along_does() {
    let relay = Relay::start(|mut peer, _| async move {
        peer.greet("PIPELINING").await;
        let (mail, rcpt, data) = (peer.hear().await, peer.hear().await, peer.hear().await);
        assert!(mail.starts_with("MAIL ") && rcpt.starts_with("RCPT ") && data == "DATA", "{mail} {rcpt} {data}");
        peer.say("250 ok\n250 ok\n354 go on").await;
        peer.hear_mail().await.unwrap();
        peer.say("250 2.0.0 taken").await;
        peer.take_mails().await;
    })
    .await;
    let transport = relay.transport("connections=1");
    assert_accepted(&soon(send(&transport)).await);
    assert_accepted(&soon(send(&transport)).await);
}

#[tokio::test]
async fn an_idle_connection_the_relay_has_closed_is_not_trusted() {
    let closed = Arc::new(Notify::new());
    let closing = Arc::clone(&closed);
    let relay = Relay::start(move |mut peer, number| {
        let closing = Arc::clone(&closing);
        async move {
            peer.greet("").await;
            peer.up_to_data().await;
            peer.hear_mail().await.unwrap();
            peer.say("250 taken").await;
            if number == 1 {
                drop(peer);
                closing.notify_one();
            }
        }
    })
    .await;
    let transport = relay.transport("connections=1");
    assert_accepted(&send(&transport).await);
    soon(closed.notified()).await;
    assert_accepted(&send(&transport).await);
    assert_eq!(relay.opened(), 2);
}

#[tokio::test]
async fn a_connection_idle_for_long_is_asked_first() {
    let relay = Relay::start(|mut peer, number| async move {
        peer.greet("").await;
        peer.up_to_data().await;
        peer.hear_mail().await.unwrap();
        peer.say("250 taken").await;
        if number == 1 {
            peer.answer("NOOP", "421 too long idle").await;
        }
    })
    .await;
    let mut settings = relay.settings("connections=1");
    settings.limits.probe_after = Duration::ZERO;
    let transport = SmtpTransport::new(settings).unwrap();
    assert_accepted(&send(&transport).await);
    assert_accepted(&send(&transport).await);
    assert_eq!(relay.opened(), 2);
}

#[tokio::test]
async fn open_connections_never_exceed_the_cap() {
    let now_and_most = Arc::new(Mutex::new((0_usize, 0_usize)));
    let counts = Arc::clone(&now_and_most);
    let relay = Relay::start(move |mut peer, number| {
        let counts = Arc::clone(&counts);
        async move {
            {
                let mut counts = counts.lock().await;
                counts.0 += 1;
                counts.1 = counts.1.max(counts.0);
            }
            peer.greet("PIPELINING").await;
            // Some connections end early, so that new ones are opened while others are idle.
            if number % 2 == 0 {
                peer.up_to_data().await;
                peer.hear_mail().await.unwrap();
                counts.lock().await.0 -= 1;
                return peer.say("421 enough").await;
            }
            peer.take_mails().await;
            counts.lock().await.0 -= 1;
        }
    })
    .await;
    let transport = Arc::new(relay.transport("connections=3"));
    assert_eq!(transport.connections_max(), 3);
    let senders: Vec<_> = (0..60)
        .map(|_| {
            let transport = Arc::clone(&transport);
            tokio::spawn(async move { send(&transport).await })
        })
        .collect();
    for sender in senders {
        assert!(matches!(sender.await.unwrap(), Delivery::Accepted { .. } | Delivery::Refused { code: 421, .. }));
    }
    assert!(now_and_most.lock().await.1 <= 3);
}

#[tokio::test]
async fn what_cannot_be_written_on_an_envelope_never_reaches_the_relay() {
    let relay = Relay::start(|mut peer, _| async move {
        peer.greet("").await;
        peer.take_mails().await;
    })
    .await;
    let transport = relay.transport("connections=1");
    let to = |to: &str| Envelope { to: to.to_owned(), ..envelope() };
    let mut connection = ready(&transport).await;
    // What the relay cannot do is no fault of the mailbox; what is no address is.
    for (bad, enhanced, meaning) in [
        ("ädä@example.com", "5.6.7", RefusalClass::Policy),
        ("ada@exämple.com", "5.6.7", RefusalClass::Policy),
        ("a@b>\r\nDATA", "5.1.3", RefusalClass::Permanent),
        ("", "5.1.3", RefusalClass::Permanent),
        ("a b@c.d", "5.1.3", RefusalClass::Permanent),
    ] {
        match connection.send(&to(bad), MAIL, &later()).await {
            Delivery::Refused { enhanced: Some(code), class, .. } => assert_eq!((&*code, class), (enhanced, meaning)),
            other => panic!("{bad:?}: {other:?}"),
        }
    }
    let eight_bit = connection.send(&envelope(), "Subject: ä\r\n\r\n".as_bytes(), &later()).await;
    assert!(matches!(eight_bit, Delivery::Refused { class: RefusalClass::Policy, .. }), "{eight_bit:?}");
    assert_accepted(&connection.send(&Envelope { from: String::new(), ..envelope() }, MAIL, &later()).await);
}

#[tokio::test]
async fn relays_that_cannot_be_used_are_told_apart() {
    let gone = {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap().port()
    };
    let settings = rapport_smtp::SmtpSettings::parse(&format!("smtp://127.0.0.1:{gone}")).unwrap();
    let error = SmtpTransport::new(settings).unwrap().ready().await.err().unwrap();
    assert!(matches!(error, TransportError::Unreachable(_)), "{error}");

    for greeting in ["554 no", "421 too busy", "HTTP/1.1 400 Bad Request", ""] {
        let relay = Relay::start(move |mut peer, _| async move { peer.say(greeting).await }).await;
        let error = relay.transport("").ready().await.err().unwrap();
        assert!(matches!(error, TransportError::Unreachable(_)), "{greeting}: {error}");
    }

    // One that never says a word.
    let relay = Relay::start(|mut peer, _| async move {
        peer.until_closed().await;
    })
    .await;
    let mut settings = relay.settings("");
    settings.limits.command = Duration::from_millis(100);
    let error = SmtpTransport::new(settings).unwrap().ready().await.err().unwrap();
    assert!(error.to_string().contains("timed out"), "{error}");
}
