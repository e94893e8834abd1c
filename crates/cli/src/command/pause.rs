//! `rapport pause`, `hold`, `incident` and `journey`: people's decisions, effective at the next claim of mail.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use rapport_contact::providers;
use rapport_engine::operate::{self, Subject, Wish};
use rapport_engine::ports::operating::PauseRow;
use rapport_engine::ports::store::Store as _;
use rapport_engine::rulebooks::Applied;
use rapport_journey::Journey;
use rapport_rule::Length;
use rapport_rule::suggest::nearest;
use rapport_workflow::calendar::{self, Calendar};
use rapport_workflow::{MailName, Verb};
use serde_json::{Value, json};

use super::work::said;
use super::{explain, login_name, no_workflow};
use crate::command_line::{HoldArguments, IncidentAction, JourneyAction, JourneyArguments, PauseArguments, Waiting};
use crate::desk::Desk;
use crate::exit::{self, Doing, Failure};
use crate::printed::{count, harmless, line};
use crate::settings::Settings;

/// A pause nobody gave an end is over after this.
const PAUSED: SignedDuration = SignedDuration::from_hours(24);
/// An incident nobody stops is over after this.
const INCIDENT: SignedDuration = SignedDuration::from_hours(7 * 24);

/// `rapport pause`.
pub async fn pause(settings: &Settings, arguments: PauseArguments) -> Result<u8, Failure> {
    let desk = Desk::open(settings).await?;
    let done = pause_in(&desk, arguments).await;
    desk.close().await;
    done
}

async fn pause_in(desk: &Desk, arguments: PauseArguments) -> Result<u8, Failure> {
    let PauseArguments { workflow: what, provider, waiting } = arguments;
    let Some(what) = what.filter(|_| !waiting.list) else { return list(desk, waiting.json).await };
    let applied = applied(desk).await?;
    let subject = match (what.as_str(), provider) {
        ("all", None) => Subject::All,
        ("all", Some(_)) => {
            return Err(Failure::input("a provider's mail is paused workflow by workflow").help("name one of them"));
        }
        (_, Some(provider)) => {
            Subject::Provider { workflow: stopped_or_known(desk, &applied, &what).await?, provider: known(&provider)? }
        }
        (_, None) => Subject::Workflow(stopped_or_known(desk, &applied, &what).await?),
    };
    wait(desk, &subject, waiting, Some(PAUSED)).await
}

/// `rapport hold`.
pub async fn hold(settings: &Settings, arguments: HoldArguments) -> Result<u8, Failure> {
    let desk = Desk::open(settings).await?;
    let done = hold_in(&desk, arguments).await;
    desk.close().await;
    done
}

async fn hold_in(desk: &Desk, arguments: HoldArguments) -> Result<u8, Failure> {
    let HoldArguments { partner, waiting } = arguments;
    let Some(partner) = partner.filter(|_| !waiting.list) else { return list(desk, waiting.json).await };
    wait(desk, &Subject::Partner(explain::find(&desk.database, &partner).await?), waiting, None).await
}

/// Begins or ends it.
async fn wait(
    desk: &Desk,
    subject: &Subject,
    waiting: Waiting,
    longest: Option<SignedDuration>,
) -> Result<u8, Failure> {
    let by = waiting.by.unwrap_or_else(login_name);
    if waiting.end {
        return resume(desk, subject, &*applied(desk).await?, &by).await;
    }
    begin(desk, subject, waiting.until.as_deref(), longest, &by, &because(waiting.because)?).await
}

/// `rapport incident`.
pub async fn incident(settings: &Settings, action: IncidentAction) -> Result<u8, Failure> {
    let desk = Desk::open(settings).await?;
    let done = match action {
        IncidentAction::Start { because, until, by } => match self::because(Some(because)) {
            Ok(because) => {
                let by = by.unwrap_or_else(login_name);
                begin(&desk, &Subject::Incident, until.as_deref(), Some(INCIDENT), &by, &because).await
            }
            Err(failure) => Err(failure),
        },
        IncidentAction::Stop { by } => match applied(&desk).await {
            Ok(applied) => resume(&desk, &Subject::Incident, &applied, &by.unwrap_or_else(login_name)).await,
            Err(failure) => Err(failure),
        },
    };
    desk.close().await;
    done
}

