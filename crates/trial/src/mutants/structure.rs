//! Changes of what a compiled workflow is made of: something that is written is left out, swapped or turned round.

use rapport_rule::length::Length;
use rapport_workflow::calendar::Wait;
use rapport_workflow::{DeliveryPolicy, Late, MailKind, Once, Priority, Step, StopWhen, Verb, Workflow};

/// A changed workflow.
pub(super) struct Changed {
    pub(super) what: String,
    /// 1-based; of what stands before the steps the first line.
    pub(super) line: usize,
    pub(super) workflow: Workflow,
}

/// Takes a part of a wait away.
type Part = (&'static str, bool, fn(&mut Wait));

/// Collects changes of one workflow.
struct Changes<'a> {
    of: &'a Workflow,
    all: Vec<Changed>,
}

impl Changes<'_> {
    fn add(&mut self, what: impl Into<String>, change: impl Fn(&mut Workflow)) {
        self.at(1, what.into(), &change);
    }

    fn at(&mut self, line: usize, what: String, change: &dyn Fn(&mut Workflow)) {
        let mut workflow = self.of.clone();
        change(&mut workflow);
        // Another version, so that nothing takes it for the one it was made of.
        workflow.version = format!("{}+{what}", workflow.version).into();
        self.all.push(Changed { what, line, workflow });
    }

    fn step(&mut self, index: usize, what: &str, change: impl Fn(&mut Step)) {
        let Some(step) = self.of.steps.get(index) else { return };
        self.at(step.line, format!("step `{}`: {what}", step.id), &|workflow| {
            if let Some(step) = workflow.steps.get_mut(index) {
                change(step);
            }
        });
    }
}

pub(super) fn all(workflow: &Workflow) -> Vec<Changed> {
    let mut changes = Changes { of: workflow, all: Vec::new() };
    beginning(&mut changes);
    running(&mut changes);
    for (index, step) in workflow.steps.iter().enumerate() {
        of_step(&mut changes, index, step);
    }
    changes.all
}

/// What decides who enters.
fn beginning(changes: &mut Changes<'_>) {
    let of = changes.of;
    let entry = &of.entry;
    if of.when.len() > 1 {
        for (index, kind) in of.when.iter().enumerate() {
            changes.add(format!("without `when: {}`", kind.0), |workflow| drop(workflow.when.remove(index)));
        }
    }
    if entry.if_.is_some() {
        changes.add("without `if` at entry", |workflow| workflow.entry.if_ = None);
    }
    if entry.unless.is_some() {
        changes.add("without `unless` at entry", |workflow| workflow.entry.unless = None);
    }
    match &entry.once {
        Once::PerEvent => changes.add("`once: per partner`", |workflow| workflow.entry.once = Once::PerPartner),
        _ => changes.add("`once: every 1 minutes`", |workflow| workflow.entry.once = Once::Every(Length::Minutes(1))),
    }
    if entry.combine.is_some() {
        changes.add("without `combine`", |workflow| workflow.entry.combine = None);
    }
    if entry.since.is_some() {
        changes.add("without `since`", |workflow| workflow.entry.since = None);
    }
    if !entry.programs.is_empty() {
        changes.add("without `programs`", |workflow| workflow.entry.programs.clear());
    }
    if entry.at_most.is_some() {
        changes.add("without `at_most` at entry", |workflow| workflow.entry.at_most = None);
    }
    if let Some(late) = &entry.if_late {
        changes.add("without `if_late`", |workflow| workflow.entry.if_late = None);
        for (then, name) in [(Late::Send, "send"), (Late::Skip, "skip"), (Late::LatestOnly, "latest_only")] {
            // To send what is late is to write nothing of it.
            if late.then != then && then != Late::Send {
                changes.add(format!("`if_late: {name}`"), |workflow| {
                    if let Some(late) = &mut workflow.entry.if_late {
                        late.then = then;
                    }
                });
            }
        }
    }
    let usual = entry.statuses.len() == 1 && entry.statuses.contains("active");
    if !usual {
        changes.add("without `statuses`", |workflow| workflow.entry.statuses = ["active".to_owned()].into());
        for status in entry.statuses.iter().filter(|_| entry.statuses.len() > 1) {
            changes.add(format!("without `statuses: {status}`"), |workflow| {
                workflow.entry.statuses.remove(status);
            });
        }
    }
}

/// What holds while it runs.
fn running(changes: &mut Changes<'_>) {
    let of = changes.of;
    for (index, stop) in of.stop_when.iter().enumerate() {
        let name = match stop {
            StopWhen::Event(kind) => kind.0.to_string(),
            StopWhen::True { text, .. } => text.to_string(),
        };
        changes.add(format!("without `stop_when: {name}`"), |workflow| drop(workflow.stop_when.remove(index)));
    }
    if of.notice.is_some() {
        changes.add("without `notice`", |workflow| workflow.notice = None);
    }
    // Replies stop no service workflow, whatever it says.
    if !of.stops_on_reply && of.is_marketing() {
        changes.add("without `on_reply: continue`", |workflow| workflow.stops_on_reply = true);
    }
    if let Some(holds) = &of.holds {
        changes.add("without `holds`", |workflow| workflow.holds = None);
        for (index, held) in holds.workflows.iter().enumerate().filter(|_| holds.workflows.len() > 1) {
            changes.add(format!("without `holds: {held}`"), |workflow| {
                if let Some(holds) = &mut workflow.holds {
                    holds.workflows.remove(index);
                }
            });
        }
    }
    if of.priority != Priority::Normal {
        changes.add("without `priority`", |workflow| workflow.priority = Priority::Normal);
    }
    if of.mail.delivery == DeliveryPolicy::AtLeastOnce {
        changes
            .add("without `delivery: at_least_once`", |workflow| workflow.mail.delivery = DeliveryPolicy::AtMostOnce);
    }
}

