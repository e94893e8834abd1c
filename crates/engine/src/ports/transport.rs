//! How mail leaves the house.

use std::time::Instant;

use async_trait::async_trait;
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

/// A mail as content, before it is bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// Who writes.
    pub from: Mailbox,
    /// To whom.
    pub to: Mailbox,
    /// Where replies go.
    pub reply_to: Mailbox,
    /// Subject line.
    pub subject: String,
    /// The text part, complete in itself.
    pub text: String,
    /// The HTML part.
    pub html: String,
    /// Deterministic, without angle brackets: an attempt repeated by policy has the same.
    pub message_id: String,
    /// Date.
    pub date: Timestamp,
    /// Further headers in order.
    pub headers: Vec<(String, String)>,
}

/// A name with its address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mailbox {
    /// May be empty.
    pub name: String,
    /// The address.
    pub address: String,
}

/// Mails in hand for one connection where nobody says otherwise: the one that is being sent, and the next.
pub const IN_FLIGHT: usize = 2;

/// A way out for mail.
#[async_trait]
pub trait Transport: Send + Sync {
    /// Waits until a connection is ready to take a message; dropped unused it goes back to the pool.
    async fn ready(&self) -> Result<Box<dyn Connection>, TransportError>;
    /// The letter as the bytes that are sent; an error says for people why it cannot be.
    fn compose(&self, letter: &Letter) -> Result<Vec<u8>, String>;
    /// The hard cap on open connections.
    fn connections_max(&self) -> usize;
    /// Mails that may be in hand for each of these connections. So many a crash can leave in doubt.
    fn in_flight(&self) -> usize {
        IN_FLIGHT
    }
    /// Whether mail really leaves the machine (false for capture).
    fn delivers(&self) -> bool;
    /// The relays it goes through, in the order in which they are tried; none where there is no such thing.
    fn relays(&self) -> Vec<RelayStanding> {
        Vec::new()
    }
    /// Where a record is played again: until when this mail, due at that instant, waited for the mailer, which was behind, or down, or
    /// told by the server to come again. `None`: it was looked at when it was due, or was in no record. Only a replay asks.
    fn waited(&self, _message: &str, _due: Timestamp) -> Option<Timestamp> {
        None
    }
    /// Where a record is played again: whether what became of this mail was told only after the instant. Only a replay asks.
    fn is_told_after(&self, _message: &str, _present: Timestamp) -> bool {
        false
    }
}

/// How a relay stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelayStanding {
    /// Its host and port.
    pub name: String,
    /// Why it is left alone for a while; `None`: it takes mail as far as anybody knows.
    pub trouble: Option<String>,
}

/// A connection that is ready for one message.
#[async_trait]
pub trait Connection: Send {
    /// Sends one message. After the deadline the final dot does not leave.
    async fn send(&mut self, envelope: &Envelope, bytes: &[u8], deadline: &Deadline) -> Delivery;
    /// The relay that had the last message; `None` where there is no such thing.
    fn relay(&self) -> Option<&str> {
        None
    }
}

/// When a message that has not come to its final dot is broken off: nothing of it was accepted then.
#[derive(Debug, Clone)]
pub struct Deadline {
    /// At this time.
    pub at: Instant,
    /// Or as soon as this is cancelled: whoever waits for a stopping process does not wait for a slow relay.
    pub stop: CancellationToken,
}

impl Deadline {
    /// By time alone.
    #[must_use]
    pub fn at(at: Instant) -> Self {
        Self { at, stop: CancellationToken::new() }
    }

    /// Whether it is over.
    #[must_use]
    pub fn is_over(&self, now: Instant) -> bool {
        now >= self.at || self.stop.is_cancelled()
    }
}

/// The SMTP envelope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// Return path.
    pub from: String,
    /// The one recipient.
    pub to: String,
}

/// What became of one attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery {
    /// The server answered 250 to the whole message.
    Accepted {
        /// The server's words.
        reply: String,
        /// Which server: host and port, or what stands in for one.
        relay: String,
    },
    /// The server said no.
    Refused {
        /// Reply code, 4xx or 5xx.
        code: u16,
        /// RFC 3463 code when given.
        enhanced: Option<String>,
        /// The server's words.
        text: String,
        /// What follows from it.
        class: RefusalClass,
    },
    /// Provably nothing was accepted: the final dot never left. Safe to try again.
    NotSent {
        /// Why.
        reason: String,
    },
    /// The dot may have left and no reply came.
    InDoubt {
        /// Why.
        reason: String,
    },
}

/// What a refusal means for the message and its recipient.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusalClass {
    /// Try again later.
    Transient,
    /// This recipient does not take mail.
    Permanent,
    /// This recipient does not take this mail and may take another, such as with a full mailbox: several in a time end mail there.
    Soft,
    /// The server objects to us (5.7.x, authentication); says nothing about the recipient.
    Policy,
}

/// Why no connection is ready.
#[derive(Debug, Clone, thiserror::Error)]
pub enum TransportError {
    /// Try again later.
    #[error("the mail server cannot be reached: {0}")]
    Unreachable(String),
    /// Credentials were refused.
    #[error("the mail server refuses our credentials: {0}")]
    Auth(String),
    /// The configuration cannot work.
    #[error("mail transport configuration: {0}")]
    Config(String),
}
