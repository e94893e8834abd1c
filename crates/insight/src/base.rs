//! The customer-base models: whether a partner converts again, how often, and what that is worth.
//!
//! A partner's past is three numbers: repeat active days x, time of the last one tx, age T. The modified beta-geometric/NBD
//! (Batislam, Denizel & Filiztekin 2007; for reference the BG/NBD of Fader, Hardie & Lee 2005) makes probabilities of them at
//! any horizon; the Gamma-Gamma model (Fader, Hardie & Lee 2005) puts a value on each; [`FirstSale`] speaks for partners
//! who have not converted yet; a learnt [`Correction`] turns the model's answer by what the programme's own past shows the
//! model to miss (the long silent return more often than it says, amounts tell something too).
//!
//! [`ProgramFit`] holds all of it for one programme: [`weekly::fit`] it, ask for a partner's [`Outlook`] at any time.
//! Days are active days: several conversions of one day are one.

mod around;
mod correction;
mod first_sale;
mod history;
mod minimize;
mod nbd;
mod outlook;
pub mod pasts;
mod ridge;
mod spend;
mod told;
pub mod weekly;

pub use around::{Around, Basis};
pub use correction::Correction;
pub use first_sale::FirstSale;
pub use history::{ActiveDay, Grouped, History, Summary};
pub use nbd::{Family, Fit, Nbd};
pub use outlook::{Outlook, Past, ProgramFit};
pub use spend::GammaGamma;
pub use told::{Standing, sentence};
pub use weekly::{Expected, WeeklyFit};
