//! Fetches a file that somebody publishes, as carefully as hooks are called: public addresses only unless it is said otherwise,
//! within a deadline, of a limited size. Redirects are followed to https only, and each is judged like the first address.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt as _, Empty, LengthLimitError, Limited};
use hyper::body::{Body as _, Bytes};
use hyper::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, HOST, HeaderMap, LOCATION, USER_AGENT};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio_rustls::rustls::ClientConfig;

use crate::target::TargetError;
use crate::{Failed, Target, machine_roots, reach, trusting};

/// All of it is over within this.
pub const FETCH_MAX: Duration = Duration::from_secs(60);
/// Larger files are refused.
pub const FILE_BYTES_MAX: usize = 32 << 20;
/// So many redirects are followed.
const REDIRECTS_MAX: usize = 5;

/// Why there is no file. Says no address: one may hold a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FetchError {
    /// It is no address.
    Address(TargetError),
    /// No answer: a word of the way there.
    Unreached(&'static str),
    /// The answer is another one.
    Status(u16),
    /// It leads on to what is not https.
    RedirectInTheClear,
    /// It leads on and on.
    TooManyRedirects,
    /// It is too large.
    TooLarge,
    /// It comes compressed, which was not asked for.
    Compressed,
    /// The answer broke off.
    Broken,
    /// It took too long.
    Late,
}

impl fmt::Display for FetchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Self::Status(status) = self {
            return write!(f, "the answer is status {status}");
        }
        f.write_str(match self {
            Self::Address(TargetError::Form) => "the address is not like https://shop.example/products.csv",
            Self::Address(TargetError::Login) => "the address holds a login",
            Self::Unreached("not_https") => "the address is not https, which only those in private networks may be",
            Self::Unreached("private_address") => "the address is in a private network, and is not declared `private`",
            Self::Unreached("not_found") => "there is no such host",
            Self::Unreached("no_connection") => "nobody answers there",
            Self::Unreached("no_tls") => "no TLS can be spoken with whoever answers",
            Self::Unreached(_) => "whoever answers speaks no HTTP",
            Self::Status(_) => "the answer is no file",
            Self::RedirectInTheClear => "it is redirected to an address that is not https",
            Self::TooManyRedirects => "it is redirected again and again",
            Self::TooLarge => "it is larger than 32 MiB",
            Self::Compressed => "it comes compressed, which was not asked for; it has to be sent as it is",
            Self::Broken => "the answer broke off",
            Self::Late => "it took longer than a minute",
        })
    }
}

impl std::error::Error for FetchError {}

impl From<Failed> for FetchError {
    fn from(failed: Failed) -> Self {
        match failed {
            Failed::Now(word) | Failed::Never(word) => Self::Unreached(word),
        }
    }
}

/// Fetches a file. `private`: it may be on this machine or in a private network, and be asked without TLS.
///
/// # Errors
/// See [`FetchError`].
pub async fn fetch(address: &str, private: bool) -> Result<Vec<u8>, FetchError> {
    let tls = trusting(machine_roots());
    match tokio::time::timeout(FETCH_MAX, followed(address, private, &tls)).await {
        Ok(fetched) => fetched,
        Err(_) => Err(FetchError::Late),
    }
}

async fn followed(address: &str, private: bool, tls: &Arc<ClientConfig>) -> Result<Vec<u8>, FetchError> {
    let mut target = Target::parse(address).map_err(FetchError::Address)?;
    for _ in 0..=REDIRECTS_MAX {
        match asked(&target, private, tls).await? {
            Answer::File(bytes) => return Ok(bytes),
            Answer::Elsewhere(location) => target = next(&target, &location)?,
        }
    }
    Err(FetchError::TooManyRedirects)
}

enum Answer {
    File(Vec<u8>),
    Elsewhere(String),
}

