//! Where a record is played again, a mail comes to the policy when it came to it then: that a mailer was behind, or down, is nothing that
//! a play could come to by itself. What the policy says is the play's own.

use std::borrow::Cow;

use jiff::Timestamp;
use rapport_journey::{Journey, State};

use super::Mailer;
use crate::ports::store::{DueMessage, Holder, RecipientSnapshot, RecipientVerdict};
use crate::replayable::AS_RECORDED;

impl Mailer {
    /// Puts off what was looked at only later; `None` when there is no such mail.
    pub(super) fn as_recorded(&self, snapshot: &RecipientSnapshot) -> Option<RecipientVerdict> {
        let waited = |DueMessage { message, .. }: &DueMessage| {
            let until = self.transport.waited(&message.id, message.due).filter(|until| *until > message.due)?;
            Some((message.id.clone(), until, AS_RECORDED.to_owned()))
        };
        let defer: Vec<_> = snapshot.due.iter().filter_map(waited).collect();
        (!defer.is_empty()).then(|| RecipientVerdict { defer, ..RecipientVerdict::default() })
    }

    /// The recipient without journeys that nothing will move before a later instant: the end of their mail is told only then. Waiting
    /// for them now, the present would never come there.
    pub(super) fn as_told<'s>(
        &self,
        snapshot: &'s RecipientSnapshot,
        present: Timestamp,
    ) -> Cow<'s, RecipientSnapshot> {
        let is_told_later = |holder: &Holder| {
            serde_json::from_str::<Journey>(&holder.body).is_ok_and(|journey| match &journey.state {
                State::Mailing { message, .. } => self.transport.is_told_after(message.as_str(), present),
                _ => false,
            })
        };
        if !snapshot.due.iter().any(|due| due.holders.iter().any(is_told_later)) {
            return Cow::Borrowed(snapshot);
        }
        let mut told = snapshot.clone();
        told.due.iter_mut().for_each(|due| due.holders.retain(|holder| !is_told_later(holder)));
        Cow::Owned(told)
    }
}
