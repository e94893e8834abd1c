//! The two passes over a shard's partners by which a programme's day is closed (DESIGN.md 4.5).
//!
//! First pass: the commit that brings the clock past the day's close carries this shard's part of the day. Second pass: when
//! the coordinator's record is folded, every partner is judged, in pages; the cursor in the shard row says how far it came.

mod body;
pub mod sales;

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use jiff::{Timestamp, civil::Date};
use rapport_event::{
    Event,
    id::{PartnerKey, ProgramId},
};
use rapport_insight::{
    base::{pasts::PastWriter, weekly},
    day,
    dip::{Budget, DayClose, DayPart, Detector, PartReader, PartWriter, Verdict},
    top_share::Limits,
};
use rapport_partner::{FigureContext, Measure, ProgramSums};

use rapport_insight::win::Win;

pub(crate) use body::Body;
use sales::{Besides, RevenueDip};

use super::{
    LastRecord, LogPlace, ShardError, ShardOwner,
    entry::Entry,
    facts::{PartnerFacts, ProgramFigures, marks, reach, told_apart},
    foresight::{self, Expectations},
    goals, guarded, health,
    printed::Printed,
    segments,
};
use crate::{
    calendar::ProgramDays,
    ports::{
        rows::{COORDINATOR, DayPartRow},
        store::StoreError,
    },
    records::{self, ClosedDay},
    rulebooks::Applied,
};

/// Partners judged in one commit.
const PAGE: usize = 2_000;
/// Days after the last sale on which a partner is still judged.
const EXPOSED_DAYS: i32 = 90;
/// Days of approved revenue by which the best of a programme are compared.
const REVENUE_DAYS: i32 = 90;

/// Where a shard is with its days.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Cursor {
    /// The last day whose part is committed, by programme.
    #[serde(default)]
    parts: BTreeMap<String, Date>,
    /// The last day fully judged, by programme.
    #[serde(default)]
    judged: BTreeMap<String, Date>,
    /// The programmes' figures as of the last day closed.
    #[serde(default)]
    pub(crate) figures: Printed<BTreeMap<String, ProgramFigures>>,
    /// The programmes' newest fits.
    #[serde(default)]
    pub(crate) fits: Printed<BTreeMap<String, Expectations>>,
    /// The last record folded, by which the log is known again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) last: Option<LastRecord>,
    /// In the middle of judging: the last partner done.
    #[serde(default)]
    after: Option<PartnerKey>,
}

impl Cursor {
    /// From the shard row; nothing is there before the first commit.
    ///
    /// # Errors
    /// When it is not one: days told and judged must not begin anew without a word.
    pub fn from_row(bytes: &[u8]) -> Result<Self, StoreError> {
        if bytes.is_empty() {
            return Ok(Self::default());
        }
        serde_json::from_slice(bytes).map_err(|error| StoreError::Damaged(format!("a shard's cursor: {error}")))
    }

    /// Whether the part of a programme's day is written.
    #[must_use]
    pub fn has_told(&self, program: &str, on: Date) -> bool {
        self.parts.get(program).is_some_and(|last| *last >= on)
    }

    /// A programme's figures as of its last closed day.
    #[must_use]
    pub fn figures(&self, program: &str) -> Option<&ProgramFigures> {
        self.figures.get(program)
    }

    /// A programme's newest fit.
    #[must_use]
    pub fn expectations(&self, program: &str) -> Option<&Expectations> {
        self.fits.get(program)
    }

    /// For the shard row.
    #[must_use]
    pub fn to_row(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }
}

impl ShardOwner {
    /// The next instant up to `upto` at which a day of some programme closes. The first day is that of the shard's first
    /// moment, so that a programme's days begin with its first event.
    pub(super) fn next_close(&mut self, upto: Timestamp) -> Option<Timestamp> {
        let rulebook = self.rulebook.clone()?;
        let mut next: Option<Timestamp> = None;
        for id in rulebook.rulebook.config.programs.keys() {
            let Ok(program) = ProgramId::new(id) else { continue };
            let Some(days) = ProgramDays::of(&rulebook, &program) else { continue };
            let last = match self.cursor.parts.get(&**id) {
                Some(last) => *last,
                None => {
                    let from = if self.clock == Timestamp::MIN { upto } else { self.clock };
                    let before = days.last_closed_by(from);
                    self.cursor.parts.insert(id.to_string(), before);
                    before
                }
            };
            let closes = days.closes_at(day::plus(last, 1));
            if closes <= upto {
                next = Some(next.map_or(closes, |known| known.min(closes)));
            }
        }
        next
    }

