//! Signatures as Standard Webhooks has them: HMAC-SHA256 over `id.timestamp.body`, base64 behind `v1,`.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac as _};
use sha2::Sha256;

/// Shorter keys can be guessed; Standard Webhooks asks for 24 to 64 bytes.
const KEY_MIN: usize = 24;
/// See [`KEY_MIN`].
const KEY_MAX: usize = 64;

/// What a hook shares with us. Prints as dots.
#[derive(Clone)]
pub struct Secret(Vec<u8>);

/// Why a text is no secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecretError {
    /// It is not base64 behind `whsec_`.
    Form,
    /// It has not 24 to 64 bytes.
    Length,
}

impl fmt::Display for SecretError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Form => "a webhook's secret is `whsec_` and base64",
            Self::Length => "a webhook's secret has 24 to 64 bytes",
        })
    }
}

impl std::error::Error for SecretError {}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

impl Secret {
    /// Reads `whsec_…`.
    ///
    /// # Errors
    /// See [`SecretError`]; the text is never repeated.
    pub fn parse(text: &str) -> Result<Self, SecretError> {
        let text = text.trim().strip_prefix("whsec_").ok_or(SecretError::Form)?;
        let key = STANDARD.decode(text).map_err(|_| SecretError::Form)?;
        if (KEY_MIN..=KEY_MAX).contains(&key.len()) { Ok(Self(key)) } else { Err(SecretError::Length) }
    }

    /// The value of `webhook-signature`; `timestamp` is in seconds.
    #[must_use]
    pub fn sign(&self, id: &str, timestamp: i64, body: &[u8]) -> String {
        // HMAC takes keys of any length; the empty fallback is never met.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.0) else { return String::new() };
        mac.update(format!("{id}.{timestamp}.").as_bytes());
        mac.update(body);
        format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the Standard Webhooks specification's reference libraries.
    #[test]
    fn a_signature_is_that_of_the_reference() {
        let secret = Secret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let signed = secret.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, br#"{"test": 2432232314}"#);
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn what_is_no_secret_is_told_without_repeating_it() {
        assert_eq!(Secret::parse("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap_err(), SecretError::Form);
        assert_eq!(Secret::parse("whsec_***").unwrap_err(), SecretError::Form);
        assert_eq!(Secret::parse("whsec_c2hvcnQ=").unwrap_err(), SecretError::Length);
        let secret = Secret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        assert_eq!(format!("{secret:?}"), "…");
    }
}
