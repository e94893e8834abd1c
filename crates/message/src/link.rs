//! The signed links of a mail: unsubscribing, answering by name or without, why, preferences, goals, certificates, reviews, and where
//! a counted link leads.
//!
//! A token is base64url of version, claims and the first 16 bytes of HMAC-SHA256 over both. It carries no expiry: a way
//! out works for ever, so keys are only ever added; only a counted link says itself when it ends. Identifiers of hexadecimal digits
//! are packed, which keeps the address below the 200 characters that mail clients carry in `List-Unsubscribe` without folding.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use thiserror::Error;

/// What a link is allowed to do, and for whom.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Claims {
    /// Ends the mails of one topic.
    Unsubscribe {
        /// The programme's id.
        program: String,
        /// The partner's id.
        partner: String,
        /// The topic ended.
        topic: String,
        /// The mail it stood in.
        message: String,
    },
    /// Answers the survey of a mail.
    Answer {
        /// The programme's id.
        program: String,
        /// The partner's id.
        partner: String,
        /// The mail it stood in, which knows its survey.
        message: String,
        /// The choice's id.
        choice: String,
    },
    /// Shows why a mail was written.
    Why {
        /// The programme's id.
        program: String,
        /// The partner's id.
        partner: String,
        /// The mail asked about.
        message: String,
    },
    /// Opens the preference page.
    Preferences {
        /// The programme's id.
        program: String,
        /// The partner's id.
        partner: String,
    },
    /// Opens the proposal of a goal, to accept it, propose other terms, or decline.
    Goal {
        /// The programme's id.
        program: String,
        /// The partner's id.
        partner: String,
        /// The proposal's id.
        proposal: String,
    },
    /// Shows the certificate of an award.
    Certificate {
        /// The programme's id.
        program: String,
        /// The partner's id.
        partner: String,
        /// The id of the event that gave it.
        award: String,
    },
    /// Answers an anonymous survey. Names neither partner nor mail.
    Anonymous {
        /// The programme's id.
        program: String,
        /// The survey's id.
        survey: String,
        /// The period it is asked in, by its name.
        period: String,
        /// What stands for the partner: see [`Keys::ticket`].
        ticket: String,
        /// The choice's id.
        choice: String,
        /// The language the mail was written in.
        language: String,
    },
    /// Shows what a period came to.
    Review {
        /// The programme's id.
        program: String,
        /// The partner's id.
        partner: String,
        /// The period by its name: `2026-Q3`, `2026-09`.
        period: String,
    },
    /// Leads to an address that stood in a mail, and is counted. The address is in the token: nothing has to be looked up to get
    /// there, and nobody can make it lead elsewhere. Names no partner; the mail knows whose it is. Numbers are decimal digits.
    Click {
        /// The mail it stood in.
        message: String,
        /// Which of the mail's counted links, from 1.
        link: String,
        /// How many counted links the mail has.
        of: String,
        /// The last day (days since 1970-01-01) on which it leads anywhere.
        until: String,
        /// Where it leads.
        url: String,
    },
}

/// Why there is no token.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum LinkError {
    /// No key to sign with, or an empty one.
    #[error("there is no key to sign links with")]
    NoKey,
    /// An identifier of more than 127 bytes does not fit into a link.
    #[error("an identifier of {0} bytes is too long for a link (at most 127)")]
    TooLong(usize),
}

/// The keys of the links: the first signs, all verify.
#[derive(Clone)]
pub struct Keys(Vec<Vec<u8>>);

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Keys({})", self.0.len())
    }
}

const VERSION: u8 = 1;
const MAC_BYTES: usize = 16;
const FIELD_BYTES_MAX: usize = 127;
/// Set in a field's length when its bytes are packed hexadecimal digits.
const PACKED: u8 = 0x80;

impl Keys {
    /// Keys, newest first. At least one, none empty.
    pub fn new(keys: impl IntoIterator<Item = Vec<u8>>) -> Result<Keys, LinkError> {
        let keys: Vec<Vec<u8>> = keys.into_iter().collect();
        if keys.is_empty() || keys.iter().any(Vec::is_empty) {
            return Err(LinkError::NoKey);
        }
        Ok(Keys(keys))
    }