    /// Adds this shard's parts of every day that closes at the instant, and commits them together with the clock.
    pub(super) async fn first_pass(&mut self, instant: Timestamp) -> Result<(), ShardError> {
        let Some(rulebook) = self.rulebook.clone() else { return Ok(()) };
        // Pages come from the database: who is new in this batch would be missing from the day otherwise.
        if self.partners.is_touched() {
            self.commit().await?;
        }
        self.clock = self.clock.max(instant);
        for id in rulebook.rulebook.config.programs.keys() {
            let Ok(program) = ProgramId::new(id) else { continue };
            let Some(days) = ProgramDays::of(&rulebook, &program) else { continue };
            let Some(on) = self.cursor.parts.get(&**id).map(|last| day::plus(*last, 1)) else { continue };
            if days.closes_at(on) > instant {
                continue;
            }
            let body = self.day_part(&program, on).await?;
            self.batch.day_parts.push(DayPartRow { program, day: on, shard: self.shard, body });
            self.cursor.parts.insert(id.to_string(), on);
            self.fired += 1;
        }
        self.commit().await
    }

    async fn day_part(&mut self, program: &ProgramId, on: Date) -> Result<Vec<u8>, ShardError> {
        self.know_beginning(program).await?;
        let mut writer = PartWriter::default();
        let mut sums = ProgramSums::default();
        let program_of = self.rulebook.clone();
        let settings = program_of.as_ref().and_then(|rulebook| rulebook.rulebook.config.program(program.as_str()));
        let context = settings.map(|settings| FigureContext {
            today: day::number(on),
            zone: &settings.zone,
            currency: settings.currency,
            program_began_at: self.began.get(program).copied(),
            program: None,
            start: None,
            foresee: None,
        });
        // As the day ended: whatever came while it was open for late events is the next one's.
        let ended = settings.and_then(|settings| {
            let next = day::plus(on, 1).to_zoned(settings.zone.clone()).ok()?.timestamp();
            next.checked_sub(jiff::SignedDuration::from_millis(1)).ok()
        });
        let figures = self.cursor.figures.get(program.as_str()).cloned();
        let number = day::number(on);
        let mut pasts = match weekly::is_due(number) {
            true => Some(PastWriter::of_shards(self.shards().await?)),
            false => None,
        };
        let mut besides = Besides::default();
        let mut after = None;
        loop {
            let page = self.partners.page(&self.parts, after.as_ref(), PAGE).await?;
            let Some(last) = page.last().cloned() else { break };
            for key in page.iter().filter(|key| key.program == *program) {
                if let Some(why) = self.suspects.given_up(key) {
                    self.quarantine(key, &why);
                }
                let present = self.partners.look(key).filter(|entry| entry.quarantined().is_none());
                let Some(entry) = present else { continue };
                let detector = detector(&entry.state.detector, key)?;
                let (conversions, _) = entry.state.on_day(number);
                let share_days =
                    program_of.as_ref().map_or(REVENUE_DAYS, |rulebook| rulebook.rulebook.segments.share_days());
                let revenue = shared_revenue(&entry.state, number, share_days).unwrap_or(0);
                let part = guarded(&mut self.suspects, key, || {
                    if let (Some(context), Some(rulebook), Some(settings)) = (&context, &program_of, settings) {
                        let facts = PartnerFacts {
                            state: &entry.state,
                            rulebook,
                            program: settings,
                            now: ended.unwrap_or(self.clock),
                            began: context.program_began_at,
                            reversed: None,
                            figures: figures.as_ref(),
                            expectations: None,
                        };
                        let reach = reach(&facts);
                        sums.add(&entry.state, reach, context);
                        // Cuts by the same stand together: a group is a look at every condition of every group before it.
                        let (mut by, mut known) = (None, None);
                        for cut in rulebook.rulebook.cuts.keys() {
                            if by != Some(cut.by) {
                                (by, known) = (Some(cut.by), told_apart(&facts, cut.by));
                            }
                            if known.as_ref() == Some(&cut.of) {
                                sums.add_to(cut, &entry.state, reach, context);
                            }
                        }
                        if let Some(pasts) = &mut pasts {
                            foresight::add_past(pasts, key.partner.as_str(), &entry.state, context);
                        }
                    }
                    besides.add(&entry.state, number, weekly::is_due(number));
                    Ok(detector.part(number, count(conversions), revenue))
                });
                if let Some(part) = part? {
                    writer.push(key.partner.as_str(), &part);
                }
            }
            after = Some(last);
        }
        besides.sold.keep_most_sold();
        let body = Body {
            sums: Some(sums),
            pasts: pasts.map(PastWriter::finish).unwrap_or_default(),
            besides: Some(besides),
            parts: writer.finish(),
        };
        Ok(body.encode())
    }

