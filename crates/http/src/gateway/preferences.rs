//! `/p/{token}`: which mails a partner wants, topic by topic, and how: [`super::wishes`].

use std::{collections::BTreeSet, sync::Arc};

use axum::{
    extract::State,
    http::{HeaderMap, StatusCode},
    response::Response,
};
use rapport_engine::ports::store::{SuppressionChange, UNSUBSCRIBED};
use rapport_event::{Event, Kind};

use super::{
    Gateway, Trouble, record,
    visit::{self, Posted, Token, Visit, fields},
    wishes::Wishes,
};
use crate::{metric, page::Switch};

/// Shows the switches as they stand.
pub(super) async fn show(
    State(gateway): State<Arc<Gateway>>,
    headers: HeaderMap,
    token: Token,
) -> Result<Response, Response> {
    let visit = visit::open(&gateway, &headers, token, "p").await?;
    page(&gateway, &visit, false).await.map_err(|trouble| visit.trouble(trouble))
}

async fn page(gateway: &Gateway, visit: &Visit, saved: bool) -> Result<Response, Trouble> {
    let stands = Stands::read(gateway, visit).await?;
    let wishes = Wishes::read(gateway, visit).await?;
    Ok(render(visit, &stands, &wishes, saved))
}

/// Sets the switches that were shown; a topic that came later is left alone.
pub(super) async fn act(
    State(gateway): State<Arc<Gateway>>,
    headers: HeaderMap,
    token: Token,
    posted: Posted,
) -> Result<Response, Response> {
    let visit = visit::open(&gateway, &headers, token, "p").await?;
    let sent = fields(posted);
    // Topics are named one a field, as by boxes that are ticked, or several in one.
    let named = |name: &str| -> BTreeSet<&str> {
        sent.iter().filter(|(field, _)| field == name).flat_map(|(_, value)| value.split_whitespace()).collect()
    };
    let (shown, on) = (named("shown"), named("topic"));
    let said = async {
        let stands = Stands::read(&gateway, &visit).await?;
        change(&gateway, &visit, &stands, &shown, &on).await?;
        Wishes::read(&gateway, &visit).await?.change(&gateway, &visit, &sent).await
    };
    let said = said.await.map_err(|trouble| visit.trouble(trouble))?;
    metrics::counter!(metric::WISHES, "what" => "preferences").increment(1);
    // Perhaps in another language from now on.
    let visit = visit.again(&gateway).await?;
    let saved = said || !shown.is_empty();
    page(&gateway, &visit, saved).await.map_err(|trouble| visit.trouble(trouble))
}

/// What is suppressed for the partner's address.
struct Stands {
    address: Option<String>,
    /// Topics the partner ended.
    off: BTreeSet<String>,
    /// The partner ended everything at once.
    all_off: bool,
    /// Something other than the partner's own wish stops all mail.
    blocked: bool,
}

impl Stands {
    async fn read(gateway: &Gateway, visit: &Visit) -> Result<Self, Trouble> {
        let address = visit.address();
        let suppressions = match &address {
            Some(address) => gateway.store.suppressions(address).await?,
            None => Vec::new(),
        };
        let own = |reason: &str| reason == UNSUBSCRIBED;
        Ok(Self {
            address,
            off: suppressions.iter().filter(|(_, reason)| own(reason)).filter_map(|(topic, _)| topic.clone()).collect(),
            all_off: suppressions.iter().any(|(topic, reason)| topic.is_none() && own(reason)),
            blocked: suppressions.iter().any(|(topic, reason)| topic.is_none() && !own(reason)),
        })
    }

    fn is_on(&self, topic: &str) -> bool {
        !self.all_off && !self.off.contains(topic)
    }
}

