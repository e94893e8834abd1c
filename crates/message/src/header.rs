//! The headers a mail leaves with, as names and values before encoding.
//!
//! Values hold no control characters, so nothing in them begins a new header. Text that is not ASCII is encoded by the
//! transport (RFC 2047), which also folds, but never the address in `List-Unsubscribe`.

use jiff::Timestamp;
use thiserror::Error;

use crate::escape::clean;
use crate::parties::{Links, Person, Program, Sender, Topic};

/// What the headers are made from.
#[derive(Clone, Copy, Debug)]
pub struct Envelope<'a> {
    /// The message's id: a hash, so that a repeated attempt carries the same Message-ID.
    pub message_id: &'a str,
    /// The domain mails are sent from (`mail.acme.example`).
    pub sending_domain: &'a str,
    /// The workflow's id, for `Feedback-ID`.
    pub workflow: &'a str,
    /// To whom.
    pub person: &'a Person,
    /// From whom.
    pub sender: &'a Sender,
    /// For whom.
    pub program: &'a Program,
    /// About what.
    pub topic: &'a Topic,
    /// Its links.
    pub links: &'a Links,
    /// The rendered subject.
    pub subject: &'a str,
    /// When it is handed over.
    pub date: Timestamp,
}

/// A mailbox: a name for people, an address for machines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mailbox {
    /// Shown; may be empty.
    pub name: String,
    /// `local@domain`.
    pub address: String,
}

/// All headers of a mail but those of MIME and DKIM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Headers {
    /// `From`.
    pub from: Mailbox,
    /// `To`.
    pub to: Mailbox,
    /// `Reply-To`.
    pub reply_to: Mailbox,
    /// `Subject`, not encoded.
    pub subject: String,
    /// The others, in order, each once: `Date`, `Message-ID`, `List-…`, `Feedback-ID`, `Auto-Submitted`. ASCII.
    pub others: Vec<(&'static str, String)>,
}

impl Headers {
    /// The value of one of the other headers.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.others.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

/// Why there are no headers.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum HeaderError {
    /// An address that is none.
    #[error("`{field}` is not an address: {value}")]
    Address {
        /// Which header.
        field: &'static str,
        /// What stood there.
        value: String,
    },
    /// An identifier or domain with other than letters, digits, `.`, `-`, `_`.
    #[error("`{field}` cannot stand in a header: {value}")]
    Identifier {
        /// Which part.
        field: &'static str,
        /// What stood there.
        value: String,
    },
    /// A marketing mail without a way out, or with an address that does not fit.
    #[error("a marketing mail needs an https address of fewer than 200 characters to unsubscribe")]
    NoWayOut,
}

/// Builds the headers.
pub fn headers(envelope: &Envelope<'_>) -> Result<Headers, HeaderError> {
    let e = envelope;
    let id = identifier("message_id", e.message_id)?;
    let domain = identifier("sending_domain", e.sending_domain)?;
    let topic = identifier("topic", &e.topic.id)?;
    let program = identifier("program", &e.program.id)?;
    let workflow = identifier("workflow", e.workflow)?;
    let mut others = vec![
        ("Date", date(e.date)),
        ("Message-ID", format!("<{id}@{domain}>")),
        // Of the form asked for by Google's feedback loop: up to three parts, then the sender.
        ("Feedback-ID", format!("{workflow}:{topic}:{program}:{domain}")),
    ];
    if e.topic.service {
        others.push(("Auto-Submitted", "auto-generated".to_owned()));
    } else {
        let url = e.links.unsubscribe.as_deref().filter(|url| fits(url)).ok_or(HeaderError::NoWayOut)?;
        let token = url.rsplit('/').next().unwrap_or_default();
        others.push(("List-Id", format!("<{topic}.{program}.{domain}>")));
        others.push(("List-Unsubscribe", format!("<{url}>, <mailto:unsubscribe@{domain}?subject={token}>")));
        others.push(("List-Unsubscribe-Post", "List-Unsubscribe=One-Click".to_owned()));
    }
    Ok(Headers {
        from: Mailbox { name: clean(&e.sender.name), address: address("From", &e.sender.email)? },
        to: Mailbox {
            name: clean(e.person.name.as_deref().unwrap_or_default()),
            address: address("To", &e.person.email)?,
        },
        reply_to: Mailbox { name: clean(&e.sender.name), address: address("Reply-To", &e.sender.reply_to)? },
        subject: clean(e.subject),
        others,
    })
}

/// RFC 5322, always in UTC: the reader's client shows it in theirs.
fn date(at: Timestamp) -> String {
    jiff::fmt::rfc2822::DateTimePrinter::new()
        .timestamp_to_string(&at)
        // Only years beyond 9999 cannot be written.
        .unwrap_or_else(|_| "Thu, 1 Jan 1970 00:00:00 -0000".to_owned())
}

