//! What rapport serves over HTTP: the pages that links in mails lead to, the intake of tracker events,
//! what mailboxes and mail providers report, and what operators' tools ask.
//!
//! Load-bearing contracts:
//! - **GET and HEAD change nothing.** Scanners and previews open every link of a mail; only a POST is somebody's wish. That a counted
//!   link was followed is noted, and judged before anybody is told.
//! - **A counted link leads where it led.** The address is in the token; the database is asked for nothing on the way there.
//! - **A way out always works.** Unsubscribing needs no cookie, no login, no script and no particular body, and repeating it is harmless.
//! - **A 2xx to a tracker means kept.** Events are in the log, acknowledged, before the answer leaves.
//! - **A link that does not verify tells nothing.** Foreign, cut, mistyped and forged tokens meet the same page.
//! - **Nobody is believed for saying so.** A report about mail needs a return path that we signed, or the provider's own signature.
//!
//! It decides nothing about partners: what people want becomes a suppression and a record of the log, and the engine reacts to that.
//! Start at [`Gateway`] and [`gateway()`]; [`ops()`] is for health checks and metrics; [`serve()`] runs a router.

#![allow(clippy::disallowed_methods, reason = "an edge crate: clock, environment and I/O are its job")]

mod gateway;
pub mod metric;
mod ops;
mod page;
pub mod review;
mod serve;
mod words;

pub use gateway::{Bearer, CurrentRules, EVENT_BYTES_MAX, Gateway, ProviderError, Providers, Rules, gateway};
pub use ops::{install_recorder, ops};
pub use serve::serve;