    /// The token of these claims, signed with the newest key.
    pub fn token(&self, claims: &Claims) -> Result<String, LinkError> {
        let key = self.0.first().ok_or(LinkError::NoKey)?;
        let mut bytes = vec![VERSION, claims.kind()];
        for field in claims.fields() {
            write_field(&mut bytes, field)?;
        }
        let mac = mac(key, &bytes).ok_or(LinkError::NoKey)?.finalize().into_bytes();
        bytes.extend(mac.iter().take(MAC_BYTES));
        Ok(URL_SAFE_NO_PAD.encode(bytes))
    }

    /// The claims of a token that one of the keys signed; none for anything else. Takes the same time wherever the
    /// signature differs.
    pub fn verify(&self, token: &str) -> Option<Claims> {
        let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
        let (claims, signature) = bytes.split_at_checked(bytes.len().checked_sub(MAC_BYTES)?)?;
        let signed =
            self.0.iter().any(|key| mac(key, claims).is_some_and(|mac| mac.verify_truncated_left(signature).is_ok()));
        if !signed {
            return None;
        }
        Claims::read(claims)
    }

    /// What stands for a partner in the links of an anonymous survey: for one survey and period always the same, so that one answer
    /// counts, and nothing that leads back to the partner without the keys. Made with the oldest key, which stays when others are
    /// added, so that a new one gives nobody a second answer.
    ///
    /// # Errors
    /// [`LinkError::NoKey`] when there is none.
    pub fn ticket(&self, program: &str, survey: &str, period: &str, partner: &str) -> Result<String, LinkError> {
        let key = self.0.last().ok_or(LinkError::NoKey)?;
        let mut mac = Hmac::<Sha256>::new_from_slice(key).map_err(|_| LinkError::NoKey)?;
        mac.update(b"rapport survey ticket\0");
        for part in [program, survey, period, partner] {
            // With its length: no two of them run together.
            mac.update(&(part.len() as u64).to_le_bytes());
            mac.update(part.as_bytes());
        }
        Ok(mac.finalize().into_bytes().iter().take(MAC_BYTES).map(|byte| format!("{byte:02x}")).collect())
    }

    /// What stands for an internet address while clicks are judged: for one address always the same, and nothing that leads back to
    /// it without the keys.
    ///
    /// # Errors
    /// [`LinkError::NoKey`] when there is none.
    pub fn visitor(&self, address: &str) -> Result<String, LinkError> {
        let key = self.0.first().ok_or(LinkError::NoKey)?;
        let mut mac = Hmac::<Sha256>::new_from_slice(key).map_err(|_| LinkError::NoKey)?;
        mac.update(b"rapport visitor\0");
        mac.update(address.as_bytes());
        Ok(mac.finalize().into_bytes().iter().take(MAC_BYTES).map(|byte| format!("{byte:02x}")).collect())
    }

    /// What a message's return path ends its local part with, so that only who saw one of the mail's copies can speak about it:
    /// `MESSAGE-SIGNATURE`, in small letters and digits, for some servers change the case of an address.
    ///
    /// # Errors
    /// [`LinkError::TooLong`] when the message's id does not fit a local part of 64 octets (RFC 5321, 4.5.3.1.1) beside a word.
    pub fn return_tag(&self, message: &str) -> Result<String, LinkError> {
        if message.len() > RETURN_ID_BYTES_MAX {
            return Err(LinkError::TooLong(message.len()));
        }
        let message = message.to_ascii_lowercase();
        let key = self.0.first().ok_or(LinkError::NoKey)?;
        Ok(format!("{message}-{}", return_signature(key, &message).ok_or(LinkError::NoKey)?))
    }