    /// How many shards share the programme's partners.
    async fn shards(&mut self) -> Result<usize, ShardError> {
        let rows = self.parts.store.shard_rows().await?;
        Ok(rows.iter().filter(|row| row.shard != COORDINATOR).count())
    }

    /// Judges every partner of the programme by the coordinator's record. Done twice it changes nothing.
    pub(super) async fn second_pass(&mut self, event: &Event, place: LogPlace) -> Result<(), ShardError> {
        let Some(rulebook) = self.rulebook.clone() else {
            self.pass(place);
            return Ok(());
        };
        let program = event.key.program.clone();
        let Some(ClosedDay { on, close, figures, fit }) = records::day_close_of(event) else {
            self.batch.unreadable.push((place.offset, "unreadable_record".into(), "day close".into(), Vec::new()));
            self.pass(place);
            return Ok(());
        };
        if self.cursor.judged.get(program.as_str()).is_some_and(|judged| *judged >= on) {
            self.pass(place);
            return Ok(());
        }
        // What came before this record is committed, so that the cursor alone says where to go on.
        if self.cursor.after.is_none() {
            self.commit().await?;
        }
        self.know_beginning(&program).await?;
        let counted = self.counted_on(&program, on).await?;
        // The day it was learnt at is judged by it already.
        self.cursor.fits.extend(fit.map(|fit| (program.as_str().to_owned(), fit)));
        loop {
            let after = self.cursor.after.clone();
            let page = self.partners.page(&self.parts, after.as_ref(), PAGE).await?;
            let Some(last) = page.last().cloned() else { break };
            for key in page.iter().filter(|key| key.program == program) {
                let y = counted.as_ref().map(|counted| counted.get(key.partner.as_str()).copied().unwrap_or(0));
                self.judge(&rulebook, key, on, y, &close)?;
            }
            self.cursor.after = Some(last);
            if page.len() == PAGE {
                self.commit().await?;
            }
        }
        self.cursor.after = None;
        if !figures.is_empty() {
            self.cursor.figures.insert(program.as_str().to_owned(), figures);
        }
        self.cursor.judged.insert(program.as_str().to_owned(), on);
        self.pass(place);
        Ok(())
    }

    /// What this shard told the coordinator of the day: a sale that came since then changes totals, never a verdict. `None`
    /// when the shard had no part in that day.
    async fn counted_on(&mut self, program: &ProgramId, on: Date) -> Result<Option<HashMap<String, u32>>, ShardError> {
        let Some(body) = self.parts.store.day_part(program, on, self.shard).await? else { return Ok(None) };
        let damaged =
            |()| StoreError::Damaged(format!("shard {}'s part of day {on} of programme {program}", self.shard));
        let mut counted = HashMap::new();
        let Some(body) = Body::decode(&body) else { return Err(damaged(()).into()) };
        for part in PartReader::new(&body.parts).map_err(|_| damaged(()))? {
            let (partner, part) = part.map_err(|_| damaged(()))?;
            counted.insert(partner.to_owned(), part.y);
        }
        Ok(Some(counted))
    }