/// `rapport journey`.
pub async fn journey(settings: &Settings, action: JourneyAction) -> Result<u8, Failure> {
    let desk = Desk::open(settings).await?;
    let (wish, arguments) = match action {
        JourneyAction::Start(arguments) => (Wish::Start, arguments),
        JourneyAction::Skip(arguments) => (Wish::Skip, arguments),
        JourneyAction::Stop(arguments) => (Wish::Stop, arguments),
    };
    let done = journey_in(&desk, wish, arguments).await;
    desk.close().await;
    done
}

async fn journey_in(desk: &Desk, wish: Wish, arguments: JourneyArguments) -> Result<u8, Failure> {
    let key = explain::find(&desk.database, &arguments.partner).await?;
    let story = desk.database.story(&key).await.doing("reading the partner's journeys")?;
    let running = story.iter().flat_map(|story| &story.journeys).filter(|row| row.exited.is_none());
    let mut running = running.filter(|row| row.workflow == arguments.workflow);
    let (by, now) = (arguments.by.unwrap_or_else(login_name), desk.now().await?);
    let name = &arguments.workflow;
    let (told, journey) = match (wish, running.next()) {
        (Wish::Start, Some(_)) => {
            return Err(Failure::input(format!("{key} is in `{name}` already"))
                .help(format!("see `rapport explain {key} --workflow {name}`")));
        }
        (Wish::Start, None) => {
            let applied = applied(desk).await?;
            in_force(&applied, name)?;
            if is_of_issues(&applied, name) {
                return Err(Failure::input(format!(
                    "`{name}` cannot be started by hand: its mail is the issue that is due when all get it"
                ))
                .help("write a workflow of its own for one partner"));
            }
            if let Some(file) = speaks_of_its_event(&applied, name) {
                return Err(Failure::input(format!(
                    "`{name}` cannot be started by hand: {file} speaks of the event that starts it"
                ))
                .help("let the event happen, or write a workflow of its own"));
            }
            (format!("`{name}` begins for {key}, unless the partner is not active, opted out, or had it."), None)
        }
        (_, None) => {
            // A word nobody knows is told as such.
            let applied = applied(desk).await?;
            in_force(&applied, name)?;
            return Err(Failure::input(format!("{key} is not in `{name}`"))
                .help(format!("see `rapport explain {key}` for the journeys that run")));
        }
        (wish, Some(row)) => {
            let at = serde_json::from_str::<Journey>(&row.body).ok();
            let step = at.as_ref().and_then(Journey::step).unwrap_or("its beginning").to_owned();
            let what = if wish == Wish::Skip { "goes on behind" } else { "ends at" };
            (format!("`{name}` of {key} {what} `{step}`; mail queued there does not leave."), Some(row.id.clone()))
        }
    };
    let because = self::because(Some(arguments.because))?;
    operate::command_journey(&desk.store, desk.shards, wish, &key, (name, journey.as_deref()), (&by, &because), now)
        .await
        .doing("writing the command")?;
    line(told);
    Ok(exit::OK)
}

/// Whether it sends what is newest of several issues: only the hour of the broadcast says which.
fn is_of_issues(applied: &Applied, workflow: &str) -> bool {
    let of_issue = |verb: &Verb| matches!(verb, Verb::Email(email) if matches!(email.mail, MailName::Issue));
    applied.rulebook.workflow(workflow).is_some_and(|workflow| workflow.steps.iter().any(|step| of_issue(&step.verb)))
}

/// A file of the workflow that names fields of the event which no command has: nothing could stand there.
fn speaks_of_its_event(applied: &Applied, workflow: &str) -> Option<String> {
    let prefix = format!("workflows/{workflow}/");
    let speaks = |source: &&rapport_rule::Source| {
        let in_steps = source.text.split_once("\nsteps:").map_or("", |(_, steps)| steps);
        let mail = source.path.contains(".mail.");
        let text: &str = if mail { source.text.as_ref() } else { in_steps };
        let known = |rest: &str| ["occurred_at", "kind", "id"].iter().any(|field| rest.starts_with(field));
        text.split("event.").skip(1).any(|rest| !known(rest))
    };
    let files = applied.rulebook.sources.iter().filter(|source| source.path.starts_with(&prefix));
    let mut files = files.filter(|source| !source.path.ends_with("/tests.yaml"));
    files.find(speaks).map(|source| source.path.to_string())
}

