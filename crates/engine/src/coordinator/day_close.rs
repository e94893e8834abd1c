//! Closes a programme's day once every shard's clock has passed its midnight plus the lateness.

use jiff::{Timestamp, civil::Date};
use rapport_event::id::{PartnerKey, ProgramId};
use rapport_insight::{
    base::{
        Around,
        pasts::{self, OwnPast},
        weekly,
    },
    day,
    dip::{DayClose, DayPart, PartReader, ProgramState, program},
    top_share::TopShare,
};
use rapport_partner::{ProgramSums, SoldSums, sold};
use rapport_workflow::{Rulebook, config::GroupRule};
use serde::{Deserialize, Serialize};

use super::{Coordinator, CoordinatorError};
use crate::{
    calendar,
    ports::{
        rows::{COORDINATOR, CoordinatorCommit, DayCloseRow, DayPartRow, OutboxRow, ShardRow},
        store::StoreError,
    },
    records,
    shard::{
        day_close::{Body, Cursor, sales::Besides},
        facts::{ProgramFigures, program_figures},
        foresight::Expectations,
    },
};

impl Coordinator {
    /// Adds every day that can be closed now to the commit: at most one a programme, so that days follow each other. A day
    /// that some shard has not told its part of waits, whatever the clocks say.
    pub(super) async fn close_days(
        &self,
        rulebook: &Rulebook,
        behind: Timestamp,
        shards: &[ShardRow],
        commit: &mut CoordinatorCommit,
    ) -> Result<(), CoordinatorError> {
        let mut waits = false;
        let programs = self.store().programs_with_parts().await?;
        for id in programs.iter().cloned() {
            let Some(settings) = calendar::ProgramDays::of(rulebook, &id) else { continue };
            let last = self.store().last_day_close(&id).await?;
            let next = self.store().next_part_day(&id, last.as_ref().map(|close| close.day)).await?;
            let Some(on) = next else { continue };
            if settings.closes_at(on) > behind {
                continue;
            }
            if !all_have_told(shards, &id, on)? {
                waits = true;
                continue;
            }
            let around = match weekly::is_due(day::number(on)) {
                true => match self.around(rulebook, &programs, (&id, on), behind).await? {
                    Some(around) => Some(around),
                    // What the others were like by then is still being decided.
                    None => {
                        waits = true;
                        continue;
                    }
                },
                false => None,
            };
            let state = match &last {
                Some(close) => ProgramState::decode(&close.state)
                    .map_err(|_| StoreError::Damaged(format!("state of programme {id} at {}", close.day)))?,
                None => ProgramState::default(),
            };
            let rows = self.store().day_parts(&id, on).await?;
            let Unpacked { parts, sums, mut pasts, mut besides } = unpack(&rows, &id, on)?;
            // Learnt once a week; on other days the newest goes on with the row.
            let learnt = match &around {
                Some(around) => weekly::fit(&mut pasts, day::number(on), around).map(Expectations),
                None => None,
            };
            let fit = match &learnt {
                Some(learnt) => serde_json::to_vec(learnt).map_err(|error| StoreError::Refused(error.to_string()))?,
                None => last.as_ref().map(|close| close.fit.clone()).unwrap_or_default(),
            };
            let currency = rulebook.config.program(id.as_str()).map(|program| program.currency);
            let sold = std::mem::take(&mut besides.sold);
            let sold_before = match &last {
                Some(close) => SoldThen::of(close)?.newest(close.day),
                None => None,
            };
            let mut figures = sums
                .zip(currency)
                .map(|(sums, currency)| program_figures(&sums, &rulebook.cuts, currency))
                .unwrap_or_default();
            // Without sums the figures of before stay in force, and these with them.
            if !figures.is_empty() {
                let mut all = self.sold_before(&id, on, sold_before).await?;
                all.merge(&sold);
                figures.extend(all.figures());
            }
            let (mut close, state) = program::close(day::number(on), &parts, &top_shares(rulebook), &state);
            besides.decide(&mut close);
            for shard in self.shards() {
                commit.outbox.push(day_closed_record(&id, on, shard, &close, &figures, learnt.as_ref(), behind));
            }
            commit.day_closes.push(DayCloseRow {
                program: id,
                day: on,
                body: serde_json::to_vec(&ClosedBody { close: &close, sold, sold_before })
                    .map_err(|error| StoreError::Refused(error.to_string()))?,
                state: state.encode(),
                fit,
            });
        }
        // The clock may only claim what is decided: while a day was closed here, the next look may close another.
        if waits || !commit.day_closes.is_empty() {
            commit.clock = self.clock;
        }
        Ok(())
    }

    /// What the other programmes showed two days before: by then the day is over in every zone, so it does not depend on who closes
    /// first. `None` while one of them has such a day to close yet.
    async fn around(
        &self,
        rulebook: &Rulebook,
        programs: &[ProgramId],
        (id, on): (&ProgramId, Date),
        behind: Timestamp,
    ) -> Result<Option<Around>, StoreError> {
        let by = day::plus(on, -2);
        let mut fits = Vec::new();
        for other in programs.iter().filter(|other| *other != id) {
            let Some(settings) = calendar::ProgramDays::of(rulebook, other) else { continue };
            let close = self.store().day_close_by(other, by).await?;
            let next = self.store().next_part_day(other, close.as_ref().map(|close| close.day)).await?;
            if next.is_some_and(|next| next <= by && settings.closes_at(next) <= behind) {
                return Ok(None);
            }
            fits.extend(close.and_then(|close| close.expectations()));
        }
        Ok(Some(Around::of(fits.iter().map(|fit| &fit.0))))
    }

