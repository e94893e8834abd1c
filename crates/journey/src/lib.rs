//! One partner's run of one workflow version.
//!
//! [`consider`] answers whether an event begins a journey; [`step()`] moves one. Both are pure: the state, the stimulus and
//! `now` go in, the new state and a closed list of [`Action`]s come out, and the caller carries those out in one commit.
//!
//! Load-bearing contracts:
//! - A journey that is not over waits for exactly one thing: a wake, an event with a wake as its limit, an outcome, an answer.
//! - A step plans one message at most: its id is a hash of journey and step.
//! - A stop found in an event's fold cancels the queued message in the same list of actions.
//! - No stimulus in any state panics; what does not fit changes nothing.
//!
//! It does not know the clock, the store, personal fields, or whether a mail may go out now: that is `contact`, at the last
//! moment. Start at [`step()`].

mod action;
mod context;
mod entry;
pub mod explain;
pub mod id;
mod journey;
mod step;
mod world;

pub use action::{Action, PlannedCall, PlannedMessage, Step, Stimulus, TaskRequest};
pub use context::is_personal;
pub use entry::{
    BROADCAST, DATE_REACHED, Entry, OPERATOR_COMMAND, Refusal, RefusalCode, SEGMENT_ENTERED, consider, is_late,
    refusal_of,
};
pub use id::{CallId, JourneyId, MessageId, TaskId};
pub use journey::{EventSnapshot, ExitReason, HISTORY_MAX, Journey, Outcome, PastJourney, State, TraceLine, Variables};
pub use step::{has_planned, may_have_again, moved, step};
pub use world::{Facts, JourneyScope, Since, World, newest_issue};
