//! The ports on a real Kafka, which `cargo xtask test` starts.
#![allow(clippy::disallowed_methods, reason = "a test of an edge crate")]

mod broker;
mod log;
mod publisher;
mod signals;
mod source;
