//! Judgements about a partner: dips, silence, health, what is to be expected, milestones, wins, anniversaries, goals, answers, and who brings
//! most of the revenue.
//!
//! Plain numbers in, values with their reasons out. The crate knows no clock, no store, no configuration file and none of
//! the partner state's layout: a caller hands in counts, days and figures, and keeps the small states that come back.
//!
//! Load-bearing contracts:
//! - The same input in the same order gives the same bytes: states are kept in the precision they are stored in, so a
//!   restart in the middle of a day close changes nothing.
//! - Closing a day twice changes nothing the second time.
//! - No input panics: NaN counts as missing, negative figures where none can be count as zero, huge ones saturate.
//!
//! Start at [`dip`]: it is the only judgement that needs all partners of a programme, and therefore two passes.

pub mod day;

pub mod base;
pub mod dip;
pub mod silence;

pub mod health;

pub mod agreement;
pub mod anniversary;
pub mod goal;
pub mod milestone;
pub mod period;
pub mod survey;
pub mod top_share;
pub mod uplift;
pub mod win;
