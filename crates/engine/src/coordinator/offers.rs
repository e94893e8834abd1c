//! Answers the journeys that want to promise an offer: once per partner and period, within the budget, and with a person's
//! word where it is worth more than they need not be asked for.

use std::collections::BTreeSet;

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use rapport_event::shard_of;
use rapport_workflow::{Rulebook, config::PerPartner};

use super::{
    Coordinator, CoordinatorError, REQUESTS,
    approvals::{self, Approval},
};
use crate::{
    ports::rows::{AnsweredRequest, CoordinatorCommit, MessageState, RequestRow, ReservationRow},
    records, restore,
    shard::react::{PLACE, REQUEST_OFFER, REQUEST_PLACE, REQUEST_RELEASE},
};

/// What a journey asks of the coordinator; the body of a request of kind `offer`.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct OfferRequest {
    /// The offer's name in `config/offers.yaml`; empty when it is given back, as the message says which it was.
    pub offer: String,
    /// The message it is for.
    pub message: String,
    /// The journey's step that waits.
    pub step: String,
    /// Its workflow.
    #[serde(default)]
    pub workflow: String,
}

/// So many days are looked at for a place, that of the request first: as long as a marketing mail waits.
const PLACE_DAYS: usize = 4;
/// A place is worth nothing.
pub const NO_CURRENCY: &str = "XXX";

/// A reservation of the commit at hand, with the request that it answers.
type Granted = (String, ReservationRow);

/// What becomes of a request for an offer.
enum Answer {
    /// It is answered: the reservation, or why there is none, and when that was decided.
    Now { at: Timestamp, judged: Result<ReservationRow, &'static str> },
    /// A person has to say something first.
    Later,
    /// Nobody waits for an answer.
    Nobody,
}

/// What an offer given back comes to.
enum Released {
    /// The entry that takes the reservation off.
    Back(ReservationRow),
    /// There is none, it is given back already, or the partner was told of it.
    Nothing,
    /// The request waits for the mail in hand.
    Later,
}

impl Coordinator {
    /// Answers what is asked; `behind` is the clock of the shard that is furthest behind.
    pub(super) async fn answer_offers(
        &mut self,
        rulebook: &Rulebook,
        behind: Option<Timestamp>,
        commit: &mut CoordinatorCommit,
    ) -> Result<(), CoordinatorError> {
        let requests = self.store().open_requests(REQUESTS).await?;
        if requests.is_empty() {
            return Ok(());
        }
        if let Some(accepted) = restore::accepted_at(self.store().as_ref()).await?
            && behind.is_none_or(|behind| behind < accepted)
        {
            // Of what a restored database asks, the log holds answers that are not folded again yet.
            return Ok(());
        }
        let open: BTreeSet<&str> = requests.iter().map(|request| &*request.id).collect();
        self.waiting.keep(&open);
        let mut granted: Vec<Granted> = Vec::new();
        for request in &requests {
            let Ok(wanted) = serde_json::from_str::<OfferRequest>(&request.body) else {
                tracing::error!(request = request.id, "a request that cannot be read is dropped");
                commit.answered.push(AnsweredRequest { id: request.id.clone(), reservation: None });
                continue;
            };
            let reservation = if request.kind == REQUEST_PLACE {
                let placed = self.place(rulebook, request, &wanted, &granted).await?;
                let record = records::place_answer(request, &wanted, placed.as_ref().map(|row| row.at));
                commit.outbox.push(records::outbox(shard_of(&request.key, self.shards), record));
                placed
            } else if request.kind == REQUEST_RELEASE {
                match self.released(&wanted, &granted).await? {
                    Released::Back(row) => Some(row),
                    Released::Nothing => None,
                    Released::Later => continue,
                }
            } else {
                let release = format!("{REQUEST_RELEASE}:{}", wanted.message);
                let given_up = open.contains(&*release);
                match self.decided(rulebook, request, &wanted, &granted, given_up).await? {
                    Answer::Later => continue,
                    Answer::Nobody => None,
                    Answer::Now { at, judged } => {
                        let request = RequestRow { at, ..request.clone() };
                        let record = records::offer_answer(&request, &wanted, judged.as_ref().map_err(|why| *why));
                        commit.outbox.push(records::outbox(shard_of(&request.key, self.shards), record));
                        judged.ok()
                    }
                }
            };
            granted.extend(reservation.clone().map(|row| (request.id.clone(), row)));
            commit.answered.push(AnsweredRequest { id: request.id.clone(), reservation });
        }
        Ok(())
    }

