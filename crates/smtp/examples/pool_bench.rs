//! Mails per second over N connections to a relay.
//!
//! ```sh
//! smtp-sink 127.0.0.1:2525 100 &
//! cargo run --release -p rapport-smtp --example pool_bench -- smtp://127.0.0.1:2525 20000
//! ```
#![allow(clippy::disallowed_methods, reason = "a bench measures time")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rapport_engine::ports::transport::{Deadline, Delivery, Envelope, Transport};
use rapport_smtp::{Correspondent, Outgoing, SmtpSettings, SmtpTransport, build};

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let url = arguments.next().unwrap_or_else(|| "smtp://127.0.0.1:2525".into());
    let mails: usize = arguments.next().and_then(|count| count.parse().ok()).unwrap_or(10_000);
    println!("{:>11} {:>9} {:>9} {:>12}", "connections", "mails", "seconds", "mails/s");
    for connections in [1, 4, 16] {
        let mut settings = match SmtpSettings::parse(&url) {
            Ok(settings) => settings,
            Err(error) => return eprintln!("{error}"),
        };
        settings.connections = connections;
        let transport = match SmtpTransport::new(settings) {
            Ok(transport) => Arc::new(transport),
            Err(error) => return eprintln!("{error}"),
        };
        let next = Arc::new(AtomicUsize::new(0));
        let started = Instant::now();
        let workers: Vec<_> =
            (0..connections).map(|_| tokio::spawn(work(Arc::clone(&transport), Arc::clone(&next), mails))).collect();
        let mut accepted = 0;
        for worker in workers {
            accepted += worker.await.unwrap_or(0);
        }
        let seconds = started.elapsed().as_secs_f64();
        println!("{connections:>11} {accepted:>9} {seconds:>9.2} {:>12.0}", accepted as f64 / seconds);
        transport.close().await;
    }
}

/// Builds and sends until all mails are taken; gives how many were accepted.
async fn work(transport: Arc<SmtpTransport>, next: Arc<AtomicUsize>, mails: usize) -> usize {
    let envelope = Envelope { from: "news@acme.example".into(), to: "ada@example.com".into() };
    let mut accepted = 0;
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= mails {
            return accepted;
        }
        let Ok(bytes) = build(&mail(number)) else { return accepted };
        let mut connection = match transport.ready().await {
            Ok(connection) => connection,
            Err(error) => {
                eprintln!("{error}");
                return accepted;
            }
        };
        match connection.send(&envelope, &bytes, &Deadline::at(Instant::now() + Duration::from_secs(20))).await {
            Delivery::Accepted { .. } => accepted += 1,
            other => eprintln!("{other:?}"),
        }
    }
}

fn mail(number: usize) -> Outgoing {
    Outgoing {
        from: Correspondent { name: Some("Ines".into()), address: "ines@acme.example".into() },
        to: Correspondent { name: Some("Ada Löwe".into()), address: "ada@example.com".into() },
        reply_to: None,
        subject: format!("Mail {number}"),
        text: "Hello Ada,\n\nthis is what a short mail looks like.\n".repeat(10),
        html: Some("<p>Hello Ada,</p><p>this is what a short mail looks like.</p>\n".repeat(20)),
        message_id: format!("m{number}@mail.acme.example"),
        date: jiff::Timestamp::UNIX_EPOCH,
        headers: Vec::new(),
    }
}
