//! `/s/{token}`: answers an anonymous survey. Nothing here knows a partner: the link names none, and none is looked up.

use std::sync::Arc;

use axum::{
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    response::Response,
};
use jiff::{Timestamp, ToSpan, tz::TimeZone};
use rapport_engine::ports::{rows::AnonymousAnswer, store::StoreError};
use rapport_event::ProgramId;
use rapport_message::{Locale, link::Claims};
use rapport_workflow::{Rulebook, Texts, config::answered_until};

use super::{
    CurrentRules, Gateway, Trouble, browser_words,
    survey::Asked,
    visit::{Posted, Token, fields},
};
use crate::{page::Page, words::Words};

/// Whoever follows such a link: what it says, and the files in force.
struct Guest {
    program: ProgramId,
    survey: String,
    period: String,
    ticket: String,
    choice: String,
    languages: Vec<String>,
    words: &'static Words,
    rules: Option<CurrentRules>,
}

/// A question that may still be answered, and until when.
struct Open {
    asked: Asked,
    closes_at: Timestamp,
}

/// Asks for the answer; scores can be chosen anew.
pub(super) async fn ask(
    State(gateway): State<Arc<Gateway>>,
    headers: HeaderMap,
    token: Token,
) -> Result<Response, Response> {
    let guest = open(&gateway, &headers, token).await?;
    let open = guest.question(&gateway).await.map_err(|trouble| trouble.page(guest.words))?;
    let Some(Open { asked, .. }) = open else { return Ok(guest.closed()) };
    let page = guest.page(&asked.question).aside(guest.words.anonymous_text);
    Ok(asked.form(page, guest.words))
}

/// Counts the answer, once for each partner and period.
pub(super) async fn act(
    State(gateway): State<Arc<Gateway>>,
    headers: HeaderMap,
    token: Token,
    posted: Posted,
) -> Result<Response, Response> {
    let guest = open(&gateway, &headers, token).await?;
    let open = guest.question(&gateway).await.map_err(|trouble| trouble.page(guest.words))?;
    let Some(Open { asked, closes_at }) = open else { return Ok(guest.closed()) };
    let (words, posted) = (guest.words, fields(posted));
    let given = match asked.read(&posted) {
        Ok(given) => given,
        Err(wrong) => {
            let page = guest.page(&asked.question).aside(words.anonymous_text);
            return Ok(asked.again(page, words, &posted, wrong));
        }
    };
    let answer = AnonymousAnswer {
        program: guest.program.clone(),
        survey: guest.survey.clone(),
        period: guest.period.clone(),
        answer: given.choice,
        ticket: guest.ticket.clone(),
        closes_at,
    };
    let counted = gateway.store.take_anonymous(&answer).await.map_err(|error| Trouble::from(error).page(words))?;
    if !counted {
        let page = guest.page(words.anonymous_again_title).text(words.anonymous_again_text);
        return Ok(page.respond(StatusCode::OK));
    }
    // Not counted as a wish: who looks at metrics would know the first answer from the fifth, and when each came.
    let page = guest.page(words.answered_title).notice(words.anonymous_taken).aside(&asked.question);
    Ok(page.quote(asked.label_of(&answer.answer)).respond(StatusCode::OK))
}

async fn open(gateway: &Gateway, headers: &HeaderMap, token: Token) -> Result<Guest, Response> {
    let words = browser_words(headers);
    let lost = || Trouble::Lost.page(words);
    let Path(token) = token.map_err(|_| lost())?;
    let Some(Claims::Anonymous { program, survey, period, ticket, choice, language }) = gateway.keys.verify(&token)
    else {
        return Err(lost());
    };
    let program = ProgramId::new(&program).map_err(|_| lost())?;
    let rules = match gateway.rules.current().await {
        Err(StoreError::Damaged(why)) => {
            tracing::warn!(why, "pages are shown without the applied files");
            None
        }
        rules => rules.map_err(|error| Trouble::from(error).page(words))?,
    };
    let of = rules.as_deref().and_then(|rules| rules.config.program(program.as_str()));
    let of = of.and_then(|program| Locale::parse(&program.language)).unwrap_or_else(Locale::english);
    let locales = Locale::chain(Locale::parse(&language).as_ref(), &of);
    let languages = locales.iter().map(|locale| locale.tag().to_owned()).collect();
    Ok(Guest { program, survey, period, ticket, choice, languages, words: Words::of(&locales), rules })
}

impl Guest {
    fn rulebook(&self) -> Option<&Rulebook> {
        self.rules.as_deref().map(|applied| &applied.rulebook)
    }

    fn text(&self, texts: &Texts) -> String {
        texts.in_language(&self.languages).to_owned()
    }

    fn page(&self, title: &str) -> Page {
        let Some(rules) = self.rulebook() else { return Page::new(self.words, self.program.as_str(), title) };
        let name = rules.config.program(self.program.as_str()).map_or(self.program.as_str(), |program| &program.name);
        let imprint = &rules.config.imprint;
        Page::new(self.words, name, title).imprint(&imprint.company, &imprint.address, imprint.url.as_deref())
    }

    /// The question, while it is open: the files have it, it is anonymous still, and the period is not long over.
    async fn question(&self, gateway: &Gateway) -> Result<Option<Open>, Trouble> {
        let now = gateway.clock.now().await?;
        Ok(self.open_at(now))
    }

    fn open_at(&self, now: Timestamp) -> Option<Open> {
        let survey = self.rulebook()?.surveys.get(self.survey.as_str()).filter(|survey| survey.anonymous.is_some())?;
        let (_, label) = survey.choices.iter().find(|(id, _)| **id == *self.choice)?;
        // The same instant for all links of the period, wherever in the world it is still that day.
        let day_after = answered_until(&self.period)?.checked_add(2.days()).ok()?;
        let closes_at = day_after.to_zoned(TimeZone::UTC).ok()?.timestamp();
        if now >= closes_at {
            return None;
        }
        let text = |texts: &Texts| self.text(texts);
        let asked = Asked::confirmed(text(&survey.question), &self.choice, text(label));
        Some(Open { asked: asked.with(survey, &text, self.words), closes_at })
    }

    /// The link is genuine, but nobody waits for the answer any more.
    fn closed(&self) -> Response {
        self.page(self.words.closed_title).text(self.words.closed_text).respond(StatusCode::GONE)
    }
}
