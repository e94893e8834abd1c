//! When programmes began: with their earliest event, whichever door it came through and in whatever order.
//!
//! What a partner did before is not known (LANGUAGE.md 4), so a veteran is not congratulated on a first sale.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use jiff::Timestamp;
use rapport_event::ProgramId;

use crate::{
    ports::store::{Store, StoreError},
    shard::beginning,
};

/// The beginnings this process knows to be noted; starts empty.
#[derive(Debug, Default)]
pub struct Beginnings(Mutex<BTreeMap<ProgramId, Timestamp>>);

impl Beginnings {
    /// Notes the earliest events of a batch, before they are appended.
    ///
    /// # Errors
    /// The database's; noting again does no harm.
    pub async fn note(&self, store: &dyn Store, began: &BTreeMap<ProgramId, Timestamp>) -> Result<(), StoreError> {
        for (program, at) in began {
            let is_noted = |known: &BTreeMap<ProgramId, Timestamp>| known.get(program).is_some_and(|noted| noted <= at);
            if is_noted(&self.0.lock().unwrap_or_else(PoisonError::into_inner)) {
                continue;
            }
            store.lower_meta(&beginning(program), at.as_millisecond()).await?;
            self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(program.clone(), *at);
        }
        Ok(())
    }
}