pub(super) async fn applied(desk: &Desk) -> Result<std::sync::Arc<Applied>, Failure> {
    let applied = desk.rulebooks.current().await.doing("reading the applied files")?;
    applied.ok_or_else(|| Failure::new("nothing is applied yet").help("run `rapport apply`"))
}

/// The workflow's name, if it is in force; else a failure with the nearest.
pub(super) fn in_force(applied: &Applied, name: &str) -> Result<String, Failure> {
    if applied.rulebook.workflow(name).is_some() {
        return Ok(name.to_owned());
    }
    Err(no_workflow::in_force(name, applied.rulebook.workflows.iter().map(|workflow| &*workflow.id)))
}

/// The workflow, also one that is in force no longer but is still paused: somebody has to be able to end that.
async fn stopped_or_known(desk: &Desk, applied: &Applied, name: &str) -> Result<String, Failure> {
    let pauses = desk.store.pauses().await.doing("reading what is paused")?;
    if pauses.iter().any(|row| row.scope.workflow.as_deref() == Some(name)) {
        return Ok(name.to_owned());
    }
    in_force(applied, name)
}

/// A provider's code.
fn known(name: &str) -> Result<String, Failure> {
    if providers().any(|known| known == name) {
        return Ok(name.to_owned());
    }
    let failure = Failure::input(format!("no mailbox provider is called `{}`", harmless(name)));
    Err(match nearest(name, providers()) {
        Some(near) => failure.help(format!("did you mean `{near}`?")),
        None => failure.help(providers().collect::<Vec<_>>().join(", ")),
    })
}

fn because(text: Option<String>) -> Result<String, Failure> {
    let text = text.filter(|text| !text.trim().is_empty());
    let text = text.ok_or_else(|| {
        Failure::input("say why: the next one asks").help("--because \"prices in the mail are wrong\"")
    })?;
    said(&text, "a reason")
}

async fn begin(
    desk: &Desk,
    subject: &Subject,
    until: Option<&str>,
    at_most: Option<SignedDuration>,
    by: &str,
    because: &str,
) -> Result<u8, Failure> {
    let now = desk.now().await?;
    let until = match until {
        Some(text) => {
            let (zone, days) = local(desk).await;
            self::until(text, now, &zone, &days)?
        }
        None => at_most
            .and_then(|length| now.checked_add(length).ok())
            .ok_or_else(|| Failure::input("say until when").help("--until 2026-03-01, or --until \"3 days\""))?,
    };
    operate::pause(desk.store.as_ref(), desk.shards, subject, Some(until), (by, because), now)
        .await
        .doing("writing the pause")?;
    line(format!("{} from now until {}. {}", waits(subject), shown(until), ends_with(subject)));
    Ok(exit::OK)
}

async fn resume(desk: &Desk, subject: &Subject, applied: &Applied, by: &str) -> Result<u8, Failure> {
    let now = desk.now().await?;
    let rulebook = Some(&applied.rulebook);
    let ended = operate::resume(desk.store.as_ref(), desk.shards, subject, rulebook, by, now, false)
        .await
        .doing("ending the pause")?;
    if !ended {
        return Err(Failure::input(match subject {
            Subject::Incident => "there is no incident".to_owned(),
            Subject::Provider { workflow, provider } => format!("mail of `{workflow}` to {provider} is not paused"),
            subject => format!("{} is not paused", subject.id()),
        })
        .help("`rapport pause` lists what is"));
    }
    let rate = applied.rulebook.config.burst.warn_above.unwrap_or(50);
    line(format!(
        "over: what waited is judged anew, and leaves at no more than {}",
        count(i64::from(rate), "mail") + " an hour"
    ));
    Ok(exit::OK)
}

async fn list(desk: &Desk, as_data: bool) -> Result<u8, Failure> {
    let rows = desk.store.pauses().await.doing("reading what is paused")?;
    if as_data {
        line(json!(rows.iter().map(data).collect::<Vec<_>>()).to_string());
        return Ok(exit::OK);
    }
    if rows.is_empty() {
        line("nothing is paused");
    }
    for row in &rows {
        line(told(row));
    }
    Ok(exit::OK)
}

/// A pause for people; `explain` shows it too.
pub(super) fn told(row: &PauseRow) -> String {
    let what = Subject::of(row)
        .map_or_else(|| "mail of a stopped or skipped journey waits".to_owned(), |subject| waits(&subject));
    let until = row.until.map(|until| format!(" until {}", shown(until))).unwrap_or_default();
    let told =
        format!("{what} since {}{until}, by {}: {}", shown(row.since), harmless(&row.by), harmless(&row.because));
    // Nothing but a person ends it.
    match Subject::of(row).filter(|_| row.until.is_none()) {
        Some(subject) => format!("{told}. {}", ends_with(&subject).replace("Sooner:", "To end it:")),
        None => told,
    }
}

