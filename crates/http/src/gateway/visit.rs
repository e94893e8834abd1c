//! Whoever follows a link: verified, with the partner's language and what the page has to know.

use axum::{
    extract::{
        Form, Path,
        rejection::{FormRejection, PathRejection},
    },
    http::HeaderMap,
    response::Response,
};
use jiff::tz::TimeZone;
use rapport_contact::normalise;
use rapport_engine::{
    ports::{rows::MessageRow, store::StoreError},
    rulebooks::Applied,
};
use rapport_event::PartnerKey;
use rapport_message::{Locale, link::Claims};
use rapport_partner::profile::CHOSEN_LANGUAGE;
use rapport_workflow::{Rulebook, config::Topic};
use serde_json::{Map, Value};

use super::{CurrentRules, Gateway, Trouble, browser_words};
use crate::{page::Page, words::Words};

/// The token of a path; an unreadable path is as good as a wrong token.
pub(super) type Token = Result<Path<String>, PathRejection>;

/// What a page's form sent.
pub(super) type Posted = Result<Form<Vec<(String, String)>>, FormRejection>;

/// Its fields. What is no form of ours names none, and so changes nothing.
pub(super) fn fields(posted: Posted) -> Vec<(String, String)> {
    posted.map(|Form(fields)| fields).unwrap_or_default()
}

/// A verified visit.
pub(super) struct Visit {
    /// What the link allows.
    pub claims: Claims,
    /// Whose link it is.
    pub key: PartnerKey,
    /// The words of the pages.
    pub words: &'static Words,
    /// Languages, best first.
    languages: Vec<String>,
    rules: Option<CurrentRules>,
    person: Map<String, Value>,
}

/// Verifies the token of a link of the kind at `path` and gathers what its page needs.
pub(super) async fn open(gateway: &Gateway, headers: &HeaderMap, token: Token, path: &str) -> Result<Visit, Response> {
    let words = browser_words(headers);
    let lost = || Trouble::Lost.page(words);
    let Path(token) = token.map_err(|_| lost())?;
    let claims = gateway.keys.verify(&token).filter(|claims| claims.path() == path).ok_or_else(lost)?;
    let (program, partner) = match &claims {
        Claims::Unsubscribe { program, partner, .. }
        | Claims::Answer { program, partner, .. }
        | Claims::Why { program, partner, .. }
        | Claims::Preferences { program, partner }
        | Claims::Goal { program, partner, .. }
        | Claims::Certificate { program, partner, .. }
        | Claims::Review { program, partner, .. } => (program, partner),
        // These have pages that ask for no partner.
        Claims::Anonymous { .. } | Claims::Click { .. } => return Err(lost()),
    };
    let key = PartnerKey::new(program, partner).map_err(|_| lost())?;
    gather(gateway, claims, key).await.map_err(|error| Trouble::from(error).page(words))
}

async fn gather(gateway: &Gateway, claims: Claims, key: PartnerKey) -> Result<Visit, StoreError> {
    // The way out works without the files too: then the pages name topics by their ids.
    let rules = match gateway.rules.current().await {
        Err(StoreError::Damaged(why)) => {
            tracing::warn!(why, "pages are shown without the applied files");
            None
        }
        rules => rules?,
    };
    let person = gateway.store.person(&key).await?;
    let person: Map<String, Value> = person.and_then(|fields| serde_json::from_str(&fields).ok()).unwrap_or_default();
    let program = rules.as_deref().and_then(|rules| rules.config.program(key.program.as_str()));
    let program = program.and_then(|program| Locale::parse(&program.language)).unwrap_or_else(Locale::english);
    let told = |name: &str| person.get(name).and_then(Value::as_str).and_then(Locale::parse);
    let partner = told(CHOSEN_LANGUAGE).or_else(|| told("language"));
    let locales = Locale::chain(partner.as_ref(), &program);
    let languages = locales.iter().map(|locale| locale.tag().to_owned()).collect();
    Ok(Visit { claims, key, words: Words::of(&locales), languages, rules, person })
}

