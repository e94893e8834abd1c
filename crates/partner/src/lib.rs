//! What rapport knows of one partner: events folded into a state, and figures read from it.
//!
//! Start at [`fold()`]: one event into one [`PartnerState`], with the [`ConversionState`] it concerns. [`Figure`] names a number
//! about a partner (`conversions_90d`, `days_since_login`) and [`PartnerState::figure`] reads it. [`PartnerState::encode_hot`] and
//! [`PartnerState::encode_days`] are the two stored parts.
//!
//! # What holds
//! - Conversions may arrive in any order and any number of times: the state of one is the maximum of its revisions, and every
//!   metric moves by the difference. Profile fields are last-writer-wins by event time. Hence the order of topics does not matter.
//! - Activities are counted as they come; recognising repeated ids is the caller's part.
//! - Days are the programme's local days, numbered since 1970-01-01. Money is in minor units of the programme's currency.
//! - Nothing personal is kept here.
//! - Stored bytes carry a checksum; a state that does not match it is never used.
//!
//! # What this crate does not know
//! The clock, storage, other partners, and judgements: health, dips and groups live in `insight`, their state is kept here unread.

pub mod bucket;
pub mod conversion;
pub mod day;
pub mod encoding;
pub mod figure;
pub mod fold;
pub mod foreseen;
mod marks;
pub mod measure;
pub mod metric;
pub mod moment;
pub mod payout;
pub mod profile;
pub mod program;
pub mod ranking;
pub mod rates;
pub mod ratio;
pub mod received;
mod resources;
pub mod sold;
pub mod state;

pub use bucket::{Cell, Cells};
pub use conversion::{ConversionState, Difference, Merged, Told};
pub use encoding::EncodingError;
pub use figure::{Figure, FigureContext, FigureError, FigureValue, StartMark, Unit, Window};
pub use fold::{ConversionFold, FoldContext, Folded, fold};
pub use foreseen::{Foresee, Foreseen, SaleDay, Selling};
pub use marks::Marks;
pub use measure::{Measure, Totals};
pub use metric::{Metric, Scope, Windows};
pub use moment::{Moment, Moments};
pub use payout::{Payout, PayoutStatus, Payouts};
pub use profile::{Consent, Profile, Status, Stored};
pub use program::{ProgramFigure, ProgramSums};
pub use ranking::Ranking;
pub use rates::Rates;
pub use ratio::Ratio;
pub use received::{MailId, Mails};
pub use resources::RESOURCE_GIVEN;
pub use sold::{Sold, SoldSums};
pub use state::{Answer, LastingSignal, Opening, PartnerState};
