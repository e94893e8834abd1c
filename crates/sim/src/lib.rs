//! The whole engine on ports in memory: seeded, in virtual time, with faults.
//!
//! A run plays a little world ([`world`]) through ingest, shards, coordinator, relay and mailers as they run in production.
//! Everything the engine meets outside itself is in memory: store and log (`rapport_memory`), [`transport`] and [`clock`]. Between a process and
//! these stands its [`process::Process`], which can be killed, paused or lied to at every call, by the [`faults`] of a seed.
//! [`run`] plays one world under one setting; [`properties`] says what must hold after it, and between runs.
//!
//! It is no test double for single cases: those belong beside the code they test.

pub mod clock;
pub mod digest;
pub mod faults;
pub mod goals;
pub mod process;
pub mod properties;
pub mod run;
pub mod transport;
pub mod world;
