//! The gateway over real HTTP, on the real embedded store.

#![allow(clippy::disallowed_methods, missing_docs, reason = "tests")]

mod browser;
mod certificates;
mod clicks;
mod events;
mod feedback;
mod goals;
mod hostile;
mod links;
mod markup;
mod ops;
mod refused;
mod reviews;
mod surveys;
mod wishes;
mod world;
