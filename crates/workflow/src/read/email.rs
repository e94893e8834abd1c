//! `email:`: which mail, with what.

use std::collections::BTreeMap;
use std::sync::Arc;

use rapport_rule::expr::Template;
use rapport_rule::suggest::nearest;
use rapport_rule::yaml::{Fields, Node};
use rapport_rule::{Findings, Length};

use super::{Reader, habits};
use crate::environment::is_personal_path;
use crate::model::{Email, ISSUE, MailKind, MailName, With};

/// Names a mail gets anyway; a `with` of the same name would hide them.
const TAKEN: [&str; 16] = [
    "partner", "event", "events", "awaited", "mail", "task", "program", "goal", "segment", "group", "lane", "survey",
    "offer", "sender", "topic", "imprint",
];

/// Reads `email: NAME`, `email: { mail: NAME, … }`, and the options beside the verb. Gives also the block of `if_not_sent`.
pub(super) fn read<'n>(
    node: &'n Node,
    beside: &Fields<'n>,
    at: usize,
    reader: &mut Reader<'n>,
    findings: &mut Findings,
) -> Option<(Email, Option<&'n Node>)> {
    let path = reader.path();
    let before = findings.errors();
    let under = match node.as_map() {
        Some(_) => Some(Fields::of(node, path, findings)?),
        None => None,
    };
    let option = |key: &'static str, findings: &mut Findings| -> Option<&'n Node> {
        let inside = under.as_ref().and_then(|fields| fields.take(key));
        let outside = beside.take(key);
        if let (Some(_), Some(outside)) = (inside, outside) {
            findings.error("R0104", path, outside.span, format!("`{key}` stands under `email` and beside it"));
        }
        inside.or(outside)
    };
    let (with, survey, offer) = (option("with", findings), option("survey", findings), option("offer", findings));
    let (or_else, not_sent) = (option("or_else", findings), option("if_not_sent", findings));
    let told_whole = offer.or(survey);
    let expires = option("expires", findings);
    let name_node = match &under {
        Some(fields) => fields.require("mail", findings),
        None => Some(node),
    };
    let name = name_node.and_then(|node| mail_name(node, or_else.is_some(), reader, findings));
    if let Some(fields) = under {
        fields.finish(&[], findings);
    }
    if let Some(node) = name_node {
        reader.mail_spans.insert(at, node.text_span());
    }
    let with = with.map(|node| self::with(node, reader, findings)).unwrap_or_default();
    let survey = survey.and_then(|node| known_survey(node, reader, findings));
    let offer = offer.and_then(|node| known_offer(node, reader, findings));
    // A digest has the subject, the preheader and the first link of a mail, which is not all that such a mail must say.
    if let Some(node) = told_whole.filter(|_| reader.gathers) {
        findings
            .error("R0591", path, node.text_span(), "a digest would tell half of this mail")
            .label("send it from a workflow without `over_the_cap: digest`")
            .hint("An offer states amount, condition, end and terms, a question all its answers.");
    }
    let or_else = or_else.and_then(|node| node.name(path, findings)).map(Arc::from);
    let expires = match expires {
        Some(node) => {
            let length = node.length(path, findings)?;
            if length.is_zero() {
                findings
                    .error("R0301", path, node.text_span(), "a mail that expires at once is never sent")
                    .label("write `expires: 3 days`");
                return None;
            }
            length
        }
        None if reader.kind == MailKind::Service => Length::Days(7),
        // Longer than a week's cap and a weekend behind it: what expired would be in no digest.
        None if reader.gathers => Length::Days(10),
        None => Length::Days(3),
    };
    (findings.errors() == before).then_some(())?;
    let email = Email {
        mail: name?,
        with,
        survey,
        offer,
        or_else,
        if_not_sent: None,
        has_if_not_sent: not_sent.is_some(),
        expires,
    };
    Some((email, not_sent))
}

fn mail_name(node: &Node, has_fallback: bool, reader: &Reader<'_>, findings: &mut Findings) -> Option<MailName> {
    let path = reader.path();
    let text = node.filled_text(path, findings)?;
    if !text.contains("{{") {
        if has_fallback {
            findings
                .error(
                    "R0423",
                    path,
                    node.text_span(),
                    format!("`or_else` stands in for a templated name, and `{text}` is none"),
                )
                .label("`if_not_sent:` says what happens when the mail does not go out");
        }
        if let Some(name) = habits::mail_of_file(text) {
            findings
                .error("R0307", path, node.text_span(), format!("`{text}` is the file of a mail, not its name"))
                .label(format!("write `{name}`"))
                .hint("Its language is the partner's.")
                .right(node.text_span(), text, name);
            return None;
        }
        return node.name(path, findings).map(|name| match name {
            ISSUE => MailName::Issue,
            name => MailName::Fixed(name.into()),
        });
    }
    let template = Template::compile(text, node.text_span(), path, &reader.names(), findings)?;
    let mut ok = true;
    for (name, variable) in template.variables() {
        if variable.closed_set.is_none() || variable.may_be_another {
            findings
                .error(
                    "R0420",
                    path,
                    node.text_span(),
                    format!("`{name}` is free text, and no mail's name can be made of it"),
                )
                .hint("Only values of a closed set choose a mail: event.name, group, an answer.");
            ok = false;
        }
    }
    ok.then_some(MailName::Templated(template))
}

