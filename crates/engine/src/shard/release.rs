//! Lets a partner out of quarantine: what waited is folded in order, then timers and mail go on.

use jiff::Timestamp;
use rapport_event::{Event, PartnerKey};
use rapport_partner::PartnerState;
use tracing::{info, warn};

use super::{Arrived, LogPlace, ShardError, ShardOwner, entry::Entry, facts::marks, feed::print};
use crate::{
    ports::{log::LogError, rows::TimerRow},
    records,
};

impl ShardOwner {
    /// Folds the records that waited with now = the shard's clock, each in a commit of its own: when one fails again, those
    /// before it stay folded, it and those behind it stay parked, and the partner stays in quarantine.
    pub(super) async fn release(&mut self, event: &Event, place: LogPlace) -> Result<(), ShardError> {
        let key = event.key.clone();
        if self.partners.look(&key).and_then(Entry::quarantined).is_none() {
            self.pass(place);
            return Ok(());
        }
        // What was parked in this batch is in the store after this. The commit does not claim the release itself.
        self.commit().await?;
        self.suspects.release(&key, place.offset);
        for (offset, _) in self.parts.store.parked(&key).await? {
            if let Some(why) = self.suspects.given_up(&key) {
                warn!(partner = %key, offset, why, "the partner stays in quarantine");
                self.quarantine(&key, &why);
                self.pass(place);
                return Ok(());
            }
            self.fold_parked(&key, offset).await?;
            self.batch.unparked.push((key.clone(), offset));
            self.commit().await?;
        }
        self.end_quarantine(&key);
        self.pass(place);
        info!(partner = %key, "released from quarantine");
        Ok(())
    }

    async fn fold_parked(&mut self, key: &PartnerKey, offset: i64) -> Result<(), ShardError> {
        let record = match self.parts.log.read(self.shard, offset).await {
            Ok(record) => record,
            Err(LogError::OutOfRange { .. }) => {
                let detail = format!("a record of {key} waited in quarantine until the log no longer held it");
                self.batch.unreadable.push((offset, "parked_record_gone".to_owned(), detail, Vec::new()));
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        };
        let event = match records::read(&record.value) {
            Ok(event) => event,
            Err(why) => {
                self.batch.unreadable.push((offset, "unreadable_record".to_owned(), why, record.value));
                return Ok(());
            }
        };
        // Its position and its id were noted when it was parked.
        let arrived = Arrived {
            place: LogPlace { offset, position: None, print: print(&record.value) },
            stamp: record.stamp,
            event: Some(event.clone()),
        };
        self.load_for(std::slice::from_ref(&arrived)).await?;
        if self.react(key, |reaction| reaction.fold(&event))?.is_none() {
            self.unknown_program(&event, offset);
        }
        Ok(())
    }

    /// Keeps a timer that came due in quarantine, as it was: it fires at the release.
    pub(super) fn put_aside(&mut self, timer: TimerRow) {
        let state = &mut self.partners.entry(&timer.key).state;
        let mut aside = timers_aside(state);
        aside.push((timer.subject, timer.due.as_millisecond(), timer.seq));
        state.set_mark(marks::TIMERS_ASIDE, serde_json::to_vec(&aside).unwrap_or_default());
    }

    /// Timers that came due meanwhile are due now; folding what was parked may have moved or ended some of them.
    fn end_quarantine(&mut self, key: &PartnerKey) {
        let entry = self.partners.entry(key);
        entry.state.set_mark(marks::QUARANTINED, Vec::new());
        let aside = timers_aside(&entry.state);
        entry.state.set_mark(marks::TIMERS_ASIDE, Vec::new());
        for (subject, due, seq) in aside {
            let wakes = |journey: &&rapport_journey::Journey| {
                subject.strip_prefix("journey:").is_some_and(|id| journey.id.as_str() == id)
            };
            let void = subject.starts_with("journey:")
                && !entry.journeys.iter().filter(wakes).any(|journey| !journey.is_exited() && journey.seq == seq);
            if let Some(due) = Timestamp::from_millisecond(due).ok().filter(|_| !void) {
                self.timers.set(TimerRow { due, subject, key: key.clone(), seq });
            }
        }
        self.batch.released.push(key.clone());
    }
}

/// Subject, due date in milliseconds and sequence of the timers put aside, in the order they came due.
fn timers_aside(state: &PartnerState) -> Vec<(String, i64, u32)> {
    state.mark(marks::TIMERS_ASIDE).and_then(|json| serde_json::from_slice(json).ok()).unwrap_or_default()
}
