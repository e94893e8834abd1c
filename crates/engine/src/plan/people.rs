//! Every partner, looked at under the files in force and under the new ones.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use rapport_event::{PartnerKey, ProgramId};
use rapport_journey::Journey;
use rapport_partner::{Moment, PartnerState};
use rapport_workflow::{Timed, Workflow};

use super::{Audience, Fate, MailChange, Parked, PlanError, fate, texts};
use crate::{
    ports::{rows::PartnerBundle, store::Store},
    rulebooks::{Applied, Rulebooks},
    shard::{
        batch::Batch,
        beginning,
        day_close::Cursor,
        entry::Entry,
        facts::{PartnerFacts, ProgramFigures},
        foresight::Expectations,
        interest::Interests,
        react::{Place, Reaction, timed},
        timers::Timers,
    },
};

/// Partners read at a time.
const PAGE: usize = 2_000;
/// Dates are looked at this far ahead.
const DATES: SignedDuration = SignedDuration::from_hours(7 * 24);

/// What was seen.
#[derive(Default)]
pub struct Seen {
    pub partners: u64,
    pub workflows: BTreeMap<String, Found>,
    /// Kinds of event that happened to so many partners before.
    pub happened: BTreeMap<&'static str, u64>,
}

/// What was seen of one workflow.
#[derive(Debug, Clone, Default)]
pub struct Found {
    parked: BTreeMap<(String, String), u64>,
    pub read_new_text: u64,
    pub enter_at_once: u64,
    pub enter_anyway: u64,
    pub audiences: BTreeMap<usize, Audience>,
}

impl Found {
    /// People inside, by version and step.
    pub fn inside(&self, after: Option<&Workflow>) -> Vec<Parked> {
        let parked = self.parked.iter().map(|((version, step), people)| Parked {
            version: version.clone(),
            step: step.clone(),
            people: *people,
            becomes: fate(after, version, step),
        });
        parked.collect()
    }
}

/// Two sets of files, and what is asked of each partner.
struct Look<'a> {
    rulebooks: &'a Rulebooks,
    running: Option<&'a Arc<Applied>>,
    files: &'a Arc<Applied>,
    mails: BTreeMap<String, Vec<MailChange>>,
    now: Timestamp,
}

/// What is known where a partner lives.
struct Known<'a> {
    shard: u32,
    began: Option<Timestamp>,
    figures: Option<&'a ProgramFigures>,
    expectations: Option<&'a Expectations>,
}

/// Looks at every partner.
pub async fn look(
    store: &Arc<dyn Store>,
    rulebooks: &Rulebooks,
    running: Option<&Arc<Applied>>,
    files: &Arc<Applied>,
    shards: u32,
    now: Timestamp,
) -> Result<Seen, PlanError> {
    let old = running.map(|running| &running.rulebook);
    let mails = files
        .rulebook
        .workflows
        .iter()
        .map(|workflow| (workflow.id.to_string(), texts::mail_changes(old, &files.rulebook, &workflow.id)));
    let look = Look { rulebooks, running, files, mails: mails.collect(), now };
    let mut seen = Seen::default();
    let mut began: BTreeMap<ProgramId, Option<Timestamp>> = BTreeMap::new();
    for shard in 0..shards {
        let row = store.shard_row(shard as i32).await?;
        let cursor = row.map(|row| Cursor::from_row(&row.cursor)).transpose()?.unwrap_or_default();
        let mut after: Option<PartnerKey> = None;
        loop {
            let page = store.page_partners(shard, after.as_ref(), PAGE).await?;
            let whole = page.len() == PAGE;
            after = page.last().map(|bundle| bundle.partner.key.clone());
            for bundle in page {
                let program = bundle.partner.key.program.clone();
                if !began.contains_key(&program) {
                    let noted = store.meta(&beginning(&program)).await?;
                    let at = noted.and_then(|millis| Timestamp::from_millisecond(millis.parse().ok()?).ok());
                    began.insert(program.clone(), at);
                }
                for journey in bundle.journeys.iter().filter(|journey| journey.exited.is_none()) {
                    rulebooks.ensure(&journey.workflow, &journey.version).await?;
                }
                let known = Known {
                    shard,
                    began: began.get(&program).copied().flatten(),
                    figures: cursor.figures.get(program.as_str()),
                    expectations: cursor.fits.get(program.as_str()),
                };
                look.partner(&bundle, &known, &mut seen);
            }
            if !whole {
                break;
            }
        }
    }
    Ok(seen)
}