    /// Judges a request, and asks a person where the offer wants one. `given_up`: its journey does not want it any more.
    async fn decided(
        &mut self,
        rulebook: &Rulebook,
        request: &RequestRow,
        wanted: &OfferRequest,
        granted: &[Granted],
        given_up: bool,
    ) -> Result<Answer, CoordinatorError> {
        let offer = rulebook.offers.get(wanted.offer.as_str()).filter(|offer| approvals::is_needed(offer));
        // In a replay there is nobody to ask: what is played is the past.
        let Some(offer) = offer.filter(|_| !self.parts.clock.replays()) else {
            let judged = self.judge(rulebook, request, wanted, granted).await?;
            return Ok(Answer::Now { at: request.at, judged });
        };
        let now = self.parts.clock.now().await?.max(request.at);
        let store = self.parts.store.clone();
        if given_up {
            approvals::withdraw(store.as_ref(), self.shards, &wanted.message, now).await?;
            return Ok(Answer::Nobody);
        }
        if self.waiting.is_fresh(&request.id, now) {
            return Ok(Answer::Later);
        }
        // Nobody is asked for what cannot be given anyway.
        let judged = self.judge(rulebook, request, wanted, granted).await?;
        if judged.is_err() {
            approvals::withdraw(store.as_ref(), self.shards, &wanted.message, now).await?;
            return Ok(Answer::Now { at: now, judged });
        }
        let asked = self.waiting.ask(store.as_ref(), self.shards, rulebook, (request, wanted, offer), now).await?;
        Ok(match asked {
            Approval::Waits => Answer::Later,
            Approval::Refused(at, why) => Answer::Now { at: at.max(request.at), judged: Err(why) },
            Approval::Given(at) => {
                let at = at.max(request.at);
                Answer::Now { at, judged: judged.map(|row| ReservationRow { at, ..row }) }
            }
        })
    }

    /// What gives a reservation back: the ledger only grows, so the entry is its negative, at the same instant, so that both
    /// fall into the same period. `granted` are those of this very commit.
    async fn released(&self, wanted: &OfferRequest, granted: &[Granted]) -> Result<Released, CoordinatorError> {
        let asked = format!("{REQUEST_OFFER}:{}", wanted.message);
        let now = granted.iter().find(|(id, _)| *id == asked).map(|(_, row)| row.clone());
        let reservation = match now {
            // Its answer is not out yet, so no mail can tell of it.
            Some(row) => row,
            None => match self.store().promise(&wanted.message).await? {
                Some(promise) if promise.given_back => return Ok(Released::Nothing),
                Some(promise) => match promise.mail {
                    // The mailer had it in hand when the journey ended: its end decides.
                    Some(MessageState::Attempting) => return Ok(Released::Later),
                    // The partner was promised it.
                    Some(MessageState::Sent | MessageState::InDoubt) => return Ok(Released::Nothing),
                    _ => promise.reservation,
                },
                None => return Ok(Released::Nothing),
            },
        };
        Ok(Released::Back(ReservationRow { minor: -reservation.minor, ..reservation }))
    }

    /// The first day with a place for it, from that of the request on: the ledger has an entry for every place given, at the
    /// instant from which it holds. None: the next days are full.
    async fn place(
        &self,
        rulebook: &Rulebook,
        request: &RequestRow,
        wanted: &OfferRequest,
        granted: &[Granted],
    ) -> Result<Option<ReservationRow>, CoordinatorError> {
        let workflow = wanted.offer.strip_prefix(PLACE).and_then(|id| rulebook.workflow(id));
        let limit = workflow.and_then(|workflow| workflow.entry.at_most);
        let program = rulebook.config.program(request.key.program.as_str());
        let zone = program.map_or(TimeZone::UTC, |program| program.zone.clone());
        let today = zone.to_datetime(request.at).date();
        let row = |at| ReservationRow {
            offer: wanted.offer.clone(),
            key: request.key.clone(),
            journey: request.journey.clone(),
            at,
            minor: 1,
            currency: NO_CURRENCY.to_owned(),
        };
        // A limit that was taken away since holds nobody.
        let Some(limit) = limit else { return Ok(Some(row(request.at))) };
        let given = self.store().reservations(&wanted.offer, None, start_of(today, &zone)).await?;
        let new = granted.iter().map(|(_, row)| row).filter(|row| row.offer == wanted.offer);
        let days: Vec<Date> = given
            .iter()
            .chain(new)
            .filter(|row| row.key.program == request.key.program)
            .map(|row| zone.to_datetime(row.at).date())
            .collect();
        let mut day = today;
        for _ in 0..PLACE_DAYS {
            if days.iter().filter(|taken| **taken == day).count() < limit as usize {
                return Ok(Some(row(start_of(day, &zone).max(request.at))));
            }
            let Ok(next) = day.tomorrow() else { break };
            day = next;
        }
        Ok(None)
    }

