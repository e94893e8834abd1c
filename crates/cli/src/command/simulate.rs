//! `rapport simulate`: a partner's path from now on, with the mails as they will read; or a sample partner's, without a store.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use rapport_trial::{Forecast, Performance, Runner, SentMail};
use rapport_workflow::Rulebook;
use serde_json::{Value, json};

use super::explain::find;
use super::no_workflow;
use super::test::sound_rulebook;
use crate::ahead::Ahead;
use crate::command_line::{Global, SimulateArguments};
use crate::desk::open_store;
use crate::exit::{self, Failure};
use crate::printed::{bold, count, faint, harmless, line, moment};
use crate::settings::Settings;

/// Of a partner of the store.
pub async fn partner(settings: &Settings, partner: &str, arguments: &SimulateArguments) -> Result<u8, Failure> {
    let store = open_store(settings).await?;
    let key = find(&store, partner).await?;
    let ahead = Ahead::of(&store).await?;
    let story = ahead.story(&key).await?;
    if let Some(workflow) = &arguments.workflow {
        // Whoever is inside goes on, whether the workflow is in force or not.
        let is_inside = story.journeys.iter().any(|journey| journey.workflow == *workflow);
        let rulebook = &ahead.picture.applied.rulebook;
        if !is_inside && rulebook.workflow(workflow).is_none() {
            store.close().await;
            return Err(no_such_workflow(rulebook, workflow));
        }
    }
    let person: Value = story.person.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    let now = ahead.picture.now;
    let until = now.checked_add(SignedDuration::from_hours(24 * i64::from(arguments.days))).unwrap_or(now);
    let mut forecast = ahead.forecast(story, until).await?;
    store.close().await;
    if let Some(workflow) = &arguments.workflow {
        forecast.performance.mails.retain(|mail| mail.workflow == *workflow);
        forecast.lines.retain(|(_, of, _)| **of == **workflow);
        forecast.waiting.retain(|(message, ..)| message.workflow == *workflow);
        forecast.wakes.retain(|(of, ..)| **of == **workflow);
    }
    let zone = person.get("zone").and_then(Value::as_str).and_then(|name| TimeZone::get(name).ok());
    let zone = zone.unwrap_or(TimeZone::UTC);
    if arguments.json {
        line(data(&forecast).to_string());
        return Ok(exit::OK);
    }
    line(format!("{}  from {} on, if nothing more happens", bold(&harmless(partner)), moment(now, &zone)));
    tell(&forecast, &zone, !arguments.brief);
    Ok(exit::OK)
}

fn no_such_workflow(rulebook: &Rulebook, workflow: &str) -> Failure {
    no_workflow::named(workflow, rulebook.workflows.iter().map(|workflow| &*workflow.id))
}

/// Of a workflow's test partner: no store is asked.
pub fn sample(global: &Global, workflow: &str, arguments: &SimulateArguments) -> Result<u8, Failure> {
    let rulebook = sound_rulebook(global)?;
    if rulebook.workflow(workflow).is_none() {
        return Err(no_such_workflow(&rulebook, workflow));
    }
    let threads = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
    let report = Runner::default().run(&rulebook, Some(workflow), threads);
    let wanted = |name: &str| arguments.test.as_ref().is_none_or(|test| name.contains(test.as_str()));
    let mut played = report.verdicts.iter().filter(|verdict| *verdict.workflow == *workflow && wanted(&verdict.name));
    // The one that shows most, where none is named.
    let Some(verdict) = played.by_ref().max_by_key(|verdict| verdict.performance.mails.len()) else {
        return Err(Failure::input(format!("no test of `{workflow}` makes a sample partner"))
            .help("write one to tests.yaml, or name a partner of the store with --partner"));
    };
    let zone = rulebook.trials.get(workflow).into_iter().flatten().find(|trial| trial.name == verdict.name);
    let zone = zone.map_or(TimeZone::UTC, |trial| trial.zone.clone());
    let forecast = of(verdict.performance.clone());
    if arguments.json {
        line(data(&forecast).to_string());
        return Ok(exit::OK);
    }
    line(format!("{}  as in the test \"{}\"", bold("a sample partner"), verdict.name));
    tell(&forecast, &zone, !arguments.brief);
    Ok(exit::OK)
}

/// A play as a look ahead from its beginning.
fn of(performance: Performance) -> Forecast {
    let mut lines: Vec<_> = performance
        .journeys
        .iter()
        .flat_map(|journey| journey.history.iter().map(|line| (line.at, journey.workflow.clone(), line.clone())))
        .collect();
    lines.sort_by_key(|(at, ..)| *at);
    let wakes = performance
        .journeys
        .iter()
        .filter_map(|journey| Some((journey.workflow.clone(), journey.step()?.to_owned(), journey.wake_at()?)))
        .collect();
    Forecast { performance, lines, waiting: Vec::new(), wakes }
}