    fn judge(
        &mut self,
        rulebook: &Applied,
        key: &PartnerKey,
        on: Date,
        y: Option<u32>,
        close: &DayClose,
    ) -> Result<(), ShardError> {
        if let Some(why) = self.suspects.given_up(key) {
            self.quarantine(key, &why);
        }
        let Some(entry) = self.partners.look(key).filter(|entry| entry.quarantined().is_none()) else {
            return Ok(());
        };
        let number = day::number(on);
        let y = y.unwrap_or_else(|| count(entry.state.on_day(number).0));
        let before = detector(&entry.state.detector, key)?;
        let budget = rulebook.rulebook.config.dip_budget;
        let judged =
            guarded(&mut self.suspects, key, || Ok(Judged::of(rulebook, entry, before, number, y, close, budget)))?;
        let verdict = match judged {
            Some(judged) => judged.keep(self.partners.entry(key)),
            None if self.stirs(key)? => Verdicts::default(),
            None => return Ok(()),
        };
        self.react(key, |reaction| reaction.close_day(&verdict))?;
        Ok(())
    }
}

/// Whether a look at the partner would find something new.
pub(super) fn due(facts: &PartnerFacts<'_>) -> bool {
    let behind: Vec<String> = goals::behind(facts).into_iter().map(|behind| behind.signal).collect();
    let told = facts.state.lasting.iter().filter(|signal| *signal.kind == *"goal.behind");
    let told: Vec<&str> = told.map(|signal| &*signal.id).collect();
    segments::changes(facts).is_some()
        || !goals::agreed::to_propose(facts).is_empty()
        || told.len() != behind.len()
        || behind.iter().any(|id| !told.contains(&id.as_str()))
        || health::review(facts, &facts.rulebook.health).is_some_and(|review| review.is_to_be_kept(facts))
}

/// What a closed day means for one partner.
#[derive(Debug)]
pub struct Judged {
    number: i32,
    /// The detector, when it learnt something.
    learnt: Option<Detector>,
    /// The mark of top groups, when it changes.
    top: Option<Vec<u8>>,
    /// The mark of wins, when it changes.
    won: Option<Vec<u8>>,
    verdicts: Verdicts,
}

/// What there is to react to.
#[derive(Debug, Default)]
pub struct Verdicts {
    /// Of the number of conversions; none for one who sells nothing for long.
    pub conversions: Option<Verdict>,
    /// Of what they bring.
    pub revenue: Option<RevenueDip>,
    /// The week's wins.
    pub wins: Vec<Win>,
}

impl Judged {
    /// `None` when the day changes nothing.
    fn of(
        rulebook: &Applied,
        entry: &Entry,
        before: Detector,
        number: i32,
        y: u32,
        close: &DayClose,
        budget: Budget,
    ) -> Option<Self> {
        let mut after = before.clone();
        // Who sold nothing for a quarter has no rhythm to fall from; closing their days would rewrite every partner who
        // ever was, every night. A dip that lasts then lasts until they sell again.
        let exposed = entry.state.last_sale_day().is_some_and(|last| last > number - EXPOSED_DAYS);
        let verdict = exposed.then(|| after.close(y, close, budget));
        let top = top_groups(rulebook, &entry.state, number, &close.top_share);
        let closing = entry.state.open.iter().any(|cell| cell.day <= number) || entry.state.sold.has_through(number);
        let learnt = (after != before).then_some(after);
        let revenue = sales::judge(&entry.state, number, close, budget);
        let (wins, won) = match weekly::is_due(number).then(|| sales::wins(&entry.state, number, close)).flatten() {
            Some((wins, mark)) => (wins, Some(mark)),
            None => (Vec::new(), None),
        };
        let changes = learnt.is_some() || top.is_some() || revenue.is_some() || won.is_some();
        let verdicts = Verdicts { conversions: verdict, revenue, wins };
        (closing || changes).then_some(Self { number, learnt, top, won, verdicts })
    }

    /// Judges a partner's day outside a shard: in a rehearsal, where nothing comes late.
    ///
    /// # Errors
    /// A stored detector that cannot be read.
    pub fn rehearsed(
        rulebook: &Applied,
        entry: &Entry,
        on: Date,
        close: &DayClose,
        budget: Budget,
    ) -> Result<Option<Self>, ShardError> {
        let number = day::number(on);
        let y = count(entry.state.on_day(number).0);
        let before = detector(&entry.state.detector, &entry.key)?;
        Ok(Self::of(rulebook, entry, before, number, y, close, budget))
    }

