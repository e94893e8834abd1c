//! DKIM (RFC 6376, RFC 8463): the sending domain's signature under a mail, over the very bytes that leave.
//!
//! relaxed/relaxed, SHA-256, RSA of at least 2048 bits or Ed25519; several keys of one domain sign side by side. The headers that
//! say who writes what to whom, and the way out, are *oversigned*: named once more than they occur, so that nobody can add a second
//! one. The same mail always gets the same signature: its time is the mail's own date, and both algorithms are deterministic.
//!
//! Why this is not a library's: docs/adr/0013-own-dkim-signature.md.

mod canonical;
mod key;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use jiff::Timestamp;
use ring::digest::{Context, SHA256};

pub use key::{DkimError, DkimKey, RSA_BITS_MIN};

/// Signed when there, and named once more than that.
const OVERSIGNED: [&str; 10] = [
    "From",
    "Reply-To",
    "To",
    "Cc",
    "Subject",
    "Date",
    "Message-ID",
    "List-Id",
    "List-Unsubscribe",
    "List-Unsubscribe-Post",
];
/// Signed when there.
const SIGNED: [&str; 6] =
    ["MIME-Version", "Content-Type", "Content-Transfer-Encoding", "Feedback-ID", "Auto-Submitted", "In-Reply-To"];
/// Of base64, so many characters a line.
const LINE_CHARACTERS: usize = 72;

/// All keys mail is signed with.
#[derive(Debug, Default)]
pub struct Signer {
    keys: Vec<DkimKey>,
}

impl Signer {
    /// Signs with these; with none, mail leaves unsigned.
    #[must_use]
    pub fn new(keys: Vec<DkimKey>) -> Self {
        Self { keys }
    }

    /// Whether there is no key at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// All keys.
    #[must_use]
    pub fn keys(&self) -> &[DkimKey] {
        &self.keys
    }

    /// The keys that sign for this address: those of its domain, or of the nearest domain above it that has any (which receivers
    /// take for the same organisation, RFC 7489, 3.1.1).
    pub fn keys_for(&self, address: &str) -> impl Iterator<Item = &DkimKey> {
        let domain = address.rsplit_once('@').map_or(address, |(_, domain)| domain).to_ascii_lowercase();
        let covers = move |key: &DkimKey| {
            domain == key.domain() || domain.strip_suffix(key.domain()).is_some_and(|rest| rest.ends_with('.'))
        };
        let nearest = self.keys.iter().filter(|key| covers(key)).map(|key| key.domain().len()).max();
        self.keys.iter().filter(move |key| Some(key.domain().len()) == nearest && covers(key))
    }

    /// The mail with a signature of each fitting key on top. `from` is the address people see, `at` the mail's date.
    ///
    /// # Errors
    /// [`DkimError::NoKey`] when there are keys but none for this sender: a programme that signs must not send unsigned by
    /// oversight. [`DkimError::Signing`] when the key refuses.
    pub fn sign(&self, mail: &[u8], from: &str, at: Timestamp) -> Result<Vec<u8>, DkimError> {
        if self.is_empty() {
            return Ok(mail.to_vec());
        }
        let (head, body) = canonical::split(mail);
        let headers = canonical::headers(head);
        let mut hash = Context::new(&SHA256);
        canonical::body(body, |piece| hash.update(piece));
        let body_hash = BASE64.encode(hash.finish());
        let names = signed_names(&headers);
        let mut signed = Vec::with_capacity(mail.len() + 1024);
        for key in self.keys_for(from) {
            let unfinished = field(key, &names, &body_hash, at);
            let mut input = String::with_capacity(head.len() + unfinished.len());
            for (name, value) in selected(&headers, &names) {
                input.extend([name.as_str(), ":", value.as_str(), "\r\n"]);
            }
            let (name, value) = canonical::header(&unfinished);
            input.extend([name.as_str(), ":", value.as_str()]);
            let signature = BASE64.encode(key.sign(input.as_bytes())?);
            signed.extend_from_slice(unfinished.as_bytes());
            signed.extend_from_slice(folded(&signature).as_bytes());
            signed.extend_from_slice(b"\r\n");
        }
        if signed.is_empty() {
            return Err(DkimError::NoKey);
        }
        signed.extend_from_slice(mail);
        Ok(signed)
    }
}

