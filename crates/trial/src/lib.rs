//! Workflows played on a virtual clock: one partner, the real core, everything in memory.
//!
//! [`play()`] lets a test's events happen to a partner by the engine's own reaction (`rapport_engine::shard`): folding, signals,
//! day closes, entry, steps, timers. Mails pass the mailer's contact policy and are rendered; nothing is sent. Other partners
//! stand in the background ([`background`]), because a programme's day is judged over all of them.
//!
//! [`stage()`] ends such a play at a chosen instant and hands the partner over as a store would hold them.
//!
//! [`judge`] compares what came with what the author expected; [`coverage`] says which steps and branches were walked;
//! [`mutants`] changes a workflow in small ways and looks whether its tests notice.
//!
//! It does not know files, the clock, the network or a database.

pub mod background;
pub mod coverage;
pub mod judge;
pub mod junit;
pub mod mutants;
mod play;
mod runner;

pub use play::{Cut, Forecast, Known, Performance, Played, SentMail, Staged, TaskOpened, forecast, play, stage};
pub use runner::{Report, Runner, Verdict};
