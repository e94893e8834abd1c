//! What nobody should write, fed to every parser that meets bytes from outside: events, mail that comes in, providers' calls, files
//! people write, links, addresses.
//!
//! A [`target::Target`] is one function from bytes to an answer; it panics when what must hold does not: no place outside of the text,
//! no refusal without a reason, no more told than was given. [`mutate`] damages valid inputs, [`corpus`] keeps those that got an answer
//! nobody got before, which is how inputs get past the first character without instrumented code. The tests of this crate feed each
//! target so many inputs, always the same; the binary (`cargo xtask fuzz`) goes on for as long as it is told, and [`watch`] notices what
//! does not come back.
//!
//! It deliberately holds no judgement of its own: what is right is asserted beside the parser.
#![allow(clippy::disallowed_methods, reason = "for tests: it reads the repository's files and looks at the clock")]

pub mod corpus;
pub mod mutate;
pub mod target;
pub mod watch;
