//! Limits that go over many people, counted in the claim's transaction. Their rows are locked in the order of their keys: those of
//! providers, then those of warm-ups, then those of workflows. A settlement locks at most one of the second and one of the third.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use rapport_engine::ports::leave::{Asking, DayRow, Leave, PaceRow, admit, turn, waits_with};
use rapport_engine::ports::store::{DueMessage, StoreError};

use super::claim::Taken;
use crate::sql::queries::mail as sql;
use crate::sql::{Rows, Session, cells};

/// A domain with its day; of mail that no warm-up counts, no domain.
type Day = (String, i64);

/// What a claim has counted so far.
#[derive(Default)]
pub(super) struct Counts {
    paces: BTreeMap<String, PaceRow>,
    days: BTreeMap<Day, DayRow>,
    /// The messages that were let go, and as what.
    let_go: BTreeMap<String, Leave>,
}

/// A message that waits, until when, and the reason's code.
type Wait = (String, Timestamp, String);

fn day_of(leave: &Leave) -> Day {
    leave.warm_up.as_ref().map_or_else(Day::default, |limit| (limit.domain.clone(), limit.day))
}

impl Counts {
    /// Lets go of the taken messages what the limits allow; the others are told, with how long they wait.
    pub(super) async fn count(
        &mut self,
        session: &mut Session,
        taken: &BTreeMap<String, Taken>,
        mut leaves: BTreeMap<String, Leave>,
        now: Timestamp,
    ) -> Result<Vec<Wait>, StoreError> {
        let mut waits = Vec::new();
        leaves.retain(|id, _| taken.contains_key(id));
        let providers: BTreeSet<&String> = leaves.values().map(|leave| &leave.provider).collect();
        let providers = Rows::of(providers.into_iter().map(|provider| cells![provider]));
        for row in session.fetch_rows(&sql::PACE_LOCK, &[], &providers).await? {
            self.paces.insert(row.text(0)?, PaceRow { free_us: row.int(1)?, slot_us: row.int(2)? });
        }
        let mut in_hand: BTreeMap<String, i64> = BTreeMap::new();
        for row in session.fetch_rows(&sql::LEAVING_COUNT, &[], &providers).await? {
            in_hand.insert(row.text(0)?, row.int(1)?);
        }
        let days: BTreeSet<Day> = leaves.values().filter(|leave| leave.warm_up.is_some()).map(day_of).collect();
        for (domain, day) in days {
            let read = session.fetch(&sql::WARM_UP_LOCK, &cells![&domain, day]).await?;
            let row = read.first().ok_or_else(|| StoreError::Refused("no answer".into()))?;
            self.days.insert((domain, day), DayRow { mails: row.int(0)?, waits: row.int(1)? });
        }
        let mut asking: Vec<(&DueMessage, Leave)> =
            leaves.into_iter().filter_map(|(id, leave)| Some((&taken.get(&id)?.due, leave))).collect();
        asking.sort_by(|(a, its), (b, others)| turn(&a.message, Some(its)).cmp(&turn(&b.message, Some(others))));
        for (due, leave) in asking {
            let message = &due.message;
            let pace = self.paces.entry(leave.provider.clone()).or_default();
            let waited = pace.has_queue(now) && {
                let cells = cells![&message.id, rapport_contact::DeferReason::Pace.code()];
                let found = session.fetch(&sql::WAITS, &cells).await?;
                found.first().map_or(Ok(0), |row| row.int(0))? > 0
            };
            let in_hand = in_hand.entry(leave.provider.clone()).or_default();
            let asking = Asking { priority: message.priority, waited, in_hand: *in_hand, now };
            let day = self.days.entry(day_of(&leave)).or_default();
            match admit(&leave, pace, day, &asking) {
                Ok(()) => {
                    *in_hand += 1;
                    self.let_go.insert(message.id.clone(), leave);
                }
                Err((until, reason)) => {
                    let until = until.min(message.expires);
                    waits.push((message.id.clone(), until, reason.code().to_owned()));
                    let along = taken.get(&message.id).into_iter().flat_map(|taken| waits_with(reason, &taken.along));
                    for with_it in along {
                        waits.push((with_it.id.clone(), until.min(with_it.expires), reason.code().to_owned()));
                    }
                }
            }
        }
        Ok(waits)
    }

    /// Writes what was counted. What was let go and is not taken after all, because another limit holds it, did not leave.
    pub(super) async fn write(
        mut self,
        session: &mut Session,
        taken: &BTreeMap<String, Taken>,
    ) -> Result<(), StoreError> {
        for leave in self.let_go.extract_if(.., |id, _| !taken.contains_key(id)).map(|(_, leave)| leave) {
            if let Some(pace) = self.paces.get_mut(&leave.provider) {
                pace.give_back(&leave.pace);
            }
            if let Some(day) = self.days.get_mut(&day_of(&leave)).filter(|_| leave.warm_up.is_some()) {
                day.mails -= 1;
            }
        }
        let paces = Rows::of(self.paces.iter().map(|(provider, row)| cells![provider, row.free_us, row.slot_us]));
        session.execute_rows(&sql::PACE_SET, &[], &paces).await?;
        for ((domain, day), row) in self.days.iter().filter(|((domain, _), _)| !domain.is_empty()) {
            session.execute(&sql::WARM_UP_SET, &cells![domain, *day, row.mails, row.waits]).await?;
        }
        let days: Vec<Day> = self.let_go.values().map(day_of).collect();
        let rows = Rows::of(
            self.let_go.iter().zip(&days).map(|((id, leave), (domain, day))| cells![id, &leave.provider, domain, *day]),
        );
        session.execute_rows(&sql::LEAVING_ADD, &[], &rows).await?;
        Ok(())
    }
}

/// A mail is not on its way any more: it goes back to the queue, and did not leave on its day if it `is_back`.
pub(super) async fn returned(session: &mut Session, message: &str, is_back: bool) -> Result<(), StoreError> {
    let counted = session.fetch_rows(&sql::LEAVING_END, &[], &Rows::of([cells![message]])).await?;
    let Some(row) = counted.first().filter(|_| is_back) else { return Ok(()) };
    let (domain, day) = (row.text(0)?, row.int(1)?);
    if !domain.is_empty() {
        session.execute(&sql::WARM_UP_RETURN, &cells![&domain, day]).await?;
    }
    Ok(())
}
