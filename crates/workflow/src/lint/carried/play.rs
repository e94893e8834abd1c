//! Follows one made-up partner through what workflows write on them, until everything stands as it stood before: then it
//! goes on for ever.
//!
//! It goes as the engine does: an event is heard at once, memberships are compared at the partner's next event or when a day
//! is closed, and a segment that lasts is looked at again. Where a journey may go several ways, it goes on only where one of
//! them leads past all that writes, tells or ends; else it is over here. So a round that is found can be gone.

mod steps;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use rapport_rule::expr::Truth;

use super::known::{ACTIVE, Carried, Judge};
use crate::config::Segments;
use crate::model::{Once, StopWhen, Timed, Workflow};

pub(super) use steps::{acts, field, tells_others};

/// So many journeys are followed; a round is far shorter.
const BEGUN_MAX: usize = 60;
/// So many times something happens; many waits on end are no round.
const TURNS_MAX: usize = 600;

/// What begins a journey.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Cause {
    Entered(Arc<str>),
    Left(Arc<str>),
    /// An event of this kind.
    Event(Arc<str>),
    /// Another journey's `start:`.
    Start,
}

/// The step that brought something about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct By {
    pub(super) workflow: usize,
    pub(super) line: usize,
}

/// One piece of a round: a step brings about what begins a workflow.
#[derive(Debug, Clone)]
pub(super) struct Link {
    pub(super) by: By,
    pub(super) cause: Cause,
    pub(super) to: usize,
}

/// A way round that leads back to where it began.
#[derive(Debug)]
pub(super) struct Round {
    pub(super) links: Vec<Link>,
    /// How long it takes at the soonest.
    pub(super) minutes: i64,
    /// Whether it goes on by itself: no wait and no question stands in it.
    pub(super) is_headlong: bool,
    /// Clauses that have to hold, or not to hold (`not: …`), all the way round.
    pub(super) taken: Vec<String>,
}

/// All that decides how it goes on. Times are counted from now, so that two moments can be the same.
#[derive(Debug, Clone, Default, PartialEq)]
struct World {
    carried: Carried,
    /// Memberships at the last look.
    members: BTreeMap<Arc<str>, bool>,
    /// Workflows that this stay in a segment has begun.
    served: BTreeSet<(usize, Arc<str>)>,
    open: Vec<Open>,
    told: VecDeque<Told>,
    /// Workflows that begin no more, unless with every event.
    used: BTreeSet<usize>,
    /// Minutes since workflows with `once: every …` began.
    since: BTreeMap<usize, i64>,
}

/// A journey that waits.
#[derive(Debug, Clone, PartialEq)]
struct Open {
    workflow: usize,
    /// The step it goes on with.
    at: usize,
    /// In how many minutes.
    after: i64,
    /// Workflows that its trigger has begun.
    chain: BTreeSet<usize>,
}

/// What may begin journeys.
#[derive(Debug, Clone, PartialEq)]
struct Told {
    cause: Cause,
    /// The one workflow that is meant; else all that begin on it.
    to: Option<usize>,
    by: Option<By>,
    chain: BTreeSet<usize>,
}

/// A journey that began, and how things stood then.
struct Begun {
    workflow: usize,
    cause: Cause,
    by: Option<By>,
    at: i64,
    world: World,
}

pub(super) struct Play<'a> {
    workflows: &'a [Arc<Workflow>],
    /// Segments that triggers ask for.
    watched: &'a BTreeSet<Arc<str>>,
    judge: Judge<'a>,
    world: World,
    begun: Vec<Begun>,
    /// Minutes since it began.
    now: i64,
    /// The step that last led into or out of a segment.
    movers: BTreeMap<Arc<str>, By>,
    is_headlong: bool,
}

impl<'a> Play<'a> {
    pub(super) fn new(
        workflows: &'a [Arc<Workflow>],
        segments: &'a Segments,
        watched: &'a BTreeSet<Arc<str>>,
        written: &'a BTreeSet<Arc<str>>,
        carried: Carried,
    ) -> Self {
        Play {
            workflows,
            watched,
            judge: Judge::new(segments, written),
            world: World { carried, ..World::default() },
            begun: Vec::new(),
            now: 0,
            movers: BTreeMap::new(),
            is_headlong: true,
        }
    }

