//! Whether every mail a step sends exists, and every name in it is known there.

mod advert;
pub(crate) mod digest;
pub(crate) mod notice;
mod rehearsal;
mod resources;
mod sampled;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rapport_message::mail::Shaped;
use rapport_message::{Layout, Library, Locale, Shape};
use rapport_rule::expr::{Environment, Type};
use rapport_rule::{Findings, Source, Span};

use crate::compile::Catalogue;
use crate::config::{Feed, FeedFieldType, may_be_missing_of_item};
use crate::environment::{SAID, is_personal_path};
use crate::figures;
use crate::model::{Email, ISSUE, MailName, Verb, With, WorkflowId, issue_day};
use crate::read::Read;
use crate::rulebook::MailUse;
pub use sampled::{Sampled, sampled, sampled_digest};

/// What planning has to know of mails, by workflow and name.
pub(crate) type Uses = BTreeMap<(WorkflowId, Arc<str>), MailUse>;

/// The most mails one templated name may stand for.
const EXPANSIONS_MAX: usize = 500;

pub(crate) fn uses(workflow: &WorkflowId, library: &Library) -> Uses {
    let entry = |name: &str| {
        let context = library.planned(name).into_iter().filter(|path| !is_personal_path(path)).map(Arc::from).collect();
        ((workflow.clone(), Arc::from(name)), MailUse { context })
    };
    library.names().map(entry).collect()
}

/// What stands around the mails of all workflows.
pub(crate) struct Setting<'a> {
    pub(crate) catalogue: &'a Catalogue<'a>,
    /// The frame; none if it has errors.
    pub(crate) layout: Option<&'a Layout>,
    /// The programme's language.
    pub(crate) program: &'a Locale,
    /// Whether mails are rendered for made-up partners.
    pub(crate) rehearses: bool,
}

/// One place in which a mail is sent.
struct Sent<'a> {
    email: &'a Email,
    span: Span,
}

pub(crate) fn check(read: &Read, source: &Source, library: &Library, setting: &Setting<'_>, findings: &mut Findings) {
    let path = &source.path;
    let mut sent: BTreeMap<String, Vec<Sent<'_>>> = BTreeMap::new();
    for (at, step) in read.workflow.steps.iter().enumerate() {
        let Verb::Email(email) = &step.verb else { continue };
        let span = read.mail_spans.get(&at).copied().unwrap_or_default();
        for name in names_of(email, span, path, library, findings) {
            sent.entry(name).or_default().push(Sent { email, span });
        }
    }
    for (name, places) in &sent {
        check_mail(read, name, places, library, setting, path, findings);
    }
    for name in library.names().filter(|name| !sent.contains_key(*name)) {
        if let Some(mail) = library.variants(name).next() {
            findings
                .warning("R0424", mail.path(), None, format!("no step sends `{name}`"))
                .hint("Send it, or remove the file.");
        }
    }
}

/// The mails a step may send, as far as they exist, those with errors too.
fn names_of(email: &Email, span: Span, path: &str, library: &Library, findings: &mut Findings) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut must_exist = |name: &str, findings: &mut Findings| {
        if library.contains(name) || library.is_broken(name) {
            return names.insert(name.to_owned());
        }
        findings
            .error("R0422", path, span, format!("there is no mail `{name}`"))
            .did_you_mean(library.nearest(name))
            .hint(format!("Its text stands in {name}.mail.md (or {name}.mail.mjml) beside the workflow."));
        false
    };
    if let Some(fallback) = &email.or_else {
        must_exist(fallback, findings);
    }
    match &email.mail {
        MailName::Fixed(name) => {
            must_exist(name, findings);
        }
        MailName::Issue => {
            let known = library.names().chain(library.broken_names());
            let issues: Vec<String> = known.filter(|name| issue_day(name).is_some()).map(str::to_owned).collect();
            // A file that was called so before there were issues.
            if issues.is_empty() {
                must_exist(ISSUE, findings);
            }
            names.extend(issues);
        }
        MailName::Templated(template) => {
            let possible = template.expansions(EXPANSIONS_MAX).unwrap_or_default();
            let (there, missing): (Vec<String>, Vec<String>) =
                possible.into_iter().partition(|name| library.contains(name) || library.is_broken(name));
            if email.or_else.is_none() && !missing.is_empty() {
                let listed = rapport_rule::suggest::listed(missing.iter().map(String::as_str), 8);
                findings
                    .error("R0422", path, span, format!("no mails for {listed}"))
                    .hint("Write them, or say with `or_else:` what goes out instead.");
            }
            names.extend(there);
        }
    }
    names
}

