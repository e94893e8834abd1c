//! The records of one shard on their way from the log: read ahead, and in a replay held back until their time has come.

use std::{collections::VecDeque, time::Duration};

use jiff::Timestamp;

use super::ShardError;
use crate::ports::log::{EventLog, LogError, LogRecord, ShardFeed};

/// Behind, the owner goes on reading while the next records are at hand within this time.
const AT_HAND: Duration = Duration::from_millis(5);

/// The log has this long to bring a record that it holds.
const PATIENCE: Duration = Duration::from_secs(15);

/// A record that was folded, and what it is known again by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct LastRecord {
    /// Where it stands.
    pub offset: i64,
    /// Of its bytes; see [`print`].
    pub print: u64,
}

/// What a record is known again by.
pub fn print(value: &[u8]) -> u64 {
    xxhash_rust::xxh3::xxh3_64(value)
}

/// A shard's records, in offset order.
pub struct Feed {
    shard: u32,
    next_offset: i64,
    open: Option<Box<dyn ShardFeed>>,
    waiting: VecDeque<LogRecord>,
}

impl Feed {
    /// A feed that is not open yet.
    pub fn new(shard: u32, next_offset: i64) -> Self {
        Self { shard, next_offset, open: None, waiting: VecDeque::new() }
    }

    /// Opens the log at the next offset. The record before it must be the one that was folded last: a topic that was made
    /// anew, or lost its end, grows past that offset again, and what came before would be passed over without a word.
    ///
    /// # Errors
    /// [`ShardError::OtherLog`]; and whatever keeps the log from being read.
    pub async fn open(&mut self, log: &dyn EventLog, last: Option<LastRecord>) -> Result<(), ShardError> {
        let last = last.filter(|last| last.offset + 1 == self.next_offset);
        let other = |found| ShardError::OtherLog { shard: self.shard, offset: self.next_offset - 1, found };
        if log.ends(&[self.shard]).await?.first().is_some_and(|end| *end < self.next_offset) {
            return Err(other("gone"));
        }
        // What retention took cannot be compared.
        let there = log.begin(self.shard).await? < self.next_offset;
        let Some(last) = last.filter(|_| there) else {
            self.open = Some(log.open(self.shard, self.next_offset).await?);
            return Ok(());
        };
        let mut open = log.open(self.shard, last.offset).await?;
        let answer = tokio::time::timeout(PATIENCE, open.next(1)).await;
        let first = answer.map_err(|_| LogError::Unreachable("the last record folded does not come".to_owned()))??;
        match first.first() {
            Some(found) if found.offset == last.offset && print(&found.value) == last.print => {}
            _ => return Err(other("another one")),
        }
        self.waiting.extend(first.into_iter().skip(1));
        self.open = Some(open);
        Ok(())
    }

    /// Waits at most `wait` for records; takes what is there, up to `max` in all.
    pub async fn fill(&mut self, max: usize, wait: Duration) -> Result<(), LogError> {
        let Some(open) = &mut self.open else { return Err(LogError::Closed) };
        let mut wait = wait;
        while self.waiting.len() < max {
            match tokio::time::timeout(wait, open.next(max - self.waiting.len())).await {
                Err(_) => break,
                Ok(records) => self.waiting.extend(records?),
            }
            if open.caught_up() {
                break;
            }
            wait = AT_HAND;
        }
        Ok(())
    }

    /// The records to fold now. In a replay those whose time has come; live all of them.
    pub fn take_until(&mut self, present: Timestamp, replays: bool) -> Vec<LogRecord> {
        let count = if replays {
            self.waiting.iter().take_while(|record| record.stamp <= present).count()
        } else {
            self.waiting.len()
        };
        let records: Vec<_> = self.waiting.drain(..count).collect();
        if let Some(last) = records.last() {
            self.next_offset = last.offset + 1;
        }
        records
    }

    /// Whether every record up to the present has been taken, so that time may pass without one. Live the reader's word
    /// is good enough; in a replay the log itself is asked, because a record read late would be folded too late.
    pub async fn is_drained(&mut self, log: &dyn EventLog, replays: bool) -> Result<bool, LogError> {
        if !replays {
            return Ok(self.waiting.is_empty() && self.open.as_mut().is_none_or(|open| open.caught_up()));
        }
        if !self.waiting.is_empty() {
            // What waits has its time ahead of the present.
            return Ok(true);
        }
        Ok(log.ends(&[self.shard]).await?.first() == Some(&self.next_offset))
    }
}
