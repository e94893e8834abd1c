//! `/u/{token}`: ends the mails of one topic (RFC 8058).
//!
//! GET shows a page with a button. Any POST unsubscribes, whatever its body: mailbox providers send `List-Unsubscribe=One-Click` as a
//! form or as multipart, browsers send the button, and somebody who says no must never meet a parser's objection.

use std::sync::Arc;

use axum::{
    extract::State,
    http::{HeaderMap, StatusCode},
    response::Response,
};
use rapport_engine::ports::store::{StoreError, SuppressionChange, UNSUBSCRIBED};
use rapport_event::{Kind, PartnerKey};
use rapport_message::link::Claims;

use super::{
    Gateway, Trouble, record,
    visit::{self, Token},
};
use crate::metric;

/// Asks.
pub(super) async fn ask(
    State(gateway): State<Arc<Gateway>>,
    headers: HeaderMap,
    token: Token,
) -> Result<Response, Response> {
    let visit = visit::open(&gateway, &headers, token, "u").await?;
    let Claims::Unsubscribe { topic, .. } = &visit.claims else { return Err(visit.trouble(Trouble::Lost)) };
    let words = visit.words;
    let text = words.unsubscribe_text.replace("{program}", visit.program()).replace("{topic}", visit.topic_name(topic));
    let page = visit
        .page(words.unsubscribe_title)
        .text(&text)
        .button(words.unsubscribe_button, &[("List-Unsubscribe", "One-Click")]);
    Ok(visit.with_preferences(&gateway, page).respond(StatusCode::OK))
}

/// Acts, as often as it is asked.
pub(super) async fn act(
    State(gateway): State<Arc<Gateway>>,
    headers: HeaderMap,
    token: Token,
) -> Result<Response, Response> {
    let visit = visit::open(&gateway, &headers, token, "u").await?;
    let Claims::Unsubscribe { topic, message, .. } = &visit.claims else { return Err(visit.trouble(Trouble::Lost)) };
    end(&gateway, &visit.key, visit.address(), topic, message).await.map_err(|error| visit.trouble(error.into()))?;
    metrics::counter!(metric::WISHES, "what" => "unsubscribe").increment(1);
    let words = visit.words;
    let text = words.unsubscribed_text.replace("{topic}", visit.topic_name(topic));
    let page = visit.page(words.unsubscribed_title).text(&text);
    Ok(visit.with_preferences(&gateway, page).respond(StatusCode::OK))
}

/// The suppression, which the mailer obeys at once, and the record that stops workflows: both or neither.
pub(super) async fn end(
    gateway: &Gateway,
    key: &PartnerKey,
    address: Option<String>,
    topic: &str,
    message: &str,
) -> Result<(), StoreError> {
    let now = gateway.clock.now().await?;
    // Without an address there is nothing to suppress; the record keeps workflows of the topic from starting.
    let changes: Vec<SuppressionChange> =
        address.map(|address| SuppressionChange::add(&address, Some(topic), UNSUBSCRIBED, now)).into_iter().collect();
    // With the instant: who switches it on again and follows the same link once more means it.
    let id = format!("contact.opted_out:{message}:{topic}:{}", now.as_millisecond());
    let event = record::contact(&id, key, Kind::ContactOptedOut, Some(topic), Some(message), now);
    record::send(&*gateway.store, gateway.shards, &changes, vec![event]).await?;
    Ok(())
}
