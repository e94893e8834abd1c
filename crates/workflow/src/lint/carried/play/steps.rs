//! The steps of one journey, as far as they write on the partner, tell others or take time.

use std::collections::BTreeSet;
use std::sync::Arc;

use rapport_event::Kind;
use rapport_rule::Length;
use rapport_rule::expr::Truth;

use super::super::known::Carried;
use super::{By, Cause, Open, Play, Told};
use crate::calendar::Wait;
use crate::model::{Arm, Once, Step, StopWhen, Verb, Workflow};

impl<'a> Play<'a> {
    /// Runs a journey until it waits or is over.
    pub(super) fn run(&mut self, workflow: &'a Workflow, mut open: Open) {
        let steps = &workflow.steps;
        let mut at = Some(open.at);
        while let Some((index, step)) = at.and_then(|index| Some((index, steps.get(index)?))) {
            if self.is_stopped(workflow) {
                return self.lose(&open);
            }
            at = step.next;
            let inside = steps.get(index + 1..step.next.unwrap_or(steps.len())).unwrap_or_default();
            let inside_matters = inside.iter().any(matters);
            // Some go by a wait that others have to keep.
            let may_wait = inside.iter().any(takes_time);
            match self.judge.passes(step.if_.as_ref(), step.unless.as_ref(), &self.world.carried) {
                Truth::True => {}
                Truth::False => continue,
                Truth::Unknown if inside_matters || matters(step) => return self.lose(&open),
                Truth::Unknown => {
                    self.is_headlong &= !may_wait && !takes_time(step);
                    continue;
                }
            }
            let by = By { workflow: open.workflow, line: step.line };
            let pause = match &step.verb {
                Verb::Tag { tag, add } => {
                    self.write(by, |carried| match add {
                        true => carried.tags.insert(tag.clone()),
                        false => carried.tags.remove(tag),
                    });
                    continue;
                }
                Verb::Set(fields) => {
                    self.write(by, |carried| {
                        let written = fields.iter().map(|set| (field(&set.field), set.value.clone()));
                        carried.fields.extend(written);
                        true
                    });
                    continue;
                }
                Verb::Emit { kind } => {
                    self.tell(kind.clone(), by);
                    continue;
                }
                Verb::Award(_) => {
                    self.tell(named(&Kind::PartnerAwarded), by);
                    continue;
                }
                Verb::OpenCase(_) => {
                    self.tell(named(&Kind::CaseOpened), by);
                    continue;
                }
                Verb::Start { workflow: id } => {
                    let to = self.workflows.iter().position(|other| other.id == *id);
                    let told = Told { cause: Cause::Start, to, by: Some(by), chain: open.chain.clone() };
                    self.world.told.extend(to.map(|_| told));
                    continue;
                }
                Verb::Exit { .. } => return,
                Verb::Choose { arms, otherwise } => {
                    // Past arms that matter it goes only if none of them has to be taken.
                    if inside_matters && (*otherwise != step.next || !arms.iter().all(|arm| self.is_passed_by(arm))) {
                        return self.lose(&open);
                    }
                    self.is_headlong &= inside_matters || !may_wait;
                    continue;
                }
                Verb::Split(_) if inside_matters => return self.lose(&open),
                Verb::Split(_) => {
                    self.is_headlong &= !may_wait;
                    continue;
                }
                Verb::WaitFor(wait) => {
                    self.is_headlong = false;
                    match inside_matters {
                        true if wait.otherwise == step.next => wait.at_most.about_minutes(),
                        true if wait.then != step.next => return self.lose(&open),
                        _ => 0,
                    }
                }
                Verb::Wait(wait) => {
                    self.is_headlong = false;
                    soonest(wait)
                }
                Verb::Task(task) if task.choice.is_none() => continue,
                Verb::Task(_) => {
                    self.is_headlong = false;
                    0
                }
                Verb::Email(_) | Verb::Call(_) | Verb::Grant { .. } => 0,
            };
            let next = step.next.unwrap_or(steps.len());
            let rest = steps.get(next..).unwrap_or_default();
            // A journey that only waits for its end is of interest where its workflow begins no other meanwhile.
            let is_alone = !matches!(workflow.entry.once, Once::PerEvent);
            if rest.iter().any(matters) || is_alone && (takes_time(step) || rest.iter().any(takes_time)) {
                (open.at, open.after) = (next, pause);
                self.world.open.push(open);
            }
            return;
        }
    }

