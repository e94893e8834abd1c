//! The keys of a sending domain, and the record that publishes them.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ring::error::KeyRejected;
use ring::rand::SystemRandom;
use ring::signature::{Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair};
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

/// Shorter RSA keys are refused: RFC 8301 asks signers for 2048 bits, and large receivers take no less than 1024.
pub const RSA_BITS_MIN: usize = 2048;

/// `SEQUENCE { OID rsaEncryption, NULL }`, the algorithm in a SubjectPublicKeyInfo (RFC 3279, 2.3.1).
const RSA_ALGORITHM: [u8; 15] =
    [0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00];

/// Why a key cannot sign. Never repeats key material.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DkimError {
    /// Not a domain or selector as DNS has them.
    #[error("`{0}` is no DNS name in ASCII (write an internationalised domain as xn--…)")]
    Name(String),
    /// No private key in PEM.
    #[error("this is no private key in PEM (PKCS#8, or PKCS#1 for RSA)")]
    Pem,
    /// A key of another kind.
    #[error("neither an RSA nor an Ed25519 key")]
    Kind,
    /// An RSA key that is too short.
    #[error("the RSA key is too short; at least {RSA_BITS_MIN} bits are needed")]
    Short,
    /// There are keys, but none for the sender's domain.
    #[error("no DKIM key is configured for the sender's domain")]
    NoKey,
    /// The library refuses.
    #[error("the key does not sign")]
    Signing,
}

/// A private key with the place where its public half is published.
pub struct DkimKey {
    domain: String,
    selector: String,
    pair: Pair,
}

enum Pair {
    Rsa(Box<RsaKeyPair>),
    Ed25519(Box<Ed25519KeyPair>),
}

impl DkimKey {
    /// Reads a private key in PEM: PKCS#8, for RSA also PKCS#1.
    ///
    /// # Errors
    /// See [`DkimError`].
    pub fn from_pem(domain: &str, selector: &str, pem: &str) -> Result<Self, DkimError> {
        let pair = match PrivateKeyDer::from_pem_slice(pem.as_bytes()).map_err(|_| DkimError::Pem)? {
            PrivateKeyDer::Pkcs1(der) => {
                Pair::Rsa(Box::new(RsaKeyPair::from_der(der.secret_pkcs1_der()).map_err(rejected)?))
            }
            PrivateKeyDer::Pkcs8(der) => pkcs8(&der)?,
            _ => return Err(DkimError::Kind),
        };
        Self::with(domain, selector, pair)
    }

    /// A new Ed25519 key and its PEM.
    ///
    /// # Errors
    /// [`DkimError::Name`]; [`DkimError::Signing`] when the machine has no randomness.
    pub fn generate_ed25519(domain: &str, selector: &str) -> Result<(Self, String), DkimError> {
        let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).map_err(|_| DkimError::Signing)?;
        let pair = Ed25519KeyPair::from_pkcs8(document.as_ref()).map_err(|_| DkimError::Kind)?;
        let text = BASE64.encode(document.as_ref());
        let lines: Vec<&str> =
            text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap_or_default()).collect();
        let pem = format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", lines.join("\n"));
        Ok((Self::with(domain, selector, Pair::Ed25519(Box::new(pair)))?, pem))
    }

    fn with(domain: &str, selector: &str, pair: Pair) -> Result<Self, DkimError> {
        let name = |text: &str| {
            let label = |label: &str| {
                (1..=63).contains(&label.len())
                    && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
            };
            let fits = text.len() <= 200 && text.split('.').all(label);
            if fits {
                Ok(text.to_ascii_lowercase())
            } else {
                Err(DkimError::Name(text.chars().filter(|c| !c.is_control()).take(200).collect()))
            }
        };
        let domain = name(domain)?;
        if !domain.contains('.') {
            return Err(DkimError::Name(domain));
        }
        Ok(Self { domain, selector: name(selector)?, pair })
    }

    /// The domain signed for.
    #[must_use]
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// Which of the domain's keys.
    #[must_use]
    pub fn selector(&self) -> &str {
        &self.selector
    }

    /// As `a=` names it.
    #[must_use]
    pub fn algorithm(&self) -> &'static str {
        match self.pair {
            Pair::Rsa(_) => "rsa-sha256",
            Pair::Ed25519(_) => "ed25519-sha256",
        }
    }

    /// Where the public key stands in DNS.
    #[must_use]
    pub fn record_name(&self) -> String {
        format!("{}._domainkey.{}", self.selector, self.domain)
    }

    /// The text of its TXT record (RFC 6376, 3.6.1; RFC 8463, 4.2).
    #[must_use]
    pub fn record(&self) -> String {
        match &self.pair {
            Pair::Rsa(rsa) => {
                let bits = [&[0_u8][..], rsa.public_key().as_ref()].concat();
                let info = der(0x30, &[&RSA_ALGORITHM[..], &der(0x03, &bits)].concat());
                format!("v=DKIM1; k=rsa; p={}", BASE64.encode(info))
            }
            Pair::Ed25519(key) => format!("v=DKIM1; k=ed25519; p={}", BASE64.encode(key.public_key().as_ref())),
        }
    }

    pub(super) fn sign(&self, input: &[u8]) -> Result<Vec<u8>, DkimError> {
        match &self.pair {
            Pair::Rsa(rsa) => {
                let mut signature = vec![0; rsa.public().modulus_len()];
                rsa.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), input, &mut signature)
                    .map_err(|_| DkimError::Signing)?;
                Ok(signature)
            }
            // RFC 8463, 3: Ed25519 signs the hash, not the text.
            Pair::Ed25519(key) => {
                Ok(key.sign(ring::digest::digest(&ring::digest::SHA256, input).as_ref()).as_ref().to_vec())
            }
        }
    }
}

