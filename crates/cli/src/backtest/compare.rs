//! What came of a play, and how it differs from what came live.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use rapport_engine::ports::rows::MessageState;
use rapport_engine::ports::store::Store;
use rapport_event::PartnerKey;

use crate::exit::{Doing, Failure};

/// So long a mail may take to leave and be nothing to tell: a play sends at the instant at which a mail is due, a mailer soon after.
pub(super) const SOON: SignedDuration = SignedDuration::from_mins(10);

/// A mail that was planned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// Whose.
    pub partner: String,
    /// The workflow.
    pub workflow: String,
    /// The mail.
    pub mail: String,
    /// When it was planned, and was to go out.
    pub due: Timestamp,
    /// What became of it: `sent`, `expired`, `queued` …
    pub state: String,
    /// When that was known.
    pub at: Timestamp,
    /// Why it did not go out, or waits.
    pub reason: Option<String>,
}

/// Everything of a window.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen {
    /// Mails by message id.
    pub mails: BTreeMap<String, Sent>,
    /// Signals: partner, kind, id.
    pub signals: BTreeSet<(String, String, String)>,
    /// Journeys begun: partner, workflow, id.
    pub journeys: BTreeSet<(String, String, String)>,
}

impl Sent {
    /// Whether the same came of it, as far as a play can know.
    fn came_to_the_same(&self, other: &Self) -> bool {
        let is_near = |one: Timestamp, other: Timestamp| one.duration_since(other).abs() <= SOON;
        let came = match &*self.state {
            // What waits for a pause or another workflow is looked at again some time after the last look, so these moments add up in `due`;
            // when the last look was is nothing to tell.
            "queued" | "attempting" => is_near(self.due, other.due),
            // Noted when the commit was over in which its journey took it back.
            "cancelled" => true,
            // Whenever it had been due: a mailer may have been behind.
            _ => is_near(self.at, other.at),
        };
        came && *self == Self { at: self.at, due: self.due, ..other.clone() }
    }
}

impl Seen {
    /// The mails that went out.
    pub fn sent(&self) -> impl Iterator<Item = &Sent> {
        self.mails.values().filter(|mail| mail.state == "sent" || mail.state == "in_doubt")
    }
}

/// Reads what a store holds of a window.
pub async fn seen(
    store: &Arc<dyn Store>,
    keys: &[PartnerKey],
    from: Timestamp,
    until: Timestamp,
) -> Result<Seen, Failure> {
    let mut seen = Seen::default();
    let are_of_several = are_of_several(keys);
    let within = |at: Timestamp| at >= from && at <= until;
    for key in keys {
        let Some(story) = store.story(key).await.doing("reading what came of it")? else { continue };
        // One person in two programmes is two partners.
        let partner = if are_of_several { key.to_string() } else { key.partner.to_string() };
        for told in story.messages.into_iter().filter(|told| within(told.message.planned_at)) {
            let sent = matches!(told.state, MessageState::Sent | MessageState::InDoubt);
            seen.mails.insert(
                told.message.id,
                Sent {
                    partner: partner.clone(),
                    workflow: told.message.workflow,
                    mail: told.message.mail,
                    due: told.message.due,
                    state: told.state.code().to_owned(),
                    at: told.changed_at,
                    // Of what went out, the reason is the server's own words.
                    reason: told.reason.filter(|_| !sent),
                },
            );
        }
        for signal in story.signals.into_iter().filter(|signal| within(signal.occurred_at)) {
            seen.signals.insert((partner.clone(), signal.kind, signal.id));
        }
        for journey in story.journeys.into_iter().filter(|journey| within(journey.started_at)) {
            seen.journeys.insert((partner.clone(), journey.workflow, journey.id));
        }
    }
    Ok(seen)
}

/// Whether the partners are of several programmes.
fn are_of_several(keys: &[PartnerKey]) -> bool {
    let programs: BTreeSet<_> = keys.iter().filter(|key| key.is_partner()).map(|key| &key.program).collect();
    programs.len() > 1
}