/// Names for `h=`, in the order in which they are hashed.
fn signed_names(headers: &[(String, String)]) -> Vec<&'static str> {
    let count = |name: &str| headers.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name)).count();
    let over = OVERSIGNED.into_iter().flat_map(|name| std::iter::repeat_n(name, count(name) + 1));
    over.chain(SIGNED.into_iter().flat_map(|name| std::iter::repeat_n(name, count(name)))).collect()
}

/// The headers that `h=` names, each name taking the next one from the bottom; a name without one counts as empty.
fn selected<'a>(headers: &'a [(String, String)], names: &[&str]) -> Vec<&'a (String, String)> {
    let mut used = vec![false; headers.len()];
    let mut all = Vec::new();
    for name in names {
        let next =
            headers.iter().zip(&mut used).rev().find(|((known, _), used)| !**used && known.eq_ignore_ascii_case(name));
        if let Some((header, used)) = next {
            *used = true;
            all.push(header);
        }
    }
    all
}

/// The signature's header up to its empty `b=`.
fn field(key: &DkimKey, names: &[&str], body_hash: &str, at: Timestamp) -> String {
    let mut list = String::new();
    let mut line = 0;
    for (place, name) in names.iter().enumerate() {
        if place > 0 {
            list.push(':');
        }
        if line > LINE_CHARACTERS - 24 {
            list.push_str("\r\n\t");
            line = 0;
        }
        list.push_str(name);
        line += name.len() + 1;
    }
    format!(
        "DKIM-Signature: v=1; a={}; c=relaxed/relaxed;\r\n\td={};\r\n\ts={}; t={};\r\n\th={list};\r\n\tbh={body_hash};\r\n\tb=",
        key.algorithm(),
        key.domain(),
        key.selector(),
        at.as_second().max(0),
    )
}

/// Base64 is ASCII, so any place will do to break it.
fn folded(signature: &str) -> String {
    let lines: Vec<&str> = signature
        .as_bytes()
        .chunks(LINE_CHARACTERS)
        .map(|line| std::str::from_utf8(line).unwrap_or_default())
        .collect();
    lines.join("\r\n\t")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_says_who_writes_to_whom_is_named_once_more_than_it_is_there() {
        let headers = canonical::headers(b"From: a@b.example\r\nSubject: x\r\nMIME-Version: 1.0\r\n");
        let names = signed_names(&headers);
        let count = |name| names.iter().filter(|known| **known == name).count();
        assert_eq!((count("From"), count("Subject"), count("List-Unsubscribe")), (2, 2, 1));
        assert_eq!((count("MIME-Version"), count("Feedback-ID")), (1, 0));
        assert_eq!(selected(&headers, &names).len(), 3);
    }

    #[test]
    fn the_nearest_domain_signs() {
        let key = |domain| DkimKey::generate_ed25519(domain, "s").unwrap().0;
        let signer = Signer::new(vec![key("acme.example"), key("mail.acme.example"), key("mail.acme.example")]);
        let domains = |from| signer.keys_for(from).map(DkimKey::domain).collect::<Vec<_>>();
        assert_eq!(domains("ines@mail.acme.example"), ["mail.acme.example"; 2]);
        assert_eq!(domains("ines@Deep.mail.acme.example"), ["mail.acme.example"; 2]);
        assert_eq!(domains("ines@acme.example"), ["acme.example"]);
        assert!(domains("ines@notacme.example").is_empty());
        let refused = signer.sign(b"From: x\r\n\r\n", "a@else.example", Timestamp::UNIX_EPOCH);
        assert!(matches!(refused, Err(DkimError::NoKey)));
        assert_eq!(Signer::default().sign(b"as it is", "a@b", Timestamp::UNIX_EPOCH).unwrap(), b"as it is");
    }
}
