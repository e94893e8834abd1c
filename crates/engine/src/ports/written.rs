//! What a store tells those who wait.

/// How often something was heard to be written to a store, by subject. Whoever waits for a subject looks again
/// when its count has grown; between two equal counts there is nothing new to see.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Written {
    /// Records came into the outbox.
    pub outbox: u64,
    /// An owner wrote whose shard has come to the replay's present.
    pub arrived: u64,
    /// Something that others may wait for came to its end: a shard at the present, what the coordinator decides, records on their
    /// way, mail and calls in hand.
    pub concluded: u64,
    /// The replay's present.
    pub present: u64,
    /// Files came into force.
    pub applied: u64,
}