fn fits(url: &str) -> bool {
    (url.starts_with("https://") || crate::link::is_local(url))
        && url.len() < 200
        && url.bytes().all(|b| b.is_ascii_graphic() && !matches!(b, b'<' | b'>' | b','))
}

fn identifier<'a>(field: &'static str, value: &'a str) -> Result<&'a str, HeaderError> {
    let fits = !value.is_empty()
        && value.len() <= 128
        && value.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'))
        && !value.starts_with('.')
        && !value.ends_with('.');
    if fits { Ok(value) } else { Err(HeaderError::Identifier { field, value: clean(value) }) }
}

/// One `@` with something before and a domain behind, no white space, quotes or brackets. Whether a mailbox is there only
/// its server knows; what this keeps out is a second address or header.
fn address(field: &'static str, value: &str) -> Result<String, HeaderError> {
    let value = value.trim();
    let sound = value.len() <= 254
        && value.split_once('@').is_some_and(|(local, domain)| {
            !local.is_empty()
                && domain.contains('.')
                && !domain.contains('@')
                && !domain.starts_with('.')
                && !domain.ends_with('.')
        })
        && value.chars().all(|c| !c.is_whitespace() && !c.is_control() && !"<>()[]\",;:\\".contains(c))
        && clean(value) == value;
    if sound { Ok(value.to_owned()) } else { Err(HeaderError::Address { field, value: clean(value) }) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;
    use proptest::prelude::*;

    fn build(change: impl FnOnce(&mut sample::Surroundings)) -> Result<Headers, HeaderError> {
        let mut s = sample::surroundings();
        change(&mut s);
        headers(&Envelope {
            message_id: "3f2c1a",
            sending_domain: "mail.acme.example",
            workflow: "re-engagement",
            person: &s.person,
            sender: &s.sender,
            program: &s.program,
            topic: &s.topic,
            links: &s.links,
            subject: "Is everything all right?",
            date: "2026-11-03T09:00:00Z".parse().unwrap(),
        })
    }

    #[test]
    fn a_marketing_mail_carries_the_way_out() {
        let headers = build(|_| ()).unwrap();
        assert_eq!(headers.get("Message-ID"), Some("<3f2c1a@mail.acme.example>"));
        assert_eq!(headers.get("List-Id"), Some("<performance.default.mail.acme.example>"));
        assert_eq!(headers.get("List-Unsubscribe-Post"), Some("List-Unsubscribe=One-Click"));
        assert!(headers.get("List-Unsubscribe").unwrap().starts_with("<https://"));
        assert!(headers.get("List-Unsubscribe").unwrap().contains(", <mailto:unsubscribe@mail.acme.example?subject="));
        assert_eq!(headers.get("Feedback-ID"), Some("re-engagement:performance:default:mail.acme.example"));
        assert_eq!(headers.get("Date"), Some("Tue, 3 Nov 2026 09:00:00 -0000"));
        assert_eq!(headers.get("Auto-Submitted"), None);
        assert_eq!(headers.reply_to.address, "ines@acme.example");
        assert_eq!(build(|s| s.links.unsubscribe = None), Err(HeaderError::NoWayOut));
        assert_eq!(
            build(|s| s.links.unsubscribe = Some(format!("https://a.example/{}", "x".repeat(200)))),
            Err(HeaderError::NoWayOut)
        );
    }

    #[test]
    fn a_notice_says_that_it_is_one() {
        let headers = build(|s| s.topic.service = true).unwrap();
        assert_eq!(headers.get("Auto-Submitted"), Some("auto-generated"));
        assert_eq!(headers.get("List-Unsubscribe"), None);
    }

    #[test]
    fn an_address_that_smuggles_is_refused() {
        for bad in [
            "a@b.example\r\nBcc: x@y.example",
            "a@b.example, c@d.example",
            "a b@c.example",
            "a@",
            "@b.example",
            "a@b",
            "a@b@c.example",
            "<a@b.example>",
        ] {
            assert!(build(|s| s.person.email = bad.into()).is_err(), "{bad}");
        }
        assert!(build(|s| s.person.email = "jürgen@bücher.example".into()).is_ok());
    }

    proptest! {
        #[test]
        fn no_name_begins_a_header(name in proptest::collection::vec(any::<char>(), 0..60)) {
            let name: String = name.into_iter().collect();
            let headers = build(|s| { s.person.name = Some(name.clone()); s.sender.name = name.clone(); }).unwrap();
            for text in [&headers.to.name, &headers.from.name, &headers.subject] {
                prop_assert!(!text.chars().any(char::is_control));
            }
            prop_assert_eq!(headers.others.len(), 6);
        }
    }
}
