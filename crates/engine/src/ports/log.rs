//! The event log (`rapport.events` or the embedded journal) and the upstream sources.

use async_trait::async_trait;
use jiff::Timestamp;
use rapport_event::wire::SourcePosition;

/// A record to be appended to a shard.
#[derive(Debug, Clone)]
pub struct NewRecord {
    /// The shard, which is the partition.
    pub shard: u32,
    /// The partner's key; informative, the shard is set explicitly.
    pub key: Vec<u8>,
    /// The event in its internal encoding.
    pub value: Vec<u8>,
    /// Replay only: the stamp the record shall carry. Live, the log stamps on arrival.
    pub stamp: Option<Timestamp>,
    /// Where the record came from, when it came from a source with positions (DESIGN.md 4.3).
    pub position: Option<SourcePosition>,
}

/// A record read back.
#[derive(Debug, Clone)]
pub struct LogRecord {
    /// Contiguous within the shard.
    pub offset: i64,
    /// Arrival; in replay the event's own time.
    pub stamp: Timestamp,
    /// Where it came from.
    pub position: Option<SourcePosition>,
    /// The event in its internal encoding.
    pub value: Vec<u8>,
}

/// What identifies a log, so that another one is never mistaken for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogIdentity {
    /// Kafka's cluster id, or the journal's id.
    pub cluster: String,
    /// The topic, which names its generation.
    pub topic: String,
    /// Number of partitions.
    pub shards: u32,
}

/// How far a shard was, as the log was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// The next record to fold.
    pub next_offset: i64,
    /// The owner's epoch.
    pub epoch: i64,
    /// The number of the commit.
    pub commit_no: i64,
}

/// Why a log could not do what was asked.
#[derive(Debug, Clone, thiserror::Error)]
pub enum LogError {
    /// Try again later.
    #[error("the event log cannot be reached: {0}")]
    Unreachable(String),
    /// The offset asked for is not in the log any more, or not yet.
    #[error("offset {offset} is outside the log of shard {shard}")]
    OutOfRange {
        /// The shard.
        shard: u32,
        /// The offset asked for.
        offset: i64,
    },
    /// A record among those to be appended is larger than the log takes; some of the others may be in it.
    #[error("a record is larger than the event log takes: {0}")]
    TooLarge(String),
    /// The log refuses the request for good.
    #[error("the event log refuses: {0}")]
    Refused(String),
    /// The log was closed by this process.
    #[error("the event log is closed")]
    Closed,
}

