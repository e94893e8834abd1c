//! Files that people write: how they are read, judged and complained about.
//!
//! A marketing colleague writes YAML with small conditions in it; this crate turns that text into things the engine can
//! run, and everything it would trip over later into a [`Finding`] now, with the line, the reason and the nearest right
//! thing. It deliberately does not know what a workflow is, which fields a partner has or what day it is: names and
//! types come from an [`expr::Environment`], values from an [`expr::Scope`], and both belong to the caller.
//!
//! Where to start: [`source`] holds texts and places in them, [`yaml`] reads them into a tree with places, [`finding`]
//! collects what is wrong, [`expr`] compiles and judges conditions and `{{…}}` texts. [`codes`] has the page of every code.
//!
//! What others lean on:
//! - No text makes this crate panic, hang or use unbounded memory: sizes and depths are capped *before* foreign parsers
//!   (YAML, CEL) see the text.
//! - A comparison with a missing value is [`expr::Truth::Unknown`], never false; `&&`, `||`, `!` follow Kleene.
//! - Spans are byte offsets into the file as written; columns shown to people count characters.
//! - A compiled expression needs no parser, map or allocation to be judged; scopes are asked by path.

pub mod codes;
pub mod encoding;
pub mod expr;
pub mod finding;
pub mod length;
pub mod money;
pub mod percent;
pub mod source;
pub mod suggest;
pub mod yaml;

pub use finding::{Finding, Findings, Severity};
pub use length::Length;
pub use money::{Currency, Money};
pub use source::{Source, Sources, Span};
