//! `rapport task` and `rapport case`: what people are to do about partners, and what they did.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use rapport_engine::personal;
use rapport_engine::ports::operating::TaskQuery;
use rapport_engine::ports::rows::{TaskEnd, TaskKind, TaskRow};
use rapport_engine::rulebooks::Applied;
use rapport_engine::work::{self, NewCase};
use rapport_event::PartnerKey;
use rapport_rule::suggest::{listed, nearest};
use serde_json::{Map, Value, json};

use super::explain::find;
use super::login_name;
use super::pause::{applied, until};
use crate::command_line::{AssignArguments, CaseAction, ListArguments, TaskAction};
use crate::desk::Desk;
use crate::exit::{self, Doing, Failure};
use crate::picture::decoded;
use crate::printed::{bold, count, harmless, line, moment};
use crate::settings::Settings;

/// So many are looked at; the open ones come first.
const MAX: usize = 10_000;
/// Fewer characters of an id name nothing.
const ID_MIN: usize = 4;
/// An objective or a note of a person is no longer than this.
const TEXT_MAX: usize = 2_000;

/// `rapport task`.
pub async fn task(settings: &Settings, action: TaskAction) -> Result<u8, Failure> {
    let desk = Desk::open(settings).await?;
    let done = match action {
        TaskAction::List(arguments) => list(&desk, TaskKind::Task, arguments).await,
        TaskAction::Show { id, json } => show(&desk, TaskKind::Task, &id, json).await,
        TaskAction::Done { id, choice, note, who } => end(&desk, TaskKind::Task, &id, choice, note, who).await,
        TaskAction::Assign(arguments) => assign(&desk, TaskKind::Task, arguments).await,
    };
    desk.close().await;
    done
}

/// `rapport case`.
pub async fn case(settings: &Settings, action: CaseAction) -> Result<u8, Failure> {
    let desk = Desk::open(settings).await?;
    let done = match action {
        CaseAction::List(arguments) => list(&desk, TaskKind::Case, arguments).await,
        CaseAction::Show { id, json } => show(&desk, TaskKind::Case, &id, json).await,
        CaseAction::Open { partner, objective, owner, due, who } => {
            open(&desk, &partner, &objective, owner, &due, &who.unwrap_or_else(login_name)).await
        }
        CaseAction::Resolve { id, outcome, note, who } => {
            end(&desk, TaskKind::Case, &id, Some(outcome), note, who).await
        }
        CaseAction::Assign(arguments) => assign(&desk, TaskKind::Case, arguments).await,
    };
    desk.close().await;
    done
}

async fn list(desk: &Desk, kind: TaskKind, wanted: ListArguments) -> Result<u8, Failure> {
    let now = desk.now().await?;
    let key = match &wanted.partner {
        Some(partner) => Some(find(&desk.database, partner).await?),
        None => None,
    };
    let query = TaskQuery { kind: Some(kind), open: !wanted.all, limit: MAX, ..TaskQuery::default() };
    let rows = desk.store.tasks(&query).await.doing("reading what is to be done")?;
    let rows: Vec<TaskRow> = rows
        .into_iter()
        .filter(|row| wanted.owner.as_ref().is_none_or(|owner| *owner == row.assignee))
        .filter(|row| key.as_ref().is_none_or(|key| *key == row.key))
        .filter(|row| !wanted.overdue || is_overdue(row, now))
        .collect();
    if wanted.json {
        let mut all = Vec::new();
        for row in &rows {
            all.push(data(row, &text(desk, row).await?));
        }
        line(json!(all).to_string());
        return Ok(exit::OK);
    }
    for row in &rows {
        let due = match (&row.ended, row.due) {
            (Some(end), _) => format!("{} {}", end.outcome, moment(end.at, &TimeZone::UTC)),
            (None, Some(due)) if due <= now => bold(&format!("OVERDUE since {}", moment(due, &TimeZone::UTC))),
            (None, Some(due)) => format!("due {}", moment(due, &TimeZone::UTC)),
            (None, None) => "no day".to_owned(),
        };
        let id = row.id.get(..12).unwrap_or(&row.id);
        let (who, what) = (harmless(&row.assignee), harmless(&text(desk, row).await?));
        line(format!("{id}  {due}  {who}  {}: {what}", row.key));
    }
    let open = rows.iter().filter(|row| row.ended.is_none()).count();
    let late = rows.iter().filter(|row| is_overdue(row, now)).count();
    line(format!("{}, {open} open, {late} overdue", count(rows.len() as i64, kind.code())));
    Ok(exit::OK)
}

fn is_overdue(row: &TaskRow, now: Timestamp) -> bool {
    row.ended.is_none() && row.due.is_some_and(|due| due <= now)
}

