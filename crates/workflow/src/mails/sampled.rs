//! A mail with values that are made up, of the types its workflow declares: to be looked at before any test sends it.

use std::sync::Arc;

use rapport_contact::Overflow;
use rapport_message::mail::Shaped;
use rapport_message::rehearsal::{Stage, try_out_amid};
use rapport_message::sample::{SAMPLES, Sample, Surroundings, surroundings};
use rapport_message::{Locale, Mail, Program, RenderError, Rendered, Sender, Topic};
use serde_json::Map;

use super::{digest, planned_shape, rehearsal, with_shape};
use crate::model::{Email, MailName, Person, Verb, Workflow};
use crate::rulebook::Rulebook;
use crate::vocabulary::Vocabulary;

/// Such a mail.
#[derive(Debug, Clone)]
pub struct Sampled {
    /// What would be sent.
    pub rendered: Rendered,
    /// From whom.
    pub sender: Sender,
    /// The address of the sample it is written to.
    pub to: String,
    /// The language it was found in.
    pub locale: Locale,
    /// Its file.
    pub path: String,
}

/// The mail of a workflow as a sample partner who reads `wished` would get it. None if there is no such mail.
///
/// # Errors
/// As of [`rapport_message::render()`].
pub fn sampled(
    rulebook: &Rulebook,
    vocabulary: &Vocabulary,
    workflow: &str,
    name: &str,
    wished: Option<&Locale>,
) -> Option<Result<Sampled, RenderError>> {
    let config = &rulebook.config;
    let declared = config.program(&config.default_program)?;
    let language = Locale::parse(&declared.language).unwrap_or_else(Locale::english);
    let (mail, locale) = rulebook.libraries.get(workflow)?.choose(name, wished, &language)?;
    let workflow = rulebook.workflow(workflow)?;
    let all = workflow.steps.iter().filter_map(|step| match &step.verb {
        Verb::Email(email) => Some(email),
        _ => None,
    });
    let emails: Vec<&Email> = all.filter(|email| may_send(email, name)).map(AsRef::as_ref).collect();

    let source = rulebook.sources.get(&format!("workflows/{}/workflow.yaml", workflow.id));
    let place = source.map(|source| vocabulary.place(&source.text)).unwrap_or_default();
    let env = vocabulary.names(&place);
    let shape = |used: &str| -> Option<Shaped> {
        let by_step = emails.iter().find_map(|email| with_shape(email, used, &env, &rulebook.feeds));
        by_step.or_else(|| planned_shape(used, &env))
    };
    let files =
        rehearsal::Declared { surveys: &rulebook.surveys, feeds: &rulebook.feeds, resources: &rulebook.resources };
    let (known, answers) = rehearsal::given(&emails, &files, (&locale, &language));
    let stage = Stage {
        layout: &rulebook.layout,
        locale: &locale,
        shape: &shape,
        known: &known,
        answers: &answers,
        service: !workflow.is_marketing(),
    };
    written(rulebook, workflow, mail, &stage)
}

/// The mail that tells of what found no place under a cap, as a sample partner who reads `wished` would get it. None if there is none,
/// or no workflow whose mail could carry it.
///
/// # Errors
/// As of [`rapport_message::render()`].
pub fn sampled_digest(rulebook: &Rulebook, wished: Option<&Locale>) -> Option<Result<Sampled, RenderError>> {
    let declared = rulebook.config.program(&rulebook.config.default_program)?;
    let language = Locale::parse(&declared.language).unwrap_or_else(Locale::english);
    let (mail, locale) = rulebook.digest_for(wished, &language)?;
    // It leaves in the place of one of the mails that it tells of, with that one's sender and topic.
    let carries = |workflow: &&Arc<Workflow>| workflow.mail.over_the_cap == Overflow::Digest;
    let marketing = || rulebook.workflows.iter().find(|workflow| workflow.is_marketing());
    let carrier = rulebook.workflows.iter().find(carries).or_else(marketing)?;
    let known = Map::new();
    let layout = &rulebook.layout;
    let stage = Stage { layout, locale: &locale, shape: &digest::shape, known: &known, answers: &[], service: false };
    written(rulebook, carrier, mail, &stage)
}

/// The mail with all that stands around it when the workflow sends it.
fn written(
    rulebook: &Rulebook,
    workflow: &Workflow,
    mail: &Mail,
    stage: &Stage<'_>,
) -> Option<Result<Sampled, RenderError>> {
    let config = &rulebook.config;
    let declared = config.program(&config.default_program)?;
    let locale = stage.locale;
    let (Person::Sender(id) | Person::ManagerOr(id)) = &workflow.mail.from;
    let sender = config.senders.get(id)?.clone();
    let topic = config.topics.get(&workflow.mail.topic)?;
    let languages = [locale.tag(), locale.language()];
    let sample = sample_of(locale);
    let around = Surroundings {
        sender: sender.clone(),
        program: Program { id: declared.id.to_string(), name: declared.name.clone(), url: declared.url.clone() },
        imprint: config.imprint.clone(),
        topic: Topic {
            id: topic.id.to_string(),
            name: topic.name.in_language(&languages).to_owned(),
            about: topic.about.in_language(&languages).to_owned(),
            service: topic.service,
        },
        ..surroundings()
    };
    let rendered = match try_out_amid(mail, stage, sample, &around) {
        Ok(rendered) => rendered,
        Err(error) => return Some(Err(error)),
    };
    let path = mail.path().to_owned();
    Some(Ok(Sampled { rendered, sender, to: sample.email.to_owned(), locale: locale.clone(), path }))
}

/// Whether a step may send a mail of this name; of a name made of values nobody asks which.
fn may_send(email: &Email, name: &str) -> bool {
    match &email.mail {
        MailName::Fixed(fixed) => **fixed == *name || email.or_else.as_deref() == Some(name),
        MailName::Templated(_) | MailName::Issue => true,
    }
}

/// Who reads this language and is like most; who reads English, if nobody does.
fn sample_of(locale: &Locale) -> &'static Sample {
    let reads = |sample: &&Sample| sample.locale().is_some_and(|own| own.language() == locale.language());
    SAMPLES.iter().filter(|sample| !sample.bare).find(reads).unwrap_or(&SAMPLES[0])
}
