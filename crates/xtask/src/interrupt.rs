//! Ctrl-C and its relatives: remembered, passed on to the command that is running, and left to `Drop` to clean up after.

use std::sync::{Condvar, Mutex};
use std::time::Duration;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::process;

static REQUESTED: Mutex<bool> = Mutex::new(false);
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
            *lock() = true;
            CHANGED.notify_all();
            process::end_foreground();
        }
    });
}

/// Whether a signal has asked this process to stop.
pub fn requested() -> bool {
    *lock()
}

/// Waits up to `longest` for such a signal; true when one has come.
pub fn wait(longest: Duration) -> bool {
    let guard = lock();
    let waited = CHANGED.wait_timeout_while(guard, longest, |requested| !*requested);
    *waited.unwrap_or_else(std::sync::PoisonError::into_inner).0
}

fn lock() -> std::sync::MutexGuard<'static, bool> {
    REQUESTED.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