/// Appends in order, leaving out the records that are too large for the log: their places among those given.
///
/// # Errors
/// Those of [`EventLog::append`]; a part may be in the log, and appending all again in the same order is right.
pub async fn append_all_that_fit(log: &dyn EventLog, records: &[NewRecord]) -> Result<Vec<usize>, LogError> {
    let mut too_large = Vec::new();
    // Halves of what was refused, the earlier on top: the order of what is appended stays that of the records.
    let mut parts = Vec::new();
    parts.push(0..records.len());
    while let Some(part) = parts.pop() {
        let Some(of_part) = records.get(part.clone()).filter(|of_part| !of_part.is_empty()) else { continue };
        match log.append(of_part.to_vec()).await {
            Ok(()) => {}
            Err(LogError::TooLarge(_)) if part.len() == 1 => too_large.push(part.start),
            Err(LogError::TooLarge(_)) => {
                let middle = part.start + part.len() / 2;
                parts.push(middle..part.end);
                parts.push(part.start..middle);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(too_large)
}

/// A record for other systems.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Announcement {
    /// The partner: announcements of one partner stay in order.
    pub key: Vec<u8>,
    /// A CloudEvent in structured form.
    pub value: Vec<u8>,
}

/// Where other systems hear of signals.
#[async_trait]
pub trait SignalLog: Send + Sync {
    /// Publishes in order; returns when every record is acknowledged. An error means: some may be published.
    async fn publish(&self, announcements: Vec<Announcement>) -> Result<(), LogError>;
}

/// The durable, sharded log of everything the engine reacts to.
#[async_trait]
pub trait EventLog: Send + Sync {
    /// Appends in order; returns when every record is acknowledged by all replicas. An error means: some may not be in the log.
    async fn append(&self, records: Vec<NewRecord>) -> Result<(), LogError>;
    /// Opens a shard's records from `offset` on. One open feed per shard.
    async fn open(&self, shard: u32, offset: i64) -> Result<Box<dyn ShardFeed>, LogError>;
    /// One record that was read before; `OutOfRange` when the log does not hold it any more.
    async fn read(&self, shard: u32, offset: i64) -> Result<LogRecord, LogError>;
    /// The offset of the oldest record the log holds of a shard; its end, when it holds none.
    async fn begin(&self, shard: u32) -> Result<i64, LogError>;
    /// The offset one past the last record of each shard asked for.
    async fn ends(&self, shards: &[u32]) -> Result<Vec<i64>, LogError>;
    /// Which log this is.
    async fn describe(&self) -> Result<LogIdentity, LogError>;
    /// Tells lag tools how far a shard is; correctness never depends on it.
    async fn report(&self, shard: u32, progress: Progress) -> Result<(), LogError>;
    /// What was last reported of each shard asked for.
    async fn reported(&self, shards: &[u32]) -> Result<Vec<Option<Progress>>, LogError>;
}

/// One shard's records in offset order.
#[async_trait]
pub trait ShardFeed: Send {
    /// Waits for at least one record, returns up to `max`, in offset order. Cancel-safe.
    async fn next(&mut self, max: usize) -> Result<Vec<LogRecord>, LogError>;
    /// True when everything known to be in the log has been returned.
    fn caught_up(&self) -> bool;
}

/// A record as an upstream system wrote it.
#[derive(Debug, Clone)]
pub struct SourceRecord {
    /// Topic, or the file's content hash.
    pub topic: String,
    /// Partition; 0 for a file.
    pub partition: i32,
    /// Offset; the line of a file.
    pub offset: i64,
    /// The broker's timestamp, where there is one.
    pub timestamp: Option<Timestamp>,
    /// Headers in order.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The key, whatever upstream chose.
    pub key: Option<Vec<u8>>,
    /// The payload; `None` is a tombstone.
    pub value: Option<Vec<u8>>,
}

/// An upstream source of events.
#[async_trait]
pub trait Source: Send {
    /// Waits for at least one record, returns up to `max`; empty only when the source has ended for good. Cancel-safe.
    async fn next(&mut self, max: usize) -> Result<Vec<SourceRecord>, LogError>;
    /// Whether the source answers, asked after it could not be reached: one with nothing new to say tells nothing by itself.
    async fn reachable(&mut self) -> Result<(), LogError> {
        Ok(())
    }
    /// Everything of this partition before `next_offset` is safe. `false`: the partition is another member's now, and nothing was
    /// noted.
    async fn commit(&mut self, topic: &str, partition: i32, next_offset: i64) -> Result<bool, LogError>;
    /// True when every partition has been read to its present end.
    fn ended(&self) -> bool;
    /// Whether this partition is read here, and not by another member of a group.
    fn reads(&self, topic: &str, partition: i32) -> bool {
        let _ = (topic, partition);
        true
    }
    /// Nothing more of this partition is wanted until [`Source::resume`], or until it was given away and comes
    /// back. Records that are on their way may still come.
    async fn pause(&mut self, topic: &str, partition: i32) -> Result<(), LogError> {
        let _ = (topic, partition);
        Ok(())
    }
    /// A paused partition is read again, from this offset on. One that is another member's now is left alone.
    async fn resume(&mut self, topic: &str, partition: i32, offset: i64) -> Result<(), LogError> {
        let _ = (topic, partition, offset);
        Ok(())
    }
}
