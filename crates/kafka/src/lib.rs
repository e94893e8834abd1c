//! Apache Kafka behind the engine's ports: the event log `rapport.events` and the upstream topics.
//!
//! Start with [`Connection`], then [`KafkaLog`] (the log, an [`EventLog`](rapport_engine::ports::log::EventLog)) and
//! [`GroupSource`] / [`ReplaySource`] (upstream, [`Source`](rapport_engine::ports::log::Source)s). [`Publisher`] appends to
//! any other topic, and [`topic`] makes topics.
//!
//! What the rest leans on:
//! - **Offsets live with the state, not here.** The log is read by explicit assignment from the offset it is told; a
//!   broker's offset reset is an error, never a silent jump. What is committed to Kafka's groups is for lag tools
//!   (the log), or a place to read on from that may be too early but never too late (sources).
//! - **One consumer for all shards of a process.** Each shard has its own partition queue on it, so that a shard nobody
//!   reads holds nobody up, and memory is bounded by what librdkafka may prefetch per partition.
//! - **An append that failed ends its producer.** With idempotence and the gapless guarantee no record behind a lost one is
//!   ever written; otherwise the position kept by a shard would hide the gap. The next append gets a new producer, and its
//!   caller begins with the first record that was not acknowledged (`relay`: from the table; `ingest`: by ending).
//! - Nothing is printed of a connection but its brokers: properties may hold secrets.
//!
//! It knows no event, no SQL and no clock; an unreachable broker is waited for by librdkafka with backoff, and questions
//! to it give up with `Unreachable` after the connection's patience.
#![allow(clippy::disallowed_methods, reason = "an edge crate: clock, environment and I/O are its job")]

mod ask;
mod connection;
mod feed;
mod log;
mod publisher;
mod record;
mod report;
mod signals;
mod source;
pub mod topic;

pub use connection::{Connection, check_property, is_own};
pub use log::{KafkaLog, LogSettings};
pub use publisher::{Outgoing, Publisher};
pub use signals::KafkaSignals;
pub use source::{GroupSource, RecordTime, ReplaySource, SourceSettings};
