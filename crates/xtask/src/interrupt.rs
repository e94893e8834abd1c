//! Ctrl-C and its relatives, and a time that ran out: remembered, passed on to the commands that are running, and left to `Drop` to
//! clean up after.

use std::sync::{Condvar, Mutex};
use std::time::Duration;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::process;

/// Why this process is to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Why {
    Signal,
    OutOfTime,
}

static REQUESTED: Mutex<Option<Why>> = Mutex::new(None);
static CHANGED: Condvar = Condvar::new();

/// Listens from now on. A signal ends the running foreground command; its caller then returns and services stop.
pub fn listen() {
    let mut signals = match Signals::new([SIGINT, SIGTERM, SIGHUP]) {
        Ok(signals) => signals,
        Err(error) => {
            eprintln!("xtask: signals cannot be caught ({error}); services may outlive Ctrl-C");
            return;
        }
    };
    std::thread::spawn(move || {
        for _ in signals.forever() {
            request(Why::Signal);
        }
    });
}

/// Lets the running commands go on for so long from now on; then they are ended, and none is begun any more.
pub fn within(longest: Duration) {
    std::thread::spawn(move || {
        if !wait(longest) {
            request(Why::OutOfTime);
        }
    });
}

fn request(why: Why) {
    // A signal says what happens next, also after the time ran out.
    lock().replace(why);
    CHANGED.notify_all();
    process::end_foreground();
}

/// Whether this process is to stop.
pub fn requested() -> bool {
    lock().is_some()
}

/// Whether it is to stop because its time ran out.
pub fn is_out_of_time() -> bool {
    *lock() == Some(Why::OutOfTime)
}

/// Waits up to `longest` to be asked to stop; true when that has come.
pub fn wait(longest: Duration) -> bool {
    let guard = lock();
    let waited = CHANGED.wait_timeout_while(guard, longest, |requested| requested.is_none());
    waited.unwrap_or_else(std::sync::PoisonError::into_inner).0.is_some()
}

fn lock() -> std::sync::MutexGuard<'static, Option<Why>> {
    REQUESTED.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
