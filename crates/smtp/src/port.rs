//! The transport port.

use async_trait::async_trait;

/// A way for mail to leave.
#[async_trait]
pub trait Transport: Send + Sync {
    /// Waits until a connection is ready to take a message; dropped unused it goes back to the pool.
    ///
    /// # Errors
    /// When none can be had: see [`TransportError`].
    async fn ready(&self) -> Result<Box<dyn Connection>, TransportError>;
    /// The most connections there will ever be at one time.
    fn connections_max(&self) -> usize;
    /// Whether mail really leaves the machine (false for capture).
    fn delivers(&self) -> bool;
}

/// A connection that takes messages one after the other.
#[async_trait]
pub trait Connection: Send {
    /// Sends one message. `deadline` bounds the moment the final dot may leave.
    async fn send(&mut self, envelope: &Envelope, bytes: &[u8], deadline: std::time::Instant) -> Delivery;
}

/// Who sends to whom, as the relay sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// Return path.
    pub from: String,
    /// The recipient.
    pub to: String,
}

/// What became of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// The relay took responsibility.
    Accepted {
        /// Its words.
        reply: String,
    },
    /// The relay refused.
    Refused {
        /// SMTP code.
        code: u16,
        /// Enhanced status code (RFC 3463).
        enhanced: Option<String>,
        /// Its words.
        text: String,
        /// What follows from it.
        class: RefusalClass,
    },
    /// Provably before the final dot: safe to retry.
    NotSent {
        /// What happened.
        reason: String,
    },
    /// The dot may have left and no answer came.
    InDoubt {
        /// What happened.
        reason: String,
    },
}

/// What follows from a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefusalClass {
    /// Worth trying again later.
    Transient,
    /// This mailbox will never take it.
    Permanent,
    /// The relay objects to the sender, the content or the connection; says nothing about the mailbox.
    Policy,
}

/// Why there is no connection.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TransportError {
    /// The relay cannot be reached, or is not taking mail at the moment.
    #[error("relay unreachable: {0}")]
    Unreachable(String),
    /// The credentials were refused.
    #[error("relay refused the credentials: {0}")]
    Auth(String),
    /// The settings cannot work with this relay.
    #[error("relay settings: {0}")]
    Config(String),
}
