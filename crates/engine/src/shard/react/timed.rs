//! Triggers that are no event: segments entered and left, dates, schedules, broadcasts.
//!
//! What is due at a time stands as a timer of the partner, armed when the partner is first seen under the rulebook: by an
//! event, or else when the day is closed. Who is in which segment is remembered in a mark and compared after every event
//! and at every day close.

use std::{collections::BTreeMap, sync::Arc};

use jiff::{SignedDuration, Timestamp};
use rapport_journey::{BROADCAST, DATE_REACHED, EventSnapshot, SEGMENT_ENTERED, newest_issue};
use rapport_rule::expr::Truth;
use rapport_workflow::calendar;
use rapport_workflow::{Timed, Workflow};
use serde_json::json;

use super::{Follows, Place, Reaction, lasting};
use crate::{
    ports::rows::TimerRow,
    rulebooks::Applied,
    shard::{
        day_close,
        entry::Entry,
        facts::{Asked, Bare, PartnerFacts, marks},
    },
};

/// Subjects of timers of this module: `timed:WORKFLOW:INDEX`, and `send:WORKFLOW:INDEX:MILLIS` for a broadcast spread out.
pub(super) fn is_timer(subject: &str) -> bool {
    subject.starts_with("timed:") || subject.starts_with("send:")
}

/// Who is in which segment, and which timers are armed; a JSON mark.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize, serde::Deserialize)]
struct Kept {
    /// The rulebook the timers were armed under.
    #[serde(default)]
    rulebook: String,
    /// Segments looked at: since when the partner is a member; none for one who is not.
    #[serde(default)]
    segments: BTreeMap<String, Option<i64>>,
    /// Armed timers: subject → due, in milliseconds.
    #[serde(default)]
    armed: BTreeMap<String, i64>,
}

impl Kept {
    fn of(entry: &Entry) -> Arc<Self> {
        entry.state.mark_as(marks::TIMED).unwrap_or_default()
    }
}

/// Whether a day close has something to do here for the partner: a segment entered or left by the passing of time, one that
/// lasts and has begun no journey yet, a signal that lasts and is answered otherwise, timers of another rulebook, or a
/// membership, health or goal that only time changed.
#[must_use]
pub fn stirs(place: &Place<'_>, entry: &Entry) -> bool {
    let rulebook = &place.rulebook.rulebook;
    let Some(program) = rulebook.config.program(entry.key.program.as_str()) else { return false };
    let facts = PartnerFacts {
        state: &entry.state,
        rulebook: place.rulebook,
        program,
        now: place.now,
        began: place.began,
        reversed: None,
        figures: place.figures,
        expectations: place.expectations,
    };
    if day_close::due(&facts) || lasting::stirs(&facts, entry) {
        return true;
    }
    let mut triggers = place.rulebook.timed().peekable();
    if triggers.peek().is_none() {
        return false;
    }
    let kept = Kept::of(entry);
    if kept.rulebook != place.rulebook.hash {
        return true;
    }
    let asked = Asked::of(&facts);
    triggers.any(|(workflow, timed, _)| {
        let Some(segment) = timed.membership() else { return false };
        let known = kept.segments.get(&**segment).copied().flatten();
        match (asked.member(segment), known) {
            (Truth::True, Some(since)) => {
                matches!(timed, Timed::Entered(_)) && !served(entry, workflow, &entered_id(segment, since))
            }
            (Truth::True, None) => true,
            (Truth::False, Some(_)) => true,
            _ => false,
        }
    })
}

fn member(facts: &PartnerFacts<'_>, segment: &str) -> Truth {
    let declared = facts.rulebook.rulebook.segments.segment(segment);
    declared.map_or(Truth::Unknown, |segment| segment.condition.judge(&Bare(facts)))
}

fn entered_id(segment: &str, since: i64) -> String {
    format!("entered:{segment}:{since}")
}

fn served(entry: &Entry, workflow: &Workflow, id: &str) -> bool {
    entry.journeys.iter().any(|journey| journey.workflow == workflow.id && journey.was_triggered_by(id))
}

/// When a trigger is due next, after `after`.
pub(crate) fn due(facts: &PartnerFacts<'_>, timed: &Timed, after: Timestamp) -> Option<Timestamp> {
    let zone = &facts.program.zone;
    match timed {
        Timed::Entered(_) | Timed::Left(_) => None,
        Timed::Each { schedule, .. } | Timed::Broadcast { schedule, .. } => schedule.next_after(after, zone),
        Timed::Date { field, shift, before } => {
            let date = facts.local_day(field)?;
            let date = match shift.as_ref().and_then(|length| length.calendar_span()) {
                Some(span) if *before => date.checked_sub(span).ok()?,
                Some(span) => date.checked_add(span).ok()?,
                None => date,
            };
            Some(calendar::instant(date.into(), zone)).filter(|at| *at > after)
        }
    }
}