    /// The message of a return path's tag that one of the keys signed.
    pub fn message_of_return_tag(&self, tag: &str) -> Option<String> {
        let tag = tag.to_ascii_lowercase();
        let (message, signature) = tag.rsplit_once('-')?;
        // A number may also be written with a sign, and a tag has one form.
        let signature = Some(signature).filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))?;
        let bytes: Option<Vec<u8>> = signature
            .as_bytes()
            .chunks(2)
            .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
            .collect();
        let bytes = bytes.filter(|bytes| bytes.len() == RETURN_MAC_BYTES)?;
        let signed = self
            .0
            .iter()
            .any(|key| return_mac(key, message).is_some_and(|mac| mac.verify_truncated_left(&bytes).is_ok()));
        signed.then(|| message.to_owned())
    }

    /// The address of a link: `base`, a letter for its kind, the token.
    pub fn url(&self, base: &str, claims: &Claims) -> Result<String, LinkError> {
        Ok(format!("{}/{}/{}", base.trim_end_matches('/'), claims.path(), self.token(claims)?))
    }
}

impl Claims {
    /// The letter in the address: `u`nsubscribe, `a`nswer, `w`hy, `p`references, `g`oal, `c`ertificate, anonymous `s`urvey, re`v`iew,
    /// counted `l`ink.
    pub const fn path(&self) -> &'static str {
        match self {
            Claims::Unsubscribe { .. } => "u",
            Claims::Answer { .. } => "a",
            Claims::Why { .. } => "w",
            Claims::Preferences { .. } => "p",
            Claims::Goal { .. } => "g",
            Claims::Certificate { .. } => "c",
            Claims::Anonymous { .. } => "s",
            Claims::Review { .. } => "v",
            Claims::Click { .. } => "l",
        }
    }

    const fn kind(&self) -> u8 {
        match self {
            Claims::Unsubscribe { .. } => 1,
            Claims::Answer { .. } => 2,
            Claims::Why { .. } => 3,
            Claims::Preferences { .. } => 4,
            Claims::Goal { .. } => 5,
            Claims::Certificate { .. } => 6,
            Claims::Anonymous { .. } => 7,
            Claims::Review { .. } => 8,
            Claims::Click { .. } => 9,
        }
    }

    fn fields(&self) -> Vec<&str> {
        match self {
            Claims::Unsubscribe { program, partner, topic, message } => vec![program, partner, topic, message],
            Claims::Answer { program, partner, message, choice } => vec![program, partner, message, choice],
            Claims::Why { program, partner, message } => vec![program, partner, message],
            Claims::Preferences { program, partner } => vec![program, partner],
            Claims::Goal { program, partner, proposal } => vec![program, partner, proposal],
            Claims::Certificate { program, partner, award } => vec![program, partner, award],
            Claims::Anonymous { program, survey, period, ticket, choice, language } => {
                vec![program, survey, period, ticket, choice, language]
            }
            Claims::Review { program, partner, period } => vec![program, partner, period],
            Claims::Click { message, link, of, until, url } => {
                let mut fields: Vec<&str> = vec![message, link, of, until];
                fields.extend(pieces(url));
                fields
            }
        }
    }

    fn read(bytes: &[u8]) -> Option<Claims> {
        let [version, kind, rest @ ..] = bytes else { return None };
        if *version != VERSION {
            return None;
        }
        let mut rest = rest;
        let mut fields = Vec::with_capacity(4);
        while !rest.is_empty() {
            let (field, behind) = read_field(rest)?;
            fields.push(field);
            rest = behind;
        }
        let mut fields = fields.into_iter();
        let mut next = || fields.next();
        let claims = match kind {
            1 => Claims::Unsubscribe { program: next()?, partner: next()?, topic: next()?, message: next()? },
            2 => Claims::Answer { program: next()?, partner: next()?, message: next()?, choice: next()? },
            3 => Claims::Why { program: next()?, partner: next()?, message: next()? },
            4 => Claims::Preferences { program: next()?, partner: next()? },
            5 => Claims::Goal { program: next()?, partner: next()?, proposal: next()? },
            6 => Claims::Certificate { program: next()?, partner: next()?, award: next()? },
            7 => Claims::Anonymous {
                program: next()?,
                survey: next()?,
                period: next()?,
                ticket: next()?,
                choice: next()?,
                language: next()?,
            },
            8 => Claims::Review { program: next()?, partner: next()?, period: next()? },
            9 => Claims::Click {
                message: next()?,
                link: next()?,
                of: next()?,
                until: next()?,
                url: std::iter::from_fn(&mut next).collect(),
            },
            _ => return None,
        };
        fields.next().is_none().then_some(claims)
    }
}

