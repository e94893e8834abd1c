//! `/a/{token}`: answers the survey of a mail with one click and a confirmation, which may ask for more.

use std::sync::Arc;

use axum::{
    extract::State,
    http::{HeaderMap, StatusCode},
    response::Response,
};
use rapport_message::link::Claims;
use rapport_workflow::Survey;
use serde_json::Value;

use super::{
    Gateway, Trouble,
    record::{self, Answered},
    survey::{self, Asked, Given},
    visit::{self, Posted, Token, Visit, fields},
};
use crate::metric;

/// The question of a link, and the mail it stood in.
struct Link {
    survey: String,
    message: String,
    asked: Asked,
}

/// Asks whether this is the answer meant: links are also opened by scanners, and by thumbs.
pub(super) async fn ask(
    State(gateway): State<Arc<Gateway>>,
    headers: HeaderMap,
    token: Token,
) -> Result<Response, Response> {
    let visit = visit::open(&gateway, &headers, token, "a").await?;
    let link = link(&gateway, &visit).await.map_err(|trouble| visit.trouble(trouble))?;
    let Some(Link { asked, .. }) = link else { return Ok(closed(&visit)) };
    Ok(asked.form(visit.page(&asked.question), visit.words))
}

/// Takes the answer the link stands for, or the score that was chosen instead, with what was written.
pub(super) async fn act(
    State(gateway): State<Arc<Gateway>>,
    headers: HeaderMap,
    token: Token,
    posted: Posted,
) -> Result<Response, Response> {
    let visit = visit::open(&gateway, &headers, token, "a").await?;
    let link = link(&gateway, &visit).await.map_err(|trouble| visit.trouble(trouble))?;
    let Some(link) = link else { return Ok(closed(&visit)) };
    let (asked, posted, words) = (&link.asked, fields(posted), visit.words);
    let given = match asked.read(&posted) {
        Ok(given) => given,
        Err(wrong) => return Ok(asked.again(visit.page(&asked.question), words, &posted, wrong)),
    };
    send(&gateway, &visit, &link, (&given, posted.as_slice())).await.map_err(|trouble| visit.trouble(trouble))?;
    metrics::counter!(metric::WISHES, "what" => "answer").increment(1);
    let page = visit.page(words.answered_title).notice(words.answered_text).aside(&asked.question);
    let page = page.quote(given.words.as_deref().unwrap_or_else(|| asked.label_of(&given.choice)));
    Ok(page.respond(StatusCode::OK))
}

async fn send(
    gateway: &Gateway,
    visit: &Visit,
    link: &Link,
    (given, posted): (&Given, &[(String, String)]),
) -> Result<(), Trouble> {
    let now = gateway.clock.now().await?;
    let answered = Answered {
        key: &visit.key,
        message: &link.message,
        survey: &link.survey,
        declared: declared(visit, &link.survey),
        given,
        shown: survey::shown(posted, now),
    };
    let (event, person) = record::answer(&answered, now);
    // What was written is kept before the record names it.
    gateway.store.store_persons(person.as_slice()).await?;
    record::send(&*gateway.store, gateway.shards, &[], vec![event]).await?;
    Ok(())
}

/// The survey the message carried, with the question as it was asked then. `None` when message or choice are gone.
async fn link(gateway: &Gateway, visit: &Visit) -> Result<Option<Link>, Trouble> {
    let Claims::Answer { message, choice, .. } = &visit.claims else { return Err(Trouble::Lost) };
    let Some(row) = visit.message(gateway, message).await? else { return Ok(None) };
    let context: Value = serde_json::from_str(&row.context).unwrap_or_default();
    let Some(id) = context.get("survey").and_then(Value::as_str) else { return Ok(None) };
    let survey = declared(visit, id);
    // One that has become anonymous since is asked no more by name, whatever the mail said of it then.
    if survey.is_some_and(|survey| survey.anonymous.is_some()) {
        return Ok(None);
    }
    let (question, label) = match asked_then(&context, choice).or_else(|| declared_now(visit, survey?, choice)) {
        Some(found) => found,
        None => return Ok(None),
    };
    let asked = Asked::confirmed(question, choice, label);
    let mut asked = match survey.filter(|survey| survey.has_answer(choice)) {
        Some(survey) => asked.with(survey, &|texts| visit.text(texts).to_owned(), visit.words),
        None => asked,
    };
    // Without the time the page is as good; an answer sent twice from it is then known by the minute.
    asked.shown = gateway.clock.now().await.ok();
    Ok(Some(Link { survey: id.to_owned(), message: row.id, asked }))
}

/// The survey in the files in force.
fn declared<'a>(visit: &'a Visit, id: &str) -> Option<&'a Survey> {
    visit.rulebook()?.surveys.get(id)
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
fn declared_now(visit: &Visit, survey: &Survey, choice: &str) -> Option<(String, String)> {
    let (_, label) = survey.choices.iter().find(|(id, _)| **id == *choice)?;
    Some((visit.text(&survey.question).to_owned(), visit.text(label).to_owned()))
}

/// The link is genuine, but nobody waits for the answer any more.
fn closed(visit: &Visit) -> Response {
    visit.page(visit.words.closed_title).text(visit.words.closed_text).respond(StatusCode::GONE)
}
