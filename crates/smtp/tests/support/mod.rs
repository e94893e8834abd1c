//! A relay that does exactly what a test says, and the few words tests share.
#![allow(dead_code, reason = "each test file uses its part")]

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rapport_engine::ports::transport::{Connection, Deadline, Delivery, Envelope, Transport};
use rapport_smtp::{SmtpSettings, SmtpTransport};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// The relay's side of one connection.
pub struct Peer<S> {
    stream: BufReader<S>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Peer<S> {
    pub fn new(stream: S) -> Self {
        Self { stream: BufReader::new(stream) }
    }

    pub fn into_inner(self) -> S {
        self.stream.into_inner()
    }

    /// Says lines; the other side may be gone.
    pub async fn say(&mut self, lines: &str) {
        let text: String = lines.lines().map(|line| format!("{line}\r\n")).collect();
        let _ = self.stream.get_mut().write_all(text.as_bytes()).await;
        let _ = self.stream.get_mut().flush().await;
    }

    /// The next line, `""` when the other side is gone.
    pub async fn hear(&mut self) -> String {
        let mut line = String::new();
        let _ = self.stream.read_line(&mut line).await;
        line.trim_end().to_owned()
    }

    /// Hears a line that begins with `start` and answers.
    #[track_caller]
    pub fn answer<'a>(&'a mut self, start: &'a str, reply: &'a str) -> impl Future<Output = ()> + 'a {
        let caller = std::panic::Location::caller();
        async move {
            let line = self.hear().await;
            assert!(line.starts_with(start), "{caller}: expected {start}, heard {line:?}");
            self.say(reply).await;
        }
    }

    pub async fn greet(&mut self, offers: &str) {
        self.say("220 test ESMTP").await;
        self.ehlo(offers).await;
    }

    pub async fn ehlo(&mut self, offers: &str) {
        let mut reply: Vec<String> =
            std::iter::once("test").chain(offers.lines()).map(|l| format!("250-{l}")).collect();
        if let Some(last) = reply.last_mut() {
            last.replace_range(3..4, " ");
        }
        self.answer("EHLO ", &reply.join("\n")).await;
    }

    /// Everything up to the reply to DATA.
    pub async fn up_to_data(&mut self) {
        self.answer("MAIL ", "250 ok").await;
        self.answer("RCPT ", "250 ok").await;
        self.answer("DATA", "354 go on").await;
    }

    /// A mail's lines up to its dot, joined by LF; what came before the end when there was no dot.
    pub async fn hear_mail(&mut self) -> Result<String, String> {
        let mut mail = String::new();
        loop {
            let mut line = String::new();
            match self.stream.read_line(&mut line).await {
                Ok(count) if count > 0 && line != ".\r\n" => mail.push_str(&line),
                Ok(count) if count > 0 => return Ok(mail),
                _ => return Err(mail),
            }
        }
    }

    pub async fn hear_octets(&mut self, count: usize) {
        let mut octets = vec![0; count];
        self.stream.read_exact(&mut octets).await.unwrap();
    }

    /// Waits until the other side has closed.
    pub async fn until_closed(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        let _ = self.stream.read_to_end(&mut rest).await;
        rest
    }

    /// Takes mails until QUIT or the end.
    pub async fn take_mails(&mut self) {
        loop {
            let line = self.hear().await;
            match line.get(..4).unwrap_or("") {
                "DATA" => {
                    self.say("354 go on").await;
                    if self.hear_mail().await.is_err() {
                        return;
                    }
                    self.say("250 2.0.0 taken").await;
                }
                "" => return,
                "QUIT" => return self.say("221 bye").await,
                _ => self.say("250 ok").await,
            }
        }
    }
}

/// A listening relay.
pub struct Relay {
    pub port: u16,
    opened: Arc<AtomicUsize>,
}

impl Relay {
    /// Serves each connection, numbered from 1, with `script`. The connection closes when the script ends.
    pub async fn start<F, R>(script: F) -> Self
    where
        F: Fn(Peer<TcpStream>, usize) -> R + Send + 'static,
        R: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let opened = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&opened);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let number = count.fetch_add(1, Ordering::SeqCst) + 1;
                tokio::spawn(script(Peer::new(stream), number));
            }
        });
        Self { port, opened }
    }

    /// How many connections were ever opened.
    pub fn opened(&self) -> usize {
        self.opened.load(Ordering::SeqCst)
    }

    pub fn transport(&self, query: &str) -> SmtpTransport {
        SmtpTransport::new(self.settings(query)).unwrap()
    }

    pub fn settings(&self, query: &str) -> SmtpSettings {
        SmtpSettings::parse(&format!("smtp://127.0.0.1:{}?{query}", self.port)).unwrap()
    }
}

pub fn envelope() -> Envelope {
    Envelope { from: "news@acme.example".into(), to: "ada@example.com".into() }
}

pub const MAIL: &[u8] = b"Subject: hello\r\n\r\nHello\r\n.dot\r\n.\r\nbye\r\n";

/// A deadline nobody will meet.
pub fn later() -> Deadline {
    Deadline::at(Instant::now() + Duration::from_secs(60))
}

/// One mail over the next connection.
pub async fn send(transport: &SmtpTransport) -> Delivery {
    transport.ready().await.unwrap().send(&envelope(), MAIL, &later()).await
}

#[track_caller]
pub fn assert_accepted(delivery: &Delivery) {
    assert!(matches!(delivery, Delivery::Accepted { .. }), "{delivery:?}");
}

#[track_caller]
pub fn assert_not_sent(delivery: &Delivery) {
    assert!(matches!(delivery, Delivery::NotSent { .. }), "{delivery:?}");
}

#[track_caller]
pub fn assert_in_doubt(delivery: &Delivery) {
    assert!(matches!(delivery, Delivery::InDoubt { .. }), "{delivery:?}");
}

pub async fn ready(transport: &SmtpTransport) -> Box<dyn Connection> {
    transport.ready().await.unwrap()
}

/// Fails instead of hanging when a script has ended early.
pub async fn soon<T>(event: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(30), event).await.expect("the relay's script did not get this far")
}