/// Whether the partner is among those a trigger is for, as things stand.
pub(crate) fn is_for(facts: &PartnerFacts<'_>, timed: &Timed) -> bool {
    match timed {
        Timed::Entered(segment) | Timed::Left(segment) => member(facts, segment).is_true(),
        Timed::Each { segment, .. } => segment.as_ref().is_none_or(|segment| member(facts, segment).is_true()),
        Timed::Broadcast { audience, .. } => audience.judge(&Bare(facts)).is_true(),
        Timed::Date { .. } => true,
    }
}

impl<'a> Reaction<'a> {
    /// Compares memberships and arms timers. `at_day_close`: memberships that last are looked at again.
    pub(super) fn keep_timed(&mut self, at_day_close: bool) {
        let rulebook = self.rulebook;
        if rulebook.timed().next().is_none() {
            return;
        }
        let before = Kept::of(self.entry);
        let segments = self.compare_memberships(&before, at_day_close);
        let is_of_this_rulebook = before.rulebook == rulebook.hash;
        let armed = self.armed(&before, is_of_this_rulebook);
        let stays = |(subject, due): &(&str, i64)| before.armed.get(*subject) == Some(due);
        // Nearly every look ends here.
        if is_of_this_rulebook && segments.is_empty() && armed.len() == before.armed.len() && armed.iter().all(stays) {
            return;
        }
        let armed: BTreeMap<String, i64> = armed.into_iter().map(|(subject, due)| (subject.to_owned(), due)).collect();
        for (subject, due) in &armed {
            if before.armed.get(subject) != Some(due)
                && let Ok(due) = Timestamp::from_millisecond(*due)
            {
                self.timers.set(TimerRow { due, subject: subject.clone(), key: self.entry.key.clone(), seq: 0 });
            }
        }
        for subject in before.armed.keys().filter(|subject| !armed.contains_key(*subject)) {
            self.timers.clear(&self.entry.key, subject);
        }
        let mut kept = Kept { rulebook: rulebook.hash.clone(), armed, segments: before.segments.clone() };
        kept.segments.extend(segments);
        self.remember(&before, kept);
    }

    /// What is to be armed, by subject.
    fn armed(&self, before: &Kept, is_of_this_rulebook: bool) -> Vec<(&'a str, i64)> {
        let rulebook: &'a Applied = self.rulebook;
        let (facts, now) = (self.facts(), self.now.as_millisecond());
        let mut armed = Vec::new();
        for (_, timed, subject) in rulebook.timed() {
            // A schedule once armed goes on by itself; a date moves with the partner's field.
            let known = before.armed.get(subject).copied();
            let fixed = known.filter(|due| is_of_this_rulebook && !matches!(timed, Timed::Date { .. }) && *due > now);
            let due = fixed.or_else(|| due(&facts, timed, self.now).map(Timestamp::as_millisecond));
            armed.extend(due.map(|due| (subject, due)));
        }
        armed
    }

    fn remember(&mut self, before: &Kept, kept: Kept) {
        if *before != kept {
            self.entry.state.keep_mark(marks::TIMED, kept);
        }
    }

    /// Compares memberships, and starts what begins on a change. Those that are to be kept otherwise than before.
    fn compare_memberships(&mut self, before: &Kept, at_day_close: bool) -> Vec<(String, Option<i64>)> {
        let rulebook = self.rulebook;
        let now = self.now.as_millisecond();
        let mut told: Vec<(Arc<str>, EventSnapshot)> = Vec::new();
        let mut changed = Vec::new();
        {
            let facts = self.facts();
            let asked = Asked::of(&facts);
            for (workflow, timed, _) in rulebook.timed() {
                let Some(segment) = timed.membership() else { continue };
                let known = before.segments.get(&**segment).copied();
                let is_member = match asked.member(segment) {
                    Truth::True => true,
                    Truth::False => false,
                    // What cannot be said changes nothing.
                    Truth::Unknown => continue,
                };
                let mut tell = |kind: &str, id: String| {
                    let payload =
                        json!({ "name": &**segment, "summary": format!("{} {segment}", kind.replace("segment.", "")) });
                    told.push((
                        workflow.id.clone(),
                        EventSnapshot { id, kind: kind.into(), occurred_at: self.now, payload },
                    ));
                };
                let mut keep = |since: Option<i64>| {
                    if known != Some(since) {
                        changed.push((segment.to_string(), since));
                    }
                };
                let entered = matches!(timed, Timed::Entered(_));
                match (known, is_member) {
                    (Some(Some(since)), true) => {
                        if at_day_close && entered && !served(self.entry, workflow, &entered_id(segment, since)) {
                            tell(SEGMENT_ENTERED, entered_id(segment, since));
                        }
                    }
                    (Some(None), true) => {
                        keep(Some(now));
                        if entered {
                            tell(SEGMENT_ENTERED, entered_id(segment, now));
                        }
                    }
                    (Some(Some(_)), false) => {
                        keep(None);
                        if !entered {
                            tell("segment.left", format!("left:{segment}:{now}"));
                        }
                    }
                    (None, true) => {
                        keep(Some(now));
                        // Whoever was there before the workflow did not enter now; a newcomer did.
                        let deployed = rulebook.deployed.get(&*workflow.id);
                        let newcomer =
                            self.entry.state.first_event_at.zip(deployed).is_some_and(|(first, at)| first >= *at);
                        if entered && newcomer {
                            tell(SEGMENT_ENTERED, entered_id(segment, now));
                        }
                    }
                    (None | Some(None), false) => keep(None),
                }
            }
        }
        for (workflow, snapshot) in told {
            self.queue.push_back((Follows::Start(workflow, snapshot), self.depth + 1));
        }
        changed
    }

