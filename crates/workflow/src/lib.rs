//! The workflow language: everything under `workflows/` and `config/` becomes one [`Rulebook`].
//!
//! [`compile`] reads all files together and reports everything the engine would trip over, with file, line, column and the
//! nearest right thing. A rulebook exists only without errors; what means nothing is refused, never ignored.
//!
//! Load-bearing contracts:
//! - A [`Workflow`]'s steps lie in one flat table, successors further down: a journey is *at* a step and always comes to an end.
//! - A step's id is what stored journeys remember; a workflow's version changes when who enters or what happens changes.
//! - Every name in conditions, texts and mails is declared and typed before anything runs.
//! - [`calendar`] is the one place where local time is worked out for waits.
//!
//! It does not know partners, events that happened, or the clock: `journey` runs what is compiled here.

pub mod calendar;
mod compile;
pub mod config;
mod environment;
mod figures;
pub mod graph;
mod lint;
mod mails;
mod model;
pub mod pulled;
mod read;
mod received;
mod rulebook;
pub mod schedule;
pub mod schema;
mod started;
pub mod trial;
pub mod vocabulary;

pub use compile::{Looked, compile, compile_applied, compile_into, look};
pub use config::{Config, Feed, Offer, Program, Resource, Resources, Survey, Texts};
pub use environment::{STATUSES, is_lasting, is_personal_path};
pub use mails::{Sampled, sampled, sampled_digest};
pub use model::*;
pub use received::{RECEIVED, RECEIVED_WITHIN};
pub use rulebook::{MailUse, Rulebook};
pub use schedule::Schedule;
pub use trial::Trial;
pub use vocabulary::Vocabulary;