fn check_mail(
    read: &Read,
    name: &str,
    places: &[Sent<'_>],
    library: &Library,
    setting: &Setting<'_>,
    path: &str,
    findings: &mut Findings,
) {
    let catalogue = setting.catalogue;
    let env = read.names(catalogue.declared);
    // A mail sent in two places may use what both give.
    let shape = |used: &str| -> Option<Shaped> {
        let mut found: Option<Shaped> = None;
        for place in places {
            let shaped = with_shape(place.email, used, &env, catalogue.feeds).or_else(|| planned_shape(used, &env))?;
            found = Some(match found {
                Some(known) if known.shape != shaped.shape => return None,
                Some(known) => Shaped { maybe_missing: known.maybe_missing || shaped.maybe_missing, ..known },
                None => shaped,
            });
        }
        // Of files in force it was asked when they were applied; what may be missing has become more since.
        found.map(|known| Shaped { maybe_missing: known.maybe_missing && catalogue.checks, ..known })
    };
    let mut proposals = env.names();
    proposals.retain(|name| !is_said(name));
    proposals.extend(places.iter().flat_map(|place| place.email.with.keys().map(ToString::to_string)));
    for mail in library.variants(name) {
        let errors = findings.errors();
        mail.check(&shape, &proposals, findings);
        resources::check(mail, read.workflow.is_marketing(), &catalogue.declared.resources, findings);
        // Of files in force it was not asked when they were applied.
        if catalogue.checks && !read.workflow.is_marketing() {
            advert::check(mail, findings);
        }
        for place in places {
            for (root, given) in [("survey", place.email.survey.is_some()), ("offer", place.email.offer.is_some())] {
                match (mail.uses_root(root), given) {
                    (Some(span), false) => {
                        findings
                            .error("R0427", mail.path(), span, format!("`{name}` is sent without `{root}:`"))
                            .label(format!("write `email: {{ mail: {name}, {root}: … }}` in the step"));
                    }
                    (None, true) if root == "survey" => {
                        findings
                            .error("R0427", path, place.span, format!("{} does not show the survey", mail.path()))
                            .hint("A mail with a survey shows {{survey.question}} and a link per choice.");
                    }
                    _ => {}
                }
            }
        }
        if places.iter().any(|place| place.email.offer.is_some()) {
            mail.check_offer(findings);
        }
        // What has errors already would only say them again.
        if setting.rehearses && findings.errors() == errors {
            rehearsal::check(mail, places, &read.workflow, setting, &shape, findings);
        }
    }
    // What cannot be sent has names all the same, and what is wrong with those would only show once the rest is put right.
    for mail in library.broken(name) {
        mail.check(&shape, &proposals, findings);
    }
}

/// What a name of the step's `with` is.
fn with_shape(email: &Email, used: &str, env: &dyn Environment, feeds: &BTreeMap<Arc<str>, Feed>) -> Option<Shaped> {
    let root = used.split(['.', '[']).next().unwrap_or_default();
    let one = |ty, maybe_missing| Some(Shaped { shape: Shape::One(ty), maybe_missing });
    match email.with.get(root)? {
        With::Text(template) if used == root => match template.as_name() {
            Some(name) => env.lookup(name).map(Shaped::from),
            None => one(Type::Text, false),
        },
        With::Text(_) => None,
        With::Feed { .. } if used == root => Some(Shaped { shape: Shape::Items, maybe_missing: false }),
        With::Feed { feed, .. } => {
            let field = used.strip_prefix(root)?.strip_prefix("[].")?;
            let ty = match feeds.get(feed)?.fields.get(field)? {
                FeedFieldType::Text | FeedFieldType::Url => Type::Text,
                FeedFieldType::Money => Type::Money,
                FeedFieldType::Percent => Type::Percent,
                FeedFieldType::Number => Type::Number,
                FeedFieldType::Date => Type::Date,
            };
            one(ty, may_be_missing_of_item(field))
        }
    }
}

/// What partners wrote is for the programme's people: tasks show it, a mail knows no such name.
fn is_said(path: &str) -> bool {
    path.strip_prefix("partner.").is_some_and(|field| field.starts_with(SAID))
}

fn planned_shape(used: &str, env: &dyn Environment) -> Option<Shaped> {
    if is_said(used) {
        return None;
    }
    if used == "events" {
        return Some(Shaped { shape: Shape::Items, maybe_missing: true });
    }
    // An item of a list of texts.
    if let Some(list) = used.strip_suffix("[]") {
        let known = env.lookup(list)?;
        return (known.ty == Type::List).then_some(Shaped { shape: Shape::One(Type::Text), maybe_missing: false });
    }
    if let Some(field) = used.strip_prefix("events[].") {
        return env.lookup(&format!("event.{field}")).map(Shaped::from);
    }
    let known = env.lookup(used)?;
    let zero_not_missing = figures::variable(used).is_some_and(|figure| !figure.maybe_missing);
    Some(Shaped { maybe_missing: known.maybe_missing && !zero_not_missing, ..Shaped::from(known) })
}