    /// Lets a workflow begin, if it may, and follows what comes of it.
    pub(super) fn round(mut self, first: usize, cause: Cause) -> Option<Round> {
        for segment in self.watched {
            let member = self.judge.member(segment, &self.world.carried);
            if member != Truth::Unknown {
                self.world.members.insert(segment.clone(), member.is_true());
            }
        }
        let is_so = match &cause {
            Cause::Entered(segment) => self.world.members.get(segment) == Some(&true),
            Cause::Left(segment) => self.world.members.get(segment) == Some(&false),
            Cause::Event(_) | Cause::Start => true,
        };
        if !is_so {
            return None;
        }
        // Whoever is in a segment has been met there.
        let workflows = self.workflows;
        for (index, workflow) in workflows.iter().enumerate() {
            let entered = workflow.timed.iter().filter_map(|timed| match timed {
                Timed::Entered(segment) => Some(segment),
                _ => None,
            });
            for segment in entered.filter(|segment| self.world.members.get(*segment) == Some(&true)) {
                self.world.served.insert((index, segment.clone()));
            }
        }
        self.world.told.push_back(Told { cause, to: Some(first), by: None, chain: BTreeSet::new() });
        for _ in 0..TURNS_MAX {
            if self.begun.len() > BEGUN_MAX {
                return None;
            }
            if let Some(told) = self.world.told.pop_front() {
                if let Some(round) = self.hear(&told) {
                    return Some(round);
                }
            } else if self.begun.is_empty() || !(self.look() || self.go_on() || self.wait()) {
                return None;
            }
        }
        None
    }