fn data(row: &PauseRow) -> Value {
    json!({ "id": row.id, "workflow": row.scope.workflow, "provider": row.scope.provider, "partner": row.scope.key.as_ref().map(ToString::to_string),
        "journey": row.scope.journey, "since": row.since.to_string(), "until": row.until.map(|at| at.to_string()),
        "by": row.by, "because": row.because })
}

fn waits(subject: &Subject) -> String {
    match subject {
        Subject::All => "all mail waits".to_owned(),
        Subject::Incident => "all mail waits (incident)".to_owned(),
        Subject::Workflow(workflow) => format!("mail of `{workflow}` waits"),
        Subject::Provider { workflow, provider } => format!("marketing mail of `{workflow}` to {provider} waits"),
        Subject::Partner(key) => format!("mail to {key} waits"),
    }
}

fn ends_with(subject: &Subject) -> String {
    let command = match subject {
        Subject::All => "pause all --end".to_owned(),
        Subject::Incident => "incident stop".to_owned(),
        Subject::Workflow(workflow) => format!("pause {workflow} --end"),
        Subject::Provider { workflow, provider } => format!("pause {workflow} --provider {provider} --end"),
        Subject::Partner(key) => format!("hold {key} --end"),
    };
    format!("Sooner: rapport {command}")
}

fn shown(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// The zone in which a date is meant, and which days are working days: the programme's.
async fn local(desk: &Desk) -> (TimeZone, Calendar) {
    let applied = desk.rulebooks.current().await.ok().flatten();
    let Some(config) = applied.as_ref().map(|applied| &applied.rulebook.config) else {
        return (TimeZone::UTC, Calendar::default());
    };
    let zone = config.programs.get(&config.default_program).map_or(TimeZone::UTC, |program| program.zone.clone());
    (zone, config.calendar.clone())
}

/// An instant, the beginning of a day, or a length from now, which may be one of working days.
pub(super) fn until(text: &str, now: Timestamp, zone: &TimeZone, days: &Calendar) -> Result<Timestamp, Failure> {
    let at = if let Ok(at) = text.parse::<Timestamp>() {
        Some(at)
    } else if let Ok(local) = text.parse::<jiff::civil::DateTime>() {
        // A day alone is its midnight.
        local.to_zoned(zone.clone()).ok().map(|zoned| zoned.timestamp())
    } else {
        let locale = calendar::Locale { zone, country: None, calendar: days };
        let end = Length::parse(text).ok().map(|length| calendar::add(now, &length, locale));
        end.filter(|at| *at < Timestamp::MAX)
    };
    let at = at.ok_or_else(|| {
        Failure::input(format!("`{}` is no time", harmless(text)))
            .help("write 2026-03-01, 2026-03-01T10:00, or a length like \"3 days\"")
    })?;
    if at <= now {
        return Err(Failure::input(format!("{} is over", shown(at))).help(format!("it is {}", shown(now))));
    }
    Ok(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_an_instant_a_day_or_a_length() {
        let now: Timestamp = "2026-02-02T10:00:00Z".parse().unwrap();
        let oslo = TimeZone::get("Europe/Oslo").unwrap();
        let read = |text| {
            until(text, now, &oslo, &Calendar::default()).map(|at| at.to_string()).map_err(|failure| failure.message)
        };
        assert_eq!(read("2026-02-03T00:00:00Z").unwrap(), "2026-02-03T00:00:00Z");
        assert_eq!(read("2026-02-04").unwrap(), "2026-02-03T23:00:00Z");
        assert_eq!(read("2026-02-04T09:00").unwrap(), "2026-02-04T08:00:00Z");
        assert_eq!(read("3 hours").unwrap(), "2026-02-02T13:00:00Z");
        // From Monday noon to Tuesday of the next week: the weekend is none of them.
        assert_eq!(read("6 weekdays").unwrap(), "2026-02-10T10:00:00Z");
        assert_eq!(read("2026-02-01").unwrap_err(), "2026-01-31 23:00 UTC is over");
        assert_eq!(read("soon").unwrap_err(), "`soon` is no time");
    }
}