    /// Nobody can say how a journey goes on, nor until when it keeps its workflow from beginning again.
    fn lose(&mut self, open: &Open) {
        self.world.used.insert(open.workflow);
    }

    /// Whether the partner may certainly go past an arm.
    fn is_passed_by(&mut self, arm: &'a Arm) -> bool {
        match (&arm.if_, &arm.unless) {
            (Some(if_), None) => self.judge.judge(if_, false, &self.world.carried).is_false(),
            _ => false,
        }
    }

    fn is_stopped(&mut self, workflow: &'a Workflow) -> bool {
        workflow.stop_when.iter().any(|stop| match stop {
            StopWhen::True { condition, .. } => !self.judge.judge(condition, false, &self.world.carried).is_false(),
            StopWhen::Event(_) => false,
        })
    }

    /// Writes on the partner, which is an event of its own.
    fn write(&mut self, by: By, change: impl FnOnce(&mut Carried) -> bool) {
        let watched = self.watched;
        let before: Vec<Truth> =
            watched.iter().map(|segment| self.judge.member(segment, &self.world.carried)).collect();
        change(&mut self.world.carried);
        for (segment, before) in watched.iter().zip(before) {
            if self.judge.member(segment, &self.world.carried) != before {
                self.movers.insert(segment.clone(), by);
            }
        }
        self.tell(named(&Kind::PartnerUpdated), by);
    }

    fn tell(&mut self, kind: Arc<str>, by: By) {
        self.world.told.push_back(Told { cause: Cause::Event(kind), to: None, by: Some(by), chain: BTreeSet::new() });
    }
}

/// The name of a field that `set` writes, as conditions have it.
pub(in crate::lint::carried) fn field(name: &str) -> Arc<str> {
    format!("partner.{name}").into()
}

fn named(kind: &Kind) -> Arc<str> {
    Arc::from(&*kind.name())
}

/// Whether a step writes, tells others or ends the journey.
fn matters(step: &Step) -> bool {
    tells_others(step) || matches!(step.verb, Verb::Exit { .. })
}

/// Whether a journey stays at a step for a time that files say, or a person.
fn takes_time(step: &Step) -> bool {
    match &step.verb {
        Verb::Wait(_) | Verb::WaitFor(_) => true,
        Verb::Task(task) => task.choice.is_some(),
        _ => false,
    }
}

/// Whether others may begin by a step.
pub(in crate::lint::carried) fn tells_others(step: &Step) -> bool {
    matches!(
        step.verb,
        Verb::Tag { .. } | Verb::Set(_) | Verb::Emit { .. } | Verb::Award(_) | Verb::OpenCase(_) | Verb::Start { .. }
    )
}

/// Whether a workflow does what uses up `once`.
pub(in crate::lint::carried) fn acts(workflow: &Workflow) -> bool {
    workflow.steps.iter().any(|step| {
        matches!(
            step.verb,
            Verb::Email(_)
                | Verb::Task(_)
                | Verb::Emit { .. }
                | Verb::Grant { .. }
                | Verb::Award(_)
                | Verb::OpenCase(_)
                | Verb::Call(_)
        )
    })
}

/// How long a wait takes at the soonest, in minutes; a day in which clocks are moved is a day.
fn soonest(wait: &Wait) -> i64 {
    let least = wait.length.map_or(0, |length| match length {
        Length::Weekdays(days) => Length::Days(days).about_minutes(),
        other => other.about_minutes(),
    });
    wait.at_most.map_or(least, |limit| least.min(limit.about_minutes()))
}