async fn show(desk: &Desk, kind: TaskKind, id: &str, as_data: bool) -> Result<u8, Failure> {
    let row = one(desk, kind, id).await?;
    let what = text(desk, &row).await?;
    if as_data {
        line(data(&row, &what).to_string());
        return Ok(exit::OK);
    }
    let zone = TimeZone::UTC;
    line(format!("{}  {}", bold(&row.id), harmless(&what)));
    line(format!("  about {}, for {}", row.key, harmless(&row.assignee)));
    line(format!("  opened {} by {}", moment(row.opened_at, &zone), opener(&row)));
    if let Some(due) = row.due {
        line(format!("  due {}", moment(due, &zone)));
    }
    match &row.ended {
        Some(end) => {
            let took = end.at.duration_since(row.opened_at).as_secs_f64() / 3600.0;
            let by = harmless(&end.by);
            line(format!("  {} {} by {by}, after {took:.1} hours", end.outcome, moment(end.at, &zone)));
            if let Some(note) = &end.note {
                line(format!("  {}", harmless(note)));
            }
        }
        None => {
            let id = row.id.get(..12).unwrap_or(&row.id);
            let outcomes = work::outcomes(&row).join("|");
            line(match (kind, outcomes.as_str()) {
                (TaskKind::Case, outcomes) => format!("  rapport case resolve {id} --outcome {outcomes}"),
                (TaskKind::Task, "") => format!("  rapport task done {id}"),
                (TaskKind::Task, choices) => format!("  rapport task done {id} --choice {choices}"),
            });
        }
    }
    Ok(exit::OK)
}

fn opener(row: &TaskRow) -> String {
    match row.opened_by.strip_prefix("person:") {
        Some(person) => harmless(person),
        None if row.opened_by == "reply" => format!("the workflow {}, to a reply", harmless(&row.workflow)),
        None => format!("the workflow {}", harmless(&row.workflow)),
    }
}

fn data(row: &TaskRow, text: &str) -> Value {
    json!({
        "id": row.id, "partner": row.key.to_string(), "text": text, "for": row.assignee, "workflow": row.workflow,
        "journey": row.journey, "opened_at": row.opened_at.to_string(), "opened_by": row.opened_by,
        "due": row.due.map(|due| due.to_string()), "choices": row.choices,
        "ended": row.ended.as_ref().map(|end| json!({
            "at": end.at.to_string(), "by": end.by, "outcome": end.outcome, "note": end.note,
            "hours": end.at.duration_since(row.opened_at).as_secs_f64() / 3600.0,
        })),
    })
}

/// The text with the partner's name and address where it names them.
async fn text(desk: &Desk, row: &TaskRow) -> Result<String, Failure> {
    if !row.text.contains("{{") {
        return Ok(row.text.clone());
    }
    let person = desk.store.person(&row.key).await.doing("reading the partner")?;
    let person: Map<String, Value> =
        person.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    Ok(personal::filled(&row.text, &person, Some(row.key.partner.as_str())))
}

async fn one(desk: &Desk, kind: TaskKind, id: &str) -> Result<TaskRow, Failure> {
    let what = kind.code();
    if id.len() < ID_MIN {
        let failure = Failure::input(format!("`{}` is too short for a {what}'s id", harmless(id)));
        return Err(failure.help("write at least four characters"));
    }
    let query = TaskQuery { id: id.to_owned(), kind: Some(kind), open: false, limit: 2 };
    let mut rows = desk.store.tasks(&query).await.doing("reading what is to be done")?;
    match (rows.pop(), rows.len()) {
        (Some(row), 0) => Ok(row),
        (None, _) => Err(Failure::input(format!("no {what} begins with `{}`", harmless(id)))
            .help(format!("`rapport {what} list` lists them"))),
        _ => Err(Failure::input(format!("several begin with `{}`", harmless(id))).help("write more of the id")),
    }
}

async fn open(
    desk: &Desk,
    partner: &str,
    objective: &str,
    owner: Option<String>,
    due: &str,
    who: &str,
) -> Result<u8, Failure> {
    let key = find(&desk.database, partner).await?;
    let objective = said(objective, "an objective")?;
    let rules = applied(desk).await?;
    let owner = match owner {
        Some(owner) => known_person(&rules, &owner)?,
        None => manager(desk, &key).await?,
    };
    let at = desk.now().await?;
    let due = by_day(&rules, &key, due, at)?;
    let case = NewCase { key: &key, objective: &objective, owner: &owner, due, by: who, at };
    let row = work::open_case(desk.store.as_ref(), desk.shards, &case).await.doing("opening the case")?;
    let id = row.id.get(..12).unwrap_or(&row.id);
    line(format!("{id}  opened for {}, due {}", harmless(&owner), moment(due, &TimeZone::UTC)));
    Ok(exit::OK)
}

