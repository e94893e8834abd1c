//! Real HTTP on this machine: what is sent, and that an endpoint that misbehaves costs little.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rapport_engine::ports::caller::{CallRequest, Called, Caller as _};
use rapport_hook::{HttpCaller, Known, Secret, Target};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// Answers every request with these bytes; keeps what was asked.
async fn endpoint(answer: &'static [u8]) -> (HttpCaller, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let heard: Arc<Mutex<Vec<String>>> = Arc::default();
    let keeps = heard.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let keeps = keeps.clone();
            tokio::spawn(async move {
                let mut read = Vec::new();
                let mut buffer = [0_u8; 4096];
                while !complete(&read) {
                    match stream.read(&mut buffer).await {
                        Ok(0) | Err(_) => break,
                        Ok(count) => read.extend_from_slice(&buffer[..count]),
                    }
                }
                keeps.lock().unwrap().push(String::from_utf8(read).unwrap());
                if answer.ends_with(b"...") {
                    // Goes on for ever.
                    let _ = stream.write_all(&answer[..answer.len() - 3]).await;
                    while stream.write_all(&[b'x'; 4096]).await.is_ok() {}
                } else if !answer.is_empty() {
                    let _ = stream.write_all(answer).await;
                } else {
                    // Says nothing, and keeps the line.
                    let _ = stream.read(&mut buffer).await;
                }
            });
        }
    });
    (caller(&format!("http://{address}/hook?a=b")), heard)
}

fn complete(read: &[u8]) -> bool {
    let text = String::from_utf8_lossy(read);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
    body.len() >= length.unwrap_or(0)
}

fn caller(url: &str) -> HttpCaller {
    let known = Known { target: Target::parse(url).unwrap(), secret: Some(Secret::parse(SECRET).unwrap()) };
    HttpCaller::new(BTreeMap::from([("crm".to_owned(), known)]))
}

fn request(signed: bool, private: bool) -> CallRequest {
    CallRequest {
        hook: "crm".into(),
        id: "call-1".into(),
        at: jiff::Timestamp::from_second(1_700_000_000).unwrap(),
        body: br#"{"type":"journey.called"}"#.to_vec(),
        signed,
        private,
    }
}

fn again(called: &Called) -> &str {
    match called {
        Called::Again { reason, .. } => reason,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_call_is_signed_and_carries_its_id() {
    let (caller, heard) = endpoint(b"HTTP/1.1 204 No Content\r\n\r\n").await;
    assert_eq!(caller.call(&request(true, true)).await, Called::Delivered);
    let heard = heard.lock().unwrap().join("").to_ascii_lowercase();
    let signed = Secret::parse(SECRET).unwrap().sign("call-1", 1_700_000_000, br#"{"type":"journey.called"}"#);
    assert!(heard.starts_with("post /hook?a=b http/1.1"), "{heard}");
    for line in [
        "webhook-id: call-1",
        "webhook-timestamp: 1700000000",
        "idempotency-key: call-1",
        "content-type: application/json; charset=utf-8",
        &format!("webhook-signature: {}", signed.to_ascii_lowercase()),
    ] {
        assert!(heard.contains(line), "{line}\n{heard}");
    }
    assert!(heard.ends_with(r#"{"type":"journey.called"}"#));
}

#[tokio::test]
async fn what_slack_hears_is_not_signed() {
    let (caller, heard) = endpoint(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
    assert_eq!(caller.call(&request(false, true)).await, Called::Delivered);
    assert!(!heard.lock().unwrap().join("").to_ascii_lowercase().contains("webhook-"));
}

#[tokio::test]
async fn what_may_be_mended_is_tried_again_and_what_may_not_is_not() {
    let refused = |reason: &str| Called::Refused { reason: reason.into() };
    let (caller, _) = endpoint(b"HTTP/1.1 503 Busy\r\nretry-after: 120\r\ncontent-length: 0\r\n\r\n").await;
    let asked = Called::Again { reason: "status 503".into(), after: Some(Duration::from_secs(120)) };
    assert_eq!(caller.call(&request(true, true)).await, asked);
    let (caller, _) = endpoint(b"HTTP/1.1 404 No\r\ncontent-length: 0\r\n\r\n").await;
    assert_eq!(again(&caller.call(&request(true, true)).await), "status 404");
    let (caller, _) = endpoint(b"HTTP/1.1 410 Gone\r\ncontent-length: 0\r\n\r\n").await;
    assert_eq!(caller.call(&request(true, true)).await, refused("status 410"));
    let (caller, heard) =
        endpoint(b"HTTP/1.1 302 Found\r\nlocation: http://169.254.169.254/\r\ncontent-length: 0\r\n\r\n").await;
    assert_eq!(caller.call(&request(true, true)).await, refused("status 302"));
    assert_eq!(heard.lock().unwrap().len(), 1, "a redirect leads nowhere");
}

#[tokio::test]
async fn an_endpoint_that_misbehaves_costs_little() {
    let (caller, _) = endpoint(b"nonsense\r\n\r\n").await;
    assert_eq!(again(&caller.call(&request(true, true)).await), "connection_lost");
    // It answered 200; that it never stops talking changes nothing.
    let (caller, _) = endpoint(b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n\r\n...").await;
    let called = tokio::time::timeout(rapport_hook::TRY_MAX, async { caller.call(&request(true, true)).await }).await;
    assert_eq!(called, Ok(Called::Delivered));
}

#[tokio::test(start_paused = true)]
async fn one_that_says_nothing_is_left_in_time() {
    let (caller, _) = endpoint(b"").await;
    let before = tokio::time::Instant::now();
    assert_eq!(again(&caller.call(&request(true, true)).await), "timeout");
    assert!(before.elapsed() <= rapport_hook::TRY_MAX + Duration::from_secs(1));
}

#[tokio::test]
async fn inside_is_out_of_reach_unless_declared() {
    let refused = |reason: &str| Called::Refused { reason: reason.into() };
    let (open, heard) = endpoint(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
    assert_eq!(open.call(&request(true, false)).await, refused("not_https"));
    for url in ["https://127.0.0.1/", "https://localhost/", "https://169.254.169.254/latest", "https://[::1]/"] {
        assert_eq!(caller(url).call(&request(true, false)).await, refused("private_address"), "{url}");
    }
    assert_eq!(heard.lock().unwrap().len(), 0);
    let nobody = CallRequest { hook: "other".into(), ..request(true, true) };
    assert_eq!(open.call(&nobody).await, refused("not_configured"));
}
