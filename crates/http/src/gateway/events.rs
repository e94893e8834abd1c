//! `POST /v1/events`: tracker events, one, a JSON array, or a line each.
//!
//! What can be an event is kept, what cannot is named with index, code and detail: one bad line never costs the others. When
//! something is refused the answer is 422, although the rest was taken; sending all of it again is harmless within the hour in
//! which ids are remembered.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use axum::{
    Json,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use jiff::Timestamp;
use rapport_engine::{
    backoff::Passing as _,
    ingest::{Intake, person_row},
    ports::{
        log::{LogError, NewRecord, append_all_that_fit},
        rows::PersonRow,
        store::StoreError,
    },
    restore::RestoreError,
};
use rapport_event::{Decoded, Headers, ProgramId, RejectCode, Rejection, encode, moved, shard_of};
use serde::Serialize;
use serde_json::{json, value::RawValue};
use tracing::{debug, warn};

use super::Gateway;
use crate::metric;

/// Events taken at once.
const ITEMS_MAX: usize = 10_000;
/// Refusals told at once; of more only the number.
const TOLD_MAX: usize = 1000;

#[derive(Serialize)]
struct Refused {
    index: usize,
    code: &'static str,
    detail: String,
}

/// Takes events. 202: all are kept. 422: the named ones are not. 503: none may be, send again.
pub(super) async fn take(State(gateway): State<Arc<Gateway>>, headers: HeaderMap, body: Bytes) -> Response {
    if gateway.bearer.as_ref().is_some_and(|bearer| !bearer.admits(&headers)) {
        let told = error(StatusCode::UNAUTHORIZED, "unauthorized", "send `Authorization: Bearer …`");
        return ([(header::WWW_AUTHENTICATE, "Bearer realm=\"rapport\"")], told).into_response();
    }
    match keep(&gateway, &headers, &body).await {
        Ok(answer) => answer,
        Err(Failure::Later(why)) => {
            warn!(why, "events cannot be taken now");
            let told = error(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "not everything is kept; send it again");
            ([(header::RETRY_AFTER, "2")], told).into_response()
        }
        Err(Failure::Broken(why)) => {
            tracing::error!(why, "events cannot be taken");
            error(StatusCode::INTERNAL_SERVER_ERROR, "internal", "not everything is kept; our operators are told")
        }
    }
}

fn error(status: StatusCode, code: &str, detail: &str) -> Response {
    (status, Json(json!({ "error": { "code": code, "detail": detail } }))).into_response()
}

enum Failure {
    /// Trying again may help.
    Later(String),
    /// It will not.
    Broken(String),
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        if error.passing().is_some() { Self::Later(error.to_string()) } else { Self::Broken(error.to_string()) }
    }
}

impl From<RestoreError> for Failure {
    fn from(error: RestoreError) -> Self {
        match error {
            RestoreError::Log(error) => error.into(),
            RestoreError::Store(error) => error.into(),
            // Trackers keep what they have until somebody has looked.
            RestoreError::Restored(_) | RestoreError::OtherLog(_) => Failure::Later(error.to_string()),
        }
    }
}

impl From<LogError> for Failure {
    fn from(error: LogError) -> Self {
        match error {
            // The next append gets a new producer; what the broker refuses now (rights, a topic) operators can mend.
            LogError::Unreachable(_) | LogError::Closed | LogError::Refused(_) => Failure::Later(error.to_string()),
            LogError::OutOfRange { .. } | LogError::TooLarge(_) => Failure::Broken(error.to_string()),
        }
    }
}

/// Persons first, then the log, then the answer.
async fn keep(gateway: &Gateway, headers: &HeaderMap, body: &[u8]) -> Result<Response, Failure> {
    let media = media(headers);
    let items = match Items::of(&media, headers, body) {
        Ok(items) => items,
        Err(rejection) => return Ok(answer(0, vec![refused(0, &rejection)])),
    };
    if items.bodies.len() > ITEMS_MAX {
        let detail = format!("{} events where {ITEMS_MAX} are taken at once", items.bodies.len());
        return Ok(error(StatusCode::PAYLOAD_TOO_LARGE, "too_many", &detail));
    }
    let rules = gateway.rules.current().await?;
    let now = gateway.clock.now().await?;
    let replays = gateway.clock.replays();
    let intake = Intake::of(rules.as_deref().map(|applied| &applied.rulebook), replays);
    let mut batch = Batch::default();
    let mut accepted = 0;
    let mut rejected = Vec::new();
    for (index, item) in items.bodies.iter().enumerate() {
        match intake.read(item, &Headers(&items.headers), now) {
            Ok(decoded) => {
                accepted += 1;
                batch.add(index, decoded, gateway.shards, replays.then_some(now));
            }
            Err(rejection) => rejected.push(refused(index, &rejection)),
        }
    }
    gateway.store.store_persons(&batch.persons).await?;
    gateway.beginnings.note(gateway.store.as_ref(), &batch.began).await?;
    if !batch.records.is_empty() {
        gateway.guard.prove_log(gateway.log.as_ref(), gateway.store.as_ref(), gateway.clock.as_ref()).await?;
        let too_large = append_all_that_fit(gateway.log.as_ref(), &batch.records).await?;
        let named: BTreeSet<usize> = too_large.iter().filter_map(|place| batch.items.get(*place)).copied().collect();
        accepted -= named.len();
        for index in named {
            let rejection = Rejection::new(RejectCode::RecordTooLarge, "larger than the event log takes");
            rejected.push(refused(index, &rejection));
        }
        rejected.sort_by_key(|refused| refused.index);
    }
    metrics::counter!(metric::EVENTS).increment(accepted as u64);
    Ok(answer(accepted, rejected))
}

