//! Tells whoever waits in this process what is written to the embedded file, so that nobody has to ask.

use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use rapport_engine::ports::written::Written;
use tokio::sync::watch;

/// What a transaction writes about.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Subjects {
    /// Records came into the outbox.
    pub(crate) outbox: bool,
    /// A shard's owner wrote with its clock here.
    pub(crate) clock: Option<Timestamp>,
    /// Something that others wait for came to its end.
    pub(crate) concluded: bool,
    /// The replay's present comes here.
    pub(crate) present: Option<Timestamp>,
}

/// Rung after every commit.
#[derive(Debug, Clone)]
pub(crate) struct Bell {
    written: Arc<watch::Sender<Written>>,
    /// The replay's present, as far as this process moved it itself.
    present: Arc<Mutex<Option<Timestamp>>>,
}

impl Default for Bell {
    fn default() -> Self {
        Self { written: Arc::new(watch::Sender::new(Written::default())), present: Arc::default() }
    }
}

impl Bell {
    /// Hears of everything written from now on.
    pub(crate) fn listen(&self) -> watch::Receiver<Written> {
        self.written.subscribe()
    }

    /// The replay's present, if this process is the one that moves it.
    pub(crate) fn present(&self) -> Option<Timestamp> {
        *self.present.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Something is written.
    pub(crate) fn ring(&self, about: Subjects) {
        let present = {
            let mut present = self.present.lock().unwrap_or_else(PoisonError::into_inner);
            *present = (*present).max(about.present);
            *present
        };
        let arrived = about.clock.is_some_and(|clock| present.is_none_or(|present| clock >= present));
        self.written.send_modify(|written| {
            written.outbox += u64::from(about.outbox);
            written.arrived += u64::from(arrived);
            written.concluded += u64::from(arrived || about.concluded);
            written.present += u64::from(about.present.is_some());
        });
    }
}
