//! What the mail world says back, read: bounces (RFC 3464), complaints (RFC 5965), replies and automatic answers (RFC 3834), and the
//! webhooks of mail providers.
//!
//! Pure: bytes in, [`Report`]s out. Who may say such things (signatures, return paths, tokens) is the gateway's affair, what follows
//! from them (suppression, records) too.
//!
//! Load-bearing contracts:
//! - **No bytes make a reader panic**, whatever their size or nesting; each has a property test.
//! - **Only what is said about a mailbox is [`Class::Hard`].** Policy, content, the relay and "try later" are not: a hard bounce ends
//!   all mail to an address.
//! - **What is not understood is named**, never taken for something else: [`Unread`] says which.

mod class;

mod dsn;
mod fields;
mod reply;

mod arf;
mod mail;
pub mod provider;

use jiff::Timestamp;

pub use class::Class;
pub use mail::{Envelope, read_mail};

/// One thing that was said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// What.
    pub what: What,
    /// The Message-ID of our mail it is about, without brackets.
    pub message_id: Option<String>,
    /// The recipient of our mail, or the writer of a reply, as written there.
    pub address: Option<String>,
    /// The provider's own id of this event, the same when it is told again.
    pub event_id: Option<String>,
    /// When it happened, as the provider tells. A mail tells nothing that its writer could not have written, and is about a mail of
    /// ours, whose time we know.
    pub at: Option<Timestamp>,
}

/// What was said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// A mail did not arrive.
    Bounce {
        /// What that says about the mailbox.
        class: Class,
        /// The enhanced status code (RFC 3463), where one was told.
        status: Option<String>,
    },
    /// The recipient called it spam.
    Complaint,
    /// The recipient took a complaint back; nothing follows, and it is no complaint.
    NotSpam,
    /// The provider was told that the recipient wants no more mail.
    Unsubscribe,
    /// A person wrote.
    Reply,
    /// A machine wrote; the word says how it was recognised.
    AutoReply {
        /// As in `auto_submitted` of `mail.received`.
        kind: String,
    },
    /// Something about which nothing is done: a delay, a delivery, an opening.
    Nothing {
        /// As the report calls it.
        name: String,
    },
}

/// Why something could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unread {
    /// Not a mail, or not JSON.
    #[error("malformed")]
    Malformed,
    /// A report without the part that says what happened.
    #[error("incomplete")]
    Incomplete,
    /// More in one than anybody sends.
    #[error("too_many")]
    TooMany,
    /// Of a kind nobody here knows.
    #[error("unknown_kind")]
    UnknownKind,
}

impl Unread {
    /// Stable, for metrics and answers.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Unread::Malformed => "malformed",
            Unread::Incomplete => "incomplete",
            Unread::TooMany => "too_many",
            Unread::UnknownKind => "unknown_kind",
        }
    }
}

/// Reports taken from one mail or call.
pub const REPORTS_MAX: usize = 1_000;
