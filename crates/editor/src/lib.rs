//! The language server: what `rapport check` finds, while the file is being written.
//!
//! It speaks the Language Server Protocol over stdio. [`project`] holds the folder with what is not saved yet, [`cursor`]
//! says where in a file one is even while it is no YAML, [`complete`], [`hover`] and [`action`] answer, `server` is the
//! loop. Everything it says comes from the same places as the command line's: findings from the compiler, keys from the
//! described shapes, names from the vocabulary, formatting from `rapport fmt`, changes from `check --fix`.
//!
//! It knows no store and no engine, and writes no file: the editor does.
#![allow(clippy::disallowed_methods, reason = "an edge crate: folders of the editor are read here")]

pub mod action;
pub mod complete;
pub mod cursor;
pub mod hover;
pub mod place;
pub mod project;
mod server;

pub use project::{Project, ReadFolder};
pub use server::serve;
