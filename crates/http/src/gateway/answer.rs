//! `/a/{token}`: answers the survey of a mail with one click and a confirmation.

use std::sync::Arc;

use axum::{
    extract::State,
    http::{HeaderMap, StatusCode},
    response::Response,
};
use rapport_message::link::Claims;
use serde_json::Value;

use super::{
    Gateway, Trouble, record,
    visit::{self, Token, Visit},
};
use crate::metric;

/// The question and the choice of a link, as they are to be shown.
struct Question {
    survey: String,
    question: String,
    choice: String,
    label: String,
    message: String,
}

/// Asks whether this is the answer meant: links are also opened by scanners, and by thumbs.
pub(super) async fn ask(
    State(gateway): State<Arc<Gateway>>,
    headers: HeaderMap,
    token: Token,
) -> Result<Response, Response> {
    let visit = visit::open(&gateway, &headers, token, "a").await?;
    let asked = question(&gateway, &visit).await.map_err(|trouble| visit.trouble(trouble))?;
    let Some(asked) = asked else { return Ok(closed(&visit)) };
    let words = visit.words;
    let page = visit.page(&asked.question).text(words.answer_text).quote(&asked.label);
    Ok(page.button(words.answer_button, &[("answer", &asked.choice)]).respond(StatusCode::OK))
}

/// Takes the answer the link stands for; the body says nothing more.
pub(super) async fn act(
    State(gateway): State<Arc<Gateway>>,
    headers: HeaderMap,
    token: Token,
) -> Result<Response, Response> {
    let visit = visit::open(&gateway, &headers, token, "a").await?;
    let asked = question(&gateway, &visit).await.map_err(|trouble| visit.trouble(trouble))?;
    let Some(asked) = asked else { return Ok(closed(&visit)) };
    send(&gateway, &visit, &asked).await.map_err(|trouble| visit.trouble(trouble))?;
    metrics::counter!(metric::WISHES, "what" => "answer").increment(1);
    let words = visit.words;
    let page = visit.page(words.answered_title).notice(words.answered_text).aside(&asked.question).quote(&asked.label);
    Ok(page.respond(StatusCode::OK))
}

async fn send(gateway: &Gateway, visit: &Visit, asked: &Question) -> Result<(), Trouble> {
    let now = gateway.clock.now().await?;
    let event = record::answer(&visit.key, &asked.message, &asked.survey, &asked.choice, now);
    record::send(&*gateway.store, gateway.shards, &[], vec![event]).await?;
    Ok(())
}

/// The survey the message carried, with the question as it was asked then. `None` when message or choice are gone.
async fn question(gateway: &Gateway, visit: &Visit) -> Result<Option<Question>, Trouble> {
    let Claims::Answer { message, choice, .. } = &visit.claims else { return Err(Trouble::Lost) };
    let Some(row) = visit.message(gateway, message).await? else { return Ok(None) };
    let context: Value = serde_json::from_str(&row.context).unwrap_or_default();
    let Some(survey) = context.get("survey").and_then(Value::as_str) else { return Ok(None) };
    let (question, label) = match asked_then(&context, choice).or_else(|| declared_now(visit, survey, choice)) {
        Some(found) => found,
        None => return Ok(None),
    };
    Ok(Some(Question { survey: survey.to_owned(), question, choice: choice.clone(), label, message: row.id }))
}

/// From the values the mail was rendered with.
fn asked_then(context: &Value, choice: &str) -> Option<(String, String)> {
    let survey = context.get("values")?.get("survey")?;
    let question = survey.get("question")?.as_str()?;
    let choices = survey.get("choices")?.as_array()?;
    let chosen = choices.iter().find(|known| known.get("id").and_then(Value::as_str) == Some(choice))?;
    Some((question.to_owned(), chosen.get("label")?.as_str()?.to_owned()))
}

/// From the files in force.
fn declared_now(visit: &Visit, survey: &str, choice: &str) -> Option<(String, String)> {
    let survey = visit.rulebook()?.surveys.get(survey)?;
    let (_, label) = survey.choices.iter().find(|(id, _)| **id == *choice)?;
    Some((visit.text(&survey.question).to_owned(), visit.text(label).to_owned()))
}

/// The link is genuine, but nobody waits for the answer any more.
fn closed(visit: &Visit) -> Response {
    visit.page(visit.words.closed_title).text(visit.words.closed_text).respond(StatusCode::GONE)
}
