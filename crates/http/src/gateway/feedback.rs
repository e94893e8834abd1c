//! What comes back about mail: `POST /v1/mail` takes a mail as a mailbox got it (bounce, complaint, reply), and
//! `POST /v1/feedback/{provider}` takes a provider's webhook.
//!
//! A report has an effect only when it is proven: a mail by a return path that we signed, a call by the provider's signature. Each has
//! its effect once, by its id, in one transaction with the suppression and the records that tell of it.

mod effect;
mod providers;

use std::sync::Arc;

use axum::{
    Json,
    body::Bytes,
    extract::{Path, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use rapport_engine::ports::store::StoreError;
use rapport_event::PartnerKey;
use rapport_feedback::{Envelope, What, read_mail};
use rapport_message::link::Claims;
use serde_json::json;
use sha2::{Digest, Sha256};
use tracing::{info, warn};

pub use providers::{ProviderError, Providers};

use self::effect::{Origin, Tally};
use self::providers::{Refused, Told};
use super::Gateway;
use crate::metric;

/// A mail with its returned original.
pub(super) const MAIL_BYTES_MAX: usize = 2 << 20;

/// The header that names the envelope's recipient, for mailboxes that know it.
const ENVELOPE_TO: &str = "x-envelope-to";

/// Takes a mail that came in.
pub(super) async fn mail(State(gateway): State<Arc<Gateway>>, headers: HeaderMap, body: Bytes) -> Response {
    if gateway.bearer.as_ref().is_some_and(|bearer| !bearer.admits(&headers)) {
        refused("mail", "unauthorized");
        let told = error(StatusCode::UNAUTHORIZED, "unauthorized");
        return ([(header::WWW_AUTHENTICATE, "Bearer realm=\"rapport\"")], told).into_response();
    }
    let recipient = headers.get(ENVELOPE_TO).and_then(|value| value.to_str().ok());
    let (reports, envelope) = match read_mail(&body, recipient) {
        Ok(read) => read,
        Err(unread) => {
            refused("mail", unread.code());
            return error(StatusCode::UNPROCESSABLE_ENTITY, unread.code());
        }
    };
    if let Some(wish) = wish(&gateway, &envelope) {
        return answer("mail", unsubscribe(&gateway, wish).await);
    }
    let is_reply = reports.iter().all(|report| matches!(report.what, What::Reply | What::AutoReply { .. }));
    let paths = envelope.recipients.iter().chain(&envelope.returned_paths);
    let proven = paths.filter_map(|path| tag(path)).find_map(|tag| gateway.keys.message_of_return_tag(tag));
    let origin = match proven {
        // A reply is what it says it is: it names the mail it answers.
        _ if is_reply => Origin::Reply { digest: digest(&body) },
        Some(message) => Origin::ReturnPath { message },
        None => {
            refused("mail", "unproven");
            return error(StatusCode::UNPROCESSABLE_ENTITY, "unproven");
        }
    };
    answer("mail", effect::carry_out(&gateway, &origin, reports).await)
}

/// A mail to the address that `List-Unsubscribe` offers beside the link: its subject is the link's token.
fn wish(gateway: &Gateway, envelope: &Envelope) -> Option<Claims> {
    let to_us =
        |address: &String| address.rsplit_once('@').is_some_and(|(local, _)| local.eq_ignore_ascii_case("unsubscribe"));
    let claims = gateway.keys.verify(envelope.subject.as_deref().filter(|_| envelope.recipients.iter().any(to_us))?)?;
    matches!(claims, Claims::Unsubscribe { .. }).then_some(claims)
}

async fn unsubscribe(gateway: &Gateway, wish: Claims) -> Result<Tally, StoreError> {
    let Claims::Unsubscribe { program, partner, topic, message } = wish else { return Ok(Tally::default()) };
    let Ok(key) = PartnerKey::new(&program, &partner) else { return Ok(Tally::default()) };
    let address = effect::newest_address(gateway, &key).await?.map(|address| address.folded());
    super::unsubscribe::end(gateway, &key, address, &topic, &message).await?;
    metrics::counter!(metric::WISHES, "what" => "unsubscribe").increment(1);
    Ok(Tally { taken: 1, ..Tally::default() })
}

/// Takes a provider's call.
pub(super) async fn provider(
    State(gateway): State<Arc<Gateway>>,
    Path(provider): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let name = known(&provider);
    let now = match gateway.clock.now().await {
        Ok(now) => now,
        Err(why) => return answer(name, Err(why)),
    };
    let told = gateway.providers.read(&provider, &headers, &body, now);
    match told {
        Ok(Told::Reports { reports, once }) => {
            let origin = Origin::Provider { name, once: once.map(|once| digest(once.as_bytes())) };
            answer(name, effect::carry_out(&gateway, &origin, reports).await)
        }
        Ok(Told::Confirm(url)) => {
            info!(url, "a topic wants to be subscribed to: open this address, if you asked for it");
            (StatusCode::OK, Json(json!({ "confirm": "the address is in the gateway's log" }))).into_response()
        }
        Err(Refused::Unknown) => {
            refused(name, "unknown");
            error(StatusCode::NOT_FOUND, "unknown")
        }
        Err(Refused::Unproven) => {
            refused(name, "unproven");
            // Mailgun does not try again after a 406.
            let status = if name == "mailgun" { StatusCode::NOT_ACCEPTABLE } else { StatusCode::UNAUTHORIZED };
            error(status, "unproven")
        }
        Err(Refused::Old) => {
            refused(name, "too_old");
            error(StatusCode::UNPROCESSABLE_ENTITY, "too_old")
        }
        Err(Refused::Unread(unread)) => {
            refused(name, unread.code());
            error(StatusCode::UNPROCESSABLE_ENTITY, unread.code())
        }
    }
}

/// The name of a provider. Known ones only: anything else would make a metric of whatever is asked for.
fn known(provider: &str) -> &'static str {
    ["mailgun", "sendgrid", "postmark", "ses"].into_iter().find(|name| *name == provider).unwrap_or("other")
}

/// Counts a report whose body was not read, by the path it came to; what is no report is none of ours.
pub(super) fn not_read(path: &str, why: &'static str) {
    match (path, path.strip_prefix("/v1/feedback/")) {
        ("/v1/mail", _) => refused("mail", why),
        (_, Some(provider)) => refused(known(provider), why),
        _ => {}
    }
}

/// The tag in `bounce+TAG@domain`.
fn tag(address: &str) -> Option<&str> {
    address.rsplit_once('@')?.0.split_once('+').map(|(_, tag)| tag)
}

fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

fn refused(origin: &'static str, why: &'static str) {
    warn!(origin, why, "a report about mail is refused");
    metrics::counter!(metric::FEEDBACK_REFUSED, "origin" => origin, "why" => why).increment(1);
}

fn error(status: StatusCode, code: &str) -> Response {
    (status, Json(json!({ "error": { "code": code } }))).into_response()
}

fn answer(origin: &'static str, done: Result<Tally, StoreError>) -> Response {
    match done {
        Ok(tally) => {
            let told = json!({ "taken": tally.taken, "known": tally.known, "nothing": tally.nothing, "refused": tally.refused });
            (StatusCode::OK, Json(told)).into_response()
        }
        Err(why) => {
            warn!(origin, %why, "a report about mail cannot be taken now");
            let told = error(StatusCode::SERVICE_UNAVAILABLE, "unavailable");
            ([(header::RETRY_AFTER, "30")], told).into_response()
        }
    }
}