enum Told<'a> {
    Line(&'a str, &'a rapport_journey::TraceLine),
    Mail(&'a SentMail),
    Task(&'a rapport_trial::TaskOpened),
    Case(&'a rapport_trial::TaskOpened),
}

fn tell(forecast: &Forecast, zone: &TimeZone, with_text: bool) {
    let lines = forecast.lines.iter().map(|(at, workflow, line)| (*at, 0, Told::Line(workflow, line)));
    let mails = forecast.performance.mails.iter().map(|mail| (mail.at, 1, Told::Mail(mail)));
    let tasks = forecast.performance.tasks.iter().map(|task| (task.at, 1, Told::Task(task)));
    let cases = forecast.performance.cases.iter().map(|case| (case.at, 1, Told::Case(case)));
    let tasks = tasks.chain(cases);
    let mut all: Vec<(Timestamp, u8, Told<'_>)> = lines.chain(mails).chain(tasks).collect();
    all.sort_by_key(|(at, order, _)| (*at, *order));
    if all.is_empty() {
        line("  nothing comes");
    }
    for (at, _, told) in all {
        let at = moment(at, zone);
        match told {
            Told::Line(workflow, told) => {
                let step = told.step.as_deref().unwrap_or_default();
                line(faint(&format!(
                    "  {at}  {workflow}  {} {}  {}",
                    told.code,
                    harmless(step),
                    harmless(&told.detail)
                )));
            }
            Told::Case(case) => line(format!("  {at}  {}  for {}: {}", bold("CASE"), case.to, harmless(&case.text))),
            Told::Task(task) => line(format!("  {at}  {}  for {}: {}", bold("TASK"), task.to, harmless(&task.text))),
            Told::Mail(mail) => {
                line(format!(
                    "  {at}  {}  {}/{}: {}",
                    bold("MAIL"),
                    mail.workflow,
                    mail.mail,
                    harmless(&mail.letter.subject)
                ));
                if !mail.held_by.is_empty() {
                    line(format!("      was due {}, held by {}", moment(mail.due, zone), mail.held_by.join(", ")));
                }
                if with_text {
                    mail.letter.text.trim_end().lines().for_each(|text| line(format!("      {}", harmless(text))));
                }
            }
        }
    }
    for (mail, at, why) in &forecast.performance.unsent {
        line(format!("  {}  {}  {mail}: {}", moment(*at, zone), bold("NOT SENT"), harmless(why)));
    }
    for (message, at, why) in &forecast.waiting {
        let why = if why.is_empty() { String::new() } else { format!(", held by {}", why.join(", ")) };
        line(format!("  waits: {}/{} until {}{why}", message.workflow, message.mail, moment(*at, zone)));
    }
    for (workflow, step, at) in &forecast.wakes {
        line(format!("  next: {workflow} goes on from `{}` on {}", harmless(step), moment(*at, zone)));
    }
    line(faint(&format!("  {}", count(forecast.performance.mails.len() as i64, "mail"))));
}

fn data(forecast: &Forecast) -> Value {
    let mail = |mail: &SentMail| {
        json!({ "workflow": mail.workflow, "mail": mail.mail, "at": mail.at.to_string(), "due": mail.due.to_string(),
                "held_by": mail.held_by, "subject": mail.letter.subject, "text": mail.letter.text })
    };
    json!({
        "mails": forecast.performance.mails.iter().map(mail).collect::<Vec<_>>(),
        "not_sent": forecast.performance.unsent.iter()
            .map(|(mail, at, why)| json!({ "mail": mail, "at": at.to_string(), "why": why })).collect::<Vec<_>>(),
        "cases": forecast.performance.cases.iter()
            .map(|case| json!({ "workflow": case.workflow, "at": case.at.to_string(), "for": case.to, "text": case.text }))
            .collect::<Vec<_>>(),
        "tasks": forecast.performance.tasks.iter()
            .map(|task| json!({ "workflow": task.workflow, "at": task.at.to_string(), "for": task.to, "text": task.text }))
            .collect::<Vec<_>>(),
        "path": forecast.lines.iter().map(|(at, workflow, line)| {
            json!({ "at": at.to_string(), "workflow": &**workflow, "step": line.step.as_deref(), "code": line.code,
                    "detail": line.detail })
        }).collect::<Vec<_>>(),
        "waiting": forecast.waiting.iter().map(|(message, at, why)| {
            json!({ "workflow": message.workflow, "mail": message.mail, "until": at.to_string(), "held_by": why })
        }).collect::<Vec<_>>(),
        "next": forecast.wakes.iter()
            .map(|(workflow, step, at)| json!({ "workflow": &**workflow, "step": step, "at": at.to_string() }))
            .collect::<Vec<_>>(),
    })
}