    fn due(&self, timed: &Timed, after: Timestamp) -> Option<Timestamp> {
        due(&self.facts(), timed, after)
    }

    /// A timer of this module fired: who still fits is let in, and the next time is set.
    pub(super) fn fire_timed(&mut self, timer: &TimerRow) {
        let mut parts = timer.subject.split(':');
        let (what, id, index) = (parts.next(), parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let occurrence = parts.next().and_then(|millis| millis.parse().ok()).unwrap_or(timer.due.as_millisecond());
        let rulebook = self.rulebook.clone();
        let Some(workflow) = rulebook.rulebook.workflow(id) else { return };
        let Some(timed) = index.parse::<usize>().ok().and_then(|index| workflow.timed.get(index)) else { return };
        let snapshot = |kind: &str, id: String, name: &str| EventSnapshot {
            id,
            kind: kind.into(),
            occurred_at: self.now,
            payload: json!({ "name": name, "summary": name }),
        };
        let begins = match timed {
            Timed::Entered(_) | Timed::Left(_) => None,
            Timed::Date { field, .. } => {
                let on = self.program.zone.to_datetime(self.now).date();
                // With the date it was reckoned from: when that moves, what began here ends.
                self.facts().local_day(field).map(|date| {
                    let mut reached = snapshot(DATE_REACHED, format!("date:{id}:{on}"), field);
                    reached.payload["date"] = json!(date.to_string());
                    reached
                })
            }
            Timed::Each { segment, .. } => {
                let fits = segment.as_ref().is_none_or(|segment| member(&self.facts(), segment).is_true());
                fits.then(|| snapshot("schedule.due", format!("at:{id}:{occurrence}"), id))
            }
            Timed::Broadcast { audience, over, .. } => {
                let fits = audience.judge(&Bare(&self.facts())).is_true();
                let offset = over
                    .filter(|_| what == Some("timed"))
                    .map(|over| self.offset(id, occurrence, over.about_minutes()));
                match (fits, offset.filter(|offset| !offset.is_zero())) {
                    (false, _) => None,
                    (true, Some(offset)) => {
                        let due = timer.due.checked_add(offset).unwrap_or(timer.due);
                        let subject = format!("send:{id}:{index}:{occurrence}");
                        self.timers.set(TimerRow { due, subject, key: self.entry.key.clone(), seq: 0 });
                        None
                    }
                    (true, None) => {
                        let day = Timestamp::from_millisecond(occurrence).unwrap_or(self.now);
                        let day = self.program.zone.to_datetime(day).date();
                        // By the issue, so that nobody gets one twice; without issues, by the time.
                        let key = newest_issue(&rulebook.rulebook, id, day).map(|issue| issue.to_string());
                        Some(snapshot(BROADCAST, key.unwrap_or_else(|| format!("at:{id}:{occurrence}")), id))
                    }
                }
            }
        };
        if what == Some("timed") {
            let before = Kept::of(self.entry);
            let mut kept = Kept::clone(&before);
            kept.armed.remove(&timer.subject);
            if let Some(due) = self.due(timed, timer.due).filter(|_| !matches!(timed, Timed::Date { .. })) {
                self.timers.set(TimerRow { due, ..timer.clone() });
                kept.armed.insert(timer.subject.clone(), due.as_millisecond());
            }
            self.remember(&before, kept);
        }
        if let Some(snapshot) = begins {
            self.queue.push_back((Follows::Start(workflow.id.clone(), snapshot), self.depth + 1));
        }
    }

    /// This partner's place within the time a broadcast is spread over.
    fn offset(&self, workflow: &str, occurrence: i64, minutes: i64) -> SignedDuration {
        let key = &self.entry.key;
        let what = format!("{workflow}/{occurrence}");
        let drawn = rapport_contact::draw(0, key.program.as_str(), key.partner.as_str(), &what);
        SignedDuration::from_secs((drawn / 100.0 * 60.0 * minutes as f64) as i64)
    }
}
