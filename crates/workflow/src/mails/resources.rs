//! What `{{#next_resource}}` in a mail asks for: whether it may, whether there can be any, and what a sample shows.

use std::collections::BTreeSet;

use rapport_message::next_resource::{NAME, Wanted};
use rapport_message::{Locale, Mail, context};
use rapport_rule::Findings;
use serde_json::{Map, Value as Json};

use crate::config::Resources;

/// A notice recommends nothing, and what nobody declared is never shown.
pub(super) fn check(mail: &Mail, is_marketing: bool, resources: &Resources, findings: &mut Findings) {
    let mut asked: BTreeSet<Wanted> = BTreeSet::new();
    for used in mail.names() {
        let Some(wanted) = Wanted::of_path(&used.path).filter(|wanted| asked.insert(*wanted)) else { continue };
        let span = used.within.as_ref().map_or(used.span, |within| within.asked_at);
        if !is_marketing {
            findings
                .error("R0514", mail.path(), span, "a service mail recommends no resource")
                .hint("Only marketing mails may; they need a topic partners can opt out of.");
        } else if !resources.all.iter().any(|resource| resource.fits(wanted)) {
            findings
                .warning("R0587", mail.path(), span, format!("there is no {} to show", described(wanted)))
                .hint("Resources are declared in config/resources.yaml, each with its type and level.");
        }
    }
}

/// `training`, `tool of level expert`.
fn described(wanted: Wanted) -> String {
    let of_type = wanted.of_type.map_or("resource", |of_type| of_type.code());
    match wanted.level {
        None => of_type.to_owned(),
        Some(level) => format!("{of_type} of level {}", level.code()),
    }
}

/// Of everything a mail can ask for the first that is declared, for one who may have all and had nothing.
pub(super) fn shown(resources: &Resources, languages: &[Locale]) -> Option<Json> {
    let tags: Vec<&str> = languages.iter().map(Locale::tag).collect();
    let mut values = Map::new();
    for wanted in Wanted::all() {
        let mut fitting = resources.all.iter().filter(|resource| resource.fits(wanted));
        if let Some(resource) = fitting.find(|resource| resource.is_readable_in(&tags)) {
            context::set(&mut values, &wanted.path(), resource.in_language(&tags));
        }
    }
    values.remove(NAME)
}
