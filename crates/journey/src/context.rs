//! What a mail is given: every value its template names, worked out when it is planned.
//!
//! Personal fields are not among them; the engine never sees them. The mailer adds those, links and the sender.

use std::collections::BTreeSet;

use jiff::Timestamp;
use rapport_message::context::{json, set};
use rapport_message::next_resource::Wanted;
use rapport_rule::expr::{Scope, Value};
use rapport_workflow::calendar::add;
use rapport_workflow::{Email, With, is_personal_path};
use serde_json::{Map, Value as Json};

use crate::journey::Journey;
use crate::world::World;

/// Whether a name is a personal field: it stays as `{{…}}` in texts for people and is absent from contexts.
pub fn is_personal(path: &str) -> bool {
    is_personal_path(path)
}

/// The context of a mail.
pub(crate) fn of_mail(
    journey: &Journey,
    world: &World<'_>,
    email: &Email,
    mail: &str,
    languages: &[String],
    now: Timestamp,
) -> Json {
    let scope = world.scope_of(journey);
    // Days are the programme's: a mail and the figures behind it speak of the same ones.
    let zone = &world.program.zone;
    let mut context = Map::new();
    let names = world.mail(&journey.workflow, mail).map(|mail| mail.context.as_slice()).unwrap_or_default();
    // A resource is one thing, though its fields are named one by one.
    let resources: BTreeSet<Wanted> = names.iter().filter_map(|path| Wanted::of_path(path)).collect();
    for path in names.iter().filter(|path| !is_personal(path) && Wanted::of_path(path).is_none()) {
        set(&mut context, path, json(&scope.value(path), zone));
    }
    for wanted in resources {
        if let Some(resource) = world.next_resource(wanted, languages) {
            set(&mut context, &wanted.path(), resource);
        }
    }
    // What it is said to be written for: the frame of the mail has a sentence by it.
    set(&mut context, "event.kind", Json::from(journey.trigger.kind.as_str()));
    for (name, value) in &email.with {
        let value = match value {
            With::Text(template) => match template.as_name() {
                // A text that is nothing but one name keeps its type, so that the mail can write money and dates its own way.
                Some(path) => json(&scope.value(path), zone),
                None => Json::String(template.render(&scope)),
            },
            With::Feed { feed, limit } => match world.rulebook.feeds.get(feed) {
                Some(feed) => feed.newest(*limit, now, zone),
                None => Json::Array(Vec::new()),
            },
        };
        context.insert(name.to_string(), value);
    }
    if !journey.joined.is_empty() {
        context.insert("events".into(), journey.joined.iter().map(|event| event.payload.clone()).collect());
    }
    if let Some(survey) = email.survey.as_ref().and_then(|survey| world.rulebook.surveys.get(survey)) {
        context.insert("survey".into(), survey.in_language(languages));
    }
    if let Some(offer) = email.offer.as_ref().and_then(|offer| world.rulebook.offers.get(offer)) {
        let ends_at = add(now, &offer.ends, world.locale());
        let ends_on = ends_at.to_zoned(zone.clone()).date();
        context.insert(
            "offer".into(),
            serde_json::json!({
                "id": &*offer.id,
                "value": json(&Value::Money(offer.value), zone),
                "condition": offer.condition.in_language(languages),
                "ends_on": ends_on.to_string(),
                "terms": offer.terms,
            }),
        );
    }
    Json::Object(context)
}
