//! What a server that is not ours takes from us, read by a parser that is not ours: Python's `aiosmtpd` and `email`.

#![allow(clippy::disallowed_methods, reason = "tests of an edge: real sockets and processes")]

mod support;

use std::io::{BufRead as _, BufReader, Lines};
use std::process::{Child, ChildStdout, Command, Stdio};

use rapport_engine::ports::transport::Transport as _;
use rapport_smtp::{Correspondent, Outgoing, SmtpSettings, SmtpTransport, build};
use serde_json::{Value, json};
use support::*;

/// The server, and what it tells.
struct Server {
    child: Child,
    told: Lines<BufReader<ChildStdout>>,
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Server {
    fn start() -> Self {
        let python = std::env::var("RAPPORT_TEST_AIOSMTPD")
            .unwrap_or_else(|_| panic!("RAPPORT_TEST_AIOSMTPD is not set: run `cargo xtask test`, which installs it"));
        let mut child = Command::new(&python)
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/aiosmtpd/server.py"))
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{python}: {error}"));
        let told = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, told }
    }

    /// The next line; waits for it.
    fn says(&mut self) -> Value {
        let line = self.told.next().expect("the server has ended").unwrap();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"))
    }
}

/// What a text may hold that the way could change.
fn texts() -> Vec<String> {
    let dots = "Hello Ada,\n.\n..two\n.\n\nFrom the start".to_owned();
    let letters = "Grüße, 👋🏽 — и привет\u{a0}!\n=3D =20 &amp; soft=\nend".to_owned();
    let long = format!("{}\n{}", "x".repeat(3_000), "ü ".repeat(1_000));
    vec![dots, letters, long.trim_end().to_owned()]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_server_reads_what_was_written() {
    let mut server = Server::start();
    let port = server.says();
    let url = format!("smtp://127.0.0.1:{port}?connections=1");
    let transport = SmtpTransport::new(SmtpSettings::parse(&url).unwrap()).unwrap();
    let unsubscribe = format!("<https://partners.acme.example/u/{}>, <mailto:u@acme.example>", "t".repeat(150));
    for (number, text) in texts().into_iter().enumerate() {
        let html = format!("<p>{number}: {}</p>", text.replace('\n', "<br>\n"));
        let mail = Outgoing {
            from: Correspondent { name: Some("Ines Ünal".into()), address: "ines@acme.example".into() },
            to: Correspondent { name: Some("Ada".into()), address: "ada@example.com".into() },
            reply_to: None,
            subject: format!("Your first sale, number {number} — congratulations"),
            text: text.clone(),
            html: Some(html.clone()),
            message_id: format!("m{number}@mail.acme.example"),
            date: "2026-03-10T12:00:00Z".parse().unwrap(),
            headers: vec![("List-Unsubscribe".into(), unsubscribe.clone())],
        };
        let bytes = build(&mail).unwrap();
        assert_accepted(&transport.ready().await.unwrap().send(&envelope(), &bytes, &later()).await);
        let told = server.says();
        assert_eq!((&told["from"], &told["to"]), (&json!("news@acme.example"), &json!(["ada@example.com"])));
        assert_eq!(told["sender"], json!(["Ines Ünal", "ines@acme.example"]));
        assert_eq!(told["subject"], json!(mail.subject));
        assert_eq!(told["unsubscribe"], json!(unsubscribe));
        assert_eq!(told["kinds"], json!(["multipart/alternative", "text/plain", "text/html"]));
        assert_eq!(told["text"].as_str().unwrap().trim_end(), text);
        assert_eq!(told["html"].as_str().unwrap().trim_end(), html);
        assert_eq!((&told["defects"], &told["bare"]), (&json!([]), &json!(false)));
        assert!(told["longest"].as_u64().unwrap() <= 998, "{}", told["longest"]);
    }
    transport.close().await;
}
