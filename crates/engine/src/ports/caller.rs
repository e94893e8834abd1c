//! How other systems are called.

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

/// One call, complete: the same bytes and the same id however often it is tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallRequest {
    /// The hook's name in `config/hooks.yaml`.
    pub hook: String,
    /// The call's id, by which the other side knows a repetition.
    pub id: String,
    /// When it is tried.
    pub at: Timestamp,
    /// What is sent.
    pub body: Vec<u8>,
    /// Whether it is signed as Standard Webhooks has it.
    pub signed: bool,
    /// Whether the hook may be on this machine or in a private network.
    pub private: bool,
}

/// What became of one try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Called {
    /// The other side took it.
    Delivered,
    /// Not now; nobody can know whether the other side acted on it, and the id tells it.
    Again {
        /// Why: a stable word, or the status. Never an address.
        reason: String,
        /// Not before this, as the other side asked.
        after: Option<Duration>,
    },
    /// Never: trying again would change nothing.
    Refused {
        /// Why: a stable word, or the status. Never an address.
        reason: String,
    },
}

/// A way to other systems.
#[async_trait]
pub trait Caller: Send + Sync {
    /// Tries once, within the bounds it keeps for itself.
    async fn call(&self, request: &CallRequest) -> Called;
    /// Calls at a time.
    fn calls_max(&self) -> usize;
    /// Where a record is played again: how this call ended then. Only a replay asks.
    fn recalled(&self, _call: &str) -> Option<Recalled> {
        None
    }
}

/// How a call ended in a record that is played again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recalled {
    /// When.
    pub at: Timestamp,
    /// Why it failed; `None` where the other side took it.
    pub failed: Option<String>,
}

/// Calls nobody: what would be sent is taken as delivered. For layouts that capture mail, too.
#[derive(Debug, Clone, Copy, Default)]
pub struct Captured;

#[async_trait]
impl Caller for Captured {
    async fn call(&self, request: &CallRequest) -> Called {
        tracing::info!(hook = request.hook, call = request.id, bytes = request.body.len(), "captured, not sent");
        Called::Delivered
    }

    fn calls_max(&self) -> usize {
        1
    }
}
