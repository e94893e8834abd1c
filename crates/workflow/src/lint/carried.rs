//! Workflows that begin each other for ever by what they write on a partner: one gives a tag, the tag leads into a segment,
//! the segment begins another that takes the tag away, and so on.
//!
//! A round is told only when a partner can go it: all that tags and fields decide is played, and what else a condition asks
//! is taken to stay as it is, as long as that can certainly be. What a condition asks of the trigger, of mails sent or of
//! moving figures cannot be taken so, nor can a step inside a decision: there somebody has put a brake.

mod known;
mod play;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rapport_event::Kind;
use rapport_rule::expr::Condition;
use rapport_rule::{Findings, Length, Sources};

use super::{key_span, path_of};
use crate::config::Segments;
use crate::model::{Timed, Verb, Workflow};
use known::{Carried, TAGS};
use play::{Cause, Link, Play, Round};

/// Up to so many tags all ways of having them are tried; of more, none, each and all.
const TAGS_MAX: usize = 4;
/// So many ways of beginning are tried for each trigger, and so many in all: nobody writes more, and nobody waits for it.
const STARTS_MAX: usize = 64;
const PLAYS_MAX: usize = 500;

/// `said`: workflows of which it was told that they begin themselves.
pub(super) fn check(
    workflows: &[Arc<Workflow>],
    segments: &Segments,
    said: &BTreeSet<usize>,
    sources: &Sources,
    findings: &mut Findings,
) {
    let updated: Arc<str> = Arc::from(&*Kind::PartnerUpdated.name());
    let watched: BTreeSet<Arc<str>> =
        workflows.iter().flat_map(|workflow| &workflow.timed).filter_map(|timed| timed.membership().cloned()).collect();
    let writes = writes(workflows);
    let written: BTreeSet<Arc<str>> = writes.fields.iter().map(|(field, _)| field.clone()).collect();
    if writes.tags.is_empty() && written.is_empty() {
        return;
    }
    let starts = starts(&writes, &asked(workflows, segments));
    let mut rounds: BTreeMap<BTreeSet<usize>, Round> = BTreeMap::new();
    let mut plays = 0..PLAYS_MAX;
    for (index, workflow) in workflows.iter().enumerate() {
        if said.contains(&index) || !workflow.steps.iter().any(play::tells_others) {
            continue;
        }
        let mut causes: Vec<Cause> = workflow.timed.iter().filter_map(cause).collect();
        causes.extend(workflow.starts_on(&updated).then(|| Cause::Event(updated.clone())));
        for cause in causes {
            for (carried, _) in starts.iter().zip(&mut plays) {
                let play = Play::new(workflows, segments, &watched, &written, carried.clone());
                let Some(round) = play.round(index, cause.clone()) else { continue };
                let who: BTreeSet<usize> = round.links.iter().map(|link| link.to).collect();
                let is_known = rounds.get(&who).is_some_and(|known| worth(known) <= worth(&round));
                if !is_known && who.is_disjoint(said) {
                    rounds.insert(who, round);
                }
            }
        }
    }
    let sets: Vec<BTreeSet<usize>> = rounds.keys().cloned().collect();
    for (who, round) in &rounds {
        // Of a round within a round the smaller one is told.
        if !sets.iter().any(|other| other != who && other.is_subset(who)) {
            report(workflows, round, sources, findings);
        }
    }
}

/// The worst first: what goes by itself and for everybody, then what is soonest.
fn worth(round: &Round) -> (bool, usize, i64) {
    (!is_for_ever(round), round.taken.len(), round.minutes)
}

/// Whether nobody can mean it: it goes round for everybody, and nothing takes time.
fn is_for_ever(round: &Round) -> bool {
    round.is_headlong && round.minutes == 0 && round.taken.is_empty()
}

fn report(workflows: &[Arc<Workflow>], round: &Round, sources: &Sources, findings: &mut Findings) {
    // Told where the first of them stands, beginning with what it does.
    let Some(first) = round.links.iter().map(|link| link.by.workflow).min() else { return };
    let turn = round.links.iter().position(|link| link.by.workflow == first).unwrap_or_default();
    let mut links = round.links.clone();
    links.rotate_left(turn);
    let Some(workflow) = workflows.get(first) else { return };
    let id = |index: usize| workflows.get(index).map(|workflow| format!("`{}`", workflow.id)).unwrap_or_default();
    let mut others: Vec<String> = Vec::new();
    for link in links.iter().filter(|link| link.to != first) {
        let other = id(link.to);
        if !others.contains(&other) {
            others.push(other);
        }
    }
    let message = match others.as_slice() {
        [] => "what this workflow writes on partners begins it again".to_owned(),
        others => format!("this workflow and {} begin each other by what they write on partners", others.join(", ")),
    };
    let (path, span) = (path_of(workflow), key_span(workflow, "when", sources));
    let found = match is_for_ever(round) {
        true => findings.error("R0611", &path, span, message),
        false => findings.warning("R0611", &path, span, message),
    };
    let label: Vec<String> = links.iter().map(|link| told(link, first, &id)).collect();
    found.label(label.join(", ")).hint(hint(workflows, round, &links));
}