fn refused(index: usize, rejection: &Rejection) -> Refused {
    let code = rejection.code.as_str();
    debug!(index, code, "an event is refused");
    metrics::counter!(metric::REJECTED, "code" => code).increment(1);
    Refused { index, code, detail: rejection.detail.to_string() }
}

fn answer(accepted: usize, mut rejected: Vec<Refused>) -> Response {
    let refused = rejected.len();
    let status = if refused == 0 { StatusCode::ACCEPTED } else { StatusCode::UNPROCESSABLE_ENTITY };
    rejected.truncate(TOLD_MAX);
    (status, Json(json!({ "accepted": accepted, "refused": refused, "rejected": rejected }))).into_response()
}

fn media(headers: &HeaderMap) -> String {
    let media = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    media.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// The bodies of single events, with the headers that belong to them.
struct Items<'a> {
    bodies: Vec<&'a [u8]>,
    headers: Vec<(&'a str, &'a [u8])>,
}

impl<'a> Items<'a> {
    fn of(media: &str, headers: &'a HeaderMap, body: &'a [u8]) -> Result<Self, Rejection> {
        if matches!(
            media,
            "application/x-ndjson" | "application/ndjson" | "application/jsonl" | "application/x-jsonlines"
        ) {
            let lines = body.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
            return Ok(Self { bodies: lines.filter(|line| !line.is_empty()).collect(), headers: Vec::new() });
        }
        if body.trim_ascii_start().first() == Some(&b'[') {
            let items: Vec<&RawValue> = serde_json::from_slice(body)
                .map_err(|error| Rejection::new(RejectCode::BadJson, format!("the array is not JSON: {error}")))?;
            return Ok(Self {
                bodies: items.into_iter().map(|item| item.get().as_bytes()).collect(),
                headers: Vec::new(),
            });
        }
        // One event. CloudEvents in binary mode stand in the headers `ce-…`.
        let mut own: Vec<(&str, &[u8])> = headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_bytes()))
            .filter(|(name, _)| name.starts_with("ce-"))
            .collect();
        let content = headers.get(header::CONTENT_TYPE).map(|value| value.as_bytes());
        // `curl -d` says it sends a form; what stands there is looked at all the same.
        if let Some(content) = content.filter(|_| media.contains("json") || !own.is_empty()) {
            own.push(("content-type", content));
        }
        Ok(Self { bodies: vec![body], headers: own })
    }
}

#[derive(Default)]
struct Batch {
    persons: Vec<PersonRow>,
    records: Vec<NewRecord>,
    /// The item each record was made of.
    items: Vec<usize>,
    /// The earliest event of each programme.
    began: BTreeMap<ProgramId, Timestamp>,
}

impl Batch {
    /// `stamp` is the replay's present; live, the log stamps.
    fn add(&mut self, item: usize, decoded: Decoded, shards: u32, stamp: Option<Timestamp>) {
        let Decoded { mut event, personal } = decoded;
        if personal.is_some() || event.partner().is_some() {
            let person = person_row(&event, personal.as_ref());
            event.person_version = Some(person.version);
            self.persons.push(person);
        }
        let began = self.began.entry(event.key.program.clone()).or_insert(event.occurred_at);
        *began = (*began).min(event.occurred_at);
        let (reversal, event) = moved(event);
        self.records.extend(reversal.into_iter().chain([event]).map(|event| NewRecord {
            shard: shard_of(&event.key, shards),
            key: event.key.to_string().into_bytes(),
            value: encode(&event),
            stamp,
            position: None,
        }));
        self.items.resize(self.records.len(), item);
    }
}
