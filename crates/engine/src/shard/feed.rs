//! The records of one shard on their way from the log: read ahead, and in a replay held back until their time has come.

use std::{collections::VecDeque, time::Duration};

use jiff::Timestamp;

use crate::ports::log::{EventLog, LogError, LogRecord, ShardFeed};

/// Behind, the owner goes on reading while the next records are at hand within this time.
const AT_HAND: Duration = Duration::from_millis(5);

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

    /// Opens the log at the next offset.
    pub async fn open(&mut self, log: &dyn EventLog) -> Result<(), LogError> {
        self.open = Some(log.open(self.shard, self.next_offset).await?);
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