/// Forged by guessing, one of 2⁶⁴ is right, and all that is won is a bounce.
const RETURN_MAC_BYTES: usize = 8;
const RETURN_ID_BYTES_MAX: usize = 36;

fn return_mac(key: &[u8], message: &str) -> Option<Hmac<Sha256>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
    mac.update(b"rapport return path\0");
    mac.update(message.as_bytes());
    Some(mac)
}

fn return_signature(key: &[u8], message: &str) -> Option<String> {
    let mac = return_mac(key, message)?.finalize().into_bytes();
    Some(mac.iter().take(RETURN_MAC_BYTES).map(|byte| format!("{byte:02x}")).collect())
}

fn mac(key: &[u8], bytes: &[u8]) -> Option<Hmac<Sha256>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
    mac.update(b"rapport link\0");
    mac.update(bytes);
    Some(mac)
}

/// A text in pieces that each fit a field.
fn pieces(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let (piece, behind) = rest.split_at(rest.floor_char_boundary(FIELD_BYTES_MAX));
        rest = behind;
        (!piece.is_empty()).then_some(piece)
    })
}

fn write_field(bytes: &mut Vec<u8>, field: &str) -> Result<(), LinkError> {
    let packed = pack(field);
    let (content, flag) = match &packed {
        Some(packed) => (packed.as_slice(), PACKED),
        None => (field.as_bytes(), 0),
    };
    let length = u8::try_from(content.len()).ok().filter(|length| usize::from(*length) <= FIELD_BYTES_MAX);
    bytes.push(length.ok_or(LinkError::TooLong(field.len()))? | flag);
    bytes.extend_from_slice(content);
    Ok(())
}

fn read_field(bytes: &[u8]) -> Option<(String, &[u8])> {
    let (length, rest) = bytes.split_first()?;
    let (content, behind) = rest.split_at_checked(usize::from(length & !PACKED))?;
    let field = if length & PACKED == 0 {
        String::from_utf8(content.to_vec()).ok()?
    } else {
        content.iter().map(|byte| format!("{byte:02x}")).collect()
    };
    Some((field, behind))
}

/// Two hexadecimal digits to a byte; none unless the text is made of lower-case pairs.
fn pack(field: &str) -> Option<Vec<u8>> {
    if field.len() < 2 || !field.len().is_multiple_of(2) {
        return None;
    }
    let digits: Vec<u8> = field
        .bytes()
        .map(|byte| match byte {
            b'0'..=b'9' => Some(byte - b'0'),
            b'a'..=b'f' => Some(byte - b'a' + 10),
            _ => None,
        })
        .collect::<Option<_>>()?;
    Some(digits.chunks(2).map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit)).collect())
}

