//! Whether this process can do its job now, for `/readyz`, `doctor` and the log.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

/// What each loop of the process last said about itself. Cheap to clone; all clones share one table.
#[derive(Debug, Clone, Default)]
pub struct Readiness {
    parts: Arc<Mutex<BTreeMap<String, Option<String>>>>,
    notes: Arc<Mutex<BTreeMap<String, String>>>,
}

impl Readiness {
    /// The part works.
    pub fn good(&self, part: &str) {
        self.set(part, None);
    }

    /// The part cannot work now; `why` is for people and holds no secret.
    pub fn bad(&self, part: &str, why: impl Into<String>) {
        let why = why.into();
        tracing::warn!(part, why, "not ready");
        self.set(part, Some(why));
    }

    /// The part has not begun yet; nothing is wrong.
    pub fn not_yet(&self, part: &str, why: impl Into<String>) {
        self.set(part, Some(why.into()));
    }

    /// The part is another process's now, which says itself how it is.
    pub fn forget(&self, part: &str) {
        let mut parts = self.parts.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        parts.remove(part);
    }

    /// The parts that cannot work, with the reason. Empty means ready.
    #[must_use]
    pub fn troubles(&self) -> Vec<(String, String)> {
        let parts = self.parts.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        parts.iter().filter_map(|(part, trouble)| trouble.clone().map(|why| (part.clone(), why))).collect()
    }

    /// What people should know of a part that goes on all the same; `None` takes it back.
    pub fn noted(&self, part: &str, what: Option<String>) {
        let mut notes = self.notes.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        match what {
            Some(what) => notes.insert(part.to_owned(), what),
            None => notes.remove(part),
        };
    }

    /// What is noted of parts that go on.
    #[must_use]
    pub fn notes(&self) -> Vec<(String, String)> {
        let notes = self.notes.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        notes.iter().map(|(part, what)| (part.clone(), what.clone())).collect()
    }

    fn set(&self, part: &str, trouble: Option<String>) {
        let mut parts = self.parts.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        parts.insert(part.to_owned(), trouble);
    }
}
