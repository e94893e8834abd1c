//! Mails: from the file an author writes to subject, text, HTML and headers.
//!
//! Everything here is a value made from values: no clock, no sending, no store. A mail file is [`Mail::parse`]d once and
//! says which [names](Mail::names) it uses; the planning side evaluates those into a JSON context ([`context`]), the
//! mailer adds the person, links and sender, and [`render()`] makes the mail; a [`Draft`] is one whose links can be looked at before
//! it is framed. What may stand in a mail and who provides it is one table, [`variable`].
//!
//! Load-bearing contracts:
//! - A value can never become markup, a link or a header: while Markdown is parsed, values are sealed into letters
//!   ([`escape::seal`]), and opened into escaped text only afterwards.
//! - Printing a value that is missing is an error, never an empty place. Only `if`, `unless`, `eq`/`ne` … and `fallback` may
//!   look at what may be missing, and [`Mail::names`] says which do.
//! - The text part is complete: every address the HTML part links to stands in it.
//! - Only `https:`, `http:` and `mailto:` lead out of a mail; anything else is refused when rendering.
//! - The same input gives the same bytes, Message-ID and tokens included.
//!
//! It does not know which figures exist, what a journey is, or whether a mail may be sent: `workflow`, `journey` and
//! `contact` do.

pub mod clients;
pub mod context;
pub mod counted;
pub mod escape;
pub mod header;
pub mod layout;
pub mod library;
pub mod link;
pub mod locale;
pub mod mail;
pub mod next_resource;
pub mod partial;
pub mod parties;
pub mod rehearsal;
pub mod render;
pub mod sample;
pub mod utm;
pub mod variable;

pub mod format;
mod front_matter;
mod helper;
mod made;
mod markdown;
mod mjml;
mod placeholder;
mod plain;
mod tag;
mod template;

pub use helper::{REVIEW_PERIODS, helpers};
pub use layout::Layout;
pub use library::Library;
pub use locale::Locale;
pub use mail::{Mail, Part};
pub use partial::Partials;
pub use parties::{Imprint, Links, Person, Program, Sender, Topic};
pub use render::{Draft, Lead, RenderError, Rendered, Request, render, render_led};
pub use template::{Role, Use, Within};
pub use variable::{Provider, Shape};
