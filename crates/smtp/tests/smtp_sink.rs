//! Conversations with a real SMTP server: Postfix' `smtp-sink`.

#![allow(clippy::disallowed_methods, reason = "tests of an edge: real sockets, files and time-outs")]

mod support;

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use mail_parser::MessageParser;
use rapport_engine::ports::transport::{Delivery, RefusalClass, Transport};
use rapport_smtp::{Correspondent, Outgoing, SmtpSettings, SmtpTransport, build};
use support::*;

struct Sink {
    child: Child,
    port: u16,
}

impl Drop for Sink {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Sink {
    /// Starts a sink with these arguments and waits until it listens.
    fn start(arguments: &[&str]) -> Self {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let program = ["/usr/sbin/smtp-sink", "/usr/libexec/postfix/smtp-sink", "/usr/local/sbin/smtp-sink"]
            .into_iter()
            .find(|path| Path::new(path).exists())
            .unwrap_or("smtp-sink");
        // It refuses to run as root without being told which user to be.
        let user: &[&str] = if is_root() { &["-u", "root"] } else { &[] };
        let child = Command::new(program)
            .args(user)
            .args(arguments)
            .arg(format!("127.0.0.1:{port}"))
            .arg("100")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("smtp-sink is needed for this test: install the package `postfix`");
        let mut sink = Self { child, port };
        let started = Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(started.elapsed() < Duration::from_secs(10), "smtp-sink does not listen");
            assert!(sink.child.try_wait().unwrap().is_none(), "smtp-sink ended at once: {arguments:?}");
            std::thread::yield_now();
        }
        sink
    }

    fn transport(&self, query: &str) -> SmtpTransport {
        let url = format!("smtp://127.0.0.1:{}?{query}", self.port);
        SmtpTransport::new(SmtpSettings::parse(&url).unwrap()).unwrap()
    }
}

fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}

fn mail(number: usize) -> Outgoing {
    Outgoing {
        from: Correspondent { name: Some("Ines Ünal".into()), address: "ines@acme.example".into() },
        to: Correspondent { name: Some("Ada".into()), address: "ada@example.com".into() },
        reply_to: None,
        subject: format!("Your first sale, number {number} — congratulations"),
        text: format!("Hello Ada,\n.\n..this is mail {number}.\nÄ line with ümlauts.\n"),
        html: Some(format!("<p>Hello Ada,</p>\n<p>this is mail {number}.</p>")),
        message_id: format!("m{number}@mail.acme.example"),
        date: "2026-03-10T12:00:00Z".parse().unwrap(),
        headers: vec![("List-Id".into(), "<tips.acme.example>".into())],
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_mails_over_few_connections_all_arrive_once_and_whole() {
    let folder = tempfile::tempdir().unwrap();
    let sink = Sink::start(&["-d", &format!("{}/mail.", folder.path().display())]);
    let transport = Arc::new(sink.transport("connections=4"));
    let senders: Vec<_> = (0..200)
        .map(|number| {
            let transport = Arc::clone(&transport);
            tokio::spawn(async move {
                let bytes = build(&mail(number)).unwrap();
                transport.ready().await.unwrap().send(&envelope(), &bytes, &later()).await
            })
        })
        .collect();
    for sender in senders {
        assert_accepted(&sender.await.unwrap());
    }
    transport.close().await;
    let mut ids = Vec::new();
    for file in std::fs::read_dir(folder.path()).unwrap() {
        let raw = std::fs::read(file.unwrap().path()).unwrap();
        let parsed = MessageParser::default().parse(&raw).unwrap();
        let id = parsed.message_id().unwrap().to_owned();
        let number = id.trim_start_matches('m').split('@').next().unwrap().to_owned();
        let text = parsed.body_text(0).unwrap().replace("\r\n", "\n");
        assert_eq!(text.trim_end(), format!("Hello Ada,\n.\n..this is mail {number}.\nÄ line with ümlauts."));
        assert_eq!(parsed.subject().unwrap(), format!("Your first sale, number {number} — congratulations"));
        ids.push(id);
    }
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 200);
}

#[tokio::test]
async fn disconnects_refusals_and_their_meaning() {
    let refused = |code, class| {
        move |delivery: &Delivery| match delivery {
            Delivery::Refused { code: c, class: k, .. } => (*c, *k) == (code, class),
            _ => false,
        }
    };
    let not_sent = |delivery: &Delivery| matches!(delivery, Delivery::NotSent { .. });
    let in_doubt = |delivery: &Delivery| matches!(delivery, Delivery::InDoubt { .. });
    type Expect = Box<dyn Fn(&Delivery) -> bool>;
    let table: Vec<(&[&str], Expect)> = vec![
        (&["-q", "."], Box::new(in_doubt)),
        (&["-q", "MAIL"], Box::new(not_sent)),
        (&["-q", "RCPT"], Box::new(not_sent)),
        (&["-q", "DATA"], Box::new(not_sent)),
        (&["-Q", "."], Box::new(refused(421, RefusalClass::Transient))),
        (&["-Q", "MAIL"], Box::new(refused(421, RefusalClass::Transient))),
        (&["-r", "RCPT"], Box::new(refused(450, RefusalClass::Transient))),
        (&["-r", "."], Box::new(refused(450, RefusalClass::Transient))),
        (&["-f", "RCPT", "-B", "550 5.1.1 no such user"], Box::new(refused(550, RefusalClass::Permanent))),
        (&["-f", "RCPT", "-B", "554 5.7.1 blocked"], Box::new(refused(554, RefusalClass::Policy))),
        (&["-f", "MAIL", "-B", "550 go away"], Box::new(refused(550, RefusalClass::Policy))),
        (&["-f", ".", "-B", "554 5.6.0 spam"], Box::new(refused(554, RefusalClass::Policy))),
        (&["-p", "-8", "-e"], Box::new(not_sent)),
    ];
    for (arguments, expected) in &table {
        let sink = Sink::start(arguments);
        let transport = sink.transport("connections=1");
        // Twice: what the first leaves behind must not reach the second.
        for round in 1..=2 {
            let delivery = match transport.ready().await {
                Ok(mut connection) => connection.send(&envelope(), MAIL, &later()).await,
                // Without ESMTP there is no EHLO; such a relay is not used.
                Err(error) => Delivery::NotSent { reason: error.to_string() },
            };
            assert!(expected(&delivery), "{arguments:?}, round {round}: {delivery:?}");
        }
    }
}

#[tokio::test]
async fn a_relay_without_pipelining_and_eight_bits_takes_our_mail() {
    let sink = Sink::start(&["-p", "-8", "-E", "-N"]);
    let transport = sink.transport("connections=1");
    for number in 0..3 {
        let bytes = build(&mail(number)).unwrap();
        assert_accepted(&ready(&transport).await.send(&envelope(), &bytes, &later()).await);
    }
}

#[tokio::test]
async fn a_relay_that_is_slow_after_the_dot_leaves_the_mail_in_doubt() {
    let sink = Sink::start(&["-W", ".:5"]);
    let url = format!("smtp://127.0.0.1:{}", sink.port);
    let mut settings = SmtpSettings::parse(&url).unwrap();
    settings.limits.final_reply = Duration::from_millis(200);
    assert_in_doubt(&send(&SmtpTransport::new(settings).unwrap()).await);
}