fn of_step(changes: &mut Changes<'_>, index: usize, step: &Step) {
    changes.step(index, "left out", |step| step.verb = Verb::Choose { arms: Vec::new(), otherwise: step.next });
    if step.if_.is_some() {
        changes.step(index, "without its `if`", |step| step.if_ = None);
    }
    if step.unless.is_some() {
        changes.step(index, "without its `unless`", |step| step.unless = None);
    }
    match &step.verb {
        Verb::Choose { arms, .. } if !arms.is_empty() => {
            changes.step(index, "branches swapped", |step| {
                if let Verb::Choose { arms, otherwise } = &mut step.verb
                    && let Some(first) = arms.first_mut()
                {
                    std::mem::swap(&mut first.then, otherwise);
                }
            });
            for at in 1..arms.len() {
                changes.step(index, &format!("arms {at} and {} swapped", at + 1), |step| {
                    if let Verb::Choose { arms, .. } = &mut step.verb
                        && let Some([one, other]) = arms.get_mut(at - 1..=at)
                    {
                        std::mem::swap(&mut one.then, &mut other.then);
                    }
                });
            }
        }
        Verb::Split(_) => changes.step(index, "ways swapped", |step| {
            if let Verb::Split(ways) = &mut step.verb
                && let [first, .., last] = ways.as_mut_slice()
            {
                std::mem::swap(&mut first.then, &mut last.then);
            }
        }),
        Verb::WaitFor(wait) => {
            changes.step(index, "`then` and `otherwise` swapped", |step| {
                if let Verb::WaitFor(wait) = &mut step.verb {
                    std::mem::swap(&mut wait.then, &mut wait.otherwise);
                }
            });
            if wait.from_now {
                changes.step(index, "without `from: now`", |step| {
                    if let Verb::WaitFor(wait) = &mut step.verb {
                        wait.from_now = false;
                    }
                });
            }
            for (at, kind) in wait.kinds.iter().enumerate().filter(|_| wait.kinds.len() > 1) {
                changes.step(index, &format!("without `{}`", kind.0), |step| {
                    if let Verb::WaitFor(wait) = &mut step.verb {
                        wait.kinds.remove(at);
                    }
                });
            }
        }
        Verb::Wait(wait) => {
            let parts: [Part; 3] = [
                ("without its clock time", wait.at.is_some(), |wait| wait.at = None),
                ("without `on_days`", wait.on_days.is_some(), |wait| wait.on_days = None),
                ("without `at_most`", wait.at_most.is_some(), |wait| wait.at_most = None),
            ];
            for (what, _, change) in parts.into_iter().filter(|(_, written, _)| *written) {
                changes.step(index, what, |step| {
                    if let Verb::Wait(wait) = &mut step.verb {
                        change(wait);
                    }
                });
            }
        }
        Verb::Email(email) => {
            let unwritten = if changes.of.mail.kind == MailKind::Service { 7 } else { 3 };
            // `expires: 3 days` says what holds anyway.
            if email.expires != Length::Days(unwritten) {
                changes.step(index, "without `expires`", |step| {
                    if let Verb::Email(email) = &mut step.verb {
                        email.expires = Length::Days(unwritten);
                    }
                });
            }
            if email.or_else.is_some() {
                changes.step(index, "without `or_else`", |step| {
                    if let Verb::Email(email) = &mut step.verb {
                        email.or_else = None;
                    }
                });
            }
            if email.has_if_not_sent {
                changes.step(index, "without `if_not_sent`", |step| {
                    if let Verb::Email(email) = &mut step.verb {
                        (email.if_not_sent, email.has_if_not_sent) = (None, false);
                    }
                });
            }
            if email.offer.is_some() {
                changes.step(index, "without `offer`", |step| {
                    if let Verb::Email(email) = &mut step.verb {
                        email.offer = None;
                    }
                });
            }
        }
        Verb::Task(task) => {
            if task.due.is_some() && task.choice.is_none() {
                changes.step(index, "without `due`", |step| {
                    if let Verb::Task(task) = &mut step.verb {
                        task.due = None;
                    }
                });
            }
            let Some(choice) = &task.choice else { return };
            for other in choice.choices.iter().filter(|other| **other != choice.default) {
                changes.step(index, &format!("`default: {other}`"), |step| {
                    if let Verb::Task(task) = &mut step.verb
                        && let Some(choice) = &mut task.choice
                    {
                        choice.default = other.clone();
                    }
                });
            }
        }
        _ => {}
    }
}