    fn workflow(&self, index: usize) -> Option<&'a Workflow> {
        let workflows = self.workflows;
        workflows.get(index).map(|workflow| &**workflow)
    }

    fn hear(&mut self, told: &Told) -> Option<Round> {
        let workflows = self.workflows;
        if let Cause::Event(kind) = &told.cause {
            self.world.open.retain(|open| {
                let stops = workflows.get(open.workflow).map(|workflow| workflow.stop_when.iter());
                !stops
                    .into_iter()
                    .flatten()
                    .any(|stop| matches!(stop, StopWhen::Event(pattern) if pattern.matches(kind)))
            });
        }
        for (to, workflow) in workflows.iter().enumerate() {
            let is_meant = match (told.to, &told.cause) {
                (Some(meant), _) => meant == to,
                (None, Cause::Event(kind)) => workflow.starts_on(kind),
                (None, _) => false,
            };
            if is_meant
                && self.admits(to, told)
                && let Some(round) = self.begin(to, told)
            {
                return Some(round);
            }
        }
        None
    }

    /// Whether a workflow's entry certainly may let the partner in.
    fn admits(&mut self, to: usize, told: &Told) -> bool {
        let Some(workflow) = self.workflow(to) else { return false };
        let entry = &workflow.entry;
        // What joins another journey begins none.
        if entry.combine.is_some() || !entry.statuses.contains(ACTIVE) || told.chain.contains(&to) {
            return false;
        }
        let runs = self.world.open.iter().any(|open| open.workflow == to);
        let once_more = match &entry.once {
            Once::PerEvent => true,
            Once::PerPartner | Once::Per(_) => !runs && !self.world.used.contains(&to),
            Once::Every(length) => {
                let is_due = self.world.since.get(&to).is_none_or(|since| *since >= length.about_minutes());
                !runs && is_due && !self.world.used.contains(&to)
            }
        };
        once_more && self.judge.passes(entry.if_.as_ref(), entry.unless.as_ref(), &self.world.carried).is_true()
    }

    /// Begins a journey; the round if it began before with everything as it is now.
    fn begin(&mut self, to: usize, told: &Told) -> Option<Round> {
        let workflow = self.workflow(to)?;
        if let Cause::Entered(segment) = &told.cause {
            self.world.served.insert((to, segment.clone()));
        }
        // A journey that only writes does not use up `once`.
        match &workflow.entry.once {
            Once::PerPartner if !acts(workflow) => {}
            Once::PerPartner | Once::Per(_) => {
                self.world.used.insert(to);
            }
            Once::Every(_) if acts(workflow) => {
                self.world.since.insert(to, 0);
            }
            Once::Every(_) | Once::PerEvent => {}
        }
        let begun =
            Begun { workflow: to, cause: told.cause.clone(), by: told.by, at: self.now, world: self.world.clone() };
        let same =
            |earlier: &Begun| earlier.workflow == to && earlier.cause == begun.cause && earlier.world == begun.world;
        let before = self.begun.iter().position(same);
        self.begun.push(begun);
        if let Some(before) = before {
            return self.closed(before);
        }
        let mut chain = told.chain.clone();
        chain.insert(to);
        self.run(workflow, Open { workflow: to, at: 0, after: 0, chain });
        None
    }

    /// The round from an earlier beginning to the last, by the steps that led from one to the next.
    fn closed(&self, from: usize) -> Option<Round> {
        let first = self.begun.get(from)?;
        let mut index = self.begun.len().checked_sub(1)?;
        let minutes = self.begun.get(index)?.at - first.at;
        let (mut links, mut programs) = (Vec::new(), None::<BTreeSet<String>>);
        while index > from {
            let begun = self.begun.get(index)?;
            let by = begun.by?;
            links.push(Link { by, cause: begun.cause.clone(), to: begun.workflow });
            let of = &self.workflow(begun.workflow)?.entry.programs;
            if !of.is_empty() {
                programs = Some(programs.map_or_else(|| of.clone(), |all| all.intersection(of).cloned().collect()));
            }
            index = self.begun.get(..index)?.iter().rposition(|earlier| earlier.workflow == by.workflow)?;
        }
        links.reverse();
        let is_closed = links.first().is_some_and(|link| link.by.workflow == first.workflow);
        let is_of_one = programs.is_none_or(|programs| !programs.is_empty());
        if !is_closed || !is_of_one || !self.judge.can_all_be() {
            return None;
        }
        let taken = self.judge.taken().iter().map(|taken| {
            let text = taken.clause.text();
            if taken.holds { text.to_owned() } else { format!("not: {text}") }
        });
        Some(Round { links, minutes, is_headlong: self.is_headlong, taken: taken.collect() })
    }

    /// Compares memberships. Whether anything begins.
    fn look(&mut self) -> bool {
        let (workflows, watched) = (self.workflows, self.watched);
        // Membership now, and at the last look.
        let mut seen: BTreeMap<&Arc<str>, (bool, Option<bool>)> = BTreeMap::new();
        for segment in watched {
            let is_member = match self.judge.member(segment, &self.world.carried) {
                Truth::True => true,
                Truth::False => false,
                // What cannot be said changes nothing.
                Truth::Unknown => continue,
            };
            seen.insert(segment, (is_member, self.world.members.insert(segment.clone(), is_member)));
            if !is_member {
                self.world.served.retain(|(_, known)| known != segment);
            }
        }
        let mut begins = false;
        for (to, workflow) in workflows.iter().enumerate() {
            for timed in &workflow.timed {
                let Some(segment) = timed.membership() else { continue };
                let cause = match (timed, seen.get(segment)) {
                    (Timed::Entered(_), Some((true, Some(_))))
                        if !self.world.served.contains(&(to, segment.clone())) =>
                    {
                        Cause::Entered(segment.clone())
                    }
                    (Timed::Left(_), Some((false, Some(true)))) => Cause::Left(segment.clone()),
                    _ => continue,
                };
                let by = self.movers.get(segment).copied();
                let told = Told { cause, to: Some(to), by, chain: BTreeSet::new() };
                // Leaving is told once; being in is told again.
                if self.admits(to, &told) {
                    self.world.told.push_back(told);
                    begins = true;
                }
            }
        }
        begins
    }

    /// Moves a journey on whose time has come.
    fn go_on(&mut self) -> bool {
        let Some(due) = self.world.open.iter().position(|open| open.after == 0) else { return false };
        let open = self.world.open.remove(due);
        if let Some(workflow) = self.workflow(open.workflow) {
            self.run(workflow, open);
        }
        true
    }

    /// Lets time pass until a journey goes on, or `once: every …` lets somebody in again.
    fn wait(&mut self) -> bool {
        let every = |index: usize| match self.workflow(index).map(|workflow| &workflow.entry.once) {
            Some(Once::Every(length)) => length.about_minutes(),
            _ => 0,
        };
        let again = self.world.since.iter().map(|(index, since)| every(*index) - since).filter(|left| *left > 0);
        let Some(passed) = self.world.open.iter().map(|open| open.after).chain(again).min() else { return false };
        let caps: Vec<(usize, i64)> = self.world.since.keys().map(|index| (*index, every(*index))).collect();
        for (index, cap) in caps {
            if let Some(since) = self.world.since.get_mut(&index) {
                *since = (*since + passed).min(cap);
            }
        }
        self.world.open.iter_mut().for_each(|open| open.after -= passed);
        self.now += passed;
        true
    }
}
