//! Who may tell of mail, and how they prove who they are. Nobody is believed by default.

use axum::http::HeaderMap;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use hmac::{Hmac, Mac};
use jiff::{SignedDuration, Timestamp};
use openssl::hash::MessageDigest;
use openssl::pkey::{Id, PKey, Public};
use openssl::sign::Verifier;
use openssl::x509::X509;
use rapport_feedback::provider::{mailgun, postmark, sendgrid, ses};
use rapport_feedback::{Report, Unread};
use sha2::Sha256;

/// Providers go on for a day or two to tell what nobody took. An older call is one that somebody kept. What was reported is known by its
/// id for at least 28 days (`retention: { feedback }`), so no signature is believed of which that could be forgotten.
const CALL_AGE_MAX: SignedDuration = SignedDuration::from_hours(7 * 24);

/// The providers that are believed, each with what it proves itself by.
#[derive(Default)]
pub struct Providers {
    mailgun: Option<Vec<u8>>,
    sendgrid: Option<PKey<Public>>,
    postmark: Option<String>,
    ses: Option<Topic>,
}

/// An SNS topic and the key that signs its notifications.
struct Topic {
    arn: String,
    key: PKey<Public>,
}

/// Why a provider cannot be set up. Never repeats a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProviderError {
    /// An empty key, name or password.
    #[error("an empty secret would let everybody in")]
    Empty,
    /// Not a public key on the curve P-256, as base64 of its DER.
    #[error("this is no public key as SendGrid shows it (base64, ECDSA)")]
    PublicKey,
    /// Not a certificate in PEM with an RSA key.
    #[error("this is no certificate in PEM with an RSA key")]
    Certificate,
}

/// What a call is worth.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// Reports. `once` is what the signature covers of a call whose body it does not: it counts for one call only.
    Reports { reports: Vec<Report>, once: Option<String> },
    /// A topic wants to be subscribed to; a person opens the address.
    Confirm(String),
}

/// Why a call is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    /// No such provider, or none that is believed here: which of the two is not told.
    Unknown,
    /// The proof is missing or wrong.
    Unproven,
    /// Proven, and signed too long ago.
    Old,
    /// Proven, and not understood.
    Unread(Unread),
}

impl From<Unread> for Refused {
    fn from(unread: Unread) -> Self {
        Refused::Unread(unread)
    }
}

impl Providers {
    /// Believes calls that Mailgun signed with this key.
    ///
    /// # Errors
    /// [`ProviderError::Empty`].
    pub fn mailgun(&mut self, key: &str) -> Result<(), ProviderError> {
        self.mailgun = Some(filled(key)?.as_bytes().to_vec());
        Ok(())
    }

    /// Believes calls signed for this public key, as SendGrid's settings show it.
    ///
    /// # Errors
    /// [`ProviderError::PublicKey`].
    pub fn sendgrid(&mut self, key: &str) -> Result<(), ProviderError> {
        let der = BASE64.decode(key.trim()).map_err(|_| ProviderError::PublicKey)?;
        let key = PKey::public_key_from_der(&der).map_err(|_| ProviderError::PublicKey)?;
        let is_p256 = key.id() == Id::EC && key.bits() == 256;
        self.sendgrid = Some(Some(key).filter(|_| is_p256).ok_or(ProviderError::PublicKey)?);
        Ok(())
    }

    /// Believes calls with this login in their address; Postmark signs nothing.
    ///
    /// # Errors
    /// [`ProviderError::Empty`].
    pub fn postmark(&mut self, user: &str, password: &str) -> Result<(), ProviderError> {
        self.postmark = Some(BASE64.encode(format!("{}:{}", filled(user)?, filled(password)?)));
        Ok(())
    }

    /// Believes notifications of this topic that the key of this certificate signed.
    ///
    /// # Errors
    /// [`ProviderError`].
    pub fn ses(&mut self, topic: &str, certificate: &str) -> Result<(), ProviderError> {
        let certificate = X509::from_pem(certificate.as_bytes()).map_err(|_| ProviderError::Certificate)?;
        let key = certificate.public_key().map_err(|_| ProviderError::Certificate)?;
        if key.id() != Id::RSA {
            return Err(ProviderError::Certificate);
        }
        self.ses = Some(Topic { arn: filled(topic)?.to_owned(), key });
        Ok(())
    }

