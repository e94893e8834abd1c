//! Keeps a play in one process on one CPU.
//!
//! A play is a chain of small steps, each of which waits for the one before. On two CPUs nearly every step wakes up one that sleeps,
//! and that costs more than the second one brings: docs/performance.md has the figures.

use crate::command_line::{ClockKind, Command};

/// From here on this thread, and all that it starts, stay on the CPU they are on, if the command is such a play. Where the system
/// does not allow that, everything works all the same.
pub fn stay(command: &Command) {
    let plays = match command {
        Command::Demo(_) | Command::Backtest(_) => true,
        Command::Ingest(arguments) => arguments.clock == ClockKind::Replay,
        Command::Explain { at, .. } => at.is_some(),
        _ => false,
    };
    #[cfg(target_os = "linux")]
    if plays {
        let mut this = rustix::thread::CpuSet::new();
        this.set(rustix::thread::sched_getcpu());
        let _ = rustix::thread::sched_setaffinity(None, &this);
    }
    #[cfg(not(target_os = "linux"))]
    let _ = plays;
}