/// Records first, then suppressions: after a failure in between the page still shows the old state, and saving again does both.
async fn change(
    gateway: &Gateway,
    visit: &Visit,
    stands: &Stands,
    shown: &BTreeSet<&str>,
    on: &BTreeSet<&str>,
) -> Result<(), Trouble> {
    let Some(address) = stands.address.as_deref() else { return Ok(()) };
    let now = gateway.clock.now().await?;
    let choosable = || visit.rulebook().into_iter().flat_map(|rules| rules.config.topics.values());
    let changed: Vec<(&str, bool)> = choosable()
        .filter(|topic| !topic.service && shown.contains(&*topic.id))
        .map(|topic| (&*topic.id, on.contains(&*topic.id)))
        .filter(|(topic, wanted)| *wanted != stands.is_on(topic))
        .collect();
    if changed.is_empty() {
        return Ok(());
    }
    // "Everything off" becomes the sum of its topics before one of them is switched on.
    let unpacked: Vec<&str> = if stands.all_off {
        let still_off = |topic: &&str| !changed.iter().any(|(changed, _)| changed == topic);
        choosable().filter(|topic| !topic.service).map(|topic| &*topic.id).filter(still_off).collect()
    } else {
        Vec::new()
    };
    let id = |topic: &str, word: &str| format!("preferences:{}:{topic}:{word}:{}", visit.key, now.as_millisecond());
    let out =
        |topic: &str| record::contact(&id(topic, "off"), &visit.key, Kind::ContactOptedOut, Some(topic), None, now);
    let mut events: Vec<Event> = Vec::new();
    if stands.all_off {
        events.push(record::contact(&id("*", "on"), &visit.key, Kind::ContactOptedIn, None, None, now));
    }
    events.extend(unpacked.iter().map(|topic| out(topic)));
    events.extend(changed.iter().map(|(topic, wanted)| {
        if *wanted {
            record::contact(&id(topic, "on"), &visit.key, Kind::ContactOptedIn, Some(topic), None, now)
        } else {
            out(topic)
        }
    }));
    let off = |topic: &str| SuppressionChange::add(address, Some(topic), UNSUBSCRIBED, now);
    let on = |topic: Option<&str>| SuppressionChange::lift(address, topic, UNSUBSCRIBED);
    let mut changes: Vec<SuppressionChange> = unpacked.into_iter().map(off).collect();
    changes.extend(changed.into_iter().map(|(topic, wanted)| if wanted { on(Some(topic)) } else { off(topic) }));
    if stands.all_off {
        changes.push(on(None));
    }
    record::send(&*gateway.store, gateway.shards, &changes, events).await?;
    Ok(())
}

fn render(visit: &Visit, stands: &Stands, wishes: &Wishes, saved: bool) -> Response {
    let words = visit.words;
    let mut page = visit.page(words.preferences_title);
    if saved {
        page = page.notice(words.saved);
    }
    let Some(rulebook) = visit.rulebook() else {
        return page.text(words.preferences_none).respond(StatusCode::OK);
    };
    if stands.blocked {
        page = page.text(&words.blocked.replace("{email}", &rulebook.config.imprint.email));
    }
    let mut topics: Vec<_> = rulebook.config.topics.values().collect();
    topics.sort_by_key(|topic| (topic.service, &topic.id));
    let abouts: Vec<String> = topics
        .iter()
        .map(|topic| {
            let about = visit.text(&topic.about);
            if topic.service { format!("{about} {}", words.always_sent) } else { about.to_owned() }
        })
        .collect();
    let switches: Vec<Switch<'_>> = topics
        .iter()
        .zip(&abouts)
        .map(|(topic, about)| Switch {
            id: &topic.id,
            name: visit.text(&topic.name),
            about,
            on: topic.service || stands.is_on(&topic.id),
            fixed: topic.service,
        })
        .collect();
    let always: Vec<&str> = topics.iter().filter(|topic| topic.service).map(|topic| visit.text(&topic.name)).collect();
    let page = page.switches(words.preferences_text, &switches, words.save);
    wishes.show(page, visit, &always.join(", ")).respond(StatusCode::OK)
}