    /// What was sold on the days that the lists look back on, before the one that is being closed; `newest` is the last of them on
    /// which something was. Of the closed days, not of their parts: those hold a line for every partner.
    async fn sold_before(&self, id: &ProgramId, on: Date, newest: Option<Date>) -> Result<SoldSums, StoreError> {
        let first = day::plus(on, i64::from(1 - sold::DAYS));
        let mut all = SoldSums::default();
        let mut next = newest.filter(|day| *day >= first);
        while let Some(by) = next {
            let close = self.store().day_close_by(id, by).await?.filter(|close| close.day >= first);
            let Some(close) = close else { break };
            let told = SoldThen::of(&close)?;
            all.merge(&told.sold);
            next = told.sold_before.filter(|day| *day >= first && *day < close.day);
        }
        Ok(all)
    }
}

/// What is stored of a closed day: the decision, and what was sold.
#[derive(Serialize)]
struct ClosedBody<'a> {
    #[serde(flatten)]
    close: &'a DayClose,
    #[serde(skip_serializing_if = "SoldSums::is_empty")]
    sold: SoldSums,
    #[serde(skip_serializing_if = "Option::is_none")]
    sold_before: Option<Date>,
}

/// What was sold on a closed day; nothing in the rows of an older binary.
#[derive(Deserialize)]
struct SoldThen {
    #[serde(default)]
    sold: SoldSums,
    /// The newest day before on which something was: a programme that tells no order lines is not asked day by day.
    #[serde(default)]
    sold_before: Option<Date>,
}

impl SoldThen {
    fn of(close: &DayCloseRow) -> Result<Self, StoreError> {
        serde_json::from_slice(&close.body)
            .map_err(|error| StoreError::Damaged(format!("day {} of programme {}: {error}", close.day, close.program)))
    }

    /// The newest day up to this one on which something was sold.
    fn newest(&self, on: Date) -> Option<Date> {
        if self.sold.is_empty() { self.sold_before } else { Some(on) }
    }
}

/// Whether every shard's row says that its part of the day is written.
fn all_have_told(rows: &[ShardRow], id: &ProgramId, on: Date) -> Result<bool, StoreError> {
    for row in rows.iter().filter(|row| row.shard != COORDINATOR) {
        if !Cursor::from_row(&row.cursor)?.has_told(id.as_str(), on) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The groups by share, in the order of their limits.
fn top_shares(rulebook: &Rulebook) -> Vec<TopShare> {
    let share = |group: &rapport_workflow::config::Group| match group.rule {
        GroupRule::TopShare { enter_percent, leave_percent, .. } => Some(TopShare { enter_percent, leave_percent }),
        _ => None,
    };
    rulebook.segments.groups.iter().filter_map(share).collect()
}

/// What the shards told of a day.
struct Unpacked {
    /// Sorted by partner: floating point sums then do not depend on the shards' order.
    parts: Vec<DayPart>,
    /// The programme's sums; none while a part without is among them.
    sums: Option<ProgramSums>,
    /// Partners' pasts, on the day of a fit.
    pasts: Vec<OwnPast>,
    besides: Besides,
}

fn unpack(rows: &[DayPartRow], id: &ProgramId, on: Date) -> Result<Unpacked, StoreError> {
    let damaged = || StoreError::Damaged(format!("a part of day {on} of programme {id}"));
    let mut parts: Vec<(String, DayPart)> = Vec::new();
    let (mut pasts, mut besides) = (Vec::new(), Besides::default());
    let mut all = Some(ProgramSums::default());
    for row in rows {
        let body = Body::decode(&row.body).ok_or_else(damaged)?;
        all = all.zip(body.sums).map(|(mut all, sums)| {
            all.merge(&sums);
            all
        });
        pasts.extend(pasts::read(&body.pasts).map_err(|_| damaged())?);
        besides.merge(body.besides.unwrap_or_default());
        for part in PartReader::new(&body.parts).map_err(|_| damaged())? {
            let (partner, part) = part.map_err(|_| damaged())?;
            parts.push((partner.to_owned(), part));
        }
    }
    parts.sort_by(|(one, _), (other, _)| one.cmp(other));
    besides.sold.keep_most_sold();
    Ok(Unpacked { parts: parts.into_iter().map(|(_, part)| part).collect(), sums: all, pasts, besides })
}

fn day_closed_record(
    id: &ProgramId,
    on: Date,
    shard: u32,
    close: &DayClose,
    figures: &ProgramFigures,
    fit: Option<&Expectations>,
    at: Timestamp,
) -> OutboxRow {
    let key = PartnerKey::whole_program(id.clone());
    let event_id = format!("day:{id}:{on}:{shard}");
    records::outbox(shard, records::day_closed(&event_id, key, on, close, figures, fit, at))
}
