//! The present: the database server's time carried on by a monotonic clock, or the replay's present.

use async_trait::async_trait;
use jiff::Timestamp;

use super::store::StoreError;

/// Tells the present and lets time pass.
#[async_trait]
pub trait Clock: Send + Sync {
    /// The present.
    async fn now(&self) -> Result<Timestamp, StoreError>;
    /// Whether time is replayed: stamps are events' own times and records ahead of the present wait.
    fn replays(&self) -> bool;
    /// Lets about this much machine time pass; the simulator returns at once.
    async fn pause(&self, length: std::time::Duration);
    /// A monotonic instant for deadlines.
    fn monotonic(&self) -> std::time::Instant;
}
