//! Ids: short texts of their own types, cheap to clone, and the shard a partner belongs to.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::Xxh3;

/// The longest id in bytes that is accepted.
pub const ID_BYTES_MAX: usize = 200;

/// The id that stands for "all of them" in records that concern a whole programme; no tracker may use it.
pub const EVERYONE: &str = "*";

/// Why a text is not an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// Nothing in it.
    #[error("an id must not be empty")]
    Empty,
    /// Longer than [`ID_BYTES_MAX`].
    #[error("an id is at most 200 bytes long")]
    TooLong,
    /// Holds a control character, so that it could not be printed or logged faithfully.
    #[error("an id must not hold control characters")]
    Control,
    /// `*`, which stands for a whole programme.
    #[error("`*` is not an id, it stands for everyone")]
    Reserved,
}

fn check(text: &str) -> Result<(), IdError> {
    if text.is_empty() {
        return Err(IdError::Empty);
    }
    if text.len() > ID_BYTES_MAX {
        return Err(IdError::TooLong);
    }
    if text == EVERYONE {
        return Err(IdError::Reserved);
    }
    // Bytes below 0x20 and 0x7f are all the ASCII controls; C1 controls are the two-byte sequences c2 80 ..= c2 9f.
    let bytes = text.as_bytes();
    if bytes.iter().any(|byte| *byte < 0x20 || *byte == 0x7f)
        || bytes.windows(2).any(|pair| matches!(pair, [0xc2, 0x80..=0x9f]))
    {
        return Err(IdError::Control);
    }
    Ok(())
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Takes a text that meets the rules of ids: 1 to 200 bytes, no control characters, not `*`.
            pub fn new(text: &str) -> Result<Self, IdError> {
                check(text)?;
                Ok(Self(Arc::from(text)))
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// Whether this is `*`, the mark of records about everyone.
            pub fn is_everyone(&self) -> bool {
                &*self.0 == EVERYONE
            }

            /// `*`: for records of rapport's own that concern everyone.
            pub fn everyone() -> Self {
                Self(Arc::from(EVERYONE))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&*self.0, f)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl std::str::FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                Self::new(text)
            }
        }

        impl TryFrom<&str> for $name {
            type Error = IdError;
            fn try_from(text: &str) -> Result<Self, IdError> {
                Self::new(text)
            }
        }

        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            /// Also accepts `*`: stored records about everyone are read by this; [`crate::decode`] refuses it from outside.
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Visitor;
                impl serde::de::Visitor<'_> for Visitor {
                    type Value = $name;
                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str("an id as text")
                    }
                    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<$name, E> {
                        match check(text) {
                            Ok(()) | Err(IdError::Reserved) => Ok($name(Arc::from(text))),
                            Err(error) => Err(E::custom(format_args!("bad_id: {error}"))),
                        }
                    }
                    // Trackers with numeric ids exist; the id is then its decimal digits.
                    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<$name, E> {
                        Ok($name(Arc::from(number.to_string().as_str())))
                    }
                }
                deserializer.deserialize_any(Visitor)
            }
        }

        impl schemars::JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({ "type": "string", "minLength": 1, "maxLength": 200 })
            }
        }
    };
}

id! {
    /// A partner programme.
    ProgramId
}
id! {
    /// A partner within one programme.
    PartnerId
}
id! {
    /// An event as its producer numbered it; the same id twice is the same event.
    EventId
}
id! {
    /// A conversion within one partner's account.
    ConversionId
}

/// What everything is keyed by: one person in two programmes is two partners.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PartnerKey {
    /// The programme.
    pub program: ProgramId,
    /// The partner in it.
    pub partner: PartnerId,
}

impl PartnerKey {
    /// Checks both parts.
    pub fn new(program: &str, partner: &str) -> Result<Self, IdError> {
        Ok(Self { program: ProgramId::new(program)?, partner: PartnerId::new(partner)? })
    }

    /// The key of records about a whole programme, such as `program.day_closed`.
    pub fn whole_program(program: ProgramId) -> Self {
        Self { program, partner: PartnerId::everyone() }
    }

    /// The key of records about every programme, such as `rulebook.applied`.
    pub fn everyone() -> Self {
        Self { program: ProgramId::everyone(), partner: PartnerId::everyone() }
    }

    /// Whether this names one partner, not a programme or everyone.
    pub fn is_partner(&self) -> bool {
        !self.partner.is_everyone()
    }
}

impl fmt::Display for PartnerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.program, self.partner)
    }
}

/// The shard of a partner: `xxh3_64(program ‖ 0x00 ‖ partner) mod shards`, seed 0. `shards` of 0 counts as 1.
///
/// Ids hold no control characters, so that the zero byte separates without ambiguity. Vectors: `docs/contract/shards.json`.
pub fn shard_of(key: &PartnerKey, shards: u32) -> u32 {
    (key_hash(key) % u64::from(shards.max(1))) as u32
}

/// The hash that [`shard_of`] takes the remainder of; also good for sticky choices per partner.
pub fn key_hash(key: &PartnerKey) -> u64 {
    let (program, partner) = (key.program.as_str().as_bytes(), key.partner.as_str().as_bytes());
    let mut buffer = [0u8; 96];
    let length = program.len() + 1 + partner.len();
    if let Some(space) = buffer.get_mut(..length) {
        let (head, tail) = space.split_at_mut(program.len());
        head.copy_from_slice(program);
        if let Some(rest) = tail.get_mut(1..) {
            rest.copy_from_slice(partner);
        }
        return xxhash_rust::xxh3::xxh3_64(space);
    }
    let mut hasher = Xxh3::new();
    hasher.update(program);
    hasher.update(&[0]);
    hasher.update(partner);
    hasher.digest()
}
