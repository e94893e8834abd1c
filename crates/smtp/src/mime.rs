//! How a mail becomes bytes: multipart/alternative, text first, UTF-8, CRLF, lines of at most 998 octets, seven bits.
//!
//! The same mail always becomes the same bytes; nothing random, no clock. Whatever a partner has put into a name or a field, it stays
//! inside its header or its part: control characters never reach a header, and the boundary occurs in no part.

mod body;

use std::borrow::Cow;

use jiff::Timestamp;
use lettre::message::header::{self, HeaderName, HeaderValue, Headers};
use lettre::message::{Mailbox, Mailboxes};
use memchr::memmem;
use rapport_engine::ports::transport::{self, Letter};
use xxhash_rust::xxh3::xxh3_64;

use self::body::Body;
use crate::dkim::Signer;

/// RFC 5322, 2.1.1, without the line end.
const LINE_MAX: usize = 998;

/// Longer display names are cut; nobody is called more.
const NAME_CHARACTERS_MAX: usize = 100;

/// A mail ready to be written down.
#[derive(Clone, Debug)]
pub struct Outgoing {
    /// The sender people see.
    pub from: Correspondent,
    /// The recipient people see.
    pub to: Correspondent,
    /// Where answers go, a person who reads them.
    pub reply_to: Option<Correspondent>,
    /// Subject, any Unicode.
    pub subject: String,
    /// The complete text.
    pub text: String,
    /// The same as HTML; without it the mail is plain text.
    pub html: Option<String>,
    /// `local@domain`, with or without `<…>`; the same for every attempt of one mail.
    pub message_id: String,
    /// Date of the mail.
    pub date: Timestamp,
    /// Further headers in order, such as `List-Unsubscribe`. ASCII values are written as they are, on one line.
    pub headers: Vec<(String, String)>,
}

/// A name and an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Correspondent {
    /// Display name as people wrote it; cleaned when used.
    pub name: Option<String>,
    /// `local@domain`, the domain in ASCII.
    pub address: String,
}

/// A mail to be written down, wherever it stands: an [`Outgoing`], a [`Letter`].
struct Draft<'a> {
    from: Party<'a>,
    to: Party<'a>,
    reply_to: Option<Party<'a>>,
    subject: &'a str,
    text: &'a str,
    html: Option<&'a str>,
    message_id: &'a str,
    date: Timestamp,
    headers: &'a [(String, String)],
}

/// As a [`Correspondent`].
struct Party<'a> {
    name: Option<&'a str>,
    address: &'a str,
}

impl<'a> From<&'a Outgoing> for Draft<'a> {
    fn from(mail: &'a Outgoing) -> Self {
        let party = |who: &'a Correspondent| Party { name: who.name.as_deref(), address: &who.address };
        Self {
            from: party(&mail.from),
            to: party(&mail.to),
            reply_to: mail.reply_to.as_ref().map(party),
            subject: &mail.subject,
            text: &mail.text,
            html: mail.html.as_deref(),
            message_id: &mail.message_id,
            date: mail.date,
            headers: &mail.headers,
        }
    }
}

impl<'a> From<&'a Letter> for Draft<'a> {
    fn from(letter: &'a Letter) -> Self {
        let party = |mailbox: &'a transport::Mailbox| Party {
            name: Some(mailbox.name.as_str()).filter(|name| !name.is_empty()),
            address: &mailbox.address,
        };
        Self {
            from: party(&letter.from),
            to: party(&letter.to),
            reply_to: Some(party(&letter.reply_to)),
            subject: &letter.subject,
            text: &letter.text,
            html: Some(&letter.html),
            message_id: &letter.message_id,
            date: letter.date,
            headers: &letter.headers,
        }
    }
}

/// Why a mail cannot be written down. Never repeats a value: it may be personal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BuildError {
    /// Not an address that can be written to.
    #[error("the address in {0} is not an e-mail address with a domain in ASCII")]
    Address(&'static str),
    /// Not `local@domain`.
    #[error("the message id is not of the form `local@domain`")]
    MessageId,
    /// Outside what RFC 5322 can write (years 0–9999).
    #[error("the date is outside what a mail can carry")]
    Date,
    /// A name with other characters than letters, digits and `-`.
    #[error("`{0}` is not a header name")]
    HeaderName(String),
    /// A header the builder writes itself.
    #[error("`{0}` is written by the builder")]
    HeaderReserved(String),
    /// The same header twice.
    #[error("`{0}` is there twice")]
    HeaderTwice(String),
    /// A value that does not fit a line of 998 octets.
    #[error("`{0}` is longer than a line of a mail may be")]
    HeaderTooLong(String),
}