    /// The reservation, or why not. `granted` are those of this very commit.
    async fn judge(
        &self,
        rulebook: &Rulebook,
        request: &RequestRow,
        wanted: &OfferRequest,
        granted: &[Granted],
    ) -> Result<Result<ReservationRow, &'static str>, CoordinatorError> {
        let Some(offer) = rulebook.offers.get(wanted.offer.as_str()) else { return Ok(Err("unknown_offer")) };
        let new = || granted.iter().map(|(_, row)| row).filter(|row| row.offer == wanted.offer);
        let given_since = match offer.per_partner {
            PerPartner::Once => Some(Timestamp::MIN),
            PerPartner::OnceIn(length) => Some(minutes_before(request.at, length.about_minutes())),
            PerPartner::Unlimited => None,
        };
        if let Some(since) = given_since {
            let before = self.store().reservations(&wanted.offer, Some(&request.key), since).await?;
            let new = new().filter(|row| row.key == request.key);
            // A reservation given back counts as none.
            let held: i64 = before.iter().map(|row| row.minor).chain(new.map(|row| row.minor)).sum();
            if held > 0 {
                return Ok(Err("already_given"));
            }
        }
        if let Some(budget) = &offer.budget {
            let zone = rulebook.config.program(request.key.program.as_str()).map(|program| program.zone.clone());
            let since = period_start(request.at, &zone.unwrap_or(TimeZone::UTC), budget.months);
            let rows = self.store().reservations(&wanted.offer, None, since).await?;
            let spent: i64 = rows.iter().map(|row| row.minor).chain(new().map(|row| row.minor)).sum();
            if spent.saturating_add(offer.value.minor) > budget.amount.minor {
                return Ok(Err("budget_spent"));
            }
        }
        Ok(Ok(ReservationRow {
            offer: wanted.offer.clone(),
            key: request.key.clone(),
            journey: request.journey.clone(),
            at: request.at,
            minor: offer.value.minor,
            currency: offer.value.currency.code().to_owned(),
        }))
    }
}

fn start_of(day: Date, zone: &TimeZone) -> Timestamp {
    day.to_zoned(zone.clone()).map_or(Timestamp::MIN, |midnight| midnight.timestamp())
}

fn minutes_before(at: Timestamp, minutes: i64) -> Timestamp {
    at.checked_sub(jiff::SignedDuration::from_mins(minutes)).unwrap_or(Timestamp::MIN)
}

/// The first instant of the calendar period (1 month, 3 a quarter, 12 a year; 0 all time) in which `at` lies.
fn period_start(at: Timestamp, zone: &TimeZone, months: u8) -> Timestamp {
    let Ok(months) = i8::try_from(months) else { return Timestamp::MIN };
    if months == 0 {
        return Timestamp::MIN;
    }
    let today = zone.to_datetime(at).date();
    let month = (today.month() - 1) / months * months + 1;
    jiff::civil::Date::new(today.year(), month, 1)
        .and_then(|first| first.to_zoned(zone.clone()))
        .map_or(Timestamp::MIN, |first| first.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_period_begins_with_its_calendar_month() {
        let at = "2026-11-21T12:00:00Z".parse().unwrap();
        let start = |months| period_start(at, &TimeZone::UTC, months).to_string();
        assert_eq!(start(1), "2026-11-01T00:00:00Z");
        assert_eq!(start(3), "2026-10-01T00:00:00Z");
        assert_eq!(start(12), "2026-01-01T00:00:00Z");
        assert_eq!(period_start(at, &TimeZone::UTC, 0), Timestamp::MIN);
    }
}
