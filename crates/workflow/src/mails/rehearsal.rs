//! Every mail rendered for partners that are made up: what only shows when values stand in their places.

use std::collections::BTreeMap;
use std::sync::Arc;

use rapport_message::mail::Shaped;
use rapport_message::rehearsal::{Measure, Stage, rehearse};
use rapport_message::render::HTML_BYTES_MAX;
use rapport_message::sample::SAMPLES;
use rapport_message::{Locale, Mail, Part, RenderError, next_resource};
use rapport_rule::{Findings, suggest};
use serde_json::{Map, Value as Json};

use super::{Sent, Setting, resources};
use crate::config::{Feed, Resources, Survey};
use crate::model::{Email, With, Workflow};

/// What is declared that mails may show.
pub(super) struct Declared<'s> {
    pub(super) surveys: &'s BTreeMap<Arc<str>, Survey>,
    pub(super) feeds: &'s BTreeMap<Arc<str>, Feed>,
    pub(super) resources: &'s Resources,
}

/// What the steps that send a mail put into it and the files know already: the survey, the items of feeds, resources; and the ids of
/// the survey's answers. `languages` are those of the mail and of the programme.
pub(super) fn given<'s>(
    emails: &[&Email],
    declared: &Declared<'s>,
    languages: (&Locale, &Locale),
) -> (Map<String, Json>, Vec<&'s str>) {
    let (locale, program) = languages;
    let (surveys, feeds) = (declared.surveys, declared.feeds);
    let asked: Vec<&'s Survey> = emails.iter().filter_map(|email| surveys.get(email.survey.as_ref()?)).collect();
    let answers = asked.iter().copied().flat_map(|survey| &survey.choices).map(|(id, _)| &**id).collect();
    let mut known = Map::new();
    if let Some(survey) = asked.first() {
        known.insert("survey".to_owned(), survey.in_language(&[locale.tag(), locale.language()]));
    }
    for (name, value) in emails.iter().flat_map(|email| &email.with) {
        let With::Feed { feed, limit } = value else { continue };
        let items: Vec<Json> = feeds.get(feed).into_iter().flat_map(|feed| &feed.items).take(*limit).cloned().collect();
        // A feed whose file holds nothing yet is shown with the samples' items.
        if !items.is_empty() {
            known.insert(name.to_string(), Json::Array(items));
        }
    }
    let shown = resources::shown(declared.resources, &Locale::chain(Some(locale), program));
    known.extend(shown.map(|shown| (next_resource::NAME.to_owned(), shown)));
    (known, answers)
}

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
    let emails: Vec<&Email> = places.iter().map(|place| place.email).collect();
    let catalogue = setting.catalogue;
    let declared = Declared {
        surveys: &catalogue.declared.surveys,
        feeds: catalogue.feeds,
        resources: &catalogue.declared.resources,
    };
    let (known, answers) = given(&emails, &declared, (locale, setting.program));
    let stage = Stage { layout, locale, shape, known: &known, answers: &answers, service: !workflow.is_marketing() };
    told(mail, &stage, findings);
}

/// What is to be said of a mail that is rendered on a stage.
pub(super) fn told(mail: &Mail, stage: &Stage<'_>, findings: &mut Findings) {
    let failure = match rehearse(mail, stage) {
        Ok(measure) => return measured(mail, &measure, findings),
        Err(failure) => failure,
    };
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

/// Above this share of what mail clients show a mail is told of, in percent: values of real partners may be longer than samples'.
const HTML_PERCENT_MAX: usize = 80;
/// What a list of mails shows of a subject in a browser; phones show about 40.
const SUBJECT_CHARS_MAX: usize = 70;
/// What it shows of a preheader at most.
const PREHEADER_CHARS_MAX: usize = 140;

/// Warnings for a mail that comes out, but larger or longer than is good for it.
fn measured(mail: &Mail, measure: &Measure, findings: &mut Findings) {
    if measure.html_bytes * 100 > HTML_BYTES_MAX * HTML_PERCENT_MAX {
        let what = format!("the HTML has {} bytes, Gmail cuts it at {HTML_BYTES_MAX}", measure.html_bytes);
        findings.warning("R0464", mail.path(), None, what).hint(
            "The way out stands at the end, and a mail without it is not sent: names and lists longer than those of the samples may be enough. Shorten the text, show fewer items (`limit:`), or link to a page.",
        );
    }
    for (part, text, most) in [
        (Part::Subject, &measure.subject, SUBJECT_CHARS_MAX),
        (Part::Preheader, &measure.preheader, PREHEADER_CHARS_MAX),
    ] {
        let length = text.chars().count();
        if length > most
            && let Some(place) = mail.place_of_head(part)
        {
            let what = format!("{length} characters of {}, lists of mails show {most} at most", part.name());
            findings
                .warning("R0468", mail.path(), place, what)
                .hint("Phones show about 40. Put what matters first, and leave the rest to the mail.");
        }
    }
}
