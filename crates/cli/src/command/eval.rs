//! `rapport eval`: the judgements of the engine over files with known answers, for scorers to compare.
//!
//! Runs the functions the engine runs at day close, no copies of them.

mod dips;
mod health;
mod table;

use crate::command_line::EvalAction;
use crate::exit::Failure;

/// Evaluates what was asked for.
pub fn run(action: &EvalAction) -> Result<u8, Failure> {
    match action {
        EvalAction::Dips { events, partners, budget, out } => dips::run(events, partners, *budget, out),
        EvalAction::Health { events, cohort_end, cal_end, horizon_days, out } => {
            health::run(events, cohort_end, cal_end, *horizon_days, out)
        }
    }
}
