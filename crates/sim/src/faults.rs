//! What goes wrong in a run, drawn from its seed.
//!
//! Every call of a process on a port draws from (seed, process, port's method, number of the call), not from one sequence: a
//! change of one process's schedule does not move the faults of the others.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicI64, Ordering},
};

use xxhash_rust::xxh3::xxh3_64_with_seed;

/// How often what goes wrong, in calls of a million, and how many faults there are in all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rates {
    /// The call fails, having done nothing.
    pub fails: u32,
    /// The call fails, having done what was asked.
    pub fails_late: u32,
    /// The process is killed before the call.
    pub killed: u32,
    /// The process is killed when the call is done.
    pub killed_late: u32,
    /// The process stands still past every lease, then goes on.
    pub paused: u32,
    /// Of mails: the connection is lost after the dot, the mail accepted or not.
    pub lost_after_dot: u32,
    /// Of mails: refused for now, or the connection lost before the dot.
    pub not_now: u32,
    /// Faults in a run at most: every run comes to its end.
    pub at_most: i64,
}

impl Rates {
    /// Nothing goes wrong.
    pub const NONE: Self = Self {
        fails: 0,
        fails_late: 0,
        killed: 0,
        killed_late: 0,
        paused: 0,
        lost_after_dot: 0,
        not_now: 0,
        at_most: 0,
    };

    /// A bad day.
    pub const MANY: Self = Self {
        fails: 4_000,
        fails_late: 2_000,
        killed: 500,
        killed_late: 500,
        paused: 200,
        lost_after_dot: 30_000,
        not_now: 50_000,
        at_most: 60,
    };
}

/// What happens at one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing.
    None,
    /// It fails, having done nothing.
    Fails,
    /// It fails, having done what was asked.
    FailsLate,
    /// The process dies before it.
    Killed,
    /// The process dies after it.
    KilledLate,
    /// The process stands still before it.
    Paused,
}

/// The faults of a run; clones share them.
#[derive(Clone)]
pub struct Faults {
    seed: u64,
    rates: Rates,
    left: Arc<AtomicI64>,
    told: Arc<Mutex<Vec<String>>>,
}

impl Faults {
    /// The faults of a seed.
    #[must_use]
    pub fn new(seed: u64, rates: Rates) -> Self {
        Self { seed, rates, left: Arc::new(AtomicI64::new(rates.at_most)), told: Arc::default() }
    }

    /// A number that only the arguments and the seed decide.
    #[must_use]
    pub fn draw(&self, process: &str, what: &str, number: u64) -> u64 {
        xxh3_64_with_seed(format!("{process}/{what}/{number}").as_bytes(), self.seed)
    }

    /// The fault at one call.
    #[must_use]
    pub fn at(&self, process: &str, method: &str, number: u64) -> Fault {
        if self.rates.at_most == 0 {
            return Fault::None;
        }
        let drawn = (self.draw(process, method, number) % 1_000_000) as u32;
        let mut bound = 0;
        let mut within = |rate: u32| {
            bound += rate;
            drawn < bound
        };
        let rates = &self.rates;
        // A relay that stands still around its append is the case to look at; it is rare among all its idle calls.
        let carries = process.starts_with("relay") && matches!(method, "append" | "append_rest" | "outbox_done");
        let paused = if carries { rates.paused.saturating_mul(50) } else { rates.paused };
        let fault = if within(rates.fails) {
            Fault::Fails
        } else if within(rates.fails_late) {
            Fault::FailsLate
        } else if within(rates.killed) {
            Fault::Killed
        } else if within(rates.killed_late) {
            Fault::KilledLate
        } else if within(paused) {
            Fault::Paused
        } else {
            return Fault::None;
        };
        if self.spend(|| format!("{process}: {fault:?} at {method} #{number}")) { fault } else { Fault::None }
    }

    /// What the mail server does with a message, in a million: `(lost after the dot, not now)` by what is drawn.
    #[must_use]
    pub fn mail(&self, message_id: &str, attempt: u64) -> MailFault {
        if self.rates.at_most == 0 {
            return MailFault::None;
        }
        let drawn = (self.draw("smtp", message_id, attempt) % 1_000_000) as u32;
        let lost = self.rates.lost_after_dot;
        let fault = if drawn < lost / 2 {
            MailFault::LostAccepted
        } else if drawn < lost {
            MailFault::LostUnaccepted
        } else if drawn < lost + self.rates.not_now / 2 {
            MailFault::Greylisted
        } else if drawn < lost + self.rates.not_now {
            MailFault::LostBeforeDot
        } else {
            return MailFault::None;
        };
        if self.spend(|| format!("smtp: {fault:?} at {message_id} #{attempt}")) { fault } else { MailFault::None }
    }

    fn spend(&self, tell: impl Fn() -> String) -> bool {
        let spent = self.left.fetch_sub(1, Ordering::Relaxed) > 0;
        if spent {
            self.told.lock().unwrap_or_else(PoisonError::into_inner).push(tell());
        }
        spent
    }

    /// What went wrong so far, in order.
    #[must_use]
    pub fn told(&self) -> Vec<String> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// What happens to one mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailFault {
    /// It is accepted.
    None,
    /// Accepted, and the answer lost.
    LostAccepted,
    /// Not accepted, and the answer lost.
    LostUnaccepted,
    /// 451.
    Greylisted,
    /// The connection was lost before the dot.
    LostBeforeDot,
}