async fn asked(target: &Target, private: bool, tls: &Arc<ClientConfig>) -> Result<Answer, FetchError> {
    let stream = reach::connect(target, private, tls).await?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|_| FetchError::Unreached("no_http"))?;
    let driver = tokio::spawn(connection);
    let answered = async {
        let request = Request::builder()
            .method(Method::GET)
            .uri(target.path())
            .header(HOST, target.host_header())
            .header(USER_AGENT, concat!("rapport/", env!("CARGO_PKG_VERSION")))
            .header(ACCEPT, "*/*")
            // Who does not say so takes every coding (RFC 9110, 12.5.3).
            .header(ACCEPT_ENCODING, "identity")
            .body(Empty::<Bytes>::new())
            .map_err(|_| FetchError::Address(TargetError::Form))?;
        let answer = sender.send_request(request).await.map_err(|_| FetchError::Broken)?;
        let (head, body) = answer.into_parts();
        if let Some(location) = leads_to(head.status, &head.headers) {
            return Ok(Answer::Elsewhere(location));
        }
        if head.status != StatusCode::OK {
            return Err(FetchError::Status(head.status.as_u16()));
        }
        if head.headers.get(CONTENT_ENCODING).is_some_and(|coding| coding.as_bytes() != b"identity") {
            return Err(FetchError::Compressed);
        }
        if body.size_hint().lower() > FILE_BYTES_MAX as u64 {
            return Err(FetchError::TooLarge);
        }
        let read = Limited::new(body, FILE_BYTES_MAX)
            .collect()
            .await
            .map_err(|error| if error.is::<LengthLimitError>() { FetchError::TooLarge } else { FetchError::Broken })?;
        Ok(Answer::File(read.to_bytes().to_vec()))
    }
    .await;
    driver.abort();
    answered
}

fn leads_to(status: StatusCode, headers: &HeaderMap) -> Option<String> {
    let moved = matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308);
    let location = headers.get(LOCATION).filter(|_| moved)?;
    Some(location.to_str().ok()?.to_owned())
}

/// Where a redirect leads (RFC 9110, 10.2.2): to an address, or from the one that was asked on. https only, wherever it came from.
fn next(target: &Target, location: &str) -> Result<Target, FetchError> {
    let location = location.split('#').next().unwrap_or_default().trim();
    let next = if location.starts_with("//") {
        Target::parse(&format!("https:{location}"))
    } else if has_scheme(location) {
        Target::parse(location)
    } else {
        target.at(&from_here(target.path(), location))
    };
    let next = next.map_err(FetchError::Address)?;
    if next.tls { Ok(next) } else { Err(FetchError::RedirectInTheClear) }
}

/// Whether a reference begins with a scheme, and so is an address of its own.
fn has_scheme(reference: &str) -> bool {
    reference.split_once(':').is_some_and(|(scheme, _)| {
        scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
    })
}

/// The path and query that a reference without host means, seen from a path (RFC 3986, 5.2).
fn from_here(here: &str, reference: &str) -> String {
    let (path, query) = match reference.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (reference, None),
    };
    let (base, asked) = here.split_once('?').map_or((here, None), |(base, asked)| (base, Some(asked)));
    let path = match path {
        // Nothing but another question, or nothing at all: the same place.
        "" => base.to_owned(),
        _ if path.starts_with('/') => without_dots(path),
        _ => without_dots(&format!("{}/{path}", base.rsplit_once('/').map_or("", |(folder, _)| folder))),
    };
    match query.or(asked.filter(|_| reference.is_empty())) {
        Some(query) => format!("{path}?{query}"),
        None => path,
    }
}

