//! Limits that go over many people.

use jiff::Timestamp;
use rapport_contact::DeferReason;
use rapport_engine::ports::{
    leave::{Asking, Leave, admit},
    rows::MessageState,
    store::DueMessage,
};

use super::Tables;

/// A domain with its day.
type Day = (String, i64);

/// What a mail on its way was counted for.
#[derive(Debug, Clone)]
pub struct Leaving {
    provider: String,
    day: Option<Day>,
}

fn day_of(leave: &Leave) -> Option<Day> {
    leave.warm_up.as_ref().map(|limit| (limit.domain.clone(), limit.day))
}

impl Tables {
    /// Counts a mail that may leave, or says until when it waits, and for what.
    pub(crate) fn let_go(
        &mut self,
        due: &DueMessage,
        leave: &Leave,
        now: Timestamp,
    ) -> Result<(), (Timestamp, DeferReason)> {
        let message = &due.message;
        let stored = |id: &String| self.messages.get(id);
        // One that was let go a moment ago, in this very claim, is not in hand yet.
        let on_the_way = |id: &String| {
            stored(id).is_some_and(|m| matches!(m.state, MessageState::Attempting | MessageState::Queued))
        };
        let to_it = self.leaving.iter().filter(|(id, leaving)| leaving.provider == leave.provider && on_the_way(id));
        let in_hand = i64::try_from(to_it.count()).unwrap_or(i64::MAX);
        let waits = stored(&message.id).is_some_and(|m| m.reason.as_deref() == Some(DeferReason::Pace.code()));
        let mut pace = self.pace.get(&leave.provider).copied().unwrap_or_default();
        let day = day_of(leave);
        let mut counted = day.as_ref().and_then(|day| self.warm_up.get(day)).copied().unwrap_or_default();
        let waited = pace.has_queue(now) && waits;
        let asking = Asking { priority: message.priority, waited, in_hand, now };
        let answer = admit(leave, &mut pace, &mut counted, &asking);
        self.pace.insert(leave.provider.clone(), pace);
        if let Some(day) = &day {
            self.warm_up.insert(day.clone(), counted);
        }
        answer.map_err(|(until, reason)| (until.min(message.expires), reason))
    }

    /// The mail that was let go is on its way.
    pub(crate) fn leaves(&mut self, message: &str, leave: &Leave) {
        let leaving = Leaving { provider: leave.provider.clone(), day: day_of(leave) };
        self.leaving.insert(message.to_owned(), leaving);
    }

    /// The mail that was let go does not leave after all: another limit holds it.
    pub(crate) fn stays(&mut self, leave: &Leave) {
        if let Some(pace) = self.pace.get_mut(&leave.provider) {
            pace.give_back(&leave.pace);
        }
        if let Some(counted) = day_of(leave).and_then(|day| self.warm_up.get_mut(&day)) {
            counted.mails -= 1;
        }
    }

    /// The mail is not on its way any more. One that goes back to the queue did not leave on its day, unless it is sent again when
    /// nobody knows whether it left: it may have, and its 250 may come late.
    pub(crate) fn arrived(&mut self, message: &str, is_back: bool) {
        let day = self.leaving.remove(message).and_then(|leaving| leaving.day).filter(|_| is_back);
        if let Some(counted) = day.and_then(|day| self.warm_up.get_mut(&day)) {
            counted.mails = (counted.mails - 1).max(0);
        }
    }
}