    /// Writes it into the partner; the verdicts are left to react to.
    #[must_use = "the reaction to the day follows"]
    pub fn keep(self, entry: &mut Entry) -> Verdicts {
        if let Some(detector) = self.learnt {
            entry.state.detector = detector.encode();
        }
        if entry.state.close_through(self.number) {
            entry.touch_days();
        }
        if let Some(top) = self.top {
            entry.state.set_mark(marks::TOP, top);
        }
        if let Some(won) = self.won {
            entry.state.set_mark(marks::WINS, won);
        }
        self.verdicts
    }
}

/// A partner's part of the programme's day; none while nothing is known of its rhythm. `share_days` is the window of groups by
/// share.
///
/// # Errors
/// A stored detector that cannot be read.
pub fn part_of(entry: &Entry, on: Date, share_days: i32) -> Result<Option<DayPart>, ShardError> {
    let number = day::number(on);
    let (conversions, _) = entry.state.on_day(number);
    let revenue = shared_revenue(&entry.state, number, share_days).unwrap_or(0);
    Ok(detector(&entry.state.detector, &entry.key)?.part(number, count(conversions), revenue))
}

/// What groups by share compare: the revenue of so many days up to the day; none while a sale among them has no rate.
#[must_use]
pub fn shared_revenue(state: &rapport_partner::PartnerState, number: i32, days: i32) -> Option<i64> {
    let from = number - days + 1;
    (state.sum(Measure::Unpriced, from, number) <= 0).then(|| state.sum(Measure::Revenue, from, number))
}

/// Whose revenue is not known comes in nowhere, and loses nothing by it: one sale without a rate makes nobody a lesser partner.
fn belongs(limits: &Limits, revenue: Option<i64>, member: bool) -> bool {
    revenue.map_or(member, |revenue| limits.belongs(revenue, member))
}

/// The marks of top groups, if they change. Hysteresis: a member leaves only below the lower limit.
fn top_groups(
    rulebook: &Applied,
    state: &rapport_partner::PartnerState,
    number: i32,
    limits: &[Limits],
) -> Option<Vec<u8>> {
    let known: Arc<Vec<String>> = state.mark_as(marks::TOP).unwrap_or_default();
    let mut groups = PartnerFacts::share_groups(rulebook).zip(limits).peekable();
    let share_days = groups.peek().map(|_| rulebook.rulebook.segments.share_days());
    let revenue = share_days.and_then(|days| shared_revenue(state, number, days));
    let now: Vec<&str> = groups
        .filter(|(group, limits)| belongs(limits, revenue, known.iter().any(|known| known == group)))
        .map(|(group, _)| group)
        .collect();
    (*known != now).then(|| if now.is_empty() { Vec::new() } else { serde_json::to_vec(&now).unwrap_or_default() })
}

fn detector(bytes: &[u8], key: &PartnerKey) -> Result<Detector, ShardError> {
    if bytes.is_empty() {
        return Ok(Detector::default());
    }
    Detector::decode(bytes).map_err(|_| StoreError::Damaged(format!("dip detector of partner {key}")).into())
}

fn count(conversions: i64) -> u32 {
    u32::try_from(conversions.max(0)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_by_share_compare_the_declared_days_and_move_nobody_whose_sales_have_no_rate() {
        let mut state = rapport_partner::PartnerState::default();
        for (day, measure, value) in [(0, Measure::Revenue, 1_000), (50, Measure::Revenue, 500)] {
            state.open.add(day, measure, value);
        }
        let revenue = |state: &rapport_partner::PartnerState, days| shared_revenue(state, 60, days);
        assert_eq!([28, 90].map(|days| revenue(&state, days)), [Some(500), Some(1_500)]);
        state.open.add(10, Measure::Unpriced, 1);
        assert_eq!([28, 90].map(|days| revenue(&state, days)), [Some(500), None]);
        let limits = Limits { enter_at: 1_000, leave_below: 800 };
        let stays = |revenue| [false, true].map(|member| belongs(&limits, revenue, member));
        assert_eq!([None, Some(900), Some(0)].map(stays), [[false, true], [false, true], [false, false]]);
    }
}