/// How a backtest differs from what came live.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Compared {
    /// Planned in the backtest only.
    pub new: Vec<Sent>,
    /// Planned live only.
    pub gone: Vec<Sent>,
    /// Planned in both, and not the same came of it: live, then the backtest.
    pub changed: Vec<(Sent, Sent)>,
    /// Signals of the backtest only, and of live only.
    pub signals: (usize, usize),
    /// Journeys of the backtest only, and of live only.
    pub journeys: (usize, usize),
}

impl Compared {
    /// Whether there is no difference.
    pub fn is_same(&self) -> bool {
        *self == Self::default()
    }
}

/// The difference; only of one workflow where one is named.
pub fn compare(live: &Seen, played: &Seen, workflow: Option<&str>) -> Compared {
    let ours = |mail: &Sent| workflow.is_none_or(|workflow| mail.workflow == workflow);
    let only = |one: &Seen, other: &Seen| -> Vec<Sent> {
        let missing = one.mails.iter().filter(|(id, _)| !other.mails.contains_key(*id));
        let mut all: Vec<Sent> = missing.map(|(_, mail)| mail.clone()).filter(ours).collect();
        all.sort_by(|a, b| (a.due, &a.partner, &a.mail).cmp(&(b.due, &b.partner, &b.mail)));
        all
    };
    let both = live.mails.iter().filter_map(|(id, mail)| Some((mail, played.mails.get(id)?)));
    let changed = both.filter(|(live, played)| !live.came_to_the_same(played) && ours(live));
    let journeys = |one: &Seen, other: &Seen| {
        let of_it = |journey: &&(String, String, String)| workflow.is_none_or(|workflow| journey.1 == workflow);
        one.journeys.difference(&other.journeys).filter(of_it).count()
    };
    Compared {
        new: only(played, live),
        gone: only(live, played),
        changed: changed.map(|(live, played)| (live.clone(), played.clone())).collect(),
        signals: (played.signals.difference(&live.signals).count(), live.signals.difference(&played.signals).count()),
        journeys: (journeys(played, live), journeys(live, played)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(at: &str, state: &str) -> Seen {
        let mail = Sent {
            partner: "ada".to_owned(),
            workflow: "welcome".to_owned(),
            mail: "hello".to_owned(),
            due: "2026-03-02T08:00:00Z".parse().unwrap(),
            state: state.to_owned(),
            at: at.parse().unwrap(),
            reason: None,
        };
        Seen { mails: [("1".to_owned(), mail)].into(), ..Seen::default() }
    }

    #[test]
    fn partners_are_told_apart_where_there_are_several_programmes() {
        let key = |program: &str, partner: &str| PartnerKey::new(program, partner).unwrap();
        assert!(!are_of_several(&[key("acme", "ada"), key("acme", "bob"), PartnerKey::everyone()]));
        assert!(are_of_several(&[key("acme", "ada"), key("beside", "ada")]));
    }

    #[test]
    fn what_went_out_is_told_by_when_it_did_and_what_waits_by_when_it_is_due() {
        for (state, is_same_due_later, is_same_at_later) in
            [("sent", true, false), ("suppressed", true, false), ("queued", false, true), ("cancelled", true, true)]
        {
            let later = || "2026-03-02T10:00:00Z".parse().unwrap();
            let live = sent("2026-03-02T08:00:00Z", state);
            let mut played = live.clone();
            played.mails.values_mut().for_each(|mail| mail.due = later());
            assert_eq!(compare(&live, &played, None).is_same(), is_same_due_later, "{state}");
            let mut played = live.clone();
            played.mails.values_mut().for_each(|mail| mail.at = later());
            assert_eq!(compare(&live, &played, None).is_same(), is_same_at_later, "{state}");
        }
    }

    #[test]
    fn the_moments_a_mailer_takes_are_no_difference() {
        let live = sent("2026-03-02T08:00:03.5Z", "sent");
        assert!(compare(&live, &sent("2026-03-02T08:00:00Z", "sent"), None).is_same());
        for (at, state) in [("2026-03-02T07:00:00Z", "sent"), ("2026-03-02T08:00:00Z", "expired")] {
            let compared = compare(&live, &sent(at, state), None);
            assert_eq!((compared.changed.len(), compared.is_same()), (1, false), "{at} {state}");
        }
    }
}