impl Look<'_> {
    fn partner(&self, bundle: &PartnerBundle, known: &Known<'_>, seen: &mut Seen) {
        seen.partners += 1;
        for row in bundle.journeys.iter().filter(|row| row.exited.is_none()) {
            let Ok(journey) = serde_json::from_str::<Journey>(&row.body) else { continue };
            let step = journey.step().unwrap_or_default().to_owned();
            let found = seen.workflows.entry(row.workflow.clone()).or_default();
            if self.reads_new_text(&journey, &step) {
                found.read_new_text += 1;
            }
            *found.parked.entry((row.version.clone(), step)).or_default() += 1;
        }
        let Some(entry) = entry_of(bundle) else { return };
        count_earlier(&entry, &mut seen.happened);
        if entry.quarantined().is_some() {
            return;
        }
        let under = |applied: &Arc<Applied>| {
            let entry = entry_of(bundle)?;
            let interests = Interests::default();
            let place = Place {
                rulebook: applied,
                rulebooks: self.rulebooks,
                interests: &interests,
                shard: known.shard,
                now: self.now,
                began: known.began,
                figures: known.figures,
                expectations: known.expectations,
            };
            // A bug that one partner's state brings out is the shard's to tell of.
            catch_unwind(AssertUnwindSafe(|| begun(&place, entry))).ok()
        };
        let entering = under(self.files).unwrap_or_default();
        if !entering.is_empty() {
            let anyway = self.running.and_then(under).unwrap_or_default();
            for (workflow, journeys) in entering {
                let found = seen.workflows.entry(workflow.clone()).or_default();
                found.enter_at_once += journeys;
                found.enter_anyway += journeys.min(anyway.get(&workflow).copied().unwrap_or_default());
            }
        }
        self.audiences(&entry, known, seen);
    }

    fn reads_new_text(&self, journey: &Journey, step: &str) -> bool {
        let mails = self.mails.get(&*journey.workflow).filter(|mails| !mails.is_empty());
        let Some(mails) = mails else { return false };
        // Whoever is moved on reads what lies ahead there.
        let after = self.files.rulebook.successor(&journey.workflow);
        let (workflow, step) = match fate(after.map(|after| &**after), &journey.version, step) {
            Fate::Stops => return false,
            Fate::Migrates(to) => (after.cloned(), to),
            Fate::GoesOn | Fate::Finishes => {
                let pinned = after.is_some_and(|after| after.mails_pinned);
                (self.rulebooks.version(&journey.workflow, &journey.version).filter(|_| !pinned), step.to_owned())
            }
        };
        workflow.is_some_and(|workflow| texts::lies_ahead(&workflow, &step, mails))
    }

    /// Counts whom triggers that are no event reach.
    fn audiences(&self, entry: &Entry, known: &Known<'_>, seen: &mut Seen) {
        let rulebook = &self.files.rulebook;
        let Some(program) = rulebook.config.program(entry.key.program.as_str()) else { return };
        let facts = PartnerFacts {
            state: &entry.state,
            rulebook: self.files,
            program,
            now: self.now,
            began: known.began,
            reversed: None,
            figures: known.figures,
            expectations: known.expectations,
        };
        let status = rapport_journey::Facts::status(&facts);
        for workflow in rulebook.workflows.iter().filter(|workflow| !workflow.timed.is_empty()) {
            let programs = &workflow.entry.programs;
            let other_program = !programs.is_empty() && !programs.contains(entry.key.program.as_str());
            if other_program || !workflow.entry.statuses.contains(status) {
                continue;
            }
            for (index, trigger) in workflow.timed.iter().enumerate() {
                let next = timed::due(&facts, trigger, self.now);
                let soon = next.is_some_and(|next| next.duration_since(self.now) <= DATES);
                let (what, counts) = match trigger {
                    Timed::Broadcast { .. } => ("broadcast", next.is_some()),
                    Timed::Each { .. } => ("schedule", next.is_some()),
                    Timed::Date { .. } => ("date", soon),
                    Timed::Entered(_) | Timed::Left(_) => ("segment", true),
                };
                if !counts || !timed::is_for(&facts, trigger) {
                    continue;
                }
                let found = seen.workflows.entry(workflow.id.to_string()).or_default();
                let audience = found.audiences.entry(index).or_insert(Audience { what, next, people: 0 });
                audience.people += 1;
                audience.next = audience.next.into_iter().chain(next).min();
            }
        }
    }
}

