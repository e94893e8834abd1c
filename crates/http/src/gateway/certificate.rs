//! `/c/{token}`: the certificate of an award. Whoever has the link may look at it; it names the partner as they call themselves
//! now, and is gone when they are erased.

use std::sync::Arc;

use axum::{
    extract::State,
    http::{HeaderMap, StatusCode},
    response::Response,
};
use rapport_engine::shard::{facts, react::Given};
use rapport_message::link::Claims;

use super::{
    Gateway, Trouble,
    visit::{self, Token, Visit},
};

/// Shows it.
pub(super) async fn show(
    State(gateway): State<Arc<Gateway>>,
    headers: HeaderMap,
    token: Token,
) -> Result<Response, Response> {
    let visit = visit::open(&gateway, &headers, token, "c").await?;
    let given = given(&gateway, &visit).await.map_err(|trouble| visit.trouble(trouble))?;
    let rulebook = visit.rulebook();
    let declared = rulebook.and_then(|rules| rules.awards.get(&given.award));
    let words = visit.words;
    let title = declared.map_or(&*given.award, |award| visit.text(&award.name));
    let because = given.because.as_deref().or(declared.map(|award| visit.text(&award.about)));
    let on = words.date(given.at.to_zoned(visit.zone()).date());
    let name = visit.name().unwrap_or(visit.key.partner.as_str());
    let page = visit.page(title).text(&words.certificate_text.replace("{program}", visit.program())).quote(name);
    let page = match because {
        Some(because) => page.text(because),
        None => page,
    };
    // An id that nobody declared says nothing to people.
    let training = given.training.as_deref().and_then(|id| rulebook?.resources.get(id));
    let page = match training {
        Some(training) => page.text(&words.certificate_training.replace("{training}", visit.text(&training.title))),
        None => page,
    };
    Ok(page.aside(&words.certificate_on.replace("{date}", &on)).respond(StatusCode::OK))
}

async fn given(gateway: &Gateway, visit: &Visit) -> Result<Given, Trouble> {
    let Claims::Certificate { award: wanted, .. } = &visit.claims else { return Err(Trouble::Lost) };
    let story = gateway.store.story(&visit.key).await?;
    let given = story.map(|story| facts::awards_of_row(&story.partner)).transpose()?.unwrap_or_default();
    given.into_iter().find(|given| given.id == *wanted).ok_or(Trouble::Lost)
}
