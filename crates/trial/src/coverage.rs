//! Which steps and branches of a workflow its tests walk.

use std::collections::BTreeSet;

use rapport_journey::{Journey, TraceLine};
use rapport_workflow::{Step, Verb, Workflow};

/// What a journey notes of a mail that did not go out.
const NOT_SENT: [&str; 6] = ["suppressed", "expired", "failed", "no_such_mail", "offer_refused", "too_late_to_remind"];

/// What was walked, by step id and the way taken.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Coverage {
    steps: BTreeSet<String>,
    ways: BTreeSet<(String, String)>,
}

/// One thing that no test walked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missed {
    /// 1-based line in `workflow.yaml`.
    pub line: usize,
    /// The step's id.
    pub step: String,
    /// The way not taken; the whole step when none.
    pub way: Option<String>,
}

impl Coverage {
    /// Adds what the journeys of a performance did.
    pub fn add(&mut self, workflow: &Workflow, journeys: &[Journey]) {
        for journey in journeys.iter().filter(|journey| journey.workflow == workflow.id) {
            if let Some(exit) = exit_of(workflow, journey) {
                self.steps.insert(exit.id.to_string());
            }
            let mut declined: Option<(&str, usize)> = None;
            for line in &journey.history {
                let Some(id) = line.step.as_deref() else { continue };
                let Some(step) = workflow.step(id) else { continue };
                let way = match line.code.as_str() {
                    "guard" => format!("guard {}", line.detail),
                    "branch" => {
                        let before = declined.filter(|(step, _)| *step == id).map_or(0, |(_, n)| n);
                        let arms = if let Verb::Choose { arms, .. } = &step.verb { arms.len() } else { 0 };
                        self.steps.insert(id.to_owned());
                        match line.detail.as_str() {
                            "taken" => format!("arm {}", before + 1),
                            _ => {
                                declined = Some((id, before + 1));
                                if before + 1 < arms {
                                    continue;
                                }
                                "else".to_owned()
                            }
                        }
                    }
                    "met" => "then".to_owned(),
                    "nothing_came" => "otherwise".to_owned(),
                    "chosen" | "default_taken" => format!("choice {}", line.detail),
                    code if NOT_SENT.contains(&code) => "not sent".to_owned(),
                    "sent" | "in_doubt" => "sent".to_owned(),
                    "split" => format!("way {}", line.detail),
                    _ => {
                        self.steps.insert(id.to_owned());
                        continue;
                    }
                };
                if line.code != "guard" {
                    self.steps.insert(id.to_owned());
                }
                self.ways.insert((id.to_owned(), way));
            }
        }
    }

    /// Everything of the workflow that was not walked, and how much there is in all.
    pub fn missed(&self, workflow: &Workflow) -> (Vec<Missed>, usize) {
        let mut missed = Vec::new();
        let mut all = 0;
        for step in &workflow.steps {
            let mut want = |walked: bool, way: Option<String>| {
                all += 1;
                if !walked {
                    missed.push(Missed { line: step.line, step: step.id.to_string(), way });
                }
            };
            // A step that is passed at once leaves no line of its own; that its guard let it pass is proof enough.
            want(self.steps.contains(&*step.id), None);
            for way in ways(step) {
                want(self.ways.contains(&(step.id.to_string(), way.clone())), Some(way));
            }
        }
        (missed, all)
    }
}

/// The `exit` step that ended a journey. It leaves a line without its own id, since no journey ever stands at it: the line
/// says the reason, and of several steps with that reason it was the one that follows the last step the journey met.
fn exit_of<'w>(workflow: &'w Workflow, journey: &Journey) -> Option<&'w Step> {
    let (last, before) = journey.history.split_last()?;
    if last.code != "exit" {
        return None;
    }
    let says = |step: &&Step| matches!(&step.verb, Verb::Exit { reason } if **reason == *last.detail);
    let mut exits = workflow.steps.iter().filter(says);
    let only = exits.next()?;
    if exits.next().is_none() {
        return Some(only);
    }
    let met = before.iter().enumerate().rev().find_map(|(at, line)| Some((at, workflow.step(line.step.as_deref()?)?)));
    let Some((at, step)) = met else { return workflow.steps.first().filter(says) };
    let upto = before.get(..=at).unwrap_or_default();
    // Its own guard let it pass.
    if says(&step) && upto.last().is_some_and(|line| line.detail == "taken") {
        return Some(step);
    }
    let next = next_of(step, upto);
    next.and_then(|index| workflow.steps.get(index)).filter(says)
}

/// The index of the step that came after the one the last of these lines tells of.
fn next_of(step: &Step, lines: &[TraceLine]) -> Option<usize> {
    let (line, before) = lines.split_last()?;
    match (&step.verb, line.code.as_str()) {
        (Verb::Choose { arms, otherwise }, "branch") => {
            let declined = before.iter().rev().take_while(|line| line.step.as_ref() == Some(&step.id)).count();
            if line.detail == "taken" { arms.get(declined)?.then } else { *otherwise }
        }
        (Verb::WaitFor(wait), "met") => wait.then,
        (Verb::WaitFor(wait), "nothing_came") => wait.otherwise,
        (Verb::Email(email), code) if email.has_if_not_sent && NOT_SENT.contains(&code) => email.if_not_sent,
        (Verb::Split(ways), "split") => ways.iter().find(|way| *way.name == *line.detail)?.then,
        _ => step.next,
    }
}

/// The ways that lead out of a step.
fn ways(step: &Step) -> Vec<String> {
    let mut ways = Vec::new();
    if step.if_.is_some() || step.unless.is_some() {
        ways.extend(["guard taken".to_owned(), "guard not taken".to_owned()]);
    }
    match &step.verb {
        Verb::Choose { arms, .. } => {
            ways.extend((1..=arms.len()).map(|arm| format!("arm {arm}")));
            ways.push("else".to_owned());
        }
        // A way may have no step of its own: whoever is written nothing, to be compared with the others.
        Verb::Split(split) => ways.extend(split.iter().map(|way| format!("way {}", way.name))),
        Verb::WaitFor(_) => ways.extend(["then".to_owned(), "otherwise".to_owned()]),
        Verb::Email(email) if email.has_if_not_sent => ways.extend(["sent".to_owned(), "not sent".to_owned()]),
        Verb::Task(task) => {
            let choices = task.choice.iter().flat_map(|choice| &choice.choices);
            ways.extend(choices.map(|choice| format!("choice {choice}")));
        }
        _ => {}
    }
    ways
}