fn entry_of(bundle: &PartnerBundle) -> Option<Entry> {
    let state = PartnerState::decode(&bundle.partner.hot, bundle.partner.days.as_deref()).ok()?;
    let journeys = bundle.journeys.iter().filter_map(|row| serde_json::from_str(&row.body).ok()).collect();
    let mut entry = Entry::new(bundle.partner.key.clone());
    (entry.state, entry.journeys) = (state, journeys);
    Some(entry)
}

/// The journeys that begin when the partner's day is closed now, by workflow.
fn begun(place: &Place<'_>, mut entry: Entry) -> BTreeMap<String, u64> {
    let before = entry.journeys.len();
    let (mut timers, mut batch) = (Timers::default(), Batch::default());
    let reaction = Reaction::new(place, &mut entry, &mut timers, &mut batch);
    if reaction.is_none_or(|reaction| reaction.close_day(&crate::shard::day_close::Verdicts::default()).is_err()) {
        return BTreeMap::new();
    }
    let mut begun = BTreeMap::new();
    for journey in entry.journeys.iter().skip(before).filter(|journey| !journey.held_out) {
        *begun.entry(journey.workflow.to_string()).or_default() += 1;
    }
    begun
}

/// What happened to a partner before, as far as its state tells.
fn count_earlier(entry: &Entry, happened: &mut BTreeMap<&'static str, u64>) {
    let state = &entry.state;
    let known = [
        ("partner.joined", state.profile.joined_at.value.is_some()),
        ("partner.approved", state.profile.approved_at.value.is_some()),
        ("conversion.recorded", state.moments.get(Moment::Conversion).is_some()),
        ("link.clicked", state.moments.get(Moment::Click).is_some()),
        ("login", state.moments.get(Moment::Login).is_some()),
    ];
    for (kind, _) in known.into_iter().filter(|(_, was)| *was) {
        *happened.entry(kind).or_default() += 1;
    }
}

/// What happened before of what starts a workflow: people for events, occurrences for signals.
pub fn earlier(
    workflow: &Workflow,
    happened: &BTreeMap<&'static str, u64>,
    raised: &[(String, i64)],
) -> BTreeMap<String, u64> {
    let events = happened.iter().map(|(kind, people)| ((*kind).to_owned(), *people));
    let signals = raised.iter().filter_map(|(name, count)| {
        let kind = name.strip_prefix("signals/")?;
        // What lasts is looked at again: it counts among those who enter at once.
        (!rapport_workflow::is_lasting(kind)).then(|| (kind.to_owned(), u64::try_from(*count).unwrap_or(0)))
    });
    events.chain(signals).filter(|(kind, count)| *count > 0 && workflow.starts_on(kind)).collect()
}
