//! The engine: a module per loop, and the ports they need.

pub mod backoff;
pub mod clocks;
pub mod ports;
pub mod readiness;
pub mod story;
