//! The `Caller` port over HTTP: signed webhooks and Slack; and [`fetch`], which gets a published file by the same way.
//!
//! The other side may be slow, broken or hostile, and an address may have been written by somebody who wants to reach inside:
//! a try ends within [`TRY_MAX`], no more than [`ANSWER_MAX`] bytes of an answer are read, redirects are not followed, and an
//! address is looked up once and connected to as found, public ones only unless the hook is declared private. What is logged
//! or told holds a status or a word, never an address or a secret.

pub mod fetch;
mod reach;
mod signature;
mod target;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Bytes;
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderValue, RETRY_AFTER, USER_AGENT};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use rapport_engine::ports::caller::{CallRequest, Called, Caller};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

pub use signature::{Secret, SecretError};
pub use target::{Target, TargetError};

/// A try is over within this, look-up, TLS and answer included.
pub const TRY_MAX: Duration = Duration::from_secs(15);
/// Of an answer so much is read; a longer one is as good as a short one.
pub const ANSWER_MAX: usize = 64 << 10;
/// Tries at a time.
const CALLS: usize = 16;

/// Where a hook is and what it shares with us.
#[derive(Clone)]
pub struct Known {
    /// Its address.
    pub target: Target,
    /// What signs calls; calls of Slack are not signed, their address is the secret.
    pub secret: Option<Secret>,
}

/// Calls hooks by HTTP/1.1.
pub struct HttpCaller {
    hooks: BTreeMap<String, Known>,
    tls: Arc<ClientConfig>,
}

impl HttpCaller {
    /// With these hooks, trusting the machine's certificates.
    #[must_use]
    pub fn new(hooks: BTreeMap<String, Known>) -> Self {
        Self::trusting(hooks, machine_roots())
    }

    /// With these hooks, trusting these certificates.
    #[must_use]
    pub fn trusting(hooks: BTreeMap<String, Known>, roots: RootCertStore) -> Self {
        Self { hooks, tls: trusting(roots) }
    }

    async fn tried(&self, request: &CallRequest) -> Result<Response<()>, Failed> {
        let known = self.hooks.get(&request.hook).ok_or(Failed::Never("not_configured"))?;
        let signed = match (&known.secret, request.signed) {
            (Some(secret), true) => Some(secret.sign(&request.id, request.at.as_second(), &request.body)),
            (None, true) => return Err(Failed::Never("no_secret")),
            (_, false) => None,
        };
        let stream = reach::connect(&known.target, request.private, &self.tls).await?;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(|_| Failed::Now("no_http"))?;
        let driver = tokio::spawn(connection);
        let answered = async {
            let built = build(&known.target, request, signed).ok_or(Failed::Never("unsendable"))?;
            let answer = sender.send_request(built).await.map_err(|_| Failed::Now("connection_lost"))?;
            let (head, body) = answer.into_parts();
            // Read, so that the other side has written all it has to say; what it is interests nobody.
            let _ = Limited::new(body, ANSWER_MAX).collect().await;
            Ok(Response::from_parts(head, ()))
        }
        .await;
        driver.abort();
        answered
    }
}

/// The certificates that this machine trusts.
pub(crate) fn machine_roots() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    // A machine without certificates reaches nobody by TLS; each call then says so.
    let (added, ignored) = roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    tracing::debug!(added, ignored, "certificates read");
    roots
}

pub(crate) fn trusting(roots: RootCertStore) -> Arc<ClientConfig> {
    Arc::new(ClientConfig::builder().with_root_certificates(roots).with_no_client_auth())
}

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failed {
    /// Another time it may go.
    Now(&'static str),
    /// It never will.
    Never(&'static str),
}

fn build(target: &Target, request: &CallRequest, signature: Option<String>) -> Option<Request<Full<Bytes>>> {
    let mut builder = Request::builder()
        .method(Method::POST)
        .uri(target.path())
        .header(HOST, target.host_header())
        .header(USER_AGENT, concat!("rapport/", env!("CARGO_PKG_VERSION")))
        .header(CONTENT_TYPE, "application/json; charset=utf-8")
        .header(CONTENT_LENGTH, request.body.len());
    if let Some(signature) = signature {
        builder = builder
            .header("webhook-id", &request.id)
            .header("webhook-timestamp", request.at.as_second())
            .header("webhook-signature", signature)
            .header("idempotency-key", &request.id);
    }
    builder.body(Full::new(Bytes::from(request.body.clone()))).ok()
}

#[async_trait]
impl Caller for HttpCaller {
    async fn call(&self, request: &CallRequest) -> Called {
        match tokio::time::timeout(TRY_MAX, self.tried(request)).await {
            Err(_) => Called::Again { reason: "timeout".to_owned(), after: None },
            Ok(Err(Failed::Now(reason))) => Called::Again { reason: reason.to_owned(), after: None },
            Ok(Err(Failed::Never(reason))) => Called::Refused { reason: reason.to_owned() },
            Ok(Ok(answer)) => judged(answer.status(), answer.headers().get(RETRY_AFTER)),
        }
    }

    fn calls_max(&self) -> usize {
        CALLS
    }
}

/// Everything may be mended until the deadline, but what says that it is gone, that the body is too large, or that the call
/// belongs elsewhere: a redirect could lead anywhere.
fn judged(status: StatusCode, retry_after: Option<&HeaderValue>) -> Called {
    let reason = format!("status {}", status.as_u16());
    if status.is_success() {
        return Called::Delivered;
    }
    if status.is_redirection() || matches!(status, StatusCode::GONE | StatusCode::PAYLOAD_TOO_LARGE) {
        return Called::Refused { reason };
    }
    let seconds = retry_after.and_then(|value| value.to_str().ok()).and_then(|text| text.trim().parse().ok());
    Called::Again { reason, after: seconds.map(Duration::from_secs) }
}
