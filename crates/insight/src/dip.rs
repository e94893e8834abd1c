//! Finds the day on which a partner's conversions fall below that partner's own normal.
//!
//! One decision per partner and day, for counts that are sparse, overdispersed and weekly, in programmes whose promotions
//! and outages hit everybody at once. Two passes, because only all partners together tell the second from the first:
//!
//! 1. [`Detector::part`] says for each partner what the day brought and what was normal; [`program::close`] takes these
//!    parts to the programme's factor of the day ([`DayClose`]): weekday, promotion, holiday, outage.
//! 2. [`Detector::close`] judges the partner against normal × factor and learns from the day.
//!
//! What conversions bring each has a scan of its own ([`revenue`]).
//!
//! The only setting is the [`Budget`]: false alarms accepted per partner and year.
//! The method is a window-limited generalised likelihood ratio for counts (Höhle & Paul 2008) over a quasi negative
//! binomial with an empirical-Bayes rate, turned down by what is not known yet and by the partner's own past scores.

mod budget;
mod detector;
mod evidence;
mod open_dip;
mod packed;
mod part;
pub mod program;
pub mod revenue;
#[cfg(test)]
mod scenarios;

pub use budget::{Budget, InvalidBudget};
pub use detector::{COUNT_MAX, Detector, Dip, Standing, Verdict};
pub use evidence::{Evidence, drop_percent, lower_tail};
pub use packed::Corrupt;
pub use part::{DayPart, PartReader, PartWriter};
pub use program::{DayClose, Prior, ProgramState};