    /// Reads a call, if it proves that it is the provider's, and of these days where its signature says when it was made.
    pub(super) fn read(
        &self,
        provider: &str,
        headers: &HeaderMap,
        body: &[u8],
        now: Timestamp,
    ) -> Result<Told, Refused> {
        let reports = |reports| Told::Reports { reports, once: None };
        match provider {
            "mailgun" => {
                let key = self.mailgun.as_deref().ok_or(Refused::Unknown)?;
                let signed = mailgun::signed(body).map_err(|_| Refused::Unproven)?;
                let proof = unhex(&signed.signature).ok_or(Refused::Unproven)?;
                let mut mac = Hmac::<Sha256>::new_from_slice(key).map_err(|_| Refused::Unproven)?;
                mac.update(signed.text.as_bytes());
                mac.verify_slice(&proof).map_err(|_| Refused::Unproven)?;
                of_these_days(Timestamp::from_second(signed.at).ok(), now)?;
                Ok(Told::Reports { reports: mailgun::read(body)?, once: Some(signed.text) })
            }
            "sendgrid" => {
                let key = self.sendgrid.as_ref().ok_or(Refused::Unknown)?;
                let header = |name| headers.get(name).map(|value| value.as_bytes()).ok_or(Refused::Unproven);
                let signature = header("x-twilio-email-event-webhook-signature")?;
                let timestamp = header("x-twilio-email-event-webhook-timestamp")?;
                let signature = BASE64.decode(signature).map_err(|_| Refused::Unproven)?;
                proven(key, MessageDigest::sha256(), &signature, &[timestamp, body].concat())?;
                let at = std::str::from_utf8(timestamp).ok().and_then(|seconds| seconds.parse().ok());
                of_these_days(at.and_then(|seconds| Timestamp::from_second(seconds).ok()), now)?;
                Ok(reports(sendgrid::read(body)?))
            }
            "postmark" => {
                let login = self.postmark.as_deref().ok_or(Refused::Unknown)?;
                if !super::super::carries(headers, b"basic ", login.as_bytes()) {
                    return Err(Refused::Unproven);
                }
                Ok(reports(postmark::read(body)?))
            }
            "ses" => {
                let topic = self.ses.as_ref().ok_or(Refused::Unknown)?;
                let call = ses::notification(body).map_err(|_| Refused::Unproven)?;
                let digest = match call.version.as_str() {
                    "1" => MessageDigest::sha1(),
                    "2" => MessageDigest::sha256(),
                    _ => return Err(Refused::Unproven),
                };
                let signature = BASE64.decode(&call.signature).map_err(|_| Refused::Unproven)?;
                proven(&topic.key, digest, &signature, call.signed.as_bytes())?;
                if call.topic != topic.arn {
                    return Err(Refused::Unproven);
                }
                of_these_days(call.at.parse().ok(), now)?;
                match (call.kind.as_str(), &call.subscribe_url) {
                    ("Notification", _) => Ok(reports(ses::read(&call)?)),
                    ("SubscriptionConfirmation", Some(url)) => Ok(Told::Confirm(url.clone())),
                    _ => Ok(reports(Vec::new())),
                }
            }
            _ => Err(Refused::Unknown),
        }
    }
}

fn filled(secret: &str) -> Result<&str, ProviderError> {
    if secret.is_empty() { Err(ProviderError::Empty) } else { Ok(secret) }
}

fn proven(key: &PKey<Public>, digest: MessageDigest, signature: &[u8], text: &[u8]) -> Result<(), Refused> {
    let verified = Verifier::new(digest, key).and_then(|mut verifier| verifier.verify_oneshot(signature, text));
    if verified.unwrap_or(false) { Ok(()) } else { Err(Refused::Unproven) }
}

/// An instant that is none proves nothing.
fn of_these_days(at: Option<Timestamp>, now: Timestamp) -> Result<(), Refused> {
    let at = at.ok_or(Refused::Unproven)?;
    if now.duration_since(at) > CALL_AGE_MAX { Err(Refused::Old) } else { Ok(()) }
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes();
    if !digits.len().is_multiple_of(2) || !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}

impl std::fmt::Debug for Providers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Providers")
            .field("mailgun", &self.mailgun.is_some())
            .field("sendgrid", &self.sendgrid.is_some())
            .field("postmark", &self.postmark.is_some())
            .field("ses", &self.ses.is_some())
            .finish()
    }
}
