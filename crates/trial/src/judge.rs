//! What came against what was expected: every difference, in words.

use jiff::Timestamp;
use rapport_journey::{EventSnapshot, State};
use rapport_workflow::trial::{Clocks, Days, EmittedExpected, Listed, MailExpected, TaskExpected};
use rapport_workflow::{Notice, StopWhen, Trial, Verb, Workflow};

use crate::play::{Performance, SentMail, TaskOpened};

/// Every way in which the performance is not what the test expects; empty when it is.
pub fn judge(trial: &Trial, workflow: &Workflow, performance: &Performance) -> Vec<String> {
    let mut wrong = Vec::new();
    let expect = &trial.expect;
    let day = |at: Timestamp| trial.day_of(at);
    if let Some(expected) = &expect.signals {
        let concerning = performance.signals.iter().filter(|(kind, _)| concerns(workflow, kind));
        let came: Vec<(String, String)> =
            concerning.map(|(kind, at)| (kind.clone(), format!("{kind} on {}", when(trial, *at)))).collect();
        compare(
            "signals",
            expected,
            &came,
            &|expected, (kind, _)| same_kind(expected, kind),
            &|e| e.clone(),
            &mut wrong,
        );
    }
    if let Some(expected) = &expect.mails {
        let came: Vec<(&SentMail, String)> =
            performance.mails.iter().map(|mail| (mail, mail_told(trial, mail))).collect();
        let right = |expected: &MailExpected, (mail, _): &(&SentMail, String)| mail_is(trial, expected, mail).is_ok();
        compare("mails", expected, &came, &right, &mail_wanted, &mut wrong);
        // A complete list of the right length says of each what is not right with it.
        if !wrong.is_empty() && !expected.partial && expected.entries.len() == came.len() {
            for (expected, (mail, _)) in expected.entries.iter().zip(&came) {
                wrong.extend(mail_is(trial, expected, mail).err());
            }
        }
        if !wrong.is_empty() {
            let why = |(mail, at, why): &(String, Timestamp, String)| {
                format!("{mail} was not sent on {}: {why}", when(trial, *at))
            };
            wrong.extend(performance.unsent.iter().map(why));
        }
    }
    for (what, expected, opened) in [
        ("tasks", &expect.tasks, &performance.tasks),
        ("cases", &expect.cases, &performance.cases),
        ("calls", &expect.calls, &performance.calls),
    ] {
        let Some(expected) = expected else { continue };
        // By when it is due is told where it is asked for: what is expected and what came would read alike.
        let asks_due = expected.entries.iter().any(|entry| entry.due.is_some());
        let due = |task: &TaskOpened| match task.due.filter(|_| asks_due) {
            Some(due) => format!(", due day {}", trial.day_of(due)),
            None => String::new(),
        };
        let came: Vec<(&TaskOpened, String)> = opened
            .iter()
            .map(|task| (task, format!("\"{}\" for {} on {}{}", task.text, task.to, when(trial, task.at), due(task))))
            .collect();
        let right = |expected: &TaskExpected, (task, _): &(&TaskOpened, String)| task_is(trial, expected, task);
        let wanted = |task: &TaskExpected| {
            let text = task.text.as_ref().map_or("a task", |pattern| pattern.0.as_str());
            let to = task.to.as_ref().map(|to| format!(" for {to}")).unwrap_or_default();
            let due = task.due.map(|day| format!(", due day {day}")).unwrap_or_default();
            format!("{text}{to}{}{due}", days_wanted(task.days))
        };
        compare(what, expected, &came, &right, &wanted, &mut wrong);
    }
    if let Some(expected) = &expect.emitted {
        let asked: Vec<&str> =
            expected.entries.iter().flat_map(|entry| &entry.fields).map(|(field, _)| field.as_str()).collect();
        let came: Vec<(&EventSnapshot, String)> = performance
            .emitted
            .iter()
            .map(|event| {
                let told = asked.iter().filter_map(|field| Some(format!(" {field}: {}", event.text(field)?)));
                (event, format!("{}{} on {}", event.kind, told.collect::<String>(), when(trial, event.occurred_at)))
            })
            .collect();
        let right = |expected: &EmittedExpected, (event, _): &(&EventSnapshot, String)| {
            expected.kind == event.kind
                && expected.fields.iter().all(|(field, text)| event.text(field) == Some(text.as_str()))
        };
        let wanted = |expected: &EmittedExpected| {
            let fields = expected.fields.iter().map(|(field, text)| format!(" {field}: {text}"));
            format!("{}{}", expected.kind, fields.collect::<String>())
        };
        compare("emitted", expected, &came, &right, &wanted, &mut wrong);
    }
    if let Some(expected) = &expect.exits {
        let own = performance.journeys.iter().filter(|journey| journey.workflow == workflow.id);
        let came: Vec<(String, String)> = own
            .map(|journey| match &journey.state {
                State::Exited { at, reason } => {
                    let detail = reason.detail().unwrap_or_default();
                    let ending = if reason.code() == "exit" { detail } else { reason.code() };
                    (ending.to_owned(), format!("{} {detail} on {}", reason.code(), when(trial, *at)))
                }
                _ => ("running".to_owned(), format!("running, at {}", journey.step().unwrap_or("its start"))),
            })
            .collect();
        compare("exits", expected, &came, &|expected, (ending, _)| expected == ending, &|e| e.clone(), &mut wrong);
    }
    if let Some(expected) = &expect.refused {
        match performance.refusals.get(&*workflow.id) {
            Some((code, _)) if code == expected => {}
            Some((code, at)) => {
                wrong.push(format!("refused: expected {expected}, it was {code} on {}", when(trial, *at)))
            }
            None => wrong.push(format!("refused: expected {expected}, nothing was refused")),
        }
    }
    if let Some(last) = expect.nothing_after {
        let mails = performance.mails.iter().filter(|mail| day(mail.at) > last).map(|mail| mail_told(trial, mail));
        let tasks = performance
            .tasks
            .iter()
            .chain(&performance.cases)
            .chain(&performance.calls)
            .filter(|task| day(task.at) > last);
        let tasks = tasks.map(|task| format!("the task \"{}\" on {}", task.text, when(trial, task.at)));
        let emits = performance.emitted.iter().filter(|event| day(event.occurred_at) > last);
        let emits = emits.map(|event| format!("{} on {}", event.kind, when(trial, event.occurred_at)));
        wrong.extend(mails.chain(tasks).chain(emits).map(|what| format!("nothing_after day {last}: there was {what}")));
    }
    wrong
}