/// Writes a mail down.
///
/// # Errors
/// See [`BuildError`]; nothing in names, subject, text or HTML leads to one.
pub fn build(mail: &Outgoing) -> Result<Vec<u8>, BuildError> {
    written(&mail.into())
}

fn written(mail: &Draft<'_>) -> Result<Vec<u8>, BuildError> {
    let mut headers = Headers::with_capacity(mail.headers.len() + 7);
    headers.insert_raw(date(mail.date)?);
    headers.set(header::From::from(Mailboxes::from(mailbox(&mail.from, "From")?)));
    if let Some(reply_to) = &mail.reply_to {
        headers.set(header::ReplyTo::from(Mailboxes::from(mailbox(reply_to, "Reply-To")?)));
    }
    headers.set(header::To::from(Mailboxes::from(mailbox(&mail.to, "To")?)));
    headers.insert_raw(words("Subject", &one_line(mail.subject))?);
    headers.insert_raw(message_id(mail.message_id)?);
    for (name, value) in mail.headers {
        let header = further(name, &one_line(value))?;
        if headers.get_raw(name).is_some() {
            return Err(BuildError::HeaderTwice(name.clone()));
        }
        headers.insert_raw(header);
    }
    headers.insert_raw(as_written("MIME-Version", "1.0".into())?);
    // A part begins with its own headers, which thus become the last ones of the mail.
    let mut bytes = headers.to_string().into_bytes();
    let text = Body::of(mail.text);
    match mail.html {
        None => text.write_part("text/plain", &mut bytes),
        Some(html) => {
            let html = Body::of(html);
            let boundary = boundary(mail.message_id, &[&text.bytes, &html.bytes]);
            bytes.reserve(text.bytes.len() + html.bytes.len() + 512);
            let head = ["Content-Type: multipart/alternative; boundary=\"", &boundary, "\"\r\n\r\n"];
            head.into_iter().for_each(|piece| bytes.extend_from_slice(piece.as_bytes()));
            for (kind, part) in [("text/plain", &text), ("text/html", &html)] {
                ["--", &boundary, "\r\n"].into_iter().for_each(|piece| bytes.extend_from_slice(piece.as_bytes()));
                part.write_part(kind, &mut bytes);
            }
            ["--", &boundary, "--\r\n"].into_iter().for_each(|piece| bytes.extend_from_slice(piece.as_bytes()));
        }
    }
    Ok(bytes)
}

/// The letter as the bytes that are sent, signed for its sender's domain.
pub(crate) fn signed(letter: &Letter, signer: &Signer) -> Result<Vec<u8>, String> {
    let bytes = written(&letter.into()).map_err(|error| error.to_string())?;
    signer.sign(&bytes, &letter.from.address, letter.date).map_err(|error| error.to_string())
}

fn date(at: Timestamp) -> Result<HeaderValue, BuildError> {
    let text = jiff::fmt::rfc2822::to_string(&at.to_zoned(jiff::tz::TimeZone::UTC)).map_err(|_| BuildError::Date)?;
    as_written("Date", text)
}

fn mailbox(who: &Party<'_>, header: &'static str) -> Result<Mailbox, BuildError> {
    // Of a mailbox in another script the header has what the envelope has; the relay must offer SMTPUTF8 for both.
    let is_domain_ascii = || who.address.rsplit_once('@').is_some_and(|(_, domain)| domain.is_ascii());
    let is_fit = who.address.is_ascii() || (header == "To" && is_domain_ascii());
    let address = is_fit.then(|| who.address.parse().ok()).flatten();
    let address = address.ok_or(BuildError::Address(header))?;
    let name = who.name.map(display_name).filter(|name| !name.is_empty());
    Ok(Mailbox::new(name, address))
}

/// A name fit for a header: one line, no control or direction characters, no `@` or brackets that would make it look like an address
/// of somebody else, not endless.
fn display_name(name: &str) -> String {
    let kept: String =
        name.chars().map(|c| if matches!(c, '<' | '>' | '@') || is_unfit(c) { ' ' } else { c }).collect();
    let cut: String = squeeze(&kept).chars().take(NAME_CHARACTERS_MAX).collect();
    cut.trim_end().to_owned()
}

/// A header's text: one line without control or direction characters.
fn one_line(text: &str) -> Cow<'_, str> {
    if is_one_line(text) {
        return Cow::Borrowed(text);
    }
    let kept: String = text.chars().map(|c| if is_unfit(c) { ' ' } else { c }).collect();
    Cow::Owned(squeeze(&kept))
}

fn squeeze(text: &str) -> String {
    let mut squeezed = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        if !squeezed.is_empty() {
            squeezed.push(' ');
        }
        squeezed.push_str(word);
    }
    squeezed
}

