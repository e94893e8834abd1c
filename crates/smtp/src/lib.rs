//! How mail leaves: SMTP to one of several relays, or capture to a folder; and how a mail becomes bytes.
//!
//! [`Relays`], [`SmtpTransport`] (one of them) and [`CaptureTransport`] implement the engine's transport port. [`build`] turns an [`Outgoing`] mail into
//! the bytes that are sent; a [`Signer`] puts the domain's DKIM signature on top of them.
//!
//! Load-bearing contracts:
//! - **The final dot divides the world.** What happens before it can have left is `NotSent` (or `Refused`) and safe to retry; once
//!   its first octet was handed to the kernel, a lost answer is `InDoubt`, never a guess.
//! - **A connection is reused only in step.** It goes back to the pool when every reply of its last command was read whole and
//!   nothing else is waiting to be read. A future dropped half-way, a time-out, a stray reply: the connection is closed. Otherwise
//!   the next mail would read the previous one's answer, and so on for ever.
//! - **The number of open connections is hard.** Idle ones count.
//! - **Another relay gets a mail only if the first provably did not take it**: before the final dot, never after it.
//! - **Every wait ends**: connecting, each command, the final reply have their own limits.
//! - Passwords and mail texts are never logged.
//!
//! lettre serves for headers, texts with lines at the limit, and the vocabulary of SMTP (addresses, commands, credentials). Its
//! connection is not used: it cannot tell whether the dot has left, hides what is left unread, and logs credentials and mails at debug level.

#![allow(clippy::disallowed_methods, reason = "an edge crate: clock, environment and I/O are its job")]

mod settings;

mod relays;

mod pool;

mod standing;

mod session;

mod dot_stuffing;
mod reply;
mod wire;

mod capture;
mod mime;

mod dkim;

pub use capture::CaptureTransport;
pub use dkim::{DkimError, DkimKey, RSA_BITS_MIN, Signer};
pub use mime::{BuildError, Correspondent, Outgoing, build};
pub use pool::SmtpTransport;
pub use relays::Relays;
pub use reply::refusals;
pub use settings::{Limits, Login, Secret, SmtpSettings, SmtpUrlError, Tls};