/// One piece of a round: "line 7 brings `entered: resting` and begins `second`".
fn told(link: &Link, first: usize, id: &dyn Fn(usize) -> String) -> String {
    let line = match link.by.workflow == first {
        true => format!("line {}", link.by.line),
        false => format!("line {} of {}", link.by.line, id(link.by.workflow)),
    };
    let brings = match &link.cause {
        Cause::Entered(segment) => format!("brings `entered: {segment}` and begins"),
        Cause::Left(segment) => format!("brings `left: {segment}` and begins"),
        Cause::Event(kind) => format!("is told as `{kind}` and begins"),
        Cause::Start => "begins".to_owned(),
    };
    let to = if link.to == first { "this workflow".to_owned() } else { id(link.to) };
    format!("{line} {brings} {to}")
}

/// How fast it goes, for whom, and what breaks it.
fn hint(workflows: &[Arc<Workflow>], round: &Round, links: &[Link]) -> String {
    let looks = links.iter().any(|link| matches!(link.cause, Cause::Entered(_) | Cause::Left(_)));
    let pace = match (round.minutes, round.is_headlong) {
        (0, true) if looks => {
            "It goes on with every event of the partner, at the latest when a day is closed.".to_owned()
        }
        (0, true) => "No time passes: the engine takes the partner out after 32 rounds.".to_owned(),
        (0, false) => "How long a round takes hangs on what it waits for.".to_owned(),
        (minutes, _) => format!("A round takes {} at the soonest.", length(minutes)),
    };
    let whose = match round.taken.as_slice() {
        [] => String::new(),
        taken => {
            let taken: Vec<String> = taken.iter().map(|text| format!("`{text}`")).collect();
            format!(" Partners go round while it is so: {}.", taken.join(", "))
        }
    };
    // Whoever only writes on the partner may always begin again.
    let holds = |link: &Link| workflows.get(link.to).is_some_and(|workflow| play::acts(workflow));
    let once = if links.iter().any(holds) { "`once: per partner` where mail is sent, or " } else { "" };
    format!("{pace}{whose} What breaks it: {once}a condition under `if` on what these steps write.")
}

fn length(minutes: i64) -> Length {
    match (minutes % (24 * 60), minutes % 60) {
        (0, _) => Length::Days(minutes / (24 * 60)),
        (_, 0) => Length::Hours(minutes / 60),
        _ => Length::Minutes(minutes),
    }
}

fn cause(timed: &Timed) -> Option<Cause> {
    match timed {
        Timed::Entered(segment) => Some(Cause::Entered(segment.clone())),
        Timed::Left(segment) => Some(Cause::Left(segment.clone())),
        _ => None,
    }
}

/// What steps write.
struct Writes {
    tags: BTreeSet<Arc<str>>,
    fields: BTreeSet<(Arc<str>, Option<Arc<str>>)>,
}

fn writes(workflows: &[Arc<Workflow>]) -> Writes {
    let mut writes = Writes { tags: BTreeSet::new(), fields: BTreeSet::new() };
    for step in workflows.iter().flat_map(|workflow| &workflow.steps) {
        match &step.verb {
            Verb::Tag { tag, .. } => {
                writes.tags.insert(tag.clone());
            }
            Verb::Set(fields) => {
                writes.fields.extend(fields.iter().map(|set| (play::field(&set.field), set.value.clone())));
            }
            _ => {}
        }
    }
    writes
}

/// Tags that conditions of segments and entries name.
fn asked(workflows: &[Arc<Workflow>], segments: &Segments) -> BTreeSet<Arc<str>> {
    let entries = workflows.iter().flat_map(|workflow| [&workflow.entry.if_, &workflow.entry.unless]).flatten();
    let conditions: Vec<&Condition> =
        segments.segments.iter().map(|segment| &segment.condition).chain(entries).collect();
    let mut tags = BTreeSet::new();
    for condition in conditions {
        condition.each_clause(&mut |clause| {
            if clause.names().iter().any(|name| **name == *TAGS) {
                // Every other piece stands between quotes.
                tags.extend(clause.text().split(['"', '\'']).skip(1).step_by(2).map(Arc::<str>::from));
            }
        });
    }
    tags
}

/// What a partner may carry before it begins.
fn starts(writes: &Writes, asked: &BTreeSet<Arc<str>>) -> Vec<Carried> {
    let tags: Vec<&Arc<str>> = writes.tags.union(asked).collect();
    let mut some: Vec<BTreeSet<Arc<str>>> = vec![BTreeSet::new()];
    if tags.len() <= TAGS_MAX {
        for tag in tags {
            let with: Vec<BTreeSet<Arc<str>>> =
                some.iter().map(|set| set.iter().chain([tag]).cloned().collect()).collect();
            some.extend(with);
        }
    } else {
        some.extend(tags.iter().map(|tag| BTreeSet::from([(*tag).clone()])));
        some.push(tags.into_iter().cloned().collect());
    }
    let none = some.iter().map(|tags| Carried { tags: tags.clone(), fields: BTreeMap::new() });
    let with = writes.fields.iter().flat_map(|(field, value)| {
        let fields = BTreeMap::from([(field.clone(), value.clone())]);
        some.iter().map(move |tags| Carried { tags: tags.clone(), fields: fields.clone() })
    });
    none.chain(with).take(STARTS_MAX).collect()
}