/// Whether an address leads to this very machine, as while trying things out: the only one of `http` that links may begin with.
#[must_use]
pub fn is_local(url: &str) -> bool {
    let rests = ["http://localhost", "http://127.0.0.1", "http://[::1]"].map(|start| url.strip_prefix(start));
    rests.into_iter().flatten().any(|rest| rest.is_empty() || rest.starts_with([':', '/']))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn unsubscribe() -> Claims {
        Claims::Unsubscribe {
            program: "default".into(),
            partner: "0190f3a2-7b1c-7d5e-9f00-1234567890ab".into(),
            topic: "performance".into(),
            message: "3f2c1a".repeat(5) + "00",
        }
    }

    #[test]
    fn a_return_path_is_known_again_whatever_the_case_and_after_a_change_of_keys() {
        let old = Keys::new([b"old".to_vec()]).unwrap();
        let both = Keys::new([b"new".to_vec(), b"old".to_vec()]).unwrap();
        let id = "5f0e6a1c9b7d4e2f8a3b5c6d7e8f9a0b";
        let tag = old.return_tag(id).unwrap();
        assert!(tag.len() <= 64 - "bounces+".len(), "{tag}");
        assert_eq!(both.message_of_return_tag(&tag.to_uppercase()).as_deref(), Some(id));
        let new = Keys::new([b"new".to_vec()]).unwrap();
        let forged = tag.replace("5f0e", "5f0f");
        for refused in [forged.as_str(), "", "-", id, &tag[..tag.len() - 2], &format!("{tag}00"), "é-éé"] {
            assert_eq!(both.message_of_return_tag(refused), None, "{refused}");
        }
        assert_eq!(new.message_of_return_tag(&tag), None);
        // `+d` is a number, too, and no other form of `0d`.
        let other_form = (0..64).find_map(|number| {
            let tag = old.return_tag(&format!("{number:032x}")).unwrap();
            let (message, signature) = tag.rsplit_once('-')?;
            let at = (0..signature.len()).step_by(2).find(|at| signature.as_bytes()[*at] == b'0')?;
            Some(format!("{message}-{}+{}", &signature[..at], &signature[at + 1..]))
        });
        assert_eq!(old.message_of_return_tag(&other_form.unwrap()), None);
        assert!(matches!(new.return_tag(&"a".repeat(37)), Err(LinkError::TooLong(37))));
    }

    #[test]
    fn a_link_stays_below_two_hundred_characters() {
        let keys = Keys::new([b"secret".to_vec()]).unwrap();
        let url = keys.url("https://partners.acme.example/", &unsubscribe()).unwrap();
        assert!(url.starts_with("https://partners.acme.example/u/"), "{url}");
        assert!(url.len() < 200, "{} characters", url.len());
        let answer = Claims::Answer {
            program: "default".into(),
            partner: "0190f3a2-7b1c-7d5e-9f00-1234567890ab".into(),
            message: "3f2c1a".repeat(5) + "00",
            choice: "commission".into(),
        };
        assert!(keys.url("https://partners.acme.example", &answer).unwrap().len() < 200);
    }

    #[test]
    fn an_anonymous_link_names_nobody_and_is_the_same_after_a_change_of_keys() {
        let old = Keys::new([b"old".to_vec()]).unwrap();
        let both = Keys::new([b"new".to_vec(), b"old".to_vec()]).unwrap();
        let ticket = |partner: &str| old.ticket("default", "pulse", "2026-Q4", partner).unwrap();
        assert_eq!(both.ticket("default", "pulse", "2026-Q4", "ada").unwrap(), ticket("ada"));
        let claims = Claims::Anonymous {
            program: "default".into(),
            survey: "pulse".into(),
            period: "2026-Q4".into(),
            ticket: ticket("ada"),
            choice: "5".into(),
            language: "de".into(),
        };
        let url = both.url("https://partners.acme.example", &claims).unwrap();
        assert!(url.starts_with("https://partners.acme.example/s/") && url.len() < 200, "{url}");
        assert_eq!(both.verify(url.rsplit('/').next().unwrap()), Some(claims));
        for other in [
            ticket("ad"),
            old.ticket("default", "pulse", "2027-Q1", "ada").unwrap(),
            old.ticket("default", "puls", "e2026-Q4", "ada").unwrap(),
            old.ticket("defaultp", "ulse", "2026-Q4", "ada").unwrap(),
            Keys::new([b"new".to_vec()]).unwrap().ticket("default", "pulse", "2026-Q4", "ada").unwrap(),
        ] {
            assert_ne!(other, ticket("ada"));
        }
    }

    fn click(url: &str) -> Claims {
        let (link, of, until) = ("2".into(), "5".into(), "21000".into());
        Claims::Click { message: "3f2c1a".repeat(5) + "00", link, of, until, url: url.into() }
    }

    #[test]
    fn a_counted_link_carries_its_address_whole_and_no_partner() {
        let keys = Keys::new([b"k".to_vec()]).unwrap();
        let hex = format!("https://acme.example/{}", "ab".repeat(300));
        for address in ["https://acme.example/x?a=1&b=%20#c", "", hex.as_str()] {
            let url = keys.url("https://partners.acme.example", &click(address)).unwrap();
            assert!(url.starts_with("https://partners.acme.example/l/"), "{url}");
            assert_eq!(keys.verify(url.rsplit('/').next().unwrap()), Some(click(address)));
        }
        let short = keys.url("https://partners.acme.example", &click("https://acme.example/new")).unwrap();
        assert!(short.len() < 200, "{short}");
        assert_ne!(keys.visitor("192.0.2.1"), keys.visitor("192.0.2.2"));
        assert_eq!(keys.visitor("192.0.2.1"), keys.visitor("192.0.2.1"));
    }

    #[test]
    fn a_token_of_a_retired_key_works_and_a_foreign_one_does_not() {
        let old = Keys::new([b"old".to_vec()]).unwrap();
        let rotated = Keys::new([b"new".to_vec(), b"old".to_vec()]).unwrap();
        let token = old.token(&unsubscribe()).unwrap();
        assert_eq!(rotated.verify(&token), Some(unsubscribe()));
        assert_ne!(rotated.token(&unsubscribe()).unwrap(), token);
        assert_eq!(Keys::new([b"other".to_vec()]).unwrap().verify(&token), None);
        assert_eq!(Keys::new([]).unwrap_err(), LinkError::NoKey);
        assert_eq!(Keys::new([vec![]]).unwrap_err(), LinkError::NoKey);
    }

    #[test]
    fn an_identifier_too_long_is_said_and_not_cut() {
        let keys = Keys::new([b"k".to_vec()]).unwrap();
        let claims = Claims::Preferences { program: "p".into(), partner: "x".repeat(128) };
        assert_eq!(keys.token(&claims), Err(LinkError::TooLong(128)));
    }

    proptest! {
        #[test]
        fn every_claim_survives(
            program in "[a-z0-9]{0,20}",
            partner in "\\PC{0,20}",
            message in "[0-9a-f]{0,64}",
            choice in "[a-z_]{0,20}",
            address in "\\PC{0,300}",
        ) {
            let keys = Keys::new([b"k".to_vec()]).unwrap();
            for claims in [
                click(&address),
                Claims::Answer { program: program.clone(), partner: partner.clone(), message: message.clone(), choice: choice.clone() },
                Claims::Why { program: program.clone(), partner: partner.clone(), message: message.clone() },
                Claims::Preferences { program: program.clone(), partner: partner.clone() },
                Claims::Goal { program: program.clone(), partner: partner.clone(), proposal: choice.clone() },
                Claims::Certificate { program: program.clone(), partner: partner.clone(), award: message.clone() },
                Claims::Review { program: program.clone(), partner: partner.clone(), period: message.clone() },
                Claims::Anonymous {
                    program: program.clone(),
                    survey: choice.clone(),
                    period: "2026-11".into(),
                    ticket: message.clone(),
                    choice: choice.clone(),
                    language: "en".into(),
                },
            ] {
                let token = keys.token(&claims).unwrap();
                prop_assert!(token.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'));
                prop_assert_eq!(keys.verify(&token), Some(claims));
            }
        }

        #[test]
        fn a_changed_token_is_worth_nothing(at in 0usize..400, flip in 1u8..=255) {
            let keys = Keys::new([b"k".to_vec()]).unwrap();
            let mut bytes = URL_SAFE_NO_PAD.decode(keys.token(&unsubscribe()).unwrap()).unwrap();
            let at = at % bytes.len();
            bytes[at] ^= flip;
            prop_assert_eq!(keys.verify(&URL_SAFE_NO_PAD.encode(bytes)), None);
        }

        #[test]
        fn any_text_is_verified_without_harm(text in "\\PC{0,80}") {
            prop_assert_eq!(Keys::new([b"k".to_vec()]).unwrap().verify(&text), None);
        }
    }
}