fn with(node: &Node, reader: &Reader<'_>, findings: &mut Findings) -> BTreeMap<Arc<str>, With> {
    let path = reader.path();
    let mut values = BTreeMap::new();
    for (key, value) in node.map(path, findings).unwrap_or_default() {
        let name = key.text.as_str();
        if !rapport_rule::expr::is_path(name) || name.contains('.') {
            findings.error("R0428", path, key.span, format!("`{name}` cannot be named in a mail"));
            continue;
        }
        if TAKEN.contains(&name) || crate::figures::variable(name).is_some() {
            findings
                .error("R0428", path, key.span, format!("every mail has a `{name}` already"))
                .label("take another name");
            continue;
        }
        if value.as_map().is_some() {
            values.extend(feed(value, reader, findings).map(|feed| (Arc::from(name), feed)));
            continue;
        }
        let Some(text) = value.text(path, findings) else { continue };
        let Some(template) = Template::compile(text, value.text_span(), path, &reader.names(), findings) else {
            continue;
        };
        for name in template.names().into_iter().filter(|name| is_personal_path(name)) {
            findings
                .error("R0425", path, value.text_span(), format!("`{name}` is a personal field"))
                .label(format!("write {{{{{name}}}}} in the mail itself"))
                .hint("What a step puts into a mail is stored with the plan; personal fields are not.");
        }
        values.insert(Arc::from(name), With::Text(template));
    }
    values
}

/// `{ feed: new-this-month, limit: 3 }`.
fn feed(node: &Node, reader: &Reader<'_>, findings: &mut Findings) -> Option<With> {
    let path = reader.path();
    let fields = Fields::of(node, path, findings)?;
    let name = fields.require("feed", findings);
    let limit = fields.require("limit", findings).and_then(|node| node.int(1..=50, path, findings));
    fields.finish(&[], findings);
    let name = name?;
    let text = name.text(path, findings)?;
    service_has_none(name, "feed", reader, findings);
    let feeds = reader.catalogue.feeds;
    let Some(feed) = feeds.get(text) else {
        findings
            .error("R0507", path, name.text_span(), format!("there is no feed `{text}`"))
            .did_you_mean(nearest(text, feeds.keys().map(|id| &**id)))
            .hint("Feeds are declared in config/feeds.yaml.");
        return None;
    };
    Some(With::Feed { feed: feed.id.clone(), limit: usize::try_from(limit?).unwrap_or(1) })
}

pub(super) fn known_survey(node: &Node, reader: &Reader<'_>, findings: &mut Findings) -> Option<Arc<str>> {
    let text = node.text(reader.path(), findings)?;
    let surveys = &reader.catalogue.declared.surveys;
    if let Some(survey) = surveys.get(text) {
        return Some(survey.id.clone());
    }
    findings
        .error("R0505", reader.path(), node.text_span(), format!("there is no survey `{text}`"))
        .did_you_mean(nearest(text, surveys.keys().map(|id| &**id)))
        .hint("Surveys are declared in config/surveys.yaml.");
    None
}

pub(super) fn known_offer(node: &Node, reader: &Reader<'_>, findings: &mut Findings) -> Option<Arc<str>> {
    let text = node.text(reader.path(), findings)?;
    service_has_none(node, "offer", reader, findings);
    let offers = reader.catalogue.offers;
    if let Some(offer) = offers.get(text) {
        return Some(offer.id.clone());
    }
    findings
        .error("R0506", reader.path(), node.text_span(), format!("there is no offer `{text}`"))
        .did_you_mean(nearest(text, offers.keys().map(|id| &**id)))
        .hint("Offers are declared in config/offers.yaml.");
    None
}

/// A notice that advertises is no notice.
fn service_has_none(node: &Node, what: &str, reader: &Reader<'_>, findings: &mut Findings) {
    if reader.kind == MailKind::Service {
        findings
            .error("R0514", reader.path(), node.span, format!("a service mail carries no {what}"))
            .hint("Only marketing mails may; they need a topic partners can opt out of.");
    }
}
