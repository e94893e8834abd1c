//! Every mail rendered for partners that are made up: what only shows when values stand in their places.

use rapport_message::mail::Shaped;
use rapport_message::rehearsal::{Stage, rehearse};
use rapport_message::render::HTML_BYTES_MAX;
use rapport_message::sample::SAMPLES;
use rapport_message::{Mail, RenderError};
use rapport_rule::{Findings, suggest};
use serde_json::{Map, Value as Json};

use super::{Sent, Setting};
use crate::model::{With, Workflow};

/// A finding if the mail does not come out, or comes out too large. `shape` says what its names are.
pub(super) fn check(
    mail: &Mail,
    places: &[Sent<'_>],
    workflow: &Workflow,
    setting: &Setting<'_>,
    shape: &dyn Fn(&str) -> Option<Shaped>,
    findings: &mut Findings,
) {
    let Some(layout) = setting.layout else { return };
    let locale = mail.locale().unwrap_or(setting.program);
    let surveys = &setting.catalogue.declared.surveys;
    let asked = || places.iter().filter_map(|place| surveys.get(place.email.survey.as_ref()?));
    let answers: Vec<&str> = asked().flat_map(|survey| &survey.choices).map(|(id, _)| &**id).collect();
    let mut known = Map::new();
    if let Some(survey) = asked().next() {
        known.insert("survey".to_owned(), survey.in_language(&[locale.tag(), locale.language()]));
    }
    for (name, value) in places.iter().flat_map(|place| &place.email.with) {
        let With::Feed { feed, limit } = value else { continue };
        let items: Vec<Json> =
            setting.catalogue.feeds.get(feed).into_iter().flat_map(|feed| &feed.items).take(*limit).cloned().collect();
        // A feed whose file holds nothing yet is shown with the samples' items.
        if !items.is_empty() {
            known.insert(name.to_string(), Json::Array(items));
        }
    }
    let stage = Stage { layout, locale, shape, known: &known, answers: &answers, service: !workflow.is_marketing() };
    let Some(failure) = rehearse(mail, &stage) else { return };
    let place = mail.place_of(&failure.error);
    let (code, what, remedy) = match &failure.error {
        RenderError::TooLarge { bytes, .. } => (
            "R0456",
            format!("the HTML has {bytes} bytes, mail clients cut it at {HTML_BYTES_MAX}"),
            "Shorten the text, show fewer items (`limit:`), or link to a page.",
        ),
        error => (
            "R0455",
            format!("the mail cannot be made: {}", error.reason()),
            "Mails for which this happens are not sent. Say with {{fallback …}} or {{#if …}} what stands there instead.",
        ),
    };
    let finding = match failure.is_certain() {
        true => findings.error(code, mail.path(), place, what),
        false => findings.warning(code, mail.path(), place, what),
    };
    finding.hint(match failure.is_certain() {
        true => remedy.to_owned(),
        false => {
            let who = suggest::listed(failure.samples.iter().copied(), 4);
            format!("For {} of {} sample partners: {who}. {remedy}", failure.samples.len(), SAMPLES.len())
        }
    });
}
