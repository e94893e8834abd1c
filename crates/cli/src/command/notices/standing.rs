//! How one partner stands to a notice, from its journey and what became of its mails.

use jiff::Timestamp;
use rapport_engine::ports::rows::MessageState;
use rapport_event::PartnerKey;
use rapport_journey::{ExitReason, Journey, State};
use rapport_store::{NoticeJourney, NoticeMail};
use rapport_workflow::{KindPattern, Notice, Workflow};

use crate::exit::Failure;

/// Why a mail without an address ended.
const NO_ADDRESS: &str = "no_address";

/// How a partner stands to a notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Standing {
    /// They said that they know.
    Acknowledged,
    /// Told, as far as anybody can tell, and silent.
    Waiting,
    /// Every mail was refused or came back.
    Undeliverable,
    /// There is no address to write to.
    NoAddress,
    /// No mail has left, or none ever will: it waits, came too late, or the journey ended before.
    NotSent,
    /// Their personal data were erased; who they were is not known any more.
    Erased,
}

impl Standing {
    pub(super) const ALL: [Self; 6] =
        [Self::Acknowledged, Self::Waiting, Self::Undeliverable, Self::NoAddress, Self::NotSent, Self::Erased];

    /// The stable code.
    pub(super) const fn code(self) -> &'static str {
        match self {
            Self::Acknowledged => "acknowledged",
            Self::Waiting => "waiting",
            Self::Undeliverable => "undeliverable",
            Self::NoAddress => "no_address",
            Self::NotSent => "not_sent",
            Self::Erased => "erased",
        }
    }

    /// In words.
    pub(super) const fn told(self) -> &'static str {
        match self {
            Self::Acknowledged => "acknowledged",
            Self::Waiting => "waiting",
            Self::Undeliverable => "undeliverable",
            Self::NoAddress => "not reached: no address",
            Self::NotSent => "not sent",
            Self::Erased => "erased",
        }
    }

    /// Whether they have to know, and nothing proves that they do.
    pub(super) const fn is_missing(self) -> bool {
        !matches!(self, Self::Acknowledged | Self::Erased)
    }
}

/// One partner and one notice.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) key: PartnerKey,
    pub(super) journey: String,
    pub(super) started_at: Timestamp,
    /// Which change, where the workflow's `once` names it.
    pub(super) notice: Option<String>,
    /// The day it takes effect.
    pub(super) effective: Option<String>,
    pub(super) standing: Standing,
    pub(super) acknowledged_at: Option<Timestamp>,
    /// Oldest first.
    pub(super) mails: Vec<NoticeMail>,
}

impl Row {
    pub(super) fn of(
        workflow: &Workflow,
        notice: &Notice,
        stored: NoticeJourney,
        mails: Vec<NoticeMail>,
    ) -> Result<Self, Failure> {
        let journey: Journey = serde_json::from_str(&stored.body)
            .map_err(|error| Failure::new(format!("the journey {} cannot be read: {error}", stored.id)))?;
        let acknowledged_at = acknowledged_at(&journey.state, notice.event.as_ref());
        let is_erased = matches!(&journey.state, State::Exited { reason: ExitReason::Erased, .. });
        let told = |field: &str| journey.trigger.text(field).map(str::to_owned);
        Ok(Self {
            key: stored.key,
            journey: stored.id,
            started_at: journey.started_at,
            notice: workflow.object().and_then(told),
            effective: told(&notice.effective),
            standing: match acknowledged_at {
                Some(_) => Standing::Acknowledged,
                None if is_erased => Standing::Erased,
                None => by_mails(&mails),
            },
            acknowledged_at,
            mails,
        })
    }

    /// The mail that told them, or the one that was to.
    pub(super) fn first(&self) -> Option<&NoticeMail> {
        self.mails.iter().find(|mail| has_left(mail)).or(self.mails.first())
    }

    /// When it left.
    pub(super) fn sent_at(&self) -> Option<Timestamp> {
        self.mails.iter().find(|mail| has_left(mail)).map(|mail| mail.changed_at)
    }

    /// When the last reminder left.
    pub(super) fn reminded_at(&self) -> Option<Timestamp> {
        self.mails.iter().filter(|mail| has_left(mail)).skip(1).last().map(|mail| mail.changed_at)
    }

