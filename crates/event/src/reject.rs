//! Why something was not accepted: a closed list of codes that never change, with a sentence for people beside each.

use std::borrow::Cow;
use std::fmt;

/// An event that was refused, for the dead letter table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    /// The stable reason.
    pub code: RejectCode,
    /// What exactly was wrong, for people; quotes at most a short piece of the input.
    pub detail: Cow<'static, str>,
}

impl Rejection {
    /// A rejection with its particulars.
    pub fn new(code: RejectCode, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { code, detail: detail.into() }
    }

    /// For a record without a value, which never reaches [`crate::decode`].
    pub fn tombstone() -> Self {
        Self::new(RejectCode::Tombstone, "the record has no value")
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code.as_str(), self.detail)
    }
}

impl std::error::Error for Rejection {}

macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $variant:ident = $text:literal,)*) => {
        /// The stable reasons for refusing an event. Their texts stand in SQL, logs, metrics and docs.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum RejectCode {
            $($(#[doc = $doc])+ $variant,)*
        }

        impl RejectCode {
            /// Every code, in the order of the documentation.
            pub const ALL: &'static [RejectCode] = &[$(RejectCode::$variant,)*];

            /// The stable text.
            pub fn as_str(self) -> &'static str {
                match self { $(RejectCode::$variant => $text,)* }
            }

            /// The sentence of the documentation.
            pub fn about(self) -> &'static str {
                match self { $(RejectCode::$variant => concat!($($doc),+).trim_ascii(),)* }
            }

            /// The code with this text.
            pub fn parse(text: &str) -> Option<Self> {
                match text { $($text => Some(RejectCode::$variant),)* _ => None }
            }
        }
    };
}

codes! {
    /// The record has no value at all: a tombstone.
    Tombstone = "tombstone",
    /// The value is there but holds nothing.
    Empty = "empty",
    /// The value is larger than 1 MiB.
    TooLarge = "too_large",
    /// The bytes are not UTF-8.
    InvalidUtf8 = "invalid_utf8",
    /// The text is not JSON, or not a JSON object.
    BadJson = "bad_json",
    /// Objects and lists are nested deeper than 64 levels.
    TooDeep = "too_deep",
    /// One object names the same field twice, so that nobody can tell which one is meant.
    DuplicateKey = "duplicate_key",
    /// A field every event of this kind must have is not there.
    MissingField = "missing_field",
    /// A field holds another type of value than the contract says.
    WrongType = "wrong_type",
    /// A field holds a word or number outside what the contract allows.
    BadValue = "bad_value",
    /// The envelope is of a version or content type that rapport does not read.
    BadEnvelope = "bad_envelope",
    /// An id is empty, longer than 200 bytes, holds control characters, or is `*`.
    BadId = "bad_id",
    /// The kind is neither in the catalogue nor declared in `config/events.yaml`.
    UnknownKind = "unknown_kind",
    /// The programme is not declared in `config/rapport.yaml`.
    UnknownProgram = "unknown_program",
    /// The kind is one that only rapport itself may write.
    ReservedKind = "reserved_kind",
    /// A time is not an RFC 3339 instant with an offset.
    BadTime = "bad_time",
    /// The event is older than the kept history (`history`, 400 days when nothing else is configured).
    TooOld = "too_old",
    /// The event claims to come from more than 24 hours ahead.
    InFuture = "in_future",
    /// An amount is not a whole number of minor units, or is too large.
    BadAmount = "bad_amount",
    /// An amount is below zero; a loss is a reversal.
    NegativeAmount = "negative_amount",
    /// The currency is not an ISO 4217 code.
    BadCurrency = "bad_currency",
    /// The e-mail address cannot be one.
    BadEmail = "bad_email",
    /// The time zone is not in the IANA database.
    BadZone = "bad_zone",
    /// A text is longer than its field allows, or a list has too many entries.
    TooLong = "too_long",
    /// The record would be larger in `rapport.events` than the log accepts.
    RecordTooLarge = "record_too_large",
}

/// At most 60 characters of foreign text, made safe to print.
pub(crate) fn excerpt(text: &str) -> String {
    let mut short: String =
        text.chars().take(60).map(|c| if crate::clean::is_unsafe(c) { '\u{fffd}' } else { c }).collect();
    if short.len() < text.len() && text.chars().nth(60).is_some() {
        short.push('…');
    }
    short
}
