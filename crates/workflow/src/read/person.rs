//! `mail:` of a workflow, and who signs or does something.

use std::sync::Arc;

use rapport_contact::Overflow;
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
    let over_the_cap = overflow(&fields, kind, delivery, reader, findings);
    fields.finish(&[], findings);
    let topic = topic.and_then(|node| self::topic(node, kind, reader, findings));
    reader.kind = kind?;
    reader.gathers = over_the_cap == Some(Overflow::Digest);
    Some(MailPolicy { kind: kind?, topic: topic?, from: from?, delivery, over_the_cap: over_the_cap? })
}

/// `over_the_cap:`; none where it is written and cannot be.
fn overflow(
    fields: &Fields<'_>,
    kind: Option<MailKind>,
    delivery: DeliveryPolicy,
    reader: &Reader<'_>,
    findings: &mut Findings,
) -> Option<Overflow> {
    let path = reader.path();
    let Some(node) = fields.take("over_the_cap") else { return Some(Overflow::Wait) };
    let overflow = match node.one_of(&Overflow::CODES, path, findings)? {
        1 => Overflow::Digest,
        2 => Overflow::Drop,
        _ => Overflow::Wait,
    };
    if overflow == Overflow::Wait {
        return Some(overflow);
    }
    if kind == Some(MailKind::Service) {
        findings
            .error("R0588", path, node.text_span(), "service mail is over no cap")
            .label("leave `over_the_cap` away")
            .hint("Caps hold marketing mail. What a partner has to learn leaves whatever else they got.");
        return None;
    }
    if overflow == Overflow::Digest && delivery == DeliveryPolicy::AtLeastOnce {
        findings
            .error("R0589", path, node.text_span(), "a digest is never sent again by itself")
            .label("leave `delivery: at_least_once` away, or write `over_the_cap: wait`")
            .hint(
                "A mail that is sent again must be the same mail; what travels in a digest may be another each time.",
            );
        return None;
    }
    if overflow == Overflow::Digest && !reader.catalogue.has_digest {
        findings
            .error("R0518", path, node.text_span(), "there is no file config/digest.mail.md")
            .hint("The digest is a mail like every other, and tells of those that found no place.");
        return None;
    }
    Some(overflow)
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
