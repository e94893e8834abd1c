//! Store and event log in memory: what a play needs that nobody keeps, and what the simulator looks into.
//!
//! Both behave as the databases and Kafka do; the conformance suites of the ports hold them to it. Nothing outlives the process.

pub mod log;
pub mod store;
pub mod time;