/// `day 72 09:00`.
pub fn when(trial: &Trial, at: Timestamp) -> String {
    let local = at.to_zoned(trial.zone.clone());
    format!("day {} {}", trial.day_of(at), local.strftime("%H:%M"))
}

fn mail_told(trial: &Trial, mail: &SentMail) -> String {
    format!("{} on {}", mail.mail, when(trial, mail.at))
}

fn mail_wanted(expected: &MailExpected) -> String {
    format!("{}{}", expected.mail, days_wanted(expected.days))
}

fn days_wanted(days: Option<Days>) -> String {
    match days {
        Some(days) if days.first == days.last => format!(" on day {}", days.first),
        Some(days) => format!(" between day {} and day {}", days.first, days.last),
        None => String::new(),
    }
}

fn on_days(trial: &Trial, days: Option<Days>, at: Timestamp) -> bool {
    days.is_none_or(|days| (days.first..=days.last).contains(&trial.day_of(at)))
}

fn at_clock(trial: &Trial, clocks: Option<Clocks>, at: Timestamp) -> bool {
    let time = at.to_zoned(trial.zone.clone()).time();
    let minute = jiff::civil::Time::constant(time.hour(), time.minute(), 0, 0);
    clocks.is_none_or(|clocks| (clocks.from..=clocks.to).contains(&minute))
}