    /// Why the mail that was to tell them did not.
    pub(super) fn reason(&self) -> Option<&str> {
        let mail = self.first()?;
        if has_left(mail) {
            return mail.bounced.then_some("came back");
        }
        mail.reason.as_deref().filter(|reason| !reason.is_empty() && self.standing != Standing::NoAddress)
    }
}

/// When the partner said that they know: the journey ended by it.
fn acknowledged_at(state: &State, event: Option<&KindPattern>) -> Option<Timestamp> {
    let State::Exited { at, reason: ExitReason::StopWhen(by) } = state else { return None };
    // Journeys of before ended by the event's own name, under `stop_when`.
    (**by == *Notice::ACKNOWLEDGED || event.is_some_and(|event| event.matches(by))).then_some(*at)
}

const fn has_left(mail: &NoticeMail) -> bool {
    matches!(mail.state, MessageState::Sent | MessageState::InDoubt)
}

fn by_mails(mails: &[NoticeMail]) -> Standing {
    let waits = |mail: &NoticeMail| matches!(mail.state, MessageState::Queued | MessageState::Attempting);
    let lacks_address =
        |mail: &NoticeMail| mail.reason.as_deref() == Some(NO_ADDRESS) || (waits(mail) && !mail.has_address);
    let refused = |mail: &NoticeMail| matches!(mail.state, MessageState::Failed | MessageState::Suppressed);
    if mails.iter().any(|mail| has_left(mail) && !mail.bounced) {
        Standing::Waiting
    } else if mails.iter().any(lacks_address) {
        Standing::NoAddress
    } else if mails.iter().any(|mail| mail.bounced || refused(mail)) {
        Standing::Undeliverable
    } else {
        Standing::NotSent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mail(state: MessageState, reason: &str, has_address: bool, bounced: bool) -> NoticeMail {
        NoticeMail {
            journey: "j".into(),
            id: "m".into(),
            step: "email".into(),
            mail: "told".into(),
            state,
            reason: Some(reason.into()),
            has_address,
            planned_at: Timestamp::UNIX_EPOCH,
            changed_at: Timestamp::UNIX_EPOCH,
            reply: None,
            bounced,
        }
    }

    #[test]
    fn only_what_left_and_did_not_come_back_has_told_anybody() {
        use MessageState::{Cancelled, Expired, Failed, InDoubt, Queued, Sent, Suppressed};
        for (mails, standing) in [
            (vec![], Standing::NotSent),
            (vec![mail(Queued, "", true, false)], Standing::NotSent),
            (vec![mail(Queued, "", false, false)], Standing::NoAddress),
            (vec![mail(Expired, NO_ADDRESS, false, false)], Standing::NoAddress),
            (vec![mail(Expired, "expired", true, false)], Standing::NotSent),
            (vec![mail(Cancelled, "stopped", true, false)], Standing::NotSent),
            (vec![mail(Failed, "550 no", true, false)], Standing::Undeliverable),
            (vec![mail(Suppressed, "hard_bounce", true, false)], Standing::Undeliverable),
            (vec![mail(Sent, "", true, true)], Standing::Undeliverable),
            (vec![mail(InDoubt, "lost", true, false)], Standing::Waiting),
            (vec![mail(Sent, "", true, false)], Standing::Waiting),
            (vec![mail(Sent, "", true, true), mail(Sent, "", true, false)], Standing::Waiting),
        ] {
            assert_eq!(by_mails(&mails), standing, "{mails:?}");
        }
    }

    #[test]
    fn an_acknowledgement_is_the_journeys_end_by_it_and_no_other() {
        let event = KindPattern("terms.acknowledged".into());
        let at = Timestamp::UNIX_EPOCH;
        let ended = |reason| acknowledged_at(&State::Exited { at, reason }, Some(&event));
        assert_eq!(ended(ExitReason::StopWhen(Notice::ACKNOWLEDGED.into())), Some(at));
        assert_eq!(ended(ExitReason::StopWhen("terms.acknowledged".into())), Some(at));
        assert_eq!(ended(ExitReason::StopWhen("partner.closed".into())), None);
        assert_eq!(ended(ExitReason::Completed), None);
        assert_eq!(acknowledged_at(&State::Ready, Some(&event)), None);
    }
}