fn pkcs8(der: &PrivatePkcs8KeyDer<'_>) -> Result<Pair, DkimError> {
    let der = der.secret_pkcs8_der();
    match RsaKeyPair::from_pkcs8(der).map_err(rejected) {
        Ok(rsa) => return Ok(Pair::Rsa(Box::new(rsa))),
        Err(short @ DkimError::Short) => return Err(short),
        Err(_) => {}
    }
    // OpenSSL leaves the public half out, which is not checked then.
    let key = Ed25519KeyPair::from_pkcs8_maybe_unchecked(der).map_err(|_| DkimError::Kind)?;
    Ok(Pair::Ed25519(Box::new(key)))
}

/// The library signs with no RSA key below [`RSA_BITS_MIN`], and says so by this word only.
fn rejected(error: KeyRejected) -> DkimError {
    if error.to_string() == "TooSmall" { DkimError::Short } else { DkimError::Kind }
}

/// A DER value: tag, length, content.
fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    let significant =
        length.iter().position(|octet| *octet != 0).map_or(&[0_u8][..], |at| length.get(at..).unwrap_or_default());
    let mut all = vec![tag];
    if content.len() < 0x80 {
        all.extend_from_slice(significant);
    } else {
        all.push(0x80 | u8::try_from(significant.len()).unwrap_or(8));
        all.extend_from_slice(significant);
    }
    all.extend_from_slice(content);
    all
}

impl fmt::Debug for DkimKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DkimKey({}, {})", self.record_name(), self.algorithm())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_key_is_read_back() {
        let (key, pem) = DkimKey::generate_ed25519("Acme.example", "e1").unwrap();
        let read = DkimKey::from_pem("acme.example", "e1", &pem).unwrap();
        assert_eq!(read.record(), key.record());
        assert_eq!(read.record_name(), "e1._domainkey.acme.example");
        assert!(!format!("{key:?}").contains("MC4"), "{key:?}");
    }

    #[test]
    fn what_is_wrong_is_named() {
        let (_, pem) = DkimKey::generate_ed25519("acme.example", "e1").unwrap();
        let error = |domain, selector, pem: &str| DkimKey::from_pem(domain, selector, pem).unwrap_err();
        assert_eq!(error("acme.example", "e1", "no key"), DkimError::Pem);
        assert!(matches!(error("bücher.example", "e1", &pem), DkimError::Name(_)));
        assert!(matches!(error("acme.example", "a; p=", &pem), DkimError::Name(_)));
        assert!(matches!(error("localhost", "e1", &pem), DkimError::Name(_)));
    }

    #[test]
    fn lengths_are_written_as_der_has_them() {
        assert_eq!(der(3, &[7]), [3, 1, 7]);
        assert_eq!(der(3, &[]), [3, 0]);
        assert_eq!(der(3, &[0; 200]).get(..3).unwrap(), [3, 0x81, 200]);
        assert_eq!(der(3, &[0; 300]).get(..4).unwrap(), [3, 0x82, 1, 44]);
    }
}
