//! placeholder
#![allow(clippy::disallowed_methods, reason = "an edge crate: clock, environment and I/O are its job")]
fn main() {}
