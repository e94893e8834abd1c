//! E-mail addresses: one spelling, one key.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};
use sha2::{Digest, Sha256};
use unicode_normalization::{UnicodeNormalization as _, char::is_combining_mark};

/// An address in the spelling it is written to: trimmed, domain in lower case and as A-labels, the local part as given.
///
/// Two spellings of one mailbox (`Ada@Example.com`, `ada@example.com`) have one [`folded`](Self::folded) form: recipient rows,
/// suppressions, caps and "one copy per address" go by it. What is written on an envelope is the spelling as given.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct NormalisedAddress(String);

/// Brings an address into its normal form; `None` when mail cannot be sent to it.
///
/// Accepts `dot-atom@domain` (RFC 5321, 4.1.2) of at most 254 octets. A domain in another script becomes its A-labels, which every
/// relay takes; a local part outside ASCII (RFC 6531) stays as it is, composed, and goes only to relays that offer SMTPUTF8. Quoted
/// local parts and address literals are refused.
#[must_use]
pub fn normalise(address: &str) -> Option<NormalisedAddress> {
    let (local, domain) = address.trim().rsplit_once('@')?;
    let domain = ascii_domain(domain.strip_suffix('.').unwrap_or(domain))?;
    let local: Cow<'_, str> = if local.is_ascii() { local.into() } else { local.nfc().collect::<String>().into() };
    let whole = local.len() + 1 + domain.len();
    (whole <= 254 && local_is_dot_atom(&local) && domain_is_valid(&domain))
        .then(|| NormalisedAddress(format!("{local}@{domain}")))
}

/// The domain in lower case, with the A-labels (`xn--…`) of what is written in another script.
fn ascii_domain(domain: &str) -> Option<String> {
    if domain.is_ascii() {
        return Some(domain.to_ascii_lowercase());
    }
    idna::domain_to_ascii_cow(domain.as_bytes(), idna::AsciiDenyList::STD3).ok().map(Cow::into_owned)
}

fn local_is_dot_atom(local: &str) -> bool {
    // Of other scripts letters and digits: what neither hides nor turns anything around.
    let is_atext = |c: char| match c.is_ascii() {
        true => c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c),
        false => c.is_alphanumeric() || is_combining_mark(c),
    };
    let is_atom = |atom: &str| atom.chars().next().is_some_and(|first| !is_combining_mark(first));
    local.len() <= 64 && local.split('.').all(|atom| is_atom(atom) && atom.chars().all(is_atext))
}

fn domain_is_valid(domain: &str) -> bool {
    let label_is_valid = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    domain.split('.').all(label_is_valid)
}

impl NormalisedAddress {
    /// The address as it is written on an envelope.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The part after the last `@`, in lower case.
    #[must_use]
    pub fn domain(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(_, domain)| domain)
    }

    /// Whether its local part is outside ASCII, so that only relays with SMTPUTF8 take it.
    #[must_use]
    pub fn needs_utf8(&self) -> bool {
        !self.0.is_ascii()
    }

    /// The whole address in lower case.
    ///
    /// The local part is folded too: no provider of note tells `Ada` from `ada`, and a person who unsubscribed as one must not be
    /// written to as the other.
    #[must_use]
    pub fn folded(&self) -> String {
        if self.0.is_ascii() { self.0.to_ascii_lowercase() } else { self.0.to_lowercase().nfc().collect() }
    }

    /// SHA-256 in hex of the [`folded`](Self::folded) address: survives an erasure, and matches a later re-import.
    #[must_use]
    pub fn key(&self) -> String {
        hex_digest(&self.folded())
    }
}

/// How an address is kept of somebody who was erased: it matches the address when it comes again, and tells it to nobody who does not
/// know it. What is no address is its own.
#[must_use]
pub fn hashed(address: &str) -> String {
    normalise(address).map_or_else(|| address.to_owned(), |address| format!("sha256:{}", address.key()))
}

