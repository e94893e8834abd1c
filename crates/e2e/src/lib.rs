//! The main job on real input with real parts: a purchase log through Apache Kafka, the services as separate processes,
//! PostgreSQL, and SMTP into a sink; then everything is counted against the file.
//!
//! Start at [`run::play`], one replay from publishing to the checks. [`disturbance`] does to it what production does: kills,
//! stopped owners, engines that come and go. [`final_state`] says whether two runs ended the same, [`poison`] feeds what
//! no event can be, and [`erasure`] looks for somebody who asked to be forgotten. The binary (`cargo xtask e2e`) and the tests of this crate ask the same functions.
//!
//! It looks from outside: processes, topics, tables and mails. Only the checks read the store through its own crate.
#![allow(clippy::disallowed_methods, reason = "an edge: clock, environment and processes are its job")]

pub mod cut;
pub mod disturbance;
pub mod erasure;
pub mod final_state;
pub mod live;
pub mod poison;
pub mod processes;
pub mod project;
pub mod purchase_log;
pub mod run;
pub mod services;
pub mod sink;
pub mod totals;
