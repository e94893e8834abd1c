//! Tells whoever waits in this process what is written, so that nobody has to ask. A store of one process rings after its own
//! commits; what processes on PostgreSQL write comes to each of them as a notification.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use tokio::sync::watch;

use super::written::Written;

/// What a transaction writes about.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Subjects {
    /// Records came into the outbox.
    pub outbox: bool,
    /// A shard's owner wrote with its clock here.
    pub clock: Option<Timestamp>,
    /// Something that others wait for came to its end.
    pub concluded: bool,
    /// The replay's present comes here.
    pub present: Option<Timestamp>,
    /// Files came into force.
    pub applied: bool,
}

impl Subjects {
    /// Nothing anybody waits for.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self == Self::default()
    }

    /// What [`Display`](fmt::Display) wrote. A word of a newer process is passed over: whoever waits looks now and then anyway.
    #[must_use]
    pub fn read(text: &str) -> Self {
        let mut about = Self::default();
        for word in text.split(' ') {
            let (name, millis) = word.split_once('=').unwrap_or((word, ""));
            let instant = || Timestamp::from_millisecond(millis.parse().ok()?).ok();
            match name {
                "outbox" => about.outbox = true,
                "concluded" => about.concluded = true,
                "applied" => about.applied = true,
                "clock" => about.clock = instant(),
                "present" => about.present = instant(),
                _ => {}
            }
        }
        about
    }
}

impl fmt::Display for Subjects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let flag = |name: &str, set: bool| set.then(|| name.to_owned());
        let instant = |name: &str, at: Option<Timestamp>| at.map(|at| format!("{name}={}", at.as_millisecond()));
        let words = [
            flag("outbox", self.outbox),
            flag("concluded", self.concluded),
            flag("applied", self.applied),
            instant("clock", self.clock),
            instant("present", self.present),
        ];
        f.write_str(&words.into_iter().flatten().collect::<Vec<_>>().join(" "))
    }
}

/// Rung after every commit.
#[derive(Debug, Clone)]
pub struct Bell {
    written: Arc<watch::Sender<Written>>,
    /// The replay's present, as far as this process heard of it.
    present: Arc<Mutex<Option<Timestamp>>>,
}

impl Default for Bell {
    fn default() -> Self {
        Self { written: Arc::new(watch::Sender::new(Written::default())), present: Arc::default() }
    }
}

impl Bell {
    /// Hears of everything written from now on.
    #[must_use]
    pub fn listen(&self) -> watch::Receiver<Written> {
        self.written.subscribe()
    }

    /// The replay's present as it was heard of last; whoever moves it himself knows it.
    #[must_use]
    pub fn present(&self) -> Option<Timestamp> {
        *self.present.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether an owner with its clock here has come to the present.
    fn has_arrived(&self, clock: Option<Timestamp>) -> bool {
        clock.is_some_and(|clock| self.present().is_none_or(|present| clock >= present))
    }

    /// The part of it that others wait for: nobody waits for an owner on its way.
    #[must_use]
    pub fn worth_telling(&self, about: Subjects) -> Subjects {
        Subjects { clock: about.clock.filter(|clock| self.has_arrived(Some(*clock))), ..about }
    }

    /// Something is written.
    pub fn ring(&self, about: Subjects) {
        {
            let mut present = self.present.lock().unwrap_or_else(PoisonError::into_inner);
            *present = (*present).max(about.present);
        }
        let arrived = self.has_arrived(about.clock);
        self.written.send_modify(|written| {
            written.outbox += u64::from(about.outbox);
            written.arrived += u64::from(arrived);
            written.concluded += u64::from(arrived || about.concluded);
            written.present += u64::from(about.present.is_some());
            written.applied += u64::from(about.applied);
        });
    }

    /// Word was lost: anything may have been written.
    pub fn ring_for_all(&self) {
        self.written.send_modify(|written| {
            written.outbox += 1;
            written.arrived += 1;
            written.concluded += 1;
            written.present += 1;
            written.applied += 1;
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_process_says_another_hears() {
        let at = Timestamp::from_millisecond(1_700_000_000_123).ok();
        for about in [
            Subjects::default(),
            Subjects { outbox: true, clock: at, ..Subjects::default() },
            Subjects { concluded: true, present: at, ..Subjects::default() },
            Subjects { applied: true, ..Subjects::default() },
        ] {
            assert_eq!(Subjects::read(&about.to_string()), about);
        }
        assert!(Subjects::read("").is_empty());
        let newer = Subjects::read("outbox moon=3 clock=later");
        assert_eq!(newer, Subjects { outbox: true, ..Subjects::default() });
    }

    #[test]
    fn an_owner_on_its_way_is_not_worth_telling() {
        let bell = Bell::default();
        let at = |second| Timestamp::from_second(second).ok();
        let clock = |second| Subjects { clock: at(second), ..Subjects::default() };
        // Nobody has said where the present is: told to be safe.
        assert_eq!(bell.worth_telling(clock(5)), clock(5));
        bell.ring(Subjects { present: at(10), ..Subjects::default() });
        assert!(bell.worth_telling(clock(9)).is_empty());
        assert_eq!(bell.worth_telling(clock(10)), clock(10));
    }
}
