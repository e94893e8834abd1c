//! `/w/{token}`: why a mail was written.

use std::sync::Arc;

use axum::{
    extract::State,
    http::{HeaderMap, StatusCode},
    response::Response,
};
use rapport_engine::{mailer::reason, ports::rows::MessageRow};
use rapport_message::{Locale, link::Claims};
use serde_json::Value;

use super::{
    Gateway, Trouble,
    visit::{self, Token, Visit},
};
use crate::page::Page;

/// Tells what led to the mail. A message no longer kept gets the general reason.
pub(super) async fn show(
    State(gateway): State<Arc<Gateway>>,
    headers: HeaderMap,
    token: Token,
) -> Result<Response, Response> {
    let visit = visit::open(&gateway, &headers, token, "w").await?;
    let Claims::Why { message, .. } = &visit.claims else { return Err(visit.trouble(Trouble::Lost)) };
    let row = visit.message(&gateway, message).await.map_err(|trouble| visit.trouble(trouble))?;
    let words = visit.words;
    let mut page = visit.page(words.why_title).text(&words.why_generally.replace("{program}", visit.program()));
    if let Some(row) = &row {
        page = told(&visit, page, row);
    }
    Ok(visit.with_preferences(&gateway, page).respond(StatusCode::OK))
}

fn told(visit: &Visit, page: Page, row: &MessageRow) -> Page {
    let words = visit.words;
    let context: Value = serde_json::from_str(&row.context).unwrap_or_default();
    let values = context.get("values").unwrap_or(&Value::Null);
    let layout = visit.rulebook().map(|rulebook| &rulebook.layout);
    let page =
        match layout.zip(Locale::parse(words.language)).and_then(|(layout, locale)| reason(values, layout, &locale)) {
            Some(reason) => page.text(words.why_because).quote(&reason),
            None => page,
        };
    let page = match visit.topic(&row.topic) {
        Some(topic) => {
            let text = words.why_topic.replace("{topic}", visit.text(&topic.name));
            page.text(&text.replace("{about}", visit.text(&topic.about)))
        }
        None => page,
    };
    let date = row.planned_at.to_zoned(visit.zone()).date();
    page.aside(&words.why_planned.replace("{date}", &words.date(date)))
}