/// How a domain is kept that may be somebody's own: the same for the same domain, and telling it to nobody who does not know it.
#[must_use]
pub fn hashed_domain(domain: &str) -> String {
    format!("sha256:{}", hex_digest(domain))
}

fn hex_digest(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().fold(String::with_capacity(64), |mut hex, byte| {
        use fmt::Write as _;
        // Writing to a String cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

impl fmt::Display for NormalisedAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Shows the domain only: addresses do not belong in logs.
impl fmt::Debug for NormalisedAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NormalisedAddress(…@{})", self.domain())
    }
}

impl<'de> Deserialize<'de> for NormalisedAddress {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        normalise(&text).ok_or_else(|| serde::de::Error::custom("not an e-mail address that can be written to"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn spellings_of_one_mailbox_have_one_key() {
        let one = normalise(" Ada.Lovelace+news@Example.COM. ").unwrap();
        let other = normalise("ada.lovelace+news@example.com").unwrap();
        assert_eq!(one.as_str(), "Ada.Lovelace+news@example.com");
        assert_eq!(one.domain(), "example.com");
        assert_eq!(one.key(), other.key());
        assert_eq!(one.folded(), other.as_str());
        // Independent vector: printf %s ada.lovelace+news@example.com | sha256sum
        assert_eq!(one.key(), "642c187cbb99a3423883fe9de1332c6f7cf2bf1f681c7a414c8b7377442fedff");
    }

    #[test]
    fn what_cannot_be_written_to_has_no_normal_form() {
        for bad in [
            "",
            "ada",
            "@example.com",
            "ada@",
            "ada@@example.com",
            "a da@example.com",
            "ada@exa mple.com",
            ".ada@example.com",
            "ada..l@example.com",
            "ada@-example.com",
            "ada@example..com",
            "\"ada\"@example.com",
            "ada@[127.0.0.1]",
            "ada@example.com\r\nBcc: eve@example.com",
            "ada@exä mple.com",
            "ad\u{202e}a@example.com",
            "ad\u{200b}a@example.com",
            "\u{301}ada@example.com",
            "Ada <ada@example.com>",
            "ada@example.com>",
        ] {
            assert_eq!(normalise(bad), None, "{bad:?}");
        }
        assert_eq!(normalise(&format!("{}@example.com", "a".repeat(65))), None);
        assert_eq!(normalise(&format!("a@{}.com", "a.".repeat(130))), None);
    }

    #[test]
    fn another_script_goes_out_as_every_relay_takes_it() {
        for (written, normal, needs_utf8) in [
            ("ada@EXÄMPLE.com", "ada@xn--exmple-cua.com", false),
            ("ada@\u{4f8b}\u{3048}.jp", "ada@xn--r8jz45g.jp", false),
            ("Jör\u{67}@example.com", "Jörg@example.com", true),
            ("jo\u{308}rg@example.com", "j\u{f6}rg@example.com", true),
        ] {
            let address = normalise(written).unwrap();
            assert_eq!((address.as_str(), address.needs_utf8()), (normal, needs_utf8), "{written}");
        }
        assert_eq!(normalise("JÖRG@example.com").unwrap().key(), normalise("jörg@example.com").unwrap().key());
    }

    #[test]
    fn debug_hides_the_person() {
        assert_eq!(format!("{:?}", normalise("ada@example.com").unwrap()), "NormalisedAddress(…@example.com)");
    }

    proptest! {
        #[test]
        fn normalising_is_idempotent_and_safe_on_an_envelope(text in "\\PC{0,40}|[a-zA-Z.+ ]{1,8}@[a-zA-Z.-]{1,12}") {
            if let Some(address) = normalise(&text) {
                prop_assert_eq!(normalise(address.as_str()), Some(address.clone()));
                let fits = |c: char| !c.is_control() && !c.is_whitespace() && !"<>".contains(c);
                prop_assert!(address.as_str().chars().all(fits));
                prop_assert!(address.domain().is_ascii());
            }
        }
    }
}