impl Visit {
    /// The files in force, if some were applied.
    pub(super) fn rulebook(&self) -> Option<&Rulebook> {
        self.rules.as_deref().map(|applied| &applied.rulebook)
    }

    /// The files in force as they were applied, if some were.
    pub(super) fn applied(&self) -> Option<&Applied> {
        self.rules.as_deref()
    }

    /// Languages, best first.
    pub(super) fn languages(&self) -> &[String] {
        &self.languages
    }

    /// The programme's name; its id when the files do not know it.
    pub(super) fn program(&self) -> &str {
        let program = self.rulebook().and_then(|rules| rules.config.program(self.key.program.as_str()));
        program.map_or(self.key.program.as_str(), |program| &program.name)
    }

    /// The programme's zone, in which its days and dates are told; UTC when the files do not know it.
    pub(super) fn zone(&self) -> TimeZone {
        let program = self.rulebook().and_then(|rules| rules.config.program(self.key.program.as_str()));
        program.map_or(TimeZone::UTC, |program| program.zone.clone())
    }

    /// The same visit, read again after something was changed.
    pub(super) async fn again(self, gateway: &Gateway) -> Result<Self, Response> {
        let words = self.words;
        gather(gateway, self.claims, self.key).await.map_err(|error| Trouble::from(error).page(words))
    }

    /// A field of the partner that is a text.
    pub(super) fn field(&self, name: &str) -> Option<&str> {
        self.person.get(name).and_then(Value::as_str)
    }

    /// What the partner is called, where it is known.
    pub(super) fn name(&self) -> Option<&str> {
        self.person.get("name").and_then(Value::as_str).filter(|name| !name.trim().is_empty())
    }

    /// The declared topic.
    pub(super) fn topic(&self, id: &str) -> Option<&Topic> {
        self.rulebook()?.config.topics.get(id)
    }

    /// What people call the topic; its id when the files no longer have it.
    pub(super) fn topic_name<'a>(&'a self, id: &'a str) -> &'a str {
        self.topic(id).map_or(id, |topic| self.text(&topic.name))
    }

    /// A text in the partner's language.
    pub(super) fn text<'a>(&self, texts: &'a rapport_workflow::Texts) -> &'a str {
        texts.in_language(&self.languages)
    }

    /// The address mail goes to now, in the form suppressions are kept by.
    pub(super) fn address(&self) -> Option<String> {
        let email = self.person.get("email").and_then(Value::as_str)?;
        Some(normalise(email)?.folded())
    }

    /// The message a link stood in. One that is another partner's is none.
    pub(super) async fn message(&self, gateway: &Gateway, id: &str) -> Result<Option<MessageRow>, Trouble> {
        Ok(gateway.store.message(id).await?.filter(|message| message.key == self.key))
    }

    /// A page for this visitor.
    pub(super) fn page(&self, title: &str) -> Page {
        let page = Page::new(self.words, self.program(), title);
        match self.rulebook().map(|rules| &rules.config.imprint) {
            Some(imprint) => page.imprint(&imprint.company, &imprint.address, imprint.url.as_deref()),
            None => page,
        }
    }

    /// The page with a link to this partner's preferences, relative to the page it stands on.
    pub(super) fn with_preferences(&self, gateway: &Gateway, page: Page) -> Page {
        let claims = Claims::Preferences {
            program: self.key.program.as_str().to_owned(),
            partner: self.key.partner.as_str().to_owned(),
        };
        match gateway.keys.token(&claims) {
            Ok(token) => page.link(&format!("../p/{token}"), self.words.to_preferences),
            Err(_) => page,
        }
    }

    /// Trouble in this visitor's language.
    pub(super) fn trouble(&self, trouble: Trouble) -> Response {
        trouble.page(self.words)
    }
}