/// Whether a text is ASCII and nothing in it would be changed, as with most headers.
fn is_one_line(text: &str) -> bool {
    text.bytes().all(|octet| matches!(octet, b' '..=b'~'))
        && !text.contains("  ")
        && !text.starts_with(' ')
        && !text.ends_with(' ')
}

/// Control characters, line and paragraph separators, and those that turn the direction of what follows.
fn is_unfit(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{061C}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{FEFF}')
}

fn message_id(id: &str) -> Result<HeaderValue, BuildError> {
    let id = id.strip_prefix('<').and_then(|id| id.strip_suffix('>')).unwrap_or(id);
    let is_plain =
        |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic() && !b"<>()[]\\,;:\"@".contains(&b));
    match id.split_once('@') {
        Some((local, domain)) if is_plain(local) && is_plain(domain) && id.len() <= 250 => {
            as_written("Message-ID", format!("<{id}>"))
        }
        _ => Err(BuildError::MessageId),
    }
}

/// A header from outside the builder.
fn further(name: &str, value: &str) -> Result<HeaderValue, BuildError> {
    let is_name = !name.is_empty()
        && name.len() <= 70
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        && name.bytes().next().is_some_and(|b| b.is_ascii_alphabetic());
    if !is_name {
        return Err(BuildError::HeaderName(name.chars().filter(|c| !c.is_control()).take(70).collect()));
    }
    let reserved = ["bcc", "cc", "date", "from", "message-id", "mime-version", "reply-to", "sender", "subject", "to"];
    let lower = name.to_ascii_lowercase();
    if reserved.contains(&lower.as_str()) || lower.starts_with("content-") {
        return Err(BuildError::HeaderReserved(name.to_owned()));
    }
    // Structured values such as links must be neither folded nor encoded (RFC 8058, 3.1).
    if value.is_ascii() { as_written(name, value.to_owned()) } else { words(name, value) }
}

/// One line, untouched.
fn as_written(name: &str, value: String) -> Result<HeaderValue, BuildError> {
    if name.len() + 2 + value.len() > LINE_MAX {
        return Err(BuildError::HeaderTooLong(name.to_owned()));
    }
    let name = HeaderName::new_from_ascii(name.to_owned()).map_err(|_| BuildError::HeaderName(name.to_owned()))?;
    // What it says unencoded is asked of no header.
    Ok(HeaderValue::dangerous_new_pre_encoded(name, String::new(), value))
}

/// Unstructured text: folded between words, encoded (RFC 2047) where it is not ASCII.
fn words(name: &str, value: &str) -> Result<HeaderValue, BuildError> {
    // An ASCII word too long for a line cannot be folded; encoded it can. `=?` in ASCII would be read as an encoding.
    let needs_encoding = value.split(' ').any(|word| word.len() > 200 || word.contains("=?"));
    let header = HeaderName::new_from_ascii(name.to_owned()).map_err(|_| BuildError::HeaderName(name.to_owned()))?;
    if !needs_encoding {
        return Ok(HeaderValue::new(header, value.to_owned()));
    }
    Ok(HeaderValue::dangerous_new_pre_encoded(header, value.to_owned(), encoded_words(value)))
}

/// RFC 2047 words of at most 75 characters, one a line, each whole in UTF-8.
fn encoded_words(text: &str) -> String {
    // At most three characters an octet: 12 + 3 · 21 = 75.
    const OCTETS_MAX: usize = 21;
    let mut words: Vec<String> = Vec::new();
    let mut octets = String::new();
    let mut flush = |octets: &mut String| {
        if !octets.is_empty() {
            words.push(q_word(octets));
            octets.clear();
        }
    };
    for c in text.chars() {
        if octets.len() + c.len_utf8() > OCTETS_MAX {
            flush(&mut octets);
        }
        octets.push(c);
    }
    flush(&mut octets);
    words.join("\r\n ")
}

fn q_word(text: &str) -> String {
    let mut word = String::from("=?utf-8?q?");
    for octet in text.bytes() {
        match octet {
            b' ' => word.push('_'),
            b if b.is_ascii_alphanumeric() => word.push(char::from(b)),
            b => word.push_str(&format!("={b:02X}")),
        }
    }
    word.push_str("?=");
    word
}

/// A boundary that follows from the Message-ID and occurs in no part.
fn boundary(message_id: &str, parts: &[&[u8]]) -> String {
    let mut attempt = 0_u32;
    loop {
        let boundary = format!("=_{:016x}", xxh3_64(format!("{message_id}/{attempt}").as_bytes()));
        let occurs = |part: &&[u8]| memmem::find(part, boundary.as_bytes()).is_some();
        if !parts.iter().any(occurs) {
            return boundary;
        }
        attempt += 1;
    }
}
