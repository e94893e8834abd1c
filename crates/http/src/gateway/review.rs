//! `/v/{token}`: what a month or quarter came to for a partner. The link names the period, not an instant: the page is made of what is
//! known when it is looked at, so a sale taken back since is not counted any more. It is gone when the partner is erased, and when the
//! period's days are not all kept any more.

use std::sync::Arc;

use axum::{
    extract::State,
    http::{HeaderMap, StatusCode},
    response::Response,
};
use jiff::Timestamp;
use rapport_engine::{
    ports::store::StoreError,
    review::{Period, ReviewPack, pack},
    shard::{beginning, facts::PartnerFacts},
};
use rapport_message::{Locale, link::Claims};
use rapport_partner::PartnerState;

use super::{
    Gateway, Trouble,
    visit::{self, Token, Visit},
};
use crate::review::{Reader, sheet};

/// Shows it.
pub(super) async fn show(
    State(gateway): State<Arc<Gateway>>,
    headers: HeaderMap,
    token: Token,
) -> Result<Response, Response> {
    let visit = visit::open(&gateway, &headers, token, "v").await?;
    let pack = looked_back(&gateway, &visit).await.map_err(|trouble| visit.trouble(trouble))?;
    let locales: Vec<Locale> = visit.languages().iter().filter_map(|tag| Locale::parse(tag)).collect();
    let name = visit.name().unwrap_or(visit.key.partner.as_str());
    // The page itself has the imprint.
    let sheet = sheet(&pack, &Reader { locales: &locales, program: visit.program(), name, imprint: None });
    let page = visit.page(&sheet.title).sheet(&sheet);
    Ok(visit.with_preferences(&gateway, page).respond(StatusCode::OK))
}

async fn looked_back(gateway: &Gateway, visit: &Visit) -> Result<ReviewPack, Trouble> {
    let Claims::Review { period, .. } = &visit.claims else { return Err(Trouble::Lost) };
    let period = Period::parse(period).ok_or(Trouble::Lost)?;
    // Without files nothing says which zone and currency.
    let applied = visit.applied().ok_or(Trouble::Busy)?;
    let program = applied.config.program(visit.key.program.as_str()).ok_or(Trouble::Lost)?;
    let now = gateway.clock.now().await?;
    let noted = gateway.store.meta(&beginning(&visit.key.program)).await?;
    let began = noted.and_then(|millis| Timestamp::from_millisecond(millis.parse().ok()?).ok());
    // An erasure takes the person away at once, and reaches the state with its record.
    let story = gateway.store.story(&visit.key).await?.filter(|story| story.person.is_some()).ok_or(Trouble::Lost)?;
    let state = PartnerState::decode(&story.partner.hot, story.partner.days.as_deref())
        .map_err(|error| StoreError::Damaged(format!("the state of {}: {error}", visit.key)))?;
    let facts = PartnerFacts {
        state: &state,
        rulebook: applied,
        program,
        now,
        began,
        reversed: None,
        figures: None,
        expectations: None,
    };
    pack(&facts, &story, period, visit.languages()).map_err(|_| Trouble::Lost)
}
