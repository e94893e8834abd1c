//! Both databases. One program, so that the store's statements are compiled into it once.

#![allow(clippy::disallowed_methods, reason = "tests of an edge crate")]

mod conformance;
mod database;
mod measured;
mod schema;
mod written;
