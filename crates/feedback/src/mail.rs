//! A mail that came back or came in: which of the things we know is it?

use std::borrow::Cow;
use std::panic::catch_unwind;

use mail_parser::{Message, MessageParser, MessagePart, MimeHeaders, PartType};

use crate::{Report, Unread, What, arf, dsn, fields, reply};

/// Longer than any token of ours.
const SUBJECT_CHARACTERS_MAX: usize = 1_000;

/// Parts looked at in one mail.
const PARTS_MAX: usize = 100;
/// Mails in mails are held one in the other, and let go so, too: what is nested deeper than a thread's stack ends the process. Each
/// level has a header of this name, whatever else it has.
const LEVEL: &[u8] = b"content-type";
/// More of those than any mail has.
const LEVELS_MAX: usize = 1_000;

/// What the mail was delivered with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Envelope {
    /// Addresses it was delivered to, the surest first: the envelope's, then what the headers say.
    pub recipients: Vec<String>,
    /// Return paths of our own mail inside it, as reports repeat them.
    pub returned_paths: Vec<String>,
    /// The mail's own subject.
    pub subject: Option<String>,
}

/// Reads a mail as it came in: a bounce, a complaint, a reply. `recipient` is the envelope's, where it is known.
///
/// # Errors
/// [`Unread`]: not a mail, or a report that does not say what happened.
pub fn read_mail(bytes: &[u8], recipient: Option<&str>) -> Result<(Vec<Report>, Envelope), Unread> {
    // Before it is parsed: afterwards it is too late.
    if levels(bytes) > LEVELS_MAX {
        return Err(Unread::TooMany);
    }
    // The parser breaks down over some nestings of parts that do not end where they say; such a mail is as good as none.
    let parsed = catch_unwind(|| MessageParser::default().parse(bytes)).ok().flatten();
    let mail = parsed.filter(|mail| !mail.headers().is_empty()).ok_or(Unread::Malformed)?;
    if mail.parts.len() > PARTS_MAX {
        return Err(Unread::TooMany);
    }
    let original = Original::in_mail(&mail);
    let subject = mail.subject().map(|subject| subject.trim().chars().take(SUBJECT_CHARACTERS_MAX).collect());
    let recipients = recipients(&mail, recipient);
    let mut envelope = Envelope { recipients, returned_paths: original.paths.clone(), subject };
    let (id, to) = (original.message_id.as_deref(), original.recipient.as_deref());
    if let Some(part) = part(&mail, "delivery-status").or_else(|| part(&mail, "global-delivery-status")) {
        return Ok((dsn::read(&text(part), id)?, envelope));
    }
    if let Some(part) = part(&mail, "feedback-report") {
        let text = text(part);
        let told = fields::groups(&text)
            .first()
            .and_then(|group| fields::value(group, "original-mail-from").and_then(fields::address));
        envelope.returned_paths.extend(told);
        return Ok((vec![arf::read(&text, id, to)?], envelope));
    }
    if mail.content_type().is_some_and(|kind| kind.subtype() == Some("report")) {
        return Err(Unread::Incomplete);
    }
    if mail.from().is_none() {
        return Err(Unread::Malformed);
    }
    let what = match reply::automatic(&mail) {
        Some(kind) => What::AutoReply { kind },
        None => What::Reply,
    };
    let address = mail.from().and_then(|from| from.first()).and_then(|from| from.address()).and_then(fields::address);
    let answered = ["In-Reply-To", "References"].into_iter().filter_map(|name| mail.header_raw(name));
    // The last of the references is what was answered (RFC 5322, 3.6.4).
    let message_id = answered.filter_map(|ids| ids.split_whitespace().rev().find_map(fields::message_id)).next();
    let event_id = mail.message_id().and_then(fields::message_id);
    Ok((vec![Report { what, message_id, address, event_id, at: None }], envelope))
}

/// How often the name stands anywhere in a mail. The parser takes a name with blanks in it for the name, so they are passed over.
fn levels(bytes: &[u8]) -> usize {
    let (mut found, mut matched) = (0, 0);
    for byte in bytes.iter().filter(|byte| !byte.is_ascii_whitespace()).map(u8::to_ascii_lowercase) {
        // Its first letter comes once in it: whatever breaks it off begins it anew or not at all.
        matched = match LEVEL.get(matched) {
            Some(next) if *next == byte => matched + 1,
            _ => usize::from(LEVEL.first() == Some(&byte)),
        };
        if matched == LEVEL.len() {
            (found, matched) = (found + 1, 0);
        }
    }
    found
}

/// The part of type `message/SUBTYPE`, outside of returned mails.
fn part<'a, 'x>(mail: &'a Message<'x>, subtype: &str) -> Option<&'a MessagePart<'x>> {
    mail.parts.iter().find(|part| part.is_content_type("message", subtype))
}

fn text<'a>(part: &'a MessagePart<'_>) -> Cow<'a, str> {
    match &part.body {
        PartType::Text(text) | PartType::Html(text) => Cow::Borrowed(text),
        // Some parse such a part as a mail of its own; its bytes are what counts.
        PartType::Message(inner) => String::from_utf8_lossy(inner.raw_message()),
        _ => String::from_utf8_lossy(part.contents()),
    }
}

/// What a report says of the mail it returns, whole or its headers alone.
#[derive(Default)]
struct Original {
    message_id: Option<String>,
    recipient: Option<String>,
    paths: Vec<String>,
}

impl Original {
    fn in_mail(mail: &Message<'_>) -> Self {
        let returned = mail.parts.iter().find(|part| {
            part.is_content_type("message", "rfc822")
                || part.is_content_type("text", "rfc822-headers")
                || part.is_content_type("message", "global")
                || part.is_content_type("message", "global-headers")
        });
        let Some(part) = returned else { return Self::default() };
        let text = text(part);
        // Only the head: what a mail's body says is the body's affair.
        let head = text.split("\r\n\r\n").next().unwrap_or_default();
        let head = head.split("\n\n").next().unwrap_or_default();
        let groups = fields::groups(head);
        let Some(group) = groups.first() else { return Self::default() };
        Self {
            message_id: fields::value(group, "message-id").and_then(fields::message_id),
            recipient: fields::value(group, "to").and_then(fields::address),
            paths: fields::value(group, "return-path").and_then(fields::address).into_iter().collect(),
        }
    }
}

fn recipients(mail: &Message<'_>, envelope: Option<&str>) -> Vec<String> {
    let mut all: Vec<String> = envelope.and_then(fields::address).into_iter().collect();
    for name in ["Delivered-To", "X-Original-To", "Envelope-To", "To"] {
        all.extend(mail.header_raw(name).and_then(fields::address));
    }
    all.dedup();
    all
}