async fn end(
    desk: &Desk,
    kind: TaskKind,
    id: &str,
    outcome: Option<String>,
    note: Option<String>,
    who: Option<String>,
) -> Result<u8, Failure> {
    let row = one(desk, kind, id).await?;
    let possible = work::outcomes(&row);
    let outcome = match outcome {
        Some(outcome) if possible.contains(&outcome.as_str()) => outcome,
        None if possible.is_empty() => work::DONE.to_owned(),
        Some(_) if possible.is_empty() => {
            return Err(Failure::input("this task asks nothing").help("leave --choice away"));
        }
        other => {
            let text = other.unwrap_or_default();
            let near = nearest(&text, possible.iter().copied()).map(|near| format!("did you mean `{near}`? "));
            let all = listed(possible.iter().copied(), 12);
            let what =
                if text.is_empty() { "how did it end?".to_owned() } else { format!("no `{}` here", harmless(&text)) };
            return Err(Failure::input(what).help(format!("{}it can be {all}", near.unwrap_or_default())));
        }
    };
    let note = note.map(|note| said(&note, "a note")).transpose()?;
    let at = desk.now().await?;
    let by = who.unwrap_or_else(login_name);
    let ended = TaskEnd { at: at.max(row.opened_at), by, outcome, note };
    let wrote = work::end(desk.store.as_ref(), desk.shards, &row, &ended).await.doing("writing it down")?;
    if !wrote {
        return Err(already(&one(desk, kind, &row.id).await?));
    }
    line(format!("{}: {}; its shard hears of it within a second", row.key, ended.outcome));
    Ok(exit::OK)
}

fn already(row: &TaskRow) -> Failure {
    let told = row
        .ended
        .as_ref()
        .map(|end| format!("it ended {} as {}, by {}", moment(end.at, &TimeZone::UTC), end.outcome, harmless(&end.by)));
    Failure::input(told.unwrap_or_else(|| "it is not open".to_owned()))
}

async fn assign(desk: &Desk, kind: TaskKind, wanted: AssignArguments) -> Result<u8, Failure> {
    let row = one(desk, kind, &wanted.id).await?;
    let rules = applied(desk).await?;
    let at = desk.now().await?;
    let assignee = match &wanted.owner {
        Some(owner) => known_person(&rules, owner)?,
        None => row.assignee.clone(),
    };
    if wanted.due.is_some() && !row.choices.is_empty() {
        return Err(Failure::input("a question's day stays: then its default is taken"));
    }
    let due = match &wanted.due {
        Some(due) => Some(by_day(&rules, &row.key, due, at)?),
        None => row.due,
    };
    let by = wanted.who.unwrap_or_else(login_name);
    if !work::assign(desk.store.as_ref(), &row, &assignee, due, (&by, at)).await.doing("writing it down")? {
        return Err(already(&row));
    }
    let due = due.map(|due| format!(", due {}", moment(due, &TimeZone::UTC))).unwrap_or_default();
    line(format!("{} is for {}{due}", row.id.get(..12).unwrap_or(&row.id), harmless(&assignee)));
    Ok(exit::OK)
}

/// A text of a person, without its margins.
pub(super) fn said(text: &str, what: &str) -> Result<String, Failure> {
    let text = text.trim();
    if text.is_empty() || text.len() > TEXT_MAX {
        return Err(Failure::input(format!("{what} has 1 to {TEXT_MAX} characters")));
    }
    Ok(text.to_owned())
}

pub(super) fn known_person(rules: &Applied, name: &str) -> Result<String, Failure> {
    let senders = || rules.rulebook.config.senders.keys().map(|id| &**id);
    if senders().any(|known| known == name) {
        return Ok(name.to_owned());
    }
    let near = nearest(name, senders()).map(|near| format!("did you mean `{near}`? ")).unwrap_or_default();
    Err(Failure::input(format!("there is no `{}` among the senders", harmless(name)))
        .help(format!("{near}config/rapport.yaml declares {}", listed(senders(), 12))))
}

async fn manager(desk: &Desk, key: &PartnerKey) -> Result<String, Failure> {
    let story = desk.store.story(key).await.doing("reading the partner")?;
    let state = story.map(|story| decoded(&story.partner)).transpose()?;
    let manager = state.and_then(|state| state.profile.manager.get().map(ToString::to_string));
    manager.ok_or_else(|| Failure::input(format!("{key} has no manager")).help("name who answers for it with --owner"))
}

/// A date, an instant, or a length in the programme's working days.
fn by_day(rules: &Applied, key: &PartnerKey, text: &str, now: Timestamp) -> Result<Timestamp, Failure> {
    let config = &rules.rulebook.config;
    let zone = config.program(key.program.as_str()).map_or(TimeZone::UTC, |program| program.zone.clone());
    until(text, now, &zone, &config.calendar)
}
