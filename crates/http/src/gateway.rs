//! The gateway: where the links in mails lead, and where trackers without Kafka deliver.

mod anonymous;
mod answer;
mod certificate;
mod click;
mod events;
mod feedback;
mod goal;
mod preferences;
mod record;
mod review;
mod survey;
mod unsubscribe;
mod visit;
mod why;
mod wishes;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use axum::{
    Json, Router,
    body::{Body, Bytes},
    extract::{Request, State},
    http::{HeaderMap, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use futures::StreamExt;
use hmac::{Hmac, Mac};
use rapport_engine::{
    ingest::Beginnings,
    ports::{
        clock::Clock,
        log::EventLog,
        store::{Store, StoreError},
    },
    restore::Guard,
    rulebooks::{Applied, RulebookError, Rulebooks},
};
use rapport_message::link::Keys;
use serde_json::json;
use sha2::Sha256;
use tracing::debug;

use crate::{
    metric,
    page::{Page, guarded},
    words::Words,
};

pub use feedback::{ProviderError, Providers};

/// How many bytes trackers may send at once when nobody says otherwise: 4 MiB.
pub const EVENT_BYTES_MAX: usize = 4 << 20;
/// What a form of ours can hold, with room for what mail providers send along.
const FORM_BYTES_MAX: usize = 16 << 10;
/// The same of an answer in words: 2,000 characters of four bytes, each byte written as three.
const ANSWER_BYTES_MAX: usize = 32 << 10;
/// Who takes longer to send a body is cut off.
const BODY_TIME_MAX: Duration = Duration::from_secs(30);

/// What the gateway works with.
#[derive(Clone)]
pub struct Gateway {
    /// Persons, messages, suppressions and the outbox.
    pub store: Arc<dyn Store>,
    /// Where tracker events go.
    pub log: Arc<dyn EventLog>,
    /// The present.
    pub clock: Arc<dyn Clock>,
    /// Topics, surveys, programmes and declared kinds.
    pub rules: Arc<dyn Rules>,
    /// The keys of the links; the first signs, all verify.
    pub keys: Keys,
    /// Number of shards.
    pub shards: u32,
    /// What trackers have to present; `None` takes events from anybody who reaches the address.
    pub bearer: Option<Bearer>,
    /// Mail providers that are believed.
    pub providers: Arc<Providers>,
    /// When programmes began, as far as this process has noted it.
    pub beginnings: Arc<Beginnings>,
    /// Asked whether the log is the one that is folded.
    pub guard: Arc<Guard>,
    /// How many bytes of events are taken at once; [`EVENT_BYTES_MAX`] is usual.
    pub event_bytes_max: usize,
}

/// The files in force. Cheap to clone.
pub type CurrentRules = Arc<Applied>;

/// Knows the files in force; the engine's [`Rulebooks`] do.
#[async_trait]
pub trait Rules: Send + Sync {
    /// The rulebook applied last; `None` before the first.
    async fn current(&self) -> Result<Option<CurrentRules>, StoreError>;
}

#[async_trait]
impl Rules for Rulebooks {
    async fn current(&self) -> Result<Option<CurrentRules>, StoreError> {
        match Rulebooks::current(self).await {
            Ok(applied) => Ok(applied),
            Err(RulebookError::Store(error)) => Err(error),
            Err(broken @ RulebookError::Broken { .. }) => Err(StoreError::Damaged(broken.to_string())),
        }
    }
}

/// A secret that trackers send as `Authorization: Bearer …`.
#[derive(Clone)]
pub struct Bearer(Vec<u8>);

impl Bearer {
    /// The secret; `None` when it is empty, which would let everybody in.
    #[must_use]
    pub fn new(secret: &str) -> Option<Self> {
        (!secret.is_empty()).then(|| Self(secret.as_bytes().to_vec()))
    }

    /// Whether the headers carry it. Takes the same time wherever they differ.
    fn admits(&self, headers: &HeaderMap) -> bool {
        carries(headers, b"bearer ", &self.0)
    }
}

/// Whether `Authorization` is of this scheme (with its space) and has this secret. Takes the same time wherever they differ.
fn carries(headers: &HeaderMap, scheme: &[u8], secret: &[u8]) -> bool {
    let given = headers.get(header::AUTHORIZATION).map(|value| value.as_bytes()).unwrap_or_default();
    let (told, theirs) = given.split_at_checked(scheme.len()).unwrap_or_default();
    let (Some(mine), Some(theirs)) = (tag(secret), tag(theirs)) else { return false };
    told.eq_ignore_ascii_case(scheme) && mine.verify(&theirs.finalize().into_bytes()).is_ok()
}

fn tag(secret: &[u8]) -> Option<Hmac<Sha256>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(b"rapport bearer").ok()?;
    mac.update(secret);
    Some(mac)
}

impl std::fmt::Debug for Bearer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Bearer(…)")
    }
}

