//! The engine: a module per loop, and the ports they need.
//!
//! ```text
//! ingest ──▶ rapport.events ──▶ shard ──messages──▶ mailer ──▶ transport
//!                 ▲               │  ▲                 │
//!                 └──── relay ◀── outbox ◀─────────────┘       coordinator: what needs more than one partner
//! ```
//!
//! Load-bearing contracts:
//! - A shard reacts to the records of its partition and to time, nothing else; what others decide comes back as records.
//! - Everything that follows from a batch is written in one transaction, whose first statement checks the epoch. An owner
//!   that lost its shard changes nothing.
//! - Memory may run ahead of the database by one commit; after any error it is thrown away and read anew.
//! - A message leaves the state `attempting` only by what the mail server said, or as in doubt.
//!
//! It does not know SQL, Kafka, SMTP or HTTP: see [`ports`].

pub mod apply;
pub mod backoff;
pub mod calendar;
pub mod clicks;
pub mod clocks;
pub mod coordinator;
pub mod courier;
pub mod ingest;
pub mod mailer;
pub mod neighbours;
pub mod operate;
pub mod ownership;
pub mod personal;
pub mod plan;
pub mod ports;
pub mod readiness;
pub mod records;
pub mod relay;
pub mod replayable;
pub mod reputation;
pub mod restore;
pub mod review;
pub mod rulebooks;
pub mod shard;
pub mod signals;
mod stillness;
pub mod story;
pub mod work;