/// A path without its `.` and `..`; none leads above the first folder.
fn without_dots(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let mut parts = path.split('/').skip(1).peekable();
    while let Some(part) = parts.next() {
        let is_last = parts.peek().is_none();
        match part {
            "." | ".." => {
                if part == ".." {
                    kept.pop();
                }
                if is_last {
                    kept.push("");
                }
            }
            _ => kept.push(part),
        }
    }
    format!("/{}", kept.join("/"))
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;

    /// Whoever answers one request with these bytes, and its address.
    async fn server(answer: Vec<u8>) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}/products.csv", listener.local_addr().unwrap());
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = [0; 4096];
            let _ = stream.read(&mut request).await;
            let _ = stream.write_all(&answer).await;
            let _ = stream.shutdown().await;
        });
        address
    }

    #[track_caller]
    fn check(got: Result<Vec<u8>, FetchError>, expected: Result<&str, FetchError>) {
        assert_eq!(got, expected.map(|text| text.as_bytes().to_vec()));
    }

    #[tokio::test]
    async fn a_file_is_fetched_from_a_private_network_only_if_that_is_said() {
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\na;b".to_vec();
        let address = server(answer).await;
        check(fetch(&address, false).await, Err(FetchError::Unreached("not_https")));
        let secure = address.replace("http://", "https://");
        check(fetch(&secure, false).await, Err(FetchError::Unreached("private_address")));
        check(fetch(&address, true).await, Ok("a;b"));
    }

    #[tokio::test]
    async fn what_is_no_file_is_told() {
        for (answer, expected) in [
            ("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", FetchError::Status(404)),
            (
                "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1/other.csv\r\nContent-Length: 0\r\n\r\n",
                FetchError::RedirectInTheClear,
            ),
            ("HTTP/1.1 301 Moved\r\nLocation: /other.csv\r\nContent-Length: 0\r\n\r\n", FetchError::RedirectInTheClear),
            (
                "HTTP/1.1 301 Moved\r\nLocation: ftp://a/b\r\nContent-Length: 0\r\n\r\n",
                FetchError::Address(TargetError::Form),
            ),
            ("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 1\r\n\r\nx", FetchError::Compressed),
            ("HTTP/1.1 200 OK\r\nContent-Length: 33554433\r\n\r\nx", FetchError::TooLarge),
            ("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nx", FetchError::Broken),
        ] {
            let address = server(answer.as_bytes().to_vec()).await;
            check(fetch(&address, true).await, Err(expected));
        }
    }

    #[tokio::test]
    async fn a_file_is_asked_for_uncompressed() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}/products.csv", listener.local_addr().unwrap());
        let asked = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = vec![0; 4096];
            let read = stream.read(&mut request).await.unwrap();
            request.truncate(read);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na").await;
            String::from_utf8_lossy(&request).to_ascii_lowercase()
        });
        check(fetch(&address, true).await, Ok("a"));
        assert!(asked.await.unwrap().contains("\r\naccept-encoding: identity\r\n"));
    }

    #[test]
    fn a_path_stays_with_its_host() {
        let target = Target::parse("https://shop.example:8443/a").unwrap();
        let led = next(&target, "/b?c=d").unwrap();
        assert_eq!((led.host_header().as_str(), led.path()), ("shop.example:8443", "/b?c=d"));
        assert_eq!(next(&target, "//other.example/b").unwrap().host_header(), "other.example");
        for (location, path) in [
            ("c.csv", "/a/c.csv"),
            ("c.csv?d=e", "/a/c.csv?d=e"),
            ("./c.csv", "/a/c.csv"),
            ("../c.csv", "/c.csv"),
            ("../../../c.csv", "/c.csv"),
            ("/x/./y/../c.csv", "/x/c.csv"),
            ("..", "/"),
            ("?d=e", "/a/b.csv?d=e"),
            ("#end", "/a/b.csv?old=1"),
            ("c.csv#end", "/a/c.csv"),
            ("c.csv?at=12:30", "/a/c.csv?at=12:30"),
        ] {
            let here = Target::parse("https://shop.example:8443/a/b.csv?old=1").unwrap();
            let led = next(&here, location).unwrap();
            assert_eq!((led.host_header().as_str(), led.path()), ("shop.example:8443", path), "{location}");
        }
        for wrong in ["javascript:alert(1)", "file:///etc/passwd", "a b.csv"] {
            assert_eq!(next(&target, wrong).unwrap_err(), FetchError::Address(TargetError::Form), "{wrong}");
        }
        assert_eq!(next(&target, "https://u:p@other.example/").unwrap_err(), FetchError::Address(TargetError::Login));
    }
}
