//! The journey a step works on: copied when it is first changed.

use std::ops::{Deref, DerefMut};

use crate::journey::Journey;

/// A journey carries its trigger, its evidence and its history with it, and most of what it is told of leaves it as it is.
pub(super) struct Draft<'a> {
    before: &'a Journey,
    after: Option<Journey>,
}

impl<'a> Draft<'a> {
    pub(super) fn of(before: &'a Journey) -> Self {
        Self { before, after: None }
    }

    /// Whether nothing was written to it.
    pub(super) fn is_as_before(&self) -> bool {
        self.after.is_none()
    }

    pub(super) fn into_journey(self) -> Journey {
        self.after.unwrap_or_else(|| self.before.clone())
    }
}

impl Deref for Draft<'_> {
    type Target = Journey;

    fn deref(&self) -> &Journey {
        self.after.as_ref().unwrap_or(self.before)
    }
}

impl DerefMut for Draft<'_> {
    fn deref_mut(&mut self) -> &mut Journey {
        let before = self.before;
        self.after.get_or_insert_with(|| before.clone())
    }
}
