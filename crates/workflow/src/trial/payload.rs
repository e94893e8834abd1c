//! What the partner and the events of a test say: fields that exist, with values they can have.
//!
//! A tracker may send fields of its own, and they are kept. In a test nothing would read them: whoever writes one means another.

use rapport_event::kind::Shape;
use rapport_event::{Kind, contract};
use rapport_rule::Findings;
use rapport_rule::expr::Environment;
use rapport_rule::suggest::{listed, nearest};
use rapport_rule::yaml::{Key, Node};

use super::Place;
use crate::environment::{Declared, Names};

/// What stands under `partner` besides the fields of events.
const BESIDE: [&str; 2] = ["id", "status"];

/// What rapport itself adds to what a schema names: judgements with their evidence, and the message whose link was followed.
const ADDED: [(Shape, &[&str]); 3] = [
    (
        Shape::Signal,
        &["band", "before", "contributions", "group", "lane", "normal_minor", "orders", "percent", "points", "score"],
    ),
    (Shape::Moment, &["proposal"]),
    (Shape::Survey, &["message", "notice"]),
];

/// Checks the partner's fields, which are those of events of the partner.
pub(super) fn check_partner(entries: &[(Key, Node)], place: &Place<'_>, findings: &mut Findings) {
    check("a partner", &Kind::PartnerUpdated, &BESIDE, entries, place, findings);
}

/// Checks the fields of an event.
pub(super) fn check_event(kind: &Kind, entries: &[(Key, Node)], place: &Place<'_>, findings: &mut Findings) {
    check(&format!("`{kind}`"), kind, &[], entries, place, findings);
}

fn check(
    whose: &str,
    kind: &Kind,
    beside: &[&'static str],
    entries: &[(Key, Node)],
    place: &Place<'_>,
    findings: &mut Findings,
) {
    // Each command has arguments of its own.
    if kind.shape() == Shape::Command {
        return;
    }
    let mut known = fields(kind, place.declared);
    known.extend(beside.iter().copied());
    known.sort_unstable();
    known.dedup();
    for (key, value) in entries {
        if known.contains(&key.text.as_str()) {
            match kind.shape() {
                Shape::Partner => check_value(&key.text, value, place, findings),
                Shape::Survey if key.text == "survey" => check_survey(value, place, findings),
                _ => {}
            }
            continue;
        }
        let finding = findings
            .error("R0580", place.path, key.span, format!("{whose} has no field `{}`", key.text))
            .did_you_mean(nearest(&key.text, known.iter().copied()));
        if !known.is_empty() {
            finding.hint(format!("Known here: {}.", listed(known.iter().copied(), 24)));
        }
    }
}

/// The fields that events of a kind can have.
fn fields<'a>(kind: &'a Kind, declared: &'a Declared) -> Vec<&'a str> {
    let shape = kind.shape();
    let mut names: Vec<&str> = contract::data_fields(shape).iter().map(String::as_str).collect();
    names.extend(ADDED.iter().filter(|(of, _)| *of == shape).flat_map(|(_, added)| added.iter().copied()));
    if shape == Shape::Partner {
        names.extend(declared.labels.keys().map(|label| &**label));
    }
    if shape == Shape::Survey {
        names.extend(declared.surveys.values().filter_map(|survey| survey.answer_field.as_deref()));
    }
    if let Kind::Custom(name) = kind {
        let own = declared.custom.get(name).into_iter().flat_map(|known| &known.fields);
        names.extend(own.map(|field| &*field.name));
    }
    names
}

/// R0586 for an answer that no event tells of.
fn check_survey(value: &Node, place: &Place<'_>, findings: &mut Findings) {
    let Some(id) = value.as_str() else { return };
    if place.declared.is_anonymous(id) {
        findings
            .error("R0586", place.path, value.text_span(), format!("no event tells of answers to `{id}`"))
            .label("it is anonymous; see `rapport report --surveys`");
    }
}

/// A value that no partner ever has, as in conditions: a country in words, a zone of no place, a type that is not declared.
fn check_value(field: &str, value: &Node, place: &Place<'_>, findings: &mut Findings) {
    let Some(text) = value.as_str() else { return };
    let names = Names::of_partner(place.declared, true);
    let is_label = place.declared.labels.contains_key(field);
    let path = if is_label { format!("partner.labels.{field}") } else { format!("partner.{field}") };
    // Events may write these in other letters, and are read as if they did not.
    let read = match field {
        "country" if text.len() == 2 => text.to_ascii_uppercase(),
        "language" => text.replace('_', "-"),
        _ => text.to_owned(),
    };
    if let Err(refused) = names.possible(&path, &read) {
        findings
            .error(refused.code, place.path, value.text_span(), refused.message)
            .did_you_mean(refused.near.as_deref());
        return;
    }
    let Some(possible) = names.lookup(&path).and_then(|variable| variable.closed_set) else { return };
    if possible.iter().all(|known| **known != *text) {
        findings
            .error("R0214", place.path, value.text_span(), format!("`{path}` is never \"{text}\""))
            .did_you_mean(nearest(text, possible.iter().map(|known| &**known)))
            .hint(format!("Possible: {}.", listed(possible.iter().map(|known| &**known), 12)));
    }
}
