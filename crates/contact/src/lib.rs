//! May we write to this person now?
//!
//! [`decide`] answers with `Send`, `Defer { until, reason }` or `Suppress { reason }`. It is asked at the last moment, inside the
//! claim of a delivery, because consent, suppression and counts can change after a journey has planned the mail. Every answer
//! other than `Send` carries a reason of a closed enum whose code is the same in SQL, logs, metrics and docs.
//!
//! Load-bearing contracts:
//! - **Pure.** No clock, no database: `now`, the zone and the mails accepted lately are arguments. The mailer, `rapport test`,
//!   the backtest and the simulator ask the same function.
//! - **`until` is final.** A deferral names the earliest instant at which the mail may go if nothing else changes: asked again
//!   then, with the same facts, the answer is `Send`. Asked a moment earlier, it is not.
//! - **Nobody is written to against the rules for speed.** Any rule that cannot be computed (an instant outside the calendar)
//!   ends in `Suppress`, never in `Send`.
//!
//! It does not know workflows, templates, relays or YAML; `workflow` reads the files into [`GuardrailsSpec`], the mailer
//! collects a [`Recipient`] in its claim. Start at [`decide`].

mod decision;

mod address;
mod basis;
pub mod breaker;
mod calendar;
mod frequency_cap;
mod guardrails;
mod holdout;
mod overflow;
mod provider;
mod reason;
mod suppression;
mod zone;

pub use address::{NormalisedAddress, hashed, hashed_domain, normalise};
pub use basis::{Consent, ContractBasis};
pub use calendar::{Holidays, QuietHours, Weekends};
pub use decision::{Accepted, Assessment, CapUse, Decision, Hold, Kind, Priority, Recipient, Request, assess, decide};
pub use frequency_cap::{Cap, CapParseError, Counted, OwnPace, Window};
pub use guardrails::{AllowList, Guardrails, GuardrailsError, GuardrailsSpec};
pub use holdout::{draw, held_out};
pub use overflow::{Overflow, decide_over, has_no_place_beside};
pub use provider::{OTHER as OTHER_PROVIDER, provider_of, providers};
pub use reason::{DeferReason, SuppressReason};
pub use suppression::{Suppression, SuppressionCause, SuppressionScope};
pub use zone::{only_zone_of, resolve_zone};