/// The public router: pages for partners, intake for trackers, and a friendly page for everything else.
pub fn gateway(gateway: Gateway) -> Router {
    let event_bytes_max = gateway.event_bytes_max;
    let state = Arc::new(gateway);
    let pages = Router::new()
        .route("/u/{token}", get(unsubscribe::ask).post(unsubscribe::act))
        .route("/w/{token}", get(why::show))
        .route("/g/{token}", get(goal::ask).post(goal::act))
        .route("/c/{token}", get(certificate::show))
        .route("/v/{token}", get(review::show))
        .route("/l/{token}", get(click::follow))
        .route("/p/{token}", get(preferences::show).post(preferences::act))
        .fallback(lost)
        .method_not_allowed_fallback(wrong_method)
        .layer(middleware::from_fn_with_state(FORM_BYTES_MAX, limited));
    let answers = Router::new()
        .route("/a/{token}", get(answer::ask).post(answer::act))
        .route("/s/{token}", get(anonymous::ask).post(anonymous::act))
        .method_not_allowed_fallback(wrong_method)
        .layer(middleware::from_fn_with_state(ANSWER_BYTES_MAX, limited));
    let events = Router::new()
        .route("/v1/events", post(events::take))
        .layer(middleware::from_fn_with_state(event_bytes_max, limited));
    let feedback = Router::new()
        .route("/v1/mail", post(feedback::mail))
        .route("/v1/feedback/{provider}", post(feedback::provider))
        .layer(middleware::from_fn_with_state(feedback::MAIL_BYTES_MAX, limited));
    pages
        .merge(answers)
        .merge(events)
        .merge(feedback)
        .with_state(state)
        .layer(middleware::map_response(guarded))
        .layer(middleware::from_fn(counted))
}

async fn lost(headers: HeaderMap) -> Response {
    Trouble::Lost.page(browser_words(&headers))
}

async fn wrong_method(headers: HeaderMap) -> Response {
    let words = browser_words(&headers);
    Page::new(words, "", words.method_title).text(words.lost_text).respond(StatusCode::METHOD_NOT_ALLOWED)
}

/// Why a page cannot be what was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trouble {
    /// The token does not verify, or what it names is not there. Which of the two is not told.
    Lost,
    /// The database cannot be asked now.
    Busy,
    /// The body is too large.
    Large,
    /// The body did not come.
    Slow,
}

impl Trouble {
    const fn code(self) -> &'static str {
        match self {
            Trouble::Lost => "unknown",
            Trouble::Busy => "unavailable",
            Trouble::Large => "too_large",
            Trouble::Slow => "too_slow",
        }
    }

    const fn status(self) -> StatusCode {
        match self {
            Trouble::Lost => StatusCode::NOT_FOUND,
            Trouble::Busy => StatusCode::SERVICE_UNAVAILABLE,
            Trouble::Large => StatusCode::PAYLOAD_TOO_LARGE,
            Trouble::Slow => StatusCode::REQUEST_TIMEOUT,
        }
    }

    /// As programs are told.
    fn told(self) -> Response {
        (self.status(), Json(json!({ "error": { "code": self.code() } }))).into_response()
    }

    fn page(self, words: &'static Words) -> Response {
        let (title, text) = match self {
            Trouble::Lost => (words.lost_title, words.lost_text),
            Trouble::Busy | Trouble::Slow => (words.busy_title, words.busy_text),
            Trouble::Large => (words.large_title, words.large_text),
        };
        let mut response = Page::new(words, "", title).text(text).respond(self.status());
        if self == Trouble::Busy {
            response.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from_static("5"));
        }
        response
    }
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        tracing::warn!(%error, "a page cannot be shown");
        Trouble::Busy
    }
}

/// The words the browser asks for, for pages that are about nobody.
fn browser_words(headers: &HeaderMap) -> &'static Words {
    Words::accepted(headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()))
}

/// Reads the whole body before the handler runs, within a size and a time.
async fn limited(State(bytes_max): State<usize>, request: Request, next: Next) -> Response {
    let words = browser_words(request.headers());
    let declared = request.headers().get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    let (head, body) = request.into_parts();
    let read = if declared.is_some_and(|length: usize| length > bytes_max) {
        Err(Trouble::Large)
    } else {
        let read = tokio::time::timeout(BODY_TIME_MAX, whole(body, bytes_max)).await;
        read.unwrap_or(Err(Trouble::Slow))
    };
    match read {
        Ok(bytes) => next.run(Request::from_parts(head, Body::from(bytes))).await,
        // Programs read codes, people read pages.
        Err(trouble) if head.uri.path().starts_with("/v1/") => {
            feedback::not_read(head.uri.path(), trouble.code());
            trouble.told()
        }
        Err(trouble) => trouble.page(words),
    }
}

async fn whole(body: Body, bytes_max: usize) -> Result<Bytes, Trouble> {
    let mut stream = body.into_data_stream();
    let mut bytes = Vec::new();
    while let Some(chunk) = stream.next().await {
        // A body that breaks off is answered, should anybody still listen.
        let chunk = chunk.map_err(|_| Trouble::Slow)?;
        if bytes.len().saturating_add(chunk.len()) > bytes_max {
            return Err(Trouble::Large);
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes.into())
}

/// Counts by the route's pattern: a token in a metric or log would be a key left lying about.
async fn counted(request: Request, next: Next) -> Response {
    let mut segments = request.uri().path().split('/').skip(1);
    let route = match segments.next() {
        Some("u") => "/u/{token}",
        Some("a") => "/a/{token}",
        Some("s") => "/s/{token}",
        Some("w") => "/w/{token}",
        Some("p") => "/p/{token}",
        Some("g") => "/g/{token}",
        Some("c") => "/c/{token}",
        Some("v") => "/v/{token}",
        Some("l") => "/l/{token}",
        Some("v1") => match segments.next() {
            Some("mail") => "/v1/mail",
            Some("feedback") => "/v1/feedback/{provider}",
            _ => "/v1/events",
        },
        _ => "other",
    };
    let method = request.method().clone();
    let response = next.run(request).await;
    let status = response.status().as_u16();
    debug!(%method, route, status, "request answered");
    metrics::counter!(metric::REQUESTS, "route" => route, "status" => status.to_string()).increment(1);
    response
}