fn mail_is(trial: &Trial, expected: &MailExpected, mail: &SentMail) -> Result<(), String> {
    let told = mail_told(trial, mail);
    if expected.mail != mail.mail {
        return Err(format!("expected {}, there was {told}", mail_wanted(expected)));
    }
    if !on_days(trial, expected.days, mail.at) {
        return Err(format!("expected {}, it was {told}", mail_wanted(expected)));
    }
    if !at_clock(trial, expected.at, mail.at) {
        return Err(format!("{told}: the clock time is not as expected"));
    }
    if let Some(pattern) = expected.subject.as_ref().filter(|pattern| !pattern.matches(&mail.letter.subject)) {
        return Err(format!("{told}: the subject is \"{}\", expected {}", mail.letter.subject, pattern.0));
    }
    if let Some(pattern) = expected.text.as_ref().filter(|pattern| !pattern.matches(&mail.letter.text)) {
        return Err(format!("{told}: its text does not say {}:\n{}", pattern.0, mail.letter.text.trim()));
    }
    Ok(())
}

fn task_is(trial: &Trial, expected: &TaskExpected, task: &TaskOpened) -> bool {
    expected.text.as_ref().is_none_or(|pattern| pattern.matches(&task.text))
        && expected.to.as_ref().is_none_or(|to| *to == task.to)
        && on_days(trial, expected.days, task.at)
        && expected.due.is_none_or(|day| task.due.is_some_and(|due| trial.day_of(due) == day))
}

fn same_kind(expected: &str, kind: &str) -> bool {
    expected == kind
}

/// Whether a workflow names the kind anywhere: then its tests may speak of it.
fn concerns(workflow: &Workflow, kind: &str) -> bool {
    let stops = workflow.stop_when.iter().any(|stop| matches!(stop, StopWhen::Event(pattern) if pattern.matches(kind)));
    let awaited = workflow.steps.iter().any(|step| match &step.verb {
        Verb::WaitFor(wait) => wait.kinds.iter().any(|pattern| pattern.matches(kind)),
        _ => false,
    });
    let told = |notice: &Notice| notice.event.as_ref().is_some_and(|event| event.matches(kind));
    let acknowledged = workflow.notice.as_ref().is_some_and(told);
    workflow.starts_on(kind) || stops || awaited || acknowledged
}

/// A complete list is compared place by place; of a partial one every entry is looked for, in order.
fn compare<E, C: AsRef<str>, X>(
    what: &str,
    expected: &Listed<E>,
    came: &[(X, C)],
    right: &dyn Fn(&E, &(X, C)) -> bool,
    wanted: &dyn Fn(&E) -> String,
    wrong: &mut Vec<String>,
) {
    let told = || {
        let all: Vec<&str> = came.iter().map(|(_, told)| told.as_ref()).collect();
        if all.is_empty() { "nothing".to_owned() } else { all.join(", ") }
    };
    let all_wanted = || {
        let all: Vec<String> = expected.entries.iter().map(wanted).collect();
        if all.is_empty() { "nothing".to_owned() } else { all.join(", ") }
    };
    if expected.partial {
        if expected.count.is_some_and(|count| count != came.len()) {
            let count = expected.count.unwrap_or_default();
            wrong.push(format!("{what}: expected {count}, there were {}: {}", came.len(), told()));
        }
        let mut rest = came.iter();
        for entry in &expected.entries {
            if !rest.any(|one| right(entry, one)) {
                wrong.push(format!("{what}: {} is missing; there was {}", wanted(entry), told()));
            }
        }
        return;
    }
    let same = expected.entries.len() == came.len() && expected.entries.iter().zip(came).all(|(e, c)| right(e, c));
    if !same {
        wrong.push(format!("{what}: expected {}; there was {}", all_wanted(), told()));
    }
}
