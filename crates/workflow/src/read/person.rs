//! `mail:` of a workflow, and who signs or does something.

use std::sync::Arc;

use rapport_rule::suggest::nearest;
use rapport_rule::yaml::{Fields, Node};
use rapport_rule::{Findings, Span};

use super::Reader;
use crate::model::{DeliveryPolicy, MailKind, MailPolicy, Person};

/// The word for the partner's own manager.
const MANAGER: &str = "manager";

pub(super) fn mail_policy(node: &Node, reader: &mut Reader<'_>, findings: &mut Findings) -> Option<MailPolicy> {
    let path = reader.path();
    let fields = Fields::of(node, path, findings)?;
    let kind = fields.require("kind", findings).and_then(|node| node.one_of(&["marketing", "service"], path, findings));
    let kind = kind.map(|which| if which == 0 { MailKind::Marketing } else { MailKind::Service });
    let topic = fields.require("topic", findings);
    let from = person(&fields, "from", reader, findings);
    let delivery = fields.take("delivery").and_then(|node| node.one_of(&DeliveryPolicy::CODES, path, findings));
    let delivery = if delivery == Some(1) { DeliveryPolicy::AtLeastOnce } else { DeliveryPolicy::AtMostOnce };
    fields.finish(&[], findings);
    let topic = topic.and_then(|node| self::topic(node, kind, reader, findings));
    reader.kind = kind?;
    Some(MailPolicy { kind: kind?, topic: topic?, from: from?, delivery })
}

fn topic(node: &Node, kind: Option<MailKind>, reader: &Reader<'_>, findings: &mut Findings) -> Option<Arc<str>> {
    let path = reader.path();
    let text = node.text(path, findings)?;
    let Some(config) = reader.catalogue.config else { return Some(text.into()) };
    let Some(topic) = config.topics.get(text) else {
        findings
            .error("R0504", path, node.text_span(), format!("there is no topic `{text}`"))
            .did_you_mean(nearest(text, config.topics.keys().map(|id| &**id)))
            .hint("Topics are the closed list in config/rapport.yaml that partners can opt out of.");
        return None;
    };
    // Service is a property of the topic: a workflow cannot make a newsletter a notice.
    match kind {
        Some(MailKind::Service) if !topic.service => {
            findings
                .error("R0513", path, node.text_span(), format!("`{text}` is no topic of service mails"))
                .hint("Only mails the contract asks for are service; the topic says so with `service: true`.");
            None
        }
        Some(MailKind::Marketing) if topic.service => {
            findings
                .error("R0513", path, node.text_span(), format!("`{text}` is a topic of service mails"))
                .label("a marketing mail needs a topic partners can opt out of");
            None
        }
        _ => Some(topic.id.clone()),
    }
}

/// `from:` or `to:` with `or:` beside it.
pub(super) fn person<'n>(
    fields: &Fields<'n>,
    key: &'n str,
    reader: &Reader<'_>,
    findings: &mut Findings,
) -> Option<Person> {
    let path = reader.path();
    let node = fields.require(key, findings);
    let or = fields.take("or");
    let node = node?;
    let text = node.text(path, findings)?;
    if text != MANAGER {
        if let Some(or) = or {
            findings
                .error(
                    "R0511",
                    path,
                    or.span,
                    format!("`or` says who stands in for the manager, and `{key}` is `{text}`"),
                )
                .label("leave `or` away");
        }
        return sender(text, node.text_span(), reader, findings).map(Person::Sender);
    }
    let Some(or) = or else {
        findings
            .error("R0511", path, node.text_span(), "`manager` without `or`")
            .label(format!("write `{key}: manager, or: SENDER`"))
            .hint("Not every partner has a manager.");
        return None;
    };
    let text = or.text(path, findings)?;
    sender(text, or.text_span(), reader, findings).map(Person::ManagerOr)
}

pub(super) fn sender(text: &str, span: Span, reader: &Reader<'_>, findings: &mut Findings) -> Option<Arc<str>> {
    let Some(config) = reader.catalogue.config else { return Some(text.into()) };
    if config.senders.contains_key(text) {
        return Some(text.into());
    }
    let known = config.senders.keys().map(|id| &**id).chain([MANAGER]);
    findings
        .error("R0501", reader.path(), span, format!("there is no sender `{text}`"))
        .did_you_mean(nearest(text, known))
        .hint("Senders are declared in config/rapport.yaml.");
    None
}
